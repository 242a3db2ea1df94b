/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * Internal prefixes of the configuration: the subnets of the tables, those that the main table
 * serves, and the external ones that they reach untranslated. Private to the config modules.
 */
#ifndef NATGW_USER_CONFIG_SUBNET_H
#define NATGW_USER_CONFIG_SUBNET_H

#include "config_yaml.h"

/* A route table that is being read, not yet among those of config. */
struct config_table_draft {
	const struct config *config;
	struct config_route_table *table;
};

/* A config_yaml_read: the subnets of a table; out is the struct config_table_draft. */
int config_subnet_read_list(struct config_yaml *yaml, yaml_node_t *node, void *out);

/* Each a config_yaml_read; out is the struct config, whose gateways and tables are read. */
int config_subnet_read_internal(struct config_yaml *yaml, yaml_node_t *node, void *out);
int config_subnet_read_local(struct config_yaml *yaml, yaml_node_t *node, void *out);

/* The routes of the file and the local ones of all tables must fit; node: where the message says
 * it. */
int config_subnet_check_rows(const struct config_yaml *yaml, const yaml_node_t *node,
			     const struct config *config);

/* Gives the main table the internal prefixes that no table has. */
int config_subnet_fill_main(const struct config_yaml *yaml, struct config *config);

/* The table that has exactly this subnet; NULL: none. */
const struct config_route_table *config_subnet_table(const struct config *config,
						     struct config_prefix subnet);

/* Does an internal prefix, a subnet or one of internal_prefixes, hold this address? *ret_prefix,
 * unless NULL, is one that does. */
bool config_subnet_holds(const struct config *config, __be32 addr,
			 struct config_prefix *ret_prefix);

#endif
