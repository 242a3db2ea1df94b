/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * Rules of the configuration: what the first packet of a session must be, and the kind that gives
 * its session timers or a mapping behaviour of its own. A rule that names no gateway holds for
 * every one; what a rule does not say is the gateway's. The kinds that say what is translated are
 * in config_nat_rule.c.
 */
#include "config_rule.h"

#include <errno.h>
#include <netinet/in.h>
#include <string.h>

#include "config_gateway.h"
#include "config_mapping.h"
#include "config_nat_rule.h"
#include "config_prefix.h"
#include "config_timeout.h"
#include "list.h"
#include "parse_util.h"

static const char *const proto_names[] = { "any", "tcp", "udp", "icmp", NULL };
static const uint8_t protos[] = { 0, IPPROTO_TCP, IPPROTO_UDP, IPPROTO_ICMP };

const char *config_rule_proto_name(uint8_t proto)
{
	for (size_t i = 0; i < sizeof(protos); i++) {
		if (protos[i] == proto) {
			return proto_names[i];
		}
	}
	return "unknown";
}

/* ---- what a rule means at a gateway ---- */

bool config_rule_is_for(const struct config_rule *rule, const struct config_gateway *gateway)
{
	return !rule->gateway[0] || strcmp(rule->gateway, gateway->name) == 0;
}

uint8_t config_rule_mapping(const struct config_rule *rule, const struct config_gateway *gateway)
{
	const uint8_t filtering = NATGW_FILTERING_ENDPOINT_INDEPENDENT;
	uint8_t mapping = rule->has_mapping ? rule->mapping : gateway->mapping;

	if (rule->has_filtering) {
		mapping = (uint8_t)((mapping & ~filtering) | (rule->mapping & filtering));
	}
	return mapping;
}

uint32_t config_rule_timeout_s(const struct config_rule *rule, const struct config_gateway *gateway,
			       enum natgw_timer timer)
{
	return rule->timers & 1U << timer ? rule->timeout_s[timer] : gateway->timeout_s[timer];
}

/* Rows of the map "rules": what a session rule does not say is each gateway's own. */
static size_t rows_of(const struct config *config, const struct config_rule *rule)
{
	return rule->kind == NATGW_RULE_SESSION && !rule->gateway[0] ? config->gateway_count : 1;
}

/* ---- keys ---- */

int config_rule_read_gateway(struct config_yaml *yaml, yaml_node_t *node, void *out)
{
	const struct config_rule_draft *draft = out;
	const char *name;
	int err;

	err = config_yaml_text(yaml, node, "the gateway of a rule", &name);
	if (err) {
		return err;
	}
	if (!config_find_gateway(draft->config, name)) {
		return config_gateway_unknown(yaml, node, draft->config, "rule for", name);
	}
	(void)snprintf(draft->rule->gateway, sizeof(draft->rule->gateway), "%s", name);
	return 0;
}

int config_rule_read_from(struct config_yaml *yaml, yaml_node_t *node, void *out)
{
	const struct config_rule_draft *draft = out;

	return config_prefix_read(yaml, node, "from", &draft->rule->from);
}

int config_rule_read_to(struct config_yaml *yaml, yaml_node_t *node, void *out)
{
	const struct config_rule_draft *draft = out;

	return config_prefix_read(yaml, node, "to", &draft->rule->to);
}

int config_rule_read_protocol(struct config_yaml *yaml, yaml_node_t *node, void *out)
{
	const struct config_rule_draft *draft = out;
	unsigned int index = 0;
	int err = config_yaml_choice(yaml, node, "protocol", proto_names, &index);

	if (!err) {
		draft->rule->proto = protos[index];
	}
	return err;
}

int config_rule_read_port(struct config_yaml *yaml, yaml_node_t *node, void *out)
{
	const struct config_rule_draft *draft = out;
	const char *text;
	uint16_t first;
	uint16_t last;
	int err;

	err = config_yaml_text(yaml, node, "port", &text);
	if (err) {
		return err;
	}
	if (draft->rule->proto == IPPROTO_ICMP) {
		return config_yaml_error(
			yaml, node,
			"port %.40s in a rule for protocol icmp, which has none; take it out, or change the protocol",
			text);
	}
	if (parse_util_ports(text, &first, &last)) {
		return config_yaml_error(
			yaml, node,
			"port \"%.40s\" is not a port or a range of ports (1 to 65535); write 443 or 3478-3479",
			text);
	}
	draft->rule->port_first = first;
	draft->rule->port_last = last;
	return 0;
}

static int read_timeouts(struct config_yaml *yaml, yaml_node_t *node, void *out)
{
	const struct config_rule_draft *draft = out;
	struct config_timeout_draft timeouts = {
		.proto = draft->rule->proto,
		.timeout_s = draft->rule->timeout_s,
	};
	int err = config_timeout_read(yaml, node, &timeouts);

	if (!err) {
		draft->rule->timers = timeouts.written;
	}
	return err;
}

/* mapping or filtering: flag is the one of them that is read. */
static int read_behaviour(struct config_yaml *yaml, yaml_node_t *node, uint8_t flag, uint8_t proto,
			  uint8_t *ret_flag)
{
	const char *what = flag == NATGW_MAPPING_ENDPOINT_INDEPENDENT ? "mapping" : "filtering";
	int err = config_mapping_read(yaml, node, what, flag, ret_flag);

	if (!err && proto && proto != IPPROTO_UDP) {
		return config_yaml_error(
			yaml, node,
			"%s in a rule for protocol %s; it counts for UDP only, so take it out or write protocol: udp",
			what, config_rule_proto_name(proto));
	}
	return err;
}

static int read_mapping(struct config_yaml *yaml, yaml_node_t *node, void *out)
{
	const struct config_rule_draft *draft = out;
	struct config_rule *rule = draft->rule;
	uint8_t flag = 0;
	int err =
		read_behaviour(yaml, node, NATGW_MAPPING_ENDPOINT_INDEPENDENT, rule->proto, &flag);

	/* Filtering is as mapping, unless it is written. */
	if (!err) {
		rule->has_mapping = true;
		rule->mapping = flag ? flag | NATGW_FILTERING_ENDPOINT_INDEPENDENT : 0;
	}
	return err;
}

static int read_filtering(struct config_yaml *yaml, yaml_node_t *node, void *out)
{
	const struct config_rule_draft *draft = out;
	struct config_rule *rule = draft->rule;
	uint8_t flag = 0;
	int err = read_behaviour(yaml, node, NATGW_FILTERING_ENDPOINT_INDEPENDENT, rule->proto,
				 &flag);

	if (err) {
		return err;
	}
	rule->has_filtering = true;
	rule->mapping &= (uint8_t)~NATGW_FILTERING_ENDPOINT_INDEPENDENT;
	rule->mapping |= flag;
	for (size_t i = 0; !err && i < draft->config->gateway_count; i++) {
		const struct config_gateway *gateway = &draft->config->gateways[i];

		if (config_rule_is_for(rule, gateway)) {
			err = config_mapping_check(yaml, node, config_rule_mapping(rule, gateway));
		}
	}
	return err;
}

/* ---- the list ---- */

static int check_room(const struct config_yaml *yaml, const yaml_node_t *node,
		      const struct config *config, const struct config_rule *rule)
{
	size_t rows = rows_of(config, rule);

	for (size_t i = 0; i < config->rule_count; i++) {
		rows += rows_of(config, &config->rules[i]);
	}
	if (rows <= CONFIG_RULE_ROWS_MAX) {
		return 0;
	}
	return config_yaml_error(
		yaml, node,
		"too many rules; at most %d fit, and a session rule without a gateway counts once for each gateway",
		CONFIG_RULE_ROWS_MAX);
}

int config_rule_add(const struct config_yaml *yaml, const yaml_node_t *node, struct config *config,
		    const struct config_rule *rule)
{
	struct config_rule *grown;
	int err = check_room(yaml, node, config, rule);

	if (err) {
		return err;
	}
	grown = list_room(config->rules, config->rule_count, sizeof(*grown));
	if (!grown) {
		return config_yaml_no_memory(yaml);
	}
	config->rules = grown;
	config->rules[config->rule_count++] = *rule;
	return 0;
}

static int read_session(struct config_yaml *yaml, yaml_node_t *node, void *out)
{
	/* The protocol comes before what only some protocols have, the mapping before the
	 * filtering. */
	static const struct config_yaml_key keys[] = {
		{ "gateway", false, config_rule_read_gateway },
		{ "from", false, config_rule_read_from },
		{ "to", false, config_rule_read_to },
		{ "protocol", false, config_rule_read_protocol },
		{ "port", false, config_rule_read_port },
		{ "timeouts", false, read_timeouts },
		{ "mapping", false, read_mapping },
		{ "filtering", false, read_filtering },
		{ NULL, false, NULL },
	};
	struct config *config = out;
	struct config_rule rule = { .port_last = UINT16_MAX, .place = config_yaml_place(node) };
	struct config_rule_draft draft = { config, &rule };
	int err = config_yaml_mapping(yaml, node, "a session rule", keys, &draft);

	return err ?: config_rule_add(yaml, node, config, &rule);
}

/* A rule is of one kind. */
static int check_kind(struct config_yaml *yaml, const yaml_node_t *node)
{
	yaml_node_pair_t *pairs;

	if (node->type != YAML_MAPPING_NODE) {
		return 0;
	}
	pairs = node->data.mapping.pairs.start;
	if (pairs == node->data.mapping.pairs.top) {
		return config_yaml_error(
			yaml, node,
			"a rule without a kind; it must have one of: session, dnat, snat, no_nat");
	}
	if (node->data.mapping.pairs.top - pairs > 1) {
		return config_yaml_error(
			yaml, yaml_document_get_node(&yaml->document, pairs[1].key),
			"a second key in a rule; each rule is of one kind and a list item of its own, such as {session: {...}}");
	}
	return 0;
}

static int read_item(struct config_yaml *yaml, yaml_node_t *node, void *out)
{
	static const struct config_yaml_key keys[] = {
		{ "session", false, read_session },
		{ "dnat", false, config_nat_rule_read_dnat },
		{ "snat", false, config_nat_rule_read_snat },
		{ "no_nat", false, config_nat_rule_read_no_nat },
		{ NULL, false, NULL },
	};

	return check_kind(yaml, node) ?: config_yaml_mapping(yaml, node, "a rule", keys, out);
}

int config_rule_read_list(struct config_yaml *yaml, yaml_node_t *node, void *out)
{
	static const struct config_yaml_items items = { "rules", read_item, true };

	return config_yaml_list(yaml, node, &items, out);
}
