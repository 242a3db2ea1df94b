// SPDX-License-Identifier: GPL-2.0-only
/*
 * HTTP: which endpoint, who may ask, status codes and limits. Not responsible for what the answers
 * say (api_views.c, api_stats.c, api_sessions.c, api_metrics.c).
 */
#include "api.h"

#include <errno.h>
#include <event2/buffer.h>
#include <event2/event.h>
#include <event2/http.h>
#include <event2/http_struct.h>
#include <event2/keyvalq_struct.h>
#include <jansson.h>
#include <stdlib.h>
#include <string.h>
#include <sys/queue.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>

#include "api_limit.h"
#include "api_metrics.h"
#include "api_sessions.h"
#include "api_stats.h"
#include "api_views.h"
#include "cleanup.h"
#include "metrics.h"
#include "names.h"
#include "parse_util.h"
#include "sweep.h"

#define HEADERS_MAX 8192
#define BODY_MAX 4096
#define TIMEOUT_S 10
#define TYPE_JSON "application/json"
#define TYPE_TEXT "text/plain; charset=utf-8"

struct api {
	struct natgwd_state *state;
	struct evhttp *control; /* Unix socket */
	struct evhttp *reader;	/* TCP; NULL: none */
	struct api_limit *control_limit;
	struct api_limit *reader_limit;
	struct event *sampler;
	struct api_metrics_peaks peaks;
	char path[sizeof(((struct sockaddr_un *)NULL)->sun_path)];
};

struct answer {
	struct api *api;
	const struct evkeyvalq *query;
	struct evbuffer *body;
	const char *type;
	int status;
};

/* ---- answers ---- */

static int add_json(struct evbuffer *body, json_t *json)
{
	_cleanup_free_ char *text = json_dumps(json, JSON_COMPACT);

	json_decref(json);
	return text && evbuffer_add_printf(body, "%s\n", text) >= 0 ? 0 : -ENOMEM;
}

static int fail(struct answer *answer, int status, const char *text)
{
	json_t *json = json_pack("{s:s}", "error", text);

	evbuffer_drain(answer->body, evbuffer_get_length(answer->body));
	answer->status = status;
	answer->type = TYPE_JSON;
	return json ? add_json(answer->body, json) : -ENOMEM;
}

static int answer_status(struct answer *answer)
{
	json_t *json = NULL;
	int r = api_views_status(answer->api->state, &json);

	return r < 0 ? r : add_json(answer->body, json);
}

static int answer_gateways(struct answer *answer)
{
	json_t *json = NULL;
	int r = api_views_gateways(answer->api->state, evhttp_find_header(answer->query, "name"),
				   &json);

	if (r == -ENOENT) {
		return fail(answer, HTTP_NOTFOUND, "no gateway of that name");
	}
	return r < 0 ? r : add_json(answer->body, json);
}

static int answer_routes(struct answer *answer)
{
	json_t *json = NULL;
	int r = api_views_routes(answer->api->state, &json);

	return r < 0 ? r : add_json(answer->body, json);
}

static int answer_stats(struct answer *answer)
{
	json_t *json = NULL;
	int r = api_stats_view(answer->api->state, &json);

	return r < 0 ? r : add_json(answer->body, json);
}

/* An address that is not asked for stays 0. */
static int query_address(const struct answer *answer, const char *key, __be32 *ret_addr)
{
	const char *text = evhttp_find_header(answer->query, key);

	return text ? parse_util_address(text, ret_addr) : 0;
}

/* Of a row that is a session; the rest is for nobody to ask for. */
static bool is_session_state(const char *name)
{
	for (unsigned int state = NATGW_STATE_NEW; state < NATGW_STATE_DEAD; state++) {
		if (strcmp(name, names_session_state(state)) == 0) {
			return true;
		}
	}
	return false;
}

static int answer_sessions(struct answer *answer)
{
	const char *all = evhttp_find_header(answer->query, "all");
	struct api_sessions_filter filter = {
		.state = evhttp_find_header(answer->query, "state"),
		.all = all && strcmp(all, "1") == 0,
	};

	if (query_address(answer, "client", &filter.client) < 0 ||
	    query_address(answer, "dst", &filter.remote) < 0 ||
	    query_address(answer, "eip", &filter.eip) < 0) {
		return fail(answer, HTTP_BADREQUEST,
			    "client, dst and eip are IPv4 addresses like 192.0.2.1");
	}
	if (filter.state && !is_session_state(filter.state)) {
		return fail(answer, HTTP_BADREQUEST,
			    "state is one of new, opening, established, closing, hold");
	}
	return api_sessions_write(answer->api->state, &filter, answer->body);
}

static int answer_sweep(struct answer *answer)
{
	const struct natgw_sweep *sweep = &answer->api->state->last_sweep;
	int r = sweep_pass(answer->api->state);

	if (r < 0) {
		return r;
	}
	json_t *json = json_pack("{s:I, s:I, s:I}", "rows", (json_int_t)sweep->rows, "removed",
				 (json_int_t)sweep->removed, "lost", (json_int_t)sweep->lost);

	return json ? add_json(answer->body, json) : -ENOMEM;
}

static int answer_metrics(struct answer *answer)
{
	_cleanup_free_ char *text = NULL;
	size_t size = 0;
	FILE *stream = open_memstream(&text, &size);

	if (!stream) {
		return -ENOMEM;
	}
	int r = api_metrics_write(answer->api->state, &answer->api->peaks, stream);

	if (fclose(stream) != 0 && r == 0) {
		r = -ENOMEM;
	}
	if (r < 0) {
		return r;
	}
	answer->type = METRICS_CONTENT_TYPE;
	return evbuffer_add(answer->body, text, size) < 0 ? -ENOMEM : 0;
}

static const char *why_not_attached(const struct iface_state *iface)
{
	if (!iface->ifindex) {
		return "there is no such interface";
	}
	return iface->attach_reason[0] ? iface->attach_reason : "natgwd's log says why";
}

static int answer_health(struct answer *answer)
{
	const struct natgwd_state *state = answer->api->state;
	int r = 0;

	answer->type = TYPE_TEXT;
	for (unsigned int i = 1; i < NATGW_GATEWAYS_MAX; i++) {
		const struct gateway_status *gateway = &state->gateways[i];

		/* A deleted one is as the config wants it. */
		if (gateway->name[0] && gateway->state != NATGW_GATEWAY_AVAILABLE &&
		    gateway->state != NATGW_GATEWAY_DELETED) {
			r = evbuffer_add_printf(answer->body, "gateway %s is %s%s%s\n",
						gateway->name, names_gateway_state(gateway->state),
						gateway->reason[0] ? ": " : "", gateway->reason);
		}
	}
	for (unsigned int i = 0; i < state->iface_count; i++) {
		const struct iface_state *iface = &state->ifaces[i];

		if (iface->attach == IFACE_ATTACH_NONE) {
			r = evbuffer_add_printf(answer->body, "interface %s is not attached: %s\n",
						iface->name, why_not_attached(iface));
		}
	}
	if (evbuffer_get_length(answer->body) > 0) {
		answer->status = HTTP_SERVUNAVAIL;
	} else {
		r = evbuffer_add_printf(answer->body, "ok\n");
	}
	return r < 0 ? -ENOMEM : 0;
}

/* ---- dispatch ---- */

struct endpoint {
	const char *path;
	enum evhttp_cmd_type method;
	int (*fn)(struct answer *answer);
};

/* Whatever is not GET changes something and is for the Unix socket only. */
static const struct endpoint endpoints[] = {
	{ "/metrics", EVHTTP_REQ_GET, answer_metrics },
	{ "/healthz", EVHTTP_REQ_GET, answer_health },
	{ "/v1/status", EVHTTP_REQ_GET, answer_status },
	{ "/v1/gateways", EVHTTP_REQ_GET, answer_gateways },
	{ "/v1/sessions", EVHTTP_REQ_GET, answer_sessions },
	{ "/v1/stats", EVHTTP_REQ_GET, answer_stats },
	{ "/v1/routes", EVHTTP_REQ_GET, answer_routes },
	{ "/v1/sweep", EVHTTP_REQ_POST, answer_sweep },
};

static const struct endpoint *find_endpoint(const char *path)
{
	for (size_t i = 0; path && i < sizeof(endpoints) / sizeof(endpoints[0]); i++) {
		if (strcmp(endpoints[i].path, path) == 0) {
			return &endpoints[i];
		}
	}
	return NULL;
}

static int dispatch(struct answer *answer, struct evhttp_request *request, bool read_only)
{
	const struct evhttp_uri *uri = evhttp_request_get_evhttp_uri(request);
	const struct endpoint *endpoint = find_endpoint(uri ? evhttp_uri_get_path(uri) : NULL);
	enum evhttp_cmd_type method = evhttp_request_get_command(request);

	if (!endpoint) {
		return fail(answer, HTTP_NOTFOUND, "no such path");
	}
	if (read_only && endpoint->method != EVHTTP_REQ_GET) {
		return fail(answer, 403, "for the control socket only");
	}
	if (method != endpoint->method) {
		evhttp_add_header(evhttp_request_get_output_headers(request), "Allow",
				  endpoint->method == EVHTTP_REQ_GET ? "GET" : "POST");
		return fail(answer, HTTP_BADMETHOD, "this path does not take that method");
	}
	return endpoint->fn(answer);
}

static void answer_request(struct api *api, struct evhttp_request *request, bool read_only)
{
	const struct evhttp_uri *uri = evhttp_request_get_evhttp_uri(request);
	const char *query = uri ? evhttp_uri_get_query(uri) : NULL;
	struct evkeyvalq parsed = TAILQ_HEAD_INITIALIZER(parsed);
	struct answer answer = {
		.api = api,
		.query = &parsed,
		.body = evbuffer_new(),
		.type = TYPE_JSON,
		.status = HTTP_OK,
	};
	int r = answer.body ? 0 : -ENOMEM;

	if (r == 0 && query && evhttp_parse_query_str(query, &parsed) < 0) {
		r = fail(&answer, HTTP_BADREQUEST, "the query cannot be read");
	} else if (r == 0) {
		r = dispatch(&answer, request, read_only);
	}
	if (r < 0 && answer.body) {
		r = fail(&answer, HTTP_INTERNAL, strerror(-r));
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
	(void)api_metrics_sample(api->state, &api->peaks);
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
	api_limit_descriptors();
	api->state = state;
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
