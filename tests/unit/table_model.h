/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * A session table of natgw_table.h beside a plain one: an array of words by the number of the key.
 * What session.h does with the rows is done here likewise.
 */
#ifndef NATGW_TESTS_TABLE_MODEL_H
#define NATGW_TESTS_TABLE_MODEL_H

#include <linux/types.h>
#include <sched.h>
#include <stdbool.h>
#include <stdlib.h>

#include "table_keys.h"

struct table {
	struct natgw_slot *slots;
	struct natgw_table_size size;
	__u32 count; /* of slots */
};

/* For so many sessions, empty, in memory of its own. Ends the program when there is none. */
void table_make(struct table *table, __u32 sessions, __u64 seed);
void table_free(struct table *table);

/* What is wrong with the table while nobody uses it, or NULL. Every used slot is where a find of
 * its key gets to, and nothing else is in the words of the homes. */
const char *table_broken(const struct table *table);
__u32 table_rows(const struct table *table);
/* Are all slots taken in which this key may be? */
bool table_has_no_room(const struct table *table, const struct natgw_table_key *key);

/* Xorshift with a multiplication, from any seed but 0. */
static inline __u64 table_random(__u64 *seed)
{
	*seed ^= *seed >> 12;
	*seed ^= *seed << 25;
	*seed ^= *seed >> 27;
	return *seed * 0x2545f4914f6cdd1dULL;
}

static inline __u32 table_random_below(__u64 *seed, __u32 count)
{
	return (__u32)((table_random(seed) >> 32) * count >> 32);
}

/* ---- as session.h does it; inline, since one test has its own accesses to memory ---- */

static inline struct natgw_table_key table_wanted(__u32 number)
{
	struct natgw_outbound_key key;

	table_key(number, &key);
	return natgw_outbound_table_key(&key);
}

/* As session.h finds a row: NULL also for a dead one; *ret_word is the word that was judged. */
static inline struct natgw_session *table_find(const struct table *table, __u32 number,
					       __u64 *ret_word)
{
	struct natgw_table_key key = table_wanted(number);
	__u64 word;
	__u32 index = natgw_table_search(table->slots, &table->size, &key, &word);
	struct natgw_slot *slot = &table->slots[index % table->count];

	if (index == NATGW_TABLE_NONE || !natgw_table_matches(slot, &key, &word) ||
	    table_state(word) == NATGW_STATE_DEAD) {
		return NULL;
	}
	*ret_word = word;
	return &slot->row;
}

/* 0, or NATGW_TABLE_EXISTS or NATGW_TABLE_FULL. */
static inline int table_insert(const struct table *table, __u32 number, __u64 word)
{
	struct natgw_table_key key = table_wanted(number);
	struct natgw_session row;
	int error;

	table_row(number, word, &row);
	do {
		error = natgw_table_insert(table->slots, &table->size, &key, &row);
	} while (error == NATGW_TABLE_BUSY && !sched_yield());
	return error;
}

/* From a word that was found. false: the row has another one now. */
static inline bool table_change(struct natgw_session *row, __u64 from, __u64 to)
{
	return NATGW_TABLE_SWAP(&row->word, from, to);
}

static inline bool table_take_over(struct natgw_session *row, __u32 number, __u64 from, __u64 to)
{
	__u64 new = table_with_state(to, NATGW_STATE_NEW);
	struct natgw_session fields;

	if (!table_change(row, from, new)) {
		return false;
	}
	table_row(number, to, &fields);
	NATGW_TABLE_WRITE(&row->packets, fields.packets);
	NATGW_TABLE_WRITE(&row->bytes, fields.bytes);
	NATGW_TABLE_WRITE(&row->addr, fields.addr);
	NATGW_TABLE_WRITE(&row->port, fields.port);
	NATGW_TABLE_WRITE(&row->orig_port, fields.orig_port);
	NATGW_TABLE_WRITE(&row->last_seen, fields.last_seen);
	NATGW_TABLE_WRITE(&row->nexthop, fields.nexthop);
	NATGW_TABLE_WRITE(&row->rst_seq, fields.rst_seq);
	return table_change(row, new, to);
}

/* The first half of a removal, and the second. */
static inline bool table_kill(struct natgw_session *row, __u64 word)
{
	return table_change(row, word, table_with_state(word, NATGW_STATE_DEAD));
}

static inline void table_bury(const struct table *table, __u32 number, __u64 word)
{
	struct natgw_table_key key = table_wanted(number);

	natgw_table_release(table->slots, &table->size, &key,
			    table_with_state(word, NATGW_STATE_DEAD));
}

/* ---- one thread's part of the keys, and what it knows of them ---- */

enum table_step {
	TABLE_STEP_INSERT,
	TABLE_STEP_FIND,
	TABLE_STEP_REMOVE,
	TABLE_STEP_EXPIRE,
	TABLE_STEP_TAKE_OVER,
	TABLE_STEP_CHANGE,
	TABLE_STEP_COUNT
};

struct table_worker {
	const struct table *table;
	__u64 *words; /* by number; 0: no row */
	__u32 keys;   /* numbers below; of these those that are "who" modulo "workers" */
	__u32 workers;
	__u32 who;
	__u32 rows;	  /* that it has */
	__u32 rows_max;	  /* it inserts no more */
	bool may_be_full; /* -E2BIG is right when there is no room */
	__u32 generation;
	__u64 seed;
	__u64 steps; /* to do */
	__u64 done[TABLE_STEP_COUNT];
	__u64 full;
	char problem[256]; /* "": none */
};

/* Random steps, each compared with what the worker knows; stops at the first difference. */
void table_work(struct table_worker *worker);
/* The worker's rows, and no others of its keys, are in the table: else sets problem. */
void table_compare(struct table_worker *worker);

#endif
