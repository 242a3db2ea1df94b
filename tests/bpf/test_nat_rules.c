// SPDX-License-Identifier: GPL-2.0-only
/*
 * DNAT and SNAT rules (requirements 66 to 74): the destination port is changed, and the port that
 * the client had asked for decides by which address the packet leaves.
 */
#include "nat.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdint.h>

#include <cmocka.h>

#define ACTION_TC_OK 0
#define FIRST_WORD 0x030a /* of every payload */

/* ---- the scenario ---- */

static void test_each_port_leaves_by_its_own_address(void **state)
{
	struct talk one = nat_to_port(PROTO_TCP, 8001), other = nat_to_port(PROTO_TCP, 8002);

	(void)state;
	nat_set_rules(nat_scenario, NAT_SCENARIO_COUNT);
	nat_require_left(&one, NAT_POOL(0), 443);
	nat_require_left(&other, NAT_POOL(1), 443);
	assert_true(nat_answer(&one, 443, SYN | ACK));
	assert_true(nat_answer(&other, 443, SYN | ACK));
	assert_true(talk_send(&one, ACK, 100));
	assert_int_equal(nat_left_for(), 443);
	/* The port that the client asked for means nothing outside. */
	assert_false(nat_answer(&one, 8001, ACK));
	assert_int_equal(walk_counted(NATGW_DROP_NO_SESSION), 1);
	assert_int_equal(table_count(walk.bench->inbound), 2);
}

/* Both rows name the same session, the outbound one as the client sees it. */
static void test_what_the_rows_say(void **state)
{
	struct talk talk = nat_to_port(PROTO_TCP, 8001);
	struct pair pair = pair_standard(PROTO_TCP, 0);
	struct natgw_session out, in;

	(void)state;
	nat_set_rules(nat_scenario, NAT_SCENARIO_COUNT);
	nat_require_left(&talk, NAT_POOL(0), 443);
	pair.ext_addr = NAT_POOL(0);
	pair.ext_port = talk.port;
	pair.rem_port = 8001;
	assert_true(pair_outbound(walk.bench, &pair, &out));
	assert_false(pair_inbound(walk.bench, &pair, &in));
	pair.rem_port = 443;
	assert_true(pair_inbound(walk.bench, &pair, &in));
	assert_false(pair_outbound(walk.bench, &pair, &in));
	assert_true(pair_inbound(walk.bench, &pair, &in));
	assert_int_equal(out.word, in.word);
	assert_int_equal(row_state(&in), NATGW_STATE_OPENING);
}

/* UDP, its checksum that is none, and one whose new value is zero. */
static void test_udp(void **state)
{
	struct talk talk = nat_to_port(PROTO_UDP, 8001);
	struct spec spec;

	(void)state;
	nat_set_rules(nat_scenario, NAT_SCENARIO_COUNT);
	nat_require_left(&talk, NAT_POOL(0), 443);
	assert_true(nat_answer(&talk, 443, 0));
	spec = talk_outbound(&talk, 0, 8);
	spec.no_check = true;
	assert_true(walk_send(&spec));
	assert_int_equal(nat_left_for(), 443);
	assert_int_equal(frame_get16(&walk.out, frame_l4(&walk.out) + 6), 0);
	spec = talk_outbound(&talk, 0, 8);
	assert_true(walk_send(&spec));
	/* As much more in the payload as makes the sum zero, which is sent as 0xffff; what
	 * overflows the payload's first word comes round in the sum. */
	spec.fill = frame_get16(&walk.out, frame_l4(&walk.out) + 6);
	spec.fill += spec.fill + FIRST_WORD > 0xffff;
	assert_true(walk_send(&spec));
	assert_int_equal(frame_get16(&walk.out, frame_l4(&walk.out) + 6), 0xffff);
}

/* Three connections of one source port that are the same one outside; a fourth has no port left. */
static void test_ports_that_become_one(void **state)
{
	const struct natgw_rule rules[] = {
		NAT_DNAT(PROTO_TCP, 8001, 443, NAT_MARK),
		NAT_DNAT(PROTO_TCP, 8002, 443, NAT_MARK_B),
		NAT_SNAT(NAT_MARK, 0, 1),
		NAT_SNAT(NAT_MARK_B, 0, 1),
		{ .kind = NATGW_RULE_SNAT, NAT_POOLED(0, 1) },
	};
	const __u16 asked[] = { 8001, 8002, 443 };
	struct talk talks[3], more;

	(void)state;
	nat_set_rules(rules, 5);
	nat_set_gateway(0, 3);
	for (int i = 0; i < 3; i++) {
		talks[i] = nat_to_port(PROTO_TCP, asked[i]);
		nat_require_left(&talks[i], NAT_POOL(0), 443);
	}
	for (int i = 0; i < 3; i++) {
		assert_int_not_equal(talks[i].port, talks[(i + 1) % 3].port);
		assert_true(nat_answer(&talks[i], 443, SYN | ACK));
	}
	more = nat_to_port(PROTO_TCP, 8001);
	more.client_port++;
	assert_int_equal(talk_begin(&more), 0);
	assert_int_equal(walk_counted(NATGW_DROP_PORT_EXHAUSTED), 1);
	/* Another port of that server is another destination. */
	more.remote_port = 444;
	nat_require_left(&more, NAT_POOL(0), 444);
}

static void test_a_range_of_seven_addresses(void **state)
{
	const struct natgw_rule rules[] = { NAT_DNAT(PROTO_TCP, 8001, 443, NAT_MARK),
					    NAT_SNAT(NAT_MARK, 0, NAT_POOL_COUNT) };
	__u32 seen = 0;

	(void)state;
	nat_set_rules(rules, 2);
	for (__u32 i = 0; i < 100; i++) {
		struct talk talk = nat_to_port(PROTO_TCP, 8001), again;

		talk.client = CLIENTS(i);
		assert_true(talk_begin(&talk) > 0);
		again = talk;
		again.client_port++;
		assert_true(talk_begin(&again) > 0);
		/* A client stays on its address. */
		assert_int_equal(talk.eip, again.eip);
		for (__u32 j = 0; j < NAT_POOL_COUNT; j++) {
			seen |= (__u32)(talk.eip == NAT_POOL(j)) << j;
		}
	}
	assert_int_equal(seen, (1 << NAT_POOL_COUNT) - 1);
}

/* The next address of the rule's pool when the first is full, and none of another pool. */
static void test_a_full_pool_does_not_spill_into_another(void **state)
{
	const struct natgw_rule rules[] = { NAT_DNAT(PROTO_TCP, 8001, 443, NAT_MARK),
					    NAT_SNAT(NAT_MARK, 2, 2) };
	struct talk talk = nat_to_port(PROTO_TCP, 8001);

	(void)state;
	nat_set_rules(rules, 2);
	nat_set_gateway(0, 1);
	for (int i = 0; i < 2; i++) {
		assert_true(talk_begin(&talk) > 0);
		assert_true(talk.eip == NAT_POOL(2) || talk.eip == NAT_POOL(3));
		talk.client_port++;
	}
	assert_int_equal(talk_begin(&talk), 0);
	assert_int_equal(walk_counted(NATGW_DROP_PORT_EXHAUSTED), 1);
	/* And the gateway's own pool is not for what a rule has sent elsewhere, nor the reverse. */
	talk.remote_port = 9999;
	nat_require_left(&talk, EIP, 9999);
}

/* ---- errors ---- */

/* inbound: about what was sent to the changed port; the client knows the other one. */
static void require_error_in(struct talk *talk, __u16 quoted_bytes, bool checked)
{
	struct spec quoted = talk_outbound(talk, SYN, 8), error = walk_inbound(PROTO_ICMP, 0, 0);
	struct spec want = error, own = quoted;
	struct frame frame;

	quoted.src = talk->eip;
	quoted.sport = talk->port;
	quoted.dport = 443;
	quoted.no_check = own.no_check = !checked;
	error.src = want.src = IP(192, 0, 2, 77);
	error.dst = talk->eip;
	error.type = want.type = TYPE_UNREACHABLE;
	error.code = want.code = 3;
	error.quote = &quoted;
	error.quote_l4 = want.quote_l4 = quoted_bytes;
	want.dst = CLIENT;
	want.quote = &own;
	want.smac = mac_int;
	want.dmac = mac_client;
	want.ttl_minus = 1;
	assert_true(walk_receive(&error));
	frame_build(&want, &frame);
	assert_int_equal(walk.out.len, frame.len);
	assert_memory_equal(walk.out.data, frame.data, frame.len);
}

static void test_errors_come_back_as_the_client_sent(void **state)
{
	struct talk tcp = nat_to_port(PROTO_TCP, 8001), udp = nat_to_port(PROTO_UDP, 8001);

	(void)state;
	nat_set_rules(nat_scenario, NAT_SCENARIO_COUNT);
	nat_require_left(&tcp, NAT_POOL(0), 443);
	nat_require_left(&udp, NAT_POOL(0), 443);
	require_error_in(&tcp, 8, true);
	require_error_in(&tcp, 20, true);
	require_error_in(&tcp, 100, true);
	require_error_in(&udp, 8, true);
	require_error_in(&udp, 8, false);
	require_error_in(&udp, 16, true);
}

/* A quote with the port that the client asked for was never sent outside. */
static void test_a_forged_error(void **state)
{
	struct talk talk = nat_to_port(PROTO_UDP, 8001);
	struct spec quoted, error = walk_inbound(PROTO_ICMP, 0, 0);

	(void)state;
	nat_set_rules(nat_scenario, NAT_SCENARIO_COUNT);
	nat_require_left(&talk, NAT_POOL(0), 443);
	quoted = talk_outbound(&talk, 0, 8);
	quoted.src = talk.eip;
	quoted.sport = talk.port;
	error.dst = talk.eip;
	error.type = TYPE_UNREACHABLE;
	error.quote = &quoted;
	error.quote_l4 = 8;
	assert_false(walk_receive(&error));
	assert_int_equal(walk_counted(NATGW_DROP_ICMP_QUOTE), 1);
}

/* outbound: the client refuses what the server sent; the server knows its own port. */
static void test_errors_of_the_client(void **state)
{
	struct talk talk = nat_to_port(PROTO_UDP, 8001);
	struct spec quoted, own, error = walk_outbound(PROTO_ICMP, 0), want;
	struct frame frame;

	(void)state;
	nat_set_rules(nat_scenario, NAT_SCENARIO_COUNT);
	nat_require_left(&talk, NAT_POOL(0), 443);
	assert_true(nat_answer(&talk, 443, 0));
	own = talk_inbound(&talk, 0, 8);
	own.sport = 443;
	quoted = own;
	quoted.sport = 8001;
	quoted.dst = CLIENT;
	quoted.dport = INT_PORT;
	error.type = TYPE_UNREACHABLE;
	error.code = 3;
	error.quote = &quoted;
	error.quote_l4 = 16;
	want = error;
	want.quote = &own;
	want.src = talk.eip;
	want.smac = mac_ext;
	want.dmac = mac_router;
	want.ttl_minus = 1;
	assert_true(walk_send(&error));
	frame_build(&want, &frame);
	assert_int_equal(walk.out.len, frame.len);
	assert_memory_equal(walk.out.data, frame.data, frame.len);
}

/* A session keeps what its first packet met, whatever the rules say now. */
static void test_only_the_first_packet_asks(void **state)
{
	const struct natgw_rule others[] = { NAT_DNAT(PROTO_TCP, 8001, 80, NAT_MARK),
					     NAT_SNAT(NAT_MARK, 6, 1) };
	struct talk old = nat_to_port(PROTO_TCP, 8001), new = old,
		    plain = nat_to_port(PROTO_TCP, 80);
	__u16 port;

	(void)state;
	nat_set_rules(nat_scenario, NAT_SCENARIO_COUNT);
	nat_require_left(&old, NAT_POOL(0), 443);
	nat_require_left(&plain, EIP, 80);
	port = old.port;
	nat_set_rules(others, 2);
	assert_true(nat_answer(&old, 443, SYN | ACK));
	assert_true(talk_send(&old, ACK, 10));
	assert_int_equal(old.port, port);
	assert_int_equal(old.eip, NAT_POOL(0));
	assert_int_equal(nat_left_for(), 443);
	new.client_port++;
	nat_require_left(&new, NAT_POOL(6), 80);
	nat_set_rules(NULL, 0);
	assert_true(nat_answer(&old, 443, ACK));
	assert_true(nat_answer(&new, 80, SYN | ACK));
	/* And a session from before a rule is not touched by it. */
	nat_set_rules((const struct natgw_rule[]){ NAT_DNAT(PROTO_TCP, 80, 443, NAT_MARK),
						   NAT_SNAT(NAT_MARK, 0, 1) },
		      2);
	assert_true(talk_send(&plain, ACK, 10));
	assert_int_equal(plain.eip, EIP);
	assert_int_equal(nat_left_for(), 80);
}

/* At the egress of the external interface, where the kernel has routed what XDP left to it. */
static void test_at_egress(void **state)
{
	struct spec spec = walk_outbound(PROTO_TCP, SYN);
	struct bench_run run = { .prog = BENCH_TC_EGR, .ingress = walk.bench->int_ifindex };
	struct frame in;

	(void)state;
	nat_set_rules(nat_scenario, NAT_SCENARIO_COUNT);
	spec.dport = 8001;
	spec.smac = mac_ext;
	spec.dmac = mac_router;
	frame_build(&spec, &in);
	bench_run(walk.bench, &in, &run);
	assert_int_equal(run.retval, ACTION_TC_OK);
	assert_int_equal(frame_src(&run.out), NAT_POOL(0));
	assert_int_equal(frame_get16(&run.out, frame_l4(&run.out) + 2), 443);
	assert_null(frame_verify(&run.out));
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		NAT_TEST(test_each_port_leaves_by_its_own_address),
		NAT_TEST(test_what_the_rows_say),
		NAT_TEST(test_udp),
		NAT_TEST(test_ports_that_become_one),
		NAT_TEST(test_a_range_of_seven_addresses),
		NAT_TEST(test_a_full_pool_does_not_spill_into_another),
		NAT_TEST(test_errors_come_back_as_the_client_sent),
		NAT_TEST(test_a_forged_error),
		NAT_TEST(test_errors_of_the_client),
		NAT_TEST(test_only_the_first_packet_asks),
		NAT_TEST(test_at_egress),
	};
	int failed;

	walk.bench = bench_open(4096);
	failed = cmocka_run_group_tests_name("nat rules", tests, NULL, NULL);
	bench_close(walk.bench);
	return failed;
}
