/* SPDX-License-Identifier: GPL-2.0-only */
/* The list "one_to_one" of the configuration. Private to the config modules. */
#ifndef NATGW_USER_CONFIG_ONE_TO_ONE_H
#define NATGW_USER_CONFIG_ONE_TO_ONE_H

#include "config_yaml.h"

/* A config_yaml_read; out is the struct config, whose gateways, tables, internal prefixes and rules
 * are read, to which it adds the mappings. */
int config_one_to_one_read_list(struct config_yaml *yaml, yaml_node_t *node, void *out);

/* The mapping of a private or of a public address; NULL: none. */
const struct config_one_to_one *config_one_to_one_private(const struct config *config, __be32 addr);
const struct config_one_to_one *config_one_to_one_public(const struct config *config, __be32 addr);

/* Each EIP of a two-stage gateway and of its rules must have a public address. */
int config_one_to_one_check_gateways(const struct config_yaml *yaml, const struct config *config);

#endif
