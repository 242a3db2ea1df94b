/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * What each endpoint of the API answers: state and data path in, JSON out. Knows nothing of HTTP.
 * All: 0 or a negative errno, *ret_json (a new reference) on success only.
 */
#ifndef NATGW_USER_API_VIEWS_H
#define NATGW_USER_API_VIEWS_H

#include <jansson.h>

#include "state.h"

int api_views_status(const struct natgwd_state *state, json_t **ret_json);
/* name NULL: all gateways. -ENOENT: none of that name. */
/* name: only this one, or NULL; all: those that were deleted within the last hour, too. */
int api_views_gateways(const struct natgwd_state *state, const char *name, bool all,
		       json_t **ret_json);
int api_views_routes(const struct natgwd_state *state, json_t **ret_json);

#endif
