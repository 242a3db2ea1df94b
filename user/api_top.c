// SPDX-License-Identifier: GPL-2.0-only
/* JSON of what top and events know. Not responsible for counting (top.c) nor for advice. */
#include "api_top.h"

#include <arpa/inet.h>
#include <errno.h>
#include <event2/buffer.h>
#include <stdlib.h>
#include <string.h>

#include "cleanup.h"
#include "events.h"
#include "names.h"
#include "snapshot.h"

static json_t *address_json(__be32 addr)
{
	char text[INET_ADDRSTRLEN];

	return json_string(inet_ntop(AF_INET, &addr, text, sizeof(text)));
}

/* ---- destinations ---- */

static json_t *holds_json(const struct top_destination *destination)
{
	json_t *holds = json_object();

	for (unsigned int hold = 0; hold < NATGW_HOLD_COUNT; hold++) {
		if (destination->held_by[hold]) {
			json_object_set_new(holds, names_hold(hold),
					    json_integer((json_int_t)destination->held_by[hold]));
		}
	}
	return holds;
}

/* refused is null for a destination with few sessions, which has no row that counts it. */
static json_t *destination_json(const struct natgwd_state *state, const struct top *top,
				const struct top_destination *destination)
{
	const struct natgw_destination_key *key = &destination->key;
	const struct natgw_destination_record *record = top_find_record(top, key);
	const uint32_t taken = destination->used + destination->held;
	struct natgw_gateway gateway = {};

	(void)datapath_get_gateway(state->dp, key->gateway, &gateway);
	return json_pack(
		"{s:o, s:i, s:s, s:s, s:o, s:I, s:I, s:I, s:o, s:I, s:f, s:o, s:I}", "destination",
		address_json(key->rem_addr), "port", (int)ntohs(key->rem_port), "protocol",
		names_ip_proto(key->proto), "gateway", snapshot_gateway_name(state, key->gateway),
		"eip", address_json(key->ext_addr), "ports_used", (json_int_t)destination->used,
		"opening", (json_int_t)destination->opening, "ports_held",
		(json_int_t)destination->held, "held_by", holds_json(destination), "limit",
		(json_int_t)gateway.destination_ports, "used_percent",
		gateway.destination_ports ? 100.0 * taken / gateway.destination_ports : 0.0,
		"refused", record ? json_integer((json_int_t)record->errors) : json_null(),
		"clients", (json_int_t)destination->client_count);
}

static int finish(const struct top *top, const char *key, json_t *list, size_t total,
		  json_t **ret_json)
{
	json_t *json =
		json_pack("{s:o, s:I, s:I, s:I}", key, list, "total", (json_int_t)total, "sessions",
			  (json_int_t)top->session_count, "held", (json_int_t)top->held_count);

	if (!json) {
		return -ENOMEM;
	}
	*ret_json = json;
	return 0;
}

int api_top_destinations(struct natgwd_state *state, size_t max, json_t **ret_json)
{
	const size_t room = max < API_TOP_MAX ? max : API_TOP_MAX;
	_cleanup_free_ const struct top_destination **best = calloc(room + 1, sizeof(void *));
	const struct top *top = NULL;
	int r = best ? top_get(&state->top, state->dp, &top) : -ENOMEM;

	if (r < 0) {
		return r;
	}
	size_t count = top_destinations(top, best, room);
	json_t *list = json_array();

	for (size_t i = 0; i < count; i++)
		json_array_append_new(list, destination_json(state, top, best[i]));
	return finish(top, "destinations", list, top->destination_count, ret_json);
}

/* ---- clients ---- */

static json_t *errors_json(const struct top_client *client)
{
	json_t *errors = json_object();

	for (unsigned int error = 0; error < NATGW_ALLOC_ERROR_COUNT; error++) {
		if (client->errors[error]) {
			json_object_set_new(errors, names_alloc_error(error),
					    json_integer((json_int_t)client->errors[error]));
		}
	}
	return errors;
}

static json_t *client_json(const struct natgwd_state *state, const struct top_client *client)
{
	return json_pack("{s:o, s:s, s:I, s:I, s:I, s:I, s:I, s:I, s:o}", "client",
			 address_json(client->key.addr), "gateway",
			 snapshot_gateway_name(state, client->key.gateway), "sessions",
			 (json_int_t)client->sessions, "opening", (json_int_t)client->opening,
			 "held", (json_int_t)client->held, "destinations",
			 (json_int_t)client->destinations, "bytes_out",
			 (json_int_t)client->bytes_out, "bytes_in", (json_int_t)client->bytes_in,
			 "errors", errors_json(client));
}

int api_top_clients(struct natgwd_state *state, size_t max, json_t **ret_json)
{
	const size_t room = max < API_TOP_MAX ? max : API_TOP_MAX;
	_cleanup_free_ const struct top_client **best = calloc(room + 1, sizeof(void *));
	const struct top *top = NULL;
	int r = best ? top_get(&state->top, state->dp, &top) : -ENOMEM;

	if (r < 0) {
		return r;
	}
	size_t count = top_clients(top, 0, best, room);
	json_t *list = json_array();

	for (size_t i = 0; i < count; i++)
		json_array_append_new(list, client_json(state, best[i]));
	return finish(top, "clients", list, top->client_count, ret_json);
}

/* ---- events ---- */

static json_t *event_json(const struct events_entry *entry)
{
	const struct natgw_event *event = &entry->event;
	char time[EVENTS_TIME_MAX];

	events_time(&entry->at, time);
	return json_pack("{s:s, s:s, s:o, s:i, s:o, s:i, s:s, s:o, s:s, s:I, s:I, s:I, s:I}",
			 "time", time, "reason", names_verdict(event->verdict), "client",
			 address_json(event->client), "client_port", (int)ntohs(event->client_port),
			 "destination", address_json(event->rem_addr), "port",
			 (int)ntohs(event->rem_port), "protocol", names_ip_proto(event->proto),
			 "eip", event->ext_addr ? address_json(event->ext_addr) : json_null(),
			 "gateway", entry->gateway, "ports_used", (json_int_t)event->used,
			 "ports_held", (json_int_t)event->held, "limit", (json_int_t)event->limit,
			 "lost", (json_int_t)entry->lost);
}

int api_top_events(const struct natgwd_state *state, struct evbuffer *out)
{
	const struct events_log *log = events_kept(state->events);
	const struct events_entry *entry;

	for (size_t i = 0; (entry = events_at(log, i)); i++) {
		json_t *json = event_json(entry);
		_cleanup_free_ char *text = json ? json_dumps(json, JSON_COMPACT) : NULL;

		json_decref(json);
		if (!text || evbuffer_add_printf(out, "%s\n", text) < 0) {
			return -ENOMEM;
		}
	}
	return 0;
}
