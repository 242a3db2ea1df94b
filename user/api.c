// SPDX-License-Identifier: GPL-2.0-only
/*
 * HTTP: who may ask, status codes and limits. Not responsible for what the answers say
 * (api_answer.c).
 */
#include "api.h"

#include <errno.h>
#include <event2/buffer.h>
#include <event2/event.h>
#include <event2/http.h>
#include <event2/http_struct.h>
#include <event2/keyvalq_struct.h>
#include <stdlib.h>
#include <string.h>
#include <sys/queue.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>

#include "api_answer.h"
#include "api_limit.h"
#include "api_metrics.h"

#define HEADERS_MAX 8192
#define BODY_MAX 4096
#define TIMEOUT_S 10

struct api {
	struct api_answer_context context;
	struct evhttp *control; /* Unix socket */
	struct evhttp *reader;	/* TCP; NULL: none */
	struct api_limit *control_limit;
	struct api_limit *reader_limit;
	struct event *sampler;
	char path[sizeof(((struct sockaddr_un *)NULL)->sun_path)];
};

/* ---- dispatch ---- */

static int dispatch(struct api_answer *answer, struct evhttp_request *request, bool read_only)
{
	const struct evhttp_uri *uri = evhttp_request_get_evhttp_uri(request);
	const struct api_endpoint *endpoint =
		api_answer_find(uri ? evhttp_uri_get_path(uri) : NULL);
	enum evhttp_cmd_type method = evhttp_request_get_command(request);

	if (!endpoint) {
		return api_answer_fail(answer, HTTP_NOTFOUND, "no such path");
	}
	if (read_only && endpoint->method != EVHTTP_REQ_GET) {
		return api_answer_fail(answer, 403, "for the control socket only");
	}
	if (method != endpoint->method) {
		evhttp_add_header(evhttp_request_get_output_headers(request), "Allow",
				  endpoint->method == EVHTTP_REQ_GET ? "GET" : "POST");
		return api_answer_fail(answer, HTTP_BADMETHOD,
				       "this path does not take that method");
	}
	return endpoint->fn(answer);
}

static void answer_request(struct api *api, struct evhttp_request *request, bool read_only)
{
	const struct evhttp_uri *uri = evhttp_request_get_evhttp_uri(request);
	const char *query = uri ? evhttp_uri_get_query(uri) : NULL;
	struct evkeyvalq parsed = TAILQ_HEAD_INITIALIZER(parsed);
	struct api_answer answer = {
		.context = &api->context,
		.query = &parsed,
		.body = evbuffer_new(),
		.type = API_ANSWER_JSON,
		.status = HTTP_OK,
	};
	int r = answer.body ? 0 : -ENOMEM;

	if (r == 0 && query && evhttp_parse_query_str(query, &parsed) < 0) {
		r = api_answer_fail(&answer, HTTP_BADREQUEST, "the query cannot be read");
	} else if (r == 0) {
		r = dispatch(&answer, request, read_only);
	}
	if (r < 0 && answer.body) {
		r = api_answer_fail(&answer, HTTP_INTERNAL, strerror(-r));
	}
	evhttp_clear_headers(&parsed);
	if (r < 0) {
		evhttp_send_error(request, HTTP_INTERNAL, NULL);
	} else {
		struct evkeyvalq *headers = evhttp_request_get_output_headers(request);

		/* No connection outlives its answer: nobody can hold on to one. */
		evhttp_add_header(headers, "Connection", "close");
		evhttp_add_header(headers, "Content-Type", answer.type);
		evhttp_add_header(headers, "Cache-Control", "no-store");
		evhttp_send_reply(request, answer.status, NULL, answer.body);
	}
	if (answer.body) {
		evbuffer_free(answer.body);
	}
}

static void on_control(struct evhttp_request *request, void *arg)
{
	answer_request(arg, request, false);
}

static void on_read(struct evhttp_request *request, void *arg)
{
	answer_request(arg, request, true);
}

/* ---- life ---- */

static void on_sample(evutil_socket_t fd, short what, void *arg)
{
	struct api *api = arg;

	(void)fd;
	(void)what;
	/* A sample that fails is a gap in the peaks; the next read of the counters says what is
	 * wrong. */
	(void)api_metrics_sample(api->context.state, &api->context.peaks);
	top_forget(&api->context.state->top);
}

static struct evhttp *make_server(struct event_base *base,
				  void (*fn)(struct evhttp_request *request, void *arg),
				  struct api *api)
{
	struct evhttp *server = evhttp_new(base);

	if (!server) {
		return NULL;
	}
	evhttp_set_max_headers_size(server, HEADERS_MAX);
	evhttp_set_max_body_size(server, BODY_MAX);
	evhttp_set_timeout(server, TIMEOUT_S);
	/* All of them, so that a wrong one is answered here, in the form of all other errors. */
	evhttp_set_allowed_methods(server, EVHTTP_REQ_GET | EVHTTP_REQ_POST | EVHTTP_REQ_HEAD |
						   EVHTTP_REQ_PUT | EVHTTP_REQ_DELETE |
						   EVHTTP_REQ_OPTIONS | EVHTTP_REQ_TRACE |
						   EVHTTP_REQ_CONNECT | EVHTTP_REQ_PATCH);
	evhttp_set_gencb(server, fn, api);
	return server;
}

static void free_api(struct api *api)
{
	api_limit_free(api->control_limit);
	api_limit_free(api->reader_limit);
	if (api->control) {
		evhttp_free(api->control);
	}
	if (api->reader) {
		evhttp_free(api->reader);
	}
	if (api->sampler) {
		event_free(api->sampler);
	}
	free(api);
}

static int start_sampler(struct event_base *base, struct api *api)
{
	const struct timeval interval = { .tv_sec = PEAKS_INTERVAL_S };

	api->sampler = event_new(base, -1, EV_PERSIST, on_sample, api);
	if (!api->sampler || event_add(api->sampler, &interval) < 0) {
		return -ENOMEM;
	}
	on_sample(-1, 0, api);
	return 0;
}

/* Descriptors are handed over last, so that a failure leaves them with the caller. */
static int start_servers(struct event_base *base, struct api *api, int unix_fd, int tcp_fd)
{
	api->control = make_server(base, on_control, api);
	api->reader = tcp_fd >= 0 ? make_server(base, on_read, api) : NULL;
	if (!api->control || (tcp_fd >= 0 && !api->reader)) {
		return -ENOMEM;
	}
	int r = tcp_fd >= 0 ? api_limit_accept(base, api->reader, tcp_fd, &api->reader_limit) : 0;

	return r < 0 ? r : api_limit_accept(base, api->control, unix_fd, &api->control_limit);
}

int api_start(struct event_base *base, struct natgwd_state *state, int unix_fd, int tcp_fd,
	      struct api **ret_api)
{
	struct api *api = calloc(1, sizeof(*api));
	struct sockaddr_un addr = {};
	socklen_t size = sizeof(addr);

	if (!api) {
		return -ENOMEM;
	}
	api->context.state = state;
	if (getsockname(unix_fd, (struct sockaddr *)&addr, &size) == 0 &&
	    addr.sun_family == AF_UNIX) {
		memcpy(api->path, addr.sun_path, sizeof(api->path) - 1);
	}
	int r = start_sampler(base, api);

	if (r == 0) {
		r = start_servers(base, api, unix_fd, tcp_fd);
	}
	if (r < 0) {
		free_api(api);
		return r;
	}
	*ret_api = api;
	return 0;
}

void api_stop(struct api *api)
{
	if (!api) {
		return;
	}
	if (api->path[0]) {
		unlink(api->path);
	}
	free_api(api);
}
