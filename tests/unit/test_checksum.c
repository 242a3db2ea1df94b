// SPDX-License-Identifier: GPL-2.0-only
/* Incremental checksums against sums over the whole data. */
#include <linux/types.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include <sys/cdefs.h>

#include <cmocka.h>

#include "checksum.h"

#define WORDS 10
#define ROUNDS 300000

/* Words as they lie in memory, like the functions under test. */
static __u16 full(const __u16 *words, size_t count)
{
	__u32 sum = 0;

	for (size_t i = 0; i < count; i++) {
		sum += words[i];
	}
	while (sum >> 16) {
		sum = (sum & 0xffff) + (sum >> 16);
	}
	return (__u16)~sum;
}

static __u16 random16(unsigned int *seed)
{
	return (__u16)(rand_r(seed) >> 4);
}

/* Never all zero, as no packet is: its version and length are not. */
static void random_words(__u16 words[WORDS], unsigned int *seed)
{
	for (size_t i = 0; i < WORDS; i++) {
		words[i] = random16(seed);
	}
	words[WORDS - 1] |= 1;
}

static void test_fold(void **state)
{
	(void)state;
	assert_int_equal(checksum_fold(0), 0);
	assert_int_equal(checksum_fold(0xffff), 0xffff);
	assert_int_equal(checksum_fold(0x10000), 1);
	assert_int_equal(checksum_fold(0x1fffe), 0xffff);
	assert_int_equal(checksum_fold(0xffffffff), 0xffff);
	assert_int_equal(checksum_fold(0x1fffffffeULL), 0xffff);
	/* 65,536 words of 0xffff. */
	assert_int_equal(checksum_fold(0xffff0000ULL), 0xffff);
	assert_int_equal(checksum_fold(0x3ffffffffULL), 3);
}

static void test_replace16_every_value(void **state)
{
	unsigned int seed = 1;
	__u16 words[WORDS];

	(void)state;
	for (__u32 to = 0; to <= 0xffff; to++) {
		size_t at = to % (WORDS - 1);
		__u16 before, from;

		random_words(words, &seed);
		before = full(words, WORDS);
		from = words[at];
		words[at] = (__u16)to;
		assert_int_equal(checksum_replace16(before, from, (__u16)to), full(words, WORDS));
	}
}

static void test_replace16_every_old_value(void **state)
{
	unsigned int seed = 2;
	__u16 words[WORDS];

	(void)state;
	for (__u32 from = 0; from <= 0xffff; from++) {
		size_t at = from % (WORDS - 1);
		__u16 before, to = random16(&seed);

		random_words(words, &seed);
		words[at] = (__u16)from;
		before = full(words, WORDS);
		words[at] = to;
		assert_int_equal(checksum_replace16(before, (__u16)from, to), full(words, WORDS));
	}
}

static void test_replace16_every_checksum(void **state)
{
	unsigned int seed = 3;
	__u16 words[WORDS];

	(void)state;
	for (__u32 check = 0; check < 0xffff; check++) {
		__u16 from = random16(&seed), to = random16(&seed);

		/* Two words that sum to the complement of the checksum, and one that changes. */
		memset(words, 0, sizeof(words));
		words[1] = from;
		words[2] = (__u16)~from;
		words[0] = (__u16)~check;
		assert_int_equal(full(words, WORDS), check);
		words[1] = to;
		assert_int_equal(checksum_replace16((__u16)check, from, to), full(words, WORDS));
	}
}

static void test_replace32(void **state)
{
	unsigned int seed = 4;
	__u16 words[WORDS];

	(void)state;
	for (unsigned int i = 0; i < ROUNDS; i++) {
		__u32 from, to = (__u32)random16(&seed) << 16 | random16(&seed);
		size_t at = (size_t)i % (WORDS / 2 - 1) * 2;
		__u16 before;

		random_words(words, &seed);
		before = full(words, WORDS);
		memcpy(&from, words + at, sizeof(from));
		memcpy(words + at, &to, sizeof(to));
		assert_int_equal(checksum_replace32(before, from, to), full(words, WORDS));
	}
}

static void test_replace32_edges(void **state)
{
	static const __u32 values[] = { 0,	    1,		0xffff,	    0x10000,
					0xffff0000, 0xfffffffe, 0xffffffff, 0x80008000 };
	const size_t count = sizeof(values) / sizeof(values[0]);
	__u16 words[WORDS] = { 0x4500, 0x1234 };

	(void)state;
	for (size_t i = 0; i < count * count; i++) {
		__u32 from = values[i / count], to = values[i % count];
		__u16 before;

		memcpy(words + 2, &from, sizeof(from));
		before = full(words, WORDS);
		memcpy(words + 2, &to, sizeof(to));
		assert_int_equal(checksum_replace32(before, from, to), full(words, WORDS));
	}
}

/* As a translation does it: an address, then a port, then the way back. */
static void test_there_and_back(void **state)
{
	unsigned int seed = 5;
	__u16 words[WORDS];

	(void)state;
	for (unsigned int i = 0; i < ROUNDS; i++) {
		__u32 from, to = (__u32)random16(&seed) << 16 | random16(&seed);
		__u16 port = random16(&seed), before, check;

		random_words(words, &seed);
		before = full(words, WORDS);
		memcpy(&from, words, sizeof(from));
		check = checksum_replace32(before, from, to);
		check = checksum_replace16(check, words[2], port);
		check = checksum_replace16(check, port, words[2]);
		check = checksum_replace32(check, to, from);
		assert_int_equal(check, before);
	}
}

/* A wrong checksum stays wrong, by the same difference. */
static void test_wrong_stays_wrong(void **state)
{
	unsigned int seed = 6;
	__u16 words[WORDS];

	(void)state;
	for (unsigned int i = 0; i < ROUNDS; i++) {
		__u16 wrong = random16(&seed), to = random16(&seed), from;

		random_words(words, &seed);
		from = words[0];
		if (wrong == full(words, WORDS) || wrong == 0xffff) {
			continue;
		}
		words[0] = to;
		assert_int_not_equal(checksum_replace16(wrong, from, to), full(words, WORDS));
	}
}

static void test_udp_zero(void **state)
{
	(void)state;
	assert_int_equal(checksum_udp(0), 0xffff);
	for (__u32 check = 1; check <= 0xffff; check++) {
		assert_int_equal(checksum_udp((__u16)check), check);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_fold),
		cmocka_unit_test(test_replace16_every_value),
		cmocka_unit_test(test_replace16_every_old_value),
		cmocka_unit_test(test_replace16_every_checksum),
		cmocka_unit_test(test_replace32),
		cmocka_unit_test(test_replace32_edges),
		cmocka_unit_test(test_there_and_back),
		cmocka_unit_test(test_wrong_stays_wrong),
		cmocka_unit_test(test_udp_zero),
	};

	return cmocka_run_group_tests_name("checksum", tests, NULL, NULL);
}
