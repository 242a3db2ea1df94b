// SPDX-License-Identifier: GPL-2.0-only
/*
 * What the sender of a packet is told that is dropped: a RST for a segment of no session
 * (requirement B-11, RFC 9293 3.10.7.1), a RST or an ICMP error where there is no port
 * (on_exhaustion).
 */
#include "catalogue.h"

/* ---- what a row needs beside the usual configuration ---- */

static void use_no_session(struct bench *bench, __u8 no_session)
{
	struct natgw_gateway gateway = bench_gateway();

	gateway.no_session = no_session;
	bench_set_gateway(bench, &gateway);
}

static void setup_internal(struct bench *bench)
{
	use_no_session(bench, NATGW_NO_SESSION_RST_INTERNAL);
}

static void setup_both(struct bench *bench)
{
	use_no_session(bench, NATGW_NO_SESSION_RST_BOTH);
}

static void setup_one_armed(struct bench *bench)
{
	bench_set_iface(bench, bench->ext_ifindex, NATGW_IFACE_EXTERNAL | NATGW_IFACE_INTERNAL, 1);
	use_no_session(bench, NATGW_NO_SESSION_RST_INTERNAL);
}

static void setup_internal_pending(struct bench *bench)
{
	struct natgw_gateway gateway = bench_gateway();

	gateway.state = NATGW_GATEWAY_PENDING;
	gateway.no_session = NATGW_NO_SESSION_RST_INTERNAL;
	bench_set_gateway(bench, &gateway);
}

/* The only port has a session to the standard remote endpoint, of another client. */
static void exhaust(struct bench *bench, __u8 on_exhaustion)
{
	static const __u8 protos[] = { PROTO_TCP, PROTO_UDP, PROTO_ICMP };
	struct natgw_gateway gateway = bench_gateway();

	bench_range(&gateway, EXT_PORT, 1, 0);
	gateway.on_exhaustion = on_exhaustion;
	bench_set_gateway(bench, &gateway);
	for (size_t i = 0; i < sizeof(protos); i++) {
		struct pair pair = pair_standard(protos[i], NATGW_STATE_ESTABLISHED);

		pair.int_addr = CLIENT_B;
		pair_add(bench, &pair);
	}
}

static void setup_exhausted(struct bench *bench)
{
	exhaust(bench, NATGW_ON_EXHAUSTION_DROP);
}

static void setup_exhausted_rst(struct bench *bench)
{
	exhaust(bench, NATGW_ON_EXHAUSTION_RST);
}

static void setup_exhausted_icmp(struct bench *bench)
{
	exhaust(bench, NATGW_ON_EXHAUSTION_ICMP);
}

/* Another refusal than that of a port has the same answer. */
static void setup_quota_rst(struct bench *bench)
{
	struct natgw_gateway gateway = bench_gateway();
	struct pair pair = pair_standard(PROTO_TCP, NATGW_STATE_ESTABLISHED);

	gateway.sessions_max = 1;
	gateway.on_exhaustion = NATGW_ON_EXHAUSTION_RST;
	bench_set_gateway(bench, &gateway);
	pair.int_addr = CLIENT_B;
	pair_add(bench, &pair);
}

/* ---- answers ---- */

/* From the remote endpoint, so that it fits the client's connection. */
#define RESET(bits, number, acknowledged)                                                  \
	&(const struct spec)                                                               \
	{                                                                                  \
		.src = REMOTE, .dst = CLIENT, .smac = mac_int, .dmac = mac_client,         \
		.proto = PROTO_TCP, .frag = FRAG_DF, .sport = REM_PORT, .dport = INT_PORT, \
		.flags = (bits), .numbered = true, .seq = (number), .ack = (acknowledged), \
	}
/* A segment with an acknowledgement says what the next number is. */
#define RST_FOR_ACK \
	.form = FORM_ANSWER, .answer = RESET(RST, FRAME_ACK, 0), .xdp = NATGW_DEFER_ANSWER
#define RST_FOR_SYN(len)                                                           \
	.form = FORM_ANSWER, .answer = RESET(RST | ACK, 0, FRAME_SEQ + 1 + (len)), \
	.xdp = NATGW_DEFER_ANSWER

#define UNREACHABLE(about, l4)                                                             \
	.form = FORM_ANSWER, .xdp = NATGW_DEFER_ANSWER, .answer = &(const struct spec)     \
	{                                                                                  \
		.src = PRIVATE_IP, .dst = CLIENT, .smac = mac_int, .dmac = mac_client,     \
		.proto = PROTO_ICMP, .frag = FRAG_DF, .type = TYPE_UNREACHABLE, .code = 1, \
		.quote = (about), .quote_l4 = (l4),                                        \
	}

/* Back by the interface and to the MAC address that the segment came from. */
static const struct spec one_armed_rst = { .src = REMOTE,
					   .dst = CLIENT,
					   .smac = mac_ext,
					   .dmac = mac_router,
					   .proto = PROTO_TCP,
					   .frag = FRAG_DF,
					   .sport = REM_PORT,
					   .dport = INT_PORT,
					   .flags = RST,
					   .numbered = true,
					   .seq = FRAME_ACK };

static const struct spec about_syn = { TCP_SYN_OUT };
static const struct spec about_udp = { UDP_OUT };
static const struct spec about_ping = { PING_OUT };

#define NO_SESSION(bits)            \
	AT_INT,                     \
	{                           \
		TCP_OUT_FLAGS(bits) \
	}
#define INTERNAL OUT_1(DROP_TCP_NO_SYN), .setup = setup_internal, .given = "a RST for clients"

/* The dry run makes no session, so it does not know. */
/* And a client that is refused is remembered, without sessions. */
#define NOT_LOOKED_FOR .check = NATGW_TRANSLATED, .changes = "clients, gateway_use"

static const struct path_case cases[] = {
	/* ---- a segment of no session ---- */
	{ "H01", "ACK", NO_SESSION(ACK), RST_FOR_ACK, INTERNAL },
	{ "H02", "ACK, both sides are told", NO_SESSION(ACK), RST_FOR_ACK, OUT_1(DROP_TCP_NO_SYN),
	  .setup = setup_both, .given = "a RST for both sides" },
	{ "H03", "data", AT_INT, { TCP_OUT }, RST_FOR_ACK, INTERNAL },
	{ "H04",
	  "data, one odd byte",
	  AT_INT,
	  { TCP_OUT_FLAGS(ACK), .payload = 1 },
	  RST_FOR_ACK,
	  INTERNAL },
	{ "H05",
	  "data, full size",
	  AT_INT,
	  { TCP_OUT_FLAGS(ACK), .payload = 1460 },
	  RST_FOR_ACK,
	  INTERNAL },
	{ "H06",
	  "data, padded frame",
	  AT_INT,
	  { TCP_OUT_FLAGS(ACK), .pad = 6 },
	  RST_FOR_ACK,
	  INTERNAL },
	{ "H07",
	  "data in segments",
	  AT_INT,
	  { TCP_OUT_FLAGS(ACK), .payload = 3000 },
	  RST_FOR_ACK,
	  INTERNAL,
	  .gso_segs = 3,
	  .gso_size = 1000 },
	{ "H08", "FIN and ACK", NO_SESSION(FIN | ACK), RST_FOR_ACK, INTERNAL },
	{ "H09", "ACK, mark of others", NO_SESSION(ACK), RST_FOR_ACK, INTERNAL, .mark = 0x1234 },
	{ "H10", "ACK, its session is dead", NO_SESSION(ACK), RST_FOR_ACK, INTERNAL,
	  .state = NATGW_STATE_DEAD },
	{ "H11", "nobody is told", NO_SESSION(ACK), OUT_1(DROP_TCP_NO_SYN) },
	{ "H12", "no RST for a RST", NO_SESSION(RST), INTERNAL },
	{ "H13", "no RST for a RST and ACK", NO_SESSION(RST | ACK), INTERNAL },
	{ "H14", "no RST for a SYN and ACK", NO_SESSION(SYN | ACK), INTERNAL },
	{ "H15", "no RST for a SYN and FIN", NO_SESSION(SYN | FIN), INTERNAL },
	{ "H16", "no RST for a FIN without ACK", NO_SESSION(FIN), INTERNAL },
	{ "H17", "no RST for no flag", NO_SESSION(0), INTERNAL },
	{ "H18", "no RST for all flags", NO_SESSION(0x3f), INTERNAL },
	{ "H19",
	  "IP options: dropped without an answer",
	  AT_INT,
	  { TCP_OUT_FLAGS(ACK), .options = 2 },
	  INTERNAL,
	  .xdp = NATGW_DEFER_ANSWER },
	{ "H20",
	  "fragment: no RST",
	  AT_INT,
	  { TCP_OUT_FLAGS(ACK), .payload = 28, .frag = FRAG_MF },
	  OUT_1(DROP_FRAG_TCP),
	  .setup = setup_internal,
	  .given = "a RST for clients" },
	{ "H21", "gateway is pending: no RST", NO_SESSION(ACK), OUT_1(DROP_GATEWAY_NOT_AVAILABLE),
	  .setup = setup_internal_pending, .given = "a RST for clients, gateway pending" },
	{ "H22",
	  "to a client: no RST",
	  AT_INT,
	  { .src = CLIENT,
	    .dst = IP(10, 0, 2, 9),
	    .proto = PROTO_TCP,
	    .flags = ACK,
	    .sport = INT_PORT,
	    .dport = REM_PORT },
	  OUT_0(PASS_NOT_NAT),
	  .setup = setup_internal,
	  .given = "a RST for clients" },
	{ "H23",
	  "from outside: nothing is known of a session",
	  AT_EXT,
	  { TCP_IN },
	  IN_1(DROP_NO_SESSION),
	  .setup = setup_both,
	  .given = "a RST for both sides" },
	{ "H24",
	  "from outside: nobody but azure tells",
	  AT_EXT,
	  { TCP_IN },
	  IN_1(DROP_NO_SESSION),
	  .setup = setup_internal,
	  .given = "a RST for clients" },

	{ "H25",
	  "one-armed",
	  AT_EXT,
	  { TCP_OUT },
	  .form = FORM_ANSWER,
	  .answer = &one_armed_rst,
	  .xdp = NATGW_DEFER_ANSWER,
	  .setup = setup_one_armed,
	  .given = "one-armed, a RST for clients",
	  OUT_1(DROP_TCP_NO_SYN) },
	{ "H26",
	  "at egress: too late for an answer",
	  AT_EGRESS,
	  { TCP_OUT },
	  OUT_1(DROP_TCP_NO_SYN),
	  .setup = setup_internal,
	  .given = "a RST for clients" },

	/* ---- no port ---- */
	{ "H27",
	  "no port: dropped",
	  AT_INT,
	  { TCP_SYN_OUT },
	  NOT_LOOKED_FOR,
	  OUT_1(DROP_PORT_EXHAUSTED),
	  .setup = setup_exhausted,
	  .given = "no free port" },
	{ "H28",
	  "no port, RST",
	  AT_INT,
	  { TCP_SYN_OUT },
	  RST_FOR_SYN(0),
	  NOT_LOOKED_FOR,
	  OUT_1(DROP_PORT_EXHAUSTED),
	  .setup = setup_exhausted_rst,
	  .given = "no free port, on_exhaustion: rst" },
	{ "H29",
	  "no port, RST for a SYN with data",
	  AT_INT,
	  { TCP_SYN_OUT, .payload = 333 },
	  RST_FOR_SYN(333),
	  NOT_LOOKED_FOR,
	  OUT_1(DROP_PORT_EXHAUSTED),
	  .setup = setup_exhausted_rst,
	  .given = "no free port, on_exhaustion: rst" },
	{ "H30",
	  "no port, RST: UDP is dropped",
	  AT_INT,
	  { UDP_OUT },
	  NOT_LOOKED_FOR,
	  OUT_1(DROP_PORT_EXHAUSTED),
	  .setup = setup_exhausted_rst,
	  .given = "no free port, on_exhaustion: rst" },
	{ "H31",
	  "no port, RST: a ping is dropped",
	  AT_INT,
	  { PING_OUT },
	  NOT_LOOKED_FOR,
	  OUT_1(DROP_PORT_EXHAUSTED),
	  .setup = setup_exhausted_rst,
	  .given = "no free port, on_exhaustion: rst" },
	{ "H32",
	  "no port, ICMP, TCP",
	  AT_INT,
	  { TCP_SYN_OUT },
	  UNREACHABLE(&about_syn, 20),
	  NOT_LOOKED_FOR,
	  OUT_1(DROP_PORT_EXHAUSTED),
	  .setup = setup_exhausted_icmp,
	  .given = "no free port, on_exhaustion: icmp" },
	{ "H33",
	  "no port, ICMP, UDP",
	  AT_INT,
	  { UDP_OUT },
	  UNREACHABLE(&about_udp, 8),
	  NOT_LOOKED_FOR,
	  OUT_1(DROP_PORT_EXHAUSTED),
	  .setup = setup_exhausted_icmp,
	  .given = "no free port, on_exhaustion: icmp" },
	{ "H34",
	  "no port, ICMP, ping",
	  AT_INT,
	  { PING_OUT },
	  UNREACHABLE(&about_ping, 8),
	  NOT_LOOKED_FOR,
	  OUT_1(DROP_PORT_EXHAUSTED),
	  .setup = setup_exhausted_icmp,
	  .given = "no free port, on_exhaustion: icmp" },
	{ "H35",
	  "no port, at egress",
	  AT_EGRESS,
	  { TCP_SYN_OUT },
	  .changes = "clients, gateway_use",
	  OUT_1(DROP_PORT_EXHAUSTED),
	  .setup = setup_exhausted_rst,
	  .given = "no free port, on_exhaustion: rst" },
	{ "H36",
	  "quota, RST",
	  AT_INT,
	  { TCP_SYN_OUT },
	  RST_FOR_SYN(0),
	  NOT_LOOKED_FOR,
	  OUT_1(DROP_GATEWAY_QUOTA),
	  .setup = setup_quota_rst,
	  .given = "sessions used up, on_exhaustion: rst" },
};

CATALOGUE_TABLE(answers, cases);
