/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * /v1/top/destinations, /v1/top/clients and /v1/events: who uses the ports, and who was refused.
 * Knows nothing of HTTP. 0 or a negative errno, *ret_json (a new reference) on success only.
 */
#ifndef NATGW_USER_API_TOP_H
#define NATGW_USER_API_TOP_H

#include <jansson.h>
#include <stddef.h>

#include "state.h"

#define API_TOP_DEFAULT 20
#define API_TOP_MAX 1000

struct evbuffer;

/* The first max of them, at most API_TOP_MAX. Both make state->top anew when it is old. */
int api_top_destinations(struct natgwd_state *state, size_t max, json_t **ret_json);
int api_top_clients(struct natgwd_state *state, size_t max, json_t **ret_json);

/* JSON lines: one object for each event that is kept, the oldest first. */
int api_top_events(const struct natgwd_state *state, struct evbuffer *out);

#endif
