// SPDX-License-Identifier: GPL-2.0-only
/*
 * natgwctl check CLIENT DST[:PORT][/PROTO]: asks natgwd, and shows the report to a person on call:
 * the result in the first line, what to change, then the checklist and the decision path.
 */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "ctl.h"
#include "output_list.h"

#define PATH_SIZE 512

static void print_item(const json_t *item, FILE *stream)
{
	const char *result = output_list_text(item, "result");
	const json_t *change = json_object_get(item, "change");

	fprintf(stream, "  %" JSON_INTEGER_FORMAT "  %-4s  %s: %s\n",
		output_list_number(item, "number"), strcmp(result, "fail") == 0 ? "FAIL" : result,
		output_list_text(item, "title"), output_list_text(item, "what"));
	if (json_is_string(change)) {
		fprintf(stream, "           change: %s\n", json_string_value(change));
	}
}

static int print_report(const json_t *json, FILE *stream)
{
	size_t i;
	json_t *item;

	fprintf(stream, "%s\n\nchecklist:\n", output_list_text(json, "summary"));
	json_array_foreach (json_object_get(json, "checklist"), i, item) {
		print_item(item, stream);
	}
	fprintf(stream, "\npath:\n");
	json_array_foreach (json_object_get(json, "path"), i, item) {
		fprintf(stream, "  %-15s  %s\n", output_list_text(item, "step"),
			output_list_text(item, "what"));
	}
	return 0;
}

/* "DST[:PORT][/PROTO]" into the path's query. */
static int append_destination(char *path, const char *word)
{
	char text[64];
	char *port;
	char *proto;
	int r;

	if (snprintf(text, sizeof(text), "%s", word) >= (int)sizeof(text)) {
		return -1;
	}
	proto = strchr(text, '/');
	if (proto) {
		*proto++ = '\0';
	}
	port = strchr(text, ':');
	if (port) {
		*port++ = '\0';
	}
	r = ctl_append(path, PATH_SIZE, "dst", text);
	if (r == 0 && port) {
		r = ctl_append(path, PATH_SIZE, "port", port);
	}
	if (r == 0 && proto) {
		r = ctl_append(path, PATH_SIZE, "proto", proto);
	}
	return r;
}

/* The exit status: 0 where a new session would be translated, 1 where not; 2 is left to what went
 * wrong in asking. */
static int show_report(const struct ctl *ctl, const struct ctl_answer *answer)
{
	json_error_t error;
	json_t *json = json_loadb(answer->text, answer->size, 0, &error);
	bool translated;

	if (!json) {
		fprintf(stderr, "natgwctl: natgwd's answer is not JSON: %s\n", error.text);
		return CTL_USAGE;
	}
	translated = json_is_true(json_object_get(json, "translated"));
	if (ctl->json) {
		fputs(answer->text, stdout);
	} else {
		(void)print_report(json, stdout);
	}
	json_decref(json);
	return ctl_finish(translated ? 0 : 1);
}

int ctl_check(const struct ctl *ctl, char *const *words, unsigned int word_count)
{
	char path[PATH_SIZE] = "/v1/check";
	struct ctl_answer answer = { 0 };
	int status;

	(void)word_count;
	if (ctl_append(path, sizeof(path), "client", words[0]) < 0 ||
	    append_destination(path, words[1]) < 0) {
		fprintf(stderr, "natgwctl: too long; check CLIENT DST[:PORT][/PROTO]\n");
		return CTL_USAGE;
	}
	if (ctl_ask(ctl, path, NULL, 0, &answer) < 0) {
		return CTL_USAGE;
	}
	status = show_report(ctl, &answer);
	free(answer.text);
	return status;
}
