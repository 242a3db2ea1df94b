/* SPDX-License-Identifier: GPL-2.0-only */
/* The list "inventory" and the limits that count gateways and EIPs. Private to the config modules.
 */
#ifndef NATGW_USER_CONFIG_INVENTORY_H
#define NATGW_USER_CONFIG_INVENTORY_H

#include "config_yaml.h"

/* Each a config_yaml_read; out is the struct config. */
int config_inventory_read(struct config_yaml *yaml, yaml_node_t *node, void *out);
int config_inventory_read_gateways_max(struct config_yaml *yaml, yaml_node_t *node, void *out);
int config_inventory_read_eips_max(struct config_yaml *yaml, yaml_node_t *node, void *out);

/* Every EIP is in the inventory, if there is one, and the limits are kept. */
int config_inventory_check(const struct config_yaml *yaml, const struct config *config);

/* True without an inventory too. */
bool config_inventory_has(const struct config *config, __be32 eip);

/* Of gateways and SNAT rules, each once. */
size_t config_inventory_count_eips(const struct config *config);

/* Lines of the canonical text. */
void config_inventory_print(FILE *stream, const struct config *config);

#endif
