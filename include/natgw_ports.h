/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * Who uses the ports: by EIP, destination, client and gateway. Part of natgw_maps.h, whose
 * conventions hold here too.
 */
#ifndef NATGW_PORTS_H
#define NATGW_PORTS_H

#ifndef __VMLINUX_H__
#include <linux/types.h>
#endif

#include "natgw_limits.h"

/*
 * Protocols by index, for counters and inventories: TCP, UDP and ICMP echo have ports of their own.
 */
enum natgw_proto {
	NATGW_PROTO_TCP,
	NATGW_PROTO_UDP,
	NATGW_PROTO_ICMP,
	NATGW_PROTO_COUNT,
};

/* Why a port is held for its destination. */
enum natgw_hold {
	NATGW_HOLD_FIN,
	NATGW_HOLD_RST,
	NATGW_HOLD_HALF_OPEN,
	NATGW_HOLD_UDP,
	NATGW_HOLD_IDLE, /* TCP or ICMP */
	NATGW_HOLD_COUNT,
};

/* A set of ports. Two levels: bit w of the summary is set when word w is full. */
struct natgw_port_bits {
	__u64 summary[16];
	__u64 word[1024]; /* bit port & 63 of word port >> 6 */
};
_Static_assert(sizeof(struct natgw_port_bits) == 8320, "port bits");

/*
 * Maps "port_use" and "destination_use" hold what the sweep finds out, in two copies: new sessions
 * are noted in both, the programs read copy "phase" (map "phase", one row), a pass of the sweep
 * makes the other one anew (natgwd clears it before, and turns the phase after).
 */

/* "port_use" (mmapable): the ports of an EIP and protocol that any session has, live or held. */
#define NATGW_PORT_USE_ROWS (2 * NATGW_EIPS_MAX * NATGW_PROTO_COUNT)

static inline __attribute__((always_inline)) __u32 natgw_port_use_index(__u32 phase, __u32 eip,
									__u32 proto)
{
	return (phase * NATGW_EIPS_MAX + eip) * NATGW_PROTO_COUNT + proto;
}

/* Rows of "reserved_ports". */
#define NATGW_RESERVED_ROWS (NATGW_EIPS_MAX * NATGW_PROTO_COUNT)

static inline __attribute__((always_inline)) __u32 natgw_reserved_index(__u32 eip, __u32 proto)
{
	return eip * NATGW_PROTO_COUNT + proto;
}

/* "destination_use" (mmapable, 2 rows): sessions, live and held, by hash of their destination and
 * EIP. */
struct natgw_destination_use {
	__u32 sessions[NATGW_DESTINATION_COUNTERS];
};

/* "hold" (mmapable): row eip * NATGW_PROTO_COUNT + proto, rows in hold-down at the last sweep. */
struct natgw_hold_count {
	__u64 held[NATGW_HOLD_COUNT];
};

/* Map "destinations": a destination with many sessions, as seen from one EIP. */
struct natgw_destination_key {
	__be32 ext_addr;
	__be32 rem_addr;
	__be16 rem_port; /* ICMP: 0 */
	__u8 proto;	 /* IPPROTO_* */
	__u8 gateway;
};
_Static_assert(sizeof(struct natgw_destination_key) == 12, "destination key");

/*
 * A bit is set while its port is reserved for, or taken by, a session to this destination; only the
 * insert of the inbound row decides. count is always the number of bits set.
 */
struct natgw_destination {
	__u32 count;
	__u32 walked;	/* ports of the range that were looked up since the row was made; all of
			   them, too, once a whole pass of the sweep has told of every session */
	__u32 free_at;	/* ticks: before that no port becomes free by itself; 0: not known */
	__u32 held;	/* of count, in hold-down at the last sweep */
	__u32 held_now; /* the sweep's, while it counts */
	__u32 range;	/* first port << 16 | last port, which the bits are made for */
	__u32 changes;	/* differs when a time below was, or should have been, lowered meanwhile */
	__u32 check_next; /* word where a look at a full set goes on */
	__u64 errors;	  /* new sessions refused as port_exhausted */
	__u32 passed;	  /* the pass of the sweep that runs tells of every session */
	__u32 reserved;
	struct natgw_port_bits bits;
	__u32 word_free_at[1024]; /* as free_at, of the ports of one word */
};
_Static_assert(sizeof(struct natgw_destination) == 12464, "destination");

/* What the iterator "natgw_dests" writes. */
struct natgw_destination_record {
	struct natgw_destination_key key;
	__u32 count;
	__u32 held;
	__u32 limit; /* destination_ports of the gateway */
	__u64 errors;
};
_Static_assert(sizeof(struct natgw_destination_record) == 32, "destination record");

/* How far ahead of its rate a sender is, as points in time (monotonic ns). */
struct natgw_bucket {
	__u64 bytes_at;
	__u64 packets_at;
};

enum natgw_alloc_error {
	NATGW_ALLOC_PORT_EXHAUSTED, /* ErrorPortAllocation */
	NATGW_ALLOC_TABLE_FULL,
	NATGW_ALLOC_NO_EIP, /* the gateway has no EIP that takes new sessions */
	NATGW_ALLOC_CLIENT_QUOTA,
	NATGW_ALLOC_HALF_OPEN_QUOTA,
	NATGW_ALLOC_PORT_QUOTA,
	NATGW_ALLOC_GATEWAY_QUOTA,
	NATGW_ALLOC_EIM_CONFLICT,
	NATGW_ALLOC_ERROR_COUNT,
};

/* Map "clients". */
struct natgw_client_key {
	__be32 addr;
	__u32 gateway;
};
_Static_assert(sizeof(struct natgw_client_key) == 8, "client key");

/* Set in a count while its row is being removed: look the row up again. */
#define NATGW_COUNT_DEAD 0x80000000U

struct natgw_client {
	__u32 sessions;	 /* inbound rows, held ones too, mappings too */
	__u32 opening;	 /* of these, in state OPENING */
	__u32 last_used; /* ticks: last claim or release */
	__u32 reserved;
	__u64 errors[NATGW_ALLOC_ERROR_COUNT];
	__u64 bytes[2];		       /* by direction, of its sessions that are gone */
	struct natgw_bucket bucket[2]; /* NATGW_OUTBOUND, NATGW_INBOUND */
};
_Static_assert(sizeof(struct natgw_client) == 128, "client");

/* Map "client_ports": a client's sessions to one destination, live and held, by all EIPs. Only
 * where the gateway has client_ports_min or client_ports_max. */
struct natgw_client_port_key {
	__be32 client;
	__be32 rem_addr;
	__be16 rem_port; /* ICMP: 0 */
	__u8 proto;	 /* IPPROTO_* */
	__u8 gateway;
};
_Static_assert(sizeof(struct natgw_client_port_key) == 12, "client port key");

/* Map "gateway_use": index gateway. */
struct natgw_gateway_use {
	__u32 sessions; /* inbound rows, held ones too, mappings too */
	__u32 clients;	/* rows of "clients" */
	__u32 mappings; /* of sessions: endpoint-independent mappings */
	__u32 reserved;
	struct natgw_bucket bucket[2];
};
_Static_assert(sizeof(struct natgw_gateway_use) == 48, "gateway use");

#endif
