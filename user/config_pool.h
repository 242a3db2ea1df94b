/* SPDX-License-Identifier: GPL-2.0-only */
/* The list "eips" of an SNAT rule: a pool of its own. Private to the config modules. */
#ifndef NATGW_USER_CONFIG_POOL_H
#define NATGW_USER_CONFIG_POOL_H

#include "config_yaml.h"

/* A config_yaml_read; out is the struct config_rule_draft, whose gateway is read. */
int config_pool_read_list(struct config_yaml *yaml, yaml_node_t *node, void *out);

/* EIPs of the rule at this position that neither a gateway's own list nor a rule before it has: all
 * of them or none. */
size_t config_pool_added(const struct config *config, size_t position);

#endif
