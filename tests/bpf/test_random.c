// SPDX-License-Identifier: GPL-2.0-only
/*
 * Random and mutated frames through every program, from a fixed seed: nothing internal shows
 * outside, nothing is counted twice or not at all, and what came in right goes out right.
 */
#include "tables.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include <bpf/bpf.h>
#include <cmocka.h>

#define FRAMES bench_rounds(20000, 40)
#define ACTION_REDIRECT_XDP 4
#define ACTION_REDIRECT_TC 7
#define ACTION_OK_TC 0

static struct bench *bench;
static unsigned int seed = 20261120;

/* The current frame, for the message when something is wrong. */
static struct frame frame;
static struct bench_run run;
static unsigned int frame_number;

static const __be32 addresses[] = {
	CLIENT,
	CLIENT,
	CLIENT_B,
	REMOTE,
	REMOTE,
	REMOTE_B,
	EIP,
	EIP,
	EIP_B,
	PRIVATE_IP,
	HOST_IP,
	CLIENT_PENDING,
	CLIENT_SILENT,
	REMOTE_SILENT,
	REMOTE_SMALL_MTU,
	IP(224, 0, 0, 1),
	IP(127, 0, 0, 1),
	IP(10, 25, 0, 1),
	IP(192, 168, 9, 9),
};
static const __u8 protos[] = { PROTO_TCP,  PROTO_TCP,  PROTO_UDP, PROTO_UDP,
			       PROTO_ICMP, PROTO_ICMP, 47,	  0 };
static const __u8 types[] = {
	TYPE_ECHO, TYPE_ECHO_REPLY, TYPE_UNREACHABLE, TYPE_TIME_EXCEEDED, TYPE_PARAMETER, 5, 13
};
static const __u8 flags[] = { SYN, SYN | ACK, ACK, ACK | PSH, FIN | ACK, RST, 0xff };
static const __u16 ports[] = { INT_PORT, EXT_PORT, REM_PORT, 0, 65535 };

#define PICK(from) ((from)[random_below(sizeof(from) / sizeof((from)[0]))])

static unsigned int random_below(unsigned int bound)
{
	return ((unsigned int)rand_r(&seed) >> 3) % bound;
}

static struct spec random_spec(void)
{
	struct spec spec = {
		.src = PICK(addresses),
		.dst = PICK(addresses),
		.proto = PICK(protos),
		.flags = PICK(flags),
		.type = PICK(types),
		.sport = PICK(ports),
		.dport = PICK(ports),
		.ttl = (__u8)(random_below(8) ? 64 : 1 + random_below(2)),
		.options = (__u8)(random_below(4) ? 0 : random_below(11)),
		.payload = (__u16)random_below(80),
		.frag = (__u16)(random_below(12) ? 0 : rand_r(&seed)),
		.no_check = !random_below(6),
		.pad = (__u16)(random_below(5) ? 0 : random_below(20)),
	};

	switch (random_below(3)) {
	case 0: /* by the ports of the sessions that stand */
		spec.src = CLIENT;
		spec.dst = REMOTE;
		spec.sport = INT_PORT;
		spec.dport = REM_PORT;
		break;
	case 1:
		spec.src = REMOTE;
		spec.dst = EIP;
		spec.sport = REM_PORT;
		spec.dport = EXT_PORT;
		break;
	default:
		break;
	}
	return spec;
}

static void random_frame(struct frame *ret_frame)
{
	struct spec spec = random_spec(), quoted = random_spec();

	if (spec.proto == PROTO_ICMP && spec.type != TYPE_ECHO && spec.type != TYPE_ECHO_REPLY) {
		spec.quote = &quoted;
		spec.quote_l4 = (__u16)random_below(60);
		if (random_below(2)) {
			quoted.src = spec.dst;
		}
	}
	frame_build(&spec, ret_frame);
}

/* Some bytes and the length, anywhere. */
static void mutate(struct frame *ret_frame)
{
	for (unsigned int i = random_below(4); i; i--) {
		ret_frame->data[12 + random_below(ret_frame->len - 12)] = (__u8)rand_r(&seed);
	}
	if (!random_below(6)) {
		__u32 cut = random_below(ret_frame->len - FRAME_ETH - FRAME_IP + 1);

		ret_frame->len -= cut;
	}
}

static void noise(struct frame *ret_frame)
{
	memset(ret_frame, 0, sizeof(*ret_frame));
	ret_frame->len = FRAME_ETH + FRAME_IP + random_below(150);
	for (__u32 i = 0; i < ret_frame->len; i++) {
		ret_frame->data[i] = (__u8)rand_r(&seed);
	}
	if (random_below(2)) {
		ret_frame->data[12] = 8;
		ret_frame->data[13] = 0;
		ret_frame->data[14] = (__u8)(0x45 + random_below(11));
	}
}

static void fail_with_frame(const char *what)
{
	print_error("frame %u, program %d, retval %u: %s\n", frame_number, run.prog, run.retval,
		    what);
	for (__u32 i = 0; i < frame.len; i++) {
		print_error("%02x", frame.data[i]);
	}
	print_error("\n");
	for (__u32 i = 0; i < run.out.len; i++) {
		print_error("%02x", run.out.data[i]);
	}
	print_error("\n");
	fail();
}

static bool is_internal(__be32 addr)
{
	const __u8 *byte = (const __u8 *)&addr;

	return byte[0] == 10 && byte[1] == 0 && byte[2] >= 1 && byte[2] <= 3;
}

/* ARP, or ICMP from the private IP to the sender. */
static bool is_answer(void)
{
	return frame_get16(&run.out, 12) != 0x0800 ||
	       (frame_src(&run.out) == PRIVATE_IP && frame_dst(&run.out) == frame_src(&frame));
}

/* Did the program translate it? Forwarded by it, or changed and left to the kernel. */
static bool was_translated(void)
{
	bool same = run.out.len == frame.len && !memcmp(run.out.data, frame.data, frame.len);

	switch (run.prog) {
	case BENCH_XDP_INT:
	case BENCH_XDP_EXT:
		return run.retval == ACTION_REDIRECT_XDP;
	case BENCH_TC_INT:
	case BENCH_TC_EXT:
		return !is_answer() &&
		       (run.retval == ACTION_REDIRECT_TC || run.retval == ACTION_OK_TC);
	default:
		return run.retval == ACTION_OK_TC && !same;
	}
}

/* The quoted packet as the remote endpoint must see it. */
static void judge_quote(void)
{
	size_t icmp = frame_l4(&run.out);
	__be32 dst;

	if (run.out.data[23] != PROTO_ICMP || run.out.data[icmp] == TYPE_ECHO ||
	    run.out.data[icmp] == TYPE_ECHO_REPLY) {
		return;
	}
	memcpy(&dst, run.out.data + icmp + 8 + 16, sizeof(dst));
	if (is_internal(dst)) {
		fail_with_frame("an internal address in the quote");
	}
}

static void judge_translated(bool was_right)
{
	bool outbound = is_internal(frame_src(&frame));

	if (outbound && is_internal(frame_src(&run.out))) {
		fail_with_frame("an internal source leaves");
	}
	if (outbound) {
		judge_quote();
	}
	if (was_right && frame_verify(&run.out)) {
		fail_with_frame(frame_verify(&run.out));
	}
}

/* What XDP does not finish it must not have touched. */
static void judge_untranslated(void)
{
	bool xdp = run.prog <= BENCH_CHECK;

	if (xdp && run.retval == 2 &&
	    (run.out.len != frame.len || memcmp(run.out.data, frame.data, frame.len) != 0)) {
		fail_with_frame("XDP changed a packet that it hands up");
	}
	if (xdp && run.retval != 1 && run.retval != 2) {
		fail_with_frame("XDP action");
	}
	/* Forwarded by the kernel: no internal source gets by, except over its local routes. */
	if (run.prog == BENCH_TC_EGR && run.retval == ACTION_OK_TC && run.ingress &&
	    frame_get16(&frame, 12) == 0x0800 && is_internal(frame_src(&frame)) &&
	    frame_src(&frame) != PRIVATE_IP && frame_dst(&frame) == REMOTE) {
		fail_with_frame("an untranslated packet leaves");
	}
}

/* Most frames are for the interface; the rest keep what they have. */
static void address_frame(enum bench_prog prog)
{
	bool external = prog == BENCH_XDP_EXT || prog == BENCH_TC_EXT;

	if (random_below(8)) {
		memcpy(frame.data, external ? mac_ext : mac_int, 6);
	}
}

static void run_everywhere(void)
{
	bool was_right = !frame_verify(&frame);
	__u32 ingress[] = { bench->int_ifindex, 0 };

	for (int prog = 0; prog < BENCH_PROG_COUNT; prog++) {
		memset(&run, 0, sizeof(run));
		run.prog = (enum bench_prog)prog;
		address_frame(run.prog);
		run.ingress = ingress[prog == BENCH_TC_EGR && random_below(3) == 0];
		bench_run(bench, &frame, &run);
		if (was_translated()) {
			judge_translated(was_right);
		} else {
			judge_untranslated();
		}
	}
}

static void add_sessions(void)
{
	struct pair pair;

	bench_reset(bench);
	pair = pair_standard(PROTO_TCP, NATGW_STATE_ESTABLISHED);
	pair_add(bench, &pair);
	pair = pair_standard(PROTO_UDP, NATGW_STATE_OPENING);
	pair_add(bench, &pair);
	pair = pair_standard(PROTO_ICMP, NATGW_STATE_ESTABLISHED);
	pair_add(bench, &pair);
}

static struct natgw_count sum_of_hook(const struct counters *diff, __u32 hook)
{
	struct natgw_count sum = {};

	for (__u32 i = 0; i < COUNTED_ROWS; i++) {
		if (i / NATGW_VERDICT_SLOTS / NATGW_DIRECTION_COUNT % NATGW_HOOK_COUNT == hook) {
			sum.packets += diff->verdicts[i].packets;
			sum.bytes += diff->verdicts[i].bytes;
		}
	}
	return sum;
}

/* Everything that was seen has one verdict, packets and bytes alike. */
static void judge_counters(const struct counters *diff)
{
	for (__u32 hook = 0; hook < NATGW_HOOK_COUNT; hook++) {
		struct natgw_count sum = sum_of_hook(diff, hook);

		assert_true(sum.packets > 0);
		assert_int_equal(sum.packets, diff->seen[hook].packets);
		assert_int_equal(sum.bytes, diff->seen[hook].bytes);
	}
}

static void count_internal(const struct counters *diff)
{
	for (__u32 i = NATGW_DROP_INTERNAL; i < COUNTED_ROWS; i += NATGW_VERDICT_SLOTS) {
		assert_int_equal(diff->verdicts[i].packets, 0);
	}
	for (__u32 i = NATGW_OK; i < COUNTED_ROWS; i += NATGW_VERDICT_SLOTS) {
		assert_int_equal(diff->verdicts[i].packets, 0);
	}
}

static void test_random_frames(void **state)
{
	static struct counters before, after, diff;
	static struct table outbound, inbound;

	(void)state;
	counters_read(bench, &before);
	for (frame_number = 0; frame_number < FRAMES; frame_number++) {
		if (frame_number % 500 == 0) {
			table_read(bench->outbound, &outbound);
			table_read(bench->inbound, &inbound);
			assert_int_equal(tables_broken(&outbound, &inbound), 0);
			add_sessions();
		}
		if (random_below(8)) {
			random_frame(&frame);
		} else {
			noise(&frame);
		}
		if (random_below(3) == 0) {
			mutate(&frame);
		}
		run_everywhere();
	}
	counters_read(bench, &after);
	counters_diff(&before, &after, &diff);
	judge_counters(&diff);
	count_internal(&diff);
	print_message("%llu packets left, %llu came in\n",
		      (unsigned long long)diff.traffic[1].out_to_destination.packets,
		      (unsigned long long)diff.traffic[1].out_to_source.packets);
	/* They reach the translation, or nothing is proved. */
	assert_true(diff.traffic[1].out_to_destination.packets > FRAMES / 20);
	assert_true(diff.traffic[1].out_to_source.packets > FRAMES / 20);
}

int main(void)
{
	const struct CMUnitTest tests[] = { cmocka_unit_test(test_random_frames) };
	int failed;

	bench = bench_open(4096);
	failed = cmocka_run_group_tests_name("random", tests, NULL, NULL);
	bench_close(bench);
	return failed;
}
