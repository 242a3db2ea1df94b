// SPDX-License-Identifier: GPL-2.0-only
/*
 * The MSS clamp: every place in the list of options that the MSS may have, lists that are broken,
 * the MTUs that count, and checksums that stay as right or wrong as they were.
 */
#include "fate.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include <bpf/bpf.h>
#include <cmocka.h>

#define OPTIONS_MAX 40
#define HEADERS 40
#define MTU 1500
#define SMALL_MTU 1400 /* of the way to REMOTE_SMALL_MTU */
#define ROUNDS bench_rounds(2000, 40)
#define ACTION_TC_OK 0

static unsigned int seed;

/* ---- lists of options ---- */

struct list {
	__u8 words;
	__u8 bytes[OPTIONS_MAX];
};

static void put_mss(__u8 *at, __u16 mss)
{
	at[0] = 2;
	at[1] = 4;
	at[2] = (__u8)(mss >> 8);
	at[3] = (__u8)mss;
}

/* A SYN with nothing but this MSS. */
static struct list only(__u16 mss)
{
	struct list list = { .words = 1 };

	put_mss(list.bytes, mss);
	return list;
}

/* Where the MSS stands that a receiver believes, the last one; 0: none, or the list is broken. */
static size_t find_mss(const struct list *list)
{
	size_t len = (size_t)list->words * 4, at = 0, found = 0;

	while (at < len && list->bytes[at] != 0) {
		size_t length = fate_option(list->bytes, at, len);

		if (!length) {
			return 0;
		}
		if (list->bytes[at] == 2) {
			found = length == 4 ? at + 2 : 0;
		}
		at += length;
	}
	return found;
}

/* What must become of the list where no more than "mss" may be said. */
static struct list clamped(const struct list *list, __u16 mss)
{
	struct list want = *list;
	size_t at = find_mss(list);

	if (at && (list->bytes[at] << 8 | list->bytes[at + 1]) > mss) {
		put_mss(want.bytes + at - 2, mss);
	}
	return want;
}

/* Options as systems send them, and as nobody should. */
static struct list random_list(void)
{
	static const __u8 kinds[] = { 1, 1, 1, 2, 2, 2, 3, 4, 5, 8, 34, 253 };
	struct list list = { .words = (__u8)(1 + fate_below(&seed, OPTIONS_MAX / 4)) };
	size_t len = (size_t)list.words * 4, at = 0;

	for (size_t i = 0; i < len; i++) {
		list.bytes[i] = (__u8)rand_r(&seed);
	}
	while (at < len) {
		__u8 kind = kinds[fate_below(&seed, sizeof(kinds))];
		size_t length = kind == 2 ? 4 : 2 + fate_below(&seed, 9);

		list.bytes[at] = fate_below(&seed, 40) ? kind : 0;
		if (kind == 1) {
			at++;
			continue;
		}
		if (at + length > len && fate_below(&seed, 8)) {
			/* Mostly it ends as it should. */
			memset(list.bytes + at, 1, len - at);
			break;
		}
		if (at + 1 < len) {
			list.bytes[at + 1] =
				(__u8)(fate_below(&seed, 40) ? length : fate_below(&seed, 256));
		}
		at += length;
	}
	return list;
}

static struct spec with_list(struct spec spec, const struct list *list)
{
	spec.tcp_options = list->words;
	spec.tcp_option_bytes = list->bytes;
	spec.payload = 0;
	return spec;
}

/* ---- what leaves ---- */

static void require_frame(const struct spec *want, const char *what)
{
	static struct frame frame;

	frame_build(want, &frame);
	if (frame.len == walk.out.len && !memcmp(frame.data, walk.out.data, frame.len)) {
		return;
	}
	for (__u32 i = FRAME_ETH; i < frame.len; i++) {
		if (frame.data[i] != walk.out.data[i]) {
			print_error("byte %u: %02x came as %02x, want %02x\n", i - FRAME_ETH,
				    walk.in.data[i], walk.out.data[i], frame.data[i]);
		}
	}
	fail_msg("%s", what);
}

/* A SYN from the client: with that list it must leave with the other one. The external port. */
static __u16 require_sent(struct spec spec, const struct list *list, const struct list *want)
{
	__u16 port;

	spec = with_list(spec, list);
	port = walk_port(&spec);
	assert_int_not_equal(port, 0);
	spec = with_list(spec, want);
	spec.src = EIP;
	spec.sport = port;
	spec.ttl_minus = 1;
	spec.smac = mac_ext;
	spec.dmac = mac_router;
	require_frame(&spec, "SYN");
	return port;
}

static void require_received(__u16 port, const struct list *list, const struct list *want)
{
	struct spec spec = walk_inbound(PROTO_TCP, SYN | ACK, port);

	spec = with_list(spec, list);
	assert_true(walk_receive(&spec));
	spec = with_list(spec, want);
	spec.dst = CLIENT;
	spec.dport = INT_PORT;
	spec.ttl_minus = 1;
	spec.smac = mac_int;
	spec.dmac = mac_client;
	require_frame(&spec, "SYN-ACK");
}

static void require_clamp(const struct list *list)
{
	struct list want = clamped(list, MTU - HEADERS);
	__u16 port = require_sent(walk_outbound(PROTO_TCP, SYN), list, &want);

	require_received(port, list, &want);
}

/* ---- tests ---- */

static void test_values(void **state)
{
	static const __u16 values[] = { 0, 1, 536, 1459, 1460, 1461, 0x05ff, 8960, 0xff00, 0xffff };

	(void)state;
	for (size_t i = 0; i < sizeof(values) / sizeof(values[0]); i++) {
		struct list list = only(values[i]);
		struct list want = only(values[i] < 1460 ? values[i] : 1460);

		assert_memory_equal(clamped(&list, 1460).bytes, want.bytes, 4);
		require_clamp(&list);
	}
}

/* Each offset, odd ones too, in the shortest list that has it and in the longest. */
static void test_every_place(void **state)
{
	(void)state;
	for (size_t at = 0; at + 4 <= OPTIONS_MAX; at++) {
		struct list list = { .words = (__u8)((at + 4 + 3) / 4) };

		memset(list.bytes, 1, sizeof(list.bytes));
		put_mss(list.bytes + at, 8960);
		assert_int_equal(find_mss(&list), at + 2);
		require_clamp(&list);
		list.words = OPTIONS_MAX / 4;
		require_clamp(&list);
	}
}

/* What stands behind the end of the list, or in another option, is no MSS. */
static void test_what_is_no_mss(void **state)
{
	static const struct list lists[] = {
		{ 2, { 0, 0, 0, 0, 2, 4, 0x23, 0 } },
		{ 3, { 254, 6, 2, 4, 0x23, 0, 1, 1, 1, 1, 1, 1 } },
		{ 2, { 2, 5, 0x23, 0, 0, 1, 1, 1 } },
		{ 1, { 2, 3, 0x23, 1 } },
		{ 1, { 1, 1, 2, 2 } },
		/* Broken: nothing of it is believed. */
		{ 2, { 2, 4, 0x23, 0, 3, 0, 1, 1 } },
		{ 2, { 2, 4, 0x23, 0, 3, 1, 1, 1 } },
		{ 2, { 2, 4, 0x23, 0, 3, 5, 1, 1 } },
		{ 2, { 2, 4, 0x23, 0, 1, 1, 1, 3 } },
		{ 1, { 1, 2, 4, 0x23 } },
		{ 1, { 1, 1, 1, 2 } },
		{ 1, { 2, 0, 0x23, 0 } },
		{ 1, { 2, 255, 0x23, 0 } },
	};

	(void)state;
	for (size_t i = 0; i < sizeof(lists) / sizeof(lists[0]); i++) {
		assert_int_equal(find_mss(&lists[i]), 0);
		require_clamp(&lists[i]);
	}
}

/* A receiver takes the last of two. */
static void test_the_last_one_counts(void **state)
{
	struct list list = { .words = 2 };

	(void)state;
	put_mss(list.bytes, 1000);
	put_mss(list.bytes + 4, 9000);
	assert_int_equal(find_mss(&list), 6);
	require_clamp(&list);
}

static void test_random_lists(void **state)
{
	unsigned int found = 0;

	(void)state;
	seed = 20261121;
	for (unsigned int i = 0; i < ROUNDS; i++) {
		struct list list = random_list();

		found += find_mss(&list) != 0;
		require_clamp(&list);
	}
	/* Enough of both kinds, or the lists are not what they should be. */
	assert_true(found > ROUNDS / 4 && found < ROUNDS / 4 * 3);
}

static void set_mtu(__u32 ifindex, __u32 mtu)
{
	struct natgw_iface row;

	assert_int_equal(bpf_map_lookup_elem(walk.bench->ifaces, &ifindex, &row), 0);
	row.mtu = mtu;
	assert_int_equal(bpf_map_update_elem(walk.bench->ifaces, &ifindex, &row, BPF_ANY), 0);
}

/* The smaller one of the link that it came by and the way on. */
static void test_mtus(void **state)
{
	struct spec spec = walk_outbound(PROTO_TCP, SYN);
	struct list list = only(8960), want = only(SMALL_MTU - HEADERS);
	__u16 port;

	(void)state;
	spec.dst = REMOTE_SMALL_MTU;
	require_sent(spec, &list, &want);
	set_mtu(walk.bench->int_ifindex, 1300);
	want = only(1300 - HEADERS);
	require_sent(spec, &list, &want);
	port = require_sent(walk_outbound(PROTO_TCP, SYN), &list, &want);
	/* And back: in by ext0, out by int0, whose route has 1500. */
	set_mtu(walk.bench->ext_ifindex, 1200);
	want = only(1200 - HEADERS);
	require_received(port, &list, &want);
}

/* At egress nothing is known of the way on but the interface. */
static void test_egress(void **state)
{
	struct bench_run run = { .prog = BENCH_TC_EGR, .ingress = walk.bench->int_ifindex };
	struct spec spec = walk_outbound(PROTO_TCP, SYN);
	struct list list = only(8960), want = only(1200 - HEADERS);

	(void)state;
	set_mtu(walk.bench->int_ifindex, 1300);
	set_mtu(walk.bench->ext_ifindex, 1200);
	spec = with_list(spec, &list);
	frame_build(&spec, &walk.in);
	bench_run(walk.bench, &walk.in, &run);
	assert_int_equal(run.retval, ACTION_TC_OK);
	walk.out = run.out;
	spec = with_list(spec, &want);
	spec.src = EIP;
	spec.sport = frame_get16(&walk.out, frame_l4(&walk.out));
	require_frame(&spec, "SYN at egress");
}

/* Only a SYN has an MSS: in others the bytes are something else. */
static void test_other_segments(void **state)
{
	struct spec spec = walk_outbound(PROTO_TCP, SYN);
	struct list list = only(8960), low = only(1460);
	__u16 port;

	(void)state;
	port = require_sent(spec, &list, &low);
	require_received(port, &list, &low);
	spec.flags = ACK;
	require_sent(spec, &list, &list);
	spec.flags = FIN | ACK;
	require_sent(spec, &list, &list);
}

/* A checksum that was wrong is wrong afterwards, by as much. */
static void test_wrong_checksum_stays_wrong(void **state)
{
	struct bench_run run = { .prog = walk.hooks->internal };

	(void)state;
	for (__u8 at = 0; at < 8; at++) {
		struct list list = { .words = 3 };
		struct spec spec = walk_outbound(PROTO_TCP, SYN);

		memset(list.bytes, 1, sizeof(list.bytes));
		put_mss(list.bytes + at, 8960);
		spec = with_list(spec, &list);
		spec.bad_l4 = 0x0102;
		frame_build(&spec, &walk.in);
		bench_run(walk.bench, &walk.in, &run);
		assert_int_equal(run.retval, walk.hooks->forwarded);
		assert_int_equal(frame_get16(&run.out, frame_l4(&run.out) + FRAME_TCP + at + 2),
				 1460);
		assert_string_equal(frame_verify(&run.out), "TCP checksum");
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		WALK_TEST(test_values),
		WALK_TEST(test_every_place),
		WALK_TEST(test_what_is_no_mss),
		WALK_TEST(test_the_last_one_counts),
		WALK_TEST(test_random_lists),
		WALK_TEST(test_mtus),
		{ "test_egress", test_egress, walk_setup, walk_teardown, &walk_tc },
		WALK_TEST(test_other_segments),
		WALK_TEST(test_wrong_checksum_stays_wrong),
	};
	int failed;

	walk.bench = bench_open(1024);
	failed = cmocka_run_group_tests_name("mss", tests, NULL, NULL);
	bench_close(walk.bench);
	return failed;
}
