/* SPDX-License-Identifier: GPL-2.0-only */
/* The tags of a gateway. Private to the config modules. */
#ifndef NATGW_USER_CONFIG_TAG_H
#define NATGW_USER_CONFIG_TAG_H

#include "config_yaml.h"

/* A config_yaml_read; out is the struct config_gateway_draft. */
int config_tag_read(struct config_yaml *yaml, yaml_node_t *node, void *out);

/* Lines of a gateway in the canonical text; none without tags. */
void config_tag_print(FILE *stream, const struct config_gateway *gateway);

/*
 * One tag of a gateway is this from now on, in place of one of the same name; "" takes it away. 0,
 * -EINVAL (name or value), -EEXIST (another name that is the same as a label of metrics), -ENOSPC
 * (CONFIG_TAGS_MAX), -ENOMEM.
 */
int config_tag_set(struct config_gateway *gateway, const char *name, const char *value);

#endif
