/* SPDX-License-Identifier: GPL-2.0-only */
/* What the iterators over the sessions share: they go by map "walk", of which a row stands for a
 * stretch of slots. */
#ifndef NATGW_BPF_WALK_H
#define NATGW_BPF_WALK_H

#include "track.h"

/* The row in a slot of "inbound", its key and its word; NULL: there is none to look at. */
static __always_inline struct natgw_session *walk_read(__u32 index, struct natgw_inbound_key *key,
						       __u64 *ret_word)
{
	struct natgw_slot *slot = natgw_table_slot(&inbound, index);

	if (!slot) {
		return (void *)0;
	}
	*ret_word = session_read(&slot->row);
	if (session_is_absent(*ret_word)) {
		return (void *)0;
	}
	natgw_slot_inbound_key(slot, key);
	return session_is_same(&slot->row, *ret_word,
			       BYTEORDER_RAW32(key->ext_addr) ^ BYTEORDER_RAW32(key->rem_addr) ^
				       key->proto)
		       ? &slot->row
		       : (void *)0;
}

/* The first slot of the stretch in hand; NATGW_TABLE_NONE at the end. */
static __always_inline __u32 walk_stretch(const struct bpf_iter__bpf_map_elem *ctx)
{
	const __u32 *key = ctx->key;

	return key && ctx->value ? *key * NATGW_TABLE_STRIDE : NATGW_TABLE_NONE;
}

/* enum natgw_hold: why this row holds its port. */
static __always_inline __u32 walk_hold(__u64 word, __u8 proto)
{
	if (session_state(word) == NATGW_STATE_HOLD) {
		return session_seen(word) & NATGW_SEEN_RST ? NATGW_HOLD_RST : NATGW_HOLD_FIN;
	}
	if (proto == IPPROTO_UDP) {
		return NATGW_HOLD_UDP;
	}
	return proto == IPPROTO_TCP && session_state(word) == NATGW_STATE_OPENING
		       ? NATGW_HOLD_HALF_OPEN
		       : NATGW_HOLD_IDLE;
}

#endif
