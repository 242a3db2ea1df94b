// SPDX-License-Identifier: GPL-2.0-only
/* Picks the few with the highest numbers. Not responsible for how they are written. */
#include "api_metrics_top.h"

#include <arpa/inet.h>
#include <string.h>

#include "best.h"
#include "names.h"
#include "snapshot.h"

static int compare_numbers(uint64_t left, uint64_t right)
{
	return left < right ? -1 : left > right;
}

/* ---- destinations ---- */

static int compare_shares(const void *left, const void *right)
{
	const struct natgw_destination_record *a = left;
	const struct natgw_destination_record *b = right;
	int r = compare_numbers((uint64_t)b->count * a->limit, (uint64_t)a->count * b->limit);

	return r ? r : memcmp(&a->key, &b->key, sizeof(a->key));
}

static int compare_refusals(const void *left, const void *right)
{
	const struct natgw_destination_record *a = left;
	const struct natgw_destination_record *b = right;
	int r = compare_numbers(b->errors, a->errors);

	return r ? r : memcmp(&a->key, &b->key, sizeof(a->key));
}

struct destinations {
	struct best used;
	struct best refusing;
};

static int look_at_destination(const struct natgw_destination_record *record, void *arg)
{
	struct destinations *destinations = arg;

	best_offer(&destinations->used, record);
	if (record->errors) {
		best_offer(&destinations->refusing, record);
	}
	return 0;
}

static void name_destinations(const struct natgwd_state *state, const struct best *best,
			      struct metrics_destination *ret_named)
{
	const struct natgw_destination_record *records = best->items;

	for (size_t i = 0; i < best->count; i++) {
		const struct natgw_destination_record *from = &records[i];
		struct metrics_destination *to = &ret_named[i];

		snprintf(to->gateway, sizeof(to->gateway), "%s",
			 snapshot_gateway_name(state, from->key.gateway));
		inet_ntop(AF_INET, &from->key.ext_addr, to->eip, sizeof(to->eip));
		inet_ntop(AF_INET, &from->key.rem_addr, to->address, sizeof(to->address));
		snprintf(to->port, sizeof(to->port), "%u", ntohs(from->key.rem_port));
		to->proto = names_ip_proto(from->key.proto);
		to->count = from->count;
		to->limit = from->limit;
		to->errors = from->errors;
	}
}

static int read_destinations(const struct natgwd_state *state, struct api_metrics_top *ret_top,
			     struct metrics *ret_metrics)
{
	struct natgw_destination_record used[METRICS_TOP];
	struct natgw_destination_record refusing[METRICS_TOP];
	struct destinations destinations = {
		.used = { used, sizeof(used[0]), METRICS_TOP, 0, compare_shares },
		.refusing = { refusing, sizeof(refusing[0]), METRICS_TOP, 0, compare_refusals },
	};
	int r = datapath_each_destination(state->dp, look_at_destination, &destinations);

	if (r < 0) {
		return r;
	}
	name_destinations(state, &destinations.used, ret_top->destinations);
	name_destinations(state, &destinations.refusing, ret_top->refusing);
	ret_metrics->destinations = ret_top->destinations;
	ret_metrics->destination_count = destinations.used.count;
	ret_metrics->refusing = ret_top->refusing;
	ret_metrics->refusing_count = destinations.refusing.count;
	return 0;
}

/* ---- clients ---- */

struct client {
	struct natgw_client_key key;
	uint32_t sessions;
	uint64_t errors[NATGW_ALLOC_ERROR_COUNT];
	uint64_t all_errors;
};

static int compare_keys(const struct client *a, const struct client *b)
{
	return memcmp(&a->key, &b->key, sizeof(a->key));
}

static int compare_sessions(const void *left, const void *right)
{
	const struct client *a = left;
	const struct client *b = right;
	int r = compare_numbers(b->sessions, a->sessions);

	return r ? r : compare_keys(a, b);
}

static int compare_errors(const void *left, const void *right)
{
	const struct client *a = left;
	const struct client *b = right;
	int r = compare_numbers(b->all_errors, a->all_errors);

	return r ? r : compare_keys(a, b);
}

struct clients {
	struct best using;
	struct best refused;
};

static int look_at_client(const struct natgw_client_key *key, const struct natgw_client *row,
			  void *arg)
{
	struct clients *clients = arg;
	struct client client = { .key = *key, .sessions = row->sessions };

	for (size_t i = 0; i < NATGW_ALLOC_ERROR_COUNT; i++) {
		client.errors[i] = row->errors[i];
		client.all_errors += row->errors[i];
	}
	if (client.sessions) {
		best_offer(&clients->using, &client);
	}
	if (client.all_errors) {
		best_offer(&clients->refused, &client);
	}
	return 0;
}

static void name_clients(const struct natgwd_state *state, const struct best *best,
			 struct metrics_client *ret_named)
{
	const struct client *clients = best->items;

	for (size_t i = 0; i < best->count; i++) {
		struct metrics_client *to = &ret_named[i];

		snprintf(to->gateway, sizeof(to->gateway), "%s",
			 snapshot_gateway_name(state, clients[i].key.gateway));
		inet_ntop(AF_INET, &clients[i].key.addr, to->address, sizeof(to->address));
		to->sessions = clients[i].sessions;
		memcpy(to->errors, clients[i].errors, sizeof(to->errors));
	}
}

static int read_clients(const struct natgwd_state *state, struct api_metrics_top *ret_top,
			struct metrics *ret_metrics)
{
	struct client using[METRICS_TOP];
	struct client refused[METRICS_TOP];
	struct clients clients = {
		.using = { using, sizeof(using[0]), METRICS_TOP, 0, compare_sessions },
		.refused = { refused, sizeof(refused[0]), METRICS_TOP, 0, compare_errors },
	};
	int r = datapath_each_client(state->dp, look_at_client, &clients);

	if (r < 0) {
		return r;
	}
	name_clients(state, &clients.using, ret_top->clients);
	name_clients(state, &clients.refused, ret_top->refused);
	ret_metrics->clients = ret_top->clients;
	ret_metrics->client_count = clients.using.count;
	ret_metrics->refused = ret_top->refused;
	ret_metrics->refused_count = clients.refused.count;
	return 0;
}

/* ---- clients, from their sessions ---- */

static bool sessions_are_few(const struct natgwd_state *state)
{
	uint64_t sessions = 0;

	for (uint32_t i = 1; i < NATGW_GATEWAYS_MAX; i++) {
		struct natgw_gateway_use use = {};

		if (state->gateways[i].name[0] &&
		    datapath_read_gateway_use(state->dp, i, &use) == 0) {
			sessions += use.sessions;
		}
	}
	return sessions <= API_METRICS_WALK_MAX;
}

/* Raises what is below the last time, and remembers it. */
static void keep_bytes(struct api_metrics_shown *shown, const struct natgw_client_key *key,
		       uint64_t bytes[2])
{
	size_t at = 0;

	while (at < API_METRICS_SHOWN && memcmp(&shown->clients[at].key, key, sizeof(*key)) != 0)
		at++;
	if (at == API_METRICS_SHOWN) {
		at = shown->next;
		shown->next = (at + 1) % API_METRICS_SHOWN;
		shown->clients[at].key = *key;
		memset(shown->clients[at].bytes, 0, sizeof(shown->clients[at].bytes));
	}
	for (size_t way = 0; way < 2; way++) {
		if (bytes[way] < shown->clients[at].bytes[way]) {
			bytes[way] = shown->clients[at].bytes[way];
		}
		shown->clients[at].bytes[way] = bytes[way];
	}
}

static int read_walked(struct natgwd_state *state, struct api_metrics_shown *shown,
		       struct api_metrics_top *ret_top, struct metrics *ret_metrics)
{
	const struct top_client *best[METRICS_TOP];
	const struct top *top = NULL;
	int r = sessions_are_few(state) ? top_get(&state->top, state->dp, &top) : 0;

	if (r < 0 || !top) {
		return r;
	}
	size_t count = top_clients(top, 0, best, METRICS_TOP);

	for (size_t i = 0; i < count; i++) {
		struct metrics_client *to = &ret_top->walked[i];

		snprintf(to->gateway, sizeof(to->gateway), "%s",
			 snapshot_gateway_name(state, best[i]->key.gateway));
		inet_ntop(AF_INET, &best[i]->key.addr, to->address, sizeof(to->address));
		to->ports = best[i]->ports;
		to->most_to_one = best[i]->most_to_one;
		to->bytes[NATGW_OUTBOUND] =
			best[i]->bytes_out + best[i]->bytes_gone[NATGW_OUTBOUND];
		to->bytes[NATGW_INBOUND] = best[i]->bytes_in + best[i]->bytes_gone[NATGW_INBOUND];
		keep_bytes(shown, &best[i]->key, to->bytes);
	}
	ret_metrics->walked = ret_top->walked;
	ret_metrics->walked_count = count;
	return 0;
}

int api_metrics_top_read(struct natgwd_state *state, struct api_metrics_shown *shown,
			 struct api_metrics_top *ret_top, struct metrics *ret_metrics)
{
	int r = read_destinations(state, ret_top, ret_metrics);

	if (r == 0) {
		r = read_clients(state, ret_top, ret_metrics);
	}
	return r < 0 ? r : read_walked(state, shown, ret_top, ret_metrics);
}
