/* SPDX-License-Identifier: GPL-2.0-only */
/* Keys of a gateway that say what it translates and how far. Private to the config modules. */
#ifndef NATGW_USER_CONFIG_GATEWAY_NAT_H
#define NATGW_USER_CONFIG_GATEWAY_NAT_H

#include "config_yaml.h"

/* Each a config_yaml_read; out is the struct config_gateway_draft. Its profile is read before
 * fragments and icmp, its default_snat before unmatched. */
int config_gateway_read_type(struct config_yaml *yaml, yaml_node_t *node, void *out);
int config_gateway_read_mode(struct config_yaml *yaml, yaml_node_t *node, void *out);
int config_gateway_read_fragments(struct config_yaml *yaml, yaml_node_t *node, void *out);
int config_gateway_read_icmp(struct config_yaml *yaml, yaml_node_t *node, void *out);
int config_gateway_read_default_snat(struct config_yaml *yaml, yaml_node_t *node, void *out);
int config_gateway_read_unmatched(struct config_yaml *yaml, yaml_node_t *node, void *out);
/* The table is looked for when all tables are read. */
int config_gateway_read_route_table(struct config_yaml *yaml, yaml_node_t *node, void *out);
int config_gateway_read_allow(struct config_yaml *yaml, yaml_node_t *node, void *out);

#endif
