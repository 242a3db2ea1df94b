// SPDX-License-Identifier: GPL-2.0-only
/*
 * The listening sockets of the API, made before privileges are dropped. Not responsible for what is
 * said on them (api.c).
 */
#include <arpa/inet.h>
#include <errno.h>
#include <netinet/in.h>
#include <stddef.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <unistd.h>

#include "api.h"
#include "cleanup.h"

/* As many may connect at once without being refused. */
#define BACKLOG 1024

static int make_parent(const char *path)
{
	char parent[sizeof(((struct sockaddr_un *)NULL)->sun_path)];
	const char *slash = strrchr(path, '/');

	if (!slash || slash == path) {
		return 0;
	}
	snprintf(parent, sizeof(parent), "%.*s", (int)(slash - path), path);
	if (mkdir(parent, 0755) < 0) {
		return errno == EEXIST ? 0 : -errno;
	}
	/* Whatever the umask: clients of the group must get through. */
	return chmod(parent, 0755) < 0 ? -errno : 0;
}

/* 0 when the name is free, which it is after a stale socket was taken away. */
static int clear_name(const struct sockaddr_un *addr)
{
	_cleanup_close_ int fd = -1;
	struct stat status;

	if (lstat(addr->sun_path, &status) < 0) {
		return errno == ENOENT ? 0 : -errno;
	}
	if (!S_ISSOCK(status.st_mode)) {
		return -EEXIST;
	}
	fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
	if (fd < 0) {
		return -errno;
	}
	/* EAGAIN: alive, with a full backlog. Only a refusal tells that nobody listens. */
	if (connect(fd, (const struct sockaddr *)addr, sizeof(*addr)) == 0 ||
	    errno != ECONNREFUSED) {
		return -EADDRINUSE;
	}
	return unlink(addr->sun_path) < 0 ? -errno : 0;
}

static int open_name(const char *path, mode_t mode, gid_t group)
{
	if (group != (gid_t)-1 && chown(path, (uid_t)-1, group) < 0) {
		return -errno;
	}
	return chmod(path, mode) < 0 ? -errno : 0;
}

int api_listen_unix(const char *path, mode_t mode, gid_t group, int *ret_fd)
{
	struct sockaddr_un addr = { .sun_family = AF_UNIX };
	_cleanup_close_ int fd = -1;

	if (strlen(path) >= sizeof(addr.sun_path)) {
		return -ENAMETOOLONG;
	}
	snprintf(addr.sun_path, sizeof(addr.sun_path), "%s", path);
	int r = make_parent(path);

	if (r == 0) {
		r = clear_name(&addr);
	}
	if (r < 0) {
		return r;
	}
	fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
	if (fd < 0) {
		return -errno;
	}
	/* No moment in which others may connect. */
	mode_t mask = umask(0177);

	r = bind(fd, (const struct sockaddr *)&addr, sizeof(addr)) < 0 ? -errno : 0;
	umask(mask);
	if (r < 0) {
		return r;
	}
	r = open_name(path, mode, group);
	if (r == 0 && listen(fd, BACKLOG) < 0) {
		r = -errno;
	}
	if (r < 0) {
		unlink(path);
		return r;
	}
	*ret_fd = TAKE_FD(fd);
	return 0;
}

static int parse_listen(const char *addr, uint16_t port, struct sockaddr_storage *ret_addr,
			socklen_t *ret_size)
{
	struct sockaddr_in v4 = { .sin_family = AF_INET, .sin_port = htons(port) };
	struct sockaddr_in6 v6 = { .sin6_family = AF_INET6, .sin6_port = htons(port) };

	if (inet_pton(AF_INET, addr, &v4.sin_addr) == 1) {
		memcpy(ret_addr, &v4, sizeof(v4));
		*ret_size = sizeof(v4);
		return 0;
	}
	if (inet_pton(AF_INET6, addr, &v6.sin6_addr) == 1) {
		memcpy(ret_addr, &v6, sizeof(v6));
		*ret_size = sizeof(v6);
		return 0;
	}
	return -EINVAL;
}

int api_listen_tcp(const char *addr, uint16_t port, int *ret_fd)
{
	struct sockaddr_storage storage = {};
	_cleanup_close_ int fd = -1;
	const int one = 1;
	socklen_t size;
	int r = parse_listen(addr, port, &storage, &size);

	if (r < 0) {
		return r;
	}
	fd = socket(storage.ss_family, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
	if (fd < 0) {
		return -errno;
	}
	/* A restart must not wait for connections of the process before. */
	if (setsockopt(fd, SOL_SOCKET, SO_REUSEADDR, &one, sizeof(one)) < 0 ||
	    bind(fd, (const struct sockaddr *)&storage, size) < 0 || listen(fd, BACKLOG) < 0) {
		return -errno;
	}
	*ret_fd = TAKE_FD(fd);
	return 0;
}
