/* SPDX-License-Identifier: GPL-2.0-only */
/* The destinations and clients that /metrics names. */
#ifndef NATGW_USER_API_METRICS_TOP_H
#define NATGW_USER_API_METRICS_TOP_H

#include "api_metrics.h"
#include "metrics.h"
#include "state.h"

/* What struct metrics points to. */
struct api_metrics_top {
	struct metrics_destination destinations[METRICS_TOP];
	struct metrics_destination refusing[METRICS_TOP];
	struct metrics_client clients[METRICS_TOP];
	struct metrics_client refused[METRICS_TOP];
	struct metrics_client walked[METRICS_TOP];
};

/*
 * What of a client is known from its sessions only takes a pass over all of them, a second for a
 * million: with more than this it is left out.
 */
#define API_METRICS_WALK_MAX 131072

/*
 * Looks at all clients and at the destinations that have a row of their own (those with many
 * sessions); at the sessions only where they are few: cheap enough for every scrape.
 */
int api_metrics_top_read(struct natgwd_state *state, struct api_metrics_shown *shown,
			 struct api_metrics_top *ret_top, struct metrics *ret_metrics);

#endif
