// SPDX-License-Identifier: GPL-2.0-only
/*
 * Threats of the threat table, by their numbers: who is outside cannot end or open a session, who
 * is inside cannot take another client's. (32: test_timers; 33, 34: the races; 35: S19; 36: the
 * audit after every test.)
 */
#include "flood.h"
#include "talk.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#define IDLE_SESSIONS 1000
#define GUESSES 65536

/* ---- 1: ReDAN; 2: forged ICMP errors ---- */

static struct talk idle[IDLE_SESSIONS];

static void open_idle_sessions(void)
{
	for (__u32 i = 0; i < IDLE_SESSIONS; i++) {
		idle[i] = talk_new(PROTO_TCP);
		idle[i].client_port = (__u16)(2000 + i);
		talk_open(&idle[i]);
	}
}

static void require_sessions_live(void)
{
	for (__u32 i = 0; i < IDLE_SESSIONS; i++) {
		talk_require(&idle[i], NATGW_STATE_ESTABLISHED, TALK_SEEN_OPEN);
	}
	/* Longer than any hold-down. */
	walk_seconds(300);
	for (__u32 i = 0; i < IDLE_SESSIONS; i++) {
		assert_true(i & 1 ? talk_send(&idle[i], ACK, 10) : talk_receive(&idle[i], ACK, 10));
	}
}

/* Every port, from the server's own address and port, with numbers that are guessed. */
static void test_1_guessed_rsts(void **state)
{
	struct spec spec = talk_inbound(&idle[0], RST, 0);
	unsigned int seed = 1, hits = 0;

	(void)state;
	open_idle_sessions();
	spec = talk_inbound(&idle[0], RST, 0);
	for (__u32 port = 0; port < GUESSES; port++) {
		spec.dport = (__u16)port;
		spec.seq = (__u32)rand_r(&seed) << 16 ^ (__u32)rand_r(&seed);
		spec.flags = port & 1 ? RST : RST | ACK;
		hits += walk_receive(&spec);
	}
	/* They are translated: it is the client who tells them from real ones. */
	assert_int_equal(hits, IDLE_SESSIONS);
	require_sessions_live();
}

/* Quotes of every port, of all types that end connections elsewhere. */
static void test_1_guessed_errors(void **state)
{
	static const __u8 kinds[][2] = { { 3, 0 }, { 3, 1 },  { 3, 2 },	 { 3, 3 }, { 3, 4 },
					 { 3, 9 }, { 3, 13 }, { 11, 0 }, { 12, 0 } };
	struct spec error = walk_inbound(PROTO_ICMP, 0, 0), quoted;
	unsigned int seed = 1, hits = 0;

	(void)state;
	open_idle_sessions();
	quoted = talk_outbound(&idle[0], ACK, 10);
	quoted.src = EIP;
	error.quote = &quoted;
	error.quote_l4 = 8;
	for (__u32 port = 0; port < GUESSES; port++) {
		error.type = kinds[port % 9][0];
		error.code = kinds[port % 9][1];
		error.mtu = error.type == TYPE_UNREACHABLE && error.code == 4 ? 68 : 0;
		quoted.sport = (__u16)port;
		quoted.seq = (__u32)rand_r(&seed);
		hits += walk_receive(&error);
	}
	assert_int_equal(hits, IDLE_SESSIONS);
	require_sessions_live();
}

/* Forged FINs of the server: the client's own FIN would have to follow to end anything. */
static void test_1_guessed_fins(void **state)
{
	struct spec spec;
	unsigned int hits = 0;

	(void)state;
	open_idle_sessions();
	spec = talk_inbound(&idle[0], FIN | ACK, 0);
	for (__u32 port = NATGW_PORT_FIRST; port < GUESSES; port++) {
		spec.dport = (__u16)port;
		spec.seq = port * 65537;
		hits += walk_receive(&spec);
	}
	assert_int_equal(hits, IDLE_SESSIONS);
	for (__u32 i = 0; i < IDLE_SESSIONS; i++) {
		talk_require(&idle[i], NATGW_STATE_ESTABLISHED, TALK_SEEN_OPEN | NATGW_SEEN_FIN_IN);
		/* The client closes its side, and the server goes on sending. */
		assert_true(talk_send(&idle[i], FIN | ACK, 0));
		assert_true(talk_receive(&idle[i], ACK, 100));
		talk_require(&idle[i], NATGW_STATE_ESTABLISHED,
			     TALK_SEEN_OPEN | NATGW_SEEN_FIN_OUT);
	}
}

/* ---- 3: another client wants the port of a connection that was reset ---- */

static void test_3_no_client_takes_anothers_port(void **state)
{
	struct natgw_gateway gateway = bench_gateway();
	struct talk victim = talk_new(PROTO_TCP), thief = victim;

	(void)state;
	bench_range(&gateway, EXT_PORT, 2, 0);
	bench_set_gateway(walk.bench, &gateway);
	talk_open(&victim);
	thief.client = CLIENT_B;
	thief.eip = victim.eip;
	thief.port = victim.port;
	/* The thief sends the RST itself, as if it were the server. */
	assert_true(talk_receive(&victim, RST, 0));
	assert_true(talk_begin(&thief) > 0);
	assert_int_not_equal(thief.port, victim.port);
	/* What the server sends goes to the victim, who hears of it and answers. */
	assert_true(talk_receive(&victim, ACK, 10));
	assert_true(talk_send(&victim, ACK, 0));
	talk_require(&victim, NATGW_STATE_ESTABLISHED, TALK_SEEN_OPEN);
	/* Nor by leaving it no other port. */
	assert_true(talk_receive(&victim, RST, 0));
	thief.client_port++;
	assert_int_equal(talk_begin(&thief), 0);
	assert_true(talk_receive(&victim, ACK, 10));
}

/* ---- 28: backscatter; 29: pick-up in the middle ---- */

static void require_nothing_made(void)
{
	assert_int_equal(table_count(walk.bench->inbound), 0);
	assert_int_equal(table_count(walk.bench->outbound), 0);
	assert_int_equal(gateway_use_of(walk.bench).sessions, 0);
}

static void test_28_nothing_from_outside_makes_a_session(void **state)
{
	struct spec spec;

	(void)state;
	for (unsigned int flags = 0; flags < 64; flags++) {
		spec = walk_inbound(PROTO_TCP, (__u8)flags, EXT_PORT);
		assert_false(walk_receive(&spec));
	}
	spec = walk_inbound(PROTO_UDP, 0, EXT_PORT);
	assert_false(walk_receive(&spec));
	spec = walk_inbound(PROTO_ICMP, 0, EXT_PORT);
	assert_false(walk_receive(&spec));
	spec.type = TYPE_ECHO;
	assert_false(walk_receive(&spec));
	require_nothing_made();
}

static void test_29_only_a_syn_makes_a_connection(void **state)
{
	struct natgw_gateway gateway = bench_gateway();

	(void)state;
	gateway.no_session = NATGW_NO_SESSION_RST_BOTH;
	bench_set_gateway(walk.bench, &gateway);
	for (unsigned int flags = 0; flags < 64; flags++) {
		struct spec spec = walk_outbound(PROTO_TCP, (__u8)flags);

		if ((flags & (SYN | ACK | RST | FIN)) != SYN) {
			assert_false(walk_send(&spec));
		}
	}
	require_nothing_made();
}

/* ---- 30: ports worn out by opening and closing ---- */

static void test_30_held_sessions_count(void **state)
{
	struct natgw_gateway gateway = bench_gateway();
	struct talk talk = talk_new(PROTO_TCP), other = talk;

	(void)state;
	bench_range(&gateway, EXT_PORT, 40, 0);
	gateway.client_sessions_max = 30;
	bench_set_gateway(walk.bench, &gateway);
	for (__u16 i = 0; i < 30; i++) {
		talk.client_port = (__u16)(2000 + i);
		talk_open(&talk);
		talk_close(&talk);
	}
	talk.client_port = 3000;
	assert_int_equal(talk_begin(&talk), 0);
	assert_int_equal(walk_counted(NATGW_DROP_CLIENT_QUOTA), 1);
	other.client = CLIENT_B;
	for (__u16 i = 0; i < 10; i++) {
		other.client_port = (__u16)(2000 + i);
		talk_open(&other);
	}
	/* The ports come back, and with them the client's share. */
	walk_seconds(67);
	bench_sweep(walk.bench);
	assert_true(talk_begin(&talk) > 0);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		WALK_TEST(test_1_guessed_rsts),
		WALK_TEST(test_1_guessed_errors),
		WALK_TEST(test_1_guessed_fins),
		WALK_TEST(test_3_no_client_takes_anothers_port),
		WALK_TEST(test_28_nothing_from_outside_makes_a_session),
		WALK_TEST(test_29_only_a_syn_makes_a_connection),
		WALK_TEST(test_30_held_sessions_count),
	};
	int failed;

	walk.bench = bench_open(4096);
	failed = cmocka_run_group_tests_name("threats", tests, NULL, NULL);
	bench_close(walk.bench);
	return failed;
}
