/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * What is translated, as the configuration says it: gateway keys, rules, 1:1 mappings, port
 * forwards, the access list, main table and internal prefixes. Valid texts are looked at as they
 * were read; what wrong and doubtful ones are told: test_config_nat_errors.c and _warnings.c.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>

#include <arpa/inet.h>
#include <cmocka.h>
#include <errno.h>
#include <netinet/in.h>
#include <stdlib.h>
#include <string.h>

#include "cleanup.h"
#include "config.h"

#define HEAD "interfaces: {external: eth0, internal: eth1}\n"
#define GATEWAY(keys) "gateways: [{name: a, private_ip: 10.0.0.1, eips: [203.0.113.1]" keys "}]\n"
#define TABLE                                              \
	"route_tables: [{name: t, subnets: [10.0.1.0/24]," \
	" routes: [{to: 0.0.0.0/0, target: gateway:a}]}]\n"
#define ALL_FRAGMENTS (NATGW_FRAGMENTS_TCP | NATGW_FRAGMENTS_UDP | NATGW_FRAGMENTS_ICMP)
#define COUNT(table) (sizeof(table) / sizeof((table)[0]))

/* ---- helpers ---- */

static struct config *parse(const char *text)
{
	_cleanup_fclose_ FILE *stream = fmemopen((void *)(uintptr_t)text, strlen(text), "r");
	struct config_error error = { "" };
	struct config *config = NULL;

	assert_non_null(stream);
	if (config_parse(stream, "test.yaml", &config, &error)) {
		fail_msg("%s", error.text);
	}
	return config;
}

static struct config *load(const char *path)
{
	struct config_error error = { "" };
	struct config *config = NULL;

	if (config_load(path, &config, &error)) {
		fail_msg("%s", error.text);
	}
	return config;
}

static char *print(const struct config *config)
{
	char *text = NULL;
	size_t size = 0;
	FILE *stream = open_memstream(&text, &size);

	assert_non_null(stream);
	assert_int_equal(config_print(config, stream), 0);
	assert_int_equal(fclose(stream), 0);
	return text;
}

/* Printed, read and printed again, the text is the same. */
static void check_round_trip(const struct config *config)
{
	_cleanup_free_ char *first = print(config);
	struct config *again = parse(first);
	_cleanup_free_ char *second = print(again);

	assert_string_equal(first, second);
	config_free(again);
}

static void check_addr(__be32 addr, const char *want)
{
	assert_int_equal(addr, inet_addr(want));
}

static void check_prefix(struct config_prefix prefix, const char *addr, uint8_t len)
{
	check_addr(prefix.addr, addr);
	assert_int_equal(prefix.len, len);
}

/* ---- gateways ---- */

static void test_profiles(void **state)
{
	static const struct {
		const char *name;
		uint8_t fragments;
		enum natgw_icmp icmp;
	} want[] = {
		{ "p-natgw", NATGW_FRAGMENTS_UDP, NATGW_ICMP_ALL },
		{ "p-aws", NATGW_FRAGMENTS_UDP, NATGW_ICMP_ALL },
		{ "p-azure", 0, NATGW_ICMP_OFF },
		{ "p-gcp", NATGW_FRAGMENTS_UDP, NATGW_ICMP_ALL },
		{ "p-rfc", ALL_FRAGMENTS, NATGW_ICMP_ALL },
	};
	struct config *config = load("tests/config/good/profiles.yaml");

	(void)state;
	for (size_t i = 0; i < COUNT(want); i++) {
		const struct config_gateway *gateway = config_find_gateway(config, want[i].name);

		assert_non_null(gateway);
		assert_int_equal(gateway->fragments, want[i].fragments);
		assert_int_equal(gateway->icmp, want[i].icmp);
	}
	config_free(config);
}

static void test_defaults(void **state)
{
	struct config *config = parse(HEAD TABLE GATEWAY(""));
	const struct config_gateway *gateway = &config->gateways[0];

	(void)state;
	assert_false(gateway->is_private);
	assert_false(gateway->two_stage);
	assert_false(gateway->no_default_snat);
	assert_false(gateway->unmatched_pass);
	assert_int_equal(gateway->shared_count, 0);
	assert_int_equal(gateway->allow_targets, 0);
	assert_string_equal(gateway->table, "");
	assert_false(config->tables[0].is_main);
	assert_int_equal(config->one_to_one_count, 0);
	assert_int_equal(config->forward_count, 0);
	assert_int_equal(config->acl_count, 0);
	assert_int_equal(config->internal_prefix_count, 0);
	assert_int_equal(config->local_count, 0);
	config_free(config);
}

/* What is written wins over the profile, wherever it stands; what is not written is the profile's.
 */
static void test_fragments(void **state)
{
	static const struct {
		const char *text;
		uint8_t fragments;
	} cases[] = {
		{ HEAD TABLE GATEWAY(", fragments: forward, profile: azure"), ALL_FRAGMENTS },
		{ HEAD TABLE GATEWAY(", fragments: drop, profile: rfc"), 0 },
		{ HEAD TABLE GATEWAY(", fragments: {tcp: forward}"),
		  NATGW_FRAGMENTS_TCP | NATGW_FRAGMENTS_UDP },
		{ HEAD TABLE GATEWAY(", fragments: {udp: drop, icmp: forward}"),
		  NATGW_FRAGMENTS_ICMP },
		{ HEAD TABLE GATEWAY(", fragments: {tcp: drop, icmp: drop}, profile: rfc"),
		  NATGW_FRAGMENTS_UDP },
		{ HEAD TABLE GATEWAY(", fragments: {}"), NATGW_FRAGMENTS_UDP },
	};

	(void)state;
	for (size_t i = 0; i < COUNT(cases); i++) {
		struct config *config = parse(cases[i].text);

		assert_int_equal(config->gateways[0].fragments, cases[i].fragments);
		check_round_trip(config);
		config_free(config);
	}
}

static void test_icmp(void **state)
{
	static const struct {
		const char *text;
		enum natgw_icmp icmp;
	} cases[] = {
		{ HEAD TABLE GATEWAY(", icmp: all, profile: azure"), NATGW_ICMP_ALL },
		{ HEAD TABLE GATEWAY(", icmp: echo, profile: azure"), NATGW_ICMP_ECHO },
		{ HEAD TABLE GATEWAY(", icmp: off"), NATGW_ICMP_OFF },
	};

	(void)state;
	for (size_t i = 0; i < COUNT(cases); i++) {
		struct config *config = parse(cases[i].text);

		assert_int_equal(config->gateways[0].icmp, cases[i].icmp);
		check_round_trip(config);
		config_free(config);
	}
}

static void check_nat_gateways(const struct config *config)
{
	const struct config_gateway *a = config_find_gateway(config, "nat-a");
	const struct config_gateway *pool = config_find_gateway(config, "pool");
	const struct config_gateway *walk = config_find_gateway(config, "walk");

	assert_int_equal(a->eip_count, 4);
	check_addr(a->eips[1], "203.0.113.10");
	check_addr(a->eips[2], "203.0.113.11");
	assert_int_equal(a->shared_count, 1);
	check_addr(a->shared[0], "203.0.113.10");
	assert_int_equal(a->fragments, NATGW_FRAGMENTS_TCP);
	assert_int_equal(a->icmp, NATGW_ICMP_ECHO);
	assert_false(a->no_default_snat);
	assert_string_equal(a->table, "out-a");
	assert_int_equal(a->allow_targets, 1U << NATGW_TARGET_LOCAL | 1U << NATGW_TARGET_INTERFACE);
	assert_true(pool->is_private);
	assert_int_equal(pool->eip_count, 0);
	assert_true(pool->no_default_snat);
	assert_true(pool->unmatched_pass);
	assert_true(walk->two_stage);
	assert_int_equal(walk->eip_count, 3);
	assert_int_equal(walk->eips[0], walk->private_ip);
}

static void check_nat_rules(const struct config *config)
{
	const struct config_rule *rule = &config->rules[2];

	assert_int_equal(config->rule_count, 11);
	assert_int_equal(config->rules[0].kind, NATGW_RULE_SESSION);
	assert_int_equal(rule->kind, NATGW_RULE_DNAT);
	assert_int_equal(rule->proto, IPPROTO_TCP);
	assert_int_equal(rule->port_first, 8002);
	assert_int_equal(rule->port_last, 8002);
	assert_int_equal(rule->to_port, 443);
	assert_int_equal(rule->mark, 0x42);
	assert_false(rule->shared_mark);
	assert_string_equal(rule->gateway, "pool");
	rule = &config->rules[3];
	assert_int_equal(rule->port_first, 5000);
	assert_int_equal(rule->port_last, 5009);
	assert_true(rule->shared_mark);
	rule = &config->rules[4];
	assert_string_equal(rule->gateway, "");
	check_prefix(rule->from, "10.0.1.0", 25);
	check_prefix(rule->to, "198.51.100.7", 32);
	assert_int_equal(rule->mark, 0);
	rule = &config->rules[8];
	assert_int_equal(rule->kind, NATGW_RULE_SNAT);
	assert_int_equal(rule->mark, 66);
	assert_int_equal(rule->eip_count, 6);
	check_addr(rule->eips[0], "192.168.8.11");
	check_addr(rule->eips[5], "192.168.8.16");
	rule = &config->rules[10];
	assert_int_equal(rule->kind, NATGW_RULE_NO_NAT);
	assert_int_equal(rule->proto, IPPROTO_ICMP);
	assert_int_equal(rule->port_first, 0);
	assert_int_equal(rule->port_last, 65535);
}

static void check_nat_lists(const struct config *config)
{
	const struct config_forward *forward = &config->forwards[3];

	assert_int_equal(config->one_to_one_count, 4);
	check_addr(config->one_to_one[0].private_addr, "10.0.0.228");
	check_addr(config->one_to_one[0].public_addr, "203.0.113.20");
	assert_int_equal(config->forward_count, 5);
	assert_string_equal(forward->gateway, "pool");
	assert_int_equal(forward->proto, IPPROTO_TCP);
	check_addr(forward->ext_addr, "192.168.8.10");
	check_addr(forward->int_addr, "10.0.3.6");
	assert_int_equal(forward->ext_first, 1);
	assert_int_equal(forward->ext_last, 100);
	assert_int_equal(forward->int_first, 65436);
	/* No port of its own: the one that it comes to. */
	assert_int_equal(config->forwards[0].int_first, 443);
	assert_int_equal(config->forwards[2].int_first, 8000);
	assert_int_equal(config->acl_count, 3);
	assert_true(config->acl[0].deny);
	assert_false(config->acl[1].deny);
	check_prefix(config->acl[1].prefix, "198.51.100.128", 25);
}

static void test_all_keys(void **state)
{
	struct config *config = load("tests/config/good/nat.yaml");

	(void)state;
	check_nat_gateways(config);
	check_nat_rules(config);
	check_nat_lists(config);
	config_free(config);
}

/* ---- tables ---- */

/* The main table has its own subnets, and the internal prefixes that no table has exactly. */
static void test_main(void **state)
{
	struct config *config = load("tests/config/good/nat.yaml");
	const struct config_route_table *table = &config->tables[3];

	(void)state;
	assert_true(table->is_main);
	assert_int_equal(table->subnet_count, 3);
	check_prefix(table->subnets[0], "10.0.4.0", 24);
	check_prefix(table->subnets[1], "10.0.3.0", 24);
	check_prefix(table->subnets[2], "172.16.0.0", 16);
	assert_int_equal(config->internal_prefix_count, 3);
	check_prefix(config->internal_prefixes[0], "10.0.1.0", 24);
	assert_int_equal(config->local_count, 1);
	check_prefix(config->local[0], "10.0.0.0", 26);
	assert_int_equal(config->tables[0].subnet_count, 0);
	assert_int_equal(config->tables[0].routes[0].target, NATGW_TARGET_INTERNET);
	config_free(config);
}

static void test_main_alone(void **state)
{
	struct config *config = parse(HEAD GATEWAY("") "route_tables: [{name: m, main: true}]\n"
						       "internal_prefixes: [10.0.0.0/8]\n");

	(void)state;
	assert_int_equal(config->tables[0].subnet_count, 1);
	check_prefix(config->tables[0].subnets[0], "10.0.0.0", 8);
	check_round_trip(config);
	config_free(config);
}

/* Whichever comes first in the file: tables, gateways, lists. */
static void test_order(void **state)
{
	struct config *config = parse(
		"acl: [{deny: 192.0.2.0/24}]\n"
		"port_forwards: [{to: '10.0.1.5:22', port: 22, address: 203.0.113.1, protocol: tcp}]\n"
		"one_to_one: [{public: 203.0.113.7, private: 10.0.1.7}]\n"
		"rules: [{snat: {eips: [203.0.113.2], port: 53, protocol: udp, gateway: a}}]\n"
		"internal_prefixes: [10.0.1.0/24]\n"
		"route_tables: [{main: true, name: t}, {routes: [{target: internet, to: 0.0.0.0/0}],"
		" name: o}]\n"
		"gateways: [{allow_nat_to: [], route_table: o, unmatched: drop, default_snat: off,"
		" eips: [203.0.113.1], mode: direct, type: public, private_ip: 10.0.0.1, name: a}]\n" HEAD);

	(void)state;
	assert_int_equal(config->rules[0].port_first, 53);
	assert_int_equal(config->forwards[0].int_first, 22);
	check_round_trip(config);
	config_free(config);
}

/* ---- pools ---- */

/* Requirement 69: the two ranges of the document. A rule without a gateway means the only one. */
static void test_ranges(void **state)
{
	struct config *config =
		parse(HEAD GATEWAY("") TABLE
		      "rules:\n"
		      "  - {snat: {mark: 65, eips: [172.32.0.201-172.32.0.201]}}\n"
		      "  - {snat: {mark: 66, eips: [192.168.8.10-192.168.8.16]}}\n");

	(void)state;
	assert_int_equal(config->rules[0].eip_count, 1);
	check_addr(config->rules[0].eips[0], "172.32.0.201");
	assert_int_equal(config->rules[1].eip_count, 7);
	check_addr(config->rules[1].eips[6], "192.168.8.16");
	assert_string_equal(config->rules[0].gateway, "a");
	check_round_trip(config);
	config_free(config);
}

/* The same pool in two rules, in any order; and a pool that the gateway's own list has. */
static void test_pools_meet(void **state)
{
	static const char *const cases[] = {
		HEAD GATEWAY("") TABLE
		"rules:\n"
		"  - {snat: {port: 1, eips: [192.168.8.10, 192.168.8.11]}}\n"
		"  - {snat: {port: 2, eips: [192.168.8.11, 192.168.8.10]}}\n",
		HEAD GATEWAY("") TABLE "rules:\n"
				       "  - {snat: {port: 1, eips: [203.0.113.1]}}\n"
				       "  - {snat: {port: 2, eips: [203.0.113.1]}}\n",
	};

	(void)state;
	for (size_t i = 0; i < COUNT(cases); i++) {
		struct config *config = parse(cases[i]);

		assert_int_equal(config->rule_count, 2);
		assert_int_equal(config->rules[0].eip_count, config->rules[1].eip_count);
		assert_memory_equal(config->rules[0].eips, config->rules[1].eips,
				    config->rules[0].eip_count * sizeof(__be32));
		check_round_trip(config);
		config_free(config);
	}
}

/* As many rules as fit, one more of which is an error: those that are not session rules count once
 * however many gateways there are. */
static char *many_rules(const char *rule, unsigned int count)
{
	char *text = NULL;
	size_t size = 0;
	FILE *stream = open_memstream(&text, &size);

	assert_non_null(stream);
	(void)fputs(HEAD TABLE
		    "gateways:\n"
		    "- {name: a, private_ip: 10.0.0.1, eips: [198.18.0.0-198.18.0.254]}\n"
		    "- {name: b, private_ip: 10.0.0.2, eips: [203.0.113.2]}\n"
		    "rules:\n",
		    stream);
	for (unsigned int i = 0; i < count; i++) {
		(void)fprintf(stream, "- {%s}\n", rule);
	}
	assert_int_equal(fclose(stream), 0);
	return text;
}

static void test_many_rules(void **state)
{
	static const char *const rules[] = {
		"snat: {gateway: a, eips: [198.18.0.0-198.18.0.254]}",
		"dnat: {protocol: tcp, port: 1, to_port: 2}",
		"no_nat: {}",
	};

	(void)state;
	for (size_t i = 0; i < COUNT(rules); i++) {
		_cleanup_free_ char *fits = many_rules(rules[i], CONFIG_RULE_ROWS_MAX);
		_cleanup_free_ char *too_many = many_rules(rules[i], CONFIG_RULE_ROWS_MAX + 1);
		_cleanup_fclose_ FILE *stream = fmemopen(too_many, strlen(too_many), "r");
		struct config *config = parse(fits);
		struct config_error error = { "" };

		assert_int_equal(config->rule_count, CONFIG_RULE_ROWS_MAX);
		config_free(config);
		assert_non_null(stream);
		assert_int_equal(config_parse(stream, "test.yaml", &config, &error), -EINVAL);
		assert_non_null(strstr(error.text, "too many rules; at most 511 fit"));
	}
}

/* ---- text ---- */

static void test_print(void **state)
{
	struct config *config = load("tests/config/good/nat.yaml");
	_cleanup_free_ char *text = print(config);

	(void)state;
	assert_non_null(strstr(text,
			       "    type: public\n"
			       "    mode: direct\n"
			       "    eips: [203.0.113.9, {address: 203.0.113.10, shared: true},"
			       " 203.0.113.11-203.0.113.12]\n"));
	assert_non_null(strstr(text, "    fragments: {tcp: forward, udp: drop, icmp: drop}\n"
				     "    icmp: echo\n"
				     "    default_snat: on\n"
				     "    route_table: out-a\n"
				     "    allow_nat_to: [local, interface]\n"));
	assert_non_null(strstr(text, "  - name: main\n"
				     "    main: true\n"
				     "    subnets: [10.0.4.0/24]\n"));
	assert_non_null(strstr(text,
			       "internal_prefixes: [10.0.1.0/24, 10.0.3.0/24, 172.16.0.0/16]\n"
			       "local: [10.0.0.0/26]\n"
			       "rules:\n"));
	assert_non_null(strstr(text, "  - dnat:\n"
				     "      gateway: pool\n"
				     "      from: 0.0.0.0/0\n"
				     "      to: 0.0.0.0/0\n"
				     "      protocol: udp\n"
				     "      port: 5000-5009\n"
				     "      to_port: 53\n"
				     "      mark: 66\n"
				     "      shared_mark: true\n"));
	assert_non_null(strstr(text, "      mark: 66\n"
				     "      eips: [192.168.8.11-192.168.8.16]\n"));
	assert_non_null(strstr(text, "  - {private: 10.0.3.5, public: 203.0.113.23}\n"
				     "port_forwards:\n"
				     "  - gateway: nat-a\n"
				     "    protocol: tcp\n"
				     "    address: 203.0.113.9\n"
				     "    port: 443\n"
				     "    to: 10.0.1.5:443\n"));
	assert_non_null(strstr(text, "acl:\n"
				     "  - {deny: 198.51.100.0/24}\n"
				     "  - {allow: 198.51.100.128/25}\n"
				     "  - {deny: 10.0.1.13/32}\n"
				     "limits:\n"));
	config_free(config);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_profiles),   cmocka_unit_test(test_defaults),
		cmocka_unit_test(test_fragments),  cmocka_unit_test(test_icmp),
		cmocka_unit_test(test_all_keys),   cmocka_unit_test(test_main),
		cmocka_unit_test(test_main_alone), cmocka_unit_test(test_order),
		cmocka_unit_test(test_ranges),	   cmocka_unit_test(test_pools_meet),
		cmocka_unit_test(test_many_rules), cmocka_unit_test(test_print),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
