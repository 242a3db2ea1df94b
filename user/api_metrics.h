/* SPDX-License-Identifier: GPL-2.0-only */
/* Collects the numbers of /metrics and keeps the samples that rates and their peaks need. */
#ifndef NATGW_USER_API_METRICS_H
#define NATGW_USER_API_METRICS_H

#include <stdio.h>

#include "history.h"
#include "peaks.h"
#include "state.h"

/*
 * The bytes of clients, as they were shown last: a session that ends while they are added up may be
 * in the sum twice, and the next sum must not be lower for that.
 */
#define API_METRICS_SHOWN 64
struct api_metrics_shown {
	struct {
		struct natgw_client_key key;
		uint64_t bytes[2];
	} clients[API_METRICS_SHOWN];
	size_t next;
};

/* What is remembered between two requests; arrays by index of the gateway in the maps. */
struct api_metrics_peaks {
	struct peaks bytes[NATGW_GATEWAYS_MAX];
	struct peaks packets[NATGW_GATEWAYS_MAX];
	struct history_meter meters[NATGW_GATEWAYS_MAX];
	struct history_meter all;
	struct history history; /* of all */
	struct api_metrics_shown shown;
};

/* To be called every PEAKS_INTERVAL_S seconds. */
int api_metrics_sample(const struct natgwd_state *state, struct api_metrics_peaks *peaks);

int api_metrics_write(struct natgwd_state *state, struct api_metrics_peaks *peaks, FILE *stream);

#endif
