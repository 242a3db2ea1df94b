/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * What natgwctl watch shows: the difference of two looks at natgwd, as JSON, and that as a screen
 * of text.
 */
#ifndef NATGW_USER_OUTPUT_WATCH_H
#define NATGW_USER_OUTPUT_WATCH_H

#include <jansson.h>
#include <stdio.h>

/* One look: the answers of natgwd, and when that was. */
struct output_watch_look {
	double at; /* seconds, monotonic */
	json_t *status;
	json_t *stats;
	json_t *gateways;
	json_t *clients;      /* of an earlier look when that is cheaper */
	json_t *destinations; /* the same */
};

/*
 * "gateways" (rates by gateway: packets, bits, new, closed, refused a second; established, opening,
 * held), "eips" (ports in use), "clients", "destinations", "drops" (a second, by reason; all since
 * the start in "packets"), "sessions", "sessions_held", "sessions_max". NULL: out of memory.
 */
json_t *output_watch_frame(const struct output_watch_look *before,
			   const struct output_watch_look *now);

/* 0 or -ENOMEM. */
int output_watch_print(const json_t *frame, FILE *stream);

#endif
