// SPDX-License-Identifier: GPL-2.0-only
/* TCP: headers, flags, the MSS clamp, and what a RST does not do. */
#include "catalogue_setup.h"

#define FLAG_URG 0x20
#define FLAG_ECE 0x40
#define FLAG_CWR 0x80
#define FLAG_AE 0x100

/* ---- TCP options (RFC 9293 3.2) ---- */

#define MSS(n) 2, 4, (n) >> 8, (n)&0xff

static const __u8 mss_1460[] = { MSS(1460) };
static const __u8 mss_1360[] = { MSS(1360) };
static const __u8 mss_1361[] = { MSS(1361) };
static const __u8 mss_1260[] = { MSS(1260) };
static const __u8 mss_536[] = { MSS(536) };
static const __u8 mss_0[] = { MSS(0) };
static const __u8 mss_8960[] = { MSS(8960) };
static const __u8 mss_65535[] = { MSS(65535) };
static const __u8 mss_after_nop[] = { 1, MSS(1460), 1, 1, 1 };
static const __u8 mss_after_nop_1360[] = { 1, MSS(1360), 1, 1, 1 };
static const __u8 mss_after_scale[] = { 3, 3, 7, MSS(1460), 0 };
static const __u8 mss_after_scale_1360[] = { 3, 3, 7, MSS(1360), 0 };
static const __u8 linux_syn[] = { MSS(1460), 4, 2, 8, 10, 1, 2, 3, 4, 0, 0, 0, 0, 1, 3, 3, 7 };
static const __u8 linux_syn_1360[] = { MSS(1360), 4, 2, 8, 10, 1, 2, 3, 4, 0, 0, 0, 0, 1, 3, 3, 7 };
#define FILLED_36                                                                                  \
	8, 10, 1, 2, 3, 4, 0, 0, 0, 0, 254, 20, 1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12, 13, 14, 15, \
		16, 17, 18, 4, 2, 3, 3, 7, 1
static const __u8 mss_last[] = { FILLED_36, MSS(1460) };
static const __u8 mss_last_1360[] = { FILLED_36, MSS(1360) };
static const __u8 mss_behind_end[] = { 0, MSS(1460), 0, 0, 0 };
static const __u8 mss_behind_broken[] = { 3, 0, MSS(1460), 0, 0 };
static const __u8 mss_of_3_bytes[] = { 2, 3, 0x05, 1 };
static const __u8 mss_cut[] = { 1, 1, 2, 4 };
static const __u8 mss_no_length[] = { 1, 1, 1, 2 };
static const __u8 mss_twice[] = { MSS(1300), MSS(1460) };
static const __u8 mss_twice_lowered[] = { MSS(1300), MSS(1360) };
static const __u8 length_0[] = { 254, 0, 1, 2 };
static const __u8 sack[] = { 1, 1, 5, 10, 0, 0, 0, 1, 0, 0, 0, 9 };

#define TCP_OPTIONS(bytes) .tcp_options = sizeof(bytes) / 4, .tcp_option_bytes = (bytes)
#define SYN_TO_SMALL(bytes)                                          \
	{                                                            \
		TCP_TO(CLIENT, REMOTE_SMALL_MTU), TCP_OPTIONS(bytes) \
	}
#define SYN_ACK_IN(bytes)                                   \
	{                                                   \
		TCP_IN_FLAGS(SYN | ACK), TCP_OPTIONS(bytes) \
	}

/* ---- before ---- */

#define RST_IN(number)                                                                    \
	.in = { FLOW_IN(REMOTE, EIP), .proto = PROTO_TCP, .flags = RST, .numbered = true, \
		.seq = (number) }
#define STEP_OUT .at = AT_INT, .verdict = NATGW_TRANSLATED
#define STEP_IN .at = AT_EXT, .verdict = NATGW_TRANSLATED

/* The client has acknowledged FRAME_ACK, which is the number that a RST must have. */
static const struct path_step rst_elsewhere[] = { { STEP_OUT, .in = { TCP_OUT } },
						  { STEP_IN, RST_IN(FRAME_ACK + 1000) },
						  {} };
static const struct path_step rst_exact[] = { { STEP_OUT, .in = { TCP_OUT } },
					      { STEP_IN, RST_IN(FRAME_ACK) },
					      {} };
static const struct path_step data_out[] = { { STEP_OUT, .in = { TCP_OUT } }, {} };
static const struct path_step both_fins[] = { { STEP_OUT, .in = { TCP_OUT_FLAGS(FIN | ACK) } },
					      { STEP_IN, .in = { TCP_IN_FLAGS(FIN | ACK) } },
					      {} };

static const struct path_case cases[] = {
	/* ---- headers ---- */
	{ "C02",
	  "header cut to 8 bytes",
	  AT_INT,
	  { TCP_SYN_OUT, .cut = 12, POKE16(L3(2), 28), .mend = true },
	  OUT_1(DROP_MALFORMED) },
	{ "C03",
	  "data offset 15 of a header of 20 bytes",
	  AT_INT,
	  { TCP_SYN_OUT, POKE8(L4(12), 0xf0) },
	  OUT_1(DROP_MALFORMED) },
	{ "C68",
	  "header cut to 8 bytes, inbound",
	  AT_EXT,
	  { TCP_IN_FLAGS(ACK), .cut = 12, POKE16(L3(2), 28), .mend = true },
	  LIVE,
	  IN_1(DROP_MALFORMED) },
	{ "C69",
	  "source port 0, inbound",
	  AT_EXT,
	  { .src = REMOTE, .dst = EIP, .dport = EXT_PORT, .proto = PROTO_TCP, .flags = ACK },
	  LIVE,
	  IN_1(DROP_MALFORMED) },
	{ "C24",
	  "checksum wrong: stays wrong",
	  AT_INT,
	  { TCP_OUT, .bad_l4 = 0x0101 },
	  LIVE,
	  OUT_1(TRANSLATED) },
	{ "C70",
	  "checksum wrong: stays wrong, inbound",
	  AT_EXT,
	  { TCP_IN, .bad_l4 = 0x1234 },
	  LIVE,
	  IN_1(TRANSLATED) },

	/* ---- flags ---- */
	{ "C08",
	  "XMAS: FIN PSH URG",
	  AT_INT,
	  { TCP_OUT_FLAGS(FIN | PSH | FLAG_URG) },
	  OUT_1(DROP_TCP_NO_SYN) },
	{ "C10", "SYN and RST", AT_INT, { TCP_OUT_FLAGS(SYN | RST) }, OUT_1(DROP_TCP_NO_SYN) },
	{ "C11",
	  "FIN and ACK of no session",
	  AT_INT,
	  { TCP_OUT_FLAGS(FIN | ACK) },
	  OUT_1(DROP_TCP_NO_SYN) },
	{ "C71",
	  "SYN and PSH and URG",
	  AT_INT,
	  { TCP_OUT_FLAGS(SYN | PSH | FLAG_URG) },
	  OUT_1(TRANSLATED) },
	{ "C16",
	  "SYN and ACK from outside, no session",
	  AT_EXT,
	  { TCP_IN_FLAGS(SYN | ACK) },
	  IN_1(DROP_NO_SESSION) },
	{ "C18",
	  "RST from outside, no session",
	  AT_EXT,
	  { TCP_IN_FLAGS(RST) },
	  IN_1(DROP_NO_SESSION) },
	{ "C19",
	  "SYN to a live port, another remote address",
	  AT_EXT,
	  { FLOW_IN(REMOTE_B, EIP), .proto = PROTO_TCP, .flags = SYN },
	  LIVE,
	  IN_1(DROP_NO_SESSION) },
	{ "C20",
	  "SYN to a live port, another remote port",
	  AT_EXT,
	  { .src = REMOTE,
	    .dst = EIP,
	    .sport = 81,
	    .dport = EXT_PORT,
	    .proto = PROTO_TCP,
	    .flags = SYN },
	  LIVE,
	  IN_1(DROP_NO_SESSION) },
	{ "C23", "SYN with data", AT_INT, { TCP_SYN_OUT, .payload = 100 }, OUT_1(TRANSLATED) },
	{ "C26",
	  "SYN with ECE, CWR and AE",
	  AT_INT,
	  { TCP_OUT_FLAGS(SYN | FLAG_ECE | FLAG_CWR | FLAG_AE) },
	  OUT_1(TRANSLATED) },
	{ "C72",
	  "all flags, of a session",
	  AT_INT,
	  { TCP_OUT_FLAGS(0xff) },
	  LIVE,
	  OUT_1(TRANSLATED) },
	{ "C73", "no flag, of a session", AT_EXT, { TCP_IN_FLAGS(0) }, LIVE, IN_1(TRANSLATED) },
	{ "C74",
	  "SYN from the remote endpoint meets ours",
	  AT_EXT,
	  { TCP_IN_FLAGS(SYN) },
	  YOUNG,
	  IN_1(TRANSLATED) },
	{ "C75",
	  "keep-alive",
	  AT_INT,
	  { TCP_OUT_FLAGS(ACK), .numbered = true, .seq = FRAME_SEQ - 1, .ack = FRAME_ACK },
	  LIVE,
	  OUT_1(TRANSLATED) },
	{ "C76",
	  "SACK",
	  AT_INT,
	  { TCP_OUT_FLAGS(ACK), TCP_OPTIONS(sack) },
	  LIVE,
	  OUT_1(TRANSLATED) },

	/* ---- RST and FIN ---- */
	{ "C28",
	  "RST with another number",
	  AT_EXT,
	  { FLOW_IN(REMOTE, EIP), .proto = PROTO_TCP, .flags = RST, .numbered = true,
	    .seq = FRAME_ACK + 1000 },
	  LIVE,
	  .before = data_out,
	  IN_1(TRANSLATED) },
	{ "C29",
	  "data after such a RST",
	  AT_EXT,
	  { TCP_IN },
	  LIVE,
	  .before = rst_elsewhere,
	  IN_1(TRANSLATED) },
	{ "C30",
	  "RST with the right number",
	  AT_EXT,
	  { FLOW_IN(REMOTE, EIP), .proto = PROTO_TCP, .flags = RST, .numbered = true,
	    .seq = FRAME_ACK },
	  LIVE,
	  .before = data_out,
	  IN_1(TRANSLATED) },
	{ "C31",
	  "data after that RST",
	  AT_INT,
	  { TCP_OUT },
	  LIVE,
	  .before = rst_exact,
	  OUT_1(TRANSLATED) },
	{ "C77",
	  "data from outside after that RST",
	  AT_EXT,
	  { TCP_IN },
	  LIVE,
	  .before = rst_exact,
	  IN_1(TRANSLATED) },
	{ "C78",
	  "last ACK after both FINs",
	  AT_INT,
	  { TCP_OUT_FLAGS(ACK) },
	  LIVE,
	  .before = both_fins,
	  OUT_1(TRANSLATED) },
	{ "C79",
	  "retransmitted FIN after both FINs",
	  AT_EXT,
	  { TCP_IN_FLAGS(FIN | ACK) },
	  LIVE,
	  .before = both_fins,
	  IN_1(TRANSLATED) },

	/* ---- MSS: the way out takes 1400 bytes ---- */
	{ "C25", "SYN with an option of length 0", AT_INT, SYN_TO_SMALL(length_0),
	  OUT_1(TRANSLATED) },
	{ "C27", "SYN with 40 bytes of options, the MSS last", AT_INT, SYN_TO_SMALL(mss_last),
	  .mss = mss_last_1360, OUT_1(TRANSLATED) },
	{ "C80", "MSS 1460 becomes 1360", AT_INT, SYN_TO_SMALL(mss_1460), .mss = mss_1360,
	  OUT_1(TRANSLATED) },
	{ "C81", "MSS 1361 becomes 1360", AT_INT, SYN_TO_SMALL(mss_1361), .mss = mss_1360,
	  OUT_1(TRANSLATED) },
	{ "C82", "MSS 1360 stays", AT_INT, SYN_TO_SMALL(mss_1360), OUT_1(TRANSLATED) },
	{ "C83", "MSS 536 is not raised", AT_INT, SYN_TO_SMALL(mss_536), OUT_1(TRANSLATED) },
	{ "C84", "MSS 0 is not raised", AT_INT, SYN_TO_SMALL(mss_0), OUT_1(TRANSLATED) },
	{ "C85", "MSS 65535", AT_INT, SYN_TO_SMALL(mss_65535), .mss = mss_1360, OUT_1(TRANSLATED) },
	{ "C86",
	  "no MSS: none is added",
	  AT_INT,
	  { TCP_TO(CLIENT, REMOTE_SMALL_MTU), .tcp_options = 2 },
	  OUT_1(TRANSLATED) },
	{ "C87", "MSS at an odd place, behind a NOP", AT_INT, SYN_TO_SMALL(mss_after_nop),
	  .mss = mss_after_nop_1360, OUT_1(TRANSLATED) },
	{ "C88", "MSS at an odd place, behind the window scale", AT_INT,
	  SYN_TO_SMALL(mss_after_scale), .mss = mss_after_scale_1360, OUT_1(TRANSLATED) },
	{ "C89", "SYN as Linux sends it", AT_INT, SYN_TO_SMALL(linux_syn), .mss = linux_syn_1360,
	  OUT_1(TRANSLATED) },
	{ "C90", "MSS behind the end of the list", AT_INT, SYN_TO_SMALL(mss_behind_end),
	  OUT_1(TRANSLATED) },
	{ "C91", "MSS behind a broken option", AT_INT, SYN_TO_SMALL(mss_behind_broken),
	  OUT_1(TRANSLATED) },
	{ "C92", "MSS of 3 bytes", AT_INT, SYN_TO_SMALL(mss_of_3_bytes), OUT_1(TRANSLATED) },
	{ "C93", "MSS past the header", AT_INT, SYN_TO_SMALL(mss_cut), OUT_1(TRANSLATED) },
	{ "C94", "MSS without a length at the end", AT_INT, SYN_TO_SMALL(mss_no_length),
	  OUT_1(TRANSLATED) },
	{ "C95", "MSS twice: the last one counts", AT_INT, SYN_TO_SMALL(mss_twice),
	  .mss = mss_twice_lowered, OUT_1(TRANSLATED) },
	{ "C96",
	  "MSS of a SYN with a wrong checksum",
	  AT_INT,
	  { TCP_TO(CLIENT, REMOTE_SMALL_MTU), TCP_OPTIONS(mss_1460), .bad_l4 = 7 },
	  .mss = mss_1360,
	  OUT_1(TRANSLATED) },
	{ "C97",
	  "MSS and IP options",
	  AT_INT,
	  { TCP_TO(CLIENT, REMOTE_SMALL_MTU), .options = 10, TCP_OPTIONS(linux_syn) },
	  .mss = linux_syn_1360,
	  OUT_1(TRANSLATED) },
	{ "C98",
	  "SYN sent again, MSS 1460",
	  AT_INT,
	  { TCP_SYN_OUT, TCP_OPTIONS(mss_1460) },
	  YOUNG,
	  SMALL_INTERNAL,
	  .mss = mss_1260,
	  OUT_1(TRANSLATED) },
	{ "C99",
	  "MSS 8960 through 1500",
	  AT_INT,
	  { TCP_SYN_OUT, TCP_OPTIONS(mss_8960) },
	  .mss = mss_1460,
	  OUT_1(TRANSLATED) },
	{ "C100", "SYN and ACK, MSS 1460", AT_EXT, SYN_ACK_IN(linux_syn), YOUNG, SMALL_EXTERNAL,
	  .mss = linux_syn_1360, IN_1(TRANSLATED) },
	{ "C101", "SYN and ACK, MSS 1460 at an odd place", AT_EXT, SYN_ACK_IN(mss_after_nop), YOUNG,
	  SMALL_EXTERNAL, .mss = mss_after_nop_1360, IN_1(TRANSLATED) },
	{ "C102", "SYN and ACK, MSS 536", AT_EXT, SYN_ACK_IN(mss_536), YOUNG, SMALL_EXTERNAL,
	  IN_1(TRANSLATED) },
	{ "C103",
	  "the clients' link is the smaller one",
	  AT_INT,
	  { TCP_SYN_OUT, TCP_OPTIONS(mss_1460) },
	  SMALL_INTERNAL,
	  .mss = mss_1260,
	  OUT_1(TRANSLATED) },
	{ "C104",
	  "no SYN: what looks like an MSS stays",
	  AT_INT,
	  { TCP_OUT_FLAGS(ACK), TCP_OPTIONS(mss_8960) },
	  LIVE,
	  OUT_1(TRANSLATED) },
	{ "C105",
	  "egress: MSS 1460 through 1400",
	  AT_EGRESS,
	  { TCP_SYN_OUT, TCP_OPTIONS(mss_1460) },
	  SMALL_EXTERNAL,
	  .mss = mss_1360,
	  OUT_1(TRANSLATED) },
};

CATALOGUE_TABLE(tcp, cases);
