/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * Answers of the API for human eyes. All take the JSON of one endpoint; what is missing in it is
 * shown as "-". 0, or -ENOMEM.
 */
#ifndef NATGW_USER_OUTPUT_TEXT_H
#define NATGW_USER_OUTPUT_TEXT_H

#include <jansson.h>
#include <stdio.h>

int output_text_status(const json_t *json, FILE *stream);
int output_text_gateways(const json_t *json, FILE *stream);
int output_text_stats(const json_t *json, FILE *stream);
int output_text_routes(const json_t *json, FILE *stream);
int output_text_top_destinations(const json_t *json, FILE *stream);
int output_text_top_clients(const json_t *json, FILE *stream);
int output_text_errors(const json_t *json, FILE *stream);

#endif
