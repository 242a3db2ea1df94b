/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * What operators ask of the programs: the session log, samples of dropped packets, the dry run,
 * the end of sessions by request, sessions taken over from elsewhere. Part of natgw_maps.h, whose
 * conventions hold here too.
 */
#ifndef NATGW_OPERATE_H
#define NATGW_OPERATE_H

#ifndef __VMLINUX_H__
#include <linux/types.h>
#endif

#include "natgw_limits.h"
#include "natgw_verdict.h"

/* ---- the session log ---- */

enum natgw_log_kind {
	NATGW_LOG_CREATED = 1,
	NATGW_LOG_CLOSED,
};

/*
 * Ring buffer "session_log": a session was made, or is over and gone from the tables; with
 * NATGW_FEATURE_LOG only. Submitted without a wakeup: natgwd looks at the ring several times a
 * second. What finds no room is counted (NATGW_GENERATED_LOG_LOST).
 */
struct natgw_log_record {
	__u64 time;	   /* ns of the monotonic clock, without the skew */
	__u64 packets_out; /* CLOSED; else 0 */
	__u64 bytes_out;   /* IP length */
	__u64 packets_in;
	__u64 bytes_in;
	__be32 client;
	__be32 ext_addr; /* the EIP */
	__be32 rem_addr;
	__be16 client_port; /* ICMP echo: the identifier */
	__be16 ext_port;
	__be16 rem_port;  /* on the wire outside; ICMP echo: 0 */
	__be16 orig_port; /* as the client names it; differs behind a DNAT rule only */
	__u32 id;	  /* of the session: the same in both of its records */
	__u8 proto;	  /* IPPROTO_* */
	__u8 gateway;
	__u8 kind;  /* enum natgw_log_kind */
	__u8 cause; /* CLOSED: enum natgw_close_cause */
	__u32 idle; /* CLOSED: ticks since its last packet (in hold-down: since that began) */
	__u32 reserved;
};
_Static_assert(sizeof(struct natgw_log_record) == 80, "log record");

/* ---- samples of dropped packets ---- */

#define NATGW_SAMPLE_BYTES 128

/*
 * Ring buffer "samples": the beginning of a dropped packet as it came in, for the verdicts whose
 * bit is set in settings.sample. Rate-limited; what is left out is counted
 * (NATGW_GENERATED_SAMPLE_LOST).
 */
struct natgw_sample {
	__u64 time;	/* ns of the monotonic clock, without the skew */
	__u32 verdict;	/* enum natgw_verdict */
	__u32 ifindex;	/* that it came in by; at egress: 0 for the host's own */
	__u32 length;	/* of the frame */
	__u16 captured; /* bytes of data that are the packet's */
	__u8 hook;	/* enum natgw_hook */
	__u8 direction; /* enum natgw_direction */
	__u8 gateway;
	__u8 reserved[7];
	__u8 data[NATGW_SAMPLE_BYTES]; /* from the Ethernet header on */
};
_Static_assert(sizeof(struct natgw_sample) == 32 + NATGW_SAMPLE_BYTES, "sample");

/* ---- the dry run ---- */

/* What a dry run has met; a bit each. */
#define NATGW_CHECK_SUBNET 0x01	       /* client in an internal prefix: table */
#define NATGW_CHECK_ROUTE 0x02	       /* route: what its table says of the destination */
#define NATGW_CHECK_GATEWAY_ROUTE 0x04 /* gateway_route: what the gateway's own table says */
#define NATGW_CHECK_SESSION 0x08       /* there is a session already: ext_addr, ext_port */
#define NATGW_CHECK_RULES 0x10	       /* rules were asked: rule, dnat_rule, snat_rule */
#define NATGW_CHECK_NEXTHOP 0x20       /* out_ifindex, mtu, dmac */
#define NATGW_CHECK_DENIED 0x40	       /* by the access list */

struct natgw_check_route {
	__u8 target; /* as in struct natgw_route */
	__u8 origin;
	__u8 gateway;
	__u8 reserved;
	__u32 ifindex;
};

/* Map "check_result", one row: what the dry run "natgw_check" decided. */
struct natgw_check_result {
	__u32 verdict;	/* enum natgw_verdict; a new session's port is not looked for */
	__u8 direction; /* enum natgw_direction */
	__u8 gateway;
	__u8 met;   /* NATGW_CHECK_* */
	__u8 state; /* enum natgw_session_state of the session */
	__u32 table;
	struct natgw_check_route route;
	struct natgw_check_route gateway_route;
	__u16 rule; /* rows of "rules"; 0: none */
	__u16 dnat_rule;
	__u16 snat_rule; /* of kind SNAT or NO_NAT */
	__u16 mtu;	 /* of the next hop */
	__u32 out_ifindex;
	__be32 ext_addr;
	__be16 ext_port;
	__be16 wire_port; /* the remote's port behind the DNAT rule; 0: as it came */
	__u8 dmac[6];
	__u16 reserved;
	__u32 in_ifindex; /* in: the interface that the packet comes in by; 0: the context's */
};
_Static_assert(sizeof(struct natgw_check_result) == 60, "check result");

/* ---- the end of sessions by request ---- */

/*
 * Map "kill", one row: which sessions the iterator "natgw_kill" ends (cause KILLED), and what it
 * did. A field that is 0 matches every session. Their ports are free at once.
 */
struct natgw_kill {
	__be32 client;
	__be32 client_mask;
	__be32 rem_addr;
	__be32 rem_mask;
	__be32 ext_addr;
	__be16 client_port;
	__be16 rem_port; /* as the client names it */
	__be16 ext_port;
	__u8 proto; /* IPPROTO_* */
	__u8 gateway;
	__u32 idle; /* ticks: idle for so long at the least */
	__u8 state; /* enum natgw_session_state */
	__u8 dry;   /* count only */
	__u8 reserved[6];
	__u64 matched; /* out */
	__u64 killed;  /* out: less than matched where one has ended by itself at this moment */
};
_Static_assert(sizeof(struct natgw_kill) == 56, "kill");

/* ---- sessions taken over ---- */

/*
 * Map "import", one row: a living session of another NAT on this host, which the program
 * "natgw_import" puts into the tables as one of natgw's own. The external address must be an EIP of
 * an available gateway, and the port in its range.
 */
struct natgw_import {
	__be32 client;
	__be32 rem_addr;
	__be32 ext_addr;
	__be16 client_port; /* ICMP echo: the identifier */
	__be16 rem_port;
	__be16 ext_port;
	__u8 proto;	  /* IPPROTO_* */
	__u8 established; /* 1: replied, TCP: handshake complete. 0: half-open, unreplied */
	__u32 idle;	  /* ticks since its last packet */
	__u32 verdict; /* out: NATGW_OK, or why not (NATGW_DROP_*); NATGW_DEFER_BUSY: it is there */
	__u32 reserved;
};
_Static_assert(sizeof(struct natgw_import) == 32, "import");

#endif
