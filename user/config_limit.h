/* SPDX-License-Identifier: GPL-2.0-only */
/* Numbers of the configuration: counts, quotas, rates. Private to the config modules. */
#ifndef NATGW_USER_CONFIG_LIMIT_H
#define NATGW_USER_CONFIG_LIMIT_H

#include "config_yaml.h"

struct config_limit_bounds {
	const char *what; /* the key, for messages */
	uint32_t least;
	uint32_t most;
};

/* A decimal number within bounds, both inclusive. */
int config_limit_number(struct config_yaml *yaml, yaml_node_t *node,
			const struct config_limit_bounds *bounds, uint32_t *ret_value);

/*
 * Each a config_yaml_read; out is the struct config_gateway_draft, whose profile and port range are
 * read already.
 */
int config_limit_read_destination_ports(struct config_yaml *yaml, yaml_node_t *node, void *out);
int config_limit_read_sessions(struct config_yaml *yaml, yaml_node_t *node, void *out);
int config_limit_read_client_sessions(struct config_yaml *yaml, yaml_node_t *node, void *out);
int config_limit_read_client_opening(struct config_yaml *yaml, yaml_node_t *node, void *out);
int config_limit_read_client_ports(struct config_yaml *yaml, yaml_node_t *node, void *out);
int config_limit_read_rate(struct config_yaml *yaml, yaml_node_t *node, void *out);
int config_limit_read_client_rate(struct config_yaml *yaml, yaml_node_t *node, void *out);

#endif
