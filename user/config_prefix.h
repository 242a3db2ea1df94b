/* SPDX-License-Identifier: GPL-2.0-only */
/* Prefixes of the configuration. Private to the config modules. */
#ifndef NATGW_USER_CONFIG_PREFIX_H
#define NATGW_USER_CONFIG_PREFIX_H

#include "config_yaml.h"

/* what: the thing, for messages: "subnet". */
int config_prefix_read(const struct config_yaml *yaml, yaml_node_t *node, const char *what,
		       struct config_prefix *ret_prefix);

bool config_prefix_equal(struct config_prefix a, struct config_prefix b);
/* Is every address of inner one of outer? */
bool config_prefix_covers(struct config_prefix outer, struct config_prefix inner);

/* "10.0.1.0/24" in text, which has PARSE_UTIL_PREFIX_TEXT bytes; returns text. */
const char *config_prefix_text(struct config_prefix prefix, char *text);

#endif
