// SPDX-License-Identifier: GPL-2.0-only
/*
 * I4: what is counted against the rows that are there. With traffic a count and the rows are read
 * at different moments: a client is judged when nothing of it came or went in between, a gateway to
 * within the number of sessions that did.
 */
#include "audit_internal.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "cleanup.h"

/* A session may be counted a moment before its row is there; each CPU makes one at a time. */
#define IN_THE_MAKING(look) (2ULL * (look)->cpus)
/* Ticks: a client that was used so shortly before may have been used again since. */
#define JUST_NOW 20

struct sum {
	uint32_t sessions;
	uint32_t opening;
};

struct sums {
	uint64_t gateway_sessions[NATGW_GATEWAYS_MAX];
	uint64_t gateway_mappings[NATGW_GATEWAYS_MAX];
	uint64_t gateway_clients[NATGW_GATEWAYS_MAX];
	struct sum *clients;	/* by row of look->after.clients */
	uint32_t *client_ports; /* by row of look->after.client_ports */
};

/* finding: all but its key. */
static int found(struct audit_look *look, struct audit_finding finding, const void *key,
		 size_t size)
{
	memcpy(finding.key, key, size);
	return audit_look_found(look, &finding);
}

static int found_row(struct audit_look *look, enum audit_kind kind, size_t row)
{
	const struct natgw_session *inbound = audit_table_value(&look->inbound, row);
	struct audit_finding finding = { .kind = kind, .generation = audit_generation(inbound) };

	memcpy(finding.key, audit_table_key(&look->inbound, row), AUDIT_KEY_SIZE);
	return audit_look_found(look, &finding);
}

/* ---- adding up ---- */

static int add_client_port(struct audit_look *look, struct sums *sums, size_t row)
{
	const struct natgw_inbound_key *key = audit_table_key(&look->inbound, row);
	const struct natgw_session *inbound = audit_table_value(&look->inbound, row);
	const struct natgw_client_port_key port_key = {
		.client = inbound->addr,
		.rem_addr = key->rem_addr,
		.rem_port = key->rem_port,
		.proto = key->proto,
		.gateway = (uint8_t)audit_gateway(inbound),
	};
	size_t at = audit_table_find(&look->after.client_ports, &port_key);

	if (at == AUDIT_TABLE_NONE) {
		return found_row(look, AUDIT_KIND_CLIENT_PORT_NONE, row);
	}
	sums->client_ports[at]++;
	return 0;
}

static int add_session(struct audit_look *look, struct sums *sums, size_t row)
{
	const struct natgw_session *inbound = audit_table_value(&look->inbound, row);
	uint32_t gateway = audit_gateway(inbound);
	const struct natgw_client_key client_key = { .addr = inbound->addr, .gateway = gateway };
	size_t at = audit_table_find(&look->after.clients, &client_key);
	int err = 0;

	if (gateway < NATGW_GATEWAYS_MAX) {
		sums->gateway_sessions[gateway]++;
		sums->gateway_mappings[gateway] += audit_state(inbound) == NATGW_STATE_MAPPING;
	}
	if (at == AUDIT_TABLE_NONE) {
		err = found_row(look, AUDIT_KIND_CLIENT_NONE, row);
	} else {
		sums->clients[at].sessions++;
		sums->clients[at].opening += audit_state(inbound) == NATGW_STATE_OPENING;
	}
	if (!err && audit_seen(inbound) & NATGW_SEEN_CLIENT_PORT) {
		err = add_client_port(look, sums, row);
	}
	return err;
}

static int add_all(struct audit_look *look, struct sums *sums)
{
	int err = 0;

	for (size_t row = 0; row < look->after.clients.count; row++) {
		const struct natgw_client_key *key = audit_table_key(&look->after.clients, row);

		if (key->gateway < NATGW_GATEWAYS_MAX) {
			sums->gateway_clients[key->gateway]++;
		}
	}
	for (size_t row = 0; !err && row < look->inbound.count; row++) {
		err = add_session(look, sums, row);
	}
	return err;
}

/* ---- clients ---- */

/* Nothing of the client has come or gone between the two readings. */
static bool client_is_at_rest(const struct audit_look *look, const struct natgw_client_key *key)
{
	const struct natgw_client *before = audit_table_get(&look->before.clients, key);
	const struct natgw_client *after = audit_table_get(&look->after.clients, key);
	int32_t unused;

	if (!before || !after) {
		return false;
	}
	unused = (int32_t)(look->now - before->last_used);
	return before->sessions == after->sessions && before->opening == after->opening &&
	       before->last_used == after->last_used &&
	       (look->options.at_rest || unused > JUST_NOW);
}

static int judge_clients(struct audit_look *look, const struct sums *sums)
{
	int err = 0;

	for (size_t row = 0; !err && row < look->after.clients.count; row++) {
		const struct natgw_client_key *key = audit_table_key(&look->after.clients, row);
		const struct natgw_client *client = audit_table_value(&look->after.clients, row);
		const struct sum *sum = &sums->clients[row];

		if (!client_is_at_rest(look, key)) {
			continue;
		}
		if (client->sessions != sum->sessions) {
			err = found(look,
				    (struct audit_finding){ .kind = AUDIT_KIND_CLIENT_SESSIONS,
							    .have = client->sessions,
							    .want = sum->sessions },
				    key, sizeof(*key));
		}
		if (!err && client->opening != sum->opening) {
			err = found(look,
				    (struct audit_finding){ .kind = AUDIT_KIND_CLIENT_OPENING,
							    .have = client->opening,
							    .want = sum->opening },
				    key, sizeof(*key));
		}
	}
	return err;
}

static int judge_client_ports(struct audit_look *look, const struct sums *sums)
{
	const struct audit_table *table = &look->after.client_ports;
	int err = 0;

	for (size_t row = 0; !err && row < table->count; row++) {
		const struct natgw_client_port_key *key = audit_table_key(table, row);
		const struct natgw_client_key client_key = { .addr = key->client,
							     .gateway = key->gateway };
		const uint32_t *count = audit_table_value(table, row);
		const uint32_t *before = audit_table_get(&look->before.client_ports, key);
		/* A count without a client is nobody's, unless it has just come. */
		bool settled = audit_table_get(&look->after.clients, &client_key)
				       ? client_is_at_rest(look, &client_key)
				       : before && *before == *count;

		if (settled && *count != sums->client_ports[row]) {
			err = found(look,
				    (struct audit_finding){ .kind = AUDIT_KIND_CLIENT_PORTS,
							    .have = *count,
							    .want = sums->client_ports[row] },
				    key, sizeof(*key));
		}
	}
	return err;
}

/* ---- gateways ---- */

/* have: as counted before the rows were read; drift: how many of them came or went meanwhile. */
static int judge_count(struct audit_look *look, enum audit_kind kind, uint32_t index,
		       const uint64_t numbers[3])
{
	uint64_t have = numbers[0], want = numbers[1], drift = numbers[2];
	uint64_t difference = have > want ? have - want : want - have;

	return difference > drift
		       ? found(look,
			       (struct audit_finding){ .kind = kind, .have = have, .want = want },
			       &index, sizeof(index))
		       : 0;
}

static int judge_gateway(struct audit_look *look, const struct sums *sums, uint32_t index)
{
	const struct natgw_gateway_use *before = &look->before.use[index];
	const struct natgw_gateway_use *after = &look->after.use[index];
	uint64_t drift = look->after.changes[index] - look->before.changes[index];
	uint64_t sessions = sums->gateway_sessions[index];
	uint64_t mappings = sums->gateway_mappings[index];
	uint64_t forgotten =
		before->clients > after->clients ? before->clients - after->clients : 0;
	int err;

	if (drift || before->sessions != after->sessions || before->clients != after->clients ||
	    before->mappings != after->mappings) {
		/* Mappings are in no other count. */
		drift += IN_THE_MAKING(look) + before->mappings + after->mappings;
	}
	err = judge_count(look, AUDIT_KIND_GATEWAY_SESSIONS, index,
			  (uint64_t[]){ before->sessions, sessions, drift });
	if (!err) {
		err = judge_count(look, AUDIT_KIND_GATEWAY_MAPPINGS, index,
				  (uint64_t[]){ before->mappings, mappings, drift });
	}
	if (!err) {
		/* The sweep forgets clients. */
		err = judge_count(look, AUDIT_KIND_GATEWAY_CLIENTS, index,
				  (uint64_t[]){ after->clients, sums->gateway_clients[index],
						drift + forgotten });
	}
	if (!err && !look->options.no_history) {
		err = judge_count(
			look, AUDIT_KIND_GATEWAY_HISTORY, index,
			(uint64_t[]){ look->before.created[index] - look->before.closed[index],
				      sessions - mappings, drift });
	}
	return err;
}

int audit_sums(struct audit_look *look)
{
	_cleanup_free_ struct sum *clients =
		calloc(look->after.clients.count + 1, sizeof(*clients));
	_cleanup_free_ uint32_t *ports = calloc(look->after.client_ports.count + 1, sizeof(*ports));
	_cleanup_free_ struct sums *sums = calloc(1, sizeof(*sums));
	int err;

	if (!clients || !ports || !sums) {
		return -ENOMEM;
	}
	sums->clients = clients;
	sums->client_ports = ports;
	err = add_all(look, sums);
	if (!err) {
		err = judge_clients(look, sums);
	}
	if (!err) {
		err = judge_client_ports(look, sums);
	}
	for (uint32_t index = 0; !err && index < NATGW_GATEWAYS_MAX; index++) {
		err = judge_gateway(look, sums, index);
	}
	return err;
}
