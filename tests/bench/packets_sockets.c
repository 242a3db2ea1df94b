// SPDX-License-Identifier: GPL-2.0-only
/*
 * Real TCP connections, for comparison: client and server cost far more than any gateway, so this
 * says that connections work at that rate and little else. Each carries one byte and one back, then
 * the client ends it by a RST, which leaves nobody in TIME_WAIT.
 */
#include <arpa/inet.h>
#include <errno.h>
#include <netinet/in.h>
#include <stdio.h>
#include <sys/epoll.h>
#include <sys/socket.h>
#include <time.h>
#include <unistd.h>

#include "packets.h"

#define AT_ONCE 64 /* connections */
#define EVENTS 64
#define DESTINATIONS_MAX 256

static void watch(int epoll, int fd, __u32 events)
{
	struct epoll_event event = { .events = events, .data.fd = fd };

	if (epoll_ctl(epoll, EPOLL_CTL_ADD, fd, &event)) {
		packets_die("epoll", errno);
	}
}

static int new_epoll(void)
{
	int fd = epoll_create1(EPOLL_CLOEXEC);

	if (fd < 0) {
		packets_die("epoll", errno);
	}
	return fd;
}

/* ---- server ---- */

static int listen_at(__u16 port)
{
	struct sockaddr_in address = { .sin_family = AF_INET, .sin_port = htons(port) };
	int fd = socket(AF_INET, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0), on = 1;

	if (fd < 0 || setsockopt(fd, SOL_SOCKET, SO_REUSEADDR, &on, sizeof(on)) ||
	    bind(fd, (struct sockaddr *)&address, sizeof(address)) || listen(fd, SOMAXCONN)) {
		packets_die("listen", errno);
	}
	return fd;
}

static void take(int epoll, int listener)
{
	int fd;

	while ((fd = accept4(listener, NULL, NULL, SOCK_NONBLOCK | SOCK_CLOEXEC)) >= 0) {
		watch(epoll, fd, EPOLLIN);
	}
}

/* A client that is gone ends its connection here as well. */
static void answer(int fd)
{
	char byte;
	ssize_t got = recv(fd, &byte, 1, 0);

	if ((got == 1 && send(fd, &byte, 1, MSG_NOSIGNAL) == 1) || (got < 0 && errno == EAGAIN)) {
		return;
	}
	close(fd);
}

static void serve_once(int epoll, int listener)
{
	struct epoll_event events[EVENTS];
	int count = epoll_wait(epoll, events, EVENTS, -1);

	for (int i = 0; i < count; i++) {
		if (events[i].data.fd == listener) {
			take(epoll, listener);
		} else {
			answer(events[i].data.fd);
		}
	}
}

void packets_serve(__u16 port)
{
	int epoll = new_epoll(), listener = listen_at(port);

	watch(epoll, listener, EPOLLIN);
	for (;;) {
		serve_once(epoll, listener);
	}
}

/* ---- client ---- */

struct client {
	int epoll;
	struct sockaddr_in destinations[DESTINATIONS_MAX];
	unsigned int destination_count;
	unsigned int next;
	unsigned long done;
};

static void open_one(struct client *client)
{
	const struct linger reset = { .l_onoff = 1 };
	int fd = socket(AF_INET, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);
	struct sockaddr_in *to = &client->destinations[client->next++ % client->destination_count];

	if (fd < 0 || setsockopt(fd, SOL_SOCKET, SO_LINGER, &reset, sizeof(reset)) ||
	    (connect(fd, (struct sockaddr *)to, sizeof(*to)) && errno != EINPROGRESS)) {
		packets_die("connect", errno);
	}
	watch(client->epoll, fd, EPOLLOUT);
}

/* The first event is that the connection is there, the second one its answer. */
static void go_on(struct client *client, const struct epoll_event *ready)
{
	struct epoll_event event = { .events = EPOLLIN, .data.fd = ready->data.fd };
	char byte = 'n';

	if (ready->events & (EPOLLERR | EPOLLHUP)) {
		packets_die("a connection was refused", ECONNREFUSED);
	}
	if (ready->events & EPOLLOUT) {
		if (send(ready->data.fd, &byte, 1, MSG_NOSIGNAL) != 1 ||
		    epoll_ctl(client->epoll, EPOLL_CTL_MOD, ready->data.fd, &event)) {
			packets_die("send", errno);
		}
		return;
	}
	if (recv(ready->data.fd, &byte, 1, 0) != 1) {
		packets_die("recv", errno);
	}
	close(ready->data.fd);
	client->done++;
	open_one(client);
}

static void read_destinations(struct client *client, __u16 port, char *const *addresses)
{
	while (*addresses && client->destination_count < DESTINATIONS_MAX) {
		struct sockaddr_in *to = &client->destinations[client->destination_count++];

		to->sin_family = AF_INET;
		to->sin_port = htons(port);
		if (inet_pton(AF_INET, *addresses, &to->sin_addr) != 1) {
			packets_die(*addresses, EINVAL);
		}
		addresses++;
	}
}

static double now_s(void)
{
	struct timespec now;

	clock_gettime(CLOCK_MONOTONIC, &now);
	return (double)now.tv_sec + (double)now.tv_nsec / 1e9;
}

double packets_connect(unsigned int seconds, __u16 port, char *const *addresses)
{
	struct client client = { .epoll = new_epoll() };
	double start = now_s(), now = start;

	read_destinations(&client, port, addresses);
	if (!client.destination_count) {
		packets_die("no address", EINVAL);
	}
	for (unsigned int i = 0; i < AT_ONCE; i++) {
		open_one(&client);
	}
	while (now - start < seconds) {
		struct epoll_event events[EVENTS];
		int count = epoll_wait(client.epoll, events, EVENTS, 2000);

		if (count <= 0) {
			packets_die("no answer for 2 seconds", ETIMEDOUT);
		}
		for (int i = 0; i < count; i++) {
			go_on(&client, &events[i]);
		}
		now = now_s();
	}
	return (double)client.done / (now - start);
}
