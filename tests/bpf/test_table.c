// SPDX-License-Identifier: GPL-2.0-only
/*
 * natgw_table.h in the kernel: two threads on two CPUs run a program that performs operations on
 * one table, each with its own half of the keys, and compare what came of them with a plain table.
 * Then both insert the same keys at once.
 */
#include "table_ops.h"

#include <linux/bpf.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <bpf/bpf.h>
#include <bpf/libbpf.h>
#include <cmocka.h>
#include <pthread.h>
#include <sched.h>
#include <sys/mman.h>
#include <time.h>

#include "../unit/table_model.h"
#include "tests/bpf/table_ops.skel.h"

#define SESSIONS 131072
#define KEYS (2 * SESSIONS)
/* Two keys of this test often have one home, so it does not go to the limit (table_keys.h). */
#define ROWS_MAX (SESSIONS / 4 * 3)
#define OPERATIONS 10000000ULL
#define RACES 100000ULL
#define FRAME_LENGTH 64

struct kernel_table {
	struct table_ops_bpf *skel;
	struct table table; /* mapped */
	struct table_op *ops;
	__u32 *arrived;
	__u64 seed;
};

static struct kernel_table bed;

static void die(const char *what)
{
	perror(what);
	exit(2);
}

static void *map_memory(const struct bpf_map *map, size_t length)
{
	void *memory = mmap(NULL, length, PROT_READ | PROT_WRITE, MAP_SHARED, bpf_map__fd(map), 0);

	if (memory == MAP_FAILED) {
		die("test_table: mmap");
	}
	return memory;
}

static void open_table(void)
{
	const char *seed = getenv("NATGW_SEED");
	struct natgw_table_size size;

	bed.seed = seed ? strtoull(seed, NULL, 0) : (__u64)time(NULL);
	size = natgw_table_size_for(SESSIONS, bed.seed);
	bed.table.size = size;
	bed.table.count = natgw_table_slots(&size);
	bed.skel = table_ops_bpf__open();
	if (!bed.skel) {
		die("test_table: open");
	}
	memcpy((void *)&bed.skel->rodata->table_size, &size, sizeof(size));
	if (bpf_map__set_max_entries(bed.skel->maps.table, bed.table.count) ||
	    table_ops_bpf__load(bed.skel)) {
		die("test_table: load");
	}
	bed.table.slots =
		map_memory(bed.skel->maps.table, bed.table.count * sizeof(struct natgw_slot));
	bed.ops = map_memory(bed.skel->maps.ops, 2 * TABLE_OPS * sizeof(struct table_op));
	bed.arrived = map_memory(bed.skel->maps.arrived, TABLE_OPS * sizeof(__u64));
	print_message("seed %llu\n", bed.seed);
}

static void run_program(const struct bpf_program *program, __u32 who)
{
	__u8 frame[FRAME_LENGTH] = { (__u8)who };
	LIBBPF_OPTS(bpf_test_run_opts, opts, .data_in = frame, .data_size_in = sizeof(frame));

	if (bpf_prog_test_run_opts(bpf_program__fd(program), &opts)) {
		die("test_table: run");
	}
}

/* Two threads, each on its CPU from its beginning; the argument is their number. */
static void run_both(void *(*work)(void *))
{
	pthread_t threads[2];
	pthread_attr_t attr;
	cpu_set_t set;

	for (uintptr_t i = 0; i < 2; i++) {
		CPU_ZERO(&set);
		CPU_SET(i, &set);
		if (pthread_attr_init(&attr) ||
		    pthread_attr_setaffinity_np(&attr, sizeof(set), &set) ||
		    pthread_create(&threads[i], &attr, work, (void *)i)) {
			die("test_table: thread");
		}
		pthread_attr_destroy(&attr);
	}
	for (int i = 0; i < 2; i++) {
		pthread_join(threads[i], NULL);
	}
}

static void assert_whole(__u32 rows)
{
	const char *problem = table_broken(&bed.table);

	if (problem) {
		fail_msg("%s; seed %llu", problem, bed.seed);
	}
	assert_int_equal(table_rows(&bed.table), rows);
}

/* ---- random operations ---- */

struct half {
	__u64 seed;
	__u32 generation;
	__u32 rows;
	__u64 kinds[TABLE_OP_KINDS];
	__u64 busy;
	bool wrong;
	struct table_op op; /* the one that went wrong */
	struct table_op expected;
};

static struct half halves[2];
static __u64 words[KEYS]; /* by key: of its row; each thread has every second one */

/* An operation, and what has to come of it. */
static void plan(struct half *half, __u32 who, struct table_op *expected)
{
	__u32 number = 2 * table_random_below(&half->seed, KEYS / 2) + who;
	__u32 dice = table_random_below(&half->seed, 8);
	__u64 *word = &words[number];

	half->generation += 2;
	*expected = (struct table_op){
		.kind = dice < 3 && (*word || half->rows < ROWS_MAX / 2) ? TABLE_OP_INSERT
			: dice < 5					 ? TABLE_OP_FIND
			: dice < 7					 ? TABLE_OP_REMOVE
									 : TABLE_OP_TAKE_OVER,
		.number = number,
		.word = table_word(number, half->generation, NATGW_STATE_OPENING),
		.found = *word,
	};
	if (expected->kind == TABLE_OP_INSERT) {
		expected->found = 0;
		expected->error = *word ? NATGW_TABLE_EXISTS : 0;
		half->rows += !*word;
		*word = *word ? *word : expected->word;
	} else if (expected->kind == TABLE_OP_REMOVE) {
		half->rows -= !!*word;
		*word = 0;
	} else if (expected->kind == TABLE_OP_TAKE_OVER) {
		*word = *word ? expected->word : 0;
	}
}

static void compare(struct half *half, const struct table_op *op, const struct table_op *expected)
{
	half->kinds[op->kind]++;
	half->busy += op->tries > 1;
	if (!half->wrong && (op->found != expected->found || op->error != expected->error)) {
		half->wrong = true;
		half->op = *op;
		half->expected = *expected;
	}
}

static void *perform(void *argument)
{
	__u32 who = (__u32)(uintptr_t)argument;
	struct half *half = &halves[who];
	struct table_op *ops = &bed.ops[who * TABLE_OPS];
	struct table_op *expected = calloc(TABLE_OPS, sizeof(*expected));
	__u64 rounds = OPERATIONS * (getenv("NATGW_LONG") ? 10 : 1) / 2 / TABLE_OPS + 1;

	if (!expected) {
		die("test_table: calloc");
	}
	for (__u64 i = 0; i < rounds && !half->wrong; i++) {
		for (__u32 j = 0; j < TABLE_OPS; j++) {
			plan(half, who, &expected[j]);
		}
		memcpy(ops, expected, TABLE_OPS * sizeof(*ops));
		run_program(bed.skel->progs.table_run, who);
		for (__u32 j = 0; j < TABLE_OPS; j++) {
			compare(half, &ops[j], &expected[j]);
		}
	}
	free(expected);
	return NULL;
}

static void judge_half(const struct half *half)
{
	print_message("inserts %llu, of them %llu after a wait; finds %llu, removals %llu, taken "
		      "over %llu; rows %u\n",
		      half->kinds[TABLE_OP_INSERT], half->busy, half->kinds[TABLE_OP_FIND],
		      half->kinds[TABLE_OP_REMOVE], half->kinds[TABLE_OP_TAKE_OVER], half->rows);
	if (half->wrong) {
		fail_msg("operation %u on key %u: word 0x%llx and %d, expected 0x%llx and %d; seed "
			 "%llu",
			 half->op.kind, half->op.number, half->op.found, half->op.error,
			 half->expected.found, half->expected.error, bed.seed);
	}
}

static void test_two_cpus(void **state)
{
	(void)state;
	for (__u32 i = 0; i < 2; i++) {
		halves[i] = (struct half){ .seed = bed.seed * 2 + i + 1, .generation = i };
	}
	run_both(perform);
	judge_half(&halves[0]);
	judge_half(&halves[1]);
	for (__u32 i = 0; i < KEYS; i++) {
		__u64 word = 0;

		table_find(&bed.table, i, &word);
		assert_true(word == words[i]);
	}
	assert_whole(halves[0].rows + halves[1].rows);
}

/* ---- one key, both CPUs ---- */

static void *insert_all(void *argument)
{
	__u32 who = (__u32)(uintptr_t)argument;

	run_program(bed.skel->progs.table_race, who);
	return NULL;
}

static void plan_races(__u32 first)
{
	memset(bed.arrived, 0, TABLE_OPS * sizeof(__u64));
	for (__u32 i = 0; i < 2 * TABLE_OPS; i++) {
		__u32 number = 2 * (first + i % TABLE_OPS), who = i / TABLE_OPS;

		bed.ops[i] = (struct table_op){
			.kind = TABLE_OP_INSERT,
			.number = number,
			.word = table_word(number, 2 * first + who, NATGW_STATE_OPENING),
		};
	}
}

static void judge_race(const struct table_op *one, const struct table_op *other, __u32 *wins)
{
	const struct table_op *winner = one->error ? other : one;
	const struct table_op *loser = one->error ? one : other;
	__u64 word = 0;

	if (winner->error || loser->error != NATGW_TABLE_EXISTS) {
		fail_msg("key %u: inserts %d and %d; seed %llu", one->number, one->error,
			 other->error, bed.seed);
	}
	table_find(&bed.table, one->number, &word);
	assert_true(word == winner->word);
	wins[winner == other]++;
}

static void test_same_key(void **state)
{
	__u32 wins[2] = { 0 }, races = 0, waits = 0;

	(void)state;
	memset(bed.table.slots, 0, bed.table.count * sizeof(*bed.table.slots));
	while (races < RACES) {
		plan_races(races);
		run_both(insert_all);
		for (__u32 i = 0; i < TABLE_OPS; i++) {
			judge_race(&bed.ops[i], &bed.ops[TABLE_OPS + i], wins);
			waits += bed.ops[i].tries + bed.ops[TABLE_OPS + i].tries > 2;
		}
		races += TABLE_OPS;
	}
	print_message("%u races: won by %u and %u, %u waits\n", races, wins[0], wins[1], waits);
	assert_whole(races);
	/* Nothing is proved when the two never met. */
	assert_true(wins[0] > 0 && wins[1] > 0);
}

/* ---- the instructions ---- */

/* One that does not return the old value is no barrier on arm64 (natgw_table_memory.h). */
static void test_atomics_are_barriers(void **state)
{
	const struct bpf_program *program = bed.skel->progs.table_run;
	const struct bpf_insn *insns = bpf_program__insns(program);
	__u32 atomics = 0;

	(void)state;
	for (size_t i = 0; i < bpf_program__insn_cnt(program); i++) {
		if (BPF_CLASS(insns[i].code) != BPF_STX || BPF_MODE(insns[i].code) != BPF_ATOMIC) {
			continue;
		}
		atomics++;
		if (!(insns[i].imm & BPF_FETCH)) {
			fail_msg("instruction %zu: atomic, but no barrier", i);
		}
	}
	assert_true(atomics >= 8);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_two_cpus),
		cmocka_unit_test(test_same_key),
		cmocka_unit_test(test_atomics_are_barriers),
	};
	int failed;

	open_table();
	failed = cmocka_run_group_tests_name("table", tests, NULL, NULL);
	table_ops_bpf__destroy(bed.skel);
	return failed;
}
