/* SPDX-License-Identifier: GPL-2.0-only */
/* Families of the API's clients. */
#ifndef NATGW_USER_API_METRICS_CLIENTS_H
#define NATGW_USER_API_METRICS_CLIENTS_H

#include <stdio.h>

struct natgwd_state;

void api_metrics_clients(const struct natgwd_state *state, FILE *stream);

#endif
