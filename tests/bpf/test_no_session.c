// SPDX-License-Identifier: GPL-2.0-only
/*
 * After a session has ended: who is told, how, and until when (requirement B-11, profile azure's
 * "both"). How the answers look byte by byte: catalogue_answers.c.
 */
#include "talk.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

#define IDLE_S 240
#define HOLD_FIN_S 65
#define HOLD_RST_S 16
#define HALF_OPEN_S 30
#define TRIES (2ULL * NATGW_ANSWER_BURST)

/* Azure's timers. */
static void use_no_session(enum natgw_no_session no_session)
{
	const __u32 seconds[NATGW_TIMER_COUNT] = { HALF_OPEN_S, IDLE_S, 240, 240, 60, HOLD_FIN_S,
						   HOLD_RST_S,	30,	65,  0,	  0 };
	struct natgw_gateway gateway = bench_gateway();

	bench_timers(gateway.timeout, seconds);
	gateway.no_session = (__u8)no_session;
	bench_set_gateway(walk.bench, &gateway);
}

static bool is_tc(void)
{
	return walk.hooks == &walk_tc;
}

static __u32 number_of(size_t offset)
{
	return frame_get32(&walk.out, frame_l4(&walk.out) + offset);
}

/* The last packet was dropped: tc has made a RST of this number out of it, XDP leaves that to tc.
 */
static void require_rst(__be32 from, __be32 to, __u32 seq)
{
	assert_int_equal(walk.answered, is_tc());
	if (!is_tc()) {
		assert_memory_equal(&walk.in, &walk.out, sizeof(walk.in));
		return;
	}
	assert_null(frame_verify(&walk.out));
	assert_int_equal(walk.out.len, FRAME_ETH + FRAME_IP + FRAME_TCP);
	assert_int_equal(frame_src(&walk.out), from);
	assert_int_equal(frame_dst(&walk.out), to);
	assert_int_equal(walk.out.data[frame_l4(&walk.out) + 13], RST);
	assert_int_equal(number_of(4), seq);
}

static void require_silence(void)
{
	assert_false(walk.answered);
}

/* ---- the client ---- */

/* A client that was quiet for too long: its next segment gets what its kernel takes for the end. */
static void test_client_after_idle(void **state)
{
	struct talk talk = talk_new(PROTO_TCP);

	(void)state;
	use_no_session(NATGW_NO_SESSION_RST_INTERNAL);
	talk_open(&talk);
	assert_true(talk_receive(&talk, ACK, 1000));
	assert_true(talk_send(&talk, ACK, 10));
	walk_seconds(IDLE_S - 1);
	assert_true(talk_send(&talk, ACK, 10));
	walk_seconds(IDLE_S + 1);
	assert_false(talk_send(&talk, ACK | PSH, 10));
	require_rst(REMOTE, CLIENT, talk.next_in);
	assert_false(talk_send(&talk, FIN | ACK, 0));
	require_rst(REMOTE, CLIENT, talk.next_in);
	assert_int_equal(walk_counted(NATGW_DROP_TCP_NO_SYN), is_tc() ? 2 : 0);
	assert_int_equal(walk_counted(NATGW_DEFER_ANSWER), is_tc() ? 0 : 2);
	assert_int_equal(walk.diff.generated[NATGW_GENERATED_RST], is_tc() ? 2 : 0);
	/* The server hears of nothing. */
	assert_false(talk_receive(&talk, ACK, 10));
	require_silence();
	assert_int_equal(walk_counted(NATGW_DROP_NO_SESSION), 1);
}

static void test_nobody_is_told(void **state)
{
	struct talk talk = talk_new(PROTO_TCP);

	(void)state;
	use_no_session(NATGW_NO_SESSION_DROP);
	talk_open(&talk);
	walk_seconds(IDLE_S + 1);
	assert_false(talk_send(&talk, ACK, 10));
	require_silence();
	assert_false(talk_receive(&talk, ACK, 10));
	require_silence();
	assert_int_equal(walk_counted(NATGW_DROP_TCP_NO_SYN), 1);
	assert_int_equal(walk_counted(NATGW_DROP_NO_SESSION), 1);
}

/* ---- the server ---- */

static void test_server_after_idle(void **state)
{
	struct talk talk = talk_new(PROTO_TCP);

	(void)state;
	use_no_session(NATGW_NO_SESSION_RST_BOTH);
	talk_open(&talk);
	walk_seconds(IDLE_S - 1);
	bench_sweep(walk.bench);
	assert_true(talk_receive(&talk, ACK, 10));
	walk_seconds(IDLE_S + 1);
	bench_sweep(walk.bench);
	assert_false(talk_receive(&talk, ACK | PSH, 10));
	require_rst(EIP, REMOTE, talk.next_out);
	walk_seconds(HOLD_FIN_S - 2);
	bench_sweep(walk.bench);
	assert_false(talk_receive(&talk, ACK, 0));
	require_rst(EIP, REMOTE, talk.next_out);
	walk_seconds(2);
	assert_false(talk_receive(&talk, ACK, 0));
	require_silence();
	assert_int_equal(walk_counted(NATGW_DROP_NO_SESSION), is_tc() ? 3 : 1);
	assert_int_equal(walk_counted(NATGW_DEFER_ANSWER), is_tc() ? 0 : 2);
	assert_int_equal(walk.diff.generated[NATGW_GENERATED_RST], is_tc() ? 2 : 0);
	walk_seconds(1);
	bench_sweep(walk.bench);
	assert_int_equal(table_count(walk.bench->inbound), 0);
}

static void test_server_is_not_told_everything(void **state)
{
	struct talk talk = talk_new(PROTO_TCP), stranger = talk;

	(void)state;
	use_no_session(NATGW_NO_SESSION_RST_BOTH);
	talk_open(&talk);
	walk_seconds(IDLE_S + 1);
	assert_false(talk_receive(&talk, RST, 0));
	require_silence();
	assert_false(talk_receive(&talk, RST | ACK, 0));
	require_silence();
	assert_false(talk_receive(&talk, SYN | ACK, 0));
	require_silence();
	assert_false(talk_receive(&talk, SYN, 0));
	require_silence();
	/* Nor anybody whom no session was with. */
	stranger.remote = REMOTE_B;
	stranger.eip = talk.eip;
	stranger.port = talk.port;
	assert_false(talk_receive(&stranger, ACK, 0));
	require_silence();
	stranger.remote = REMOTE;
	stranger.port++;
	assert_false(talk_receive(&stranger, ACK, 0));
	require_silence();
	assert_int_equal(walk_counted(NATGW_DROP_NO_SESSION), 6);
}

/* What was closed, or reset, was told so already. */
static void test_server_after_the_end(void **state)
{
	struct talk talk = talk_new(PROTO_TCP), other = talk;

	(void)state;
	use_no_session(NATGW_NO_SESSION_RST_BOTH);
	other.client_port++;
	talk_open(&talk);
	talk_open(&other);
	assert_true(talk_send(&other, RST | ACK, 0));
	talk_close(&talk);
	walk_seconds(HOLD_RST_S - 1);
	assert_true(talk_receive_at(&other, RST, 0, other.next_in + 1));
	walk_seconds(2);
	assert_false(talk_receive(&other, ACK, 10));
	require_silence();
	walk_seconds(HOLD_FIN_S - HOLD_RST_S - 2);
	assert_true(talk_receive(&talk, ACK, 0));
	walk_seconds(2);
	assert_false(talk_receive(&talk, ACK, 0));
	require_silence();
	assert_int_equal(walk_counted(NATGW_DROP_NO_SESSION), 2);
}

static void test_server_of_a_half_open_connection(void **state)
{
	struct talk talk = talk_new(PROTO_TCP);

	(void)state;
	use_no_session(NATGW_NO_SESSION_RST_BOTH);
	assert_true(talk_begin(&talk) > 0);
	walk_seconds(HALF_OPEN_S + 1);
	/* Only what was established is remembered. */
	assert_false(talk_receive(&talk, SYN | ACK, 0));
	require_silence();
	assert_false(talk_receive(&talk, ACK, 10));
	require_silence();
}

static void test_udp_is_not_answered(void **state)
{
	struct talk talk = talk_new(PROTO_UDP);

	(void)state;
	use_no_session(NATGW_NO_SESSION_RST_BOTH);
	talk_open(&talk);
	walk_seconds(241);
	assert_false(talk_receive(&talk, 0, 10));
	require_silence();
}

/* ---- the limit ---- */

static void test_rsts_are_limited(void **state)
{
	struct talk talk = talk_new(PROTO_TCP);
	__u64 answered = 0, sent;

	(void)state;
	use_no_session(NATGW_NO_SESSION_RST_INTERNAL);
	for (unsigned int i = 0; i < TRIES; i++) {
		assert_false(talk_send(&talk, ACK, 0));
		answered += walk.answered;
	}
	assert_int_equal(walk_counted(NATGW_DROP_TCP_NO_SYN), TRIES);
	sent = walk.diff.generated[NATGW_GENERATED_RST];
	assert_int_equal(sent, answered);
	/* The bucket, and what flowed in while the loop ran. */
	assert_true(answered >= NATGW_ANSWER_BURST && answered < TRIES);
	assert_int_equal(walk.diff.generated[NATGW_GENERATED_RST_LIMITED], TRIES - answered);
	assert_int_equal(walk.diff.generated[NATGW_GENERATED_LIMITED], 0);
	walk_seconds(1);
	for (unsigned int i = 0; i < 900; i++) {
		assert_false(talk_send(&talk, ACK, 0));
		assert_true(walk.answered);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		WALK_TEST(test_client_after_idle),
		WALK_TEST(test_nobody_is_told),
		WALK_TEST(test_server_after_idle),
		WALK_TEST(test_server_is_not_told_everything),
		WALK_TEST(test_server_after_the_end),
		WALK_TEST(test_server_of_a_half_open_connection),
		WALK_TEST(test_udp_is_not_answered),
		{ "test_rsts_are_limited", test_rsts_are_limited, walk_setup, walk_teardown,
		  &walk_tc },
	};
	int failed;

	walk.bench = bench_open(1024);
	failed = cmocka_run_group_tests_name("no session", tests, NULL, NULL);
	bench_close(walk.bench);
	return failed;
}
