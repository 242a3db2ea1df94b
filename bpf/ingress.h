/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * The way of a packet that comes in by a managed interface, the same in XDP and tc:
 *   outbound: parse, policy, session (or create), translate, forward
 *   inbound:  parse, session, translate, forward
 * Returns the verdict; the entry program counts it and acts.
 */
#ifndef NATGW_BPF_INGRESS_H
#define NATGW_BPF_INGRESS_H

#include "inbound.h"

static __always_inline enum natgw_verdict ingress_outbound(access_ctx *ctx, struct packet *pkt,
							   __u32 table, struct mode mode)
{
	enum natgw_verdict verdict = policy_outbound(pkt, table);

	return verdict == NATGW_OK ? outbound_run(ctx, pkt, mode) : verdict;
}

static __always_inline bool ingress_is_internal(const struct packet *pkt)
{
	struct natgw_iface *iface = bpf_map_lookup_elem(&ifaces, &pkt->ifindex);

	return iface && iface->flags & NATGW_IFACE_INTERNAL;
}

/*
 * From an external interface straight to a private address: let in only where that client's table
 * has a route back that is not through a gateway (local, interface), or where its way out is not
 * translated either (no_nat rules).
 */
static __always_inline enum natgw_verdict ingress_untranslated(struct packet *pkt, __u32 table)
{
	struct rules_query query = {
		.client = pkt->daddr,
		.remote = pkt->saddr,
		.port = pkt->sport,
		.proto = pkt->proto,
	};
	struct claim *claim = claim_scratch();
	struct natgw_route *route;

	if (pkt->quote_l3 && pkt->l4_verdict == NATGW_OK && pkt->quote_saddr == pkt->daddr) {
		/* From any router on the way: what it quotes says whose it is. */
		query.remote = pkt->quote_daddr;
		query.port = pkt->quote_dport;
		query.proto = pkt->quote_proto;
	}
	route = policy_route(table, query.remote);
	query.gateway = route ? route->gateway : 0;
	pkt->direction = NATGW_INBOUND;
	if (route &&
	    (route->target == NATGW_TARGET_LOCAL || route->target == NATGW_TARGET_INTERFACE ||
	     route->target == NATGW_TARGET_VPN)) {
		return policy_unless_self(pkt, NATGW_PASS_NOT_NAT);
	}
	if (claim && route && route->target == NATGW_TARGET_GATEWAY &&
	    policy_has(NATGW_FEATURE_NO_NAT)) {
		if (pkt->frag_offset && fragment_is_plain(pkt) > 0) {
			return policy_unless_self(pkt, NATGW_PASS_NOT_NAT);
		}
		rules_find(&query);
		if (rules_verdict(claim, route->gateway) == NATGW_PASS_NOT_NAT) {
			if (pkt->is_fragment && !pkt->frag_offset && !pkt->dry) {
				fragment_begin_plain(pkt);
			}
			return policy_unless_self(pkt, NATGW_PASS_NOT_NAT);
		}
	}
	/* The host's own address may lie in an internal prefix. */
	return policy_unless_self(pkt, NATGW_DROP_NO_SESSION);
}

/* The verdict on a packet that met no session, where its sender is internal: a session's remote
 * endpoint never is, so where the packet is from matters on a miss only. */
static __always_inline enum natgw_verdict ingress_missed(const struct packet *pkt,
							 enum natgw_verdict verdict)
{
	if ((verdict != NATGW_DROP_NO_SESSION && verdict != NATGW_DROP_TO_GATEWAY) ||
	    !policy_subnet(pkt->saddr)) {
		return verdict;
	}
	if (!ingress_is_internal(pkt)) {
		return NATGW_DROP_SOURCE_NOT_ALLOWED;
	}
	return verdict == NATGW_DROP_TO_GATEWAY ? verdict : NATGW_DROP_HAIRPIN;
}

/* Nobody sends from natgw's external addresses but natgw: what is hairpinned. Only tc can tell. */
static __always_inline bool ingress_is_spoofed(const struct packet *pkt)
{
	struct natgw_address *source;

	if (pkt->hairpin || !policy_has(NATGW_FEATURES_TURNING)) {
		return false;
	}
	source = policy_address(pkt->saddr);
	return source && policy_is_external(source);
}

/*
 * What does not belong to a session of a shared address is the host's, whatever it is; but an
 * internal host is not let in through the outside.
 */
static __always_inline enum natgw_verdict ingress_shared(const struct packet *pkt,
							 const struct natgw_address *address,
							 enum natgw_verdict verdict)
{
	if (address->on_host != NATGW_ON_HOST_SHARED || pkt->is_ours ||
	    verdict == NATGW_DROP_SOURCE_NOT_ALLOWED ||
	    (verdict == NATGW_DROP_HAIRPIN && policy_has(NATGW_FEATURES_TURNING)) ||
	    verdict_class(verdict) != NATGW_CLASS_DROP) {
		return verdict;
	}
	return NATGW_PASS_HOST;
}

/* To one of natgw's external addresses. */
static __always_inline enum natgw_verdict ingress_inbound(access_ctx *ctx, struct packet *pkt,
							  const struct natgw_address *address,
							  struct mode mode)
{
	const struct natgw_address *eip = address;
	enum natgw_verdict verdict;

	pkt->direction = NATGW_INBOUND;
	pkt->gateway = address->gateway;
	pkt->ext_addr = pkt->daddr;
	if (ingress_is_spoofed(pkt)) {
		return ACCESS_IS_XDP ? NATGW_DEFER_HAIRPIN : NATGW_DROP_SOURCE_NOT_ALLOWED;
	}
	if (policy_has(NATGW_FEATURE_ACL) && policy_is_denied(pkt->saddr)) {
		return ingress_shared(pkt, address, NATGW_DROP_ACL);
	}
	if ((address->kind == NATGW_ADDRESS_ONE_TO_ONE || pkt->quote_l3) &&
	    policy_subnet(pkt->saddr)) {
		return ingress_missed(pkt, NATGW_DROP_NO_SESSION);
	}
	if (address->kind == NATGW_ADDRESS_ONE_TO_ONE) {
		return (enum natgw_verdict)inbound_run_one_to_one(ctx, pkt, address->peer,
								  mode.dry);
	}
	if (address->kind == NATGW_ADDRESS_STAGED) {
		pkt->ext_addr = address->peer;
		eip = policy_address(pkt->ext_addr);
		if (!eip) {
			return NATGW_DROP_NO_SESSION;
		}
		pkt->gateway = eip->gateway;
	}
	pkt->eip_draining = eip->draining;
	pkt->eip_drained = eip->draining && (__s32)(pkt->now - eip->drain_until) >= 0;
	verdict = inbound_run(ctx, pkt, mode);
	return ingress_shared(pkt, address, ingress_missed(pkt, verdict));
}

/* Neither outbound nor inbound. Nobody sends from an EIP but natgw. */
static __always_inline enum natgw_verdict ingress_not_nat(const struct packet *pkt)
{
	struct natgw_address *source = policy_address(pkt->saddr);

	if (source && policy_is_external(source) && source->on_host != NATGW_ON_HOST_SHARED) {
		return NATGW_DROP_SOURCE_NOT_ALLOWED;
	}
	return policy_unless_self(pkt, NATGW_PASS_NOT_NAT);
}

/* At an interface that is internal only. */
static __always_inline enum natgw_verdict ingress_internal(access_ctx *ctx, struct packet *pkt,
							   struct mode mode)
{
	struct natgw_subnet *subnet = policy_subnet(pkt->saddr);
	struct natgw_address *address;

	if (subnet) {
		return ingress_outbound(ctx, pkt, subnet->table, mode);
	}
	address = policy_address(pkt->daddr);
	if (address && policy_is_external(address) && address->on_host != NATGW_ON_HOST_SHARED) {
		/* A spoofed source, or replies that come back the wrong way. */
		return NATGW_DROP_SOURCE_NOT_ALLOWED;
	}
	return ingress_not_nat(pkt);
}

/* At an external interface, which in a one-armed gateway is the internal one too. */
static __always_inline enum natgw_verdict ingress_external(access_ctx *ctx, struct packet *pkt,
							   struct mode mode)
{
	struct natgw_address *address = policy_address(pkt->daddr);
	struct natgw_subnet *subnet;
	enum natgw_verdict verdict;

	if (address && policy_is_external(address)) {
		verdict = ingress_inbound(ctx, pkt, address, mode);
		if (verdict != NATGW_DROP_HAIRPIN || !policy_has(NATGW_FEATURES_TURNING)) {
			return verdict;
		}
	}
	subnet = policy_subnet(pkt->saddr);
	if (subnet) {
		if (!ingress_is_internal(pkt)) {
			return NATGW_DROP_SOURCE_NOT_ALLOWED;
		}
		return ingress_outbound(ctx, pkt, subnet->table, mode);
	}
	subnet = policy_subnet(pkt->daddr);
	if (subnet) {
		return ingress_untranslated(pkt, subnet->table);
	}
	return ingress_not_nat(pkt);
}

static __always_inline enum natgw_verdict ingress_run(access_ctx *ctx, struct packet *pkt,
						      enum packet_side side, struct mode mode)
{
	enum natgw_verdict verdict = (enum natgw_verdict)parse_packet(ctx, pkt);

	if (!mode.dry) {
		verdict_count_seen(pkt);
	}
	if (verdict != NATGW_OK) {
		return verdict;
	}
	if (!access_is_for_us(ctx, pkt)) {
		/* Seen on a flooding switch or while somebody captures: the kernel drops it by
		 * itself. */
		return NATGW_PASS_NOT_NAT;
	}
	if (ACCESS_IS_XDP && pkt->saddr == pkt->daddr && policy_has(NATGW_FEATURES_TURNING)) {
		/* In generic mode XDP sees hairpinned packets, too, and cannot tell. */
		return NATGW_DEFER_HAIRPIN;
	}
	verdict = verify_addresses(pkt);
	if (verdict != NATGW_OK) {
		return verdict;
	}
	return side == PACKET_SIDE_INTERNAL ? ingress_internal(ctx, pkt, mode)
					    : ingress_external(ctx, pkt, mode);
}

#endif
