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
};

struct path_case {
	const char *name;
	enum at at;
	struct spec in;
	const struct spec *answer;
	void (*setup)(struct bench *bench);
	enum form form;
	__be32 client; /* whose the standard session is, if not CLIENT's */
	__u32 mark;
	__u16 gso_segs;
	__u16 gso_size;
	__u8 state;   /* of a standard session that stands before; 0: none */
	__u8 verdict; /* tc's; XDP says defer_not_nat where this one is a pass */
	__u8 xdp;     /* XDP's, where it is another one */
	__u8 check; /* the dry run's, where it is another one than XDP's or, with an answer, tc's */
	__u8 direction; /* enum natgw_direction */
	__u8 gateway;
	bool uncounted; /* neither seen nor a verdict */
	bool xdp_only;	/* no skb can be made of it */
};

/* Runs the rows as one cmocka group; the number of failures. */
int path_run(const char *group, const struct path_case *cases, size_t count);

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
