/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * The session table: a flat array of 64-byte slots, each a cache line that holds the whole of one
 * direction of a session. The same code for the programs (the array is a map) and for user space
 * (the same map, or plain memory). session.h gives the rows their meaning.
 *
 * A key has a home slot, by a seeded hash, in a group of 32 slots (2 KiB, within a page). Its row
 * stands in the home slot or in one of 30 others of the group: slot home ^ i, i = 0 .. 30, so the
 * second one is the other half of a pair of lines, which CPUs fetch together. Word "hops" of the
 * home slot has bit i set where slot home ^ i is a row of this home: a lookup reads the home's line
 * and those lines only, and a missing key mostly costs the home's line alone. A row never moves.
 * When no slot of the group is free the row goes to the tail of the array, a table of the same kind
 * with a hash of its own and so few rows that it does not fill up; the home counts those. So a
 * delete leaves nothing behind: it clears a bit.
 *
 * Insert if absent: the inserts of one home follow each other (bit 31 of its hops is a lock, held
 * for a few dozen instructions by a program that is not interrupted), and every key has one home.
 * Finds and deletes take no lock. A slot changes hands by its word alone:
 *
 *   0 (free) -> CLAIMED      compare-and-swap, by whoever inserts
 *     key and fields are written; hops of the home gets its bit (a full barrier)
 *   CLAIMED  -> any state    a store; then the lock goes (a full barrier)
 *   ...                      compare-and-swaps (session.h)
 *   -> DEAD                  compare-and-swap: who did it removes the row
 *     hops of the home loses its bit (a full barrier)
 *   DEAD     -> 0            a store
 *
 * Memory order (natgw_table_memory.h): writers need no more than the barriers above. Key and fields
 * are visible before the word that makes them count, and a slot's bit is gone before the slot is
 * free. A reader loads the word, then the key, then the word again: the key was that row's when
 * both have one generation, and the first was not CLAIMED. Each load depends on the one before.
 */
#ifndef NATGW_TABLE_H
#define NATGW_TABLE_H

#include "natgw_session.h"
#include "natgw_table_memory.h"

/* One slot: the row, and what else the line has to say. The bytes of the key are in wire order. */
struct natgw_slot {
	struct natgw_session row;
	__u64 addrs; /* first 8 bytes of the key: both addresses */
	__u64 rest;  /* its ports, then "control", of which the first byte is the protocol */
};
_Static_assert(sizeof(struct natgw_slot) == 64, "a cache line");
_Static_assert(__BYTE_ORDER__ == __ORDER_LITTLE_ENDIAN__, "control is the upper half of rest");

/* Of "rest": ports and protocol. Behind them, in bits 48-63, the home's rows in the tail. */
#define NATGW_TABLE_REST_MASK 0xffffffffffULL
#define NATGW_TABLE_TAIL_SHIFT 48

#define NATGW_TABLE_GROUP 32U
/* 32 bits of hash times the number of groups, shifted by that: a slot. */
#define NATGW_TABLE_HOME_SHIFT (32 - 5)
#define NATGW_TABLE_HOPS 31U
#define NATGW_TABLE_LOCK 0x80000000U
/* Tries to get the lock of a home; each takes about as long as it is held. */
#define NATGW_TABLE_LOCK_TRIES 128
/* At a row that others take over in place. */
#define NATGW_TABLE_LOOKS 2

/* Slots that one row of map "walk" stands for. */
#define NATGW_TABLE_STRIDE 64U

#define NATGW_TABLE_NONE 0xffffffffU

/* A table's size: groups of NATGW_TABLE_GROUP slots, and the seed of its hash. */
struct natgw_table_size {
	__u64 seed;
	__u32 groups; /* those of the homes come first */
	__u32 tail;   /* then these */
};

/*
 * A key as it is compared. The gateway of an outbound key is in the row's word, where those bits
 * are looked at that word_mask has.
 */
struct natgw_table_key {
	__u64 addrs;
	__u64 rest;
	__u64 word;
	__u64 word_mask;
};

/*
 * A table for at least so many rows of each direction: up to three quarters of the first part's
 * slots are in use then, and while rows come and go 2 in 100 have no place there; the tail has room
 * for five times as many. (For three times as many, one insert in 50 million found no room.)
 */
NATGW_TABLE_INLINE struct natgw_table_size natgw_table_size_for(__u32 sessions, __u64 seed)
{
	/* In pairs of groups: map "walk" goes by 64 slots. */
	__u32 pairs = (__u32)((sessions * 4ULL + 3 * 64ULL - 1) / (3 * 64ULL));
	__u32 tail_pairs = (sessions / 8 + 63) / 64;

	return (struct natgw_table_size){
		.seed = seed,
		.groups = 2 * pairs,
		.tail = 2 * tail_pairs,
	};
}

NATGW_TABLE_INLINE __u32 natgw_table_slots(const volatile struct natgw_table_size *size)
{
	return (size->groups + size->tail) * NATGW_TABLE_GROUP;
}

/* ---- slots, of the programs and of user space ---- */

#ifdef __bpf__

/* The map; constant wherever this is inlined. */
typedef void natgw_table;

NATGW_TABLE_INLINE struct natgw_slot *natgw_table_slot(natgw_table *table, __u32 index)
{
	return bpf_map_lookup_elem(table, &index);
}

#else

typedef struct natgw_slot natgw_table;

NATGW_TABLE_INLINE struct natgw_slot *natgw_table_slot(natgw_table *table, __u32 index)
{
	return &table[index];
}

#endif

/* ---- keys ---- */

/* Two words as they lie in memory. */
struct natgw_key_words {
	__u64 first;
	__u64 second;
};

NATGW_TABLE_INLINE struct natgw_table_key
natgw_outbound_table_key(const struct natgw_outbound_key *key)
{
	struct natgw_key_words words;

	__builtin_memcpy(&words, key, sizeof(words));
	return (struct natgw_table_key){
		.addrs = words.first,
		.rest = words.second & NATGW_TABLE_REST_MASK,
		.word = (__u64)key->gateway << NATGW_WORD_GATEWAY_SHIFT,
		.word_mask = (__u64)NATGW_WORD_GATEWAY_MASK << NATGW_WORD_GATEWAY_SHIFT,
	};
}

NATGW_TABLE_INLINE struct natgw_table_key
natgw_inbound_table_key(const struct natgw_inbound_key *key)
{
	struct natgw_key_words words;

	__builtin_memcpy(&words, key, sizeof(words));
	return (struct natgw_table_key){
		.addrs = words.first,
		.rest = words.second & NATGW_TABLE_REST_MASK,
	};
}

/* The key of the row in a slot, whose word is "word". */
NATGW_TABLE_INLINE void natgw_slot_outbound_key(const struct natgw_slot *slot, __u64 word,
						struct natgw_outbound_key *ret_key)
{
	struct natgw_key_words words = {
		.first = NATGW_TABLE_READ(&slot->addrs),
		.second = NATGW_TABLE_READ(&slot->rest) & NATGW_TABLE_REST_MASK,
	};

	__builtin_memcpy(ret_key, &words, sizeof(words));
	ret_key->gateway = (__u8)(word >> NATGW_WORD_GATEWAY_SHIFT & NATGW_WORD_GATEWAY_MASK);
}

NATGW_TABLE_INLINE void natgw_slot_inbound_key(const struct natgw_slot *slot,
					       struct natgw_inbound_key *ret_key)
{
	struct natgw_key_words words = {
		.first = NATGW_TABLE_READ(&slot->addrs),
		.second = NATGW_TABLE_READ(&slot->rest) & NATGW_TABLE_REST_MASK,
	};

	__builtin_memcpy(ret_key, &words, sizeof(words));
}

/*
 * Multiplied apart and turned against each other, so that no change of one half undoes a change of
 * the other whatever the seed is. A multiplication carries upwards only, so first the remote
 * address, of which a scan changes nothing but the top bits, comes down, too. The gateway is left
 * out.
 */
NATGW_TABLE_INLINE __u64 natgw_table_hash(const struct natgw_table_key *key, __u64 seed)
{
	__u64 one = key->addrs ^ seed;
	__u64 other = (key->rest + seed) * 0xc2b2ae3d27d4eb4fULL;

	one = (one ^ one >> 41) * 0x9e3779b97f4a7c15ULL;
	one ^= other << 32 | other >> 32;
	one ^= one >> 29;
	return one * 0xbf58476d1ce4e5b9ULL;
}

/* Group and slot by the upper half: the lower bits do not depend on the upper bits of the key. */
NATGW_TABLE_INLINE __u32 natgw_table_home(const volatile struct natgw_table_size *size, __u64 hash)
{
	return (__u32)((hash >> 32) * size->groups >> NATGW_TABLE_HOME_SHIFT);
}

/* Where it would be in the tail. */
NATGW_TABLE_INLINE __u32 natgw_table_tail_home(const volatile struct natgw_table_size *size,
					       __u64 hash)
{
	__u64 again = (hash ^ hash >> 31) * 0x94d049bb133111ebULL;

	return size->groups * NATGW_TABLE_GROUP +
	       (__u32)((again >> 32) * size->tail >> NATGW_TABLE_HOME_SHIFT);
}

/* ---- find ---- */

NATGW_TABLE_INLINE bool natgw_table_same_row(__u64 word, __u64 other)
{
	return word >> NATGW_WORD_GENERATION_SHIFT == other >> NATGW_WORD_GENERATION_SHIFT;
}

/* Is there a row in a slot with this word, whose key is written? */
NATGW_TABLE_INLINE bool natgw_table_is_row(__u64 word)
{
	__u64 state = word & NATGW_WORD_STATE_MASK;

	return state != NATGW_STATE_NONE && state != NATGW_STATE_CLAIMED;
}

/*
 * Is the row of this key in the slot, in whatever state? *ret_word is its word then. When the
 * generation changes meanwhile, the slot is looked at again: the row may have been taken over in
 * place, and then the key was there all the time.
 */
NATGW_TABLE_INLINE bool natgw_table_matches(const struct natgw_slot *slot,
					    const struct natgw_table_key *key, __u64 *ret_word)
{
	const struct natgw_slot *then;
	__u64 word = NATGW_TABLE_READ(&slot->row.word), now, addrs, rest;

	for (int i = 0; i < NATGW_TABLE_LOOKS; i++) {
		then = (const void *)((const char *)slot + NATGW_TABLE_AFTER(word));
		addrs = NATGW_TABLE_READ(&then->addrs);
		rest = NATGW_TABLE_READ(&then->rest) & NATGW_TABLE_REST_MASK;
		if ((addrs ^ key->addrs) | (rest ^ key->rest) |
		    ((word ^ key->word) & key->word_mask)) {
			return false;
		}
		then = (const void *)((const char *)slot + NATGW_TABLE_AFTER(addrs ^ rest));
		*ret_word = word;
		now = NATGW_TABLE_READ(&then->row.word);
		if (__builtin_expect(natgw_table_same_row(word, now), 1)) {
			break;
		}
		word = now;
	}
	return natgw_table_is_row(*ret_word);
}

/* Number of the lowest bit that is set, by a de Bruijn sequence: clang 14 has no ctz for BPF. */
static const __u8 natgw_bit_numbers[64] = {
	0,  1,	2,  53, 3,  7,	54, 27, 4,  38, 41, 8,	34, 55, 48, 28, 62, 5,	39, 46, 44, 42,
	22, 9,	24, 35, 59, 56, 49, 18, 29, 11, 63, 52, 6,  26, 37, 40, 33, 47, 61, 45, 43, 21,
	23, 58, 17, 10, 51, 25, 36, 32, 60, 20, 57, 16, 50, 31, 19, 15, 30, 14, 13, 12,
};

NATGW_TABLE_INLINE __u32 natgw_lowest_bit(__u64 bits)
{
	return natgw_bit_numbers[((bits & -bits) * 0x022fdd63cc95386dULL) >> 58];
}

/* Among the rows of this home. NATGW_TABLE_NONE: not there. */
NATGW_TABLE_INLINE __u32 natgw_table_search_home(natgw_table *table, __u32 home, __u32 hops,
						 const struct natgw_table_key *key, __u64 *ret_word)
{
	hops &= ~NATGW_TABLE_LOCK;
	for (__u32 n = 0; n < NATGW_TABLE_HOPS && hops; n++) {
		__u32 index = (home ^ natgw_lowest_bit(hops)) + (__u32)NATGW_TABLE_AFTER(hops);
		struct natgw_slot *slot = natgw_table_slot(table, index);

		if (slot && natgw_table_matches(slot, key, ret_word)) {
			return index;
		}
		hops &= hops - 1;
	}
	return NATGW_TABLE_NONE;
}

/* The slot of this key's row, in whatever state, or NATGW_TABLE_NONE. */
NATGW_TABLE_INLINE __u32 natgw_table_search(natgw_table *table,
					    const volatile struct natgw_table_size *size,
					    const struct natgw_table_key *key, __u64 *ret_word)
{
	__u64 hash = natgw_table_hash(key, size->seed);
	__u32 home = natgw_table_home(size, hash), index;
	struct natgw_slot *slot = natgw_table_slot(table, home);

	if (!slot) {
		return NATGW_TABLE_NONE;
	}
	index = natgw_table_search_home(table, home, NATGW_TABLE_READ(&slot->row.hops), key,
					ret_word);
	if (index != NATGW_TABLE_NONE ||
	    !(NATGW_TABLE_READ(&slot->rest) >> NATGW_TABLE_TAIL_SHIFT)) {
		return index;
	}
	home = natgw_table_tail_home(size, hash);
	slot = natgw_table_slot(table, home);
	return slot ? natgw_table_search_home(table, home, NATGW_TABLE_READ(&slot->row.hops), key,
					      ret_word)
		    : NATGW_TABLE_NONE;
}

/* ---- insert ---- */

NATGW_TABLE_INLINE bool natgw_table_lock(struct natgw_slot *home)
{
	for (int i = 0; i < NATGW_TABLE_LOCK_TRIES; i++) {
		if (!(NATGW_TABLE_OR(&home->row.hops, NATGW_TABLE_LOCK) & NATGW_TABLE_LOCK)) {
			return true;
		}
	}
	return false;
}

/* The first free slot near home, claimed with this word: its number among the hops. */
NATGW_TABLE_INLINE __u32 natgw_table_claim(natgw_table *table, __u32 home, __u64 claimed)
{
	for (__u32 i = 0; i < NATGW_TABLE_HOPS; i++) {
		struct natgw_slot *slot = natgw_table_slot(table, home ^ i);

		if (slot && !NATGW_TABLE_READ(&slot->row.word) &&
		    NATGW_TABLE_SWAP(&slot->row.word, 0, claimed)) {
			return i;
		}
	}
	return NATGW_TABLE_NONE;
}

/* Key and fields of a claimed slot; neither its word nor what it says as a home. */
NATGW_TABLE_INLINE void natgw_table_fill(struct natgw_slot *slot, const struct natgw_table_key *key,
					 const struct natgw_session *row)
{
	__u32 *ports = (void *)&slot->rest;
	__u8 *proto = (void *)(ports + 1);

	NATGW_TABLE_WRITE(&slot->addrs, key->addrs);
	NATGW_TABLE_WRITE(ports, (__u32)key->rest);
	NATGW_TABLE_WRITE(proto, (__u8)(key->rest >> 32));
	NATGW_TABLE_WRITE(&slot->row.packets, row->packets);
	NATGW_TABLE_WRITE(&slot->row.bytes, row->bytes);
	NATGW_TABLE_WRITE(&slot->row.addr, row->addr);
	NATGW_TABLE_WRITE(&slot->row.port, row->port);
	NATGW_TABLE_WRITE(&slot->row.orig_port, row->orig_port);
	NATGW_TABLE_WRITE(&slot->row.last_seen, row->last_seen);
	NATGW_TABLE_WRITE(&slot->row.nexthop, row->nexthop);
	NATGW_TABLE_WRITE(&slot->row.rst_seq, row->rst_seq);
}

/*
 * A slot near home, claimed, with key and fields; its number among the hops. NULL: no room. The
 * hops do not have it yet.
 */
NATGW_TABLE_INLINE struct natgw_slot *natgw_table_put(natgw_table *table, __u32 home,
						      const struct natgw_table_key *key,
						      const struct natgw_session *row,
						      __u32 *ret_hop)
{
	__u64 claimed = (row->word & ~NATGW_WORD_STATE_MASK) | NATGW_STATE_CLAIMED;
	struct natgw_slot *slot;

	*ret_hop = natgw_table_claim(table, home, claimed);
	if (*ret_hop == NATGW_TABLE_NONE) {
		return (void *)0;
	}
	slot = natgw_table_slot(table, home ^ *ret_hop);
	if (slot) {
		natgw_table_fill(slot, key, row);
	}
	return slot;
}

/*
 * The home is locked and the key is not there. true: the row is in and counts. It counts by the
 * store of its word, behind the barrier that the change of "hops" is; the lock goes after that, so
 * whoever has it finds no row of this home that is still CLAIMED.
 */
NATGW_TABLE_INLINE bool natgw_table_place(natgw_table *table,
					  const volatile struct natgw_table_size *size, __u64 hash,
					  const struct natgw_table_key *key,
					  const struct natgw_session *row)
{
	__u32 home = natgw_table_home(size, hash), tail = natgw_table_tail_home(size, hash), hop;
	struct natgw_slot *home_slot = natgw_table_slot(table, home), *tail_slot, *slot;

	if (!home_slot) {
		return false;
	}
	slot = natgw_table_put(table, home, key, row, &hop);
	if (slot) {
		NATGW_TABLE_OR(&home_slot->row.hops, 1U << (hop & 31));
	} else {
		tail_slot = natgw_table_slot(table, tail);
		slot = tail_slot ? natgw_table_put(table, tail, key, row, &hop) : (void *)0;
		if (slot) {
			NATGW_TABLE_OR(&tail_slot->row.hops, 1U << (hop & 31));
			NATGW_TABLE_ADD(&home_slot->rest, 1ULL << NATGW_TABLE_TAIL_SHIFT);
		}
	}
	if (slot) {
		NATGW_TABLE_WRITE(&slot->row.word, row->word);
	}
	NATGW_TABLE_XOR(&home_slot->row.hops, NATGW_TABLE_LOCK);
	return !!slot;
}

/*
 * Inserts if absent. 0; -EEXIST: there is a row of this key, in whatever state; -E2BIG: no room;
 * -EBUSY: another CPU has held the home for too long, try again. The numbers are Linux's.
 */
#define NATGW_TABLE_EXISTS (-17)
#define NATGW_TABLE_FULL (-7)
#define NATGW_TABLE_BUSY (-16)
NATGW_TABLE_INLINE int natgw_table_insert(natgw_table *table,
					  const volatile struct natgw_table_size *size,
					  const struct natgw_table_key *key,
					  const struct natgw_session *row)
{
	__u64 hash = natgw_table_hash(key, size->seed), word;
	struct natgw_slot *home = natgw_table_slot(table, natgw_table_home(size, hash));

	if (!home || !natgw_table_lock(home)) {
		return NATGW_TABLE_BUSY;
	}
	if (natgw_table_search(table, size, key, &word) != NATGW_TABLE_NONE) {
		NATGW_TABLE_XOR(&home->row.hops, NATGW_TABLE_LOCK);
		return NATGW_TABLE_EXISTS;
	}
	return natgw_table_place(table, size, hash, key, row) ? 0 : NATGW_TABLE_FULL;
}

/* ---- remove ---- */

/* true: the slot with this word was one of the home's, and is free. */
NATGW_TABLE_INLINE bool natgw_table_free(natgw_table *table, __u32 home, __u64 dead)
{
	struct natgw_slot *home_slot = natgw_table_slot(table, home);
	__u32 hops = home_slot ? NATGW_TABLE_READ(&home_slot->row.hops) & ~NATGW_TABLE_LOCK : 0;

	for (__u32 n = 0; n < NATGW_TABLE_HOPS && hops && home_slot; n++) {
		__u32 hop = natgw_lowest_bit(hops);
		struct natgw_slot *slot = natgw_table_slot(table, home ^ hop);

		if (slot && NATGW_TABLE_READ(&slot->row.word) == dead) {
			NATGW_TABLE_AND(&home_slot->row.hops, ~(1U << (hop & 31)));
			NATGW_TABLE_WRITE(&slot->row.word, 0);
			return true;
		}
		hops &= hops - 1;
	}
	return false;
}

/*
 * Frees the slot of this key whose word, as the caller has swapped it in, is "dead": in state DEAD,
 * of a generation that no other row of the home has at the moment.
 */
NATGW_TABLE_INLINE void natgw_table_release(natgw_table *table,
					    const volatile struct natgw_table_size *size,
					    const struct natgw_table_key *key, __u64 dead)
{
	__u64 hash = natgw_table_hash(key, size->seed);
	__u32 home = natgw_table_home(size, hash);
	struct natgw_slot *slot = natgw_table_slot(table, home);

	if (natgw_table_free(table, home, dead)) {
		return;
	}
	if (slot && natgw_table_free(table, natgw_table_tail_home(size, hash), dead)) {
		NATGW_TABLE_ADD(&slot->rest, -(1ULL << NATGW_TABLE_TAIL_SHIFT));
	}
}

#endif
