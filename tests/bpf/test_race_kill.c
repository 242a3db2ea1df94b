// SPDX-License-Identifier: GPL-2.0-only
/*
 * Sessions are made on one CPU and ended by request on the other: no row of one direction stays
 * behind without the other.
 */
#include "flood.h"
#include "operate.h"
#include "race.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

#define NEW 300

static struct bench *bench;
static __u32 number, orphans, opened;
static __u64 killed;

static void before(struct race *race, unsigned int round)
{
	(void)race;
	(void)round;
}

static void make(struct race *race, unsigned int round)
{
	(void)round;
	for (int i = 0; i < NEW; i++) {
		struct flood_flow flow = flood_flow(PROTO_UDP, REMOTE, 53, ++number % 60000);

		opened += !!flood_open(race->bench, BENCH_XDP_INT, &flow).port;
	}
}

static void end(struct race *race, unsigned int round)
{
	(void)round;
	for (int i = 0; i < 20; i++) {
		struct natgw_kill kill = {};

		operate_kill(race->bench, &kill);
		killed += kill.killed;
	}
}

static void after(struct race *race, unsigned int round)
{
	struct natgw_kill kill = {};

	(void)race;
	(void)round;
	operate_kill(bench, &kill);
	killed += kill.killed;
	orphans += table_count(bench->outbound) != 0;
	if (table_count(bench->outbound) || table_count(bench->inbound)) {
		bench_clear_sessions(bench);
	}
}

static void test_kill(void **state)
{
	struct natgw_gateway gateway = bench_gateway();
	struct race race = { .bench = bench,
			     .rounds = bench_rounds(60, 5),
			     .before = before,
			     .after = after,
			     .turn = { make, end } };

	(void)state;
	gateway.client_opening_max = 0;
	bench_set_gateway(bench, &gateway);
	race_run(&race);
	print_message("%u sessions made, %llu ended\n", opened, (unsigned long long)killed);
	assert_int_equal(opened, killed);
	assert_int_equal(orphans, 0);
}

int main(void)
{
	const struct CMUnitTest tests[] = { cmocka_unit_test(test_kill) };
	int failed;

	bench = bench_open(4096);
	failed = cmocka_run_group_tests_name("race kill", tests, NULL, NULL);
	bench_close(bench);
	return failed;
}
