/* SPDX-License-Identifier: GPL-2.0-only */
/* The mapping "interfaces" of the configuration. Private to the config modules. */
#ifndef NATGW_USER_CONFIG_INTERFACE_H
#define NATGW_USER_CONFIG_INTERFACE_H

#include "config_yaml.h"

/* A config_yaml_read; out is the struct config. */
int config_interface_read(struct config_yaml *yaml, yaml_node_t *node, void *out);

/* What is wrong with the name of an interface, to follow it in a message; NULL: nothing. */
const char *config_interface_problem(const char *name);

#endif
