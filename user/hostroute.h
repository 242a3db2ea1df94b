/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * Single questions to the kernel of this network namespace: which way would it send a packet, and
 * does it know the next hop's MAC address. IPv4 only.
 */
#ifndef NATGW_USER_HOSTROUTE_H
#define NATGW_USER_HOSTROUTE_H

#include <linux/types.h>
#include <stdbool.h>
#include <stdint.h>

/* ifindex 0: the host itself sends it, from any address; else it comes in there. */
struct hostroute_query {
	__be32 src;
	__be32 dst;
	uint32_t ifindex;
};

struct hostroute {
	uint32_t ifindex; /* it leaves there */
	__be32 via;	  /* 0: the destination is on that link */
	uint8_t type;	  /* RTN_*; never one of those that are an error */
};

/* 0, or what the kernel says: -ENETUNREACH, -EHOSTUNREACH, -EACCES, -EINVAL (a black hole), ... */
int hostroute_find(const struct hostroute_query *query, struct hostroute *ret_route);

enum hostroute_neigh_state {
	HOSTROUTE_NEIGH_NONE,	/* the kernel would ask for it now */
	HOSTROUTE_NEIGH_KNOWN,	/* has a MAC address, or needs none */
	HOSTROUTE_NEIGH_ASKING, /* no answer yet */
	HOSTROUTE_NEIGH_FAILED, /* did not answer */
};

struct hostroute_neigh {
	enum hostroute_neigh_state state;
	uint8_t mac[6];
};

int hostroute_neigh(uint32_t ifindex, __be32 addr, struct hostroute_neigh *ret_neigh);

/* Makes the kernel ask for the MAC address, as a packet would. */
int hostroute_resolve(uint32_t ifindex, __be32 addr);

#endif
