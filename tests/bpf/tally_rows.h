/* SPDX-License-Identifier: GPL-2.0-only */
/* Rows of "verdicts" that are looked at: those of gateway 0 (none) and of so many more. */
#ifndef NATGW_TESTS_BPF_TALLY_ROWS_H
#define NATGW_TESTS_BPF_TALLY_ROWS_H

#include "natgw_counters.h"

#define TALLY_GATEWAYS 3
#define TALLY_HOOK_ROWS (TALLY_GATEWAYS * NATGW_DIRECTION_COUNT * NATGW_VERDICT_SLOTS)
#define TALLY_ROWS (NATGW_HOOK_COUNT * TALLY_HOOK_ROWS)

#endif
