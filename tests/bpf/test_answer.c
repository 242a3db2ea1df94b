// SPDX-License-Identifier: GPL-2.0-only
/*
 * What is not one packet's way: ARP for EIPs, the limit of answers, the cache of next hops,
 * checksums on their edges.
 */
#include "walk.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdint.h>
#include <string.h>

#include <bpf/bpf.h>
#include <cmocka.h>

#define SECOND ((__s64)NATGW_TICKS_PER_SECOND)
#define TC_REDIRECT 7
#define TC_UNSPEC 0xffffffff

/* ---- ARP ---- */

static const __u8 asker[6] = { 2, 0, 0, 0, 2, 0x77 };

static void build_arp(struct frame *frame, __u8 operation, __be32 target)
{
	static const __u8 head[] = { 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 2, 0, 0, 0, 2,
				     0x77, 8,	 6,    0,    1,	   8,	 0, 6, 4, 0 };
	const __be32 sender = IP(192, 0, 2, 254);

	memset(frame, 0, sizeof(*frame));
	memcpy(frame->data, head, sizeof(head));
	frame->data[21] = operation;
	memcpy(frame->data + 22, asker, 6);
	memcpy(frame->data + 28, &sender, 4);
	memcpy(frame->data + 38, &target, 4);
	frame->len = 60;
}

static struct bench_run run_arp(__u8 operation, __be32 target)
{
	struct bench_run run = { .prog = BENCH_TC_EXT };
	struct frame frame;

	build_arp(&frame, operation, target);
	bench_run(walk.bench, &frame, &run);
	if (run.retval != TC_REDIRECT) {
		assert_int_equal(run.retval, TC_UNSPEC);
		assert_memory_equal(&run.out, &frame, sizeof(frame));
	}
	return run;
}

static void test_arp_for_an_eip(void **state)
{
	const __be32 eip = EIP_B, router = IP(192, 0, 2, 254);
	struct bench_run run = run_arp(1, EIP_B);

	(void)state;
	assert_int_equal(run.retval, TC_REDIRECT);
	assert_int_equal(run.mark_out, NATGW_MARK_DEFAULT);
	assert_int_equal(run.out.len, 60);
	assert_memory_equal(run.out.data, asker, 6);
	assert_memory_equal(run.out.data + 6, mac_ext, 6);
	assert_int_equal(frame_get16(&run.out, 20), 2);
	assert_memory_equal(run.out.data + 22, mac_ext, 6);
	assert_memory_equal(run.out.data + 28, &eip, 4);
	assert_memory_equal(run.out.data + 32, asker, 6);
	assert_memory_equal(run.out.data + 38, &router, 4);
	assert_int_equal(walk_counted(NATGW_PASS_ARP_ANSWERED), 1);
	assert_int_equal(walk.diff.generated[NATGW_GENERATED_ARP_REPLY], 1);
}

static void test_arp_for_others(void **state)
{
	const struct natgw_address shared = { .kind = NATGW_ADDRESS_EIP,
					      .gateway = 1,
					      .on_host = 1 };
	__be32 eip = EIP;

	(void)state;
	assert_int_equal(run_arp(1, PRIVATE_IP).retval, TC_UNSPEC);
	assert_int_equal(run_arp(1, HOST_IP).retval, TC_UNSPEC);
	assert_int_equal(run_arp(1, REMOTE).retval, TC_UNSPEC);
	/* A reply, a gratuitous one for instance, is not a question. */
	assert_int_equal(run_arp(2, EIP).retval, TC_UNSPEC);
	/* The kernel answers for what it holds itself. */
	bpf_map_update_elem(walk.bench->addresses, &eip, &shared, BPF_ANY);
	assert_int_equal(run_arp(1, EIP).retval, TC_UNSPEC);
	assert_int_equal(walk_counted(NATGW_PASS_NOT_IPV4), 5);
	assert_int_equal(walk.diff.generated[NATGW_GENERATED_ARP_REPLY], 0);
}

/* ---- the limit of ICMP answers ---- */

static void test_answers_are_limited(void **state)
{
	struct bench_run run = { .prog = BENCH_TC_INT };
	struct spec spec = walk_outbound(PROTO_UDP, 0);
	unsigned int answered = 0;

	(void)state;
	spec.ttl = 1;
	frame_build(&spec, &walk.in);
	for (unsigned int i = 0; i < 2 * NATGW_ANSWER_BURST; i++) {
		bench_run(walk.bench, &walk.in, &run);
		answered += run.retval == TC_REDIRECT;
	}
	/* The bucket, and what flowed in while the loop ran. */
	assert_true(answered >= NATGW_ANSWER_BURST && answered < 2 * NATGW_ANSWER_BURST);
	assert_int_equal(walk_counted(NATGW_DROP_TTL_EXPIRED), 2 * NATGW_ANSWER_BURST);
	assert_int_equal(walk.diff.generated[NATGW_GENERATED_TIME_EXCEEDED], answered);
	assert_int_equal(walk.diff.generated[NATGW_GENERATED_LIMITED],
			 2 * NATGW_ANSWER_BURST - answered);
	walk_pass(10 * SECOND);
	bench_run(walk.bench, &walk.in, &run);
	assert_int_equal(run.retval, TC_REDIRECT);
}

/* ---- next hops ---- */

static void send_expect_mac(const __u8 *mac)
{
	struct spec spec = walk_outbound(PROTO_UDP, 0);

	assert_true(walk_port(&spec) > 0);
	assert_memory_equal(walk.out.data, mac, 6);
}

static void set_router_mac(const char *command)
{
	bench_ip(command);
}

#define ROUTER "192.0.2.254 nud permanent dev ext0 lladdr 02:00:00:00:02:"

static void test_changed_mac_heals(void **state)
{
	static const __u8 other[6] = { 2, 0, 0, 0, 2, 0xee };

	(void)state;
	send_expect_mac(mac_router);
	send_expect_mac(mac_router);
	set_router_mac("neigh replace " ROUTER "ee\n");
	/* The session's next hop is cached for a second. */
	send_expect_mac(mac_router);
	walk_pass(2 * SECOND);
	send_expect_mac(other);
	set_router_mac("neigh replace " ROUTER "fe\n");
	walk_pass(2 * SECOND);
	send_expect_mac(mac_router);
}

static void test_generation_looks_up_anew(void **state)
{
	static const __u8 other[6] = { 2, 0, 0, 0, 2, 0xee };
	struct natgw_generation generation;
	__u32 zero = 0;

	(void)state;
	send_expect_mac(mac_router);
	send_expect_mac(mac_router);
	set_router_mac("neigh replace " ROUTER "ee\n");
	bpf_map_lookup_elem(walk.bench->generation, &zero, &generation);
	generation.nexthop++;
	bpf_map_update_elem(walk.bench->generation, &zero, &generation, BPF_ANY);
	send_expect_mac(other);
	set_router_mac("neigh replace " ROUTER "fe\n");
	walk_pass(2 * SECOND);
	send_expect_mac(mac_router);
}

static void send_remote_expect_mac(__be32 remote, const __u8 *mac)
{
	struct spec spec = walk_outbound(PROTO_UDP, 0);

	spec.dst = remote;
	assert_true(walk_port(&spec) > 0);
	assert_memory_equal(walk.out.data, mac, 6);
}

/*
 * Without the daemon: another session keeps the old router's entry fresh, and the one whose route
 * has changed finds out all the same.
 */
static void test_changed_route_heals(void **state)
{
	static const __u8 other[6] = { 2, 0, 0, 0, 2, 0xfd };
	const __be32 remote = IP(198, 51, 101, 9);

	(void)state;
	send_expect_mac(mac_router);
	send_remote_expect_mac(remote, mac_router);
	bench_ip("neigh replace 192.0.2.253 lladdr 02:00:00:00:02:fd nud permanent dev ext0\n"
		 "route add 198.51.101.9 via 192.0.2.253\n");
	for (int i = 0; i < 10; i++) {
		walk_pass(SECOND);
		send_expect_mac(mac_router);
	}
	send_remote_expect_mac(remote, other);
	bench_ip("route del 198.51.101.9 via 192.0.2.253\n");
}

/* ---- checksums ---- */

/* Finds the payload with which the translated packet's checksum computes to 0. */
static struct spec zero_after(struct spec spec, __be32 src, __be32 dst, struct spec ports)
{
	struct spec after = spec;
	struct frame frame;

	after.src = src;
	after.dst = dst;
	after.sport = ports.sport;
	after.dport = ports.dport;
	for (__u32 fill = 0; fill <= 0xffff; fill++) {
		after.fill = (__u16)fill;
		frame_build(&after, &frame);
		if (frame_get16(&frame, frame_l4(&frame) + 6) == 0xffff) {
			spec.fill = (__u16)fill;
			return spec;
		}
	}
	fail();
	return spec;
}

static void test_udp_checksum_of_zero(void **state)
{
	struct pair pair = pair_standard(PROTO_UDP, NATGW_STATE_OPENING);
	struct spec out = walk_outbound(PROTO_UDP, 0);
	struct spec in = walk_inbound(PROTO_UDP, 0, EXT_PORT);

	(void)state;
	pair_add(walk.bench, &pair);
	out = zero_after(out, EIP, REMOTE, (struct spec){ .sport = EXT_PORT, .dport = REM_PORT });
	assert_int_equal(walk_port(&out), EXT_PORT);
	assert_int_equal(frame_get16(&walk.out, frame_l4(&walk.out) + 6), 0xffff);
	in = zero_after(in, REMOTE, CLIENT, (struct spec){ .sport = REM_PORT, .dport = INT_PORT });
	assert_true(walk_receive(&in));
	assert_int_equal(frame_get16(&walk.out, frame_l4(&walk.out) + 6), 0xffff);
}

/* A bit that fell over on the way in must be as visible on the way out. */
static void require_stays_wrong(struct spec spec, size_t offset)
{
	struct bench_run run = { .prog = walk.hooks->internal };

	frame_build(&spec, &walk.in);
	offset += frame_l4(&walk.in);
	walk.in.data[offset] ^= 0x10;
	bench_run(walk.bench, &walk.in, &run);
	assert_int_equal(run.retval, walk.hooks->forwarded);
	assert_non_null(frame_verify(&run.out));
	run.out.data[offset] ^= 0x10;
	assert_null(frame_verify(&run.out));
}

static void test_wrong_checksum_stays_wrong(void **state)
{
	(void)state;
	require_stays_wrong(walk_outbound(PROTO_TCP, SYN), 24);
	require_stays_wrong(walk_outbound(PROTO_UDP, 0), 12);
	require_stays_wrong(walk_outbound(PROTO_ICMP, 0), 12);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		{ "test_arp_for_an_eip", test_arp_for_an_eip, walk_setup, walk_teardown, &walk_tc },
		{ "test_arp_for_others", test_arp_for_others, walk_setup, walk_teardown, &walk_tc },
		{ "test_answers_are_limited", test_answers_are_limited, walk_setup, walk_teardown,
		  &walk_tc },
		WALK_TEST(test_changed_mac_heals),
		WALK_TEST(test_generation_looks_up_anew),
		WALK_TEST(test_changed_route_heals),
		WALK_TEST(test_udp_checksum_of_zero),
		WALK_TEST(test_wrong_checksum_stays_wrong),
	};
	int failed;

	walk.bench = bench_open(1024);
	failed = cmocka_run_group_tests_name("answers", tests, NULL, NULL);
	bench_close(walk.bench);
	return failed;
}
