/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * Rules that say what is translated: dnat (another destination port, a mark), snat (a pool of its
 * own, config_pool.c), no_nat. Requirements 66 to 73, B-30.
 */
#include "config_nat_rule.h"

#include <errno.h>
#include <netinet/in.h>
#include <stdlib.h>
#include <string.h>

#include "config_pool.h"
#include "config_rule.h"
#include "parse_util.h"

static const char *const kind_names[] = {
	[NATGW_RULE_SESSION] = "session",
	[NATGW_RULE_DNAT] = "dnat",
	[NATGW_RULE_SNAT] = "snat",
	[NATGW_RULE_NO_NAT] = "no_nat",
};

const char *config_rule_kind_name(enum natgw_rule_kind kind)
{
	return kind < NATGW_RULE_KIND_COUNT ? kind_names[kind] : "unknown";
}

bool config_nat_rule_meet(const struct config_rule *a, const struct config_rule *b)
{
	return !a->gateway[0] || !b->gateway[0] || strcmp(a->gateway, b->gateway) == 0;
}

static int read_mark(struct config_yaml *yaml, yaml_node_t *node, void *out)
{
	const struct config_rule_draft *draft = out;
	const char *text;
	uint32_t mark;
	int err = config_yaml_text(yaml, node, "the mark of a rule", &text);

	if (err) {
		return err;
	}
	if (parse_util_bits(text, &mark) || !mark) {
		return config_yaml_error(
			yaml, node,
			"mark \"%.40s\" of a rule is not a number from 1 to 4294967295; write one such as 65 or 0x41",
			text);
	}
	draft->rule->mark = mark;
	return 0;
}

/* ---- dnat ---- */

static int read_dnat_protocol(struct config_yaml *yaml, yaml_node_t *node, void *out)
{
	static const char *const names[] = { "tcp", "udp", NULL };
	const struct config_rule_draft *draft = out;
	unsigned int index = 0;
	int err = config_yaml_choice(yaml, node, "protocol of a dnat rule", names, &index);

	if (!err) {
		draft->rule->proto = index ? IPPROTO_UDP : IPPROTO_TCP;
	}
	return err;
}

static int read_to_port(struct config_yaml *yaml, yaml_node_t *node, void *out)
{
	const struct config_rule_draft *draft = out;
	const char *text;
	uint16_t port;
	int err = config_yaml_text(yaml, node, "to_port", &text);

	if (err) {
		return err;
	}
	if (parse_util_port(text, &port)) {
		return config_yaml_error(
			yaml, node,
			"to_port \"%.40s\" is not one port (1 to 65535); write a number such as 443",
			text);
	}
	draft->rule->to_port = port;
	return 0;
}

static int read_shared_mark(struct config_yaml *yaml, yaml_node_t *node, void *out)
{
	const struct config_rule_draft *draft = out;
	int err = config_yaml_bool(yaml, node, "shared_mark", &draft->rule->shared_mark);

	if (!err && draft->rule->shared_mark && !draft->rule->mark) {
		return config_yaml_error(
			yaml, node,
			"shared_mark in a dnat rule without a mark; write mark too, or take it out");
	}
	return err;
}

/* A mark tells the sessions of one rule, unless two rules share it on purpose (requirement 71). */
static int check_mark(const struct config_yaml *yaml, const yaml_node_t *node,
		      const struct config *config, const struct config_rule *rule)
{
	for (size_t i = 0; rule->mark && i < config->rule_count; i++) {
		const struct config_rule *before = &config->rules[i];

		if (before->kind != NATGW_RULE_DNAT || before->mark != rule->mark ||
		    before->to_port == rule->to_port || before->shared_mark || rule->shared_mark ||
		    !config_nat_rule_meet(before, rule)) {
			continue;
		}
		return config_yaml_error(
			yaml, node,
			"mark %u is set by the dnat rule in line %u too, which has another to_port; give each a mark of its own, or write shared_mark: true",
			rule->mark, before->place.line);
	}
	return 0;
}

int config_nat_rule_read_dnat(struct config_yaml *yaml, yaml_node_t *node, void *out)
{
	static const struct config_yaml_key keys[] = {
		{ "gateway", false, config_rule_read_gateway },
		{ "from", false, config_rule_read_from },
		{ "to", false, config_rule_read_to },
		{ "protocol", true, read_dnat_protocol },
		{ "port", true, config_rule_read_port },
		{ "to_port", false, read_to_port },
		{ "mark", false, read_mark },
		{ "shared_mark", false, read_shared_mark },
		{ NULL, false, NULL },
	};
	struct config *config = out;
	struct config_rule rule = { .kind = NATGW_RULE_DNAT, .place = config_yaml_place(node) };
	struct config_rule_draft draft = { config, &rule };
	int err = config_yaml_mapping(yaml, node, "a dnat rule", keys, &draft);

	if (!err && !rule.to_port && !rule.mark) {
		return config_yaml_error(
			yaml, node,
			"a dnat rule without to_port and mark changes nothing; write one of them, or both");
	}
	err = err ?: check_mark(yaml, node, config, &rule);
	return err ?: config_rule_add(yaml, node, config, &rule);
}

/* ---- snat, no_nat ---- */

int config_nat_rule_read_snat(struct config_yaml *yaml, yaml_node_t *node, void *out)
{
	/* The gateway comes before the EIPs, which are to be its own. */
	static const struct config_yaml_key keys[] = {
		{ "gateway", false, config_rule_read_gateway },
		{ "mark", false, read_mark },
		{ "from", false, config_rule_read_from },
		{ "to", false, config_rule_read_to },
		{ "protocol", false, config_rule_read_protocol },
		{ "port", false, config_rule_read_port },
		{ "eips", true, config_pool_read_list },
		{ NULL, false, NULL },
	};
	struct config *config = out;
	struct config_rule rule = {
		.kind = NATGW_RULE_SNAT,
		.port_last = UINT16_MAX,
		.place = config_yaml_place(node),
	};
	struct config_rule_draft draft = { config, &rule };
	int err = config_yaml_mapping(yaml, node, "an snat rule", keys, &draft);

	err = err ?: config_rule_add(yaml, node, config, &rule);
	if (err) {
		free(rule.eips);
	}
	return err;
}

int config_nat_rule_read_no_nat(struct config_yaml *yaml, yaml_node_t *node, void *out)
{
	static const struct config_yaml_key keys[] = {
		{ "gateway", false, config_rule_read_gateway },
		{ "from", false, config_rule_read_from },
		{ "to", false, config_rule_read_to },
		{ "protocol", false, config_rule_read_protocol },
		{ "port", false, config_rule_read_port },
		{ NULL, false, NULL },
	};
	struct config *config = out;
	struct config_rule rule = {
		.kind = NATGW_RULE_NO_NAT,
		.port_last = UINT16_MAX,
		.place = config_yaml_place(node),
	};
	struct config_rule_draft draft = { config, &rule };
	int err = config_yaml_mapping(yaml, node, "a no_nat rule", keys, &draft);

	return err ?: config_rule_add(yaml, node, config, &rule);
}
