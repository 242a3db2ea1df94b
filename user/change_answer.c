// SPDX-License-Identifier: GPL-2.0-only
/*
 * What the answer to a change says: the difference, what it means for capacity and for sessions,
 * what is doubtful in it and what takes a restart. jansson takes NULL for "out of memory" and hands
 * it on, so an answer is checked where it is put together.
 */
#include <arpa/inet.h>
#include <errno.h>
#include <string.h>

#include "change_internal.h"
#include "config_diff.h"

/* ---- what would happen ---- */

/* NULL when nobody knows. */
static json_t *count_sessions(struct datapath *dp, __be32 eip, uint32_t gateway)
{
	struct natgw_kill kill = { .ext_addr = eip, .gateway = (__u8)gateway, .dry = 1 };

	return datapath_kill(dp, &kill) ? json_null() : json_integer((json_int_t)kill.matched);
}

static uint32_t drain_of(const struct change_attempt *attempt, const char *gateway)
{
	const struct config_gateway *config = config_find_gateway(attempt->new, gateway);

	if (!config) {
		config = config_find_gateway(attempt->old, gateway);
	}
	return config ? config->drain_s : CONFIG_DRAIN_DEFAULT_S;
}

static uint32_t index_of(const struct natgwd_state *state, const char *gateway)
{
	for (uint32_t i = 1; i < NATGW_GATEWAYS_MAX; i++) {
		if (strcmp(state->gateways[i].name, gateway) == 0) {
			return i;
		}
	}
	return 0;
}

static json_t *ending_row(const struct change_attempt *attempt, const json_t *change)
{
	const char *object = json_string_value(json_object_get(change, "object"));
	const char *name = json_string_value(json_object_get(change, "name"));
	const char *gateway =
		json_string_value(json_object_get(json_object_get(change, "old"), "gateway"));
	__be32 eip = 0;

	if (strcmp(object, "gateway") == 0) {
		uint32_t index = index_of(attempt->state, name);

		return json_pack("{s:s, s:o, s:I}", "gateway", name, "sessions",
				 index ? count_sessions(attempt->state->dp, 0, index)
				       : json_integer(0),
				 "after_s", (json_int_t)drain_of(attempt, name));
	}
	if (inet_pton(AF_INET, name, &eip) != 1 || !gateway) {
		return NULL;
	}
	return json_pack("{s:s, s:s, s:o, s:I}", "eip", name, "gateway", gateway, "sessions",
			 count_sessions(attempt->state->dp, eip, 0), "after_s",
			 (json_int_t)drain_of(attempt, gateway));
}

/* Does the gateway of this EIP stay? */
static bool stays(const struct change_attempt *attempt, const json_t *change)
{
	const char *gateway =
		json_string_value(json_object_get(json_object_get(change, "old"), "gateway"));

	return gateway && config_find_gateway(attempt->new, gateway);
}

/* Of every EIP and gateway that goes: how many sessions it has, and when they end. */
static json_t *sessions_ending(const struct change_attempt *attempt)
{
	json_t *rows = json_array();
	size_t i;
	json_t *change;

	json_array_foreach (attempt->changes, i, change) {
		const char *object = json_string_value(json_object_get(change, "object"));
		const char *how = json_string_value(json_object_get(change, "change"));

		/* The EIPs of a gateway that goes are in its own number. */
		if (strcmp(how, "removed") == 0 &&
		    (strcmp(object, "gateway") == 0 ||
		     (strcmp(object, "eip") == 0 && stays(attempt, change)))) {
			json_array_append_new(rows, ending_row(attempt, change));
		}
	}
	return rows;
}

/* ---- the answer ---- */

static void add_line(const char *text, void *list)
{
	json_array_append_new(list, json_string(text));
}

static void add_plain(const char *text, void *list)
{
	add_line(change_without_place(text), list);
}

static bool has_line(const json_t *list, const json_t *line)
{
	size_t i;
	json_t *other;

	json_array_foreach (list, i, other) {
		if (json_equal(line, other)) {
			return true;
		}
	}
	return false;
}

/* Whoever sends a whole config gets all of them, a command those that it has brought about. */
static json_t *warnings_of(const struct change_attempt *attempt)
{
	json_t *list = json_array();
	json_t *before = json_array();

	config_warnings(attempt->new, attempt->is_edit ? add_plain : add_line, list);
	if (attempt->is_edit) {
		config_warnings(attempt->old, add_plain, before);
	}
	for (size_t i = json_array_size(list); i-- > 0;) {
		if (has_line(before, json_array_get(list, i))) {
			json_array_remove(list, i);
		}
	}
	json_decref(before);
	return list;
}

static json_t *restart_of(const struct change_attempt *attempt)
{
	json_t *list = json_array();

	config_diff_restart(attempt->state->config, attempt->new, add_line, list);
	return list;
}

/* Before anything is applied: new is the state's afterwards. */
json_t *change_answer_start(const struct change_attempt *attempt)
{
	json_t *json = json_pack("{s:b, s:b, s:O, s:o, s:o}", "applied", !attempt->mode->dry_run,
				 "dry_run", attempt->mode->dry_run, "changes", attempt->changes,
				 "restart", restart_of(attempt), "warnings", warnings_of(attempt));
	json_t *capacity = NULL;

	if (!json || !attempt->mode->dry_run) {
		return json;
	}
	if (config_diff_capacity(attempt->old, attempt->new, &capacity) ||
	    json_object_set_new(json, "capacity", capacity) ||
	    json_object_set_new(json, "sessions_ending", sessions_ending(attempt))) {
		json_decref(json);
		return NULL;
	}
	return json;
}

int change_answer_end(struct change_attempt *attempt, json_t *json, const char *save_error)
{
	bool saved = attempt->mode->save && !attempt->mode->dry_run && !save_error;
	int err = json_object_set_new(json, "generation",
				      json_integer((json_int_t)attempt->state->config_generation));

	err |= json_object_set_new(json, "saved", json_boolean(saved));
	err |= json_object_set_new(json, "save_error",
				   save_error ? json_string(save_error) : json_null());
	attempt->result->json = json;
	return err ? -ENOMEM : 0;
}
