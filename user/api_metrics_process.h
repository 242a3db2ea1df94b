/* SPDX-License-Identifier: GPL-2.0-only */
/* The families of natgwd itself and of the programs that it has loaded. */
#ifndef NATGW_USER_API_METRICS_PROCESS_H
#define NATGW_USER_API_METRICS_PROCESS_H

#include <stdio.h>

#include "state.h"

void api_metrics_process(const struct natgwd_state *state, FILE *stream);

#endif
