// SPDX-License-Identifier: GPL-2.0-only
/*
 * The same as test_fill where the range is small, or the limit of sessions to one destination.
 */
#include "fill.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdint.h>

#include <cmocka.h>

#define SESSIONS 32768

static struct bench *bench;

static void test_small_ranges(void **state)
{
	static const enum bench_prog progs[] = { BENCH_XDP_INT, BENCH_TC_INT };
	static const __u32 counts[] = { 1, 2, 16, 63, 64, 65, 100, 1000 };

	(void)state;
	for (size_t i = 0; i < 2 * sizeof(counts) / sizeof(counts[0]); i++) {
		struct fill_inventory inventory = { 40001, counts[i / 2], .prog = progs[i % 2] };

		for (inventory.eips = 1; inventory.eips <= 3; inventory.eips++) {
			inventory.sweep = inventory.eips == 2;
			fill_run(bench, &inventory);
		}
	}
}

/* Fewer to one destination than the range has. */
static void test_small_limits(void **state)
{
	static const __u32 limits[] = { 1, 2, 7, 15, 64, 99 };

	(void)state;
	for (size_t i = 0; i < sizeof(limits) / sizeof(limits[0]); i++) {
		for (__u32 count = limits[i]; count <= 200; count += 45) {
			const struct fill_inventory inventory = { 65536 - count, count, limits[i],
								  .eips = 1 + count % 2 };

			fill_run(bench, &inventory);
		}
	}
}

/* More destinations at their limit than a table of this size has bitmaps for. */
static void test_limit_of_many_destinations(void **state)
{
	struct natgw_gateway gateway = bench_gateway();
	__u32 refused = 0;

	(void)state;
	bench_reset(bench);
	bench_range(&gateway, 40000, 16, 8);
	flood_for_ever(&gateway);
	bench_set_gateway(bench, &gateway);
	for (__u32 to = 0; to < 1000; to++) {
		for (__u32 i = 0; i < 10; i++) {
			struct flood_flow flow =
				flood_flow(PROTO_UDP, IP(198, 51, 101 + to / 250, to % 250), 80, i);
			struct flood_got got = flood_open(bench, BENCH_XDP_INT, &flow);

			assert_true(got.port || i >= 8);
			refused += !got.port;
		}
	}
	assert_int_equal(refused, 2000);
	bench_audit(bench);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_small_ranges),
		cmocka_unit_test(test_small_limits),
		cmocka_unit_test(test_limit_of_many_destinations),
	};
	int failed;

	bench = bench_open(SESSIONS);
	failed = cmocka_run_group_tests_name("fill, small", tests, NULL, NULL);
	bench_close(bench);
	return failed;
}
