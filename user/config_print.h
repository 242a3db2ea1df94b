/* SPDX-License-Identifier: GPL-2.0-only */
/* Parts of the canonical text. Private to config_print.c and config_print_nat.c. */
#ifndef NATGW_USER_CONFIG_PRINT_H
#define NATGW_USER_CONFIG_PRINT_H

#include <stdio.h>

#include "config.h"

/* In quotes where YAML needs them. Only printable ASCII comes here. */
void config_print_text(FILE *stream, const char *text);
void config_print_addr(FILE *stream, __be32 addr);
void config_print_prefix(FILE *stream, struct config_prefix prefix);
/* "[a, b]" and the end of the line. */
void config_print_prefixes(FILE *stream, const struct config_prefix *prefixes, size_t count);

/* Lines of a gateway: its EIPs, if it has any; what it translates and how far. */
void config_print_eips(FILE *stream, const struct config_gateway *gateway);
void config_print_nat(FILE *stream, const struct config_gateway *gateway);

/* Lines of a rule that only dnat and snat have. */
void config_print_nat_rule(FILE *stream, const struct config_rule *rule);

/* one_to_one, port_forwards, acl. */
void config_print_lists(FILE *stream, const struct config *config);

/* Is this one of internal_prefixes? */
bool config_print_is_internal(const struct config *config, struct config_prefix prefix);

#endif
