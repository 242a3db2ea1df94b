// SPDX-License-Identifier: GPL-2.0-only
/*
 * An EIP that is the host's own address (shared: true): what is no session's is the host's, in both
 * directions, and no session ever has a port that the host has.
 */
#include "inside.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdint.h>
#include <string.h>

#include <bpf/bpf.h>
#include <cmocka.h>

#define SERVICE 1405
#define SHADOW_PORT 41404

static int setup(void **state)
{
	walk_setup(state);
	inside_use(NATGW_FEATURE_RESERVED);
	inside_share();
	return 0;
}

#define SHARED_TEST(function)                                                 \
	{ #function " (xdp)", function, setup, inside_teardown, &walk_xdp },  \
	{                                                                     \
#function " (tc)", function, setup, inside_teardown, &walk_tc \
	}

static __u32 passed_up(void)
{
	return walk.hooks == &walk_xdp ? ACTION_XDP_PASS : ACTION_TC_UNSPEC;
}

/* The packet goes to the kernel as it came. */
static void require_hosts(const struct spec *spec, enum bench_prog prog)
{
	struct bench_run run = { .prog = prog };

	frame_build(spec, &walk.in);
	bench_run(walk.bench, &walk.in, &run);
	assert_int_equal(run.retval, passed_up());
	assert_int_equal(run.out.len, walk.in.len);
	assert_memory_equal(run.out.data, walk.in.data, walk.in.len);
}

/* By the host, at the egress of ext0; it leaves as it is. */
static void host_sends(const struct spec *spec)
{
	struct bench_run run = { .prog = BENCH_TC_EGR };

	frame_build(spec, &walk.in);
	bench_run(walk.bench, &walk.in, &run);
	assert_int_equal(run.retval, 0);
	assert_memory_equal(run.out.data, walk.in.data, walk.in.len);
}

static struct spec of_host(__u8 proto, __u16 port)
{
	struct spec spec = walk_outbound(proto, SYN);

	spec.src = EIP;
	spec.smac = mac_ext;
	spec.dmac = mac_router;
	spec.sport = port;
	return spec;
}

/* ---- what comes from outside ---- */

static void test_no_session_is_the_hosts(void **state)
{
	static const __u8 flags[] = { SYN, ACK, SYN | ACK, FIN | ACK, RST, PSH | ACK, 0 };
	static const __u8 types[] = { TYPE_ECHO, TYPE_ECHO_REPLY, 13, 17, 5 };
	struct spec spec;

	(void)state;
	for (size_t i = 0; i < sizeof(flags); i++) {
		spec = walk_inbound(PROTO_TCP, flags[i], 22);
		require_hosts(&spec, walk.hooks->external);
	}
	for (size_t i = 0; i < sizeof(types); i++) {
		spec = walk_inbound(PROTO_ICMP, 0, 7);
		spec.type = types[i];
		spec.sport = 7;
		require_hosts(&spec, walk.hooks->external);
	}
	spec = walk_inbound(PROTO_UDP, 0, 53);
	require_hosts(&spec, walk.hooks->external);
	/* The host may have a tunnel. */
	spec = walk_inbound(47, 0, 0);
	require_hosts(&spec, walk.hooks->external);
	inside_require_rows(0);
}

/* Fragments have no ports: those of no session's datagram are the host's as well. */
static void test_fragments(void **state)
{
	static const __u8 protos[] = { PROTO_UDP, PROTO_TCP, PROTO_ICMP };

	(void)state;
	for (int i = 0; i < 3; i++) {
		struct spec spec = walk_inbound(protos[i], ACK, 53);

		spec.id = (__u16)(100 + i);
		spec.payload = 200;
		spec.type = TYPE_ECHO;
		spec.frag = FRAG_MF;
		require_hosts(&spec, walk.hooks->external);
		spec.frag = 28;
		require_hosts(&spec, walk.hooks->external);
	}
	inside_require_rows(0);
}

/* Errors about what the host has sent; and one about a session is the client's. */
static void test_errors(void **state)
{
	struct talk talk = talk_new(PROTO_UDP);
	struct spec quoted = of_host(PROTO_UDP, 40000);
	struct spec error = { .src = IP(192, 0, 2, 254),
			      .dst = EIP,
			      .smac = mac_router,
			      .dmac = mac_ext,
			      .proto = PROTO_ICMP,
			      .type = TYPE_UNREACHABLE,
			      .code = 3,
			      .quote = &quoted,
			      .quote_l4 = 8 };

	(void)state;
	require_hosts(&error, walk.hooks->external);
	talk_open(&talk);
	quoted.sport = talk.port;
	quoted.dport = talk.remote_port;
	assert_true(walk_receive(&error));
	assert_int_equal(frame_dst(&walk.out), CLIENT);
}

static void test_sessions_are_the_clients(void **state)
{
	static const __u8 protos[] = { PROTO_TCP, PROTO_UDP, PROTO_ICMP };

	(void)state;
	for (int i = 0; i < 3; i++) {
		struct talk talk = talk_new(protos[i]), other;
		struct spec spec;

		talk_open(&talk);
		assert_true(talk_receive(&talk, ACK, 50));
		other = talk;
		other.remote = REMOTE_B;
		spec = talk_inbound(&other, ACK, 50);
		require_hosts(&spec, walk.hooks->external);
	}
}

/* An internal source does not come from outside, whoever has the address. */
static void test_spoofed(void **state)
{
	struct spec spec = walk_inbound(PROTO_TCP, SYN, 22);

	(void)state;
	spec.src = CLIENT_B;
	assert_false(walk_receive(&spec));
	assert_int_equal(walk_counted(NATGW_DROP_SOURCE_NOT_ALLOWED), 1);
}

/* ---- what comes from inside ---- */

static void test_clients_reach_the_host(void **state)
{
	static const __u8 protos[] = { PROTO_TCP, PROTO_UDP, PROTO_ICMP };

	(void)state;
	for (int i = 0; i < 3; i++) {
		struct spec spec = walk_outbound(protos[i], SYN);

		spec.dst = EIP;
		require_hosts(&spec, walk.hooks->internal);
		spec.flags = ACK;
		require_hosts(&spec, walk.hooks->internal);
	}
	inside_require_rows(0);
}

/* ---- the host's ports ---- */

static const struct {
	__u8 proto;
	__u32 index;
} protos[] = {
	{ PROTO_TCP, NATGW_PROTO_TCP },
	{ PROTO_UDP, NATGW_PROTO_UDP },
	{ PROTO_ICMP, NATGW_PROTO_ICMP },
};

/* A port that leaves with the host's packet is taken, for that protocol and EIP alone. */
static void test_seen_at_egress(void **state)
{
	struct natgw_gateway gateway = bench_gateway();

	(void)state;
	bench_range(&gateway, EXT_PORT, 2, 0);
	bench_set_gateway(walk.bench, &gateway);
	for (int i = 0; i < 3; i++) {
		struct talk talk = talk_new(protos[i].proto);
		struct spec spec = of_host(protos[i].proto, EXT_PORT);

		assert_false(inside_is_reserved(0, protos[i].index, EXT_PORT));
		host_sends(&spec);
		assert_true(inside_is_reserved(0, protos[i].index, EXT_PORT));
		assert_false(inside_is_reserved(0, protos[i].index, EXT_PORT + 1));
		assert_false(inside_is_reserved(1, protos[i].index, EXT_PORT));
		if (i < 2) {
			assert_false(inside_is_reserved(0, protos[i + 1].index, EXT_PORT));
		}
		talk_open(&talk);
		assert_int_equal(talk.port, EXT_PORT + 1);
		talk.client_port++;
		assert_int_equal(talk_begin(&talk), 0);
	}
	assert_int_equal(walk_counted(NATGW_DROP_PORT_EXHAUSTED), 3);
}

/* By another of its addresses it takes nothing. */
static void test_another_address(void **state)
{
	struct spec spec = of_host(PROTO_UDP, EXT_PORT);

	(void)state;
	spec.src = HOST_IP;
	host_sends(&spec);
	assert_false(inside_is_reserved(0, NATGW_PROTO_UDP, EXT_PORT));
}

/* An answer of the host to an echo request takes no identifier. */
static void test_echo_reply(void **state)
{
	struct spec spec = of_host(PROTO_ICMP, 0);

	(void)state;
	spec.type = TYPE_ECHO_REPLY;
	spec.dport = EXT_PORT;
	host_sends(&spec);
	assert_false(inside_is_reserved(0, NATGW_PROTO_ICMP, EXT_PORT));
}

/*
 * Threat 4: a client sends from the port of a service of the host; what the remote endpoint then
 * sends there is the service's.
 */
static void test_port_shadow(void **state)
{
	(void)state;
	for (int i = 0; i < 2; i++) {
		struct natgw_gateway gateway = bench_gateway();
		struct talk talk = talk_new(protos[i].proto);
		struct spec spec;

		bench_range(&gateway, SERVICE, 2, 0);
		bench_set_gateway(walk.bench, &gateway);
		inside_reserve(0, protos[i].index, SERVICE, true);
		talk.client_port = SERVICE;
		talk.remote_port = SHADOW_PORT;
		talk_open(&talk);
		assert_int_equal(talk.port, SERVICE + 1);
		talk.port = SERVICE;
		spec = talk_inbound(&talk, SYN, 20);
		require_hosts(&spec, walk.hooks->external);
		talk.port = SERVICE + 1;
		assert_true(talk_receive(&talk, ACK, 20));
	}
}

/* The host and a client, from one port to one endpoint: each has its own. */
static void test_one_port(void **state)
{
	struct spec host = of_host(PROTO_UDP, INT_PORT), reply;
	struct talk talk = talk_new(PROTO_UDP);

	(void)state;
	host_sends(&host);
	for (int i = 0; i < 50; i++) {
		talk.client_port = (__u16)(INT_PORT + i);
		talk_open(&talk);
		assert_int_not_equal(talk.port, INT_PORT);
	}
	reply = walk_inbound(PROTO_UDP, 0, INT_PORT);
	require_hosts(&reply, walk.hooks->external);
}

/* A forward of a shared EIP comes before the host. */
static void test_forward(void **state)
{
	struct talk talk = inside_forwarded(PROTO_TCP);
	struct spec spec;

	(void)state;
	inside_use(NATGW_FEATURE_RESERVED | NATGW_FEATURE_FORWARDS | NATGW_FEATURE_HAIRPIN);
	inside_forward(PROTO_TCP, EIP, INSIDE_PORT, CLIENT, INT_PORT);
	inside_open_forwarded(&talk);
	assert_true(talk_receive(&talk, ACK, 10));
	/* What begins nothing is the host's to refuse. */
	talk.remote = REMOTE_B;
	spec = talk_inbound(&talk, ACK, 10);
	require_hosts(&spec, walk.hooks->external);
	spec = walk_inbound(PROTO_UDP, 0, INSIDE_PORT);
	require_hosts(&spec, walk.hooks->external);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		SHARED_TEST(test_no_session_is_the_hosts),
		SHARED_TEST(test_fragments),
		SHARED_TEST(test_errors),
		SHARED_TEST(test_sessions_are_the_clients),
		SHARED_TEST(test_spoofed),
		SHARED_TEST(test_clients_reach_the_host),
		SHARED_TEST(test_seen_at_egress),
		SHARED_TEST(test_another_address),
		SHARED_TEST(test_echo_reply),
		SHARED_TEST(test_port_shadow),
		SHARED_TEST(test_one_port),
		SHARED_TEST(test_forward),
	};
	int failed;

	walk.bench = bench_open(4096);
	failed = cmocka_run_group_tests_name("shared", tests, NULL, NULL);
	bench_close(walk.bench);
	return failed;
}
