/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * What a gateway carried in the last minutes: rates, from counters that are given every ten
 * seconds. Pure: no clock, no map.
 */
#ifndef NATGW_USER_HISTORY_H
#define NATGW_USER_HISTORY_H

#include <stddef.h>
#include <stdint.h>

#define HISTORY_KEPT 60 /* ten minutes */

enum history_series {
	HISTORY_BYTES_OUT, /* to destinations */
	HISTORY_BYTES_IN,  /* to clients */
	HISTORY_PACKETS_OUT,
	HISTORY_PACKETS_IN,
	HISTORY_ATTEMPTS, /* new sessions, refused ones too */
	HISTORY_REFUSED,  /* of these */
	HISTORY_DROPPED,  /* packets */
	HISTORY_SERIES_COUNT,
};

/* For each second, since the reading before. */
struct history_rates {
	uint64_t at_ns; /* monotonic clock; 0: not known yet */
	double rate[HISTORY_SERIES_COUNT];
};

/* Of one gateway, or of all of them. */
struct history_meter {
	uint64_t at_ns; /* of the last reading; 0: there was none */
	uint64_t totals[HISTORY_SERIES_COUNT];
	struct history_rates now;
};

struct history {
	struct history_rates kept[HISTORY_KEPT];
	size_t next;
	size_t count;
};

/* A counter below the last reading (it was made anew) has rate 0 this time. */
void history_read(struct history_meter *meter, const uint64_t totals[HISTORY_SERIES_COUNT],
		  uint64_t at_ns);
/* Rates that are not known yet are left out. */
void history_keep(struct history *history, const struct history_rates *rates);
/* 0 is the oldest; NULL from history->count on. */
const struct history_rates *history_at(const struct history *history, size_t position);

#endif
