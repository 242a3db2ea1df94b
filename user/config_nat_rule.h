/* SPDX-License-Identifier: GPL-2.0-only */
/* Rules that say what is translated, and to what. Private to the config modules. */
#ifndef NATGW_USER_CONFIG_NAT_RULE_H
#define NATGW_USER_CONFIG_NAT_RULE_H

#include "config_yaml.h"

/* Each a config_yaml_read; out is the struct config, to which it adds the rule. */
int config_nat_rule_read_dnat(struct config_yaml *yaml, yaml_node_t *node, void *out);
int config_nat_rule_read_snat(struct config_yaml *yaml, yaml_node_t *node, void *out);
int config_nat_rule_read_no_nat(struct config_yaml *yaml, yaml_node_t *node, void *out);

/* Is there a gateway that both rules hold for? */
bool config_nat_rule_meet(const struct config_rule *a, const struct config_rule *b);

#endif
