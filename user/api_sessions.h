/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * /v1/sessions: one JSON object for each session, written straight into the answer, since a tree of
 * all of them would take many times the memory of the tables.
 */
#ifndef NATGW_USER_API_SESSIONS_H
#define NATGW_USER_API_SESSIONS_H

#include <stdbool.h>

#include "state.h"

struct evbuffer;

/* What a session must match; a zero or NULL asks for nothing. */
struct api_sessions_filter {
	__be32 client;
	__be32 remote;
	__be32 eip;
	const char *state;
	bool all; /* those whose port is free again as well */
};

int api_sessions_write(const struct natgwd_state *state, const struct api_sessions_filter *filter,
		       struct evbuffer *out);

#endif
