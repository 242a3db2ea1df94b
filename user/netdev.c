// SPDX-License-Identifier: GPL-2.0-only
/*
 * rtnetlink through libmnl. Responsible for the picture of links and addresses, and for noticing
 * which route and neighbour messages matter. Decides nothing: the daemon compares the picture with
 * its own.
 *
 * Neighbour states flap all the time without any meaning for packets. Only a MAC address that was
 * valid and is now another one, or none, is a change: an entry that was not valid is in no session.
 */
#include "netdev.h"

#include <arpa/inet.h>
#include <errno.h>
#include <libmnl/libmnl.h>
#include <linux/if.h>
#include <linux/neighbour.h>
#include <linux/rtnetlink.h>
#include <search.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>

#include "nldump.h"

#define NETDEV_BUFFER 65536
#define NETDEV_RECEIVE_BUFFER (4 * 1024 * 1024)
#define NETDEV_NEIGH_VALID \
	(NUD_PERMANENT | NUD_NOARP | NUD_REACHABLE | NUD_PROBE | NUD_STALE | NUD_DELAY)

/* Only valid entries are kept. */
struct neigh {
	uint32_t ifindex;
	__be32 addr;
	uint8_t mac[6];
};

struct netdev {
	struct mnl_socket *socket;
	struct netdev_link *links;
	size_t link_count;
	struct netdev_addr *addrs;
	size_t addr_count;
	void *neighs; /* tsearch tree of struct neigh */
	unsigned int changed;
};

static int compare_neighs(const void *left, const void *right)
{
	const struct neigh *a = left;
	const struct neigh *b = right;

	if (a->ifindex != b->ifindex) {
		return a->ifindex < b->ifindex ? -1 : 1;
	}
	if (a->addr != b->addr) {
		return a->addr < b->addr ? -1 : 1;
	}
	return 0;
}

/* ---- attributes ---- */

#define NETDEV_ATTRS 8

_Static_assert(IFLA_MTU < NETDEV_ATTRS && IFA_LOCAL < NETDEV_ATTRS && NDA_LLADDR < NETDEV_ATTRS,
	       "attributes that are read");

static int collect_attr(const struct nlattr *attr, void *arg)
{
	const struct nlattr **attrs = arg;
	uint16_t type = mnl_attr_get_type(attr);

	if (type < NETDEV_ATTRS) {
		attrs[type] = attr;
	}
	return MNL_CB_OK;
}

/* The 4 bytes of an address; 0 when it is not there. */
static __be32 attr_addr(const struct nlattr *attr)
{
	return attr && mnl_attr_get_payload_len(attr) == sizeof(__be32) ? mnl_attr_get_u32(attr)
									: 0;
}

static bool attr_mac(const struct nlattr *attr, uint8_t ret_mac[6])
{
	if (!attr || mnl_attr_get_payload_len(attr) != 6) {
		return false;
	}
	memcpy(ret_mac, mnl_attr_get_payload(attr), 6);
	return true;
}

/* ---- links ---- */

static void drop_link(struct netdev *netdev, uint32_t ifindex)
{
	for (size_t i = 0; i < netdev->link_count; i++) {
		if (netdev->links[i].ifindex == ifindex) {
			netdev->links[i] = netdev->links[--netdev->link_count];
			netdev->changed |= NETDEV_CHANGED_LINKS;
			return;
		}
	}
}

static bool same_link(const struct netdev_link *left, const struct netdev_link *right)
{
	return left->up == right->up && left->mtu == right->mtu &&
	       strcmp(left->name, right->name) == 0 &&
	       memcmp(left->mac, right->mac, sizeof(left->mac)) == 0;
}

static int put_link(struct netdev *netdev, const struct netdev_link *link)
{
	struct netdev_link *grown;

	for (size_t i = 0; i < netdev->link_count; i++) {
		struct netdev_link *old = &netdev->links[i];

		if (old->ifindex != link->ifindex) {
			continue;
		}
		if (!same_link(old, link)) {
			*old = *link;
			netdev->changed |= NETDEV_CHANGED_LINKS;
		}
		return MNL_CB_OK;
	}
	grown = realloc(netdev->links, (netdev->link_count + 1) * sizeof(*grown));
	if (!grown) {
		return MNL_CB_ERROR;
	}
	grown[netdev->link_count++] = *link;
	netdev->links = grown;
	netdev->changed |= NETDEV_CHANGED_LINKS;
	return MNL_CB_OK;
}

static int on_link(struct netdev *netdev, const struct nlmsghdr *header)
{
	const struct ifinfomsg *message = mnl_nlmsg_get_payload(header);
	const struct nlattr *attrs[NETDEV_ATTRS] = { NULL };
	struct netdev_link link = { .ifindex = (uint32_t)message->ifi_index };

	/* Messages of a bridge about its ports say nothing of the link. */
	if (message->ifi_family != AF_UNSPEC) {
		return MNL_CB_OK;
	}
	if (header->nlmsg_type == RTM_DELLINK) {
		drop_link(netdev, link.ifindex);
		return MNL_CB_OK;
	}
	if (mnl_attr_parse(header, sizeof(*message), collect_attr, attrs) < 0) {
		return MNL_CB_ERROR;
	}
	link.up = (message->ifi_flags & IFF_UP) && (message->ifi_flags & IFF_LOWER_UP);
	(void)attr_mac(attrs[IFLA_ADDRESS], link.mac);
	if (attrs[IFLA_IFNAME]) {
		snprintf(link.name, sizeof(link.name), "%s", mnl_attr_get_str(attrs[IFLA_IFNAME]));
	}
	if (attrs[IFLA_MTU]) {
		link.mtu = mnl_attr_get_u32(attrs[IFLA_MTU]);
	}
	return put_link(netdev, &link);
}

/* ---- addresses ---- */

static void drop_addr(struct netdev *netdev, const struct netdev_addr *addr)
{
	for (size_t i = 0; i < netdev->addr_count; i++) {
		const struct netdev_addr *old = &netdev->addrs[i];

		if (old->ifindex == addr->ifindex && old->addr == addr->addr &&
		    old->len == addr->len) {
			netdev->addrs[i] = netdev->addrs[--netdev->addr_count];
			netdev->changed |= NETDEV_CHANGED_ADDRS;
			return;
		}
	}
}

static int put_addr(struct netdev *netdev, const struct netdev_addr *addr)
{
	struct netdev_addr *grown;

	for (size_t i = 0; i < netdev->addr_count; i++) {
		const struct netdev_addr *old = &netdev->addrs[i];

		if (old->ifindex == addr->ifindex && old->addr == addr->addr &&
		    old->len == addr->len) {
			return MNL_CB_OK;
		}
	}
	grown = realloc(netdev->addrs, (netdev->addr_count + 1) * sizeof(*grown));
	if (!grown) {
		return MNL_CB_ERROR;
	}
	grown[netdev->addr_count++] = *addr;
	netdev->addrs = grown;
	netdev->changed |= NETDEV_CHANGED_ADDRS;
	return MNL_CB_OK;
}

static int on_addr(struct netdev *netdev, const struct nlmsghdr *header)
{
	const struct ifaddrmsg *message = mnl_nlmsg_get_payload(header);
	struct netdev_addr addr = { .ifindex = message->ifa_index, .len = message->ifa_prefixlen };
	const struct nlattr *attrs[NETDEV_ATTRS] = { NULL };

	if (message->ifa_family != AF_INET) {
		return MNL_CB_OK;
	}
	if (mnl_attr_parse(header, sizeof(*message), collect_attr, attrs) < 0) {
		return MNL_CB_ERROR;
	}
	/* On a point-to-point link IFA_ADDRESS is the peer's. */
	addr.addr = attr_addr(attrs[attrs[IFA_LOCAL] ? IFA_LOCAL : IFA_ADDRESS]);
	if (header->nlmsg_type == RTM_DELADDR) {
		drop_addr(netdev, &addr);
		return MNL_CB_OK;
	}
	return put_addr(netdev, &addr);
}

/* ---- neighbours ---- */

static void drop_neigh(struct netdev *netdev, const struct neigh *key)
{
	struct neigh *const *found = tfind(key, &netdev->neighs, compare_neighs);
	struct neigh *old;

	if (!found) {
		return;
	}
	old = *found;
	tdelete(key, &netdev->neighs, compare_neighs);
	free(old);
	netdev->changed |= NETDEV_CHANGED_NEIGHS;
}

static int put_neigh(struct netdev *netdev, const struct neigh *neigh)
{
	struct neigh *const *found = tfind(neigh, &netdev->neighs, compare_neighs);
	struct neigh *copy;

	if (found) {
		if (memcmp((*found)->mac, neigh->mac, sizeof(neigh->mac)) != 0) {
			memcpy((*found)->mac, neigh->mac, sizeof(neigh->mac));
			netdev->changed |= NETDEV_CHANGED_NEIGHS;
		}
		return MNL_CB_OK;
	}
	copy = malloc(sizeof(*copy));
	if (!copy) {
		return MNL_CB_ERROR;
	}
	*copy = *neigh;
	if (!tsearch(copy, &netdev->neighs, compare_neighs)) {
		free(copy);
		return MNL_CB_ERROR;
	}
	return MNL_CB_OK;
}

static int on_neigh(struct netdev *netdev, const struct nlmsghdr *header)
{
	const struct ndmsg *message = mnl_nlmsg_get_payload(header);
	struct neigh neigh = { .ifindex = (uint32_t)message->ndm_ifindex };
	bool valid =
		header->nlmsg_type == RTM_NEWNEIGH && (message->ndm_state & NETDEV_NEIGH_VALID);
	const struct nlattr *attrs[NETDEV_ATTRS] = { NULL };

	if (message->ndm_family != AF_INET) {
		return MNL_CB_OK;
	}
	if (mnl_attr_parse(header, sizeof(*message), collect_attr, attrs) < 0) {
		return MNL_CB_ERROR;
	}
	neigh.addr = attr_addr(attrs[NDA_DST]);
	if (attr_mac(attrs[NDA_LLADDR], neigh.mac) && valid) {
		return put_neigh(netdev, &neigh);
	}
	drop_neigh(netdev, &neigh);
	return MNL_CB_OK;
}

/* ---- messages ---- */

static int on_message(const struct nlmsghdr *header, void *arg)
{
	struct netdev *netdev = arg;

	switch (header->nlmsg_type) {
	case RTM_NEWLINK:
	case RTM_DELLINK:
		return on_link(netdev, header);
	case RTM_NEWADDR:
	case RTM_DELADDR:
		return on_addr(netdev, header);
	case RTM_NEWNEIGH:
	case RTM_DELNEIGH:
		return on_neigh(netdev, header);
	case RTM_NEWROUTE:
	case RTM_DELROUTE:
	case RTM_NEWRULE:
	case RTM_DELRULE:
		netdev->changed |= NETDEV_CHANGED_ROUTES;
		return MNL_CB_OK;
	default:
		return MNL_CB_OK;
	}
}

static void forget(struct netdev *netdev)
{
	free(netdev->links);
	free(netdev->addrs);
	tdestroy(netdev->neighs, free);
	netdev->links = NULL;
	netdev->addrs = NULL;
	netdev->neighs = NULL;
	netdev->link_count = 0;
	netdev->addr_count = 0;
}

/* The whole picture, through other sockets: the one that listens goes on collecting changes. */
static int read_all(struct netdev *netdev)
{
	static const struct ifinfomsg links = { .ifi_family = AF_UNSPEC };
	static const struct ifaddrmsg addrs = { .ifa_family = AF_INET };
	static const struct ndmsg neighs = { .ndm_family = AF_INET };
	int err;

	forget(netdev);
	err = nldump_run(RTM_GETLINK, &links, sizeof(links), on_message, netdev);
	if (!err) {
		err = nldump_run(RTM_GETADDR, &addrs, sizeof(addrs), on_message, netdev);
	}
	if (!err) {
		err = nldump_run(RTM_GETNEIGH, &neighs, sizeof(neighs), on_message, netdev);
	}
	netdev->changed = NETDEV_CHANGED_ALL;
	return err;
}

static int subscribe(struct netdev *netdev)
{
	static const int groups[] = { RTNLGRP_LINK, RTNLGRP_IPV4_IFADDR, RTNLGRP_IPV4_ROUTE,
				      RTNLGRP_IPV4_RULE, RTNLGRP_NEIGH };
	int size = NETDEV_RECEIVE_BUFFER;

	netdev->socket = mnl_socket_open2(NETLINK_ROUTE, SOCK_CLOEXEC | SOCK_NONBLOCK);
	if (!netdev->socket || mnl_socket_bind(netdev->socket, 0, MNL_SOCKET_AUTOPID) < 0) {
		return -errno;
	}
	for (size_t i = 0; i < sizeof(groups) / sizeof(groups[0]); i++) {
		int group = groups[i];

		if (mnl_socket_setsockopt(netdev->socket, NETLINK_ADD_MEMBERSHIP, &group,
					  sizeof(group)) < 0) {
			return -errno;
		}
	}
	/* Without it bursts are lost sooner, and the picture is read anew more often: no harm. */
	(void)setsockopt(netdev_fd(netdev), SOL_SOCKET, SO_RCVBUFFORCE, &size, sizeof(size));
	return 0;
}

int netdev_open(struct netdev **ret_netdev)
{
	struct netdev *netdev = calloc(1, sizeof(*netdev));
	int err;

	if (!netdev) {
		return -ENOMEM;
	}
	err = subscribe(netdev);
	if (!err) {
		err = read_all(netdev);
	}
	if (err) {
		netdev_free(netdev);
		return err;
	}
	netdev->changed = 0;
	*ret_netdev = netdev;
	return 0;
}

void netdev_free(struct netdev *netdev)
{
	if (!netdev) {
		return;
	}
	if (netdev->socket) {
		mnl_socket_close(netdev->socket);
	}
	forget(netdev);
	free(netdev);
}

int netdev_fd(const struct netdev *netdev)
{
	return mnl_socket_get_fd(netdev->socket);
}

int netdev_read(struct netdev *netdev, unsigned int *ret_changed)
{
	char buffer[NETDEV_BUFFER];
	int err = 0;

	netdev->changed = 0;
	for (;;) {
		ssize_t got = mnl_socket_recvfrom(netdev->socket, buffer, sizeof(buffer));

		if (got < 0 && errno == EAGAIN) {
			break;
		}
		if (got < 0 && errno == EINTR) {
			continue;
		}
		if (got < 0 || mnl_cb_run(buffer, (size_t)got, 0, 0, on_message, netdev) < 0) {
			/* Lost (ENOBUFS), cut off (ENOSPC) or not understood: read it all anew. */
			err = read_all(netdev);
			break;
		}
	}
	if (!err) {
		*ret_changed = netdev->changed;
	}
	return err;
}

const struct netdev_link *netdev_find_link(const struct netdev *netdev, const char *name)
{
	for (size_t i = 0; i < netdev->link_count; i++) {
		if (strcmp(netdev->links[i].name, name) == 0) {
			return &netdev->links[i];
		}
	}
	return NULL;
}

const struct netdev_addr *netdev_addrs(const struct netdev *netdev, size_t *ret_count)
{
	*ret_count = netdev->addr_count;
	return netdev->addrs;
}

bool netdev_holds(const struct netdev *netdev, __be32 addr, uint32_t *ret_ifindex)
{
	uint32_t unused;

	for (size_t i = 0; i < netdev->addr_count; i++) {
		if (netdev->addrs[i].addr == addr) {
			*(ret_ifindex ? ret_ifindex : &unused) = netdev->addrs[i].ifindex;
			return true;
		}
	}
	return false;
}
