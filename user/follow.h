/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * Keeps natgw in step with the host: interfaces that come, go and change, addresses, routes and
 * neighbours.
 */
#ifndef NATGW_USER_FOLLOW_H
#define NATGW_USER_FOLLOW_H

#include "announce.h"
#include "attach.h"
#include "netdev.h"
#include "runfile.h"
#include "state.h"

#define FOLLOW_WATCHED_MAX 256

/* An address that the host held when it was first seen, and should go on holding. */
struct follow_watched {
	__be32 addr;
	char iface[IF_NAMESIZE];
	uint32_t gateway; /* whose private IP; 0: an external interface's, all gateways depend on it
			   */
};

struct follow {
	struct natgwd_state *state;
	struct netdev *netdev;
	struct attach *attach;
	struct announce *announce;
	struct runfile *runfile;
	struct follow_watched watched[FOLLOW_WATCHED_MAX];
	unsigned int watched_count;
	unsigned int seconds;
	unsigned int announced; /* seconds when a reload has announced the EIPs last */
	uint64_t route_links;	/* of the interfaces that routes name: what is in the maps */
};

/* Names, roles, MAC, MTU and addresses of the managed interfaces into state->ifaces. */
void follow_fill(struct natgwd_state *state, const struct netdev *netdev);

/* Remembers the addresses that are there now. Called after start and after each reload. */
void follow_watch(struct follow *follow);

/* Attaches one interface and all that belongs to it. */
int follow_attach(struct follow *follow, struct iface_state *iface);

/* Rows of all managed interfaces; redirect as they are attached now. */
int follow_put_ifaces(struct natgwd_state *state);

/*
 * What the host does without a word of netlink; called once a second. Ports that it uses of its
 * shared EIPs; and every few seconds whether the tc filters are there, which are set again.
 */
void follow_second(struct follow *follow);

/* Reads netlink and acts on it. */
void follow_read(struct follow *follow);

#endif
