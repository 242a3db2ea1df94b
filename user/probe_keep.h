/* SPDX-License-Identifier: GPL-2.0-only */
/* Counts of failed probes that a restart does not set back: a pinned page, as that of keep.h. */
#ifndef NATGW_USER_PROBE_KEEP_H
#define NATGW_USER_PROBE_KEEP_H

#include <stdint.h>

#include "natgw_limits.h"

/* Room for reasons to come: the page keeps its layout when one is added. */
#define PROBE_KEEP_REASONS 8

/* By index of the gateway in the maps, then by enum probe_reason. */
struct probe_keep {
	uint64_t failures[NATGW_GATEWAYS_MAX][PROBE_KEEP_REASONS];
};
_Static_assert(sizeof(struct probe_keep) == 4096, "one page");

/* Takes the page of pin_path over, or makes one. */
int probe_keep_open(const char *pin_path, struct probe_keep **ret_keep);
void probe_keep_close(struct probe_keep *keep);

#endif
