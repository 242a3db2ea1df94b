// SPDX-License-Identifier: GPL-2.0-only
/* natgwd: the command line. What it does is in daemon, detach and config. */
#include <bpf/libbpf.h>
#include <errno.h>
#include <getopt.h>
#include <stdarg.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>
#include <xdp/libxdp.h>

#include "config.h"
#include "daemon.h"
#include "detach.h"
#include "log.h"
#include "version.h"

#define NATGWD_CONFIG "/etc/natgw/natgw.yaml"
#define NATGWD_PIN_PATH "/sys/fs/bpf/natgw"

enum command {
	COMMAND_RUN,
	COMMAND_CHECK,
	COMMAND_PRINT,
	COMMAND_DETACH,
	COMMAND_DONE, /* --help, --version */
};

struct options {
	enum command command;
	const char *file; /* NULL: none named */
};

static void print_help(void)
{
	puts("Usage: natgwd [--config FILE]            run in the foreground (default " NATGWD_CONFIG
	     ")\n"
	     "       natgwd --check FILE               say what is wrong with a config\n"
	     "       natgwd --print FILE               print a config in its canonical form\n"
	     "       natgwd --detach [--config FILE]   remove the data path of a natgwd that has ended\n"
	     "\n"
	     "  -v, --verbose   more lines on stderr\n"
	     "      --version   print the version\n"
	     "  -h, --help      this text\n"
	     "\n"
	     "SIGHUP reads the config again; SIGTERM ends natgwd and leaves the data path in place.");
}

/* False, and said so, when a command was named before. */
static bool set_command(struct options *options, enum command command)
{
	if (options->command != COMMAND_RUN) {
		fputs("natgwd: one command at a time: --check, --print or --detach (see --help)\n",
		      stderr);
		return false;
	}
	options->command = command;
	return true;
}

static bool set_file(struct options *options, const char *file)
{
	if (options->file) {
		fprintf(stderr, "natgwd: one file at a time: %s or %s\n", options->file, file);
		return false;
	}
	options->file = file;
	return true;
}

static bool take_option(struct options *options, int letter)
{
	switch (letter) {
	case 'c':
		return set_file(options, optarg);
	case 'C':
	case 'P':
		return set_command(options, letter == 'C' ? COMMAND_CHECK : COMMAND_PRINT) &&
		       set_file(options, optarg);
	case 'D':
		return set_command(options, COMMAND_DETACH);
	case 'v':
		log_set_level(LOG_LEVEL_DEBUG);
		return true;
	case 'V':
		puts("natgwd " NATGW_VERSION);
		options->command = COMMAND_DONE;
		return true;
	case 'h':
		print_help();
		options->command = COMMAND_DONE;
		return true;
	default:
		return false;
	}
}

static int parse_options(int argc, char **argv, struct options *ret_options)
{
	static const struct option long_options[] = {
		{ "config", required_argument, NULL, 'c' },
		{ "check", required_argument, NULL, 'C' },
		{ "print", required_argument, NULL, 'P' },
		{ "detach", no_argument, NULL, 'D' },
		{ "verbose", no_argument, NULL, 'v' },
		{ "version", no_argument, NULL, 'V' },
		{ "help", no_argument, NULL, 'h' },
		{ NULL, 0, NULL, 0 },
	};
	struct options options = { COMMAND_RUN, NULL };
	int letter;

	while ((letter = getopt_long(argc, argv, "c:vh", long_options, NULL)) != -1) {
		/* --version and --help are all that is done. */
		if (options.command == COMMAND_DONE) {
			break;
		}
		if (!take_option(&options, letter)) {
			return -EINVAL;
		}
	}
	if (options.command == COMMAND_DONE) {
		*ret_options = options;
		return 0;
	}
	if (optind < argc) {
		fprintf(stderr, "natgwd: unexpected argument: %s (see --help)\n", argv[optind]);
		return -EINVAL;
	}
	*ret_options = options;
	return 0;
}

/* libbpf and libxdp: their warnings are details of a line that natgwd prints itself. */
static int __attribute__((format(printf, 2, 0)))
print_libbpf(enum libbpf_print_level level, const char *format, va_list args)
{
	char text[1024];

	vsnprintf(text, sizeof(text), format, args);
	text[strcspn(text, "\n")] = '\0';
	if (level == LIBBPF_WARN) {
		log_info("%s", text);
	} else {
		log_debug("%s", text);
	}
	return 0;
}

static int __attribute__((format(printf, 2, 0)))
print_libxdp(enum libxdp_print_level level, const char *format, va_list args)
{
	char text[1024];

	(void)level;
	vsnprintf(text, sizeof(text), format, args);
	text[strcspn(text, "\n")] = '\0';
	log_debug("%s", text);
	return 0;
}

static void warn_plain(const char *text, void *arg)
{
	(void)arg;
	fprintf(stderr, "warning: %s\n", text);
}

static void warn_logged(const char *text, void *arg)
{
	(void)arg;
	log_warning("%s", text);
}

static int check_file(const char *file)
{
	struct config_error wrong = { "" };
	struct config *config = NULL;
	int err = config_load(file, &config, &wrong);

	if (!err) {
		err = config_check_interfaces(config, &wrong);
	}
	if (err) {
		fprintf(stderr, "%s\n", wrong.text);
	} else {
		config_warnings(config, warn_plain, NULL);
		printf("%s: ok\n", file);
	}
	config_free(config);
	return err;
}

static int print_file(const char *file)
{
	struct config_error wrong = { "" };
	struct config *config = NULL;
	int err = config_load(file, &config, &wrong);

	if (err) {
		fprintf(stderr, "%s\n", wrong.text);
	} else {
		err = config_print(config, stdout);
	}
	config_free(config);
	return err;
}

static int run_file(const char *file)
{
	struct config_error wrong = { "" };
	struct config *config = NULL;
	int err;

	daemon_prepare();
	err = config_load(file, &config, &wrong);
	if (!err) {
		err = config_check_interfaces(config, &wrong);
	}
	if (err) {
		log_error("%s", wrong.text);
		config_free(config);
		return err;
	}
	config_warnings(config, warn_logged, NULL);
	return daemon_run(config);
}

/* A config that was not named and cannot be read does not keep anybody from detaching. */
static int detach_file(const char *file)
{
	struct config_error wrong = { "" };
	struct config *config = NULL;
	int err = config_load(file ? file : NATGWD_CONFIG, &config, &wrong);

	if (err && file) {
		log_error("%s", wrong.text);
		return err;
	}
	err = detach_command(err ? NATGWD_PIN_PATH : config->pin_path, config);
	config_free(config);
	return err;
}

static int run_command(const struct options *options)
{
	const char *file = options->file ? options->file : NATGWD_CONFIG;

	switch (options->command) {
	case COMMAND_CHECK:
		return check_file(file);
	case COMMAND_PRINT:
		return print_file(file);
	case COMMAND_DETACH:
		return detach_file(options->file);
	case COMMAND_DONE:
		return 0;
	case COMMAND_RUN:
	default:
		return run_file(file);
	}
}

int main(int argc, char **argv)
{
	struct options options;

	if (parse_options(argc, argv, &options)) {
		return 2;
	}
	libbpf_set_print(print_libbpf);
	libxdp_set_print(print_libxdp);
	return run_command(&options) ? EXIT_FAILURE : EXIT_SUCCESS;
}
