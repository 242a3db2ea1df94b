/* SPDX-License-Identifier: GPL-2.0-only */
/* The endpoints of the API, as api.c finds and calls them. */
#ifndef NATGW_USER_API_ANSWER_H
#define NATGW_USER_API_ANSWER_H

#include <event2/http.h>
#include <jansson.h>
#include <stdbool.h>
#include <stddef.h>

#include "api_metrics.h"
#include "state.h"

#define API_ANSWER_JSON "application/json"
#define API_ANSWER_JSON_LINES "application/x-ndjson"
#define API_ANSWER_TEXT "text/plain; charset=utf-8"

/* What an endpoint returns that has taken the request over and answers by itself (api_stream.h). */
#define API_ANSWER_LATER 1

struct evbuffer;
struct evkeyvalq;

/* What lives as long as the server. */
struct api_answer_context {
	struct natgwd_state *state;
	struct api_metrics_peaks peaks;
	unsigned int streams;	/* open ones */
	uint64_t check_free_ns; /* when others than the control socket may have a check again */
};

/* One request: the query, and what becomes of it. */
struct api_answer {
	struct api_answer_context *context;
	struct evhttp_request *request;
	bool is_control; /* asked on the control socket */
	const struct evkeyvalq *query;
	const char *request_body; /* of a POST, with a NUL behind it; "" when there is none */
	size_t request_size;
	struct evbuffer *body;
	const char *type; /* Content-Type */
	int status;	  /* of HTTP */
};

struct api_endpoint {
	const char *path;
	enum evhttp_cmd_type method;
	/* 0, API_ANSWER_LATER, or a negative errno: an internal error. */
	int (*fn)(struct api_answer *answer);
	bool control_only; /* a GET that is not for everybody; a POST never is */
};

/* The endpoint of that path and method; else one of that path; NULL: no such path. */
const struct api_endpoint *api_answer_find(const char *path, enum evhttp_cmd_type method);

/* The answer is this error, in the form of all others. */
int api_answer_fail(struct api_answer *answer, int status, const char *text);

/* json, as it is written to clients; takes it over. NULL: -ENOMEM. */
int api_answer_json(struct api_answer *answer, json_t *json);

/* One more header of the answer, before it is sent. Content-Type is answer->type; Cache-Control is
 * no-store unless it is set here. */
int api_answer_header(struct api_answer *answer, const char *key, const char *value);

/* The headers that every answer has, for those who send it. */
void api_answer_finish_headers(struct api_answer *answer);

#endif
