/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * The pool of an SNAT rule. Its EIPs belong to one gateway. Two pools have the same addresses or
 * none in common, and the gateway's own list has all of a pool or none of it: what is shared by
 * accident is an error (requirement 68).
 */
#include "config_pool.h"

#include <arpa/inet.h>
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "config_eip.h"
#include "config_prefix.h"
#include "config_rule.h"
#include "config_subnet.h"
#include "list.h"
#include "parse_util.h"

/* ---- one address ---- */

static int check_private(const struct config_yaml *yaml, const yaml_node_t *node,
			 const struct config *config, __be32 eip)
{
	const struct config_gateway *owner = config_eip_private_owner(config, eip);
	char text[INET_ADDRSTRLEN];

	if (!owner) {
		return 0;
	}
	return config_yaml_error(
		yaml, node,
		"EIP %s of an snat rule is the private_ip of gateway \"%s\"; a pool must not hold it",
		config_eip_text(eip, text), owner->name);
}

static int check_subnet(const struct config_yaml *yaml, const yaml_node_t *node,
			const struct config *config, __be32 eip)
{
	char subnet_text[PARSE_UTIL_PREFIX_TEXT];
	struct config_prefix subnet;
	char text[INET_ADDRSTRLEN];

	if (!config_subnet_holds(config, eip, &subnet)) {
		return 0;
	}
	return config_yaml_error(
		yaml, node,
		"EIP %s of an snat rule lies inside subnet %s; EIPs and internal prefixes must not overlap",
		config_eip_text(eip, text), config_prefix_text(subnet, subnet_text));
}

static int check_owner(const struct config_yaml *yaml, const yaml_node_t *node,
		       const struct config_rule_draft *draft, __be32 eip)
{
	const struct config_gateway *owner = config_eip_owner(draft->config, eip);
	char text[INET_ADDRSTRLEN];

	if (!owner || config_rule_is_for(draft->rule, owner)) {
		return 0;
	}
	return config_yaml_error(
		yaml, node,
		"EIP %s of this snat rule for gateway \"%s\" belongs to gateway \"%s\"; an EIP belongs to one gateway",
		config_eip_text(eip, text), draft->rule->gateway, owner->name);
}

static int check_eip(const struct config_yaml *yaml, const yaml_node_t *node,
		     const struct config_rule_draft *draft, __be32 eip)
{
	const char *reason = config_eip_unusable(eip);
	char text[INET_ADDRSTRLEN];

	if (reason) {
		return config_yaml_error(
			yaml, node,
			"EIP %s of an snat rule is %s; an EIP must be a unicast address that the external network routes to this host",
			config_eip_text(eip, text), reason);
	}
	if (config_eip_in(draft->rule->eips, draft->rule->eip_count, eip)) {
		return config_yaml_error(yaml, node,
					 "EIP %s stands in this snat rule already; write it once",
					 config_eip_text(eip, text));
	}
	return check_private(yaml, node, draft->config, eip) ?:
		       check_subnet(yaml, node, draft->config, eip) ?:
		       check_owner(yaml, node, draft, eip);
}

static int read_item(struct config_yaml *yaml, yaml_node_t *node, void *out)
{
	const struct config_rule_draft *draft = out;
	struct config_rule *rule = draft->rule;
	struct config_eip_span span = { 0 };
	uint64_t total;
	uint64_t count;
	__be32 *grown;
	int err = config_eip_read_span(yaml, node, &span);

	if (err) {
		return err;
	}
	count = (uint64_t)span.last - span.first + 1;
	total = rule->eip_count + count;
	if (total > NATGW_EIPS_PER_GATEWAY_MAX) {
		return config_yaml_error(yaml, node,
					 "this snat rule would have %llu EIPs; at most %d fit",
					 (unsigned long long)total, NATGW_EIPS_PER_GATEWAY_MAX);
	}
	grown = reallocarray(rule->eips, total, sizeof(*grown));
	if (!grown) {
		return config_yaml_no_memory(yaml);
	}
	rule->eips = grown;
	for (uint64_t i = 0; !err && i < count; i++) {
		__be32 eip = htonl(span.first + (uint32_t)i);

		err = check_eip(yaml, node, draft, eip);
		if (!err) {
			rule->eips[rule->eip_count++] = eip;
		}
	}
	return err;
}

/* ---- the whole pool ---- */

static int check_own(const struct config_yaml *yaml, const yaml_node_t *node,
		     const struct config *config, const struct config_rule *rule)
{
	const struct config_gateway *gateway = config_find_gateway(config, rule->gateway);
	const __be32 *common = NULL;
	char text[INET_ADDRSTRLEN];
	size_t count = 0;

	for (size_t i = 0; i < rule->eip_count; i++) {
		if (config_eip_in(gateway->eips, gateway->eip_count, rule->eips[i])) {
			common = &rule->eips[i];
			count++;
		}
	}
	if (!common || count == rule->eip_count) {
		return 0;
	}
	return config_yaml_error(
		yaml, node,
		"EIP %s of this snat rule is in the eips of gateway \"%s\", others of the rule are not; a pool must be part of that list as a whole, or apart from it",
		config_eip_text(*common, text), gateway->name);
}

static int compare_numbers(uint32_t a, uint32_t b)
{
	return (a > b) - (a < b);
}

static int compare_eips(const void *left, const void *right)
{
	return compare_numbers(ntohl(*(const __be32 *)left), ntohl(*(const __be32 *)right));
}

/* Both in order: an EIP that both have, or NULL. */
static const __be32 *find_common(const struct config_rule *one, const struct config_rule *other)
{
	size_t i = 0;
	size_t j = 0;

	while (i < one->eip_count && j < other->eip_count) {
		int order = compare_eips(&one->eips[i], &other->eips[j]);

		if (!order) {
			return &one->eips[i];
		}
		i += order < 0;
		j += order > 0;
	}
	return NULL;
}

static bool is_same(const struct config_rule *one, const struct config_rule *other)
{
	return one->eip_count == other->eip_count &&
	       memcmp(one->eips, other->eips, one->eip_count * sizeof(*one->eips)) == 0;
}

static int check_pools(const struct config_yaml *yaml, const yaml_node_t *node,
		       const struct config *config, const struct config_rule *rule)
{
	char text[INET_ADDRSTRLEN];

	for (size_t i = 0; i < config->rule_count; i++) {
		const struct config_rule *other = &config->rules[i];
		const __be32 *eip = find_common(rule, other);

		if (eip && !is_same(rule, other)) {
			return config_yaml_error(
				yaml, node,
				"EIP %s is in the pool of the snat rule in line %u too; two pools must not overlap, unless they are the same",
				config_eip_text(*eip, text), other->place.line);
		}
	}
	return 0;
}

/* Has no gateway's list and none of the first rules this pool? Its first EIP tells, since pools are
 * in order, and the same or apart. */
static bool is_new(const struct config *config, size_t rules, const struct config_rule *rule)
{
	for (size_t i = 0; i < config->gateway_count; i++) {
		const struct config_gateway *gateway = &config->gateways[i];

		if (config_eip_in(gateway->eips, gateway->eip_count, rule->eips[0])) {
			return false;
		}
	}
	for (size_t i = 0; i < rules; i++) {
		if (config->rules[i].eip_count && config->rules[i].eips[0] == rule->eips[0]) {
			return false;
		}
	}
	return true;
}

size_t config_pool_added(const struct config *config, size_t position)
{
	const struct config_rule *rule = &config->rules[position];

	return rule->eip_count && is_new(config, position, rule) ? rule->eip_count : 0;
}

static size_t count_eips(const struct config *config)
{
	size_t count = 0;

	for (size_t i = 0; i < config->gateway_count; i++) {
		count += config->gateways[i].eip_count;
	}
	for (size_t i = 0; i < config->rule_count; i++) {
		count += config_pool_added(config, i);
	}
	return count;
}

/* Pools are the same or apart, and the same ones share their rows of "pool": those of an old and a
 * new config always fit beside the gateway's own list. */
_Static_assert(NATGW_EIPS_PER_GATEWAY_MAX + 2 * NATGW_EIPS_MAX <= NATGW_POOL_ROWS_PER_GATEWAY,
	       "rows of pools");

static int check_room(const struct config_yaml *yaml, const yaml_node_t *node,
		      const struct config *config, const struct config_rule *rule)
{
	size_t total = count_eips(config);

	if (is_new(config, config->rule_count, rule)) {
		total += rule->eip_count;
	}
	if (total <= NATGW_EIPS_MAX) {
		return 0;
	}
	return config_yaml_error(
		yaml, node,
		"all gateways and snat rules together would have %zu EIPs; at most %d fit", total,
		NATGW_EIPS_MAX);
}

/* A rule that names none means the only one. */
static int find_gateway(const struct config_yaml *yaml, const struct config *config,
			struct config_rule *rule)
{
	if (!rule->gateway[0] && config->gateway_count != 1) {
		return config_yaml_error_at(
			yaml, rule->place,
			"an snat rule names no gateway, and there are %zu; its EIPs belong to one, so write gateway: NAME",
			config->gateway_count);
	}
	if (!rule->gateway[0]) {
		memcpy(rule->gateway, config->gateways[0].name, sizeof(rule->gateway));
	}
	return 0;
}

int config_pool_read_list(struct config_yaml *yaml, yaml_node_t *node, void *out)
{
	static const struct config_yaml_items items = { "eips of an snat rule", read_item, false };
	const struct config_rule_draft *draft = out;

	struct config_rule *rule = draft->rule;
	int err = find_gateway(yaml, draft->config, rule);

	err = err ?: config_yaml_list(yaml, node, &items, out);
	if (err) {
		return err;
	}
	/* In order, so that pools with the same EIPs look the same. */
	qsort(rule->eips, rule->eip_count, sizeof(*rule->eips), compare_eips);
	return check_own(yaml, node, draft->config, rule)   ?:
		       check_pools(yaml, node, draft->config, rule) ?:
		       check_room(yaml, node, draft->config, rule);
}
