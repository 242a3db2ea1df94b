/* SPDX-License-Identifier: GPL-2.0-only */
/* The list "gateways" of the configuration. Private to the config modules. */
#ifndef NATGW_USER_CONFIG_GATEWAY_H
#define NATGW_USER_CONFIG_GATEWAY_H

#include "config_yaml.h"

/* A gateway that is being read, not yet among those of config. */
struct config_gateway_draft {
	const struct config *config;
	struct config_gateway *gateway;
};

/* A config_yaml_read; out is the struct config, to which it adds the gateways. */
int config_gateway_read_list(struct config_yaml *yaml, yaml_node_t *node, void *out);

/* The error for a name that no gateway has. what: who names it, for the message: "route to". */
int config_gateway_unknown(const struct config_yaml *yaml, const yaml_node_t *node,
			   const struct config *config, const char *what, const char *name);

#endif
