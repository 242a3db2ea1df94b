// SPDX-License-Identifier: GPL-2.0-only
/* Which external port a session gets, and what happens when there is none or no room for the row.
 */
#include "audit.h"
#include "walk.h"

#include <arpa/inet.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#define SECOND ((__s64)NATGW_TICKS_PER_SECOND)

static void set_range(__u16 first, __u32 count, __u16 eips)
{
	struct natgw_gateway gateway = bench_gateway();

	bench_range(&gateway, first, count, 0);
	gateway.eip_count = eips;
	bench_set_gateway(walk.bench, &gateway);
}

/* The client's n-th flow to a remote address. */
static struct spec flow(__u16 number, __be32 remote)
{
	struct spec spec = walk_outbound(PROTO_UDP, 0);

	spec.sport = (__u16)(2000 + number);
	spec.dst = remote;
	return spec;
}

static __u16 port_of(__u16 number, __be32 remote)
{
	struct spec spec = flow(number, remote);

	return walk_port(&spec);
}

static void test_two_clients_one_source_port(void **state)
{
	struct spec one = walk_outbound(PROTO_TCP, SYN), other = one, reply;
	__u16 port, other_port;

	(void)state;
	other.src = CLIENT_B;
	other.smac = mac_client_b;
	port = walk_port(&one);
	other_port = walk_port(&other);
	assert_true(port && other_port && port != other_port);
	reply = walk_inbound(PROTO_TCP, SYN | ACK, port);
	assert_true(walk_receive(&reply));
	assert_int_equal(frame_dst(&walk.out), CLIENT);
	reply = walk_inbound(PROTO_TCP, SYN | ACK, other_port);
	assert_true(walk_receive(&reply));
	assert_int_equal(frame_dst(&walk.out), CLIENT_B);
	assert_memory_equal(walk.out.data, mac_client_b, 6);
}

static void test_a_session_keeps_its_port(void **state)
{
	__u16 port = port_of(1, REMOTE);

	(void)state;
	assert_int_equal(port_of(1, REMOTE), port);
	assert_int_equal(table_count(walk.bench->outbound), 1);
	assert_int_equal(walk_traffic()->created[NATGW_PROTO_UDP], 1);
}

static void test_ports_stay_in_range(void **state)
{
	unsigned int seed = 7;

	(void)state;
	/* Those of an earlier range stay. */
	walk.bench->not_audited = 1U << AUDIT_I3;
	for (unsigned int i = 0; i < 400; i++) {
		__u16 first = (__u16)(1 + rand_r(&seed) % 65535);
		__u32 count = 1 + (__u32)rand_r(&seed) % (65536U - first);
		__u16 port;

		if (i & 1) {
			count = count < 20 ? count : 20;
		}
		set_range(first, count, 1);
		port = port_of((__u16)i, IP(198, 51, 101 + (i >> 8), i & 255));
		assert_true(port >= first && port < first + count);
	}
}

static void require_exhausted(__u16 number, __u64 errors)
{
	assert_int_equal(port_of(number, REMOTE), 0);
	assert_int_equal(walk_counted(NATGW_DROP_PORT_EXHAUSTED), errors);
	assert_int_equal(walk_traffic()->alloc_errors[NATGW_PROTO_UDP][NATGW_ALLOC_PORT_EXHAUSTED],
			 errors);
}

static void test_sixteen_ports(void **state)
{
	__u32 got = 0;

	(void)state;
	set_range(40000, 16, 1);
	for (__u16 i = 0; i < 16; i++) {
		__u16 port = port_of(i, REMOTE);

		assert_true(port >= 40000 && port < 40016);
		got |= 1U << (port - 40000);
	}
	assert_int_equal(got, 0xffff);
	require_exhausted(16, 1);
	require_exhausted(17, 2);
	assert_int_equal(table_count(walk.bench->inbound), 16);
	assert_int_equal(table_count(walk.bench->outbound), 16);
	/* Sessions that stand go on, and every port is free towards another destination. */
	assert_true(port_of(3, REMOTE) > 0);
	for (__u16 i = 0; i < 16; i++) {
		assert_true(port_of(i, REMOTE_B) > 0);
	}
	assert_int_equal(walk_traffic()->attempts[NATGW_PROTO_UDP], 34);
	assert_int_equal(walk_traffic()->created[NATGW_PROTO_UDP], 32);
}

static void test_one_port(void **state)
{
	(void)state;
	set_range(65535, 1, 1);
	assert_int_equal(port_of(0, REMOTE), 65535);
	require_exhausted(1, 1);
	assert_int_equal(port_of(1, REMOTE_B), 65535);
}

static void test_next_eip_when_one_is_full(void **state)
{
	unsigned int on_first = 0, on_second = 0;

	(void)state;
	set_range(40000, 16, 2);
	for (__u16 i = 0; i < 32; i++) {
		__be32 first;

		assert_true(port_of(i, REMOTE) > 0);
		first = frame_src(&walk.out);
		assert_true(first == EIP || first == EIP_B);
		on_first += first == EIP;
		on_second += first == EIP_B;
		/* Paired: a client stays on its EIP while that has ports. */
		assert_true(i >= 16 || !on_first || !on_second);
	}
	assert_int_equal(on_first, 16);
	assert_int_equal(on_second, 16);
	require_exhausted(32, 1);
}

/* ---- an expired row on the only port ---- */

static void test_expired_row_is_taken_over(void **state)
{
	struct pair old = pair_standard(PROTO_UDP, NATGW_STATE_OPENING), new = old;
	struct natgw_session out, in;

	(void)state;
	set_range(EXT_PORT, 1, 1);
	pair_add(walk.bench, &old);
	walk_seconds(40 + 45 - 1);
	require_exhausted(1, 1);
	walk_seconds(2);
	assert_int_equal(port_of(1, REMOTE), EXT_PORT);
	new.int_port = 2001;
	assert_false(pair_outbound(walk.bench, &old, &out));
	assert_true(pair_outbound(walk.bench, &new, &out));
	assert_true(pair_inbound(walk.bench, &new, &in));
	assert_int_equal(in.word, out.word);
	assert_int_equal(in.port, htons(2001));
	assert_int_equal(in.packets, 0);
	assert_int_equal(table_count(walk.bench->inbound), 1);
	assert_int_equal(walk_traffic()->taken_over, 1);
	assert_int_equal(client_of(walk.bench, CLIENT).sessions, 1);
	assert_int_equal(client_of(walk.bench, CLIENT).opening, 1);
}

static void test_own_expired_row_is_taken_over(void **state)
{
	struct pair pair = pair_standard(PROTO_UDP, NATGW_STATE_ESTABLISHED);
	struct spec spec = walk_outbound(PROTO_UDP, 0);
	struct natgw_session old, now;

	(void)state;
	set_range(EXT_PORT, 1, 1);
	pair_add(walk.bench, &pair);
	assert_true(pair_inbound(walk.bench, &pair, &old));
	walk_seconds(301);
	/* Held, for its own client too: the remote endpoint may still know the connection. */
	assert_int_equal(walk_port(&spec), 0);
	walk_seconds(45);
	assert_int_equal(walk_port(&spec), EXT_PORT);
	assert_true(pair_inbound(walk.bench, &pair, &now));
	assert_int_not_equal(row_generation(&old), row_generation(&now));
	assert_int_equal(row_state(&now), NATGW_STATE_OPENING);
	assert_int_equal(table_count(walk.bench->inbound), 1);
	assert_int_equal(table_count(walk.bench->outbound), 1);
}

/* The inbound row alone looks idle; the client has used the session since. */
static void test_live_row_is_not_taken_over(void **state)
{
	struct pair pair = pair_standard(PROTO_UDP, NATGW_STATE_ESTABLISHED);
	struct spec spec = walk_outbound(PROTO_UDP, 0);

	(void)state;
	set_range(EXT_PORT, 1, 1);
	pair_add(walk.bench, &pair);
	walk_seconds(299);
	assert_int_equal(walk_port(&spec), EXT_PORT);
	walk_seconds(299);
	require_exhausted(1, 1);
}

static void require_row_stays(__u8 session_state)
{
	struct pair pair = pair_standard(PROTO_UDP, session_state);

	walk.bench->not_audited = 1U << AUDIT_I1;
	bench_clear_sessions(walk.bench);
	pair.idle = (__u32)(3600 * SECOND);
	pair_add(walk.bench, &pair);
	assert_int_equal(port_of(1, REMOTE), 0);
	assert_int_equal(table_count(walk.bench->inbound), 1);
}

static void test_new_and_dead_rows_are_occupied(void **state)
{
	(void)state;
	set_range(EXT_PORT, 1, 1);
	require_row_stays(NATGW_STATE_NEW);
	require_row_stays(NATGW_STATE_DEAD);
}

/* ---- full tables ---- */

static void require_full(struct session_table *sessions)
{
	struct spec spec = walk_outbound(PROTO_UDP, 0);
	struct pair pair = pair_standard(PROTO_UDP, NATGW_STATE_OPENING);
	__u32 inbound, outbound;

	pair_add(walk.bench, &pair);
	/* By nobody's sessions. */
	walk.bench->not_audited = ~0U;
	session_table_fill(sessions);
	inbound = table_count(walk.bench->inbound);
	outbound = table_count(walk.bench->outbound);
	for (__u16 i = 1; i <= 50; i++) {
		assert_int_equal(port_of(i, REMOTE), 0);
	}
	assert_int_equal(walk_counted(NATGW_DROP_SESSION_TABLE_FULL), 50);
	assert_int_equal(walk_traffic()->alloc_errors[NATGW_PROTO_UDP][NATGW_ALLOC_TABLE_FULL], 50);
	assert_int_equal(table_count(walk.bench->inbound), inbound);
	assert_int_equal(table_count(walk.bench->outbound), outbound);
	/* Who was there before is none the worse. */
	assert_int_equal(walk_port(&spec), EXT_PORT);
	spec = walk_inbound(PROTO_UDP, 0, EXT_PORT);
	assert_true(walk_receive(&spec));
}

static void test_inbound_table_full(void **state)
{
	(void)state;
	require_full(walk.bench->inbound);
}

/* The inbound row goes in first; it must not stay behind. */
static void test_outbound_table_full(void **state)
{
	(void)state;
	require_full(walk.bench->outbound);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		WALK_TEST(test_two_clients_one_source_port),
		WALK_TEST(test_a_session_keeps_its_port),
		WALK_TEST(test_ports_stay_in_range),
		WALK_TEST(test_sixteen_ports),
		WALK_TEST(test_one_port),
		WALK_TEST(test_next_eip_when_one_is_full),
		WALK_TEST(test_expired_row_is_taken_over),
		WALK_TEST(test_own_expired_row_is_taken_over),
		WALK_TEST(test_live_row_is_not_taken_over),
		WALK_TEST(test_new_and_dead_rows_are_occupied),
		WALK_TEST(test_inbound_table_full),
		WALK_TEST(test_outbound_table_full),
	};
	int failed;

	walk.bench = bench_open(1024);
	failed = cmocka_run_group_tests_name("ports", tests, NULL, NULL);
	bench_close(walk.bench);
	return failed;
}
