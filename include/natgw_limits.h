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

/* Rows of "pool" for one gateway: its EIPs, and those of SNAT rules. */
#define NATGW_POOL_ROWS_PER_GATEWAY 1024

/* Port forwards, ranges written out. */
#define NATGW_FORWARDS_MAX 16384

/* 1:1 mappings; two addresses each. */
#define NATGW_ONE_TO_ONE_MAX 1024

/* Prefixes of the access list. */
#define NATGW_ACL_MAX 4096

/* Datagrams in fragments that are under way, how long one may be, and what one sender may have at
 * once of them (threat 15; RFC 6146: at least 2 s). */
#define NATGW_FRAGMENTS_MAX 8192
#define NATGW_FRAGMENT_LIFE (5 * NATGW_TICKS_PER_SECOND)
#define NATGW_FRAGMENT_SHARE 1024
#define NATGW_FRAGMENT_SOURCES 4096 /* counters, by hash of the sender */
/* Counters that new IP identifications come from, by hash of EIP, destination and protocol. */
#define NATGW_IP_IDS 4096

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

/* Sessions, when the config names no number: four EIPs full. About 83 MiB. */
#define NATGW_SESSIONS_DEFAULT 262144
#define NATGW_SESSIONS_MIN 1024
#define NATGW_SESSIONS_MAX 16777216

/* Rules of the config; the number takes 12 bits of a session. Row 0 stands for "no rule". */
#define NATGW_RULES_MAX 1024

/*
 * A destination (address, port, protocol) as seen from one EIP gets a bitmap of its ports once it
 * has this many sessions, or half of a smaller range or limit. Below that a few random tries find a
 * free port: with half of the range in use 32 fail once in 4 billion sessions.
 */
#define NATGW_DESTINATION_SESSIONS 1024
#define NATGW_CLAIM_TRIES 32
/* A range of up to this many ports is tried from end to end and needs no bitmap. */
#define NATGW_SMALL_RANGE 64
/* Tries with a bitmap: what it does not know yet is learned one collision at a time. */
#define NATGW_BITMAP_TRIES 2048
/* Ports of the range that each new session looks up, at the least, until a new bitmap is complete.
 */
#define NATGW_DESTINATION_WALK 2
/* And at the most: where the limit is nearer than that, the counter by hash keeps it. */
#define NATGW_DESTINATION_WALK_MAX 256
/* Bitmaps beside one for every NATGW_DESTINATION_SESSIONS sessions; 12.2 KiB each. */
#define NATGW_DESTINATIONS_EXTRA 64
/* Counters by hash that tell which destinations need a bitmap. */
#define NATGW_DESTINATION_COUNTERS 65536

/* Buckets of the histogram of tries: 1, 2, up to 4, 8, 16, 32, 64, more. */
#define NATGW_PROBE_BUCKETS 8

/* Rounds to get an outbound row in where a dead row is being removed by another CPU. */
#define NATGW_INSERT_ROUNDS 256

/* Port numbers there are. */
#define NATGW_PORTS 65536
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
/* A mapping hears of its sessions' packets once in that time, so it lives as much longer. */
#define NATGW_MAPPING_SLACK (1 << NATGW_ROUTE_SHIFT)
/* An entry is given to another next hop when it has not been used for this long. */
#define NATGW_NEXTHOP_REUSE (10 * NATGW_TICKS_PER_SECOND)
/*
 * The sweep takes a row this long after its expiry only: a packet that read the clock just before
 * the expiry has stored its time long before that.
 */
#define NATGW_SWEEP_GRACE NATGW_TICKS_PER_SECOND

/*
 * What natgw makes for the whole gateway host, of each kind (ICMP errors: RFC 1812 4.3.2.8; RSTs):
 * one packet a tick, 954 a second, and this many at once.
 */
#define NATGW_ANSWER_BURST 1000
/* Events in a row; then one in 64 ticks, 15 a second. Those that are left out are counted. */
#define NATGW_EVENT_BURST 100
#define NATGW_EVENT_SHIFT 6
/* Bytes of the ring buffer of events. */
#define NATGW_EVENTS_SIZE 262144

/* Records of the session log that fit: 52,000, natgwd comes by ten times a second. */
#define NATGW_LOG_SIZE 4194304
/* Samples in a row; then one in 1 tick, 954 a second; and bytes of their ring buffer. */
#define NATGW_SAMPLE_BURST 256
#define NATGW_SAMPLE_SHIFT 0
#define NATGW_SAMPLES_SIZE 262144

/* Rates are limited over this time: a sender may be ahead of its rate by so much, in ns. */
#define NATGW_RATE_BURST_NS 50000000ULL

/* A client without sessions is forgotten after this time. */
#define NATGW_CLIENT_MEMORY (60 * NATGW_TICKS_PER_SECOND)
/* Ports kept for others where a client has used up its guaranteed ones: for this many clients, or
 * for those that the gateway knows when they are more. */
#define NATGW_CLIENTS_EXPECTED 8

/* ICMP made by natgw quotes the IP header and this much of its payload. */
#define NATGW_ICMP_QUOTE_L4 20

/* Preferences and handles of the tc filters. The guard comes after the main filter. */
#define NATGW_TC_PREF 1
#define NATGW_TC_GUARD_PREF 2
#define NATGW_TC_HANDLE 0x4e41 /* "NA" */

/* The mark bit of packets that natgw has finished, unless the config names another one. */
#define NATGW_MARK_DEFAULT 0x20000000

#endif
