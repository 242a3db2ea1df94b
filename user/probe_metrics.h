/* SPDX-License-Identifier: GPL-2.0-only */
/* The probe's families of /metrics, and its part of JSON views. */
#ifndef NATGW_USER_PROBE_METRICS_H
#define NATGW_USER_PROBE_METRICS_H

#include <jansson.h>
#include <stdio.h>

#include "state.h"

void probe_metrics(const struct natgwd_state *state, FILE *stream);

/* {"up": true, "reason": "", "what": ""} of a gateway by its index in the maps; null: not known. */
json_t *probe_json(const struct natgwd_state *state, unsigned int gateway);

#endif
