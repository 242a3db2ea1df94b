// SPDX-License-Identifier: GPL-2.0-only
/*
 * The API's listening sockets: who may open which, and what is said when one cannot be had. How
 * they are made is in api_listen.c.
 */
#include "daemon_listen.h"

#include <errno.h>
#include <grp.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "cleanup.h"
#include "config.h"
#include "log.h"

#define MODE_CONTROL 0660
#define MODE_READER 0666

static const char *describe(int err)
{
	switch (err) {
	case -EADDRINUSE:
		return "another natgwd answers there";
	case -EEXIST:
		return "it is there and is not a socket";
	case -EPERM:
		return "Operation not permitted (it takes CAP_CHOWN to give it to the group of control.group)";
	default:
		return strerror(-err);
	}
}

static ino_t read_ino(const char *path)
{
	struct stat info;

	return lstat(path, &info) == 0 ? info.st_ino : 0;
}

static int open_unix(const char *path, mode_t mode, gid_t group, int *ret_fd, ino_t *ret_ino)
{
	int err = api_listen_unix(path, mode, group, ret_fd);

	if (err) {
		log_error("cannot listen on %s: %s", path, describe(err));
	} else {
		*ret_ino = read_ino(path);
	}
	return err;
}

static gid_t find_group(const char *name)
{
	const struct group *group = name[0] ? getgrnam(name) : NULL;

	if (!group) {
		log_info(
			"there is no group \"%s\" (control.group): only root may use the control socket",
			name);
	}
	return group ? group->gr_gid : (gid_t)-1;
}

void daemon_listen_init(struct daemon_listen *listen)
{
	listen->control_ino = 0;
	listen->reader_ino = 0;
	listen->sockets = (struct api_sockets){ -1, -1, -1, (gid_t)-1 };
}

int daemon_listen_open(struct daemon_listen *listen, const struct config *config)
{
	struct api_sockets *sockets = &listen->sockets;

	sockets->group = find_group(config->control_group);
	int err = open_unix(config->control_socket, MODE_CONTROL, sockets->group, &sockets->control,
			    &listen->control_ino);

	if (!err && config->read_socket[0]) {
		err = open_unix(config->read_socket, MODE_READER, (gid_t)-1, &sockets->reader,
				&listen->reader_ino);
	}
	if (err || !config->metrics_addr[0]) {
		return err;
	}
	err = api_listen_tcp(config->metrics_addr, config->metrics_port, &sockets->tcp);
	if (err) {
		log_error("cannot listen on %s:%u (metrics.listen): %s", config->metrics_addr,
			  config->metrics_port, strerror(-err));
	}
	return err;
}

void daemon_listen_forget(struct daemon_listen *listen)
{
	daemon_listen_init(listen);
}

static void remove_own(const char *path, ino_t ino)
{
	if (ino && read_ino(path) == ino) {
		unlink(path);
	}
}

void daemon_listen_close(struct daemon_listen *listen, const struct config *config)
{
	remove_own(config->control_socket, listen->control_ino);
	remove_own(config->read_socket, listen->reader_ino);
	cleanup_close(&listen->sockets.control);
	cleanup_close(&listen->sockets.reader);
	cleanup_close(&listen->sockets.tcp);
	daemon_listen_init(listen);
}
