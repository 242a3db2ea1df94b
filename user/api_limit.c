// SPDX-License-Identifier: GPL-2.0-only
/*
 * Accepting no more than the API can bear. evhttp tells nobody when a connection ends, so they are
 * counted where they are: among the descriptors. Not responsible for requests (api.c).
 */
#include "api_limit.h"

#include <errno.h>
#include <event2/bufferevent.h>
#include <event2/event.h>
#include <event2/http.h>
#include <event2/listener.h>
#include <stdbool.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <sys/socket.h>

#include "log.h"

#define CONNECTIONS_MAX 64
/* The kernel gives the lowest free number: with two listeners at their limit all lie below. */
#define DESCRIPTORS_SEEN 512
#define PAUSE_FULL_MS 100
#define PAUSE_ERROR_MS 900

struct api_limit {
	struct api_limit *next;
	struct evconnlistener *listener;
	struct event *timer; /* runs while nothing is accepted */
	sa_family_t family;
	bool failed; /* said once, until one is accepted */
};

/* The listener's callbacks get its evhttp for an argument: by this list they find their limit. */
static struct api_limit *limits;

static unsigned int count_connections(const struct api_limit *limit)
{
	unsigned int count = 0;

	for (int fd = 0; fd < DESCRIPTORS_SEEN; fd++) {
		struct sockaddr_storage peer = { .ss_family = AF_UNSPEC };
		socklen_t size = sizeof(peer);

		count += getpeername(fd, (struct sockaddr *)&peer, &size) == 0 &&
			 peer.ss_family == limit->family;
	}
	return count;
}

static void pause_accepting(struct api_limit *limit, suseconds_t ms)
{
	const struct timeval wait = { .tv_usec = ms * 1000 };

	evconnlistener_disable(limit->listener);
	event_add(limit->timer, &wait);
}

static void on_timer(evutil_socket_t fd, short what, void *arg)
{
	struct api_limit *limit = arg;

	(void)fd;
	(void)what;
	if (count_connections(limit) < CONNECTIONS_MAX) {
		evconnlistener_enable(limit->listener);
	} else {
		pause_accepting(limit, PAUSE_FULL_MS);
	}
}

static void on_error(struct evconnlistener *listener, void *arg)
{
	const int err = errno;
	struct api_limit *limit = limits;

	(void)arg;
	while (limit && limit->listener != listener)
		limit = limit->next;
	if (!limit) {
		return;
	}
	if (!limit->failed) {
		log_error("cannot accept a connection to the API: %s", strerror(err));
	}
	limit->failed = true;
	pause_accepting(limit, PAUSE_ERROR_MS);
}

/* evhttp asks for a buffer when it has accepted. */
static struct bufferevent *on_accept(struct event_base *base, void *arg)
{
	struct api_limit *limit = arg;

	limit->failed = false;
	if (count_connections(limit) >= CONNECTIONS_MAX) {
		pause_accepting(limit, PAUSE_FULL_MS);
	}
	return bufferevent_socket_new(base, -1, 0);
}

static int find_family(int fd, sa_family_t *ret_family)
{
	struct sockaddr_storage addr = { .ss_family = AF_UNSPEC };
	socklen_t size = sizeof(addr);

	if (getsockname(fd, (struct sockaddr *)&addr, &size) < 0) {
		return -errno;
	}
	*ret_family = addr.ss_family;
	return 0;
}

int api_limit_accept(struct event_base *base, struct evhttp *server, int fd,
		     struct api_limit **ret_limit)
{
	struct api_limit *limit = calloc(1, sizeof(*limit));
	struct evhttp_bound_socket *bound;
	int r = limit ? find_family(fd, &limit->family) : -ENOMEM;

	if (r == 0) {
		limit->timer = event_new(base, -1, 0, on_timer, limit);
		r = limit->timer ? 0 : -ENOMEM;
	}
	bound = r == 0 ? evhttp_accept_socket_with_handle(server, fd) : NULL;
	if (!bound) {
		api_limit_free(limit);
		return r < 0 ? r : -ENOMEM;
	}
	limit->listener = evhttp_bound_socket_get_listener(bound);
	evconnlistener_set_error_cb(limit->listener, on_error);
	limit->next = limits;
	limits = limit;
	evhttp_set_bevcb(server, on_accept, limit);
	*ret_limit = limit;
	return 0;
}

void api_limit_free(struct api_limit *limit)
{
	struct api_limit **link = &limits;

	if (!limit) {
		return;
	}
	while (*link && *link != limit)
		link = &(*link)->next;
	if (*link) {
		*link = limit->next;
	}
	if (limit->timer) {
		event_free(limit->timer);
	}
	free(limit);
}

static void on_log(int severity, const char *text)
{
	if (severity >= EVENT_LOG_WARN) {
		log_warning("libevent: %s", text);
	} else {
		log_debug("libevent: %s", text);
	}
}

void api_limit_descriptors(void)
{
	struct rlimit limit;

	event_set_log_callback(on_log);
	if (getrlimit(RLIMIT_NOFILE, &limit) == 0) {
		limit.rlim_cur = limit.rlim_max;
		(void)setrlimit(RLIMIT_NOFILE, &limit);
	}
}
