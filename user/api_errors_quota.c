// SPDX-License-Identifier: GPL-2.0-only
/* Entries for what is not a port: quotas of a client, of a gateway, the table, EIPs. */
#include <arpa/inet.h>
#include <errno.h>
#include <string.h>

#include "api_errors_internal.h"
#include "best.h"
#include "explain.h"
#include "names.h"
#include "snapshot.h"

/* The drop reason of the same packet. */
static unsigned int verdict_of(unsigned int error)
{
	static const unsigned int verdicts[] = {
		[NATGW_ALLOC_PORT_EXHAUSTED] = NATGW_DROP_PORT_EXHAUSTED,
		[NATGW_ALLOC_TABLE_FULL] = NATGW_DROP_SESSION_TABLE_FULL,
		[NATGW_ALLOC_NO_EIP] = NATGW_DROP_PORT_EXHAUSTED,
		[NATGW_ALLOC_CLIENT_QUOTA] = NATGW_DROP_CLIENT_QUOTA,
		[NATGW_ALLOC_HALF_OPEN_QUOTA] = NATGW_DROP_HALF_OPEN_QUOTA,
		[NATGW_ALLOC_PORT_QUOTA] = NATGW_DROP_PORT_QUOTA,
		[NATGW_ALLOC_GATEWAY_QUOTA] = NATGW_DROP_GATEWAY_QUOTA,
		[NATGW_ALLOC_EIM_CONFLICT] = NATGW_DROP_EIM_CONFLICT,
	};

	return verdicts[error];
}

static void finish(struct api_errors *errors, json_t *entry, unsigned int error,
		   const struct explain_use *use)
{
	json_t *help = json_array();

	explain_quota(error, use, api_errors_advise, help);
	json_object_set_new(entry, "help", help);
	json_array_append_new(errors->list, entry);
}

/* ---- of a client ---- */

struct refused_client {
	const struct top_client *client;
	uint64_t errors;
};

static int compare_refused(const void *left, const void *right)
{
	const struct refused_client *a = left;
	const struct refused_client *b = right;

	if (a->errors != b->errors) {
		return a->errors > b->errors ? -1 : 1;
	}
	/* Both point into one array, sorted by key. */
	return a->client < b->client ? -1 : a->client > b->client;
}

/* Ports that the client has towards the destination, live or held, by all EIPs. */
static uint64_t ports_towards(const struct api_errors *errors, const struct natgw_event *event)
{
	uint64_t ports = 0;

	for (size_t i = 0; i < errors->top->destination_count; i++) {
		const struct top_destination *destination = &errors->top->destinations[i];

		if (destination->key.rem_addr != event->rem_addr ||
		    destination->key.rem_port != event->rem_port ||
		    destination->key.proto != event->proto ||
		    destination->key.gateway != event->gateway) {
			continue;
		}
		for (size_t j = 0; j < destination->client_count; j++) {
			const struct top_share *share =
				&errors->top->shares[destination->first_client + j];

			ports += share->client == event->client
					 ? share->used + (uint64_t)share->held
					 : 0;
		}
	}
	return ports;
}

static bool is_listed(const json_t *list, const char *address, const struct natgw_event *event)
{
	size_t i;
	json_t *item;

	json_array_foreach (list, i, item) {
		if (json_integer_value(json_object_get(item, "port")) == ntohs(event->rem_port) &&
		    strcmp(json_string_value(json_object_get(item, "destination")), address) == 0 &&
		    strcmp(json_string_value(json_object_get(item, "protocol")),
			   names_ip_proto(event->proto)) == 0) {
			return true;
		}
	}
	return false;
}

/* Where the client was refused, the latest first; by the events that are kept. */
static json_t *refused_at(const struct api_errors *errors, const struct api_errors_events *wanted)
{
	json_t *list = json_array();

	for (size_t i = errors->log->count; i-- > 0;) {
		const struct natgw_event *event = &events_at(errors->log, i)->event;
		char address[INET_ADDRSTRLEN];

		if (event->verdict != wanted->verdict || event->gateway != wanted->gateway ||
		    event->client != wanted->client) {
			continue;
		}
		inet_ntop(AF_INET, &event->rem_addr, address, sizeof(address));
		if (json_array_size(list) < API_ERRORS_NAMES && !is_listed(list, address, event)) {
			json_array_append_new(
				list, json_pack("{s:s, s:i, s:s, s:I}", "destination", address,
						"port", (int)ntohs(event->rem_port), "protocol",
						names_ip_proto(event->proto), "ports",
						(json_int_t)ports_towards(errors, event)));
		}
	}
	return list;
}

static uint32_t client_limit(const struct natgw_gateway *gateway, unsigned int error)
{
	switch (error) {
	case NATGW_ALLOC_CLIENT_QUOTA:
		return gateway->client_sessions_max;
	case NATGW_ALLOC_HALF_OPEN_QUOTA:
		return gateway->client_opening_max;
	default:
		return gateway->client_ports_max ? gateway->client_ports_max
						 : gateway->client_ports_min;
	}
}

static void add_client(struct api_errors *errors, unsigned int error,
		       const struct refused_client *refused)
{
	const struct top_client *client = refused->client;
	const struct natgw_gateway *gateway = &errors->gateways[client->key.gateway];
	const struct explain_use use = {
		.gateway = gateway,
		.live = client->sessions,
		.held = client->held,
		.opening = client->opening,
		.silent = client->silent,
		.destinations = client->destinations,
	};
	struct api_errors_events events = {
		.verdict = verdict_of(error),
		.gateway = client->key.gateway,
		.client = client->key.addr,
	};
	char address[INET_ADDRSTRLEN];

	inet_ntop(AF_INET, &client->key.addr, address, sizeof(address));

	json_t *entry = json_pack(
		"{s:s, s:s, s:s, s:I, s:I, s:I, s:I, s:I, s:I, s:o}", "reason",
		names_alloc_error(error), "gateway",
		snapshot_gateway_name(errors->state, client->key.gateway), "client", address,
		"refused", (json_int_t)refused->errors, "sessions", (json_int_t)client->sessions,
		"opening", (json_int_t)client->opening, "held", (json_int_t)client->held,
		"destinations", (json_int_t)client->destinations, "limit",
		(json_int_t)client_limit(gateway, error), "what",
		json_sprintf("%s has reached its quota: %u sessions (%u opening), %u ports held, "
			     "%u destinations; limit %u",
			     address, client->sessions, client->opening, client->held,
			     client->destinations, client_limit(gateway, error)));

	api_errors_find_events(errors, &events);
	api_errors_put_events(entry, &events);
	json_object_set_new(entry, "refused_at", refused_at(errors, &events));
	finish(errors, entry, error, &use);
}

static void add_clients(struct api_errors *errors, unsigned int error)
{
	struct refused_client worst[API_ERRORS_ENTRIES];
	struct best best = { .items = worst,
			     .item_size = sizeof(worst[0]),
			     .room = API_ERRORS_ENTRIES,
			     .compare = compare_refused };

	for (size_t i = 0; i < errors->top->client_count; i++) {
		const struct top_client *client = &errors->top->clients[i];
		const struct refused_client refused = { client, client->errors[error] };

		if (refused.errors && client->key.gateway < NATGW_GATEWAYS_MAX) {
			best_offer(&best, &refused);
		}
	}
	for (size_t i = 0; i < best.count; i++)
		add_client(errors, error, &worst[i]);
}

/* ---- of a gateway ---- */

/* The sums over the clients of a gateway; 0: of all. */
static struct explain_use sum_use(const struct api_errors *errors, unsigned int gateway)
{
	struct explain_use use = { .gateway = &errors->gateways[gateway],
				   .sessions_max = snapshot_sessions_max(errors->state) };

	for (size_t i = 0; i < errors->top->client_count; i++) {
		const struct top_client *client = &errors->top->clients[i];

		if (!gateway || client->key.gateway == gateway) {
			use.live += client->sessions;
			use.held += client->held;
			use.opening += client->opening;
			use.silent += client->silent;
		}
	}
	return use;
}

static json_t *clients_json(const struct api_errors *errors, unsigned int gateway)
{
	const struct top_client *clients[API_ERRORS_NAMES];
	size_t count = top_clients(errors->top, gateway, clients, API_ERRORS_NAMES);
	json_t *list = json_array();

	for (size_t i = 0; i < count; i++) {
		json_array_append_new(list, json_pack("{s:o, s:I, s:I, s:I}", "client",
						      api_errors_address(clients[i]->key.addr),
						      "sessions", (json_int_t)clients[i]->sessions,
						      "opening", (json_int_t)clients[i]->opening,
						      "held", (json_int_t)clients[i]->held));
	}
	return list;
}

static const char *what_of(unsigned int error)
{
	switch (error) {
	case NATGW_ALLOC_TABLE_FULL:
		return "the session table is full";
	case NATGW_ALLOC_NO_EIP:
		return "the gateway has no EIP that takes new sessions";
	case NATGW_ALLOC_GATEWAY_QUOTA:
		return "the gateway has reached its quota";
	default:
		return "a port of an endpoint-independent mapping was not to be had";
	}
}

static uint64_t limit_of(const struct explain_use *use, unsigned int error)
{
	switch (error) {
	case NATGW_ALLOC_TABLE_FULL:
		return use->sessions_max;
	case NATGW_ALLOC_GATEWAY_QUOTA:
		return use->gateway->sessions_max;
	default:
		return use->gateway->destination_ports;
	}
}

static void add_gateway(struct api_errors *errors, unsigned int error, unsigned int gateway,
			uint64_t refused)
{
	/* The table is everybody's. */
	const unsigned int whose = error == NATGW_ALLOC_TABLE_FULL ? 0 : gateway;
	struct explain_use use = sum_use(errors, whose);
	struct api_errors_events events = { .verdict = verdict_of(error), .gateway = gateway };
	json_t *entry = json_pack(
		"{s:s, s:s, s:I, s:I, s:I, s:I, s:o, s:o}", "reason", names_alloc_error(error),
		"gateway", snapshot_gateway_name(errors->state, gateway), "refused",
		(json_int_t)refused, "sessions", (json_int_t)use.live, "held", (json_int_t)use.held,
		"limit", (json_int_t)limit_of(&use, error), "clients", clients_json(errors, whose),
		"what",
		json_sprintf("%s: %ju sessions, %ju ports held, limit %ju", what_of(error),
			     (uintmax_t)use.live, (uintmax_t)use.held,
			     (uintmax_t)limit_of(&use, error)));

	api_errors_find_events(errors, &events);
	api_errors_put_events(entry, &events);
	finish(errors, entry, error, &use);
}

static void add_gateways(struct api_errors *errors, unsigned int error)
{
	for (unsigned int gateway = 1; gateway < NATGW_GATEWAYS_MAX; gateway++) {
		uint64_t refused = 0;

		for (unsigned int proto = 0; proto < NATGW_PROTO_COUNT; proto++)
			refused += errors->traffic[gateway].alloc_errors[proto][error];
		if (refused) {
			add_gateway(errors, error, gateway, refused);
		}
	}
}

int api_errors_quotas(struct api_errors *errors)
{
	static const unsigned int of_clients[] = {
		NATGW_ALLOC_CLIENT_QUOTA,
		NATGW_ALLOC_HALF_OPEN_QUOTA,
		NATGW_ALLOC_PORT_QUOTA,
	};
	static const unsigned int of_gateways[] = {
		NATGW_ALLOC_TABLE_FULL,
		NATGW_ALLOC_NO_EIP,
		NATGW_ALLOC_GATEWAY_QUOTA,
		NATGW_ALLOC_EIM_CONFLICT,
	};

	for (size_t i = 0; i < sizeof(of_clients) / sizeof(of_clients[0]); i++)
		add_clients(errors, of_clients[i]);
	for (size_t i = 0; i < sizeof(of_gateways) / sizeof(of_gateways[0]); i++)
		add_gateways(errors, of_gateways[i]);
	return 0;
}
