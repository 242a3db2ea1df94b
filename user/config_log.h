/* SPDX-License-Identifier: GPL-2.0-only */
/* The mapping "session_log" of the configuration. Private to the config modules. */
#ifndef NATGW_USER_CONFIG_LOG_H
#define NATGW_USER_CONFIG_LOG_H

#include <stdio.h>

#include "config_yaml.h"

/* A config_yaml_read; out is the struct config, whose session_log it fills. */
int config_log_read(struct config_yaml *yaml, yaml_node_t *node, void *out);

/* The canonical text; nothing where there are no sinks. */
void config_log_print(FILE *stream, const struct config_session_log *log);

#endif
