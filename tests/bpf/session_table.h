/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * A session table of the programs, mapped: a test reads and writes its rows by the code that the
 * programs have (natgw_table.h). Keys are those of the table's direction, 16 bytes. Rows are given
 * without what their slots say as the homes of others.
 */
#ifndef NATGW_TESTS_BPF_SESSION_TABLE_H
#define NATGW_TESTS_BPF_SESSION_TABLE_H

#include <stdbool.h>

#include "natgw_maps.h"
#include "natgw_table.h"

struct session_table {
	struct natgw_slot *slots;
	__u32 count; /* slots */
	struct natgw_table_size size;
	bool is_outbound;
};

struct session_table_row {
	__u8 key[16];
	struct natgw_session row;
};

/* While no program runs. */
void session_table_clear(struct session_table *table);
/* A row in whatever state, also a dead one; false: there is none, or its key is not written yet. */
bool session_table_find(const struct session_table *table, const void *key,
			struct natgw_session *ret_row);
/* While no program runs: 0, NATGW_TABLE_EXISTS or NATGW_TABLE_FULL; NATGW_TABLE_BUSY: a program has
 * left its home locked. The row's word has its state and its gateway. */
int session_table_insert(struct session_table *table, const void *key,
			 const struct natgw_session *row);
/* Writes over the row that the key has; false: there is none. */
bool session_table_write(struct session_table *table, const void *key,
			 const struct natgw_session *row);
/* The row in slot "index", as session_table_find gives it; false: there is none. */
bool session_table_at(const struct session_table *table, __u32 index,
		      struct session_table_row *ret_row);
/* Rows of nobody's in every slot that is free, so that whatever comes finds none. */
void session_table_fill(struct session_table *table);

#endif
