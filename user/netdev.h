/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * Links, addresses, routes and neighbours of this network namespace: a picture kept up to date by
 * rtnetlink, and what in it has changed. IPv4 only.
 */
#ifndef NATGW_USER_NETDEV_H
#define NATGW_USER_NETDEV_H

#include <linux/types.h>
#include <net/if.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#define NETDEV_CHANGED_LINKS 0x1
#define NETDEV_CHANGED_ADDRS 0x2
#define NETDEV_CHANGED_ROUTES 0x4
#define NETDEV_CHANGED_NEIGHS 0x8 /* a MAC address that may be in use is no longer right */
#define NETDEV_CHANGED_ALL 0xf

struct netdev_link {
	uint32_t ifindex;
	char name[IF_NAMESIZE];
	uint32_t mtu;
	uint8_t mac[6];
	bool up; /* administratively up and with carrier */
};

struct netdev_addr {
	uint32_t ifindex;
	__be32 addr;
	uint8_t len;
};

struct netdev;

/* Subscribes, then reads the whole picture. */
int netdev_open(struct netdev **ret_netdev);
void netdev_free(struct netdev *netdev);
int netdev_fd(const struct netdev *netdev);

/*
 * Reads what has arrived, without waiting. *ret_changed: NETDEV_CHANGED_*. When messages were lost
 * the picture is read anew and everything counts as changed.
 */
int netdev_read(struct netdev *netdev, unsigned int *ret_changed);

/* NULL when there is none. Valid until the next netdev_read. */
const struct netdev_link *netdev_find_link(const struct netdev *netdev, const char *name);

/* Addresses of all links. Valid until the next netdev_read. */
const struct netdev_addr *netdev_addrs(const struct netdev *netdev, size_t *ret_count);

/* Whether the host holds addr; *ret_ifindex (may be NULL) says where. */
bool netdev_holds(const struct netdev *netdev, __be32 addr, uint32_t *ret_ifindex);

#endif
