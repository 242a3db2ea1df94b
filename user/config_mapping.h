/* SPDX-License-Identifier: GPL-2.0-only */
/* The keys "mapping" and "filtering" of gateways and rules. Private to the config modules. */
#ifndef NATGW_USER_CONFIG_MAPPING_H
#define NATGW_USER_CONFIG_MAPPING_H

#include "config_yaml.h"

/* *ret_flag: flag when the value is endpoint_independent, 0 when it is the other one. */
int config_mapping_read(struct config_yaml *yaml, yaml_node_t *node, const char *what, uint8_t flag,
			uint8_t *ret_flag);

/* Without endpoint-independent mapping there is nothing that such a filter could let in. */
int config_mapping_check(const struct config_yaml *yaml, const yaml_node_t *node, uint8_t mapping);

/* As the file spells it: what flag (one of NATGW_MAPPING_*, NATGW_FILTERING_*) is in mapping. */
const char *config_mapping_name(uint8_t mapping, uint8_t flag);

#endif
