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
#include <netinet/in.h>
#include <stdbool.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>

#include "log.h"

#define CONNECTIONS_MAX 64
/* Accepted in a row; then all others have their turn, those that were accepted among them: a client
 * that asks at once is read before so many come behind it that it has to go. */
#define BURST_MAX 16
/* The kernel gives the lowest free number: with three listeners at their limit all lie below. */
#define DESCRIPTORS_SEEN 512
#define PAUSE_ERROR_MS 900

union address {
	struct sockaddr any;
	struct sockaddr_in v4;
	struct sockaddr_in6 v6;
	struct sockaddr_un local;
};

struct connection {
	ino_t ino; /* of the socket: tells one connection from the next on the same descriptor */
	uint64_t order; /* of being accepted; 0: no connection of this listener */
	enum api_limit_stage stage;
	bool ended; /* told to go */
};

struct api_limit {
	struct api_limit *next;
	struct evconnlistener *listener;
	struct event *timer; /* runs while nothing is accepted */
	union address addr;
	int fd;
	unsigned int burst;
	uint64_t accepted;
	uint64_t *ended; /* how many were told to go */
	bool failed;	 /* said once, until one is accepted */
	struct connection connections[DESCRIPTORS_SEEN];
};

/* The listener's callbacks get its evhttp for an argument: by this list they find their limit. */
static struct api_limit *limits;

/* ---- who is there ---- */

static bool same_address(const union address *one, const union address *other)
{
	if (one->any.sa_family != other->any.sa_family) {
		return false;
	}
	switch (one->any.sa_family) {
	case AF_UNIX:
		return strcmp(one->local.sun_path, other->local.sun_path) == 0;
	case AF_INET:
		return one->v4.sin_port == other->v4.sin_port;
	case AF_INET6:
		return one->v6.sin6_port == other->v6.sin6_port;
	default:
		return false;
	}
}

static bool is_connection(const struct api_limit *limit, int fd)
{
	union address peer = {};
	union address own = {};
	socklen_t peer_size = sizeof(peer);
	socklen_t own_size = sizeof(own);

	return getpeername(fd, &peer.any, &peer_size) == 0 &&
	       getsockname(fd, &own.any, &own_size) == 0 && same_address(&own, &limit->addr);
}

static void look_at(struct api_limit *limit, int fd)
{
	struct connection *connection = &limit->connections[fd];
	struct stat info;

	if (!is_connection(limit, fd) || fstat(fd, &info) < 0) {
		connection->order = 0;
	} else if (!connection->order || connection->ino != info.st_ino) {
		*connection = (struct connection){
			.ino = info.st_ino,
			.order = ++limit->accepted,
		};
	}
}

static unsigned int count_connections(struct api_limit *limit)
{
	unsigned int count = 0;

	for (int fd = 0; fd < DESCRIPTORS_SEEN; fd++) {
		look_at(limit, fd);
		count += limit->connections[fd].order && !limit->connections[fd].ended;
	}
	return count;
}

/* -1: none. *ret_count: how many are at that stage. */
static int find_oldest(const struct api_limit *limit, enum api_limit_stage stage,
		       unsigned int *ret_count)
{
	uint64_t oldest = UINT64_MAX;
	int found = -1;

	*ret_count = 0;

	for (int fd = 0; fd < DESCRIPTORS_SEEN; fd++) {
		const struct connection *connection = &limit->connections[fd];

		if (!connection->order || connection->ended || connection->stage != stage) {
			continue;
		}
		++*ret_count;
		if (connection->order < oldest) {
			oldest = connection->order;
			found = fd;
		}
	}
	return found;
}

/*
 * Of the kind that has most places, so that neither those that do not ask nor those that do not
 * read leave only the newest to choose. evhttp sees the end of the connection, and closes it.
 */
static void end_oldest(struct api_limit *limit)
{
	unsigned int waiting_count;
	unsigned int answered_count;
	int waiting = find_oldest(limit, API_LIMIT_WAITING, &waiting_count);
	int answered = find_oldest(limit, API_LIMIT_ANSWERED, &answered_count);
	int fd = waiting_count > answered_count ? waiting : answered;

	if (fd >= 0) {
		(void)shutdown(fd, SHUT_RDWR);
		limit->connections[fd].ended = true;
		(*limit->ended)++;
	}
}

void api_limit_set_stage(struct api_limit *limit, int fd, enum api_limit_stage stage)
{
	if (fd < 0 || fd >= DESCRIPTORS_SEEN) {
		return;
	}
	look_at(limit, fd);
	limit->connections[fd].stage = stage;
}

/* ---- accepting ---- */

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
	limit->burst = 0;
	evconnlistener_enable(limit->listener);
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
	if (count_connections(limit) > CONNECTIONS_MAX) {
		end_oldest(limit);
	}
	if (++limit->burst >= BURST_MAX) {
		pause_accepting(limit, 0);
	}
	return bufferevent_socket_new(base, -1, 0);
}

int api_limit_new(struct event_base *base, int fd, uint64_t *ended, struct api_limit **ret_limit)
{
	struct api_limit *limit = calloc(1, sizeof(*limit));
	socklen_t size = sizeof(limit->addr);

	if (!limit) {
		return -ENOMEM;
	}
	limit->fd = fd;
	limit->ended = ended;
	if (getsockname(fd, &limit->addr.any, &size) < 0) {
		int err = -errno;

		free(limit);
		return err;
	}
	limit->timer = event_new(base, -1, 0, on_timer, limit);
	if (!limit->timer) {
		free(limit);
		return -ENOMEM;
	}
	*ret_limit = limit;
	return 0;
}

int api_limit_accept(struct api_limit *limit, struct evhttp *server)
{
	struct evhttp_bound_socket *bound = evhttp_accept_socket_with_handle(server, limit->fd);

	if (!bound) {
		return -ENOMEM;
	}
	limit->listener = evhttp_bound_socket_get_listener(bound);
	evconnlistener_set_error_cb(limit->listener, on_error);
	limit->next = limits;
	limits = limit;
	evhttp_set_bevcb(server, on_accept, limit);
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
	event_free(limit->timer);
	free(limit);
}

/* ---- the process ---- */

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
