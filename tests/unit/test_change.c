// SPDX-License-Identifier: GPL-2.0-only
/* Edits of a config by command: what they make of it, and what wrong ones are told. Saving. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>

#include <cmocka.h>
#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "change_internal.h"
#include "cleanup.h"

#define BASE                                                                                        \
	"interfaces: {external: eth0, internal: eth1}\n"                                            \
	"gateways:\n"                                                                               \
	"  - {name: a, private_ip: 10.0.0.1, eips: [203.0.113.1]}\n"                                \
	"  - {name: b, private_ip: 10.0.0.2, eips: [203.0.113.2, 203.0.113.3], route_table: own}\n" \
	"route_tables:\n"                                                                           \
	"  - {name: t, subnets: [10.1.0.0/16], routes: [{to: 0.0.0.0/0, target: gateway:b}]}\n"     \
	"  - {name: own, routes: [{to: 0.0.0.0/0, target: internet}]}\n"                            \
	"rules:\n"                                                                                  \
	"  - {session: {gateway: a, port: 1}}\n"                                                    \
	"  - {snat: {gateway: b, eips: [203.0.113.9]}}\n"                                           \
	"  - {session: {port: 2}}\n"                                                                \
	"port_forwards:\n"                                                                          \
	"  - {gateway: b, protocol: tcp, address: 203.0.113.2, port: 80, to: 10.1.0.6}\n"

static char error[CHANGE_ERROR_MAX];

static struct config *parse(const char *text)
{
	struct config *config = NULL;

	error[0] = '\0';
	if (change_parse("test.yaml", text, strlen(text), &config, error)) {
		fail_msg("%s", error);
	}
	return config;
}

/* The config as it comes out: printed and read again. Frees the one that went in. */
static struct config *finish(struct config *config)
{
	_cleanup_free_ char *text = change_text(config);

	config_free(config);
	assert_non_null(text);
	return parse(text);
}

static void check_said(int err, int wanted, const char *part)
{
	assert_int_equal(err, wanted);
	if (!strstr(error, part)) {
		fail_msg("\"%s\" is not in \"%s\"", part, error);
	}
	assert_null(strchr(error, '\n'));
	error[0] = '\0';
}

/* ---- gateways ---- */

/* What is the gateway's goes with it; its route stays. */
static void test_delete(void **state)
{
	struct config *config = parse(BASE);

	(void)state;
	assert_int_equal(change_edit_delete(config, "b", error), 0);
	config = finish(config);
	assert_int_equal(config->gateway_count, 1);
	assert_int_equal(config->rule_count, 2);
	assert_int_equal(config->forward_count, 0);
	assert_int_equal(config->table_count, 1);
	assert_string_equal(config->tables[0].routes[0].name, "b");
	check_said(change_edit_delete(config, "bb", error), -ENOENT, "the gateways are: a");
	assert_int_equal(change_edit_delete(config, "a", error), 0);
	config = finish(config);
	assert_int_equal(config->gateway_count, 0);
	check_said(change_edit_delete(config, "a", error), -ENOENT, "none");
	config_free(config);
}

static void test_tags(void **state)
{
	struct config *config = parse(BASE);
	json_t *tags = json_pack("{s:s, s:s}", "team", "web \"1\"", "zone", "x");
	json_t *wrong = json_pack("{s:i}", "team", 1);

	(void)state;
	assert_int_equal(change_edit_tag(config, "a", tags, error), 0);
	json_object_set_new(tags, "zone", json_string(""));
	assert_int_equal(change_edit_tag(config, "a", tags, error), 0);
	config = finish(config);
	assert_int_equal(config->gateways[0].tag_count, 1);
	assert_string_equal(config->gateways[0].tags[0].value, "web \"1\"");
	check_said(change_edit_tag(config, "a", wrong, error), -EINVAL, "key=value");
	check_said(change_edit_tag(config, "x", tags, error), -ENOENT, "there is no gateway");
	json_decref(tags);
	json_decref(wrong);
	config_free(config);
}

static void test_create(void **state)
{
	const struct change_gateway gateway = {
		.name = "c",
		.private_ip = "10.0.0.3",
		.eips = "203.0.113.20-203.0.113.21,203.0.113.24/31",
		.subnets = "10.2.0.0/24, 10.3.0.0/24",
		.profile = "aws",
	};
	struct change_gateway plain = gateway;
	struct config *config = parse(BASE);
	struct config *one = NULL;

	(void)state;
	plain.subnets = NULL;
	assert_int_equal(change_create_parse(&gateway, 80000, &one, error), 0);
	assert_int_equal(change_create_add(config, one), 0);
	config_free(one);
	config = finish(config);
	assert_int_equal(config->gateway_count, 3);
	assert_int_equal(config->gateways[2].eip_count, 4);
	assert_int_equal(config->gateways[2].client_opening_max, 80000 / CONFIG_OPENING_SHARE);
	assert_string_equal(config->gateways[2].profile, "aws");
	assert_int_equal(config->table_count, 3);
	assert_int_equal(config->tables[2].subnet_count, 2);
	assert_string_equal(config->tables[2].routes[0].name, "c");
	plain.name = "d";
	plain.private_ip = "10.0.0.4";
	plain.eips = "203.0.113.30";
	assert_int_equal(change_create_parse(&plain, 80000, &one, error), 0);
	assert_int_equal(change_create_add(config, one), 0);
	config_free(one);
	config = finish(config);
	assert_int_equal(config->gateway_count, 4);
	assert_int_equal(config->table_count, 3);
	config_free(config);
}

/* Nothing of a command gets out of the place that it has in the file. */
static void test_create_refuses(void **state)
{
	static const struct {
		struct change_gateway gateway;
		const char *said;
	} wrong[] = {
		{ { "c", "10.0.0.3", "203.0.113.20", "x", NULL }, "prefix" },
		{ { "c", "10.0.0.3", "203.0.113.20", NULL, "x" }, "unknown profile" },
		{ { "c", "10.0.0.3", "203.0.113.20]\n", NULL, NULL }, "printable" },
		{ { "c\nacl: []", "10.0.0.3", "203.0.113.20", NULL, NULL }, "printable" },
		{ { "c, eips: []", "10.0.0.3", "203.0.113.20", NULL, NULL }, "name" },
		{ { "c", "10.0.0.3, type: private", "203.0.113.20", NULL, NULL }, "private_ip" },
		{ { "c", "10.0.0.3", "", NULL, NULL }, "eips" },
	};

	(void)state;
	for (size_t i = 0; i < sizeof(wrong) / sizeof(wrong[0]); i++) {
		struct config *one = NULL;

		check_said(change_create_parse(&wrong[i].gateway, 80000, &one, error), -EINVAL,
			   wrong[i].said);
		assert_null(one);
	}
}

/* ---- EIPs ---- */

static void test_eips(void **state)
{
	struct config *config = parse(BASE);

	(void)state;
	assert_int_equal(change_edit_attach(config, "a", "203.0.113.4/31, 203.0.113.7", error), 0);
	assert_int_equal(change_edit_detach(config, "a", "203.0.113.1,203.0.113.5", error), 0);
	config = finish(config);
	assert_int_equal(config->gateways[0].eip_count, 2);
	check_said(change_edit_attach(config, "a", "203.0.113.4", error), -EINVAL, "already");
	check_said(change_edit_attach(config, "a", "203.0.113.5/30", error), -EINVAL,
		   "is not an EIP");
	check_said(change_edit_attach(config, "a", "203.0.113.9-203.0.113.8", error), -EINVAL,
		   "is not an EIP");
	check_said(change_edit_attach(config, "a", " ,", error), -EINVAL, "no EIP is named");
	check_said(change_edit_attach(config, "a", "0.0.0.0/0", error), -EINVAL, "too many");
	check_said(change_edit_detach(config, "b", "203.0.113.9", error), -EINVAL,
		   "is not in the list");
	check_said(change_edit_detach(config, "b", "203.0.113.2-203.0.113.3", error), -EINVAL,
		   "no EIP left");
	config_free(config);
}

/* ---- routes ---- */

static void test_routes(void **state)
{
	struct config *config = parse(BASE);

	(void)state;
	assert_int_equal(change_edit_route(config, "t", "0.0.0.0/0", "gateway:a", error), 0);
	assert_int_equal(change_edit_route(config, "t", "10.9.0.0/16", "interface:wg0", error), 0);
	config = finish(config);
	assert_int_equal(config->tables[0].route_count, 2);
	assert_string_equal(config->tables[0].routes[0].name, "a");
	assert_int_equal(config->tables[0].routes[1].target, NATGW_TARGET_INTERFACE);
	check_said(change_edit_route(config, "u", "0.0.0.0/0", "local", error), -ENOENT,
		   "the route tables are: t, own");
	check_said(change_edit_route(config, "t", "0.0.0.0", "local", error), -EINVAL,
		   "is not a prefix");
	check_said(change_edit_route(config, "t", "10.0.0.1/8", "local", error), -EINVAL,
		   "is not a prefix");
	check_said(change_edit_route(config, "t", "0.0.0.0/0", "gateway", error), -EINVAL,
		   "unknown target");
	check_said(change_edit_route(config, "t", "0.0.0.0/0", "gateway:x", error), -ENOENT,
		   "there is no gateway");
	config_free(config);
}

/* ---- messages, saving ---- */

static void test_places(void **state)
{
	(void)state;
	assert_string_equal(change_without_place("command:3:14: text: more"), "text: more");
	assert_string_equal(change_without_place("EIP 1: text"), "EIP 1: text");
	assert_string_equal(change_without_place("text"), "text");
	assert_string_equal(change_without_place("a:b:c: text"), "a:b:c: text");
}

static void write_text(const char *path, const char *text)
{
	_cleanup_fclose_ FILE *stream = fopen(path, "w");

	assert_non_null(stream);
	assert_true(fputs(text, stream) >= 0);
}

static void check_text(const char *path, const char *want)
{
	_cleanup_fclose_ FILE *stream = fopen(path, "r");
	char text[64] = "";

	assert_non_null(stream);
	(void)fread(text, 1, sizeof(text) - 1, stream);
	assert_string_equal(text, want);
}

static void test_save(void **state)
{
	char folder[] = "/tmp/natgw-test-change-XXXXXX";
	char path[64];
	char link[64];
	struct change_stamp stamp;
	struct stat info;

	(void)state;
	assert_non_null(mkdtemp(folder));
	(void)snprintf(path, sizeof(path), "%s/a.yaml", folder);
	(void)snprintf(link, sizeof(link), "%s/link.yaml", folder);
	write_text(path, "old\n");
	assert_int_equal(chmod(path, 0640), 0);
	assert_int_equal(symlink("a.yaml", link), 0);
	stamp = change_stamp_of(link);
	assert_int_equal(change_save(link, "new\n", &stamp, error), 0);
	check_text(path, "new\n");
	assert_int_equal(lstat(link, &info), 0);
	assert_true(S_ISLNK(info.st_mode));
	assert_int_equal(stat(path, &info), 0);
	assert_int_equal(info.st_mode & 07777, 0640);
	assert_int_equal(change_save(link, "newer\n", &stamp, error), 0);
	write_text(path, "by hand\n");
	check_said(change_save(link, "newest\n", &stamp, error), -ESTALE, "has been edited");
	check_text(path, "by hand\n");
	assert_int_equal(unlink(path), 0);
	check_said(change_save(link, "newest\n", &stamp, error), -ENOENT, "cannot write");
	assert_int_equal(unlink(link), 0);
	/* Nothing else has been left there. */
	assert_int_equal(rmdir(folder), 0);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_delete), cmocka_unit_test(test_tags),
		cmocka_unit_test(test_create), cmocka_unit_test(test_create_refuses),
		cmocka_unit_test(test_eips),   cmocka_unit_test(test_routes),
		cmocka_unit_test(test_places), cmocka_unit_test(test_save),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
