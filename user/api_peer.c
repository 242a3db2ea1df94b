// SPDX-License-Identifier: GPL-2.0-only
/*
 * Who asks on a Unix socket. The mode of the socket's file keeps others away already; this holds
 * when a mode was changed or a descriptor was handed on. Not responsible for what they may ask
 * (api.c).
 */
#include "api_peer.h"

#include <errno.h>
#include <stddef.h>
#include <unistd.h>

/* Who is in more groups than this must have the one asked for as primary group. */
#define GROUPS_MAX 1024

int api_peer_read(int fd, struct ucred *ret_peer)
{
	socklen_t size = sizeof(*ret_peer);

	return getsockopt(fd, SOL_SOCKET, SO_PEERCRED, ret_peer, &size) < 0 ? -errno : 0;
}

static bool is_member(int fd, gid_t group)
{
	gid_t groups[GROUPS_MAX];
	socklen_t size = sizeof(groups);

	if (getsockopt(fd, SOL_SOCKET, SO_PEERGROUPS, groups, &size) < 0) {
		return false;
	}
	for (size_t i = 0; i < size / sizeof(groups[0]); i++) {
		if (groups[i] == group) {
			return true;
		}
	}
	return false;
}

bool api_peer_may_change(int fd, const struct ucred *peer, gid_t group)
{
	if (peer->uid == 0 || peer->uid == geteuid()) {
		return true;
	}
	return group != (gid_t)-1 && (peer->gid == group || is_member(fd, group));
}
