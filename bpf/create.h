/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * A new session: quotas, then the inbound row, which claims the port, then the outbound row;
 * whoever finds the outbound row taken rolls his inbound row back and uses the winner's session. So
 * two CPUs that see the same new flow end with one session, and nothing is left behind. Where the
 * mapping is endpoint-independent (RFC 4787 REQ-1) the mapping is made, or found, first: a pair of
 * rows like a session's, and the session then takes its external endpoint.
 */
#ifndef NATGW_BPF_CREATE_H
#define NATGW_BPF_CREATE_H

#include "create_pair.h"
#include "event.h"
#include "rules.h"

/* What the packet's way needs of a session that was just made. */
struct create_result {
	__be32 addr; /* external endpoint */
	__be16 port;
	__u16 reserved;
};

/* enum natgw_alloc_error of a refusal, or NATGW_ALLOC_ERROR_COUNT for what is none. */
static __always_inline __u32 create_error(const struct claim *claim)
{
	struct natgw_gateway *gateway = policy_gateway(claim->gateway);

	switch (claim->verdict) {
	case NATGW_DROP_PORT_EXHAUSTED:
		return gateway && !gateway->eip_count ? NATGW_ALLOC_NO_EIP
						      : NATGW_ALLOC_PORT_EXHAUSTED;
	case NATGW_DROP_SESSION_TABLE_FULL:
		return NATGW_ALLOC_TABLE_FULL;
	case NATGW_DROP_CLIENT_QUOTA:
		return NATGW_ALLOC_CLIENT_QUOTA;
	case NATGW_DROP_HALF_OPEN_QUOTA:
		return NATGW_ALLOC_HALF_OPEN_QUOTA;
	case NATGW_DROP_PORT_QUOTA:
		return NATGW_ALLOC_PORT_QUOTA;
	case NATGW_DROP_GATEWAY_QUOTA:
		return NATGW_ALLOC_GATEWAY_QUOTA;
	case NATGW_DROP_EIM_CONFLICT:
		return NATGW_ALLOC_EIM_CONFLICT;
	default:
		return NATGW_ALLOC_ERROR_COUNT;
	}
}

static __always_inline void create_count_error(const struct claim *claim)
{
	struct natgw_traffic *counters = account_traffic(claim->gateway);
	struct natgw_client *client;
	__u32 error = create_error(claim), proto = claim->proto;

	if (!counters || proto >= NATGW_PROTO_COUNT) {
		return;
	}
	counters->attempts[proto]++;
	if (error >= NATGW_ALLOC_ERROR_COUNT) {
		return;
	}
	counters->alloc_errors[proto][error]++;
	client = account_client(claim->outbound_key.int_addr, claim->gateway);
	if (client) {
		__sync_fetch_and_add(&client->errors[error], 1);
	}
	event_refused(claim);
}

static __always_inline void create_count(const struct claim *claim)
{
	struct natgw_traffic *counters = account_traffic(claim->gateway);
	__u32 proto = claim->proto;

	if (!counters || proto >= NATGW_PROTO_COUNT) {
		return;
	}
	if (claim->lost) {
		counters->claims_lost++;
	} else {
		counters->attempts[proto]++;
		counters->created[proto]++;
	}
}

/* NATGW_MAPPING_* and NATGW_FILTERING_* for the session of this packet. */
static __always_inline __u32 create_mapping_mode(const struct packet *pkt,
						 const struct natgw_gateway *gateway, __u32 number)
{
	struct natgw_rule *rule;

	if (pkt->proto != IPPROTO_UDP) {
		return 0;
	}
	rule = number ? bpf_map_lookup_elem(&rules, &number) : (void *)0;
	return rule ? rule->mapping : gateway->mapping;
}

/* The packet's claim: who, where to, under which rule. Returns the mode of its mapping. */
__noinline __weak int create_begin(const struct packet *pkt, const struct natgw_outbound_key *key)
{
	struct claim *claim = claim_scratch();
	struct natgw_gateway *gateway;

	if (!pkt || !key || !claim) {
		return 0;
	}
	gateway = policy_gateway(pkt->gateway);
	if (!gateway) {
		return 0;
	}
	claim->outbound_key = *key;
	claim->rem_addr = pkt->daddr;
	claim->rem_port = pkt->dport;
	claim->now = pkt->now;
	claim->gateway = pkt->gateway;
	claim->proto = packet_proto_index(pkt->proto);
	/* Multiplied, so that neighbours in a subnet are spread over the pool. */
	claim->client_hash = gateway->flags & NATGW_GATEWAY_RANDOM_EIP
				     ? bpf_get_prandom_u32() >> 16
				     : (byteorder_host32(pkt->saddr) * 0x9e3779b1U) >> 16;
	claim->limit = gateway->destination_ports;
	claim->eip = 0;
	claim->own_eip = 0;
	claim->verdict = NATGW_OK;
	claim->destination.ext_addr = 0;
	claim->destination.rem_addr = pkt->daddr;
	claim->destination.rem_port = pkt->dport;
	claim->destination.proto = pkt->proto;
	claim->destination.gateway = pkt->gateway;
	claim->rule = (__u32)rules_find(pkt);
	return (int)create_mapping_mode(pkt, gateway, claim->rule);
}

/* Removes the client's mapping: its EIP is taken out, or no session came of it. */
__noinline __weak int create_drop_mapping(void)
{
	struct claim *claim = claim_scratch();
	struct natgw_outbound_key *key;
	struct natgw_inbound_key peer_key;
	struct natgw_session *row, *peer;
	__u64 word, peer_word;

	if (!claim) {
		return 0;
	}
	/* Not on the stack, which is short here; no session is being taken over now. */
	key = &claim->old_key;
	*key = claim->outbound_key;
	key->rem_addr = 0;
	key->rem_port = 0;
	row = session_find_outbound(key, &word);
	if (!row || session_state(word) != NATGW_STATE_MAPPING) {
		return 0;
	}
	session_inbound_key(key, row, &peer_key);
	peer = session_find_inbound_of(&peer_key, session_generation(word), &peer_word);
	if (peer && session_remove(&peer_key, peer, peer_word)) {
		account_release(&peer_key, key->int_addr, peer_word, 1, claim->now);
	}
	return 0;
}

enum create_mapping_state {
	CREATE_FOUND,	 /* claim->key has its external endpoint */
	CREATE_CLAIM,	 /* a port is to be claimed for it */
	CREATE_DRAINING, /* it is there, and its EIP is taken out */
};

static __always_inline bool create_is_draining(__be32 ext_addr)
{
	struct natgw_address *address = policy_address(ext_addr);

	return !address || address->draining;
}

/*
 * The endpoint-independent mapping of the client's endpoint. Returns enum create_mapping_state;
 * claim->verdict: NATGW_OK or why not.
 */
__noinline __weak int create_mapping(const struct packet *pkt, __u32 mode)
{
	struct claim *claim = claim_scratch();
	struct natgw_session *row;
	__u64 word;

	if (!pkt || !claim) {
		return CREATE_FOUND;
	}
	create_row(claim, pkt, NATGW_STATE_MAPPING);
	create_remote(claim, 0, 0);
	claim->exclusive = 1;
	row = track_find_outbound(&claim->outbound_key, pkt->now, &word);
	if (row && create_is_draining(row->addr)) {
		return CREATE_DRAINING;
	}
	if (row) {
		row->last_seen = pkt->now;
		claim->key.ext_addr = row->addr;
		claim->key.ext_port = row->port;
		claim->verdict = session_is_same(row, word) ? NATGW_OK : NATGW_DROP_INTERNAL;
		return CREATE_FOUND;
	}
	if (mode & NATGW_FILTERING_ENDPOINT_INDEPENDENT) {
		claim->row.word = session_with_seen(claim->row.word, NATGW_SEEN_OPEN_FILTER);
	}
	create_account(claim);
	return claim->verdict == NATGW_OK ? CREATE_CLAIM : CREATE_FOUND;
}

/* The session, by its mapping where it has one. claim->verdict: NATGW_OK or why not. */
__noinline __weak int create_session(const struct packet *pkt, __u32 mapped)
{
	struct claim *claim = claim_scratch();
	struct natgw_address *address;

	if (!pkt || !claim) {
		return 0;
	}
	create_row(claim, pkt, NATGW_STATE_OPENING);
	create_remote(claim, pkt->daddr, pkt->dport);
	claim->exclusive = 0;
	if (mapped) {
		claim->row.word = session_with_seen(claim->row.word, NATGW_SEEN_MAPPING);
		claim->own_eip = claim->key.ext_addr;
		address = policy_address(claim->key.ext_addr);
		claim->eip = address ? address->eip : 0;
	}
	create_account(claim);
	return 0;
}

/* Is the client told of a refusal (on_exhaustion)? */
static __always_inline bool create_is_answered(const struct packet *pkt,
					       const struct natgw_gateway *gateway)
{
	return gateway->on_exhaustion == NATGW_ON_EXHAUSTION_ICMP ||
	       (gateway->on_exhaustion == NATGW_ON_EXHAUSTION_RST && pkt->proto == IPPROTO_TCP);
}

/*
 * Counts what became of it and returns it: enum natgw_verdict. At XDP, a refusal that the client is
 * to be told of is left to tc, uncounted: NATGW_DEFER_ANSWER.
 */
__noinline __weak int create_end(const struct packet *pkt)
{
	struct claim *claim = claim_scratch();
	struct natgw_gateway *gateway;

	if (!pkt || !claim) {
		return NATGW_DROP_INTERNAL;
	}
	gateway = policy_gateway(pkt->gateway);
	if (claim->verdict == NATGW_OK) {
		create_count(claim);
		return NATGW_OK;
	}
	if (pkt->hook == NATGW_HOOK_XDP && gateway && create_is_answered(pkt, gateway)) {
		return NATGW_DEFER_ANSWER;
	}
	create_count_error(claim);
	return claim->verdict;
}

/* Finds or makes the mapping; true: it is this packet's. */
static __always_inline bool create_find_mapping(struct claim *claim, const struct packet *pkt,
						__u32 mode)
{
	int state = create_mapping(pkt, mode);

	if (state == CREATE_DRAINING) {
		create_drop_mapping();
		state = create_mapping(pkt, mode);
	}
	if (state != CREATE_CLAIM) {
		return false;
	}
	ports_claim(claim);
	create_pair(0);
	return claim->verdict == NATGW_OK && !claim->lost;
}

/* After the mapping: the session itself. */
static __always_inline void create_claim(struct claim *claim, const struct packet *pkt, bool mapped,
					 __u32 reference)
{
	create_session(pkt, mapped);
	if (claim->verdict != NATGW_OK) {
		return;
	}
	if (mapped) {
		ports_claim_mapped();
	} else {
		ports_claim(claim);
	}
	create_pair(reference);
}

/*
 * Makes the session of a client's first packet; "reference" is its next hop's. On NATGW_OK
 * *ret_result is its external endpoint, whoever made it. The steps are functions of their own so
 * that the stack of one is free for the next.
 */
static __always_inline enum natgw_verdict create_run(const struct packet *pkt,
						     const struct natgw_outbound_key *key,
						     __u32 reference,
						     struct create_result *ret_result)
{
	struct claim *claim = claim_scratch();
	__u32 mode = (__u32)create_begin(pkt, key);
	bool mapped = mode & NATGW_MAPPING_ENDPOINT_INDEPENDENT, made = false;
	enum natgw_verdict verdict;

	if (!claim) {
		return NATGW_DROP_INTERNAL;
	}
	if (mapped) {
		made = create_find_mapping(claim, pkt, mode);
	}
	if (claim->verdict == NATGW_OK) {
		create_claim(claim, pkt, mapped, reference);
		if (made && claim->verdict != NATGW_OK) {
			create_drop_mapping();
		}
	}
	verdict = (enum natgw_verdict)create_end(pkt);
	ret_result->addr = claim->key.ext_addr;
	ret_result->port = claim->key.ext_port;
	return verdict;
}

#endif
