// SPDX-License-Identifier: GPL-2.0-only
/*
 * HTTP: who may ask, status codes and limits. Not responsible for what the answers say
 * (api_answer.c).
 */
#include "api.h"

#include <errno.h>
#include <event2/buffer.h>
#include <event2/bufferevent.h>
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
#include "api_peer.h"
#include "keep.h"
#include "log.h"

#define HEADERS_MAX 8192
#define BODY_MAX 4096
#define BODY_MAX_CONTROL (1 << 20)
#define TIMEOUT_S 10
/* What a client sends after its request stays in the kernel beyond so many bytes. */
#define UNREAD_MAX 4096

enum server_kind {
	SERVER_CONTROL,
	SERVER_READER,
	SERVER_TCP,
	SERVER_COUNT,
};

struct server {
	struct api *api;
	struct evhttp *http; /* NULL: none */
	struct api_limit *limit;
	enum server_kind kind;
	char path[sizeof(((struct sockaddr_un *)NULL)->sun_path)]; /* of a Unix socket */
};

struct api {
	struct api_answer_context context;
	struct server servers[SERVER_COUNT];
	struct event *sampler;
	gid_t group;
};

/* ---- dispatch ---- */

static int get_fd(struct evhttp_request *request)
{
	struct evhttp_connection *connection = evhttp_request_get_connection(request);

	return bufferevent_getfd(evhttp_connection_get_bufferevent(connection));
}

/* 0, or the answer is a refusal and the value not 0. */
static int refuse_others(const struct server *server, struct api_answer *answer,
			 const struct api_endpoint *endpoint, const struct ucred *peer)
{
	bool changes = endpoint->method != EVHTTP_REQ_GET;

	if (server->kind != SERVER_CONTROL && (changes || endpoint->control_only)) {
		(void)api_answer_fail(
			answer, 403,
			"for the control socket only: for root and members of its group");
		return -EACCES;
	}
	if (server->kind == SERVER_CONTROL &&
	    !api_peer_may_change(get_fd(answer->request), peer, server->api->group)) {
		log_warning(
			"refused uid %u, pid %d on the control socket: neither root nor in the group",
			peer->uid, peer->pid);
		(void)api_answer_fail(
			answer, 403,
			"only root and members of the group (control.group) may ask here");
		return -EACCES;
	}
	return 0;
}

static int call(const struct server *server, struct api_answer *answer,
		const struct api_endpoint *endpoint)
{
	struct ucred peer = { .uid = (uid_t)-1, .gid = (gid_t)-1 };
	int r = server->kind == SERVER_CONTROL ? api_peer_read(get_fd(answer->request), &peer) : 0;

	if (r < 0) {
		return r;
	}
	if (refuse_others(server, answer, endpoint, &peer)) {
		return 0;
	}
	r = endpoint->fn(answer);
	if (endpoint->method != EVHTTP_REQ_GET) {
		log_info("%s by uid %u, pid %d: %s", endpoint->path, peer.uid, peer.pid,
			 r < 0			? strerror(-r)
			 : answer->status < 300 ? "done"
						: "refused");
	}
	return r;
}

static int dispatch(const struct server *server, struct api_answer *answer)
{
	const struct evhttp_uri *uri = evhttp_request_get_evhttp_uri(answer->request);
	enum evhttp_cmd_type method = evhttp_request_get_command(answer->request);
	const struct api_endpoint *endpoint = api_answer_find(evhttp_uri_get_path(uri), method);

	if (!endpoint) {
		return api_answer_fail(answer, HTTP_NOTFOUND, "no such path");
	}
	if (method != endpoint->method) {
		(void)api_answer_header(answer, "Allow",
					endpoint->method == EVHTTP_REQ_GET ? "GET" : "POST");
		return api_answer_fail(answer, HTTP_BADMETHOD,
				       "this path does not take that method");
	}
	return call(server, answer, endpoint);
}

/* The body, with a NUL behind it. */
static int read_body(struct api_answer *answer)
{
	struct evbuffer *buffer = evhttp_request_get_input_buffer(answer->request);

	answer->request_size = evbuffer_get_length(buffer);
	if (evbuffer_add(buffer, "", 1) < 0) {
		return -ENOMEM;
	}
	answer->request_body = (const char *)evbuffer_pullup(buffer, -1);
	return answer->request_body ? 0 : -ENOMEM;
}

/* evhttp hands on what it could not read, without an address. */
static int fail_unread(struct api_answer *answer)
{
	if (evhttp_request_get_response_code(answer->request) == HTTP_ENTITYTOOLARGE) {
		return api_answer_fail(answer, HTTP_ENTITYTOOLARGE, "the request is too big");
	}
	return api_answer_fail(answer, HTTP_BADREQUEST, "the request cannot be read as HTTP");
}

static int make_answer(const struct server *server, struct api_answer *answer,
		       struct evkeyvalq *parsed)
{
	const struct evhttp_uri *uri = evhttp_request_get_evhttp_uri(answer->request);
	const char *query = uri ? evhttp_uri_get_query(uri) : NULL;
	int r;

	if (!uri) {
		return fail_unread(answer);
	}
	if (query && evhttp_parse_query_str(query, parsed) < 0) {
		return api_answer_fail(answer, HTTP_BADREQUEST, "the query cannot be read");
	}
	r = read_body(answer);
	return r < 0 ? r : dispatch(server, answer);
}

static void on_request(struct evhttp_request *request, void *arg)
{
	const struct server *server = arg;
	struct evhttp_connection *connection = evhttp_request_get_connection(request);
	struct evkeyvalq parsed = TAILQ_HEAD_INITIALIZER(parsed);
	struct api_answer answer = {
		.context = &server->api->context,
		.request = request,
		.is_control = server->kind == SERVER_CONTROL,
		.query = &parsed,
		.body = evbuffer_new(),
		.type = API_ANSWER_JSON,
		.status = HTTP_OK,
	};
	int fd = get_fd(request);
	int r;

	api_limit_set_stage(server->limit, fd, API_LIMIT_ANSWERED);
	r = answer.body ? make_answer(server, &answer, &parsed) : -ENOMEM;

	if (r < 0 && answer.body) {
		r = api_answer_fail(&answer, HTTP_INTERNAL, strerror(-r));
	}
	evhttp_clear_headers(&parsed);
	if (r < 0) {
		evhttp_send_error(request, HTTP_INTERNAL, NULL);
	} else if (r == 0) {
		bufferevent_setwatermark(evhttp_connection_get_bufferevent(connection), EV_READ, 0,
					 UNREAD_MAX);
		api_answer_finish_headers(&answer);
		evhttp_send_reply(request, answer.status, NULL, answer.body);
	} else {
		api_limit_set_stage(server->limit, fd, API_LIMIT_STREAM);
	}
	if (answer.body) {
		evbuffer_free(answer.body);
	}
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

static struct evhttp *make_http(struct event_base *base, struct server *server)
{
	struct evhttp *http = evhttp_new(base);

	if (!http) {
		return NULL;
	}
	evhttp_set_max_headers_size(http, HEADERS_MAX);
	evhttp_set_max_body_size(http,
				 server->kind == SERVER_CONTROL ? BODY_MAX_CONTROL : BODY_MAX);
	evhttp_set_timeout(http, TIMEOUT_S);
	/* All of them, so that a wrong one is answered here, in the form of all other errors. */
	evhttp_set_allowed_methods(http, EVHTTP_REQ_GET | EVHTTP_REQ_POST | EVHTTP_REQ_HEAD |
						 EVHTTP_REQ_PUT | EVHTTP_REQ_DELETE |
						 EVHTTP_REQ_OPTIONS | EVHTTP_REQ_TRACE |
						 EVHTTP_REQ_CONNECT | EVHTTP_REQ_PATCH);
	evhttp_set_gencb(http, on_request, server);
	return http;
}

static void free_api(struct api *api)
{
	for (int i = 0; i < SERVER_COUNT; i++) {
		api_limit_free(api->servers[i].limit);
		if (api->servers[i].http) {
			evhttp_free(api->servers[i].http);
		}
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

static int make_server(struct event_base *base, struct server *server, int fd)
{
	struct sockaddr_un addr = {};
	socklen_t size = sizeof(addr);

	if (getsockname(fd, (struct sockaddr *)&addr, &size) == 0 && addr.sun_family == AF_UNIX) {
		memcpy(server->path, addr.sun_path, sizeof(server->path) - 1);
	}
	server->http = make_http(base, server);
	return server->http ? 0 : -ENOMEM;
}

/* The descriptors are handed over when nothing can fail any more, so that a failure leaves them
 * with the caller. */
static int start_servers(struct event_base *base, struct api *api, const int fds[SERVER_COUNT])
{
	uint64_t *ended = keep_counter(api->context.state->keep, KEEP_API_CLIENTS_ENDED);
	int r = 0;

	for (int i = 0; r == 0 && i < SERVER_COUNT; i++) {
		api->servers[i].api = api;
		api->servers[i].kind = (enum server_kind)i;
		r = fds[i] >= 0 ? make_server(base, &api->servers[i], fds[i]) : 0;
	}
	for (int i = 0; r == 0 && i < SERVER_COUNT; i++) {
		struct server *server = &api->servers[i];

		r = fds[i] >= 0 ? api_limit_new(base, fds[i], ended, &server->limit) : 0;
	}
	for (int i = 0; r == 0 && i < SERVER_COUNT; i++) {
		struct server *server = &api->servers[i];

		r = server->http ? api_limit_accept(server->limit, server->http) : 0;
	}
	return r;
}

int api_start(struct event_base *base, struct natgwd_state *state,
	      const struct api_sockets *sockets, struct api **ret_api)
{
	const int fds[SERVER_COUNT] = { sockets->control, sockets->reader, sockets->tcp };
	struct api *api = calloc(1, sizeof(*api));

	if (!api) {
		return -ENOMEM;
	}
	api->context.state = state;
	api->group = sockets->group;
	int r = start_sampler(base, api);

	if (r == 0) {
		r = start_servers(base, api, fds);
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
	for (int i = 0; i < SERVER_COUNT; i++) {
		if (api->servers[i].path[0]) {
			unlink(api->servers[i].path);
		}
	}
	free_api(api);
}
