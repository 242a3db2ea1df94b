// SPDX-License-Identifier: GPL-2.0-only
/*
 * Two natgwd would replace each other's tc filters, whatever folder of pins each has. The claim is
 * the abstract socket "@natgw": such names belong to a network namespace and go with the process.
 * Not responsible for who may use a folder of pins (pindir).
 */
#include "instance.h"

#include <errno.h>
#include <stddef.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <time.h>
#include <unistd.h>

#include "cleanup.h"
#include "log.h"

#define INSTANCE_NAME "natgw"

/* A natgwd that was killed a moment ago holds it until the kernel has put its memory away. */
static int bind_name(int fd)
{
	static const struct timespec pause = { .tv_nsec = 50000000L };
	/* The first byte of the name is zero; the length says where it ends. */
	struct sockaddr_un addr = { .sun_family = AF_UNIX };
	socklen_t size = offsetof(struct sockaddr_un, sun_path) + sizeof(INSTANCE_NAME);

	memcpy(addr.sun_path + 1, INSTANCE_NAME, sizeof(INSTANCE_NAME) - 1);
	for (int tries = 0; tries < 20; tries++) {
		if (bind(fd, (const struct sockaddr *)&addr, size) == 0) {
			return 0;
		}
		if (errno != EADDRINUSE) {
			return -errno;
		}
		nanosleep(&pause, NULL);
	}
	return -EBUSY;
}

int instance_claim(int *ret_fd)
{
	_cleanup_close_ int fd = socket(AF_UNIX, SOCK_DGRAM | SOCK_CLOEXEC, 0);
	int err = fd < 0 ? -errno : bind_name(fd);

	if (err == -EBUSY) {
		log_error(
			"another natgwd is running in this network namespace: it holds the socket @" INSTANCE_NAME
			" (ss -xp)");
	} else if (err) {
		log_error("cannot bind the socket @" INSTANCE_NAME ": %s", strerror(-err));
	}
	if (err) {
		return err;
	}
	*ret_fd = TAKE_FD(fd);
	return 0;
}
