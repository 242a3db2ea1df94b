// SPDX-License-Identifier: GPL-2.0-only
/*
 * The same as test_fill_race with all ports there are.
 */
#include "contest.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdint.h>

#include <cmocka.h>

#define ALL_PORTS (NATGW_PORT_LAST - NATGW_PORT_FIRST + 1)
#define TERMS(list) (sizeof(list) / sizeof((list)[0]))

static struct bench *bench;

static void test_to_the_last_port(void **state)
{
	const struct contest_terms terms[] = {
		{ .ports = ALL_PORTS, .eips = 1, .turns = bench_rounds(5000, 20) },
		{ .ports = ALL_PORTS, .limit = 55000, .eips = 1, .turns = bench_rounds(5000, 20) }
	};

	(void)state;
	contest_require(bench, terms, TERMS(terms));
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_to_the_last_port),
	};
	int failed;

	bench = bench_open(140000);
	failed = cmocka_run_group_tests_name("fill, race for all ports", tests, NULL, NULL);
	bench_close(bench);
	return failed;
}
