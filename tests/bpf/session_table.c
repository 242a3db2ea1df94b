// SPDX-License-Identifier: GPL-2.0-only
/* A mapped session table. */
#include "session_table.h"

#include <arpa/inet.h>
#include <string.h>

static struct natgw_table_key key_of(const struct session_table *table, const void *key)
{
	struct natgw_outbound_key outbound;
	struct natgw_inbound_key inbound;

	if (table->is_outbound) {
		memcpy(&outbound, key, sizeof(outbound));
		return natgw_outbound_table_key(&outbound);
	}
	memcpy(&inbound, key, sizeof(inbound));
	return natgw_inbound_table_key(&inbound);
}

static bool is_free(__u64 word)
{
	__u32 state = word & NATGW_WORD_STATE_MASK;

	return state == NATGW_STATE_NONE || state == NATGW_STATE_CLAIMED;
}

void session_table_clear(struct session_table *table)
{
	memset(table->slots, 0, table->count * sizeof(*table->slots));
}

bool session_table_at(const struct session_table *table, __u32 index,
		      struct session_table_row *ret_row)
{
	const struct natgw_slot *slot = &table->slots[index];
	__u64 word = NATGW_TABLE_READ(&slot->row.word);
	struct natgw_outbound_key outbound;
	struct natgw_inbound_key inbound;

	if (is_free(word)) {
		return false;
	}
	if (table->is_outbound) {
		natgw_slot_outbound_key(slot, word, &outbound);
		memcpy(ret_row->key, &outbound, sizeof(outbound));
	} else {
		natgw_slot_inbound_key(slot, &inbound);
		memcpy(ret_row->key, &inbound, sizeof(inbound));
	}
	ret_row->row = slot->row;
	ret_row->row.word = word;
	ret_row->row.hops = 0;
	/* Or the slot has been given to another one meanwhile. */
	return natgw_table_same_row(word, NATGW_TABLE_READ(&slot->row.word));
}

static __u32 search(const struct session_table *table, const void *key)
{
	struct natgw_table_key wanted = key_of(table, key);
	__u64 word;

	return natgw_table_search(table->slots, &table->size, &wanted, &word);
}

bool session_table_find(const struct session_table *table, const void *key,
			struct natgw_session *ret_row)
{
	__u32 index = search(table, key);
	struct session_table_row row;

	if (index == NATGW_TABLE_NONE || !session_table_at(table, index, &row)) {
		return false;
	}
	*ret_row = row.row;
	return true;
}

int session_table_insert(struct session_table *table, const void *key,
			 const struct natgw_session *row)
{
	struct natgw_table_key wanted = key_of(table, key);

	return natgw_table_insert(table->slots, &table->size, &wanted, row);
}

bool session_table_write(struct session_table *table, const void *key,
			 const struct natgw_session *row)
{
	struct natgw_table_key wanted = key_of(table, key);
	__u32 index = search(table, key);

	if (index == NATGW_TABLE_NONE) {
		return false;
	}
	natgw_table_fill(&table->slots[index], &wanted, row);
	NATGW_TABLE_WRITE(&table->slots[index].row.word, row->word);
	return true;
}

static __u32 count_free(const struct session_table *table)
{
	__u32 count = 0;

	for (__u32 i = 0; i < table->count; i++) {
		count += !table->slots[i].row.word;
	}
	return count;
}

void session_table_fill(struct session_table *table)
{
	struct natgw_session row = { .word = NATGW_STATE_OPENING };
	struct natgw_inbound_key key = { .ext_addr = htonl(0x01010101) };
	__u32 left = count_free(table);

	/* Of so many keys each slot is one's at last. */
	for (__u64 tries = 1000ULL * table->count; left && tries; tries--) {
		key.rem_addr++;
		row.word += 1ULL << NATGW_WORD_GENERATION_SHIFT;
		left -= !session_table_insert(table, &key, &row);
	}
}
