/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * Inbound packets, to an EIP: only what a session has asked for gets in. Nothing addressed to an
 * EIP goes on to the host's stack untranslated.
 */
#ifndef NATGW_BPF_INBOUND_H
#define NATGW_BPF_INBOUND_H

#include "outbound.h"

/* Packets after which a row asks for its route again where its time does not tell. */
#define INBOUND_ROUTE_PACKETS 1024

static __always_inline void inbound_key(const struct packet *pkt, struct natgw_inbound_key *key)
{
	key->ext_addr = pkt->daddr;
	key->rem_addr = pkt->saddr;
	key->ext_port = pkt->dport;
	key->rem_port = pkt->sport;
	key->proto = pkt->proto;
	key->reserved[0] = 0;
	key->reserved[1] = 0;
	key->reserved[2] = 0;
}

/*
 * An ICMP error about a packet that left through a session: the quote carries the external endpoint
 * as its source, and the outer destination must be that EIP, or anybody could send errors to any
 * client.
 */
static __always_inline struct natgw_session *inbound_find_quoted(const struct packet *pkt,
								 __u64 *ret_word)
{
	struct natgw_inbound_key key = {
		.ext_addr = pkt->quote_saddr,
		.rem_addr = pkt->quote_daddr,
		.ext_port = pkt->quote_sport,
		.rem_port = pkt->quote_dport,
		.proto = pkt->quote_proto,
	};

	return pkt->daddr == pkt->quote_saddr ? track_find_inbound(&key, pkt->now, ret_word)
					      : (void *)0;
}

static __always_inline enum natgw_verdict inbound_error(access_ctx *ctx, const struct packet *pkt,
							__be32 addr, __be16 port)
{
	struct translate_edit edit = {
		.from_addr = pkt->quote_saddr,
		.to_addr = addr,
		.from_port = pkt->quote_sport,
		.to_port = port,
	};
	enum natgw_verdict verdict;

	translate_source_offsets(&edit, pkt->quote_proto);
	verdict = translate_quote(ctx, pkt, &edit);
	if (verdict != NATGW_OK) {
		return verdict;
	}
	return translate_outer(ctx, pkt, IPV4_DADDR, pkt->daddr, addr);
}

static __always_inline enum natgw_verdict
inbound_translate(access_ctx *ctx, const struct packet *pkt, __be32 addr, __be16 port)
{
	struct translate_edit edit = {
		.from_addr = pkt->daddr,
		.to_addr = addr,
		.from_port = pkt->dport,
		.to_port = port,
	};

	translate_destination_offsets(&edit, pkt->proto);
	return translate_endpoint(ctx, pkt, &edit);
}

/*
 * A segment for a session that ended a short time ago, for its hold-down after both FINs (profile
 * azure): its sender is told. The row is still there, the sweep leaves it for that long.
 */
__noinline __weak int inbound_tell(struct packet *pkt, const struct natgw_inbound_key *key)
{
	struct natgw_inbound_key own;
	struct natgw_gateway *gateway;
	const __u32 *timers;
	struct natgw_session *row;
	__u64 word;

	if (!pkt || !key) {
		return 0;
	}
	gateway = policy_gateway(pkt->gateway);
	if (!gateway || gateway->no_session != NATGW_NO_SESSION_RST_BOTH ||
	    !outbound_wants_rst(pkt)) {
		return 0;
	}
	/* To kernel 6.1 what a function is given is no key for a map. */
	own = *key;
	row = session_find_inbound(&own, &word);
	timers = row ? track_timers(word) : (void *)0;
	if (timers && session_state(word) == NATGW_STATE_ESTABLISHED &&
	    track_inbound_life(key, row, word, pkt->now - timers[NATGW_TIMER_HOLD_FIN]) ==
		    TRACK_LIVE) {
		pkt->answer = PACKET_ANSWER_RST;
	}
	return 0;
}

/* The mapping that lets any remote endpoint in, in place of a session; key becomes the mapping's.
 */
static __always_inline struct natgw_session *
inbound_find_mapping(const struct packet *pkt, struct natgw_inbound_key *key, __u64 *ret_word)
{
	struct natgw_gateway_use *use = account_gateway(pkt->gateway);
	struct natgw_session *row;

	if (pkt->proto != IPPROTO_UDP || !use || !use->mappings) {
		return (void *)0;
	}
	key->rem_addr = 0;
	key->rem_port = 0;
	row = track_find_inbound(key, pkt->now, ret_word);
	return row && session_seen(*ret_word) & NATGW_SEEN_OPEN_FILTER ? row : (void *)0;
}

/* The session's row, or why there is none. */
static __always_inline enum natgw_verdict inbound_find(struct packet *pkt,
						       struct natgw_inbound_key *key,
						       struct natgw_session **ret_row,
						       __u64 *ret_word)
{
	struct natgw_session *row;

	if (pkt->quote_l3) {
		*ret_row = inbound_find_quoted(pkt, ret_word);
		return *ret_row ? NATGW_OK : NATGW_DROP_ICMP_QUOTE;
	}
	if (policy_is_ping(pkt)) {
		return NATGW_DROP_TO_GATEWAY;
	}
	if (pkt->eip_drained) {
		return NATGW_DROP_DRAIN_EXPIRED;
	}
	inbound_key(pkt, key);
	row = track_find_inbound(key, pkt->now, ret_word);
	if (!row) {
		inbound_tell(pkt, key);
		row = inbound_find_mapping(pkt, key, ret_word);
	}
	*ret_row = row;
	return row ? NATGW_OK : NATGW_DROP_NO_SESSION;
}

/* The row's next hop. A row whose time stands still (refresh: outbound) asks by its packets. */
static __always_inline __u32 inbound_reference(const struct packet *pkt,
					       const struct natgw_session *row)
{
	struct natgw_gateway *gateway = policy_gateway(pkt->gateway);

	if (gateway && gateway->flags & NATGW_GATEWAY_REFRESH_OUTBOUND) {
		return row->packets & (INBOUND_ROUTE_PACKETS - 1) ? row->nexthop : 0;
	}
	return forward_reference(row, pkt->now);
}

/*
 * NATGW_TRANSLATED: done; pkt->out_ifindex is where it goes, or 0: the kernel routes it. An ingress
 * hook that cannot forward (no neighbour yet, TTL) hands the packet on: XDP as it came, tc
 * translated.
 */
static __always_inline enum natgw_verdict inbound_run(access_ctx *ctx, struct packet *pkt,
						      struct mode mode)
{
	enum natgw_verdict verdict = pkt->l4_verdict;
	struct natgw_session *row = (void *)0;
	struct natgw_inbound_key key = {};
	struct nexthop nh = {};
	__u64 word = 0;
	bool forwarded;
	__be32 addr;
	__be16 port;

	if (verdict == NATGW_OK) {
		verdict = inbound_find(pkt, &key, &row, &word);
	}
	if (verdict != NATGW_OK || !row) {
		return verdict;
	}
	addr = row->addr;
	port = row->port;
	nh.reference = pkt->quote_l3 ? 0 : inbound_reference(pkt, row);
	if (!session_is_same(row, word)) {
		return ACCESS_IS_XDP ? NATGW_DEFER_BUSY : NATGW_DROP_NO_SESSION;
	}
	verdict = forward_prepare(ctx, pkt, addr, &nh, mode);
	if (verdict != NATGW_OK && (ACCESS_IS_XDP || verdict == NATGW_DROP_NO_ROUTE)) {
		return verdict;
	}
	forwarded = verdict == NATGW_OK;
	if (mode.dry) {
		return NATGW_TRANSLATED;
	}
	verdict = limit_check(pkt, addr);
	if (verdict != NATGW_OK) {
		return verdict;
	}
	if (pkt->quote_l3) {
		verdict = inbound_error(ctx, pkt, addr, port);
	} else {
		if (forwarded && row->nexthop != nh.reference) {
			row->nexthop = nh.reference;
		}
		track_inbound(&key, row, word, pkt);
		verdict = inbound_translate(ctx, pkt, addr, port);
	}
	if (verdict == NATGW_OK && forwarded) {
		verdict = forward_commit(ctx, pkt, &nh);
		pkt->out_ifindex = nh.ifindex;
	}
	return verdict == NATGW_OK ? NATGW_TRANSLATED : verdict;
}

#endif
