// SPDX-License-Identifier: GPL-2.0-only
/*
 * Which rows may speak for themselves (bpf/reference.h): only those whose gateway and session ask
 * for nothing that the short way does not do.
 */
#include "talk.h"
#include "warm.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdint.h>
#include <string.h>

#include <bpf/bpf.h>
#include <cmocka.h>

#define EIP_2 IP(203, 0, 113, 12) /* of gateway 2 */
#define SHORT_S 8		  /* a row counts as just used for longer than that */
#define LONG_S 9

/* ---- what the rows say ---- */

static bool any_fast(const struct session_table *sessions)
{
	static struct table table;
	bool fast = false;

	table_read(sessions, &table);
	for (__u32 i = 0; i < table.count; i++) {
		fast = fast || table.rows[i].row.nexthop & NATGW_REFERENCE_FAST;
	}
	return fast;
}

static void require_fast(bool outbound, bool inbound)
{
	assert_int_equal(any_fast(walk.bench->outbound), outbound);
	assert_int_equal(any_fast(walk.bench->inbound), inbound);
}

/* A session with packets enough of both directions to be warm. */
static struct talk talk_a_while(__u8 proto)
{
	struct talk talk = talk_new(proto);

	talk_open(&talk);
	for (int i = 0; i < 3; i++) {
		assert_true(talk_send(&talk, ACK, 10));
		assert_true(talk_receive(&talk, ACK, 10));
	}
	return talk;
}

/* With gateway 1 like this. */
static void require_by_gateway(const struct natgw_gateway *gateway, __u8 proto, bool outbound,
			       bool inbound)
{
	walk_again();
	bench_set_gateway(walk.bench, gateway);
	talk_a_while(proto);
	require_fast(outbound, inbound);
}

static void require_neither(const struct natgw_gateway *gateway)
{
	require_by_gateway(gateway, PROTO_TCP, false, false);
	require_by_gateway(gateway, PROTO_UDP, false, false);
}

static void require_both(const struct natgw_gateway *gateway)
{
	require_by_gateway(gateway, PROTO_TCP, true, true);
	require_by_gateway(gateway, PROTO_UDP, true, true);
}

/* ---- gateways ---- */

static void test_plain_gateway(void **state)
{
	struct natgw_gateway gateway = bench_gateway();

	(void)state;
	require_both(&gateway);
	require_by_gateway(&gateway, PROTO_ICMP, false, false);
}

/* So high that nothing is dropped. */
static void test_limits(void **state)
{
	struct natgw_gateway gateway;

	(void)state;
	for (int i = 0; i < 4; i++) {
		gateway = bench_gateway();
		gateway.rate.per_packet = i == 0;
		gateway.rate.per_byte = i == 1;
		gateway.client_rate.per_packet = i == 2;
		gateway.client_rate.per_byte = i == 3;
		require_neither(&gateway);
	}
}

static void test_two_stages(void **state)
{
	struct natgw_gateway gateway = bench_gateway();

	(void)state;
	gateway.flags = NATGW_GATEWAY_TWO_STAGE;
	require_neither(&gateway);
	walk_again();
}

/* The time of an inbound row stands still. */
static void test_refresh_outbound(void **state)
{
	struct natgw_gateway gateway = bench_gateway();

	(void)state;
	gateway.flags = NATGW_GATEWAY_REFRESH_OUTBOUND;
	require_by_gateway(&gateway, PROTO_TCP, true, false);
	require_by_gateway(&gateway, PROTO_UDP, true, false);
}

static void test_short_timers(void **state)
{
	static const enum natgw_timer timers[] = {
		NATGW_TIMER_TCP_HALF_OPEN,
		NATGW_TIMER_TCP_ESTABLISHED,
		NATGW_TIMER_UDP_UNREPLIED,
		NATGW_TIMER_UDP_REPLIED,
	};

	(void)state;
	for (int i = 0; i < 4; i++) {
		struct natgw_gateway gateway = bench_gateway();
		bool is_tcp = i < 2;

		gateway.timeout[timers[i]] = LONG_S * NATGW_TICKS_PER_SECOND;
		require_both(&gateway);
		gateway.timeout[timers[i]] = SHORT_S * NATGW_TICKS_PER_SECOND;
		require_by_gateway(&gateway, PROTO_TCP, !is_tcp, !is_tcp);
		require_by_gateway(&gateway, PROTO_UDP, is_tcp, is_tcp);
	}
}

/* A rule's timers count in place of the gateway's. */
static void test_short_timers_of_a_rule(void **state)
{
	struct natgw_gateway gateway = bench_gateway();
	struct natgw_rule rule = { .port_last = 0xffff, .used = 1 };

	(void)state;
	memcpy(rule.timeout, gateway.timeout, sizeof(rule.timeout));
	rule.timeout[NATGW_TIMER_UDP_REPLIED] = SHORT_S * NATGW_TICKS_PER_SECOND;
	bench_set_rules(walk.bench, &rule, 1);
	talk_a_while(PROTO_UDP);
	require_fast(false, false);
	talk_a_while(PROTO_TCP);
	require_fast(true, true);
}

/* What goes to an EIP that was taken out is let in until its time is over. */
static void test_draining(void **state)
{
	struct natgw_address row = { .kind = NATGW_ADDRESS_EIP, .gateway = 1, .draining = 1 };
	struct talk talk = talk_a_while(PROTO_TCP);

	(void)state;
	require_fast(true, true);
	row.drain_until = bench_now(walk.bench) + 1000 * NATGW_TICKS_PER_SECOND;
	bench_set_address(walk.bench, EIP, &row);
	assert_true(talk_receive(&talk, ACK, 10));
	assert_true(talk_send(&talk, ACK, 10));
	require_fast(true, false);
	walk_seconds(2);
	assert_true(talk_receive(&talk, ACK, 10));
	require_fast(true, false);
	row.drain_until = bench_now(walk.bench) - 1;
	bench_set_address(walk.bench, EIP, &row);
	assert_false(talk_receive(&talk, ACK, 10));
	assert_int_equal(walk_counted(NATGW_DROP_DRAIN_EXPIRED), 1);
}

/* ---- sessions ---- */

static void test_port_of_a_rule(void **state)
{
	const struct natgw_rule rule = { .proto = PROTO_TCP,
					 .port_first = REM_PORT,
					 .port_last = REM_PORT,
					 .kind = NATGW_RULE_DNAT,
					 .to_port = 8443,
					 .used = 1 };
	struct talk talk = talk_new(PROTO_TCP);
	struct spec answer;

	(void)state;
	bench_set_rules(walk.bench, &rule, 1);
	assert_true(talk_begin(&talk) > 0);
	for (int i = 0; i < 3; i++) {
		answer = talk_inbound(&talk, SYN | ACK, 0);
		answer.sport = 8443;
		assert_true(walk_receive(&answer));
		assert_true(talk_send(&talk, ACK, 0));
	}
	require_fast(false, false);
}

/* To one of our own addresses: not forwarded, but turned. */
static void test_hairpin(void **state)
{
	const struct natgw_forward_key key = { .ext_addr = EIP_2,
					       .ext_port = 8080 >> 8 | (8080 & 0xff) << 8,
					       .proto = PROTO_TCP };
	const struct natgw_forward row = { .int_addr = CLIENT_B,
					   .int_port = 80 << 8,
					   .gateway = 1 };
	struct talk talk = talk_new(PROTO_TCP);
	struct spec syn;

	(void)state;
	bench_set_forward(walk.bench, &key, &row);
	bench_set_features(walk.bench, NATGW_FEATURE_FORWARDS | NATGW_FEATURE_HAIRPIN);
	talk.remote = EIP_2;
	talk.remote_port = 8080;
	syn = talk_outbound(&talk, SYN, 0);
	walk_send(&syn);
	assert_int_equal(table_count(walk.bench->outbound), walk.hooks == &walk_tc);
	require_fast(false, false);
}

/*
 * A mapping that lets anybody in is a row like others, whose remote endpoint is 0.0.0.0 port 0; and
 * what comes from there has to be looked at.
 */
static void test_mapping(void **state)
{
	struct natgw_gateway gateway = bench_gateway();
	struct talk talk = talk_new(PROTO_UDP), stranger;

	(void)state;
	gateway.mapping = NATGW_MAPPING_ENDPOINT_INDEPENDENT | NATGW_FILTERING_ENDPOINT_INDEPENDENT;
	bench_set_gateway(walk.bench, &gateway);
	assert_true(talk_begin(&talk) > 0);
	stranger = talk;
	stranger.remote = REMOTE_B;
	for (int i = 0; i < 3; i++) {
		assert_true(talk_receive(&stranger, 0, 10));
	}
	stranger.remote = 0;
	stranger.remote_port = 0;
	assert_false(talk_receive(&stranger, 0, 10));
	require_fast(true, false);
}

/* ---- two gateways ---- */

static void make_second_gateway(void)
{
	struct natgw_settings settings = {};
	struct natgw_gateway gateway = bench_gateway();
	__u32 zero = 0, two = 2;

	assert_int_equal(bpf_map_update_elem(walk.bench->gateways, &two, &gateway, BPF_ANY), 0);
	bpf_map_lookup_elem(walk.bench->settings, &zero, &settings);
	settings.gateway_end = 3;
	assert_int_equal(bpf_map_update_elem(walk.bench->settings, &zero, &settings, BPF_ANY), 0);
	bench_commit(walk.bench);
}

static void route_to(__u8 gateway)
{
	const struct natgw_route_key key = { .prefix_len = 32, .table = 1 };
	const struct natgw_route row = { .target = NATGW_TARGET_GATEWAY, .gateway = gateway };

	bench_set_route(walk.bench, &key, &row);
}

/*
 * A route is moved while a session is open; it ends at its own gateway, and the client's next one
 * by the same port is the other gateway's, though the old row still stands.
 */
static void test_moved_route(void **state)
{
	struct talk talk, next;

	(void)state;
	make_second_gateway();
	talk = talk_a_while(PROTO_TCP);
	route_to(2);
	assert_true(talk_send(&talk, ACK, 10));
	assert_true(talk_receive(&talk, ACK, 10));
	assert_int_equal(talk.eip, EIP);
	talk_close(&talk);
	assert_int_equal(talk.eip, EIP);
	next = talk_new(PROTO_TCP);
	talk_open(&next);
	assert_int_equal(next.eip, EIP_2);
	for (int i = 0; i < 3; i++) {
		assert_true(talk_send(&next, ACK, 10));
		assert_int_equal(next.eip, EIP_2);
		assert_true(talk_receive(&next, ACK, 10));
	}
	walk_again();
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		WALK_TEST(test_plain_gateway), WALK_TEST(test_limits),
		WALK_TEST(test_two_stages),    WALK_TEST(test_refresh_outbound),
		WALK_TEST(test_short_timers),  WALK_TEST(test_short_timers_of_a_rule),
		WALK_TEST(test_draining),      WALK_TEST(test_port_of_a_rule),
		WALK_TEST(test_hairpin),       WALK_TEST(test_mapping),
		WALK_TEST(test_moved_route),
	};
	int failed;

	walk.bench = bench_open(1024);
	failed = cmocka_run_group_tests_name("rows of the short way", tests, NULL, NULL);
	bench_close(walk.bench);
	return failed;
}
