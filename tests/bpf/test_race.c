// SPDX-License-Identifier: GPL-2.0-only
/*
 * The same new flow on two CPUs at once: one session comes of it, whoever wins, and nothing is left
 * behind.
 */
#include "race.h"

#include <arpa/inet.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

#define ROUNDS bench_rounds(60000, 17)
/* Flows between two looks at the tables. */
#define BATCH 4000

#define ACTION_XDP_REDIRECT 4

struct same_flow {
	struct frame in;
	struct bench_run run[2];
	unsigned int differ; /* rounds in which the two packets left by different sessions */
	unsigned int lost;   /* packets that did not leave */
	unsigned int broken;
	unsigned int wrong_count;
	struct table outbound;
	struct table inbound;
};

static struct bench *bench;

static void flow_before(struct race *race, unsigned int round)
{
	struct same_flow *data = race->data;
	const struct spec spec = {
		.src = round & 1 ? CLIENT : CLIENT_B,
		.dst = IP(198, 51, 101, 1 + round % 3),
		.smac = mac_client,
		.dmac = mac_int,
		.proto = round & 2 ? PROTO_TCP : PROTO_UDP,
		.flags = SYN,
		.sport = (__u16)(1024 + round / 2 % 60000),
		.dport = 443,
	};

	frame_build(&spec, &data->in);
	memset(data->run, 0, sizeof(data->run));
}

static void flow_turn_0(struct race *race, unsigned int round)
{
	struct same_flow *data = race->data;

	(void)round;
	data->run[0].prog = BENCH_XDP_INT;
	bench_run(race->bench, &data->in, &data->run[0]);
}

static void flow_turn_1(struct race *race, unsigned int round)
{
	struct same_flow *data = race->data;

	(void)round;
	data->run[1].prog = BENCH_XDP_INT;
	bench_run(race->bench, &data->in, &data->run[1]);
}

static void flow_judge_tables(struct race *race, unsigned int flows)
{
	struct same_flow *data = race->data;

	table_read(race->bench->outbound, &data->outbound);
	table_read(race->bench->inbound, &data->inbound);
	data->broken += tables_broken(&data->outbound, &data->inbound);
	data->wrong_count += data->outbound.count != flows || data->inbound.count != flows;
	bench_reset(race->bench);
}

static void flow_after(struct race *race, unsigned int round)
{
	struct same_flow *data = race->data;

	data->lost += data->run[0].retval != ACTION_XDP_REDIRECT;
	data->lost += data->run[1].retval != ACTION_XDP_REDIRECT;
	data->differ += memcmp(&data->run[0].out, &data->run[1].out, sizeof(data->in)) != 0;
	if ((round + 1) % BATCH == 0) {
		flow_judge_tables(race, BATCH);
	}
}

static void judge_flows(const struct same_flow *data, __u64 rounds)
{
	struct counters *counters = test_calloc(1, sizeof(*counters));
	const struct natgw_traffic *traffic = &counters->traffic[1];
	__u64 created = 0, attempts = 0;

	counters_read(bench, counters);
	for (int i = 0; i < NATGW_PROTO_COUNT; i++) {
		created += traffic->created[i];
		attempts += traffic->attempts[i];
	}
	print_message("%llu rounds: %llu claims lost, %llu ports lost\n",
		      (unsigned long long)rounds, (unsigned long long)traffic->claims_lost,
		      (unsigned long long)traffic->ports_lost);
	assert_int_equal(data->lost, 0);
	assert_int_equal(data->differ, 0);
	assert_int_equal(data->broken, 0);
	assert_int_equal(data->wrong_count, 0);
	assert_int_equal(created, rounds);
	assert_int_equal(attempts, rounds);
	/* Nothing is proved when the two never met. */
	assert_true(traffic->claims_lost > 0);
	test_free(counters);
}

static void test_same_new_flow(void **state)
{
	struct same_flow *data = test_calloc(1, sizeof(*data));
	struct race race = {
		.bench = bench,
		.rounds = ROUNDS,
		.before = flow_before,
		.after = flow_after,
		.turn = { flow_turn_0, flow_turn_1 },
		.data = data,
	};

	(void)state;
	race_run(&race);
	judge_flows(data, ROUNDS);
	test_free(data);
}

int main(void)
{
	const struct CMUnitTest tests[] = { cmocka_unit_test(test_same_new_flow) };
	int failed;

	bench = bench_open(8192);
	failed = cmocka_run_group_tests_name("race", tests, NULL, NULL);
	bench_close(bench);
	return failed;
}
