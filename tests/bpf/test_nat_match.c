// SPDX-License-Identifier: GPL-2.0-only
/* Which DNAT, SNAT or no_nat rule a session's first packet meets, and what none of them matches. */
#include "nat.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdint.h>

#include <bpf/bpf.h>
#include <bpf/libbpf.h>
#include <cmocka.h>

#include "natgw.skel.h"

#define ACTION_TC_OK 0
#define ACTION_TC_SHOT 2
#define PIECE 1480

static __u64 hits(__u32 number)
{
	__u64 values[256] = {}, sum = 0;

	assert_int_equal(
		bpf_map_lookup_elem(bpf_map__fd(walk.bench->skel->maps.rule_hits), &number, values),
		0);
	for (int cpu = 0; cpu < walk.bench->cpus; cpu++) {
		sum += values[cpu];
	}
	return sum;
}

/* ---- which rule ---- */

enum outcome { POOL_0, POOL_1, POOL_2, OWN_EIP, NOT_TRANSLATED };

/* Rules of every kind of condition; DNAT rules stand first, as natgwd has it. */
static const struct natgw_rule mixed[] = {
	NAT_DNAT(PROTO_TCP, 8001, 443, NAT_MARK),
	NAT_DNAT(PROTO_UDP, 8001, 53, 0x80000000U | NAT_MARK),
	{ .kind = NATGW_RULE_DNAT,
	  .proto = PROTO_TCP,
	  .port_first = 8001,
	  .port_last = 8001,
	  .to_port = 80,
	  .mark = NAT_MARK_B },
	{ .kind = NATGW_RULE_DNAT,
	  .proto = PROTO_TCP,
	  NAT_FROM(CLIENT_B),
	  .port_first = 8003,
	  .port_last = 8003,
	  .mark = NAT_MARK_B },
	{ .kind = NATGW_RULE_NO_NAT, NAT_FROM(CLIENTS(1)), NAT_TO(REMOTE) },
	{ .kind = NATGW_RULE_SNAT, NAT_FROM(CLIENTS(1)), NAT_POOLED(0, 1) },
	NAT_SNAT(NAT_MARK, 0, 1),
	NAT_SNAT(0x80000000U | NAT_MARK, 1, 1),
	NAT_SNAT(NAT_MARK_B, 2, 1),
	{ .kind = NATGW_RULE_SNAT, .port_first = 443, .port_last = 443, NAT_POOLED(1, 1) },
	{ .kind = NATGW_RULE_SNAT, .proto = PROTO_ICMP, NAT_TO(REMOTE_B), NAT_POOLED(2, 1) },
	{ .kind = NATGW_RULE_NO_NAT, .gateway = 2 },
	{ .kind = NATGW_RULE_NO_NAT, .proto = PROTO_UDP, .port_first = 500, .port_last = 500 },
	{ .kind = NATGW_RULE_SNAT,
	  .proto = PROTO_UDP,
	  .port_first = 400,
	  .port_last = 600,
	  NAT_POOLED(0, 1) },
};

static const struct {
	const char *name;
	__be32 client;
	__be32 remote;
	__u16 port;
	__u16 real_port; /* 0: the same */
	__u8 proto;
	enum outcome outcome;
} cases[] = {
	{ "by mark", CLIENT, REMOTE, 8001, 443, PROTO_TCP, POOL_0 },
	{ "the first of two DNAT rules", CLIENT_B, REMOTE, 8001, 443, PROTO_TCP, POOL_0 },
	{ "a mark has 32 bits", CLIENT, REMOTE, 8001, 53, PROTO_UDP, POOL_1 },
	{ "a mark without another port", CLIENT_B, REMOTE, 8003, 0, PROTO_TCP, POOL_2 },
	{ "not that client", CLIENT, REMOTE, 8003, 0, PROTO_TCP, OWN_EIP },
	{ "no_nat before snat", CLIENTS(1), REMOTE, 80, 0, PROTO_TCP, NOT_TRANSLATED },
	{ "no_nat beats a DNAT rule's port", CLIENTS(1), REMOTE, 8001, 0, PROTO_TCP,
	  NOT_TRANSLATED },
	{ "a ping of that client", CLIENTS(1), REMOTE, 0, 0, PROTO_ICMP, NOT_TRANSLATED },
	{ "to another remote: the next rule", CLIENTS(1), REMOTE_B, 80, 0, PROTO_TCP, POOL_0 },
	{ "that rule is before the mark's", CLIENTS(1), REMOTE_B, 8001, 443, PROTO_TCP, POOL_0 },
	{ "the port that the client names", CLIENT, REMOTE, 443, 0, PROTO_TCP, POOL_1 },
	{ "ICMP to one remote", CLIENT, REMOTE_B, 0, 0, PROTO_ICMP, POOL_2 },
	{ "ICMP to another", CLIENT, REMOTE, 0, 0, PROTO_ICMP, OWN_EIP },
	{ "a rule of another gateway", CLIENT, REMOTE, 80, 0, PROTO_TCP, OWN_EIP },
	{ "no_nat by port", CLIENT, REMOTE, 500, 0, PROTO_UDP, NOT_TRANSLATED },
	{ "around that port", CLIENT, REMOTE, 501, 0, PROTO_UDP, POOL_0 },
	{ "outside of the range", CLIENT, REMOTE, 601, 0, PROTO_UDP, OWN_EIP },
};

static __be32 eip_of(enum outcome outcome)
{
	return outcome == OWN_EIP ? EIP : NAT_POOL(outcome);
}

static void check_case(size_t i)
{
	struct talk talk = nat_to_port(cases[i].proto, cases[i].port);
	__u16 real_port = cases[i].real_port ? cases[i].real_port : cases[i].port;
	struct spec spec;

	talk.client = cases[i].client;
	talk.remote = cases[i].remote;
	if (cases[i].outcome == NOT_TRANSLATED) {
		spec = talk_outbound(&talk, SYN, 8);
		nat_require_passed(&spec);
		return;
	}
	if (!talk_begin(&talk)) {
		fail_msg("%s: not translated", cases[i].name);
	}
	if (talk.eip != eip_of(cases[i].outcome)) {
		fail_msg("%s: by another address", cases[i].name);
	}
	if (cases[i].proto != PROTO_ICMP && nat_left_for() != real_port) {
		fail_msg("%s: to port %u", cases[i].name, nat_left_for());
	}
}

static void test_which_rule(void **state)
{
	(void)state;
	nat_set_rules(mixed, sizeof(mixed) / sizeof(mixed[0]));
	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		check_case(i);
	}
}

/* The last ones of as many as there can be. */
static void test_a_thousand_rules(void **state)
{
	static struct natgw_rule rows[NATGW_RULES_MAX - 1];
	const __u32 half = (NATGW_RULES_MAX - 1) / 2;
	struct talk talk = nat_to_port(PROTO_TCP, (__u16)(10000 + half - 1));

	(void)state;
	for (__u32 i = 0; i < half; i++) {
		rows[i] = (struct natgw_rule)NAT_DNAT(PROTO_TCP, (__u16)(10000 + i), 443, 1000 + i);
		rows[half + i] = (struct natgw_rule)NAT_SNAT(1000 + i, i % NAT_POOL_COUNT, 1);
	}
	nat_set_rules(rows, 2 * half);
	nat_require_left(&talk, NAT_POOL((half - 1) % NAT_POOL_COUNT), 443);
	talk.remote_port++;
	nat_require_left(&talk, EIP, talk.remote_port);
}

/* Timers and mapping are another kind: both rules hold, each as the client sent the packet. */
static void test_a_session_rule_beside(void **state)
{
	struct natgw_rule rules[] = {
		NAT_DNAT(PROTO_TCP, 8001, 443, NAT_MARK),
		NAT_SNAT(NAT_MARK, 0, 1),
		{ .kind = NATGW_RULE_SESSION, .port_first = 443, .port_last = 443 },
		{ .kind = NATGW_RULE_SESSION, .port_first = 8001, .port_last = 8001 },
	};
	struct talk talk = nat_to_port(PROTO_TCP, 8001);
	struct natgw_session row;
	struct talk wire;

	(void)state;
	nat_set_rules(rules, 4);
	nat_require_left(&talk, NAT_POOL(0), 443);
	wire = talk;
	wire.remote_port = 443;
	assert_true(talk_inbound_row(&wire, &row));
	assert_int_equal((row.word >> NATGW_WORD_RULE_SHIFT) & NATGW_WORD_RULE_MASK, 4);
}

static void test_hits(void **state)
{
	__u64 before[NAT_SCENARIO_COUNT + 1];
	struct talk talk = nat_to_port(PROTO_TCP, 8001);

	(void)state;
	nat_set_rules(nat_scenario, NAT_SCENARIO_COUNT);
	for (__u32 i = 0; i <= NAT_SCENARIO_COUNT; i++) {
		before[i] = hits(i);
	}
	for (int i = 0; i < 3; i++) {
		talk.client_port++;
		nat_require_left(&talk, NAT_POOL(0), 443);
	}
	for (int i = 0; i < 5; i++) {
		assert_true(nat_answer(&talk, 443, SYN | ACK));
		assert_true(talk_send(&talk, ACK, 10));
	}
	talk.remote_port = 8002;
	nat_require_left(&talk, NAT_POOL(1), 443);
	talk.remote_port = 80;
	nat_require_left(&talk, EIP, 80);
	assert_int_equal(hits(0) - before[0], 0);
	assert_int_equal(hits(1) - before[1], 3);
	assert_int_equal(hits(2) - before[2], 1);
	assert_int_equal(hits(3) - before[3], 0);
	assert_int_equal(hits(4) - before[4], 3);
	assert_int_equal(hits(5) - before[5], 1);
}

/* ---- what is not translated ---- */

static void require_unmatched(__u32 verdict)
{
	const __u8 protos[] = { PROTO_TCP, PROTO_UDP, PROTO_ICMP };

	for (int i = 0; i < 3; i++) {
		struct talk talk = talk_new(protos[i]);
		struct spec spec = talk_outbound(&talk, SYN, 8);

		if (verdict == NATGW_DROP_NO_RULE) {
			assert_false(walk_send(&spec));
		} else {
			nat_require_passed(&spec);
		}
	}
	assert_int_equal(walk_counted(verdict), 3);
	assert_int_equal(table_count(walk.bench->inbound), 0);
	assert_int_equal(table_count(walk.bench->outbound), 0);
}

/* Requirement 67. */
static void test_unmatched_is_dropped(void **state)
{
	struct talk talk = nat_to_port(PROTO_TCP, 8001);

	(void)state;
	nat_set_rules(nat_scenario, NAT_SCENARIO_COUNT);
	nat_set_gateway(NATGW_GATEWAY_NO_DEFAULT_SNAT, 0);
	require_unmatched(NATGW_DROP_NO_RULE);
	nat_require_left(&talk, NAT_POOL(0), 443);
}

static void test_unmatched_passes(void **state)
{
	struct talk talk = nat_to_port(PROTO_TCP, 8001);
	struct spec spec;

	(void)state;
	nat_set_rules(nat_scenario, NAT_SCENARIO_COUNT);
	nat_set_gateway(NATGW_GATEWAY_NO_DEFAULT_SNAT | NATGW_GATEWAY_UNMATCHED_PASS, 0);
	require_unmatched(walk.hooks == &walk_xdp ? NATGW_DEFER_NOT_NAT : NATGW_PASS_NOT_NAT);
	/* Not only what begins a connection. */
	talk.remote_port = 80;
	spec = talk_outbound(&talk, ACK, 100);
	nat_require_passed(&spec);
	spec = talk_outbound(&talk, RST, 0);
	nat_require_passed(&spec);
	talk.remote_port = 8001;
	nat_require_left(&talk, NAT_POOL(0), 443);
}

static struct spec error_about(const struct spec *quoted, __be32 from, __be32 to)
{
	struct spec error = walk_outbound(PROTO_ICMP, 0);

	error.src = from;
	error.dst = to;
	error.type = TYPE_UNREACHABLE;
	error.code = 3;
	error.quote = quoted;
	error.quote_l4 = 8;
	return error;
}

/* What is not translated on its way out is not on its way back, errors included, whoever makes them
 * on the way. */
static void test_no_nat_is_for_both_directions(void **state)
{
	const struct natgw_rule rules[] = { { .kind = NATGW_RULE_NO_NAT, NAT_TO(REMOTE) } };
	struct spec out = walk_outbound(PROTO_UDP, 0), in = walk_inbound(PROTO_UDP, 0, INT_PORT);
	struct spec error;

	(void)state;
	nat_set_rules(rules, 1);
	nat_require_passed(&out);
	in.dst = CLIENT;
	nat_require_passed_in(&in);
	in.proto = PROTO_TCP;
	in.flags = SYN;
	nat_require_passed_in(&in);
	in.proto = PROTO_UDP;
	error = error_about(&in, CLIENT, REMOTE);
	nat_require_passed(&error);
	error = error_about(&out, REMOTE, CLIENT);
	nat_require_passed_in(&error);
	error = error_about(&out, IP(192, 0, 2, 77), CLIENT);
	nat_require_passed_in(&error);
	/* But not about what would have been translated. */
	out.dst = REMOTE_B;
	error = error_about(&out, IP(192, 0, 2, 77), CLIENT);
	error.smac = mac_router;
	error.dmac = mac_ext;
	assert_false(walk_receive(&error));
	in.src = REMOTE_B;
	assert_false(walk_receive(&in));
}

/* ---- fragments, of which only the first has a port ---- */

/* The first (0) or a later one of a datagram of three. */
static struct spec fragment_of(const struct talk *talk, __u16 id, __u16 number)
{
	struct spec spec = talk_outbound(talk, 0, 4000);

	spec.id = id;
	spec.piece = number < 2 ? PIECE : 4008 - 2 * PIECE;
	spec.frag = (__u16)((number < 2 ? FRAG_MF : 0) | number * PIECE / 8);
	return spec;
}

/* They go where the first one went, whatever becomes of packets without a port. */
static void test_fragments_of_a_rule_by_port(void **state)
{
	struct talk talk = nat_to_port(PROTO_UDP, 8001);

	(void)state;
	nat_set_rules(nat_scenario, NAT_SCENARIO_COUNT);
	nat_set_gateway(NATGW_GATEWAY_NO_DEFAULT_SNAT | NATGW_GATEWAY_UNMATCHED_PASS, 0);
	for (__u16 number = 0; number < 3; number++) {
		struct spec spec = fragment_of(&talk, 7, number);

		assert_true(walk_send(&spec));
		assert_int_equal(frame_src(&walk.out), NAT_POOL(0));
	}
}

/* Before the first one nobody knows; at the external interface nothing is left to be waited for. */
static void test_a_fragment_without_a_first(void **state)
{
	struct talk talk = nat_to_port(PROTO_UDP, 8001);
	struct bench_run run = { .prog = BENCH_TC_EGR, .ingress = walk.bench->int_ifindex };
	struct spec spec = fragment_of(&talk, 8, 1);
	struct frame in;

	(void)state;
	nat_set_rules(nat_scenario, NAT_SCENARIO_COUNT);
	nat_set_gateway(NATGW_GATEWAY_NO_DEFAULT_SNAT | NATGW_GATEWAY_UNMATCHED_PASS, 0);
	frame_build(&spec, &in);
	bench_run(walk.bench, &in, &run);
	assert_int_equal(run.retval, ACTION_TC_SHOT);
	assert_int_equal(walk_counted(NATGW_DROP_FRAG_NO_FIRST), 1);
}

static void require_passed_at_egress(const struct spec *spec)
{
	struct bench_run run = { .prog = BENCH_TC_EGR, .ingress = walk.bench->int_ifindex };
	struct frame in;

	frame_build(spec, &in);
	bench_run(walk.bench, &in, &run);
	assert_int_equal(run.retval, ACTION_TC_OK);
	assert_memory_equal(run.out.data, in.data, in.len);
}

/* What is not translated by its port is not in fragments either. */
static void test_fragments_that_are_not_translated(void **state)
{
	const struct natgw_rule rules[] = {
		{ .kind = NATGW_RULE_NO_NAT, .proto = PROTO_UDP, NAT_PORT(500) },
	};
	struct talk talk = nat_to_port(PROTO_UDP, 500), other = nat_to_port(PROTO_UDP, 501);

	(void)state;
	nat_set_rules(rules, 1);
	nat_set_gateway(0, 0);
	for (__u16 number = 0; number < 3; number++) {
		struct spec spec = fragment_of(&talk, 9, number);

		nat_require_passed(&spec);
		require_passed_at_egress(&spec);
		spec = fragment_of(&other, 10, number);
		assert_true(walk_send(&spec));
		assert_int_equal(frame_src(&walk.out), EIP);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		NAT_TEST(test_which_rule),
		NAT_TEST(test_a_thousand_rules),
		NAT_TEST(test_a_session_rule_beside),
		NAT_TEST(test_hits),
		NAT_TEST(test_unmatched_is_dropped),
		NAT_TEST(test_unmatched_passes),
		NAT_TEST(test_no_nat_is_for_both_directions),
		NAT_TEST(test_fragments_of_a_rule_by_port),
		NAT_TEST(test_a_fragment_without_a_first),
		NAT_TEST(test_fragments_that_are_not_translated),
	};
	int failed;

	walk.bench = bench_open(4096);
	failed = cmocka_run_group_tests_name("nat match", tests, NULL, NULL);
	bench_close(walk.bench);
	return failed;
}
