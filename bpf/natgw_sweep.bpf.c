// SPDX-License-Identifier: GPL-2.0-only
/*
 * Iterators over the inbound table; reading a pinned one runs it once over all rows.
 *
 * - natgw_sweep removes what has expired, by the data path's own rules, and counts what is active.
 * - natgw_sessions prints one line of text for each session, for cat.
 * - natgw_dump writes a struct natgw_session_record for each session, for natgwd.
 */
#include "maps.h"

#include <bpf/bpf_tracing.h>

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

static __always_inline void sweep_count_active(const struct natgw_inbound_key *key, __u64 word)
{
	__u32 gateway = session_gateway(word), index = packet_proto_index(key->proto);
	struct natgw_active *row = bpf_map_lookup_elem(&active, &gateway);

	if (!row) {
		return;
	}
	if (session_state(word) == NATGW_STATE_ESTABLISHED) {
		row->established[index]++;
	} else {
		row->opening[index]++;
	}
}

static __always_inline void sweep_mark_port(const struct natgw_inbound_key *key)
{
	struct natgw_address *address = policy_address(key->ext_addr);
	__u32 port = byteorder_host16(key->ext_port), row;
	struct natgw_port_bits *bits;

	if (!address || address->kind != NATGW_ADDRESS_EIP) {
		return;
	}
	row = address->eip * NATGW_PROTO_COUNT + packet_proto_index(key->proto);
	bits = bpf_map_lookup_elem(&port_use, &row);
	/* Kernel 6.1 does not know that a swapped 16-bit value is one, and clang does: it drops the
	 * mask. */
	asm volatile("" : "+r"(port));
	if (bits) {
		bits->word[(port >> 6) & 1023] |= 1ULL << (port & 63);
	}
}

static __always_inline void sweep_count_closed(const struct natgw_inbound_key *key, __u64 word)
{
	struct natgw_traffic *counters = track_counters(session_gateway(word));
	__u32 index = packet_proto_index(key->proto);
	bool half_open =
		key->proto == IPPROTO_TCP && session_state(word) != NATGW_STATE_ESTABLISHED;

	if (counters) {
		counters->closed[index][half_open ? NATGW_CLOSE_HALF_OPEN : NATGW_CLOSE_IDLE]++;
	}
}

/* Removes the session if it has been expired for the grace time. */
static __always_inline void sweep_row(const struct natgw_inbound_key *key,
				      struct natgw_session *row, __u64 word,
				      struct natgw_sweep *stats, __u32 now)
{
	if (!track_inbound_expired(key, row, word, now)) {
		sweep_count_active(key, word);
		sweep_mark_port(key);
		return;
	}
	if (!track_inbound_expired(key, row, word, now - NATGW_SWEEP_GRACE)) {
		sweep_mark_port(key);
		return;
	}
	if (session_remove(key, row, word)) {
		stats->removed++;
		sweep_count_closed(key, word);
	} else {
		stats->lost++;
	}
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
	if (!stats || !row) {
		return 0;
	}
	stats->rows++;
	sweep_row(&key, row, word, stats, clock_now_fine());
	return 0;
}

/* Both directions of a session; false when it is gone. */
static __always_inline bool sweep_record(const struct natgw_inbound_key *key,
					 struct natgw_session_record *record)
{
	__u64 word;
	struct natgw_session *row = session_find_inbound(key, &word), *peer;
	struct natgw_outbound_key peer_key;
	struct natgw_gateway *gateway;
	__u64 peer_word;

	if (!row) {
		return false;
	}
	record->key = *key;
	record->inbound = *row;
	record->inbound.word = word;
	record->now = clock_now_fine();
	gateway = policy_gateway(session_gateway(word));
	record->timeout = gateway ? track_timeout(gateway, key->proto, word) : 0;
	session_outbound_key(key, &record->inbound, word, &peer_key);
	peer = session_find_outbound_of(&peer_key, session_generation(word), &peer_word);
	if (peer) {
		record->outbound = *peer;
	}
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
	case NATGW_STATE_CLOSING:
		return "CLOSING";
	case NATGW_STATE_HOLD:
		return "HOLD";
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

/* Seconds until the session expires, both directions considered. */
static __always_inline __u32 sweep_seconds_left(const struct natgw_session_record *record)
{
	__u32 idle = clock_since(record->now, record->inbound.last_seen);
	__u32 idle_out = clock_since(record->now, record->outbound.last_seen);

	if (record->outbound.word && idle_out < idle) {
		idle = idle_out;
	}
	return idle < record->timeout ? (record->timeout - idle) / NATGW_TICKS_PER_SECOND : 0;
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
	BPF_SEQ_PRINTF(seq, "%s %u %u %s gateway=%u ", SWEEP_POINTER(sweep_proto_name(key.proto)),
		       key.proto, sweep_seconds_left(&record),
		       SWEEP_POINTER(sweep_state_name(session_state(record.inbound.word))),
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
