/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * One external port for the session in the making (struct claim): the insert of the inbound row is
 * the claim, and a row whose hold-down is over is taken over in place.
 */
#ifndef NATGW_BPF_PORTS_TRY_H
#define NATGW_BPF_PORTS_TRY_H

#include "claim.h"
#include "track.h"

/* Of the tries, those that ask for a port that no session uses. */
#define PORTS_UNUSED_TRIES 4

/* Is the row under claim->key to be had? Also one's own, in hold-down, where there is no other. */
static __always_inline bool ports_is_free(const struct claim *claim,
					  const struct natgw_session *row, __u64 word)
{
	int life = track_inbound_life(&claim->key, row, word, claim->now);

	return life == TRACK_FREE ||
	       (life == TRACK_HELD &&
		(claim->from_remote || session_seen(claim->row.word) & NATGW_SEEN_MAPPING) &&
		row->addr == claim->row.addr && row->port == claim->row.port);
}

/* The row under claim->key is to be this session's, if it is free. */
static __always_inline bool ports_take_over(struct claim *claim)
{
	__u64 word;
	struct natgw_session *row = session_find_inbound(&claim->key, &word);

	if (!row) {
		/* Deleted just now, or about to be: its port is free. */
		claim->again = 1;
		return false;
	}
	if (!ports_is_free(claim, row, word)) {
		return false;
	}
	account_read(&claim->key, row, word, claim->now, &claim->old_books);
	if (!session_take_over(&claim->key, row, word, claim->row.word, &claim->old_key)) {
		claim->again = 1;
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
	/* A swap is a full barrier: the fields are there when the row is open. Nobody else touches
	 * a row that is NEW. */
	session_swap(row, session_with_state(claim->row.word, NATGW_STATE_NEW), claim->row.word);
	/* The books follow in ports_settle: the stack is short here. */
	claim->old_word = word;
	return true;
}

enum ports_bar {
	PORTS_BAR_NONE,
	PORTS_BAR_MAPPING,  /* an endpoint-independent mapping has it for itself */
	PORTS_BAR_RESERVED, /* a port forward's, or the host's */
};

static __always_inline bool ports_is_reserved(const struct claim *claim, __u32 port)
{
	__u32 index = natgw_reserved_index(claim->eip, claim->proto);
	struct natgw_port_bits *set;

	if (!policy_has(NATGW_FEATURE_RESERVED)) {
		return false;
	}
	set = bpf_map_lookup_elem(&reserved_ports, &index);
	return set && portset_has(set, port);
}

/* May no session of the EIP in hand have this port? enum ports_bar. */
__noinline __weak int ports_is_barred(__u32 port)
{
	struct natgw_inbound_key key = { .proto = IPPROTO_UDP };
	struct claim *claim = claim_scratch();
	struct natgw_gateway_use *use;

	if (!claim) {
		return PORTS_BAR_NONE;
	}
	if (ports_is_reserved(claim, port)) {
		claim->barred_met = 1;
		return PORTS_BAR_RESERVED;
	}
	key.ext_addr = claim->key.ext_addr;
	key.ext_port = byteorder_wire16((__u16)port);
	use = account_gateway(claim->gateway);
	if (claim->proto != NATGW_PROTO_UDP || !use || !use->mappings || claim->exclusive ||
	    !session_has_inbound(&key)) {
		return PORTS_BAR_NONE;
	}
	claim->mapping_met = 1;
	return PORTS_BAR_MAPPING;
}

/*
 * 1: the search is over, claim->verdict says how. 0: the port is another session's. A global
 * function, as others here: the verifier looks at it once. They take the claim from its row and not
 * from their caller: to kernel 6.1 what a function is given is no key for a map.
 */
__noinline __weak int ports_try(__u32 port)
{
	struct claim *claim = claim_scratch();
	struct natgw_traffic *counters;
	int error;

	if (!claim) {
		return 1;
	}
	claim->key.ext_port = byteorder_wire16((__u16)port);
	claim->tries++;
	error = session_insert_inbound(&claim->key, &claim->row);
	if (!error || (error == -EEXIST && ports_take_over(claim))) {
		claim->verdict = NATGW_OK;
		return 1;
	}
	if (error == -EBUSY) {
		claim->again = 1;
		return 0;
	}
	if (error == -EEXIST) {
		claim->taken_met = 1;
		counters = account_traffic(claim->gateway);
		if (counters) {
			counters->ports_lost++;
		}
		return 0;
	}
	claim->verdict = error == -E2BIG ? NATGW_DROP_SESSION_TABLE_FULL : NATGW_DROP_INTERNAL;
	return 1;
}

static __always_inline __u32 ports_pick_unused(const struct claim *claim,
					       const struct natgw_gateway *gateway)
{
	__u32 index = natgw_port_use_index(claim->phase, claim->eip, claim->proto);
	struct natgw_port_bits *set = bpf_map_lookup_elem(&port_use, &index);

	return set ? (__u32)portset_pick(set, gateway->port_first, gateway->port_count) : 0;
}

/* The port that is "offset" behind the first one of the search, in a circle. */
static __always_inline __u32 ports_nth(const struct claim *claim,
				       const struct natgw_gateway *gateway, __u32 offset)
{
	return gateway->port_first + (claim->first_port + offset) % gateway->port_count;
}

#endif
