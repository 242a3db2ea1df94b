/* SPDX-License-Identifier: GPL-2.0-only */
/* What leads inside from outside, and what is kept from clients: port forwards, reserved ports, an
 * EIP that the host has as well, and hairpin. On the bench of walk.h. */
#ifndef NATGW_TESTS_BPF_INSIDE_H
#define NATGW_TESTS_BPF_INSIDE_H

#include "talk.h"

#define ACTION_XDP_PASS 2
#define ACTION_TC_UNSPEC 0xffffffffU
#define ACTION_TC_SHOT 2
#define ACTION_TC_REDIRECT 7

/* A forward for TCP and one for UDP: EIP, this port, to the standard client's standard port. */
#define INSIDE_PORT 8080
#define INSIDE_REMOTE_PORT 5000

/* cmocka fixtures: walk_setup and these forwards, with all that the programs can do. */
int inside_setup(void **state);
/* Ends what inside_* has begun, then walk_teardown. */
int inside_teardown(void **state);

/* Each test twice, through XDP and through tc. */
#define INSIDE_TEST(function)                                                        \
	{ #function " (xdp)", function, inside_setup, inside_teardown, &walk_xdp },  \
	{                                                                            \
#function " (tc)", function, inside_setup, inside_teardown, &walk_tc \
	}

/* Once, where XDP leaves the packet to tc. */
#define INSIDE_TC_TEST(function)                                             \
	{                                                                    \
#function, function, inside_setup, inside_teardown, &walk_tc \
	}

/* A conversation that the standard remote endpoint begins, by these forwards. */
struct talk inside_forwarded(__u8 proto);
/* By its whole handshake, or a datagram each way. */
void inside_open_forwarded(struct talk *talk);
/* So many sessions and mappings. */
void inside_require_rows(__u32 pairs);

/* NATGW_FEATURE_*; hairpinned packets come in again by ext0. */
void inside_use(__u16 features);

/* Ports in host order; the port is reserved as natgwd does it. */
void inside_forward(__u8 proto, __be32 ext_addr, __u16 ext_port, __be32 int_addr, __u16 int_port);
void inside_forward_remove(__u8 proto, __be32 ext_addr, __u16 ext_port);

/* Of an EIP, by its index; natgw_port_bits of enum natgw_proto. */
void inside_reserve(__u32 eip, __u32 proto, __u16 port, bool reserved);
bool inside_is_reserved(__u32 eip, __u32 proto, __u16 port);

/* EIP is an address of the host, and says so. */
void inside_share(void);

/*
 * A packet of a client to one of our EIPs, by tc: out of int0 into ext0, and from there to its
 * receiver. true: it came through; walk.out is what the receiver gets.
 */
bool inside_hairpin(const struct spec *spec);

#endif
