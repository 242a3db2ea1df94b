/* SPDX-License-Identifier: GPL-2.0-only */
/* Warnings about a configuration that was read without an error. Private to config_check*.c. */
#ifndef NATGW_USER_CONFIG_CHECK_H
#define NATGW_USER_CONFIG_CHECK_H

#include "config.h"

struct config_check {
	const struct config *config;
	void (*warn)(const char *text, void *arg);
	void *arg;
};

/* One warning, "file:line:column: text". */
void config_check_say(const struct config_check *check, struct config_place place,
		      const char *format, ...) __attribute__((format(printf, 3, 4)));

/* What a gateway translates, and to which addresses. */
void config_check_gateway(const struct config_check *check, const struct config_gateway *gateway);
/* Routes and prefixes. */
void config_check_tables(const struct config_check *check);
/* The rule at this position beside those before it. */
void config_check_rule(const struct config_check *check, size_t position);
void config_check_acl(const struct config_check *check);

#endif
