/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * A new session: the inbound row first, which claims the port, then the outbound row; whoever finds
 * the outbound row taken rolls his inbound row back and uses the winner's session. So two CPUs that
 * see the same new flow end with one session, and nothing is left behind.
 */
#ifndef NATGW_BPF_CREATE_H
#define NATGW_BPF_CREATE_H

#include "ports.h"

struct create {
	struct natgw_outbound_key key;
	struct ports_claim claim; /* its row becomes the outbound row once the port is claimed */
	__u32 lost; /* another CPU made the session: the row's external endpoint is its */
};

/* What the packet's way needs of a session that was just made. */
struct create_result {
	__be32 addr; /* external endpoint */
	__be16 port;
	__u16 reserved;
};

static __always_inline void create_count_error(__u32 gateway, __u8 proto,
					       enum natgw_verdict verdict)
{
	struct natgw_traffic *counters = track_counters(gateway);
	__u32 index = packet_proto_index(proto);

	if (!counters) {
		return;
	}
	counters->attempts[index]++;
	if (verdict == NATGW_DROP_PORT_EXHAUSTED) {
		struct natgw_gateway *row = policy_gateway(gateway);
		__u32 error =
			row && !row->eip_count ? NATGW_ALLOC_NO_EIP : NATGW_ALLOC_PORT_EXHAUSTED;

		counters->alloc_errors[index][error]++;
	} else if (verdict == NATGW_DROP_SESSION_TABLE_FULL) {
		counters->alloc_errors[index][NATGW_ALLOC_TABLE_FULL]++;
	}
}

/* One round of putting the outbound row in; a callback of bpf_loop: 1 ends it. */
static long create_settle(__u32 round, struct create *create)
{
	struct natgw_session *other;
	struct natgw_traffic *counters;
	__u64 word, again;
	__be32 addr;
	__be16 port;
	long error;

	(void)round;
	error = session_insert_outbound(&create->key, &create->claim.row);
	if (!error) {
		create->claim.verdict = NATGW_OK;
		return 1;
	}
	if (error != -EEXIST) {
		create->claim.verdict =
			error == -E2BIG ? NATGW_DROP_SESSION_TABLE_FULL : NATGW_DROP_INTERNAL;
		return 1;
	}
	other = session_find_outbound(&create->key, &word);
	if (!other) {
		/* A dead row whose remover has not got to the delete yet. */
		return 0;
	}
	if (!track_outbound_expired(&create->key, other, word, create->claim.now)) {
		addr = other->addr;
		port = other->port;
		/* Still the row of this key? Else it was read while it became another's. */
		if (session_find_outbound(&create->key, &again) != other || again != word) {
			return 0;
		}
		create->claim.row.addr = addr;
		create->claim.row.port = port;
		create->lost = 1;
		create->claim.verdict = NATGW_OK;
		return 1;
	}
	if (session_remove_outbound(&create->key, other, word)) {
		counters = track_counters(create->key.gateway);
		if (counters) {
			counters->repaired++;
		}
	}
	return 0;
}

/* Takes back the inbound row of a claim that came to nothing; only if it is still that one. */
static __always_inline void create_roll_back(const struct natgw_inbound_key *key, __u64 word)
{
	/* Again when a reply has changed its state in the meantime. */
	for (int i = 0; i < 4; i++) {
		__u64 current;
		struct natgw_session *row =
			session_find_inbound_of(key, session_generation(word), &current);

		if (!row || session_remove_inbound(key, row, current)) {
			return;
		}
	}
}

static __always_inline void create_count(__u32 gateway, __u8 proto, bool lost)
{
	struct natgw_traffic *counters = track_counters(gateway);

	if (!counters) {
		return;
	}
	if (lost) {
		counters->claims_lost++;
	} else {
		counters->attempts[packet_proto_index(proto)]++;
		counters->created[packet_proto_index(proto)]++;
	}
}

/* The inbound row to be; the claim fills in the external endpoint. */
static __always_inline void create_prepare(struct ports_claim *claim, const struct packet *pkt)
{
	claim->now = pkt->now;
	claim->key.rem_addr = pkt->daddr;
	claim->key.rem_port = pkt->dport;
	claim->key.proto = pkt->proto;
	claim->row.word = session_word(NATGW_STATE_OPENING, pkt->gateway, bpf_get_prandom_u32());
	claim->row.addr = pkt->saddr;
	claim->row.port = pkt->sport;
	claim->row.last_seen = pkt->now;
}

/* The port is claimed: puts the outbound row in. What was claimed is given back if that fails or is
 * lost. */
static __always_inline enum natgw_verdict create_outbound(struct create *create, __u32 reference)
{
	create->claim.row.addr = create->claim.key.ext_addr;
	create->claim.row.port = create->claim.key.ext_port;
	create->claim.row.nexthop = reference;
	/* Rounds run out only if a remover is held up that long: the packet is sent again by its
	 * sender. */
	create->claim.verdict = NATGW_DROP_INTERNAL;
	bpf_loop(NATGW_INSERT_ROUNDS, create_settle, create, 0);
	if (create->claim.verdict != NATGW_OK || create->lost) {
		create_roll_back(&create->claim.key, create->claim.row.word);
	}
	return create->claim.verdict;
}

/*
 * Makes the session of a client's first packet; "reference" is its next hop's. Returns enum
 * natgw_verdict; on NATGW_OK *ret_result is its external endpoint, whoever made it. __noinline: it
 * needs 150 bytes of stack for a row and two keys.
 */
__noinline __weak int create_session(const struct packet *pkt, const struct natgw_outbound_key *key,
				     __u32 reference, struct create_result *ret_result)
{
	struct create create = {};

	enum natgw_verdict verdict;

	if (!pkt || !key || !ret_result) {
		return NATGW_DROP_INTERNAL;
	}
	create.key = *key;
	create_prepare(&create.claim, pkt);
	verdict = ports_claim(&create.claim);
	if (verdict == NATGW_OK) {
		verdict = create_outbound(&create, reference);
	}
	if (verdict != NATGW_OK) {
		create_count_error(pkt->gateway, pkt->proto, verdict);
		return verdict;
	}
	create_count(pkt->gateway, pkt->proto, create.lost);
	ret_result->addr = create.claim.row.addr;
	ret_result->port = create.claim.row.port;
	return NATGW_OK;
}

#endif
