// SPDX-License-Identifier: GPL-2.0-only
/*
 * Gathers what the entries of /v1/errors are made from, and what they share. The entries themselves
 * are in api_errors_ports.c and api_errors_quota.c, the advice in explain.c.
 */
#include "api_errors.h"

#include <arpa/inet.h>
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "api_errors_internal.h"
#include "names.h"
#include "snapshot.h"

json_t *api_errors_address(__be32 addr)
{
	char text[INET_ADDRSTRLEN];

	return json_string(inet_ntop(AF_INET, &addr, text, sizeof(text)));
}

void api_errors_advise(const char *text, void *list)
{
	json_array_append_new(list, json_string(text));
}

/* ---- events ---- */

static bool is_to(const struct natgw_event *event, const struct natgw_destination_key *key)
{
	return event->ext_addr == key->ext_addr && event->rem_addr == key->rem_addr &&
	       event->rem_port == key->rem_port && event->proto == key->proto &&
	       event->gateway == key->gateway;
}

void api_errors_find_events(const struct api_errors *errors, struct api_errors_events *events)
{
	const struct events_entry *entry;

	events->count = 0;
	events->last = NULL;
	for (size_t i = 0; (entry = events_at(errors->log, i)); i++) {
		const struct natgw_event *event = &entry->event;

		if ((events->verdict && event->verdict != events->verdict) ||
		    (events->gateway && event->gateway != events->gateway) ||
		    (events->client && event->client != events->client) ||
		    (events->destination && !is_to(event, events->destination))) {
			continue;
		}
		events->count++;
		events->last = entry;
	}
}

void api_errors_put_events(json_t *entry, const struct api_errors_events *events)
{
	char text[EVENTS_TIME_MAX];

	json_object_set_new(entry, "events", json_integer((json_int_t)events->count));
	if (events->last) {
		events_time(&events->last->at, text);
	}
	json_object_set_new(entry, "last", events->last ? json_string(text) : json_null());
}

/* ---- counters ---- */

static json_t *counter_json(const struct api_errors *errors, unsigned int gateway,
			    unsigned int proto, unsigned int error)
{
	return json_pack("{s:s, s:s, s:s, s:I}", "gateway",
			 snapshot_gateway_name(errors->state, gateway), "protocol",
			 names_proto(proto), "reason", names_alloc_error(error), "refused",
			 (json_int_t)errors->traffic[gateway].alloc_errors[proto][error]);
}

static void add_counters(const struct api_errors *errors, unsigned int gateway, json_t *list)
{
	for (unsigned int i = 0; i < NATGW_PROTO_COUNT * NATGW_ALLOC_ERROR_COUNT; i++) {
		const unsigned int proto = i / NATGW_ALLOC_ERROR_COUNT;
		const unsigned int error = i % NATGW_ALLOC_ERROR_COUNT;

		if (errors->traffic[gateway].alloc_errors[proto][error]) {
			json_array_append_new(list, counter_json(errors, gateway, proto, error));
		}
	}
}

/* Those that are not zero. */
static json_t *counters_json(const struct api_errors *errors)
{
	json_t *list = json_array();

	for (unsigned int gateway = 1; gateway < NATGW_GATEWAYS_MAX; gateway++)
		add_counters(errors, gateway, list);
	return list;
}

/* ---- the whole ---- */

static int gather(struct natgwd_state *state, struct api_errors *errors)
{
	int r = top_get(&state->top, state->dp, &errors->top);

	errors->state = state;
	errors->log = events_kept(state->events);
	for (unsigned int i = 1; r == 0 && i < NATGW_GATEWAYS_MAX; i++) {
		r = datapath_get_gateway(state->dp, i, &errors->gateways[i]);
		if (r == 0) {
			r = datapath_read_traffic(state->dp, i, &errors->traffic[i]);
		}
	}
	return r;
}

static int make_view(struct natgwd_state *state, struct api_errors *errors, json_t **ret_json)
{
	uint64_t generated[NATGW_GENERATED_COUNT] = {};
	int r = gather(state, errors);

	if (r == 0) {
		r = datapath_read_generated(state->dp, generated);
	}
	if (r == 0) {
		r = errors->list ? api_errors_ports(errors) : -ENOMEM;
	}
	if (r == 0) {
		r = api_errors_quotas(errors);
	}
	if (r < 0) {
		return r;
	}
	json_t *json = json_pack("{s:O, s:o, s:I, s:I}", "errors", errors->list, "counters",
				 counters_json(errors), "events",
				 (json_int_t)generated[NATGW_GENERATED_EVENT], "events_lost",
				 (json_int_t)generated[NATGW_GENERATED_EVENT_LOST]);

	if (!json) {
		return -ENOMEM;
	}
	*ret_json = json;
	return 0;
}

int api_errors_view(struct natgwd_state *state, json_t **ret_json)
{
	struct api_errors *errors = calloc(1, sizeof(*errors));
	int r = -ENOMEM;

	if (errors) {
		errors->list = json_array();
		r = make_view(state, errors, ret_json);
		json_decref(errors->list);
		free(errors);
	}
	return r;
}
