// SPDX-License-Identifier: GPL-2.0-only
/*
 * Endpoint-independent mapping and filtering (RFC 4787 REQ-1, REQ-8), by gateway and by rule: one
 * external endpoint for all that a client's UDP port talks to, and for nobody else.
 */
#include "race.h"
#include "talk.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdint.h>
#include <string.h>

#include <bpf/bpf.h>
#include <cmocka.h>

#define MAPPED NATGW_MAPPING_ENDPOINT_INDEPENDENT
#define OPEN (NATGW_MAPPING_ENDPOINT_INDEPENDENT | NATGW_FILTERING_ENDPOINT_INDEPENDENT)
/* A mapping hears of a packet this late at the most, and lives as much longer. */
#define SLACK_S 9
#define REPLIED_S 300

static void use_mapping(__u8 mapping, __u32 ports)
{
	struct natgw_gateway gateway = bench_gateway();

	bench_range(&gateway, EXT_PORT, ports, 0);
	gateway.mapping = mapping;
	bench_set_gateway(walk.bench, &gateway);
}

/* For CLIENT_B only; others are as usual. */
static void use_rule(__u8 mapping, __u16 first, __u16 last)
{
	struct natgw_gateway gateway = bench_gateway();
	struct natgw_rule rule = { .src = CLIENT_B,
				   .src_mask = 0xffffffff,
				   .proto = PROTO_UDP,
				   .port_first = first,
				   .port_last = last,
				   .mapping = mapping,
				   .used = 1 };

	memcpy(rule.timeout, gateway.timeout, sizeof(rule.timeout));
	bench_set_rules(walk.bench, &rule, 1);
}

static struct talk udp_to(__be32 client, __be32 remote, __u16 remote_port)
{
	struct talk talk = talk_new(PROTO_UDP);

	talk.client = client;
	talk.remote = remote;
	talk.remote_port = remote_port;
	return talk;
}

static void require_counts(__u32 sessions, __u32 mappings)
{
	assert_int_equal(gateway_use_of(walk.bench).sessions, sessions + mappings);
	assert_int_equal(gateway_use_of(walk.bench).mappings, mappings);
	assert_int_equal(table_count(walk.bench->inbound), sessions + mappings);
	assert_int_equal(table_count(walk.bench->outbound), sessions + mappings);
}

static void require_conflicts(__u64 count)
{
	assert_int_equal(walk_counted(NATGW_DROP_EIM_CONFLICT), count);
	assert_int_equal(walk_traffic()->alloc_errors[NATGW_PROTO_UDP][NATGW_ALLOC_EIM_CONFLICT],
			 count);
}

/* ---- one endpoint for all ---- */

static void test_one_port_for_all_destinations(void **state)
{
	struct talk one = udp_to(CLIENT, REMOTE, 80);
	__u16 port;

	(void)state;
	use_mapping(MAPPED, 1000);
	talk_open(&one);
	port = one.port;
	require_counts(1, 1);
	for (__u16 i = 1; i <= 50; i++) {
		struct talk other = udp_to(CLIENT, i & 1 ? REMOTE_B : REMOTE, (__u16)(80 + i));

		talk_open(&other);
		assert_int_equal(other.port, port);
		assert_int_equal(other.eip, one.eip);
	}
	require_counts(51, 1);
	assert_int_equal(client_of(walk.bench, CLIENT).sessions, 52);
	assert_int_equal(walk_traffic()->created[NATGW_PROTO_UDP], 51);
	/* Another port of the client, and another client, have theirs. */
	one.client_port++;
	talk_open(&one);
	assert_int_not_equal(one.port, port);
	one = udp_to(CLIENT_B, REMOTE, 80);
	talk_open(&one);
	assert_int_not_equal(one.port, port);
	require_counts(53, 3);
}

static void test_tcp_and_icmp_as_usual(void **state)
{
	struct talk talk = talk_new(PROTO_TCP);

	(void)state;
	use_mapping(OPEN, 1);
	talk_open(&talk);
	talk = talk_new(PROTO_ICMP);
	talk_open(&talk);
	require_counts(2, 0);
	talk = talk_new(PROTO_TCP);
	talk.client = CLIENT_B;
	talk.remote = REMOTE_B;
	talk_open(&talk);
	require_counts(3, 0);
}

/* ---- who may send to it ---- */

static struct talk stranger_to(const struct talk *talk)
{
	struct talk stranger = *talk;

	stranger.remote = IP(198, 51, 102, 9);
	stranger.remote_port = 7777;
	return stranger;
}

static void test_filter(void **state)
{
	struct talk talk = udp_to(CLIENT, REMOTE, 80), stranger;

	(void)state;
	use_mapping(MAPPED, 1000);
	talk_open(&talk);
	stranger = stranger_to(&talk);
	assert_false(talk_receive(&stranger, 0, 10));
	assert_int_equal(walk_counted(NATGW_DROP_NO_SESSION), 1);
	/* Until the client has asked it. */
	assert_true(talk_send(&stranger, 0, 10));
	assert_int_equal(stranger.port, talk.port);
	assert_true(talk_receive(&stranger, 0, 10));
	require_counts(2, 1);
}

static void test_open_filter(void **state)
{
	struct talk talk = udp_to(CLIENT, REMOTE, 80), stranger;

	(void)state;
	use_mapping(OPEN, 1000);
	talk_open(&talk);
	stranger = stranger_to(&talk);
	assert_true(talk_receive(&stranger, 0, 10));
	assert_true(talk_receive(&stranger, 0, 10));
	/* Only the client makes sessions. */
	require_counts(1, 1);
	assert_true(talk_send(&stranger, 0, 10));
	assert_int_equal(stranger.port, talk.port);
	require_counts(2, 1);
	assert_true(talk_receive(&stranger, 0, 10));
	/* No other port, and nothing but UDP. */
	stranger.port++;
	assert_false(talk_receive(&stranger, 0, 10));
	stranger.port--;
	stranger.proto = PROTO_TCP;
	stranger.remote_port++;
	assert_false(talk_receive(&stranger, SYN, 0));
	assert_int_equal(walk_counted(NATGW_DROP_NO_SESSION), 2);
}

/* ---- conflicts ---- */

/* A port that some session has cannot be one client's alone. */
static void test_no_unused_port(void **state)
{
	struct talk usual = udp_to(CLIENT, REMOTE, 80), mapped = udp_to(CLIENT_B, REMOTE_B, 80);

	(void)state;
	use_mapping(0, 1);
	use_rule(MAPPED, 0, 65535);
	talk_open(&usual);
	assert_int_equal(talk_begin(&mapped), 0);
	require_conflicts(1);
	require_counts(1, 0);
	/* And the same port goes on to serve other destinations. */
	usual.remote = REMOTE_B;
	talk_open(&usual);
	assert_int_equal(client_of(walk.bench, CLIENT_B).sessions, 0);
	assert_int_equal(client_of(walk.bench, CLIENT_B).errors[NATGW_ALLOC_EIM_CONFLICT], 1);
}

/* A port that is one client's alone is not used for other destinations of others. */
static void test_mapped_port_is_not_shared(void **state)
{
	struct talk usual = udp_to(CLIENT, REMOTE, 80), mapped = udp_to(CLIENT_B, REMOTE_B, 80);

	(void)state;
	use_mapping(0, 1);
	use_rule(MAPPED, 0, 65535);
	talk_open(&mapped);
	assert_int_equal(talk_begin(&usual), 0);
	require_conflicts(1);
	require_counts(1, 1);
	use_mapping(0, 2);
	talk_open(&usual);
	assert_int_equal(usual.port, mapped.port == EXT_PORT ? EXT_PORT + 1 : EXT_PORT);
}

/* All others keep off a mapped port while they fill a destination up. */
static void test_filling_around_mappings(void **state)
{
	struct talk mapped = udp_to(CLIENT_B, REMOTE_B, 80);
	__u16 ports[10];
	__u32 opened = 0;

	(void)state;
	use_mapping(0, 300);
	use_rule(MAPPED, 0, 65535);
	for (__u16 i = 0; i < 10; i++) {
		mapped.client_port = (__u16)(3000 + i);
		ports[i] = talk_begin(&mapped);
		assert_true(ports[i] > 0);
	}
	for (__u16 i = 0; i < 300; i++) {
		struct talk usual = udp_to(CLIENT, REMOTE, 80);
		__u16 port;

		usual.client_port = (__u16)(5000 + i);
		port = talk_begin(&usual);
		opened += port > 0;
		for (int k = 0; k < 10; k++) {
			assert_int_not_equal(port, ports[k]);
		}
	}
	assert_int_equal(opened, 290);
	/* The ports are gone: to sessions most of them, some to mappings. */
	assert_int_equal(walk_counted(NATGW_DROP_EIM_CONFLICT) +
				 walk_counted(NATGW_DROP_PORT_EXHAUSTED),
			 10);
	assert_true(walk_counted(NATGW_DROP_PORT_EXHAUSTED) > 0);
}

/* ---- how long it lives ---- */

static __u64 mapping_generation(void)
{
	struct pair pair = { .proto = PROTO_UDP, .int_addr = CLIENT, .int_port = INT_PORT };
	struct natgw_session row;

	assert_true(pair_outbound(walk.bench, &pair, &row));
	assert_int_equal(row_state(&row), NATGW_STATE_MAPPING);
	return row_generation(&row);
}

/* As long as any of its sessions is used, and then as long as they. */
static void test_expiry(void **state)
{
	struct talk one = udp_to(CLIENT, REMOTE, 80), other = udp_to(CLIENT, REMOTE_B, 80);
	__u64 generation;

	(void)state;
	use_mapping(MAPPED, 1000);
	talk_open(&one);
	generation = mapping_generation();
	for (int i = 0; i < 10; i++) {
		walk_seconds(REPLIED_S - 1);
		bench_sweep(walk.bench);
		assert_true(talk_send(&one, 0, 10));
	}
	walk_seconds(REPLIED_S - 1);
	bench_sweep(walk.bench);
	talk_open(&other);
	assert_int_equal(other.port, one.port);
	assert_int_equal(mapping_generation(), generation);
	walk_seconds(REPLIED_S + 2 * SLACK_S);
	talk_open(&other);
	assert_int_not_equal(mapping_generation(), generation);
	walk_seconds(REPLIED_S + 45 + 2 * SLACK_S);
	bench_sweep(walk.bench);
	require_counts(0, 0);
	assert_int_equal(client_of(walk.bench, CLIENT).sessions, 0);
}

/* A mapping that nobody uses is gone for strangers too. */
static void test_expiry_of_an_open_filter(void **state)
{
	struct talk talk = udp_to(CLIENT, REMOTE, 80), stranger;

	(void)state;
	use_mapping(OPEN, 1000);
	talk_open(&talk);
	stranger = stranger_to(&talk);
	for (int i = 0; i < 3; i++) {
		walk_seconds(REPLIED_S - 1);
		assert_true(talk_receive(&stranger, 0, 10));
	}
	walk_seconds(REPLIED_S + SLACK_S + 1);
	assert_false(talk_receive(&stranger, 0, 10));
}

/* An EIP that is taken out keeps its sessions for a while, but nothing new begins there. */
static void test_draining(void **state)
{
	struct natgw_address address = { .kind = NATGW_ADDRESS_EIP, .gateway = 1, .draining = 1 };
	struct natgw_pool_row pool = { .addr = EIP_B, .eip = 1 };
	struct talk one = udp_to(CLIENT, REMOTE, 80), other = udp_to(CLIENT, REMOTE_B, 80);
	__u32 first = NATGW_POOL_ROWS_PER_GATEWAY;
	__be32 eip = EIP;

	(void)state;
	use_mapping(MAPPED, 1000);
	talk_open(&one);
	assert_int_equal(one.eip, EIP);
	address.drain_until = bench_now(walk.bench) + 100 * NATGW_TICKS_PER_SECOND;
	bpf_map_update_elem(walk.bench->addresses, &eip, &address, BPF_ANY);
	bpf_map_update_elem(walk.bench->pool, &first, &pool, BPF_ANY);
	bench_sweep(walk.bench);
	require_counts(1, 0);
	assert_true(talk_send(&one, 0, 10));
	assert_true(talk_receive(&one, 0, 10));
	talk_open(&other);
	assert_int_equal(other.eip, EIP_B);
	walk_seconds(101);
	assert_false(talk_receive(&one, 0, 10));
	assert_int_equal(walk_counted(NATGW_DROP_DRAIN_EXPIRED), 1);
	bench_sweep(walk.bench);
	require_counts(1, 1);
	assert_int_equal(walk_traffic()->closed[NATGW_PROTO_UDP][NATGW_CLOSE_DRAIN], 1);
	assert_true(talk_receive(&other, 0, 10));
}

/* ---- rules and quotas ---- */

static void test_rule(void **state)
{
	struct talk one = udp_to(CLIENT_B, REMOTE, 3478), other = udp_to(CLIENT_B, REMOTE_B, 3479);
	struct talk usual = udp_to(CLIENT_B, REMOTE, 53), stranger;

	(void)state;
	use_rule(OPEN, 3478, 3479);
	talk_open(&one);
	talk_open(&other);
	assert_int_equal(other.port, one.port);
	stranger = stranger_to(&one);
	assert_true(talk_receive(&stranger, 0, 10));
	talk_open(&usual);
	assert_int_not_equal(usual.port, one.port);
	stranger = stranger_to(&usual);
	assert_false(talk_receive(&stranger, 0, 10));
	usual = udp_to(CLIENT, REMOTE, 3478);
	talk_open(&usual);
	require_counts(4, 1);
}

/* A mapping counts as a session; where there is room for it alone it is left to expire. */
static void test_quota(void **state)
{
	struct natgw_gateway gateway = bench_gateway();
	struct talk talk = udp_to(CLIENT, REMOTE, 80);

	(void)state;
	gateway.mapping = MAPPED;
	gateway.client_sessions_max = 3;
	bench_set_gateway(walk.bench, &gateway);
	talk_open(&talk);
	talk.remote = REMOTE_B;
	talk_open(&talk);
	talk.remote_port++;
	assert_int_equal(talk_begin(&talk), 0);
	talk.client_port++;
	assert_int_equal(talk_begin(&talk), 0);
	assert_int_equal(walk_counted(NATGW_DROP_CLIENT_QUOTA), 2);
	require_counts(2, 1);
}

/* ---- two CPUs ---- */

struct contest {
	struct frame in[2];
	struct bench_run run[2];
	unsigned int differ, lost;
};

static void race_before(struct race *race, unsigned int round)
{
	struct contest *data = race->data;

	for (int i = 0; i < 2; i++) {
		struct talk talk = udp_to(CLIENT, i ? REMOTE : REMOTE_B, 80);
		struct spec spec;

		talk.client_port = (__u16)(1024 + round);
		spec = talk_outbound(&talk, 0, 8);
		frame_build(&spec, &data->in[i]);
		memset(&data->run[i], 0, sizeof(data->run[i]));
		data->run[i].prog = walk.hooks->internal;
	}
}

static void race_turn_0(struct race *race, unsigned int round)
{
	struct contest *data = race->data;

	(void)round;
	bench_run(race->bench, &data->in[0], &data->run[0]);
}

static void race_turn_1(struct race *race, unsigned int round)
{
	struct contest *data = race->data;

	(void)round;
	bench_run(race->bench, &data->in[1], &data->run[1]);
}

static void race_after(struct race *race, unsigned int round)
{
	struct contest *data = race->data;

	(void)round;
	for (int i = 0; i < 2; i++) {
		data->lost += data->run[i].retval != walk.hooks->forwarded;
	}
	data->differ += memcmp(data->run[0].out.data + 26, data->run[1].out.data + 26, 4) != 0 ||
			frame_get16(&data->run[0].out, 34) != frame_get16(&data->run[1].out, 34);
}

/* The client's first packets to two destinations at once: one mapping, both by its port. */
static void test_race(void **state)
{
	struct contest *data = test_calloc(1, sizeof(*data));
	struct race race = {
		.bench = walk.bench,
		.rounds = 600,
		.before = race_before,
		.after = race_after,
		.turn = { race_turn_0, race_turn_1 },
		.data = data,
	};

	(void)state;
	use_mapping(MAPPED, NATGW_PORT_LAST - EXT_PORT + 1);
	race_run(&race);
	assert_int_equal(data->lost, 0);
	assert_int_equal(data->differ, 0);
	require_counts(1200, 600);
	assert_true(race.met > 0);
	test_free(data);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		WALK_TEST(test_one_port_for_all_destinations),
		WALK_TEST(test_tcp_and_icmp_as_usual),
		WALK_TEST(test_filter),
		WALK_TEST(test_open_filter),
		WALK_TEST(test_no_unused_port),
		WALK_TEST(test_mapped_port_is_not_shared),
		WALK_TEST(test_filling_around_mappings),
		WALK_TEST(test_expiry),
		WALK_TEST(test_expiry_of_an_open_filter),
		WALK_TEST(test_draining),
		WALK_TEST(test_rule),
		WALK_TEST(test_quota),
		WALK_TEST(test_race),
	};
	int failed;

	walk.bench = bench_open(4096);
	failed = cmocka_run_group_tests_name("mapping", tests, NULL, NULL);
	bench_close(walk.bench);
	return failed;
}
