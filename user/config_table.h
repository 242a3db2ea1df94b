/* SPDX-License-Identifier: GPL-2.0-only */
/* The list "route_tables" of the configuration. Private to the config modules. */
#ifndef NATGW_USER_CONFIG_TABLE_H
#define NATGW_USER_CONFIG_TABLE_H

#include "config_yaml.h"

/* A config_yaml_read; out is the struct config, whose gateways are read, to which it adds the
 * tables. */
int config_table_read_list(struct config_yaml *yaml, yaml_node_t *node, void *out);

#endif
