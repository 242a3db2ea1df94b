/* SPDX-License-Identifier: GPL-2.0-only */
/* The families of the session log. */
#ifndef NATGW_USER_API_METRICS_LOG_H
#define NATGW_USER_API_METRICS_LOG_H

#include <stdio.h>

#include "state.h"

void api_metrics_log(const struct natgwd_state *state, FILE *stream);

#endif
