/* SPDX-License-Identifier: GPL-2.0-only */
/* The endpoints of the API, as api.c finds and calls them. */
#ifndef NATGW_USER_API_ANSWER_H
#define NATGW_USER_API_ANSWER_H

#include <event2/http.h>

#include "api_metrics.h"
#include "state.h"

#define API_ANSWER_JSON "application/json"

struct evbuffer;
struct evkeyvalq;

/* What lives as long as the server. */
struct api_answer_context {
	struct natgwd_state *state;
	struct api_metrics_peaks peaks;
};

/* One request: the query, and what becomes of it. */
struct api_answer {
	struct api_answer_context *context;
	const struct evkeyvalq *query;
	struct evbuffer *body;
	const char *type; /* Content-Type */
	int status;	  /* of HTTP */
};

struct api_endpoint {
	const char *path;
	enum evhttp_cmd_type method;
	/* 0, or a negative errno: an internal error. */
	int (*fn)(struct api_answer *answer);
};

/* NULL: no such path. */
const struct api_endpoint *api_answer_find(const char *path);

/* The answer is this error, in the form of all others. */
int api_answer_fail(struct api_answer *answer, int status, const char *text);

#endif
