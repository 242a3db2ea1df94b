/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * Fragments (RFC 4787 REQ-14, RFC 6888): the first one has the ports and is translated like any
 * packet; what the others need of it stays in "fragments" for a few seconds. First wins; what
 * overlaps is dropped (RFC 5722's reason holds for IPv4 as well); nothing is kept of a datagram
 * whose first fragment was not seen, except that the kernel is putting it together.
 */
#ifndef NATGW_BPF_FRAGMENT_H
#define NATGW_BPF_FRAGMENT_H

#include "fragment_table.h"

/* A new IP identification for what leaves: no two datagrams of an EIP to one destination have the
 * same, whatever the clients chose (RFC 6864). */
static __always_inline __be16 fragment_new_id(const struct packet *pkt, __be32 ext_addr)
{
	struct natgw_settings *set = policy_settings();
	__u32 seed = set ? set->seed : 0, *counter;
	__u32 index = (fragment_hash(ext_addr) ^ fragment_hash(pkt->daddr) * 3 ^ pkt->proto) &
		      (NATGW_IP_IDS - 1);

	counter = bpf_map_lookup_elem(&ip_ids, &index);
	return counter ? byteorder_wire16((__u16)(__sync_fetch_and_add(counter, 1) + seed))
		       : pkt->ip_id;
}

static __always_inline __u32 fragment_bytes(const struct packet *pkt)
{
	return pkt->l3_len - (__u32)(pkt->l4 - pkt->l3);
}

/* NATGW_OK, or the reason why this gateway forwards no fragments of this protocol. What the kernel
 * has cut itself comes to egress, and is ours. */
static __always_inline enum natgw_verdict fragment_allowed(const struct packet *pkt)
{
	struct natgw_gateway *gateway = policy_gateway(pkt->gateway);

	if (pkt->hook == NATGW_HOOK_TC_EGRESS ||
	    (gateway && gateway->fragments >> packet_proto_index(pkt->proto) & 1)) {
		return NATGW_OK;
	}
	if (pkt->proto == IPPROTO_TCP) {
		return NATGW_DROP_FRAG_TCP;
	}
	return pkt->proto == IPPROTO_UDP ? NATGW_DROP_FRAG_UDP : NATGW_DROP_FRAG_ICMP;
}

/* Puts a row in, within the sender's share. Returns enum natgw_verdict. */
static __always_inline enum natgw_verdict fragment_insert(const struct natgw_fragment_key *key,
							  const struct natgw_fragment *row)
{
	__u64 *use = fragment_use_of(key->saddr);
	int error;

	if (!use || __sync_fetch_and_add(use, 1) >= NATGW_FRAGMENT_SHARE) {
		error = -E2BIG;
	} else {
		error = (int)bpf_map_update_elem(&fragments, key, row, BPF_NOEXIST);
	}
	if (!error) {
		return NATGW_OK;
	}
	if (use) {
		__sync_fetch_and_add(use, -1);
	}
	return error == -EEXIST ? NATGW_DROP_FRAG_OVERLAP : NATGW_DROP_FRAG_TABLE_FULL;
}

/* Removes a row that is over, or that only says (flags) who else has the datagram. false: there is
 * another one, and first wins. */
static __always_inline bool fragment_make_room(const struct natgw_fragment_key *key, __u32 now,
					       __u32 flags)
{
	struct natgw_fragment *row = bpf_map_lookup_elem(&fragments, key);

	if (row && fragment_is_alive(row, now) && !(row->flags & flags)) {
		return false;
	}
	if (row) {
		fragment_delete(key);
	}
	return true;
}

/*
 * The first fragment, translated to addr (outbound: its source, inbound: its destination), makes
 * way for the others. flags: FRAGMENT_ROUTED or 0. pkt->new_id is set. Returns enum natgw_verdict.
 */
static __noinline int fragment_begin(struct packet *pkt, __be32 addr, __u32 reference, __u32 flags)
{
	struct natgw_fragment_key key;
	struct natgw_fragment row = {
		.addr = addr,
		.since = pkt->now,
		.new_id = pkt->ip_id,
		.gateway = pkt->gateway,
		.nexthop = reference,
		.flags = (__u8)flags,
	};

	row.ends = fragment_bytes(pkt) << 16 | fragment_bytes(pkt);
	fragment_key(pkt, &key);
	if (!fragment_make_room(&key, pkt->now, FRAGMENT_KERNEL | FRAGMENT_AHEAD)) {
		return NATGW_DROP_FRAG_OVERLAP;
	}
	if (pkt->direction == NATGW_OUTBOUND) {
		row.new_id = fragment_new_id(pkt, addr);
	}
	pkt->new_id = row.new_id;
	return (int)fragment_insert(&key, &row);
}

/* Is its first fragment known, and was not translated? 1, 0; -1: nothing is known. */
static __noinline int fragment_is_plain(const struct packet *pkt)
{
	struct natgw_fragment_key key;
	struct natgw_fragment *row;

	fragment_key(pkt, &key);
	row = bpf_map_lookup_elem(&fragments, &key);
	if (!row || !fragment_is_alive(row, pkt->now) || row->flags & FRAGMENT_KERNEL) {
		return -1;
	}
	return !!(row->flags & FRAGMENT_PLAIN);
}

/* The first fragment of a datagram that is not translated, at each hook that it passes: the others
 * are not either. Returns enum natgw_verdict. */
static __noinline int fragment_begin_plain(const struct packet *pkt)
{
	struct natgw_fragment_key key;
	struct natgw_fragment row = {
		.since = pkt->now,
		.new_id = pkt->ip_id,
		.gateway = pkt->gateway,
		.flags = FRAGMENT_PLAIN,
	};

	if (fragment_is_plain(pkt) > 0) {
		return NATGW_OK;
	}
	fragment_key(pkt, &key);
	return fragment_make_room(&key, pkt->now, FRAGMENT_KERNEL)
		       ? (int)fragment_insert(&key, &row)
		       : NATGW_DROP_FRAG_OVERLAP;
}

/* The stretch first .. end of a datagram that has come as far as row says: does it overlap? */
static __always_inline bool fragment_advance(struct natgw_fragment *row, __u32 first, __u32 end)
{
	__u32 ends = row->ends, gap = row->gap;
	__u32 next = ends >> 16, gap_first = gap >> 16, gap_end = gap & 0xffff;

	if (first < next) {
		return false;
	}
	if (first == next) {
		if (gap && end > gap_first) {
			return false;
		}
		next = gap && end == gap_first ? gap_end : end;
		row->gap = gap && end == gap_first ? 0 : gap;
		row->ends = next << 16 | (ends & 0xffff);
		return true;
	}
	/* Behind a gap. One stretch is remembered: what lies within it is taken for seen. */
	if (gap && first < gap_end && end > gap_first) {
		return false;
	}
	gap_first = !gap || first < gap_first ? first : gap_first;
	gap_end = end > gap_end ? end : gap_end;
	row->gap = gap_first << 16 | gap_end;
	return true;
}

/*
 * A later fragment: *ret_row is what its first one has left. Returns enum natgw_verdict:
 * NATGW_DEFER_FRAGMENT where the kernel may put the datagram together.
 */
static __noinline int fragment_find(const struct packet *pkt, struct natgw_fragment *ret_row)
{
	struct natgw_fragment kernel = { .since = pkt->now, .flags = FRAGMENT_KERNEL }, *row;
	bool may_defer = pkt->direction == NATGW_OUTBOUND && pkt->hook != NATGW_HOOK_TC_EGRESS;
	struct natgw_fragment_key key;

	fragment_key(pkt, &key);
	row = bpf_map_lookup_elem(&fragments, &key);
	if (row && !fragment_is_alive(row, pkt->now)) {
		fragment_delete(&key);
		row = (void *)0;
	}
	if (row && !(row->flags & FRAGMENT_KERNEL)) {
		*ret_row = *row;
		return NATGW_OK;
	}
	if (!may_defer) {
		return NATGW_DROP_FRAG_NO_FIRST;
	}
	return row || fragment_insert(&key, &kernel) != NATGW_DROP_FRAG_TABLE_FULL
		       ? NATGW_DEFER_FRAGMENT
		       : NATGW_DROP_FRAG_TABLE_FULL;
}

/* The fragment is about to go on: its place in the datagram is taken, or it was before. The row
 * goes with the last one. Returns enum natgw_verdict. */
static __noinline int fragment_pass(const struct packet *pkt)
{
	struct natgw_fragment_key key;
	struct natgw_fragment *row;

	fragment_key(pkt, &key);
	row = bpf_map_lookup_elem(&fragments, &key);
	if (!row) {
		return NATGW_DROP_FRAG_NO_FIRST;
	}
	if (!fragment_advance(row, pkt->frag_offset, pkt->frag_offset + fragment_bytes(pkt))) {
		return NATGW_DROP_FRAG_OVERLAP;
	}
	row->flags |= pkt->frag_more ? 0 : FRAGMENT_LAST_SEEN;
	if (row->flags & FRAGMENT_LAST_SEEN && !row->gap) {
		fragment_delete(&key);
	}
	return NATGW_OK;
}

/*
 * A first fragment, before anything is done for it. Returns enum natgw_verdict:
 * NATGW_DEFER_FRAGMENT when the kernel has got others of its datagram already.
 */
static __noinline int fragment_may_begin(const struct packet *pkt)
{
	__u64 *use = fragment_use_of(pkt->saddr);
	struct natgw_fragment_key key;
	struct natgw_fragment *row;

	fragment_key(pkt, &key);
	row = bpf_map_lookup_elem(&fragments, &key);
	if (!row || !fragment_is_alive(row, pkt->now)) {
		return row || !use || *use < NATGW_FRAGMENT_SHARE ? NATGW_OK
								  : NATGW_DROP_FRAG_TABLE_FULL;
	}
	if (row->flags & FRAGMENT_AHEAD && pkt->hook != NATGW_HOOK_XDP) {
		return NATGW_OK;
	}
	if (row->flags & FRAGMENT_PLAIN) {
		return NATGW_OK;
	}
	if (!(row->flags & FRAGMENT_KERNEL)) {
		return NATGW_DROP_FRAG_OVERLAP;
	}
	return pkt->hook == NATGW_HOOK_TC_EGRESS ? NATGW_OK : NATGW_DEFER_FRAGMENT;
}

/* A fragment of a protocol that the gateway forwards: the first one, or any other. */
static __always_inline enum natgw_verdict fragment_admit(const struct packet *pkt)
{
	enum natgw_verdict verdict = fragment_allowed(pkt);

	return verdict == NATGW_OK && !pkt->frag_offset
		       ? (enum natgw_verdict)fragment_may_begin(pkt)
		       : verdict;
}

#endif
