/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * Counters that only natgwd knows and that a restart must not set back: one page in a pinned map
 * beside those of the data path. It lives as long as they do: until --detach, or the next boot.
 */
#ifndef NATGW_USER_KEEP_H
#define NATGW_USER_KEEP_H

#include <stdint.h>

/* Append only: a newer natgwd takes the page of an older one over. At most KEEP_ROOM. */
enum keep_which {
	KEEP_APPLIES_OK,
	KEEP_APPLIES_FAILED,
	/* What the session log has counted as lost of the data path's own counters. */
	KEEP_LOG_RING_LOST,
	KEEP_LOG_EVENTS_LOST,
	KEEP_LOG_SINKS, /* session_log_keep.c */
	KEEP_LOG_SINKS_END = KEEP_LOG_SINKS + 24,
	KEEP_API_STREAMS_CUT = KEEP_LOG_SINKS_END, /* of readers that were too slow */
	KEEP_API_CLIENTS_ENDED, /* for others that came when all places were taken */
	KEEP_COUNT,
};

#define KEEP_ROOM 128
_Static_assert(KEEP_COUNT <= KEEP_ROOM, "room for the counters of natgwd");

/* Programs whose cost is added up over their generations. */
#define KEEP_PROGRAMS 16

/* As the kernel counts while kernel.bpf_stats_enabled is 1. */
struct keep_cost {
	uint64_t time_ns;
	uint64_t runs;
};

struct keep;

/*
 * Takes the page of pin_path over, or makes one, and notes what the pinned programs have cost so
 * far: to be called before they are replaced.
 */
int keep_open(const char *pin_path, struct keep **ret_keep);
void keep_close(struct keep *keep);

/* To be read and written in place. keep NULL (nobody keeps them): one that is forgotten. */
uint64_t *keep_counter(struct keep *keep, enum keep_which which);

/* Of the program pinned under this name and of all that were pinned there before it. */
int keep_program_cost(const struct keep *keep, const char *program, struct keep_cost *ret_cost);

#endif
