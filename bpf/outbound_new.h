/* SPDX-License-Identifier: GPL-2.0-only */
/* An outbound packet that no session knows: may it make one, and does it need one? */
#ifndef NATGW_BPF_OUTBOUND_NEW_H
#define NATGW_BPF_OUTBOUND_NEW_H

#include "create.h"

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

/* Only a SYN, UDP, or an echo request begins a session. */
static __always_inline bool outbound_begins(const struct packet *pkt)
{
	if (pkt->proto == IPPROTO_TCP) {
		return outbound_is_syn(pkt);
	}
	return pkt->proto == IPPROTO_UDP || pkt->icmp_type == ICMP_ECHO;
}

/*
 * To one of natgw's external addresses: back to an internal host that has a public address or a
 * forwarded port, or an endpoint-independent mapping there (RFC 4787 REQ-9); public_addr: the
 * client's own, or 0. Returns enum natgw_verdict.
 */
static __noinline int outbound_hairpin(struct packet *pkt, __be32 public_addr)
{
	struct natgw_inbound_key key = {
		.ext_addr = pkt->daddr,
		.ext_port = pkt->dport,
		.rem_addr = public_addr,
		.rem_port = public_addr ? pkt->sport : 0,
		.proto = pkt->proto,
	};
	struct natgw_address *address = policy_address(pkt->daddr);
	struct natgw_settings *set = policy_settings();

	if (!set || !address || !set->hairpin || pkt->hook == NATGW_HOOK_TC_EGRESS) {
		return NATGW_DROP_HAIRPIN;
	}
	if (address->kind != NATGW_ADDRESS_ONE_TO_ONE &&
	    !create_forward_of(pkt->daddr, pkt->dport, pkt->proto) && !session_has_inbound(&key)) {
		return NATGW_DROP_HAIRPIN;
	}
	pkt->hairpin = 1;
	return NATGW_OK;
}

/* To an address of natgw or of the host. NATGW_OK: hairpin. */
static __always_inline enum natgw_verdict
outbound_to_self(struct packet *pkt, const struct natgw_address *address, __be32 public_addr)
{
	enum natgw_verdict verdict;

	if (!policy_is_external(address)) {
		return policy_to_self(pkt, address);
	}
	verdict = (enum natgw_verdict)outbound_hairpin(pkt, public_addr);
	return verdict != NATGW_OK && address->on_host == NATGW_ON_HOST_SHARED ? NATGW_PASS_HOST
									       : verdict;
}

/* Rules: what is not to be translated, and the DNAT and SNAT rules of a session to be. */
static __always_inline enum natgw_verdict outbound_find_rules(const struct packet *pkt,
							      __u8 gateway)
{
	struct rules_query query = {
		.client = pkt->saddr,
		.remote = pkt->daddr,
		.port = pkt->dport,
		.proto = pkt->proto,
		.gateway = gateway,
		.no_port = !!pkt->frag_offset,
	};
	struct claim *claim = claim_scratch();

	if (!claim) {
		return NATGW_DROP_INTERNAL;
	}
	rules_find(&query);
	return rules_verdict(claim, gateway);
}

/* The same for a packet in hand. It counts where every such packet comes by once, and only if it
 * might begin a session. */
static __always_inline enum natgw_verdict outbound_rules(const struct packet *pkt)
{
	enum natgw_verdict verdict = outbound_find_rules(pkt, pkt->gateway);
	struct claim *claim = claim_scratch();

	if (claim && claim->no_nat && pkt->hook == NATGW_HOOK_TC_INGRESS && outbound_begins(pkt)) {
		rules_hit(claim->snat_rule);
	}
	return verdict;
}

/* A TCP segment or an ICMP message of no session that may not make one. */
static __always_inline enum natgw_verdict outbound_refuse(struct packet *pkt)
{
	struct natgw_gateway *gateway = policy_gateway(pkt->gateway);

	if (pkt->proto != IPPROTO_TCP) {
		return NATGW_DROP_NO_SESSION;
	}
	if (gateway && gateway->no_session != NATGW_NO_SESSION_DROP && outbound_wants_rst(pkt)) {
		pkt->answer = PACKET_ANSWER_RST;
	}
	return NATGW_DROP_TCP_NO_SYN;
}

/* Its gateway takes no new sessions any more. */
static __always_inline bool outbound_is_closing(const struct packet *pkt)
{
	struct natgw_gateway *gateway = policy_gateway(pkt->gateway);

	return gateway && gateway->state == NATGW_GATEWAY_DELETING;
}

/*
 * A packet without a session. NATGW_OK: it makes one, or *ret_public is the client's own public
 * address and it needs none.
 */
static __always_inline enum natgw_verdict outbound_may_create(struct packet *pkt,
							      __be32 *ret_public)
{
	struct natgw_address *address = policy_address(pkt->daddr);
	__be32 public_addr = policy_public_address(pkt->saddr);
	enum natgw_verdict verdict = NATGW_OK;

	if (policy_address(pkt->saddr)) {
		/* The host's own address, or the gateway's, as a client's source. */
		return NATGW_DROP_SOURCE_NOT_ALLOWED;
	}
	if (address) {
		verdict = outbound_to_self(pkt, address, public_addr);
	}
	if (verdict != NATGW_OK) {
		return verdict;
	}
	*ret_public = public_addr;
	if (public_addr) {
		return NATGW_OK;
	}
	if (outbound_begins(pkt) || policy_has(NATGW_FEATURE_NO_NAT)) {
		verdict = outbound_rules(pkt);
		if (verdict == NATGW_PASS_NOT_NAT && pkt->is_fragment && !pkt->dry) {
			verdict = (enum natgw_verdict)fragment_begin_plain(pkt);
			verdict = verdict == NATGW_OK ? NATGW_PASS_NOT_NAT : verdict;
		}
		if (verdict != NATGW_OK) {
			return verdict;
		}
	}
	if (outbound_is_closing(pkt)) {
		return NATGW_DROP_GATEWAY_DELETING;
	}
	return outbound_begins(pkt) ? NATGW_OK : outbound_refuse(pkt);
}

#endif
