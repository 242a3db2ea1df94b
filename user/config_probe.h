/* SPDX-License-Identifier: GPL-2.0-only */
/* Key "probe": how often, and towards where, the data path is probed. */
#ifndef NATGW_USER_CONFIG_PROBE_H
#define NATGW_USER_CONFIG_PROBE_H

#include <stdio.h>

#include "config_yaml.h"

#define CONFIG_PROBE_INTERVAL_S 5U
/* 192.0.2.1 in TEST-NET-1: nobody's. Host order. */
#define CONFIG_PROBE_DESTINATION 0xc0000201U

/* A config_yaml_read; out: struct config. */
int config_probe_read(struct config_yaml *yaml, yaml_node_t *node, void *out);
/* Its canonical lines. */
void config_probe_print(FILE *stream, const struct config *config);

#endif
