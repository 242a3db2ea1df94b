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
	key->ext_addr = pkt->ext_addr;
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
		.ext_addr = pkt->ext_addr,
		.rem_addr = pkt->quote_daddr,
		.ext_port = pkt->quote_sport,
		.rem_port = pkt->quote_dport,
		.proto = pkt->quote_proto,
	};

	return pkt->daddr == pkt->quote_saddr ? track_find_inbound(&key, pkt->now, ret_word)
					      : (void *)0;
}

static __always_inline enum natgw_verdict inbound_error(access_ctx *ctx, const struct packet *pkt,
							const struct create_result *internal)
{
	struct translate_edit edit = {
		.from_addr = pkt->quote_saddr,
		.to_addr = internal->addr,
		.from_port = pkt->quote_sport,
		.to_port = internal->port,
	}, remote = {
		.from_port = pkt->quote_dport,
		.to_port = internal->rem_port,
		.port_offset = 2,
	};
	enum natgw_verdict verdict;

	translate_source_offsets(&edit, pkt->quote_proto);
	verdict = translate_quote(ctx, pkt, &edit);
	if (verdict == NATGW_OK && internal->rem_port) {
		verdict = translate_quoted_port(ctx, pkt, &remote);
	}
	if (verdict != NATGW_OK) {
		return verdict;
	}
	return translate_outer(ctx, pkt, IPV4_DADDR, pkt->daddr, internal->addr);
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
		return *ret_row ? policy_icmp_error(pkt) : NATGW_DROP_ICMP_QUOTE;
	}
	if (policy_is_ping(pkt)) {
		return NATGW_DROP_TO_GATEWAY;
	}
	if (pkt->eip_drained) {
		return NATGW_DROP_DRAIN_EXPIRED;
	}
	inbound_key(pkt, key);
	row = track_find_inbound(key, pkt->now, ret_word);
	if (!row && !policy_subnet(pkt->saddr)) {
		inbound_tell(pkt, key);
		row = inbound_find_mapping(pkt, key, ret_word);
	}
	*ret_row = row;
	return row ? policy_icmp_query(pkt) : NATGW_DROP_NO_SESSION;
}

/* No session: a port forward may make one. */
static __always_inline enum natgw_verdict inbound_forward(const struct packet *pkt,
							  struct natgw_inbound_key *key,
							  struct natgw_session **ret_row,
							  __u64 *ret_word)
{
	enum natgw_verdict verdict;

	if (!policy_has(NATGW_FEATURE_FORWARDS) || pkt->quote_l3 ||
	    (pkt->proto == IPPROTO_TCP && !outbound_is_syn(pkt)) || policy_subnet(pkt->saddr)) {
		return NATGW_DROP_NO_SESSION;
	}
	inbound_key(pkt, key);
	verdict = create_forward(pkt, key);
	if (verdict != NATGW_OK) {
		return verdict;
	}
	*ret_row = track_find_inbound(key, pkt->now, ret_word);
	return *ret_row ? NATGW_OK : NATGW_DROP_NO_SESSION;
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

/* Where the next hop is not to be had, XDP hands the packet up as it came, and tc translates it and
 * leaves the rest to the kernel; a way that there is not is not the kernel's either. */
static __always_inline bool inbound_ends(enum natgw_verdict prepared)
{
	return prepared != NATGW_OK && (ACCESS_IS_XDP || prepared == NATGW_DROP_NO_ROUTE);
}

/* From here to the client, or, where tc cannot say how, by the kernel. */
static __always_inline enum natgw_verdict inbound_commit(access_ctx *ctx, struct packet *pkt,
							 const struct nexthop *nh, bool forwarded)
{
	enum natgw_verdict verdict = forward_clamp_mss(ctx, pkt, forwarded ? nh->mtu : 0);

	if (verdict == NATGW_OK && forwarded) {
		verdict = forward_commit(ctx, pkt, nh);
		pkt->out_ifindex = nh->ifindex;
	}
	return verdict == NATGW_OK ? NATGW_TRANSLATED : verdict;
}

/* Rewrites what comes in: the destination, the port that a DNAT rule has changed. */
static __always_inline enum natgw_verdict inbound_rewrite(access_ctx *ctx, const struct packet *pkt,
							  const struct create_result *internal)
{
	enum natgw_verdict verdict;

	if (pkt->quote_l3) {
		return inbound_error(ctx, pkt, internal);
	}
	verdict = inbound_translate(ctx, pkt, internal->addr, internal->port);
	return verdict == NATGW_OK && internal->rem_port
		       ? translate_remote_port(ctx, pkt, internal->rem_port)
		       : verdict;
}

/* What the packet is to its session: a first fragment makes way for the others, the row is stamped.
 */
static __always_inline enum natgw_verdict inbound_use(const struct natgw_inbound_key *key,
						      struct natgw_session *row, __u64 word,
						      struct packet *pkt, const struct nexthop *nh,
						      bool forwarded)
{
	enum natgw_verdict verdict = NATGW_OK;

	if (pkt->is_fragment) {
		verdict = (enum natgw_verdict)fragment_begin(pkt, row->addr, nh->reference,
							     forwarded ? 0 : FRAGMENT_ROUTED);
	}
	if (verdict != NATGW_OK) {
		return verdict;
	}
	if (forwarded && row->nexthop != nh->reference) {
		reference_keep(pkt, row, nh->reference);
	}
	track_inbound(key, row, word, pkt);
	return NATGW_OK;
}

#define inbound_run_fragment ACCESS_GLOBAL(inbound_run_fragment)
/* A fragment that is not the first. Returns enum natgw_verdict. */
__noinline __weak int inbound_run_fragment(access_ctx *ctx, struct packet *pkt)
{
	const struct mode mode = { .forward = true };
	struct translate_edit edit = { .addr_offset = IPV4_DADDR };
	struct natgw_fragment row = {};
	enum natgw_verdict verdict;
	struct nexthop *nh;
	bool forwarded;

	if (!pkt) {
		return NATGW_DROP_INTERNAL;
	}
	nh = &pkt->nh;
	verdict = fragment_allowed(pkt);
	if (verdict == NATGW_OK) {
		verdict = (enum natgw_verdict)fragment_find(pkt, &row);
	}
	if (verdict != NATGW_OK) {
		return verdict;
	}
	pkt->is_ours = 1;
	if (policy_is_blocked(pkt->gateway)) {
		return NATGW_DROP_BLOCKED;
	}
	nh->reference = row.nexthop;
	verdict = row.flags & FRAGMENT_ROUTED ? NATGW_DEFER_FRAGMENT
					      : forward_prepare(ctx, pkt, row.addr, nh, mode);
	if (inbound_ends(verdict)) {
		return verdict;
	}
	forwarded = verdict == NATGW_OK;
	verdict = limit_check(pkt, row.addr);
	if (verdict == NATGW_OK) {
		verdict = (enum natgw_verdict)fragment_pass(pkt);
	}
	if (verdict != NATGW_OK) {
		return verdict;
	}
	edit.from_addr = pkt->daddr;
	edit.to_addr = row.addr;
	return translate_address(ctx, pkt, &edit) ? NATGW_DROP_INTERNAL
						  : inbound_commit(ctx, pkt, nh, forwarded);
}

#define inbound_run_one_to_one ACCESS_GLOBAL(inbound_run_one_to_one)
/* To the public address of an internal host: nothing but the address changes. */
__noinline __weak int inbound_run_one_to_one(access_ctx *ctx, struct packet *pkt, __be32 client,
					     __u32 dry)
{
	const struct mode mode = { .forward = true, .dry = dry };
	struct translate_edit edit = { .to_addr = client, .addr_offset = IPV4_DADDR };
	struct create_result internal = { .addr = client };
	enum natgw_verdict verdict;
	struct nexthop *nh;
	bool forwarded;

	if (!pkt) {
		return NATGW_DROP_INTERNAL;
	}
	nh = &pkt->nh;
	edit.from_addr = pkt->daddr;
	internal.port = pkt->quote_sport;
	verdict = pkt->l4_verdict;
	if (verdict == NATGW_OK && pkt->quote_l3) {
		verdict = pkt->quote_saddr == pkt->daddr
				  ? (enum natgw_verdict)verify_icmp_error(ctx, pkt)
				  : NATGW_DROP_ICMP_QUOTE;
	}
	if (verdict != NATGW_OK) {
		return verdict;
	}
	pkt->is_ours = 1;
	verdict = forward_prepare(ctx, pkt, client, nh, mode);
	if (inbound_ends(verdict)) {
		return verdict;
	}
	forwarded = verdict == NATGW_OK;
	if (dry) {
		return NATGW_TRANSLATED;
	}
	if (pkt->quote_l3) {
		verdict = inbound_error(ctx, pkt, &internal);
	} else {
		verdict = translate_address(ctx, pkt, &edit) ? NATGW_DROP_INTERNAL : NATGW_OK;
	}
	return verdict == NATGW_OK ? inbound_commit(ctx, pkt, nh, forwarded) : verdict;
}

/* XDP hands the packet up with this verdict; later fragments of a first one follow it. */
static __always_inline enum natgw_verdict inbound_defer(struct packet *pkt, __be32 client,
							enum natgw_verdict verdict)
{
	enum natgw_verdict begun = NATGW_OK;

	if (pkt->is_fragment && verdict != NATGW_DROP_NO_ROUTE && !pkt->dry) {
		begun = (enum natgw_verdict)fragment_begin(pkt, client, 0,
							   FRAGMENT_ROUTED | FRAGMENT_AHEAD);
	}
	return begun == NATGW_OK ? verdict : begun;
}

/* The packet's session, in *ret_row; one that a port forward makes, too. */
static __always_inline enum natgw_verdict inbound_session(access_ctx *ctx, struct packet *pkt,
							  struct natgw_inbound_key *key,
							  struct natgw_session **ret_row,
							  __u64 *ret_word, struct mode mode)
{
	enum natgw_verdict verdict = pkt->l4_verdict;

	if (verdict == NATGW_OK && pkt->is_fragment) {
		verdict = fragment_admit(pkt);
	}
	if (verdict == NATGW_OK) {
		verdict = inbound_find(pkt, key, ret_row, ret_word);
	}
	if (verdict == NATGW_DROP_NO_SESSION && !mode.dry) {
		verdict = inbound_forward(pkt, key, ret_row, ret_word);
	}
	if (verdict == NATGW_OK && pkt->quote_l3) {
		verdict = (enum natgw_verdict)verify_icmp_error(ctx, pkt);
	}
	return verdict;
}

/*
 * NATGW_TRANSLATED: done; pkt->out_ifindex is where it goes, or 0: the kernel routes it. An ingress
 * hook that cannot forward (no neighbour yet, TTL) hands the packet on: XDP as it came, tc
 * translated.
 */
static __always_inline enum natgw_verdict inbound_run(access_ctx *ctx, struct packet *pkt,
						      struct mode mode)
{
	struct natgw_session *row = (void *)0;
	struct natgw_inbound_key key = {};
	struct create_result internal;
	enum natgw_verdict verdict;
	struct nexthop *nh = &pkt->nh;
	__u64 word = 0;
	bool forwarded;

	if (pkt->frag_offset && pkt->l4_verdict == NATGW_OK) {
		verdict = mode.dry ? fragment_allowed(pkt)
				   : (enum natgw_verdict)inbound_run_fragment(ctx, pkt);
		return mode.dry && verdict == NATGW_OK ? NATGW_DEFER_FRAGMENT : verdict;
	}
	verdict = inbound_session(ctx, pkt, &key, &row, &word, mode);
	if (verdict != NATGW_OK || !row) {
		return verdict;
	}
	pkt->is_ours = 1;
	internal.addr = row->addr;
	internal.port = row->port;
	internal.rem_port = row->orig_port;
	nh->reference = pkt->quote_l3 ? 0 : inbound_reference(pkt, row);
	if (!session_is_same(row, word,
			     BYTEORDER_RAW32(internal.addr) ^ BYTEORDER_RAW16(internal.port) ^
				     BYTEORDER_RAW16(internal.rem_port))) {
		return ACCESS_IS_XDP ? NATGW_DEFER_BUSY : NATGW_DROP_NO_SESSION;
	}
	if (policy_is_blocked(pkt->gateway)) {
		return NATGW_DROP_BLOCKED;
	}
	if (policy_has(NATGW_FEATURE_ACL) && policy_is_denied(internal.addr)) {
		return NATGW_DROP_ACL;
	}
	verdict = forward_prepare(ctx, pkt, internal.addr, nh, mode);
	if (inbound_ends(verdict)) {
		return inbound_defer(pkt, internal.addr, verdict);
	}
	forwarded = verdict == NATGW_OK;
	if (mode.dry) {
		return NATGW_TRANSLATED;
	}
	verdict = limit_check(pkt, internal.addr);
	if (verdict == NATGW_OK && !pkt->quote_l3) {
		verdict = inbound_use(&key, row, word, pkt, nh, forwarded);
	}
	if (verdict == NATGW_OK) {
		verdict = inbound_rewrite(ctx, pkt, &internal);
	}
	return verdict == NATGW_OK ? inbound_commit(ctx, pkt, nh, forwarded) : verdict;
}

#endif
