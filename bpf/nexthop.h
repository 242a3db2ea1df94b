/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * Next hops: route and neighbour from the kernel (bpf_fib_lookup), cached in a small table that
 * session rows point into. A row's pointer counts while its half of the generation is the current
 * one. Without the daemon, which raises the generation when something changed, two things heal by
 * themselves: an entry is looked up again once a second (a changed MAC), and a row asks for itself
 * every 8 seconds (a changed route), unless natgwd says that it is there. Includes after
 * access_xdp.h or access_tc.h.
 */
#ifndef NATGW_BPF_NEXTHOP_H
#define NATGW_BPF_NEXTHOP_H

#include "clock.h"
#include "packet.h"

static __always_inline __u32 nexthop_sequence(const struct natgw_nexthop *entry)
{
	return *(const volatile __u32 *)&entry->seq;
}

/* The entry that a row refers to, when it is complete and not due: true and *nh. */
static __always_inline bool nexthop_cached(__u32 now, struct nexthop *nh)
{
	__u32 reference = nh->reference, index = reference & NATGW_REFERENCE_INDEX, seq;
	struct natgw_generation *current = packet_generation();
	struct natgw_nexthop *entry;

	if (!reference || !current ||
	    (__u16)current->nexthop != reference >> NATGW_REFERENCE_SHIFT) {
		return false;
	}
	entry = bpf_map_lookup_elem(&nexthops, &index);
	if (!entry) {
		return false;
	}
	seq = nexthop_sequence(entry);
	if (seq & 1 || (__s32)(entry->valid_until - now) < 0) {
		return false;
	}
	nh->ifindex = entry->ifindex;
	nh->mtu = entry->mtu;
	nh->redirect = entry->redirect;
	nh->flags = entry->flags;
	__builtin_memcpy(nh->dmac, entry->dmac, ETH_ALEN);
	__builtin_memcpy(nh->smac, entry->smac, ETH_ALEN);
	barrier();
	return nexthop_sequence(entry) == seq;
}

struct nexthop_search {
	__u64 key;
	__u32 first;
	__u32 found;  /* index + 1 */
	__u32 oldest; /* index */
	__u32 oldest_age;
	__u32 now;
};

/* One slot of the stretch: ours, free (claimed by swapping the key in), or a candidate to be
 * overwritten. */
static long nexthop_probe(__u32 i, struct nexthop_search *search)
{
	__u32 index = (search->first + i) & (NATGW_NEXTHOPS_MAX - 1), age;
	struct natgw_nexthop *entry = bpf_map_lookup_elem(&nexthops, &index);
	__u64 key;

	if (!entry) {
		return 1;
	}
	key = *(volatile __u64 *)&entry->key;
	if (!key) {
		key = __sync_val_compare_and_swap(&entry->key, 0, search->key);
		key = key ? key : search->key;
	}
	if (key == search->key) {
		search->found = index + 1;
		return 1;
	}
	age = clock_since(search->now, entry->valid_until);
	if (age >= search->oldest_age) {
		search->oldest_age = age;
		search->oldest = index;
	}
	return 0;
}

static __always_inline bool nexthop_lock(struct natgw_nexthop *entry)
{
	__u32 seq = nexthop_sequence(entry);

	return !(seq & 1) && __sync_val_compare_and_swap(&entry->seq, seq, seq + 1) == seq;
}

/* A full barrier before the even number makes the entry visible. */
static __always_inline void nexthop_unlock(struct natgw_nexthop *entry)
{
	(void)NATGW_TABLE_ADD(&entry->seq, 1);
}

/* Gives an entry to another key. Rows that point to it must not follow: the generation goes up
 * first. */
static __always_inline bool nexthop_replace(struct natgw_nexthop *entry, __u64 key, __u32 now)
{
	struct natgw_generation *current = packet_generation();

	if (!current || clock_since(now, entry->valid_until) < NATGW_NEXTHOP_REUSE ||
	    !nexthop_lock(entry)) {
		return false;
	}
	(void)NATGW_TABLE_ADD(&current->nexthop, 1);
	entry->key = key;
	entry->valid_until = now - 1;
	nexthop_unlock(entry);
	return true;
}

/* The entry for this key; a stretch that is full gives up its oldest one. NULL: all in use. */
static __always_inline struct natgw_nexthop *nexthop_entry(__u64 key, __u32 now, __u32 *ret_index)
{
	struct nexthop_search search = { .key = key, .now = now };
	struct natgw_nexthop *entry;

	search.first = (__u32)((key * 0x9e3779b97f4a7c15ULL) >> 40);
	bpf_loop(NATGW_NEXTHOP_PROBES, nexthop_probe, &search, 0);
	*ret_index = search.found ? search.found - 1 : search.oldest;
	entry = bpf_map_lookup_elem(&nexthops, ret_index);
	if (!entry || search.found) {
		return entry;
	}
	return nexthop_replace(entry, key, now) ? entry : (void *)0;
}

/* Writes what the kernel said: false when another CPU is at it, or the entry has another owner by
 * now. */
static __always_inline bool nexthop_store(struct natgw_nexthop *entry, __u64 key,
					  const struct nexthop *nh, __u32 now)
{
	bool mine;

	if (!nexthop_lock(entry)) {
		return false;
	}
	mine = entry->key == key;
	if (mine) {
		entry->ifindex = nh->ifindex;
		entry->mtu = nh->mtu;
		entry->redirect = nh->redirect;
		entry->flags = nh->flags;
		__builtin_memcpy(entry->dmac, nh->dmac, ETH_ALEN);
		__builtin_memcpy(entry->smac, nh->smac, ETH_ALEN);
		entry->valid_until = now + NATGW_NEXTHOP_LIFE;
	}
	nexthop_unlock(entry);
	return mine;
}

/* What each answer of the kernel's route lookup means for the packet. */
static __always_inline enum natgw_verdict nexthop_verdict(long answer)
{
	switch (answer) {
	case BPF_FIB_LKUP_RET_SUCCESS:
		return NATGW_OK;
	case BPF_FIB_LKUP_RET_NO_NEIGH:
		return NATGW_DEFER_NEIGHBOUR;
	case BPF_FIB_LKUP_RET_BLACKHOLE:
	case BPF_FIB_LKUP_RET_UNREACHABLE:
	case BPF_FIB_LKUP_RET_PROHIBIT:
	case BPF_FIB_LKUP_RET_NOT_FWDED:
		return NATGW_DROP_NO_ROUTE;
	default:
		/* Forwarding switched off, a tunnel's own encapsulation: the kernel knows what to
		 * do. */
		return NATGW_DEFER_ROUTE;
	}
}

/*
 * Asks the kernel for the way of the packet (as it came in by pkt->ifindex) to daddr. The source is
 * the one before translation, as in the kernel's own slow path.
 */
static __always_inline enum natgw_verdict nexthop_lookup(access_ctx *ctx, const struct packet *pkt,
							 __be32 daddr, struct nexthop *nh,
							 __u64 *ret_key)
{
	struct bpf_fib_lookup fib = {
		.family = AF_INET,
		.l4_protocol = pkt->proto,
		/* Non-zero, so that the answer carries the route's MTU; our own check comes later.
		 */
		.tot_len = 1,
		.ifindex = pkt->ifindex,
		.ipv4_src = pkt->saddr,
		.ipv4_dst = daddr,
	};
	enum natgw_verdict verdict = nexthop_verdict(bpf_fib_lookup(ctx, &fib, sizeof(fib), 0));
	struct natgw_iface *iface;

	if (verdict != NATGW_OK) {
		return verdict;
	}
	if (!(fib.dmac[0] | fib.dmac[1] | fib.dmac[2] | fib.dmac[3] | fib.dmac[4] | fib.dmac[5])) {
		/* Kernels before 6.3 call a neighbour known whose resolution has failed. */
		return NATGW_DEFER_NEIGHBOUR;
	}
	iface = bpf_map_lookup_elem(&ifaces, &fib.ifindex);
	nh->ifindex = fib.ifindex;
	nh->mtu = fib.mtu_result;
	nh->redirect = iface && iface->redirect;
	nh->flags = iface ? iface->flags : 0;
	__builtin_memcpy(nh->dmac, fib.dmac, ETH_ALEN);
	__builtin_memcpy(nh->smac, fib.smac, ETH_ALEN);
	/* The kernel puts the router's address here when the route has one; an IPv6 one is not
	 * cached. */
	*ret_key = fib.family == AF_INET ? (__u64)fib.ifindex << 32 | BYTEORDER_RAW32(fib.ipv4_dst)
					 : 0;
	return NATGW_OK;
}

/*
 * The next hop by the kernel, and a fresh reference to it in nh->reference (0: not cached). Returns
 * enum natgw_verdict. __noinline: the kernel's lookup needs 100 bytes of stack that the packet's
 * way has no use for afterwards.
 */
#define nexthop_resolve ACCESS_GLOBAL(nexthop_resolve)
__noinline __weak int nexthop_resolve(access_ctx *ctx, const struct packet *pkt, __be32 daddr,
				      struct nexthop *nh, __u32 dry)
{
	struct natgw_nexthop *entry;
	enum natgw_verdict verdict;
	__u32 index;
	__u64 key;

	if (!pkt || !nh) {
		return NATGW_DROP_INTERNAL;
	}
	nh->reference = 0;
	verdict = nexthop_lookup(ctx, pkt, daddr, nh, &key);
	if (verdict != NATGW_OK || !key || dry) {
		return verdict;
	}
	entry = nexthop_entry(key, pkt->now, &index);
	if (entry && nexthop_store(entry, key, nh, pkt->now)) {
		/* Read as the packet came: a change since makes the reference an old one, never a
		 * wrong one. */
		nh->reference = index | pkt->generation << NATGW_REFERENCE_SHIFT;
	}
	return NATGW_OK;
}

#endif
