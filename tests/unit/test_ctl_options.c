// SPDX-License-Identifier: GPL-2.0-only
/* The command line of natgwctl: what goes where, and what is refused. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>
#include <errno.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "ctl_options.h"

static struct ctl_option list_options[] = {
	{ .name = "count", .key = "n", .letter = 'n', .help = "N  so many" },
	{ .name = "all", .key = "all", .is_switch = true, .help = "  of them" },
	{},
};

static struct ctl_option kill_options[] = {
	{ .name = "client", .key = "client", .help = "ADDRESS  whose" },
	{},
};

static const struct ctl_command commands[] = {
	{ .name = "show", .help = "[NAME]  one", .words_max = 1 },
	{ .name = "list", .help = "  all", .options = list_options },
	{ .name = "list kill", .help = "  ends", .options = kill_options },
	{ .name = "move to", .help = "A B  two", .words_min = 2, .words_max = 2 },
	{},
};

static struct ctl_line line;

/* The words of the text are the line. */
static int parse(const char *text)
{
	static char copy[256];
	char *argv[32] = { (char[]){ "natgwctl" } };
	int argc = 1;

	for (size_t i = 0; i < 2; i++)
		list_options[i].value = NULL;
	kill_options[0].value = NULL;
	snprintf(copy, sizeof(copy), "%s", text);
	for (char *word = strtok(copy, " "); word; word = strtok(NULL, " "))
		argv[argc++] = word;
	static char *kept[32];

	memcpy(kept, argv, sizeof(argv));
	return ctl_options_parse(argc, kept, commands, &line);
}

static void test_words_and_options(void **state)
{
	(void)state;
	assert_int_equal(parse("list"), 0);
	assert_string_equal(line.command->name, "list");
	assert_string_equal(line.ctl.socket, CTL_DEFAULT_SOCKET);
	assert_false(line.ctl.json || line.help || line.version);
	assert_null(ctl_value(list_options, "count"));

	assert_int_equal(parse("--socket /a list --count 5 --json --all"), 0);
	assert_string_equal(line.ctl.socket, "/a");
	assert_true(line.ctl.json);
	assert_string_equal(ctl_value(list_options, "count"), "5");
	assert_string_equal(ctl_value(list_options, "all"), "1");

	assert_int_equal(parse("-n 7 list"), 0);
	assert_string_equal(ctl_value(list_options, "count"), "7");
	assert_int_equal(parse("list -n8"), 0);
	assert_string_equal(ctl_value(list_options, "count"), "8");
	assert_int_equal(parse("list --count=9=10"), 0);
	assert_string_equal(ctl_value(list_options, "count"), "9=10");
	assert_int_equal(parse("list --count -"), 0);
	assert_string_equal(ctl_value(list_options, "count"), "-");
}

static void test_commands_of_two_words(void **state)
{
	(void)state;
	assert_int_equal(parse("list --client 10.0.0.1 kill"), 0);
	assert_string_equal(line.command->name, "list kill");
	assert_string_equal(ctl_value(kill_options, "client"), "10.0.0.1");
	assert_int_equal(parse("move a to b"), -EINVAL);
	assert_int_equal(parse("move to a b"), 0);
	assert_int_equal(line.word_count, 2);
	assert_string_equal(line.words[1], "b");
	assert_int_equal(parse("show -- --json"), 0);
	assert_string_equal(line.words[0], "--json");
	assert_false(line.ctl.json);
}

static void test_help(void **state)
{
	(void)state;
	assert_int_equal(parse("--help"), 0);
	assert_true(line.help && !line.command);
	assert_int_equal(parse("-h move to"), 0);
	assert_true(line.help && line.command == &commands[3]);
	assert_int_equal(parse("--version"), 0);
	assert_true(line.version);
}

static void test_what_is_refused(void **state)
{
	static const char *const lines[] = {
		"",
		"nonsense",
		"--json",
		"move",
		"move to a",
		"move to a b c",
		"show a b",
		"list --client 1",
		"list kill -n 3",
		"list --nonsense",
		"list -x",
		"list --count",
		"--socket",
		"list --all=1",
		"list kill --all",
		"show --count 3",
	};

	(void)state;
	for (size_t i = 0; i < sizeof(lines) / sizeof(lines[0]); i++)
		assert_int_equal(parse(lines[i]), -EINVAL);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_words_and_options),
		cmocka_unit_test(test_commands_of_two_words),
		cmocka_unit_test(test_help),
		cmocka_unit_test(test_what_is_refused),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
