// SPDX-License-Identifier: GPL-2.0-only
/*
 * Iterators; reading a pinned one runs it once over all rows of its table.
 *
 * - natgw_sweep removes what is free, by the data path's own rules, counts what is active, and
 * notes every port in the copy of "port_use" and "destination_use" that is not current.
 * - natgw_sweep_dst, natgw_sweep_cli and natgw_sweep_frg tidy up "destinations", "clients" and
 *   "fragments" after it.
 * - natgw_dests writes a struct natgw_destination_record for each row of "destinations".
 * - natgw_sessions prints one line of text for each session, for cat.
 * - natgw_dump writes a struct natgw_session_record for each session, for natgwd.
 */
#include "maps.h"

#include <bpf/bpf_tracing.h>

#include "fragment_table.h"
#include "track.h"

char LICENSE[] SEC("license") = "GPL";

/* The iterator's key and value are read-only copies to the verifier; work on the stack and on the
 * map. */
static __always_inline bool sweep_read(struct bpf_iter__bpf_map_elem *ctx,
				       struct natgw_inbound_key *key)
{
	const struct natgw_inbound_key *from = ctx->key;

	if (!from || !ctx->value) {
		return false;
	}
	*key = *from;
	return true;
}

/* ---- one row ---- */

/* enum natgw_hold: why this row holds its port. */
static __always_inline __u32 sweep_hold(__u64 word, __u8 proto)
{
	if (session_state(word) == NATGW_STATE_HOLD) {
		return session_seen(word) & NATGW_SEEN_RST ? NATGW_HOLD_RST : NATGW_HOLD_FIN;
	}
	if (proto == IPPROTO_UDP) {
		return NATGW_HOLD_UDP;
	}
	return proto == IPPROTO_TCP && session_state(word) == NATGW_STATE_OPENING
		       ? NATGW_HOLD_HALF_OPEN
		       : NATGW_HOLD_IDLE;
}

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
	__u32 why = sweep_hold(word, key->proto);

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

SEC("iter/bpf_map_elem")
int natgw_sweep(struct bpf_iter__bpf_map_elem *ctx)
{
	struct natgw_inbound_key key;
	struct natgw_session *row;
	struct natgw_sweep *stats;
	__u32 zero = 0;
	__u64 word;

	if (!sweep_read(ctx, &key)) {
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

SEC("iter/bpf_map_elem")
int natgw_dests(struct bpf_iter__bpf_map_elem *ctx)
{
	const struct natgw_destination_key *from = ctx->key;
	struct natgw_destination_record record = {};
	struct natgw_destination *row;
	struct natgw_gateway *gateway;

	if (!from || !ctx->value) {
		return 0;
	}
	record.key = *from;
	row = destination_find(&record.key);
	gateway = policy_gateway(record.key.gateway);
	if (!row || !gateway) {
		return 0;
	}
	record.count = row->count;
	record.held = row->held;
	record.limit = gateway->destination_ports;
	record.errors = row->errors;
	bpf_seq_write(ctx->meta->seq, &record, sizeof(record));
	return 0;
}

/* ---- for people and for natgwd ---- */

static __always_inline __u32 sweep_left(__u32 whole, __u32 gone)
{
	return gone < whole ? whole - gone : 0;
}

/* Timers and hold-down of the record, whose rows and "now" are filled in. */
static __always_inline void sweep_judge(struct natgw_session_record *record, enum track_life life)
{
	__u64 word = record->inbound.word;
	const __u32 *timers = track_timers(word);
	__u32 idle = clock_since(record->now, record->inbound.last_seen), timeout, hold_time;
	__u32 idle_out = clock_since(record->now, record->outbound.last_seen);

	if (!timers) {
		return;
	}
	if (record->outbound.word && idle_out < idle) {
		idle = idle_out;
	}
	timeout = timers[track_idle_timer(record->key.proto, word) & (NATGW_TIMER_SLOTS - 1)];
	hold_time = timers[track_hold_timer(record->key.proto, word) & (NATGW_TIMER_SLOTS - 1)];
	record->held = life == TRACK_HELD;
	record->timeout = record->held ? hold_time : timeout;
	record->hold = (__u8)sweep_hold(word, record->key.proto);
	if (record->held) {
		record->hold_left = sweep_left(
			session_state(word) == NATGW_STATE_HOLD ? hold_time : timeout + hold_time,
			idle);
	}
}

/* Both directions of a session; false when it is gone. */
static __always_inline bool sweep_record(const struct natgw_inbound_key *key,
					 struct natgw_session_record *record)
{
	__u64 word;
	struct natgw_session *row = session_find_inbound(key, &word), *peer;
	struct natgw_outbound_key peer_key;
	__u64 peer_word;

	if (!row) {
		return false;
	}
	record->key = *key;
	record->inbound = *row;
	record->inbound.word = word;
	record->now = clock_now_fine();
	session_outbound_key(key, &record->inbound, word, &peer_key);
	peer = session_find_outbound_of(&peer_key, session_generation(word), &peer_word);
	if (peer) {
		record->outbound = *peer;
	}
	sweep_judge(record, track_inbound_life(key, row, word, record->now));
	return true;
}

SEC("iter/bpf_map_elem")
int natgw_dump(struct bpf_iter__bpf_map_elem *ctx)
{
	struct natgw_session_record record = {};
	struct natgw_inbound_key key;

	if (sweep_read(ctx, &key) && sweep_record(&key, &record)) {
		bpf_seq_write(ctx->meta->seq, &record, sizeof(record));
	}
	return 0;
}

static __always_inline const char *sweep_state_name(__u32 state)
{
	switch (state) {
	case NATGW_STATE_NEW:
		return "NEW";
	case NATGW_STATE_OPENING:
		return "OPENING";
	case NATGW_STATE_ESTABLISHED:
		return "ESTABLISHED";
	case NATGW_STATE_HOLD:
		return "HOLD";
	case NATGW_STATE_MAPPING:
		return "MAPPING";
	default:
		return "NONE";
	}
}

static __always_inline const char *sweep_proto_name(__u8 proto)
{
	if (proto == IPPROTO_TCP) {
		return "tcp";
	}
	return proto == IPPROTO_UDP ? "udp" : "icmp";
}

/* Seconds until the session, or the hold of its port, is over. */
static __always_inline __u32 sweep_seconds_left(const struct natgw_session_record *record)
{
	__u32 idle = clock_since(record->now, record->inbound.last_seen);
	__u32 idle_out = clock_since(record->now, record->outbound.last_seen);

	if (record->held) {
		return record->hold_left / NATGW_TICKS_PER_SECOND;
	}
	if (record->outbound.word && idle_out < idle) {
		idle = idle_out;
	}
	return sweep_left(record->timeout, idle) / NATGW_TICKS_PER_SECOND;
}

/* The arguments of a print go into an array of numbers. */
#define SWEEP_POINTER(pointer) ((unsigned long)(pointer))

/*
 * In the manner of /proc/net/nf_conntrack: protocol, number, seconds left, state, gateway, then the
 * packet that the client sends and the packet that it gets, as they are outside natgw.
 */
SEC("iter/bpf_map_elem")
int natgw_sessions(struct bpf_iter__bpf_map_elem *ctx)
{
	struct natgw_session_record record = {};
	struct seq_file *seq = ctx->meta->seq;
	struct natgw_inbound_key key;
	__u16 orig_port;

	if (!sweep_read(ctx, &key) || !sweep_record(&key, &record)) {
		return 0;
	}
	orig_port = byteorder_host16(record.inbound.orig_port ? record.inbound.orig_port
							      : key.rem_port);
	BPF_SEQ_PRINTF(
		seq, "%s %u %u %s gateway=%u ", SWEEP_POINTER(sweep_proto_name(key.proto)),
		key.proto, sweep_seconds_left(&record),
		SWEEP_POINTER(record.held ? "HOLD"
					  : sweep_state_name(session_state(record.inbound.word))),
		session_gateway(record.inbound.word));
	BPF_SEQ_PRINTF(seq, "src=%pI4 dst=%pI4 sport=%u dport=%u packets=%llu bytes=%llu ",
		       SWEEP_POINTER(&record.inbound.addr), SWEEP_POINTER(&key.rem_addr),
		       byteorder_host16(record.inbound.port), orig_port, record.outbound.packets,
		       record.outbound.bytes);
	BPF_SEQ_PRINTF(seq, "src=%pI4 dst=%pI4 sport=%u dport=%u packets=%llu bytes=%llu\n",
		       SWEEP_POINTER(&key.rem_addr), SWEEP_POINTER(&key.ext_addr),
		       byteorder_host16(key.rem_port), byteorder_host16(key.ext_port),
		       record.inbound.packets, record.inbound.bytes);
	return 0;
}
