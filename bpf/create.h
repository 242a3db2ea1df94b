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
	struct natgw_session row; /* the outbound row to be, or the winner's */
	__u32 now;
	__u8 lost; /* another CPU made the session: row is its copy */
	enum natgw_verdict verdict;
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
		counters->alloc_errors[index][NATGW_ALLOC_PORT_EXHAUSTED]++;
	} else if (verdict == NATGW_DROP_SESSION_TABLE_FULL) {
		counters->alloc_errors[index][NATGW_ALLOC_TABLE_FULL]++;
	}
}

/* One round of putting the outbound row in; a callback of bpf_loop: 1 ends it. */
static long create_settle(__u32 round, struct create *create)
{
	struct natgw_session *other;
	struct natgw_traffic *counters;
	__u64 word;
	long error;

	(void)round;

	error = session_insert_outbound(&create->key, &create->row);
	if (!error) {
		create->verdict = NATGW_OK;
		return 1;
	}
	if (error != -EEXIST) {
		create->verdict =
			error == -E2BIG ? NATGW_DROP_SESSION_TABLE_FULL : NATGW_DROP_INTERNAL;
		return 1;
	}
	other = session_find_outbound(&create->key);
	if (!other) {
		/* A dead row whose remover has not got to the delete yet. */
		return 0;
	}
	word = session_read(other);
	if (!track_outbound_expired(&create->key, other, word, create->now)) {
		create->row.addr = other->addr;
		create->row.port = other->port;
		create->row.orig_port = other->orig_port;
		/* Still the row of this key? Else it was read while it became another's. */
		if (session_find_outbound(&create->key) != other || session_read(other) != word) {
			return 0;
		}
		create->lost = 1;
		create->verdict = NATGW_OK;
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
	__u64 current;
	struct natgw_session *row =
		session_find_inbound_of(key, session_generation(word), &current);

	if (row) {
		session_remove_inbound(key, row, current);
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

/*
 * Makes the session of a client's first packet. On NATGW_OK create->row.addr and .port are its
 * external endpoint, whoever made it. __noinline: it needs two rows and two keys on the stack,
 * which the pipeline does not have room for; a call costs a nanosecond.
 */
static __noinline int create_session(const struct packet *pkt, struct create *create)
{
	struct ports_claim claim = {};
	struct natgw_gateway *gateway;
	__u32 index;

	if (!pkt || !create) {
		return NATGW_DROP_INTERNAL;
	}
	index = create->key.gateway;
	gateway = policy_gateway(index);
	if (!gateway) {
		return NATGW_DROP_INTERNAL;
	}
	claim.gateway = index;
	claim.now = pkt->now;
	claim.key.rem_addr = pkt->daddr;
	claim.key.rem_port = pkt->dport;
	claim.key.proto = pkt->proto;
	claim.row.word = session_word(NATGW_STATE_OPENING, index, bpf_get_prandom_u32());
	claim.row.addr = pkt->saddr;
	claim.row.port = pkt->sport;
	claim.row.last_seen = pkt->now;
	create->verdict = ports_claim(&claim, gateway);
	if (create->verdict != NATGW_OK) {
		create_count_error(index, pkt->proto, create->verdict);
		return create->verdict;
	}
	create->now = pkt->now;
	create->row.word = claim.row.word;
	create->row.addr = claim.key.ext_addr;
	create->row.port = claim.key.ext_port;
	create->row.last_seen = pkt->now;
	/* Rounds run out only if a remover is held up that long: the packet is sent again by its
	 * sender. */
	create->verdict = NATGW_DROP_INTERNAL;
	bpf_loop(NATGW_INSERT_ROUNDS, create_settle, create, 0);
	if (create->verdict != NATGW_OK || create->lost) {
		create_roll_back(&claim.key, claim.row.word);
	}
	if (create->verdict != NATGW_OK) {
		create_count_error(index, pkt->proto, create->verdict);
		return create->verdict;
	}
	create_count(index, pkt->proto, create->lost);
	return NATGW_OK;
}

#endif
