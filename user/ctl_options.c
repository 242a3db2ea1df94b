// SPDX-License-Identifier: GPL-2.0-only
/*
 * Options and words of a command line. What options a command takes is its table's; those that all
 * take are known here. What values mean is the command's.
 */
#include "ctl_options.h"

#include <errno.h>
#include <string.h>

#include "words.h"

#define ARGUMENTS_MAX 64
#define WIDTH 28 /* of the left column of the help */

/* An option as it stands on the line. */
struct given {
	const char *name; /* without the dashes; NULL: letter */
	size_t name_size;
	char letter;
	const char *value; /* NULL: none, or a switch */
};

struct parser {
	const struct ctl_command *commands;
	struct ctl_option common[5];
	struct given given[ARGUMENTS_MAX];
	unsigned int given_count;
	char **words; /* the front of argv */
	unsigned int word_count;
};

static const struct ctl_option common_options[] = {
	{ .name = "socket", .help = "PATH  of natgwd, default " CTL_DEFAULT_SOCKET },
	{ .name = "json", .is_switch = true, .help = "  natgwd's answer as it is" },
	{ .name = "help", .letter = 'h', .is_switch = true, .help = "  of all, or of one command" },
	{ .name = "version", .is_switch = true, .help = "  of natgwctl" },
	{},
};

/* ---- looking up ---- */

static bool is_option(const struct ctl_option *option, const struct given *given)
{
	if (!given->name) {
		return option->letter == given->letter;
	}
	return strncmp(option->name, given->name, given->name_size) == 0 &&
	       option->name[given->name_size] == '\0';
}

static struct ctl_option *find_option(struct ctl_option *options, const struct given *given)
{
	for (; options && options->name; options++) {
		if (is_option(options, given)) {
			return options;
		}
	}
	return NULL;
}

/* How many of the words are the command's name; 0: it is another one. */
static unsigned int name_words(const struct ctl_command *command, char *const *words,
			       unsigned int word_count)
{
	const char *second = strchr(command->name, ' ');
	size_t size = second ? (size_t)(second - command->name) : strlen(command->name);

	if (word_count == 0 || strlen(words[0]) != size ||
	    strncmp(words[0], command->name, size) != 0) {
		return 0;
	}
	if (!second) {
		return 1;
	}
	return word_count > 1 && strcmp(words[1], second + 1) == 0 ? 2 : 0;
}

/* The one with the longer name: "sessions kill" before "sessions". */
static const struct ctl_command *find_command(const struct parser *parser)
{
	const struct ctl_command *found = NULL;
	unsigned int most = 0;

	for (const struct ctl_command *command = parser->commands; command->name; command++) {
		unsigned int count = name_words(command, parser->words, parser->word_count);

		if (count > most) {
			found = command;
			most = count;
		}
	}
	return found;
}

/* Before the command is known the first that has such an option says whether it takes a value. */
static const struct ctl_option *find_known(struct parser *parser, const struct given *given)
{
	const struct ctl_command *command = find_command(parser);
	struct ctl_option *option = find_option(parser->common, given);

	if (!option && command) {
		option = find_option(command->options, given);
	}
	for (command = parser->commands; !option && command->name; command++)
		option = find_option(command->options, given);
	return option;
}

/* ---- messages ---- */

static void say_unknown_option(const struct ctl_option *options, const struct given *given)
{
	char name[64];
	char hint[WORDS_HINT_MAX];

	if (!given->name) {
		fprintf(stderr, "natgwctl: no option -%c; see natgwctl --help\n", given->letter);
		return;
	}
	snprintf(name, sizeof(name), "%.*s", (int)given->name_size, given->name);
	struct words words = words_begin(name);

	for (; options && options->name; options++)
		words_add(&words, options->name);
	words_hint(&words, hint);
	fprintf(stderr, "natgwctl: no option --%s; %ssee natgwctl --help\n", name, hint);
}

static void say_unknown_command(const struct parser *parser)
{
	char hint[WORDS_HINT_MAX];
	struct words words = words_begin(parser->word_count ? parser->words[0] : "");

	if (parser->word_count == 0) {
		fprintf(stderr, "natgwctl: a command is missing; see natgwctl --help\n");
		return;
	}
	for (const struct ctl_command *command = parser->commands; command->name; command++) {
		size_t size = strcspn(command->name, " ");

		if (command->name[size] && strlen(parser->words[0]) == size &&
		    strncmp(command->name, parser->words[0], size) == 0) {
			fprintf(stderr, "natgwctl: %s what? natgwctl %s; see natgwctl --help\n",
				parser->words[0], command->name);
			return;
		}
		words_add(&words, command->name);
	}
	words_hint(&words, hint);
	fprintf(stderr, "natgwctl: no such command: %s; %ssee natgwctl --help\n", parser->words[0],
		hint);
}

/* The words of a command in its help, "[GATEWAY]", and their size. */
static const char *arguments_of(const char *help, int *ret_size)
{
	const char *end = strstr(help, "  ");

	*ret_size = (int)(end ? (size_t)(end - help) : strlen(help));
	return help;
}

static const char *text_of(const char *help)
{
	const char *text = strstr(help, "  ");

	return text ? text + strspn(text, " ") : "";
}

/* ---- the line ---- */

static int take_option(struct parser *parser, char *const *rest, int rest_count, int *used)
{
	const char *text = rest[0];
	struct given given = {};

	if (parser->given_count == ARGUMENTS_MAX) {
		fprintf(stderr, "natgwctl: too many options\n");
		return -EINVAL;
	}
	if (text[1] == '-') {
		given.name = text + 2;
		given.name_size = strcspn(given.name, "=");
		given.value = given.name[given.name_size] ? given.name + given.name_size + 1 : NULL;
	} else {
		given.letter = text[1];
		given.value = text[2] ? text + 2 : NULL;
	}
	const struct ctl_option *option = find_known(parser, &given);

	*used = 1;
	if (!option) {
		const struct ctl_command *command = find_command(parser);

		say_unknown_option(command ? command->options : parser->common, &given);
		return -EINVAL;
	}
	if (option->is_switch && given.value) {
		fprintf(stderr, "natgwctl: --%s takes no value\n", option->name);
		return -EINVAL;
	}
	if (!option->is_switch && !given.value) {
		if (rest_count < 2) {
			fprintf(stderr, "natgwctl: --%s needs a value\n", option->name);
			return -EINVAL;
		}
		given.value = rest[1];
		*used = 2;
	}
	parser->given[parser->given_count++] = given;
	return 0;
}

static int take_all(struct parser *parser, int argc, char **argv)
{
	bool only_words = false;

	parser->words = argv;
	for (int i = 0; i < argc;) {
		int used = 1;

		if (only_words || argv[i][0] != '-' || !argv[i][1]) {
			parser->words[parser->word_count++] = argv[i];
		} else if (strcmp(argv[i], "--") == 0) {
			only_words = true;
		} else if (take_option(parser, argv + i, argc - i, &used) < 0) {
			return -EINVAL;
		}
		i += used;
	}
	return 0;
}

/* The common ones and those of the command get their values. */
static int set_values(struct parser *parser, const struct ctl_command *command)
{
	for (unsigned int i = 0; i < parser->given_count; i++) {
		const struct given *given = &parser->given[i];
		struct ctl_option *option = find_option(parser->common, given);

		if (!option && command) {
			option = find_option(command->options, given);
		}
		if (!option && !command) {
			continue; /* of a command that is missing or unknown */
		}
		if (!option && given->name) {
			fprintf(stderr, "natgwctl: %s takes no --%.*s; see natgwctl %s --help\n",
				command->name, (int)given->name_size, given->name, command->name);
			return -EINVAL;
		}
		if (!option) {
			fprintf(stderr, "natgwctl: %s takes no -%c; see natgwctl %s --help\n",
				command->name, given->letter, command->name);
			return -EINVAL;
		}
		option->value = option->is_switch ? "1" : given->value;
	}
	return 0;
}

static int check_words(const struct ctl_line *line)
{
	const struct ctl_command *command = line->command;
	int size;
	const char *arguments = arguments_of(command->help, &size);

	if (line->word_count > command->words_max) {
		fprintf(stderr,
			"natgwctl: %s: \"%s\" is one word too many; see natgwctl %s --help\n",
			command->name, line->words[command->words_max], command->name);
		return -EINVAL;
	}
	if (line->word_count < command->words_min) {
		fprintf(stderr, "natgwctl: %s: a word is missing: natgwctl %s %.*s\n",
			command->name, command->name, size, arguments);
		return -EINVAL;
	}
	return 0;
}

int ctl_options_parse(int argc, char **argv, const struct ctl_command *commands,
		      struct ctl_line *ret_line)
{
	struct parser parser = { .commands = commands };

	memcpy(parser.common, common_options, sizeof(common_options));
	if (argc > 0 && take_all(&parser, argc - 1, argv + 1) < 0) {
		return -EINVAL;
	}
	const struct ctl_command *command = find_command(&parser);

	if (set_values(&parser, command) < 0) {
		return -EINVAL;
	}
	unsigned int used = command ? name_words(command, parser.words, parser.word_count) : 0;
	const char *socket = ctl_value(parser.common, "socket");
	struct ctl_line line = {
		.ctl = { .socket = socket ? socket : CTL_DEFAULT_SOCKET,
			 .json = ctl_value(parser.common, "json") },
		.command = command,
		.words = parser.words + used,
		.word_count = parser.word_count - used,
		.help = ctl_value(parser.common, "help"),
		.version = ctl_value(parser.common, "version"),
	};

	if (!command && (parser.word_count || (!line.help && !line.version))) {
		say_unknown_command(&parser);
		return -EINVAL;
	}
	if (!line.help && !line.version && check_words(&line) < 0) {
		return -EINVAL;
	}
	*ret_line = line;
	return 0;
}

const char *ctl_value(const struct ctl_option *options, const char *name)
{
	for (; options && options->name; options++) {
		if (strcmp(options->name, name) == 0) {
			return options->value;
		}
	}
	return NULL;
}

/* ---- help ---- */

static void print_row(const char *left, const char *text, FILE *stream)
{
	const char *between = strlen(left) > WIDTH ? "\n  " : "";

	fprintf(stream, "  %s%s%*s  %s\n", left, between,
		*between ? WIDTH : WIDTH - (int)strlen(left), "", text);
}

static void print_options(const struct ctl_option *options, FILE *stream)
{
	for (; options && options->name; options++) {
		const char *help = options->help	? options->help
				   : options->is_switch ? ""
							: "VALUE";
		char left[128];
		int size;
		const char *value = arguments_of(help, &size);

		if (options->letter) {
			snprintf(left, sizeof(left), "-%c, --%s%s%.*s", options->letter,
				 options->name, size ? " " : "", size, value);
		} else {
			snprintf(left, sizeof(left), "--%s%s%.*s", options->name, size ? " " : "",
				 size, value);
		}
		print_row(left, text_of(help), stream);
	}
}

void ctl_options_help(const struct ctl_command *commands, FILE *stream)
{
	fprintf(stream, "usage: natgwctl [OPTION...] COMMAND [WORD...]\n\ncommands:\n");
	for (; commands->name; commands++) {
		char left[128];
		int size;
		const char *arguments = arguments_of(commands->help, &size);

		snprintf(left, sizeof(left), "%s%s%.*s", commands->name, size ? " " : "", size,
			 arguments);
		print_row(left, text_of(commands->help), stream);
	}
	fprintf(stream, "\noptions, wherever they stand:\n");
	print_options(common_options, stream);
	fprintf(stream, "\nnatgwctl COMMAND --help has the options of one command.\n");
}

void ctl_options_help_command(const struct ctl_command *command, FILE *stream)
{
	int size;
	const char *arguments = arguments_of(command->help, &size);

	fprintf(stream, "usage: natgwctl %s%s%.*s%s\n\n%s\n\noptions:\n", command->name,
		size ? " " : "", size, arguments, command->options ? " [OPTION...]" : "",
		text_of(command->help));
	print_options(command->options, stream);
	print_options(common_options, stream);
}
