// SPDX-License-Identifier: GPL-2.0-only
/*
 * What a new session would count against: one pass over the sessions for its destination, and the
 * counts of its client and gateway. And the verdict that follows, by the data path's own order
 * (bpf/create.h).
 */
#include <errno.h>
#include <netinet/in.h>
#include <string.h>

#include "check_internal.h"
#include "natgw_table.h"
#include "record.h"
#include "snapshot.h"

/* A session without an answer for so long is worth a word. */
#define OPENING_S 1

/* ---- the EIPs that a new session would try ---- */

static uint32_t reserved_in_range(const struct natgwd_state *state, const struct check_facts *facts,
				  uint32_t eip)
{
	enum natgw_proto proto =
		facts->query.proto == IPPROTO_TCP ? NATGW_PROTO_TCP : NATGW_PROTO_UDP;
	const struct natgw_gateway *row = &facts->row;
	struct natgw_port_bits bits;
	uint32_t count = 0;

	if (facts->query.proto == IPPROTO_ICMP ||
	    datapath_get_reserved(state->dp, eip, proto, &bits) < 0) {
		return 0;
	}
	for (uint32_t i = 0; i < row->port_count; i++) {
		uint32_t port = row->port_first + i;

		count += bits.word[port >> 6 & 1023] >> (port & 63) & 1;
	}
	return count;
}

/* As create_client_hash: which EIP of the pool is the client's own. */
static uint32_t first_of_pool(const struct check_facts *facts, uint32_t count)
{
	if (facts->row.flags & NATGW_GATEWAY_RANDOM_EIP) {
		return 0;
	}
	return ((ntohl(facts->query.client) * 0x9e3779b1U) >> 16) % count;
}

static int find_eips(const struct natgwd_state *state, struct check_facts *facts)
{
	const bool by_rule = facts->snat.place && facts->snat.kind == NATGW_RULE_SNAT;
	const uint32_t first = by_rule ? facts->snat.pool_first : 0;
	const uint32_t count = by_rule ? facts->snat.pool_count : facts->row.eip_count;
	struct check_use *use = &facts->use;

	for (uint32_t i = 0; i < count && use->eip_count < NATGW_EIPS_MAX; i++) {
		uint32_t position = (first_of_pool(facts, count) + i) % count;
		struct check_eip *eip = &use->eips[use->eip_count];
		struct natgw_address address = { 0 };
		struct natgw_pool_row row;
		int r = datapath_get_pool(state->dp, facts->gateway, first + position, &row);
		uint32_t ports;

		if (r < 0) {
			return r;
		}
		(void)datapath_get_address(state->dp, row.addr, &address);
		ports = facts->row.port_count - reserved_in_range(state, facts, row.eip);
		eip->addr = row.addr;
		eip->public_addr = address.peer;
		eip->limit =
			ports < facts->row.destination_ports ? ports : facts->row.destination_ports;
		use->eip_count++;
	}
	return 0;
}

/* ---- one pass over the sessions ---- */

static void count_ports(const struct natgw_session_record *record, struct check_facts *facts)
{
	const __be16 port = facts->result.wire_port ? facts->result.wire_port : facts->query.port;
	struct check_use *use = &facts->use;
	const bool live = record_life(record) == RECORD_LIVE;

	if (record->key.rem_port != port || record_gateway(record) != facts->gateway) {
		return;
	}
	use->client_ports += record->inbound.addr == facts->query.client;
	for (size_t i = 0; i < use->eip_count; i++) {
		if (use->eips[i].addr == record->key.ext_addr) {
			use->eips[i].used += live;
			use->eips[i].held += !live;
			return;
		}
	}
}

static void note_own(const struct natgw_session_record *record, struct check_talk *talk)
{
	const unsigned int state = record_state(record);

	/* Of several the one that is furthest. */
	if (talk->has_own &&
	    (talk->own_state == NATGW_STATE_ESTABLISHED || state != NATGW_STATE_ESTABLISHED)) {
		return;
	}
	talk->has_own = true;
	talk->own_port = record->inbound.port;
	talk->own_ext_addr = record->key.ext_addr;
	talk->own_ext_port = record->key.ext_port;
	talk->own_state = state;
	talk->own_idle_s = (uint32_t)record_seconds(record_idle(record));
}

static void note_talk(const struct natgw_session_record *record, struct check_facts *facts)
{
	const uint32_t seen = (uint32_t)(record->inbound.word >> NATGW_WORD_SEEN_SHIFT) & 0xff;
	const uint32_t idle = (uint32_t)record_seconds(record_idle(record));
	struct check_talk *talk = &facts->talk;
	bool answered = seen & (NATGW_SEEN_REPLY | NATGW_SEEN_HANDSHAKE);

	if (record_orig_port(record) != facts->query.port) {
		return;
	}
	if (record->inbound.addr == facts->query.client) {
		note_own(record, talk);
	}
	if (answered || (record->inbound.word & NATGW_WORD_STATE_MASK) == NATGW_STATE_ESTABLISHED) {
		talk->established++;
	} else if (record->held && record->hold == NATGW_HOLD_RST) {
		talk->refused++;
	} else if (idle >= OPENING_S) {
		talk->opening++;
		talk->opening_s = idle > talk->opening_s ? idle : talk->opening_s;
	}
}

static int look_at(const struct natgw_session_record *record, void *arg)
{
	struct check_facts *facts = arg;

	if (record->key.rem_addr != facts->query.dst || record->key.proto != facts->query.proto ||
	    record_life(record) == RECORD_OVER) {
		return 0;
	}
	count_ports(record, facts);
	note_talk(record, facts);
	return 0;
}

/* ---- counts ---- */

static int look_at_client(const struct natgw_client_key *key, const struct natgw_client *row,
			  void *arg)
{
	struct check_facts *facts = arg;

	if (key->addr == facts->query.client && key->gateway == facts->gateway) {
		facts->use.client_sessions = row->sessions & ~NATGW_COUNT_DEAD;
		facts->use.client_opening = row->opening;
	}
	return 0;
}

static int count_gateways(const struct natgwd_state *state, struct check_facts *facts)
{
	struct natgw_table_size size;

	for (uint32_t i = 1; i < NATGW_GATEWAYS_MAX; i++) {
		struct natgw_gateway_use use = { 0 };
		int r = datapath_read_gateway_use(state->dp, i, &use);

		if (r < 0) {
			return r;
		}
		facts->use.table_sessions += use.sessions;
		if (i == facts->gateway) {
			facts->use.gateway_sessions = use.sessions;
			facts->use.clients = use.clients;
		}
	}
	facts->use.table_max = snapshot_sessions_max(state);
	size = natgw_table_size_for((uint32_t)facts->use.table_max, 0);
	facts->use.table_slots = natgw_table_slots(&size);
	return 0;
}

int check_find_use(const struct natgwd_state *state, struct check_facts *facts)
{
	int r = facts->gateway ? find_eips(state, facts) : 0;

	if (r == 0) {
		r = count_gateways(state, facts);
	}
	if (r == 0) {
		r = datapath_each_session(state->dp, look_at, facts);
	}
	return r == 0 ? datapath_each_client(state->dp, look_at_client, facts) : r;
}

/* ---- what would be refused; pure ---- */

/* As create_kept: ports of each EIP that are kept for clients without their guaranteed ones. */
static uint32_t kept_for_others(const struct check_facts *facts)
{
	const struct natgw_gateway *row = &facts->row;
	uint32_t others = facts->use.clients ? facts->use.clients - 1 : 0;
	uint64_t kept;

	others = others < NATGW_CLIENTS_EXPECTED ? NATGW_CLIENTS_EXPECTED : others;
	kept = (uint64_t)row->client_ports_min * others;
	kept = row->eip_count > 1 ? (kept + row->eip_count - 1) / row->eip_count : kept;
	return kept < row->destination_ports / 2 ? (uint32_t)kept : row->destination_ports / 2;
}

uint32_t check_ports_left(const struct check_eip *eip)
{
	const uint64_t taken = (uint64_t)eip->used + eip->held;

	return taken < eip->limit ? (uint32_t)(eip->limit - taken) : 0;
}

static enum natgw_verdict refused_ports(const struct check_facts *facts)
{
	const struct natgw_gateway *row = &facts->row;
	const struct check_use *use = &facts->use;
	uint32_t kept = 0;
	bool any = false;

	if (row->client_ports_max && use->client_ports >= row->client_ports_max) {
		return NATGW_DROP_PORT_QUOTA;
	}
	if (row->client_ports_min && use->client_ports >= row->client_ports_min) {
		kept = kept_for_others(facts);
	}
	for (size_t i = 0; i < use->eip_count; i++) {
		if (check_ports_left(&use->eips[i]) > kept) {
			return NATGW_OK;
		}
		any = any || check_ports_left(&use->eips[i]) > 0;
	}
	return any ? NATGW_DROP_PORT_QUOTA : NATGW_DROP_PORT_EXHAUSTED;
}

/* Above its size the table takes what finds a place: a refusal shows that nothing does. */
static bool is_table_full(const struct check_facts *facts)
{
	const struct check_use *use = &facts->use;

	return use->table_max && use->table_sessions >= use->table_max &&
	       (use->table_sessions >= use->table_slots ||
		(facts->refused.count && facts->refused.verdict == NATGW_DROP_SESSION_TABLE_FULL));
}

enum natgw_verdict check_refusal(const struct check_facts *facts)
{
	const struct natgw_gateway *row = &facts->row;
	const struct check_use *use = &facts->use;

	if (facts->public_addr || facts->result.met & NATGW_CHECK_SESSION) {
		/* It needs no new session. */
		return NATGW_OK;
	}
	if (row->sessions_max && use->gateway_sessions >= row->sessions_max) {
		return NATGW_DROP_GATEWAY_QUOTA;
	}
	if (is_table_full(facts)) {
		return NATGW_DROP_SESSION_TABLE_FULL;
	}
	if (row->client_sessions_max && use->client_sessions >= row->client_sessions_max) {
		return NATGW_DROP_CLIENT_QUOTA;
	}
	if (row->client_opening_max && use->client_opening >= row->client_opening_max) {
		return NATGW_DROP_HALF_OPEN_QUOTA;
	}
	return refused_ports(facts);
}
