/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * Route tables of the configuration: which sources they serve (subnets) and their routes. The local
 * routes that every table has for all subnets are not in here; the maps get them.
 */
#include "config_table.h"

#include <arpa/inet.h>
#include <ctype.h>
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "cleanup.h"
#include "config_eip.h"
#include "config_gateway.h"
#include "config_interface.h"
#include "config_prefix.h"
#include "list.h"
#include "parse_util.h"

/* A table that is being read, not yet among those of config. */
struct draft {
	const struct config *config;
	struct config_route_table *table;
};

/* A route that is being read. */
struct route_draft {
	const struct config *config;
	struct config_route *route;
};

/* ---- subnets ---- */

static size_t count_subnets(const struct config *config)
{
	size_t count = 0;

	for (size_t i = 0; i < config->table_count; i++) {
		count += config->tables[i].subnet_count;
	}
	return count;
}

static bool table_has(const struct config_route_table *table, struct config_prefix subnet)
{
	for (size_t i = 0; i < table->subnet_count; i++) {
		if (config_prefix_equal(table->subnets[i], subnet)) {
			return true;
		}
	}
	return false;
}

static int check_twice(const struct config_yaml *yaml, const yaml_node_t *node,
		       const struct draft *draft, struct config_prefix subnet)
{
	const struct config_route_table *owner = NULL;
	char text[PARSE_UTIL_PREFIX_TEXT];

	if (table_has(draft->table, subnet)) {
		owner = draft->table;
	}
	for (size_t i = 0; !owner && i < draft->config->table_count; i++) {
		if (table_has(&draft->config->tables[i], subnet)) {
			owner = &draft->config->tables[i];
		}
	}
	if (!owner) {
		return 0;
	}
	return config_yaml_error(
		yaml, node,
		"subnet %s is already in route table \"%s\"; a subnet belongs to one table, and once",
		config_prefix_text(subnet, text), owner->name);
}

/* A client's address that is an EIP as well would make a packet's direction a matter of luck. */
static int check_eips(const struct config_yaml *yaml, const yaml_node_t *node,
		      const struct config_gateway *gateway, struct config_prefix subnet)
{
	char text[PARSE_UTIL_PREFIX_TEXT];
	char eip_text[INET_ADDRSTRLEN];

	for (size_t i = 0; i < gateway->eip_count; i++) {
		struct in_addr eip = { .s_addr = gateway->eips[i] };

		if (parse_util_network(eip.s_addr, subnet.len) != subnet.addr) {
			continue;
		}
		return config_yaml_error(
			yaml, node,
			"EIP %s of gateway \"%s\" lies inside subnet %s; EIPs and internal prefixes must not overlap",
			inet_ntop(AF_INET, &eip, eip_text, sizeof(eip_text)), gateway->name,
			config_prefix_text(subnet, text));
	}
	return 0;
}

static int check_subnet(const struct config_yaml *yaml, const yaml_node_t *node,
			const struct draft *draft, struct config_prefix subnet)
{
	struct config_prefix last = subnet;
	char text[PARSE_UTIL_PREFIX_TEXT];
	int err;

	if (!subnet.len) {
		return config_yaml_error(
			yaml, node,
			"subnet 0.0.0.0/0 would make every host on the internet a client; write the prefixes of your own hosts");
	}
	last.addr |= ~parse_util_network(UINT32_MAX, subnet.len);
	if (config_eip_unusable(subnet.addr) && config_eip_unusable(last.addr)) {
		return config_yaml_error(
			yaml, node,
			"subnet %s is %s and never translated; write the prefixes of your own hosts",
			config_prefix_text(subnet, text), config_eip_unusable(subnet.addr));
	}
	if (count_subnets(draft->config) + draft->table->subnet_count >= NATGW_SUBNETS_MAX) {
		return config_yaml_error(yaml, node,
					 "too many subnets in all route tables; at most %d fit",
					 NATGW_SUBNETS_MAX);
	}
	err = check_twice(yaml, node, draft, subnet);
	for (size_t i = 0; !err && i < draft->config->gateway_count; i++) {
		err = check_eips(yaml, node, &draft->config->gateways[i], subnet);
	}
	return err;
}

static int read_subnet(struct config_yaml *yaml, yaml_node_t *node, void *out)
{
	const struct draft *draft = out;
	struct config_route_table *table = draft->table;
	struct config_prefix *grown;
	struct config_prefix subnet = { 0 };
	int err;

	err = config_prefix_read(yaml, node, "subnet", &subnet);
	err = err ?: check_subnet(yaml, node, draft, subnet);
	if (err) {
		return err;
	}
	grown = list_room(table->subnets, table->subnet_count, sizeof(*grown));
	if (!grown) {
		return config_yaml_no_memory(yaml);
	}
	table->subnets = grown;
	table->subnets[table->subnet_count++] = subnet;
	return 0;
}

static int read_subnets(struct config_yaml *yaml, yaml_node_t *node, void *out)
{
	static const struct config_yaml_items items = { "subnets of a route table", read_subnet,
							false };

	return config_yaml_list(yaml, node, &items, out);
}

/* ---- routes ---- */

static int read_to(struct config_yaml *yaml, yaml_node_t *node, void *out)
{
	const struct route_draft *draft = out;

	return config_prefix_read(yaml, node, "route", &draft->route->to);
}

static int to_gateway(const struct config_yaml *yaml, const yaml_node_t *node,
		      const struct route_draft *draft, const char *name)
{
	if (!config_find_gateway(draft->config, name)) {
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
	return config_yaml_error(
		yaml, node,
		"unknown target \"%.60s\" of a route; it is gateway:NAME, interface:NAME, local or blackhole",
		text);
}

static int read_route(struct config_yaml *yaml, yaml_node_t *node, void *out)
{
	static const struct config_yaml_key keys[] = {
		{ "to", true, read_to },
		{ "target", true, read_target },
		{ NULL, false, NULL },
	};
	const struct draft *draft = out;
	struct config_route_table *table = draft->table;
	struct config_route route = {
		.origin = NATGW_ORIGIN_STATIC,
		.place = config_yaml_place(node),
	};
	struct route_draft route_draft = { draft->config, &route };
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
	const struct draft *draft = out;

	return config_yaml_list(yaml, node, &items, out) ?: check_routes(yaml, draft->table);
}

/* ---- tables ---- */

static int read_name(struct config_yaml *yaml, yaml_node_t *node, void *out)
{
	const struct draft *draft = out;
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
		{ "subnets", true, read_subnets },
		{ "routes", false, read_routes },
		{ NULL, false, NULL },
	};
	struct config *config = out;
	struct config_route_table table = { .place = config_yaml_place(node) };
	struct draft draft = { config, &table };
	int err;

	if (config->table_count >= CONFIG_TABLES_MAX) {
		return config_yaml_error(yaml, node, "too many route tables; at most %d fit",
					 CONFIG_TABLES_MAX);
	}
	err = config_yaml_mapping(yaml, node, "a route table", keys, &draft);
	err = err ?: add(yaml, config, &table);
	if (err) {
		free(table.subnets);
		free(table.routes);
	}
	return err;
}

/* Every table gets a local route for every subnet beside its own. */
static int check_route_rows(const struct config_yaml *yaml, const yaml_node_t *node,
			    const struct config *config)
{
	size_t rows = config->table_count * count_subnets(config);

	for (size_t i = 0; i < config->table_count; i++) {
		rows += config->tables[i].route_count;
	}
	if (rows <= NATGW_ROUTES_MAX) {
		return 0;
	}
	return config_yaml_error(
		yaml, node,
		"%zu routes, with the local one of each subnet in every table; at most %d fit, use fewer tables or wider subnets",
		rows, NATGW_ROUTES_MAX);
}

int config_table_read_list(struct config_yaml *yaml, yaml_node_t *node, void *out)
{
	static const struct config_yaml_items items = { "route_tables", read_item, false };

	return config_yaml_list(yaml, node, &items, out) ?: check_route_rows(yaml, node, out);
}
