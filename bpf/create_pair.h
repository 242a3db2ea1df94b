/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * The rows of a session, or mapping, in the making: quotas first, then the inbound row, which
 * claims the port (ports.h), then the outbound row; whoever finds that taken rolls his inbound row
 * back and uses the winner's.
 */
#ifndef NATGW_BPF_CREATE_PAIR_H
#define NATGW_BPF_CREATE_PAIR_H

#include "ports.h"

/* ---- the outbound row ---- */

/*
 * The outbound row of a session that is over makes room for a new one; the inbound row goes on
 * holding the port, from the last packet of either direction on.
 */
static __always_inline void create_retire(const struct natgw_outbound_key *key,
					  struct natgw_session *row, __u64 word)
{
	struct natgw_inbound_key peer_key;
	struct natgw_session *peer;
	struct natgw_traffic *counters;
	__u32 last_seen = row->last_seen;
	__u64 peer_word, bytes = row->bytes;

	session_inbound_key(key, row, &peer_key);
	peer = session_find_inbound_of(&peer_key, session_generation(word), &peer_word);
	if (peer && (__s32)(last_seen - peer->last_seen) > 0) {
		peer->last_seen = last_seen;
	}
	if (!session_remove_outbound(key, row, word)) {
		return;
	}
	account_add_bytes(key->int_addr, key->gateway, bytes, 0);
	counters = account_traffic(key->gateway);
	if (counters && !peer) {
		counters->repaired++;
	}
}

/* One round of putting the outbound row in; a callback of bpf_loop: 1 ends it. */
static long create_settle(__u32 round, void *context)
{
	struct claim *claim = claim_scratch();
	struct natgw_session *other;
	__u64 word, again;
	__be32 addr;
	__be16 port, wire_port;
	int error;

	(void)round;
	(void)context;
	if (!claim) {
		return 1;
	}
	error = session_insert_outbound(&claim->outbound_key, &claim->row);
	if (!error) {
		claim->verdict = NATGW_OK;
		return 1;
	}
	if (error == -EBUSY) {
		return 0;
	}
	if (error != -EEXIST) {
		claim->verdict =
			error == -E2BIG ? NATGW_DROP_SESSION_TABLE_FULL : NATGW_DROP_INTERNAL;
		return 1;
	}
	other = session_find_outbound(&claim->outbound_key, &word);
	if (!other) {
		/* A dead row whose remover has not got to the delete yet. */
		return 0;
	}
	if (track_outbound_life(&claim->outbound_key, other, word, claim->now) != TRACK_LIVE) {
		create_retire(&claim->outbound_key, other, word);
		return 0;
	}
	addr = other->addr;
	port = other->port;
	wire_port = other->orig_port;
	/* Still the row of this key? Else it was read while it became another's. */
	if (session_find_outbound(&claim->outbound_key, &again) != other || again != word) {
		return 0;
	}
	claim->row.addr = addr;
	claim->row.port = port;
	claim->row.orig_port = wire_port;
	claim->lost = 1;
	claim->verdict = NATGW_OK;
	return 1;
}

/* Takes back the inbound row of a claim that came to nothing; only if it is still that one. */
static __always_inline void create_roll_back(const struct claim *claim)
{
	/* Again when a reply has changed its state in the meantime. */
	for (int i = 0; i < 4; i++) {
		__u64 current;
		struct natgw_session *row = session_find_inbound_of(
			&claim->key, session_generation(claim->row.word), &current);

		if (!row) {
			return;
		}
		if (session_remove_inbound(&claim->key, row, current)) {
			account_release(&claim->key, claim->outbound_key.int_addr, current, 1,
					claim->now);
			return;
		}
	}
}

/* The port is claimed: puts the outbound row in. What was claimed is given back if that fails or is
 * lost. */
static __always_inline void create_outbound(struct claim *claim, __u32 reference)
{
	claim->row.addr = claim->key.ext_addr;
	claim->row.port = claim->key.ext_port;
	claim->row.nexthop = reference ? reference | (claim->fast ? NATGW_REFERENCE_FAST : 0) : 0;
	claim->row.packets = claim->packets;
	claim->row.bytes = claim->bytes;
	claim->row.orig_port = claim->row.orig_port ? claim->wire_port : 0;
	/* Rounds run out only if a remover is held up that long: the packet is sent again by its
	 * sender. */
	claim->verdict = NATGW_DROP_INTERNAL;
	bpf_loop(NATGW_INSERT_ROUNDS, create_settle, (void *)0, 0);
	if (claim->verdict != NATGW_OK || claim->lost) {
		create_roll_back(claim);
	}
}

/* ---- quotas ---- */

/* Ports of each EIP that are kept for clients that have not had their guaranteed ones yet. */
static __always_inline __u32 create_kept(const struct natgw_gateway *gateway, __u32 index)
{
	struct natgw_gateway_use *use = account_gateway(index);
	__u32 others = use && use->clients ? use->clients - 1 : 0, eips = gateway->eip_count;
	__u64 kept;

	others = others < NATGW_CLIENTS_EXPECTED ? NATGW_CLIENTS_EXPECTED : others;
	kept = (__u64)gateway->client_ports_min * others;
	kept = eips > 1 ? (kept + eips - 1) / eips : kept;
	return kept < gateway->destination_ports / 2 ? (__u32)kept : gateway->destination_ports / 2;
}

/* ports_per_client: its cap, and what is left for a client that has had its guarantee. */
static __always_inline enum natgw_verdict create_limit(struct claim *claim,
						       const struct natgw_gateway *gateway)
{
	struct natgw_client_port_key key;
	__u32 before;

	claim->limit = gateway->destination_ports;
	if (!gateway->client_ports_min && !gateway->client_ports_max) {
		return NATGW_OK;
	}
	account_client_port_key(&claim->key, claim->outbound_key.int_addr, claim->gateway, &key);
	if (account_add_client_port(&key, &before)) {
		return NATGW_DROP_SESSION_TABLE_FULL;
	}
	if (gateway->client_ports_max && before >= gateway->client_ports_max) {
		account_remove_client_port(&key);
		claim->limit = gateway->client_ports_max;
		return NATGW_DROP_PORT_QUOTA;
	}
	claim->client_port = 1;
	claim->row.word = session_with_seen(claim->row.word, NATGW_SEEN_CLIENT_PORT);
	if (gateway->client_ports_min && before >= gateway->client_ports_min) {
		claim->limit -= create_kept(gateway, claim->gateway);
	}
	return NATGW_OK;
}

/* No port was claimed: the counts go back. */
static __always_inline void create_uncount(const struct claim *claim)
{
	struct natgw_client_port_key key;

	if (claim->client_port) {
		account_client_port_key(&claim->key, claim->outbound_key.int_addr, claim->gateway,
					&key);
		account_remove_client_port(&key);
	}
	account_give_back(claim->outbound_key.int_addr, claim->row.word, claim->now);
}

/* ---- a session, or a mapping, step by step ---- */

/* As a claim begins: the inbound row to be. */
static __always_inline void create_row(struct claim *claim, __u32 state)
{
	claim->row.word = session_word(state, claim->gateway, claim->rule, bpf_get_prandom_u32());
	claim->row.packets = 0;
	claim->row.bytes = 0;
	claim->row.addr = claim->outbound_key.int_addr;
	claim->row.port = claim->outbound_key.int_port;
	claim->row.orig_port = 0;
	claim->row.last_seen = claim->now;
	claim->row.nexthop = 0;
	claim->row.rst_seq = 0;
	claim->key.proto = claim->outbound_key.proto;
	claim->old_word = 0;
	claim->tries = 0;
	claim->rechecked = 0;
	claim->spilled = 0;
	claim->lost = 0;
	claim->quota_met = 0;
	claim->mapping_met = 0;
	claim->taken_met = 0;
	claim->client_port = 0;
	claim->again = 0;
	claim->fast = 0;
	claim->packets = 0;
	claim->bytes = 0;
}

/* The remote endpoint; behind a DNAT rule its port on the wire is not the one that the client
 * names.
 */
static __always_inline void create_remote(struct claim *claim, __be32 addr, __be16 port,
					  __be16 wire_port)
{
	claim->key.rem_addr = addr;
	claim->key.rem_port = wire_port;
	claim->outbound_key.rem_addr = addr;
	claim->outbound_key.rem_port = port;
	claim->wire_port = wire_port;
	claim->row.orig_port = wire_port != port ? port : 0;
}

/* Counts the session or mapping to be: claim->verdict is NATGW_OK when it may be made. */
static __always_inline void create_account(struct claim *claim)
{
	struct natgw_gateway *gateway = policy_gateway(claim->gateway);

	claim->verdict = account_claim(claim->outbound_key.int_addr, claim->gateway,
				       claim->exclusive, claim->now);
	if (claim->verdict != NATGW_OK || claim->exclusive || !gateway) {
		return;
	}
	claim->verdict = create_limit(claim, gateway);
	if (claim->verdict != NATGW_OK) {
		create_uncount(claim);
	}
}

/* After the claim of a port: the other row, or the counts go back. */
__noinline __weak int create_pair(__u32 reference)
{
	struct claim *claim = claim_scratch();

	if (!claim) {
		return 0;
	}
	ports_settle(claim);
	if (claim->verdict != NATGW_OK) {
		create_uncount(claim);
		return 0;
	}
	create_outbound(claim, reference);
	claim->key.ext_addr = claim->row.addr;
	claim->key.ext_port = claim->row.port;
	return 0;
}

#endif
