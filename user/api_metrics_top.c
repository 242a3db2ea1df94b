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

int api_metrics_top_read(const struct natgwd_state *state, struct api_metrics_top *ret_top,
			 struct metrics *ret_metrics)
{
	int r = read_destinations(state, ret_top, ret_metrics);

	return r < 0 ? r : read_clients(state, ret_top, ret_metrics);
}
