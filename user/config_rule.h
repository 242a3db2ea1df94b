/* SPDX-License-Identifier: GPL-2.0-only */
/* The list "rules" of the configuration. Private to the config modules. */
#ifndef NATGW_USER_CONFIG_RULE_H
#define NATGW_USER_CONFIG_RULE_H

#include "config_yaml.h"

/* A rule that is being read, not yet among those of config. */
struct config_rule_draft {
	const struct config *config;
	struct config_rule *rule;
};

/* A config_yaml_read; out is the struct config, whose gateways and tables are read, to which it
 * adds the rules. */
int config_rule_read_list(struct config_yaml *yaml, yaml_node_t *node, void *out);

/* What the first packet must be, for every kind of rule. Each a config_yaml_read; out is the struct
 * config_rule_draft. The protocol is read before the port. */
int config_rule_read_gateway(struct config_yaml *yaml, yaml_node_t *node, void *out);
int config_rule_read_from(struct config_yaml *yaml, yaml_node_t *node, void *out);
int config_rule_read_to(struct config_yaml *yaml, yaml_node_t *node, void *out);
int config_rule_read_protocol(struct config_yaml *yaml, yaml_node_t *node, void *out);
int config_rule_read_port(struct config_yaml *yaml, yaml_node_t *node, void *out);

/* Adds the rule, when it fits; node: where the message says that it does not. On success its eips
 * are config's. */
int config_rule_add(const struct config_yaml *yaml, const yaml_node_t *node, struct config *config,
		    const struct config_rule *rule);

/* "tcp", "udp", "icmp" or "any" (0). proto: IPPROTO_* */
const char *config_rule_proto_name(uint8_t proto);

/* "session", "dnat", "snat", "no_nat" */
const char *config_rule_kind_name(enum natgw_rule_kind kind);

#endif
