// SPDX-License-Identifier: GPL-2.0-only
/*
 * Questions to rtnetlink that have one answer, each through a socket of its own. Not responsible
 * for the picture of the host that natgwd keeps (netdev).
 */
#include "hostroute.h"

#include <errno.h>
#include <libmnl/libmnl.h>
#include <linux/neighbour.h>
#include <linux/rtnetlink.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/time.h>

#define KNOWN (NUD_PERMANENT | NUD_NOARP | NUD_REACHABLE | NUD_PROBE | NUD_STALE | NUD_DELAY)
#define ATTRS_MAX 16

_Static_assert(RTA_GATEWAY < ATTRS_MAX && RTA_OIF < ATTRS_MAX && NDA_LLADDR < ATTRS_MAX,
	       "attributes that are read");

static int exchange(struct mnl_socket *socket, struct nlmsghdr *header, mnl_cb_t fn, void *arg)
{
	char buffer[8192];
	ssize_t got;

	if (mnl_socket_sendto(socket, header, header->nlmsg_len) < 0) {
		return -errno;
	}
	got = mnl_socket_recvfrom(socket, buffer, sizeof(buffer));
	if (got < 0) {
		return -errno;
	}
	if (mnl_cb_run(buffer, (size_t)got, header->nlmsg_seq, mnl_socket_get_portid(socket), fn,
		       arg) < 0) {
		return -errno;
	}
	return 0;
}

/* One question, one answer: of the type asked for, or an acknowledgement. */
static int ask(struct nlmsghdr *header, mnl_cb_t fn, void *arg)
{
	/* The kernel answers at once; this only keeps a bug of it from stopping natgwd for ever. */
	static const struct timeval limit = { .tv_sec = 1 };
	struct mnl_socket *socket = mnl_socket_open2(NETLINK_ROUTE, SOCK_CLOEXEC);
	int err;

	if (!socket) {
		return -errno;
	}
	header->nlmsg_flags |= NLM_F_REQUEST;
	header->nlmsg_seq = 1;
	if (mnl_socket_bind(socket, 0, MNL_SOCKET_AUTOPID) < 0 ||
	    setsockopt(mnl_socket_get_fd(socket), SOL_SOCKET, SO_RCVTIMEO, &limit, sizeof(limit)) <
		    0) {
		err = -errno;
	} else {
		err = exchange(socket, header, fn, arg);
	}
	mnl_socket_close(socket);
	return err;
}

static int collect(const struct nlattr *attr, void *arg)
{
	const struct nlattr **attrs = arg;

	if (mnl_attr_get_type(attr) < ATTRS_MAX) {
		attrs[mnl_attr_get_type(attr)] = attr;
	}
	return MNL_CB_OK;
}

/* ---- routes ---- */

static int read_route(const struct nlmsghdr *header, void *arg)
{
	const struct rtmsg *message = mnl_nlmsg_get_payload(header);
	const struct nlattr *attrs[ATTRS_MAX] = { NULL };
	struct hostroute *route = arg;

	if (header->nlmsg_type != RTM_NEWROUTE) {
		return MNL_CB_OK;
	}
	mnl_attr_parse(header, sizeof(*message), collect, attrs);
	route->type = message->rtm_type;
	route->ifindex = attrs[RTA_OIF] ? mnl_attr_get_u32(attrs[RTA_OIF]) : 0;
	route->via = attrs[RTA_GATEWAY] ? mnl_attr_get_u32(attrs[RTA_GATEWAY]) : 0;
	return MNL_CB_OK;
}

int hostroute_find(const struct hostroute_query *query, struct hostroute *ret_route)
{
	char buffer[256];
	struct nlmsghdr *header = mnl_nlmsg_put_header(buffer);
	struct rtmsg *message = mnl_nlmsg_put_extra_header(header, sizeof(*message));
	struct hostroute route = { 0 };
	int err;

	header->nlmsg_type = RTM_GETROUTE;
	message->rtm_family = AF_INET;
	message->rtm_dst_len = 32;
	mnl_attr_put_u32(header, RTA_DST, query->dst);
	if (query->src) {
		message->rtm_src_len = 32;
		mnl_attr_put_u32(header, RTA_SRC, query->src);
	}
	if (query->ifindex) {
		mnl_attr_put_u32(header, RTA_IIF, query->ifindex);
	}
	err = ask(header, read_route, &route);
	if (!err) {
		*ret_route = route;
	}
	return err;
}

/* ---- neighbours ---- */

static struct nlmsghdr *begin_neigh(char *buffer, uint32_t ifindex, __be32 addr)
{
	struct nlmsghdr *header = mnl_nlmsg_put_header(buffer);
	struct ndmsg *message = mnl_nlmsg_put_extra_header(header, sizeof(*message));

	message->ndm_family = AF_INET;
	message->ndm_ifindex = (int)ifindex;
	mnl_attr_put_u32(header, NDA_DST, addr);
	return header;
}

static int read_neigh(const struct nlmsghdr *header, void *arg)
{
	const struct ndmsg *message = mnl_nlmsg_get_payload(header);
	const struct nlattr *attrs[ATTRS_MAX] = { NULL };
	struct hostroute_neigh *neigh = arg;

	if (header->nlmsg_type != RTM_NEWNEIGH) {
		return MNL_CB_OK;
	}
	mnl_attr_parse(header, sizeof(*message), collect, attrs);
	if (message->ndm_state & KNOWN) {
		neigh->state = HOSTROUTE_NEIGH_KNOWN;
	} else if (message->ndm_state & NUD_FAILED) {
		neigh->state = HOSTROUTE_NEIGH_FAILED;
	} else if (message->ndm_state & NUD_INCOMPLETE) {
		neigh->state = HOSTROUTE_NEIGH_ASKING;
	}
	if (attrs[NDA_LLADDR] && mnl_attr_get_payload_len(attrs[NDA_LLADDR]) == 6) {
		memcpy(neigh->mac, mnl_attr_get_payload(attrs[NDA_LLADDR]), 6);
	}
	return MNL_CB_OK;
}

int hostroute_neigh(uint32_t ifindex, __be32 addr, struct hostroute_neigh *ret_neigh)
{
	char buffer[256];
	struct nlmsghdr *header = begin_neigh(buffer, ifindex, addr);
	struct hostroute_neigh neigh = { .state = HOSTROUTE_NEIGH_NONE };
	int err;

	header->nlmsg_type = RTM_GETNEIGH;
	err = ask(header, read_neigh, &neigh);
	if (err && err != -ENOENT) {
		return err;
	}
	*ret_neigh = neigh;
	return 0;
}

int hostroute_resolve(uint32_t ifindex, __be32 addr)
{
	char buffer[256];
	struct nlmsghdr *header = begin_neigh(buffer, ifindex, addr);
	struct ndmsg *message = mnl_nlmsg_get_payload(header);

	header->nlmsg_type = RTM_NEWNEIGH;
	header->nlmsg_flags = NLM_F_CREATE | NLM_F_ACK;
	message->ndm_state = NUD_NONE;
	message->ndm_flags = NTF_USE;
	return ask(header, NULL, NULL);
}
