// SPDX-License-Identifier: GPL-2.0-only
/* Rates from counters, and the ring that keeps them. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "history.h"

#define SECOND_NS 1000000000ULL

static void test_rates_are_of_the_time_between(void **state)
{
	struct history_meter meter = { 0 };
	uint64_t totals[HISTORY_SERIES_COUNT] = { [HISTORY_BYTES_OUT] = 1000 };

	(void)state;
	history_read(&meter, totals, 5 * SECOND_NS);
	assert_int_equal(meter.now.at_ns, 0);
	totals[HISTORY_BYTES_OUT] = 3000;
	totals[HISTORY_DROPPED] = 10;
	history_read(&meter, totals, 15 * SECOND_NS);
	assert_int_equal(meter.now.at_ns, 15 * SECOND_NS);
	assert_int_equal(meter.now.rate[HISTORY_BYTES_OUT], 200);
	assert_int_equal(meter.now.rate[HISTORY_DROPPED], 1);
	assert_int_equal(meter.now.rate[HISTORY_BYTES_IN], 0);
}

static void test_a_counter_made_anew_has_no_rate(void **state)
{
	struct history_meter meter = { 0 };
	uint64_t totals[HISTORY_SERIES_COUNT] = { [HISTORY_PACKETS_IN] = 1000 };

	(void)state;
	history_read(&meter, totals, SECOND_NS);
	totals[HISTORY_PACKETS_IN] = 7;
	history_read(&meter, totals, 2 * SECOND_NS);
	assert_int_equal(meter.now.rate[HISTORY_PACKETS_IN], 0);
	totals[HISTORY_PACKETS_IN] = 9;
	history_read(&meter, totals, 3 * SECOND_NS);
	assert_int_equal(meter.now.rate[HISTORY_PACKETS_IN], 2);
}

static void test_the_ring_keeps_the_last_ones(void **state)
{
	struct history history = { 0 };
	struct history_rates rates = { 0 };

	(void)state;
	history_keep(&history, &rates);
	assert_null(history_at(&history, 0));
	for (uint64_t i = 1; i <= HISTORY_KEPT + 3; i++) {
		rates.at_ns = i;
		history_keep(&history, &rates);
	}
	assert_int_equal(history.count, HISTORY_KEPT);
	assert_int_equal(history_at(&history, 0)->at_ns, 4);
	assert_int_equal(history_at(&history, HISTORY_KEPT - 1)->at_ns, HISTORY_KEPT + 3);
	assert_null(history_at(&history, HISTORY_KEPT));
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_rates_are_of_the_time_between),
		cmocka_unit_test(test_a_counter_made_anew_has_no_rate),
		cmocka_unit_test(test_the_ring_keeps_the_last_ones),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
