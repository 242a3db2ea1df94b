/* SPDX-License-Identifier: GPL-2.0-only */
/* Who asks on a Unix socket, as the kernel knows it. */
#ifndef NATGW_USER_API_PEER_H
#define NATGW_USER_API_PEER_H

#include <stdbool.h>
#include <sys/socket.h>
#include <sys/types.h>

/* The client's ids at the moment it connected. -errno: of getsockopt. */
int api_peer_read(int fd, struct ucred *ret_peer);

/* May this client change things: root, natgwd's own user, or a member of the group ((gid_t)-1: no
 * group). Asks the kernel alone, so that no directory of users can hold natgwd up. */
bool api_peer_may_change(int fd, const struct ucred *peer, gid_t group);

#endif
