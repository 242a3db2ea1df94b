// SPDX-License-Identifier: GPL-2.0-only
/* The life of a port forward and of its sessions: reload, timers, quotas, and that no client ever
 * gets its port. */
#include "flood.h"
#include "inside.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdint.h>
#include <string.h>

#include <bpf/bpf.h>
#include <cmocka.h>

/* As bench_gateway has them. */
#define HALF_OPEN_S 30
#define UNREPLIED_S 40
#define REPLIED_S 300
#define HOLD_HALF_OPEN_S 20
#define HOLD_UDP_S 45

/* ---- reload ---- */

static void test_removed(void **state)
{
	struct talk talk = inside_forwarded(PROTO_TCP), other = inside_forwarded(PROTO_TCP);

	(void)state;
	inside_open_forwarded(&talk);
	inside_forward_remove(PROTO_TCP, EIP, INSIDE_PORT);
	assert_true(talk_receive(&talk, ACK | PSH, 10));
	assert_true(talk_send(&talk, ACK | PSH, 10));
	other.remote = REMOTE_B;
	assert_false(talk_receive(&other, SYN, 0));
	inside_require_rows(1);
	walk_judge(0);
}

/* Old sessions stay where they are, new ones go to the new host. */
static void test_moved(void **state)
{
	struct talk talk = inside_forwarded(PROTO_TCP), other = inside_forwarded(PROTO_TCP);

	(void)state;
	inside_open_forwarded(&talk);
	inside_forward(PROTO_TCP, EIP, INSIDE_PORT, CLIENT_B, 81);
	assert_true(talk_receive(&talk, ACK | PSH, 10));
	assert_true(talk_send(&talk, ACK | PSH, 10));
	other.client = CLIENT_B;
	other.client_port = 81;
	other.remote = REMOTE_B;
	inside_open_forwarded(&other);
	inside_require_rows(2);
	walk_judge(0);
}

/* ---- timers ---- */

static void test_half_open_expires(void **state)
{
	struct talk talk = inside_forwarded(PROTO_TCP), other = inside_forwarded(PROTO_TCP);

	(void)state;
	assert_true(talk_receive(&talk, SYN, 0));
	walk_seconds(HALF_OPEN_S + 1);
	assert_false(talk_receive(&talk, ACK, 0));
	other.remote_port++;
	inside_open_forwarded(&other);
	walk_seconds(HALF_OPEN_S + 1 + HOLD_HALF_OPEN_S + 2);
	bench_sweep(walk.bench);
	inside_require_rows(1);
	assert_true(talk_receive(&other, ACK, 10));
	assert_int_equal(client_of(walk.bench, CLIENT).sessions, 1);
}

static void require_udp_life(bool replied, __s64 seconds)
{
	struct talk talk = inside_forwarded(PROTO_UDP);

	assert_true(talk_receive(&talk, 0, 8));
	assert_true(!replied || talk_send(&talk, 0, 8));
	walk_seconds(seconds - 1);
	bench_sweep(walk.bench);
	inside_require_rows(1);
	walk_seconds(seconds + 1);
	bench_sweep(walk.bench);
	assert_false(talk_send(&talk, 0, 8) && talk.port == INSIDE_PORT);
	walk_seconds(seconds + HOLD_UDP_S + 2);
	bench_sweep(walk.bench);
}

static void test_udp_expires(void **state)
{
	(void)state;
	require_udp_life(false, UNREPLIED_S);
	inside_setup(state);
	require_udp_life(true, REPLIED_S);
}

/*
 * A hold-down keeps other sessions off the port. The same two endpoints are no other session, and a
 * forwarded port has no other one to give them: they begin anew at once.
 */
static void test_the_same_endpoints_begin_again(void **state)
{
	static const struct {
		__u8 proto;
		bool replied;
		__s64 idle; /* into its hold */
	} cases[] = {
		{ PROTO_TCP, false, HALF_OPEN_S + 2 },
		{ PROTO_UDP, false, UNREPLIED_S + 2 },
		{ PROTO_UDP, true, REPLIED_S + 2 },
	};

	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		struct talk talk = inside_forwarded(cases[i].proto);

		if (cases[i].replied) {
			inside_open_forwarded(&talk);
		} else {
			assert_true(talk_receive(&talk, SYN, 0));
		}
		walk_seconds(cases[i].idle);
		bench_sweep(walk.bench);
		talk = inside_forwarded(cases[i].proto);
		inside_open_forwarded(&talk);
		inside_require_rows(1);
		walk_judge(0);
		assert_int_equal(client_of(walk.bench, CLIENT).sessions, 1);
		inside_setup(state);
	}
}

/* And after both FINs, and after a RST: the host has closed, the remote's port is free. */
static void test_a_connection_again(void **state)
{
	struct talk talk = inside_forwarded(PROTO_TCP);

	(void)state;
	for (int i = 0; i < 3; i++) {
		inside_open_forwarded(&talk);
		assert_true(talk_send(&talk, FIN | ACK, 0));
		assert_true(talk_receive(&talk, FIN | ACK, 0));
		assert_true(talk_send(&talk, ACK, 0));
		talk.next_in += 100000;
		talk.next_out += 100000;
	}
	inside_open_forwarded(&talk);
	assert_true(talk_send(&talk, RST, 0));
	talk.next_in += 100000;
	talk.next_out += 100000;
	inside_open_forwarded(&talk);
	assert_true(talk_receive(&talk, ACK | PSH, 10));
	inside_require_rows(1);
	walk_judge(0);
}

/* ---- quotas ---- */

static void test_quotas(void **state)
{
	struct natgw_gateway gateway = bench_gateway();
	struct talk talk = inside_forwarded(PROTO_TCP);

	(void)state;
	gateway.client_opening_max = 2;
	gateway.client_sessions_max = 3;
	bench_set_gateway(walk.bench, &gateway);
	for (int i = 0; i < 2; i++) {
		talk = inside_forwarded(PROTO_TCP);
		talk.remote_port = (__u16)(INSIDE_REMOTE_PORT + i);
		assert_true(talk_receive(&talk, SYN, 0));
	}
	talk = inside_forwarded(PROTO_TCP);
	talk.remote_port += 2;
	assert_false(talk_receive(&talk, SYN, 0));
	assert_int_equal(walk_counted(NATGW_DROP_HALF_OPEN_QUOTA), 1);
	gateway.client_opening_max = 0;
	bench_set_gateway(walk.bench, &gateway);
	inside_open_forwarded(&talk);
	talk.remote_port++;
	assert_false(talk_receive(&talk, SYN, 0));
	assert_int_equal(walk_counted(NATGW_DROP_CLIENT_QUOTA), 1);
	inside_require_rows(3);
	assert_int_equal(client_of(walk.bench, CLIENT).sessions, 3);
}

/* ---- the port is nobody else's ---- */

/* Opens sessions to one destination until one is refused: how many; none has a port of "reserved".
 */
static __u32 fill(__u8 proto, __u32 most, const bool *reserved)
{
	for (__u32 i = 0; i < most; i++) {
		struct flood_flow flow = flood_flow(proto, REMOTE, REM_PORT, i);
		struct flood_got got = flood_open(walk.bench, walk.hooks->internal, &flow);

		if (!got.port) {
			return i;
		}
		assert_true(got.port >= EXT_PORT);
		assert_false(reserved[got.port - EXT_PORT]);
	}
	return most;
}

static void use_range(__u32 ports)
{
	struct natgw_gateway gateway = bench_gateway();

	flood_for_ever(&gateway);
	bench_range(&gateway, EXT_PORT, ports, 0);
	bench_set_gateway(walk.bench, &gateway);
}

/* By every way of looking for a port: few sessions to a destination, and many. */
static void require_never_allocated(__u8 proto, __u32 ports, __u32 each)
{
	static bool reserved[2000];
	__u32 count = 0;

	memset(reserved, 0, sizeof(reserved));
	use_range(ports);
	for (__u32 i = 0; i < ports; i += each) {
		reserved[i] = true;
		count++;
		inside_reserve(0, proto == PROTO_TCP ? NATGW_PROTO_TCP : NATGW_PROTO_UDP,
			       (__u16)(EXT_PORT + i), true);
	}
	assert_int_equal(fill(proto, ports, reserved), ports - count);
	assert_int_equal(walk_counted(NATGW_DROP_PORT_EXHAUSTED), 1);
	inside_require_rows(ports - count);
	walk_judge(0);
}

static void test_never_allocated(void **state)
{
	(void)state;
	require_never_allocated(PROTO_TCP, 10, 3);
	inside_setup(state);
	require_never_allocated(PROTO_UDP, 300, 2);
}

static void test_never_allocated_to_the_last(void **state)
{
	(void)state;
	require_never_allocated(PROTO_TCP, 2000, 2);
}

/* Nor to an endpoint-independent mapping; and when it is the last port there is none. */
static void test_never_a_mapping(void **state)
{
	struct natgw_gateway gateway = bench_gateway();
	struct talk talk = talk_new(PROTO_UDP);

	(void)state;
	bench_range(&gateway, INSIDE_PORT, 2, 0);
	gateway.mapping = NATGW_MAPPING_ENDPOINT_INDEPENDENT;
	bench_set_gateway(walk.bench, &gateway);
	talk_open(&talk);
	assert_int_equal(talk.port, INSIDE_PORT + 1);
	talk.client = CLIENT_B;
	assert_int_equal(talk_begin(&talk), 0);
	talk = inside_forwarded(PROTO_UDP);
	talk.remote = REMOTE_B;
	inside_open_forwarded(&talk);
}

/* A port that is forwarded for TCP is free for UDP and ICMP. */
static void test_each_protocol_by_itself(void **state)
{
	static const __u8 protos[] = { PROTO_UDP, PROTO_ICMP };
	struct natgw_gateway gateway = bench_gateway();
	struct talk talk = talk_new(PROTO_TCP);

	(void)state;
	inside_forward_remove(PROTO_UDP, EIP, INSIDE_PORT);
	bench_range(&gateway, INSIDE_PORT, 1, 0);
	bench_set_gateway(walk.bench, &gateway);
	for (int i = 0; i < 2; i++) {
		talk = talk_new(protos[i]);
		talk_open(&talk);
		assert_int_equal(talk.port, INSIDE_PORT);
	}
	talk = talk_new(PROTO_TCP);
	assert_int_equal(talk_begin(&talk), 0);
	assert_int_equal(walk_counted(NATGW_DROP_PORT_EXHAUSTED), 1);
	inside_forward_remove(PROTO_TCP, EIP, INSIDE_PORT);
	talk_open(&talk);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		INSIDE_TEST(test_removed),
		INSIDE_TEST(test_moved),
		INSIDE_TEST(test_half_open_expires),
		INSIDE_TEST(test_udp_expires),
		INSIDE_TEST(test_the_same_endpoints_begin_again),
		INSIDE_TEST(test_a_connection_again),
		INSIDE_TEST(test_quotas),
		INSIDE_TEST(test_never_allocated),
		INSIDE_TEST(test_never_allocated_to_the_last),
		INSIDE_TEST(test_never_a_mapping),
		INSIDE_TEST(test_each_protocol_by_itself),
	};
	int failed;

	walk.bench = bench_open(4096);
	failed = cmocka_run_group_tests_name("forward_life", tests, NULL, NULL);
	bench_close(walk.bench);
	return failed;
}
