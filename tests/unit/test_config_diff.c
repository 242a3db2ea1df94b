// SPDX-License-Identifier: GPL-2.0-only
/* What differs between two configs, object by object, what they can carry, what takes a restart. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>

#include <cmocka.h>
#include <stdlib.h>
#include <string.h>

#include "cleanup.h"
#include "config_diff.h"
#include "output_change.h"

#define HEAD "interfaces: {external: eth0, internal: eth1}\n"
#define GATEWAY(name, ip, keys) \
	"  - {name: " name ", private_ip: 10.0.0." ip ", eips: [203.0.113." ip "]" keys "}\n"
#define GATEWAYS "gateways:\n" GATEWAY("a", "1", "")
#define TABLES "route_tables:\n  - name: t\n    subnets: [10.1.0.0/16]\n    routes:\n"
#define DEFAULT "      - {to: 0.0.0.0/0, target: gateway:a}\n"
#define BASE HEAD GATEWAYS TABLES DEFAULT

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

static json_t *diff(const char *old_text, const char *new_text)
{
	struct config *old = parse(old_text);
	struct config *new = parse(new_text);
	json_t *rows = NULL;

	assert_int_equal(config_diff(old, new, &rows), 0);
	config_free(old);
	config_free(new);
	return rows;
}

/* The rows as natgwctl prints them. */
static char *text_of(const json_t *rows)
{
	json_t *answer =
		json_pack("{s:b, s:O, s:i}", "dry_run", 0, "changes", rows, "generation", 7);
	char *text = NULL;
	size_t size = 0;
	FILE *stream = open_memstream(&text, &size);

	assert_non_null(answer);
	assert_non_null(stream);
	assert_int_equal(output_change(answer, stream), 0);
	assert_int_equal(fclose(stream), 0);
	json_decref(answer);
	return text;
}

/* lines: those that are printed, in their order. */
static void check(const char *old, const char *new, const char *lines)
{
	json_t *rows = diff(old, new);
	_cleanup_free_ char *text = text_of(rows);
	char want[2048];

	(void)snprintf(want, sizeof(want), "%sapplied; generation 7\n", lines);
	assert_string_equal(text, want);
	json_decref(rows);
}

/* And the other way round. */
static void check_both(const char *old, const char *new, const char *lines, const char *back)
{
	check(old, new, lines);
	check(new, old, back);
}

/* ---- objects ---- */

static void test_nothing(void **state)
{
	(void)state;
	check(BASE, BASE, "no difference\n");
	/* Another spelling is no difference. */
	check(BASE,
	      HEAD
	      "gateways: [{name: a, private_ip: 10.0.0.1, eips: [203.0.113.1/32]}]\n" TABLES DEFAULT
	      "acl: []\n",
	      "no difference\n");
}

static void test_gateways(void **state)
{
	(void)state;
	check_both(
		BASE, HEAD GATEWAYS GATEWAY("b", "2", ", tags: {team: web}") TABLES DEFAULT,
		"+ gateway b: {private_ip: 10.0.0.2, type: public, mode: direct, profile: natgw, port_range: 1024-65535, tags: {team: web}}\n"
		"+ eip 203.0.113.2: {gateway: b, shared: false}\n",
		"- gateway b: {private_ip: 10.0.0.2, type: public, mode: direct, profile: natgw, port_range: 1024-65535, tags: {team: web}}\n"
		"- eip 203.0.113.2: {gateway: b, shared: false}\n");
	check_both(
		BASE,
		HEAD "gateways:\n" GATEWAY("a", "1", ", timeouts: {udp: 60s}, tags: {team: web}")
			TABLES DEFAULT,
		"~ gateway a timeouts.udp: 350s -> 60s\n~ gateway a tags: none -> {team: web}\n",
		"~ gateway a tags: {team: web} -> none\n~ gateway a timeouts.udp: 60s -> 350s\n");
}

static void test_eips(void **state)
{
	const char *more = HEAD
		"gateways: [{name: a, private_ip: 10.0.0.1, eips: [203.0.113.1-203.0.113.3]}]\n" TABLES
			DEFAULT;
	const char *two = HEAD GATEWAYS GATEWAY("b", "2", "") TABLES DEFAULT;
	const char *moved =
		HEAD "gateways:\n  - {name: a, private_ip: 10.0.0.1, eips: [203.0.113.2]}\n"
		     "  - {name: b, private_ip: 10.0.0.2, eips: [203.0.113.1]}\n" TABLES DEFAULT;

	(void)state;
	check_both(
		BASE, more,
		"+ eip 203.0.113.2: {gateway: a, shared: false}\n+ eip 203.0.113.3: {gateway: a, shared: false}\n",
		"- eip 203.0.113.2: {gateway: a, shared: false}\n- eip 203.0.113.3: {gateway: a, shared: false}\n");
	check(two, moved, "~ eip 203.0.113.1 gateway: a -> b\n~ eip 203.0.113.2 gateway: b -> a\n");
}

static void test_routes(void **state)
{
	const char *other = HEAD GATEWAYS TABLES "      - {to: 0.0.0.0/0, target: blackhole}\n"
						 "      - {to: 10.9.0.0/16, target: local}\n";
	const char *table = BASE
		"  - {name: u, subnets: [10.2.0.0/16], routes: [{to: 0.0.0.0/0, target: local}]}\n";

	(void)state;
	check_both(
		BASE, other,
		"~ route t 0.0.0.0/0 target: gateway:a -> blackhole\n+ route t 10.9.0.0/16: {to: 10.9.0.0/16, target: local}\n",
		"~ route t 0.0.0.0/0 target: blackhole -> gateway:a\n- route t 10.9.0.0/16: {to: 10.9.0.0/16, target: local}\n");
	check(BASE, table,
	      "+ route_table u: {name: u, main: false}\n+ subnet u 10.2.0.0/16\n"
	      "+ route u 0.0.0.0/0: {to: 0.0.0.0/0, target: local}\n");
}

static void test_lists(void **state)
{
	const char *one = BASE "one_to_one:\n  - {private: 10.1.0.5, public: 203.0.113.9}\n"
			       "port_forwards:\n  - {gateway: a, protocol: tcp, address: "
			       "203.0.113.1, port: 80, to: 10.1.0.6}\n"
			       "acl: [{deny: 192.0.2.0/24}]\n";
	const char *two = BASE "one_to_one:\n  - {private: 10.1.0.5, public: 203.0.113.8}\n"
			       "port_forwards:\n  - {gateway: a, protocol: tcp, address: "
			       "203.0.113.1, port: 80, to: 10.1.0.7}\n"
			       "acl: [{allow: 192.0.2.0/24}]\n";

	(void)state;
	check(one, two,
	      "~ mapping 10.1.0.5 public: 203.0.113.9 -> 203.0.113.8\n"
	      "~ forward tcp 203.0.113.1:80 to: 10.1.0.6:80 -> 10.1.0.7:80\n"
	      "~ acl 192.0.2.0/24 action: deny -> allow\n");
}

static void test_settings(void **state)
{
	(void)state;
	check(BASE, BASE "limits: {sessions: 100000}\nmetrics: {listen: off}\nreply_ping: true\n",
	      "~ gateway a max_half_open_per_client: 32768 -> 12500\n"
	      "~ limits sessions: 262144 -> 100000\n"
	      "~ setting reply_ping value: false -> true\n"
	      "~ setting metrics listen: 127.0.0.1:9464 -> off\n");
}

/* ---- rules ---- */

#define RULE(port) "  - {session: {port: " port "}}\n"
#define RULE_TEXT(port) \
	"{session: {from: 0.0.0.0/0, to: 0.0.0.0/0, protocol: any, port: " port "}}\n"

static void test_rules(void **state)
{
	(void)state;
	check_both(BASE "rules:\n" RULE("1") RULE("2") RULE("3"),
		   BASE "rules:\n" RULE("1") RULE("3"), "- rule 2: " RULE_TEXT("2"),
		   "+ rule 2: " RULE_TEXT("2"));
	check(BASE "rules:\n" RULE("1") RULE("2"), BASE "rules:\n" RULE("4") RULE("1") RULE("2"),
	      "+ rule 1: " RULE_TEXT("4"));
	check(BASE "rules:\n" RULE("1") RULE("2"), BASE "rules:\n" RULE("2") RULE("1"),
	      "~ rule order order: [2, 1] -> [1, 2]\n");
	/* The same rule twice, then once. */
	check(BASE "rules:\n" RULE("1") RULE("1"), BASE "rules:\n" RULE("1"),
	      "- rule 2: " RULE_TEXT("1"));
}

/* ---- capacity ---- */

static json_int_t number(const json_t *row, const char *side, const char *key)
{
	return json_integer_value(json_object_get(json_object_get(row, side), key));
}

static void test_capacity(void **state)
{
	struct config *old = parse(BASE);
	struct config *new = parse(
		HEAD
		"gateways:\n"
		"  - {name: b, private_ip: 10.0.0.2, eips: [203.0.113.8/30], port_range: 1024-2047,"
		" destination_ports: 100}\n" TABLES "      - {to: 0.0.0.0/0, target: gateway:b}\n"
		"rules:\n  - {snat: {gateway: b, eips: [203.0.113.20, 203.0.113.21]}}\n");
	json_t *rows = NULL;
	const json_t *row;

	(void)state;
	assert_int_equal(config_diff_capacity(old, new, &rows), 0);
	assert_int_equal(json_array_size(rows), 3);
	row = json_array_get(rows, 0);
	assert_string_equal(json_string_value(json_object_get(row, "gateway")), "a");
	assert_int_equal(number(row, "before", "ports_per_protocol"), 64512);
	assert_true(json_is_null(json_object_get(row, "after")));
	row = json_array_get(rows, 1);
	assert_true(json_is_null(json_object_get(row, "before")));
	assert_int_equal(number(row, "after", "eips"), 6);
	assert_int_equal(number(row, "after", "ports_per_protocol"), 6 * 1024);
	assert_int_equal(number(row, "after", "sessions_to_one_destination"), 600);
	row = json_array_get(rows, 2);
	assert_null(json_object_get(row, "gateway"));
	assert_int_equal(number(row, "before", "eips"), 1);
	assert_int_equal(number(row, "after", "eips"), 6);
	json_decref(rows);
	config_free(old);
	config_free(new);
}

/* ---- restart ---- */

static void add_key(const char *key, void *text)
{
	(void)strncat(text, key, 100);
	(void)strncat(text, " ", 2);
}

static void check_restart(const char *new_text, const char *keys)
{
	struct config *old = parse(BASE);
	struct config *new = parse(new_text);
	char text[512] = "";

	config_diff_restart(old, new, add_key, text);
	assert_string_equal(text, keys);
	config_free(old);
	config_free(new);
}

static void test_restart(void **state)
{
	(void)state;
	check_restart(BASE "reply_ping: true\n", "");
	check_restart(BASE "attach: tc\nlimits: {sessions: 100000}\npin_path: /sys/fs/bpf/other\n"
			   "metrics: {listen: off}\ncontrol: {group: other}\n",
		      "attach limits.sessions pin_path metrics.listen control ");
	check_restart("interfaces: {external: eth0, internal: eth2}\n" GATEWAYS TABLES DEFAULT,
		      "interfaces ");
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_nothing), cmocka_unit_test(test_gateways),
		cmocka_unit_test(test_eips),	cmocka_unit_test(test_routes),
		cmocka_unit_test(test_lists),	cmocka_unit_test(test_settings),
		cmocka_unit_test(test_rules),	cmocka_unit_test(test_capacity),
		cmocka_unit_test(test_restart),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
