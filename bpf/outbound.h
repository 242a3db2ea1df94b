/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * Outbound packets, from an internal prefix through a gateway: find or make the session, translate
 * the source. At an ingress hook the packet is forwarded from here; at the egress of the external
 * interface the kernel has done that already.
 */
#ifndef NATGW_BPF_OUTBOUND_H
#define NATGW_BPF_OUTBOUND_H

#include "create.h"
#include "forward.h"
#include "limit.h"

static __always_inline void outbound_key(const struct packet *pkt, struct natgw_outbound_key *key)
{
	key->int_addr = pkt->saddr;
	key->rem_addr = pkt->daddr;
	key->int_port = pkt->sport;
	key->rem_port = pkt->dport;
	key->proto = pkt->proto;
	key->gateway = pkt->gateway;
	key->reserved = 0;
}

/* The sender of a segment of no session is told so (requirement B-11); never a RST for a RST. */
static __always_inline bool outbound_wants_rst(const struct packet *pkt)
{
	return pkt->proto == IPPROTO_TCP &&
	       (pkt->tcp_flags & (TCP_SYN | TCP_ACK | TCP_RST)) == TCP_ACK;
}

static __always_inline bool outbound_is_syn(const struct packet *pkt)
{
	return (pkt->tcp_flags & (TCP_SYN | TCP_ACK | TCP_RST | TCP_FIN)) == TCP_SYN;
}

/* A packet without a session: may it make one? Only a SYN, UDP, or an echo request does. */
static __always_inline enum natgw_verdict outbound_may_create(struct packet *pkt)
{
	struct natgw_gateway *gateway;
	struct natgw_address *address = policy_address(pkt->daddr);

	if (policy_address(pkt->saddr)) {
		/* The host's own address, or the gateway's, as a client's source. */
		return NATGW_DROP_SOURCE_NOT_ALLOWED;
	}
	if (address) {
		/* To an EIP: hairpin. To the host or a private IP: not to be translated at all. */
		return address->kind == NATGW_ADDRESS_EIP ? NATGW_DROP_HAIRPIN
							  : policy_to_self(pkt, address);
	}
	if (pkt->proto == IPPROTO_TCP && !outbound_is_syn(pkt)) {
		gateway = policy_gateway(pkt->gateway);
		if (gateway && gateway->no_session != NATGW_NO_SESSION_DROP &&
		    outbound_wants_rst(pkt)) {
			pkt->answer = PACKET_ANSWER_RST;
		}
		return NATGW_DROP_TCP_NO_SYN;
	}
	if (pkt->proto == IPPROTO_ICMP && pkt->icmp_type != ICMP_ECHO) {
		return NATGW_DROP_NO_SESSION;
	}
	return NATGW_OK;
}

static __always_inline enum natgw_verdict
outbound_translate(access_ctx *ctx, const struct packet *pkt, __be32 addr, __be16 port)
{
	struct translate_edit edit = {
		.from_addr = pkt->saddr,
		.to_addr = addr,
		.from_port = pkt->sport,
		.to_port = port,
	};

	/* A client's echo reply carries the identifier as its destination port; none is ever
	 * translated. */
	translate_source_offsets(&edit, pkt->proto);
	return translate_endpoint(ctx, pkt, &edit);
}

/* What the client is to be told when its session was refused (on_exhaustion). */
static __always_inline void outbound_refused(struct packet *pkt)
{
	struct natgw_gateway *gateway = policy_gateway(pkt->gateway);

	if (!gateway) {
		return;
	}
	if (gateway->on_exhaustion == NATGW_ON_EXHAUSTION_ICMP) {
		pkt->answer = PACKET_ANSWER_UNREACHABLE;
	} else if (gateway->on_exhaustion == NATGW_ON_EXHAUSTION_RST && pkt->proto == IPPROTO_TCP) {
		pkt->answer = PACKET_ANSWER_RST;
	}
}

/* Makes the session and stamps its row. */
static __always_inline enum natgw_verdict outbound_create(struct packet *pkt,
							  const struct natgw_outbound_key *key,
							  __u32 reference,
							  struct create_result *ret_result)
{
	enum natgw_verdict verdict = create_run(pkt, key, reference, ret_result);
	struct natgw_session *row;
	__u64 word;

	if (verdict != NATGW_OK) {
		outbound_refused(pkt);
		return verdict;
	}
	row = session_find_outbound(key, &word);
	if (row) {
		track_outbound(key, row, word, pkt);
	}
	return NATGW_OK;
}

/*
 * An ICMP error from inside, or made by the kernel about an inbound packet: it quotes a packet that
 * the remote endpoint sent to the client. The session's external endpoint goes into the quote and
 * becomes the outer source (RFC 5508 REQ-5). Errors neither refresh a session nor change it
 * (REQ-6).
 */
static __always_inline enum natgw_verdict outbound_error(access_ctx *ctx, const struct packet *pkt,
							 struct natgw_session *row)
{
	struct translate_edit edit = {
		.from_addr = pkt->quote_daddr,
		.to_addr = row->addr,
		.from_port = pkt->quote_dport,
		.to_port = row->port,
	};
	enum natgw_verdict verdict;

	translate_destination_offsets(&edit, pkt->quote_proto);
	verdict = translate_quote(ctx, pkt, &edit);
	if (verdict != NATGW_OK) {
		return verdict;
	}
	return translate_outer(ctx, pkt, IPV4_SADDR, pkt->saddr, edit.to_addr);
}

struct outbound_search {
	struct natgw_outbound_key key;
	__u32 now;
	__u32 skip; /* looked up already */
};

/* A callback of bpf_loop: 1 when this gateway has the session. */
static long outbound_try_gateway(__u32 i, struct outbound_search *search)
{
	__u64 word;

	if (i + 1 == search->skip) {
		return 0;
	}
	search->key.gateway = (__u8)(i + 1);
	return !!track_find_outbound(&search->key, search->now, &word);
}

/*
 * The session of this key at another gateway than the one that the route names now: a route that is
 * moved does not touch living sessions. Only on a miss, and only where there are several gateways.
 * true with key->gateway set.
 */
static __noinline bool outbound_find_gateway(struct natgw_outbound_key *key, __u32 now)
{
	struct natgw_settings *set = policy_settings();
	struct outbound_search search = { .key = *key, .now = now, .skip = key->gateway };
	__u64 word;

	if (!set || set->gateway_end <= 2) {
		return false;
	}
	bpf_loop(set->gateway_end - 1, outbound_try_gateway, &search, 0);
	if (!track_find_outbound(&search.key, now, &word)) {
		return false;
	}
	key->gateway = search.key.gateway;
	return true;
}

/* The living session of this key, whichever gateway has it; pkt->gateway is then that one. */
static __always_inline struct natgw_session *
outbound_find(struct packet *pkt, struct natgw_outbound_key *key, __u64 *ret_word)
{
	__u8 routed = pkt->gateway;
	struct natgw_session *row = track_find_outbound(key, pkt->now, ret_word);

	if (!row && outbound_find_gateway(key, pkt->now)) {
		row = track_find_outbound(key, pkt->now, ret_word);
		if (row) {
			pkt->gateway = key->gateway;
		} else {
			key->gateway = pkt->gateway;
		}
	}
	if (row && session_state(*ret_word) == NATGW_STATE_HOLD && pkt->proto == IPPROTO_TCP &&
	    outbound_is_syn(pkt)) {
		/* The old connection is over; its port stays held, the new one gets another. */
		pkt->gateway = routed;
		key->gateway = routed;
		return (void *)0;
	}
	return row;
}

static __always_inline struct natgw_session *outbound_find_quoted(struct packet *pkt)
{
	struct natgw_outbound_key key = {
		.int_addr = pkt->quote_daddr,
		.rem_addr = pkt->quote_saddr,
		.int_port = pkt->quote_dport,
		.rem_port = pkt->quote_sport,
		.proto = pkt->quote_proto,
		.gateway = pkt->gateway,
	};
	__u64 word;

	/* The error goes to whoever sent the quoted packet, and to nobody else. */
	return pkt->daddr == pkt->quote_saddr ? outbound_find(pkt, &key, &word) : (void *)0;
}

static __always_inline enum natgw_verdict outbound_run_error(access_ctx *ctx, struct packet *pkt,
							     struct mode mode)
{
	struct natgw_session *row = outbound_find_quoted(pkt);
	enum natgw_verdict verdict;
	struct nexthop nh = {};

	if (!row) {
		return policy_unless_self(pkt, NATGW_DROP_ICMP_QUOTE);
	}
	if (mode.forward) {
		verdict = forward_prepare(ctx, pkt, pkt->daddr, &nh, mode);
		if (verdict != NATGW_OK) {
			return verdict;
		}
	}
	if (mode.dry) {
		return NATGW_TRANSLATED;
	}
	verdict = outbound_error(ctx, pkt, row);
	if (verdict == NATGW_OK && mode.forward) {
		verdict = forward_commit(ctx, pkt, &nh);
		pkt->out_ifindex = nh.ifindex;
	}
	return verdict == NATGW_OK ? NATGW_TRANSLATED : verdict;
}

/* The way out of a packet: its next hop, or why not from here. Updates the row's reference. */
static __always_inline enum natgw_verdict outbound_prepare(access_ctx *ctx, struct packet *pkt,
							   struct natgw_session *row,
							   struct nexthop *nh, struct mode mode)
{
	enum natgw_verdict verdict;

	nh->reference = row ? forward_reference(row, pkt->now) : 0;
	verdict = forward_prepare(ctx, pkt, pkt->daddr, nh, mode);
	if (verdict == NATGW_OK && row && !mode.dry && nh->reference != row->nexthop) {
		row->nexthop = nh->reference;
	}
	return verdict;
}

/*
 * pkt->gateway is known. NATGW_TRANSLATED: done; with mode.forward pkt->out_ifindex is where it
 * goes. Any other verdict: the packet is unchanged (or, after NATGW_DROP_INTERNAL, to be dropped).
 */
static __always_inline enum natgw_verdict outbound_run(access_ctx *ctx, struct packet *pkt,
						       struct mode mode)
{
	struct natgw_outbound_key key;
	struct natgw_session *row;
	enum natgw_verdict verdict = pkt->l4_verdict;
	struct nexthop nh = {};
	__u64 word = 0;
	struct create_result external = {};

	if (verdict != NATGW_OK) {
		return policy_unless_self(pkt, verdict);
	}
	if (pkt->quote_l3) {
		return outbound_run_error(ctx, pkt, mode);
	}
	outbound_key(pkt, &key);
	row = outbound_find(pkt, &key, &word);
	if (!row) {
		verdict = outbound_may_create(pkt);
		if (verdict != NATGW_OK) {
			return verdict;
		}
	}
	if (mode.forward) {
		verdict = outbound_prepare(ctx, pkt, row, &nh, mode);
		if (verdict != NATGW_OK) {
			return verdict;
		}
	}
	if (mode.dry) {
		return NATGW_TRANSLATED;
	}
	verdict = limit_check(pkt, pkt->saddr);
	if (verdict != NATGW_OK) {
		return verdict;
	}
	if (row) {
		external.addr = row->addr;
		external.port = row->port;
		if (!session_is_same(row, word)) {
			return mode.forward ? NATGW_DEFER_BUSY : NATGW_DROP_INTERNAL;
		}
		track_outbound(&key, row, word, pkt);
	} else {
		verdict = outbound_create(pkt, &key, nh.reference, &external);
		if (verdict != NATGW_OK) {
			return verdict;
		}
	}
	verdict = outbound_translate(ctx, pkt, external.addr, external.port);
	if (verdict == NATGW_OK && mode.forward) {
		verdict = forward_commit(ctx, pkt, &nh);
		pkt->out_ifindex = nh.ifindex;
	}
	return verdict == NATGW_OK ? NATGW_TRANSLATED : verdict;
}

#endif
