/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * The life of a session: which timer applies, and whether a row lives, holds its port, or is free.
 * Computed when somebody asks; the inbound row's word decides.
 */
#ifndef NATGW_BPF_LIFE_H
#define NATGW_BPF_LIFE_H

#include "clock.h"
#include "packet.h"
#include "policy.h"
#include "session.h"

enum track_life {
	TRACK_LIVE,
	TRACK_HELD, /* over; its port is not given to another session to this destination */
	TRACK_FREE, /* may be taken over */
};

/* enum natgw_timer: idle time that the session may have in this state. */
static __always_inline __u32 track_idle_timer(__u8 proto, __u64 word)
{
	bool established = session_state(word) != NATGW_STATE_OPENING;

	if (proto == IPPROTO_TCP) {
		return established ? NATGW_TIMER_TCP_ESTABLISHED : NATGW_TIMER_TCP_HALF_OPEN;
	}
	if (proto == IPPROTO_UDP) {
		return established ? NATGW_TIMER_UDP_REPLIED : NATGW_TIMER_UDP_UNREPLIED;
	}
	return NATGW_TIMER_ICMP;
}

/* enum natgw_timer: how long the port is held after that. */
static __always_inline __u32 track_hold_timer(__u8 proto, __u64 word)
{
	if (session_state(word) == NATGW_STATE_HOLD) {
		return session_seen(word) & NATGW_SEEN_RST ? NATGW_TIMER_HOLD_RST
							   : NATGW_TIMER_HOLD_FIN;
	}
	if (proto == IPPROTO_TCP) {
		return session_state(word) == NATGW_STATE_OPENING ? NATGW_TIMER_HOLD_HALF_OPEN
								  : NATGW_TIMER_HOLD_TCP_IDLE;
	}
	return proto == IPPROTO_UDP ? NATGW_TIMER_HOLD_UDP : NATGW_TIMER_HOLD_ICMP;
}

/* Life after so much idle time; in state HOLD: after so much time since it began. */
static __always_inline enum track_life track_life_after(const __u32 *timers, __u8 proto, __u64 word,
							__u32 idle)
{
	__u32 hold_time = timers[track_hold_timer(proto, word) & (NATGW_TIMER_SLOTS - 1)];
	__u32 timeout = timers[track_idle_timer(proto, word) & (NATGW_TIMER_SLOTS - 1)];

	if (session_state(word) == NATGW_STATE_HOLD) {
		return idle < hold_time ? TRACK_HELD : TRACK_FREE;
	}
	if (session_state(word) == NATGW_STATE_MAPPING) {
		return idle < timeout + NATGW_MAPPING_SLACK ? TRACK_LIVE : TRACK_FREE;
	}
	if (idle < timeout) {
		return TRACK_LIVE;
	}
	return idle < timeout + hold_time ? TRACK_HELD : TRACK_FREE;
}

/* Timers by enum natgw_timer, of the session's rule or gateway; NULL when that is gone. */
static __always_inline const __u32 *track_timers(__u64 word)
{
	__u32 number = session_rule(word);
	struct natgw_gateway *gateway;
	struct natgw_rule *rule;

	/* The empty statements keep clang from adding the offset before the comparison. */
	if (number) {
		rule = bpf_map_lookup_elem(&rules, &number);
		if (!rule) {
			return (void *)0;
		}
		asm volatile("" : "+r"(rule));
		return rule->timeout;
	}
	gateway = policy_gateway(session_gateway(word));
	if (!gateway) {
		return (void *)0;
	}
	asm volatile("" : "+r"(gateway));
	return gateway->timeout;
}

/* The same by one row's time alone; the other direction may have been active since. */
static __always_inline enum track_life track_row_life(const struct natgw_session *row, __u64 word,
						      __u8 proto, __u32 now)
{
	const __u32 *timers = track_timers(word);

	return timers ? track_life_after(timers, proto, word, clock_since(now, row->last_seen))
		      : TRACK_FREE;
}

/* May a session be ended by this row's time alone? In state HOLD both rows carry its beginning. */
static __always_inline bool track_is_decided(enum track_life life, __u64 word)
{
	return life == TRACK_LIVE || session_state(word) == NATGW_STATE_HOLD;
}

/*
 * The session of this inbound row. Reads the outbound row only when this one is idle; there is none
 * where the client has begun a new session since, or where the maker is not done yet. Returns enum
 * track_life. Global functions, these and others below: the verifier looks at them once.
 */
__noinline __weak int track_inbound_life(const struct natgw_inbound_key *key,
					 const struct natgw_session *row, __u64 word, __u32 now)
{
	struct natgw_outbound_key peer_key;
	enum track_life life, peer_life;
	struct natgw_session *peer;
	__u64 peer_word;

	if (!key || !row) {
		return TRACK_FREE;
	}
	if (session_state(word) == NATGW_STATE_NEW) {
		/* Its maker is a running program, which always comes to its end. */
		return TRACK_LIVE;
	}
	life = track_row_life(row, word, key->proto, now);
	if (track_is_decided(life, word)) {
		return life;
	}
	session_outbound_key(key, row, word, &peer_key);
	peer = session_find_outbound_of(&peer_key, session_generation(word), &peer_word);
	if (!peer) {
		return life;
	}
	peer_life = track_row_life(peer, word, key->proto, now);
	return (int)(peer_life < life ? peer_life : life);
}

/*
 * The session of this outbound row; its inbound row is read only when this one is idle. FREE when
 * the inbound row is gone or another session's: then the row is to be removed. Returns enum
 * track_life.
 */
__noinline __weak int track_outbound_life(const struct natgw_outbound_key *key,
					  const struct natgw_session *row, __u64 word, __u32 now)
{
	struct natgw_inbound_key peer_key;
	enum track_life life, peer_life;
	struct natgw_session *peer;
	__u64 peer_word;

	if (!key || !row) {
		return TRACK_FREE;
	}
	life = track_row_life(row, word, key->proto, now);
	if (life == TRACK_LIVE) {
		return life;
	}
	session_inbound_key(key, row, &peer_key);
	peer = session_find_inbound_of(&peer_key, session_generation(word), &peer_word);
	if (!peer) {
		return TRACK_FREE;
	}
	/* The inbound row's word says which timer. */
	life = track_row_life(row, peer_word, key->proto, now);
	if (track_is_decided(life, peer_word)) {
		return life;
	}
	peer_life = track_row_life(peer, peer_word, key->proto, now);
	return (int)(peer_life < life ? peer_life : life);
}

/* Ticks from the last packet (state HOLD: from its beginning) to when the port is free. */
static __always_inline __u32 track_whole_life(const __u32 *timers, __u8 proto, __u64 word)
{
	__u32 hold_time = timers[track_hold_timer(proto, word) & (NATGW_TIMER_SLOTS - 1)];
	__u32 timeout = timers[track_idle_timer(proto, word) & (NATGW_TIMER_SLOTS - 1)];

	if (session_state(word) == NATGW_STATE_MAPPING) {
		return timeout + NATGW_MAPPING_SLACK;
	}
	return session_state(word) == NATGW_STATE_HOLD ? hold_time : timeout + hold_time;
}

/* When this inbound row is free, in ticks, if no packet comes; the row alone may say too early. */
__noinline __weak __u32 track_free_at(const struct natgw_session *row, __u64 word, __u32 proto)
{
	const __u32 *timers;

	if (!row) {
		return 0;
	}
	timers = track_timers(word);
	return timers ? row->last_seen + track_whole_life(timers, (__u8)proto, word)
		      : row->last_seen;
}

/*
 * Is a packet of the session still translated? Also in state HOLD: the last ACK, a FIN again; for a
 * moment even where the hold takes no time.
 */
static __always_inline bool track_translates(int life, const struct natgw_session *row, __u64 word,
					     __u32 now)
{
	return life == TRACK_LIVE ||
	       (session_state(word) == NATGW_STATE_HOLD &&
		(life == TRACK_HELD || clock_since(now, row->last_seen) < NATGW_SWEEP_GRACE));
}

/* The session that the client addresses, or NULL; *ret_word as in session_find_outbound. */
static __always_inline struct natgw_session *
track_find_outbound(const struct natgw_outbound_key *key, __u32 now, __u64 *ret_word)
{
	struct natgw_session *row = session_find_outbound(key, ret_word);

	return row && track_translates(track_outbound_life(key, row, *ret_word, now), row,
				       *ret_word, now)
		       ? session_row(row, *ret_word)
		       : (void *)0;
}

/* The session that a remote endpoint answers, or NULL. */
static __always_inline struct natgw_session *track_find_inbound(const struct natgw_inbound_key *key,
								__u32 now, __u64 *ret_word)
{
	struct natgw_session *row = session_find_inbound(key, ret_word);

	if (!row || session_state(*ret_word) == NATGW_STATE_NEW ||
	    !track_translates(track_inbound_life(key, row, *ret_word, now), row, *ret_word, now)) {
		return (void *)0;
	}
	return session_row(row, *ret_word);
}

#endif
