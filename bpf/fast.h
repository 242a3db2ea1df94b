/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * The short way of most packets: a TCP segment or UDP datagram of a session whose row says that
 * nothing but the row is to be asked (NATGW_REFERENCE_FAST: set at the end of the long way, good
 * until the generation changes, which every change of the configuration does). One lookup; no
 * route, policy, division; one line is written, the row's. What changes the session's state does so
 * by the functions of the long way. Whatever is out of the ordinary leaves the packet as it came,
 * for the long way (ingress.h). Includes after access_xdp.h or access_tc.h.
 */
#ifndef NATGW_BPF_FAST_H
#define NATGW_BPF_FAST_H

#include "fast_change.h"

/* A row idle for 2^17 ticks, 137 s, goes the long way. */
#define FAST_IDLE_SHIFT 17

/* ---- find ---- */

/* natgw_table_matches, but for what session_is_same will say in the end. */
static __always_inline bool fast_matches(const struct natgw_slot *slot,
					 const struct natgw_table_key *key, __u64 *ret_word)
{
	const struct natgw_slot *then;
	__u64 word = NATGW_TABLE_READ(&slot->row.word);

	then = (const void *)slot + NATGW_TABLE_AFTER(word);
	*ret_word = word;
	return !((then->addrs ^ key->addrs) | ((then->rest ^ key->rest) & NATGW_TABLE_REST_MASK));
}

/* The packet's row, whichever gateway's. The direction is a constant. */
static __always_inline struct natgw_session *
fast_find(const struct fast *fast, enum natgw_direction direction, __u64 *ret_word)
{
	struct natgw_table_key key = { .addrs = fast->addrs, .rest = fast->ports };
	bool in = direction == NATGW_INBOUND;
	struct natgw_slot *slot;
	__u32 home;

	if (in) {
		key.addrs = key.addrs << 32 | key.addrs >> 32;
		key.rest = (__u32)(fast->ports << 16 | fast->ports >> 16);
	}
	key.rest |= (__u64)fast->proto << 32;
	home = natgw_table_home(&session_size, natgw_table_hash(&key, session_size.seed));
	slot = in ? natgw_table_slot(&inbound, home) : natgw_table_slot(&outbound, home);
	if (!slot) {
		return (void *)0;
	}
	if (fast_matches(slot, &key, ret_word)) {
		return session_row(&slot->row, *ret_word);
	}
	if (!(slot->row.hops & ~1U) && !(slot->rest >> NATGW_TABLE_TAIL_SHIFT)) {
		return (void *)0;
	}
	/* The other slots of the home, and the tail. */
	home = (__u32)(in ? session_search_inbound(key.addrs, key.rest)
			  : session_search_outbound(key.addrs, key.rest, 0, 0));
	slot = in ? natgw_table_slot(&inbound, home) : natgw_table_slot(&outbound, home);
	return slot && fast_matches(slot, &key, ret_word) ? session_row(&slot->row, *ret_word)
							  : (void *)0;
}

/* ---- judge ---- */

/* Nothing that the packet is would change the state (track_next_word). */
static __always_inline bool fast_keeps_state(const struct fast *fast,
					     enum natgw_direction direction, __u64 word)
{
	bool remote_first = session_seen(word) & NATGW_SEEN_REMOTE_FIRST;

	if (session_state(word) == NATGW_STATE_ESTABLISHED) {
		return !(fast->tcp_flags & (TCP_SYN | TCP_FIN | TCP_RST));
	}
	return session_state(word) == NATGW_STATE_OPENING && fast->proto == IPPROTO_UDP &&
	       (direction == NATGW_INBOUND) == remote_first;
}

/*
 * A row that has not been in use in this window asks for its route itself, unless natgwd follows
 * those; and it may have expired. Not after so long that half a generation could have gone round.
 */
static __always_inline bool fast_is_followed(const struct fast *fast,
					     const struct natgw_session *row, __u64 word)
{
	__u32 idle = clock_since(fast->now, row->last_seen);
	__u32 timer = track_idle_timer((__u8)fast->proto, word) & (NATGW_TIMER_SLOTS - 1);
	const __u32 *timers;

	if ((__s32)(fast->followed_until - fast->now) < 0 || idle >> FAST_IDLE_SHIFT ||
	    session_state(word) == NATGW_STATE_HOLD || session_seen(word) & NATGW_SEEN_MAPPING) {
		return false;
	}
	timers = track_timers(word);
	return timers && idle < timers[timer];
}

/*
 * May the row speak for itself? In the window in which it was in use last its timers are longer
 * than the time since.
 */
static __always_inline bool fast_is_current(const struct fast *fast,
					    const struct natgw_session *row, __u64 word,
					    __u32 reference)
{
	if (!(reference & NATGW_REFERENCE_FAST) ||
	    reference >> NATGW_REFERENCE_SHIFT != (__u16)fast->generation) {
		return false;
	}
	return !((row->last_seen ^ fast->now) >> NATGW_ROUTE_SHIFT) ||
	       fast_is_followed(fast, row, word);
}

/* A consistent copy of the next hop (nexthop_cached), if the packet may go there from here. */
static __always_inline bool fast_find_way(const struct fast *fast, __u32 reference,
					  struct fast_way *way)
{
	__u32 index = reference & NATGW_REFERENCE_INDEX, seq;
	struct natgw_nexthop *entry = bpf_map_lookup_elem(&nexthops, &index), *then;
	bool usable;

	if (!entry) {
		return false;
	}
	seq = nexthop_sequence(entry);
	then = (void *)entry + NATGW_TABLE_AFTER(seq);
	way->macs = *(const volatile __u64 *)(const void *)then->dmac;
	way->macs_rest = *(const volatile __u32 *)(const void *)(then->smac + 2);
	way->ifindex = NATGW_TABLE_READ(&then->ifindex);
	way->mtu = NATGW_TABLE_READ(&then->mtu);
	usable = fast->ip_len <= way->mtu &&
		 (ACCESS_IS_XDP ? NATGW_TABLE_READ(&then->redirect)
				: NATGW_TABLE_READ(&then->flags)) &&
		 (__s32)(NATGW_TABLE_READ(&then->valid_until) - fast->now) >= 0;
	then = (void *)entry + NATGW_TABLE_AFTER(way->macs ^ way->macs_rest ^ way->ifindex);
	return usable && !(seq & 1) && nexthop_sequence(then) == seq;
}

/* ---- the way ---- */

/* What the short way returns, unless it is the interface that the packet leaves by. */
#define FAST_NOT 0 /* the packet is as it came */
#define FAST_DROP (-1)
#define FAST_OTHER (-2) /* as FAST_NOT; where it came from it may be of the other direction */

/* XDP asks for its redirect before anything is rewritten: the interface may have gone away. */
static __always_inline bool fast_may_redirect(__u32 ifindex)
{
#if ACCESS_IS_XDP
	return bpf_redirect_map(&devices, ifindex, 0) == XDP_REDIRECT;
#else
	(void)ifindex;
	return true;
#endif
}

static __always_inline int fast_try(access_ctx *ctx, const struct fast *fast,
				    enum natgw_direction direction)
{
	bool in = direction == NATGW_INBOUND;
	__u16 own_port = (__u16)(in ? fast->ports >> 16 : fast->ports);
	struct fast_edit edit = {
		.from_addr = (__u32)(in ? fast->addrs >> 32 : fast->addrs),
		.from_port = own_port,
		.addr_offset = ETH_HLEN + (in ? IPV4_DADDR : IPV4_SADDR),
		.port_offset = ETH_HLEN + IPV4_HLEN + (in ? 2 : 0),
	};
	struct packet *pkt = (void *)0;
	struct natgw_session *row;
	struct fast_way way;
	__u32 reference;
	__u64 word;

	row = fast_find(fast, direction, &word);
	if (!row || session_is_absent(word) || session_state(word) == NATGW_STATE_NEW) {
		return FAST_NOT;
	}
	reference = NATGW_TABLE_READ(&row->nexthop);
	edit.to_addr = BYTEORDER_RAW32(row->addr);
	edit.to_port = BYTEORDER_RAW16(row->port);
	if (!fast_is_current(fast, row, word, reference) || !fast_find_way(fast, reference, &way) ||
	    !session_is_same(row, word, edit.to_addr ^ edit.to_port ^ reference) ||
	    !fast_may_redirect(way.ifindex)) {
		return FAST_NOT;
	}
	if (fast_keeps_state(fast, direction, word)) {
		fast_stamp(fast, row);
	} else {
		pkt = fast_packet(fast, direction, access_ifindex(ctx), word);
		if (!pkt || !(in ? fast_track_inbound(pkt, row, word)
				 : fast_track_outbound(pkt, row, word))) {
			return FAST_NOT;
		}
	}
	if (!fast_rewrite(ctx, fast, &edit, &way) ||
	    (pkt && forward_clamp_mss(ctx, pkt, way.mtu) != NATGW_OK)) {
		fast_count(fast, direction, session_gateway(word), NATGW_DROP_INTERNAL);
		return FAST_DROP;
	}
	fast_count(fast, direction, session_gateway(word), NATGW_TRANSLATED);
	return (int)way.ifindex;
}

/*
 * FAST_NOT, FAST_DROP, or where the packet goes; it is counted then. A function of its own, so that
 * the long way has its stack. The side and the hook are constants.
 */
static __always_inline int fast_run(access_ctx *ctx, enum packet_side side, enum natgw_hook hook)
{
	struct fast fast = { .hook = hook };
	struct natgw_generation *current = packet_generation();
	const void *frame = access_at(ctx, 0, ETH_HLEN + IPV4_HLEN + sizeof(struct udphdr));
	struct fast_link *link;
	int end;

	if (!frame || !current ||
	    ((const struct ethhdr *)frame)->h_proto != byteorder_wire16(ETH_P_IP) ||
	    access_has_vlan(ctx) || !fast_parse(ctx, frame + ETH_HLEN, &fast)) {
		return FAST_NOT;
	}
	fast.generation = NATGW_TABLE_READ(&current->nexthop);
	fast.followed_until = NATGW_TABLE_READ(&current->followed_until);
	link = fast_link(access_ifindex(ctx), fast.generation);
	if (!link || !fast_is_for_us(ctx, link, frame)) {
		return FAST_NOT;
	}
	fast.now = fast_clock(link);
	if (side == PACKET_SIDE_INTERNAL) {
		return link->flags & NATGW_IFACE_INTERNAL ? fast_try(ctx, &fast, NATGW_OUTBOUND)
							  : FAST_NOT;
	}
	end = fast_try(ctx, &fast, NATGW_INBOUND);
	return end == FAST_NOT && link->flags & NATGW_IFACE_INTERNAL ? FAST_OTHER : end;
}

#endif
