/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * What a gateway and a rule of the configuration are read as: profiles, keys, defaults that follow
 * other keys, and the text that comes out again. Errors and warnings: tests/config, test_config.c.
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
#define TABLE "route_tables: [{name: t, subnets: [10.0.0.0/8]}]\n"
#define GATEWAY(keys) "gateways: [{name: a, private_ip: 10.0.0.1, eips: [203.0.113.1]" keys "}]\n"
#define EIM NATGW_MAPPING_ENDPOINT_INDEPENDENT
#define EIF NATGW_FILTERING_ENDPOINT_INDEPENDENT

static struct config *parse(const char *text)
{
	_cleanup_fclose_ FILE *stream = tmpfile();
	struct config_error error = { "" };
	struct config *config = NULL;

	assert_non_null(stream);
	assert_int_equal(fwrite(text, 1, strlen(text), stream), strlen(text));
	rewind(stream);
	if (config_parse(stream, "test.yaml", &config, &error)) {
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

static struct config *load(const char *path)
{
	struct config_error error = { "" };
	struct config *config = NULL;

	if (config_load(path, &config, &error)) {
		fail_msg("%s", error.text);
	}
	return config;
}

/* ---- gateways ---- */

static void test_profiles(void **state)
{
	static const struct {
		const char *name;
		uint32_t destination_ports;
		enum natgw_no_session no_session;
		enum natgw_on_exhaustion on_exhaustion;
	} want[] = {
		{ "p-natgw", 64512, NATGW_NO_SESSION_RST_INTERNAL, NATGW_ON_EXHAUSTION_DROP },
		{ "p-aws", 55000, NATGW_NO_SESSION_RST_INTERNAL, NATGW_ON_EXHAUSTION_DROP },
		{ "p-azure", 50000, NATGW_NO_SESSION_RST_BOTH, NATGW_ON_EXHAUSTION_DROP },
		{ "p-gcp", 64512, NATGW_NO_SESSION_DROP, NATGW_ON_EXHAUSTION_DROP },
		{ "p-rfc", 64512, NATGW_NO_SESSION_DROP, NATGW_ON_EXHAUSTION_ICMP },
	};
	struct config *config = load("tests/config/good/profiles.yaml");

	(void)state;
	for (size_t i = 0; i < sizeof(want) / sizeof(want[0]); i++) {
		const struct config_gateway *gateway = config_find_gateway(config, want[i].name);

		assert_non_null(gateway);
		assert_int_equal(gateway->destination_ports, want[i].destination_ports);
		assert_int_equal(gateway->no_session, want[i].no_session);
		assert_int_equal(gateway->on_exhaustion, want[i].on_exhaustion);
	}
	config_free(config);
}

static void test_defaults(void **state)
{
	struct config *config = parse(HEAD TABLE GATEWAY(""));
	const struct config_gateway *gateway = &config->gateways[0];

	(void)state;
	assert_int_equal(config->rule_count, 0);
	assert_false(gateway->eip_random);
	assert_false(gateway->refresh_outbound);
	assert_int_equal(gateway->mapping, 0);
	assert_int_equal(gateway->drain_s, 350);
	assert_int_equal(gateway->sessions_max, 0);
	assert_int_equal(gateway->client_sessions_max, 0);
	assert_int_equal(gateway->client_ports_min, 0);
	assert_int_equal(gateway->client_ports_max, 0);
	assert_int_equal(gateway->rate.bits_per_second, 0);
	assert_int_equal(gateway->rate.packets_per_second, 0);
	assert_int_equal(gateway->client_rate.bits_per_second, 0);
	assert_int_equal(gateway->client_rate.packets_per_second, 0);
	config_free(config);
}

/* An eighth of the tables, wherever "limits" stands in the file; 0 is none, not the default. */
static void test_opening(void **state)
{
	static const struct {
		const char *text;
		uint32_t opening;
		bool by_default;
	} cases[] = {
		{ HEAD TABLE GATEWAY(""), 32768, true },
		{ HEAD TABLE GATEWAY("") "limits: {sessions: 80000}\n", 10000, true },
		{ HEAD TABLE GATEWAY(", max_half_open_per_client: 0"), 0, false },
		{ HEAD TABLE GATEWAY(", max_half_open_per_client: 77"), 77, false },
	};

	(void)state;
	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		struct config *config = parse(cases[i].text);

		assert_int_equal(config->gateways[0].client_opening_max, cases[i].opening);
		assert_int_equal(config->gateways[0].opening_by_default, cases[i].by_default);
		config_free(config);
	}
}

static void test_keys(void **state)
{
	struct config *config = load("tests/config/good/full.yaml");
	const struct config_gateway *gateway = &config->gateways[0];

	(void)state;
	assert_int_equal(gateway->destination_ports, 60000);
	assert_true(gateway->eip_random);
	assert_true(gateway->refresh_outbound);
	assert_int_equal(gateway->mapping, EIM);
	assert_int_equal(gateway->no_session, NATGW_NO_SESSION_RST_BOTH);
	assert_int_equal(gateway->on_exhaustion, NATGW_ON_EXHAUSTION_RST);
	assert_int_equal(gateway->drain_s, 600);
	assert_int_equal(gateway->sessions_max, 50000);
	assert_int_equal(gateway->client_sessions_max, 20000);
	assert_int_equal(gateway->client_opening_max, 1000);
	assert_int_equal(gateway->client_ports_min, 512);
	assert_int_equal(gateway->client_ports_max, 16384);
	assert_int_equal(gateway->rate.bits_per_second, 1000000000);
	assert_int_equal(gateway->rate.packets_per_second, 1000000);
	assert_int_equal(gateway->client_rate.bits_per_second, 100000000);
	assert_int_equal(gateway->client_rate.packets_per_second, 10000);
	assert_int_equal(gateway->timeout_s[NATGW_TIMER_HOLD_TCP_IDLE], 1);
	assert_int_equal(gateway->timeout_s[NATGW_TIMER_HOLD_ICMP], 2);
	config_free(config);
}

/* A profile's number of ports gives way to a smaller range; one that is written must fit. */
static void test_destination_ports(void **state)
{
	static const struct {
		const char *text;
		uint32_t ports;
	} cases[] = {
		{ HEAD TABLE GATEWAY(", profile: aws, port_range: 2000-2015"), 16 },
		{ HEAD TABLE GATEWAY(", port_range: 1024-56022, profile: aws"), 54999 },
		{ HEAD TABLE GATEWAY(", port_range: 1024-56024, profile: aws"), 55000 },
		{ HEAD TABLE GATEWAY(", port_range: 1-65535"), 65535 },
		{ HEAD TABLE GATEWAY(", destination_ports: 64512, profile: azure"), 64512 },
		{ HEAD TABLE GATEWAY(", destination_ports: 1, port_range: 7-7"), 1 },
	};

	(void)state;
	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		struct config *config = parse(cases[i].text);

		assert_int_equal(config->gateways[0].destination_ports, cases[i].ports);
		config_free(config);
	}
}

static void test_mapping(void **state)
{
	static const struct {
		const char *text;
		uint8_t mapping;
	} cases[] = {
		{ HEAD TABLE GATEWAY(", mapping: endpoint_independent"), EIM | EIF },
		{ HEAD TABLE GATEWAY(", filtering: address_and_port_dependent,"
				     " mapping: endpoint_independent"),
		  EIM },
		{ HEAD TABLE GATEWAY(", filtering: endpoint_independent,"
				     " mapping: endpoint_independent"),
		  EIM | EIF },
		{ HEAD TABLE GATEWAY(", filtering: address_and_port_dependent"), 0 },
	};

	(void)state;
	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		struct config *config = parse(cases[i].text);

		assert_int_equal(config->gateways[0].mapping, cases[i].mapping);
		config_free(config);
	}
}

static void test_print_rates(void **state)
{
	struct config *config = parse(HEAD TABLE GATEWAY(
		", rate_limit: {bits_per_second: 1500000000, packets_per_second: 1000000k}"
		", client_rate_limit: {bits_per_second: 12345, packets_per_second: 2000}"));
	_cleanup_free_ char *text = print(config);

	(void)state;
	assert_non_null(
		strstr(text, "    rate_limit: {bits_per_second: 1500M, packets_per_second: 1G}\n"));
	assert_non_null(strstr(
		text, "    client_rate_limit: {bits_per_second: 12345, packets_per_second: 2k}\n"));
	config_free(config);
}

/* ---- rules ---- */

static void test_rule_keys(void **state)
{
	struct config *config = load("tests/config/good/full.yaml");
	const struct config_rule *rule = &config->rules[0];

	(void)state;
	assert_int_equal(config->rule_count, 2);
	assert_string_equal(rule->gateway, "nat-a");
	assert_int_equal(ntohl(rule->from.addr), 0x0a000100);
	assert_int_equal(rule->from.len, 24);
	assert_int_equal(ntohl(rule->to.addr), 0xc6336400);
	assert_int_equal(rule->to.len, 24);
	assert_int_equal(rule->proto, IPPROTO_UDP);
	assert_int_equal(rule->port_first, 3478);
	assert_int_equal(rule->port_last, 3479);
	assert_int_equal(rule->timers, 1U << NATGW_TIMER_UDP_UNREPLIED |
					       1U << NATGW_TIMER_UDP_REPLIED |
					       1U << NATGW_TIMER_HOLD_UDP);
	assert_int_equal(rule->timeout_s[NATGW_TIMER_UDP_REPLIED], 600);
	assert_int_equal(rule->timeout_s[NATGW_TIMER_HOLD_UDP], 0);
	assert_int_equal(rule->mapping, EIM | EIF);
	rule = &config->rules[1];
	assert_string_equal(rule->gateway, "");
	assert_int_equal(rule->from.len, 0);
	assert_int_equal(rule->to.len, 0);
	assert_int_equal(rule->port_first, 5432);
	assert_int_equal(rule->port_last, 5432);
	assert_false(rule->has_mapping);
	assert_false(rule->has_filtering);
	config_free(config);
}

/* What a rule does not say is the gateway's, each gateway's own. */
static void test_rule_values(void **state)
{
	struct config *config = load("tests/config/good/full.yaml");
	const struct config_gateway *a = &config->gateways[0];
	const struct config_gateway *b = &config->gateways[1];
	const struct config_rule *first = &config->rules[0];
	const struct config_rule *second = &config->rules[1];

	(void)state;
	assert_true(config_rule_is_for(first, a));
	assert_false(config_rule_is_for(first, b));
	assert_true(config_rule_is_for(second, a));
	assert_true(config_rule_is_for(second, b));
	assert_int_equal(config_rule_timeout_s(first, a, NATGW_TIMER_HOLD_UDP), 0);
	assert_int_equal(config_rule_timeout_s(first, a, NATGW_TIMER_HOLD_FIN), 65);
	assert_int_equal(config_rule_timeout_s(second, b, NATGW_TIMER_TCP_ESTABLISHED), 7440);
	assert_int_equal(config_rule_timeout_s(second, a, NATGW_TIMER_HOLD_RST), 16);
	assert_int_equal(config_rule_timeout_s(second, b, NATGW_TIMER_HOLD_RST), 240);
	assert_int_equal(config_rule_mapping(second, a), EIM);
	assert_int_equal(config_rule_mapping(second, b), 0);
	config_free(config);
}

static void test_rule_mapping(void **state)
{
	struct config *config = load("tests/config/good/behaviour.yaml");
	const struct config_gateway *eim = config_find_gateway(config, "eim");

	(void)state;
	assert_int_equal(eim->mapping, EIM | EIF);
	assert_int_equal(config_rule_mapping(&config->rules[0], eim), 0);
	assert_int_equal(config_rule_mapping(&config->rules[1], eim), EIM);
	assert_int_equal(config_rule_mapping(&config->rules[2], eim), EIM | EIF);
	config_free(config);
}

/* Written as it was: a default that is a gateway's is not written out. */
static void test_print_rules(void **state)
{
	struct config *config = load("tests/config/good/full.yaml");
	_cleanup_free_ char *text = print(config);

	(void)state;
	assert_non_null(strstr(text, "rules:\n"
				     "  - session:\n"
				     "      gateway: nat-a\n"
				     "      from: 10.0.1.0/24\n"
				     "      to: 198.51.100.0/24\n"
				     "      protocol: udp\n"
				     "      port: 3478-3479\n"
				     "      timeouts:\n"
				     "        udp_unreplied: 60s\n"
				     "        udp: 600s\n"
				     "        hold_udp: 0s\n"
				     "      mapping: endpoint_independent\n"
				     "      filtering: endpoint_independent\n"
				     "  - session:\n"
				     "      from: 0.0.0.0/0\n"
				     "      to: 0.0.0.0/0\n"
				     "      protocol: tcp\n"
				     "      port: 5432\n"
				     "      timeouts:\n"
				     "        tcp_established: 7440s\n"
				     "one_to_one:"));
	config_free(config);
}

/* So many rules that the map has no room; each counts once for each of the two gateways. */
static void rules_text(unsigned int count, char **ret_text)
{
	size_t size = 0;
	FILE *stream = open_memstream(ret_text, &size);

	assert_non_null(stream);
	(void)fputs(HEAD TABLE "gateways: [{name: a, private_ip: 10.0.0.1, eips: [203.0.113.1]},"
			       " {name: b, private_ip: 10.0.0.2, eips: [203.0.113.2]}]\nrules:\n",
		    stream);
	for (unsigned int i = 0; i < count; i++) {
		(void)fprintf(stream, " - {session: {port: %u}}\n", i + 1);
	}
	assert_int_equal(fclose(stream), 0);
}

static void test_rule_room(void **state)
{
	_cleanup_fclose_ FILE *stream = NULL;
	_cleanup_free_ char *fits = NULL;
	_cleanup_free_ char *one_more = NULL;
	struct config_error error = { "" };
	struct config *config = NULL;

	(void)state;
	rules_text(CONFIG_RULE_ROWS_MAX / 2, &fits);
	config = parse(fits);
	assert_int_equal(config->rule_count, CONFIG_RULE_ROWS_MAX / 2);
	config_free(config);
	rules_text(CONFIG_RULE_ROWS_MAX / 2 + 1, &one_more);
	stream = fmemopen(one_more, strlen(one_more), "r");
	assert_non_null(stream);
	assert_int_equal(config_parse(stream, "test.yaml", &config, &error), -EINVAL);
	assert_string_equal(
		error.text,
		"test.yaml:260:14: too many rules; at most 511 fit, and a session rule without a gateway counts once for each gateway");
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_profiles),    cmocka_unit_test(test_defaults),
		cmocka_unit_test(test_opening),	    cmocka_unit_test(test_keys),
		cmocka_unit_test(test_mapping),	    cmocka_unit_test(test_destination_ports),
		cmocka_unit_test(test_print_rates), cmocka_unit_test(test_rule_keys),
		cmocka_unit_test(test_rule_values), cmocka_unit_test(test_rule_mapping),
		cmocka_unit_test(test_print_rules), cmocka_unit_test(test_rule_room),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
