// SPDX-License-Identifier: GPL-2.0-only
/* The sequences of the packet catalogue that need two CPUs (S02) or all ports (S16 to S19). */
#include "flood.h"
#include "race.h"
#include "talk.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

#define ALL_PORTS (NATGW_PORT_LAST - NATGW_PORT_FIRST + 1)
#define SESSIONS 70000
#define S17_PORTS 3000
#define QUOTA 25

/* ---- S02 ---- */

#define RACE_ROUNDS bench_rounds(3000, 20)

struct same_syn {
	struct flood_flow flow;
	struct flood_got got[2];
	unsigned int wrong;
};

static void syn_before(struct race *race, unsigned int round)
{
	struct same_syn *data = race->data;

	data->flow = flood_flow(PROTO_TCP, REMOTE, 443, round);
}

static void syn_turn_0(struct race *race, unsigned int round)
{
	struct same_syn *data = race->data;

	(void)round;
	data->got[0] = flood_open(race->bench, walk.hooks->internal, &data->flow);
}

static void syn_turn_1(struct race *race, unsigned int round)
{
	struct same_syn *data = race->data;

	(void)round;
	data->got[1] = flood_open(race->bench, walk.hooks->internal, &data->flow);
}

static void syn_after(struct race *race, unsigned int round)
{
	struct same_syn *data = race->data;

	(void)round;
	data->wrong += !data->got[0].port || data->got[0].port != data->got[1].port ||
		       data->got[0].eip != data->got[1].eip;
}

static void test_s02_one_syn_on_two_cpus(void **state)
{
	struct same_syn data = {};
	struct race race = {
		.bench = walk.bench,
		.rounds = RACE_ROUNDS,
		.before = syn_before,
		.after = syn_after,
		.turn = { syn_turn_0, syn_turn_1 },
		.data = &data,
	};

	(void)state;
	race_run(&race);
	assert_int_equal(data.wrong, 0);
	assert_int_equal(table_count(walk.bench->inbound), RACE_ROUNDS);
	assert_int_equal(table_count(walk.bench->outbound), RACE_ROUNDS);
	assert_int_equal(walk_traffic()->created[NATGW_PROTO_TCP], RACE_ROUNDS);
	/* Nothing is proved when the two never met. */
	assert_true(walk_traffic()->claims_lost > 0);
}

/* ---- S16, S17 ---- */

static struct flood_flow flow_of(__u32 number)
{
	struct flood_flow flow = flood_flow(PROTO_TCP, REMOTE, 443, number / 2);

	flow.client = number & 1 ? CLIENT_B : CLIENT;
	return flow;
}

static __u16 open_flow(const struct flood_flow *flow)
{
	return flood_open(walk.bench, walk.hooks->internal, flow).port;
}

static void fill_from_two_clients(__u32 ports)
{
	static bool taken[65536];

	memset(taken, 0, sizeof(taken));
	for (__u32 i = 0; i < ports; i++) {
		struct flood_flow flow = flow_of(i);
		__u16 port = open_flow(&flow);

		assert_true(port >= NATGW_PORT_FIRST);
		assert_false(taken[port]);
		taken[port] = true;
	}
}

static void use_long_timers(void)
{
	struct natgw_gateway gateway = bench_gateway();

	flood_for_ever(&gateway);
	bench_set_gateway(walk.bench, &gateway);
}

static void require_errors(__u64 errors)
{
	assert_int_equal(walk_counted(NATGW_DROP_PORT_EXHAUSTED), errors);
	assert_int_equal(walk_traffic()->alloc_errors[NATGW_PROTO_TCP][NATGW_ALLOC_PORT_EXHAUSTED],
			 errors);
}

static void test_s16_to_the_last_port(void **state)
{
	struct flood_flow one_more = flow_of(ALL_PORTS), elsewhere = one_more;

	(void)state;
	use_long_timers();
	fill_from_two_clients(ALL_PORTS);
	require_errors(0);
	assert_int_equal(open_flow(&one_more), 0);
	require_errors(1);
	elsewhere.remote_port++;
	assert_true(open_flow(&elsewhere) > 0);
	require_errors(1);
}

/* One connection ends, and its port is the only one there will be. */
static void test_s17_one_port_comes_back(void **state)
{
	struct flood_flow first = flow_of(0), other = flow_of(S17_PORTS);
	struct natgw_gateway gateway = bench_gateway();
	struct flood_got got;

	(void)state;
	flood_for_ever(&gateway);
	bench_range(&gateway, NATGW_PORT_FIRST, S17_PORTS, 0);
	bench_set_gateway(walk.bench, &gateway);
	fill_from_two_clients(S17_PORTS);
	got = flood_open(walk.bench, walk.hooks->internal, &first);
	assert_true(flood_send(walk.bench, &first, FIN | ACK));
	assert_true(flood_receive(walk.bench, &first, &got, FIN | ACK));
	walk_seconds(64);
	assert_int_equal(open_flow(&other), 0);
	walk_seconds(2);
	assert_int_equal(open_flow(&other), got.port);
	other.client_port++;
	assert_int_equal(open_flow(&other), 0);
	require_errors(2);
}

/* ---- S18, S19 ---- */

static void test_s18_quota_of_a_client(void **state)
{
	struct natgw_gateway gateway = bench_gateway();
	struct talk talk = talk_new(PROTO_TCP), other = talk;

	(void)state;
	gateway.client_sessions_max = QUOTA;
	bench_set_gateway(walk.bench, &gateway);
	for (__u16 i = 0; i < QUOTA; i++) {
		talk.client_port = (__u16)(2000 + i);
		assert_true(talk_begin(&talk) > 0);
	}
	talk.client_port = 1000;
	assert_int_equal(talk_begin(&talk), 0);
	assert_int_equal(walk_counted(NATGW_DROP_CLIENT_QUOTA), 1);
	assert_int_equal(walk_traffic()->alloc_errors[NATGW_PROTO_TCP][NATGW_ALLOC_CLIENT_QUOTA],
			 1);
	other.client = CLIENT_B;
	assert_true(talk_begin(&other) > 0);
}

/* Until one is refused: how many were not. */
static __u32 fill_table(void)
{
	__u32 opened = 0;

	for (; opened < 2 * SESSIONS; opened++) {
		struct flood_flow flow =
			flood_flow(PROTO_TCP, IP(198, 51, 101, opened / 10000), 443, opened);

		if (!open_flow(&flow)) {
			break;
		}
	}
	return opened;
}

/* What is refused leaves nothing behind. */
static void require_sessions(__u32 sessions)
{
	assert_int_equal(table_count(walk.bench->inbound), sessions);
	assert_int_equal(table_count(walk.bench->outbound), sessions);
	assert_int_equal(gateway_use_of(walk.bench).sessions, sessions);
	bench_audit(walk.bench);
}

static void test_s19_full_table(void **state)
{
	struct talk talk = talk_new(PROTO_TCP), late = talk;
	__u32 sessions;

	(void)state;
	use_long_timers();
	talk_open(&talk);
	sessions = 1 + fill_table();
	print_message("%u sessions in a table for %u\n", sessions, SESSIONS);
	assert_true(sessions >= SESSIONS && sessions < 2 * SESSIONS);
	assert_int_equal(walk_counted(NATGW_DROP_SESSION_TABLE_FULL), 1);
	require_sessions(sessions);
	/* Another one may have found room; now none does. */
	walk.bench->not_audited = ~0U;
	session_table_fill(walk.bench->inbound);
	late.client_port++;
	assert_int_equal(talk_begin(&late), 0);
	assert_int_equal(walk_counted(NATGW_DROP_SESSION_TABLE_FULL), 2);
	assert_int_equal(walk_traffic()->alloc_errors[NATGW_PROTO_TCP][NATGW_ALLOC_TABLE_FULL], 2);
	require_errors(0);
	assert_true(talk_send(&talk, ACK, 10));
	assert_true(talk_receive(&talk, ACK, 10));
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		WALK_TEST(test_s02_one_syn_on_two_cpus), WALK_TEST(test_s16_to_the_last_port),
		WALK_TEST(test_s17_one_port_comes_back), WALK_TEST(test_s18_quota_of_a_client),
		WALK_TEST(test_s19_full_table),
	};
	int failed;

	walk.bench = bench_open(SESSIONS);
	failed = cmocka_run_group_tests_name("sequences, full", tests, NULL, NULL);
	bench_close(walk.bench);
	return failed;
}
