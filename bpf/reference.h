/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * What a row remembers of its packets' way: the next hop, and whether the next packets may go
 * without asking for anything else (fast.h). Whoever stores a reference has just been the long way,
 * by a configuration at least as new as pkt->generation.
 */
#ifndef NATGW_BPF_REFERENCE_H
#define NATGW_BPF_REFERENCE_H

#include "life.h"
#include "limit.h"

/* Timers that no packet of the short way looks at: both are longer than a row counts as just used.
 */
static __always_inline bool reference_is_long(__u64 word, __u8 proto)
{
	const __u32 *timers = track_timers(word);
	__u32 opening =
		proto == IPPROTO_TCP ? NATGW_TIMER_TCP_HALF_OPEN : NATGW_TIMER_UDP_UNREPLIED;
	__u32 established =
		proto == IPPROTO_TCP ? NATGW_TIMER_TCP_ESTABLISHED : NATGW_TIMER_UDP_REPLIED;

	return timers && timers[opening] >> NATGW_ROUTE_SHIFT &&
	       timers[established] >> NATGW_ROUTE_SHIFT;
}

/*
 * Outbound: the route leads to another gateway by now. When this session is over but still there,
 * the client's next one has a row of the same key at that gateway, and the short way does not tell
 * the two apart.
 */
static __always_inline bool reference_is_moved(const struct packet *pkt, __u64 word)
{
	struct natgw_settings *set = policy_settings();
	struct natgw_subnet *subnet;
	struct natgw_route *route;

	if (pkt->direction != NATGW_OUTBOUND || !set || set->gateway_end <= 2) {
		return false;
	}
	subnet = policy_subnet(pkt->saddr);
	route = subnet ? policy_route(subnet->table, pkt->daddr) : (void *)0;
	return !route || route->gateway != session_gateway(word);
}

/*
 * 1: neither the gateway nor the session asks for anything that the short way does not do: limits,
 * the second stage, a DNAT rule's port, a drain that ends, a time that stands still. A mapping's
 * remote endpoint is 0.0.0.0 port 0, which only the long way refuses.
 */
__noinline __weak int reference_is_fast(const struct packet *pkt, const struct natgw_session *row)
{
	struct natgw_gateway *gateway;
	__u64 word;

	if (!pkt || !row || pkt->hairpin || row->orig_port ||
	    (pkt->proto != IPPROTO_TCP && pkt->proto != IPPROTO_UDP)) {
		return 0;
	}
	word = session_read(row);
	gateway = policy_gateway(session_gateway(word));
	if (session_state(word) == NATGW_STATE_MAPPING || !gateway ||
	    gateway->flags & (NATGW_GATEWAY_TWO_STAGE | NATGW_GATEWAY_BLOCKED) ||
	    limit_is_set(gateway) || !reference_is_long(word, pkt->proto) ||
	    reference_is_moved(pkt, word)) {
		return 0;
	}
	return pkt->direction != NATGW_INBOUND ||
	       !(pkt->eip_draining || gateway->flags & NATGW_GATEWAY_REFRESH_OUTBOUND);
}

/*
 * The row keeps the next hop's reference; 0: there is none to keep. The row may become another
 * session's at this moment: that one finds its own way then.
 */
static __always_inline void reference_keep(const struct packet *pkt, struct natgw_session *row,
					   __u32 reference)
{
	__u64 word = session_read(row);

	reference &= ~(__u32)NATGW_REFERENCE_FAST;
	if (reference && reference_is_fast(pkt, row)) {
		reference |= NATGW_REFERENCE_FAST;
	}
	if (row->nexthop == reference) {
		return;
	}
	NATGW_TABLE_WRITE(&row->nexthop, reference);
	if (!session_is_same(row, word, 0)) {
		NATGW_TABLE_WRITE(&row->nexthop, 0);
	}
}

#endif
