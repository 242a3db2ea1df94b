/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * What a packet changes of its session. The inbound row's word decides; the outbound row carries a
 * copy, so that either direction is complete by its own row.
 */
#ifndef NATGW_BPF_TRACK_H
#define NATGW_BPF_TRACK_H

#include "account.h"
#include "life.h"

/* ---- what a packet changes ---- */

/*
 * What the sequence number of an inbound segment says. Only who sees the client's acknowledgements
 * knows the one that a RST must carry; and data that is to take a session back out of its hold must
 * follow it closely, which a blind sender meets once in 256 times, and data sent again does not.
 */
#define TRACK_TRUST_RST 0x1
#define TRACK_TRUST_DATA 0x2
#define TRACK_TRUST_ALL (TRACK_TRUST_RST | TRACK_TRUST_DATA)
#define TRACK_WINDOW (1U << 24)

/* Swaps until a change of state is in: every other CPU's counts as well. */
#define TRACK_ROUNDS 4

/* Back from the hold after a RST, to where it was before. */
static __always_inline __u64 track_revived(__u64 word)
{
	bool was_established = session_seen(word) & NATGW_SEEN_HANDSHAKE;

	return session_with_state(session_without_seen(word, NATGW_SEEN_RST),
				  was_established ? NATGW_STATE_ESTABLISHED : NATGW_STATE_OPENING);
}

static __always_inline __u64 track_established(__u64 word)
{
	return session_with_state(session_with_seen(word, NATGW_SEEN_HANDSHAKE),
				  NATGW_STATE_ESTABLISHED);
}

/*
 * Both FINs have been seen. What may still come is what was on its way: it changes nothing, but
 * - data of the remote endpoint: then its FIN was not its own (a sender off the path can forge
 * one);
 * - the client's SYN-ACK, which answers a new SYN of the remote endpoint.
 */
static __always_inline __u64 track_next_after_fins(const struct packet *pkt, __u64 word,
						   bool next_in_line)
{
	if (pkt->direction == NATGW_INBOUND) {
		return next_in_line && pkt->tcp_has_data && !(pkt->tcp_flags & (TCP_FIN | TCP_SYN))
			       ? session_with_state(session_without_seen(word, NATGW_SEEN_FIN_IN),
						    NATGW_STATE_ESTABLISHED)
			       : word;
	}
	if ((pkt->tcp_flags & (TCP_SYN | TCP_ACK)) != (TCP_SYN | TCP_ACK)) {
		return word;
	}
	word = session_without_seen(word, NATGW_SEEN_FIN_OUT | NATGW_SEEN_FIN_IN |
						  NATGW_SEEN_HANDSHAKE | NATGW_SEEN_REPLY);
	return session_with_state(session_with_seen(word, NATGW_SEEN_SYN_ACK_OUT),
				  NATGW_STATE_OPENING);
}

/* The handshake, also when both sides open at once (RFC 5382 REQ-2). */
static __always_inline __u64 track_next_opening(const struct packet *pkt, __u64 word)
{
	bool syn_ack = (pkt->tcp_flags & (TCP_SYN | TCP_ACK)) == (TCP_SYN | TCP_ACK);
	bool inbound_packet = pkt->direction == NATGW_INBOUND;
	/* What the other side must have sent for this ACK to complete the handshake. */
	__u32 needed = inbound_packet ? NATGW_SEEN_SYN_ACK_OUT : NATGW_SEEN_REPLY;

	if (session_state(word) == NATGW_STATE_OPENING && session_seen(word) & needed &&
	    pkt->tcp_flags & TCP_ACK) {
		word = track_established(word);
	}
	if (!syn_ack) {
		return word;
	}
	return session_with_seen(word, inbound_packet ? NATGW_SEEN_REPLY : NATGW_SEEN_SYN_ACK_OUT);
}

static __always_inline __u64 track_next_tcp(const struct packet *pkt, __u64 word, __u32 trust)
{
	const __u32 fins = NATGW_SEEN_FIN_OUT | NATGW_SEEN_FIN_IN;

	if (pkt->tcp_flags & TCP_RST) {
		return session_state(word) == NATGW_STATE_HOLD || !(trust & TRACK_TRUST_RST)
			       ? word
			       : session_with_state(session_with_seen(word, NATGW_SEEN_RST),
						    NATGW_STATE_HOLD);
	}
	if (session_state(word) == NATGW_STATE_HOLD) {
		if (!(session_seen(word) & NATGW_SEEN_RST)) {
			return track_next_after_fins(pkt, word, trust & TRACK_TRUST_DATA);
		}
		if (!(trust & TRACK_TRUST_DATA) ||
		    (pkt->tcp_flags & (TCP_SYN | TCP_ACK)) == TCP_SYN) {
			return word;
		}
		word = track_revived(word);
	}
	word = track_next_opening(pkt, word);
	if (pkt->tcp_flags & TCP_FIN) {
		word = session_with_seen(word, pkt->direction == NATGW_INBOUND
						       ? NATGW_SEEN_FIN_IN
						       : NATGW_SEEN_FIN_OUT);
	}
	return (session_seen(word) & fins) == fins ? session_with_state(word, NATGW_STATE_HOLD)
						   : word;
}

/* What a packet of this direction makes of the word; the same word when nothing changes. */
__noinline __weak __u64 track_next_word(const struct packet *pkt, __u64 word, __u32 trust)
{
	if (!pkt) {
		return word;
	}
	if (session_state(word) == NATGW_STATE_MAPPING) {
		return word;
	}
	if (pkt->proto == IPPROTO_TCP) {
		return track_next_tcp(pkt, word, trust);
	}
	/* The reply is the other side's: a port forward's session is begun by the remote endpoint.
	 */
	if (session_state(word) != NATGW_STATE_OPENING ||
	    (pkt->direction == NATGW_INBOUND) ==
		    (pkt->proto == IPPROTO_UDP && session_seen(word) & NATGW_SEEN_REMOTE_FIRST)) {
		return word;
	}
	return track_established(session_with_seen(word, NATGW_SEEN_REPLY));
}

/* Refreshed by whatever goes through a living session, but a RST (RFC 7857 7.1). */
static __always_inline bool track_refreshes(const struct packet *pkt, __u64 word)
{
	struct natgw_gateway *gateway;

	if (session_state(word) == NATGW_STATE_HOLD ||
	    (pkt->proto == IPPROTO_TCP && pkt->tcp_flags & TCP_RST)) {
		return false;
	}
	if (pkt->direction == NATGW_OUTBOUND) {
		return true;
	}
	gateway = policy_gateway(session_gateway(word));
	return !gateway || !(gateway->flags & NATGW_GATEWAY_REFRESH_OUTBOUND);
}

/* The highest number acknowledged: the other side's next one, which its RST must carry. */
static __always_inline void track_ack(struct natgw_session *row, __u32 ack)
{
	if (!row->rst_seq || (__s32)(ack - row->rst_seq) > 0) {
		row->rst_seq = ack;
	}
}

static __always_inline void track_rst_seq(struct natgw_session *row, const struct packet *pkt)
{
	if (pkt->proto != IPPROTO_TCP || pkt->tcp_flags & TCP_RST) {
		return;
	}
	if (pkt->tcp_flags & TCP_SYN) {
		row->rst_seq = 0;
	}
	if (pkt->tcp_flags & TCP_ACK) {
		track_ack(row, pkt->tcp_ack);
	}
}

static __always_inline void track_stamp(struct natgw_session *row, __u64 word,
					const struct packet *pkt)
{
	if (row->last_seen != pkt->now && track_refreshes(pkt, word)) {
		row->last_seen = pkt->now;
	}
	row->packets += pkt->segments;
	row->bytes += pkt->bytes;
	track_rst_seq(row, pkt);
}

/* The outbound row's word follows the inbound row's, whoever else is at it. */
static __always_inline void track_mirror(struct natgw_session *outbound_row,
					 const struct natgw_session *inbound_row, __u64 word)
{
	for (int i = 0; i < 4; i++) {
		__u64 from = session_read(outbound_row), to = session_read(inbound_row);

		if (from == to || session_generation(from) != session_generation(word) ||
		    session_generation(to) != session_generation(word) ||
		    session_state(from) == NATGW_STATE_DEAD ||
		    session_state(to) == NATGW_STATE_DEAD) {
			return;
		}
		session_swap(outbound_row, from, to);
	}
}

/* Both rows know when the hold began, or that the session goes on. */
static __always_inline void track_restart(struct natgw_session *row, struct natgw_session *peer,
					  __u64 word, __u64 next, __u32 now)
{
	if (session_state(word) == session_state(next)) {
		return;
	}
	if (session_state(next) == NATGW_STATE_HOLD || session_state(word) == NATGW_STATE_HOLD) {
		row->last_seen = now;
		if (peer) {
			peer->last_seen = now;
		}
	}
}

/* In hold-down, which takes no time. */
static __always_inline bool track_is_over(const __u32 *timers, __u8 proto, __u64 word)
{
	return session_state(word) == NATGW_STATE_HOLD && !track_whole_life(timers, proto, word);
}

/* The row's state has changed: counts follow, and what is known of its port. */
static __always_inline void track_changed(const struct natgw_inbound_key *key, __be32 client,
					  __u64 word, __u64 next, __u32 now)
{
	struct natgw_traffic *counters;
	const __u32 *timers;

	if ((session_state(word) == NATGW_STATE_OPENING) !=
	    (session_state(next) == NATGW_STATE_OPENING)) {
		account_opening(client, word, next);
	}
	if (session_seen(next) & ~session_seen(word) & NATGW_SEEN_HANDSHAKE) {
		counters = account_traffic(session_gateway(word));
		if (counters) {
			counters->established[packet_proto_index(key->proto)]++;
		}
	}
	timers = track_timers(word);
	if (timers && session_state(word) != session_state(next)) {
		destination_changed(key, word, now + track_whole_life(timers, key->proto, next),
				    track_is_over(timers, key->proto, next),
				    track_is_over(timers, key->proto, word));
	}
}

/* One round: true when the change is in, or there is none. */
static __always_inline bool track_try_outbound(const struct natgw_inbound_key *peer_key,
					       struct natgw_session *row,
					       struct natgw_session *peer, __u64 current,
					       const struct packet *pkt)
{
	__u64 next = track_next_word(pkt, current, TRACK_TRUST_ALL);

	if (next != current && !session_swap(peer, current, next)) {
		return false;
	}
	track_restart(peer, row, current, next, pkt->now);
	track_mirror(row, peer, current);
	if (next != current) {
		track_changed(peer_key, pkt->saddr, current, next, pkt->now);
	}
	return true;
}

/*
 * A packet of the client that may change the state. The client's own RST is always plausible.
 */
__noinline __weak int track_change_outbound(const struct natgw_outbound_key *key,
					    struct natgw_session *row, const struct packet *pkt,
					    __u64 word)
{
	struct natgw_inbound_key peer_key;

	if (!key || !row || !pkt) {
		return 0;
	}
	session_inbound_key(key, row, &peer_key);
	for (int i = 0; i < TRACK_ROUNDS; i++) {
		__u64 current;
		struct natgw_session *peer =
			session_find_inbound_of(&peer_key, session_generation(word), &current);

		if (!peer || session_state(current) == NATGW_STATE_NEW ||
		    track_try_outbound(&peer_key, row, peer, current, pkt)) {
			return 0;
		}
	}
	return 0;
}

/* TRACK_TRUST_*: of an inbound segment, by what the client has acknowledged. */
static __always_inline __u32 track_trust(const struct packet *pkt, __u64 word,
					 const struct natgw_session *outbound_row)
{
	struct natgw_gateway *gateway = policy_gateway(session_gateway(word));
	__u32 trust = 0, behind = pkt->tcp_seq - outbound_row->rst_seq;

	if (!behind) {
		trust |= TRACK_TRUST_RST;
	}
	if ((!outbound_row->rst_seq || behind < TRACK_WINDOW) &&
	    !(gateway && gateway->flags & NATGW_GATEWAY_REFRESH_OUTBOUND)) {
		trust |= TRACK_TRUST_DATA;
	}
	return trust;
}

/*
 * A packet of the remote endpoint that may change the state. A row in hold-down without its
 * outbound row stays there: the client has begun another connection.
 */
__noinline __weak int track_change_inbound(const struct natgw_inbound_key *key,
					   struct natgw_session *row, const struct packet *pkt,
					   __u64 word)
{
	struct natgw_outbound_key peer_key;
	__u32 generation_number = session_generation(word);
	struct natgw_session *peer;
	__u64 peer_word;
	__be32 client;

	if (!key || !row || !pkt) {
		return 0;
	}
	client = row->addr;
	session_outbound_key(key, row, word, &peer_key);
	peer = session_find_outbound_of(&peer_key, generation_number, &peer_word);
	if (!peer) {
		return 0;
	}
	for (int i = 0; i < TRACK_ROUNDS; i++) {
		__u64 next = track_next_word(pkt, word, track_trust(pkt, word, peer));

		if (next == word) {
			return 0;
		}
		if (session_swap(row, word, next)) {
			track_restart(row, peer, word, next, pkt->now);
			track_mirror(peer, row, word);
			track_changed(key, client, word, next, pkt->now);
			return 0;
		}
		word = session_read(row);
		if (session_generation(word) != generation_number ||
		    session_state(word) == NATGW_STATE_DEAD) {
			return 0;
		}
	}
	return 0;
}

/* The mapping that a session uses hears of it once in a while. */
static __always_inline void track_refresh_mapping(__be32 client, __be16 port, __u64 word,
						  const struct packet *pkt)
{
	struct natgw_outbound_key key = {
		.int_addr = client,
		.int_port = port,
		.proto = IPPROTO_UDP,
		.gateway = (__u8)session_gateway(word),
	};
	struct natgw_session *row;
	__u64 mapping_word;

	row = session_find_outbound(&key, &mapping_word);
	if (row && session_state(mapping_word) == NATGW_STATE_MAPPING) {
		row->last_seen = pkt->now;
	}
}

/* Stamps the row; a change of state goes to the inbound row first. */
static __always_inline void track_note_outbound(const struct natgw_outbound_key *key,
						struct natgw_session *row, __u64 word,
						const struct packet *pkt)
{
	track_stamp(row, word, pkt);
	if (track_next_word(pkt, word, TRACK_TRUST_ALL) != word) {
		track_change_outbound(key, row, pkt, word);
	}
}

/* A packet of the client; the mapping that its session uses hears of it. */
static __always_inline void track_outbound(const struct natgw_outbound_key *key,
					   struct natgw_session *row, __u64 word,
					   const struct packet *pkt)
{
	if (session_seen(word) & NATGW_SEEN_MAPPING &&
	    (row->last_seen ^ pkt->now) >> NATGW_ROUTE_SHIFT) {
		track_refresh_mapping(key->int_addr, key->int_port, word, pkt);
	}
	track_note_outbound(key, row, word, pkt);
}

/* Stamps the row; a change is copied to the outbound row. */
static __always_inline void track_note_inbound(const struct natgw_inbound_key *key,
					       struct natgw_session *row, __u64 word,
					       const struct packet *pkt)
{
	track_stamp(row, word, pkt);
	if (track_next_word(pkt, word, TRACK_TRUST_ALL) != word) {
		track_change_inbound(key, row, pkt, word);
	}
}

/* A packet of the remote endpoint; the mapping hears of it where it keeps sessions alive. */
static __always_inline void track_inbound(const struct natgw_inbound_key *key,
					  struct natgw_session *row, __u64 word,
					  const struct packet *pkt)
{
	if (session_seen(word) & NATGW_SEEN_MAPPING && track_refreshes(pkt, word) &&
	    (row->last_seen ^ pkt->now) >> NATGW_ROUTE_SHIFT) {
		track_refresh_mapping(row->addr, row->port, word, pkt);
	}
	track_note_inbound(key, row, word, pkt);
}

#endif
