// SPDX-License-Identifier: GPL-2.0-only
/*
 * Commands that show what natgwd knows: one question, one answer; what it means in text is
 * output_*.c's. "audit" alone reads the maps, without natgwd (audit_command.c).
 */
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "audit_command.h"
#include "ctl.h"
#include "output_lifecycle.h"
#include "output_text.h"

struct ctl_option ctl_top_options[] = {
	{ .name = "count", .key = "n", .letter = 'n', .help = "N  so many rows, default 20" },
	{},
};

struct ctl_option ctl_audit_options[] = {
	{ .name = "pins", .help = "FOLDER  pin_path of the config, default " AUDIT_COMMAND_PINS },
	{},
};

/* ---- showing ---- */

int ctl_finish(int status)
{
	if (fflush(stdout) != 0 && status == 0) {
		/* natgwctl has one thread. NOLINTNEXTLINE(concurrency-mt-unsafe) */
		fprintf(stderr, "natgwctl: cannot write: %s\n", strerror(errno));
		return 1;
	}
	return status;
}

static int print_answer(const struct ctl *ctl, const struct ctl_answer *answer,
			int (*print)(const json_t *json, FILE *stream))
{
	json_error_t error;
	json_t *json = json_loadb(answer->text, answer->size, 0, &error);
	int r = 0;

	if (!json) {
		fprintf(stderr, "natgwctl: natgwd's answer is not JSON: %s\n", error.text);
		return -EIO;
	}
	if (ctl->json) {
		fputs(answer->text, stdout);
	} else {
		r = print(json, stdout);
		if (r < 0) {
			fprintf(stderr, "natgwctl: out of memory\n");
		}
	}
	json_decref(json);
	return r;
}

int ctl_post(const struct ctl *ctl, const char *path, const char *body, size_t body_size,
	     int (*print)(const json_t *json, FILE *stream))
{
	struct ctl_answer answer = {};
	int r = ctl_ask(ctl, path, body, body_size, &answer);

	if (r == 0) {
		r = print_answer(ctl, &answer, print);
	}
	free(answer.text);
	return ctl_finish(r < 0 ? 1 : r);
}

int ctl_show(const struct ctl *ctl, const char *path,
	     int (*print)(const json_t *json, FILE *stream))
{
	return ctl_post(ctl, path, NULL, 0, print);
}

/* ---- commands ---- */

int ctl_status(const struct ctl *ctl, char *const *words, unsigned int word_count)
{
	(void)words;
	(void)word_count;
	return ctl_show(ctl, "/v1/status", output_text_status);
}

struct ctl_option ctl_describe_options[] = {
	{ .name = "all",
	  .key = "all",
	  .is_switch = true,
	  .help = "  those deleted within the last hour, too" },
	{},
};

int ctl_describe(const struct ctl *ctl, char *const *words, unsigned int word_count)
{
	char path[512] = "/v1/gateways";

	if (word_count > 0 && ctl_append(path, sizeof(path), "name", words[0]) < 0) {
		fprintf(stderr, "natgwctl: no gateway has so long a name\n");
		return 1;
	}
	if (ctl_append_options(path, sizeof(path), ctl_describe_options) < 0) {
		return 1;
	}
	return ctl_show(ctl, path, output_text_gateways);
}

int ctl_eips_list(const struct ctl *ctl, char *const *words, unsigned int word_count)
{
	(void)words;
	(void)word_count;
	return ctl_show(ctl, "/v1/eips", output_lifecycle_eips);
}

int ctl_stats(const struct ctl *ctl, char *const *words, unsigned int word_count)
{
	(void)words;
	(void)word_count;
	return ctl_show(ctl, "/v1/stats", output_text_stats);
}

int ctl_routes_list(const struct ctl *ctl, char *const *words, unsigned int word_count)
{
	(void)words;
	(void)word_count;
	return ctl_show(ctl, "/v1/routes", output_text_routes);
}

static int show_top(const struct ctl *ctl, const char *kind,
		    int (*print)(const json_t *json, FILE *stream))
{
	char path[512];

	snprintf(path, sizeof(path), "/v1/top/%s", kind);
	if (ctl_append_options(path, sizeof(path), ctl_top_options) < 0) {
		return 1;
	}
	return ctl_show(ctl, path, print);
}

int ctl_top_destinations(const struct ctl *ctl, char *const *words, unsigned int word_count)
{
	(void)words;
	(void)word_count;
	return show_top(ctl, "destinations", output_text_top_destinations);
}

int ctl_top_clients(const struct ctl *ctl, char *const *words, unsigned int word_count)
{
	(void)words;
	(void)word_count;
	return show_top(ctl, "clients", output_text_top_clients);
}

int ctl_explain_errors(const struct ctl *ctl, char *const *words, unsigned int word_count)
{
	(void)words;
	(void)word_count;
	return ctl_show(ctl, "/v1/errors", output_text_errors);
}

int ctl_audit(const struct ctl *ctl, char *const *words, unsigned int word_count)
{
	const char *pins = ctl_value(ctl_audit_options, "pins");

	(void)words;
	(void)word_count;
	return audit_command(pins ? pins : AUDIT_COMMAND_PINS, ctl->json);
}
