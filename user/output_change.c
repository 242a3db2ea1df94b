// SPDX-License-Identifier: GPL-2.0-only
/* Text of what a change is: line by line what differs, then what that means. */
#include "output_change.h"

#include <stdbool.h>
#include <string.h>

#include "output_list.h"

/* ---- values ---- */

static void print_value(json_t *value, FILE *stream);

/* NOLINTNEXTLINE(misc-no-recursion): as deep as a config is */
static void print_list(json_t *list, FILE *stream)
{
	size_t i;
	json_t *item;

	fputc('[', stream);
	json_array_foreach (list, i, item) {
		fputs(i ? ", " : "", stream);
		print_value(item, stream);
	}
	fputc(']', stream);
}

/* NOLINTNEXTLINE(misc-no-recursion): the same */
static void print_object(json_t *object, FILE *stream)
{
	const char *before = "";
	const char *key;
	json_t *value;

	fputc('{', stream);
	json_object_foreach (object, key, value) {
		fprintf(stream, "%s%s: ", before, key);
		print_value(value, stream);
		before = ", ";
	}
	fputc('}', stream);
}

/* NOLINTNEXTLINE(misc-no-recursion): the same */
static void print_value(json_t *value, FILE *stream)
{
	if (json_is_string(value)) {
		fputs(json_string_value(value), stream);
	} else if (json_is_integer(value)) {
		fprintf(stream, "%" JSON_INTEGER_FORMAT, json_integer_value(value));
	} else if (json_is_array(value)) {
		print_list(value, stream);
	} else if (json_is_object(value)) {
		print_object(value, stream);
	} else {
		fputs("none", stream);
	}
}

/* ---- the difference ---- */

/* Of a gateway, what tells it from others: --json has all of it. */
static void print_gateway(json_t *gateway, FILE *stream)
{
	static const char *const keys[] = { "private_ip", "type",	"mode",
					    "profile",	  "port_range", "tags" };
	json_t *few = json_object();

	for (size_t i = 0; i < sizeof(keys) / sizeof(keys[0]); i++) {
		json_t *value = json_object_get(gateway, keys[i]);

		if (value) {
			json_object_set(few, keys[i], value);
		}
	}
	print_value(few, stream);
	json_decref(few);
}

/* The whole of what is new or gone. */
static void print_whole(const char *object, json_t *value, FILE *stream)
{
	if (json_object_size(value) == 0) {
		return;
	}
	fputs(": ", stream);
	if (strcmp(object, "gateway") == 0) {
		print_gateway(value, stream);
	} else {
		print_value(value, stream);
	}
}

static void print_row(const json_t *row, FILE *stream)
{
	const char *change = output_list_text(row, "change");
	const char *object = output_list_text(row, "object");
	const char *name = output_list_text(row, "name");
	json_t *old = json_object_get(row, "old");
	json_t *new = json_object_get(row, "new");
	bool changed = strcmp(change, "changed") == 0;
	char sign = strcmp(change, "added") == 0 ? '+' : '-';

	fprintf(stream, "%c %s", changed ? '~' : sign, object);
	if (strcmp(object, name) != 0) {
		fprintf(stream, " %s", name);
	}
	if (changed) {
		fprintf(stream, " %s: ", output_list_text(row, "key"));
		print_value(old, stream);
		fputs(" -> ", stream);
		print_value(new, stream);
	} else {
		print_whole(object, new ? new : old, stream);
	}
	fputc('\n', stream);
}

static void print_changes(const json_t *rows, FILE *stream)
{
	size_t i;
	json_t *row;

	if (!json_array_size(rows)) {
		fputs("no difference\n", stream);
	}
	json_array_foreach (rows, i, row) {
		print_row(row, stream);
	}
}

/* ---- what it means ---- */

static int add_pair(struct output_table *table, const json_t *row, const char *key)
{
	const json_t *before = json_object_get(row, "before");
	const json_t *after = json_object_get(row, "after");

	return output_table_add(table, "%" JSON_INTEGER_FORMAT " -> %" JSON_INTEGER_FORMAT,
				output_list_number(before, key), output_list_number(after, key));
}

static int add_capacity(struct output_table *table, const json_t *row)
{
	static const char *const keys[] = { "eips", "ports_per_protocol",
					    "sessions_to_one_destination" };
	const char *gateway = json_string_value(json_object_get(row, "gateway"));
	int r = output_table_add(table, "%s", gateway ? gateway : "all");

	for (size_t i = 0; r == 0 && i < sizeof(keys) / sizeof(keys[0]); i++) {
		r = add_pair(table, row, keys[i]);
	}
	return r;
}

static void print_ending_row(const json_t *row, FILE *stream)
{
	const json_t *sessions = json_object_get(row, "sessions");
	const char *eip = json_string_value(json_object_get(row, "eip"));

	if (json_is_integer(sessions)) {
		fprintf(stream, "%" JSON_INTEGER_FORMAT " sessions", json_integer_value(sessions));
	} else {
		fputs("sessions", stream);
	}
	fprintf(stream, " of %s %s would end, within %" JSON_INTEGER_FORMAT " s\n",
		eip ? "EIP" : "gateway", eip ? eip : output_list_text(row, "gateway"),
		output_list_number(row, "after_s"));
}

static void print_lines(const json_t *list, const char *before, FILE *stream)
{
	size_t i;
	json_t *item;

	json_array_foreach (list, i, item) {
		fprintf(stream, "%s%s\n", before, json_string_value(item));
	}
}

static int print_dry_run(const json_t *json, FILE *stream)
{
	const json_t *capacity = json_object_get(json, "capacity");
	size_t i;
	json_t *row;

	json_array_foreach (json_object_get(json, "sessions_ending"), i, row) {
		print_ending_row(row, stream);
	}
	if (!capacity) {
		return 0;
	}
	fputc('\n', stream);
	return output_list_print(capacity, "llll",
				 OUTPUT_LIST_TEXTS("CAPACITY", "EIPS", "PORTS PER PROTOCOL",
						   "SESSIONS TO ONE DESTINATION"),
				 add_capacity, stream);
}

int output_change(const json_t *json, FILE *stream)
{
	bool dry_run = json_is_true(json_object_get(json, "dry_run"));

	print_changes(json_object_get(json, "changes"), stream);
	print_lines(json_object_get(json, "restart"), "takes a restart of natgwd: ", stream);
	print_lines(json_object_get(json, "warnings"), "warning: ", stream);
	int r = print_dry_run(json, stream);

	fprintf(stream,
		dry_run ? "dry run: nothing has changed; generation %" JSON_INTEGER_FORMAT
			: "applied; generation %" JSON_INTEGER_FORMAT,
		output_list_number(json, "generation"));
	fputs(json_is_true(json_object_get(json, "saved")) ? ", saved\n" : "\n", stream);
	return r;
}

int output_change_block(const json_t *json, FILE *stream)
{
	size_t i;
	json_t *row;

	json_array_foreach (json_object_get(json, "gateways"), i, row) {
		fprintf(stream, "gateway %s is %s\n", output_list_text(row, "name"),
			json_is_true(json_object_get(row, "blocked")) ? "blocked" : "not blocked");
	}
	return 0;
}
