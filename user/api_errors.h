/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * /v1/errors: for each thing that has run out what it is, who used it, and what would help. Knows
 * nothing of HTTP.
 */
#ifndef NATGW_USER_API_ERRORS_H
#define NATGW_USER_API_ERRORS_H

#include <jansson.h>

#include "state.h"

/* 0 or a negative errno, *ret_json (a new reference) on success only. Makes state->top anew when it
 * is old. */
int api_errors_view(struct natgwd_state *state, json_t **ret_json);

#endif
