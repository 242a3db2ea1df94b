/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * Which EIP and which external port a new session gets. The insert of the inbound row is the claim:
 * two CPUs that choose the same port for the same remote endpoint learn there who has it. EIP: by
 * the client's address (RFC 4787 REQ-2, paired), the next one when tries run out. Port: at random
 * over the whole range (RFC 6056), or one after the other where the range is no longer than the
 * tries.
 */
#ifndef NATGW_BPF_PORTS_H
#define NATGW_BPF_PORTS_H

#include "byteorder.h"
#include "track.h"

struct ports_claim {
	struct natgw_inbound_key key; /* ext_addr and ext_port are filled by the claim */
	struct natgw_session row;     /* the inbound row to be; its word says which gateway */
	__u32 client_hash;	      /* says where in the pool the client's EIP is */
	__u32 random;
	__u32 now;
	enum natgw_verdict verdict; /* NATGW_OK once claimed */
};

static __always_inline __be16 ports_choose(const struct natgw_gateway *gateway, __u32 random,
					   __u32 attempt)
{
	__u32 offset = gateway->port_count <= NATGW_CLAIM_TRIES_PER_EIP ? random + attempt
									: bpf_get_prandom_u32();

	return byteorder_wire16((__u16)(gateway->port_first + offset % gateway->port_count));
}

/* The port is another session's: take it over when that has expired. */
static __always_inline bool ports_take_over(struct ports_claim *claim)
{
	__u64 word;
	struct natgw_session *row = session_find_inbound(&claim->key, &word);
	struct natgw_traffic *counters;

	if (!row) {
		return false;
	}
	if (!track_inbound_expired(&claim->key, row, word, claim->now) ||
	    !session_take_over(&claim->key, row, word, claim->row.word)) {
		return false;
	}
	row->packets = 0;
	row->bytes = 0;
	row->addr = claim->row.addr;
	row->port = claim->row.port;
	row->orig_port = claim->row.orig_port;
	row->last_seen = claim->row.last_seen;
	row->nexthop = 0;
	row->rst_seq = 0;
	row->log_id = 0;
	/* A swap is a full barrier: the fields are there when the row is open. Nobody else touches
	 * a row that is NEW. */
	session_swap(row, session_with_state(claim->row.word, NATGW_STATE_NEW), claim->row.word);
	counters = track_counters(session_gateway(claim->row.word));
	if (counters) {
		counters->taken_over++;
	}
	return true;
}

/* One try; a callback of bpf_loop: 1 ends the search. */
static long ports_try(__u32 attempt, struct ports_claim *claim)
{
	__u32 gateway_index = session_gateway(claim->row.word), index;
	struct natgw_gateway *gateway = policy_gateway(gateway_index);
	struct natgw_pool_row *eip;
	struct natgw_traffic *counters;
	long error;

	if (!gateway || !gateway->eip_count || !gateway->port_count) {
		return 1;
	}
	index = (claim->client_hash + attempt / NATGW_CLAIM_TRIES_PER_EIP) % gateway->eip_count;
	index += gateway_index * NATGW_EIPS_PER_GATEWAY_MAX;
	eip = bpf_map_lookup_elem(&pool, &index);
	if (!eip) {
		return 1;
	}
	claim->key.ext_addr = eip->addr;
	claim->key.ext_port = ports_choose(gateway, claim->random, attempt);
	error = session_insert_inbound(&claim->key, &claim->row);
	if (!error || (error == -EEXIST && ports_take_over(claim))) {
		claim->verdict = NATGW_OK;
		return 1;
	}
	if (error == -EEXIST) {
		counters = track_counters(gateway_index);
		if (counters) {
			counters->ports_lost++;
		}
		return 0;
	}
	claim->verdict = error == -E2BIG ? NATGW_DROP_SESSION_TABLE_FULL : NATGW_DROP_INTERNAL;
	return 1;
}

/*
 * Claims an external endpoint for claim->key's remote endpoint. On NATGW_OK the inbound row stands,
 * open, under claim->key; else NATGW_DROP_PORT_EXHAUSTED, NATGW_DROP_SESSION_TABLE_FULL or
 * NATGW_DROP_INTERNAL, and nothing has changed.
 */
static __always_inline enum natgw_verdict ports_claim(struct ports_claim *claim)
{
	claim->random = bpf_get_prandom_u32();
	claim->verdict = NATGW_DROP_PORT_EXHAUSTED;
	/* Multiplied, so that neighbours in a subnet are spread over the pool. */
	claim->client_hash = (byteorder_host32(claim->row.addr) * 0x9e3779b1U) >> 16;
	bpf_loop(NATGW_CLAIM_TRIES, ports_try, claim, 0);
	return claim->verdict;
}

#endif
