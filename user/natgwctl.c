// SPDX-License-Identifier: GPL-2.0-only
/*
 * natgwctl: asks natgwd over its Unix socket and prints the answer. Knows no map; what the answers
 * mean in text is output_text.c's. "audit" alone reads the maps, without natgwd (audit_command.c).
 * Exit status: 0, 1 when it could not be done or the audit has found something, 2 for a wrong
 * command line or an audit that could not read the maps.
 */
#include <curl/curl.h>
#include <errno.h>
#include <getopt.h>
#include <jansson.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "audit_command.h"
#include "cleanup.h"
#include "output_text.h"
#include "version.h"

#define SESSIONS "/v1/sessions"
#define TOP "/v1/top/"
#define ERRORS "/v1/errors"
#define DEFAULT_SOCKET "/run/natgw/control.sock"
#define TIMEOUT_S 10L
#define TIMEOUT_SESSIONS_S 60L /* looking at millions of them takes natgwd a while */

struct options {
	const char *socket;
	const char *pins;  /* of audit */
	const char *count; /* of top: -n */
	bool json;
	bool help;
	bool version;
	const char *filters[4]; /* by enum filter */
};

enum filter {
	FILTER_CLIENT,
	FILTER_DST,
	FILTER_EIP,
	FILTER_STATE,
	FILTER_COUNT,
};

static const char *const filter_keys[FILTER_COUNT] = { "client", "dst", "eip", "state" };

struct answer {
	char *text;
	size_t size;
	long status;
};

/* ---- asking ---- */

static size_t collect(const char *data, size_t size, size_t count, void *arg)
{
	struct answer *answer = arg;
	char *text = realloc(answer->text, answer->size + size * count + 1);

	if (!text) {
		return 0;
	}
	memcpy(text + answer->size, data, size * count);
	answer->text = text;
	answer->size += size * count;
	text[answer->size] = '\0';
	return size * count;
}

static void say_unreachable(const struct options *options, const char *why)
{
	fprintf(stderr,
		"natgwctl: cannot reach natgwd at %s: %s; is it running? Sessions can be seen without it: the file \"sessions\" in its pin_path, /sys/fs/bpf/natgw unless the config names another one\n",
		options->socket, why);
}

static bool looks_at_sessions(const char *url)
{
	return strstr(url, SESSIONS) || strstr(url, TOP) || strstr(url, ERRORS);
}

static int perform(CURL *curl, const struct options *options, const char *url,
		   struct answer *ret_answer)
{
	char why[CURL_ERROR_SIZE] = "";

	curl_easy_setopt(curl, CURLOPT_URL, url);
	curl_easy_setopt(curl, CURLOPT_UNIX_SOCKET_PATH, options->socket);
	curl_easy_setopt(curl, CURLOPT_PROXY, "");
	curl_easy_setopt(curl, CURLOPT_NOSIGNAL, 1L);
	curl_easy_setopt(curl, CURLOPT_TIMEOUT,
			 looks_at_sessions(url) ? TIMEOUT_SESSIONS_S : TIMEOUT_S);
	curl_easy_setopt(curl, CURLOPT_ERRORBUFFER, why);
	curl_easy_setopt(curl, CURLOPT_WRITEFUNCTION, collect);
	curl_easy_setopt(curl, CURLOPT_WRITEDATA, ret_answer);
	CURLcode code = curl_easy_perform(curl);

	if (code != CURLE_OK) {
		long os_error = 0;

		curl_easy_getinfo(curl, CURLINFO_OS_ERRNO, &os_error);
		say_unreachable(options, os_error ? strerror((int)os_error)
					 : why[0] ? why
						  : curl_easy_strerror(code));
		return -EIO;
	}
	curl_easy_getinfo(curl, CURLINFO_RESPONSE_CODE, &ret_answer->status);
	return 0;
}

/* On success the text of ret_answer is the caller's. Says itself what went wrong. */
static int ask(const struct options *options, const char *url, struct answer *ret_answer)
{
	CURL *curl = curl_easy_init();

	if (!curl) {
		fprintf(stderr, "natgwctl: out of memory\n");
		return -ENOMEM;
	}
	struct answer answer = {};
	int r = perform(curl, options, url, &answer);

	curl_easy_cleanup(curl);
	if (r == 0 && !answer.text) {
		fprintf(stderr, "natgwctl: natgwd gave an empty answer\n");
		r = -EIO;
	}
	if (r < 0) {
		free(answer.text);
		return r;
	}
	*ret_answer = answer;
	return 0;
}

static int print_answer(const struct options *options, const struct answer *answer,
			int (*print)(const json_t *json, FILE *stream))
{
	json_error_t error;
	json_t *json = json_loadb(answer->text, answer->size, 0, &error);
	int r = 0;

	if (!json) {
		fprintf(stderr, "natgwctl: natgwd's answer is not JSON: %s\n", error.text);
		return -EIO;
	}
	if (answer->status != 200) {
		const char *why = json_string_value(json_object_get(json, "error"));

		fprintf(stderr, "natgwctl: natgwd refused: %s\n", why ? why : "no reason given");
		r = -EIO;
	} else if (options->json) {
		fputs(answer->text, stdout);
	} else {
		r = print(json, stdout);
	}
	json_decref(json);
	if (fflush(stdout) != 0 && r == 0) {
		fprintf(stderr, "natgwctl: cannot write: %s\n", strerror(errno));
		r = -EIO;
	}
	return r;
}

/* Asks for path and shows what comes. */
static int show(const struct options *options, const char *path,
		int (*print)(const json_t *json, FILE *stream))
{
	struct answer answer = {};
	char url[1024];
	int n = snprintf(url, sizeof(url), "http://natgwd%s", path);

	if (n < 0 || (size_t)n >= sizeof(url)) {
		fprintf(stderr, "natgwctl: arguments too long\n");
		return -EINVAL;
	}
	int r = ask(options, url, &answer);

	if (r == 0) {
		r = print_answer(options, &answer, print);
	}
	free(answer.text);
	return r;
}

/* ---- commands ---- */

static int command_status(const struct options *options, const char *argument)
{
	(void)argument;
	return show(options, "/v1/status", output_text_status);
}

static int append(char *path, size_t size, const char *key, const char *value)
{
	char *escaped = curl_easy_escape(NULL, value, 0);
	size_t used = strlen(path);

	if (!escaped) {
		return -ENOMEM;
	}
	int n = snprintf(path + used, size - used, "%c%s=%s", strchr(path, '?') ? '&' : '?', key,
			 escaped);

	curl_free(escaped);
	return n >= 0 && (size_t)n < size - used ? 0 : -EINVAL;
}

static int command_describe(const struct options *options, const char *argument)
{
	char path[512] = "/v1/gateways";

	if (argument && append(path, sizeof(path), "name", argument) < 0) {
		fprintf(stderr, "natgwctl: no gateway has so long a name\n");
		return -EINVAL;
	}
	return show(options, path, output_text_gateways);
}

static int command_sessions(const struct options *options, const char *argument)
{
	char path[512] = SESSIONS;

	(void)argument;
	for (int i = 0; i < FILTER_COUNT; i++) {
		if (options->filters[i] &&
		    append(path, sizeof(path), filter_keys[i], options->filters[i]) < 0) {
			fprintf(stderr, "natgwctl: --%s is too long\n", filter_keys[i]);
			return -EINVAL;
		}
	}
	return show(options, path, output_text_sessions);
}

static int command_stats(const struct options *options, const char *argument)
{
	(void)argument;
	return show(options, "/v1/stats", output_text_stats);
}

static int command_routes_list(const struct options *options, const char *argument)
{
	(void)argument;
	return show(options, "/v1/routes", output_text_routes);
}

static int show_top(const struct options *options, const char *kind,
		    int (*print)(const json_t *json, FILE *stream))
{
	char path[512];

	snprintf(path, sizeof(path), TOP "%s", kind);
	if (options->count && append(path, sizeof(path), "n", options->count) < 0) {
		fprintf(stderr, "natgwctl: -n is too long\n");
		return -EINVAL;
	}
	return show(options, path, print);
}

static int command_top_destinations(const struct options *options, const char *argument)
{
	(void)argument;
	return show_top(options, "destinations", output_text_top_destinations);
}

static int command_top_clients(const struct options *options, const char *argument)
{
	(void)argument;
	return show_top(options, "clients", output_text_top_clients);
}

static int command_explain_errors(const struct options *options, const char *argument)
{
	(void)argument;
	return show(options, ERRORS, output_text_errors);
}

static int command_audit(const struct options *options, const char *argument)
{
	(void)argument;
	return audit_command(options->pins ? options->pins : AUDIT_COMMAND_PINS, options->json);
}

/* fn: negative errno, or the exit status. */
struct command {
	const char *name;
	const char *second; /* second word, or NULL */
	bool takes_argument;
	bool takes_filters;
	int (*fn)(const struct options *options, const char *argument);
	const char *help;
};

static const struct command commands[] = {
	{ "status", NULL, false, false, command_status,
	  "status                interfaces, gateways, how much is in use" },
	{ "describe", NULL, true, false, command_describe,
	  "describe [GATEWAY]    EIPs, ports in use, timeouts, sessions, forwards, rules" },
	{ "sessions", NULL, false, true, command_sessions,
	  "sessions [--client ADDRESS] [--dst ADDRESS] [--eip ADDRESS] [--state STATE]" },
	{ "stats", NULL, false, false, command_stats,
	  "stats                 counters by hook, gateway and reason" },
	{ "routes", "list", false, false, command_routes_list,
	  "routes list           route tables as the data path has them" },
	{ "top", "destinations", false, false, command_top_destinations,
	  "top destinations [-n N]  ports in use and held, refusals" },
	{ "top", "clients", false, false, command_top_clients,
	  "top clients [-n N]    sessions, ports held, bytes, refusals" },
	{ "explain-errors", NULL, false, false, command_explain_errors,
	  "explain-errors        what ran out, who used it, what would help" },
	{ "audit", NULL, false, false, command_audit,
	  "audit [--pins FOLDER] do sessions, counts and bitmaps agree? Needs root, not natgwd" },
};

static void print_help(FILE *stream)
{
	fprintf(stream, "usage: natgwctl [--socket PATH] [--json] COMMAND\n\ncommands:\n");
	for (size_t i = 0; i < sizeof(commands) / sizeof(commands[0]); i++)
		fprintf(stream, "  %s\n", commands[i].help);
	fprintf(stream,
		"\noptions:\n"
		"  --json                natgwd's answer as it is\n"
		"  --socket PATH         default " DEFAULT_SOCKET "\n"
		"  -n N                  so many rows, default 20\n"
		"  --pins FOLDER         pin_path of the config, default " AUDIT_COMMAND_PINS "\n"
		"  --help, --version\n");
}

/* ---- command line ---- */

/* getopt prints what is wrong. */
static int parse_options(int argc, char **argv, struct options *options)
{
	enum {
		OPTION_SOCKET = 256,
		OPTION_PINS,
		OPTION_JSON,
		OPTION_HELP,
		OPTION_VERSION,
		OPTION_FILTER
	};
	static const struct option known[] = {
		{ "socket", required_argument, NULL, OPTION_SOCKET },
		{ "pins", required_argument, NULL, OPTION_PINS },
		{ "json", no_argument, NULL, OPTION_JSON },
		{ "help", no_argument, NULL, OPTION_HELP },
		{ "version", no_argument, NULL, OPTION_VERSION },
		{ "client", required_argument, NULL, OPTION_FILTER + FILTER_CLIENT },
		{ "dst", required_argument, NULL, OPTION_FILTER + FILTER_DST },
		{ "eip", required_argument, NULL, OPTION_FILTER + FILTER_EIP },
		{ "state", required_argument, NULL, OPTION_FILTER + FILTER_STATE },
		{ NULL, 0, NULL, 0 },
	};
	int option;

	/* natgwctl has one thread. NOLINTNEXTLINE(concurrency-mt-unsafe) */
	while ((option = getopt_long(argc, argv, "hn:", known, NULL)) != -1) {
		switch (option) {
		case OPTION_SOCKET:
			options->socket = optarg;
			break;
		case OPTION_PINS:
			options->pins = optarg;
			break;
		case 'n':
			options->count = optarg;
			break;
		case OPTION_JSON:
			options->json = true;
			break;
		case 'h':
		case OPTION_HELP:
			options->help = true;
			break;
		case OPTION_VERSION:
			options->version = true;
			break;
		case '?':
			return -EINVAL;
		default:
			options->filters[option - OPTION_FILTER] = optarg;
		}
	}
	return 0;
}

/* words ends with NULL. On success *ret_argument is the word after the command, or NULL. */
static const struct command *find_command(char *const *words, const char **ret_argument)
{
	for (size_t i = 0; words[0] && i < sizeof(commands) / sizeof(commands[0]); i++) {
		const struct command *command = &commands[i];
		char *const *rest = words + 1;

		if (strcmp(command->name, words[0]) != 0) {
			continue;
		}
		if (command->second && (!rest[0] || strcmp(command->second, *rest++) != 0)) {
			continue;
		}
		if (rest[0] && (!command->takes_argument || rest[1])) {
			continue;
		}
		*ret_argument = rest[0];
		return command;
	}
	return NULL;
}

static bool has_filters(const struct options *options)
{
	for (int i = 0; i < FILTER_COUNT; i++) {
		if (options->filters[i]) {
			return true;
		}
	}
	return false;
}

int main(int argc, char **argv)
{
	struct options options = { .socket = DEFAULT_SOCKET };
	const char *argument = NULL;

	if (parse_options(argc, argv, &options) < 0) {
		return 2;
	}
	if (options.help) {
		print_help(stdout);
		return 0;
	}
	if (options.version) {
		printf("natgwctl %s\n", NATGW_VERSION);
		return 0;
	}
	const struct command *command = find_command(argv + optind, &argument);

	if (command && options.pins && command->fn != command_audit) {
		fprintf(stderr, "natgwctl: --pins goes with audit\n");
		return 2;
	}
	if (command && options.count && command->fn != command_top_destinations &&
	    command->fn != command_top_clients) {
		fprintf(stderr, "natgwctl: -n goes with top\n");
		return 2;
	}
	if (!command || (has_filters(&options) && !command->takes_filters)) {
		fprintf(stderr,
			command ? "natgwctl: --client, --dst, --eip and --state go with sessions\n"
				: "natgwctl: no such command; see natgwctl --help\n");
		return 2;
	}
	int r = command->fn(&options, argument);

	return r < 0 ? 1 : r;
}
