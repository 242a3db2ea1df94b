/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * Sessions: their keys and rows in the tables "outbound" and "inbound", arrays of struct natgw_slot
 * (natgw_table.h). Part of natgw_maps.h, whose conventions hold here too.
 */
#ifndef NATGW_SESSION_H
#define NATGW_SESSION_H

#ifndef __VMLINUX_H__
#include <linux/types.h>
#endif

/* Key in map "outbound": the internal endpoint and the remote endpoint as the client addressed it.
 */
struct natgw_outbound_key {
	__be32 int_addr;
	__be32 rem_addr;
	__be16 int_port; /* ICMP echo: the client's identifier */
	__be16 rem_port; /* ICMP echo: 0 */
	__u8 proto;	 /* IPPROTO_* */
	__u8 gateway;
	__u16 reserved; /* 0 */
} __attribute__((aligned(8)));
_Static_assert(sizeof(struct natgw_outbound_key) == 16, "outbound key");

/* Key in map "inbound": the external endpoint and the remote endpoint as it is on the wire. */
struct natgw_inbound_key {
	__be32 ext_addr;
	__be32 rem_addr;
	__be16 ext_port;  /* ICMP echo: the identifier that the remote sees */
	__be16 rem_port;  /* ICMP echo: 0 */
	__u8 proto;	  /* IPPROTO_* */
	__u8 reserved[3]; /* 0 */
} __attribute__((aligned(8)));
_Static_assert(sizeof(struct natgw_inbound_key) == 16, "inbound key");

enum natgw_session_state {
	NATGW_STATE_NONE,
	NATGW_STATE_NEW,	 /* claimed; its maker is still writing it: no packet may use it */
	NATGW_STATE_OPENING,	 /* TCP: handshake not complete. UDP, ICMP: no reply yet */
	NATGW_STATE_ESTABLISHED, /* TCP: SYN-ACK and the client's ACK seen. UDP, ICMP: reply seen */
	NATGW_STATE_HOLD,	 /* TCP: both FINs seen, or a plausible RST (NATGW_SEEN_RST) */
	NATGW_STATE_DEAD,	 /* its remover deletes it: absent, and occupied */
	NATGW_STATE_MAPPING,	 /* no session: an endpoint-independent mapping */
	NATGW_STATE_CLAIMED,	 /* the slot is taken, its key not yet written: absent */
};

/*
 * The word of a row: everything that changes by compare-and-swap. The inbound row's word decides;
 * the outbound row's is a copy that counts only while its generation is the inbound row's.
 *
 *   bits  0-3   enum natgw_session_state
 *   bits  4-11  NATGW_SEEN_*
 *   bits 12-19  gateway
 *   bits 20-31  rule (0: none)
 *   bits 32-63  generation: another one for every claim
 */
#define NATGW_WORD_STATE_MASK 0xfULL
#define NATGW_WORD_SEEN_SHIFT 4
#define NATGW_WORD_SEEN_MASK 0xff0ULL
#define NATGW_WORD_GATEWAY_SHIFT 12
#define NATGW_WORD_GATEWAY_MASK 0xff
#define NATGW_WORD_RULE_SHIFT 20
#define NATGW_WORD_RULE_MASK 0xfff
#define NATGW_WORD_GENERATION_SHIFT 32

#define NATGW_SEEN_REPLY 0x01 /* the remote has answered (TCP: with SYN-ACK) */
#define NATGW_SEEN_FIN_OUT 0x02
#define NATGW_SEEN_FIN_IN 0x04
#define NATGW_SEEN_RST 0x08	    /* a plausible one, and nothing since */
#define NATGW_SEEN_SYN_ACK_OUT 0x10 /* simultaneous open: the client has sent SYN-ACK */
#define NATGW_SEEN_HANDSHAKE 0x20   /* has been established */
#define NATGW_SEEN_CLIENT_PORT 0x40 /* not seen but noted: counted in "client_ports" */
#define NATGW_SEEN_MAPPING 0x80	    /* noted: uses an endpoint-independent mapping */
/* Of a mapping (NATGW_STATE_MAPPING): any remote endpoint may send to it. */
#define NATGW_SEEN_OPEN_FILTER 0x10
/* Of UDP, by a port forward: the remote endpoint began, so the reply is the client's. */
#define NATGW_SEEN_REMOTE_FIRST 0x10

/*
 * An endpoint-independent mapping is a pair of rows like any other, in state MAPPING, whose remote
 * endpoint is 0.0.0.0 port 0. The sessions that use it have rows of their own with the same
 * external endpoint. It lives NATGW_MAPPING_SLACK longer than the timer of replied UDP.
 */

/*
 * A row's next hop: bits 0-13 row of "nexthops", bits 16-31 low half of the generation at which it
 * was looked up: good while that is the current one. FAST: and until then no packet of this
 * direction that leaves the state as it is depends on anything but this row and the next hop.
 */
#define NATGW_REFERENCE_INDEX 0x3fff
#define NATGW_REFERENCE_FAST 0x8000
#define NATGW_REFERENCE_SHIFT 16

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
	__u32 nexthop;	  /* NATGW_REFERENCE_* */
	__u32 rst_seq; /* TCP: host order, sequence number that a RST of the other side must carry
			*/
	__u32 hops;    /* not the session's: of the slot, as the home of others (natgw_table.h) */
};
_Static_assert(sizeof(struct natgw_session) == 48, "64 bytes with its key");

/* What the iterator "natgw_dump" writes: one session, both directions. */
struct natgw_session_record {
	struct natgw_inbound_key key;
	struct natgw_session inbound;
	struct natgw_session outbound; /* zero when there is no outbound row of this generation */
	__u32 now;		       /* ticks */
	__u32 timeout; /* ticks of idle time that this state allows; in hold-down: of its hold */
	__u8 held;     /* 1: only holds its port; "hold" says why */
	__u8 hold;     /* enum natgw_hold */
	__u16 reserved;
	__u32 hold_left; /* ticks */
};
_Static_assert(sizeof(struct natgw_session_record) == 128, "record");

#endif
