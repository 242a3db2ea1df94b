// SPDX-License-Identifier: GPL-2.0-only
/* The plain table, the steps of a worker, and what is always true of a table at rest. */
#include "table_model.h"

#include <stdio.h>
#include <string.h>
#include <sys/mman.h>

#define WORKER_WINDOW 16 /* slots that one step of expiry looks at */

/* ---- the table ---- */

void table_make(struct table *table, __u32 sessions, __u64 seed)
{
	table->size = natgw_table_size_for(sessions, seed);
	table->count = natgw_table_slots(&table->size);
	table->slots = mmap(NULL, table->count * sizeof(*table->slots), PROT_READ | PROT_WRITE,
			    MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
	if (table->slots == MAP_FAILED) {
		perror("table: mmap");
		exit(2);
	}
}

void table_free(struct table *table)
{
	munmap(table->slots, table->count * sizeof(*table->slots));
}

static struct natgw_table_key key_at(const struct table *table, __u32 index)
{
	struct natgw_outbound_key key;

	natgw_slot_outbound_key(&table->slots[index], table->slots[index].row.word, &key);
	return natgw_outbound_table_key(&key);
}

__u32 table_rows(const struct table *table)
{
	__u32 rows = 0;

	for (__u32 i = 0; i < table->count; i++) {
		rows += !!table->slots[i].row.word;
	}
	return rows;
}

bool table_has_no_room(const struct table *table, const struct natgw_table_key *key)
{
	__u64 hash = natgw_table_hash(key, table->size.seed);
	__u32 home = natgw_table_home(&table->size, hash);
	__u32 tail = natgw_table_tail_home(&table->size, hash);

	for (__u32 i = 0; i < NATGW_TABLE_HOPS; i++) {
		if (!table->slots[home ^ i].row.word || !table->slots[tail ^ i].row.word) {
			return false;
		}
	}
	return true;
}

/* ---- at rest ---- */

struct survey {
	__u32 *hops; /* by slot: what its word has to be */
	__u32 *tail; /* by slot: its rows in the tail */
};

static const char *survey_row(const struct table *table, struct survey *survey, __u32 index)
{
	struct natgw_table_key key = key_at(table, index);
	__u64 hash = natgw_table_hash(&key, table->size.seed), word;
	__u32 home = natgw_table_home(&table->size, hash), from = home;

	if (!natgw_table_is_row(table->slots[index].row.word) ||
	    table_state(table->slots[index].row.word) == NATGW_STATE_DEAD) {
		return "a slot that is neither free nor in use";
	}
	if (index >= table->size.groups * NATGW_TABLE_GROUP) {
		from = natgw_table_tail_home(&table->size, hash);
		survey->tail[home]++;
	}
	if ((from ^ index) >= NATGW_TABLE_HOPS) {
		return "a row that is too far from its home";
	}
	survey->hops[from] |= 1U << (from ^ index);
	return natgw_table_search(table->slots, &table->size, &key, &word) == index
		       ? NULL
		       : "a row that is not found, or twice there";
}

static const char *survey_home(const struct table *table, const struct survey *survey, __u32 index)
{
	const struct natgw_slot *slot = &table->slots[index];

	if (slot->row.hops & NATGW_TABLE_LOCK) {
		return "a home that is locked";
	}
	if (slot->row.hops != survey->hops[index]) {
		return "a home whose hops are not its rows";
	}
	if (slot->rest >> NATGW_TABLE_TAIL_SHIFT != survey->tail[index]) {
		return "a home whose rows in the tail are others";
	}
	return slot->rest << (64 - NATGW_TABLE_TAIL_SHIFT) >> (64 - NATGW_TABLE_TAIL_SHIFT) >>
			       (64 - __builtin_clzll(NATGW_TABLE_REST_MASK))
		       ? "a bit that belongs to nobody"
		       : NULL;
}

const char *table_broken(const struct table *table)
{
	struct survey survey = {
		.hops = calloc(table->count, sizeof(*survey.hops)),
		.tail = calloc(table->count, sizeof(*survey.tail)),
	};
	const char *problem = survey.hops && survey.tail ? NULL : "no memory";

	for (__u32 i = 0; i < table->count && !problem; i++) {
		problem = table->slots[i].row.word ? survey_row(table, &survey, i) : NULL;
	}
	for (__u32 i = 0; i < table->count && !problem; i++) {
		problem = survey_home(table, &survey, i);
	}
	free(survey.hops);
	free(survey.tail);
	return problem;
}

/* ---- a worker's steps ---- */

/* In place of 100 random numbers, so often a step. */
static const __u8 weights[TABLE_STEP_COUNT] = {
	[TABLE_STEP_INSERT] = 30, [TABLE_STEP_FIND] = 30,      [TABLE_STEP_REMOVE] = 15,
	[TABLE_STEP_EXPIRE] = 5,  [TABLE_STEP_TAKE_OVER] = 10, [TABLE_STEP_CHANGE] = 10,
};

static void note(struct table_worker *worker, const char *what, __u32 number, __u64 found)
{
	__u64 steps = 0;

	for (int i = 0; i < TABLE_STEP_COUNT; i++) {
		steps += worker->done[i];
	}
	snprintf(worker->problem, sizeof(worker->problem),
		 "%s: key %u, word 0x%llx, expected 0x%llx; worker %u, step %llu", what, number,
		 found, worker->words[number], worker->who, steps);
}

static __u32 pick(struct table_worker *worker)
{
	__u32 number = table_random_below(&worker->seed, worker->keys / worker->workers);

	return number * worker->workers + worker->who;
}

static __u64 next_word(struct table_worker *worker, __u32 number)
{
	__u32 state =
		table_random(&worker->seed) >> 63 ? NATGW_STATE_OPENING : NATGW_STATE_ESTABLISHED;

	worker->generation += worker->workers;
	return table_word(number, worker->generation, state);
}

/* The row as it has to be, or NULL: then there is none, or a problem. */
static struct natgw_session *find(struct table_worker *worker, __u32 number)
{
	__u64 expected = worker->words[number], word = 0;
	struct natgw_session *row = table_find(worker->table, number, &word);

	if (word != expected) {
		note(worker, "found", number, word);
		return NULL;
	}
	if (row && !table_agrees(row, number, word)) {
		note(worker, "fields of another", number, word);
	}
	return row;
}

static void insert(struct table_worker *worker, __u32 number)
{
	struct natgw_table_key key = table_wanted(number);
	__u64 word = next_word(worker, number);
	int error;

	if (!worker->words[number] && worker->rows >= worker->rows_max) {
		find(worker, number);
		return;
	}
	error = table_insert(worker->table, number, word);
	if (error == NATGW_TABLE_FULL && worker->may_be_full && !worker->words[number] &&
	    table_has_no_room(worker->table, &key)) {
		worker->full++;
		return;
	}
	if (error != (worker->words[number] ? NATGW_TABLE_EXISTS : 0)) {
		note(worker, error ? "insert refused" : "inserted twice", number, word);
		return;
	}
	if (!error) {
		worker->words[number] = word;
		worker->rows++;
	}
}

static void remove_row(struct table_worker *worker, __u32 number)
{
	__u64 word = worker->words[number];
	struct natgw_session *row = find(worker, number);

	if (!row) {
		return;
	}
	if (!table_kill(row, word)) {
		note(worker, "changed by another", number, row->word);
		return;
	}
	table_bury(worker->table, number, word);
	worker->words[number] = 0;
	worker->rows--;
}

/* As the sweep does: what is in the slots is looked at, and found by its key. */
static void expire(struct table_worker *worker)
{
	__u32 first = table_random_below(&worker->seed, worker->table->count);

	for (__u32 i = 0; i < WORKER_WINDOW; i++) {
		__u32 index = (first + i) % worker->table->count, number;
		struct natgw_slot *slot = &worker->table->slots[index];
		__u64 word = NATGW_TABLE_READ(&slot->row.word);
		struct natgw_outbound_key key;

		natgw_slot_outbound_key(slot, word, &key);
		number = table_number(&key);
		if (!natgw_table_is_row(word) ||
		    !natgw_table_same_row(word, NATGW_TABLE_READ(&slot->row.word)) ||
		    number % worker->workers != worker->who) {
			continue;
		}
		if (number >= worker->keys || worker->words[number] != word) {
			note(worker, "in a slot", number % worker->keys, word);
			return;
		}
		if (i == 0) {
			remove_row(worker, number);
		}
	}
}

static void change(struct table_worker *worker, __u32 number, bool takes_over)
{
	__u64 word = worker->words[number], next;
	struct natgw_session *row = find(worker, number);

	if (!row) {
		return;
	}
	next = takes_over ? next_word(worker, number)
			  : table_with_state(word, table_state(word) ^ NATGW_STATE_OPENING ^
							   NATGW_STATE_ESTABLISHED);
	if (!(takes_over ? table_take_over(row, number, word, next)
			 : table_change(row, word, next))) {
		note(worker, "changed by another", number, row->word);
		return;
	}
	worker->words[number] = next;
}

static enum table_step pick_step(struct table_worker *worker)
{
	__u32 at = table_random_below(&worker->seed, 100);
	__u32 step = 0;

	while (at >= weights[step]) {
		at -= weights[step++];
	}
	return step;
}

void table_work(struct table_worker *worker)
{
	for (__u64 i = 0; i < worker->steps && !*worker->problem; i++) {
		enum table_step step = pick_step(worker);
		__u32 number = pick(worker);

		worker->done[step]++;
		switch (step) {
		case TABLE_STEP_INSERT:
			insert(worker, number);
			break;
		case TABLE_STEP_REMOVE:
			remove_row(worker, number);
			break;
		case TABLE_STEP_EXPIRE:
			expire(worker);
			break;
		case TABLE_STEP_TAKE_OVER:
		case TABLE_STEP_CHANGE:
			change(worker, number, step == TABLE_STEP_TAKE_OVER);
			break;
		default:
			find(worker, number);
		}
	}
}

void table_compare(struct table_worker *worker)
{
	for (__u32 i = worker->who; i < worker->keys && !*worker->problem; i += worker->workers) {
		find(worker, i);
	}
}
