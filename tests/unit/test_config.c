/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * The configuration: every file of tests/config/bad gives the error that its first line names,
 * every file of tests/config/good is read, printed and read again with the same result. Run from
 * the root of the repository.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>

#include <arpa/inet.h>
#include <cmocka.h>
#include <dirent.h>
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "cleanup.h"
#include "config.h"

#define GOOD "tests/config/good"
#define BAD "tests/config/bad"

#define HEAD "interfaces: {external: eth0, internal: eth1}\n"
#define GATEWAY "gateways: [{name: a, private_ip: 10.0.0.1, eips: [203.0.113.1]}]\n"
#define TABLE "route_tables: [{name: t, subnets: [10.0.0.0/8]}]\n"

/* ---- helpers ---- */

static int parse_bytes(const char *text, size_t size, struct config **ret_config,
		       struct config_error *ret_error)
{
	_cleanup_fclose_ FILE *stream = tmpfile();

	assert_non_null(stream);
	assert_int_equal(fwrite(text, 1, size, stream), size);
	rewind(stream);
	return config_parse(stream, "test.yaml", ret_config, ret_error);
}

static struct config *parse_ok(const char *text)
{
	struct config_error error = { "" };
	struct config *config = NULL;

	if (parse_bytes(text, strlen(text), &config, &error)) {
		fail_msg("%s", error.text);
	}
	return config;
}

static void check_error(const char *text, size_t size, const char *want)
{
	static struct config untouched;
	struct config *config = &untouched;
	struct config_error error = { "" };

	assert_int_equal(parse_bytes(text, size, &config, &error), -EINVAL);
	assert_ptr_equal(config, &untouched);
	if (strncmp(error.text, want, strlen(want)) != 0) {
		fail_msg("\"%s\" does not begin with \"%s\"", error.text, want);
	}
}

static struct config *load_ok(const char *path)
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
	struct config *again = parse_ok(first);
	_cleanup_free_ char *second = print(again);

	assert_string_equal(first, second);
	config_free(again);
}

/* Calls check for every *.yaml of a folder with its path and first line; how many there were. */
static unsigned int each_file(const char *folder, void (*check)(const char *path, char *line))
{
	DIR *dir = opendir(folder);
	unsigned int count = 0;

	assert_non_null(dir);
	for (const struct dirent *entry = readdir(dir); entry; entry = readdir(dir)) {
		const char *dot = strrchr(entry->d_name, '.');
		_cleanup_fclose_ FILE *stream = NULL;
		char line[512] = "";
		char path[512];

		if (!dot || strcmp(dot, ".yaml") != 0) {
			continue;
		}
		(void)snprintf(path, sizeof(path), "%s/%s", folder, entry->d_name);
		stream = fopen(path, "re");
		assert_non_null(stream);
		assert_non_null(fgets(line, sizeof(line), stream));
		line[strcspn(line, "\n")] = '\0';
		check(path, line);
		count++;
	}
	closedir(dir);
	return count;
}

/* ---- files ---- */

/* "# expect: LINE:COLUMN: part of the message" */
static void check_bad_file(const char *path, char *line)
{
	static const char mark[] = "# expect: ";
	struct config_error error = { "" };
	struct config *config = NULL;
	char place[600];
	char *message;

	if (strncmp(line, mark, sizeof(mark) - 1) != 0) {
		fail_msg("%s: the first line does not say what to expect", path);
	}
	line += sizeof(mark) - 1;
	message = strstr(line, ": ");
	assert_non_null(message);
	*message = '\0';
	message += 2;
	(void)snprintf(place, sizeof(place), "%s:%s: ", path, line);
	assert_int_equal(config_load(path, &config, &error), -EINVAL);
	assert_null(config);
	if (strncmp(error.text, place, strlen(place)) != 0 || !strstr(error.text, message)) {
		fail_msg("want \"%s%s\", got \"%s\"", place, message, error.text);
	}
	assert_null(strchr(error.text, '\n'));
}

static void test_bad_files(void **state)
{
	(void)state;
	assert_true(each_file(BAD, check_bad_file) >= 190);
}

static void count_warning(const char *text, void *arg)
{
	unsigned int *count = arg;

	assert_null(strchr(text, '\n'));
	assert_ptr_equal(strstr(text, GOOD), text);
	(*count)++;
}

/* "# expect-warnings: N", or nothing */
static void check_good_file(const char *path, char *line)
{
	static const char mark[] = "# expect-warnings: ";
	struct config *config = load_ok(path);
	unsigned int warnings = 0;

	check_round_trip(config);
	config_warnings(config, count_warning, &warnings);
	if (strncmp(line, mark, sizeof(mark) - 1) == 0) {
		assert_int_equal(warnings, strtoul(line + sizeof(mark) - 1, NULL, 10));
	}
	config_free(config);
}

static void test_good_files(void **state)
{
	(void)state;
	assert_true(each_file(GOOD, check_good_file) >= 10);
}

static void check_full_gateways(const struct config *config)
{
	const struct config_gateway *a = &config->gateways[0];
	const struct config_gateway *b = config_find_gateway(config, "nat-b");

	assert_int_equal(config->gateway_count, 2);
	assert_ptr_equal(b, &config->gateways[1]);
	assert_null(config_find_gateway(config, "nat-c"));
	assert_int_equal(ntohl(a->private_ip), 0x0a0000e2);
	assert_int_equal(a->eip_count, 1 + 8 + 16);
	assert_int_equal(ntohl(a->eips[0]), 0xcb00710a);
	assert_int_equal(ntohl(a->eips[8]), 0xcb007117);
	assert_int_equal(ntohl(a->eips[24]), 0xc633640f);
	assert_int_equal(a->place.line, 7);
	assert_string_equal(b->profile, "rfc");
	assert_int_equal(b->timeout_s[NATGW_TIMER_TCP_ESTABLISHED], 10800);
	assert_int_equal(b->timeout_s[NATGW_TIMER_TCP_HALF_OPEN], 240);
}

static void check_full_tables(const struct config *config)
{
	const struct config_route_table *table = &config->tables[0];

	assert_int_equal(config->table_count, 2);
	assert_int_equal(table->subnet_count, 2);
	assert_int_equal(ntohl(table->subnets[1].addr), 0x0a000200);
	assert_int_equal(table->subnets[1].len, 23);
	assert_int_equal(table->route_count, 4);
	assert_int_equal(table->routes[0].target, NATGW_TARGET_GATEWAY);
	assert_string_equal(table->routes[0].name, "nat-a");
	assert_int_equal(table->routes[1].target, NATGW_TARGET_INTERFACE);
	assert_string_equal(table->routes[1].name, "wg0");
	assert_int_equal(table->routes[2].target, NATGW_TARGET_LOCAL);
	assert_int_equal(table->routes[3].target, NATGW_TARGET_BLACKHOLE);
	assert_int_equal(table->routes[3].origin, NATGW_ORIGIN_STATIC);
	assert_int_equal(table->routes[3].place.line, 43);
}

static void test_full(void **state)
{
	struct config *config = load_ok(GOOD "/full.yaml");

	(void)state;
	assert_string_equal(config->file, GOOD "/full.yaml");
	assert_int_equal(config->interface_count, 3);
	assert_int_equal(config->interfaces[2].flags, NATGW_IFACE_INTERNAL);
	assert_int_equal(config->interfaces[2].place.line, 4);
	assert_int_equal(config->interfaces[2].place.column, 20);
	assert_int_equal(config->attach, CONFIG_ATTACH_XDP);
	check_full_gateways(config);
	check_full_tables(config);
	assert_int_equal(config->sessions, 65536);
	assert_true(config->fail_open);
	assert_true(config->reply_ping);
	config_free(config);
}

static void test_defaults(void **state)
{
	struct config *config = load_ok(GOOD "/minimal.yaml");

	(void)state;
	assert_int_equal(config->attach, CONFIG_ATTACH_AUTO);
	assert_string_equal(config->gateways[0].profile, "natgw");
	assert_int_equal(config->gateways[0].port_first, 1024);
	assert_int_equal(config->gateways[0].port_last, 65535);
	assert_int_equal(config->sessions, 262144);
	assert_int_equal(config->mark, 0x20000000);
	assert_false(config->fail_open);
	assert_false(config->reply_ping);
	assert_string_equal(config->metrics_addr, "127.0.0.1");
	assert_int_equal(config->metrics_port, 9464);
	assert_string_equal(config->control_socket, "/run/natgw/control.sock");
	assert_string_equal(config->control_group, "natgw");
	assert_string_equal(config->pin_path, "/sys/fs/bpf/natgw");
	config_free(config);
}

static void test_profiles(void **state)
{
	static const struct {
		const char *name;
		uint32_t timeout_s[NATGW_TIMER_COUNT];
	} want[] = {
		{ "p-natgw", { 30, 350, 30, 350, 60, 65, 16, 30, 65, 0, 0 } },
		{ "p-aws", { 30, 350, 350, 350, 60, 60, 60, 30, 0, 0, 0 } },
		{ "p-azure", { 30, 240, 240, 240, 60, 65, 16, 30, 65, 0, 0 } },
		{ "p-gcp", { 30, 1200, 30, 30, 30, 120, 30, 30, 0, 0, 0 } },
		{ "p-rfc", { 240, 7440, 120, 300, 60, 120, 240, 120, 120, 0, 0 } },
		{ "mixed", { 240, 7440, 120, 7200, 1, 120, 240, 120, 0, 86400, 5 } },
	};
	struct config *config = load_ok(GOOD "/profiles.yaml");

	(void)state;
	for (size_t i = 0; i < sizeof(want) / sizeof(want[0]); i++) {
		const struct config_gateway *gateway = config_find_gateway(config, want[i].name);

		assert_non_null(gateway);
		assert_memory_equal(gateway->timeout_s, want[i].timeout_s,
				    sizeof(gateway->timeout_s));
	}
	config_free(config);
}

static void test_variants(void **state)
{
	struct config *config = load_ok(GOOD "/one_armed.yaml");

	(void)state;
	assert_int_equal(config->interface_count, 2);
	assert_string_equal(config->interfaces[0].name, "eth0");
	assert_int_equal(config->interfaces[0].flags, NATGW_IFACE_EXTERNAL | NATGW_IFACE_INTERNAL);
	assert_int_equal(config->interfaces[1].flags, NATGW_IFACE_INTERNAL);
	config_free(config);
	config = load_ok(GOOD "/listen_off.yaml");
	assert_string_equal(config->metrics_addr, "");
	assert_int_equal(config->metrics_port, 0);
	assert_true(config->reply_ping);
	assert_int_equal(config->attach, CONFIG_ATTACH_XDP_SHARED);
	config_free(config);
}

/* ---- texts that no file can hold well ---- */

static void test_bytes(void **state)
{
	static const char bad_utf8[] = HEAD "attach: \xff\xfe\n";
	static const char nul[] = HEAD "attach: a\0b\n";

	(void)state;
	check_error("", 0, "test.yaml:1:1: the file is empty; it needs interfaces, gateways");
	check_error(" \n", 2, "test.yaml:1:1: the file is empty");
	check_error("---\n...\n", 8, "test.yaml:");
	check_error(bad_utf8, sizeof(bad_utf8) - 1, "test.yaml:");
	check_error(nul, sizeof(nul) - 1, "test.yaml:");
	/* What is quoted in a message cannot break its line. */
	check_error(HEAD "\"a\\nb\": 1\n", strlen(HEAD "\"a\\nb\": 1\n"),
		    "test.yaml:2:1: a character that is not printable ASCII");
}

/* A whole configuration that goes on in a comment, up to the longest file and one byte beyond. */
static void test_size(void **state)
{
	static const char start[] = HEAD GATEWAY TABLE "#";
	static char text[CONFIG_FILE_MAX + 1];
	struct config_error error = { "" };
	struct config *config = NULL;

	(void)state;
	memset(text, 'x', sizeof(text));
	memcpy(text, start, sizeof(start) - 1);
	assert_int_equal(parse_bytes(text, CONFIG_FILE_MAX, &config, &error), 0);
	config_free(config);
	check_error(text, CONFIG_FILE_MAX + 1,
		    "test.yaml:1:1: the file is longer than 1048576 bytes");
}

/* Aliases make more routes than the map has rows out of a file that is small enough. */
static void test_route_rows(void **state)
{
	_cleanup_free_ char *text = NULL;
	size_t size = 0;
	FILE *stream = open_memstream(&text, &size);

	(void)state;
	assert_non_null(stream);
	(void)fputs(HEAD GATEWAY
		    "route_tables:\n - {name: a, subnets: [10.0.0.0/8], routes: &r [\n",
		    stream);
	for (unsigned int i = 0; i < 22000; i++) {
		(void)fprintf(stream, "{to: 1.%u.%u.%u/32, target: local},\n", i >> 16,
			      i >> 8 & 255, i & 255);
	}
	(void)fputs("]}\n - {name: b, subnets: [11.0.0.0/8], routes: *r}\n", stream);
	(void)fputs(" - {name: c, subnets: [12.0.0.0/8], routes: *r}\n", stream);
	assert_int_equal(fclose(stream), 0);
	assert_in_range(size, 1, CONFIG_FILE_MAX);
	check_error(text, size, "test.yaml:4:2: 66009 routes, with the local one of each subnet");
}

/* 256 EIPs, no two of them neighbours: the longest list of EIPs there is. */
static void test_many_eips(void **state)
{
	_cleanup_free_ char *text = NULL;
	size_t size = 0;
	FILE *stream = open_memstream(&text, &size);
	struct config *config;

	(void)state;
	assert_non_null(stream);
	(void)fputs(HEAD TABLE "gateways: [{name: a, private_ip: 10.0.0.1, eips: [", stream);
	for (unsigned int i = 0; i < 256; i++) {
		(void)fprintf(stream, "%s198.18.%u.%u", i ? ", " : "", i / 100, i % 100 * 2);
	}
	(void)fputs("]}]\n", stream);
	assert_int_equal(fclose(stream), 0);
	config = parse_ok(text);
	assert_int_equal(config->gateways[0].eip_count, 256);
	check_round_trip(config);
	config_free(config);
}

/* Neighbours become a range wherever they came from; the order of the file stays. */
static void test_print_eips(void **state)
{
	static const char text[] = HEAD TABLE
		"gateways: [{name: a, private_ip: 10.0.0.1, eips: [203.0.113.4/31, 203.0.113.6,"
		" 203.0.113.9, 203.0.113.8, 198.51.100.255-198.51.101.1]}]\n";
	struct config *config = parse_ok(text);
	_cleanup_free_ char *printed = print(config);

	(void)state;
	assert_non_null(strstr(printed, "eips: [203.0.113.4-203.0.113.6, 203.0.113.9, 203.0.113.8, "
					"198.51.100.255-198.51.101.1]\n"));
	config_free(config);
}

/* Cut off or with a byte changed at every step, a file is read or refused with a message, never
 * worse. */
static void damage(const char *path, size_t step)
{
	static const char bytes[] = { '\0', '\t', '\n', '*', '&', '!', '{', ']', '"', ':', '\xff' };
	struct config *config = load_ok(path);
	_cleanup_free_ char *text = print(config);
	size_t size = strlen(text);

	config_free(config);
	assert_true(size > 0);
	for (size_t i = 0; i < 2 * size; i += step) {
		struct config_error error = { "" };
		size_t at = i % size;
		char kept = text[at];

		config = NULL;
		text[at] = bytes[i % sizeof(bytes)];
		if (parse_bytes(text, i < size ? at + 1 : size, &config, &error)) {
			assert_null(config);
			assert_ptr_equal(strstr(error.text, "test.yaml:"), error.text);
		}
		config_free(config);
		text[at] = kept;
	}
}

static void test_damaged(void **state)
{
	(void)state;
	damage(GOOD "/full.yaml", 1);
	damage(GOOD "/nat.yaml", 5);
}

/* ---- files that cannot be read, interfaces, names ---- */

static void test_unreadable(void **state)
{
	struct config_error error = { "" };
	struct config *config = NULL;

	(void)state;
	assert_int_equal(config_load("tests/config/none.yaml", &config, &error), -ENOENT);
	assert_string_equal(error.text,
			    "tests/config/none.yaml: cannot open it: No such file or directory");
	assert_int_equal(config_load("tests/config", &config, &error), -EISDIR);
	assert_string_equal(error.text, "tests/config: cannot read it: Is a directory");
	assert_null(config);
}

static void test_long_file_name(void **state)
{
	struct config_error error = { "" };
	struct config *config = NULL;
	_cleanup_fclose_ FILE *stream = fopen("/dev/null", "re");
	char name[4096];

	(void)state;
	assert_non_null(stream);
	memset(name, 'd', sizeof(name));
	(void)snprintf(name + sizeof(name) - 9, 9, "/x\n.yaml");
	assert_int_equal(config_parse(stream, name, &config, &error), -EINVAL);
	assert_non_null(strstr(error.text, "/x?.yaml:1:1: the file is empty; it needs"));
}

static void test_interfaces(void **state)
{
	struct config *config =
		parse_ok("interfaces: {external: lo, internal: lo}\n" GATEWAY TABLE);
	struct config_error error = { "" };

	(void)state;
	assert_int_equal(config_check_interfaces(config, &error), 0);
	assert_string_equal(error.text, "");
	config_free(config);
	config = parse_ok("interfaces: {external: lo, internal: [lo, nope0]}\n" GATEWAY TABLE);
	assert_int_equal(config_check_interfaces(config, &error), -ENODEV);
	assert_ptr_equal(
		strstr(error.text, "test.yaml:1:43: there is no interface \"nope0\"; there are: "),
		error.text);
	assert_non_null(strstr(error.text, "lo"));
	config_free(config);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_bad_files),  cmocka_unit_test(test_good_files),
		cmocka_unit_test(test_full),	   cmocka_unit_test(test_defaults),
		cmocka_unit_test(test_profiles),   cmocka_unit_test(test_variants),
		cmocka_unit_test(test_bytes),	   cmocka_unit_test(test_size),
		cmocka_unit_test(test_route_rows), cmocka_unit_test(test_many_eips),
		cmocka_unit_test(test_print_eips), cmocka_unit_test(test_damaged),
		cmocka_unit_test(test_unreadable), cmocka_unit_test(test_long_file_name),
		cmocka_unit_test(test_interfaces)
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
