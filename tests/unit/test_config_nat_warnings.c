/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * Warnings about what is translated, word for word: a configuration has the one that stands beside
 * it and no other. Each is printed and read again, too.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>

#include <cmocka.h>
#include <errno.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include "cleanup.h"
#include "config.h"

#define HEAD "interfaces: {external: eth0, internal: eth1}\n"
#define GATEWAY(keys) "gateways: [{name: a, private_ip: 10.0.0.1, eips: [203.0.113.1]" keys "}]\n"
#define TABLE                                              \
	"route_tables: [{name: t, subnets: [10.0.1.0/24]," \
	" routes: [{to: 0.0.0.0/0, target: gateway:a}]}]\n"
#define TWO                                                        \
	"gateways:\n"                                              \
	"- {name: a, private_ip: 10.0.0.1, eips: [203.0.113.1]}\n" \
	"- {name: b, private_ip: 10.0.0.2, eips: [203.0.113.2]}\n"
#define STAGED "gateways: [{name: a, private_ip: 10.0.0.1, mode: two-stage, eips: [10.0.0.9]}]\n"
#define COUNT(table) (sizeof(table) / sizeof((table)[0]))

struct warning {
	const char *text;
	const char *want; /* NULL: none */
};

static const struct warning warnings[] = {
	/* ---- nothing to say ---- */
	{ HEAD GATEWAY(
		  ", route_table: o") "route_tables:\n"
				      "- {name: t, subnets: [10.0.1.0/24], routes: [{to: 0.0.0.0/0, target: gateway:a}]}\n"
				      "- {name: o, routes: [{to: 0.0.0.0/0, target: internet}]}\n"
				      "local: [198.51.100.0/24]\n",
	  NULL },
	{ HEAD GATEWAY(
		  ", route_table: o, allow_nat_to: [interface]") "route_tables:\n"
								 "- {name: t, subnets: [10.0.1.0/24], routes: [{to: 0.0.0.0/0, target: gateway:a}]}\n"
								 "- {name: o, routes: [{to: 0.0.0.0/0, target: interface:wg0}]}\n",
	  NULL },
	{ HEAD GATEWAY(", default_snat: off") TABLE "rules:\n"
						    "- {snat: {eips: [203.0.113.1]}}\n",
	  NULL },
	{ HEAD GATEWAY(", default_snat: off") TABLE
	  "one_to_one: [{private: 10.0.1.5, public: 203.0.113.9}]\n",
	  NULL },
	{ HEAD STAGED TABLE "one_to_one: [{private: 10.0.0.9, public: 203.0.113.9}]\n", NULL },
	{ HEAD GATEWAY("") TABLE
	  "rules:\n"
	  "- {dnat: {protocol: tcp, port: 1, to_port: 3, mark: 65}}\n"
	  "- {dnat: {protocol: tcp, port: 2, to_port: 3, mark: 65, shared_mark: true}}\n",
	  NULL },
	{ HEAD GATEWAY("") TABLE "rules:\n"
				 "- {dnat: {protocol: tcp, port: 1, mark: 65}}\n"
				 "- {snat: {mark: 65, eips: [203.0.113.2]}}\n",
	  NULL },
	{ HEAD GATEWAY("") TABLE "rules:\n"
				 "- {snat: {port: 22, eips: [203.0.113.2]}}\n"
				 "- {no_nat: {}}\n"
				 "- {session: {protocol: tcp}}\n"
				 "- {dnat: {protocol: tcp, port: 22, to_port: 2222}}\n",
	  NULL },
	{ HEAD TWO
	  "route_tables:\n"
	  "- {name: t, subnets: [10.0.1.0/24], routes: [{to: 0.0.0.0/0, target: gateway:a}, {to: 192.0.2.0/24, target: gateway:b}]}\n"
	  "rules:\n"
	  "- {dnat: {gateway: a, protocol: tcp, port: 1, to_port: 3, mark: 65}}\n"
	  "- {dnat: {gateway: b, protocol: tcp, port: 1, to_port: 4, mark: 65}}\n",
	  NULL },
	{ HEAD GATEWAY("") TABLE "acl: [{allow: 198.51.100.7/32}, {deny: 198.51.100.0/24}]\n",
	  NULL },
	{ HEAD GATEWAY("") TABLE "internal_prefixes: [10.0.1.0/25]\n", NULL },
	{ HEAD
	  "gateways: [{name: a, private_ip: 10.0.0.1, type: private, eips: [100.64.0.1, 100.127.255.255, 172.31.255.255]}]\n" TABLE,
	  NULL },
	/* ---- addresses ---- */
	{ HEAD
	  "gateways: [{name: a, private_ip: 10.0.0.1, eips: [203.0.113.1, 192.168.8.10]}]\n" TABLE,
	  "test.yaml:2:50: gateway \"a\" is of type public and translates to 192.168.8.10, which no route on the internet leads to; write type: private, or mode: two-stage with a public address for it in one_to_one" },
	{ HEAD
	  "gateways: [{name: a, private_ip: 10.0.0.1, type: private, eips: [172.32.0.1]}]\n" TABLE,
	  "test.yaml:2:65: gateway \"a\" is of type private and translates to 172.32.0.1, which is not a private address; write type: public, or take it out" },
	{ HEAD
	  "gateways: [{name: a, private_ip: 10.0.0.1, type: private, eips: [100.128.0.1]}]\n" TABLE,
	  "test.yaml:2:65: gateway \"a\" is of type private and translates to 100.128.0.1, which is not a private address; write type: public, or take it out" },
	{ HEAD STAGED TABLE "one_to_one: [{private: 10.0.0.9, public: 10.9.9.9}]\n",
	  "test.yaml:2:67: gateway \"a\" is of type public and translates to 10.9.9.9, which no route on the internet leads to; write type: private, or mode: two-stage with a public address for it in one_to_one" },
	{ HEAD
	  "gateways: [{name: a, private_ip: 10.0.0.1, mode: two-stage, eips: [203.0.113.9]}]\n" TABLE
	  "one_to_one: [{private: 203.0.113.9, public: 203.0.113.10}]\n",
	  "test.yaml:2:67: gateway \"a\" is in mode two-stage, and its EIP 203.0.113.9 is not a private address; its public address belongs in one_to_one" },
	{ HEAD GATEWAY("") TABLE "rules:\n"
				 "- {snat: {eips: [192.168.8.10]}}\n",
	  "test.yaml:5:10: gateway \"a\" is of type public and translates to 192.168.8.10, which no route on the internet leads to; write type: private, or mode: two-stage with a public address for it in one_to_one" },
	/* ---- gateways ---- */
	{ HEAD GATEWAY(", default_snat: off") TABLE,
	  "test.yaml:2:12: gateway \"a\": default_snat is off and no snat rule is for it, so it translates nothing that clients begin" },
	{ HEAD GATEWAY(", allow_nat_to: [vpn]") TABLE,
	  "test.yaml:2:12: gateway \"a\": allow_nat_to has no effect without a route_table, since then every destination is the internet" },
	{ HEAD GATEWAY(
		  ", route_table: o") "route_tables:\n"
				      "- {name: t, subnets: [10.0.1.0/24], routes: [{to: 0.0.0.0/0, target: gateway:a}]}\n"
				      "- {name: o}\n",
	  "test.yaml:2:78: gateway \"a\": no route of its route_table \"o\" leads out, so it drops everything; add {to: 0.0.0.0/0, target: internet}" },
	{ HEAD GATEWAY(
		  ", route_table: o, allow_nat_to: [local]") "route_tables:\n"
							     "- {name: t, subnets: [10.0.1.0/24], routes: [{to: 0.0.0.0/0, target: gateway:a}]}\n"
							     "- {name: o, routes: [{to: 0.0.0.0/0, target: interface:wg0}]}\n",
	  "test.yaml:2:78: gateway \"a\": no route of its route_table \"o\" leads out, so it drops everything; add {to: 0.0.0.0/0, target: internet}" },
	/* ---- tables and prefixes ---- */
	{ HEAD GATEWAY(
		  "") "route_tables:\n"
		      "- {name: t, subnets: [10.0.1.0/24], routes: [{to: 0.0.0.0/0, target: gateway:a}, {to: 198.51.100.0/24, target: blackhole}]}\n"
		      "local: [198.51.100.0/24]\n",
	  "test.yaml:4:82: route table \"t\": this route has no effect: its prefix is in the list local, and that comes first" },
	{ HEAD GATEWAY(
		  "") "route_tables:\n"
		      "- {name: t, subnets: [10.0.1.0/24], routes: [{to: 0.0.0.0/0, target: gateway:a}]}\n"
		      "- {name: m, main: true}\n",
	  "test.yaml:5:3: route table \"m\" is the main one, and internal_prefixes has none that is left for it, so it has no effect" },
	{ HEAD GATEWAY(
		  "") "route_tables:\n"
		      "- {name: t, subnets: [10.0.1.0/24], routes: [{to: 0.0.0.0/0, target: gateway:a}]}\n"
		      "- {name: m, main: true}\n"
		      "internal_prefixes: [10.0.1.0/24]\n",
	  "test.yaml:5:3: route table \"m\" is the main one, and internal_prefixes has none that is left for it, so it has no effect" },
	{ HEAD GATEWAY("") TABLE "internal_prefixes: [10.0.1.0/24, 10.0.2.0/24]\n",
	  "test.yaml:4:20: internal prefix 10.0.2.0/24 is in no route table and there is no main one, so its hosts go nowhere; write main: true in a table, or add it to the subnets of one" },
	{ HEAD GATEWAY("") TABLE "internal_prefixes: [10.0.0.0/23]\n",
	  "test.yaml:4:20: internal prefix 10.0.0.0/23 is in no route table and there is no main one, so its hosts go nowhere; write main: true in a table, or add it to the subnets of one" },
	/* ---- rules ---- */
	{ HEAD GATEWAY("") TABLE "rules:\n"
				 "- {snat: {mark: 65, eips: [203.0.113.2]}}\n",
	  "test.yaml:5:10: this rule has no effect: no dnat rule at its gateway sets mark 65" },
	{ HEAD TWO
	  "route_tables:\n"
	  "- {name: t, subnets: [10.0.1.0/24], routes: [{to: 0.0.0.0/0, target: gateway:a}, {to: 192.0.2.0/24, target: gateway:b}]}\n"
	  "rules:\n"
	  "- {dnat: {gateway: b, protocol: tcp, port: 1, to_port: 3, mark: 65}}\n"
	  "- {snat: {gateway: a, mark: 65, eips: [203.0.113.3]}}\n",
	  "test.yaml:9:10: this rule has no effect: no dnat rule at its gateway sets mark 65" },
	{ HEAD GATEWAY("") TABLE "rules:\n"
				 "- {dnat: {protocol: tcp, port: 1, to_port: 3, mark: 65}}\n"
				 "- {dnat: {protocol: tcp, port: 2, to_port: 3, mark: 65}}\n",
	  "test.yaml:6:10: mark 65 is set by the dnat rule in line 5 too, with the same to_port; write shared_mark: true if that is meant" },
	{ HEAD GATEWAY("") TABLE "rules:\n"
				 "- {dnat: {protocol: udp, port: 53, mark: 65}}\n",
	  "test.yaml:5:10: this rule has no effect: it changes no port, and no snat rule asks for mark 65" },
	{ HEAD GATEWAY("") TABLE
	  "rules:\n"
	  "- {dnat: {from: 10.9.0.0/16, protocol: tcp, port: 1, to_port: 3}}\n",
	  "test.yaml:5:10: this rule has no effect: no subnet of a route table has a client in its \"from\"" },
	{ HEAD GATEWAY("") TABLE "rules:\n"
				 "- {dnat: {protocol: tcp, port: 1-9, to_port: 3}}\n"
				 "- {dnat: {protocol: tcp, port: 9, to_port: 4}}\n",
	  "test.yaml:6:10: this rule has no effect: the one in line 5 comes first and takes all of its sessions" },
	{ HEAD GATEWAY("") TABLE "rules:\n"
				 "- {no_nat: {to: 198.51.100.0/24}}\n"
				 "- {snat: {to: 198.51.100.7/32, eips: [203.0.113.2]}}\n",
	  "test.yaml:6:10: this rule has no effect: the one in line 5 comes first and takes all of its sessions" },
	{ HEAD GATEWAY("") TABLE "rules:\n"
				 "- {snat: {eips: [203.0.113.2]}}\n"
				 "- {no_nat: {gateway: a, from: 10.0.1.7/32}}\n",
	  "test.yaml:6:12: this rule has no effect: the one in line 5 comes first and takes all of its sessions" },
	{ HEAD GATEWAY("") TABLE "rules:\n"
				 "- {dnat: {protocol: tcp, port: 1, to_port: 3, mark: 65}}\n"
				 "- {snat: {eips: [203.0.113.2]}}\n"
				 "- {snat: {mark: 65, eips: [203.0.113.3]}}\n",
	  "test.yaml:7:10: this rule has no effect: the one in line 6 comes first and takes all of its sessions" },
	/* ---- access list ---- */
	{ HEAD GATEWAY("") TABLE "acl: [{allow: 198.51.100.0/24}, {deny: 198.51.100.0/25}]\n",
	  "test.yaml:4:7: acl: allow 198.51.100.0/24 has no effect: no deny has a prefix around it, and what is not denied is allowed" },
	/* ---- sessions ---- */
	{ HEAD GATEWAY("") TABLE "rules:\n"
				 "- {snat: {port: 1, eips: [203.0.113.2-203.0.113.4]}}\n"
				 "- {snat: {port: 2, eips: [203.0.113.2-203.0.113.4]}}\n"
				 "- {snat: {port: 3, eips: [203.0.113.1]}}\n",
	  NULL },
	{ HEAD GATEWAY("") TABLE "rules:\n"
				 "- {snat: {port: 1, eips: [203.0.113.2-203.0.113.5]}}\n",
	  "test.yaml:1:1: limits: 262144 sessions are fewer than the 322560 ports that the EIPs have to one destination; new sessions are refused as session_table_full before the ports are used up, so write more sessions (at most 16777216) or name fewer EIPs" },
};

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

static void check_round_trip(const struct config *config)
{
	_cleanup_free_ char *first = print(config);
	struct config *again = parse(first);
	_cleanup_free_ char *second = print(again);

	assert_string_equal(first, second);
	config_free(again);
}

static void take(const char *text, void *arg)
{
	struct warning *warning = arg;

	assert_null(strchr(text, '\n'));
	if (!warning->want) {
		fail_msg("one more than expected: %s", text);
	}
	assert_string_equal(text, warning->want);
	warning->want = NULL;
}

static void check_warning(const struct warning *warning)
{
	struct config *config = parse(warning->text);
	struct warning left = *warning;

	check_round_trip(config);
	config_warnings(config, take, &left);
	if (left.want) {
		fail_msg("missing: %s", left.want);
	}
	config_free(config);
}

static void test_warnings(void **state)
{
	(void)state;
	for (size_t i = 0; i < COUNT(warnings); i++) {
		check_warning(&warnings[i]);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_warnings),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
