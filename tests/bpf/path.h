/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * One packet, one row of a table: what comes in, what there is already, what must come of it. Each
 * row is run by every program that stands at that place (XDP, its dry run, tc).
 */
#ifndef NATGW_TESTS_BPF_PATH_H
#define NATGW_TESTS_BPF_PATH_H

#include "tables.h"

enum at {
	AT_INT,		/* XDP, dry run and tc ingress of int0 */
	AT_EXT,		/* the same of ext0 */
	AT_EGRESS,	/* tc egress of ext0: forwarded, came in by int0 */
	AT_EGRESS_HOST, /* made by the host */
	AT_GUARD,
	AT_GUARD_HOST,
};

/* What a translated packet looks like when tc is done with it. */
enum form {
	FORM_FORWARDED, /* translated, TTL - 1, MACs of the next hop, redirected */
	FORM_KERNEL,	/* translated only; the kernel goes on */
	FORM_ANSWER,	/* turned into "answer" and sent back */
	FORM_HAIRPIN,	/* translated, and in again by the external interface */
};

/* Fields in which what leaves differs from what came; 0: the field stays as it is. */
struct path_change {
	__be32 src;
	__be32 dst;
	__u16 sport;
	__u16 dport;
};

/* Stands for the external port that natgw has chosen: in a packet for the one that an earlier
 * packet of the row got, in what is expected for the one that is there. */
#define NEW 1

/* What came before: a packet, and what became of it. */
struct path_step {
	enum at at;
	__u8 verdict; /* tc's, as in struct path_case; 0: no more steps */
	__u8 xdp;
	struct spec in;
};

struct path_case {
	const char *id;
	const char *name;
	enum at at;
	struct spec in;
	const struct spec *answer;
	void (*setup)(struct bench *bench);
	const char *given; /* what setup does, in words */
	const struct path_step *before;
	const char *changes; /* maps that change though the packet does not go on */
	const __u8 *mss;     /* the TCP options that it leaves with, where they are others */
	enum form form;
	/* Where it is not translated as the standard session is: the packet, and what it quotes. */
	struct path_change to;
	struct path_change to_quote;
	__be32 client; /* whose the standard session is, if not CLIENT's */
	__u32 mark;
	__u16 gso_segs;
	__u16 gso_size;
	__u16 later;  /* seconds between the last packet before and this one */
	__u8 state;   /* of a standard session that stands before; 0: none */
	__u8 verdict; /* tc's; XDP says defer_not_nat where this one is a pass */
	__u8 xdp;     /* XDP's, where it is another one */
	__u8 check; /* the dry run's, where it is another one than XDP's or, with an answer, tc's */
	__u8 direction; /* enum natgw_direction */
	__u8 gateway;
	bool makes;	/* with "to" or "before": it makes a session */
	bool other_id;	/* its identification is not that of the fragment before */
	bool uncounted; /* neither seen nor a verdict */
	bool xdp_only;	/* no skb can be made of it */
	bool tc_only;	/* comes by tc alone */
};

/* What a row's own packets were given. */
struct path_learnt {
	__u16 port; /* external; 0: nothing yet */
	__u16 id;   /* IP identification on the wire */
	bool has_id;
};

/* A packet of a row: field by field, with what it quotes. */
struct path_packet {
	struct spec spec;
	struct spec quote;
};

/* "in" as it comes in at "at". */
void path_in(const struct spec *in, enum at at, const struct path_learnt *learnt,
	     struct path_packet *ret_packet);
/* What a row's packet leaves as; forwarded: with TTL and MAC addresses of the next hop. */
void path_out(const struct path_case *row, const struct path_packet *in,
	      const struct path_learnt *learnt, bool forwarded, struct path_packet *ret_packet);
/* Is the external port one that natgw has to choose? */
bool path_is_new(const struct path_case *row);
/* XDP's verdict and the dry run's, which are tc's where the row does not say otherwise. */
__u8 path_xdp_verdict(const struct path_case *row);
__u8 path_check_verdict(const struct path_case *row);

/* One row, as a test of cmocka does it: ends the test where something is not as it should be. */
void path_test(struct bench *bench, const struct path_case *row);
/* Do sessions stand before the row's packet comes? */
bool path_has_sessions(const struct path_case *row);
/*
 * The same row, but what sessions there are have seen packets of both directions (warm.h): what
 * comes of it is the same, to the byte. Ends the test also where a packet has not gone the short
 * way though its session's row lets it, or has though it should not. Returns how many of the row's
 * programs sent it the short way.
 */
unsigned int path_test_warm(struct bench *bench, const struct path_case *row);

/* Packets by the ports of the standard session: out of "from" to "to", or in to "to" from "from".
 */
#define FLOW_OUT(from, to) .src = (from), .dst = (to), .sport = INT_PORT, .dport = REM_PORT
#define FLOW_IN(from, to) .src = (from), .dst = (to), .sport = REM_PORT, .dport = EXT_PORT
#define TCP_TO(from, to) FLOW_OUT(from, to), .proto = PROTO_TCP, .flags = SYN
#define UDP_TO(from, to) FLOW_OUT(from, to), .proto = PROTO_UDP, .payload = 24
#define UDP_FROM(from, to) FLOW_IN(from, to), .proto = PROTO_UDP, .payload = 25
#define PING_TO(from, to)                                                                      \
	.src = (from), .dst = (to), .sport = INT_PORT, .proto = PROTO_ICMP, .type = TYPE_ECHO, \
	.payload = 56

/* Between the standard client and the standard remote endpoint. */
#define TCP_OUT_FLAGS(f) FLOW_OUT(CLIENT, REMOTE), .proto = PROTO_TCP, .flags = (f)
#define TCP_IN_FLAGS(f) FLOW_IN(REMOTE, EIP), .proto = PROTO_TCP, .flags = (f)
#define TCP_SYN_OUT TCP_OUT_FLAGS(SYN)
#define TCP_OUT TCP_OUT_FLAGS(ACK | PSH), .payload = 31
#define TCP_IN TCP_IN_FLAGS(ACK | PSH), .payload = 33
#define UDP_OUT UDP_TO(CLIENT, REMOTE)
#define UDP_IN UDP_FROM(REMOTE, EIP)
#define PING_OUT PING_TO(CLIENT, REMOTE)
#define PONG_IN                                                            \
	.src = REMOTE, .dst = EIP, .dport = EXT_PORT, .proto = PROTO_ICMP, \
	.type = TYPE_ECHO_REPLY, .payload = 56

/* What a case wants: outbound or inbound at gateway 1, or at none. */
#define OUT_1(v) .verdict = NATGW_##v, .direction = NATGW_OUTBOUND, .gateway = 1
#define OUT_0(v) .verdict = NATGW_##v, .direction = NATGW_OUTBOUND
#define IN_1(v) .verdict = NATGW_##v, .direction = NATGW_INBOUND, .gateway = 1
#define IN_0(v) .verdict = NATGW_##v, .direction = NATGW_INBOUND
#define OTHER(v) .verdict = NATGW_##v, .direction = NATGW_OTHER

#endif
