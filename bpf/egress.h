/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * Leaving by an external interface, after the kernel has routed the packet, taken one off its TTL
 * and resolved the neighbour: outbound packets that no ingress hook has finished are translated
 * here, and none of them leaves otherwise.
 */
#ifndef NATGW_BPF_EGRESS_H
#define NATGW_BPF_EGRESS_H

#include "outbound.h"

/* A source in no internal prefix that nobody outside could answer. */
static __always_inline bool egress_is_unknown_private(const struct packet *pkt)
{
	return policy_is_private(pkt->saddr) && !policy_is_private(pkt->daddr);
}

/* A forwarded packet. */
static __always_inline enum natgw_verdict egress_forwarded(access_ctx *ctx, struct packet *pkt)
{
	const struct mode mode = {};
	struct natgw_address *source = policy_address(pkt->saddr);
	struct natgw_subnet *subnet;
	enum natgw_verdict verdict;

	if (source) {
		/* The host's own address: a tunnel's packet, or one that the host has translated
		 * itself. */
		return source->kind == NATGW_ADDRESS_EIP ? NATGW_DROP_SOURCE_NOT_ALLOWED
							 : NATGW_PASS_HOST;
	}
	subnet = policy_subnet(pkt->saddr);
	if (!subnet) {
		return egress_is_unknown_private(pkt) ? NATGW_DROP_SOURCE_NOT_ALLOWED
						      : NATGW_PASS_NOT_NAT;
	}
	verdict = policy_outbound(pkt, subnet->table);
	return verdict == NATGW_OK ? outbound_run(ctx, pkt, mode) : verdict;
}

/*
 * An ICMP error that the kernel made after tc ingress had undone a translation: it quotes the
 * internal form. Judged by the quote, whatever its outer source; a private quote without a session
 * never leaves.
 */
static __always_inline enum natgw_verdict egress_host_error(access_ctx *ctx, struct packet *pkt)
{
	const struct mode mode = {};
	struct natgw_subnet *subnet = policy_subnet(pkt->quote_daddr);
	struct natgw_route *route;

	if (!subnet) {
		return NATGW_PASS_HOST;
	}
	route = policy_route(subnet->table, pkt->quote_saddr);
	if (!route || route->target != NATGW_TARGET_GATEWAY) {
		return NATGW_PASS_HOST;
	}
	pkt->direction = NATGW_OUTBOUND;
	pkt->gateway = route->gateway;
	return outbound_run_error(ctx, pkt, mode);
}

static __always_inline enum natgw_verdict egress_run(access_ctx *ctx, struct packet *pkt)
{
	enum natgw_verdict verdict = parse_packet(ctx, pkt);
	bool from_host = !pkt->ifindex;

	verdict_count_seen(pkt);
	if (verdict == NATGW_DEFER_VLAN || (verdict != NATGW_OK && from_host)) {
		return NATGW_PASS_NOT_NAT;
	}
	if (verdict != NATGW_OK) {
		return verdict;
	}
	if (!from_host) {
		return egress_forwarded(ctx, pkt);
	}
	return pkt->quote_l3 && pkt->l4_verdict == NATGW_OK ? egress_host_error(ctx, pkt)
							    : NATGW_PASS_HOST;
}

/*
 * Would this packet leave untranslated though its route leads to a gateway? For the guard, which
 * runs when the main program did not.
 */
static __always_inline bool egress_needs_translation(access_ctx *ctx, struct packet *pkt)
{
	struct natgw_subnet *subnet;
	struct natgw_route *route;

	if (parse_packet(ctx, pkt) != NATGW_OK || !pkt->ifindex ||
	    policy_is_multicast(pkt->daddr)) {
		return false;
	}
	if (policy_address(pkt->saddr)) {
		return false;
	}
	subnet = policy_subnet(pkt->saddr);
	if (!subnet) {
		return egress_is_unknown_private(pkt);
	}
	route = policy_route(subnet->table, pkt->daddr);
	return !route ||
	       (route->target != NATGW_TARGET_LOCAL &&
		(route->target == NATGW_TARGET_GATEWAY || route->target == NATGW_TARGET_BLACKHOLE ||
		 route->ifindex != pkt->out_ifindex));
}

#endif
