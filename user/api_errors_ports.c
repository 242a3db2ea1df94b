// SPDX-License-Identifier: GPL-2.0-only
/*
 * Destinations without a free port: those that events tell of, those whose row counts refusals, and
 * those that are full at the moment.
 */
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include <arpa/inet.h>

#include "api_errors_internal.h"
#include "best.h"
#include "cleanup.h"
#include "explain.h"
#include "list.h"
#include "names.h"
#include "snapshot.h"

struct candidate {
	struct natgw_destination_key key;
	unsigned int events;
	uint64_t errors; /* of its row */
	uint64_t taken;	 /* ports in use and held at the moment */
};

struct candidates {
	struct candidate *list;
	size_t count;
};

static int compare_candidates(const void *left, const void *right)
{
	const struct candidate *a = left;
	const struct candidate *b = right;

	if (a->events != b->events) {
		return a->events > b->events ? -1 : 1;
	}
	if (a->errors != b->errors) {
		return a->errors > b->errors ? -1 : 1;
	}
	if (a->taken != b->taken) {
		return a->taken > b->taken ? -1 : 1;
	}
	return memcmp(&a->key, &b->key, sizeof(a->key));
}

/* ---- which ---- */

static int add(struct candidates *candidates, const struct api_errors *errors,
	       const struct natgw_destination_key *key)
{
	const struct top_destination *destination = top_find_destination(errors->top, key);
	const struct natgw_destination_record *record = top_find_record(errors->top, key);
	struct api_errors_events events = { .verdict = NATGW_DROP_PORT_EXHAUSTED,
					    .destination = key };
	struct candidate *list;

	/* Events outlive their gateway. */
	if (key->gateway >= NATGW_GATEWAYS_MAX || !errors->gateways[key->gateway].port_count) {
		return 0;
	}
	list = list_room(candidates->list, candidates->count, sizeof(*candidates->list));
	if (!list) {
		return -ENOMEM;
	}
	api_errors_find_events(errors, &events);
	candidates->list = list;
	list[candidates->count++] = (struct candidate){
		.key = *key,
		.events = events.count,
		.errors = record ? record->errors : 0,
		.taken = destination ? destination->used + (uint64_t)destination->held : 0,
	};
	return 0;
}

static int add_from_events(struct candidates *candidates, const struct api_errors *errors)
{
	const struct events_entry *entry;
	int r = 0;

	for (size_t i = 0; r == 0 && (entry = events_at(errors->log, i)); i++) {
		const struct natgw_event *event = &entry->event;
		const struct natgw_destination_key key = {
			.ext_addr = event->ext_addr,
			.rem_addr = event->rem_addr,
			.rem_port = event->rem_port,
			.proto = event->proto,
			.gateway = event->gateway,
		};

		/* Without an EIP there is no inventory that could be empty. */
		if (event->verdict == NATGW_DROP_PORT_EXHAUSTED && event->ext_addr) {
			r = add(candidates, errors, &key);
		}
	}
	return r;
}

static int add_from_rows(struct candidates *candidates, const struct api_errors *errors)
{
	const struct top *top = errors->top;
	int r = 0;

	for (size_t i = 0; r == 0 && i < top->record_count; i++) {
		if (top->records[i].errors) {
			r = add(candidates, errors, &top->records[i].key);
		}
	}
	return r;
}

static int rank_full(const void *left, const void *right)
{
	const struct top_destination *a = *(const struct top_destination *const *)left;
	const struct top_destination *b = *(const struct top_destination *const *)right;
	const uint64_t taken_a = a->used + (uint64_t)a->held;
	const uint64_t taken_b = b->used + (uint64_t)b->held;

	if (taken_a != taken_b) {
		return taken_a > taken_b ? -1 : 1;
	}
	/* Both point into one array. */
	return a < b ? -1 : a > b;
}

static bool has_refused(const struct api_errors *errors, unsigned int gateway)
{
	uint64_t refused = 0;

	for (unsigned int proto = 0; proto < NATGW_PROTO_COUNT; proto++)
		refused += errors->traffic[gateway].alloc_errors[proto][NATGW_ALLOC_PORT_EXHAUSTED];
	return refused != 0;
}

/* Of a gateway that has refused something: events may have been lost, few ports have no row. */
static int add_full(struct candidates *candidates, const struct api_errors *errors)
{
	const struct top_destination *full[API_ERRORS_ENTRIES];
	struct best best = { .items = full,
			     .item_size = sizeof(void *),
			     .room = API_ERRORS_ENTRIES,
			     .compare = rank_full };
	int r = 0;

	for (size_t i = 0; i < errors->top->destination_count; i++) {
		const struct top_destination *destination = &errors->top->destinations[i];
		const unsigned int gateway = destination->key.gateway;

		if (gateway < NATGW_GATEWAYS_MAX && has_refused(errors, gateway) &&
		    destination->used + (uint64_t)destination->held >=
			    errors->gateways[gateway].destination_ports) {
			best_offer(&best, &destination);
		}
	}
	for (size_t i = 0; r == 0 && i < best.count; i++)
		r = add(candidates, errors, &full[i]->key);
	return r;
}

/* The worst of them, each once; ret_worst has room for API_ERRORS_ENTRIES. */
static size_t pick(struct candidates *candidates, struct candidate *ret_worst)
{
	struct best best = { .items = ret_worst,
			     .item_size = sizeof(*ret_worst),
			     .room = API_ERRORS_ENTRIES,
			     .compare = compare_candidates };

	if (candidates->count == 0) {
		return 0;
	}
	/* Equal ones lie side by side, since all that they are compared by follows from the key. */
	qsort(candidates->list, candidates->count, sizeof(*candidates->list), compare_candidates);
	for (size_t i = 0; i < candidates->count; i++) {
		if (i == 0 ||
		    compare_candidates(&candidates->list[i - 1], &candidates->list[i]) != 0) {
			best_offer(&best, &candidates->list[i]);
		}
	}
	return best.count;
}

/* ---- one entry ---- */

/* Ports that all EIPs of the gateway have in use or held towards this destination. */
static uint64_t taken_by_all(const struct api_errors *errors,
			     const struct natgw_destination_key *destination)
{
	struct natgw_destination_key key = *destination;
	uint64_t taken = 0;

	for (uint32_t i = 0; i < errors->gateways[key.gateway].eip_count; i++) {
		const struct top_destination *found;
		struct natgw_pool_row row = {};

		if (datapath_get_pool(errors->state->dp, key.gateway, i, &row) < 0) {
			continue;
		}
		key.ext_addr = row.addr;
		found = top_find_destination(errors->top, &key);
		taken += found ? found->used + (uint64_t)found->held : 0;
	}
	return taken;
}

static bool same_connection(const struct natgw_event *a, const struct natgw_event *b)
{
	return a->client == b->client && a->client_port == b->client_port &&
	       a->rem_addr == b->rem_addr && a->rem_port == b->rem_port && a->proto == b->proto &&
	       a->gateway == b->gateway && a->verdict == b->verdict;
}

static bool is_repeated(const struct api_errors *errors, size_t position)
{
	const struct natgw_event *event = &events_at(errors->log, position)->event;

	for (size_t i = 0; i < position; i++) {
		if (same_connection(&events_at(errors->log, i)->event, event)) {
			return true;
		}
	}
	return false;
}

/* Different connections that were refused: a client tries again and again. */
static uint32_t count_refused(const struct api_errors *errors,
			      const struct natgw_destination_key *key)
{
	const struct events_entry *entry;
	uint32_t count = 0;

	for (size_t i = 0; (entry = events_at(errors->log, i)); i++) {
		const struct natgw_event *event = &entry->event;

		count += event->verdict == NATGW_DROP_PORT_EXHAUSTED &&
			 event->rem_addr == key->rem_addr && event->rem_port == key->rem_port &&
			 event->proto == key->proto && event->gateway == key->gateway &&
			 !is_repeated(errors, i);
	}
	return count;
}

static json_t *holds_json(const uint32_t held_by[NATGW_HOLD_COUNT])
{
	json_t *holds = json_object();

	for (unsigned int hold = 0; hold < NATGW_HOLD_COUNT; hold++) {
		if (held_by[hold]) {
			json_object_set_new(holds, names_hold(hold),
					    json_integer((json_int_t)held_by[hold]));
		}
	}
	return holds;
}

static json_t *rates_json(const struct natgw_gateway *gateway, uint8_t proto)
{
	struct explain_rate rates[EXPLAIN_RATES_MAX];
	size_t count = explain_rates(gateway, proto, gateway->destination_ports, rates);
	json_t *list = json_array();

	for (size_t i = 0; i < count; i++) {
		json_array_append_new(list, json_pack("{s:s, s:f, s:f}", "ending", rates[i].ending,
						      "seconds", rates[i].seconds, "per_second",
						      rates[i].per_second));
	}
	return list;
}

static json_t *clients_json(const struct top *top, const struct top_destination *destination)
{
	json_t *list = json_array();

	for (size_t i = 0; i < destination->client_count && i < API_ERRORS_NAMES; i++) {
		const struct top_share *share = &top->shares[destination->first_client + i];

		json_array_append_new(list, json_pack("{s:o, s:I, s:I}", "client",
						      api_errors_address(share->client),
						      "ports_used", (json_int_t)share->used,
						      "ports_held", (json_int_t)share->held));
	}
	return list;
}

static bool has_eip(const __be32 *eips, size_t count, __be32 addr)
{
	for (size_t i = 0; i < count; i++) {
		if (eips[i] == addr) {
			return true;
		}
	}
	return false;
}

/* Whose EIP it is: the gateway's, else that of the first SNAT rule which names it. */
static void find_pool(const struct api_errors *errors, const struct natgw_destination_key *key,
		      struct explain_ports *ports)
{
	const struct config *config = errors->state->config;
	const struct config_gateway *gateway =
		config_find_gateway(config, snapshot_gateway_name(errors->state, key->gateway));

	ports->eips = ports->gateway->eip_count;
	if (!gateway || has_eip(gateway->eips, gateway->eip_count, key->ext_addr)) {
		return;
	}
	for (size_t i = 0; i < config->rule_count; i++) {
		const struct config_rule *rule = &config->rules[i];

		if (has_eip(rule->eips, rule->eip_count, key->ext_addr)) {
			ports->eips = (uint32_t)rule->eip_count;
			ports->rule = (unsigned int)i + 1;
			return;
		}
	}
}

static json_t *advice_json(const struct api_errors *errors,
			   const struct top_destination *destination)
{
	const struct top *top = errors->top;
	struct explain_ports ports = {
		.gateway = &errors->gateways[destination->key.gateway],
		.proto = destination->key.proto,
		.used = destination->used,
		.silent = destination->silent,
		.taken = taken_by_all(errors, &destination->key),
		.refused = count_refused(errors, &destination->key),
	};
	json_t *list = json_array();
	char client[INET_ADDRSTRLEN];

	find_pool(errors, &destination->key, &ports);
	memcpy(ports.held_by, destination->held_by, sizeof(ports.held_by));
	if (destination->client_count) {
		const struct top_share *share = &top->shares[destination->first_client];

		ports.client = inet_ntop(AF_INET, &share->client, client, sizeof(client));
		ports.client_ports = share->used + share->held;
	}
	explain_ports(&ports, api_errors_advise, list);
	return list;
}

/* What ran out, at the moment. */
static json_t *what_json(const struct top_destination *destination, uint32_t limit)
{
	const uint32_t taken = destination->used + destination->held;
	char eip[INET_ADDRSTRLEN];
	char remote[INET_ADDRSTRLEN];

	return json_sprintf(
		"%s %u ports of %s towards %s port %u (%s) are taken: %u in use, %u held",
		taken >= limit ? "all" : "not all any more: of", limit,
		inet_ntop(AF_INET, &destination->key.ext_addr, eip, sizeof(eip)),
		inet_ntop(AF_INET, &destination->key.rem_addr, remote, sizeof(remote)),
		ntohs(destination->key.rem_port), names_ip_proto(destination->key.proto),
		destination->used, destination->held);
}

static json_t *entry_json(const struct api_errors *errors, const struct candidate *candidate)
{
	const struct natgw_destination_key *key = &candidate->key;
	const struct top_destination *found = top_find_destination(errors->top, key);
	const struct natgw_destination_record *record = top_find_record(errors->top, key);
	const struct natgw_gateway *gateway = &errors->gateways[key->gateway];
	const struct top_destination none = { .key = *key };
	const struct top_destination *destination = found ? found : &none;
	struct api_errors_events events = { .verdict = NATGW_DROP_PORT_EXHAUSTED,
					    .destination = key };
	struct explain_ports pool = { .gateway = gateway };
	json_t *entry = json_pack(
		"{s:s, s:s, s:o, s:o, s:i, s:s, s:o}", "reason",
		names_alloc_error(NATGW_ALLOC_PORT_EXHAUSTED), "gateway",
		snapshot_gateway_name(errors->state, key->gateway), "eip",
		api_errors_address(key->ext_addr), "destination", api_errors_address(key->rem_addr),
		"port", (int)ntohs(key->rem_port), "protocol", names_ip_proto(key->proto),
		"refused", record ? json_integer((json_int_t)record->errors) : json_null());

	api_errors_find_events(errors, &events);
	api_errors_put_events(entry, &events);
	json_object_set_new(entry, "ports_used", json_integer(destination->used));
	json_object_set_new(entry, "ports_held", json_integer(destination->held));
	json_object_set_new(entry, "held_by", holds_json(destination->held_by));
	json_object_set_new(entry, "limit", json_integer(gateway->destination_ports));
	find_pool(errors, key, &pool);
	json_object_set_new(entry, "eips", json_integer(pool.eips));
	json_object_set_new(entry, "sustainable", rates_json(gateway, key->proto));
	json_object_set_new(entry, "clients", clients_json(errors->top, destination));
	json_object_set_new(entry, "what", what_json(destination, gateway->destination_ports));
	json_object_set_new(entry, "help", advice_json(errors, destination));
	return entry;
}

int api_errors_ports(struct api_errors *errors)
{
	struct candidates candidates = { .list = NULL };
	struct candidate worst[API_ERRORS_ENTRIES];
	int r = add_from_events(&candidates, errors);

	if (r == 0) {
		r = add_from_rows(&candidates, errors);
	}
	if (r == 0) {
		r = add_full(&candidates, errors);
	}
	_cleanup_free_ struct candidate *list = candidates.list;
	size_t count = r == 0 && list ? pick(&candidates, worst) : 0;

	for (size_t i = 0; i < count; i++)
		json_array_append_new(errors->list, entry_json(errors, &worst[i]));
	return r;
}
