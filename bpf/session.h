/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * The two session tables, as the stages see them: find, insert if absent, take over if expired,
 * remove if still this one (and walk: natgw_sweep.bpf.c). How they are stored is natgw_table.h's. A
 * row's word changes by compare-and-swap only; whoever swaps it to DEAD removes the row, and nobody
 * else does. While a dead row stands, its key is absent for readers and occupied for inserts.
 *
 * A found row may be recycled for another key while it is in use. Swaps are safe, since the
 * generation differs; what was copied is checked by session_is_same; a counter or time stamp may,
 * once in a removal, land on the wrong row.
 */
#ifndef NATGW_BPF_SESSION_H
#define NATGW_BPF_SESSION_H

#include "maps.h"

static __always_inline __u32 session_state(__u64 word)
{
	return word & NATGW_WORD_STATE_MASK;
}

static __always_inline __u32 session_seen(__u64 word)
{
	return (word & NATGW_WORD_SEEN_MASK) >> NATGW_WORD_SEEN_SHIFT;
}

static __always_inline __u32 session_gateway(__u64 word)
{
	return (word >> NATGW_WORD_GATEWAY_SHIFT) & NATGW_WORD_GATEWAY_MASK;
}

static __always_inline __u32 session_rule(__u64 word)
{
	return (word >> NATGW_WORD_RULE_SHIFT) & NATGW_WORD_RULE_MASK;
}

static __always_inline __u32 session_generation(__u64 word)
{
	return word >> NATGW_WORD_GENERATION_SHIFT;
}

static __always_inline __u64 session_word(__u32 state, __u32 gateway, __u32 rule,
					  __u32 generation_number)
{
	return state | (__u64)gateway << NATGW_WORD_GATEWAY_SHIFT |
	       (__u64)rule << NATGW_WORD_RULE_SHIFT |
	       (__u64)generation_number << NATGW_WORD_GENERATION_SHIFT;
}

static __always_inline __u64 session_with_state(__u64 word, __u32 state)
{
	return (word & ~NATGW_WORD_STATE_MASK) | state;
}

static __always_inline __u64 session_with_seen(__u64 word, __u32 seen_flags)
{
	return word | (__u64)seen_flags << NATGW_WORD_SEEN_SHIFT;
}

static __always_inline __u64 session_without_seen(__u64 word, __u32 seen_flags)
{
	return word & ~((__u64)seen_flags << NATGW_WORD_SEEN_SHIFT);
}

/* Read once: the compiler must not fetch the word a second time for a later use. */
static __always_inline __u64 session_read(const struct natgw_session *row)
{
	return *(const volatile __u64 *)&row->word;
}

/*
 * After the fields of a row have been copied: were they this session's? false when it died
 * meanwhile, or its slot went to another one. "copied" is made of all that was copied, so that the
 * word is read after it (natgw_table.h).
 */
static __always_inline bool session_is_same(const struct natgw_session *row, __u64 word,
					    __u64 copied)
{
	__u64 now;

	barrier();
	now = session_read((const void *)row + NATGW_TABLE_AFTER(copied));
	return session_generation(now) == session_generation(word) &&
	       session_state(now) != NATGW_STATE_DEAD;
}

/* true: this CPU changed the word, and what follows from it is this CPU's to do. */
static __always_inline bool session_swap(struct natgw_session *row, __u64 from, __u64 to)
{
	return __sync_val_compare_and_swap(&row->word, from, to) == from;
}

/* The row, whose fields are read after its word (natgw_table_memory.h). A swap does the same. */
static __always_inline struct natgw_session *session_row(struct natgw_session *row, __u64 word)
{
	return (void *)row + NATGW_TABLE_AFTER(word);
}

/* Not there for readers: being removed, or not told of yet. */
static __always_inline bool session_is_absent(__u64 word)
{
	__u32 state = session_state(word);

	return state == NATGW_STATE_DEAD || state == NATGW_STATE_CLAIMED ||
	       state == NATGW_STATE_NONE;
}

/*
 * ---- find: NULL also for a dead row. Whether the row has expired is track.h's to say. ----
 *
 * *ret_word is the word that was judged. Whoever goes on to swap must swap from it and never read
 * the word a second time: in between the row may die, and the same slot be another session's.
 */

/*
 * The slot's index, or -1; by the words of struct natgw_table_key. Global functions, these and
 * others below: the verifier looks at them once.
 */
__noinline __weak int session_search_outbound(__u64 addrs, __u64 rest, __u64 key_word,
					      __u64 word_mask)
{
	const struct natgw_table_key key = {
		.addrs = addrs,
		.rest = rest,
		.word = key_word,
		.word_mask = word_mask,
	};
	__u64 word;

	return (int)natgw_table_search(&outbound, &session_size, &key, &word);
}

__noinline __weak int session_search_inbound(__u64 addrs, __u64 rest)
{
	const struct natgw_table_key key = { .addrs = addrs, .rest = rest };
	__u64 word;

	return (int)natgw_table_search(&inbound, &session_size, &key, &word);
}

static __always_inline struct natgw_session *
session_find_outbound(const struct natgw_outbound_key *key, __u64 *ret_word)
{
	struct natgw_table_key wanted = natgw_outbound_table_key(key);
	__u32 index = (__u32)session_search_outbound(wanted.addrs, wanted.rest, wanted.word,
						     wanted.word_mask);
	struct natgw_slot *slot = natgw_table_slot(&outbound, index);

	return slot && natgw_table_matches(slot, &wanted, ret_word) && !session_is_absent(*ret_word)
		       ? &slot->row
		       : (void *)0;
}

static __always_inline struct natgw_session *
session_find_inbound(const struct natgw_inbound_key *key, __u64 *ret_word)
{
	struct natgw_table_key wanted = natgw_inbound_table_key(key);
	__u32 index = (__u32)session_search_inbound(wanted.addrs, wanted.rest);
	struct natgw_slot *slot = natgw_table_slot(&inbound, index);

	return slot && natgw_table_matches(slot, &wanted, ret_word) && !session_is_absent(*ret_word)
		       ? &slot->row
		       : (void *)0;
}

/* Is there a row of this key, also a dead one? */
static __always_inline bool session_has_inbound(const struct natgw_inbound_key *key)
{
	struct natgw_table_key wanted = natgw_inbound_table_key(key);

	return session_search_inbound(wanted.addrs, wanted.rest) >= 0;
}

/*
 * ---- insert if absent: 0, -EEXIST (a dead row counts as there), -EBUSY: not this time; -E2BIG:
 * the table is full. An int, since kernel 6.1 leaves the upper half of the register 0. ----
 */

__noinline __weak int session_insert_outbound(const struct natgw_outbound_key *key,
					      const struct natgw_session *row)
{
	struct natgw_table_key wanted;

	if (!key || !row) {
		return -EBUSY;
	}
	wanted = natgw_outbound_table_key(key);
	return natgw_table_insert(&outbound, &session_size, &wanted, row);
}

__noinline __weak int session_insert_inbound(const struct natgw_inbound_key *key,
					     const struct natgw_session *row)
{
	struct natgw_table_key wanted;

	if (!key || !row) {
		return -EBUSY;
	}
	wanted = natgw_inbound_table_key(key);
	return natgw_table_insert(&inbound, &session_size, &wanted, row);
}

/* ---- remove if still this one: true when this CPU removed it ---- */

/* The row of this key that had this word has been swapped to DEAD. */
__noinline __weak int session_release_outbound(const struct natgw_outbound_key *key, __u64 word)
{
	struct natgw_table_key wanted;

	if (key) {
		wanted = natgw_outbound_table_key(key);
		natgw_table_release(&outbound, &session_size, &wanted,
				    session_with_state(word, NATGW_STATE_DEAD));
	}
	return 0;
}

__noinline __weak int session_release_inbound(const struct natgw_inbound_key *key, __u64 word)
{
	struct natgw_table_key wanted;

	if (key) {
		wanted = natgw_inbound_table_key(key);
		natgw_table_release(&inbound, &session_size, &wanted,
				    session_with_state(word, NATGW_STATE_DEAD));
	}
	return 0;
}

static __always_inline bool session_remove_outbound(const struct natgw_outbound_key *key,
						    struct natgw_session *row, __u64 word)
{
	if (!session_swap(row, word, session_with_state(word, NATGW_STATE_DEAD))) {
		return false;
	}
	session_release_outbound(key, word);
	return true;
}

static __always_inline bool session_remove_inbound(const struct natgw_inbound_key *key,
						   struct natgw_session *row, __u64 word)
{
	if (!session_swap(row, word, session_with_state(word, NATGW_STATE_DEAD))) {
		return false;
	}
	session_release_inbound(key, word);
	return true;
}

/* ---- the pair ---- */

/* Key of the outbound row that belongs to this inbound row. */
static __always_inline void session_outbound_key(const struct natgw_inbound_key *key,
						 const struct natgw_session *row, __u64 word,
						 struct natgw_outbound_key *ret_key)
{
	ret_key->int_addr = row->addr;
	ret_key->rem_addr = key->rem_addr;
	ret_key->int_port = row->port;
	ret_key->rem_port = row->orig_port ? row->orig_port : key->rem_port;
	ret_key->proto = key->proto;
	ret_key->gateway = (__u8)session_gateway(word);
	ret_key->reserved = 0;
}

/* Key of the inbound row that belongs to this outbound row. */
static __always_inline void session_inbound_key(const struct natgw_outbound_key *key,
						const struct natgw_session *row,
						struct natgw_inbound_key *ret_key)
{
	ret_key->ext_addr = row->addr;
	ret_key->rem_addr = key->rem_addr;
	ret_key->ext_port = row->port;
	ret_key->rem_port = row->orig_port ? row->orig_port : key->rem_port;
	ret_key->proto = key->proto;
	ret_key->reserved[0] = 0;
	ret_key->reserved[1] = 0;
	ret_key->reserved[2] = 0;
}

/* The row of this key and generation, or NULL. */
static __always_inline struct natgw_session *
session_find_outbound_of(const struct natgw_outbound_key *key, __u32 generation_number,
			 __u64 *ret_word)
{
	struct natgw_session *row = session_find_outbound(key, ret_word);

	return row && session_generation(*ret_word) == generation_number ? row : (void *)0;
}

static __always_inline struct natgw_session *
session_find_inbound_of(const struct natgw_inbound_key *key, __u32 generation_number,
			__u64 *ret_word)
{
	struct natgw_session *row = session_find_inbound(key, ret_word);

	return row && session_generation(*ret_word) == generation_number ? row : (void *)0;
}

/* Removes the outbound row of this generation, if it is still there. */
static __always_inline bool session_remove_outbound_of(const struct natgw_outbound_key *key,
						       __u32 generation_number)
{
	/* The word may change under us: a state being mirrored. It changes a few times in a row's
	 * life only. */
	for (int i = 0; i < 4; i++) {
		__u64 word;
		struct natgw_session *row = session_find_outbound_of(key, generation_number, &word);

		if (!row) {
			return false;
		}
		if (session_remove_outbound(key, row, word)) {
			return true;
		}
	}
	return false;
}

/*
 * Removes a whole session whose inbound row has this word. The swap of the inbound word decides;
 * the row is deleted last, so its port is free only when nothing points to it any more.
 */
static __always_inline bool session_remove(const struct natgw_inbound_key *key,
					   struct natgw_session *row, __u64 word)
{
	struct natgw_outbound_key outbound_key;

	session_outbound_key(key, row, word, &outbound_key);
	if (!session_swap(row, word, session_with_state(word, NATGW_STATE_DEAD))) {
		return false;
	}
	session_remove_outbound_of(&outbound_key, session_generation(word));
	session_release_inbound(key, word);
	return true;
}

/*
 * Takes an expired inbound row over in place: true when it is this CPU's now, in state NEW, with
 * the old session's outbound row gone, whose key is *ret_old. The caller writes it and opens it.
 */
static __always_inline bool session_take_over(const struct natgw_inbound_key *key,
					      struct natgw_session *row, __u64 word, __u64 new_word,
					      struct natgw_outbound_key *ret_old)
{
	session_outbound_key(key, row, word, ret_old);
	if (!session_swap(row, word, session_with_state(new_word, NATGW_STATE_NEW))) {
		return false;
	}
	session_remove_outbound_of(ret_old, session_generation(word));
	return true;
}

#endif
