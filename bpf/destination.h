/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * Destinations (address, port, protocol) as seen from one EIP: which ports are in use towards them.
 * Counters by hash say which of them have many sessions; those have a row with a set of ports. The
 * set says what is worth a try; the insert of the inbound row decides. So a bit is set before the
 * insert and cleared after the delete, and whoever sets or clears one late looks again.
 */
#ifndef NATGW_BPF_DESTINATION_H
#define NATGW_BPF_DESTINATION_H

#include "byteorder.h"
#include "policy.h"
#include "portset.h"
#include "session.h"

static __always_inline void destination_key(const struct natgw_inbound_key *from, __u32 gateway,
					    struct natgw_destination_key *ret_key)
{
	ret_key->ext_addr = from->ext_addr;
	ret_key->rem_addr = from->rem_addr;
	ret_key->rem_port = from->rem_port;
	ret_key->proto = from->proto;
	ret_key->gateway = (__u8)gateway;
}

/* Swaps until a time is lowered; who swaps in between has lowered it, too. */
#define DESTINATION_SWAPS 8

/* Its counter in "destination_use". Seeded, so that nobody can choose destinations that share one.
 */
static __always_inline __u32 destination_hash(const struct natgw_destination_key *key)
{
	struct natgw_settings *set = policy_settings();
	__u32 hash = set ? set->seed : 0;

	hash = (hash ^ BYTEORDER_RAW32(key->rem_addr)) * 0x9e3779b1U;
	hash = (hash ^ hash >> 15 ^ BYTEORDER_RAW32(key->ext_addr)) * 0x85ebca6bU;
	hash = (hash ^ hash >> 13 ^ BYTEORDER_RAW16(key->rem_port) ^ (__u32)key->proto << 16) *
	       0xc2b2ae35U;
	hash ^= hash >> 16;
	/* Kernel 6.1 loses the bounds of what is xored, and clang knows them: it drops the mask. */
	asm volatile("" : "+r"(hash));
	return hash & (NATGW_DESTINATION_COUNTERS - 1);
}

static __always_inline __u32 destination_phase(void)
{
	__u32 zero = 0, *row = bpf_map_lookup_elem(&phase, &zero);

	return row ? *row & 1 : 0;
}

static __always_inline __u32 *destination_counter(__u32 copy, __u32 hash)
{
	struct natgw_destination_use *use = bpf_map_lookup_elem(&destination_use, &copy);

	return use ? &use->sessions[hash & (NATGW_DESTINATION_COUNTERS - 1)] : (void *)0;
}

static __always_inline struct natgw_destination *
destination_find(const struct natgw_destination_key *key)
{
	return bpf_map_lookup_elem(&destinations, key);
}

static __always_inline struct portset_range destination_range(const struct natgw_gateway *gateway)
{
	return (struct portset_range){ gateway->port_first,
				       gateway->port_first + gateway->port_count - 1 };
}

/* NULL when there is no room: then the ports have to be looked for one by one. */
static __always_inline struct natgw_destination *
destination_make(const struct natgw_destination_key *key, const struct natgw_gateway *gateway)
{
	struct portset_range range = destination_range(gateway);
	__u32 zero = 0, bounds = range.first << 16 | (range.last & 0xffff);
	struct natgw_destination *row = destination_find(key), *empty;

	if (row && (!row->range || row->range == bounds)) {
		row->range = bounds;
		return row;
	}
	if (row) {
		/* The gateway has another range now, and another word may be full. */
		bpf_map_delete_elem(&destinations, key);
	}
	empty = bpf_map_lookup_elem(&zeros, &zero);
	if (!empty) {
		return (void *)0;
	}
	bpf_map_update_elem(&destinations, key, empty, BPF_NOEXIST);
	row = destination_find(key);
	if (row) {
		row->range = bounds;
	}
	return row;
}

/* The earlier of two times, of which 0 is never. */
static __always_inline __u32 destination_earlier(__u32 one, __u32 other)
{
	if (!one || !other) {
		return one | other;
	}
	return (__s32)(one - other) < 0 ? one : other;
}

/* Lowers *free_at to "at", whoever else is at it. */
static __always_inline void destination_lower(__u32 *free_at, __u32 at)
{
	for (int i = 0; i < DESTINATION_SWAPS; i++) {
		__u32 old = *(volatile __u32 *)free_at;

		if (destination_earlier(old, at) == old ||
		    __sync_val_compare_and_swap(free_at, old, at) == old) {
			return;
		}
	}
}

/* The session on this port may be over at "at", in ticks, if it is not heard of before. */
static __always_inline void destination_ends(struct natgw_destination *row, __u32 port, __u32 at)
{
	row->changes++;
	/* 0 is never. */
	at |= 1;
	asm volatile("" : "+r"(port));
	destination_lower(&row->word_free_at[(port >> 6) & 1023], at);
	destination_lower(&row->free_at, at);
}

/* true: this CPU has put it in. */
static __always_inline bool destination_add(struct natgw_destination *row,
					    const struct natgw_gateway *gateway, __u32 port)
{
	if (!portset_add(&row->bits, port, destination_range(gateway))) {
		return false;
	}
	__sync_fetch_and_add(&row->count, 1);
	return true;
}

static __always_inline void destination_remove(struct natgw_destination *row, __u32 port)
{
	if (portset_remove(&row->bits, port)) {
		__sync_fetch_and_add(&row->count, -1);
	}
}

/*
 * The row of this key stands, and may be free at "at": its port is put in, and out again if the row
 * went away meanwhile.
 */
static __always_inline void destination_learn(struct natgw_destination *row,
					      const struct natgw_gateway *gateway,
					      const struct natgw_inbound_key *key, __u32 at)
{
	__u32 port = byteorder_host16(key->ext_port);

	destination_ends(row, port, at);

	if (portset_has(&row->bits, port)) {
		return;
	}
	if (destination_add(row, gateway, port) && !session_has_inbound(key)) {
		destination_remove(row, port);
	}
}

/* The row of this key has been deleted. */
static __always_inline void destination_release(const struct natgw_inbound_key *key, __u32 index)
{
	struct natgw_gateway *gateway = policy_gateway(index);
	struct natgw_destination_key row_key;
	struct natgw_destination *row;

	destination_key(key, index, &row_key);
	row = destination_find(&row_key);
	if (!row || !gateway) {
		return;
	}
	destination_remove(row, byteorder_host16(key->ext_port));
	if (session_has_inbound(key)) {
		destination_add(row, gateway, byteorder_host16(key->ext_port));
	}
}

/*
 * The state of the row that had this word has changed: it may be free at "at". is_free: its
 * hold-down takes no time, its port may be had at once; was_free: that is over.
 */
static __always_inline void destination_changed(const struct natgw_inbound_key *key, __u64 word,
						__u32 at, bool is_free, bool was_free)
{
	struct natgw_gateway *gateway = policy_gateway(session_gateway(word));
	__u32 port = byteorder_host16(key->ext_port), *sessions;
	struct natgw_destination_key row_key;
	struct natgw_destination *row;
	__u64 now_word;

	destination_key(key, session_gateway(word), &row_key);
	sessions = destination_counter(destination_phase(), destination_hash(&row_key));
	/* The set of a destination with so few sessions is about to go. */
	if (!gateway || !sessions || (!is_free && *sessions < gateway->destination_threshold / 4)) {
		return;
	}
	row = destination_find(&row_key);
	if (!row) {
		return;
	}
	if (!is_free) {
		if (was_free) {
			destination_add(row, gateway, port);
		}
		destination_ends(row, port, at);
		return;
	}
	destination_remove(row, port);
	/* Another session may have taken the row over by now: then the bit was that one's. */
	if (session_find_inbound(key, &now_word) &&
	    session_generation(now_word) != session_generation(word)) {
		destination_add(row, gateway, port);
	}
}

/* Notes a port in a copy of "port_use". */
static __always_inline void destination_use_port(__u32 copy, __u32 eip, __u32 proto, __u32 port,
						 const struct natgw_gateway *gateway)
{
	__u32 index = natgw_port_use_index(copy, eip, proto);
	struct natgw_port_bits *set = bpf_map_lookup_elem(&port_use, &index);

	if (set && !portset_has(set, port)) {
		portset_add(set, port, destination_range(gateway));
	}
}

#endif
