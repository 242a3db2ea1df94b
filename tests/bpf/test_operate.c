// SPDX-License-Identifier: GPL-2.0-only
/*
 * What operators ask of the programs: the session log tells of every session once when it is made
 * and once when it is gone; drops are sampled while somebody asks; sessions end by request; those
 * of another NAT are taken over; the dry run says by which rows it decided; a blocked gateway lets
 * nothing through and one that is being deleted nothing new.
 */
#include "flood.h"
#include "operate.h"
#include "tables.h"
#include "talk.h"
#include "walk.h"

#include <arpa/inet.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdint.h>
#include <string.h>

#include <bpf/bpf.h>
#include <cmocka.h>

#define RECORDS 64

static struct natgw_log_record records[RECORDS];
static struct natgw_sample samples[RECORDS];

static int setup(void **state)
{
	int failed = walk_setup(state);

	operate_sample(walk.bench, 0);
	(void)operate_log(walk.bench, NULL, 0);
	(void)operate_samples(walk.bench, NULL, 0);
	return failed;
}

#define OPERATE_TEST(function)                                              \
	{ #function " (xdp)", function, setup, walk_teardown, &walk_xdp },  \
	{                                                                   \
#function " (tc)", function, setup, walk_teardown, &walk_tc \
	}

static __u64 generated(enum natgw_generated which)
{
	struct counters now;

	counters_read(walk.bench, &now);
	return now.generated[which] - walk.before.generated[which];
}

/* ---- the session log ---- */

static void require_tuple(const struct natgw_log_record *record, const struct talk *talk)
{
	assert_int_equal(record->client, talk->client);
	assert_int_equal(record->client_port, htons(talk->client_port));
	assert_int_equal(record->ext_addr, talk->eip);
	assert_int_equal(record->ext_port, htons(talk->port));
	assert_int_equal(record->rem_addr, talk->remote);
	assert_int_equal(record->rem_port, htons(talk->remote_port));
	assert_int_equal(record->orig_port, htons(talk->remote_port));
	assert_int_equal(record->proto, talk->proto);
	assert_int_equal(record->gateway, 1);
}

static void test_nothing_is_logged_unasked(void **state)
{
	struct talk talk = talk_new(PROTO_UDP);

	(void)state;
	talk_open(&talk);
	walk_seconds(1000);
	bench_sweep(walk.bench);
	assert_int_equal(table_count(walk.bench->inbound), 0);
	assert_int_equal(operate_log(walk.bench, records, RECORDS), 0);
	assert_int_equal(generated(NATGW_GENERATED_LOG), 0);
}

static void test_a_session_is_logged_twice(void **state)
{
	static const __u8 protos[] = { PROTO_TCP, PROTO_UDP, PROTO_ICMP };

	(void)state;
	bench_set_features(walk.bench, NATGW_FEATURE_LOG);
	for (size_t i = 0; i < sizeof(protos); i++) {
		struct talk talk = talk_new(protos[i]);
		__u32 id;

		talk_open(&talk);
		assert_int_equal(operate_log(walk.bench, records, RECORDS), 1);
		assert_int_equal(records[0].kind, NATGW_LOG_CREATED);
		require_tuple(&records[0], &talk);
		id = records[0].id;
		walk_seconds(1000);
		bench_sweep(walk.bench);
		assert_int_equal(operate_log(walk.bench, records, RECORDS), 1);
		assert_int_equal(records[0].kind, NATGW_LOG_CLOSED);
		assert_int_equal(records[0].cause, NATGW_CLOSE_IDLE);
		require_tuple(&records[0], &talk);
		assert_int_equal(records[0].id, id);
		assert_true(records[0].packets_out > 0 && records[0].packets_in > 0);
		assert_true(records[0].bytes_out >= 28 && records[0].bytes_in >= 28);
	}
	assert_int_equal(generated(NATGW_GENERATED_LOG), 6);
	assert_int_equal(generated(NATGW_GENERATED_LOG_LOST), 0);
}

/* A row that is taken over in place was a session, too. */
static void test_a_session_that_is_taken_over_is_logged(void **state)
{
	struct natgw_gateway gateway = bench_gateway();
	struct talk first = talk_new(PROTO_UDP), next = talk_new(PROTO_UDP);
	__u32 id;

	(void)state;
	bench_range(&gateway, 5000, 1, 0);
	bench_set_gateway(walk.bench, &gateway);
	bench_set_features(walk.bench, NATGW_FEATURE_LOG);
	talk_open(&first);
	assert_int_equal(operate_log(walk.bench, records, RECORDS), 1);
	id = records[0].id;
	walk_seconds(1000);
	next.client_port++;
	talk_open(&next);
	assert_int_equal(next.port, first.port);
	assert_int_equal(operate_log(walk.bench, records, RECORDS), 2);
	assert_int_equal(records[0].kind, NATGW_LOG_CLOSED);
	assert_int_equal(records[0].id, id);
	require_tuple(&records[0], &first);
	assert_int_equal(records[0].packets_out, 1);
	assert_int_equal(records[0].packets_in, 1);
	assert_int_equal(records[1].kind, NATGW_LOG_CREATED);
	require_tuple(&records[1], &next);
	/* Its bytes stay the client's. */
	struct natgw_client client = client_of(walk.bench, CLIENT);

	assert_int_equal(client.bytes[NATGW_OUTBOUND], records[0].bytes_out);
	assert_int_equal(client.bytes[NATGW_INBOUND], records[0].bytes_in);
}

/* What finds no room in the ring is counted: records and lost ones are all there were. */
static void test_what_is_lost_is_counted(void **state)
{
	enum { SESSIONS = 12000, TIMES = 8 };
	struct natgw_gateway gateway = bench_gateway();

	(void)state;
	gateway.client_opening_max = 0;
	bench_set_gateway(walk.bench, &gateway);
	bench_set_features(walk.bench, NATGW_FEATURE_LOG);
	for (__u32 round = 0; round < TIMES; round++) {
		for (__u32 i = 0; i < SESSIONS; i++) {
			struct flood_flow flow = flood_flow(PROTO_UDP, REMOTE, 53, i + 1);

			assert_true(flood_open(walk.bench, walk.hooks->internal, &flow).port);
		}
		walk_seconds(1000);
		bench_sweep(walk.bench);
	}
	assert_true(generated(NATGW_GENERATED_LOG_LOST) > 0);
	assert_int_equal(generated(NATGW_GENERATED_LOG) + generated(NATGW_GENERATED_LOG_LOST),
			 2 * SESSIONS * TIMES);
	assert_int_equal(operate_log(walk.bench, NULL, 0), generated(NATGW_GENERATED_LOG));
}

/* ---- samples ---- */

static void test_samples_of_drops(void **state)
{
	struct spec spec = walk_inbound(PROTO_UDP, 0, EXT_PORT);
	struct frame in;

	(void)state;
	spec.payload = 400;
	frame_build(&spec, &in);
	assert_false(walk_receive(&spec));
	assert_int_equal(operate_samples(walk.bench, samples, RECORDS), 0);
	operate_sample(walk.bench, NATGW_DROP_ACL);
	assert_false(walk_receive(&spec));
	assert_int_equal(operate_samples(walk.bench, samples, RECORDS), 0);
	operate_sample(walk.bench, NATGW_DROP_NO_SESSION);
	assert_false(walk_receive(&spec));
	assert_int_equal(operate_samples(walk.bench, samples, RECORDS), 1);
	assert_int_equal(samples[0].verdict, NATGW_DROP_NO_SESSION);
	assert_int_equal(samples[0].direction, NATGW_INBOUND);
	assert_int_equal(samples[0].gateway, 1);
	assert_int_equal(samples[0].ifindex, walk.bench->ext_ifindex);
	assert_int_equal(samples[0].length, in.len);
	assert_int_equal(samples[0].captured, NATGW_SAMPLE_BYTES);
	assert_memory_equal(samples[0].data, in.data, NATGW_SAMPLE_BYTES);
	spec.payload = 2;
	assert_false(walk_receive(&spec));
	assert_int_equal(operate_samples(walk.bench, samples, RECORDS), 1);
	assert_true(samples[0].captured >= 44 && samples[0].captured < NATGW_SAMPLE_BYTES);
	assert_int_equal(samples[0].captured, samples[0].length);
}

/* A packet whose sender is answered is sampled as it came, by tc, which answers. */
static void test_samples_of_answered_drops(void **state)
{
	struct natgw_gateway gateway = bench_gateway();
	struct spec spec = walk_outbound(PROTO_TCP, ACK);
	const __u32 wanted = walk.hooks == &walk_tc;
	struct frame in;

	(void)state;
	gateway.no_session = NATGW_NO_SESSION_RST_INTERNAL;
	bench_set_gateway(walk.bench, &gateway);
	spec.payload = 20;
	frame_build(&spec, &in);
	operate_sample(walk.bench, NATGW_DROP_TCP_NO_SYN);
	assert_false(walk_send(&spec));
	assert_int_equal(walk.answered, wanted);
	assert_int_equal(operate_samples(walk.bench, samples, RECORDS), wanted);
	if (wanted) {
		assert_int_equal(samples[0].length, in.len);
		assert_memory_equal(samples[0].data, in.data, in.len);
	}
	operate_sample(walk.bench, NATGW_DROP_TTL_EXPIRED);
	spec = walk_outbound(PROTO_UDP, 0);
	spec.ttl = 1;
	assert_false(walk_send(&spec));
	assert_int_equal(operate_samples(walk.bench, samples, RECORDS), wanted);
}

static void test_samples_have_a_limit(void **state)
{
	enum { DROPS = NATGW_SAMPLE_BURST * 2 };
	struct spec spec = walk_inbound(PROTO_UDP, 0, EXT_PORT);

	(void)state;
	walk_seconds(1000);
	operate_sample(walk.bench, NATGW_DROP_NO_SESSION);
	for (int i = 0; i < DROPS; i++) {
		assert_false(walk_receive(&spec));
	}
	assert_int_equal(operate_samples(walk.bench, NULL, 0), generated(NATGW_GENERATED_SAMPLE));
	assert_int_equal(generated(NATGW_GENERATED_SAMPLE) + generated(NATGW_GENERATED_SAMPLE_LOST),
			 DROPS);
	assert_true(generated(NATGW_GENERATED_SAMPLE) >= NATGW_SAMPLE_BURST);
}

/* ---- the end by request ---- */

static void open_several(struct talk *talks)
{
	static const struct {
		__u8 proto;
		__be32 client, remote;
	} of[] = {
		{ PROTO_TCP, CLIENT, REMOTE },	  { PROTO_UDP, CLIENT, REMOTE },
		{ PROTO_UDP, CLIENT_B, REMOTE },  { PROTO_UDP, CLIENT_B, REMOTE_B },
		{ PROTO_ICMP, CLIENT, REMOTE_B },
	};

	for (size_t i = 0; i < sizeof(of) / sizeof(of[0]); i++) {
		talks[i] = talk_new(of[i].proto);
		talks[i].client = of[i].client;
		talks[i].remote = of[i].remote;
		talk_open(&talks[i]);
	}
}

static __u64 count_matches(struct natgw_kill kill)
{
	kill.dry = 1;
	operate_kill(walk.bench, &kill);
	assert_int_equal(kill.killed, 0);
	return kill.matched;
}

static void test_which_sessions_match(void **state)
{
	struct talk talks[5];

	(void)state;
	open_several(talks);
	assert_int_equal(count_matches((struct natgw_kill){ 0 }), 5);
	assert_int_equal(count_matches((struct natgw_kill){ .proto = PROTO_UDP }), 3);
	assert_int_equal(count_matches((struct natgw_kill){ .client = CLIENT, .client_mask = ~0U }),
			 3);
	assert_int_equal(count_matches((struct natgw_kill){ .client = CLIENT & htonl(0xffffff00),
							    .client_mask = htonl(0xffffff00) }),
			 5);
	assert_int_equal(
		count_matches((struct natgw_kill){ .rem_addr = REMOTE_B, .rem_mask = ~0U }), 2);
	assert_int_equal(count_matches((struct natgw_kill){ .ext_addr = EIP }), 5);
	assert_int_equal(count_matches((struct natgw_kill){ .ext_addr = EIP_B }), 0);
	assert_int_equal(count_matches((struct natgw_kill){ .ext_port = htons(talks[1].port),
							    .proto = PROTO_UDP,
							    .client = CLIENT,
							    .client_mask = ~0U }),
			 1);
	assert_int_equal(count_matches((struct natgw_kill){ .gateway = 1 }), 5);
	assert_int_equal(count_matches((struct natgw_kill){ .gateway = 2 }), 0);
	assert_int_equal(count_matches((struct natgw_kill){ .state = NATGW_STATE_OPENING }), 0);
	assert_int_equal(count_matches((struct natgw_kill){ .idle = 5 * NATGW_TICKS_PER_SECOND }),
			 0);
	walk_seconds(10);
	assert_true(talk_send(&talks[0], ACK, 10));
	assert_int_equal(count_matches((struct natgw_kill){ .idle = 5 * NATGW_TICKS_PER_SECOND }),
			 4);
}

static void test_sessions_end_by_request(void **state)
{
	struct natgw_kill kill = { .client = CLIENT, .client_mask = ~0U };
	struct talk talks[5];

	(void)state;
	bench_set_features(walk.bench, NATGW_FEATURE_LOG);
	open_several(talks);
	(void)operate_log(walk.bench, NULL, 0);
	operate_kill(walk.bench, &kill);
	assert_int_equal(kill.matched, 3);
	assert_int_equal(kill.killed, 3);
	assert_int_equal(operate_log(walk.bench, records, RECORDS), 3);
	assert_int_equal(records[0].cause, NATGW_CLOSE_KILLED);
	assert_int_equal(table_count(walk.bench->inbound), 2);
	assert_int_equal(table_count(walk.bench->outbound), 2);
	assert_int_equal(walk_traffic()->closed[NATGW_PROTO_TCP][NATGW_CLOSE_KILLED], 1);
	assert_int_equal(walk_traffic()->closed[NATGW_PROTO_UDP][NATGW_CLOSE_KILLED], 1);
	assert_int_equal(client_of(walk.bench, CLIENT).sessions, 0);
	assert_false(talk_send(&talks[0], ACK, 10));
	assert_false(talk_receive(&talks[1], 0, 10));
	assert_true(talk_send(&talks[2], 0, 10));
	assert_true(talk_receive(&talks[3], 0, 10));
	walk_judge(0);
}

/* ---- taken over ---- */

static struct natgw_import import_of(const struct talk *talk, bool established)
{
	return (struct natgw_import){
		.client = talk->client,
		.rem_addr = talk->remote,
		.ext_addr = EIP,
		.client_port = htons(talk->client_port),
		.rem_port = htons(talk->remote_port),
		.ext_port = htons(talk->port),
		.proto = talk->proto,
		.established = established,
	};
}

static void test_a_session_is_taken_over(void **state)
{
	static const __u8 protos[] = { PROTO_TCP, PROTO_UDP, PROTO_ICMP };

	(void)state;
	bench_set_features(walk.bench, NATGW_FEATURE_LOG);
	for (size_t i = 0; i < sizeof(protos); i++) {
		struct talk talk = talk_new(protos[i]);
		struct natgw_import import;
		__u16 port = (__u16)(EXT_PORT + i);

		talk.port = port;
		talk.eip = EIP;
		import = import_of(&talk, true);
		operate_import(walk.bench, &import);
		assert_int_equal(import.verdict, NATGW_OK);
		assert_int_equal(operate_log(walk.bench, records, RECORDS), 1);
		require_tuple(&records[0], &talk);
		talk_require(&talk, NATGW_STATE_ESTABLISHED,
			     NATGW_SEEN_REPLY | NATGW_SEEN_HANDSHAKE);
		assert_true(talk_send(&talk, ACK, 10));
		assert_int_equal(talk.port, port);
		assert_true(talk_receive(&talk, ACK, 10));
		operate_import(walk.bench, &import);
		assert_int_not_equal(import.verdict, NATGW_OK);
	}
	assert_int_equal(client_of(walk.bench, CLIENT).sessions, 3);
	assert_int_equal(client_of(walk.bench, CLIENT).opening, 0);
	walk_judge(0);
	bench_audit(walk.bench);
}

static void test_what_is_not_taken_over(void **state)
{
	struct talk talk = talk_new(PROTO_UDP);
	struct natgw_import import;

	(void)state;
	talk.port = EXT_PORT;
	import = import_of(&talk, true);
	import.ext_addr = REMOTE;
	operate_import(walk.bench, &import);
	assert_int_equal(import.verdict, NATGW_DROP_GATEWAY_NOT_AVAILABLE);
	import = import_of(&talk, true);
	import.client = REMOTE_B;
	operate_import(walk.bench, &import);
	assert_int_equal(import.verdict, NATGW_DROP_SOURCE_NOT_ALLOWED);
	import = import_of(&talk, true);
	import.proto = 47;
	operate_import(walk.bench, &import);
	assert_int_equal(import.verdict, NATGW_DROP_PROTO);
	import = import_of(&talk, true);
	import.ext_port = htons(1023);
	operate_import(walk.bench, &import);
	assert_int_equal(import.verdict, NATGW_DROP_PORT_EXHAUSTED);
	assert_int_equal(table_count(walk.bench->inbound), 0);
	assert_int_equal(client_of(walk.bench, CLIENT).sessions, 0);
	/* Another client's by now. */
	import = import_of(&talk, false);
	operate_import(walk.bench, &import);
	assert_int_equal(import.verdict, NATGW_OK);
	import.client = CLIENT_B;
	operate_import(walk.bench, &import);
	assert_int_equal(import.verdict, NATGW_DROP_EIM_CONFLICT);
	assert_int_equal(client_of(walk.bench, CLIENT_B).sessions, 0);
	walk_judge(0);
}

/* ---- the dry run ---- */

static struct natgw_check_result check(const struct spec *spec)
{
	struct frame in;

	frame_build(spec, &in);
	return operate_check(walk.bench, &in, walk.bench->int_ifindex);
}

static void test_what_the_dry_run_has_met(void **state)
{
	struct spec spec = walk_outbound(PROTO_TCP, SYN);
	struct natgw_check_result result;
	struct talk talk = talk_new(PROTO_TCP);

	(void)state;
	result = check(&spec);
	assert_int_equal(result.verdict, NATGW_TRANSLATED);
	assert_int_equal(result.direction, NATGW_OUTBOUND);
	assert_int_equal(result.gateway, 1);
	assert_int_equal(result.met, NATGW_CHECK_SUBNET | NATGW_CHECK_ROUTE | NATGW_CHECK_RULES |
					     NATGW_CHECK_NEXTHOP);
	assert_int_equal(result.table, 1);
	assert_int_equal(result.route.target, NATGW_TARGET_GATEWAY);
	assert_int_equal(result.route.gateway, 1);
	assert_int_equal(result.out_ifindex, walk.bench->ext_ifindex);
	assert_int_equal(result.mtu, BENCH_MTU);
	assert_memory_equal(result.dmac, mac_router, sizeof(mac_router));
	assert_int_equal(table_count(walk.bench->inbound), 0);
	talk_open(&talk);
	result = check(&spec);
	assert_true(result.met & NATGW_CHECK_SESSION);
	assert_int_equal(result.state, NATGW_STATE_ESTABLISHED);
	assert_int_equal(result.ext_addr, EIP);
	assert_int_equal(result.ext_port, htons(talk.port));
	spec.src = IP(172, 16, 0, 9);
	assert_int_equal(check(&spec).met & NATGW_CHECK_SUBNET, 0);
	spec.src = CLIENT_NO_ROUTE;
	result = check(&spec);
	assert_int_equal(result.verdict, NATGW_DROP_NO_ROUTE);
	assert_int_equal(result.met, NATGW_CHECK_SUBNET);
	assert_int_equal(result.table, 3);
}

/* ---- gateways that let little or nothing through ---- */

static void test_a_blocked_gateway(void **state)
{
	struct natgw_gateway gateway = bench_gateway();
	struct talk talk = talk_new(PROTO_TCP), next = talk_new(PROTO_UDP);

	(void)state;
	talk_open(&talk);
	gateway.flags |= NATGW_GATEWAY_BLOCKED;
	bench_set_gateway(walk.bench, &gateway);
	assert_false(talk_send(&talk, ACK, 10));
	assert_false(talk_receive(&talk, ACK, 10));
	assert_int_equal(talk_begin(&next), 0);
	assert_int_equal(walk_counted(NATGW_DROP_BLOCKED), 3);
	gateway.flags &= (__u8)~NATGW_GATEWAY_BLOCKED;
	bench_set_gateway(walk.bench, &gateway);
	assert_true(talk_send(&talk, ACK, 10));
	assert_true(talk_receive(&talk, ACK, 10));
	assert_int_not_equal(talk_begin(&next), 0);
}

/* Nor what follows a first fragment from before, nor the kernel's ICMP error about a session. */
static void test_what_is_left_of_a_blocked_gateway(void **state)
{
	struct natgw_gateway gateway = bench_gateway();
	struct talk talk = talk_new(PROTO_UDP);
	struct spec first, later;
	struct spec quote = { .src = REMOTE, .dst = CLIENT, .proto = PROTO_UDP };
	struct spec error = { .smac = mac_ext,
			      .dmac = mac_router,
			      .src = IP(192, 0, 2, 1),
			      .dst = REMOTE,
			      .proto = PROTO_ICMP,
			      .type = 3,
			      .code = 3,
			      .quote = &quote,
			      .quote_l4 = 8 };
	struct bench_run run = { .prog = BENCH_TC_EGR };
	struct frame in;

	(void)state;
	gateway.fragments = 0xff;
	bench_set_gateway(walk.bench, &gateway);
	talk_open(&talk);
	quote.sport = talk.remote_port;
	quote.dport = talk.client_port;
	frame_build(&error, &in);
	bench_run(walk.bench, &in, &run);
	assert_int_equal(run.retval, 0);
	assert_int_equal(frame_src(&run.out), EIP);
	first = talk_inbound(&talk, 0, 40);
	first.id = 77;
	first.frag = 0x2000;
	first.piece = 24;
	assert_true(walk_receive(&first));
	gateway.flags |= NATGW_GATEWAY_BLOCKED;
	bench_set_gateway(walk.bench, &gateway);
	later = first;
	later.frag = 3;
	assert_false(walk_receive(&later));
	assert_int_equal(walk_counted(NATGW_DROP_BLOCKED), 1);
	bench_run(walk.bench, &in, &run);
	assert_int_equal(run.retval, 2);
	assert_int_equal(walk_counted(NATGW_DROP_BLOCKED), 2);
}

static void test_a_gateway_that_is_being_deleted(void **state)
{
	struct natgw_gateway gateway = bench_gateway();
	struct talk talk = talk_new(PROTO_TCP), next = talk_new(PROTO_TCP);

	(void)state;
	next.client_port++;
	talk_open(&talk);
	gateway.state = NATGW_GATEWAY_DELETING;
	bench_set_gateway(walk.bench, &gateway);
	assert_true(talk_send(&talk, ACK, 10));
	assert_true(talk_receive(&talk, ACK, 10));
	assert_int_equal(talk_begin(&next), 0);
	assert_int_equal(walk_counted(NATGW_DROP_GATEWAY_DELETING), 1);
	gateway.state = NATGW_GATEWAY_DELETED;
	bench_set_gateway(walk.bench, &gateway);
	assert_false(talk_send(&talk, ACK, 10));
	assert_int_equal(walk_counted(NATGW_DROP_GATEWAY_NOT_AVAILABLE), 1);
}

/* What is not translated makes no session: it goes on. */
static void test_no_nat_while_it_is_being_deleted(void **state)
{
	struct natgw_gateway gateway = bench_gateway();
	struct natgw_rule rules[2] = {
		{ .kind = NATGW_RULE_NO_NAT,
		  .used = 1,
		  .port_last = 0xffff,
		  .dst = REMOTE,
		  .dst_mask = ~0U },
	};
	struct spec spec = walk_outbound(PROTO_UDP, 0);

	(void)state;
	bench_set_rules(walk.bench, rules, 1);
	bench_set_features(walk.bench, NATGW_FEATURE_NO_NAT);
	gateway.state = NATGW_GATEWAY_DELETING;
	bench_set_gateway(walk.bench, &gateway);
	assert_int_equal(check(&spec).verdict, NATGW_PASS_NOT_NAT);
	spec.dst = REMOTE_B;
	assert_int_equal(check(&spec).verdict, NATGW_DROP_GATEWAY_DELETING);
}

/* ---- the order of rules ---- */

/* The second half of "rule_order" is another list, and a write of the settings turns to it. */
static void test_rules_in_the_second_half(void **state)
{
	struct natgw_rule rules[2] = {
		{ .kind = NATGW_RULE_NO_NAT,
		  .used = 1,
		  .port_last = 0xffff,
		  .dst = REMOTE,
		  .dst_mask = ~0U },
	};
	struct spec spec = walk_outbound(PROTO_UDP, 0);
	struct natgw_settings settings;
	__u32 zero = 0, number = 1, row = NATGW_RULES_HALF;

	(void)state;
	bench_set_rules(walk.bench, rules, 1);
	bench_set_features(walk.bench, NATGW_FEATURE_NO_NAT);
	assert_int_equal(check(&spec).verdict, NATGW_PASS_NOT_NAT);
	assert_int_equal(bpf_map_lookup_elem(walk.bench->settings, &zero, &settings), 0);
	settings.rule_count = NATGW_RULES_SECOND;
	assert_int_equal(bpf_map_update_elem(walk.bench->settings, &zero, &settings, 0), 0);
	assert_int_equal(check(&spec).verdict, NATGW_TRANSLATED);
	assert_int_equal(bpf_map_update_elem(walk.bench->rule_order, &row, &number, 0), 0);
	settings.rule_count = NATGW_RULES_SECOND | 1;
	assert_int_equal(bpf_map_update_elem(walk.bench->settings, &zero, &settings, 0), 0);
	assert_int_equal(check(&spec).verdict, NATGW_PASS_NOT_NAT);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		OPERATE_TEST(test_nothing_is_logged_unasked),
		OPERATE_TEST(test_a_session_is_logged_twice),
		OPERATE_TEST(test_a_session_that_is_taken_over_is_logged),
		OPERATE_TEST(test_what_is_lost_is_counted),
		OPERATE_TEST(test_samples_of_drops),
		OPERATE_TEST(test_samples_of_answered_drops),
		OPERATE_TEST(test_samples_have_a_limit),
		OPERATE_TEST(test_which_sessions_match),
		OPERATE_TEST(test_sessions_end_by_request),
		OPERATE_TEST(test_a_session_is_taken_over),
		OPERATE_TEST(test_what_is_not_taken_over),
		OPERATE_TEST(test_what_the_dry_run_has_met),
		OPERATE_TEST(test_a_blocked_gateway),
		OPERATE_TEST(test_what_is_left_of_a_blocked_gateway),
		OPERATE_TEST(test_a_gateway_that_is_being_deleted),
		OPERATE_TEST(test_no_nat_while_it_is_being_deleted),
		OPERATE_TEST(test_rules_in_the_second_half),
	};
	int failed;

	walk.bench = bench_open(16384);
	failed = cmocka_run_group_tests_name("operate", tests, NULL, NULL);
	bench_close(walk.bench);
	return failed;
}
