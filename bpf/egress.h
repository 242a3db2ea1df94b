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

/* May the host send from this address? */
static __always_inline bool egress_is_hosts(const struct natgw_address *source)
{
	if (policy_is_external(source)) {
		return source->on_host == NATGW_ON_HOST_SHARED;
	}
	/* In two stages the host may hold the EIP itself. */
	return source->kind != NATGW_ADDRESS_EIP || source->on_host;
}

/* Of a shared EIP the host has the port that it is seen to use: no session of a client is to have
 * it (threat 4). */
static __always_inline void egress_note_port(const struct packet *pkt,
					     const struct natgw_address *source)
{
	__u32 index = natgw_reserved_index(source->eip, packet_proto_index(pkt->proto));
	__u32 port = byteorder_host16(pkt->sport), word = (port >> 6) & 1023;
	struct natgw_port_bits *set;
	__u64 bit = 1ULL << (port & 63);

	if (!port || !policy_is_external(source) || source->on_host != NATGW_ON_HOST_SHARED) {
		return;
	}
	set = bpf_map_lookup_elem(&reserved_ports, &index);
	if (set && !(set->word[word] & bit)) {
		__sync_fetch_and_or(&set->word[word], bit);
	}
}

/* A packet of the host's own. */
static __always_inline enum natgw_verdict egress_host(const struct packet *pkt)
{
	struct natgw_address *source =
		policy_has(NATGW_FEATURE_RESERVED) ? policy_address(pkt->saddr) : (void *)0;

	if (source) {
		egress_note_port(pkt, source);
	}
	return NATGW_PASS_HOST;
}

/* Types that quote a packet, the ones too that are never translated (source quench, redirect), and
 * what cannot be told. */
static __always_inline bool egress_is_error(const struct packet *pkt)
{
	return pkt->proto == IPPROTO_ICMP &&
	       ((pkt->icmp_type >= ICMP_DEST_UNREACH && pkt->icmp_type <= ICMP_REDIRECT) ||
		packet_is_icmp_error(pkt->icmp_type) || pkt->l4_verdict == NATGW_DROP_FRAG_ICMP ||
		pkt->l4_verdict == NATGW_DROP_MALFORMED);
}

/*
 * An ICMP error that the kernel made after tc ingress had undone a translation, or a router inside
 * with an address of its own: it quotes the internal form. Judged by the quote, whatever its outer
 * source; a private quote without a session never leaves. other: the verdict where it is none of
 * natgw's business.
 */
static __always_inline enum natgw_verdict egress_error(access_ctx *ctx, struct packet *pkt,
						       enum natgw_verdict other)
{
	const struct mode mode = {};
	struct natgw_subnet *subnet = policy_subnet(pkt->quote_daddr);
	enum natgw_verdict verdict;
	struct natgw_route *route;

	if (!pkt->quote_daddr || pkt->daddr != pkt->quote_saddr) {
		/* Too short to tell; or not to whoever sent what it quotes. */
		return NATGW_DROP_ICMP_QUOTE;
	}
	if (!subnet) {
		return other;
	}
	if (policy_unless_self(pkt, NATGW_OK) == NATGW_DROP_HAIRPIN) {
		return NATGW_DROP_HAIRPIN;
	}
	route = policy_route(subnet->table, pkt->quote_saddr);
	if (!route || route->target == NATGW_TARGET_BLACKHOLE) {
		return NATGW_DROP_ICMP_QUOTE;
	}
	if (route->target != NATGW_TARGET_GATEWAY) {
		return other;
	}
	if (pkt->l4_verdict != NATGW_OK) {
		return NATGW_DROP_ICMP_QUOTE;
	}
	pkt->direction = NATGW_OUTBOUND;
	pkt->gateway = route->gateway;
	verdict = outbound_run_error(ctx, pkt, mode);
	return verdict == NATGW_PASS_HOST ? NATGW_DROP_ICMP_QUOTE : verdict;
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
		if (!egress_is_hosts(source)) {
			return NATGW_DROP_SOURCE_NOT_ALLOWED;
		}
		egress_note_port(pkt, source);
		return egress_is_error(pkt) ? egress_error(ctx, pkt, NATGW_PASS_HOST)
					    : NATGW_PASS_HOST;
	}
	subnet = policy_subnet(pkt->saddr);
	if (!subnet && egress_is_unknown_private(pkt)) {
		return NATGW_DROP_SOURCE_NOT_ALLOWED;
	}
	if (!subnet) {
		return egress_is_error(pkt) ? egress_error(ctx, pkt, NATGW_PASS_NOT_NAT)
					    : NATGW_PASS_NOT_NAT;
	}
	verdict = policy_outbound(pkt, subnet->table);
	return verdict == NATGW_OK ? outbound_run(ctx, pkt, mode) : verdict;
}

static __always_inline enum natgw_verdict egress_run(access_ctx *ctx, struct packet *pkt)
{
	enum natgw_verdict verdict = (enum natgw_verdict)parse_packet(ctx, pkt);
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
	return egress_is_error(pkt) ? egress_error(ctx, pkt, NATGW_PASS_HOST) : egress_host(pkt);
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
	if (route && route->target == NATGW_TARGET_GATEWAY && policy_has(NATGW_FEATURE_NO_NAT)) {
		return outbound_find_rules(pkt, route->gateway) != NATGW_PASS_NOT_NAT;
	}
	return !route ||
	       (route->target != NATGW_TARGET_LOCAL &&
		(route->target == NATGW_TARGET_GATEWAY || route->target == NATGW_TARGET_BLACKHOLE ||
		 route->ifindex != pkt->out_ifindex));
}

#endif
