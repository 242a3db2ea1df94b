// SPDX-License-Identifier: GPL-2.0-only
/* The sequences S01 to S25 of the packet catalogue, by their numbers; S02 is a race and S16 to S19
 * need many sessions: test_sequences_full.c. */
#include "talk.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdint.h>

#include <cmocka.h>

#define OPEN TALK_SEEN_OPEN
#define FINS (NATGW_SEEN_FIN_IN | NATGW_SEEN_FIN_OUT)

/* So many ports, and the timers of profile natgw. */
static void use_ports(__u32 count)
{
	const __u32 seconds[NATGW_TIMER_COUNT] = { 30, 350, 30, 350, 60, 65, 16, 30, 65, 0, 0 };
	struct natgw_gateway gateway = bench_gateway();

	bench_range(&gateway, EXT_PORT, count, 0);
	bench_timers(gateway.timeout, seconds);
	gateway.no_session = NATGW_NO_SESSION_RST_INTERNAL;
	bench_set_gateway(walk.bench, &gateway);
}

/* The client's segment is of no session: tc drops it and answers by a RST, XDP leaves it to tc. */
static void require_no_session(struct talk *talk, __u8 flags)
{
	bool tc = walk.hooks == &walk_tc;

	assert_false(talk_send(talk, flags, 10));
	assert_int_equal(walk.answered, tc);
	assert_true(walk_counted(tc ? NATGW_DROP_TCP_NO_SYN : NATGW_DEFER_ANSWER) > 0);
}

/* ---- making a connection ---- */

static void test_s01_same_syn_three_times(void **state)
{
	struct talk talk = talk_new(PROTO_TCP);
	__u16 port = talk_begin(&talk);

	(void)state;
	assert_true(port > 0);
	assert_int_equal(talk_begin(&talk), port);
	assert_int_equal(talk_begin(&talk), port);
	assert_int_equal(table_count(walk.bench->inbound), 1);
	assert_int_equal(table_count(walk.bench->outbound), 1);
	assert_int_equal(walk_traffic()->created[NATGW_PROTO_TCP], 1);
}

static void test_s03_handshake_and_data(void **state)
{
	struct talk talk = talk_new(PROTO_TCP);
	__u16 port;

	(void)state;
	talk_open(&talk);
	port = talk.port;
	talk_require(&talk, NATGW_STATE_ESTABLISHED, OPEN);
	for (int i = 0; i < 10; i++) {
		assert_true(talk_send(&talk, ACK | PSH, 100));
		assert_int_equal(talk.port, port);
		assert_true(talk_receive(&talk, ACK | PSH, 200));
	}
	talk_require(&talk, NATGW_STATE_ESTABLISHED, OPEN);
}

static void test_s04_simultaneous_open(void **state)
{
	struct talk talk = talk_new(PROTO_TCP);
	__u32 out = talk.next_out, in = talk.next_in;

	(void)state;
	assert_true(talk_begin(&talk) > 0);
	assert_true(talk_receive(&talk, SYN, 0));
	talk_require(&talk, NATGW_STATE_OPENING, 0);
	assert_true(talk_send_at(&talk, SYN | ACK, 0, out));
	talk_require(&talk, NATGW_STATE_OPENING, NATGW_SEEN_SYN_ACK_OUT);
	assert_true(talk_receive_at(&talk, SYN | ACK, 0, in));
	talk_require(&talk, NATGW_STATE_ESTABLISHED, OPEN | NATGW_SEEN_SYN_ACK_OUT);
	assert_true(talk_send(&talk, ACK | PSH, 10));
	assert_true(talk_receive(&talk, ACK | PSH, 10));
}

static void test_s05_challenge_ack(void **state)
{
	struct talk talk = talk_new(PROTO_TCP);

	(void)state;
	assert_true(talk_begin(&talk) > 0);
	assert_true(talk_receive_at(&talk, ACK, 0, 0x12345678));
	assert_true(talk_send(&talk, RST, 0));
	talk_open(&talk);
	talk_require(&talk, NATGW_STATE_ESTABLISHED, OPEN);
	assert_true(talk_receive(&talk, ACK, 10));
}

static void test_s06_syn_ack_again(void **state)
{
	struct talk talk = talk_new(PROTO_TCP);
	__u32 in = talk.next_in;

	(void)state;
	talk_open(&talk);
	assert_true(talk_receive_at(&talk, SYN | ACK, 0, in));
	talk_require(&talk, NATGW_STATE_ESTABLISHED, OPEN);
	assert_true(talk_send(&talk, ACK | PSH, 10));
	assert_true(talk_receive_at(&talk, SYN | ACK, 0, in));
	assert_true(talk_send(&talk, ACK, 0));
	talk_require(&talk, NATGW_STATE_ESTABLISHED, OPEN);
	walk_seconds(31);
	assert_true(talk_receive(&talk, ACK, 10));
	walk_seconds(349);
	assert_true(talk_send(&talk, ACK, 10));
}

/* ---- ending one ---- */

static void require_closed(struct talk *talk)
{
	talk_require(talk, NATGW_STATE_HOLD, OPEN | FINS);
	/* What was lost comes again. */
	assert_true(talk_receive_at(talk, FIN | ACK, 0, talk->next_in - 1));
	assert_true(talk_send(talk, ACK, 0));
	assert_true(talk_send_at(talk, FIN | ACK, 0, talk->next_out - 1));
	talk_require(talk, NATGW_STATE_HOLD, OPEN | FINS);
	walk_seconds(66);
	assert_false(talk_receive_at(talk, FIN | ACK, 0, talk->next_in - 1));
	assert_int_equal(walk_counted(NATGW_DROP_NO_SESSION), 1);
	require_no_session(talk, ACK);
}

static void test_s07_fin_fin(void **state)
{
	struct talk talk = talk_new(PROTO_TCP);

	(void)state;
	use_ports(1);
	talk_open(&talk);
	assert_true(talk_send(&talk, FIN | ACK, 0));
	assert_true(talk_receive(&talk, ACK, 0));
	assert_true(talk_receive(&talk, FIN | ACK, 0));
	assert_true(talk_send(&talk, ACK, 0));
	require_closed(&talk);
}

static void test_s08_fins_cross(void **state)
{
	struct talk talk = talk_new(PROTO_TCP);
	__u32 out, in;

	(void)state;
	use_ports(1);
	talk_open(&talk);
	out = talk.next_out;
	in = talk.next_in;
	assert_true(talk_send_at(&talk, FIN | ACK, 0, out));
	assert_true(talk_receive_at(&talk, FIN | ACK, 0, in));
	talk.next_out++;
	talk.next_in++;
	assert_true(talk_send(&talk, ACK, 0));
	assert_true(talk_receive(&talk, ACK, 0));
	require_closed(&talk);
}

/* One side's SYN does not reopen: the port goes on being held, no longer than before. */
static void test_s09_half_reopened(void **state)
{
	struct talk talk = talk_new(PROTO_TCP), again, other;

	(void)state;
	use_ports(2);
	talk_open(&talk);
	talk_close(&talk);
	walk_seconds(30);
	assert_true(talk_receive_at(&talk, SYN, 0, 0x55555555));
	talk_require(&talk, NATGW_STATE_HOLD, OPEN | FINS);
	again = talk;
	assert_true(talk_begin(&again) > 0);
	assert_int_not_equal(again.port, talk.port);
	talk_require(&again, NATGW_STATE_OPENING, 0);
	/* Both ports are taken: one held until 65, one half-open until 60 and held until 90. */
	other = talk;
	other.client_port++;
	walk_seconds(34);
	assert_int_equal(talk_begin(&other), 0);
	walk_seconds(2);
	assert_int_equal(talk_begin(&other), talk.port);
	assert_false(talk_receive(&again, SYN | ACK, 0));
}

/* The server calls back on the old connection, as BSD-derived stacks may; and a new one of the
 * client gets another port. */
static void test_s10_reopened(void **state)
{
	struct talk talk = talk_new(PROTO_TCP), again;
	__u16 port;

	(void)state;
	use_ports(2);
	talk_open(&talk);
	port = talk.port;
	talk_close(&talk);
	assert_true(talk_receive_at(&talk, SYN, 0, 0x55555555));
	talk.next_in = 0x55555556;
	assert_true(talk_send(&talk, SYN | ACK, 0));
	assert_int_equal(talk.port, port);
	talk_require(&talk, NATGW_STATE_OPENING, NATGW_SEEN_SYN_ACK_OUT);
	assert_int_equal(client_of(walk.bench, CLIENT).opening, 1);
	assert_true(talk_receive(&talk, ACK, 0));
	talk_require(&talk, NATGW_STATE_ESTABLISHED, NATGW_SEEN_SYN_ACK_OUT | NATGW_SEEN_HANDSHAKE);
	assert_int_equal(client_of(walk.bench, CLIENT).opening, 0);
	walk_seconds(349);
	assert_true(talk_send(&talk, ACK, 10));
	talk_close(&talk);
	again = talk;
	talk_open(&again);
	assert_int_not_equal(again.port, port);
	assert_int_equal(walk_traffic()->established[NATGW_PROTO_TCP], 3);
}

static void test_s11_after_a_rst(void **state)
{
	struct talk talk = talk_new(PROTO_TCP);

	(void)state;
	use_ports(1);
	talk_open(&talk);
	assert_true(talk_send(&talk, RST | ACK, 0));
	walk_seconds(17);
	require_no_session(&talk, ACK | PSH);
	talk_open(&talk);
	talk_require(&talk, NATGW_STATE_ESTABLISHED, OPEN);
}

static void test_s12_rst_and_data(void **state)
{
	struct talk talk = talk_new(PROTO_TCP);

	(void)state;
	use_ports(1);
	talk_open(&talk);
	for (int i = 0; i < 3; i++) {
		assert_true(talk_receive(&talk, RST, 0));
		talk_require(&talk, NATGW_STATE_HOLD, OPEN | NATGW_SEEN_RST);
		walk_seconds(15);
		assert_true(i & 1 ? talk_send(&talk, ACK, 10) : talk_receive(&talk, ACK, 10));
		talk_require(&talk, NATGW_STATE_ESTABLISHED, OPEN);
		assert_true(talk_send(&talk, ACK, 0));
		walk_seconds(300);
	}
	assert_true(talk_receive(&talk, RST, 0));
	walk_seconds(17);
	assert_false(talk_receive(&talk, ACK, 10));
	require_no_session(&talk, ACK);
}

static void test_s13_wrong_rsts(void **state)
{
	struct talk talk = talk_new(PROTO_TCP);

	(void)state;
	use_ports(1);
	talk_open(&talk);
	for (__u32 i = 1; i <= 100; i++) {
		assert_true(talk_receive_at(&talk, RST, 0, talk.next_in + i * 7919));
		assert_true(talk_receive_at(&talk, RST, 0, talk.next_in - i));
	}
	walk_seconds(32);
	talk_require(&talk, NATGW_STATE_ESTABLISHED, OPEN);
	assert_true(talk_receive(&talk, ACK, 10));
	assert_true(talk_send(&talk, ACK, 10));
}

/* ---- segments that a stricter table would not like ---- */

static void test_s14_keepalives(void **state)
{
	struct talk talk = talk_new(PROTO_TCP);

	(void)state;
	talk_open(&talk);
	for (int i = 0; i < 4; i++) {
		walk_seconds(340);
		assert_true(talk_send_at(&talk, ACK, 0, talk.next_out - 1));
		walk_seconds(340);
		assert_true(talk_send_at(&talk, ACK, 1, talk.next_out - 1));
		walk_seconds(340);
		assert_true(talk_receive_at(&talk, ACK, 0, talk.next_in - 1));
		walk_seconds(340);
		assert_true(talk_receive_at(&talk, ACK, 1, talk.next_in - 1));
	}
	talk_require(&talk, NATGW_STATE_ESTABLISHED, OPEN);
}

static void test_s15_old_data_again(void **state)
{
	struct talk talk = talk_new(PROTO_TCP);
	__u32 out, in;

	(void)state;
	talk_open(&talk);
	out = talk.next_out;
	in = talk.next_in;
	for (int i = 0; i < 100; i++) {
		assert_true(talk_send(&talk, ACK, 1400));
		assert_true(talk_receive(&talk, ACK, 1400));
	}
	assert_true(talk_send_at(&talk, ACK, 1400, out));
	assert_true(talk_receive_at(&talk, ACK, 1400, in));
	/* Nor does its acknowledgement make an old RST plausible. */
	assert_true(talk_receive_at(&talk, RST, 0, in + 1400));
	talk_require(&talk, NATGW_STATE_ESTABLISHED, OPEN);
}

/* ---- UDP and ICMP ---- */

static void test_s20_udp_idle(void **state)
{
	struct talk talk = talk_new(PROTO_UDP);

	(void)state;
	use_ports(1);
	talk_open(&talk);
	walk_seconds(349);
	assert_true(talk_receive(&talk, 0, 10));
	walk_seconds(351);
	assert_false(talk_receive(&talk, 0, 10));
}

static void test_s21_udp_without_a_reply(void **state)
{
	struct talk talk = talk_new(PROTO_UDP);

	(void)state;
	use_ports(1);
	assert_true(talk_begin(&talk) > 0);
	walk_seconds(29);
	assert_true(talk_send(&talk, 0, 10));
	walk_seconds(31);
	assert_false(talk_receive(&talk, 0, 10));
}

static void require_two_clients(__u8 proto)
{
	struct talk one = talk_new(proto), other = one;

	other.client = CLIENT_B;
	talk_open(&one);
	talk_open(&other);
	assert_int_not_equal(one.port, other.port);
	assert_true(talk_receive(&one, ACK, 10));
	assert_true(talk_receive(&other, ACK, 10));
}

static void test_s22_one_source_port_two_clients(void **state)
{
	(void)state;
	require_two_clients(PROTO_TCP);
	require_two_clients(PROTO_UDP);
}

static void test_s23_a_thousand_destinations(void **state)
{
	static struct talk talks[1000];

	(void)state;
	use_ports(50);
	for (__u32 i = 0; i < 1000; i++) {
		talks[i] = talk_new(PROTO_UDP);
		talks[i].remote = IP(198, 51, 101, i % 250);
		talks[i].remote_port = (__u16)(1000 + i / 250);
		assert_true(talk_begin(&talks[i]) > 0);
	}
	for (__u32 i = 0; i < 1000; i++) {
		assert_true(talk_receive(&talks[i], 0, 10));
	}
}

static void test_s24_one_identifier_two_clients(void **state)
{
	(void)state;
	require_two_clients(PROTO_ICMP);
}

static void test_s25_fragmentation_needed(void **state)
{
	struct talk talk = talk_new(PROTO_TCP);
	struct spec quoted, error = walk_inbound(PROTO_ICMP, 0, 0);

	(void)state;
	talk_open(&talk);
	assert_true(talk_send(&talk, ACK, 1460));
	quoted = talk_outbound(&talk, ACK, 1460);
	quoted.src = EIP;
	quoted.sport = talk.port;
	error.src = IP(192, 0, 2, 77);
	error.type = TYPE_UNREACHABLE;
	error.code = 4;
	error.mtu = 1280;
	error.quote = &quoted;
	error.quote_l4 = 8;
	assert_true(walk_receive(&error));
	assert_int_equal(frame_dst(&walk.out), CLIENT);
	assert_int_equal(frame_get16(&walk.out, frame_l4(&walk.out) + 6), 1280);
	/* The quote is of the client's own connection again. */
	assert_int_equal(frame_get16(&walk.out, frame_l4(&walk.out) + 8 + 20), INT_PORT);
	talk_require(&talk, NATGW_STATE_ESTABLISHED, OPEN);
	assert_true(talk_send(&talk, ACK, 1240));
	assert_true(talk_receive(&talk, ACK, 0));
	walk_seconds(349);
	assert_true(talk_send(&talk, ACK, 1460));
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		WALK_TEST(test_s01_same_syn_three_times),
		WALK_TEST(test_s03_handshake_and_data),
		WALK_TEST(test_s04_simultaneous_open),
		WALK_TEST(test_s05_challenge_ack),
		WALK_TEST(test_s06_syn_ack_again),
		WALK_TEST(test_s07_fin_fin),
		WALK_TEST(test_s08_fins_cross),
		WALK_TEST(test_s09_half_reopened),
		WALK_TEST(test_s10_reopened),
		WALK_TEST(test_s11_after_a_rst),
		WALK_TEST(test_s12_rst_and_data),
		WALK_TEST(test_s13_wrong_rsts),
		WALK_TEST(test_s14_keepalives),
		WALK_TEST(test_s15_old_data_again),
		WALK_TEST(test_s20_udp_idle),
		WALK_TEST(test_s21_udp_without_a_reply),
		WALK_TEST(test_s22_one_source_port_two_clients),
		WALK_TEST(test_s23_a_thousand_destinations),
		WALK_TEST(test_s24_one_identifier_two_clients),
		WALK_TEST(test_s25_fragmentation_needed),
	};
	int failed;

	walk.bench = bench_open(4096);
	failed = cmocka_run_group_tests_name("sequences", tests, NULL, NULL);
	bench_close(walk.bench);
	return failed;
}
