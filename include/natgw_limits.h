/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * Sizes and bounds of every table, with the reason for each number. Both sides
 * (BPF and user space) compile this file; it depends on nothing.
 */
#ifndef NATGW_LIMITS_H
#define NATGW_LIMITS_H

/* Row 0 of the gateway table stands for "no gateway"; the row's index takes one byte of a session.
 */
#define NATGW_GATEWAYS_MAX 64

/* External addresses of one gateway. A gateway's part of the pool is a fixed stretch of this
 * length. */
#define NATGW_EIPS_PER_GATEWAY_MAX 256

/* External addresses in all: the port use bitmaps take 3 x 8 KiB each (6 MiB at this bound). */
#define NATGW_EIPS_MAX 256

/* Rows of the longest-prefix tables: a table of 1,000 routes, 64 tables (requirement B-14). */
#define NATGW_SUBNETS_MAX 4096
#define NATGW_ROUTES_MAX 65536

/* Managed interfaces. */
#define NATGW_IFACES_MAX 64

/* Addresses of the host itself, as natgwd sees them through netlink. */
#define NATGW_HOST_ADDRS_MAX 1024

/* Next hops; the index takes 16 bits of a session row. 16,384 x 64 bytes = 1 MiB. */
#define NATGW_NEXTHOPS_MAX 16384
/* Slots looked at for a next hop before an old one is overwritten. */
#define NATGW_NEXTHOP_PROBES 8

/* Sessions, when the config names no number: four EIPs full. About 64 MiB. */
#define NATGW_SESSIONS_DEFAULT 262144
#define NATGW_SESSIONS_MIN 1024
#define NATGW_SESSIONS_MAX 16777216

/*
 * External ports tried for one new session. Each try is one insert, 0.3 us; at 95 % use of the port
 * range 128 tries fail once in 700 sessions.
 */
#define NATGW_CLAIM_TRIES 128
/* Tries on one EIP before the next EIP of the gateway is tried. */
#define NATGW_CLAIM_TRIES_PER_EIP 32

/* Rounds to get an outbound row in where a dead row is being removed by another CPU. */
#define NATGW_INSERT_ROUNDS 8

/* Default port range (requirement 8). */
#define NATGW_PORT_FIRST 1024
#define NATGW_PORT_LAST 65535

/* Unit of every time in a map: 2^20 ns (1.048576 ms), so that the data path shifts and never
 * divides. */
#define NATGW_TICK_SHIFT 20
/* Ticks of one second, rounded up. */
#define NATGW_TICKS_PER_SECOND 954

/* A next hop is looked up again after this time, so a route or MAC change heals without the daemon.
 */
#define NATGW_NEXTHOP_LIFE NATGW_TICKS_PER_SECOND
/* A session asks for its route itself once in 2^13 ticks, 8.6 seconds. */
#define NATGW_ROUTE_SHIFT 13
/* An entry is given to another next hop when it has not been used for this long. */
#define NATGW_NEXTHOP_REUSE (10 * NATGW_TICKS_PER_SECOND)
/*
 * The sweep takes a row this long after its expiry only: a packet that read the clock just before
 * the expiry has stored its time long before that.
 */
#define NATGW_SWEEP_GRACE NATGW_TICKS_PER_SECOND

/*
 * ICMP that natgw makes, for the whole gateway host (RFC 1812 4.3.2.8): one packet a tick, 954 a
 * second, and this many at once.
 */
#define NATGW_ICMP_BURST 1000

/* ICMP made by natgw quotes the IP header and this much of its payload. */
#define NATGW_ICMP_QUOTE_L4 20

/* Preferences and handles of the tc filters. The guard comes after the main filter. */
#define NATGW_TC_PREF 1
#define NATGW_TC_GUARD_PREF 2
#define NATGW_TC_HANDLE 0x4e41 /* "NA" */

/* The mark bit of packets that natgw has finished, unless the config names another one. */
#define NATGW_MARK_DEFAULT 0x20000000

#endif
