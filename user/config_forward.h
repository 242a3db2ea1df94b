/* SPDX-License-Identifier: GPL-2.0-only */
/* The list "port_forwards" of the configuration. Private to the config modules. */
#ifndef NATGW_USER_CONFIG_FORWARD_H
#define NATGW_USER_CONFIG_FORWARD_H

#include "config_yaml.h"

/* A config_yaml_read; out is the struct config, of which all lists before this one are read, to
 * which it adds the forwards. */
int config_forward_read_list(struct config_yaml *yaml, yaml_node_t *node, void *out);

#endif
