// SPDX-License-Identifier: GPL-2.0-only
/*
 * Filling up to 100 % and closing at the same time: no session is refused while a port is free, no
 * port is ever two sessions', no session is lost.
 */
#include "contest.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

#define TERMS(list) (sizeof(list) / sizeof((list)[0]))

static struct bench *bench;

/* ---- the books find what they are for ---- */

static struct books_result judge(const struct books_call *calls, size_t count, __u32 limit)
{
	struct books_call copy[8];
	struct books books = { copy, count, .eips = 1, .first = 10, .ports = 2, .limit = limit };

	memcpy(copy, calls, count * sizeof(*calls));
	return books_judge(&books);
}

static void test_the_books(void **state)
{
	const struct books_call twice[] = {
		{ 100, 110, 300, 310, 0, 10 },
		{ 200, 210, 400, 410, 0, 10 },
	};
	const struct books_call after[] = {
		{ 100, 110, 300, 310, 0, 10 },
		{ 290, 305, 400, 410, 0, 10 },
	};
	const struct books_call outside[] = { { 100, 110, BOOKS_NEVER, BOOKS_NEVER, 0, 12 } };
	/* Port 11 is free from 310 on. */
	const struct books_call refused[] = {
		{ 100, 110, BOOKS_NEVER, BOOKS_NEVER, 0, 10 },
		{ 200, 210, 300, 310, 0, 11 },
		{ 305, 315, 0, 0, 0, 0 },
		{ 320, 330, 0, 0, 0, 0 },
		{ 325, 335, BOOKS_NEVER, BOOKS_NEVER, 0, 11 },
	};
	const struct books_call unjust[] = {
		{ 100, 110, BOOKS_NEVER, BOOKS_NEVER, 0, 10 },
		{ 200, 210, 300, 310, 0, 11 },
		{ 320, 330, 0, 0, 0, 0 },
		{ 335, 340, BOOKS_NEVER, BOOKS_NEVER, 0, 11 },
	};

	(void)state;
	assert_int_equal(judge(twice, 2, 2).twice, 1);
	assert_int_equal(judge(after, 2, 2).twice, 0);
	assert_int_equal(judge(outside, 1, 2).outside, 1);
	assert_int_equal(judge(refused, 5, 2).unjust, 0);
	assert_int_equal(judge(refused, 5, 2).refused, 2);
	assert_int_equal(judge(unjust, 4, 2).unjust, 1);
	/* With a limit of one session. */
	assert_int_equal(judge(refused, 5, 1).too_many, 2);
	assert_int_equal(judge(refused, 5, 1).unjust, 0);
	assert_int_equal(judge(twice, 1, 1).too_many, 0);
	assert_int_equal(judge(unjust + 1, 2, 1).unjust, 1);
}

static void test_to_the_last_port(void **state)
{
	const struct contest_terms terms[] = {
		{ .ports = 64, .eips = 1, .turns = bench_rounds(5000, 20) },
		{ .ports = 65, .eips = 1, .turns = bench_rounds(5000, 20) },
		{ .ports = 1000, .eips = 1, .turns = bench_rounds(5000, 20) },
		{ .ports = 4096, .eips = 1, .turns = bench_rounds(5000, 20) },
		{ .ports = 64, .eips = 2, .turns = bench_rounds(5000, 20) },
		{ .ports = 1000, .eips = 2, .turns = bench_rounds(5000, 20) },
		{ .ports = 100, .limit = 70, .eips = 1, .turns = bench_rounds(5000, 20) },
		{ .ports = 4096, .limit = 3000, .eips = 2, .turns = bench_rounds(5000, 20) }
	};

	(void)state;
	contest_require(bench, terms, TERMS(terms));
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_the_books),
		cmocka_unit_test(test_to_the_last_port),
	};
	int failed;

	bench = bench_open(16384);
	failed = cmocka_run_group_tests_name("fill, race", tests, NULL, NULL);
	bench_close(bench);
	return failed;
}
