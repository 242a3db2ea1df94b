// SPDX-License-Identifier: GPL-2.0-only
/*
 * The life of a session as the data path sees it (bpf/track.h, written a second time so that a
 * mistake there shows), and the keys by which its rows name each other.
 */
#include "audit_internal.h"

#include <netinet/in.h>

enum natgw_proto audit_session_proto(uint8_t proto)
{
	switch (proto) {
	case IPPROTO_TCP:
		return NATGW_PROTO_TCP;
	case IPPROTO_UDP:
		return NATGW_PROTO_UDP;
	case IPPROTO_ICMP:
		return NATGW_PROTO_ICMP;
	default:
		return NATGW_PROTO_COUNT;
	}
}

struct natgw_outbound_key audit_session_outbound_key(const struct natgw_inbound_key *key,
						     const struct natgw_session *row)
{
	return (struct natgw_outbound_key){
		.int_addr = row->addr,
		.rem_addr = key->rem_addr,
		.int_port = row->port,
		.rem_port = row->orig_port ? row->orig_port : key->rem_port,
		.proto = key->proto,
		.gateway = (uint8_t)audit_gateway(row),
	};
}

struct natgw_inbound_key audit_session_inbound_key(const struct natgw_outbound_key *key,
						   const struct natgw_session *row)
{
	return (struct natgw_inbound_key){
		.ext_addr = row->addr,
		.rem_addr = key->rem_addr,
		.ext_port = row->port,
		.rem_port = row->orig_port ? row->orig_port : key->rem_port,
		.proto = key->proto,
	};
}

/* ---- life ---- */

static enum natgw_timer idle_timer(uint8_t proto, uint32_t state)
{
	if (proto == IPPROTO_TCP) {
		return state == NATGW_STATE_OPENING ? NATGW_TIMER_TCP_HALF_OPEN
						    : NATGW_TIMER_TCP_ESTABLISHED;
	}
	if (proto == IPPROTO_UDP) {
		return state == NATGW_STATE_OPENING ? NATGW_TIMER_UDP_UNREPLIED
						    : NATGW_TIMER_UDP_REPLIED;
	}
	return NATGW_TIMER_ICMP;
}

static enum natgw_timer hold_timer(uint8_t proto, uint32_t state, uint32_t seen)
{
	if (state == NATGW_STATE_HOLD) {
		return seen & NATGW_SEEN_RST ? NATGW_TIMER_HOLD_RST : NATGW_TIMER_HOLD_FIN;
	}
	if (proto == IPPROTO_TCP) {
		return state == NATGW_STATE_OPENING ? NATGW_TIMER_HOLD_HALF_OPEN
						    : NATGW_TIMER_HOLD_TCP_IDLE;
	}
	return proto == IPPROTO_UDP ? NATGW_TIMER_HOLD_UDP : NATGW_TIMER_HOLD_ICMP;
}

/* Of the session's rule, else of its gateway; NULL: neither exists. */
static const uint32_t *timers_of(const struct audit_look *look, const struct natgw_session *word)
{
	uint32_t number = audit_rule_number(word);
	const struct natgw_gateway *gateway;
	const struct natgw_rule *rule;

	if (number) {
		rule = audit_table_get(&look->rules, &number);
		return rule ? rule->timeout : NULL;
	}
	gateway = audit_look_gateway(look, audit_gateway(word));
	return gateway ? gateway->timeout : NULL;
}

/* word: the row whose word counts. Ticks wrap; a time that is ahead of now is now. */
static enum audit_life life_at(const struct audit_look *look, uint8_t proto,
			       const struct natgw_session *word, uint32_t last_seen)
{
	const uint32_t *timers = timers_of(look, word);
	int32_t passed = (int32_t)(look->now - last_seen);
	uint64_t idle = passed > 0 ? (uint64_t)passed : 0, timeout, held;
	uint32_t state = audit_state(word);

	if (!timers) {
		return AUDIT_FREE;
	}
	timeout = timers[idle_timer(proto, state)];
	held = timers[hold_timer(proto, state, audit_seen(word))];
	if (state == NATGW_STATE_HOLD) {
		return idle < held ? AUDIT_HELD : AUDIT_FREE;
	}
	if (state == NATGW_STATE_MAPPING) {
		return idle < timeout + NATGW_MAPPING_SLACK ? AUDIT_LIVE : AUDIT_FREE;
	}
	if (idle < timeout) {
		return AUDIT_LIVE;
	}
	return idle < timeout + held ? AUDIT_HELD : AUDIT_FREE;
}

enum audit_life audit_session_row_life(const struct audit_look *look, uint8_t proto,
				       const struct natgw_session *row)
{
	return life_at(look, proto, row, row->last_seen);
}

enum audit_life audit_session_life(const struct audit_look *look, uint8_t proto,
				   const struct natgw_session *inbound,
				   const struct natgw_session *outbound)
{
	enum audit_life life = life_at(look, proto, inbound, inbound->last_seen), other;

	if (audit_state(inbound) == NATGW_STATE_NEW) {
		return AUDIT_LIVE;
	}
	/* In state HOLD both rows carry the time when it began. */
	if (!outbound || life == AUDIT_LIVE || audit_state(inbound) == NATGW_STATE_HOLD) {
		return life;
	}
	other = life_at(look, proto, inbound, outbound->last_seen);
	return other < life ? other : life;
}

enum audit_life audit_session_inbound_life(const struct audit_look *look, size_t row)
{
	const struct natgw_inbound_key *key = audit_table_key(&look->inbound, row);
	const struct natgw_session *inbound = audit_table_value(&look->inbound, row);
	struct natgw_outbound_key other = audit_session_outbound_key(key, inbound);
	const struct natgw_session *outbound = audit_table_get(&look->outbound, &other);

	if (outbound && audit_generation(outbound) != audit_generation(inbound)) {
		outbound = NULL;
	}
	return audit_session_life(look, key->proto, inbound, outbound);
}
