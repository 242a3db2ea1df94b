/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * The HTTP server: one set of endpoints on three listeners. The control socket may do everything,
 * and asks who its clients are; the read socket and the TCP listener read only. Runs on the
 * caller's event loop; nothing here blocks for longer than reading maps.
 */
#ifndef NATGW_USER_API_H
#define NATGW_USER_API_H

#include <stdint.h>
#include <sys/types.h>

#include "state.h"

struct event_base;
struct api;

/* What api_start serves on; -1: none. */
struct api_sockets {
	int control; /* must be there */
	int reader;  /* Unix socket for everybody */
	int tcp;
	gid_t group; /* whose members may use the control socket; (gid_t)-1: root only */
};

/*
 * Makes the parent folder (0755) when it is missing, takes a stale socket away, binds with this
 * mode, and the group unless it is (gid_t)-1. -EADDRINUSE: somebody answers there.
 */
int api_listen_unix(const char *path, mode_t mode, gid_t group, int *ret_fd);

/* addr: IPv4 or IPv6, numeric. */
int api_listen_tcp(const char *addr, uint16_t port, int *ret_fd);

/*
 * Serves on these, and owns the descriptors from success on. state must outlive the api; its config
 * and dp may be exchanged between events.
 */
int api_start(struct event_base *base, struct natgwd_state *state,
	      const struct api_sockets *sockets, struct api **ret_api);

/* Closes listeners and connections, streams with them, and removes the sockets' names. */
void api_stop(struct api *api);

#endif
