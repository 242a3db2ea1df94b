/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * GET /v1/sessions: one JSON object, on a line of its own, for each session that the query asks
 * for: the keys of session_filter.h; all=1: those whose port is free again as well; limit=N;
 * sort=bytes, packets, idle (greatest first) or client (lowest first), which has a limit of 100
 * unless it is given. Read and sent in slices, so that a million of them hold up nobody.
 */
#ifndef NATGW_USER_API_SESSIONS_H
#define NATGW_USER_API_SESSIONS_H

struct api_answer;

int api_sessions_answer(struct api_answer *answer);

#endif
