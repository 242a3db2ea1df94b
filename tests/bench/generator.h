/* SPDX-License-Identifier: GPL-2.0-only */
/* The frames of the generator: Ethernet, IPv4 without options, TCP without options. */
#ifndef NATGW_TESTS_BENCH_GENERATOR_H
#define NATGW_TESTS_BENCH_GENERATOR_H

#define GENERATOR_FRAME 64 /* with the padding of a shortest Ethernet frame */
#define GENERATOR_IP_CHECK 24
#define GENERATOR_CLIENT 29 /* last byte of the source address */
#define GENERATOR_PORT 34
#define GENERATOR_TCP_CHECK 50

enum generator_target {
	GENERATOR_NONE,	  /* the frame is dropped: what making it costs */
	GENERATOR_KERNEL, /* XDP: the kernel gets it */
	GENERATOR_NATGW,  /* natgw's program of the same hook runs on it */
};

/* What a run makes. */
enum generator_turn {
	GENERATOR_OPEN,	     /* the SYN of the next new connection */
	GENERATOR_CLOSE,     /* the RST of the oldest connection's client */
	GENERATOR_ALTERNATE, /* RST and SYN in turn */
};

#endif
