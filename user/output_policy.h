/* SPDX-License-Identifier: GPL-2.0-only */
/* What is translated, and how: part of the text of "natgwctl describe". 0, or -ENOMEM. */
#ifndef NATGW_USER_OUTPUT_POLICY_H
#define NATGW_USER_OUTPUT_POLICY_H

#include <jansson.h>
#include <stdio.h>

/* Lines of one gateway. */
void output_policy_gateway(const json_t *gateway, FILE *stream);
/* Its port forwards, if it has some. */
int output_policy_forwards(const json_t *gateway, FILE *stream);
/* What belongs to all gateways: rules, 1:1 mappings, the access list; nothing of what is empty. */
int output_policy_all(const json_t *json, FILE *stream);

#endif
