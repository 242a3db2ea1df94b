/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * The two session tables, and the only file that knows how they are stored: find, insert if absent,
 * take over if expired, remove if still this one (and walk: natgw_sweep.bpf.c). A row's word
 * changes by compare-and-swap only; whoever swaps it to DEAD deletes the row, and nobody else does.
 * While a dead row stands, its key is absent for readers and occupied for inserts, so the delete by
 * key can hit no other row.
 *
 * A found row may be recycled for another key while it is in use (kernel hash maps reuse elements
 * at once). Swaps are safe, since the generation differs; what was copied is checked by
 * session_is_same; a counter or time stamp may, once in a removal, land on the wrong row.
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
 * meanwhile, or its element went to another one.
 */
static __always_inline bool session_is_same(const struct natgw_session *row, __u64 word)
{
	__u64 now;

	barrier();
	now = session_read(row);
	return session_generation(now) == session_generation(word) &&
	       session_state(now) != NATGW_STATE_DEAD;
}

/* true: this CPU changed the word, and what follows from it is this CPU's to do. */
static __always_inline bool session_swap(struct natgw_session *row, __u64 from, __u64 to)
{
	return __sync_val_compare_and_swap(&row->word, from, to) == from;
}

/*
 * ---- find: NULL also for a dead row. Whether the row has expired is track.h's to say. ----
 *
 * *ret_word is the word that was judged. Whoever goes on to swap must swap from it and never read
 * the word a second time: in between the row may die, or be deleted and the same element inserted
 * again under the same key, and a swap from the second reading would take a session that is
 * another's.
 */

static __always_inline struct natgw_session *
session_find_outbound(const struct natgw_outbound_key *key, __u64 *ret_word)
{
	struct natgw_session *row = bpf_map_lookup_elem(&outbound, key);

	if (!row) {
		return (void *)0;
	}
	*ret_word = session_read(row);
	return session_state(*ret_word) != NATGW_STATE_DEAD ? row : (void *)0;
}

static __always_inline struct natgw_session *
session_find_inbound(const struct natgw_inbound_key *key, __u64 *ret_word)
{
	struct natgw_session *row = bpf_map_lookup_elem(&inbound, key);

	if (!row) {
		return (void *)0;
	}
	*ret_word = session_read(row);
	return session_state(*ret_word) != NATGW_STATE_DEAD ? row : (void *)0;
}

/*
 * ---- insert if absent: 0, -EEXIST (a dead row counts as there), -E2BIG: the table is full. An
 * int, since kernel 6.1 leaves the upper half of the register 0. ----
 */

static __always_inline int session_insert_outbound(const struct natgw_outbound_key *key,
						   const struct natgw_session *row)
{
	return (int)bpf_map_update_elem(&outbound, key, row, BPF_NOEXIST);
}

static __always_inline int session_insert_inbound(const struct natgw_inbound_key *key,
						  const struct natgw_session *row)
{
	return (int)bpf_map_update_elem(&inbound, key, row, BPF_NOEXIST);
}

/* ---- remove if still this one: true when this CPU removed it ---- */

/* A delete may find its bucket busy (-EBUSY, early 6.1): then the row is as it was. */
static __always_inline bool session_delete(int error, struct natgw_session *row, __u64 word)
{
	if (error) {
		session_swap(row, session_with_state(word, NATGW_STATE_DEAD), word);
	}
	return !error;
}

static __always_inline bool session_remove_outbound(const struct natgw_outbound_key *key,
						    struct natgw_session *row, __u64 word)
{
	return session_swap(row, word, session_with_state(word, NATGW_STATE_DEAD)) &&
	       session_delete(bpf_map_delete_elem(&outbound, key), row, word);
}

static __always_inline bool session_remove_inbound(const struct natgw_inbound_key *key,
						   struct natgw_session *row, __u64 word)
{
	return session_swap(row, word, session_with_state(word, NATGW_STATE_DEAD)) &&
	       session_delete(bpf_map_delete_elem(&inbound, key), row, word);
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
	return session_delete(bpf_map_delete_elem(&inbound, key), row, word);
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
