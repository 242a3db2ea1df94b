/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * The life of a session: which timer applies, whether a row has expired, what a packet changes. The
 * inbound row's word decides; the outbound row carries a copy, so that either direction is complete
 * by its own row.
 */
#ifndef NATGW_BPF_TRACK_H
#define NATGW_BPF_TRACK_H

#include "clock.h"
#include "packet.h"
#include "policy.h"
#include "session.h"

static __always_inline struct natgw_traffic *track_counters(__u32 gateway)
{
	return bpf_map_lookup_elem(&traffic, &gateway);
}

/* Idle time in ticks that a session in this state may have. */
static __always_inline __u32 track_timeout(const struct natgw_gateway *gateway, __u8 proto,
					   __u64 word)
{
	bool established = session_state(word) == NATGW_STATE_ESTABLISHED;

	if (proto == IPPROTO_TCP) {
		return gateway->timeout[established ? NATGW_TIMER_TCP_ESTABLISHED
						    : NATGW_TIMER_TCP_HALF_OPEN];
	}
	if (proto == IPPROTO_UDP) {
		return gateway->timeout[established ? NATGW_TIMER_UDP_REPLIED
						    : NATGW_TIMER_UDP_UNREPLIED];
	}
	return gateway->timeout[NATGW_TIMER_ICMP];
}

/* By this row's own time alone; the other direction may have been active since. */
static __always_inline bool track_is_idle(const struct natgw_session *row, __u64 word, __u8 proto,
					  __u32 now)
{
	struct natgw_gateway *gateway = policy_gateway(session_gateway(word));

	return !gateway || clock_since(now, row->last_seen) >= track_timeout(gateway, proto, word);
}

/* Has the session of this inbound row expired? Reads the outbound row only when this one is idle.
 */
static __always_inline bool track_inbound_expired(const struct natgw_inbound_key *key,
						  const struct natgw_session *row, __u64 word,
						  __u32 now)
{
	struct natgw_outbound_key peer_key;
	struct natgw_session *peer;
	__u64 peer_word;

	if (session_state(word) == NATGW_STATE_NEW) {
		/* Its maker is a running program, which always comes to its end. */
		return false;
	}
	if (!track_is_idle(row, word, key->proto, now)) {
		return false;
	}
	session_outbound_key(key, row, word, &peer_key);
	peer = session_find_outbound_of(&peer_key, session_generation(word), &peer_word);
	return !peer || track_is_idle(peer, word, key->proto, now);
}

/*
 * Does this outbound row stand for a living session? Its inbound row is read only when this one is
 * idle. No when the inbound row is gone or another session's: then the row is to be removed.
 */
static __always_inline bool track_outbound_expired(const struct natgw_outbound_key *key,
						   const struct natgw_session *row, __u64 word,
						   __u32 now)
{
	struct natgw_inbound_key peer_key;
	struct natgw_session *peer;
	__u64 peer_word;

	if (!track_is_idle(row, word, key->proto, now)) {
		return false;
	}
	session_inbound_key(key, row, &peer_key);
	peer = session_find_inbound_of(&peer_key, session_generation(word), &peer_word);
	/* The inbound row's word says which timer. */
	return !peer || (track_is_idle(row, peer_word, key->proto, now) &&
			 track_is_idle(peer, peer_word, key->proto, now));
}

/* The living session that the client addresses, or NULL; *ret_word as in session_find_outbound. */
static __always_inline struct natgw_session *
track_find_outbound(const struct natgw_outbound_key *key, __u32 now, __u64 *ret_word)
{
	struct natgw_session *row = session_find_outbound(key, ret_word);

	return row && !track_outbound_expired(key, row, *ret_word, now) ? row : (void *)0;
}

/* The living session that a remote endpoint answers, or NULL. */
static __always_inline struct natgw_session *track_find_inbound(const struct natgw_inbound_key *key,
								__u32 now, __u64 *ret_word)
{
	struct natgw_session *row = session_find_inbound(key, ret_word);

	if (!row || session_state(*ret_word) == NATGW_STATE_NEW ||
	    track_inbound_expired(key, row, *ret_word, now)) {
		return (void *)0;
	}
	return row;
}

/* What a packet of this direction makes of the word; the same word when nothing changes. */
static __always_inline __u64 track_next_word(const struct packet *pkt, __u64 word)
{
	bool inbound_packet = pkt->direction == NATGW_INBOUND;

	if (session_state(word) != NATGW_STATE_OPENING) {
		return word;
	}
	if (pkt->proto != IPPROTO_TCP) {
		return inbound_packet
			       ? session_with_state(session_with_seen(word, NATGW_SEEN_REPLY),
						    NATGW_STATE_ESTABLISHED)
			       : word;
	}
	if (inbound_packet) {
		return (pkt->tcp_flags & (TCP_SYN | TCP_ACK)) == (TCP_SYN | TCP_ACK)
			       ? session_with_seen(word, NATGW_SEEN_REPLY)
			       : word;
	}
	/* The client's ACK of the SYN-ACK completes the handshake. */
	if (session_seen(word) & NATGW_SEEN_REPLY &&
	    (pkt->tcp_flags & (TCP_SYN | TCP_ACK | TCP_RST)) == TCP_ACK) {
		return session_with_state(word, NATGW_STATE_ESTABLISHED);
	}
	return word;
}

static __always_inline void track_count_established(__u8 proto, __u64 word, __u64 next)
{
	struct natgw_traffic *counters;

	if (session_state(next) != NATGW_STATE_ESTABLISHED ||
	    session_state(word) == NATGW_STATE_ESTABLISHED) {
		return;
	}
	counters = track_counters(session_gateway(word));
	if (counters) {
		counters->established[packet_proto_index(proto)]++;
	}
}

static __always_inline void track_stamp(struct natgw_session *row, const struct packet *pkt)
{
	if (row->last_seen != pkt->now) {
		row->last_seen = pkt->now;
	}
	row->packets += pkt->segments;
	row->bytes += pkt->bytes;
	if (pkt->proto == IPPROTO_TCP && pkt->tcp_flags & TCP_ACK) {
		row->rst_seq = pkt->tcp_ack;
	}
}

/* A packet of the client: stamps its row; a change of state goes to the inbound row first. */
static __always_inline void track_outbound(const struct natgw_outbound_key *key,
					   struct natgw_session *row, __u64 word,
					   const struct packet *pkt)
{
	__u64 next = track_next_word(pkt, word);
	struct natgw_inbound_key peer_key;
	struct natgw_session *peer;
	__u64 peer_word;

	track_stamp(row, pkt);
	if (next == word) {
		return;
	}
	session_inbound_key(key, row, &peer_key);
	peer = session_find_inbound_of(&peer_key, session_generation(word), &peer_word);
	if (peer && session_swap(peer, word, next)) {
		session_swap(row, word, next);
		track_count_established(key->proto, word, next);
	}
}

/* A packet of the remote endpoint: stamps its row; a change of state is copied to the outbound row.
 */
static __always_inline void track_inbound(const struct natgw_inbound_key *key,
					  struct natgw_session *row, __u64 word,
					  const struct packet *pkt)
{
	__u64 next = track_next_word(pkt, word);
	struct natgw_outbound_key peer_key;
	struct natgw_session *peer;
	__u64 peer_word;

	track_stamp(row, pkt);
	if (next == word || !session_swap(row, word, next)) {
		return;
	}
	session_outbound_key(key, row, word, &peer_key);
	peer = session_find_outbound_of(&peer_key, session_generation(word), &peer_word);
	if (peer) {
		session_swap(peer, word, next);
	}
	track_count_established(key->proto, word, next);
}

#endif
