/* SPDX-License-Identifier: GPL-2.0-only */
/* Collects the numbers of /metrics and keeps the samples that the peak rates need. */
#ifndef NATGW_USER_API_METRICS_H
#define NATGW_USER_API_METRICS_H

#include <stdio.h>

#include "peaks.h"
#include "state.h"

/* By index of the gateway in the maps. */
struct api_metrics_peaks {
	struct peaks bytes[NATGW_GATEWAYS_MAX];
	struct peaks packets[NATGW_GATEWAYS_MAX];
};

/* To be called every PEAKS_INTERVAL_S seconds. */
int api_metrics_sample(const struct natgwd_state *state, struct api_metrics_peaks *peaks);

int api_metrics_write(const struct natgwd_state *state, const struct api_metrics_peaks *peaks,
		      FILE *stream);

#endif
