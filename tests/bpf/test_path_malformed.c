// SPDX-License-Identifier: GPL-2.0-only
/* Packets that are not what they say, protocols and ICMP types that are not translated, fragments.
 */
#include "path.h"

#define AT(offset) (FRAME_ETH + (offset))
#define L4(offset) (FRAME_ETH + FRAME_IP + (offset))
#define POKE8(at, v) .poke = { { .offset = (at), .width = 1, .value = (v) } }
#define POKE16(at, v) .poke = { { .offset = (at), .width = 2, .value = (v) } }
#define RAW(number) .src = CLIENT, .dst = REMOTE, .proto = (number), .payload = 40
#define ICMP_OUT(t)                                                                        \
	.src = CLIENT, .dst = REMOTE, .sport = INT_PORT, .proto = PROTO_ICMP, .type = (t), \
	.payload = 12
#define ICMP_IN(t)                                                                      \
	.src = REMOTE, .dst = EIP, .sport = EXT_PORT, .proto = PROTO_ICMP, .type = (t), \
	.payload = 12
#define LIVE .state = NATGW_STATE_ESTABLISHED

static const struct path_case cases[] = {
	/* ---- IPv4 ---- */
	{ "version 5", AT_INT, { TCP_SYN_OUT, POKE8(AT(0), 0x55) }, OTHER(DROP_MALFORMED) },
	{ "version 6", AT_INT, { TCP_SYN_OUT, POKE8(AT(0), 0x65) }, OTHER(DROP_MALFORMED) },
	{ "version 0", AT_EXT, { TCP_IN, POKE8(AT(0), 0x05) }, LIVE, OTHER(DROP_MALFORMED) },
	{ "header length 4", AT_INT, { TCP_SYN_OUT, POKE8(AT(0), 0x44) }, OTHER(DROP_MALFORMED) },
	{ "header length 0", AT_INT, { TCP_SYN_OUT, POKE8(AT(0), 0x40) }, OTHER(DROP_MALFORMED) },
	{ "header longer than the packet",
	  AT_INT,
	  { TCP_SYN_OUT, POKE8(AT(0), 0x4f) },
	  OTHER(DROP_MALFORMED) },
	{ "total length 0", AT_INT, { TCP_SYN_OUT, POKE16(AT(2), 0) }, OTHER(DROP_MALFORMED) },
	{ "total length 19", AT_INT, { TCP_SYN_OUT, POKE16(AT(2), 19) }, OTHER(DROP_MALFORMED) },
	{ "total length below the header",
	  AT_INT,
	  { TCP_SYN_OUT, .options = 2, POKE16(AT(2), 27) },
	  OTHER(DROP_MALFORMED) },
	{ "total length one more than the frame",
	  AT_INT,
	  { TCP_SYN_OUT, POKE16(AT(2), 41) },
	  OTHER(DROP_MALFORMED) },
	{ "total length 65535",
	  AT_INT,
	  { TCP_SYN_OUT, POKE16(AT(2), 65535) },
	  OTHER(DROP_MALFORMED) },
	{
		"IP header cut",
		AT_INT,
		{ TCP_SYN_OUT, .cut = 21 },
		OTHER(DROP_MALFORMED),
		.xdp_only = true,
	},
	{ "frame cut", AT_INT, { UDP_OUT, .cut = 1 }, OTHER(DROP_MALFORMED) },

	/* ---- TCP ---- */
	{ "TCP: 19 bytes",
	  AT_INT,
	  { TCP_SYN_OUT, .cut = 1, POKE16(AT(2), 39) },
	  OUT_1(DROP_MALFORMED) },
	{ "TCP: 19 bytes, padded",
	  AT_INT,
	  { TCP_SYN_OUT, .pad = 10, POKE16(AT(2), 39) },
	  OUT_1(DROP_MALFORMED) },
	{ "TCP: nothing",
	  AT_INT,
	  { TCP_SYN_OUT, .cut = 20, POKE16(AT(2), 20) },
	  OUT_1(DROP_MALFORMED) },
	{ "TCP: data offset 4",
	  AT_INT,
	  { TCP_SYN_OUT, POKE8(L4(12), 0x40) },
	  OUT_1(DROP_MALFORMED) },
	{ "TCP: data offset 0", AT_INT, { TCP_SYN_OUT, POKE8(L4(12), 0) }, OUT_1(DROP_MALFORMED) },
	{ "TCP: data offset past the end",
	  AT_INT,
	  { TCP_SYN_OUT, POKE8(L4(12), 0x60) },
	  OUT_1(DROP_MALFORMED) },
	{ "TCP: data offset into the padding",
	  AT_INT,
	  { TCP_SYN_OUT, .pad = 40, POKE8(L4(12), 0xf0) },
	  OUT_1(DROP_MALFORMED) },
	{ "TCP: source port 0",
	  AT_INT,
	  { .src = CLIENT, .dst = REMOTE, .dport = 80, .proto = PROTO_TCP, .flags = SYN },
	  OUT_1(DROP_MALFORMED) },
	{ "TCP: destination port 0",
	  AT_INT,
	  { .src = CLIENT, .dst = REMOTE, .sport = 80, .proto = PROTO_TCP, .flags = SYN },
	  OUT_1(DROP_MALFORMED) },
	{ "TCP: data offset 4, inbound",
	  AT_EXT,
	  { TCP_IN, POKE8(L4(12), 0x40) },
	  LIVE,
	  IN_1(DROP_MALFORMED) },
	{ "TCP: data offset 4 to the host is the host's",
	  AT_EXT,
	  { TCP_TO(REMOTE, HOST_IP), POKE8(L4(12), 0x40) },
	  OTHER(PASS_HOST) },
	{ "TCP: data offset 4 over a local route",
	  AT_INT,
	  { TCP_TO(CLIENT, IP(10, 0, 2, 9)), POKE8(L4(12), 0x40) },
	  OUT_0(PASS_NOT_NAT) },

	/* ---- UDP ---- */
	{ "UDP: 7 bytes",
	  AT_INT,
	  { FLOW_OUT(CLIENT, REMOTE), .proto = PROTO_UDP, .cut = 1, POKE16(AT(2), 27) },
	  OUT_1(DROP_MALFORMED) },
	{ "UDP: length 7", AT_INT, { UDP_OUT, POKE16(L4(4), 7) }, OUT_1(DROP_MALFORMED) },
	{ "UDP: length 0", AT_INT, { UDP_OUT, POKE16(L4(4), 0) }, OUT_1(DROP_MALFORMED) },
	{ "UDP: length one too long",
	  AT_INT,
	  { UDP_OUT, POKE16(L4(4), 33) },
	  OUT_1(DROP_MALFORMED) },
	{ "UDP: length into the padding",
	  AT_INT,
	  { UDP_OUT, .pad = 8, POKE16(L4(4), 40) },
	  OUT_1(DROP_MALFORMED) },
	{ "UDP: source port 0",
	  AT_INT,
	  { .src = CLIENT, .dst = REMOTE, .dport = 80, .proto = PROTO_UDP },
	  OUT_1(DROP_MALFORMED) },
	{ "UDP: destination port 0",
	  AT_INT,
	  { .src = CLIENT, .dst = REMOTE, .sport = 80, .proto = PROTO_UDP },
	  OUT_1(DROP_MALFORMED) },
	{ "UDP: length 7, inbound",
	  AT_EXT,
	  { UDP_IN, POKE16(L4(4), 7) },
	  LIVE,
	  IN_1(DROP_MALFORMED) },

	/* ---- ICMP ---- */
	{ "ICMP: 7 bytes",
	  AT_INT,
	  { .src = CLIENT,
	    .dst = REMOTE,
	    .proto = PROTO_ICMP,
	    .type = TYPE_ECHO,
	    .cut = 1,
	    POKE16(AT(2), 27) },
	  OUT_1(DROP_MALFORMED) },
	{ "ICMP: 7 bytes, padded",
	  AT_INT,
	  { .src = CLIENT,
	    .dst = REMOTE,
	    .proto = PROTO_ICMP,
	    .type = TYPE_ECHO,
	    .pad = 9,
	    POKE16(AT(2), 27) },
	  OUT_1(DROP_MALFORMED) },
	{ "ICMP: source quench", AT_INT, { ICMP_OUT(4) }, OUT_1(DROP_ICMP_TYPE) },
	{ "ICMP: redirect", AT_EXT, { ICMP_IN(5) }, IN_1(DROP_ICMP_TYPE) },
	{ "ICMP: router advertisement", AT_EXT, { ICMP_IN(9) }, IN_1(DROP_ICMP_TYPE) },
	{ "ICMP: time stamp", AT_INT, { ICMP_OUT(13) }, OUT_1(DROP_ICMP_TYPE) },
	{ "ICMP: address mask", AT_INT, { ICMP_OUT(17) }, OUT_1(DROP_ICMP_TYPE) },
	{ "ICMP: type 255", AT_INT, { ICMP_OUT(255) }, OUT_1(DROP_ICMP_TYPE) },

	/* ---- protocols ---- */
	{ "GRE", AT_INT, { RAW(47) }, OUT_1(DROP_PROTO) },
	{ "ESP", AT_INT, { RAW(50) }, OUT_1(DROP_PROTO) },
	{ "AH", AT_INT, { RAW(51) }, OUT_1(DROP_PROTO) },
	{ "SCTP", AT_INT, { RAW(132) }, OUT_1(DROP_PROTO) },
	{ "UDP-Lite", AT_INT, { RAW(136) }, OUT_1(DROP_PROTO) },
	{ "IGMP", AT_INT, { RAW(2) }, OUT_1(DROP_PROTO) },
	{ "protocol 0", AT_INT, { RAW(0) }, OUT_1(DROP_PROTO) },
	{ "protocol 255", AT_INT, { RAW(255) }, OUT_1(DROP_PROTO) },
	{ "GRE to an EIP",
	  AT_EXT,
	  { .src = REMOTE, .dst = EIP, .proto = 47, .payload = 9 },
	  IN_1(DROP_PROTO) },

	/* ---- fragments ---- */
	{ "first fragment, TCP", AT_INT, { TCP_OUT, .frag = FRAG_MF }, LIVE, OUT_1(DROP_FRAG_TCP) },
	{ "later fragment, TCP", AT_INT, { TCP_OUT, .frag = 185 }, LIVE, OUT_1(DROP_FRAG_TCP) },
	{ "middle fragment, TCP",
	  AT_INT,
	  { TCP_OUT, .frag = FRAG_MF | 185 },
	  LIVE,
	  OUT_1(DROP_FRAG_TCP) },
	{ "first fragment, UDP", AT_INT, { UDP_OUT, .frag = FRAG_MF }, OUT_1(DROP_FRAG_UDP) },
	{ "later fragment, UDP", AT_EXT, { UDP_IN, .frag = 1 }, LIVE, IN_1(DROP_FRAG_UDP) },
	{ "last offset, UDP", AT_EXT, { UDP_IN, .frag = 0x1fff }, LIVE, IN_1(DROP_FRAG_UDP) },
	{ "first fragment, ICMP", AT_INT, { PING_OUT, .frag = FRAG_MF }, OUT_1(DROP_FRAG_ICMP) },
	{ "later fragment, ICMP", AT_EXT, { PONG_IN, .frag = 185 }, LIVE, IN_1(DROP_FRAG_ICMP) },
	{ "fragment, GRE", AT_INT, { RAW(47), .frag = FRAG_MF }, OUT_1(DROP_PROTO) },
	{ "fragment with TTL 1: no answer",
	  AT_INT,
	  { UDP_OUT, .frag = 185, .ttl = 1 },
	  OUT_1(DROP_FRAG_UDP) },

};

int main(void)
{
	return path_run("malformed", cases, sizeof(cases) / sizeof(cases[0]));
}
