/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * Who has how many sessions: clients, gateways, clients towards one destination. Every claim is
 * counted once and every removal once, by the CPU that made it; held sessions count, since they
 * take room and ports. What a quota refuses is counted by its own reason.
 */
#ifndef NATGW_BPF_ACCOUNT_H
#define NATGW_BPF_ACCOUNT_H

#include "clock.h"
#include "destination.h"

/* Rounds to get a count that is not being removed. */
#define ACCOUNT_ROUNDS 4

static __always_inline struct natgw_traffic *account_traffic(__u32 gateway)
{
	return bpf_map_lookup_elem(&traffic, &gateway);
}

static __always_inline struct natgw_gateway_use *account_gateway(__u32 gateway)
{
	return bpf_map_lookup_elem(&gateway_use, &gateway);
}

static __always_inline struct natgw_client *account_client(__be32 addr, __u32 gateway)
{
	struct natgw_client_key key = { .addr = addr, .gateway = gateway };

	return bpf_map_lookup_elem(&clients, &key);
}

_Static_assert(sizeof(struct natgw_client) <= sizeof(struct natgw_destination), "zeros");

static __always_inline void account_make_client(const struct natgw_client_key *key)
{
	struct natgw_gateway_use *use = account_gateway(key->gateway);
	__u32 zero = 0;
	void *empty = bpf_map_lookup_elem(&zeros, &zero);

	if (empty && use && !bpf_map_update_elem(&clients, key, empty, BPF_NOEXIST)) {
		__sync_fetch_and_add(&use->clients, 1);
	}
}

/* One more session of this client; NULL: no room for another client. */
static __always_inline struct natgw_client *account_add_client(const struct natgw_client_key *key,
							       __u32 *ret_before)
{
	for (int i = 0; i < ACCOUNT_ROUNDS; i++) {
		struct natgw_client *row = bpf_map_lookup_elem(&clients, key);

		if (!row) {
			account_make_client(key);
			row = bpf_map_lookup_elem(&clients, key);
		}
		if (!row) {
			continue;
		}
		/* A row that is being removed is not worth the subtraction: its element may be
		 * another client's by then. */
		*ret_before = __sync_fetch_and_add(&row->sessions, 1);
		if (!(*ret_before & NATGW_COUNT_DEAD)) {
			return row;
		}
	}
	return (void *)0;
}

/*
 * Counts a session to be (mapping: 1: an endpoint-independent mapping, which is no connection).
 * Returns enum natgw_verdict; anything but NATGW_OK: nothing is counted.
 */
__noinline __weak int account_claim(__be32 addr, __u32 index, __u32 mapping, __u32 now)
{
	struct natgw_client_key key = { .addr = addr, .gateway = index };
	struct natgw_gateway_use *use;
	struct natgw_gateway *gateway;
	struct natgw_client *client;
	__u32 before, opening;

	use = account_gateway(index);
	gateway = policy_gateway(index);
	if (!use || !gateway) {
		return NATGW_DROP_INTERNAL;
	}
	before = __sync_fetch_and_add(&use->sessions, 1);
	if (gateway->sessions_max && before >= gateway->sessions_max) {
		__sync_fetch_and_add(&use->sessions, -1);
		return NATGW_DROP_GATEWAY_QUOTA;
	}
	client = account_add_client(&key, &before);
	if (!client) {
		__sync_fetch_and_add(&use->sessions, -1);
		return NATGW_DROP_SESSION_TABLE_FULL;
	}
	client->last_used = now;
	if (gateway->client_sessions_max && before >= gateway->client_sessions_max) {
		__sync_fetch_and_add(&client->sessions, -1);
		__sync_fetch_and_add(&use->sessions, -1);
		return NATGW_DROP_CLIENT_QUOTA;
	}
	if (mapping) {
		__sync_fetch_and_add(&use->mappings, 1);
		return NATGW_OK;
	}
	opening = __sync_fetch_and_add(&client->opening, 1);
	if (gateway->client_opening_max && opening >= gateway->client_opening_max) {
		__sync_fetch_and_add(&client->opening, -1);
		__sync_fetch_and_add(&client->sessions, -1);
		__sync_fetch_and_add(&use->sessions, -1);
		return NATGW_DROP_HALF_OPEN_QUOTA;
	}
	return NATGW_OK;
}

/* Takes back what account_claim counted; word: state and gateway of the row that went away. */
static __always_inline void account_give_back(__be32 addr, __u64 word, __u32 now)
{
	struct natgw_gateway_use *use = account_gateway(session_gateway(word));
	struct natgw_client *client = account_client(addr, session_gateway(word));

	if (client) {
		client->last_used = now;
		if (session_state(word) == NATGW_STATE_OPENING) {
			__sync_fetch_and_add(&client->opening, -1);
		}
		__sync_fetch_and_add(&client->sessions, -1);
	}
	if (use) {
		if (session_state(word) == NATGW_STATE_MAPPING) {
			__sync_fetch_and_add(&use->mappings, -1);
		}
		__sync_fetch_and_add(&use->sessions, -1);
	}
}

/* A session has entered or left state OPENING. */
static __always_inline void account_opening(__be32 addr, __u64 word, __u64 next)
{
	struct natgw_client *client = account_client(addr, session_gateway(word));

	if (client) {
		__sync_fetch_and_add(&client->opening,
				     session_state(next) == NATGW_STATE_OPENING ? 1 : -1);
	}
}

/* ---- clients towards one destination ---- */

static __always_inline void account_client_port_key(const struct natgw_inbound_key *key,
						    __be32 client, __u32 gateway,
						    struct natgw_client_port_key *ret_key)
{
	ret_key->client = client;
	ret_key->rem_addr = key->rem_addr;
	ret_key->rem_port = key->rem_port;
	ret_key->proto = key->proto;
	ret_key->gateway = (__u8)gateway;
}

/* One more session of the client to this destination: 0 and the number before, or -1: no room. */
static __always_inline int account_add_client_port(const struct natgw_client_port_key *key,
						   __u32 *ret_before)
{
	const __u32 none = 0;

	for (int i = 0; i < ACCOUNT_ROUNDS; i++) {
		__u32 *count = bpf_map_lookup_elem(&client_ports, key);

		if (!count) {
			bpf_map_update_elem(&client_ports, key, &none, BPF_NOEXIST);
			count = bpf_map_lookup_elem(&client_ports, key);
		}
		if (!count) {
			continue;
		}
		*ret_before = __sync_fetch_and_add(count, 1);
		if (!(*ret_before & NATGW_COUNT_DEAD)) {
			return 0;
		}
	}
	return -1;
}

/* One less; whoever takes the last one away removes the row. */
static __always_inline void account_remove_client_port(const struct natgw_client_port_key *key)
{
	__u32 *count = bpf_map_lookup_elem(&client_ports, key);

	if (count && __sync_fetch_and_add(count, -1) == 1 &&
	    __sync_val_compare_and_swap(count, 0, NATGW_COUNT_DEAD) == 0) {
		bpf_map_delete_elem(&client_ports, key);
	}
}

/* ---- the end of a session ---- */

/* What its rows have counted. */
struct account_books {
	__u64 packets[2]; /* NATGW_OUTBOUND, NATGW_INBOUND */
	__u64 bytes[2];
	__u32 idle; /* ticks since the last packet (in hold-down: since that began) */
	__u32 reserved;
};

/* Before the rows go. The outbound row may have gone before, when the client began anew, or may not
 * be there yet: 0. */
__noinline __weak int account_read(const struct natgw_inbound_key *key,
				   const struct natgw_session *row, __u64 word, __u32 now,
				   struct account_books *ret_books)
{
	struct natgw_outbound_key peer_key;
	struct natgw_session *peer;
	__u64 peer_word;
	__u32 idle;

	if (!key || !row || !ret_books) {
		return 0;
	}
	ret_books->packets[NATGW_INBOUND] = row->packets;
	ret_books->bytes[NATGW_INBOUND] = row->bytes;
	ret_books->packets[NATGW_OUTBOUND] = 0;
	ret_books->bytes[NATGW_OUTBOUND] = 0;
	ret_books->idle = clock_since(now, row->last_seen);
	session_outbound_key(key, row, word, &peer_key);
	peer = session_find_outbound_of(&peer_key, session_generation(word), &peer_word);
	if (peer) {
		ret_books->packets[NATGW_OUTBOUND] = peer->packets;
		ret_books->bytes[NATGW_OUTBOUND] = peer->bytes;
		idle = clock_since(now, peer->last_seen);
		ret_books->idle = idle < ret_books->idle ? idle : ret_books->idle;
	}
	return !!peer;
}

/* Bytes of rows that are gone stay the client's. */
static __always_inline void account_add_bytes(__be32 addr, __u32 gateway, __u64 bytes_out,
					      __u64 bytes_in)
{
	struct natgw_client *client = account_client(addr, gateway);

	if (client) {
		__sync_fetch_and_add(&client->bytes[NATGW_OUTBOUND], bytes_out);
		__sync_fetch_and_add(&client->bytes[NATGW_INBOUND], bytes_in);
	}
}

static __always_inline __u32 account_close_cause(__u64 word)
{
	if (session_state(word) == NATGW_STATE_HOLD) {
		return session_seen(word) & NATGW_SEEN_RST ? NATGW_CLOSE_RST : NATGW_CLOSE_FIN;
	}
	/* Idle timeouts are those of established sessions (requirements.md D-1). */
	return session_state(word) == NATGW_STATE_OPENING ? NATGW_CLOSE_HALF_OPEN
							  : NATGW_CLOSE_IDLE;
}

static __always_inline void account_closed(__u64 word, __u8 proto, __u32 cause)
{
	struct natgw_traffic *counters = account_traffic(session_gateway(word));
	__u32 index = packet_proto_index(proto);

	if (!counters || session_state(word) == NATGW_STATE_MAPPING) {
		return;
	}
	if (cause < NATGW_CLOSE_CAUSE_COUNT) {
		/* Not alone: the sweep runs as a process, and packets interrupt it. */
		__sync_fetch_and_add(&counters->closed[index][cause], 1);
	}
}

static __always_inline void account_release_client_port(const struct natgw_inbound_key *key,
							__be32 client, __u32 gateway)
{
	struct natgw_client_port_key port_key;

	account_client_port_key(key, client, gateway, &port_key);
	account_remove_client_port(&port_key);
}

/*
 * An inbound row is nobody's any more: "word" is the one it had before, "client" its address.
 * port: its port goes back to the destination's set; not when another session has taken it over.
 */
__noinline __weak int account_release(const struct natgw_inbound_key *key, __be32 client,
				      __u64 word, __u32 port, __u32 now)
{
	if (!key) {
		return 0;
	}
	if (session_seen(word) & NATGW_SEEN_CLIENT_PORT) {
		account_release_client_port(key, client, session_gateway(word));
	}
	if (port) {
		destination_release(key, session_gateway(word));
	}
	account_give_back(client, word, now);
	return 0;
}

#endif
