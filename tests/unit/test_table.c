// SPDX-License-Identifier: GPL-2.0-only
/*
 * The session table against a plain one: random steps by one thread and by two, whose keys share
 * homes and slots; the number of rows for which there is always room; one key by two threads at
 * once. Built a second time for the thread sanitizer, with fewer steps.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>

#include <arpa/inet.h>
#include <cmocka.h>
#include <netinet/in.h>
#include <pthread.h>
#include <sched.h>
#include <stdatomic.h>
#include <time.h>

#include "table_model.h"

#ifdef __SANITIZE_THREAD__
#define SCALE(number) ((number) / 40)
#else
#define SCALE(number) (number)
#endif
#define COUNT(list) (sizeof(list) / sizeof((list)[0]))
#define SPINS 2000

static __u64 table_seed; /* of all tables; by the clock */

static __u64 scaled(__u64 number)
{
	return SCALE(number) * (getenv("NATGW_LONG") ? 10 : 1);
}

static void *make_zeros(size_t count, size_t size)
{
	void *zeros = calloc(count, size);

	assert_non_null(zeros);
	return zeros;
}

static void assert_whole(const struct table *table)
{
	const char *problem = table_broken(table);

	if (problem) {
		fail_msg("%s; table seed %llu", problem, table_seed);
	}
}

/* ---- random steps ---- */

struct size_case {
	__u32 sessions;
	__u32 keys;
	__u32 rows_max; /* at a time */
	__u64 steps;
};

#define ANY_NUMBER UINT32_MAX

static void *work(void *worker)
{
	table_work(worker);
	return NULL;
}

static void run_workers(struct table_worker *workers, __u32 count)
{
	pthread_t threads[2];

	for (__u32 i = 1; i < count; i++) {
		assert_int_equal(pthread_create(&threads[i], NULL, work, &workers[i]), 0);
	}
	work(&workers[0]);
	for (__u32 i = 1; i < count; i++) {
		assert_int_equal(pthread_join(threads[i], NULL), 0);
	}
}

static void judge_workers(const struct table *table, struct table_worker *workers, __u32 count)
{
	__u32 rows = 0;

	for (__u32 i = 0; i < count; i++) {
		table_compare(&workers[i]);
		if (*workers[i].problem) {
			fail_msg("%s; seed %llu", workers[i].problem, table_seed);
		}
		rows += workers[i].rows;
	}
	assert_whole(table);
	assert_int_equal(table_rows(table), rows);
}

static void run_case(const struct size_case *size, __u32 count)
{
	struct table_worker workers[2] = { 0 };
	__u64 *words = make_zeros(size->keys, sizeof(*words));
	struct table table;

	table_make(&table, size->sessions, table_seed);
	for (__u32 i = 0; i < count; i++) {
		workers[i] = (struct table_worker){
			.table = &table,
			.words = words,
			.keys = size->keys,
			.workers = count,
			.who = i,
			.rows_max = size->rows_max / count,
			.may_be_full = size->rows_max == ANY_NUMBER,
			.generation = i,
			.seed = table_seed * 2 + i + 1,
			.steps = scaled(size->steps) / count,
		};
	}
	run_workers(workers, count);
	judge_workers(&table, workers, count);
	print_message("%u sessions: %u rows at the end, %llu times no room\n", size->sessions,
		      table_rows(&table), workers[0].full);
	if (workers[0].may_be_full) {
		assert_true(workers[0].full > 0);
	}
	table_free(&table);
	free(words);
}

static void test_one_thread(void **state)
{
	static const struct size_case cases[] = {
		{ 64, 4096, ANY_NUMBER, 500000 },    { 64, 256, 64, 500000 },
		{ 1024, 32768, ANY_NUMBER, 500000 }, { 1024, 4096, 768, 500000 },
		{ 65536, 262144, 49152, 500000 },
	};

	(void)state;
	for (size_t i = 0; i < COUNT(cases); i++) {
		run_case(&cases[i], 1);
	}
}

static void test_two_threads(void **state)
{
	static const struct size_case cases[] = {
		{ 64, 256, 64, 4000000 },
		{ 1024, 4096, 768, 4000000 },
		{ 65536, 262144, 49152, 2000000 },
	};

	(void)state;
	for (size_t i = 0; i < COUNT(cases); i++) {
		run_case(&cases[i], 2);
	}
}

/* ---- room for what was asked for ---- */

static void must_insert(const struct table *table, __u32 number, __u32 generation)
{
	__u64 word = table_word(number, generation, NATGW_STATE_OPENING);
	int error = table_insert(table, number, word);

	if (error) {
		fail_msg("insert of key %u: %d; seed %llu", number, error, table_seed);
	}
}

static void must_remove(const struct table *table, __u32 number)
{
	__u64 word;
	struct natgw_session *row = table_find(table, number, &word);

	if (!row || !table_kill(row, word)) {
		fail_msg("key %u is not there; seed %llu", number, table_seed);
	}
	table_bury(table, number, word);
}

static __u32 rows_in_tail(const struct table *table)
{
	__u32 rows = 0;

	for (__u32 i = table->size.groups * NATGW_TABLE_GROUP; i < table->count; i++) {
		rows += !!table->slots[i].row.word;
	}
	return rows;
}

static void churn_steps(const struct table *table, __u32 *numbers, __u32 sessions, __u64 rounds)
{
	__u64 seed = table_seed;

	for (__u64 i = 0; i < rounds; i++) {
		__u32 at = table_random_below(&seed, sessions);

		must_remove(table, numbers[at]);
		numbers[at] = 2 * (sessions + (__u32)i);
		must_insert(table, numbers[at], (__u32)i);
	}
}

/* Always as many rows as may be; each time another one makes room for a new one. Even numbers: in a
 * table that is full, two keys of one home each time would be too many. */
static void churn(__u32 sessions, __u64 rounds)
{
	__u32 *numbers = make_zeros(sessions, sizeof(*numbers)), in_tail;
	struct table table;

	table_make(&table, sessions, table_seed);
	for (__u32 i = 0; i < sessions; i++) {
		numbers[i] = 2 * i;
		must_insert(&table, numbers[i], i);
	}
	in_tail = rows_in_tail(&table);
	churn_steps(&table, numbers, sessions, rounds);
	print_message("%u sessions: %u of %u slots of the tail in use when full, %u after %llu "
		      "others\n",
		      sessions, in_tail, table.size.tail * NATGW_TABLE_GROUP, rows_in_tail(&table),
		      rounds);
	assert_int_equal(table_rows(&table), sessions);
	assert_whole(&table);
	table_free(&table);
	free(numbers);
}

static void test_room_at_guarantee(void **state)
{
	(void)state;
	churn(64, scaled(64000));
	churn(1024, scaled(10240));
	churn(SCALE(65536), scaled(655360));
	churn(SCALE(1048576), scaled(getenv("NATGW_LONG") ? 1048576 : 2 * 1048576));
}

/* ---- keys as they are ---- */

#define SPREAD_KEYS 65536U

static struct natgw_inbound_key scan_of_addresses(__u32 i)
{
	return (struct natgw_inbound_key){ .rem_addr = htonl(0xc6000000 + i), .ext_port = 99 };
}

static struct natgw_inbound_key scan_of_subnets(__u32 i)
{
	return (struct natgw_inbound_key){ .rem_addr = htonl(i << 12), .ext_port = 99 };
}

static struct natgw_inbound_key scan_of_ports(__u32 i)
{
	return (struct natgw_inbound_key){ .rem_addr = htonl(0xc6000000 + (i >> 16)),
					   .rem_port = htons((__u16)i) };
}

static struct natgw_inbound_key busy_server(__u32 i)
{
	return (struct natgw_inbound_key){ .ext_addr = htonl(0xcb007100 + i / 64512),
					   .ext_port = htons((__u16)(1024 + i % 64512)),
					   .rem_addr = 99 };
}

static struct natgw_inbound_key many_clients(__u32 i)
{
	return (struct natgw_inbound_key){ .ext_addr = htonl(0x0a000000 + i / 8),
					   .ext_port = htons((__u16)(40000 + i % 8)) };
}

static struct natgw_inbound_key clients_and_servers(__u32 i)
{
	return (struct natgw_inbound_key){ .ext_addr = htonl(0x0a000000 + i % 1024),
					   .rem_addr = htonl(0xc6120000 + i / 1024) };
}

struct spread {
	__u64 looks; /* rows that a find looks at, all keys together */
	__u64 over;  /* rows that their groups have no slot for */
};

static void measure_spread(struct natgw_inbound_key (*key_of)(__u32), __u64 seed,
			   struct spread *ret_spread)
{
	struct natgw_table_size size = natgw_table_size_for(SPREAD_KEYS, seed);
	__u32 *homes = make_zeros((size_t)size.groups * NATGW_TABLE_GROUP, sizeof(*homes));
	__u32 *groups = make_zeros(size.groups, sizeof(*groups));

	*ret_spread = (struct spread){ 0 };
	for (__u32 i = 0; i < SPREAD_KEYS; i++) {
		struct natgw_inbound_key key = key_of(i);
		struct natgw_table_key wanted = natgw_inbound_table_key(&key);
		__u32 home = natgw_table_home(&size, natgw_table_hash(&wanted, seed));

		ret_spread->looks += ++homes[home];
		ret_spread->over += ++groups[home / NATGW_TABLE_GROUP] > NATGW_TABLE_GROUP;
	}
	free(homes);
	free(groups);
}

/* At random it would be 1.37 looks, and 6 rows in 1,000 without a slot. */
static void judge_spread(struct natgw_inbound_key (*key_of)(__u32), const char *name)
{
	__u64 seed = table_seed + 1;

	for (int i = 0; i < 32; i++) {
		__u64 table = table_random(&seed);
		struct spread spread;

		measure_spread(key_of, table, &spread);
		if (spread.looks * 100 > SPREAD_KEYS * 142ULL || spread.over * 100 > SPREAD_KEYS) {
			fail_msg("%s, seed of the table 0x%llx: %.2f looks, %llu of %u without a "
				 "slot",
				 name, table, (double)spread.looks / SPREAD_KEYS, spread.over,
				 SPREAD_KEYS);
		}
	}
}

static void test_spread(void **state)
{
	(void)state;
	judge_spread(scan_of_addresses, "scan of addresses");
	judge_spread(scan_of_subnets, "scan of subnets");
	judge_spread(scan_of_ports, "scan of ports");
	judge_spread(busy_server, "busy server");
	judge_spread(many_clients, "many clients");
	judge_spread(clients_and_servers, "clients and servers");
}

/* ---- one key, two threads ---- */

struct duel {
	struct table table;
	void (*turn)(struct duel *duel, __u32 who, __u64 round);
	__u64 rounds;
	__u64 stride; /* rounds after which the threads wait for each other */
	atomic_uint arrived;
	atomic_uint open;
	int error[2];
	atomic_uint *lives; /* by key: rows of it, as their makers know */
	atomic_uint wrong;
	atomic_uint met; /* rows found that the other thread has made or changed */
	__u32 keys;
};

struct duelist {
	struct duel *duel;
	__u32 who;
};

static void meet(struct duel *duel)
{
	unsigned int gate = atomic_load(&duel->open);

	if (atomic_fetch_add(&duel->arrived, 1) == 1) {
		atomic_store(&duel->arrived, 0);
		atomic_store(&duel->open, gate + 1);
		return;
	}
	for (unsigned int spins = 0; atomic_load(&duel->open) == gate; spins++) {
		if (spins > SPINS) {
			sched_yield();
		}
	}
}

static void *fight(void *argument)
{
	struct duelist *duelist = argument;

	for (__u64 i = 0; i < duelist->duel->rounds; i++) {
		if (i % duelist->duel->stride == 0) {
			meet(duelist->duel);
		}
		duelist->duel->turn(duelist->duel, duelist->who, i);
	}
	return NULL;
}

static void run_duel(struct duel *duel)
{
	struct duelist both[2] = { { duel, 0 }, { duel, 1 } };
	pthread_t second;

	assert_int_equal(pthread_create(&second, NULL, fight, &both[1]), 0);
	fight(&both[0]);
	assert_int_equal(pthread_join(second, NULL), 0);
	assert_whole(&duel->table);
	assert_int_equal(atomic_load(&duel->wrong), 0);
}

/* A found row is whole, or another one by now. */
static bool is_whole(const struct natgw_session *row, __u32 number, __u64 word)
{
	return table_state(word) == NATGW_STATE_NEW || table_agrees(row, number, word) ||
	       !natgw_table_same_row(word, NATGW_TABLE_READ(&row->word));
}

static void turn_insert(struct duel *duel, __u32 who, __u64 round)
{
	__u32 number = (__u32)round;
	__u64 mine = table_word(number, 2 * number + who, NATGW_STATE_OPENING), word;
	struct natgw_session *row;

	duel->error[who] = table_insert(&duel->table, number, mine);
	row = table_find(&duel->table, number, &word);
	if (!row || !is_whole(row, number, word) || (!duel->error[who] && word != mine)) {
		atomic_fetch_add(&duel->wrong, 1);
		return;
	}
	atomic_fetch_add(&duel->met, duel->error[who] != 0);
	meet(duel);
	if (!!duel->error[0] + !!duel->error[1] != 1) {
		atomic_fetch_add(&duel->wrong, 1);
	}
}

static void test_same_key_once(void **state)
{
	struct duel duel = { .turn = turn_insert, .rounds = scaled(200000), .stride = 1 };

	(void)state;
	table_make(&duel.table, (__u32)duel.rounds, table_seed);
	run_duel(&duel);
	assert_int_equal(table_rows(&duel.table), duel.rounds);
	assert_int_equal(atomic_load(&duel.met), duel.rounds);
	table_free(&duel.table);
}

/* A row's maker counts it right after the insert, but may be held up for a while. */
static void await_count(struct duel *duel, __u32 number)
{
	const struct timespec pause = { .tv_nsec = 1000000 };

	for (int i = 0; !atomic_exchange(&duel->lives[number], 0); i++) {
		if (i > SPINS + 10000) {
			atomic_fetch_add(&duel->wrong, 1);
			return;
		}
		if (i > SPINS) {
			nanosleep(&pause, NULL);
		}
	}
}

/* Whoever removes a row waits for its maker to count it, so that two of one key would be noticed.
 */
static void turn_anything(struct duel *duel, __u32 who, __u64 round)
{
	__u64 mixed = (round + 1) * 0x9e3779b97f4a7c15ULL >> (7 * who + 11), word;
	__u32 number = (__u32)(mixed % duel->keys);
	__u64 mine = table_word(number, (__u32)(2 * round + who), NATGW_STATE_OPENING);
	struct natgw_session *row = table_find(&duel->table, number, &word);

	if (!row) {
		if (!table_insert(&duel->table, number, mine)) {
			atomic_fetch_add(&duel->wrong, atomic_exchange(&duel->lives[number], 1));
		}
		return;
	}
	atomic_fetch_add(&duel->wrong, !is_whole(row, number, word));
	atomic_fetch_add(&duel->met, (word >> NATGW_WORD_GENERATION_SHIFT & 1) != who);
	if (table_state(word) == NATGW_STATE_NEW) {
		return;
	}
	if (mixed >> 20 & 1) {
		table_take_over(row, number, word, mine);
	} else if (table_kill(row, word)) {
		await_count(duel, number);
		table_bury(&duel->table, number, word);
	}
}

static void test_same_keys_always(void **state)
{
	static const __u32 keys[] = { 1, 2, 16, 192 };

	(void)state;
	for (size_t i = 0; i < COUNT(keys); i++) {
		struct duel duel = { .turn = turn_anything,
				     .rounds = scaled(400000),
				     .stride = 256,
				     .keys = keys[i] };

		duel.lives = make_zeros(keys[i], sizeof(*duel.lives));
		table_make(&duel.table, 256, table_seed);
		run_duel(&duel);
		assert_true(atomic_load(&duel.met) > 0);
		table_free(&duel.table);
		free(duel.lives);
	}
}

/* One thread takes rows over in place; for the other one they are there all the time. */
static void turn_take_over(struct duel *duel, __u32 who, __u64 round)
{
	__u32 number = (__u32)(round % duel->keys);
	__u64 mine = table_word(number, (__u32)(round + duel->keys), NATGW_STATE_OPENING), word;
	struct natgw_session *row = table_find(&duel->table, number, &word);

	if (!row) {
		atomic_fetch_add(&duel->wrong, 1);
		return;
	}
	if (!who) {
		atomic_fetch_add(&duel->wrong, !table_take_over(row, number, word, mine));
		return;
	}
	atomic_fetch_add(&duel->wrong, !is_whole(row, number, word));
	atomic_fetch_add(&duel->wrong,
			 table_insert(&duel->table, number, mine) != NATGW_TABLE_EXISTS);
}

static void test_taken_over_is_there(void **state)
{
	struct duel duel = {
		.turn = turn_take_over, .rounds = scaled(1000000), .stride = 256, .keys = 2
	};

	(void)state;
	table_make(&duel.table, 64, table_seed);
	must_insert(&duel.table, 0, 0);
	must_insert(&duel.table, 1, 1);
	run_duel(&duel);
	assert_int_equal(table_rows(&duel.table), 2);
	table_free(&duel.table);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_one_thread),	    cmocka_unit_test(test_two_threads),
		cmocka_unit_test(test_room_at_guarantee),   cmocka_unit_test(test_spread),
		cmocka_unit_test(test_same_key_once),	    cmocka_unit_test(test_same_keys_always),
		cmocka_unit_test(test_taken_over_is_there),
	};
	const char *seed = getenv("NATGW_SEED");

	table_seed = seed ? strtoull(seed, NULL, 0) : (__u64)time(NULL);
	print_message("seed %llu\n", table_seed);
	return cmocka_run_group_tests_name("table", tests, NULL, NULL);
}
