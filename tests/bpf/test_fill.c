// SPDX-License-Identifier: GPL-2.0-only
/*
 * To the last port: as many sessions to one destination as there are ports, each by a port of its
 * own, and not one more; and as many again to every other destination.
 */
#include "fill.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdint.h>

#include <cmocka.h>

#define ALL_PORTS (NATGW_PORT_LAST - NATGW_PORT_FIRST + 1)

static struct bench *bench;

static void test_one_eip(void **state)
{
	const struct fill_inventory inventory = { NATGW_PORT_FIRST, ALL_PORTS, .eips = 1 };

	(void)state;
	fill_run(bench, &inventory);
}

static void test_one_eip_swept(void **state)
{
	const struct fill_inventory inventory = { NATGW_PORT_FIRST, ALL_PORTS, .eips = 1,
						  .sweep = true, .destinations = 1 };

	(void)state;
	fill_run(bench, &inventory);
}

static void test_aws(void **state)
{
	const struct fill_inventory inventory = { NATGW_PORT_FIRST, ALL_PORTS, 55000, .eips = 1,
						  .destinations = 2 };

	(void)state;
	fill_run(bench, &inventory);
}

static void test_azure(void **state)
{
	const struct fill_inventory inventory = { NATGW_PORT_FIRST, ALL_PORTS, 50000, .eips = 1,
						  .destinations = 2 };

	(void)state;
	fill_run(bench, &inventory);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_one_eip),
		cmocka_unit_test(test_one_eip_swept),
		cmocka_unit_test(test_aws),
		cmocka_unit_test(test_azure),

	};
	int failed;

	bench = bench_open(330000);
	failed = cmocka_run_group_tests_name("fill", tests, NULL, NULL);
	bench_close(bench);
	return failed;
}
