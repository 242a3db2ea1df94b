// SPDX-License-Identifier: GPL-2.0-only
/*
 * Iterators; reading a pinned one runs it once over all rows of its table. Those of the sessions go
 * by map "walk": a row of it stands for a stretch of slots.
 *
 * - natgw_sweep removes what is free, by the data path's own rules, counts what is active, and
 * notes every port in the copy of "port_use" and "destination_use" that is not current.
 * - natgw_sweep_dst, natgw_sweep_cli and natgw_sweep_frg tidy up "destinations", "clients" and
 *   "fragments" after it.
 */
#include "maps.h"

#include <bpf/bpf_tracing.h>

#include "fragment_table.h"
#include "walk.h"

char LICENSE[] SEC("license") = "GPL";

const volatile struct natgw_table_size session_size = { .groups = 2 };

/* ---- one row ---- */

static __always_inline void sweep_count_active(const struct natgw_inbound_key *key, __u64 word,
					       enum track_life life)
{
	__u32 gateway = session_gateway(word), index = packet_proto_index(key->proto);
	struct natgw_active *row = bpf_map_lookup_elem(&active, &gateway);

	if (!row || session_state(word) == NATGW_STATE_MAPPING) {
		return;
	}
	if (life == TRACK_HELD) {
		row->held[index]++;
	} else if (session_state(word) == NATGW_STATE_ESTABLISHED) {
		row->established[index]++;
	} else {
		row->opening[index]++;
	}
}

static __always_inline void sweep_count_held(const struct natgw_address *address,
					     const struct natgw_inbound_key *key, __u64 word)
{
	__u32 index = address->eip * NATGW_PROTO_COUNT + packet_proto_index(key->proto);
	struct natgw_hold_count *row = bpf_map_lookup_elem(&hold, &index);
	__u32 why = walk_hold(word, key->proto);

	if (row && why < NATGW_HOLD_COUNT) {
		row->held[why]++;
	}
}

/* A hold-down of no time may have begun, and cleared the bit, just before it was learned. */
static __always_inline void sweep_unlearn(struct natgw_destination *set,
					  const struct natgw_inbound_key *key)
{
	__u64 word;
	struct natgw_session *row = session_find_inbound(key, &word);

	if (row && track_inbound_life(key, row, word, clock_now_fine()) == TRACK_FREE) {
		destination_remove(set, byteorder_host16(key->ext_port));
	}
}

/* The destination's counter, and its set of ports where it has one. */
static __always_inline void sweep_mark_destination(const struct natgw_inbound_key *key, __u64 word,
						   const struct natgw_gateway *gateway,
						   enum track_life life, __u32 at)
{
	__u32 copy = destination_phase() ^ 1;
	struct natgw_destination_key row_key;
	struct natgw_destination *row;
	__u32 *sessions, *current, hash;

	destination_key(key, session_gateway(word), &row_key);
	hash = destination_hash(&row_key);
	sessions = destination_counter(copy, hash);
	current = destination_counter(copy ^ 1, hash);
	if (!sessions || !current) {
		return;
	}
	(*sessions)++;
	if (*current < gateway->destination_threshold) {
		return;
	}
	row = destination_find(&row_key);
	if (!row) {
		return;
	}
	if (life == TRACK_HELD) {
		row->held_now++;
	}
	if (life != TRACK_FREE) {
		destination_learn(row, gateway, key, at);
		sweep_unlearn(row, key);
	}
}

/* Notes the port in the copy that this pass makes. */
static __always_inline void sweep_mark(const struct natgw_inbound_key *key, __u64 word,
				       enum track_life life, __u32 at)
{
	struct natgw_address *address = policy_address(key->ext_addr);
	struct natgw_gateway *gateway = policy_gateway(session_gateway(word));
	__u32 copy = destination_phase() ^ 1;

	if (!address || !gateway || address->kind != NATGW_ADDRESS_EIP) {
		return;
	}
	destination_use_port(copy, address->eip, packet_proto_index(key->proto),
			     byteorder_host16(key->ext_port), gateway);
	if (life == TRACK_HELD) {
		sweep_count_held(address, key, word);
	}
	sweep_mark_destination(key, word, gateway, life, at);
}

/*
 * Free, and for so long that no packet on its way counts on the row. Where external senders are
 * told that a session is over, its row is remembered for that.
 */
static __always_inline bool sweep_is_due(const struct natgw_inbound_key *key,
					 const struct natgw_session *row, __u64 word, __u32 now)
{
	struct natgw_gateway *gateway = policy_gateway(session_gateway(word));
	const __u32 *timers = track_timers(word);
	__u32 grace = NATGW_SWEEP_GRACE;

	if (gateway && timers && gateway->no_session == NATGW_NO_SESSION_RST_BOTH &&
	    key->proto == IPPROTO_TCP && session_state(word) == NATGW_STATE_ESTABLISHED) {
		grace += timers[NATGW_TIMER_HOLD_FIN];
	}
	return clock_since(now, row->last_seen) >= grace &&
	       track_inbound_life(key, row, word, now - grace) == TRACK_FREE;
}

/* The EIP was taken out of the config, and its time to drain is over; mappings end at once. */
static __always_inline bool sweep_is_drained(const struct natgw_inbound_key *key, __u64 word,
					     __u32 now)
{
	struct natgw_address *address = policy_address(key->ext_addr);

	if (!address || address->kind != NATGW_ADDRESS_EIP || !address->draining) {
		return false;
	}
	return session_state(word) == NATGW_STATE_MAPPING ||
	       (__s32)(now - address->drain_until) >= 0;
}

static __always_inline __u32 sweep_drain_cause(__u64 word)
{
	struct natgw_gateway *gateway = policy_gateway(session_gateway(word));

	return gateway && gateway->state == NATGW_GATEWAY_DELETED ? NATGW_CLOSE_GATEWAY_DELETED
								  : NATGW_CLOSE_DRAIN;
}

static __always_inline void sweep_row(const struct natgw_inbound_key *key,
				      struct natgw_session *row, __u64 word,
				      struct natgw_sweep *stats, __u32 now)
{
	enum track_life life = track_inbound_life(key, row, word, now);
	bool drained = sweep_is_drained(key, word, now);
	const __u32 *timers = track_timers(word);
	__be32 client = row->addr;

	if (!drained && !(life == TRACK_FREE && sweep_is_due(key, row, word, now))) {
		if (life != TRACK_FREE) {
			sweep_count_active(key, word, life);
		}
		sweep_mark(key, word, life, track_free_at(row, word, key->proto));
		return;
	}
	if (!session_remove(key, row, word)) {
		stats->lost++;
		return;
	}
	stats->removed++;
	account_closed(word, key->proto,
		       drained && life == TRACK_LIVE ? sweep_drain_cause(word)
						     : account_close_cause(word));
	/* After a hold of no time the port was given back before. */
	account_release(key, client, word, !timers || !track_is_over(timers, key->proto, word),
			now);
}

/* One slot; a callback of bpf_loop. */
static long sweep_slot(__u32 i, const __u32 *first)
{
	struct natgw_inbound_key key;
	struct natgw_session *row;
	struct natgw_sweep *stats;
	__u32 zero = 0;
	__u64 word;

	if (!walk_read(*first + i, &key, &word) || session_state(word) == NATGW_STATE_NEW) {
		return 0;
	}
	stats = bpf_map_lookup_elem(&sweep_stats, &zero);
	row = session_find_inbound(&key, &word);
	if (!stats || !row || session_state(word) == NATGW_STATE_NEW) {
		return 0;
	}
	stats->rows++;
	sweep_row(&key, row, word, stats, clock_now_fine());
	return 0;
}

SEC("iter/bpf_map_elem")
int natgw_sweep(struct bpf_iter__bpf_map_elem *ctx)
{
	__u32 first = walk_stretch(ctx);

	if (first != NATGW_TABLE_NONE) {
		bpf_loop(NATGW_TABLE_STRIDE, sweep_slot, &first, 0);
	}
	return 0;
}

/* ---- who uses the ports ---- */

/* After natgw_sweep: publishes what it counted; a destination with few sessions loses its set. */
SEC("iter/bpf_map_elem")
int natgw_sweep_dst(struct bpf_iter__bpf_map_elem *ctx)
{
	__u32 *sessions;
	const struct natgw_destination_key *from = ctx->key;
	struct natgw_destination_key key;
	struct natgw_destination *row;
	struct natgw_gateway *gateway;

	if (!from || !ctx->value) {
		return 0;
	}
	key = *from;
	row = destination_find(&key);
	gateway = policy_gateway(key.gateway);
	if (!row || !gateway) {
		return 0;
	}
	row->held = row->held_now;
	row->held_now = 0;
	/* Well below the threshold, or it would come and go. */
	sessions = destination_counter(destination_phase(), destination_hash(&key));
	if (!sessions || *sessions >= gateway->destination_threshold) {
		return 0;
	}
	if ((__s32)row->count <= 0 || row->count < gateway->destination_threshold / 4) {
		bpf_map_delete_elem(&destinations, &key);
	}
	return 0;
}

/* Clients without sessions are forgotten after a while. */
SEC("iter/bpf_map_elem")
int natgw_sweep_cli(struct bpf_iter__bpf_map_elem *ctx)
{
	const struct natgw_client_key *from = ctx->key;
	struct natgw_gateway_use *use;
	struct natgw_client_key key;
	struct natgw_client *row;

	if (!from || !ctx->value) {
		return 0;
	}
	key = *from;
	row = bpf_map_lookup_elem(&clients, &key);
	if (!row || row->sessions ||
	    clock_since(clock_now_fine(), row->last_used) < NATGW_CLIENT_MEMORY ||
	    __sync_val_compare_and_swap(&row->sessions, 0, NATGW_COUNT_DEAD) != 0) {
		return 0;
	}
	bpf_map_delete_elem(&clients, &key);
	use = account_gateway(key.gateway);
	if (use) {
		__sync_fetch_and_add(&use->clients, -1);
	}
	return 0;
}

/* Datagrams whose last fragment never came. A row that is begun anew at this moment may be lost:
 * its datagram's other fragments are then dropped as those without a first. */
SEC("iter/bpf_map_elem")
int natgw_sweep_frg(struct bpf_iter__bpf_map_elem *ctx)
{
	const struct natgw_fragment_key *from = ctx->key;
	struct natgw_fragment_key key;
	struct natgw_fragment *row;

	if (!from || !ctx->value) {
		return 0;
	}
	key = *from;
	row = bpf_map_lookup_elem(&fragments, &key);
	if (row && clock_since(clock_now_fine(), row->since) >= NATGW_FRAGMENT_LIFE) {
		fragment_delete(&key);
	}
	return 0;
}
