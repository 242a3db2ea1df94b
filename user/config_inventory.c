/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * The EIPs that the config may use at all, and how many gateways and EIPs there may be. Nothing
 * here reaches the data path.
 */
#include "config_inventory.h"

#include <arpa/inet.h>

#include "config_eip.h"
#include "config_limit.h"
#include "config_print.h"
#include "list.h"

static int read_item(struct config_yaml *yaml, yaml_node_t *node, void *out)
{
	struct config *config = out;
	struct config_eip_span span;
	struct config_span *grown;
	const char *reason;
	int err = config_eip_read_span(yaml, node, &span);

	if (err) {
		return err;
	}
	reason = config_eip_unusable(htonl(span.first)) ?: config_eip_unusable(htonl(span.last));
	if (reason) {
		return config_yaml_error(
			yaml, node, "the inventory has addresses %s; these can be no EIPs", reason);
	}
	grown = list_room(config->inventory, config->inventory_count, sizeof(*grown));
	if (!grown) {
		return config_yaml_no_memory(yaml);
	}
	config->inventory = grown;
	config->inventory[config->inventory_count++] =
		(struct config_span){ htonl(span.first), htonl(span.last) };
	return 0;
}

int config_inventory_read(struct config_yaml *yaml, yaml_node_t *node, void *out)
{
	static const struct config_yaml_items items = { "inventory", read_item, true };

	return config_yaml_list(yaml, node, &items, out);
}

int config_inventory_read_gateways_max(struct config_yaml *yaml, yaml_node_t *node, void *out)
{
	static const struct config_limit_bounds bounds = { "max_gateways", 0,
							   NATGW_GATEWAYS_MAX - 1 };
	struct config *config = out;

	return config_limit_number(yaml, node, &bounds, &config->gateways_max);
}

int config_inventory_read_eips_max(struct config_yaml *yaml, yaml_node_t *node, void *out)
{
	static const struct config_limit_bounds bounds = { "max_eips", 0, NATGW_EIPS_MAX };
	struct config *config = out;

	return config_limit_number(yaml, node, &bounds, &config->eips_max);
}

/* ---- what the lists say of each other ---- */

bool config_inventory_has(const struct config *config, __be32 eip)
{
	for (size_t i = 0; i < config->inventory_count; i++) {
		const struct config_span *span = &config->inventory[i];

		if (ntohl(eip) >= ntohl(span->first) && ntohl(eip) <= ntohl(span->last)) {
			return true;
		}
	}
	return !config->inventory_count;
}

/* Those of a rule that no gateway has in its own list; of two rules with the same EIP, the first.
 */
static size_t count_rule(const struct config *config, size_t position)
{
	const struct config_rule *rule = &config->rules[position];
	size_t count = 0;

	for (size_t i = 0; i < rule->eip_count; i++) {
		bool known = false;

		for (size_t j = 0; !known && j < config->gateway_count; j++) {
			known = config_eip_in(config->gateways[j].eips,
					      config->gateways[j].eip_count, rule->eips[i]);
		}
		for (size_t j = 0; !known && j < position; j++) {
			known = config_eip_in(config->rules[j].eips, config->rules[j].eip_count,
					      rule->eips[i]);
		}
		count += !known;
	}
	return count;
}

size_t config_inventory_count_eips(const struct config *config)
{
	size_t count = 0;

	for (size_t i = 0; i < config->gateway_count; i++)
		count += config->gateways[i].eip_count;
	for (size_t i = 0; i < config->rule_count; i++)
		count += count_rule(config, i);
	return count;
}

static int check_eips(const struct config_yaml *yaml, const struct config *config,
		      const __be32 *eips, size_t count, struct config_place place)
{
	char text[INET_ADDRSTRLEN];

	for (size_t i = 0; i < count; i++) {
		if (!config_inventory_has(config, eips[i])) {
			return config_yaml_error_at(
				yaml, place,
				"EIP %s is not in the inventory; add it to \"inventory\", or use one that is",
				config_eip_text(eips[i], text));
		}
	}
	return 0;
}

static int check_limits(const struct config_yaml *yaml, const struct config *config)
{
	size_t eips = config_inventory_count_eips(config);

	if (config->gateways_max && config->gateway_count > config->gateways_max) {
		return config_yaml_error_at(
			yaml, config->gateways[config->gateways_max].place,
			"gateway \"%s\" is one more than limits.max_gateways %u allows; take one out, or raise the limit",
			config->gateways[config->gateways_max].name, config->gateways_max);
	}
	if (config->eips_max && eips > config->eips_max) {
		return config_yaml_error_at(
			yaml, config->gateways[0].eips_place,
			"there are %zu EIPs in all, limits.max_eips is %u; take some out, or raise the limit",
			eips, config->eips_max);
	}
	return 0;
}

int config_inventory_check(const struct config_yaml *yaml, const struct config *config)
{
	int err = check_limits(yaml, config);

	for (size_t i = 0; !err && i < config->gateway_count; i++) {
		const struct config_gateway *gateway = &config->gateways[i];

		err = check_eips(yaml, config, gateway->eips, gateway->eip_count,
				 gateway->eips_place);
	}
	for (size_t i = 0; !err && i < config->rule_count; i++) {
		const struct config_rule *rule = &config->rules[i];

		err = check_eips(yaml, config, rule->eips, rule->eip_count, rule->place);
	}
	return err;
}

void config_inventory_print(FILE *stream, const struct config *config)
{
	(void)fputs("inventory: [", stream);
	for (size_t i = 0; i < config->inventory_count; i++) {
		const struct config_span *span = &config->inventory[i];

		(void)fputs(i ? ", " : "", stream);
		config_print_addr(stream, span->first);
		if (span->last != span->first) {
			(void)fputc('-', stream);
			config_print_addr(stream, span->last);
		}
	}
	(void)fputs("]\n", stream);
}
