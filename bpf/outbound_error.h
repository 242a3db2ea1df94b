/* SPDX-License-Identifier: GPL-2.0-only */
/* ICMP errors from inside, or of the kernel about inbound packets (RFC 5508 REQ-5). */
#ifndef NATGW_BPF_OUTBOUND_ERROR_H
#define NATGW_BPF_OUTBOUND_ERROR_H

#include "outbound_way.h"
#include "verify.h"

/*
 * An ICMP error from inside, or made by the kernel about an inbound packet: it quotes a packet that
 * the remote endpoint sent to the client. The session's external endpoint goes into the quote and
 * becomes the outer source (RFC 5508 REQ-5). Errors neither refresh a session nor change it
 * (REQ-6).
 */
static __always_inline enum natgw_verdict outbound_error(access_ctx *ctx, const struct packet *pkt,
							 const struct create_result *external)
{
	struct translate_edit edit = {
		.from_addr = pkt->quote_daddr,
		.to_addr = external->addr,
		.from_port = pkt->quote_dport,
		.to_port = external->port,
	}, remote = { .from_port = pkt->quote_sport, .to_port = external->rem_port };
	enum natgw_verdict verdict;

	translate_destination_offsets(&edit, pkt->quote_proto);
	verdict = translate_quote(ctx, pkt, &edit);
	if (verdict == NATGW_OK && external->rem_port) {
		verdict = translate_quoted_port(ctx, pkt, &remote);
	}
	if (verdict != NATGW_OK) {
		return verdict;
	}
	return translate_outer(ctx, pkt, IPV4_SADDR, pkt->saddr, edit.to_addr);
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

	return outbound_find(pkt, &key, &word);
}

/* About a packet of no session: its way may be one that no rule translates. */
static __always_inline enum natgw_verdict outbound_quoted_rule(const struct packet *pkt)
{
	struct rules_query query = {
		.client = pkt->quote_daddr,
		.remote = pkt->quote_saddr,
		.port = pkt->quote_sport,
		.proto = pkt->quote_proto,
		.gateway = pkt->gateway,
	};
	struct claim *claim = claim_scratch();

	if (!claim || !policy_has(NATGW_FEATURE_NO_NAT)) {
		return NATGW_DROP_ICMP_QUOTE;
	}
	rules_find(&query);
	return rules_verdict(claim, pkt->gateway) == NATGW_PASS_NOT_NAT ? NATGW_PASS_NOT_NAT
									: NATGW_DROP_ICMP_QUOTE;
}

/* Whose the quoted packet was: its external endpoint, or the client's public address. */
static __always_inline enum natgw_verdict outbound_quoted(struct packet *pkt,
							  struct create_result *ret_external)
{
	struct natgw_session *row;

	if (pkt->daddr != pkt->quote_saddr) {
		/* The error goes to whoever sent the quoted packet, and to nobody else. */
		return NATGW_DROP_ICMP_QUOTE;
	}
	row = outbound_find_quoted(pkt);
	if (row) {
		ret_external->addr = outbound_wire_addr(pkt, row->addr);
		ret_external->port = row->port;
		ret_external->rem_port = row->orig_port;
		return NATGW_OK;
	}
	ret_external->addr = policy_public_address(pkt->quote_daddr);
	ret_external->port = pkt->quote_dport;
	return ret_external->addr ? NATGW_OK : outbound_quoted_rule(pkt);
}

static __always_inline enum natgw_verdict outbound_run_error(access_ctx *ctx, struct packet *pkt,
							     struct mode mode)
{
	struct create_result external = {};
	enum natgw_verdict verdict = policy_icmp_error(pkt);
	struct nexthop *nh = &pkt->nh;

	if (verdict == NATGW_OK) {
		verdict = outbound_quoted(pkt, &external);
	}
	if (verdict == NATGW_OK && policy_is_blocked(pkt->gateway)) {
		verdict = NATGW_DROP_BLOCKED;
	}
	if (verdict == NATGW_OK) {
		verdict = (enum natgw_verdict)verify_icmp_error(ctx, pkt);
	}
	if (verdict != NATGW_OK) {
		return policy_unless_self(pkt, verdict);
	}
	outbound_mark_hairpin(pkt);
	verdict = outbound_prepare(ctx, pkt, (void *)0, nh, mode);
	if (verdict != NATGW_OK || mode.dry) {
		return verdict == NATGW_OK ? NATGW_TRANSLATED : verdict;
	}
	verdict = outbound_error(ctx, pkt, &external);
	return verdict == NATGW_OK ? outbound_commit(ctx, pkt, nh, mode) : verdict;
}

#endif
