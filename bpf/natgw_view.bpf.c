// SPDX-License-Identifier: GPL-2.0-only
/*
 * Iterators that show what there is; reading a pinned one runs it once over its table.
 *
 * - natgw_dests writes a struct natgw_destination_record for each row of "destinations".
 * - natgw_sessions prints one line of text for each session, for cat.
 * - natgw_dump writes a struct natgw_session_record for each session, for natgwd.
 */
#include "maps.h"

#include <bpf/bpf_tracing.h>

#include "walk.h"

char LICENSE[] SEC("license") = "GPL";

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

/* ---- sessions ---- */

static __always_inline __u32 view_left(__u32 whole, __u32 gone)
{
	return gone < whole ? whole - gone : 0;
}

/* Timers and hold-down of the record, whose rows and "now" are filled in. */
static __always_inline void view_judge(struct natgw_session_record *record, enum track_life life)
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
	/* A hold that is over has not the time of the state before it. */
	record->timeout =
		record->held || session_state(word) == NATGW_STATE_HOLD ? hold_time : timeout;
	record->hold = (__u8)walk_hold(word, record->key.proto);
	if (record->held) {
		record->hold_left = view_left(
			session_state(word) == NATGW_STATE_HOLD ? hold_time : timeout + hold_time,
			idle);
	}
}

/* Both directions of the session in a slot; false: there is none. */
static __always_inline bool view_record(__u32 index, struct natgw_session_record *record)
{
	struct natgw_session *row, *peer;
	struct natgw_outbound_key peer_key;
	__u64 word, peer_word;

	row = walk_read(index, &record->key, &word);
	if (!row) {
		return false;
	}
	record->inbound = *row;
	record->inbound.word = word;
	record->now = clock_now_fine();
	session_outbound_key(&record->key, &record->inbound, word, &peer_key);
	peer = session_find_outbound_of(&peer_key, session_generation(word), &peer_word);
	if (peer) {
		record->outbound = *peer;
	}
	view_judge(record, track_inbound_life(&record->key, row, word, record->now));
	return true;
}

/* What a callback needs of its iterator. */
struct view_walk {
	struct seq_file *seq;
	__u32 first;
};

static long view_dump_slot(__u32 i, const struct view_walk *walk)
{
	struct natgw_session_record record = {};

	if (view_record(walk->first + i, &record)) {
		bpf_seq_write(walk->seq, &record, sizeof(record));
	}
	return 0;
}

SEC("iter/bpf_map_elem")
int natgw_dump(struct bpf_iter__bpf_map_elem *ctx)
{
	struct view_walk walk = { .seq = ctx->meta->seq, .first = walk_stretch(ctx) };

	if (walk.first != NATGW_TABLE_NONE) {
		bpf_loop(NATGW_TABLE_STRIDE, view_dump_slot, &walk, 0);
	}
	return 0;
}

static __always_inline const char *view_state_name(__u32 state)
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

static __always_inline const char *view_proto_name(__u8 proto)
{
	if (proto == IPPROTO_TCP) {
		return "tcp";
	}
	return proto == IPPROTO_UDP ? "udp" : "icmp";
}

/* Seconds until the session, or the hold of its port, is over. */
static __always_inline __u32 view_seconds_left(const struct natgw_session_record *record)
{
	__u32 idle = clock_since(record->now, record->inbound.last_seen);
	__u32 idle_out = clock_since(record->now, record->outbound.last_seen);

	if (record->held) {
		return record->hold_left / NATGW_TICKS_PER_SECOND;
	}
	if (record->outbound.word && idle_out < idle) {
		idle = idle_out;
	}
	return view_left(record->timeout, idle) / NATGW_TICKS_PER_SECOND;
}

/* The arguments of a print go into an array of numbers. */
#define VIEW_POINTER(pointer) ((unsigned long)(pointer))

/*
 * In the manner of /proc/net/nf_conntrack: protocol, number, seconds left, state, gateway, then the
 * packet that the client sends and the packet that it gets, as they are outside natgw.
 */
static long view_print_slot(__u32 i, const struct view_walk *walk)
{
	struct natgw_session_record record = {};
	struct seq_file *seq = walk->seq;
	const struct natgw_inbound_key *key = &record.key;
	__u16 orig_port;

	if (!view_record(walk->first + i, &record)) {
		return 0;
	}
	orig_port = byteorder_host16(record.inbound.orig_port ? record.inbound.orig_port
							      : key->rem_port);
	BPF_SEQ_PRINTF(seq, "%s %u %u %s gateway=%u ", VIEW_POINTER(view_proto_name(key->proto)),
		       key->proto, view_seconds_left(&record),
		       VIEW_POINTER(record.held
					    ? "HOLD"
					    : view_state_name(session_state(record.inbound.word))),
		       session_gateway(record.inbound.word));
	BPF_SEQ_PRINTF(seq, "src=%pI4 dst=%pI4 sport=%u dport=%u packets=%llu bytes=%llu ",
		       VIEW_POINTER(&record.inbound.addr), VIEW_POINTER(&key->rem_addr),
		       byteorder_host16(record.inbound.port), orig_port, record.outbound.packets,
		       record.outbound.bytes);
	BPF_SEQ_PRINTF(seq, "src=%pI4 dst=%pI4 sport=%u dport=%u packets=%llu bytes=%llu\n",
		       VIEW_POINTER(&key->rem_addr), VIEW_POINTER(&key->ext_addr),
		       byteorder_host16(key->rem_port), byteorder_host16(key->ext_port),
		       record.inbound.packets, record.inbound.bytes);
	return 0;
}

SEC("iter/bpf_map_elem")
int natgw_sessions(struct bpf_iter__bpf_map_elem *ctx)
{
	struct view_walk walk = { .seq = ctx->meta->seq, .first = walk_stretch(ctx) };

	if (walk.first != NATGW_TABLE_NONE) {
		bpf_loop(NATGW_TABLE_STRIDE, view_print_slot, &walk, 0);
	}
	return 0;
}
