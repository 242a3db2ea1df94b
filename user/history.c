// SPDX-License-Identifier: GPL-2.0-only
/* Rates, and a ring of them. Not responsible for the timer nor for reading counters. */
#include "history.h"

#include <string.h>

void history_read(struct history_meter *meter, const uint64_t totals[HISTORY_SERIES_COUNT],
		  uint64_t at_ns)
{
	if (meter->at_ns && at_ns > meter->at_ns) {
		/* The time that really went by: the event loop may be late. */
		const double seconds = (double)(at_ns - meter->at_ns) / 1e9;

		for (int i = 0; i < HISTORY_SERIES_COUNT; i++) {
			const uint64_t grown =
				totals[i] > meter->totals[i] ? totals[i] - meter->totals[i] : 0;

			meter->now.rate[i] = (double)grown / seconds;
		}
		meter->now.at_ns = at_ns;
	}
	memcpy(meter->totals, totals, sizeof(meter->totals));
	meter->at_ns = at_ns;
}

void history_keep(struct history *history, const struct history_rates *rates)
{
	if (!rates->at_ns) {
		return;
	}
	history->kept[history->next] = *rates;
	history->next = (history->next + 1) % HISTORY_KEPT;
	history->count += history->count < HISTORY_KEPT;
}

const struct history_rates *history_at(const struct history *history, size_t position)
{
	if (position >= history->count) {
		return NULL;
	}
	return &history->kept[(history->next + HISTORY_KEPT - history->count + position) %
			      HISTORY_KEPT];
}
