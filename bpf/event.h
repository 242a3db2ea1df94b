/* SPDX-License-Identifier: GPL-2.0-only */
/* Events: a new session was refused, with who, where to, and how many ports are in use there. */
#ifndef NATGW_BPF_EVENT_H
#define NATGW_BPF_EVENT_H

#include "account.h"
#include "budget.h"
#include "claim.h"

/* The limit that was met. */
static __always_inline __u32 event_limit(const struct claim *claim,
					 const struct natgw_gateway *gateway)
{
	switch (claim->verdict) {
	case NATGW_DROP_CLIENT_QUOTA:
		return gateway->client_sessions_max;
	case NATGW_DROP_HALF_OPEN_QUOTA:
		return gateway->client_opening_max;
	case NATGW_DROP_GATEWAY_QUOTA:
		return gateway->sessions_max;
	case NATGW_DROP_PORT_QUOTA:
		return claim->limit;
	default:
		return gateway->destination_ports;
	}
}

static __always_inline void event_fill(struct natgw_event *event, const struct claim *claim,
				       const struct natgw_gateway *gateway,
				       const struct natgw_destination *row)
{
	event->verdict = claim->verdict;
	event->time = claim->now;
	event->client = claim->outbound_key.int_addr;
	event->rem_addr = claim->rem_addr;
	event->ext_addr = claim->own_eip;
	event->client_port = claim->outbound_key.int_port;
	event->rem_port = claim->rem_port;
	event->proto = claim->outbound_key.proto;
	event->gateway = (__u8)claim->gateway;
	event->reserved = 0;
	event->used = row && row->count > row->held ? row->count - row->held : 0;
	event->held = row ? row->held : 0;
	event->limit = event_limit(claim, gateway);
}

/* claim->verdict says why. Rate-limited; what is left out is counted. */
static __always_inline void event_refused(const struct claim *claim)
{
	struct natgw_gateway *gateway = policy_gateway(claim->gateway);
	struct natgw_destination_key key;
	struct natgw_destination *row;
	struct natgw_event *event;

	key = claim->destination;
	key.ext_addr = claim->own_eip;
	row = destination_find(&key);
	if (row && claim->verdict == NATGW_DROP_PORT_EXHAUSTED) {
		__sync_fetch_and_add(&row->errors, 1);
	}
	if (!gateway) {
		return;
	}
	event = budget_take(NATGW_BUDGET_EVENT, claim->now, NATGW_EVENT_SHIFT, NATGW_EVENT_BURST)
			? bpf_ringbuf_reserve(&events, sizeof(*event), 0)
			: (void *)0;
	if (!event) {
		budget_count(NATGW_GENERATED_EVENT_LOST);
		return;
	}
	event_fill(event, claim, gateway, row);
	bpf_ringbuf_submit(event, 0);
	budget_count(NATGW_GENERATED_EVENT);
}

#endif
