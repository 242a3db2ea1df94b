/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * A new session: quotas, then the inbound row, which claims the port, then the outbound row;
 * whoever finds the outbound row taken rolls his inbound row back and uses the winner's session. So
 * two CPUs that see the same new query end with one session, and nothing is left behind. Where the
 * mapping is endpoint-independent (RFC 4787 REQ-1) the mapping is made, or found, first: a pair of
 * rows like a session's, and the session then takes its external endpoint.
 */
#ifndef NATGW_BPF_CREATE_H
#define NATGW_BPF_CREATE_H

#include "create_pair.h"
#include "event.h"
#include "reference.h"
#include "rules.h"

/* What the packet's way needs of a session that was just made. */
struct create_result {
	__be32 addr; /* external endpoint */
	__be16 port;
	__be16 rem_port; /* on the wire, when it is not the one that the client names; else 0 */
	__u32 lost;	 /* another CPU has made the session */
};

/* enum natgw_alloc_error of a refusal, or NATGW_ALLOC_ERROR_COUNT for what is none. */
static __always_inline __u32 create_error(const struct claim *claim)
{
	switch (claim->verdict) {
	case NATGW_DROP_PORT_EXHAUSTED:
		return claim->pool_count ? NATGW_ALLOC_PORT_EXHAUSTED : NATGW_ALLOC_NO_EIP;
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
		rules_count(claim);
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

/* Which EIP a client's sessions begin with: always the same one, or any. Multiplied, so that
 * neighbours in a subnet are spread over the pool. */
static __always_inline __u32 create_client_hash(const struct natgw_gateway *gateway, __be32 client)
{
	return gateway->flags & NATGW_GATEWAY_RANDOM_EIP
		       ? bpf_get_prandom_u32() >> 16
		       : (byteorder_host32(client) * 0x9e3779b1U) >> 16;
}

/* A claim for a session of this gateway; claim->outbound_key is known. */
static __always_inline void create_claim_of(struct claim *claim, const struct packet *pkt,
					    const struct natgw_gateway *gateway)
{
	claim->now = pkt->now;
	claim->gateway = pkt->gateway;
	claim->proto = packet_proto_index(pkt->proto);
	claim->client_hash = create_client_hash(gateway, claim->outbound_key.int_addr);
	claim->limit = gateway->destination_ports;
	claim->eip = 0;
	claim->own_eip = 0;
	claim->verdict = NATGW_OK;
	claim->from_remote = 0;
	claim->destination.ext_addr = 0;
	claim->destination.proto = pkt->proto;
	claim->destination.gateway = pkt->gateway;
}

/*
 * The packet's claim: who, where to; the rules have been looked up (rules_find). Returns the mode
 * of its mapping.
 */
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
	create_claim_of(claim, pkt, gateway);
	claim->destination.rem_addr = pkt->daddr;
	claim->destination.rem_port = claim->to_port ? claim->to_port : pkt->dport;
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
	create_row(claim, NATGW_STATE_MAPPING);
	create_remote(claim, 0, 0, 0);
	claim->exclusive = 1;
	row = track_find_outbound(&claim->outbound_key, pkt->now, &word);
	if (row && create_is_draining(row->addr)) {
		return CREATE_DRAINING;
	}
	if (row) {
		row->last_seen = pkt->now;
		claim->key.ext_addr = row->addr;
		claim->key.ext_port = row->port;
		claim->verdict = session_is_same(row, word, BYTEORDER_RAW32(claim->key.ext_addr))
					 ? NATGW_OK
					 : NATGW_DROP_INTERNAL;
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
	create_row(claim, NATGW_STATE_OPENING);
	create_remote(claim, pkt->daddr, pkt->dport, claim->to_port ? claim->to_port : pkt->dport);
	claim->exclusive = 0;
	/* The outbound row is complete as it goes in: nobody looks for it to note this packet. */
	claim->packets = pkt->segments;
	claim->bytes = pkt->bytes;
	claim->fast = !!reference_is_fast(pkt, &claim->row);
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

/* Another CPU has just made the session of the same remote endpoint: it is this packet's, too. */
static __always_inline void create_adopt(struct claim *claim)
{
	__u64 word;
	struct natgw_session *row = session_find_inbound(&claim->key, &word);

	if (row && track_inbound_life(&claim->key, row, word, claim->now) == TRACK_LIVE) {
		claim->lost = 1;
		claim->verdict = NATGW_OK;
	}
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
	if (claim->from_remote && claim->verdict == NATGW_DROP_EIM_CONFLICT) {
		create_adopt(claim);
	}
	if (claim->verdict == NATGW_OK) {
		create_count(claim);
		if (!claim->lost && log_is_on()) {
			log_created();
		}
		return NATGW_OK;
	}
	if (pkt->hook == NATGW_HOOK_XDP && gateway && !claim->from_remote &&
	    create_is_answered(pkt, gateway)) {
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
	ret_result->rem_port = claim->row.orig_port;
	ret_result->lost = claim->lost;
	return verdict;
}

/* ---- by a port forward ---- */

static __always_inline struct natgw_forward *create_forward_of(__be32 addr, __be16 port, __u8 proto)
{
	struct natgw_forward_key key = { .ext_addr = addr, .ext_port = port, .proto = proto };

	return policy_has(NATGW_FEATURE_FORWARDS) ? bpf_map_lookup_elem(&forwards, &key)
						  : (void *)0;
}

/* The claim of a remote endpoint's packet, and the rules of kind session that its session has. */
static __always_inline void create_inbound_claim(struct claim *claim, const struct packet *pkt,
						 const struct natgw_inbound_key *key,
						 const struct natgw_forward *forward)
{
	struct rules_query query = {
		.client = forward->int_addr,
		.remote = key->rem_addr,
		.port = key->rem_port,
		.proto = key->proto,
		.gateway = pkt->gateway,
	};

	rules_find(&query);
	claim->dnat_rule = 0;
	claim->snat_rule = 0;
	claim->mark = 0;
	claim->to_port = 0;
	claim->outbound_key.int_addr = forward->int_addr;
	claim->outbound_key.int_port = forward->int_port;
	claim->outbound_key.proto = key->proto;
	claim->outbound_key.gateway = pkt->gateway;
	claim->outbound_key.reserved = 0;
	claim->key = *key;
	claim->rem_addr = key->rem_addr;
	claim->rem_port = key->rem_port;
}

/*
 * A packet of a remote endpoint to a forwarded port begins a session like any other. key: its
 * inbound key. Returns enum natgw_verdict; NATGW_DROP_NO_SESSION: not forwarded.
 */
__noinline __weak int create_forward_begin(const struct packet *pkt,
					   const struct natgw_inbound_key *key)
{
	struct claim *claim = claim_scratch();
	struct natgw_gateway *gateway;
	struct natgw_address *address;
	struct natgw_forward *forward;

	if (!pkt || !key || !claim) {
		return NATGW_DROP_NO_SESSION;
	}
	forward = create_forward_of(key->ext_addr, key->ext_port, key->proto);
	address = policy_address(key->ext_addr);
	gateway = policy_gateway(pkt->gateway);
	if (!forward || !address || !gateway) {
		return NATGW_DROP_NO_SESSION;
	}
	if (gateway->state == NATGW_GATEWAY_DELETING) {
		return NATGW_DROP_GATEWAY_DELETING;
	}
	if (gateway->state != NATGW_GATEWAY_AVAILABLE || address->draining) {
		return NATGW_DROP_GATEWAY_NOT_AVAILABLE;
	}
	if (gateway->flags & NATGW_GATEWAY_BLOCKED) {
		return NATGW_DROP_BLOCKED;
	}
	create_inbound_claim(claim, pkt, key, forward);
	create_claim_of(claim, pkt, gateway);
	claim->from_remote = 1;
	claim->eip = address->eip;
	claim->own_eip = key->ext_addr;
	create_row(claim, NATGW_STATE_OPENING);
	create_remote(claim, key->rem_addr, key->rem_port, key->rem_port);
	claim->exclusive = 0;
	if (key->proto == IPPROTO_UDP) {
		claim->row.word = session_with_seen(claim->row.word, NATGW_SEEN_REMOTE_FIRST);
	}
	create_account(claim);
	return NATGW_OK;
}

/* NATGW_OK: the session is there. */
static __always_inline enum natgw_verdict create_forward(const struct packet *pkt,
							 const struct natgw_inbound_key *key)
{
	enum natgw_verdict verdict = (enum natgw_verdict)create_forward_begin(pkt, key);
	struct claim *claim = claim_scratch();

	if (verdict != NATGW_OK || !claim) {
		return verdict;
	}
	if (claim->verdict == NATGW_OK) {
		ports_claim_mapped();
		create_pair(0);
	}
	return (enum natgw_verdict)create_end(pkt);
}

#endif
