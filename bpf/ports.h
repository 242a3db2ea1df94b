/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * Which EIP and which external port a new session gets. The insert of the inbound row is the claim:
 * two CPUs that choose the same port for the same remote endpoint learn there who has it.
 *
 * EIP: by the client's address (RFC 4787 REQ-2, paired) or at random; the next one when it has no
 * port for this destination. Port: one that no session uses, at random over the whole range (RFC
 * 6056); when all are in use one that is free for this destination; else it is full. Where a
 * destination has few sessions a few random tries find one, then its set of ports does
 * (destination.h), to the last one. A row whose hold-down is over is taken over in place.
 */
#ifndef NATGW_BPF_PORTS_H
#define NATGW_BPF_PORTS_H

#include "log.h"
#include "ports_set.h"

/* Searches, while one has met a port that was just about to be free. */
#define PORTS_ROUNDS 6
/* A range of up to so many ports is looked through one by one where there is no room for a set. */
#define PORTS_EACH_MAX 1024

/* ---- a destination with few sessions ---- */

/* One try; a callback of bpf_loop: 1 ends the search. */
static long ports_try_few(__u32 attempt, void *context)
{
	struct claim *claim = claim_scratch();
	struct natgw_gateway *gateway;
	__u32 port = 0;

	(void)context;
	gateway = claim ? policy_gateway(claim->gateway) : (void *)0;
	if (!gateway || !gateway->port_count) {
		return 1;
	}
	if (attempt < PORTS_UNUSED_TRIES || claim->exclusive) {
		port = ports_pick_unused(claim, gateway);
	}
	if (!port) {
		if (claim->exclusive) {
			return 1;
		}
		port = gateway->port_count <= NATGW_SMALL_RANGE
			       ? ports_nth(claim, gateway, attempt)
			       : gateway->port_first + bpf_get_prandom_u32() % gateway->port_count;
	}
	return ports_is_barred(port) == PORTS_BAR_NONE && ports_try(port) != 0;
}

/* Every port of the range, one by one: only where there was no room for a set. */
static long ports_try_each(__u32 attempt, void *context)
{
	struct claim *claim = claim_scratch();
	struct natgw_gateway *gateway;
	__u32 port;

	(void)context;
	gateway = claim ? policy_gateway(claim->gateway) : (void *)0;
	if (!gateway || !gateway->port_count) {
		return 1;
	}
	port = ports_nth(claim, gateway, attempt);
	return ports_is_barred(port) == PORTS_BAR_NONE && ports_try(port) != 0;
}

static __always_inline void ports_few(const struct claim *claim,
				      const struct natgw_gateway *gateway)
{
	bool small = gateway->port_count <= NATGW_SMALL_RANGE;
	__u32 tries = small ? PORTS_UNUSED_TRIES + gateway->port_count : NATGW_CLAIM_TRIES;

	/* Of a small range most ports may be reserved, and those are drawn as well. */
	bpf_loop(small && claim->exclusive ? NATGW_BITMAP_TRIES : tries, ports_try_few, (void *)0,
		 0);
}

/* Counts the ports that are not free, up to the limit. */
static long ports_count_each(__u32 attempt, void *context)
{
	struct claim *claim = claim_scratch();
	struct natgw_gateway *gateway;
	struct natgw_session *row;
	__u64 word;

	(void)context;
	gateway = claim ? policy_gateway(claim->gateway) : (void *)0;
	if (!gateway || !gateway->port_count) {
		return 1;
	}
	claim->key.ext_port = byteorder_wire16((__u16)ports_nth(claim, gateway, attempt));
	row = session_find_inbound(&claim->key, &word);
	if (row && track_inbound_life(&claim->key, row, word, claim->now) != TRACK_FREE) {
		claim->counted++;
	}
	return claim->counted >= gateway->destination_ports;
}

/*
 * There is no room for a set. A small range is looked through; in a large one the destination's
 * counter, which may be too high but not too low, stands for the number of its sessions.
 */
static __always_inline void ports_each(struct claim *claim, const struct natgw_gateway *gateway)
{
	__u32 *sessions = destination_counter(claim->phase, claim->hash);
	bool small = gateway->port_count <= PORTS_EACH_MAX;

	claim->counted = sessions ? *sessions : 0;
	if (small) {
		claim->counted = 0;
		bpf_loop(gateway->port_count, ports_count_each, (void *)0, 0);
	}
	if (claim->counted >= claim->limit) {
		claim->quota_met = claim->counted < gateway->destination_ports;
		return;
	}
	bpf_loop(NATGW_CLAIM_TRIES, ports_try_few, (void *)0, 0);
	if (claim->verdict == NATGW_DROP_PORT_EXHAUSTED) {
		bpf_loop(small ? gateway->port_count : PORTS_EACH_MAX, ports_try_each, (void *)0,
			 0);
	}
}

/* ---- one EIP ---- */

/* Must ports be counted for this destination? Not where trying all of them is as good. */
static __always_inline bool ports_needs_set(const struct claim *claim,
					    const struct natgw_gateway *gateway)
{
	__u32 *sessions = destination_counter(claim->phase, claim->hash);

	if (claim->exclusive ||
	    (gateway->port_count <= NATGW_SMALL_RANGE && claim->limit >= gateway->port_count)) {
		return false;
	}
	return sessions && *sessions >= gateway->destination_threshold;
}

enum ports_way {
	PORTS_FEW,  /* sessions to the destination: any port is worth a try */
	PORTS_MANY, /* it has a set of ports */
	PORTS_EACH, /* it should have one, and there is no room: the ports are counted one by one */
};

/* The destination as seen from the EIP under claim->key. Returns enum ports_way. */
__noinline __weak int ports_begin(void)
{
	struct claim *claim = claim_scratch();
	struct natgw_gateway *gateway;

	gateway = claim ? policy_gateway(claim->gateway) : (void *)0;
	if (!gateway) {
		return PORTS_FEW;
	}
	claim->phase = destination_phase();
	destination_key(&claim->key, claim->gateway, &claim->destination);
	claim->hash = destination_hash(&claim->destination);
	if (!ports_needs_set(claim, gateway)) {
		return PORTS_FEW;
	}
	return destination_make(&claim->destination, gateway) ? PORTS_MANY : PORTS_EACH;
}

/* A claim has come true: notes it for the claims and the sweep to come. */
__noinline __weak int ports_note(__u32 counted)
{
	struct claim *claim = claim_scratch();
	struct natgw_destination *set;
	struct natgw_gateway *gateway;
	__u32 port;

	gateway = claim ? policy_gateway(claim->gateway) : (void *)0;
	if (!gateway) {
		return 0;
	}
	port = byteorder_host16(claim->key.ext_port);
	for (__u32 copy = 0; copy < 2; copy++) {
		__u32 *sessions = destination_counter(copy, claim->hash);

		destination_use_port(copy, claim->eip, claim->proto, port, gateway);
		if (sessions) {
			__sync_fetch_and_add(sessions, 1);
		}
	}
	if (!counted && !claim->exclusive) {
		/* Somebody may have made a set since this claim looked for one. */
		set = destination_find(&claim->destination);
		if (set) {
			ports_learn(claim, set, gateway);
		}
	}
	return 0;
}

/*
 * Few tries have met reserved ports and no free one: where most ports are reserved they are passed
 * over one by one, or with the help of a set. Returns the set, or NULL.
 */
static __always_inline struct natgw_destination *ports_barred(struct claim *claim,
							      const struct natgw_gateway *gateway)
{
	struct natgw_destination *set;

	if (claim->exclusive) {
		bpf_loop(NATGW_BITMAP_TRIES, ports_try_few, (void *)0, 0);
		return (void *)0;
	}
	set = destination_make(&claim->destination, gateway);
	if (set) {
		ports_many(claim, set, gateway);
	} else {
		bpf_loop(gateway->port_count, ports_try_each, (void *)0, 0);
	}
	return set;
}

/* Looks for a port of the EIP under claim->key. */
__noinline __weak int ports_claim_eip(void)
{
	struct claim *claim = claim_scratch();
	struct natgw_destination *set = (void *)0;
	struct natgw_gateway *gateway;
	int way;

	gateway = claim ? policy_gateway(claim->gateway) : (void *)0;
	if (!gateway || !gateway->port_count) {
		return 0;
	}
	way = ports_begin();
	if (way == PORTS_MANY) {
		set = destination_find(&claim->destination);
	}
	claim->again = 0;
	claim->barred_met = 0;
	claim->first_port = bpf_get_prandom_u32() % gateway->port_count;
	if (set) {
		ports_many(claim, set, gateway);
	} else if (way == PORTS_EACH) {
		ports_each(claim, gateway);
	} else {
		ports_few(claim, gateway);
		if (claim->verdict == NATGW_DROP_PORT_EXHAUSTED && claim->barred_met &&
		    gateway->port_count > NATGW_SMALL_RANGE) {
			set = ports_barred(claim, gateway);
		}
	}
	if (claim->verdict == NATGW_OK) {
		ports_note(!!set);
	}
	return 0;
}

/*
 * One EIP of the gateway's pool, several times while that promises more; a callback of bpf_loop: 1
 * ends the search.
 */
static long ports_try_eip(__u32 i, void *context)
{
	struct claim *claim = claim_scratch();
	struct natgw_pool_row *eip;
	__u32 index;

	(void)context;
	if (!claim || !claim->pool_count) {
		return 1;
	}
	if (i % PORTS_ROUNDS && !claim->again) {
		return 0;
	}
	i /= PORTS_ROUNDS;
	index = claim->gateway * NATGW_POOL_ROWS_PER_GATEWAY + claim->pool_first +
		(claim->client_hash + i) % claim->pool_count;
	eip = bpf_map_lookup_elem(&pool, &index);
	if (!eip) {
		return 1;
	}
	claim->spilled = i;
	claim->key.ext_addr = eip->addr;
	claim->eip = eip->eip;
	if (!i) {
		claim->own_eip = eip->addr;
	}
	ports_claim_eip();
	return claim->verdict != NATGW_DROP_PORT_EXHAUSTED;
}

/*
 * Claims an external endpoint for claim->key's remote endpoint. claim->verdict is NATGW_OK and the
 * inbound row stands, open, under claim->key; or it says why not, and nothing has changed. Then
 * ports_settle.
 */
static __always_inline void ports_claim(struct claim *claim)
{
	claim->verdict = NATGW_DROP_PORT_EXHAUSTED;
	bpf_loop(claim->pool_count * PORTS_ROUNDS, ports_try_eip, (void *)0, 0);
}

/* There is no other port to try: again while another CPU, interrupted maybe, is at this one. */
static long ports_try_given(__u32 round, void *context)
{
	struct claim *claim = claim_scratch();

	(void)round;
	(void)context;
	if (!claim) {
		return 1;
	}
	claim->again = 0;
	ports_try(byteorder_host16(claim->key.ext_port));
	return !claim->again;
}

/* The same where the external endpoint is given: claim->key has it, claim->eip is its index. */
__noinline __weak int ports_claim_mapped(void)
{
	struct claim *claim = claim_scratch();

	if (!claim) {
		return 0;
	}
	claim->verdict = NATGW_DROP_EIM_CONFLICT;
	ports_begin();
	bpf_loop(NATGW_INSERT_ROUNDS, ports_try_given, (void *)0, 0);
	if (claim->verdict == NATGW_OK) {
		ports_note(0);
	}
	return 0;
}

/* ---- after the search ---- */

static __always_inline void ports_count_tries(const struct claim *claim)
{
	struct natgw_traffic *counters = account_traffic(claim->gateway);
	__u32 bucket = 0, proto = claim->proto;

	if (!counters || proto >= NATGW_PROTO_COUNT) {
		return;
	}
	for (__u32 most = 1; bucket < NATGW_PROBE_BUCKETS - 1; bucket++, most *= 2) {
		if (claim->tries <= most) {
			break;
		}
	}
	counters->probes[proto][bucket & (NATGW_PROBE_BUCKETS - 1)]++;
	if (claim->spilled && claim->verdict == NATGW_OK) {
		counters->spilled++;
	}
	if (claim->old_word) {
		counters->taken_over++;
	}
	counters->rechecks += claim->rechecked;
}

/* Books of a search that is over: how long it was, who was taken over, what a refusal is called. */
static __always_inline void ports_settle(struct claim *claim)
{
	__u64 word = claim->old_word;
	__u8 proto = claim->key.proto;

	ports_count_tries(claim);
	if (word) {
		account_closed(word, proto, account_close_cause(word));
		account_add_bytes(claim->old_key.int_addr, session_gateway(word),
				  claim->old_books.bytes[NATGW_OUTBOUND],
				  claim->old_books.bytes[NATGW_INBOUND]);
		if (log_is_on()) {
			log_closed(&claim->old_key, &claim->key, word, &claim->old_books,
				   account_close_cause(word));
		}
		account_release(&claim->key, claim->old_key.int_addr, word, 0, claim->now);
	}
	if (claim->verdict != NATGW_DROP_PORT_EXHAUSTED) {
		return;
	}
	if (claim->quota_met) {
		claim->verdict = NATGW_DROP_PORT_QUOTA;
	} else if (claim->exclusive || (claim->mapping_met && !claim->taken_met)) {
		/* No port that no session uses; or none but those of mappings. */
		claim->verdict = NATGW_DROP_EIM_CONFLICT;
	}
}

#endif
