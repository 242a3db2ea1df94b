// SPDX-License-Identifier: GPL-2.0-only
/* Asks the kernel for a list through a socket of its own. Knows nothing of what the list says. */
#include "nldump.h"

#include <errno.h>
#include <string.h>
#include <sys/socket.h>

#define NLDUMP_BUFFER 65536

static int run(struct mnl_socket *socket, struct nlmsghdr *header, mnl_cb_t fn, void *arg)
{
	char buffer[NLDUMP_BUFFER];
	int status = MNL_CB_OK;

	if (mnl_socket_sendto(socket, header, header->nlmsg_len) < 0) {
		return -errno;
	}
	while (status > MNL_CB_STOP) {
		ssize_t got = mnl_socket_recvfrom(socket, buffer, sizeof(buffer));

		if (got < 0) {
			return -errno;
		}
		status = mnl_cb_run(buffer, (size_t)got, header->nlmsg_seq,
				    mnl_socket_get_portid(socket), fn, arg);
	}
	return status < 0 ? -errno : 0;
}

static int open_socket(struct mnl_socket **ret_socket)
{
	/* The kernel answers at once; this only keeps a bug of it from stopping natgwd for ever. */
	static const struct timeval limit = { .tv_sec = 5 };
	struct mnl_socket *socket = mnl_socket_open2(NETLINK_ROUTE, SOCK_CLOEXEC);
	int err;

	if (!socket) {
		return -errno;
	}
	if (mnl_socket_bind(socket, 0, MNL_SOCKET_AUTOPID) < 0 ||
	    setsockopt(mnl_socket_get_fd(socket), SOL_SOCKET, SO_RCVTIMEO, &limit, sizeof(limit)) <
		    0) {
		err = -errno;
		mnl_socket_close(socket);
		return err;
	}
	*ret_socket = socket;
	return 0;
}

int nldump_run(uint16_t type, const void *message, size_t size, mnl_cb_t fn, void *arg)
{
	char question[256];
	struct nlmsghdr *header = mnl_nlmsg_put_header(question);
	struct mnl_socket *socket = NULL;
	int err = open_socket(&socket);

	if (err) {
		return err;
	}
	header->nlmsg_type = type;
	header->nlmsg_flags = NLM_F_REQUEST | NLM_F_DUMP;
	header->nlmsg_seq = 1;
	memcpy(mnl_nlmsg_put_extra_header(header, size), message, size);
	err = run(socket, header, fn, arg);
	mnl_socket_close(socket);
	return err;
}
