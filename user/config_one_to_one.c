/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * 1:1 mappings: the public address of an internal host, or that of an EIP of a two-stage gateway
 * (requirements 74 and 81). An address has one meaning: it stands on one side of one mapping, and
 * a public one is nothing else of natgw's.
 */
#include "config_one_to_one.h"

#include <arpa/inet.h>
#include <errno.h>

#include "config_eip.h"
#include "config_prefix.h"
#include "config_subnet.h"
#include "list.h"
#include "parse_util.h"

/* A mapping that is being read. */
struct draft {
	const struct config *config;
	struct config_one_to_one *mapping;
};

const struct config_one_to_one *config_one_to_one_private(const struct config *config, __be32 addr)
{
	for (size_t i = 0; i < config->one_to_one_count; i++) {
		if (config->one_to_one[i].private_addr == addr) {
			return &config->one_to_one[i];
		}
	}
	return NULL;
}

const struct config_one_to_one *config_one_to_one_public(const struct config *config, __be32 addr)
{
	for (size_t i = 0; i < config->one_to_one_count; i++) {
		if (config->one_to_one[i].public_addr == addr) {
			return &config->one_to_one[i];
		}
	}
	return NULL;
}

/* ---- one address ---- */

/* what: "private", "public" */
static int read_address(const struct config_yaml *yaml, yaml_node_t *node, const char *what,
			__be32 *ret_addr)
{
	const char *text;
	const char *reason;
	__be32 addr;
	int err = config_yaml_text(yaml, node, what, &text);

	if (err) {
		return err;
	}
	if (parse_util_address(text, &addr)) {
		return config_yaml_error(
			yaml, node,
			"%s \"%.60s\" of one_to_one is not an IPv4 address; write one address, each pair is an item of its own",
			what, text);
	}
	reason = config_eip_unusable(addr);
	if (reason) {
		return config_yaml_error(yaml, node,
					 "%s %s of one_to_one is %s; it must be a unicast address",
					 what, text, reason);
	}
	*ret_addr = addr;
	return 0;
}

/* In no mapping, on neither side. */
static int check_unused(const struct config_yaml *yaml, const yaml_node_t *node,
			const struct config *config, __be32 addr)
{
	const struct config_one_to_one *other = config_one_to_one_private(config, addr);
	const char *side = other ? "private" : "public";
	char text[INET_ADDRSTRLEN];

	other = other ? other : config_one_to_one_public(config, addr);
	if (!other) {
		return 0;
	}
	return config_yaml_error(
		yaml, node,
		"%s is the %s address of the one_to_one item in line %u already; an address stands in one item",
		config_eip_text(addr, text), side, other->place.line);
}

/* An EIP in two stages, or an internal host. */
static int check_private(const struct config_yaml *yaml, const yaml_node_t *node,
			 const struct config *config, __be32 addr)
{
	const struct config_gateway *owner = config_eip_owner(config, addr);
	char text[INET_ADDRSTRLEN];

	(void)config_eip_text(addr, text);
	if (owner && owner->two_stage) {
		return 0;
	}
	if (owner) {
		return config_yaml_error(
			yaml, node,
			"private %s of one_to_one is an EIP of gateway \"%s\", whose mode is direct; write mode: two-stage there, or the address of an internal host here",
			text, owner->name);
	}
	owner = config_eip_private_owner(config, addr);
	if (owner) {
		return config_yaml_error(
			yaml, node,
			"private %s of one_to_one is the private_ip of gateway \"%s\"; that takes mode: two-stage and the address in its eips",
			text, owner->name);
	}
	if (config_subnet_holds(config, addr, NULL)) {
		return 0;
	}
	return config_yaml_error(
		yaml, node,
		"private %s of one_to_one is neither in an internal prefix nor an EIP of a two-stage gateway; write an internal host, or add its subnet",
		text);
}

static int check_public(const struct config_yaml *yaml, const yaml_node_t *node,
			const struct config *config, __be32 addr)
{
	const struct config_gateway *owner = config_eip_owner(config, addr);
	char subnet_text[PARSE_UTIL_PREFIX_TEXT];
	struct config_prefix subnet;
	char text[INET_ADDRSTRLEN];

	(void)config_eip_text(addr, text);
	if (owner) {
		return config_yaml_error(
			yaml, node,
			"public %s of one_to_one is an EIP of gateway \"%s\" already; an address is one or the other",
			text, owner->name);
	}
	owner = config_eip_private_owner(config, addr);
	if (owner) {
		return config_yaml_error(
			yaml, node,
			"public %s of one_to_one is the private_ip of gateway \"%s\"; the two must differ",
			text, owner->name);
	}
	if (!config_subnet_holds(config, addr, &subnet)) {
		return 0;
	}
	return config_yaml_error(
		yaml, node,
		"public %s of one_to_one lies inside subnet %s; public addresses and internal prefixes must not overlap",
		text, config_prefix_text(subnet, subnet_text));
}

/* ---- the list ---- */

static int read_private(struct config_yaml *yaml, yaml_node_t *node, void *out)
{
	const struct draft *draft = out;
	__be32 *addr = &draft->mapping->private_addr;

	return read_address(yaml, node, "private", addr)	     ?:
		       check_unused(yaml, node, draft->config, *addr) ?:
		       check_private(yaml, node, draft->config, *addr);
}

static int read_public(struct config_yaml *yaml, yaml_node_t *node, void *out)
{
	const struct draft *draft = out;
	__be32 *addr = &draft->mapping->public_addr;
	char text[INET_ADDRSTRLEN];
	int err = read_address(yaml, node, "public", addr);

	if (!err && *addr == draft->mapping->private_addr) {
		return config_yaml_error(
			yaml, node,
			"%s is mapped to itself; private and public must differ, and no_nat leaves an address as it is",
			config_eip_text(*addr, text));
	}
	return err ?: check_unused(yaml, node, draft->config, *addr) ?:
		       check_public(yaml, node, draft->config, *addr);
}

static int read_item(struct config_yaml *yaml, yaml_node_t *node, void *out)
{
	static const struct config_yaml_key keys[] = {
		{ "private", true, read_private },
		{ "public", true, read_public },
		{ NULL, false, NULL },
	};
	struct config *config = out;
	struct config_one_to_one mapping = { .place = config_yaml_place(node) };
	struct draft draft = { config, &mapping };
	struct config_one_to_one *grown;
	int err;

	if (config->one_to_one_count >= NATGW_ONE_TO_ONE_MAX) {
		return config_yaml_error(yaml, node, "too many items in one_to_one; at most %d fit",
					 NATGW_ONE_TO_ONE_MAX);
	}
	err = config_yaml_mapping(yaml, node, "an item of one_to_one", keys, &draft);
	if (err) {
		return err;
	}
	grown = list_room(config->one_to_one, config->one_to_one_count, sizeof(*grown));
	if (!grown) {
		return config_yaml_no_memory(yaml);
	}
	config->one_to_one = grown;
	config->one_to_one[config->one_to_one_count++] = mapping;
	return 0;
}

int config_one_to_one_read_list(struct config_yaml *yaml, yaml_node_t *node, void *out)
{
	static const struct config_yaml_items items = { "one_to_one", read_item, true };

	return config_yaml_list(yaml, node, &items, out);
}

/* ---- two stages ---- */

static int check_staged(const struct config_yaml *yaml, const struct config *config,
			struct config_place place, const struct config_gateway *gateway, __be32 eip)
{
	char text[INET_ADDRSTRLEN];

	if (config_one_to_one_private(config, eip)) {
		return 0;
	}
	return config_yaml_error_at(
		yaml, place,
		"EIP %s of two-stage gateway \"%s\" has no public address; add {private: %s, public: ...} to one_to_one",
		config_eip_text(eip, text), gateway->name, text);
}

int config_one_to_one_check_gateways(const struct config_yaml *yaml, const struct config *config)
{
	int err = 0;

	for (size_t i = 0; i < config->gateway_count; i++) {
		const struct config_gateway *gateway = &config->gateways[i];

		for (size_t j = 0; !err && gateway->two_stage && j < gateway->eip_count; j++) {
			err = check_staged(yaml, config, gateway->eips_place, gateway,
					   gateway->eips[j]);
		}
	}
	for (size_t i = 0; i < config->rule_count; i++) {
		const struct config_rule *rule = &config->rules[i];
		const struct config_gateway *gateway = config_find_gateway(config, rule->gateway);

		for (size_t j = 0; !err && gateway && gateway->two_stage && j < rule->eip_count;
		     j++) {
			err = check_staged(yaml, config, rule->place, gateway, rule->eips[j]);
		}
	}
	return err;
}
