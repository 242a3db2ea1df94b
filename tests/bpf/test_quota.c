// SPDX-License-Identifier: GPL-2.0-only
/*
 * Quotas: how many sessions a client, a client towards one destination and a gateway may have, each
 * with its own reason; and that all counts come back to nothing. The table itself: test_ports.c.
 */
#include "flood.h"
#include "talk.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

#define QUOTA 20

static struct natgw_gateway gateway;

static void use(void)
{
	bench_set_gateway(walk.bench, &gateway);
}

static int setup(void **state)
{
	gateway = bench_gateway();
	return walk_setup(state);
}

#define QUOTA_TEST(function)                                                \
	{ #function " (xdp)", function, setup, walk_teardown, &walk_xdp },  \
	{                                                                   \
#function " (tc)", function, setup, walk_teardown, &walk_tc \
	}

/* The client's n-th flow to this destination. */
static __u16 open_to(__be32 client, __be32 remote, __u16 number)
{
	struct flood_flow flow = flood_flow(PROTO_UDP, remote, 53, number);

	flow.client = client;
	return flood_open(walk.bench, walk.hooks->internal, &flow).port;
}

/* So many of a client's next flows come through; the one after them does not. */
static __u16 open_all(__be32 client, __be32 remote)
{
	static __u16 next = 1;
	__u16 opened = 0;

	while (open_to(client, remote, next++)) {
		opened++;
	}
	return opened;
}

static void require_refused(__u32 verdict, enum natgw_alloc_error error, __u64 count)
{
	assert_int_equal(walk_counted(verdict), count);
	assert_int_equal(walk_traffic()->alloc_errors[NATGW_PROTO_UDP][error], count);
}

static void require_no_counts(void)
{
	assert_int_equal(gateway_use_of(walk.bench).sessions, 0);
	assert_int_equal(gateway_use_of(walk.bench).mappings, 0);
	assert_int_equal(client_of(walk.bench, CLIENT).sessions, 0);
	assert_int_equal(client_of(walk.bench, CLIENT).opening, 0);
	assert_int_equal(client_of(walk.bench, CLIENT_B).sessions, 0);
	assert_int_equal(client_of(walk.bench, CLIENT_B).opening, 0);
	assert_int_equal(table_count(walk.bench->inbound), 0);
	assert_int_equal(table_count(walk.bench->outbound), 0);
	assert_int_equal(map_count(walk.bench->client_ports), 0);
}

/* Unreplied UDP ends, is held, and is swept. */
static void end_all(void)
{
	walk_seconds(40 + 45 + 2);
	bench_sweep(walk.bench);
	require_no_counts();
}

/* ---- sessions of a client ---- */

static void test_sessions_of_a_client(void **state)
{
	(void)state;
	gateway.client_sessions_max = QUOTA;
	use();
	assert_int_equal(open_all(CLIENT, REMOTE), QUOTA);
	require_refused(NATGW_DROP_CLIENT_QUOTA, NATGW_ALLOC_CLIENT_QUOTA, 1);
	assert_int_equal(open_all(CLIENT, REMOTE_B), 0);
	require_refused(NATGW_DROP_CLIENT_QUOTA, NATGW_ALLOC_CLIENT_QUOTA, 2);
	assert_int_equal(client_of(walk.bench, CLIENT).errors[NATGW_ALLOC_CLIENT_QUOTA], 2);
	assert_int_equal(client_of(walk.bench, CLIENT).sessions, QUOTA);
	assert_int_equal(open_all(CLIENT_B, REMOTE), QUOTA);
	/* Ended ones count while they hold their port. */
	walk_seconds(41);
	bench_sweep(walk.bench);
	assert_int_equal(open_all(CLIENT, REMOTE), 0);
	walk_seconds(46);
	bench_sweep(walk.bench);
	require_no_counts();
	assert_int_equal(open_all(CLIENT, REMOTE), QUOTA);
}

/* ---- half-open and unreplied ones ---- */

static void open_half(__u8 proto, __u16 number, struct talk *ret_talk)
{
	*ret_talk = talk_new(proto);
	ret_talk->client_port = (__u16)(3000 + number);
	assert_true(talk_begin(ret_talk) > 0);
}

static void test_half_open_sessions(void **state)
{
	static const __u8 protos[] = { PROTO_TCP, PROTO_UDP, PROTO_ICMP };
	struct talk talks[QUOTA], more = talk_new(PROTO_TCP);

	(void)state;
	gateway.client_opening_max = QUOTA;
	use();
	for (__u16 i = 0; i < QUOTA; i++) {
		open_half(protos[i % 3], i, &talks[i]);
	}
	assert_int_equal(talk_begin(&more), 0);
	assert_int_equal(walk_counted(NATGW_DROP_HALF_OPEN_QUOTA), 1);
	assert_int_equal(walk_traffic()->alloc_errors[NATGW_PROTO_TCP][NATGW_ALLOC_HALF_OPEN_QUOTA],
			 1);
	assert_int_equal(client_of(walk.bench, CLIENT).opening, QUOTA);
	assert_int_equal(client_of(walk.bench, CLIENT).sessions, QUOTA);
	/* Each that is established, or reset, makes room for one. */
	assert_true(talk_receive(&talks[0], SYN | ACK, 0));
	assert_int_equal(talk_begin(&more), 0);
	assert_true(talk_send(&talks[0], ACK, 0));
	assert_true(talk_begin(&more) > 0);
	more.client_port++;
	assert_int_equal(talk_begin(&more), 0);
	assert_true(talk_receive(&talks[1], 0, 8));
	assert_true(talk_begin(&more) > 0);
	more.client_port++;
	assert_true(talk_receive(&talks[2], 0, 8));
	assert_true(talk_begin(&more) > 0);
	more.client_port++;
	assert_int_equal(talk_begin(&more), 0);
	assert_true(talk_send(&talks[3], RST | ACK, 0));
	assert_true(talk_begin(&more) > 0);
	more.client_port++;
	assert_int_equal(talk_begin(&more), 0);
	assert_int_equal(client_of(walk.bench, CLIENT).opening, QUOTA);
	/* Back to where it was, and over the quota for a while. */
	assert_true(talk_receive(&talks[3], ACK, 0));
	assert_int_equal(client_of(walk.bench, CLIENT).opening, QUOTA + 1);
	more.client = CLIENT_B;
	assert_true(talk_begin(&more) > 0);
	walk_seconds(350 + 10);
	bench_sweep(walk.bench);
	require_no_counts();
}

/* ---- the whole gateway ---- */

static void test_sessions_of_a_gateway(void **state)
{
	(void)state;
	gateway.sessions_max = QUOTA;
	use();
	for (__u16 i = 0; i < QUOTA; i++) {
		assert_true(open_to(i & 1 ? CLIENT : CLIENT_B, REMOTE, i) > 0);
	}
	assert_int_equal(open_to(CLIENT, REMOTE_B, 500), 0);
	assert_int_equal(open_to(CLIENTS(1), REMOTE, 501), 0);
	require_refused(NATGW_DROP_GATEWAY_QUOTA, NATGW_ALLOC_GATEWAY_QUOTA, 2);
	assert_int_equal(gateway_use_of(walk.bench).sessions, QUOTA);
	assert_int_equal(gateway_use_of(walk.bench).clients, 2);
	end_all();
}

/* ---- ports of a client towards one destination ---- */

static void test_ports_of_a_client(void **state)
{
	(void)state;
	gateway.client_ports_max = QUOTA;
	gateway.eip_count = 2;
	use();
	assert_int_equal(open_all(CLIENT, REMOTE), QUOTA);
	require_refused(NATGW_DROP_PORT_QUOTA, NATGW_ALLOC_PORT_QUOTA, 1);
	assert_int_equal(open_all(CLIENT, REMOTE_B), QUOTA);
	assert_int_equal(open_all(CLIENT_B, REMOTE), QUOTA);
	require_refused(NATGW_DROP_PORT_QUOTA, NATGW_ALLOC_PORT_QUOTA, 3);
	assert_int_equal(client_of(walk.bench, CLIENT).errors[NATGW_ALLOC_PORT_QUOTA], 2);
	assert_int_equal(client_of(walk.bench, CLIENT).sessions, 2 * QUOTA);
	assert_int_equal(map_count(walk.bench->client_ports), 3);
	end_all();
}

/*
 * Who has had his guaranteed ports gets more only while those of eight others are left. 1,000
 * ports, 20 guaranteed: 160 are kept.
 */
static void test_guaranteed_ports(void **state)
{
	(void)state;
	bench_range(&gateway, 40000, 1000, 0);
	gateway.client_ports_min = QUOTA;
	use();
	assert_int_equal(open_all(CLIENT, REMOTE), 840);
	require_refused(NATGW_DROP_PORT_QUOTA, NATGW_ALLOC_PORT_QUOTA, 1);
	for (__u32 other = 0; other < 8; other++) {
		assert_int_equal(open_all(CLIENTS(other), REMOTE), QUOTA);
	}
	/* The last one of them met the end of the ports, and that is another reason. */
	require_refused(NATGW_DROP_PORT_QUOTA, NATGW_ALLOC_PORT_QUOTA, 8);
	require_refused(NATGW_DROP_PORT_EXHAUSTED, NATGW_ALLOC_PORT_EXHAUSTED, 1);
	assert_int_equal(open_to(CLIENT_B, REMOTE, 1), 0);
	require_refused(NATGW_DROP_PORT_EXHAUSTED, NATGW_ALLOC_PORT_EXHAUSTED, 2);
	/* Another destination is as free as this one was. */
	assert_true(open_to(CLIENT, REMOTE_B, 1) > 0);
	end_all();
}

/* More clients are known, so more is kept; never more than half. */
static void test_guaranteed_ports_of_many(void **state)
{
	(void)state;
	bench_range(&gateway, 40000, 1000, 0);
	gateway.client_ports_min = QUOTA;
	use();
	for (__u32 other = 0; other < 15; other++) {
		assert_true(open_to(CLIENTS(other), REMOTE_B, 1) > 0);
	}
	/* With itself 16 clients: 15 others. */
	assert_int_equal(open_all(CLIENT, REMOTE), 1000 - 15 * QUOTA);
	for (__u32 other = 15; other < 100; other++) {
		assert_true(open_to(CLIENTS(other), REMOTE_B, 1) > 0);
	}
	assert_int_equal(open_all(CLIENT, IP(198, 51, 101, 1)), 500);
	require_refused(NATGW_DROP_PORT_QUOTA, NATGW_ALLOC_PORT_QUOTA, 2);
}

/* With two EIPs each keeps half of it. In a range that needs no bitmap otherwise, too. */
static void test_guaranteed_ports_of_small_ranges(void **state)
{
	(void)state;
	bench_range(&gateway, 40000, 1000, 0);
	gateway.eip_count = 2;
	gateway.client_ports_min = QUOTA;
	use();
	assert_int_equal(open_all(CLIENT, REMOTE), 2 * (1000 - 80));
	walk_again();
	bench_range(&gateway, 40000, 48, 0);
	gateway.eip_count = 1;
	gateway.client_ports_min = 2;
	use();
	assert_int_equal(open_all(CLIENT, IP(198, 51, 101, 1)), 32);
	assert_int_equal(open_all(CLIENT_B, IP(198, 51, 101, 1)), 2);
	require_refused(NATGW_DROP_PORT_QUOTA, NATGW_ALLOC_PORT_QUOTA, 3);
}

/* ---- events ---- */

static void require_event(const struct natgw_event *event, __u32 verdict, __u16 number, __u32 limit)
{
	assert_int_equal(event->verdict, verdict);
	assert_int_equal(event->client, CLIENT);
	assert_int_equal(event->rem_addr, REMOTE);
	assert_int_equal(__builtin_bswap16(event->client_port),
			 flood_flow(PROTO_UDP, REMOTE, 53, number).client_port);
	assert_int_equal(__builtin_bswap16(event->rem_port), 53);
	assert_int_equal(event->proto, PROTO_UDP);
	assert_int_equal(event->gateway, 1);
	assert_int_equal(event->limit, limit);
	assert_in_range(bench_now(walk.bench) - event->time, 0, 2 * NATGW_TICKS_PER_SECOND);
}

/* Refuses one flow, and takes its event. */
static struct natgw_event refuse(__u16 number)
{
	struct natgw_event event = {};

	use();
	assert_int_equal(open_to(CLIENT, REMOTE, number), 0);
	assert_int_equal(bench_events(walk.bench, &event, 1), 1);
	return event;
}

static void test_events(void **state)
{
	struct natgw_event event;

	(void)state;
	bench_range(&gateway, 40000, 100, 0);
	use();
	for (__u16 i = 0; i < 100; i++) {
		assert_true(open_to(CLIENT, REMOTE, i) > 0);
	}
	assert_int_equal(bench_events(walk.bench, NULL, 0), 0);
	event = refuse(100);
	require_event(&event, NATGW_DROP_PORT_EXHAUSTED, 100, 100);
	assert_int_equal(event.ext_addr, EIP);
	assert_int_equal(event.used, 100);
	assert_int_equal(event.held, 0);
	/* As the sweep has seen it. */
	walk_seconds(41);
	bench_sweep(walk.bench);
	event = refuse(101);
	assert_int_equal(event.used, 0);
	assert_int_equal(event.held, 100);
	gateway.client_ports_max = 50;
	/* Those that stand were not counted, so this one is the first. */
	event = refuse(102);
	require_event(&event, NATGW_DROP_PORT_EXHAUSTED, 102, 100);
	gateway.client_opening_max = 90;
	event = refuse(103);
	require_event(&event, NATGW_DROP_HALF_OPEN_QUOTA, 103, 90);
	gateway.client_sessions_max = 80;
	event = refuse(104);
	require_event(&event, NATGW_DROP_CLIENT_QUOTA, 104, 80);
	gateway.sessions_max = 70;
	event = refuse(105);
	require_event(&event, NATGW_DROP_GATEWAY_QUOTA, 105, 70);
}

static void test_event_of_a_port_quota(void **state)
{
	struct natgw_event event;

	(void)state;
	gateway.client_ports_max = QUOTA;
	use();
	assert_int_equal(open_all(CLIENT, REMOTE), QUOTA);
	bench_events(walk.bench, NULL, 0);
	event = refuse(60000);
	require_event(&event, NATGW_DROP_PORT_QUOTA, 60000, QUOTA);
}

static void test_events_are_limited(void **state)
{
	__u32 events;

	(void)state;
	gateway.client_sessions_max = 1;
	use();
	assert_true(open_to(CLIENT, REMOTE, 0) > 0);
	for (__u16 i = 1; i <= 1000; i++) {
		assert_int_equal(open_to(CLIENT, REMOTE, i), 0);
	}
	events = bench_events(walk.bench, NULL, 0);
	assert_in_range(events, NATGW_EVENT_BURST, 2 * NATGW_EVENT_BURST);
	assert_int_equal(walk_counted(NATGW_DROP_CLIENT_QUOTA), 1000);
	assert_int_equal(walk.diff.generated[NATGW_GENERATED_EVENT], events);
	assert_int_equal(walk.diff.generated[NATGW_GENERATED_EVENT_LOST], 1000 - events);
	walk_seconds(1);
	for (__u16 i = 1; i <= 10; i++) {
		assert_int_equal(open_to(CLIENT, REMOTE, i), 0);
	}
	assert_int_equal(bench_events(walk.bench, NULL, 0), 10);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		QUOTA_TEST(test_sessions_of_a_client),
		QUOTA_TEST(test_half_open_sessions),
		QUOTA_TEST(test_sessions_of_a_gateway),
		QUOTA_TEST(test_ports_of_a_client),
		QUOTA_TEST(test_guaranteed_ports),
		QUOTA_TEST(test_guaranteed_ports_of_many),
		QUOTA_TEST(test_guaranteed_ports_of_small_ranges),
		QUOTA_TEST(test_events),
		QUOTA_TEST(test_event_of_a_port_quota),
		QUOTA_TEST(test_events_are_limited),
	};
	int failed;

	walk.bench = bench_open(4096);
	failed = cmocka_run_group_tests_name("quota", tests, NULL, NULL);
	bench_close(walk.bench);
	return failed;
}
