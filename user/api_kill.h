/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * POST /v1/sessions/kill: ends the sessions that the query means: the keys of session_filter.h, at
 * least one, or all=1; dry_run=1: counts them only. Answers "matched" and "killed".
 */
#ifndef NATGW_USER_API_KILL_H
#define NATGW_USER_API_KILL_H

struct api_answer;

int api_kill_answer(struct api_answer *answer);

#endif
