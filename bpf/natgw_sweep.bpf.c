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
#include "remove.h"
#include "walk.h"

char LICENSE[] SEC("license") = "GPL";

const volatile struct natgw_table_size session_size = { .groups = 2 };

/* ---- what all rows of a stretch have in common ---- */

struct sweep_pass {
	__u32 first; /* slot */
	__u32 now;   /* ticks */
	__u32 copy;  /* of port_use and destination_use, the one that is being made */
	__u32 generation;
};

/* What an address of sessions is, for one generation: asked for once, not by every row. */
struct sweep_eip {
	__be32 addr;
	__u32 generation;
	__u32 eip; /* index */
	__u32 drain_until;
	__u8 is_eip;
	__u8 draining;
	__u8 reserved[2];
};

#define SWEEP_EIPS 1024

MAP(BPF_MAP_TYPE_ARRAY, __u32, struct sweep_eip, SWEEP_EIPS) sweep_eips SEC(".maps");

static __noinline int sweep_learn_eip(struct sweep_eip *row, __be32 addr, __u32 generation_number)
{
	struct natgw_address *address = policy_address(addr);

	if (!row) {
		return 0;
	}
	row->is_eip = address && address->kind == NATGW_ADDRESS_EIP;
	row->draining = row->is_eip && address->draining;
	row->eip = address ? address->eip : 0;
	row->drain_until = address ? address->drain_until : 0;
	row->addr = addr;
	row->generation = generation_number;
	return 0;
}

/* NULL: no EIP. */
static __always_inline const struct sweep_eip *sweep_eip(const struct sweep_pass *pass, __be32 addr)
{
	__u32 index = (byteorder_host32(addr) ^ byteorder_host32(addr) >> 10) & (SWEEP_EIPS - 1);
	struct sweep_eip *row = bpf_map_lookup_elem(&sweep_eips, &index);

	if (!row) {
		return row;
	}
	if (row->addr != addr || row->generation != pass->generation) {
		sweep_learn_eip(row, addr, pass->generation);
	}
	return row->is_eip ? row : (void *)0;
}

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

static __always_inline void sweep_count_held(const struct sweep_eip *eip,
					     const struct natgw_inbound_key *key, __u64 word)
{
	__u32 index = eip->eip * NATGW_PROTO_COUNT + packet_proto_index(key->proto);
	struct natgw_hold_count *row = bpf_map_lookup_elem(&hold, &index);
	__u32 why = walk_hold(word, key->proto);

	if (row && why < NATGW_HOLD_COUNT) {
		row->held[why]++;
	}
}

/* A hold-down of no time may have begun, and cleared the bit, just before it was learned. */
static __always_inline void sweep_unlearn(struct natgw_destination *set,
					  const struct natgw_inbound_key *key,
					  const struct natgw_session *row, __u64 word)
{
	if (session_read(row) != word &&
	    track_inbound_life(key, row, session_read(row), clock_now_fine()) == TRACK_FREE) {
		destination_remove(set, byteorder_host16(key->ext_port));
	}
}

/* A destination that has a set of its ports. */
static __noinline int sweep_mark_set(const struct natgw_inbound_key *key,
				     const struct natgw_session *row, __u64 word, __u32 life)
{
	struct natgw_gateway *gateway = policy_gateway(session_gateway(word));
	struct natgw_destination_key row_key;
	struct natgw_destination *set;

	if (!key || !row || !gateway) {
		return 0;
	}
	destination_key(key, session_gateway(word), &row_key);
	set = destination_find(&row_key);
	if (!set) {
		return 0;
	}
	if (life == TRACK_HELD) {
		set->held_now++;
	}
	if (life != TRACK_FREE) {
		destination_learn(set, gateway, key, track_free_at(row, word, key->proto));
		sweep_unlearn(set, key, row, word);
	}
	return 0;
}

/* Notes the port in the copy that this pass makes, and the session at its destination's counter. */
static __always_inline void sweep_mark(const struct sweep_pass *pass, const struct sweep_eip *eip,
				       const struct natgw_inbound_key *key,
				       const struct natgw_session *row, __u64 word,
				       enum track_life life)
{
	struct natgw_gateway *gateway = policy_gateway(session_gateway(word));
	struct natgw_destination_key row_key;
	__u32 *sessions, *current, hash;

	if (!eip || !gateway) {
		return;
	}
	destination_use_port(pass->copy, eip->eip, packet_proto_index(key->proto),
			     byteorder_host16(key->ext_port), gateway);
	if (life == TRACK_HELD) {
		sweep_count_held(eip, key, word);
	}
	destination_key(key, session_gateway(word), &row_key);
	hash = destination_hash(&row_key);
	sessions = destination_counter(pass->copy, hash);
	current = destination_counter(pass->copy ^ 1, hash);
	if (!sessions || !current) {
		return;
	}
	(*sessions)++;
	if (*current >= gateway->destination_threshold) {
		sweep_mark_set(key, row, word, life);
	}
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
static __always_inline bool sweep_is_drained(const struct sweep_eip *eip, __u64 word, __u32 now)
{
	return eip && eip->draining &&
	       (session_state(word) == NATGW_STATE_MAPPING || (__s32)(now - eip->drain_until) >= 0);
}

static __always_inline __u32 sweep_drain_cause(__u64 word)
{
	struct natgw_gateway *gateway = policy_gateway(session_gateway(word));

	return gateway && (gateway->state == NATGW_GATEWAY_DELETED ||
			   gateway->state == NATGW_GATEWAY_DELETING)
		       ? NATGW_CLOSE_GATEWAY_DELETED
		       : NATGW_CLOSE_DRAIN;
}

/* Nothing that the partner row could say would make the session live any longer. */
static __always_inline enum track_life sweep_life(const struct natgw_inbound_key *key,
						  const struct natgw_session *row, __u64 word,
						  __u32 now)
{
	const __u32 *timers = track_timers(word);
	__u32 timer = track_idle_timer(key->proto, word) & (NATGW_TIMER_SLOTS - 1);

	if (timers && session_state(word) != NATGW_STATE_HOLD &&
	    clock_since(now, row->last_seen) < timers[timer]) {
		return TRACK_LIVE;
	}
	return (enum track_life)track_inbound_life(key, row, word, now);
}

static __always_inline void sweep_row(const struct sweep_pass *pass,
				      const struct natgw_inbound_key *key,
				      struct natgw_session *row, __u64 word)
{
	const struct sweep_eip *eip = sweep_eip(pass, key->ext_addr);
	enum track_life life = sweep_life(key, row, word, pass->now);
	bool drained = sweep_is_drained(eip, word, pass->now);

	if (drained || (life == TRACK_FREE && sweep_is_due(key, row, word, pass->now))) {
		remove_session(key, row, word,
			       drained && life == TRACK_LIVE ? sweep_drain_cause(word)
							     : account_close_cause(word),
			       pass->now);
		return;
	}
	if (life != TRACK_FREE) {
		sweep_count_active(key, word, life);
	}
	sweep_mark(pass, eip, key, row, word, life);
}

/* One slot; a callback of bpf_loop. */
static long sweep_slot(__u32 i, const struct sweep_pass *pass)
{
	struct natgw_inbound_key key;
	struct natgw_session *row;
	struct natgw_sweep *stats;
	__u32 zero = 0;
	__u64 word;

	row = walk_read(pass->first + i, &key, &word);
	if (!row || session_state(word) == NATGW_STATE_NEW) {
		return 0;
	}
	stats = bpf_map_lookup_elem(&sweep_stats, &zero);
	if (stats) {
		stats->rows++;
	}
	sweep_row(pass, &key, row, word);
	return 0;
}

static __always_inline __u64 sweep_removed(void)
{
	__u32 zero = 0;
	struct natgw_sweep *stats = bpf_map_lookup_elem(&sweep_stats, &zero);

	return stats ? stats->removed : 0;
}

/*
 * While sessions are logged a stretch that has lost some writes as many bytes as it has slots: so
 * the reader comes back after some thousand, and can read their records before the ring is full.
 */
SEC("iter/bpf_map_elem")
int natgw_sweep(struct bpf_iter__bpf_map_elem *ctx)
{
	struct natgw_generation *current = packet_generation();
	struct sweep_pass pass = { .first = walk_stretch(ctx) };
	const __u8 mark[NATGW_TABLE_STRIDE] = {};
	__u64 removed = sweep_removed();

	if (current && pass.first != NATGW_TABLE_NONE) {
		pass.now = clock_now_fine();
		pass.copy = destination_phase() ^ 1;
		pass.generation = NATGW_TABLE_READ(&current->nexthop);
		bpf_loop(NATGW_TABLE_STRIDE, sweep_slot, &pass, 0);
		if (log_is_on() && sweep_removed() != removed) {
			bpf_seq_write(ctx->meta->seq, mark, sizeof(mark));
		}
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
	sessions = destination_counter(destination_phase(), destination_hash(&key));
	if (!sessions) {
		return 0;
	}
	if (*sessions >= gateway->destination_threshold) {
		/* From here on sweep_mark tells the set of every row that it meets. */
		if (row->passed) {
			row->walked = NATGW_PORTS;
		}
		row->passed = 1;
		return 0;
	}
	row->passed = 0;
	/* Well below the threshold, or it would come and go. */
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
