/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * What differs between two configs, object by object, and what each of them can carry. Not
 * responsible for how a config becomes a tree of objects (config_diff_tree.c).
 */
#include "config_diff.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "config_pool.h"

#define KEY_MAX 128

struct diff {
	json_t *rows;
	bool failed;
};

struct row {
	const char *object;
	const char *name;
	const char *key; /* NULL: the whole object */
	json_t *old;
	json_t *new;
};

static const char *change_of(const struct row *row)
{
	if (row->key) {
		return "changed";
	}
	return row->old ? "removed" : "added";
}

static void add_row(struct diff *diff, const struct row *row)
{
	json_t *json = json_pack("{s:s, s:s, s:s}", "object", row->object, "name", row->name,
				 "change", change_of(row));
	int err = 0;

	if (row->key) {
		err |= json_object_set_new(json, "key", json_string(row->key));
	}
	/* A key that only one of them has is null in the other one. */
	if (row->old || row->key) {
		err |= json_object_set_new(json, "old",
					   row->old ? json_deep_copy(row->old) : json_null());
	}
	if (row->new || row->key) {
		err |= json_object_set_new(json, "new",
					   row->new ? json_deep_copy(row->new) : json_null());
	}
	if (err || json_array_append_new(diff->rows, json) < 0) {
		diff->failed = true;
	}
}

/* ---- keys of one object ---- */

static void diff_value(struct diff *diff, const struct row *row);

/* NOLINTNEXTLINE(misc-no-recursion): as deep as the canonical form is */
static void diff_key(struct diff *diff, const struct row *outer, const char *key)
{
	char path[KEY_MAX];
	const struct row row = {
		.object = outer->object,
		.name = outer->name,
		.key = path,
		.old = json_object_get(outer->old, key),
		.new = json_object_get(outer->new, key),
	};

	(void)snprintf(path, sizeof(path), "%s%s%s", outer->key ? outer->key : "",
		       outer->key ? "." : "", key);
	diff_value(diff, &row);
}

/* NOLINTNEXTLINE(misc-no-recursion): the same */
static void diff_object(struct diff *diff, const struct row *row)
{
	const char *key;
	json_t *value;

	json_object_foreach (row->old, key, value) {
		diff_key(diff, row, key);
	}
	json_object_foreach (row->new, key, value) {
		if (!json_object_get(row->old, key)) {
			diff_key(diff, row, key);
		}
	}
}

/* NOLINTNEXTLINE(misc-no-recursion): as deep as the canonical form is */
static void diff_value(struct diff *diff, const struct row *row)
{
	if (row->old && row->new &&json_equal(row->old, row->new)) {
		return;
	}
	if (json_is_object(row->old) && json_is_object(row->new)) {
		diff_object(diff, row);
	} else {
		add_row(diff, row);
	}
}

/* ---- objects of one kind ---- */

static void diff_kind(struct diff *diff, const char *object, json_t *old, json_t *new)
{
	const char *name;
	json_t *value;

	json_object_foreach (old, name, value) {
		const struct row row = { object, name, NULL, value, json_object_get(new, name) };

		diff_value(diff, &row);
	}
	json_object_foreach (new, name, value) {
		const struct row row = { object, name, NULL, NULL, value };

		if (!json_object_get(old, name)) {
			add_row(diff, &row);
		}
	}
}

/* ---- rules: nobody's name, and their order counts ---- */

#define RULES_MAX CONFIG_RULE_ROWS_MAX

/* Which rule of the other list says the same: its place; -1: none. */
struct match {
	int other[RULES_MAX];
	size_t count;
};

/* Rules by what they say: {text: [place, ...]}; those of one text in their order. */
static json_t *places_of(const json_t *list)
{
	json_t *places = json_object();
	size_t i;
	json_t *rule;

	json_array_foreach (list, i, rule) {
		char *text = json_dumps(rule, JSON_COMPACT);
		json_t *same = json_object_get(places, text ? text : "");

		if (!same) {
			json_object_set_new(places, text ? text : "", json_array());
			same = json_object_get(places, text ? text : "");
		}
		json_array_append_new(same, json_integer((json_int_t)i));
		free(text);
	}
	return places;
}

static int take_place(json_t *places, const json_t *rule)
{
	char *text = json_dumps(rule, JSON_COMPACT);
	json_t *same = json_object_get(places, text ? text : "");
	int place = -1;

	if (json_array_size(same)) {
		place = (int)json_integer_value(json_array_get(same, 0));
		json_array_remove(same, 0);
	}
	free(text);
	return place;
}

static void match_rules(const json_t *list, const json_t *others, struct match *ret_match)
{
	json_t *places = places_of(others);

	ret_match->count = json_array_size(list) < RULES_MAX ? json_array_size(list) : RULES_MAX;
	for (size_t i = 0; i < ret_match->count; i++) {
		ret_match->other[i] = take_place(places, json_array_get(list, i));
	}
	json_decref(places);
}

static void add_rules(struct diff *diff, const json_t *list, const struct match *match, bool added)
{
	for (size_t i = 0; i < match->count; i++) {
		char name[16];
		struct row row = { .object = "rule", .name = name };

		(void)snprintf(name, sizeof(name), "%zu", i + 1);
		if (match->other[i] >= 0) {
			continue;
		}
		if (added) {
			row.new = json_array_get(list, i);
		} else {
			row.old = json_array_get(list, i);
		}
		add_row(diff, &row);
	}
}

static bool in_order(const struct match *match)
{
	int last = -1;

	for (size_t i = 0; i < match->count; i++) {
		if (match->other[i] >= 0 && match->other[i] < last) {
			return false;
		}
		last = match->other[i] > last ? match->other[i] : last;
	}
	return true;
}

/* The place that each rule which stays had and has. */
static void add_order(struct diff *diff, const struct match *match)
{
	json_t *old = json_array();
	json_t *new = json_array();
	const struct row row = { "rule", "order", "order", old, new };

	for (size_t i = 0; i < match->count; i++) {
		if (match->other[i] >= 0) {
			json_array_append_new(old, json_integer(match->other[i] + 1));
			json_array_append_new(new, json_integer((json_int_t)i + 1));
		}
	}
	add_row(diff, &row);
	json_decref(old);
	json_decref(new);
}

static void diff_rules(struct diff *diff, const json_t *old, const json_t *new)
{
	struct match from_old;
	struct match from_new;

	if (json_equal(old, new)) {
		return;
	}
	match_rules(old, new, &from_old);
	match_rules(new, old, &from_new);
	add_rules(diff, old, &from_old, false);
	add_rules(diff, new, &from_new, true);
	if (!in_order(&from_new)) {
		add_order(diff, &from_new);
	}
}

/* ---- the whole ---- */

static json_t *diff_trees(const json_t *old, const json_t *new)
{
	static const char *const kinds[] = { "gateway", "eip",	   "route_table", "subnet",
					     "route",	"mapping", "forward",	  "acl",
					     "limits",	"setting" };
	struct diff diff = { .rows = json_array() };

	for (size_t i = 0; i < sizeof(kinds) / sizeof(kinds[0]); i++) {
		diff_kind(&diff, kinds[i], json_object_get(old, kinds[i]),
			  json_object_get(new, kinds[i]));
	}
	diff_rules(&diff, json_object_get(old, "rule"), json_object_get(new, "rule"));
	if (diff.failed) {
		json_decref(diff.rows);
		return NULL;
	}
	return diff.rows;
}

int config_diff(const struct config *old, const struct config *new, json_t **ret_rows)
{
	json_t *old_tree = NULL;
	json_t *new_tree = NULL;
	json_t *rows = NULL;
	int err = config_diff_tree(old, &old_tree);

	if (!err) {
		err = config_diff_tree(new, &new_tree);
	}
	if (!err) {
		rows = diff_trees(old_tree, new_tree);
		err = rows ? 0 : -ENOMEM;
	}
	json_decref(old_tree);
	json_decref(new_tree);
	if (!err) {
		*ret_rows = rows;
	}
	return err;
}

/* ---- capacity ---- */

struct capacity {
	uint64_t eips;
	uint64_t ports;
	uint64_t sessions;
};

static struct capacity capacity_of(const struct config *config,
				   const struct config_gateway *gateway)
{
	/* A count that is not 0 comes with a list. NOLINTNEXTLINE(clang-analyzer-core.*) */
	uint64_t eips = gateway->eip_count;

	for (size_t i = 0; i < config->rule_count; i++) {
		if (strcmp(config->rules[i].gateway, gateway->name) == 0) {
			eips += config_pool_added(config, i);
		}
	}
	return (struct capacity){
		.eips = eips,
		.ports = eips * ((uint64_t)gateway->port_last - gateway->port_first + 1),
		.sessions = eips * gateway->destination_ports,
	};
}

/* One gateway's, or of all of them (name NULL); null when it is not there. */
static json_t *capacity_json(const struct config *config, const char *name)
{
	struct capacity sum = { .eips = 0 };
	bool found = !name;

	for (size_t i = 0; i < config->gateway_count; i++) {
		const struct config_gateway *gateway = &config->gateways[i];
		const struct capacity one = capacity_of(config, gateway);

		if (name && strcmp(name, gateway->name) != 0) {
			continue;
		}
		found = true;
		sum.eips += one.eips;
		sum.ports += one.ports;
		sum.sessions += one.sessions;
	}
	return found ? json_pack("{s:I, s:I, s:I}", "eips", (json_int_t)sum.eips,
				 "ports_per_protocol", (json_int_t)sum.ports,
				 "sessions_to_one_destination", (json_int_t)sum.sessions)
		     : json_null();
}

static int add_capacity(json_t *rows, const char *name, const struct config *old,
			const struct config *new)
{
	return json_array_append_new(rows, json_pack("{s:s, s:o, s:o}", "gateway", name, "before",
						     capacity_json(old, name), "after",
						     capacity_json(new, name)));
}

int config_diff_capacity(const struct config *old, const struct config *new, json_t **ret_rows)
{
	json_t *rows = json_array();
	int err = 0;

	for (size_t i = 0; i < old->gateway_count; i++) {
		err |= add_capacity(rows, old->gateways[i].name, old, new);
	}
	for (size_t i = 0; i < new->gateway_count; i++) {
		const char *name = new->gateways[i].name;

		err |= config_find_gateway(old, name) ? 0 : add_capacity(rows, name, old, new);
	}
	err |= json_array_append_new(rows,
				     json_pack("{s:o, s:o}", "before", capacity_json(old, NULL),
					       "after", capacity_json(new, NULL)));
	if (err) {
		json_decref(rows);
		return -ENOMEM;
	}
	*ret_rows = rows;
	return 0;
}

/* ---- what takes a restart ---- */

static bool same_interfaces(const struct config *left, const struct config *right)
{
	if (left->interface_count != right->interface_count) {
		return false;
	}
	for (size_t i = 0; i < left->interface_count; i++) {
		const struct config_interface *a = &left->interfaces[i];
		const struct config_interface *b = &right->interfaces[i];

		if (strcmp(a->name, b->name) != 0 || a->flags != b->flags) {
			return false;
		}
	}
	return true;
}

void config_diff_restart(const struct config *old, const struct config *new,
			 void (*fn)(const char *key, void *arg), void *arg)
{
	const struct {
		const char *key;
		bool same;
	} keys[] = {
		{ "interfaces", same_interfaces(old, new) },
		{ "attach", old->attach == new->attach },
		{ "limits.sessions", old->sessions == new->sessions },
		{ "pin_path", strcmp(old->pin_path, new->pin_path) == 0 },
		{ "metrics.listen", strcmp(old->metrics_addr, new->metrics_addr) == 0 &&
					    old->metrics_port == new->metrics_port },
		{ "control", strcmp(old->control_socket, new->control_socket) == 0 &&
				     strcmp(old->read_socket, new->read_socket) == 0 &&
				     strcmp(old->control_group, new->control_group) == 0 },
	};

	for (size_t i = 0; i < sizeof(keys) / sizeof(keys[0]); i++) {
		if (!keys[i].same) {
			fn(keys[i].key, arg);
		}
	}
}
