/* SPDX-License-Identifier: GPL-2.0-only */
/* Words of the tables of fragments: datagrams of the standard flows in pieces. */
#ifndef NATGW_TESTS_BPF_CATALOGUE_FRAGMENTS_H
#define NATGW_TESTS_BPF_CATALOGUE_FRAGMENTS_H

#include "catalogue_setup.h"

/* A stretch of "length" bytes from byte "first" on; MORE: others follow. */
#define PIECE(first, length) .frag = (first) / 8, .piece = (length)
#define MORE(first, length) .frag = (first) / 8 | FRAG_MF, .piece = (length)

/* 2,976 bytes behind the IP header, in all. */
#define BIG .payload = 2968, .id = 0xf001
#define UDP_BIG_OUT FLOW_OUT(CLIENT, REMOTE), .proto = PROTO_UDP, BIG
#define UDP_BIG_IN FLOW_IN(REMOTE, EIP), .proto = PROTO_UDP, BIG
#define TCP_BIG_OUT TCP_OUT_FLAGS(ACK | PSH), .payload = 2956, .id = 0xf002
#define TCP_BIG_IN TCP_IN_FLAGS(ACK | PSH), .payload = 2956, .id = 0xf002
#define PING_BIG_OUT \
	.src = CLIENT, .dst = REMOTE, .sport = INT_PORT, .proto = PROTO_ICMP, .type = TYPE_ECHO, BIG
#define PONG_BIG_IN                                                        \
	.src = REMOTE, .dst = EIP, .dport = EXT_PORT, .proto = PROTO_ICMP, \
	.type = TYPE_ECHO_REPLY, BIG

#define FIRST MORE(0, 1480)
#define SECOND MORE(1480, 1480)
#define THIRD PIECE(2960, 16)

/* ---- before ---- */

#define OUT(...)                                                                 \
	{                                                                        \
		.at = AT_INT, .verdict = NATGW_TRANSLATED, .in = { __VA_ARGS__ } \
	}
#define IN(...)                                                                  \
	{                                                                        \
		.at = AT_EXT, .verdict = NATGW_TRANSLATED, .in = { __VA_ARGS__ } \
	}
#define EGRESS(...)                                                                 \
	{                                                                           \
		.at = AT_EGRESS, .verdict = NATGW_TRANSLATED, .in = { __VA_ARGS__ } \
	}
#define TO_KERNEL(...)                                                               \
	{                                                                            \
		.at = AT_INT, .verdict = NATGW_DEFER_FRAGMENT, .in = { __VA_ARGS__ } \
	}
#define LOST(...)                                                                        \
	{                                                                                \
		.at = AT_EXT, .verdict = NATGW_DROP_FRAG_NO_FIRST, .in = { __VA_ARGS__ } \
	}
#define BEFORE(...)                          \
	.before = (const struct path_step[]) \
	{                                    \
		__VA_ARGS__,                 \
		{                            \
		}                            \
	}

#define FIRST_OUT OUT(UDP_BIG_OUT, FIRST)
#define SECOND_OUT OUT(UDP_BIG_OUT, SECOND)
#define THIRD_OUT OUT(UDP_BIG_OUT, THIRD)
#define FIRST_IN IN(UDP_BIG_IN, FIRST)
#define SECOND_IN IN(UDP_BIG_IN, SECOND)
#define THIRD_IN IN(UDP_BIG_IN, THIRD)

/* What the kernel is given to put together is remembered, so that it gets all of it. */
#define KEPT .changes = "fragments, fragment_use"
#define TRANSLATED_OUT OUT_1(TRANSLATED)
#define TRANSLATED_IN IN_1(TRANSLATED)

#endif
