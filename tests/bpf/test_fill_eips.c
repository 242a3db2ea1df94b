// SPDX-License-Identifier: GPL-2.0-only
/* Sixteen EIPs, and every port of each: 1,032,192 sessions to one destination. */
#include "fill.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdint.h>

#include <cmocka.h>

#define ALL_PORTS (NATGW_PORT_LAST - NATGW_PORT_FIRST + 1)
#define EIPS 16

static struct bench *bench;

/* Clients have an EIP of their own, and go on to the next when it is full. */
static void test_sixteen_eips(void **state)
{
	const struct fill_inventory inventory = {
		NATGW_PORT_FIRST,
		ALL_PORTS,
		.eips = EIPS,
		.destinations = 1,
	};

	(void)state;
	fill_run(bench, &inventory);
}

int main(void)
{
	const struct CMUnitTest tests[] = { cmocka_unit_test(test_sixteen_eips) };
	int failed;

	bench = bench_open(EIPS * ALL_PORTS + 1000);
	failed = cmocka_run_group_tests_name("fill, 16 EIPs", tests, NULL, NULL);
	bench_close(bench);
	return failed;
}
