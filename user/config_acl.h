/* SPDX-License-Identifier: GPL-2.0-only */
/* The list "acl" of the configuration. Private to the config modules. */
#ifndef NATGW_USER_CONFIG_ACL_H
#define NATGW_USER_CONFIG_ACL_H

#include "config_yaml.h"

/* A config_yaml_read; out is the struct config, to which it adds the prefixes. */
int config_acl_read_list(struct config_yaml *yaml, yaml_node_t *node, void *out);

#endif
