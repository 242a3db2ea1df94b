/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * What the dry run has met on its way, asked for once more after the core has decided: the rows
 * that the stages look up, by the stages' own functions.
 */
#ifndef NATGW_BPF_CHECK_H
#define NATGW_BPF_CHECK_H

#include "inbound.h"

static __always_inline void check_copy_route(struct natgw_check_route *to,
					     const struct natgw_route *from)
{
	to->target = from->target;
	to->origin = from->origin;
	to->gateway = from->gateway;
	to->ifindex = from->ifindex;
}

static __always_inline void check_outbound_session(const struct packet *pkt,
						   struct natgw_check_result *result)
{
	struct natgw_outbound_key key;
	struct natgw_session *row;
	__u64 word;

	outbound_key(pkt, &key);
	row = track_find_outbound(&key, pkt->now, &word);
	if (row) {
		result->met |= NATGW_CHECK_SESSION;
		result->state = (__u8)session_state(word);
		result->ext_addr = row->addr;
		result->ext_port = row->port;
	}
}

static __always_inline void check_rules(const struct packet *pkt, struct natgw_check_result *result)
{
	struct claim *claim = claim_scratch();

	outbound_find_rules(pkt, pkt->gateway);
	if (claim) {
		result->met |= NATGW_CHECK_RULES;
		result->rule = (__u16)claim->rule;
		result->dnat_rule = (__u16)claim->dnat_rule;
		result->snat_rule = (__u16)claim->snat_rule;
		result->wire_port = claim->to_port;
	}
}

static __always_inline void check_gateway(const struct packet *pkt,
					  struct natgw_check_result *result)
{
	struct natgw_gateway *gateway = policy_gateway(pkt->gateway);
	struct natgw_route *route;

	if (gateway && gateway->table) {
		route = policy_route(gateway->table, pkt->daddr);
		if (route) {
			result->met |= NATGW_CHECK_GATEWAY_ROUTE;
			check_copy_route(&result->gateway_route, route);
		}
	}
	if (policy_has(NATGW_FEATURE_ACL) &&
	    (policy_is_denied(pkt->daddr) || policy_is_denied(pkt->saddr))) {
		result->met |= NATGW_CHECK_DENIED;
	}
	check_outbound_session(pkt, result);
	check_rules(pkt, result);
}

/* Of a packet of an internal client. */
static __always_inline void check_outbound(const struct packet *pkt,
					   struct natgw_check_result *result)
{
	struct natgw_subnet *subnet = policy_subnet(pkt->saddr);
	struct natgw_route *route;

	if (!subnet) {
		return;
	}
	result->met |= NATGW_CHECK_SUBNET;
	result->table = subnet->table;
	route = policy_route(subnet->table, pkt->daddr);
	if (!route) {
		return;
	}
	result->met |= NATGW_CHECK_ROUTE;
	check_copy_route(&result->route, route);
	if (route->target == NATGW_TARGET_GATEWAY) {
		check_gateway(pkt, result);
	}
}

static __always_inline void check_nexthop(const struct packet *pkt,
					  struct natgw_check_result *result)
{
	if (!pkt->nh.ifindex) {
		return;
	}
	result->met |= NATGW_CHECK_NEXTHOP;
	result->out_ifindex = pkt->nh.ifindex;
	result->mtu = pkt->nh.mtu;
	__builtin_memcpy(result->dmac, pkt->nh.dmac, sizeof(result->dmac));
}

/* A test run by an interface that XDP is not attached to is refused: the row says which one. */
static __always_inline void check_begin(struct packet *pkt)
{
	__u32 zero = 0;
	const struct natgw_check_result *asked = bpf_map_lookup_elem(&check_result, &zero);

	if (asked && asked->in_ifindex) {
		pkt->ifindex = asked->in_ifindex;
	}
}

/* The answer of the dry run. */
static __always_inline void check_answer(const struct packet *pkt, enum natgw_verdict verdict)
{
	__u32 zero = 0;
	struct natgw_check_result *result = bpf_map_lookup_elem(&check_result, &zero);

	if (!result) {
		return;
	}
	__builtin_memset(result, 0, sizeof(*result));
	result->verdict = verdict;
	result->direction = pkt->direction;
	result->gateway = pkt->gateway;
	check_nexthop(pkt, result);
	if (pkt->direction != NATGW_INBOUND) {
		check_outbound(pkt, result);
	}
}

#endif
