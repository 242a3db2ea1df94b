/* SPDX-License-Identifier: GPL-2.0-only */
/* The life of gateways and EIPs as text, for natgwctl. */
#ifndef NATGW_USER_OUTPUT_LIFECYCLE_H
#define NATGW_USER_OUTPUT_LIFECYCLE_H

#include <jansson.h>
#include <stdbool.h>
#include <stdio.h>

/* Lines of a gateway: why it failed, until when it is remembered, its tags. */
void output_lifecycle_gateway(const json_t *gateway, FILE *stream);

/* Gateways of which there is only a record; nothing when there are none. first: nothing stands
 * before it. */
int output_lifecycle_records(const json_t *json, bool first, FILE *stream);

/* The answer of /v1/eips. */
int output_lifecycle_eips(const json_t *json, FILE *stream);

#endif
