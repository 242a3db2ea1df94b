/* SPDX-License-Identifier: GPL-2.0-only */
/* What became of a change, or would, as text. */
#ifndef NATGW_USER_OUTPUT_CHANGE_H
#define NATGW_USER_OUTPUT_CHANGE_H

#include <jansson.h>
#include <stdio.h>

/* An answer of /v1/apply and the other changes of the config. 0 or -ENOMEM. */
int output_change(const json_t *json, FILE *stream);

/* An answer of /v1/block. */
int output_change_block(const json_t *json, FILE *stream);

#endif
