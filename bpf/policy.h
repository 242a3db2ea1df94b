/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * Policy: whose packet is this, and which target does its route table name. The direction is
 * decided by addresses: a source in an internal prefix is outbound, a destination that is an EIP is
 * inbound.
 */
#ifndef NATGW_BPF_POLICY_H
#define NATGW_BPF_POLICY_H

#include "byteorder.h"
#include "packet.h"

static __always_inline struct natgw_settings *policy_settings(void)
{
	__u32 zero = 0;

	return bpf_map_lookup_elem(&settings, &zero);
}

static __always_inline struct natgw_gateway *policy_gateway(__u32 index)
{
	return bpf_map_lookup_elem(&gateways, &index);
}

/* By the operator: nothing goes through this gateway. */
static __always_inline bool policy_is_blocked(__u32 index)
{
	struct natgw_gateway *gateway = policy_gateway(index);

	return gateway && gateway->flags & NATGW_GATEWAY_BLOCKED;
}

/* The internal prefix that holds addr, or NULL. */
static __always_inline struct natgw_subnet *policy_subnet(__be32 addr)
{
	struct natgw_subnet_key key = { .prefix_len = 32, .addr = addr };

	return bpf_map_lookup_elem(&subnets, &key);
}

static __always_inline struct natgw_route *policy_route(__u32 table, __be32 addr)
{
	struct natgw_route_key key = { .prefix_len = 64, .table = table, .addr = addr };

	return bpf_map_lookup_elem(&routes, &key);
}

static __always_inline bool policy_has(__u32 feature)
{
	struct natgw_settings *set = policy_settings();

	return set && set->features & feature;
}

/* What addr means to natgw (an EIP, a private IP, the host's own, a public one), or NULL. */
static __always_inline struct natgw_address *policy_address(__be32 addr)
{
	struct natgw_address *address = bpf_map_lookup_elem(&addresses, &addr);

	/* An internal host like any other, but for the packets that it sends. */
	return address && address->kind != NATGW_ADDRESS_MAPPED ? address : (void *)0;
}

/* The public address that is this internal host's alone (one_to_one), or 0. */
static __always_inline __be32 policy_public_address(__be32 addr)
{
	struct natgw_address *address;

	if (!policy_has(NATGW_FEATURE_ONE_TO_ONE)) {
		return 0;
	}
	address = bpf_map_lookup_elem(&addresses, &addr);
	return address && address->kind == NATGW_ADDRESS_MAPPED ? address->peer : 0;
}

/* On the wire outside it is natgw's: an EIP or a public address. An EIP in two stages is not. */
static __always_inline bool policy_is_external(const struct natgw_address *address)
{
	return (address->kind == NATGW_ADDRESS_EIP && !address->peer) ||
	       address->kind == NATGW_ADDRESS_ONE_TO_ONE || address->kind == NATGW_ADDRESS_STAGED;
}

/* The access list (requirement 10): the longest prefix that holds addr says no. */
static __always_inline bool policy_is_denied(__be32 addr)
{
	struct natgw_acl_key key = { .prefix_len = 32, .addr = addr };
	struct natgw_acl *row = bpf_map_lookup_elem(&acl, &key);

	return row && row->deny;
}

static __always_inline bool policy_in(__be32 addr, __u32 network, __u32 len)
{
	return (byteorder_host32(addr) ^ network) >> (32 - len) == 0;
}

/* 224/4 and the limited broadcast: the kernel's, never translated. */
static __always_inline bool policy_is_multicast(__be32 addr)
{
	return policy_in(addr, 0xe0000000, 4) || ~BYTEORDER_RAW32(addr) == 0;
}

/* Destinations that no gateway translates (requirement B-15): 0/8, 127/8, 169.254/16, 240/4. */
static __always_inline bool policy_is_martian(__be32 addr)
{
	return policy_in(addr, 0x00000000, 8) || policy_in(addr, 0x7f000000, 8) ||
	       policy_in(addr, 0xa9fe0000, 16) || policy_in(addr, 0xf0000000, 4);
}

/* RFC 1918 and RFC 6598: sources that mean nothing outside. */
static __always_inline bool policy_is_private(__be32 addr)
{
	return policy_in(addr, 0x0a000000, 8) || policy_in(addr, 0xac100000, 12) ||
	       policy_in(addr, 0xc0a80000, 16) || policy_in(addr, 0x64400000, 10);
}

static __always_inline bool policy_is_ping(const struct packet *pkt)
{
	return pkt->proto == IPPROTO_ICMP && pkt->icmp_type == ICMP_ECHO &&
	       pkt->l4_verdict == NATGW_OK;
}

/* What the gateway lets through of ICMP (requirement B-22). */
static __always_inline enum natgw_verdict policy_icmp_query(const struct packet *pkt)
{
	struct natgw_gateway *gateway;

	if (pkt->proto != IPPROTO_ICMP) {
		return NATGW_OK;
	}
	gateway = policy_gateway(pkt->gateway);
	return gateway && gateway->icmp == NATGW_ICMP_OFF ? NATGW_DROP_ICMP_TYPE : NATGW_OK;
}

static __always_inline enum natgw_verdict policy_icmp_error(const struct packet *pkt)
{
	struct natgw_gateway *gateway = policy_gateway(pkt->gateway);

	return gateway && gateway->icmp != NATGW_ICMP_ALL ? NATGW_DROP_ICMP_TYPE : NATGW_OK;
}

/* To an address of natgw or the host: what becomes of it (requirement 44). */
static __always_inline enum natgw_verdict policy_to_self(const struct packet *pkt,
							 const struct natgw_address *address)
{
	struct natgw_settings *set = policy_settings();

	if (pkt->hook == NATGW_HOOK_TC_EGRESS && address->kind == NATGW_ADDRESS_EIP &&
	    !address->on_host) {
		/* In two stages, and on its way to nobody. */
		return NATGW_DROP_HAIRPIN;
	}
	if (address->kind != NATGW_ADDRESS_HOST && address->on_host != NATGW_ON_HOST_SHARED &&
	    policy_is_ping(pkt) && !(set && set->reply_ping)) {
		return NATGW_DROP_TO_GATEWAY;
	}
	return NATGW_PASS_HOST;
}

/*
 * The verdict "other", unless the destination is one of natgw's or the host's own addresses: an EIP
 * is never the kernel's to route (hairpin), and a packet to the host is never natgw's to drop.
 */
static __always_inline enum natgw_verdict policy_unless_self(const struct packet *pkt,
							     enum natgw_verdict other)
{
	struct natgw_address *address = policy_address(pkt->daddr);

	if (!address) {
		return other;
	}
	return policy_is_external(address) && address->on_host != NATGW_ON_HOST_SHARED
		       ? NATGW_DROP_HAIRPIN
		       : policy_to_self(pkt, address);
}

/*
 * A route past the gateways: the kernel's own route decides. At egress it has decided, and a route
 * to one interface is kept to that interface: the default route takes nothing instead.
 */
static __always_inline enum natgw_verdict policy_pass(const struct packet *pkt,
						      const struct natgw_route *route)
{
	if (pkt->hook == NATGW_HOOK_TC_EGRESS && route->target != NATGW_TARGET_LOCAL &&
	    route->ifindex != pkt->out_ifindex) {
		return NATGW_DROP_TARGET_NOT_ALLOWED;
	}
	return policy_unless_self(pkt, NATGW_PASS_NOT_NAT);
}

/* After translation: the gateway's own route table (requirements 38, 41, 80). */
static __always_inline enum natgw_verdict policy_gateway_route(const struct packet *pkt,
							       const struct natgw_gateway *gateway)
{
	struct natgw_route *route = policy_route(gateway->table, pkt->daddr);

	if (!route) {
		return NATGW_DROP_NO_ROUTE;
	}
	if (route->target == NATGW_TARGET_BLACKHOLE) {
		return NATGW_DROP_BLACKHOLE;
	}
	return route->target == NATGW_TARGET_INTERNET ||
			       gateway->allow_targets >> (route->target & 7) & 1
		       ? NATGW_OK
		       : NATGW_DROP_TARGET_NOT_ALLOWED;
}

/*
 * A source in an internal prefix with this table: NATGW_OK and pkt->gateway when it is to be
 * translated, else its verdict.
 */
static __always_inline enum natgw_verdict policy_outbound(struct packet *pkt, __u32 table)
{
	struct natgw_gateway *gateway;
	struct natgw_route *route;

	pkt->direction = NATGW_OUTBOUND;
	if (policy_is_multicast(pkt->daddr)) {
		return NATGW_PASS_NOT_NAT;
	}
	if (policy_is_martian(pkt->daddr)) {
		return policy_unless_self(pkt, NATGW_DROP_MARTIAN);
	}
	route = policy_route(table, pkt->daddr);
	if (!route) {
		return policy_unless_self(pkt, NATGW_DROP_NO_ROUTE);
	}
	if (route->target == NATGW_TARGET_BLACKHOLE) {
		return policy_unless_self(pkt, NATGW_DROP_BLACKHOLE);
	}
	if (route->target != NATGW_TARGET_GATEWAY) {
		return policy_pass(pkt, route);
	}
	pkt->gateway = route->gateway;
	gateway = policy_gateway(pkt->gateway);
	if (!gateway || (gateway->state != NATGW_GATEWAY_AVAILABLE &&
			 gateway->state != NATGW_GATEWAY_DELETING)) {
		return policy_unless_self(pkt, NATGW_DROP_GATEWAY_NOT_AVAILABLE);
	}
	if (gateway->flags & NATGW_GATEWAY_BLOCKED) {
		return policy_unless_self(pkt, NATGW_DROP_BLOCKED);
	}
	if (policy_has(NATGW_FEATURE_ACL) &&
	    (policy_is_denied(pkt->daddr) || policy_is_denied(pkt->saddr))) {
		return policy_unless_self(pkt, NATGW_DROP_ACL);
	}
	if (gateway->table) {
		enum natgw_verdict verdict = policy_gateway_route(pkt, gateway);

		return verdict == NATGW_OK ? verdict : policy_unless_self(pkt, verdict);
	}
	return NATGW_OK;
}

#endif
