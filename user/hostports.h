/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * Ports that the host itself uses, in this network namespace, as /proc tells: its sockets, and the
 * range that it takes ports from for those that ask for none.
 */
#ifndef NATGW_USER_HOSTPORTS_H
#define NATGW_USER_HOSTPORTS_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "natgw_ports.h"

struct hostports_socket {
	__be32 addr;   /* 0: every address */
	uint16_t port; /* host order; ICMP: the identifier */
	uint8_t proto; /* enum natgw_proto */
};

struct hostports {
	struct hostports_socket *sockets;
	size_t count;
	uint16_t range_first; /* ip_local_port_range; inclusive */
	uint16_t range_last;
	bool raw_icmp; /* some socket may send echo requests with any identifier */
};

enum hostports_depth {
	HOSTPORTS_BOUND, /* TCP sockets that listen, UDP sockets */
	HOSTPORTS_ALL,	 /* TCP sockets in whatever state */
};

/* 0 and *ret_ports (hostports_free), or a negative errno. */
int hostports_read(enum hostports_depth depth, struct hostports *ret_ports);
void hostports_free(struct hostports *ports);

/* Adds to set what sockets have of this protocol of addr: bit port of set->word. */
void hostports_add_sockets(const struct hostports *ports, __be32 addr, enum natgw_proto proto,
			   struct natgw_port_bits *set);
/* Adds the range first .. last. */
void hostports_add_range(uint16_t first, uint16_t last, struct natgw_port_bits *set);

/*
 * One line of /proc/net/tcp, tcp6, udp, udp6, icmp or raw: local address (an IPv6 one only when it
 * stands for an IPv4 address or for all), port and state. False: no such line, or not IPv4's.
 */
bool hostports_parse(const char *line, struct hostports_socket *ret_socket,
		     unsigned int *ret_state);

#endif
