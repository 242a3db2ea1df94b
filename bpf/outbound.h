/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * Outbound packets, from an internal prefix through a gateway: find or make the session, translate
 * the source. At an ingress hook the packet is forwarded from here; at the egress of the external
 * interface the kernel has done that already.
 */
#ifndef NATGW_BPF_OUTBOUND_H
#define NATGW_BPF_OUTBOUND_H

#include "outbound_error.h"
#include "outbound_plain.h"

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

/* A first fragment makes way for the others. */
static __always_inline enum natgw_verdict outbound_begin_fragments(struct packet *pkt, __be32 addr,
								   __u32 reference)
{
	if (!pkt->is_fragment) {
		return NATGW_OK;
	}
	return (enum natgw_verdict)fragment_begin(pkt, outbound_wire_addr(pkt, addr), reference, 0);
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
	/* Another CPU has made it; else the row has this packet already (create_session). */
	row = ret_result->lost ? session_find_outbound(key, &word) : (void *)0;
	if (row) {
		track_outbound(key, row, word, pkt);
	}
	return outbound_begin_fragments(pkt, ret_result->addr, reference);
}

/* Rewrites what leaves: the source, a DNAT rule's port, the MSS, a first fragment's id. */
static __always_inline enum natgw_verdict outbound_rewrite(access_ctx *ctx, struct packet *pkt,
							   const struct create_result *external,
							   const struct nexthop *nh)
{
	__be32 addr = outbound_wire_addr(pkt, external->addr);
	enum natgw_verdict verdict = outbound_translate(ctx, pkt, addr, external->port);

	if (verdict == NATGW_OK && external->rem_port) {
		verdict = translate_remote_port(ctx, pkt, external->rem_port);
	}
	if (verdict == NATGW_OK && pkt->is_fragment) {
		verdict = translate_ip_id(ctx, pkt, pkt->new_id);
	}
	return verdict == NATGW_OK ? forward_clamp_mss(ctx, pkt, nh->mtu) : verdict;
}

/* Fragments, and what a gateway says about ICMP. NATGW_OK: like any packet. */
static __always_inline enum natgw_verdict outbound_admit(struct packet *pkt)
{
	enum natgw_verdict verdict = policy_icmp_query(pkt);

	if (verdict == NATGW_OK && pkt->is_fragment && !policy_public_address(pkt->saddr)) {
		verdict = fragment_admit(pkt);
	}
	return verdict == NATGW_OK ? verdict : policy_unless_self(pkt, verdict);
}

/* The session's row: stamps the packet, and says what it becomes. */
static __always_inline enum natgw_verdict outbound_use(const struct natgw_outbound_key *key,
						       struct natgw_session *row, __u64 word,
						       struct packet *pkt, struct mode mode,
						       struct create_result *ret_external)
{
	enum natgw_verdict verdict;

	ret_external->addr = row->addr;
	ret_external->port = row->port;
	ret_external->rem_port = row->orig_port;
	if (!session_is_same(row, word,
			     BYTEORDER_RAW32(ret_external->addr) ^
				     BYTEORDER_RAW16(ret_external->port) ^
				     BYTEORDER_RAW16(ret_external->rem_port))) {
		return mode.forward ? NATGW_DEFER_BUSY : NATGW_DROP_INTERNAL;
	}
	verdict = outbound_begin_fragments(pkt, ret_external->addr, row->nexthop);
	if (verdict == NATGW_OK) {
		track_outbound(key, row, word, pkt);
	}
	return verdict;
}

/* A fragment that is not the first. */
static __always_inline enum natgw_verdict outbound_run_later(access_ctx *ctx, struct packet *pkt,
							     struct mode mode)
{
	__be32 public_addr = policy_public_address(pkt->saddr);
	struct natgw_address *address = policy_address(pkt->daddr);
	enum natgw_verdict verdict = NATGW_OK;

	if (public_addr && address) {
		verdict = outbound_to_self(pkt, address, public_addr);
	}
	if (verdict != NATGW_OK || mode.dry) {
		return verdict == NATGW_OK ? NATGW_DEFER_FRAGMENT : verdict;
	}
	return (enum natgw_verdict)(
		public_addr ? outbound_run_one_to_one(ctx, pkt, public_addr, mode.forward)
			    : outbound_run_fragment(ctx, pkt, mode.forward));
}

/* May it leave, and by which next hop; within the rate limits. */
static __always_inline enum natgw_verdict outbound_leave(access_ctx *ctx, struct packet *pkt,
							 struct natgw_session *row,
							 struct nexthop *nh, struct mode mode)
{
	enum natgw_verdict verdict = outbound_prepare(ctx, pkt, row, nh, mode);

	return verdict == NATGW_OK && !mode.dry ? limit_check(pkt, pkt->saddr) : verdict;
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
	struct nexthop *nh = &pkt->nh;
	__u64 word = 0;
	struct create_result external = {};
	__be32 public_addr = 0;

	if (verdict != NATGW_OK) {
		return policy_unless_self(pkt, verdict);
	}
	if (pkt->quote_l3) {
		return outbound_run_error(ctx, pkt, mode);
	}
	verdict = outbound_admit(pkt);
	if (verdict != NATGW_OK) {
		return verdict;
	}
	if (pkt->frag_offset) {
		return outbound_run_later(ctx, pkt, mode);
	}
	outbound_key(pkt, &key);
	row = outbound_find(pkt, &key, &word);
	if (row) {
		/* It may be another gateway's than the one that the route names. */
		if (policy_is_blocked(pkt->gateway)) {
			return NATGW_DROP_BLOCKED;
		}
		outbound_mark_hairpin(pkt);
	} else {
		verdict = outbound_may_create(pkt, &public_addr);
		if (verdict != NATGW_OK) {
			return verdict;
		}
	}
	if (public_addr && !mode.dry) {
		return outbound_run_one_to_one(ctx, pkt, public_addr, mode.forward);
	}
	verdict = outbound_leave(ctx, pkt, row, nh, mode);
	if (verdict != NATGW_OK || mode.dry) {
		return verdict == NATGW_OK ? NATGW_TRANSLATED : verdict;
	}
	verdict = row ? outbound_use(&key, row, word, pkt, mode, &external)
		      : outbound_create(pkt, &key, nh->reference, &external);
	if (verdict == NATGW_OK) {
		verdict = outbound_rewrite(ctx, pkt, &external, nh);
	}
	return verdict == NATGW_OK ? outbound_commit(ctx, pkt, nh, mode) : verdict;
}

#endif
