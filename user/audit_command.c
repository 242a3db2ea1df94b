// SPDX-License-Identifier: GPL-2.0-only
/*
 * natgwctl audit: opens the pins, runs the audit, prints what it finds: the first hundred findings,
 * since what breaks one row often breaks thousands.
 */
#include "audit_command.h"

#include <errno.h>
#include <inttypes.h>
#include <jansson.h>
#include <stdio.h>
#include <string.h>

#include "audit.h"

#define SHOWN_MAX 100
#define RULES_END (AUDIT_I6 + 1)

enum {
	STATUS_CLEAN,
	STATUS_FOUND,
	STATUS_UNKNOWN,
};

struct output {
	json_t *list; /* NULL: text */
	uint64_t shown;
	uint64_t more[RULES_END];
};

static void say_unreadable(const char *pins, const char *name, int err)
{
	switch (err) {
	case -ENOENT:
		fprintf(stderr,
			"natgwctl: no map %s in %s: natgw is not attached there; --pins names the pin_path of the config\n",
			name, pins);
		break;
	case -EPROTO:
		fprintf(stderr,
			"natgwctl: the map %s in %s has another layout: use the natgwctl that came with its natgwd\n",
			name, pins);
		break;
	case -EPERM:
	case -EACCES:
		fprintf(stderr, "natgwctl: cannot open the map %s in %s: the audit needs root\n",
			name, pins);
		break;
	default:
		fprintf(stderr, "natgwctl: cannot open the map %s in %s: %s\n", name, pins,
			strerror(-err));
	}
}

static void show(enum audit_rule rule, const char *text, void *arg)
{
	struct output *output = arg;

	if (output->shown == SHOWN_MAX) {
		output->more[rule]++;
		return;
	}
	output->shown++;
	if (output->list) {
		char name[8];

		(void)snprintf(name, sizeof(name), "I%d", (int)rule);
		(void)json_array_append_new(output->list,
					    json_pack("{s:s, s:s}", "rule", name, "text", text));
	} else {
		printf("I%d: %s\n", (int)rule, text);
	}
}

static void show_text_end(const struct output *output, const struct audit_result *result)
{
	const char *between = " (";

	if (result->findings == 0) {
		printf("audit: %" PRIu64 " sessions, nothing found\n", result->sessions);
	}
	if (result->findings <= output->shown) {
		return;
	}
	printf("and %" PRIu64 " more", result->findings - output->shown);
	for (int rule = AUDIT_I1; rule < RULES_END; rule++) {
		if (output->more[rule]) {
			printf("%sI%d: %" PRIu64, between, rule, output->more[rule]);
			between = ", ";
		}
	}
	printf(")\n");
}

static int show_json_end(const struct output *output, const struct audit_result *result)
{
	json_t *json = json_pack("{s:I, s:I, s:O}", "sessions", (json_int_t)result->sessions,
				 "found", (json_int_t)result->findings, "findings", output->list);
	int r = json && json_dumpf(json, stdout, JSON_INDENT(2)) == 0 ? 0 : -ENOMEM;

	json_decref(json);
	printf("\n");
	return r;
}

static int run(const struct audit_maps *maps, struct output *output)
{
	const struct audit_options options = { 0 };
	struct audit_result result;
	int r = audit_run(maps, &options, show, output, &result);

	if (r < 0) {
		fprintf(stderr, "natgwctl: cannot read the maps: %s\n", strerror(-r));
		return STATUS_UNKNOWN;
	}
	if (output->list) {
		r = show_json_end(output, &result);
	} else {
		show_text_end(output, &result);
	}
	if (r < 0 || fflush(stdout) != 0) {
		fprintf(stderr, "natgwctl: cannot write: %s\n", strerror(r < 0 ? -r : errno));
		return STATUS_UNKNOWN;
	}
	return result.findings ? STATUS_FOUND : STATUS_CLEAN;
}

int audit_command(const char *pins, bool json)
{
	struct output output = { .list = json ? json_array() : NULL };
	struct audit_maps maps;
	const char *name;
	int r = audit_open(pins, &maps, &name);
	int status = STATUS_UNKNOWN;

	if (r < 0) {
		say_unreadable(pins, name, r);
	} else {
		status = run(&maps, &output);
	}
	audit_close(&maps);
	json_decref(output.list);
	return status;
}
