// SPDX-License-Identifier: GPL-2.0-only
/* The generator of random frames: the same from one seed, what it calls unchanged is valid, and
 * what it repairs is right. No program runs here. */
#include "mutate.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdint.h>

#include <cmocka.h>

static void test_generator(void **state)
{
	static struct mutate mutate, same;
	static struct mutate_frame frame, again;
	unsigned int repaired = 0, kinds[MUTATE_KIND_COUNT] = {};

	(void)state;
	mutate_begin(&mutate, 1);
	mutate_begin(&same, 1);
	for (int i = 0; i < 20000; i++) {
		mutate_next(&mutate, &frame);
		mutate_next(&same, &again);
		assert_int_equal(frame.frame.len, again.frame.len);
		assert_memory_equal(frame.frame.data, again.frame.data, frame.frame.len);
		assert_true(frame.frame.len >= FRAME_ETH && frame.frame.len <= MUTATE_FRAME_MAX);
		assert_true(frame.changed <= MUTATE_BYTES_MAX);
		kinds[frame.kind]++;
		if (!frame.changed && frame.kind >= MUTATE_PLAIN_OUT &&
		    frame.kind < MUTATE_ERROR_OUT) {
			assert_null(frame_verify(&frame.frame));
		}
		if (!frame_verify(&frame.frame)) {
			continue;
		}
		mutate_repair(&frame.frame);
		repaired += !frame_verify(&frame.frame);
	}
	assert_true(repaired > 1000);
	for (int kind = 0; kind < MUTATE_KIND_COUNT; kind++) {
		/* Nobody has told it what left the gateway. */
		bool unknown = kind == MUTATE_PLAIN_IN || kind == MUTATE_SECOND_IN ||
			       kind == MUTATE_DNAT_IN || kind == MUTATE_OPEN_IN;

		assert_true(unknown || kinds[kind] > 50);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = { cmocka_unit_test(test_generator) };

	return cmocka_run_group_tests_name("mutate", tests, NULL, NULL);
}
