/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * Internal prefixes of the configuration: which table a client's packet asks. They and the EIPs
 * must not overlap, or a packet's direction would be a matter of luck.
 */
#include "config_subnet.h"

#include <arpa/inet.h>
#include <errno.h>
#include <string.h>

#include "config_eip.h"
#include "config_prefix.h"
#include "list.h"
#include "parse_util.h"

/* ---- looking ---- */

static bool has_prefix(const struct config_prefix *prefixes, size_t count,
		       struct config_prefix prefix)
{
	for (size_t i = 0; i < count; i++) {
		if (config_prefix_equal(prefixes[i], prefix)) {
			return true;
		}
	}
	return false;
}

const struct config_route_table *config_subnet_table(const struct config *config,
						     struct config_prefix subnet)
{
	for (size_t i = 0; i < config->table_count; i++) {
		const struct config_route_table *table = &config->tables[i];

		if (has_prefix(table->subnets, table->subnet_count, subnet)) {
			return table;
		}
	}
	return NULL;
}

static bool any_holds(const struct config_prefix *prefixes, size_t count, __be32 addr,
		      struct config_prefix *ret_prefix)
{
	for (size_t i = 0; i < count; i++) {
		if (parse_util_network(addr, prefixes[i].len) != prefixes[i].addr) {
			continue;
		}
		if (ret_prefix) {
			*ret_prefix = prefixes[i];
		}
		return true;
	}
	return false;
}

bool config_subnet_holds(const struct config *config, __be32 addr, struct config_prefix *ret_prefix)
{
	for (size_t i = 0; i < config->table_count; i++) {
		const struct config_route_table *table = &config->tables[i];

		if (any_holds(table->subnets, table->subnet_count, addr, ret_prefix)) {
			return true;
		}
	}
	return any_holds(config->internal_prefixes, config->internal_prefix_count, addr,
			 ret_prefix);
}

static size_t count_subnets(const struct config *config)
{
	size_t count = config->internal_prefix_count;

	for (size_t i = 0; i < config->table_count; i++) {
		count += config->tables[i].subnet_count;
	}
	return count;
}

/* ---- one prefix ---- */

static int check_eips(const struct config_yaml *yaml, const yaml_node_t *node,
		      const struct config_gateway *gateway, const char *what,
		      struct config_prefix subnet)
{
	char text[PARSE_UTIL_PREFIX_TEXT];
	char eip_text[INET_ADDRSTRLEN];

	for (size_t i = 0; i < gateway->eip_count; i++) {
		if (parse_util_network(gateway->eips[i], subnet.len) != subnet.addr) {
			continue;
		}
		return config_yaml_error(
			yaml, node,
			"EIP %s of gateway \"%s\" lies inside %s %s; EIPs and internal prefixes must not overlap",
			config_eip_text(gateway->eips[i], eip_text), gateway->name, what,
			config_prefix_text(subnet, text));
	}
	return 0;
}

/* what and advice: for the message. */
static int check_usable(const struct config_yaml *yaml, const yaml_node_t *node, const char *what,
			const char *advice, struct config_prefix prefix)
{
	struct config_prefix last = prefix;
	char text[PARSE_UTIL_PREFIX_TEXT];

	last.addr |= ~parse_util_network(UINT32_MAX, prefix.len);
	if (config_eip_unusable(prefix.addr) && config_eip_unusable(last.addr)) {
		return config_yaml_error(yaml, node, "%s %s is %s and never translated; %s", what,
					 config_prefix_text(prefix, text),
					 config_eip_unusable(prefix.addr), advice);
	}
	return 0;
}

/* Internal prefixes that are being read. */
struct list {
	const char *what; /* for messages */
	const struct config *config;
	size_t count; /* subnets that there are */
};

static int check_subnet(const struct config_yaml *yaml, const yaml_node_t *node,
			const struct list *list, struct config_prefix subnet)
{
	static const char advice[] = "write the prefixes of your own hosts";
	int err;

	if (!subnet.len) {
		return config_yaml_error(
			yaml, node,
			"%s 0.0.0.0/0 would make every host on the internet a client; %s",
			list->what, advice);
	}
	err = check_usable(yaml, node, list->what, advice, subnet);
	if (!err && list->count >= NATGW_SUBNETS_MAX) {
		return config_yaml_error(
			yaml, node,
			"too many subnets in all route tables and internal_prefixes; at most %d fit",
			NATGW_SUBNETS_MAX);
	}
	for (size_t i = 0; !err && i < list->config->gateway_count; i++) {
		err = check_eips(yaml, node, &list->config->gateways[i], list->what, subnet);
	}
	return err;
}

static int add_prefix(const struct config_yaml *yaml, struct config_prefix **prefixes,
		      size_t *count, struct config_prefix prefix)
{
	struct config_prefix *grown = list_room(*prefixes, *count, sizeof(*grown));

	if (!grown) {
		return config_yaml_no_memory(yaml);
	}
	*prefixes = grown;
	grown[(*count)++] = prefix;
	return 0;
}

/* ---- subnets of a table ---- */

static int check_twice(const struct config_yaml *yaml, const yaml_node_t *node,
		       const struct config_table_draft *draft, struct config_prefix subnet)
{
	const struct config_route_table *owner = config_subnet_table(draft->config, subnet);
	char text[PARSE_UTIL_PREFIX_TEXT];

	if (has_prefix(draft->table->subnets, draft->table->subnet_count, subnet)) {
		owner = draft->table;
	}
	if (!owner) {
		return 0;
	}
	return config_yaml_error(
		yaml, node,
		"subnet %s is already in route table \"%s\"; a subnet belongs to one table, and once",
		config_prefix_text(subnet, text), owner->name);
}

static int read_subnet(struct config_yaml *yaml, yaml_node_t *node, void *out)
{
	const struct config_table_draft *draft = out;
	struct config_route_table *table = draft->table;
	const struct list list = { "subnet", draft->config,
				   count_subnets(draft->config) + table->subnet_count };
	struct config_prefix subnet = { 0 };
	int err = config_prefix_read(yaml, node, list.what, &subnet);

	err = err ?: check_subnet(yaml, node, &list, subnet);
	err = err ?: check_twice(yaml, node, draft, subnet);
	return err ?: add_prefix(yaml, &table->subnets, &table->subnet_count, subnet);
}

int config_subnet_read_list(struct config_yaml *yaml, yaml_node_t *node, void *out)
{
	static const struct config_yaml_items items = { "subnets of a route table", read_subnet,
							false };

	return config_yaml_list(yaml, node, &items, out);
}

/* Every table gets a local route for every subnet beside its own, and for every local prefix. */
int config_subnet_check_rows(const struct config_yaml *yaml, const yaml_node_t *node,
			     const struct config *config)
{
	size_t rows = config->table_count * (count_subnets(config) + config->local_count);

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

/* ---- internal_prefixes, local ---- */

static int check_again(const struct config_yaml *yaml, const yaml_node_t *node, const char *what,
		       struct config_prefix prefix)
{
	char text[PARSE_UTIL_PREFIX_TEXT];

	return config_yaml_error(yaml, node, "%s %s stands here again; write it once", what,
				 config_prefix_text(prefix, text));
}

static int read_internal(struct config_yaml *yaml, yaml_node_t *node, void *out)
{
	struct config *config = out;
	const struct list list = { "internal prefix", config, count_subnets(config) };
	struct config_prefix prefix = { 0 };
	int err = config_prefix_read(yaml, node, list.what, &prefix);

	err = err ?: check_subnet(yaml, node, &list, prefix);
	if (!err && has_prefix(config->internal_prefixes, config->internal_prefix_count, prefix)) {
		err = check_again(yaml, node, "internal prefix", prefix);
	}
	return err
		       ?: add_prefix(yaml, &config->internal_prefixes,
				     &config->internal_prefix_count, prefix);
}

int config_subnet_read_internal(struct config_yaml *yaml, yaml_node_t *node, void *out)
{
	static const struct config_yaml_items items = { "internal_prefixes", read_internal, true };
	struct config *config = out;

	config->internal_place = config_yaml_place(node);
	return config_yaml_list(yaml, node, &items, out)
		       ?: config_subnet_check_rows(yaml, node, config);
}

static int read_local(struct config_yaml *yaml, yaml_node_t *node, void *out)
{
	struct config *config = out;
	struct config_prefix prefix = { 0 };
	int err = config_prefix_read(yaml, node, "local prefix", &prefix);

	if (!err && !prefix.len) {
		return config_yaml_error(
			yaml, node,
			"local prefix 0.0.0.0/0 would leave nothing to translate; write the external prefixes that clients reach by their own addresses");
	}
	if (!err && config->local_count >= NATGW_SUBNETS_MAX) {
		return config_yaml_error(yaml, node, "too many local prefixes; at most %d fit",
					 NATGW_SUBNETS_MAX);
	}
	err = err ?: check_usable(yaml, node, "local prefix", "take it out", prefix);
	if (!err && has_prefix(config->local, config->local_count, prefix)) {
		err = check_again(yaml, node, "local prefix", prefix);
	}
	return err ?: add_prefix(yaml, &config->local, &config->local_count, prefix);
}

int config_subnet_read_local(struct config_yaml *yaml, yaml_node_t *node, void *out)
{
	static const struct config_yaml_items items = { "local", read_local, true };

	return config_yaml_list(yaml, node, &items, out)
		       ?: config_subnet_check_rows(yaml, node, out);
}

int config_subnet_fill_main(const struct config_yaml *yaml, struct config *config)
{
	struct config_route_table *main_table = NULL;
	int err = 0;

	for (size_t i = 0; i < config->table_count; i++) {
		if (config->tables[i].is_main) {
			main_table = &config->tables[i];
		}
	}
	for (size_t i = 0; main_table && !err && i < config->internal_prefix_count; i++) {
		struct config_prefix prefix = config->internal_prefixes[i];

		if (!config_subnet_table(config, prefix)) {
			err = add_prefix(yaml, &main_table->subnets, &main_table->subnet_count,
					 prefix);
		}
	}
	return err;
}
