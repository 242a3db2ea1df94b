/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * Forwarding without the kernel's help: may this packet leave from here, and by which next hop.
 * Asked before anything is rewritten, so that a packet which may not is still as it came.
 */
#ifndef NATGW_BPF_FORWARD_H
#define NATGW_BPF_FORWARD_H

#include "fragment.h"
#include "mss.h"
#include "nexthop.h"
#include "translate.h"

/*
 * NAT traffic leaves by an external interface or not at all: elsewhere nothing would translate it.
 * And what is translated inbound never goes back out by an interface that is external only.
 */
static __always_inline bool forward_is_right_side(const struct packet *pkt,
						  const struct nexthop *nh)
{
	if (pkt->direction == NATGW_OUTBOUND) {
		return nh->flags & NATGW_IFACE_EXTERNAL;
	}
	return !nh->flags || nh->flags & NATGW_IFACE_INTERNAL;
}

/* A row's reference, unless it is time for the row to ask for its route itself. */
static __always_inline __u32 forward_reference(const struct natgw_session *row, __u32 now)
{
	return (row->last_seen ^ now) >> NATGW_ROUTE_SHIFT ? 0 : row->nexthop;
}

/*
 * NATGW_OK: *nh is complete and the packet fits. saddr of the packet and daddr are those that the
 * kernel would route by. nh->reference comes in as the session row's (0 for a new session) and goes
 * out as the one to be kept there.
 */
#define forward_look ACCESS_GLOBAL(forward_look)
__noinline __weak int forward_look(access_ctx *ctx, struct packet *pkt, __be32 daddr,
				   struct nexthop *nh, __u32 dry)
{
	enum natgw_verdict verdict = NATGW_OK;

	if (!pkt || !nh) {
		return NATGW_DROP_INTERNAL;
	}
	if (pkt->ttl <= 1) {
		return NATGW_DEFER_TTL;
	}
	if (!nexthop_cached(pkt->now, nh)) {
		verdict = (enum natgw_verdict)nexthop_resolve(ctx, pkt, daddr, nh, dry);
	}
	if (verdict != NATGW_OK) {
		return verdict;
	}
	if (!forward_is_right_side(pkt, nh)) {
		return NATGW_DROP_NO_ROUTE;
	}
	if (pkt->l3_len > nh->mtu) {
		pkt->mtu = nh->mtu;
		return NATGW_DEFER_TOO_BIG;
	}
	if (!(ACCESS_IS_XDP ? nh->redirect : nh->flags) || !access_is_linear(ctx)) {
		return NATGW_DEFER_DEVICE;
	}
	return NATGW_OK;
}

static __always_inline enum natgw_verdict forward_prepare(access_ctx *ctx, struct packet *pkt,
							  __be32 daddr, struct nexthop *nh,
							  struct mode mode)
{
	return (enum natgw_verdict)forward_look(ctx, pkt, daddr, nh, mode.dry);
}

/* The interface's MTU, or "other" where it is not managed. */
static __always_inline __u32 forward_iface_mtu(__u32 ifindex, __u32 other)
{
	struct natgw_iface *iface = bpf_map_lookup_elem(&ifaces, &ifindex);

	return iface && iface->mtu && iface->mtu < other ? iface->mtu : other;
}

/* SYN and SYN-ACK: neither side is to send more than both of our links take (requirement B-10).
 * next_mtu: of the next hop, 0: not known. */
static __always_inline enum natgw_verdict
forward_clamp_mss(access_ctx *ctx, const struct packet *pkt, __u32 next_mtu)
{
	__u32 mtu = next_mtu ? next_mtu : 0xffff;

	if (pkt->proto != IPPROTO_TCP || !(pkt->tcp_flags & TCP_SYN)) {
		return NATGW_OK;
	}
	mtu = forward_iface_mtu(pkt->ifindex, mtu);
	if (pkt->hook == NATGW_HOOK_TC_EGRESS) {
		mtu = forward_iface_mtu(pkt->out_ifindex, mtu);
	}
	return mss_clamp(ctx, pkt, mtu) ? NATGW_DROP_INTERNAL : NATGW_OK;
}

/* TTL and MAC addresses; the caller's verdict then redirects to nh->ifindex. */
static __always_inline enum natgw_verdict forward_commit(access_ctx *ctx, const struct packet *pkt,
							 const struct nexthop *nh)
{
	enum natgw_verdict verdict = translate_ttl(ctx, pkt);

	if (verdict != NATGW_OK) {
		return verdict;
	}
	return access_store_macs(ctx, nh->dmac, nh->smac) ? NATGW_DROP_INTERNAL : NATGW_OK;
}

#endif
