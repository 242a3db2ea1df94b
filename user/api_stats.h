/* SPDX-License-Identifier: GPL-2.0-only */
/* What /v1/stats answers. 0 or a negative errno, *ret_json (a new reference) on success only. */
#ifndef NATGW_USER_API_STATS_H
#define NATGW_USER_API_STATS_H

#include <jansson.h>

#include "state.h"

int api_stats_view(const struct natgwd_state *state, json_t **ret_json);

#endif
