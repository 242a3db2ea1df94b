/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * What the programs of packets.bpf.c are told, and the sessions by number. Session n is client
 * n / 256 to destination n % 256, so no two share an endpoint pair, and the ports of one client
 * come from Linux's own range, so that two clients often have the same one to one destination.
 */
#ifndef NATGW_TESTS_BENCH_PACKETS_PLAN_H
#define NATGW_TESTS_BENCH_PACKETS_PLAN_H

#include <linux/types.h>

#define PACKETS_FRAME 64	/* bytes that the generator writes each time */
#define PACKETS_FRAME_BULK 1514 /* the rest of it never changes */
#define PACKETS_PATHS 16
#define PACKETS_SESSION_BITS_MAX 24

#define PACKETS_CLIENT 0x0a400100U	/* 10.64.1.0 and up, host byte order */
#define PACKETS_DESTINATION 0xc6130100U /* 198.19.1.0 and up */
#define PACKETS_DESTINATIONS 256
#define PACKETS_PORT_FIRST 32768
#define PACKETS_PORTS 28232
#define PACKETS_SEQ 0x10000000U	       /* of a client's SYN */
#define PACKETS_SEQ_ANSWER 0x20000000U /* of a server's */

/* Where the generator's fields are in the frame. */
#define PACKETS_AT_IP_CHECK 24
#define PACKETS_AT_SADDR 26
#define PACKETS_AT_DADDR 30
#define PACKETS_AT_SPORT 34
#define PACKETS_AT_SEQ 38
#define PACKETS_AT_UDP_CHECK 40
#define PACKETS_AT_TCP_CHECK 50

/* The generator's orders. Sums: of the 16-bit words as they are in memory, without the checksum
 * itself and the fields that are filled in. */
struct packets_plan {
	__u8 frame[PACKETS_FRAME]; /* addresses, source port, checksums, sequence number are 0 */
	__u64 next;		   /* number of the next packet */
	__u32 first;		   /* the sessions are first .. first + 2^bits - 1 */
	__u32 bits;
	__u32 random; /* each of them once, in a scrambled order, then all in another one */
	__u32 path;   /* which client's interface the frames leave by */
	__u32 ip_sum;
	__u32 l4_sum;
	__u32 tcp;
	__u32 seq;	/* of packet 0 */
	__u32 seq_step; /* and how much it grows with each */
};

/* What the servers do with a packet, and the clients with the answer to it. */
enum packets_answer {
	PACKETS_NONE,	 /* counted and dropped */
	PACKETS_REFLECT, /* sent back, dropped by the client, counted there */
	PACKETS_SYNACK,	 /* a SYN gets its SYN-ACK, which the client drops and counts */
	PACKETS_CONNECT, /* SYN, SYN-ACK, FIN, FIN, ACK; the last is counted */
};

/* Of each CPU. */
struct packets_seen {
	__u64 packets; /* where "packets_answer" says, segments of a GSO packet counted one by one
			*/
	__u64 stray;   /* that nobody expected */
	__be32 source; /* of the last one at a server */
	__u32 reserved;
};

/* A fixed scrambling of 32 bits, the finalizer of MurmurHash3. */
static inline __attribute__((always_inline)) __u32 packets_mix(__u32 x)
{
	x ^= x >> 16;
	x *= 0x85ebca6bU;
	x ^= x >> 13;
	x *= 0xc2b2ae35U;
	return x ^ (x >> 16);
}

/* Host byte order. */
static inline __attribute__((always_inline)) __u32 packets_client_of(__u32 session)
{
	return PACKETS_CLIENT + session / PACKETS_DESTINATIONS;
}

static inline __attribute__((always_inline)) __u32 packets_destination_of(__u32 session)
{
	return PACKETS_DESTINATION + session % PACKETS_DESTINATIONS;
}

static inline __attribute__((always_inline)) __u16 packets_port_of(__u32 session)
{
	return (__u16)(PACKETS_PORT_FIRST + (((packets_mix(session) >> 16) * PACKETS_PORTS) >> 16));
}

/* Session of packet "number", counted from the plan's first: a permutation of 2^bits numbers, made
 * of steps of which each can be undone, and another one in each pass. */
static inline __attribute__((always_inline)) __u32 packets_order(__u64 number, __u32 bits)
{
	__u32 mask = (1U << bits) - 1, half = (bits + 1) / 2;
	__u32 x = (__u32)(number ^ ((number >> bits) * 0x9e3779b1U)) & mask;

	x = (x * 0x9e3779b1U) & mask;
	x ^= x >> half;
	x = (x * 0x85ebca6bU) & mask;
	return x ^ (x >> half);
}

#endif
