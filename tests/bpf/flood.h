/* SPDX-License-Identifier: GPL-2.0-only */
/* Many new sessions: first packets, one after the other, and what they got. */
#ifndef NATGW_TESTS_BPF_FLOOD_H
#define NATGW_TESTS_BPF_FLOOD_H

#include "tables.h"

struct flood_flow {
	__u8 proto;
	__be32 client;
	__be32 remote;
	__u16 client_port; /* ICMP: the identifier */
	__u16 remote_port; /* ICMP: 0 */
};

struct flood_got {
	__u16 port; /* 0: refused */
	__be32 eip;
};

/* Flow number n to this destination: up to 65,535 of each client from "client" on. */
struct flood_flow flood_flow(__u8 proto, __be32 remote, __u16 remote_port, __u32 number);

/* The first packet of the flow (TCP: a SYN), by BENCH_XDP_INT or BENCH_TC_INT. Any thread. */
struct flood_got flood_open(const struct bench *bench, enum bench_prog prog,
			    const struct flood_flow *flow);
/* A TCP packet of the flow, or of its remote endpoint: true when it came through. */
bool flood_send(const struct bench *bench, const struct flood_flow *flow, __u8 flags);
bool flood_receive(const struct bench *bench, const struct flood_flow *flow,
		   const struct flood_got *got, __u8 flags);

/* No session of this gateway ends by itself. */
void flood_for_ever(struct natgw_gateway *gateway);

#endif
