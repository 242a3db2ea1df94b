/* SPDX-License-Identifier: GPL-2.0-only */
/* The list "eips" of a gateway. Private to the config modules. */
#ifndef NATGW_USER_CONFIG_EIP_H
#define NATGW_USER_CONFIG_EIP_H

#include "config_gateway.h"
#include "config_yaml.h"

/* A config_yaml_read; out is the struct config_gateway_draft, whose name and private_ip are read.
 */
int config_eip_read_list(struct config_yaml *yaml, yaml_node_t *node, void *out);

/* Why an address is never translated, so no EIP, private IP or client; NULL when it may be one. */
const char *config_eip_unusable(__be32 addr);

/* The gateway that has this EIP; NULL: none. */
const struct config_gateway *config_eip_owner(const struct config *config, __be32 eip);

#endif
