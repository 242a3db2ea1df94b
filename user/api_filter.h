/* SPDX-License-Identifier: GPL-2.0-only */
/* The query of endpoints that mean some of the sessions (session_filter.h). */
#ifndef NATGW_USER_API_FILTER_H
#define NATGW_USER_API_FILTER_H

#include "api_answer.h"
#include "session_filter.h"

/*
 * Every key of the query must be one of the filter or one that other takes (0; -ENOENT: not his;
 * -EINVAL and why filled in). -EINVAL: the answer is the refusal; the endpoint returns 0.
 */
int api_filter_parse(struct api_answer *answer, struct natgw_kill *filter,
		     int (*other)(const char *key, const char *value, void *arg, char *why),
		     void *arg);

#endif
