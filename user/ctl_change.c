// SPDX-License-Identifier: GPL-2.0-only
/*
 * Commands that change something. The words go to natgwd as they are: it knows what is right. Exit
 * status 1 also when the change is in force and could not be saved.
 */
#include <errno.h>
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "cleanup.h"
#include "ctl.h"
#include "output_change.h"

#define PATH_SIZE 1024
#define FILE_MAX 1048576 /* bytes that natgwd takes */
#define WAIT_S 30
#define WAIT_PAUSE_NS 50000000

#define COMMON_OPTIONS                                                        \
	{ .name = "dry-run",                                                  \
	  .key = "dry_run",                                                   \
	  .is_switch = true,                                                  \
	  .help = "  say what would change, and change nothing" },            \
	{                                                                     \
		.name = "save", .key = "save", .is_switch = true,             \
		.help = "  write the config file, too, in its canonical form" \
	}

struct ctl_option ctl_change_options[] = { COMMON_OPTIONS, {} };

struct ctl_option ctl_create_options[] = {
	{ .name = "private-ip", .help = "ADDRESS  of this host, or auto (default)" },
	{ .name = "eip", .help = "LIST  EIPs: addresses, ranges, prefixes, with commas" },
	{ .name = "subnet", .help = "LIST  prefixes that get a route table with this gateway" },
	{ .name = "profile", .help = "NAME  natgw, aws, azure, gcp or rfc" },
	{ .name = "wait", .is_switch = true, .help = "  until it is available or failed" },
	COMMON_OPTIONS,
	{},
};

struct ctl_option ctl_detach_options[] = {
	{ .name = "drain", .help = "SECONDS  that its sessions have, in place of the gateway's" },
	COMMON_OPTIONS,
	{},
};

/* ---- asking ---- */

static int refuse_words(const char *format, ...) __attribute__((format(printf, 1, 2)));

static int refuse_words(const char *format, ...)
{
	va_list args;

	fputs("natgwctl: ", stderr);
	va_start(args, format);
	vfprintf(stderr, format, args);
	va_end(args);
	fputc('\n', stderr);
	return CTL_USAGE;
}

static int say_memory(void)
{
	fputs("natgwctl: out of memory\n", stderr);
	return 1;
}

/* The exit status. */
static int print_answer(const struct ctl *ctl, const struct ctl_answer *answer)
{
	json_t *json = json_loadb(answer->text, answer->size, 0, NULL);
	const char *save_error = json_string_value(json_object_get(json, "save_error"));
	int status = json ? 0 : 1;

	if (!json) {
		fputs("natgwctl: natgwd's answer is not JSON\n", stderr);
	} else if (ctl->json) {
		fputs(answer->text, stdout);
	} else if (output_change(json, stdout) < 0) {
		status = say_memory();
	}
	if (save_error) {
		fprintf(stderr, "natgwctl: the change is in force, but not saved: %s\n",
			save_error);
		status = 1;
	}
	json_decref(json);
	return ctl_finish(status);
}

/* options: those of the query. */
static int post_text(const struct ctl *ctl, const char *to, const struct ctl_option *options,
		     const char *body, size_t size)
{
	struct ctl_answer answer = {};
	char path[PATH_SIZE];

	(void)snprintf(path, sizeof(path), "%s", to);
	if (ctl_append_options(path, sizeof(path), options) < 0 ||
	    ctl_ask(ctl, path, body, size, &answer) < 0) {
		return 1;
	}
	int status = print_answer(ctl, &answer);

	free(answer.text);
	return status;
}

/* Takes body over. */
static int post_json(const struct ctl *ctl, const char *to, const struct ctl_option *options,
		     json_t *body)
{
	_cleanup_free_ char *text = body ? json_dumps(body, JSON_COMPACT) : NULL;

	json_decref(body);
	return text ? post_text(ctl, to, options, text, strlen(text)) : say_memory();
}

/* ---- apply ---- */

/* All of it; "-": standard input. False, and said so. */
static bool read_file(const char *name, char **ret_text, size_t *ret_size)
{
	bool is_stdin = strcmp(name, "-") == 0;
	FILE *stream = is_stdin ? stdin : fopen(name, "re");
	char *text = malloc(FILE_MAX + 1);
	size_t size = text && stream ? fread(text, 1, FILE_MAX + 1, stream) : 0;
	bool failed = !stream || ferror(stream);

	if (failed || !text || size > FILE_MAX) {
		/* natgwctl has one thread. NOLINTNEXTLINE(concurrency-mt-unsafe) */
		const char *why = failed ? strerror(errno) : "out of memory";

		fprintf(stderr, "natgwctl: cannot read %s: %s\n", name,
			size > FILE_MAX ? "it has more than 1 MiB" : why);
		failed = true;
	}
	if (stream && !is_stdin) {
		fclose(stream);
	}
	if (failed) {
		free(text);
		return false;
	}
	*ret_text = text;
	*ret_size = size;
	return true;
}

int ctl_apply(const struct ctl *ctl, char *const *words, unsigned int word_count)
{
	_cleanup_free_ char *text = NULL;
	char path[PATH_SIZE] = "/v1/apply";
	size_t size = 0;

	(void)word_count;
	if (!read_file(words[0], &text, &size)) {
		return 1;
	}
	if (ctl_append(path, sizeof(path), "file",
		       strcmp(words[0], "-") == 0 ? "standard input" : words[0]) < 0) {
		return refuse_words("the name of the file is too long");
	}
	return post_text(ctl, path, ctl_change_options, text, size);
}

/* ---- gateways ---- */

/* Of the gateway's row in an answer of /v1/gateways; the caller frees it. NULL: not there. */
static char *state_in(const struct ctl_answer *answer, char **ret_reason)
{
	json_t *json = json_loadb(answer->text, answer->size, 0, NULL);
	const json_t *row = json_array_get(json_object_get(json, "gateways"), 0);
	const char *state = json_string_value(json_object_get(row, "state"));
	const char *reason = json_string_value(json_object_get(row, "failure_message"));
	char *copy = state ? strdup(state) : NULL;

	*ret_reason = reason ? strdup(reason) : NULL;
	json_decref(json);
	return copy;
}

/* The exit status when it is known, -1: not yet. */
static int look(const struct ctl *ctl, const char *path, const char *name)
{
	static const struct timespec pause = { .tv_nsec = WAIT_PAUSE_NS };
	_cleanup_free_ char *reason = NULL;
	_cleanup_free_ char *state = NULL;
	struct ctl_answer answer = {};

	if (ctl_ask(ctl, path, NULL, 0, &answer) < 0) {
		return 1;
	}
	state = state_in(&answer, &reason);
	free(answer.text);
	if (state && strcmp(state, "available") == 0) {
		return 0;
	}
	if (state && strcmp(state, "failed") == 0) {
		fprintf(stderr, "natgwctl: gateway %s is failed: %s\n", name,
			reason ? reason : "natgwctl describe says why");
		return 1;
	}
	nanosleep(&pause, NULL);
	return -1;
}

static int wait_available(const struct ctl *ctl, const char *name)
{
	char path[PATH_SIZE] = "/v1/gateways";
	time_t end = time(NULL) + WAIT_S;
	int status = ctl_append(path, sizeof(path), "name", name) < 0 ? 1 : -1;

	while (status < 0 && time(NULL) < end) {
		status = look(ctl, path, name);
	}
	if (status < 0) {
		fprintf(stderr, "natgwctl: gateway %s is not available after %d s\n", name, WAIT_S);
	}
	return status < 0 ? 1 : status;
}

static int set_text(json_t *object, const char *key, const char *value)
{
	return value ? json_object_set_new(object, key, json_string(value)) : 0;
}

int ctl_gateways_create(const struct ctl *ctl, char *const *words, unsigned int word_count)
{
	const struct ctl_option *options = ctl_create_options;
	const char *private_ip = ctl_value(options, "private-ip");
	const char *eips = ctl_value(options, "eip");
	json_t *body = json_object();

	(void)word_count;
	if (!eips) {
		json_decref(body);
		return refuse_words("gateways create needs --eip LIST");
	}
	if (set_text(body, "name", words[0]) ||
	    set_text(body, "private_ip", private_ip ? private_ip : "auto") ||
	    set_text(body, "eips", eips) ||
	    set_text(body, "subnets", ctl_value(options, "subnet")) ||
	    set_text(body, "profile", ctl_value(options, "profile"))) {
		json_decref(body);
		return say_memory();
	}
	int status = post_json(ctl, "/v1/gateways/create", options, body);

	if (status || !ctl_value(options, "wait") || ctl_value(options, "dry-run")) {
		return status;
	}
	return wait_available(ctl, words[0]);
}

int ctl_gateways_delete(const struct ctl *ctl, char *const *words, unsigned int word_count)
{
	(void)word_count;
	return post_json(ctl, "/v1/gateways/delete", ctl_change_options,
			 json_pack("{s:s}", "name", words[0]));
}

int ctl_gateways_tag(const struct ctl *ctl, char *const *words, unsigned int word_count)
{
	json_t *tags = json_object();

	for (unsigned int i = 1; i < word_count; i++) {
		const char *equals = strchr(words[i], '=');
		_cleanup_free_ char *key =
			equals ? strndup(words[i], (size_t)(equals - words[i])) : NULL;

		if (!equals) {
			json_decref(tags);
			return refuse_words(
				"\"%s\" is no tag; write key=value, or key= to take it away",
				words[i]);
		}
		if (!key || json_object_set_new(tags, key, json_string(equals + 1)) < 0) {
			json_decref(tags);
			return say_memory();
		}
	}
	return post_json(ctl, "/v1/gateways/tag", ctl_change_options,
			 json_pack("{s:s, s:o}", "name", words[0], "tags", tags));
}

/* ---- EIPs, routes, the switch ---- */

int ctl_eips_attach(const struct ctl *ctl, char *const *words, unsigned int word_count)
{
	(void)word_count;
	return post_json(ctl, "/v1/eips/attach", ctl_change_options,
			 json_pack("{s:s, s:s}", "gateway", words[0], "eips", words[1]));
}

int ctl_eips_detach(const struct ctl *ctl, char *const *words, unsigned int word_count)
{
	const char *drain = ctl_value(ctl_detach_options, "drain");
	json_t *body = json_pack("{s:s, s:s}", "gateway", words[0], "eips", words[1]);
	char *end = NULL;

	(void)word_count;
	if (drain) {
		long seconds = strtol(drain, &end, 10);

		if (end == drain || *end || seconds < 1 || seconds > 4000) {
			json_decref(body);
			return refuse_words("--drain %s is not a number of seconds from 1 to 4000",
					    drain);
		}
		if (json_object_set_new(body, "drain_s", json_integer(seconds)) < 0) {
			json_decref(body);
			return say_memory();
		}
	}
	return post_json(ctl, "/v1/eips/detach", ctl_detach_options, body);
}

int ctl_routes_replace(const struct ctl *ctl, char *const *words, unsigned int word_count)
{
	(void)word_count;
	return post_json(ctl, "/v1/routes/replace", ctl_change_options,
			 json_pack("{s:s, s:s, s:s}", "table", words[0], "to", words[1], "target",
				   words[2]));
}

int ctl_block(const struct ctl *ctl, char *const *words, unsigned int word_count)
{
	bool on = strcmp(words[0], "on") == 0;
	_cleanup_free_ char *text = NULL;
	json_t *body;

	if (!on && strcmp(words[0], "off") != 0) {
		return refuse_words("block %s: it is on or off", words[0]);
	}
	body = json_pack("{s:b, s:s*}", "blocked", on, "gateway", word_count > 1 ? words[1] : NULL);
	text = body ? json_dumps(body, JSON_COMPACT) : NULL;
	json_decref(body);
	return text ? ctl_post(ctl, "/v1/block", text, strlen(text), output_change_block)
		    : say_memory();
}
