/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * A destination with many sessions: its set of ports (destination.h) says which are worth a try,
 * and how many there are. A new set is completed step by step; a full one is looked at again when
 * the time of some session in it may have run out.
 */
#ifndef NATGW_BPF_PORTS_SET_H
#define NATGW_BPF_PORTS_SET_H

#include "ports_try.h"

/* Looks at a set that should have a free port and shows none. */
#define PORTS_EMPTY_TRIES 64
/* A set of a range of up to so many ports is completed at once when its limit may be near. */
#define PORTS_AT_ONCE 4096
/* Words of a full set that one step passes over. */
#define PORTS_WORDS_AT_ONCE 16
/* Ports of a full set that one packet looks at, 64 at a time; the next one goes on. */
#define PORTS_CHECK_MAX 16384
/* Ticks until a port is looked at again of which nothing better is known. */
#define PORTS_ASK_AGAIN NATGW_TICKS_PER_SECOND
/* The same of one that is reserved. */
#define PORTS_RESERVED_AGAIN (60 * NATGW_TICKS_PER_SECOND)
/* Swaps until a count is this CPU's. */
#define PORTS_COUNT_TRIES 16

/*
 * When the session of this row is over if no packet comes, in ticks; by both rows when its own says
 * that it is.
 */
static __always_inline __u32 ports_ends_at(const struct claim *claim,
					   const struct natgw_session *row, __u64 word)
{
	__u32 at = track_free_at(row, word, claim->key.proto), other;
	struct natgw_outbound_key peer_key;
	struct natgw_session *peer;
	__u64 peer_word;

	if ((__s32)(at - claim->now) > 0) {
		return at;
	}
	session_outbound_key(&claim->key, row, word, &peer_key);
	peer = session_find_outbound_of(&peer_key, session_generation(word), &peer_word);
	other = peer ? track_free_at(peer, word, claim->key.proto) : at;
	at = (__s32)(other - at) > 0 ? other : at;
	return (__s32)(at - claim->now) > 0 ? at : claim->now + PORTS_ASK_AGAIN;
}

/* ---- completing a new set ---- */

/* The row under claim->key is one of the destination's, unless it is free: the set learns of it. */
static __always_inline void ports_learn(const struct claim *claim, struct natgw_destination *set,
					const struct natgw_gateway *gateway)
{
	__u64 word;
	struct natgw_session *row = session_find_inbound(&claim->key, &word);

	if (!row || track_inbound_life(&claim->key, row, word, claim->now) == TRACK_FREE) {
		return;
	}
	destination_learn(set, gateway, &claim->key, track_free_at(row, word, claim->key.proto));
	/* Its hold-down of no time may have begun, and cleared the bit, just before. */
	row = session_find_inbound(&claim->key, &word);
	if (row && track_inbound_life(&claim->key, row, word, claim->now) == TRACK_FREE) {
		destination_remove(set, byteorder_host16(claim->key.ext_port));
	}
}

/* One port of the walk that makes a new set complete. */
static long ports_walk(__u32 i, void *context)
{
	struct claim *claim = claim_scratch();
	struct natgw_destination *set;
	struct natgw_gateway *gateway;

	(void)context;
	gateway = claim ? policy_gateway(claim->gateway) : (void *)0;
	if (!gateway || claim->first_port + i >= gateway->port_count) {
		return 1;
	}
	claim->key.ext_port =
		byteorder_wire16((__u16)(gateway->port_first + claim->first_port + i));
	if (!session_has_inbound(&claim->key)) {
		return 0;
	}
	set = destination_find(&claim->destination);
	if (!set) {
		return 1;
	}
	ports_learn(claim, set, gateway);
	return 0;
}

/*
 * A stretch of the walk, from half of the limit on; the set is complete before the limit is met. A
 * limit that is near is kept by the counter of the destination instead (ports_many).
 */
static __always_inline void ports_complete(struct claim *claim, struct natgw_destination *set,
					   const struct natgw_gateway *gateway)
{
	__u32 stretch = NATGW_DESTINATION_WALK_MAX, begin = claim->limit / 2, left, *sessions;

	if (set->walked >= gateway->port_count) {
		return;
	}
	if (begin < gateway->destination_threshold) {
		begin = gateway->destination_threshold;
	}
	if (claim->limit > begin) {
		left = claim->limit - begin;
		stretch = gateway->port_count / left + 1;
	}
	stretch = stretch < NATGW_DESTINATION_WALK ? NATGW_DESTINATION_WALK : stretch;
	stretch = stretch > NATGW_DESTINATION_WALK_MAX ? NATGW_DESTINATION_WALK_MAX : stretch;
	sessions = destination_counter(claim->phase, claim->hash);
	if (gateway->port_count <= PORTS_AT_ONCE && sessions && *sessions >= claim->limit) {
		/* The limit may be near: the rest at once. */
		stretch = gateway->port_count;
	} else if (set->count + gateway->destination_threshold < begin) {
		/* It is far, and mostly a pass of the sweep comes before. */
		return;
	}
	claim->first_port = __sync_fetch_and_add(&set->walked, stretch);
	bpf_loop(stretch, ports_walk, (void *)0, 0);
}

/* ---- a port of the set ---- */

/* Counts one more session to the destination, unless that is too many. */
static __always_inline bool ports_reserve(struct natgw_destination *set, __u32 limit)
{
	for (int i = 0; i < PORTS_COUNT_TRIES; i++) {
		__u32 count = *(volatile __u32 *)&set->count;

		if (count >= limit) {
			return false;
		}
		if (__sync_val_compare_and_swap(&set->count, count, count + 1) == count) {
			return true;
		}
	}
	/* Many are at it, so there is room: taken first, given back if it was the last. */
	if (__sync_fetch_and_add(&set->count, 1) < limit) {
		return true;
	}
	__sync_fetch_and_add(&set->count, -1);
	return false;
}

/*
 * Takes the bit of a port: with a count in hand (claim->reserved) the bit alone, else the count
 * with it. Without a count in hand nobody is refused for a port that this claim does not get in the
 * end.
 */
static __always_inline bool ports_take_bit(const struct claim *claim, struct natgw_destination *set,
					   const struct natgw_gateway *gateway, __u32 port)
{
	return claim->reserved ? portset_add(&set->bits, port, destination_range(gateway))
			       : destination_add(set, gateway, port);
}

static __always_inline void ports_give_bit(const struct claim *claim, struct natgw_destination *set,
					   __u32 port)
{
	if (!claim->reserved) {
		destination_remove(set, port);
	} else if (!portset_remove(&set->bits, port)) {
		/* Whoever has cleared it has taken it off the count, too. */
		__sync_fetch_and_add(&set->count, 1);
	}
}

/*
 * The bit that this claim has set belongs to a session that the set did not know: it stays and is
 * counted. Not when that session is about to be deleted, or is already: nobody would clear the bit.
 */
static __always_inline void ports_keep_foreign(struct claim *claim, struct natgw_destination *set,
					       __u32 port)
{
	__u64 word;
	struct natgw_session *row = session_find_inbound(&claim->key, &word);

	if (!row) {
		ports_give_bit(claim, set, port);
		return;
	}
	if (claim->reserved) {
		__sync_fetch_and_add(&set->count, 1);
	}
	destination_ends(set, port, track_free_at(row, word, claim->key.proto));
}

/* bar: enum ports_bar. */
static __always_inline __u32 ports_barred_until(const struct claim *claim, int bar)
{
	return claim->now + (bar == PORTS_BAR_RESERVED ? PORTS_RESERVED_AGAIN : PORTS_ASK_AGAIN);
}

/* One try with a count in hand; 1 ends the search. */
static long ports_try_many(__u32 attempt, void *context)
{
	struct claim *claim = claim_scratch();
	struct natgw_destination *set;
	struct natgw_gateway *gateway;
	__u32 port = 0;
	int bar;

	(void)context;
	gateway = claim ? policy_gateway(claim->gateway) : (void *)0;
	set = claim ? destination_find(&claim->destination) : (void *)0;
	if (!gateway || !set) {
		return 1;
	}
	if (attempt < PORTS_UNUSED_TRIES) {
		port = ports_pick_unused(claim, gateway);
	}
	if (!port) {
		port = portset_pick(&set->bits, gateway->port_first, gateway->port_count);
	}
	if (!port) {
		/* Full after all; or filling up while we look, which takes others a few steps. */
		return attempt >= PORTS_EMPTY_TRIES;
	}
	bar = ports_is_barred(port);
	if (bar != PORTS_BAR_NONE) {
		/* As good as taken; looked at again in a while. */
		destination_add(set, gateway, port);
		destination_ends(set, port, ports_barred_until(claim, bar));
		return 0;
	}
	if (!ports_take_bit(claim, set, gateway, port)) {
		return 0;
	}
	if (!ports_try(port)) {
		ports_keep_foreign(claim, set, port);
		return 0;
	}
	if (claim->verdict != NATGW_OK) {
		ports_give_bit(claim, set, port);
		return 1;
	}
	/* A release of the session before may have cleared the bit between our two steps. */
	destination_add(set, gateway, port);
	destination_ends(set, port, track_free_at(&claim->row, claim->row.word, claim->key.proto));
	return 1;
}

/* ---- looking at a full set again ---- */

/* A bit was cleared. If its row was taken over meanwhile it was that session's, and comes back. */
static __always_inline void ports_restore(struct claim *claim, struct natgw_destination *set,
					  __u32 port)
{
	struct natgw_gateway *gateway = policy_gateway(claim->gateway);
	__u64 word;
	struct natgw_session *row = session_find_inbound(&claim->key, &word);

	if (row && gateway &&
	    track_inbound_life(&claim->key, row, word, claim->now) != TRACK_FREE) {
		destination_add(set, gateway, port);
	}
}

/*
 * A port whose session may be over: what is free is taken out of the set, and can be had like any
 * other. Its row goes on standing until it is taken over or swept.
 */
static __always_inline void ports_check_port(struct claim *claim, struct natgw_destination *set,
					     __u32 port)
{
	struct natgw_session *row;
	__u32 at;
	__u64 word;

	if (!portset_has(&set->bits, port)) {
		return;
	}
	claim->rechecked++;
	claim->key.ext_port = byteorder_wire16((__u16)port);
	row = session_find_inbound(&claim->key, &word);
	if (row && track_inbound_life(&claim->key, row, word, claim->now) != TRACK_FREE) {
		at = ports_ends_at(claim, row, word);
	} else {
		int bar = ports_is_barred(port);

		if (bar == PORTS_BAR_NONE) {
			destination_remove(set, port);
			claim->found++;
			ports_restore(claim, set, port);
			return;
		}
		at = ports_barred_until(claim, bar);
	}
	claim->word_free_at = destination_earlier(claim->word_free_at, at | 1);
}

static __always_inline bool ports_is_due(__u32 free_at, __u32 now)
{
	return free_at && (__s32)(now - free_at) >= 0;
}

/* The time of the word that is being looked at. */
static __always_inline __u32 *ports_word_time(const struct claim *claim,
					      struct natgw_destination *set)
{
	__u32 word = claim->word;

	/* clang drops a mask that it can prove, and the verifier cannot. */
	asm volatile("" : "+r"(word));
	return &set->word_free_at[word & (PORTSET_WORDS - 1)];
}

/* Passes over words whose time has not come, some at a time; true: claim->word is one to look at.
 */
static __always_inline bool ports_find_due(struct claim *claim, struct natgw_destination *set)
{
	for (int i = 0; i < PORTS_WORDS_AT_ONCE && claim->words_left; i++) {
		claim->word_was = *(const volatile __u32 *)ports_word_time(claim, set);
		if (ports_is_due(claim->word_was, claim->now)) {
			claim->changes = *(const volatile __u32 *)&set->changes;
			claim->word_free_at = 0;
			return true;
		}
		claim->free_at = destination_earlier(claim->free_at, claim->word_was);
		claim->word++;
		claim->words_left--;
	}
	return false;
}

/*
 * One step through a full set: words whose time has not come are passed over, of another one each
 * port is looked at, and when it is then free again. A callback of bpf_loop: 1 ends it, at the end
 * of a word in which something was found, or of the last one that this packet may look at.
 */
static long ports_check(__u32 i, void *context)
{
	struct claim *claim = claim_scratch();
	struct natgw_destination *set;

	(void)i;
	(void)context;
	set = claim ? destination_find(&claim->destination) : (void *)0;
	if (!set || !claim->words_left) {
		return 1;
	}
	if (!claim->bit && !ports_find_due(claim, set)) {
		return 0;
	}
	ports_check_port(claim, set, (claim->word & (PORTSET_WORDS - 1)) << 6 | claim->bit);
	claim->bit = (claim->bit + 1) & 63;
	if (claim->bit) {
		return 0;
	}
	/* Unless somebody has lowered it meanwhile: then it stays due. */
	if (claim->changes == *(const volatile __u32 *)&set->changes) {
		__sync_val_compare_and_swap(ports_word_time(claim, set), claim->word_was,
					    claim->word_free_at);
		claim->free_at = destination_earlier(claim->free_at, claim->word_free_at);
	} else {
		claim->free_at = destination_earlier(claim->free_at, claim->word_was);
	}
	claim->word++;
	claim->words_left--;
	return claim->found || claim->rechecked >= PORTS_CHECK_MAX;
}

/*
 * The destination is full. When the time of some session may have run out, the ports of its word
 * are looked at again. How often that is depends on the timers, not on the attempts. true: there is
 * room now.
 */
static __always_inline bool ports_check_again(struct claim *claim, struct natgw_destination *set)
{
	__u32 free_at = *(volatile __u32 *)&set->free_at;

	if (!ports_is_due(free_at, claim->now)) {
		return false;
	}
	claim->word = set->check_next;
	claim->words_left = PORTSET_WORDS;
	claim->bit = 0;
	claim->found = 0;
	claim->free_at = 0;
	bpf_loop(PORTSET_WORDS * 65, ports_check, (void *)0, 0);
	set->check_next = claim->word;
	if (!claim->words_left) {
		/* In a second at the latest: somebody may have lowered a time behind our back. */
		claim->free_at =
			destination_earlier(claim->free_at, (claim->now + PORTS_ASK_AGAIN) | 1);
		__sync_val_compare_and_swap(&set->free_at, free_at, claim->free_at);
	}
	return claim->found;
}

/*
 * Has the destination room for one more session? A limit below the range is counted before a port
 * is looked for; where the range is the limit, the bits are.
 */
static __always_inline bool ports_has_room(struct claim *claim, struct natgw_destination *set,
					   const struct natgw_gateway *gateway)
{
	__u32 *sessions = destination_counter(claim->phase, claim->hash);

	claim->reserved = claim->limit < gateway->port_count;
	if (!claim->reserved) {
		return *(volatile __u32 *)&set->count < gateway->port_count;
	}
	/* While the set of a wide range is not complete, the counter by hash tells. */
	if (set->walked < gateway->port_count && sessions && *sessions >= claim->limit) {
		return false;
	}
	return ports_reserve(set, claim->limit);
}

static __always_inline void ports_many(struct claim *claim, struct natgw_destination *set,
				       const struct natgw_gateway *gateway)
{
	ports_complete(claim, set, gateway);
	if (ports_has_room(claim, set, gateway)) {
		bpf_loop(NATGW_BITMAP_TRIES, ports_try_many, (void *)0, 0);
		if (claim->verdict == NATGW_OK) {
			return;
		}
		if (claim->reserved) {
			__sync_fetch_and_add(&set->count, -1);
		}
		if (claim->verdict != NATGW_DROP_PORT_EXHAUSTED) {
			return;
		}
	}
	if (ports_check_again(claim, set)) {
		claim->again = 1;
	}
	claim->quota_met = claim->limit < gateway->destination_ports &&
			   set->count < gateway->destination_ports;
}

#endif
