/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * Keys and values of every map that BPF and user space share. Fixed-width types, no padding, sizes
 * asserted. __be* fields are in network byte order, others in host order; times are in ticks
 * (natgw_limits.h) of the monotonic clock plus the skew unless a name says otherwise.
 */
#ifndef NATGW_MAPS_H
#define NATGW_MAPS_H

#ifndef __VMLINUX_H__
#include <linux/types.h>
#endif

#include "natgw_counters.h"
#include "natgw_limits.h"
#include "natgw_operate.h"
#include "natgw_ports.h"
#include "natgw_session.h"
#include "natgw_verdict.h"

/* Raised when a key, a value or a meaning below changes: pinned maps of another version are not
 * taken over. */
#define NATGW_LAYOUT_VERSION 5

/* Map "layout", one row, pinned beside the others and read first. */
struct natgw_layout {
	__u32 version;
	__u32 sessions_max;
	__u64 seed; /* of the session tables' hash */
};
_Static_assert(sizeof(struct natgw_layout) == 16, "layout");

/* Map "settings", one row. */
struct natgw_settings {
	__u32 mark;	   /* bit of skb->mark that says "natgw is done with this packet" */
	__u8 fail_open;	   /* on_failure: open; the guard then lets private sources pass */
	__u8 reply_ping;   /* let the kernel answer a ping to a private IP */
	__u16 gateway_end; /* gateways 1 .. gateway_end - 1 may have sessions */
	__u32 seed; /* of the programs' own hashes: random, made with the maps, never changed */
	__u16 rule_count; /* rows of "rule_order" in use; NATGW_RULES_SECOND: in its second half */
	__u16 features;	  /* NATGW_FEATURE_* */
	__u32 hairpin;	  /* ifindex of an external interface, by which hairpinned packets come in
			     again; 0: none */
	__u32 sample[3];  /* dropped packets to be sampled: a bit for each verdict */
};
_Static_assert(sizeof(struct natgw_settings) == 32, "settings");
_Static_assert(NATGW_VERDICT_SLOTS <= 96, "bits of settings.sample");

/*
 * In settings.rule_count: the order in force is the one from row NATGW_RULES_HALF on. Written
 * together with the count, so that no packet sees the rules of one config in the order of another.
 */
#define NATGW_RULES_SECOND 0x8000
#define NATGW_RULES_HALF (NATGW_RULES_MAX / 2)

/* What the config uses at all: who does not use it does not pay for it. */
#define NATGW_FEATURE_ACL 0x01	      /* map "acl" has rows */
#define NATGW_FEATURE_FORWARDS 0x02   /* map "forwards" has rows */
#define NATGW_FEATURE_HAIRPIN 0x04    /* forwards, or endpoint-independent mappings */
#define NATGW_FEATURE_RESERVED 0x08   /* map "reserved_ports" has bits set */
#define NATGW_FEATURE_ONE_TO_ONE 0x10 /* addresses of kind ONE_TO_ONE and MAPPED */
#define NATGW_FEATURE_NO_NAT 0x20     /* rules of kind NO_NAT, or unmatched: pass */
#define NATGW_FEATURE_DROP_IPV6 0x40
#define NATGW_FEATURE_LOG 0x80 /* the session log */
/* An internal host may be reached by one of natgw's external addresses. */
#define NATGW_FEATURES_TURNING (NATGW_FEATURE_HAIRPIN | NATGW_FEATURE_ONE_TO_ONE)

/* Map "clock", one row: added to the monotonic clock. Zero but in tests. */
struct natgw_clock {
	__s64 skew_ns;
};

/* Map "generation", one row: a change makes every session look its next hop up again. */
struct natgw_generation {
	__u32 nexthop;
	__u32 followed_until; /* ticks: until then natgwd sees changes of routes and raises it */
};

#define NATGW_IFACE_INTERNAL 0x01
#define NATGW_IFACE_EXTERNAL 0x02

/* Map "ifaces": ifindex -> row. Only managed interfaces have one. */
struct natgw_iface {
	__u8 flags;    /* NATGW_IFACE_* */
	__u8 redirect; /* an XDP program may redirect to it */
	__u8 mac[6];
	__u32 mtu; /* of IP packets */
};
_Static_assert(sizeof(struct natgw_iface) == 12, "iface");

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
	NATGW_TARGET_VPN,      /* kept for later */
	NATGW_TARGET_INTERNET, /* in a gateway's own table: out by an external interface */
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

/* Idle time of a session, then how long its port is held for that destination, by how it ended. */
enum natgw_timer {
	NATGW_TIMER_TCP_HALF_OPEN,
	NATGW_TIMER_TCP_ESTABLISHED,
	NATGW_TIMER_UDP_UNREPLIED,
	NATGW_TIMER_UDP_REPLIED,
	NATGW_TIMER_ICMP,
	NATGW_TIMER_HOLD_FIN, /* after both FINs */
	NATGW_TIMER_HOLD_RST,
	NATGW_TIMER_HOLD_HALF_OPEN,
	NATGW_TIMER_HOLD_UDP,
	NATGW_TIMER_HOLD_TCP_IDLE,
	NATGW_TIMER_HOLD_ICMP,
	NATGW_TIMER_COUNT,
	NATGW_TIMER_SLOTS = 16,
};

/* A TCP packet without a session that is no SYN and no RST: who gets a RST. */
enum natgw_no_session {
	NATGW_NO_SESSION_DROP,
	NATGW_NO_SESSION_RST_INTERNAL, /* internal senders */
	NATGW_NO_SESSION_RST_BOTH, /* and external ones, where a session ended a short time ago */
};

/* What the sender of a first packet gets when there is no port for it. */
enum natgw_on_exhaustion {
	NATGW_ON_EXHAUSTION_DROP,
	NATGW_ON_EXHAUSTION_RST,  /* TCP: RST; others: nothing */
	NATGW_ON_EXHAUSTION_ICMP, /* ICMP destination unreachable, host (RFC 6888 REQ-11) */
};

/* Of a gateway or a rule; both count for UDP only (RFC 4787 REQ-1, REQ-8). */
#define NATGW_MAPPING_ENDPOINT_INDEPENDENT 0x01	  /* one external endpoint for all remote ones */
#define NATGW_FILTERING_ENDPOINT_INDEPENDENT 0x02 /* and any remote endpoint may send to it */

/* Of a gateway: protocols whose fragments are forwarded (bit enum natgw_proto). */
#define NATGW_FRAGMENTS_TCP (1 << NATGW_PROTO_TCP)
#define NATGW_FRAGMENTS_UDP (1 << NATGW_PROTO_UDP)
#define NATGW_FRAGMENTS_ICMP (1 << NATGW_PROTO_ICMP)

enum natgw_icmp {
	NATGW_ICMP_ALL,	 /* echo and errors */
	NATGW_ICMP_ECHO, /* no errors */
	NATGW_ICMP_OFF,
};

#define NATGW_GATEWAY_RANDOM_EIP 0x01 /* eip_select: random; else sticky by client */
#define NATGW_GATEWAY_REFRESH_OUTBOUND \
	0x02 /* refresh: outbound; inbound packets keep nothing alive */
/* mode: two-stage. The EIPs are private addresses; each has a public one (struct natgw_address,
 * peer), which is what is on the wire. */
#define NATGW_GATEWAY_TWO_STAGE 0x04
#define NATGW_GATEWAY_NO_DEFAULT_SNAT 0x08 /* default_snat: off; only what an SNAT rule matches */
#define NATGW_GATEWAY_UNMATCHED_PASS 0x10  /* unmatched: pass; else it is dropped */
#define NATGW_GATEWAY_BLOCKED 0x20	   /* by the operator: nothing goes through */

/* A limit, as the time that a unit takes: ns times 2^20; 0: no limit. Each direction by itself. */
struct natgw_rate {
	__u64 per_byte; /* of the IP length */
	__u64 per_packet;
};

/* Map "gateways": index 1 .. NATGW_GATEWAYS_MAX - 1; row 0 stays empty. */
struct natgw_gateway {
	__u8 state;	 /* enum natgw_gateway_state */
	__u8 flags;	 /* NATGW_GATEWAY_* */
	__u16 eip_count; /* first eip_count rows of its stretch of "pool" take new sessions */
	__be32 private_ip;
	__u16 port_first;   /* host order; ports port_first .. port_first + port_count - 1 */
	__u8 mapping;	    /* NATGW_MAPPING_*, NATGW_FILTERING_* */
	__u8 no_session;    /* enum natgw_no_session */
	__u8 on_exhaustion; /* enum natgw_on_exhaustion */
	__u8 fragments;	    /* NATGW_FRAGMENTS_* */
	__u8 icmp;	    /* enum natgw_icmp */
	__u8 allow_targets; /* bit enum natgw_target: what its own table may lead to beside INTERNET
			     */
	__u32 port_count;   /* 1 .. 65536 */
	__u32 destination_ports;     /* sessions, live and held, to one destination by one EIP:
					1 .. port_count */
	__u32 destination_threshold; /* a destination with so many gets a bitmap */
	/* Quotas; 0: none. Held sessions count. */
	__u32 sessions_max;
	__u32 client_sessions_max;
	__u32 client_opening_max;	  /* half-open and unreplied */
	__u32 client_ports_min;		  /* towards one destination, guaranteed */
	__u32 client_ports_max;		  /* towards one destination */
	struct natgw_rate rate;		  /* of the whole gateway */
	struct natgw_rate client_rate;	  /* of each client */
	__u32 timeout[NATGW_TIMER_SLOTS]; /* by enum natgw_timer, in ticks */
	__u32 table; /* its own route table, asked after translation; 0: everything is INTERNET */
	__u32 reserved;
};
_Static_assert(sizeof(struct natgw_gateway) == 152, "gateway");

enum natgw_rule_kind {
	NATGW_RULE_SESSION, /* timers, mapping */
	NATGW_RULE_DNAT,    /* another destination port, and a mark */
	NATGW_RULE_SNAT,    /* EIPs of its own */
	NATGW_RULE_NO_NAT,  /* not translated: neither out nor back */
	NATGW_RULE_KIND_COUNT,
};

/*
 * Map "rules": what a session's first packet must be, as the client sent it, and what its session
 * then has of its own. The number 1 .. NATGW_RULES_MAX - 1 of a session rule is in the session's
 * word, so a row is never given to another rule while there are free ones. Map "rule_order": the
 * numbers; within a kind the first match wins (NO_NAT and SNAT count as one kind), and DNAT rules
 * stand before the others, since they set the mark. Map "rule_hits": new sessions by number.
 */
struct natgw_rule {
	__be32 src; /* client */
	__be32 src_mask;
	__be32 dst; /* remote */
	__be32 dst_mask;
	__u16 port_first; /* of the remote, host order; 0 and 65535: any */
	__u16 port_last;
	__u8 proto;   /* IPPROTO_*; 0: any */
	__u8 gateway; /* 0: any */
	__u8 mapping; /* NATGW_MAPPING_*, NATGW_FILTERING_*, in place of the gateway's */
	__u8 used;    /* the row holds a rule of this or an earlier config */
	__u8 kind;    /* enum natgw_rule_kind */
	__u8 reserved;
	__u16 to_port;	  /* DNAT: host order; 0: the port stays */
	__u32 mark;	  /* DNAT: sets it. SNAT: must be this one; 0: any */
	__u16 pool_first; /* SNAT: its EIPs, as rows of the gateway's stretch of "pool" */
	__u16 pool_count;
	__u32 timeout[NATGW_TIMER_SLOTS]; /* SESSION: as in struct natgw_gateway, in place of it */
};
_Static_assert(sizeof(struct natgw_rule) == 100, "rule");

/*
 * Map "pool": row gateway * NATGW_POOL_ROWS_PER_GATEWAY + i. The first eip_count rows of a
 * gateway's stretch are its EIPs; behind them stand those of SNAT rules, an address as often as
 * rules name it.
 */
struct natgw_pool_row {
	__be32 addr;
	__u32 eip; /* index of the EIP, as in struct natgw_eip */
};

enum natgw_address_kind {
	NATGW_ADDRESS_EIP = 1,	  /* belongs to a gateway's pool; the host's stack never sees it */
	NATGW_ADDRESS_PRIVATE_IP, /* a gateway's private IP */
	NATGW_ADDRESS_HOST,	  /* an address of the host itself */
	NATGW_ADDRESS_ONE_TO_ONE, /* public address of the internal host "peer" */
	NATGW_ADDRESS_MAPPED,	  /* internal host whose public address is "peer" */
	NATGW_ADDRESS_STAGED,	  /* public address of the EIP "peer" of a two-stage gateway */
};

enum natgw_on_host {
	NATGW_ON_HOST_NO,
	NATGW_ON_HOST_HELD,   /* the host holds the address as well */
	NATGW_ON_HOST_SHARED, /* and has said so: what is no session's is the host's */
};

/* Map "addresses": addresses that mean something to natgw. */
struct natgw_address {
	__u8 kind;	   /* enum natgw_address_kind */
	__u8 gateway;	   /* 0 for NATGW_ADDRESS_HOST */
	__u8 draining;	   /* an EIP that takes no new sessions */
	__u8 on_host;	   /* enum natgw_on_host: of an EIP, private IP or public address */
	__u32 eip;	   /* index into "port_use", below NATGW_EIPS_MAX */
	__u32 drain_until; /* ticks: with draining, when its sessions end */
	__be32 peer; /* see enum natgw_address_kind; of a two-stage gateway's EIP its public one */
};
_Static_assert(sizeof(struct natgw_address) == 16, "address");

/* Map "forwards": what comes to this external endpoint and belongs to no session makes one. */
struct natgw_forward_key {
	__be32 ext_addr; /* an EIP */
	__be16 ext_port;
	__u8 proto; /* IPPROTO_TCP, IPPROTO_UDP */
	__u8 reserved;
};
_Static_assert(sizeof(struct natgw_forward_key) == 8, "forward key");

struct natgw_forward {
	__be32 int_addr;
	__be16 int_port;
	__u8 gateway;
	__u8 reserved;
};
_Static_assert(sizeof(struct natgw_forward) == 8, "forward");

/* Map "acl", longest prefix: of a packet's remote address, then of its client's. */
struct natgw_acl_key {
	__u32 prefix_len; /* 0 .. 32 */
	__be32 addr;
};

struct natgw_acl {
	__u32 deny; /* 1: dropped as acl; 0: allowed */
};

/*
 * Map "reserved_ports" (mmapable): struct natgw_port_bits by natgw_reserved_index; only the words
 * count, not the summary. Ports that no new session of that EIP gets: those of port forwards, and
 * of a shared EIP what the host listens on or takes for itself. natgwd sets and clears; the program
 * at egress sets what the host is seen to use.
 */

/* ---- fragments ---- */

/*
 * Map "fragments": a datagram of which the first fragment has been translated, by its addresses as
 * it came in. Later fragments follow it for NATGW_FRAGMENT_LIFE.
 */
struct natgw_fragment_key {
	__be32 saddr;
	__be32 daddr;
	__be16 id;
	__u8 proto;
	__u8 direction; /* enum natgw_direction */
};
_Static_assert(sizeof(struct natgw_fragment_key) == 12, "fragment key");

struct natgw_fragment {
	__be32 addr; /* outbound: new source; inbound: new destination */
	__u32 since; /* ticks */
	__u32 ends; /* bytes of payload, from the first on without a gap, << 16 | of the first alone
		     */
	__u32 gap;  /* fragments behind a gap: first byte << 16 | end; 0: none */
	__be16 new_id; /* outbound: IP identification on the wire; inbound: as it came */
	__u8 gateway;
	__u8 flags;    /* fragment.h */
	__u32 nexthop; /* as in struct natgw_session */
};
_Static_assert(sizeof(struct natgw_fragment) == 24, "fragment");

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

#endif
