/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * The HTTP server: one set of endpoints on two listeners. The Unix socket may do everything, the
 * TCP listener reads only. Runs on the caller's event loop; nothing here blocks for longer than
 * reading maps.
 */
#ifndef NATGW_USER_API_H
#define NATGW_USER_API_H

#include <stdint.h>

#include "state.h"

struct event_base;
struct api;

/*
 * Makes the parent folder (0755) when it is missing, takes a stale socket away, binds with mode
 * 0660 and the group if there is one of that name. -EADDRINUSE: somebody answers there.
 */
int api_listen_unix(const char *path, const char *group, int *ret_fd);

/* addr: IPv4 or IPv6, numeric. */
int api_listen_tcp(const char *addr, uint16_t port, int *ret_fd);

/*
 * Serves on both descriptors (tcp_fd -1: none) and owns them from success on. state must outlive
 * the api; its config and dp may be exchanged between events.
 */
int api_start(struct event_base *base, struct natgwd_state *state, int unix_fd, int tcp_fd,
	      struct api **ret_api);

/* Closes listeners and connections and removes the socket's name. */
void api_stop(struct api *api);

#endif
