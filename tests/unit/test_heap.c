// SPDX-License-Identifier: GPL-2.0-only
/* The first so many of many: against sorting all of them. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>
#include <stdlib.h>
#include <string.h>

#include "heap.h"

#define MANY 2000

static int greatest_first(const void *left, const void *right)
{
	const uint32_t a = *(const uint32_t *)left;
	const uint32_t b = *(const uint32_t *)right;

	return a == b ? 0 : a > b ? -1 : 1;
}

static void compare(size_t count, size_t room, uint32_t range)
{
	static uint32_t all[MANY];
	static uint32_t kept[MANY];
	struct heap heap = { kept, sizeof(uint32_t), room, 0, greatest_first };
	uint32_t seed = 12345;

	for (size_t i = 0; i < count; i++) {
		seed = seed * 1103515245 + 12345;
		all[i] = seed >> 8 & (range - 1);
		heap_offer(&heap, &all[i]);
	}
	heap_sort(&heap);
	qsort(all, count, sizeof(*all), greatest_first);
	assert_int_equal(heap.count, count < room ? count : room);
	assert_memory_equal(kept, all, heap.count * sizeof(*kept));
}

static void test_it_keeps_the_first(void **state)
{
	static const size_t rooms[] = { 1, 2, 3, 10, 100, MANY };

	(void)state;
	for (size_t i = 0; i < sizeof(rooms) / sizeof(rooms[0]); i++) {
		compare(MANY, rooms[i], 1 << 24);
		compare(MANY, rooms[i], 4); /* most are equal */
		compare(rooms[i] / 2, rooms[i], 1 << 24);
	}
}

static void test_without_room_it_keeps_nothing(void **state)
{
	uint32_t item = 1;
	struct heap heap = { NULL, sizeof(item), 0, 0, greatest_first };

	(void)state;
	heap_offer(&heap, &item);
	assert_int_equal(heap.count, 0);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_it_keeps_the_first),
		cmocka_unit_test(test_without_room_it_keeps_nothing),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
