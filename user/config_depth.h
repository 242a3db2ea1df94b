/* SPDX-License-Identifier: GPL-2.0-only */
/* How deep YAML text is nested. Private to the config modules. */
#ifndef NATGW_USER_CONFIG_DEPTH_H
#define NATGW_USER_CONFIG_DEPTH_H

#include <stdbool.h>
#include <stddef.h>

#include "config.h"

/* The deepest that a configuration needs is 6. */
#define CONFIG_DEPTH_MAX 32

/*
 * Whether lists and mappings lie in each other deeper than CONFIG_DEPTH_MAX; *ret_place says where.
 * Looks no further than that, or than the first error of syntax.
 */
bool config_depth_exceeded(const char *text, size_t size, struct config_place *ret_place);

#endif
