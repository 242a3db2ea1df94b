/* SPDX-License-Identifier: GPL-2.0-only */
/* The API's listening sockets, as the config wants them, while natgwd is still root. */
#ifndef NATGW_USER_DAEMON_LISTEN_H
#define NATGW_USER_DAEMON_LISTEN_H

#include <sys/types.h>

#include "api.h"

struct config;

struct daemon_listen {
	struct api_sockets sockets;
	/* Of the names in the file system, to take away no others; 0: none. */
	ino_t control_ino;
	ino_t reader_ino;
};

/* Nothing is open. */
void daemon_listen_init(struct daemon_listen *listen);
/* Says what is wrong. What was opened before that is daemon_listen_close's. */
int daemon_listen_open(struct daemon_listen *listen, const struct config *config);
/* The api owns all of them now. */
void daemon_listen_forget(struct daemon_listen *listen);
/* Closes what is open, and removes the names of those. */
void daemon_listen_close(struct daemon_listen *listen, const struct config *config);

#endif
