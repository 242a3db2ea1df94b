/* SPDX-License-Identifier: GPL-2.0-only */
/* The session of an outbound packet, whichever gateway it is at. */
#ifndef NATGW_BPF_OUTBOUND_FIND_H
#define NATGW_BPF_OUTBOUND_FIND_H

#include "outbound_new.h"

static __always_inline void outbound_key(const struct packet *pkt, struct natgw_outbound_key *key)
{
	key->int_addr = pkt->saddr;
	key->rem_addr = pkt->daddr;
	key->int_port = pkt->sport;
	key->rem_port = pkt->dport;
	key->proto = pkt->proto;
	key->gateway = pkt->gateway;
	key->reserved = 0;
}

struct outbound_search {
	struct natgw_outbound_key key;
	__u32 now;
	__u32 skip; /* looked up already */
};

/* A callback of bpf_loop: 1 when this gateway has the session. */
static long outbound_try_gateway(__u32 i, struct outbound_search *search)
{
	__u64 word;

	if (i + 1 == search->skip) {
		return 0;
	}
	search->key.gateway = (__u8)(i + 1);
	return !!track_find_outbound(&search->key, search->now, &word);
}

/*
 * The session of this key at another gateway than the one that the route names now: a route that is
 * moved does not touch living sessions. Only on a miss, and only where there are several gateways.
 * true with key->gateway set.
 */
static __noinline bool outbound_find_gateway(struct natgw_outbound_key *key, __u32 now)
{
	struct natgw_settings *set = policy_settings();
	struct outbound_search search = { .key = *key, .now = now, .skip = key->gateway };
	__u64 word;

	if (!set || set->gateway_end <= 2) {
		return false;
	}
	bpf_loop(set->gateway_end - 1, outbound_try_gateway, &search, 0);
	if (!track_find_outbound(&search.key, now, &word)) {
		return false;
	}
	key->gateway = search.key.gateway;
	return true;
}

/* The living session of this key, whichever gateway has it; pkt->gateway is then that one. */
static __always_inline struct natgw_session *
outbound_find(struct packet *pkt, struct natgw_outbound_key *key, __u64 *ret_word)
{
	__u8 routed = pkt->gateway;
	struct natgw_session *row = track_find_outbound(key, pkt->now, ret_word);

	if (!row && outbound_find_gateway(key, pkt->now)) {
		row = track_find_outbound(key, pkt->now, ret_word);
		if (row) {
			pkt->gateway = key->gateway;
		} else {
			key->gateway = pkt->gateway;
		}
	}
	if (row && session_state(*ret_word) == NATGW_STATE_HOLD && pkt->proto == IPPROTO_TCP &&
	    outbound_is_syn(pkt)) {
		/* The old connection is over; its port stays held, the new one gets another. */
		pkt->gateway = routed;
		key->gateway = routed;
		return (void *)0;
	}
	return row;
}

#endif
