// SPDX-License-Identifier: GPL-2.0-only
/*
 * ICMP errors, bit by bit: their checksum at every length, the header that they quote, how much of
 * the quote there is, the MTU that they name.
 */
#include "fate.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include <bpf/bpf.h>
#include <cmocka.h>

#define MTU 1500
#define ICMP_HEADER 8
#define ICMP_AT (FRAME_ETH + FRAME_IP)
#define QUOTE_AT (ICMP_AT + ICMP_HEADER)
/* What an error has before the quoted L4 header. */
#define BEFORE_L4 (FRAME_IP + ICMP_HEADER + FRAME_IP)
#define TCP_CHECK_END 18
#define HUGE_IP 65535
#define HUGE_FRAME (FRAME_ETH + HUGE_IP)

static struct spec quoted;

static void put16(__u8 *at, __u16 value)
{
	at[0] = (__u8)(value >> 8);
	at[1] = (__u8)value;
}

/* An error about a packet of the standard session that quotes "l4" bytes of it behind its IP
 * header. */
static struct spec error_in(__u8 proto, __u16 l4)
{
	struct pair pair = pair_standard(proto, NATGW_STATE_ESTABLISHED);
	struct natgw_session row;

	if (!pair_inbound(walk.bench, &pair, &row)) {
		pair_add(walk.bench, &pair);
	}
	quoted = (struct spec){ .src = EIP,
				.dst = REMOTE,
				.proto = proto,
				.flags = ACK,
				.sport = EXT_PORT,
				.dport = REM_PORT,
				.payload = MTU };
	return (struct spec){ .src = IP(192, 0, 2, 200),
			      .dst = EIP,
			      .smac = mac_router,
			      .dmac = mac_ext,
			      .proto = PROTO_ICMP,
			      .type = TYPE_UNREACHABLE,
			      .code = 1,
			      .quote_l4 = l4,
			      .quote = &quoted };
}

/* And one that the client sends about a packet which it got. */
static struct spec error_out(__u8 proto, __u16 l4)
{
	struct spec spec = error_in(proto, l4);

	quoted.src = REMOTE;
	quoted.dst = CLIENT;
	quoted.sport = REM_PORT;
	quoted.dport = INT_PORT;
	spec.src = CLIENT;
	spec.dst = REMOTE;
	spec.smac = mac_client;
	spec.dmac = mac_int;
	return spec;
}

/* Makes the ICMP checksum of an error in a frame right again. */
static void mend(struct frame *frame)
{
	size_t len = frame->len - ICMP_AT;

	put16(frame->data + ICMP_AT + 2, 0);
	put16(frame->data + ICMP_AT + 2, frame_checksum(frame->data + ICMP_AT, len, 0));
}

/* ---- the checksum of the error ---- */

/* Right, wrong by a bit of the last byte, of the checksum, and of one byte somewhere. */
static void require_checksum(const struct spec *spec, enum bench_prog prog)
{
	struct frame frame;
	unsigned int len;
	size_t somewhere;

	frame_build(spec, &frame);
	len = frame.len - ICMP_AT;
	fate_require(&frame, prog, NATGW_TRANSLATED, "error of bytes", len);
	assert_null(frame_verify(&walk.out));
	fate_flip(&frame, frame.len - 1, 0);
	fate_require(&frame, prog, NATGW_DROP_BAD_CHECKSUM, "last byte of", len);
	fate_flip(&frame, frame.len - 1, 0);
	fate_flip(&frame, ICMP_AT + 2, 7);
	fate_require(&frame, prog, NATGW_DROP_BAD_CHECKSUM, "checksum of", len);
	fate_flip(&frame, ICMP_AT + 2, 7);
	somewhere =
		QUOTE_AT + FRAME_IP + 4 + len * 7U % spec->quote_l4 % (frame.len - QUOTE_AT - 24);
	fate_flip(&frame, somewhere, 3);
	fate_require(&frame, prog, NATGW_DROP_BAD_CHECKSUM, "a byte of", len);
}

static void test_checksum_at_every_length(void **state)
{
	(void)state;
	for (unsigned int l4 = 8; l4 <= MTU - BEFORE_L4; l4++) {
		struct spec spec = error_in(PROTO_UDP, (__u16)l4);

		require_checksum(&spec, walk.hooks->external);
		if (l4 % 16 < 4) {
			spec = error_out(PROTO_UDP, (__u16)l4);
			require_checksum(&spec, walk.hooks->internal);
		}
	}
}

static void test_every_bit_of_the_error(void **state)
{
	struct spec spec = error_in(PROTO_TCP, 40);
	struct frame frame;

	(void)state;
	spec.code = 0;
	frame_build(&spec, &frame);
	/* Type, code, length and quote may lead to other reasons; none goes on. */
	for (unsigned int i = 0; i < (frame.len - ICMP_AT) * 8; i++) {
		fate_flip(&frame, ICMP_AT + i / 8, i % 8);
		fate_require_dropped(&frame, walk.hooks->external, "bit", i);
		fate_flip(&frame, ICMP_AT + i / 8, i % 8);
	}
	fate_require(&frame, walk.hooks->external, NATGW_TRANSLATED, "as it should be", 0);
}

/* Without a session an error is none of ours, right or not: the reason is the quote. */
static void test_no_session_first(void **state)
{
	struct spec spec = error_in(PROTO_UDP, 40);
	struct frame frame;

	(void)state;
	quoted.sport++;
	spec.bad_l4 = 1;
	frame_build(&spec, &frame);
	fate_require(&frame, walk.hooks->external, NATGW_DROP_ICMP_QUOTE, "session", 0);
}

/* The largest one there can be, in as many buffers as it takes; "byte" of it is wrong, 0: none. */
static __u32 run_huge(__u8 *data, size_t byte)
{
	struct xdp_md context = { .data_end = HUGE_FRAME,
				  .ingress_ifindex = walk.bench->ext_ifindex };
	LIBBPF_OPTS(bpf_test_run_opts, opts, .data_in = data, .data_size_in = HUGE_FRAME,
		    .ctx_in = &context, .ctx_size_in = sizeof(context));
	__u64 before = fate_counted(NATGW_DROP_BAD_CHECKSUM);

	data[byte] ^= byte ? 0x10 : 0;
	assert_int_equal(bpf_prog_test_run_opts(walk.bench->prog[BENCH_XDP_EXT], &opts), 0);
	data[byte] ^= byte ? 0x10 : 0;
	return fate_counted(NATGW_DROP_BAD_CHECKSUM) != before;
}

static void test_huge_error(void **state)
{
	struct spec spec = error_in(PROTO_UDP, 100);
	__u8 *data = calloc(1, HUGE_FRAME);
	struct frame frame;

	(void)state;
	assert_non_null(data);
	frame_build(&spec, &frame);
	memcpy(data, frame.data, frame.len);
	for (size_t i = frame.len; i < HUGE_FRAME; i++) {
		data[i] = (__u8)(i * 11 + i / 512);
	}
	put16(data + FRAME_ETH + 2, HUGE_IP);
	put16(data + FRAME_ETH + 10, 0);
	put16(data + FRAME_ETH + 10, frame_checksum(data + FRAME_ETH, FRAME_IP, 0));
	put16(data + ICMP_AT + 2, 0);
	put16(data + ICMP_AT + 2, frame_checksum(data + ICMP_AT, HUGE_FRAME - ICMP_AT, 0));
	/* Too big to be sent on from here, but nothing is wrong with it. */
	assert_false(run_huge(data, 0));
	assert_true(run_huge(data, HUGE_FRAME - 1));
	assert_true(run_huge(data, HUGE_FRAME - 600));
	for (size_t byte = QUOTE_AT + 40; byte < HUGE_FRAME; byte += 509) {
		assert_true(run_huge(data, byte));
	}
	free(data);
}

static void require_trailer(const struct spec *spec, __u8 words, unsigned int number)
{
	struct frame frame;

	frame_build(spec, &frame);
	frame.data[ICMP_AT + 5] = words;
	frame.len -= spec->pad;
	mend(&frame);
	frame.len += spec->pad;
	fate_require(&frame, walk.hooks->external, NATGW_TRANSLATED, "trailer", number);
	assert_memory_equal(walk.out.data + frame.len - spec->pad,
			    frame.data + frame.len - spec->pad, spec->pad);
}

/* Of a frame with a trailer only the IP packet counts, whatever lengths the error names. */
static void test_trailer(void **state)
{
	struct spec spec = error_in(PROTO_UDP, 33);
	struct frame frame;

	(void)state;
	spec.pad = 21;
	require_trailer(&spec, 0, 0);
	spec.bad_l4 = 1;
	frame_build(&spec, &frame);
	fate_require(&frame, walk.hooks->external, NATGW_DROP_BAD_CHECKSUM, "trailer", 1);
	/* The quoted TCP checksum would be in the trailer. */
	spec = error_in(PROTO_TCP, 12);
	spec.pad = 40;
	require_trailer(&spec, 0, 2);
	require_trailer(&spec, 32, 3);
}

/* In fragments: nothing of it could be checked, also where the gateway forwards fragments. */
static void test_fragmented_error(void **state)
{
	static const __u8 types[] = { TYPE_UNREACHABLE, TYPE_TIME_EXCEEDED, TYPE_PARAMETER };
	struct natgw_gateway gateway = bench_gateway();
	struct spec spec = error_in(PROTO_UDP, 36);
	struct frame frame;

	(void)state;
	gateway.fragments = NATGW_FRAGMENTS_TCP | NATGW_FRAGMENTS_UDP | NATGW_FRAGMENTS_ICMP;
	bench_set_gateway(walk.bench, &gateway);
	spec.frag = FRAG_MF;
	for (size_t i = 0; i < sizeof(types); i++) {
		spec.type = types[i];
		frame_build(&spec, &frame);
		fate_require(&frame, walk.hooks->external, NATGW_DROP_FRAG_ICMP, "type", types[i]);
	}
	spec.type = TYPE_REDIRECT;
	frame_build(&spec, &frame);
	fate_require(&frame, walk.hooks->external, NATGW_DROP_ICMP_TYPE, "type", spec.type);
}

/* At egress the kernel has made the error, or has had it from an ingress hook. */
static void test_error_at_egress(void **state)
{
	struct bench_run own = { .prog = BENCH_TC_EGR };
	struct bench_run forwarded = { .prog = BENCH_TC_EGR, .ingress = walk.bench->int_ifindex };
	struct spec spec = error_out(PROTO_UDP, 40);

	(void)state;
	spec.bad_l4 = 1;
	frame_build(&spec, &walk.in);
	bench_run(walk.bench, &walk.in, &own);
	assert_int_equal(own.retval, 0);
	assert_int_equal(frame_src(&own.out), EIP);
	assert_string_equal(frame_verify(&own.out), "ICMP checksum");
	bench_run(walk.bench, &walk.in, &forwarded);
	assert_int_equal(forwarded.retval, 2); /* TC_ACT_SHOT */
}

/* What the kernel quotes may be a packet over 64 KiB that never was on a wire; others have a
 * length. */
static void test_no_length_at_egress(void **state)
{
	struct bench_run run = { .prog = BENCH_TC_EGR };
	struct spec spec = error_out(PROTO_UDP, 40);

	(void)state;
	frame_build(&spec, &walk.in);
	put16(walk.in.data + QUOTE_AT + 2, 0);
	bench_run(walk.bench, &walk.in, &run);
	assert_int_equal(run.retval, 0);
	assert_int_equal(frame_src(&run.out), EIP);
	assert_int_equal(frame_get16(&run.out, QUOTE_AT + FRAME_IP + 2), EXT_PORT);
}

/* ---- the quoted header ---- */

/* What a bit of the quoted header leads to when the error's own checksum is right; 0: to whatever
 * keeps it from being sent on. */
static __u32 quote_verdict(size_t byte, unsigned int bit)
{
	bool is_key = byte == 9 || (byte >= 12 && byte < 20); /* protocol, addresses */
	bool is_offset = (byte == 6 && bit < 5) || byte == 7;

	if (is_key || is_offset || (byte == 0 && bit >= 4)) {
		return NATGW_DROP_ICMP_QUOTE;
	}
	/* Lengths: there may be too little of the quote then. */
	return byte == 0 || byte == 2 || byte == 3 ? 0 : NATGW_DROP_BAD_CHECKSUM;
}

static void require_quoted_header(const struct spec *spec, enum bench_prog prog)
{
	struct frame frame;
	size_t header;

	frame_build(spec, &frame);
	header = (size_t)(frame.data[QUOTE_AT] & 15) * 4;
	for (unsigned int i = 0; i < header * 8; i++) {
		__u32 want = quote_verdict(i / 8, i % 8);

		fate_flip(&frame, QUOTE_AT + i / 8, i % 8);
		mend(&frame);
		if (want) {
			fate_require(&frame, prog, want, "bit of the quote", i);
		} else {
			fate_require_dropped(&frame, prog, "bit of the quote", i);
		}
		fate_flip(&frame, QUOTE_AT + i / 8, i % 8);
	}
	mend(&frame);
	fate_require(&frame, prog, NATGW_TRANSLATED, "as it should be", 0);
}

static void test_quoted_header(void **state)
{
	(void)state;
	for (__u8 words = 0; words <= 10; words += 5) {
		struct spec spec = error_in(PROTO_UDP, 30);

		quoted.options = words;
		require_quoted_header(&spec, walk.hooks->external);
		spec = error_out(PROTO_TCP, 30);
		quoted.options = words;
		require_quoted_header(&spec, walk.hooks->internal);
	}
}

/* RFC 5508 REQ-3c: the quoted transport checksum is nobody's business, and stays as wrong as it
 * is. */
static void test_quoted_transport_checksum(void **state)
{
	struct spec spec = error_in(PROTO_UDP, 2000);
	struct frame frame;

	(void)state;
	quoted.payload = 40;
	frame_build(&spec, &frame);
	fate_require(&frame, walk.hooks->external, NATGW_TRANSLATED, "right", 0);
	assert_null(frame_verify(&walk.out));
	quoted.bad_l4 = 0x0102;
	frame_build(&spec, &frame);
	fate_require(&frame, walk.hooks->external, NATGW_TRANSLATED, "wrong", 0);
	assert_string_equal(frame_verify(&walk.out), "quoted L4 checksum");
}

/* ---- how much of the quote there is ---- */

static bool is_checksum_changed(const struct frame *before, const struct frame *after)
{
	size_t at = QUOTE_AT + FRAME_IP + 16;

	return frame_get16(before, at) != frame_get16(after, at);
}

/* The same error, of which so many bytes behind the quoted IP header are of the quoted packet. */
static void require_quote(const struct frame *frame, size_t l4, const char *what,
			  unsigned int number)
{
	if (l4 < 8) {
		fate_require(frame, walk.hooks->external, NATGW_DROP_ICMP_QUOTE, what, number);
		return;
	}
	fate_require(frame, walk.hooks->external, NATGW_TRANSLATED, what, number);
	if (is_checksum_changed(frame, &walk.out) != (l4 >= TCP_CHECK_END)) {
		fail_msg("%s %u: the quoted TCP checksum", what, number);
	}
	assert_int_equal(frame_get16(&walk.out, QUOTE_AT + FRAME_IP), INT_PORT);
}

/* RFC 4884: what is behind the length is no quote. With types 3, 11 and 12, whatever it says. */
static void test_length_of_the_error(void **state)
{
	static const __u8 types[] = { TYPE_UNREACHABLE, TYPE_TIME_EXCEEDED, TYPE_PARAMETER };
	struct frame frame;

	(void)state;
	for (unsigned int i = 0; i < 3 * 256; i++) {
		struct spec spec = error_in(PROTO_TCP, 108);
		size_t bytes = (size_t)(i % 256) * 4;

		spec.type = types[i / 256];
		spec.code = 0;
		frame_build(&spec, &frame);
		frame.data[ICMP_AT + 5] = (__u8)(i % 256);
		mend(&frame);
		bytes = bytes && bytes < 128 ? bytes : 128;
		require_quote(&frame, bytes < FRAME_IP ? 0 : bytes - FRAME_IP, "words", i % 256);
	}
}

/* The quoted packet is no longer than it says itself: what is behind it is padding. */
static void test_length_of_the_quote(void **state)
{
	struct frame frame;

	(void)state;
	for (unsigned int total = 0; total < 140; total++) {
		struct spec spec = error_in(PROTO_TCP, 108);
		size_t bytes = total < 128 ? total : 128;

		frame_build(&spec, &frame);
		put16(frame.data + QUOTE_AT + 2, (__u16)total);
		put16(frame.data + QUOTE_AT + 10, 0);
		put16(frame.data + QUOTE_AT + 10,
		      frame_checksum(frame.data + QUOTE_AT, FRAME_IP, 0));
		mend(&frame);
		require_quote(&frame, bytes < FRAME_IP ? 0 : bytes - FRAME_IP, "total", total);
	}
}

static void test_extension(void **state)
{
	struct spec spec = error_in(PROTO_TCP, 20);
	struct frame frame;

	(void)state;
	spec.type = TYPE_TIME_EXCEEDED;
	spec.code = 0;
	spec.quote_words = 32;
	frame_build(&spec, &frame);
	require_quote(&frame, 108, "extension of words", 32);
	assert_null(frame_verify(&walk.out));
	/* What has no room for a checksum is no place for one, though there are bytes. */
	frame.data[ICMP_AT + 5] = 9;
	mend(&frame);
	require_quote(&frame, 16, "extension of words", 9);
}

/* ---- the MTU ---- */

static void test_mtu(void **state)
{
	static const __u16 more[] = { 576, 1280, 1499, 1500, 0x4400, 0xffff };
	struct frame frame;

	(void)state;
	for (size_t i = 0; i < 80 + sizeof(more) / sizeof(more[0]); i++) {
		struct spec spec = error_in(PROTO_TCP, 20);

		spec.code = 4;
		spec.mtu = i < 80 ? (__u16)i : more[i - 80];
		frame_build(&spec, &frame);
		fate_require(&frame, walk.hooks->external,
			     spec.mtu && spec.mtu < 68 ? NATGW_DROP_MALFORMED : NATGW_TRANSLATED,
			     "MTU", spec.mtu);
		/* With another code those bytes are no MTU. */
		spec.code = 1;
		frame_build(&spec, &frame);
		fate_require(&frame, walk.hooks->external, NATGW_TRANSLATED, "no MTU", spec.mtu);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		WALK_TEST(test_checksum_at_every_length),
		WALK_TEST(test_every_bit_of_the_error),
		WALK_TEST(test_no_session_first),
		{ "test_huge_error", test_huge_error, walk_setup, walk_teardown, &walk_xdp },
		WALK_TEST(test_trailer),
		WALK_TEST(test_fragmented_error),
		{ "test_error_at_egress", test_error_at_egress, walk_setup, walk_teardown,
		  &walk_tc },
		{ "test_no_length_at_egress", test_no_length_at_egress, walk_setup, walk_teardown,
		  &walk_tc },
		WALK_TEST(test_quoted_header),
		WALK_TEST(test_quoted_transport_checksum),
		WALK_TEST(test_length_of_the_error),
		WALK_TEST(test_length_of_the_quote),
		WALK_TEST(test_extension),
		WALK_TEST(test_mtu),
	};
	int failed;

	walk.bench = bench_open(1024);
	failed = cmocka_run_group_tests_name("verify_icmp", tests, NULL, NULL);
	bench_close(walk.bench);
	return failed;
}
