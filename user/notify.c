// SPDX-License-Identifier: GPL-2.0-only
/*
 * The client's side of sd_notify(3), without its library: natgwd says five things, and reads
 * nothing. Not responsible for when they are said (daemon.c), except for the watchdog.
 */
#include "notify.h"

#include <errno.h>
#include <event2/event.h>
#include <inttypes.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <time.h>
#include <unistd.h>

#include "cleanup.h"
#include "log.h"

#define USEC_PER_SEC ((uint64_t)1000000)

struct notify {
	int fd;
	struct sockaddr_un addr;
	socklen_t addr_size;
	struct event *watchdog;
};

/* A path, or with "@" in front a name in the abstract namespace. */
static int parse_address(const char *text, struct sockaddr_un *ret_addr, socklen_t *ret_size)
{
	size_t size = strlen(text);

	if ((text[0] != '/' && text[0] != '@') || size < 2) {
		return -EINVAL;
	}
	if (size >= sizeof(ret_addr->sun_path)) {
		return -ENAMETOOLONG;
	}
	ret_addr->sun_family = AF_UNIX;
	memcpy(ret_addr->sun_path, text, size);
	if (text[0] == '@') {
		ret_addr->sun_path[0] = '\0';
	}
	*ret_size = (socklen_t)(offsetof(struct sockaddr_un, sun_path) + size);
	return 0;
}

static uint64_t number_of(const char *name)
{
	const char *text = getenv(name);
	char *end;
	uint64_t value;

	if (!text || text[0] < '0' || text[0] > '9') {
		return 0;
	}
	errno = 0;
	value = strtoull(text, &end, 10);
	return errno || *end ? 0 : value;
}

/* 0: nobody waits for signs of life of this process. */
static uint64_t watchdog_usec(void)
{
	uint64_t pid = number_of("WATCHDOG_PID");

	return pid && pid != (uint64_t)getpid() ? 0 : number_of("WATCHDOG_USEC");
}

/* Never waits: a manager that does not read is not worth a stop of natgwd. */
static void say(const struct notify *notify, const char *text)
{
	if (!notify) {
		return;
	}
	if (sendto(notify->fd, text, strlen(text), MSG_DONTWAIT | MSG_NOSIGNAL,
		   (const struct sockaddr *)&notify->addr, notify->addr_size) < 0) {
		log_debug("cannot tell the service manager: %s", strerror(errno));
	}
}

static void on_watchdog(evutil_socket_t fd, short what, void *arg)
{
	const struct notify *notify = arg;

	(void)fd;
	(void)what;
	say(notify, "WATCHDOG=1");
}

static int start_watchdog(struct event_base *base, struct notify *notify)
{
	uint64_t half = watchdog_usec() / 2;
	struct timeval pause;

	if (!half) {
		return 0;
	}
	pause.tv_sec = (time_t)(half / USEC_PER_SEC);
	pause.tv_usec = (suseconds_t)(half % USEC_PER_SEC);
	notify->watchdog = event_new(base, -1, EV_PERSIST, on_watchdog, notify);
	return notify->watchdog && event_add(notify->watchdog, &pause) == 0 ? 0 : -ENOMEM;
}

static int new_notify(const char *address, struct notify **ret_notify)
{
	struct notify *notify = calloc(1, sizeof(*notify));
	int err;

	if (!notify) {
		return -ENOMEM;
	}
	err = parse_address(address, &notify->addr, &notify->addr_size);
	if (err) {
		log_warning("NOTIFY_SOCKET is \"%s\": %s; the service manager will not be told",
			    address, err == -EINVAL ? "neither a path nor @name" : strerror(-err));
		free(notify);
		return 0;
	}
	notify->fd = socket(AF_UNIX, SOCK_DGRAM | SOCK_CLOEXEC, 0);
	if (notify->fd < 0) {
		err = -errno;
		free(notify);
		return err;
	}
	*ret_notify = notify;
	return 0;
}

int notify_start(struct event_base *base, struct notify **ret_notify)
{
	const char *address = getenv("NOTIFY_SOCKET");
	struct notify *notify = NULL;
	int err;

	if (!address || !address[0]) {
		*ret_notify = NULL;
		return 0;
	}
	err = new_notify(address, &notify);
	if (!err && notify) {
		err = start_watchdog(base, notify);
	}
	if (err) {
		notify_stop(notify);
		return err;
	}
	*ret_notify = notify;
	return 0;
}

void notify_stop(struct notify *notify)
{
	if (!notify) {
		return;
	}
	if (notify->watchdog) {
		event_free(notify->watchdog);
	}
	close(notify->fd);
	free(notify);
}

void notify_ready(const struct notify *notify, const char *status)
{
	char text[256];

	snprintf(text, sizeof(text), "READY=1\nSTATUS=%s", status);
	say(notify, text);
}

/* The time tells managers that wait for the end of a reload from which one READY=1 is. */
void notify_reloading(const struct notify *notify)
{
	struct timespec now = { 0 };
	char text[64];

	clock_gettime(CLOCK_MONOTONIC, &now);
	snprintf(text, sizeof(text), "RELOADING=1\nMONOTONIC_USEC=%" PRIu64,
		 (uint64_t)now.tv_sec * USEC_PER_SEC + (uint64_t)now.tv_nsec / 1000);
	say(notify, text);
}

void notify_stopping(const struct notify *notify)
{
	say(notify, "STOPPING=1");
}
