/* SPDX-License-Identifier: GPL-2.0-only */
/* The list "eips" of a gateway, and what else looks at EIPs. Private to the config modules. */
#ifndef NATGW_USER_CONFIG_EIP_H
#define NATGW_USER_CONFIG_EIP_H

#include "config_gateway.h"
#include "config_yaml.h"

/* Addresses as one item of a list names them, host order, inclusive. */
struct config_eip_span {
	uint32_t first;
	uint32_t last;
};

/* A config_yaml_read; out is the struct config_gateway_draft, whose name, mode and private_ip are
 * read. */
int config_eip_read_list(struct config_yaml *yaml, yaml_node_t *node, void *out);

/* One item: an address, a range or a prefix. */
int config_eip_read_span(const struct config_yaml *yaml, yaml_node_t *node,
			 struct config_eip_span *ret_span);

/* Why an address is never translated, so no EIP, private IP or client; NULL when it may be one. */
const char *config_eip_unusable(__be32 addr);

bool config_eip_in(const __be32 *eips, size_t count, __be32 eip);

/* The gateway that has this EIP, in its own list or in that of an SNAT rule; NULL: none. */
const struct config_gateway *config_eip_owner(const struct config *config, __be32 eip);

/* The gateway whose private_ip this is; NULL: none. */
const struct config_gateway *config_eip_private_owner(const struct config *config, __be32 addr);

/* "203.0.113.10" in text, which has INET_ADDRSTRLEN bytes; returns text. */
const char *config_eip_text(__be32 addr, char *text);

#endif
