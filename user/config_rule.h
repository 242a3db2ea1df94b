/* SPDX-License-Identifier: GPL-2.0-only */
/* The list "rules" of the configuration. Private to the config modules. */
#ifndef NATGW_USER_CONFIG_RULE_H
#define NATGW_USER_CONFIG_RULE_H

#include "config_yaml.h"

/* A config_yaml_read; out is the struct config, whose gateways are read, to which it adds the
 * rules. */
int config_rule_read_list(struct config_yaml *yaml, yaml_node_t *node, void *out);

/* "tcp", "udp", "icmp" or "any" (0). proto: IPPROTO_* */
const char *config_rule_proto_name(uint8_t proto);

#endif
