/* SPDX-License-Identifier: GPL-2.0-only */
/* The destinations and clients that /metrics names. */
#ifndef NATGW_USER_API_METRICS_TOP_H
#define NATGW_USER_API_METRICS_TOP_H

#include "metrics.h"
#include "state.h"

/* What struct metrics points to. */
struct api_metrics_top {
	struct metrics_destination destinations[METRICS_TOP];
	struct metrics_destination refusing[METRICS_TOP];
	struct metrics_client clients[METRICS_TOP];
	struct metrics_client refused[METRICS_TOP];
};

/*
 * Looks at all clients and at the destinations that have a row of their own (those with many
 * sessions), not at the sessions: cheap enough for every scrape.
 */
int api_metrics_top_read(const struct natgwd_state *state, struct api_metrics_top *ret_top,
			 struct metrics *ret_metrics);

#endif
