/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * Keys and values of every map that BPF and user space share. Fixed-width types, no implicit
 * padding, sizes asserted. __be* fields are in network byte order, all others in host order; times
 * are in ticks (natgw_limits.h) of the monotonic clock plus the skew unless a name says otherwise.
 */
#ifndef NATGW_MAPS_H
#define NATGW_MAPS_H

#ifndef __VMLINUX_H__
#include <linux/types.h>
#endif

#include "natgw_limits.h"
#include "natgw_verdict.h"

/* Raised when a key, a value or a meaning below changes: pinned maps of another version are not
 * taken over. */
#define NATGW_LAYOUT_VERSION 1

/* Map "layout", one row, pinned beside the others and read first. */
struct natgw_layout {
	__u32 version;
	__u32 sessions_max;
};
_Static_assert(sizeof(struct natgw_layout) == 8, "layout");

/* Map "settings", one row. */
struct natgw_settings {
	__u32 mark;	   /* bit of skb->mark that says "natgw is done with this packet" */
	__u8 fail_open;	   /* on_failure: open; the guard then lets private sources pass */
	__u8 reply_ping;   /* let the kernel answer a ping to a private IP */
	__u16 gateway_end; /* gateways 1 .. gateway_end - 1 may have sessions */
};
_Static_assert(sizeof(struct natgw_settings) == 8, "settings");

/* Map "clock", one row: added to the monotonic clock. Zero but in tests. */
struct natgw_clock {
	__s64 skew_ns;
};

/* Map "generation", one row: a change makes every session look its next hop up again. */
struct natgw_generation {
	__u32 nexthop;
	__u32 reserved;
};

/* ---- interfaces ---- */

#define NATGW_IFACE_INTERNAL 0x01
#define NATGW_IFACE_EXTERNAL 0x02

/* Map "ifaces": ifindex -> row. Only managed interfaces have one. */
struct natgw_iface {
	__u8 flags;    /* NATGW_IFACE_* */
	__u8 redirect; /* an XDP program may redirect to it */
	__u8 mac[6];
};
_Static_assert(sizeof(struct natgw_iface) == 8, "iface");

/* ---- policy ---- */

/* Map "subnets", longest prefix: internal prefix -> route table. prefix_len 0..32. */
struct natgw_subnet_key {
	__u32 prefix_len;
	__be32 addr;
};

struct natgw_subnet {
	__u32 table;
};

enum natgw_target {
	NATGW_TARGET_GATEWAY = 1, /* translate: gateway */
	NATGW_TARGET_LOCAL,	  /* the kernel routes it, untranslated */
	NATGW_TARGET_INTERFACE,	  /* the same, out of one interface */
	NATGW_TARGET_BLACKHOLE,
	NATGW_TARGET_VPN, /* kept for later */
};

enum natgw_origin {
	NATGW_ORIGIN_LOCAL = 1, /* made by natgwd for the internal prefixes */
	NATGW_ORIGIN_STATIC,	/* from the config */
	NATGW_ORIGIN_PROPAGATED,
};

/* Map "routes", longest prefix within a table. prefix_len counts from the table: 32 + 0..32. */
struct natgw_route_key {
	__u32 prefix_len;
	__u32 table; /* host order: compared as a whole, never as a prefix */
	__be32 addr;
};
_Static_assert(sizeof(struct natgw_route_key) == 12, "route key");

struct natgw_route {
	__u8 target;  /* enum natgw_target */
	__u8 origin;  /* enum natgw_origin */
	__u8 gateway; /* row of "gateways" when target is a gateway */
	__u8 reserved;
	__u32 ifindex; /* when target is an interface */
};
_Static_assert(sizeof(struct natgw_route) == 8, "route");

enum natgw_gateway_state {
	NATGW_GATEWAY_NONE,
	NATGW_GATEWAY_PENDING,
	NATGW_GATEWAY_AVAILABLE,
	NATGW_GATEWAY_FAILED,
	NATGW_GATEWAY_DELETING,
	NATGW_GATEWAY_DELETED,
};

enum natgw_timer {
	NATGW_TIMER_TCP_HALF_OPEN,
	NATGW_TIMER_TCP_ESTABLISHED,
	NATGW_TIMER_UDP_UNREPLIED,
	NATGW_TIMER_UDP_REPLIED,
	NATGW_TIMER_ICMP,
	NATGW_TIMER_COUNT,
	NATGW_TIMER_SLOTS = 16,
};

/* Map "gateways": index 1 .. NATGW_GATEWAYS_MAX - 1; row 0 stays empty. */
struct natgw_gateway {
	__u8 state; /* enum natgw_gateway_state */
	__u8 reserved;
	__u16 eip_count; /* first eip_count rows of its stretch of "pool" take new sessions */
	__be32 private_ip;
	__u16 port_first; /* host order; ports port_first .. port_first + port_count - 1 */
	__u16 reserved2;
	__u32 port_count;		  /* 1 .. 65536 */
	__u32 timeout[NATGW_TIMER_SLOTS]; /* by enum natgw_timer, in ticks */
};
_Static_assert(sizeof(struct natgw_gateway) == 80, "gateway");

/* Map "pool": row gateway * NATGW_EIPS_PER_GATEWAY_MAX + i is the i-th EIP of that gateway. */
struct natgw_pool_row {
	__be32 addr;
	__u32 eip; /* index of the EIP, as in struct natgw_eip */
};

enum natgw_address_kind {
	NATGW_ADDRESS_EIP = 1,	  /* belongs to a gateway's pool; the host's stack never sees it */
	NATGW_ADDRESS_PRIVATE_IP, /* a gateway's private IP */
	NATGW_ADDRESS_HOST,	  /* an address of the host itself */
};

/* Map "addresses": addresses that mean something to natgw. */
struct natgw_address {
	__u8 kind;     /* enum natgw_address_kind */
	__u8 gateway;  /* 0 for NATGW_ADDRESS_HOST */
	__u8 draining; /* an EIP that takes no new sessions */
	__u8 on_host;  /* an EIP or private IP which the host holds as well */
	__u32 eip;     /* index into "port_use", below NATGW_EIPS_MAX */
};
_Static_assert(sizeof(struct natgw_address) == 8, "address");

/* ---- sessions ---- */

/*
 * Protocols by index, for counters and inventories: TCP, UDP and ICMP echo have ports of their own.
 */
enum natgw_proto {
	NATGW_PROTO_TCP,
	NATGW_PROTO_UDP,
	NATGW_PROTO_ICMP,
	NATGW_PROTO_COUNT,
};

/* Map "outbound": the internal endpoint and the remote endpoint as the client addressed it. */
struct natgw_outbound_key {
	__be32 int_addr;
	__be32 rem_addr;
	__be16 int_port; /* ICMP echo: the client's identifier */
	__be16 rem_port; /* ICMP echo: 0 */
	__u8 proto;	 /* IPPROTO_* */
	__u8 gateway;
	__u16 reserved; /* 0 */
};
_Static_assert(sizeof(struct natgw_outbound_key) == 16, "outbound key");

/* Map "inbound": the external endpoint and the remote endpoint as it is on the wire. */
struct natgw_inbound_key {
	__be32 ext_addr;
	__be32 rem_addr;
	__be16 ext_port;  /* ICMP echo: the identifier that the remote sees */
	__be16 rem_port;  /* ICMP echo: 0 */
	__u8 proto;	  /* IPPROTO_* */
	__u8 reserved[3]; /* 0 */
};
_Static_assert(sizeof(struct natgw_inbound_key) == 16, "inbound key");

enum natgw_session_state {
	NATGW_STATE_NONE,
	NATGW_STATE_NEW,	 /* claimed; its maker is still writing it: no packet may use it */
	NATGW_STATE_OPENING,	 /* TCP: handshake not complete. UDP, ICMP: no reply yet */
	NATGW_STATE_ESTABLISHED, /* TCP: SYN-ACK and the client's ACK seen. UDP, ICMP: reply seen */
	NATGW_STATE_CLOSING,	 /* kept for the TCP state machine */
	NATGW_STATE_HOLD,	 /* kept for hold-down */
	NATGW_STATE_DEAD,	 /* its remover deletes it: absent, and occupied */
};

/*
 * The word of a row: everything that changes by compare-and-swap. The inbound row's word decides;
 * the outbound row's is a copy that counts only while its generation is the inbound row's.
 *
 *   bits  0-3   enum natgw_session_state
 *   bits  4-7   NATGW_SEEN_*
 *   bits  8-15  gateway
 *   bits 16-31  rule (0: none)
 *   bits 32-63  generation: another one for every claim
 */
#define NATGW_WORD_STATE_MASK 0xfULL
#define NATGW_WORD_SEEN_SHIFT 4
#define NATGW_WORD_SEEN_MASK 0xf0ULL
#define NATGW_WORD_GATEWAY_SHIFT 8
#define NATGW_WORD_RULE_SHIFT 16
#define NATGW_WORD_GENERATION_SHIFT 32

#define NATGW_SEEN_REPLY 0x1 /* the remote has answered (TCP: with SYN-ACK) */
#define NATGW_SEEN_FIN_OUT 0x2
#define NATGW_SEEN_FIN_IN 0x4
#define NATGW_SEEN_RST 0x8

/*
 * A row of either table. A packet writes to the row of its own direction only, except where the
 * state changes. packets and bytes are added without a lock: two CPUs that carry one direction of
 * one session at the same time may lose a count here (the counters by gateway lose none).
 */
struct natgw_session {
	__u64 word;
	__u64 packets;	  /* of this direction */
	__u64 bytes;	  /* IP length, of this direction */
	__be32 addr;	  /* outbound: the EIP, new source. inbound: the client, new destination */
	__be16 port;	  /* outbound: external port. inbound: the client's port */
	__be16 orig_port; /* remote port on the other side of a DNAT rule (outbound: new, inbound:
			     old); 0: none */
	__u32 last_seen;  /* ticks */
	__u32 nexthop;	  /* bits 0-15 row of "nexthops", bits 16-31 low half of the generation */
	__u32 rst_seq; /* TCP: host order, sequence number that a RST of the other side must carry
			*/
	union {
		__u32 mark;   /* outbound row: mark of the DNAT rule */
		__u32 log_id; /* inbound row: number in the session log */
	};
};
_Static_assert(sizeof(struct natgw_session) == 48, "64 bytes with its key");

/* What the iterator "natgw_dump" writes: one session, both directions. */
struct natgw_session_record {
	struct natgw_inbound_key key;
	struct natgw_session inbound;
	struct natgw_session outbound; /* zero when there is no outbound row of this generation */
	__u32 now;		       /* ticks */
	__u32 timeout;		       /* ticks of idle time that this state allows */
};
_Static_assert(sizeof(struct natgw_session_record) == 120, "record");

/* ---- next hops ---- */

/*
 * Map "nexthops": written under its sequence number (odd: being written), which a reader compares
 * before and after. key says whose row it is: ifindex << 32 | address in network order; 0 is free.
 */
struct natgw_nexthop {
	__u64 key;
	__u32 seq;
	__u32 valid_until; /* ticks; looked up again after that */
	__u32 ifindex;
	__u16 mtu;
	__u8 redirect; /* XDP may redirect to ifindex */
	__u8 flags;    /* of ifindex: NATGW_IFACE_*, 0 when it is not managed */
	__u8 dmac[6];
	__u8 smac[6];
	__u8 reserved[28];
};
_Static_assert(sizeof(struct natgw_nexthop) == 64, "nexthop");

/* ---- counters ---- */

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

enum natgw_alloc_error {
	NATGW_ALLOC_PORT_EXHAUSTED,
	NATGW_ALLOC_TABLE_FULL,
	NATGW_ALLOC_NO_EIP, /* the gateway has no EIP that takes new sessions */
	NATGW_ALLOC_ERROR_COUNT,
};

enum natgw_close_cause {
	NATGW_CLOSE_IDLE, /* established, idle for its timer */
	NATGW_CLOSE_HALF_OPEN,
	NATGW_CLOSE_KILLED,
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
};

enum natgw_generated {
	NATGW_GENERATED_ARP_REPLY,
	NATGW_GENERATED_TIME_EXCEEDED,
	NATGW_GENERATED_FRAG_NEEDED,
	NATGW_GENERATED_RST,
	NATGW_GENERATED_LIMITED, /* not sent: over the rate limit */
	NATGW_GENERATED_COUNT,
};
/* Map "generated" (per CPU): index enum natgw_generated, __u64 packets. */

/* Map "active": index gateway. Written by the sweep, which counts anew in every pass. */
struct natgw_active {
	__u64 opening[NATGW_PROTO_COUNT];
	__u64 established[NATGW_PROTO_COUNT];
};

/* Map "sweep", one row: what the last pass of the sweep did. */
struct natgw_sweep {
	__u64 rows; /* inbound rows seen */
	__u64 removed;
	__u64 lost; /* removals that another CPU won */
};

/*
 * Map "port_use" (mmapable): row eip * NATGW_PROTO_COUNT + proto, a bit for every port in use, set
 * by the sweep; the daemon clears it before a pass and counts it afterwards.
 */
struct natgw_port_bits {
	__u64 word[1024];
};
_Static_assert(sizeof(struct natgw_port_bits) == 8192, "port bits");

/* Map "check_result", one row: what the dry run "natgw_check" decided. */
struct natgw_check_result {
	__u32 verdict;	/* enum natgw_verdict; a new session's port is not looked for */
	__u8 direction; /* enum natgw_direction */
	__u8 gateway;
	__u16 reserved;
};
_Static_assert(sizeof(struct natgw_check_result) == 8, "check result");

#endif
