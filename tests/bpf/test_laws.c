// SPDX-License-Identifier: GPL-2.0-only
/*
 * The judge of random frames is judged: right cases of every outcome pass, and every law is broken
 * once, and named. No program runs here.
 */
#include "laws_train.h"
#include "mutate.h"
#include "world.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

#include "natgw_verdict.h"

#define L3(offset) (FRAME_ETH + (offset))
#define L4(offset) (FRAME_ETH + FRAME_IP + (offset))
#define QUOTE(offset) L4(8 + (offset))
#define QUOTE_L4(offset) QUOTE(FRAME_IP + (offset))
#define EXT 50000

/* Return values. */
#define XDP_GONE 1
#define XDP_UP 2
#define XDP_SENT 4
#define TC_OK 0
#define TC_GONE 2
#define TC_SENT 7
#define TC_NEXT 0xffffffffU

enum base {
	OUT,	   /* UDP, a client's, by XDP */
	OUT_TCP,   /* a SYN with an MSS option */
	OUT_FIRST, /* first fragment of a UDP datagram */
	OUT_LATER, /* another one of it */
	OUT_ERROR, /* about a UDP packet */
	IN,
	IN_ERROR, /* about a TCP packet */
	GONE,
	UP,	/* XDP has not finished it */
	NEXT,	/* nor tc */
	GIVEN,	/* inbound, the kernel forwards it */
	LEFT,	/* translated at egress */
	PASSED, /* untranslated at egress: from the host */
	TURNED,
	EXPIRED, /* answered with time exceeded */
	RESET,
	ARP_REPLY,
	BASE_COUNT,
};

struct planted {
	struct laws_case of;
	struct frame in;
	struct frame out;
};

/* ---- right cases ---- */

#define UDP(from, to) .src = (from), .dst = (to), .proto = PROTO_UDP, .payload = 25
#define TCP(from, to) .src = (from), .dst = (to), .proto = PROTO_TCP
#define INTERNAL_MACS .smac = mac_client, .dmac = mac_int
#define SENT_OUT_MACS .smac = mac_ext, .dmac = mac_router, .ttl_minus = 1
#define EXTERNAL_MACS .smac = mac_router, .dmac = mac_ext
#define SENT_IN_MACS .smac = mac_int, .dmac = mac_client, .ttl_minus = 1
#define EGRESS_MACS .smac = mac_ext, .dmac = mac_router

static const __u8 mss[4] = { 2, 4, 5, 0xb4 };
static const struct spec quote_inside = { UDP(REMOTE, CLIENT), .sport = 80, .dport = 4000 };
static const struct spec quote_inside_ext = { UDP(REMOTE, EIP), .sport = 80, .dport = EXT };
static const struct spec quote_outside = { TCP(EIP, REMOTE), .sport = EXT, .dport = 80 };
static const struct spec quote_outside_int = { TCP(CLIENT, REMOTE), .sport = 4000, .dport = 80 };
static const struct spec expired = { UDP(CLIENT, REMOTE), .sport = 4000, .dport = 80, .ttl = 1 };

#define OUT_UDP UDP(CLIENT, REMOTE), .sport = 4000, .dport = 80
#define OUT_UDP_EXT UDP(EIP, REMOTE), .sport = EXT, .dport = 80
#define IN_UDP UDP(REMOTE, EIP), .sport = 80, .dport = EXT
#define IN_UDP_INT UDP(REMOTE, CLIENT), .sport = 80, .dport = 4000
#define SYN_OUT(from, port)                                                              \
	TCP(from, REMOTE), .sport = (port), .dport = 80, .flags = SYN, .tcp_options = 1, \
			   .tcp_option_bytes = mss
#define ERROR(from, to, about)                                                     \
	.src = (from), .dst = (to), .proto = PROTO_ICMP, .type = TYPE_UNREACHABLE, \
	.quote = &(about), .quote_l4 = 40

/* As it comes in, and as it is afterwards (without a protocol and an EtherType: as it came in). */
static const struct {
	struct spec in;
	struct spec out;
} specs[BASE_COUNT] = {
	[OUT] = { { OUT_UDP, INTERNAL_MACS }, { OUT_UDP_EXT, SENT_OUT_MACS } },
	[OUT_TCP] = { { SYN_OUT(CLIENT, 4000), INTERNAL_MACS },
		      { SYN_OUT(EIP, EXT), SENT_OUT_MACS } },
	[OUT_FIRST] = { { OUT_UDP, INTERNAL_MACS, .frag = FRAG_MF, .piece = 16, .id = 7 },
			{ OUT_UDP_EXT, SENT_OUT_MACS, .frag = FRAG_MF, .piece = 16, .id = 8 } },
	[OUT_LATER] = { { OUT_UDP, INTERNAL_MACS, .frag = 2, .piece = 17, .id = 7 },
			{ OUT_UDP_EXT, SENT_OUT_MACS, .frag = 2, .piece = 17, .id = 8 } },
	[OUT_ERROR] = { { ERROR(CLIENT, REMOTE, quote_inside), INTERNAL_MACS },
			{ ERROR(EIP, REMOTE, quote_inside_ext), SENT_OUT_MACS } },
	[IN] = { { IN_UDP, EXTERNAL_MACS }, { IN_UDP_INT, SENT_IN_MACS } },
	[IN_ERROR] = { { ERROR(REMOTE_B, EIP, quote_outside), EXTERNAL_MACS },
		       { ERROR(REMOTE_B, CLIENT, quote_outside_int), SENT_IN_MACS } },
	[GONE] = { { IN_UDP, EXTERNAL_MACS }, {} },
	[UP] = { { OUT_UDP, INTERNAL_MACS }, {} },
	[NEXT] = { { OUT_UDP, INTERNAL_MACS }, {} },
	[GIVEN] = { { IN_UDP, EXTERNAL_MACS }, { IN_UDP_INT, EXTERNAL_MACS } },
	[LEFT] = { { OUT_UDP, EGRESS_MACS }, { OUT_UDP_EXT, EGRESS_MACS } },
	[PASSED] = { { UDP(HOST_IP, REMOTE), .sport = 53, .dport = 53, EGRESS_MACS }, {} },
	[TURNED] = { { UDP(CLIENT, EIP), .sport = 4000, .dport = 5353, INTERNAL_MACS },
		     { UDP(EIP_B, EIP), .sport = EXT, .dport = 5353, .smac = mac_ext,
		       .dmac = mac_ext } },
	[EXPIRED] = { { OUT_UDP, INTERNAL_MACS, .ttl = 1 },
		      { .src = PRIVATE_IP,
			.dst = CLIENT,
			.proto = PROTO_ICMP,
			.type = TYPE_TIME_EXCEEDED,
			.quote = &expired,
			.quote_l4 = 8,
			.smac = mac_int,
			.dmac = mac_client } },
	[RESET] = { { TCP(CLIENT, REMOTE), .sport = 4000, .dport = 80, .flags = ACK,
		      INTERNAL_MACS },
		    { TCP(REMOTE, CLIENT), .sport = 80, .dport = 4000, .flags = RST,
		      .smac = mac_int, .dmac = mac_client } },
	[ARP_REPLY] = { { .arp = 1, .src = IP(192, 0, 2, 254), .dst = EIP, EXTERNAL_MACS },
			{ .arp = 2,
			  .src = EIP,
			  .dst = IP(192, 0, 2, 254),
			  .smac = mac_ext,
			  .dmac = mac_router } },
};

static const struct laws_case cases[BASE_COUNT] = {
	[OUT] = { .hook = LAWS_XDP, .retval = XDP_SENT, .verdict = NATGW_TRANSLATED },
	[OUT_TCP] = { .hook = LAWS_TC, .retval = TC_SENT, .verdict = NATGW_TRANSLATED },
	[OUT_FIRST] = { .hook = LAWS_XDP, .retval = XDP_SENT, .verdict = NATGW_TRANSLATED },
	[OUT_LATER] = { .hook = LAWS_XDP, .retval = XDP_SENT, .verdict = NATGW_TRANSLATED },
	[OUT_ERROR] = { .hook = LAWS_XDP, .retval = XDP_SENT, .verdict = NATGW_TRANSLATED },
	[IN] = { .hook = LAWS_XDP,
		 .external = true,
		 .retval = XDP_SENT,
		 .verdict = NATGW_TRANSLATED },
	[IN_ERROR] = { .hook = LAWS_TC,
		       .external = true,
		       .retval = TC_SENT,
		       .verdict = NATGW_TRANSLATED },
	[GONE] = { .hook = LAWS_TC,
		   .external = true,
		   .retval = TC_GONE,
		   .verdict = NATGW_DROP_NO_SESSION },
	[UP] = { .hook = LAWS_XDP, .retval = XDP_UP, .verdict = NATGW_DEFER_NEIGHBOUR },
	[NEXT] = { .hook = LAWS_TC, .retval = TC_NEXT, .verdict = NATGW_DEFER_NEIGHBOUR },
	[GIVEN] = { .hook = LAWS_TC,
		    .external = true,
		    .retval = TC_OK,
		    .verdict = NATGW_TRANSLATED },
	[LEFT] = { .hook = LAWS_EGRESS, .retval = TC_OK, .verdict = NATGW_TRANSLATED },
	[PASSED] = { .hook = LAWS_EGRESS,
		     .from_host = true,
		     .retval = TC_OK,
		     .verdict = NATGW_PASS_HOST },
	[TURNED] = { .hook = LAWS_TC, .retval = TC_SENT, .verdict = NATGW_TRANSLATED },
	[EXPIRED] = { .hook = LAWS_TC, .retval = TC_SENT, .verdict = NATGW_DROP_TTL_EXPIRED },
	[RESET] = { .hook = LAWS_TC, .retval = TC_SENT, .verdict = NATGW_DROP_TCP_NO_SYN },
	[ARP_REPLY] = { .hook = LAWS_TC,
			.external = true,
			.retval = TC_SENT,
			.verdict = NATGW_PASS_ARP_ANSWERED },
};

static const enum laws_outcome outcomes[BASE_COUNT] = {
	LAWS_SENT_OUT, LAWS_SENT_OUT, LAWS_SENT_OUT, LAWS_SENT_OUT, LAWS_SENT_OUT, LAWS_SENT_IN,
	LAWS_SENT_IN,  LAWS_GONE,     LAWS_STAYED,   LAWS_STAYED,   LAWS_GIVEN,	   LAWS_LEFT,
	LAWS_STAYED,   LAWS_TURNED,   LAWS_ANSWERED, LAWS_ANSWERED, LAWS_ANSWERED,
};

static void make(enum base base, struct planted *ret)
{
	frame_build(&specs[base].in, &ret->in);
	frame_build(&specs[base].out, &ret->out);
	if (!specs[base].out.smac) {
		ret->out = ret->in;
	}
	ret->of = cases[base];
	ret->of.in = &ret->in;
	ret->of.out = &ret->out;
	ret->of.packets = 1;
	ret->of.seen = 1;
	ret->of.counted = 1;
}

static const char *judge(const struct planted *planted, enum laws_outcome *ret_outcome)
{
	*ret_outcome = LAWS_OUTCOME_COUNT;
	return laws_judge(&world_laws, &planted->of, ret_outcome);
}

static void test_what_is_right_passes(void **state)
{
	static struct planted planted;
	enum laws_outcome outcome;

	(void)state;
	for (int base = 0; base < BASE_COUNT; base++) {
		const char *wrong;

		make((enum base)base, &planted);
		wrong = judge(&planted, &outcome);
		if (wrong) {
			print_error("base %d: %s\n", base, wrong);
		}
		assert_null(wrong);
		assert_int_equal(outcome, outcomes[base]);
	}
}

/* ---- violations ---- */

struct plant {
	const char *law;
	enum base base;
	/* Bytes of the frames that are other ones, from this offset on. Where a checksum in a quote
	 * is not the point, they add up to the same as the right ones. */
	__u16 out_at;
	__u16 in_at;
	__u8 len;
	__u8 bytes[8];
	bool mended; /* and the checksums are made right again */
	/* And what the program has said and counted; 0: as it was. */
	__u32 retval;
	__u32 verdict;
	__u32 seen;
	__u32 counted;
	bool forwarded;
	bool longer; /* what comes out is */
};

/* Both frames, the one that came in and the other. */
#define BOTH(at) .in_at = (at), .out_at = (at)
#define B(...) .len = sizeof((__u8[]){ __VA_ARGS__ }), .bytes = { __VA_ARGS__ }
#define A_CLIENT B(10, 0, 1, 10)
#define A_EIP B(203, 0, 113, 10)
#define A_REMOTE B(198, 51, 100, 7)

static const struct plant plants[] = {
	{ "not seen once", OUT, .seen = 2 },
	{ "not one fate", OUT, .counted = 2 },
	{ "a fate that no packet may have", UP, .verdict = NATGW_DROP_INTERNAL },
	{ "an action that its fate does not have", OUT, .retval = XDP_UP },
	{ "an action that its fate does not have", UP, .retval = XDP_GONE },
	{ "an action that its fate does not have", UP, .verdict = NATGW_TRANSLATED },
	{ "an action that its fate does not have", NEXT, .retval = TC_GONE },
	{ "an action that its fate does not have", GONE, .retval = TC_SENT,
	  .verdict = NATGW_DEFER_TTL },
	{ "an action that its fate does not have", PASSED, .retval = TC_NEXT },
	{ "an action that its fate does not have", LEFT, .verdict = NATGW_DROP_MARTIAN },
	{ "sent with the MAC address of no interface", OUT, .out_at = 6, B(2, 3, 4) },
	{ "sent back to where it came from", OUT, .out_at = 6, B(2, 0, 0, 0, 1, 1) },
	{ "sent back to where it came from", IN, .out_at = 6, B(2, 0, 0, 0, 2, 1) },
	/* internal addresses */
	{ "an internal source outside", OUT, .out_at = L3(12), A_CLIENT, .mended = true },
	{ "an internal source outside", LEFT, .out_at = L3(12), B(10, 0, 2, 10), .mended = true },
	{ "an internal source outside", PASSED, BOTH(L3(12)), B(10, 0, 0, 226), .mended = true,
	  .forwarded = true },
	{ "an internal address in a quote outside", OUT_ERROR, .out_at = QUOTE(16), A_CLIENT,
	  .mended = true },
	{ "an internal address in a quote outside", OUT_ERROR, BOTH(QUOTE(12)), A_CLIENT,
	  .mended = true },
	{ "a quote outside that is in the next fragment", OUT_ERROR, BOTH(L3(2)),
	  B(0, 36, 0, 7, 0x20, 0), .mended = true },
	{ "outbound, and the source is no external address", OUT, .out_at = L3(12), A_REMOTE,
	  .mended = true },
	{ "sent outside to a gateway's own address", OUT, BOTH(L3(16)), B(203, 0, 113, 11),
	  .mended = true },
	{ "outbound, and the quoted destination is no external address", OUT_ERROR,
	  .out_at = QUOTE(16), B(203, 1, 113, 9), .mended = true },
	{ "inbound, and not from an external address to an internal host", IN, .out_at = L3(16),
	  B(192, 168, 0, 1), .mended = true },
	{ "inbound, and not from an external address to an internal host", IN, .in_at = L3(16),
	  B(203, 0, 113, 200), .mended = true },
	{ "inbound, and the quoted source is no internal host", IN_ERROR, .out_at = QUOTE(12),
	  B(11, 0, 0, 10), .mended = true },
	/* what must not be translated */
	{ "translated, and it is no IPv4 packet", OUT, BOTH(L3(0)), B(0x65) },
	{ "translated, and it is no IPv4 packet", OUT, BOTH(L3(2)), B(0, 200) },
	{ "translated, and its IP checksum is wrong", OUT, .in_at = L3(10), B(1, 2) },
	{ "forwarded at the end of its TTL", OUT, .in_at = L3(8), B(1), .mended = true },
	{ "translated, and it is from nobody's address", OUT, .in_at = L3(12), B(127, 0, 0, 1),
	  .mended = true },
	{ "translated, and it is from whom it is to", OUT, .in_at = L3(12), A_REMOTE,
	  .mended = true },
	{ "translated, and its transport header is broken", OUT, BOTH(L4(4)), B(0, 7) },
	{ "translated, and its transport header is broken", OUT_TCP, BOTH(L4(12)), B(0x40),
	  .mended = true },
	{ "translated, and it has port 0", OUT, BOTH(L4(2)), B(0, 0), .mended = true },
	{ "an ICMP error with a wrong checksum translated", OUT_ERROR, BOTH(L4(2)), B(1, 2) },
	{ "an ICMP error with a wrong checksum translated", IN_ERROR, .in_at = QUOTE(10), B(1, 2) },
	{ "translated, and it quotes nothing", IN_ERROR, BOTH(L3(2)), B(0, 40), .mended = true },
	{ "an MTU that no link has", IN_ERROR, BOTH(L4(1)), B(4, 0, 0, 0, 0, 0, 67),
	  .mended = true },
	{ "translated, and it has an option that none may have", OUT, BOTH(L3(0)), B(0x46),
	  .mended = true },
	/* what must not change, or must */
	{ "its length has changed", OUT, .longer = true },
	{ "not sent on, and changed", NEXT, .longer = true },
	{ "not sent on, and changed", GONE, .out_at = L4(9), B(1) },
	{ "not sent on, and changed", UP, .out_at = L3(8), B(63) },
	{ "not sent on, and changed", NEXT, .out_at = 0, B(9) },
	{ "not sent on, and changed", PASSED, .out_at = L4(0), B(9), .mended = true },
	{ "something has changed that must not", OUT, .out_at = L4(12), B(9), .mended = true },
	{ "something has changed that must not", OUT, .out_at = L3(1), B(9), .mended = true },
	{ "something has changed that must not", OUT, .out_at = L3(4), B(9), .mended = true },
	{ "something has changed that must not", OUT, .out_at = L3(16), B(8), .mended = true },
	{ "something has changed that must not", OUT_LATER, .out_at = L4(0), B(1, 2) },
	{ "something has changed that must not", IN, .out_at = L3(12), B(8), .mended = true },
	{ "something has changed that must not", OUT_ERROR, .out_at = QUOTE(12), B(8),
	  .mended = true },
	{ "something has changed that must not", OUT_ERROR, .out_at = QUOTE_L4(9), B(8),
	  .mended = true },
	{ "something has changed that must not", GIVEN, .out_at = L3(8), B(63), .mended = true },
	{ "something has changed that must not", LEFT, .out_at = L3(8), B(63), .mended = true },
	{ "its TTL is not one less", OUT, .out_at = L3(8), B(64), .mended = true },
	{ "its MSS is larger", OUT_TCP, .out_at = L4(22), B(6), .mended = true },
	{ "the IP checksum does not follow", OUT, .out_at = L3(10), B(1, 2) },
	{ "the IP checksum does not follow", OUT_LATER, .out_at = L3(10), B(1, 2) },
	{ "a right transport checksum is wrong now", OUT, .out_at = L4(6), B(1, 2) },
	{ "a right transport checksum is wrong now", OUT_ERROR, .out_at = L4(2), B(1, 2) },
	{ "a wrong transport checksum is right now", OUT_TCP, .in_at = L4(16), B(1, 2) },
	{ "a UDP checksum has come or gone", OUT, .out_at = L4(6), B(0, 0) },
	{ "a UDP checksum has come or gone", OUT, .in_at = L4(6), B(0, 0) },
	{ "the transport checksum does not follow", OUT_FIRST, .out_at = L4(6), B(1, 2) },
	{ "the quoted IP checksum does not follow", OUT_ERROR, .out_at = QUOTE(10), B(1, 2) },
	{ "the quoted transport checksum does not follow", OUT_ERROR, .out_at = QUOTE_L4(6),
	  B(1, 2), .mended = true },
	{ "the quoted transport checksum does not follow", IN_ERROR, .out_at = QUOTE_L4(16),
	  B(1, 2), .mended = true },
	/* answers */
	{ "an answer to another MAC address", EXPIRED, .out_at = 0, B(9) },
	{ "an answer to what must not have one", EXPIRED, .in_at = L3(6), B(0, 9), .mended = true },
	{ "an answer to another than the sender", EXPIRED, .out_at = L3(16), A_REMOTE,
	  .mended = true },
	{ "an answer with a wrong checksum", EXPIRED, .out_at = L4(2), B(1, 2) },
	{ "an answer that is no error about the frame", EXPIRED, .out_at = L3(12), A_EIP,
	  .mended = true },
	{ "an answer that is no error about the frame", EXPIRED, .out_at = QUOTE(12), A_EIP,
	  .mended = true },
	{ "an answer that is no reset of the connection", RESET, .out_at = L4(0), B(9),
	  .mended = true },
	{ "an answer that is no reset of the connection", RESET, .out_at = L4(13), B(ACK),
	  .mended = true },
	{ "an ARP reply that nobody has asked for", ARP_REPLY, .in_at = L3(24), B(192, 0, 2, 9) },
	{ "an ARP reply that nobody has asked for", ARP_REPLY, .out_at = L3(14), B(9) },
	{ "an ARP reply that nobody has asked for", ARP_REPLY, .in_at = L3(6), B(0, 2) },
};

static void change(struct frame *frame, __u16 at, const struct plant *plant)
{
	if (!at && plant->in_at) {
		return;
	}
	memcpy(frame->data + at, plant->bytes, plant->len);
	if (plant->mended) {
		mutate_repair(frame);
	}
}

static void apply(const struct plant *plant, struct planted *ret)
{
	make(plant->base, ret);
	if (plant->in_at) {
		change(&ret->in, plant->in_at, plant);
	}
	if (plant->len) {
		change(&ret->out, plant->out_at, plant);
	}
	ret->of.retval = plant->retval ? plant->retval : ret->of.retval;
	ret->of.verdict = plant->verdict ? plant->verdict : ret->of.verdict;
	ret->of.seen = plant->seen ? plant->seen : ret->of.seen;
	ret->of.counted = plant->counted ? plant->counted : ret->of.counted;
	ret->out.len += plant->longer;
	ret->of.from_host = ret->of.from_host && !plant->forwarded;
}

static void test_every_violation_is_named(void **state)
{
	static struct planted planted;
	enum laws_outcome outcome;
	int failed = 0;

	(void)state;
	for (size_t i = 0; i < sizeof(plants) / sizeof(plants[0]); i++) {
		const char *wrong;

		apply(&plants[i], &planted);
		wrong = judge(&planted, &outcome);
		if (!wrong || strcmp(wrong, plants[i].law) != 0) {
			print_error("row %zu, base %d: \"%s\", want \"%s\"\n", i,
				    (int)plants[i].base, wrong ? wrong : "-", plants[i].law);
			failed++;
		}
	}
	assert_int_equal(failed, 0);
}

/* ---- fragments ---- */

static const struct laws_piece pieces[] = {
	{ .train = 1, .when = 10, .outbound = true, .is_first = true },
	{ .train = 1, .when = 11, .outbound = true },
};

static const char *follow(struct laws_trains *trains, const struct laws_piece *as,
			  const struct spec *spec)
{
	static struct frame out;
	struct laws_piece piece = *as;

	frame_build(spec, &out);
	piece.in = &out;
	piece.out = &out;
	return laws_train_follow(trains, &piece);
}

static void test_fragments(void **state)
{
	static const char lost[] = "a fragment that does not follow its first one";
	static const char again[] = "a fragment that overlaps another one";
	static const char late[] = "a fragment that comes too late";
	static struct laws_trains trains = { .life = 100, .slack = 5 };
	struct spec first = specs[OUT_FIRST].out, later = specs[OUT_LATER].out, other = later;
	struct laws_piece piece = pieces[1];

	(void)state;
	assert_string_equal(follow(&trains, &piece, &later), lost);
	assert_null(follow(&trains, &pieces[0], &first));
	assert_null(follow(&trains, &piece, &later));
	assert_string_equal(follow(&trains, &piece, &later), again);
	assert_string_equal(follow(&trains, &pieces[0], &first), again);
	other.frag = 4;
	assert_string_equal(follow(&trains, &piece, &other), again);
	other.frag = 7;
	assert_null(follow(&trains, &piece, &other));
	piece.when = 10 + 105;
	other.frag = 10;
	assert_string_equal(follow(&trains, &piece, &other), late);
	piece.when = 10 + 104;
	other.src = EIP_B;
	assert_string_equal(follow(&trains, &piece, &other), lost);
	other = later;
	other.id++;
	assert_string_equal(follow(&trains, &piece, &other), lost);
}

/* Other datagrams beside that one. */
static void test_datagrams(void **state)
{
	static const char taken[] = "two datagrams in fragments with one identification";
	static struct laws_trains trains = { .life = 100 };
	struct laws_piece piece = pieces[0];
	struct spec first = specs[OUT_FIRST].out, later = specs[OUT_LATER].out;
	static struct frame in;

	(void)state;
	assert_null(follow(&trains, &piece, &first));
	piece.train = 2;
	assert_string_equal(follow(&trains, &piece, &first), taken);
	piece.when = 10 + 100;
	piece.train = 3;
	assert_null(follow(&trains, &piece, &first));
	piece = pieces[1];
	piece.train = 4;
	piece.is_alone = true;
	assert_null(follow(&trains, &piece, &later));
	piece.train = 6;
	piece.is_alone = false;
	frame_build(&later, &in);
	laws_train_stray(&trains, &in, piece.when);
	assert_null(follow(&trains, &piece, &later));
	laws_train_spoil(&trains, 5);
	piece.train = 5;
	piece.is_alone = false;
	assert_null(follow(&trains, &piece, &later));
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_what_is_right_passes),
		cmocka_unit_test(test_every_violation_is_named),
		cmocka_unit_test(test_fragments),
		cmocka_unit_test(test_datagrams),
	};

	return cmocka_run_group_tests_name("laws", tests, NULL, NULL);
}
