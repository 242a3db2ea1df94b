/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * Route tables of the configuration: which sources they serve (config_subnet.c) and their routes.
 * The local routes that every table has for all subnets are not in here; the maps get them.
 */
#include "config_table.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "cleanup.h"
#include "config_gateway.h"
#include "config_interface.h"
#include "config_prefix.h"
#include "config_subnet.h"
#include "list.h"
#include "parse_util.h"

/* A route that is being read. */
struct route_draft {
	const struct config *config;
	struct config_route *route;
	bool left_over; /* state: blackhole */
};

/* ---- routes ---- */

static int read_to(struct config_yaml *yaml, yaml_node_t *node, void *out)
{
	const struct route_draft *draft = out;

	return config_prefix_read(yaml, node, "route", &draft->route->to);
}

static int to_gateway(const struct config_yaml *yaml, const yaml_node_t *node,
		      const struct route_draft *draft, const char *name)
{
	const struct config_gateway *gateway = config_find_gateway(draft->config, name);

	if (gateway && draft->left_over) {
		return config_yaml_error(
			yaml, node,
			"gateway \"%s\" is there, in line %u, so this route is no blackhole; take \"state\" out, or write target: blackhole",
			name, gateway->place.line);
	}
	if (!gateway && (!draft->left_over || !name[0] || strlen(name) >= CONFIG_NAME_MAX)) {
		return config_gateway_unknown(yaml, node, draft->config, "route to", name);
	}
	draft->route->target = NATGW_TARGET_GATEWAY;
	(void)snprintf(draft->route->name, sizeof(draft->route->name), "%s", name);
	return 0;
}

static int to_interface(const struct config_yaml *yaml, const yaml_node_t *node,
			struct config_route *route, const char *name)
{
	const char *problem = config_interface_problem(name);

	if (problem) {
		return config_yaml_error(
			yaml, node,
			"the interface \"%.40s\" of a route's target %s; write interface:NAME, such as interface:wg0",
			name, problem);
	}
	route->target = NATGW_TARGET_INTERFACE;
	(void)snprintf(route->name, sizeof(route->name), "%s", name);
	return 0;
}

static int read_target(struct config_yaml *yaml, yaml_node_t *node, void *out)
{
	static const char gateway[] = "gateway:";
	static const char interface[] = "interface:";
	const struct route_draft *draft = out;
	const char *text;
	int err;

	err = config_yaml_text(yaml, node, "the target of a route", &text);
	if (err) {
		return err;
	}
	if (strncmp(text, gateway, sizeof(gateway) - 1) == 0) {
		return to_gateway(yaml, node, draft, text + sizeof(gateway) - 1);
	}
	if (strncmp(text, interface, sizeof(interface) - 1) == 0) {
		return to_interface(yaml, node, draft->route, text + sizeof(interface) - 1);
	}
	if (strcmp(text, "local") == 0) {
		draft->route->target = NATGW_TARGET_LOCAL;
		return 0;
	}
	if (strcmp(text, "blackhole") == 0) {
		draft->route->target = NATGW_TARGET_BLACKHOLE;
		return 0;
	}
	if (strcmp(text, "internet") == 0) {
		draft->route->target = NATGW_TARGET_INTERNET;
		return 0;
	}
	return config_yaml_error(
		yaml, node,
		"unknown target \"%.60s\" of a route; it is gateway:NAME, interface:NAME, local, blackhole or internet",
		text);
}

/* A route whose gateway was deleted stays, until somebody leads it elsewhere. */
static int read_state(struct config_yaml *yaml, yaml_node_t *node, void *out)
{
	static const char *const names[] = { "active", "blackhole", NULL };
	struct route_draft *draft = out;
	unsigned int index;
	int err = config_yaml_choice(yaml, node, "state", names, &index);

	if (!err) {
		draft->left_over = index == 1;
	}
	return err;
}

static int read_route(struct config_yaml *yaml, yaml_node_t *node, void *out)
{
	/* The state before the target, which depends on it. */
	static const struct config_yaml_key keys[] = {
		{ "to", true, read_to },
		{ "state", false, read_state },
		{ "target", true, read_target },
		{ NULL, false, NULL },
	};
	const struct config_table_draft *draft = out;
	struct config_route_table *table = draft->table;
	struct config_route route = {
		.origin = NATGW_ORIGIN_STATIC,
		.place = config_yaml_place(node),
	};
	struct route_draft route_draft = { draft->config, &route, false };
	struct config_route *grown;
	int err;

	if (table->route_count >= NATGW_ROUTES_MAX) {
		return config_yaml_error(yaml, node, "too many routes; at most %d fit",
					 NATGW_ROUTES_MAX);
	}
	err = config_yaml_mapping(yaml, node, "a route", keys, &route_draft);
	if (err) {
		return err;
	}
	grown = list_room(table->routes, table->route_count, sizeof(*grown));
	if (!grown) {
		return config_yaml_no_memory(yaml);
	}
	table->routes = grown;
	table->routes[table->route_count++] = route;
	return 0;
}

static int compare_numbers(uint32_t a, uint32_t b)
{
	return (a > b) - (a < b);
}

/* By prefix, then by place in the file. */
static int compare_routes(const void *left, const void *right)
{
	const struct config_route *a = left;
	const struct config_route *b = right;

	return compare_numbers(a->to.addr, b->to.addr)	       ?:
		       compare_numbers(a->to.len, b->to.len)	       ?:
		       compare_numbers(a->place.line, b->place.line) ?:
		       compare_numbers(a->place.column, b->place.column);
}

static int check_routes(const struct config_yaml *yaml, const struct config_route_table *table)
{
	_cleanup_free_ struct config_route *sorted = NULL;
	char text[PARSE_UTIL_PREFIX_TEXT];

	if (!table->route_count) {
		return 0;
	}
	sorted = reallocarray(NULL, table->route_count, sizeof(*sorted));
	if (!sorted) {
		return config_yaml_no_memory(yaml);
	}
	memcpy(sorted, table->routes, table->route_count * sizeof(*sorted));
	qsort(sorted, table->route_count, sizeof(*sorted), compare_routes);
	for (size_t i = 1; i < table->route_count; i++) {
		if (config_prefix_equal(sorted[i - 1].to, sorted[i].to)) {
			return config_yaml_error_at(
				yaml, sorted[i].place,
				"route to %s is already in route table \"%s\", in line %u; a prefix has one route in a table",
				config_prefix_text(sorted[i].to, text), table->name,
				sorted[i - 1].place.line);
		}
	}
	return 0;
}

static int read_routes(struct config_yaml *yaml, yaml_node_t *node, void *out)
{
	static const struct config_yaml_items items = { "routes of a route table", read_route,
							true };
	const struct config_table_draft *draft = out;

	return config_yaml_list(yaml, node, &items, out) ?: check_routes(yaml, draft->table);
}

/* ---- tables ---- */

static int read_name(struct config_yaml *yaml, yaml_node_t *node, void *out)
{
	const struct config_table_draft *draft = out;
	char name[CONFIG_NAME_MAX];
	int err;

	err = config_yaml_name(yaml, node, "the name of a route table", name);
	if (err) {
		return err;
	}
	for (size_t i = 0; i < draft->config->table_count; i++) {
		const struct config_route_table *other = &draft->config->tables[i];

		if (strcmp(other->name, name) == 0) {
			return config_yaml_error(
				yaml, node,
				"route table \"%s\" is there already, in line %u; every table needs a name of its own",
				name, other->place.line);
		}
	}
	memcpy(draft->table->name, name, sizeof(name));
	return 0;
}

static int read_main(struct config_yaml *yaml, yaml_node_t *node, void *out)
{
	const struct config_table_draft *draft = out;
	int err = config_yaml_bool(yaml, node, "main", &draft->table->is_main);

	for (size_t i = 0; !err && draft->table->is_main && i < draft->config->table_count; i++) {
		const struct config_route_table *other = &draft->config->tables[i];

		if (other->is_main) {
			err = config_yaml_error(
				yaml, node,
				"route table \"%s\", in line %u, is the main one already; there is one main table",
				other->name, other->place.line);
		}
	}
	return err;
}

/* Which gateway asks this table after translation? NULL: none. */
static const struct config_gateway *owner_of(const struct config *config,
					     const struct config_route_table *table)
{
	for (size_t i = 0; i < config->gateway_count; i++) {
		if (strcmp(config->gateways[i].table, table->name) == 0) {
			return &config->gateways[i];
		}
	}
	return NULL;
}

/* Clients' packets look for a gateway; those that it has translated are on their way out. */
static int check_targets(const struct config_yaml *yaml, const struct config_route_table *table,
			 const struct config_gateway *owner)
{
	for (size_t i = 0; i < table->route_count; i++) {
		const struct config_route *route = &table->routes[i];

		if (route->target == NATGW_TARGET_INTERNET &&
		    (table->subnet_count || table->is_main)) {
			return config_yaml_error_at(
				yaml, route->place,
				"target internet in route table \"%s\", which has subnets; it is for packets that are translated, so write gateway:NAME, or move it to a table that is a gateway's route_table only",
				table->name);
		}
		if (route->target == NATGW_TARGET_GATEWAY && owner) {
			return config_yaml_error_at(
				yaml, route->place,
				"target gateway:%s in route table \"%s\", which is the route_table of gateway \"%s\": its packets are translated already, so write internet",
				route->name, table->name, owner->name);
		}
	}
	return 0;
}

static int check_table(const struct config_yaml *yaml, const yaml_node_t *node,
		       const struct config *config, const struct config_route_table *table)
{
	const struct config_gateway *owner = owner_of(config, table);

	if (!table->subnet_count && !table->is_main && !owner) {
		return config_yaml_error(
			yaml, node,
			"key \"subnets\" of a route table is missing; only the main table and one that a gateway names as its route_table need none");
	}
	return check_targets(yaml, table, owner);
}

/* Takes the table over when there is room. */
static int add(const struct config_yaml *yaml, struct config *config,
	       const struct config_route_table *table)
{
	struct config_route_table *grown =
		list_room(config->tables, config->table_count, sizeof(*config->tables));

	if (!grown) {
		return config_yaml_no_memory(yaml);
	}
	config->tables = grown;
	config->tables[config->table_count++] = *table;
	return 0;
}

static int read_item(struct config_yaml *yaml, yaml_node_t *node, void *out)
{
	static const struct config_yaml_key keys[] = {
		{ "name", true, read_name },
		{ "main", false, read_main },
		{ "subnets", false, config_subnet_read_list },
		{ "routes", false, read_routes },
		{ NULL, false, NULL },
	};
	struct config *config = out;
	struct config_route_table table = { .place = config_yaml_place(node) };
	struct config_table_draft draft = { config, &table };
	int err;

	if (config->table_count >= CONFIG_TABLES_MAX) {
		return config_yaml_error(yaml, node, "too many route tables; at most %d fit",
					 CONFIG_TABLES_MAX);
	}
	err = config_yaml_mapping(yaml, node, "a route table", keys, &draft);
	err = err ?: check_table(yaml, node, config, &table);
	err = err ?: add(yaml, config, &table);
	if (err) {
		free(table.subnets);
		free(table.routes);
	}
	return err;
}

int config_table_read_list(struct config_yaml *yaml, yaml_node_t *node, void *out)
{
	static const struct config_yaml_items items = { "route_tables", read_item, false };

	return config_yaml_list(yaml, node, &items, out)
		       ?: config_subnet_check_rows(yaml, node, out);
}
