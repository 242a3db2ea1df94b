/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * The highest rate inside the last minute, from totals that are given every ten seconds. Pure: no
 * clock, no map.
 */
#ifndef NATGW_USER_PEAKS_H
#define NATGW_USER_PEAKS_H

#include <stdint.h>

#define PEAKS_INTERVAL_S 10
#define PEAKS_SAMPLES 6 /* one minute */

struct peaks {
	uint64_t total;		      /* at the last sample */
	uint64_t at_ns;		      /* 0: there was none */
	uint64_t rate[PEAKS_SAMPLES]; /* for each second */
	unsigned int next;
};

/* at_ns: monotonic clock. A total below the last one (the counter was made anew) starts over. */
void peaks_add(struct peaks *peaks, uint64_t total, uint64_t at_ns);
uint64_t peaks_highest(const struct peaks *peaks);

#endif
