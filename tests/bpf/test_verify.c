// SPDX-License-Identifier: GPL-2.0-only
/*
 * What a packet says of itself, bit by bit: the checksum of its IPv4 header, its options, its
 * addresses, where a fragment lies.
 */
#include "fate.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <bpf/bpf.h>
#include <cmocka.h>

#define ROUNDS bench_rounds(2000, 40)
#define OPTIONS_MAX 40
#define ACTION_TC_OK 0

static unsigned int seed;

static struct spec udp_out(void)
{
	return walk_outbound(PROTO_UDP, 0);
}

static struct spec udp_in(void)
{
	struct pair pair = pair_standard(PROTO_UDP, NATGW_STATE_ESTABLISHED);

	pair_add(walk.bench, &pair);
	return walk_inbound(PROTO_UDP, 0, EXT_PORT);
}

/* ---- the IPv4 header ---- */

/* What a changed bit of this byte of the header must lead to; 0: to anything but its being sent
 * on. */
static __u32 header_verdict(size_t byte, unsigned int bit)
{
	if (byte == 0 && bit >= 4) {
		return NATGW_DROP_MALFORMED; /* version */
	}
	if (byte == 0 || byte == 2 || byte == 3 || (byte >= 12 && byte < 20)) {
		return 0; /* lengths and addresses */
	}
	return NATGW_DROP_BAD_CHECKSUM;
}

static void require_every_bit(const struct spec *spec, enum bench_prog prog)
{
	struct frame frame;
	size_t header;

	frame_build(spec, &frame);
	fate_require(&frame, prog, NATGW_TRANSLATED, "as it should be", 0);
	header = frame_l4(&frame) - FRAME_ETH;
	for (unsigned int i = 0; i < header * 8; i++) {
		__u32 want = header_verdict(i / 8, i % 8);

		fate_flip(&frame, FRAME_ETH + i / 8, i % 8);
		if (want) {
			fate_require(&frame, prog, want, "bit", i);
		} else {
			fate_require_dropped(&frame, prog, "bit", i);
		}
		fate_flip(&frame, FRAME_ETH + i / 8, i % 8);
	}
}

static void test_every_bit_of_the_header(void **state)
{
	struct spec out = udp_out(), in = udp_in();

	(void)state;
	require_every_bit(&out, walk.hooks->internal);
	require_every_bit(&in, walk.hooks->external);
	for (__u8 words = 1; words <= OPTIONS_MAX / 4; words += 3) {
		out.options = in.options = words;
		require_every_bit(&out, walk.hooks->internal);
		require_every_bit(&in, walk.hooks->external);
	}
}

/* What the kernel sends it has looked at, and computed itself. */
static void test_header_at_egress(void **state)
{
	struct bench_run run = { .prog = BENCH_TC_EGR, .ingress = walk.bench->int_ifindex };
	struct spec spec = udp_out();

	(void)state;
	for (__u8 words = 0; words <= 1; words++) {
		spec.options = words;
		spec.bad_ip = 1;
		frame_build(&spec, &walk.in);
		bench_run(walk.bench, &walk.in, &run);
		assert_int_equal(run.retval, ACTION_TC_OK);
		assert_int_equal(frame_src(&run.out), EIP);
	}
}

/* ---- options ---- */

static __u32 options_verdict(const __u8 *bytes, size_t len)
{
	__u32 verdict = NATGW_TRANSLATED;
	size_t at = 0;

	while (at < len && bytes[at] != 0) {
		size_t length = fate_option(bytes, at, len);

		if (!length) {
			return NATGW_DROP_MALFORMED;
		}
		if (bytes[at] == 131 || bytes[at] == 137) {
			verdict = NATGW_DROP_IP_OPTION;
		}
		at += length;
	}
	return verdict;
}

static void random_options(__u8 *bytes, size_t len)
{
	static const __u8 kinds[] = { 1, 1, 7, 68, 130, 136, 148, 131, 137, 129, 255 };
	size_t at = 0;

	for (size_t i = 0; i < len; i++) {
		bytes[i] = (__u8)rand_r(&seed);
	}
	while (at < len) {
		__u8 kind = kinds[fate_below(&seed, fate_below(&seed, 3) ? 7 : sizeof(kinds))];
		size_t length = 2 + fate_below(&seed, 10);

		bytes[at] = fate_below(&seed, 30) ? kind : 0;
		if (kind == 1) {
			at++;
			continue;
		}
		if (at + length > len && fate_below(&seed, 8)) {
			memset(bytes + at, 1, len - at);
			break;
		}
		if (at + 1 < len) {
			bytes[at + 1] =
				(__u8)(fate_below(&seed, 20) ? length : fate_below(&seed, 4));
		}
		at += length;
	}
}

static void require_options(const __u8 *bytes, __u8 words, __u32 want)
{
	struct spec spec = udp_out();

	spec.options = words;
	spec.option_bytes = bytes;
	frame_build(&spec, &walk.in);
	assert_int_equal(options_verdict(bytes, (size_t)words * 4), want);
	fate_require(&walk.in, walk.hooks->internal, want, "options of words", words);
	if (want == NATGW_TRANSLATED) {
		assert_memory_equal(walk.out.data + FRAME_ETH + FRAME_IP, bytes, (size_t)words * 4);
		assert_null(frame_verify(&walk.out));
	}
}

static void test_options(void **state)
{
	static const __u8 record_route[8] = { 7, 7, 4, 0, 0, 0, 0, 0 };
	static const __u8 loose[8] = { 131, 7, 4, 192, 0, 2, 9, 0 };
	static const __u8 strict[8] = { 1, 137, 7, 4, 192, 0, 2, 9 };
	static const __u8 behind_the_end[8] = { 1, 0, 131, 3, 4, 0, 0, 0 };
	static const __u8 in_another[8] = { 68, 8, 131, 3, 137, 3, 131, 0 };
	static const __u8 empty[4] = { 7, 0, 1, 1 };
	static const __u8 one[4] = { 7, 1, 1, 1 };
	static const __u8 too_long[4] = { 7, 5, 1, 1 };
	static const __u8 just[4] = { 7, 4, 1, 1 };
	static const __u8 no_length[4] = { 1, 1, 1, 7 };
	static const __u8 loose_and_broken[8] = { 131, 3, 4, 7, 0, 1, 1, 1 };

	(void)state;
	require_options(record_route, 2, NATGW_TRANSLATED);
	require_options(loose, 2, NATGW_DROP_IP_OPTION);
	require_options(strict, 2, NATGW_DROP_IP_OPTION);
	require_options(behind_the_end, 2, NATGW_TRANSLATED);
	require_options(in_another, 2, NATGW_TRANSLATED);
	require_options(empty, 1, NATGW_DROP_MALFORMED);
	require_options(one, 1, NATGW_DROP_MALFORMED);
	require_options(too_long, 1, NATGW_DROP_MALFORMED);
	require_options(just, 1, NATGW_TRANSLATED);
	require_options(no_length, 1, NATGW_DROP_MALFORMED);
	require_options(loose_and_broken, 2, NATGW_DROP_MALFORMED);
}

static void test_random_options(void **state)
{
	static __u8 bytes[OPTIONS_MAX];
	unsigned int translated = 0, routes = 0;

	(void)state;
	seed = 20261121;
	for (unsigned int i = 0; i < ROUNDS; i++) {
		__u8 words = (__u8)(1 + fate_below(&seed, OPTIONS_MAX / 4));
		__u32 want;

		random_options(bytes, (size_t)words * 4);
		want = options_verdict(bytes, (size_t)words * 4);
		translated += want == NATGW_TRANSLATED;
		routes += want == NATGW_DROP_IP_OPTION;
		require_options(bytes, words, want);
	}
	assert_true(translated > ROUNDS / 5 && routes > ROUNDS / 20);
	assert_true(translated + routes < ROUNDS / 10 * 9);
}

/* ---- addresses ---- */

static bool is_martian(struct spec spec, enum bench_prog prog)
{
	__u64 before = fate_counted(NATGW_DROP_MARTIAN);

	frame_build(&spec, &walk.in);
	fate_require_dropped(&walk.in, prog, "source", (unsigned int)spec.src);
	return fate_counted(NATGW_DROP_MARTIAN) != before;
}

static void test_sources(void **state)
{
	static const __be32 martians[] = { IP(0, 0, 0, 0),	  IP(0, 255, 255, 255),
					   IP(127, 0, 0, 0),	  IP(127, 255, 255, 255),
					   IP(224, 0, 0, 0),	  IP(239, 255, 255, 255),
					   IP(240, 0, 0, 0),	  IP(255, 255, 255, 254),
					   IP(255, 255, 255, 255) };
	static const __be32 others[] = { IP(1, 0, 0, 0), IP(126, 255, 255, 255), IP(128, 0, 0, 0),
					 IP(223, 255, 255, 255), IP(169, 254, 1, 1) };
	struct spec out = udp_out(), in = udp_in();

	(void)state;
	for (size_t i = 0; i < sizeof(martians) / sizeof(martians[0]); i++) {
		out.src = in.src = martians[i];
		assert_true(is_martian(out, walk.hooks->internal));
		assert_true(is_martian(in, walk.hooks->external));
	}
	for (size_t i = 0; i < sizeof(others) / sizeof(others[0]); i++) {
		out.src = in.src = others[i];
		assert_false(is_martian(out, walk.hooks->internal));
		assert_false(is_martian(in, walk.hooks->external));
	}
}

/* To itself: nobody's, the client's, the EIP's. */
static void test_land(void **state)
{
	struct spec spec = udp_out();

	(void)state;
	spec.dst = spec.src;
	assert_true(is_martian(spec, walk.hooks->internal));
	spec = udp_in();
	spec.src = spec.dst;
	assert_true(is_martian(spec, walk.hooks->external));
	spec.src = spec.dst = IP(192, 168, 77, 1);
	assert_true(is_martian(spec, walk.hooks->external));
}

/* Hosts without an address ask by broadcast and say which groups they are in: the kernel's. */
static void test_sources_without_an_address(void **state)
{
	static const __be32 to[] = { IP(255, 255, 255, 255), IP(224, 0, 0, 22) };
	struct spec spec = udp_out();

	(void)state;
	spec.src = 0;
	for (size_t i = 0; i < sizeof(to) / sizeof(to[0]); i++) {
		spec.dst = to[i];
		assert_false(is_martian(spec, walk.hooks->internal));
		assert_false(is_martian(spec, walk.hooks->external));
	}
}

/* ---- fragments ---- */

static bool is_first(const struct spec *spec)
{
	return (spec->frag & FRAG_OFFSET) == 0;
}

/* By the rules of RFC 791, 1858 and 3128; "len" bytes behind the IP header. */
static bool is_broken_fragment(const struct spec *spec, size_t len)
{
	size_t offset = (size_t)(spec->frag & FRAG_OFFSET) * 8;
	size_t header = FRAME_IP + (size_t)spec->options * 4;

	if (len == 0 || (spec->frag & FRAG_MF && len % 8) || offset + header + len > 65535) {
		return true;
	}
	if (spec->proto == PROTO_TCP) {
		return offset == 8 || (is_first(spec) && len < 20 + (size_t)spec->tcp_options * 4);
	}
	return is_first(spec) && len < 8;
}

/* To a gateway that forwards no fragments: what is not broken has that as its reason. */
static void require_fragment(const struct spec *spec)
{
	size_t len = spec->piece == PIECE_NONE ? 0 : spec->piece;
	__u32 want = spec->proto == PROTO_TCP	? NATGW_DROP_FRAG_TCP
		     : spec->proto == PROTO_UDP ? NATGW_DROP_FRAG_UDP
						: NATGW_DROP_FRAG_ICMP;
	char what[64];

	(void)snprintf(what, sizeof(what), "protocol %u, fragment field %#x, bytes", spec->proto,
		       spec->frag);
	want = is_broken_fragment(spec, len) ? NATGW_DROP_MALFORMED : want;
	frame_build(spec, &walk.in);
	fate_require(&walk.in, walk.hooks->internal, want, what, (unsigned int)len);
}

static void test_fragments(void **state)
{
	static const __u8 protos[] = { PROTO_TCP, PROTO_UDP, PROTO_ICMP };
	static const __u16 flags[] = { 0, FRAG_MF, FRAG_MF | FRAG_DF, FRAG_MF | FRAG_EVIL };
	static const __u16 offsets[] = {
		0, 1, 2, 3, 185, 8180, 8186, 8187, 8188, 8189, 8190, 8191
	};
	static const __u16 pieces[] = { PIECE_NONE, 1,	7,  8,	9,  12, 16, 19, 20, 23, 24,
					27,	    28, 31, 32, 40, 41, 64, 95, 96, 104 };

	struct natgw_gateway gateway = bench_gateway();

	(void)state;
	gateway.fragments = 0;
	bench_set_gateway(walk.bench, &gateway);
	for (size_t i = 0; i < (size_t)3 * 4 * 12 * 21 * 2; i++) {
		struct spec spec = walk_outbound(protos[i % 3], ACK);

		spec.frag = flags[i / 3 % 4] | offsets[i / 12 % 12];
		spec.piece = pieces[i / 144 % 21];
		spec.payload = 200;
		spec.options = i / 3024 ? 5 : 0;
		spec.tcp_options = 2;
		if (spec.frag & (FRAG_MF | FRAG_OFFSET)) {
			require_fragment(&spec);
		}
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		WALK_TEST(test_every_bit_of_the_header),
		{ "test_header_at_egress", test_header_at_egress, walk_setup, walk_teardown,
		  &walk_tc },
		WALK_TEST(test_options),
		WALK_TEST(test_random_options),
		WALK_TEST(test_sources),
		WALK_TEST(test_land),
		WALK_TEST(test_sources_without_an_address),
		WALK_TEST(test_fragments),
	};
	int failed;

	walk.bench = bench_open(1024);
	failed = cmocka_run_group_tests_name("verify", tests, NULL, NULL);
	bench_close(walk.bench);
	return failed;
}
