// SPDX-License-Identifier: GPL-2.0-only
/* Which rule a session's first packet meets: first match wins, and the session keeps it. */
#include "talk.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

#define ALL 0xffffffff
#define NET_24 IP(255, 255, 255, 0)

/* Numbers by their place here, from 1 on. */
static const struct natgw_rule rules[] = {
	{ .src = CLIENT, .src_mask = ALL, .port_first = 443, .port_last = 443, .proto = PROTO_TCP },
	{ .dst = IP(198, 51, 100, 0), .dst_mask = NET_24, .port_first = 5000, .port_last = 5010 },
	{ .src = IP(10, 0, 1, 0),
	  .src_mask = NET_24,
	  .port_first = 5005,
	  .port_last = 6000,
	  .proto = PROTO_UDP },
	{ .proto = PROTO_ICMP, .port_last = 65535 },
	{ .gateway = 2, .port_last = 65535 },
	{ .src = CLIENT_B, .src_mask = ALL, .gateway = 1, .port_last = 65535 },
	{ .dst = REMOTE_B, .dst_mask = ALL, .port_first = 0, .port_last = 0 },
};

#define RULES (sizeof(rules) / sizeof(rules[0]))

static const struct {
	const char *name;
	__be32 client;
	__be32 remote;
	__u32 rule;
	__u16 port;
	__u8 proto;
} cases[] = {
	{ "client, port, protocol", CLIENT, REMOTE, 1, 443, PROTO_TCP },
	{ "another port", CLIENT, REMOTE, 0, 444, PROTO_TCP },
	{ "another protocol", CLIENT, REMOTE, 0, 443, PROTO_UDP },
	{ "another client", CLIENTS(1), REMOTE, 0, 443, PROTO_TCP },
	{ "first port of a range", CLIENT, REMOTE, 2, 5000, PROTO_TCP },
	{ "last port of a range", CLIENT, REMOTE_B, 2, 5010, PROTO_TCP },
	{ "before the range", CLIENT, REMOTE, 0, 4999, PROTO_TCP },
	{ "behind the range", CLIENT, REMOTE, 0, 5011, PROTO_TCP },
	{ "two match: the first", CLIENT, REMOTE, 2, 5005, PROTO_UDP },
	{ "the second alone", CLIENT, REMOTE, 3, 5011, PROTO_UDP },
	{ "the second alone, another network", CLIENT, IP(198, 51, 101, 1), 3, 5005, PROTO_UDP },
	{ "not that protocol", CLIENT, IP(198, 51, 101, 1), 0, 5005, PROTO_TCP },
	{ "ICMP", CLIENT, REMOTE, 4, 0, PROTO_ICMP },
	{ "a gateway's, and not this one's", CLIENTS(2), REMOTE, 0, 80, PROTO_TCP },
	{ "this gateway's", CLIENT_B, REMOTE, 6, 80, PROTO_TCP },
	{ "an earlier one of the same client", CLIENT_B, REMOTE, 2, 5001, PROTO_TCP },
};

static __u32 rule_of(const struct talk *talk)
{
	struct natgw_session row;

	assert_true(talk_inbound_row(talk, &row));
	return (row.word >> NATGW_WORD_RULE_SHIFT) & NATGW_WORD_RULE_MASK;
}

static void set_rules(void)
{
	struct natgw_gateway gateway = bench_gateway();
	struct natgw_rule rows[RULES];

	memcpy(rows, rules, sizeof(rows));
	for (size_t i = 0; i < RULES; i++) {
		rows[i].used = 1;
		memcpy(rows[i].timeout, gateway.timeout, sizeof(rows[i].timeout));
	}
	bench_set_rules(walk.bench, rows, RULES);
}

static __u32 rule_of_case(size_t which)
{
	struct talk talk = talk_new(cases[which].proto);

	walk_again();
	set_rules();
	talk.client = cases[which].client;
	talk.remote = cases[which].remote;
	talk.remote_port = cases[which].port;
	talk_open(&talk);
	return rule_of(&talk);
}

static void test_which_rule(void **state)
{
	(void)state;
	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		if (rule_of_case(i) != cases[i].rule) {
			print_error("%s\n", cases[i].name);
			fail();
		}
	}
}

/* What stands keeps its rule when the rules change; what begins has the new ones. */
static void test_only_the_first_packet_asks(void **state)
{
	struct natgw_gateway gateway = bench_gateway();
	struct natgw_rule rule = { .proto = PROTO_TCP, .port_last = 65535, .used = 1 };
	struct talk talk = talk_new(PROTO_TCP), other = talk;

	(void)state;
	memcpy(rule.timeout, gateway.timeout, sizeof(rule.timeout));
	talk_open(&talk);
	assert_int_equal(rule_of(&talk), 0);
	bench_set_rules(walk.bench, &rule, 1);
	assert_true(talk_send(&talk, ACK, 10));
	assert_true(talk_receive(&talk, ACK, 10));
	assert_int_equal(rule_of(&talk), 0);
	other.client_port++;
	talk_open(&other);
	assert_int_equal(rule_of(&other), 1);
	bench_set_rules(walk.bench, NULL, 0);
	assert_true(talk_send(&other, ACK, 10));
	assert_int_equal(rule_of(&other), 1);
}

/* The last of as many rules as there can be. */
static void test_a_thousand_rules(void **state)
{
	static struct natgw_rule rows[NATGW_RULES_MAX - 1];
	struct natgw_gateway gateway = bench_gateway();
	struct talk talk = talk_new(PROTO_TCP);

	(void)state;
	for (size_t i = 0; i < NATGW_RULES_MAX - 1; i++) {
		rows[i] = (struct natgw_rule){ .port_first = (__u16)(10000 + i),
					       .port_last = (__u16)(10000 + i),
					       .used = 1 };
		memcpy(rows[i].timeout, gateway.timeout, sizeof(rows[i].timeout));
	}
	bench_set_rules(walk.bench, rows, NATGW_RULES_MAX - 1);
	talk.remote_port = 10000 + NATGW_RULES_MAX - 2;
	talk_open(&talk);
	assert_int_equal(rule_of(&talk), NATGW_RULES_MAX - 1);
	talk.remote_port++;
	talk_open(&talk);
	assert_int_equal(rule_of(&talk), 0);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		WALK_TEST(test_which_rule),
		WALK_TEST(test_only_the_first_packet_asks),
		WALK_TEST(test_a_thousand_rules),
	};
	int failed;

	walk.bench = bench_open(1024);
	failed = cmocka_run_group_tests_name("rules", tests, NULL, NULL);
	bench_close(walk.bench);
	return failed;
}
