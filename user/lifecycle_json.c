// SPDX-License-Identifier: GPL-2.0-only
/*
 * What the API says of the life of gateways and EIPs. jansson hands "no memory" on; who calls
 * checks once.
 */
#include "lifecycle_internal.h"

#include <arpa/inet.h>
#include <errno.h>
#include <string.h>

#include "names.h"

static json_t *address_json(__be32 addr)
{
	char text[INET_ADDRSTRLEN];

	return addr ? json_string(inet_ntop(AF_INET, &addr, text, sizeof(text))) : json_null();
}

static json_t *tags_json(const struct config_gateway *gateway)
{
	json_t *tags = json_object();

	for (size_t i = 0; gateway && i < gateway->tag_count; i++) {
		json_object_set_new(tags, gateway->tags[i].name,
				    json_string(gateway->tags[i].value));
	}
	return tags;
}

/* What of a record is the same wherever it is shown. NULL: all of it empty. */
static json_t *record_json(const struct lifecycle_record *record, int64_t now)
{
	static const struct lifecycle_record none;
	int64_t expires = record ? lifecycle_record_expires_s(record, now) : -1;

	record = record ? record : &none;
	return json_pack("{s:s, s:s, s:I, s:I, s:o}", "failure_code",
			 lifecycle_code_name(record->failure.code), "failure_message",
			 record->failure.message, "created", (json_int_t)record->created,
			 "state_since", (json_int_t)record->since, "expires_in_s",
			 expires < 0 ? json_null() : json_integer((json_int_t)expires));
}

int lifecycle_json(const struct natgwd_state *state, const char *name, json_t *gateway)
{
	const struct config_gateway *config = config_find_gateway(state->config, name);
	int err = json_object_update_new(
		gateway, record_json(lifecycle_find(state, name), lifecycle_now(state)));

	err = err ? err : json_object_set_new(gateway, "tags", tags_json(config));
	return err ? -ENOMEM : 0;
}

static bool has_row(const struct natgwd_state *state, const struct lifecycle_record *record)
{
	return record->index && strcmp(state->gateways[record->index].name, record->name) == 0;
}

static bool is_asked_for(const struct natgwd_state *state, const struct lifecycle_record *record,
			 const char *name, bool all)
{
	if (has_row(state, record) || (name && strcmp(name, record->name) != 0)) {
		return false;
	}
	return name || all || record->state != NATGW_GATEWAY_DELETED;
}

json_t *lifecycle_records_json(const struct natgwd_state *state, const char *name, bool all)
{
	int64_t now = lifecycle_now(state);
	json_t *list = json_array();

	for (size_t i = 0; state->lifecycle && i < state->lifecycle->records.count; i++) {
		const struct lifecycle_record *record = &state->lifecycle->records.rows[i];
		json_t *json;

		if (!is_asked_for(state, record, name, all)) {
			continue;
		}
		json = record_json(record, now);
		json_object_set_new(json, "name", json_string(record->name));
		json_object_set_new(json, "state", json_string(names_gateway_state(record->state)));
		json_object_set_new(json, "private_ip", address_json(record->private_ip));
		json_array_append_new(list, json);
	}
	return list;
}

static int add_eip(const struct lifecycle_eip_row *row, void *arg)
{
	json_t *json = json_pack("{s:o, s:s, s:s, s:I}", "address", address_json(row->addr),
				 "gateway", row->gateway, "state", row->state, "drain_remaining_s",
				 (json_int_t)row->drain_s);

	return json_array_append_new(arg, json) ? -ENOMEM : 0;
}

json_t *lifecycle_eips_json(const struct natgwd_state *state)
{
	json_t *list = json_array();

	if (lifecycle_each_eip(state, add_eip, list)) {
		json_decref(list);
		return NULL;
	}
	return list;
}
