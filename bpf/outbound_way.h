/* SPDX-License-Identifier: GPL-2.0-only */
/* How an outbound packet leaves: by its next hop, or, hairpinned, in again by the external
 * interface. */
#ifndef NATGW_BPF_OUTBOUND_WAY_H
#define NATGW_BPF_OUTBOUND_WAY_H

#include "forward.h"
#include "outbound_find.h"
#include "reference.h"

/* What is on the wire for this external address of the packet's gateway. */
static __always_inline __be32 outbound_wire_addr(const struct packet *pkt, __be32 addr)
{
	struct natgw_gateway *gateway = policy_gateway(pkt->gateway);
	struct natgw_address *address;

	if (!gateway || !(gateway->flags & NATGW_GATEWAY_TWO_STAGE)) {
		return addr;
	}
	address = policy_address(addr);
	return address && address->peer ? address->peer : addr;
}

/* Of a packet that has a session already. */
static __always_inline void outbound_mark_hairpin(struct packet *pkt)
{
	struct natgw_address *address;

	if (policy_has(NATGW_FEATURES_TURNING)) {
		address = policy_address(pkt->daddr);
		pkt->hairpin = address && policy_is_external(address);
	}
}

static __always_inline enum natgw_verdict outbound_may_turn(const struct packet *pkt,
							    struct mode mode)
{
	if (ACCESS_IS_XDP && !mode.dry) {
		return NATGW_DEFER_HAIRPIN;
	}
	return pkt->hook == NATGW_HOOK_TC_EGRESS ? NATGW_DROP_HAIRPIN : NATGW_OK;
}

/* The way out of a packet: its next hop, or why not from here. Updates the row's reference. */
static __always_inline enum natgw_verdict outbound_prepare(access_ctx *ctx, struct packet *pkt,
							   struct natgw_session *row,
							   struct nexthop *nh, struct mode mode)
{
	enum natgw_verdict verdict;

	if (pkt->hairpin) {
		if (pkt->ttl <= 1 && pkt->hook != NATGW_HOOK_TC_EGRESS) {
			/* It would not come back out: its sender is told here. */
			return NATGW_DEFER_TTL;
		}
		/* Its way is looked for when it is in again, and that is tc ingress's to do. */
		return outbound_may_turn(pkt, mode);
	}
	if (!mode.forward) {
		return NATGW_OK;
	}
	if (row) {
		nh->reference = forward_reference(row, pkt->now);
	}
	verdict = forward_prepare(ctx, pkt, pkt->daddr, nh, mode);
	if (verdict == NATGW_OK && row && !mode.dry && nh->reference != row->nexthop) {
		reference_keep(pkt, row, nh->reference);
	}
	return verdict;
}

/* A hairpinned packet goes in by the external interface, as if it had come from outside. */
static __always_inline enum natgw_verdict outbound_turn(access_ctx *ctx, struct packet *pkt)
{
	struct natgw_settings *set = policy_settings();
	struct natgw_iface *iface;
	__u32 ifindex;

	if (!set) {
		return NATGW_DROP_INTERNAL;
	}
	ifindex = set->hairpin;
	iface = bpf_map_lookup_elem(&ifaces, &ifindex);
	if (!iface || access_store_macs(ctx, iface->mac, iface->mac)) {
		return NATGW_DROP_INTERNAL;
	}
	pkt->out_ifindex = ifindex;
	return NATGW_TRANSLATED;
}

/* The packet is rewritten; out from here (TTL, MAC addresses, where to), or left to the kernel. */
static __always_inline enum natgw_verdict
outbound_commit(access_ctx *ctx, struct packet *pkt, const struct nexthop *nh, struct mode mode)
{
	enum natgw_verdict verdict = NATGW_OK;

	if (pkt->hairpin) {
		return outbound_turn(ctx, pkt);
	}
	if (mode.forward) {
		verdict = forward_commit(ctx, pkt, nh);
		pkt->out_ifindex = nh->ifindex;
	}
	return verdict == NATGW_OK ? NATGW_TRANSLATED : verdict;
}

#endif
