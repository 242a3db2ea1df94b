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

/* To an EIP. A session's remote endpoint is never internal, so where the packet is from matters on
 * a miss only. */
static __always_inline enum natgw_verdict ingress_inbound(access_ctx *ctx, struct packet *pkt,
							  const struct natgw_address *eip,
							  struct mode mode)
{
	enum natgw_verdict verdict;

	pkt->direction = NATGW_INBOUND;
	pkt->gateway = eip->gateway;
	pkt->eip_drained = eip->draining && (__s32)(pkt->now - eip->drain_until) >= 0;
	verdict = inbound_run(ctx, pkt, mode);
	if ((verdict == NATGW_DROP_NO_SESSION || verdict == NATGW_DROP_TO_GATEWAY) &&
	    policy_subnet(pkt->saddr)) {
		if (!ingress_is_internal(pkt)) {
			return NATGW_DROP_SOURCE_NOT_ALLOWED;
		}
		return verdict == NATGW_DROP_TO_GATEWAY ? verdict : NATGW_DROP_HAIRPIN;
	}
	return verdict;
}

/* Neither outbound nor inbound. Nobody sends from an EIP but natgw. */
static __always_inline enum natgw_verdict ingress_not_nat(const struct packet *pkt)
{
	struct natgw_address *source = policy_address(pkt->saddr);

	if (source && source->kind == NATGW_ADDRESS_EIP) {
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
	if (address && address->kind == NATGW_ADDRESS_EIP) {
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

	if (address && address->kind == NATGW_ADDRESS_EIP) {
		return ingress_inbound(ctx, pkt, address, mode);
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
		return policy_untranslated_inbound(pkt, subnet->table);
	}
	return ingress_not_nat(pkt);
}

static __always_inline enum natgw_verdict ingress_run(access_ctx *ctx, struct packet *pkt,
						      enum packet_side side, struct mode mode)
{
	enum natgw_verdict verdict = parse_packet(ctx, pkt);

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
	return side == PACKET_SIDE_INTERNAL ? ingress_internal(ctx, pkt, mode)
					    : ingress_external(ctx, pkt, mode);
}

#endif
