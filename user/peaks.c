// SPDX-License-Identifier: GPL-2.0-only
/* A ring of six rates. Not responsible for the timer. */
#include "peaks.h"

void peaks_add(struct peaks *peaks, uint64_t total, uint64_t at_ns)
{
	if (peaks->at_ns != 0 && at_ns > peaks->at_ns && total >= peaks->total) {
		/* The time that really went by: the event loop may be late. */
		double seconds = (double)(at_ns - peaks->at_ns) / 1e9;

		peaks->rate[peaks->next] =
			(uint64_t)((double)(total - peaks->total) / seconds + 0.5);
		peaks->next = (peaks->next + 1) % PEAKS_SAMPLES;
	}
	peaks->total = total;
	peaks->at_ns = at_ns;
}

uint64_t peaks_highest(const struct peaks *peaks)
{
	uint64_t highest = 0;

	for (unsigned int i = 0; i < PEAKS_SAMPLES; i++) {
		if (peaks->rate[i] > highest) {
			highest = peaks->rate[i];
		}
	}
	return highest;
}
