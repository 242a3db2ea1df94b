/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * Keys by number, and the rows that belong to them, for tests of natgw_table.h in programs and in
 * user space: all fields of a row follow from the number of its key and the generation.
 */
#ifndef NATGW_TESTS_TABLE_KEYS_H
#define NATGW_TESTS_TABLE_KEYS_H

#include "natgw_table.h"

/*
 * Keys 2 n and 2 n + 1 differ in their gateway only, so they have one home. The rest of the number
 * is in three parts, two of them in each half of the key: half of one key and half of another are
 * nearly always a third one.
 */
#define TABLE_PORT_BITS 5
#define TABLE_PROTO_BITS 1

NATGW_TABLE_INLINE void table_key(__u32 number, struct natgw_outbound_key *ret_key)
{
	__u32 rest = number >> 1;
	__u32 port = rest & ((1U << TABLE_PORT_BITS) - 1);
	__u32 proto = rest >> TABLE_PORT_BITS & ((1U << TABLE_PROTO_BITS) - 1);
	__u32 addr = rest >> (TABLE_PORT_BITS + TABLE_PROTO_BITS);

	ret_key->int_addr = 10 | addr << 16;
	ret_key->rem_addr = 198 | (addr >> 16) << 8;
	ret_key->int_port = (__be16)(port << 8 | 0x40);
	ret_key->rem_port = 0xbb01;
	ret_key->proto = (__u8)(6 + 11 * proto);
	ret_key->gateway = (__u8)(1 + (number & 1));
	ret_key->reserved = 0;
}

/* The number of a key; anything for what is none of them. */
NATGW_TABLE_INLINE __u32 table_number(const struct natgw_outbound_key *key)
{
	__u32 addr = (__u32)key->int_addr >> 16 | ((__u32)key->rem_addr >> 8) << 16;
	__u32 proto = key->proto == 17;
	__u32 port = (__u32)key->int_port >> 8;

	return (__u32)(key->gateway == 2) | port << 1 | proto << (1 + TABLE_PORT_BITS) |
	       addr << (1 + TABLE_PORT_BITS + TABLE_PROTO_BITS);
}

NATGW_TABLE_INLINE __u64 table_word(__u32 number, __u32 generation, __u32 state)
{
	return (__u64)generation << NATGW_WORD_GENERATION_SHIFT |
	       (__u64)(1 + (number & 1)) << NATGW_WORD_GATEWAY_SHIFT | state;
}

NATGW_TABLE_INLINE __u64 table_with_state(__u64 word, __u32 state)
{
	return (word & ~NATGW_WORD_STATE_MASK) | state;
}

NATGW_TABLE_INLINE __u32 table_state(__u64 word)
{
	return (__u32)(word & NATGW_WORD_STATE_MASK);
}

/* Something that another number or generation does not have. */
NATGW_TABLE_INLINE __u64 table_content(__u32 number, __u64 word)
{
	__u64 mixed = ((__u64)number << 32 | word >> NATGW_WORD_GENERATION_SHIFT) + 1;

	return mixed * 0x9e3779b97f4a7c15ULL;
}

NATGW_TABLE_INLINE void table_row(__u32 number, __u64 word, struct natgw_session *ret_row)
{
	__u64 content = table_content(number, word);

	ret_row->word = word;
	ret_row->packets = content;
	ret_row->bytes = ~content;
	ret_row->addr = (__be32)(content >> 32);
	ret_row->port = (__be16)(content >> 16);
	ret_row->orig_port = (__be16)content;
	ret_row->last_seen = (__u32)content;
	ret_row->nexthop = (__u32)(content >> 8);
	ret_row->rst_seq = (__u32)(content >> 24);
	ret_row->hops = 0;
}

/* Do the fields of a row belong to this key and this word? */
NATGW_TABLE_INLINE bool table_agrees(const struct natgw_session *row, __u32 number, __u64 word)
{
	__u64 content = table_content(number, word);

	return NATGW_TABLE_READ(&row->packets) == content &&
	       NATGW_TABLE_READ(&row->bytes) == ~content &&
	       NATGW_TABLE_READ(&row->addr) == (__be32)(content >> 32) &&
	       NATGW_TABLE_READ(&row->port) == (__be16)(content >> 16) &&
	       NATGW_TABLE_READ(&row->orig_port) == (__be16)content &&
	       NATGW_TABLE_READ(&row->last_seen) == (__u32)content &&
	       NATGW_TABLE_READ(&row->nexthop) == (__u32)(content >> 8) &&
	       NATGW_TABLE_READ(&row->rst_seq) == (__u32)(content >> 24);
}

#endif
