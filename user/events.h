/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * Refused sessions, as the data path tells them one by one: each gets a line in the log, and the
 * last ones are kept for those who ask. The data path limits their rate; what it left out is
 * counted.
 */
#ifndef NATGW_USER_EVENTS_H
#define NATGW_USER_EVENTS_H

#include <stddef.h>
#include <stdint.h>
#include <time.h>

#include "state.h"

#define EVENTS_KEPT 256
#define EVENTS_TIME_MAX 32

struct event_base;
struct events;

struct events_entry {
	struct natgw_event event;
	uint64_t lost;		       /* events left out before this one */
	struct timespec at;	       /* CLOCK_REALTIME */
	char gateway[CONFIG_NAME_MAX]; /* its name at that time */
};

/* ---- what is kept; pure ---- */

struct events_log {
	struct events_entry entries[EVENTS_KEPT];
	size_t next;
	size_t count;
};

void events_note(struct events_log *log, const struct events_entry *entry);
/* 0 is the oldest; NULL from log->count on. */
const struct events_entry *events_at(const struct events_log *log, size_t position);
/* "2026-01-31T12:34:56.789Z" */
void events_time(const struct timespec *at, char text[EVENTS_TIME_MAX]);

/* ---- life ---- */

/* Reads them from now on; those that came while no natgwd ran are the first ones. */
int events_start(struct event_base *base, struct natgwd_state *state, struct events **ret_events);
void events_stop(struct events *events);
const struct events_log *events_kept(const struct events *events);

#endif
