/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * What the programs count, and the events they tell of. Part of natgw_maps.h, whose conventions
 * hold here too.
 */
#ifndef NATGW_COUNTERS_H
#define NATGW_COUNTERS_H

#ifndef __VMLINUX_H__
#include <linux/types.h>
#endif

#include "natgw_limits.h"
#include "natgw_ports.h"
#include "natgw_verdict.h"

enum natgw_hook {
	NATGW_HOOK_XDP,
	NATGW_HOOK_TC_INGRESS,
	NATGW_HOOK_TC_EGRESS,
	NATGW_HOOK_COUNT,
};

enum natgw_direction {
	NATGW_OUTBOUND,
	NATGW_INBOUND,
	NATGW_OTHER, /* neither from an internal prefix nor to an EIP */
	NATGW_DIRECTION_COUNT,
};

struct natgw_count {
	__u64 packets; /* packets on the wire: a GSO packet counts its segments */
	__u64 bytes;   /* IP length (frame length minus 14 for what is not IPv4) */
};

/* Map "seen" (per CPU): index enum natgw_hook, counted when a program starts. */
/* Map "verdicts" (per CPU): index by natgw_verdict_index(), counted when it ends. */
#define NATGW_VERDICT_ROWS \
	(NATGW_GATEWAYS_MAX * NATGW_HOOK_COUNT * NATGW_DIRECTION_COUNT * NATGW_VERDICT_SLOTS)

static inline __attribute__((always_inline)) __u32
natgw_verdict_index(__u32 gateway, __u32 hook, __u32 direction, __u32 verdict)
{
	return ((gateway * NATGW_HOOK_COUNT + hook) * NATGW_DIRECTION_COUNT + direction) *
		       NATGW_VERDICT_SLOTS +
	       verdict;
}

enum natgw_close_cause {
	NATGW_CLOSE_IDLE,      /* established, idle for its timer */
	NATGW_CLOSE_HALF_OPEN, /* and unreplied */
	NATGW_CLOSE_KILLED,
	NATGW_CLOSE_FIN,
	NATGW_CLOSE_RST,
	NATGW_CLOSE_DRAIN,
	NATGW_CLOSE_GATEWAY_DELETED,
	NATGW_CLOSE_CAUSE_COUNT,
};

/* Map "traffic" (per CPU): index gateway. The numbers of requirements.md D-1. */
struct natgw_traffic {
	struct natgw_count in_from_source;
	struct natgw_count out_to_destination;
	struct natgw_count in_from_destination;
	struct natgw_count out_to_source;
	__u64 attempts[NATGW_PROTO_COUNT]; /* first packets of new sessions, failed ones included */
	__u64 created[NATGW_PROTO_COUNT];
	__u64 established[NATGW_PROTO_COUNT];
	__u64 closed[NATGW_PROTO_COUNT][NATGW_CLOSE_CAUSE_COUNT];
	__u64 alloc_errors[NATGW_PROTO_COUNT][NATGW_ALLOC_ERROR_COUNT];
	__u64 claims_lost; /* another CPU had the same new flow first */
	__u64 ports_lost;  /* an external port was taken by another session: next try */
	__u64 repaired;	   /* outbound rows removed because their inbound row was gone */
	__u64 taken_over;  /* expired rows claimed in place */
	__u64 rechecks;	   /* ports of full destinations looked at again */
	__u64 spilled;	   /* new sessions that got another EIP than the client's own */
	__u64 probes[NATGW_PROTO_COUNT][NATGW_PROBE_BUCKETS]; /* inserts tried by a new session */
};

enum natgw_generated {
	NATGW_GENERATED_ARP_REPLY,
	NATGW_GENERATED_TIME_EXCEEDED,
	NATGW_GENERATED_FRAG_NEEDED,
	NATGW_GENERATED_RST,
	NATGW_GENERATED_LIMITED, /* ICMP not sent: over the rate limit */
	NATGW_GENERATED_UNREACHABLE,
	NATGW_GENERATED_RST_LIMITED, /* RST not sent: over the rate limit */
	NATGW_GENERATED_EVENT,
	NATGW_GENERATED_EVENT_LOST, /* over the rate limit, or the ring buffer was full */
	NATGW_GENERATED_HAIRPIN,  /* hairpinned packets that came in again by the external interface
				   */
	NATGW_GENERATED_LOG,	  /* records of the session log */
	NATGW_GENERATED_LOG_LOST, /* the ring buffer was full */
	NATGW_GENERATED_SAMPLE,	  /* samples of dropped packets */
	NATGW_GENERATED_SAMPLE_LOST, /* over the rate limit, or the ring buffer was full */
	NATGW_GENERATED_COUNT,
};

/* Map "budget": token buckets of what natgw makes itself, by compare-and-swap: tokens left << 32 |
 * time of the last refill in the bucket's own unit. */
enum natgw_budget {
	NATGW_BUDGET_ICMP,
	NATGW_BUDGET_RST,
	NATGW_BUDGET_EVENT,
	NATGW_BUDGET_SAMPLE,
	NATGW_BUDGET_FRAG_NEEDED, /* apart: path MTU discovery must not starve */
	NATGW_BUDGET_COUNT,
};

/* Ring buffer "events": a new session was refused. */
struct natgw_event {
	__u32 verdict; /* enum natgw_verdict */
	__u32 time;    /* ticks */
	__be32 client;
	__be32 rem_addr;
	__be32 ext_addr; /* the client's own EIP; 0 when the gateway has none */
	__be16 client_port;
	__be16 rem_port;
	__u8 proto; /* IPPROTO_* */
	__u8 gateway;
	__u16 reserved;
	__u32 used; /* ports of that EIP to the destination, without held ones; 0: not known */
	__u32 held;
	__u32 limit; /* the limit that was met */
};
_Static_assert(sizeof(struct natgw_event) == 40, "event");
/* Map "generated" (per CPU): index enum natgw_generated, __u64 packets. */

/* Map "active": index gateway. Written by the sweep, which counts anew in every pass. */
struct natgw_active {
	__u64 opening[NATGW_PROTO_COUNT];
	__u64 established[NATGW_PROTO_COUNT];
	__u64 held[NATGW_PROTO_COUNT]; /* only hold their port */
};

/* Map "sweep", one row: what the last pass of the sweep did. */
struct natgw_sweep {
	__u64 rows; /* inbound rows seen */
	__u64 removed;
	__u64 lost; /* removals that another CPU won */
};

#endif
