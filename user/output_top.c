// SPDX-License-Identifier: GPL-2.0-only
/* Text of "natgwctl top" and "natgwctl explain-errors". */
#include <errno.h>
#include <inttypes.h>
#include <string.h>

#include "output_list.h"
#include "output_text.h"

/* A number that may be null: not known. */
static int add_maybe(struct output_table *table, const json_t *value)
{
	return json_is_integer(value) ? output_list_add_number(table, json_integer_value(value))
				      : output_table_add(table, "-");
}

static int add_endpoint(struct output_table *table, const json_t *item)
{
	return output_table_add(table, "%s:%" JSON_INTEGER_FORMAT,
				output_list_text(item, "destination"),
				output_list_number(item, "port"));
}

/* ---- top destinations ---- */

static int add_destination(struct output_table *table, const json_t *item)
{
	int r = add_endpoint(table, item);

	r = r ? r
	      : output_list_add_texts(table, OUTPUT_LIST_TEXTS(output_list_text(item, "protocol"),
							       output_list_text(item, "gateway"),
							       output_list_text(item, "eip")));
	r = r ? r : output_list_add_number(table, output_list_number(item, "ports_used"));
	r = r ? r : output_list_add_number(table, output_list_number(item, "ports_held"));
	r = r ? r : output_list_add_counts(table, json_object_get(item, "held_by"));
	r = r ? r : output_list_add_number(table, output_list_number(item, "limit"));
	r = r ? r
	      : output_table_add(table, "%.1f%%",
				 json_number_value(json_object_get(item, "used_percent")));
	r = r ? r : add_maybe(table, json_object_get(item, "refused"));
	return r ? r : output_list_add_number(table, output_list_number(item, "clients"));
}

static void print_total(const json_t *json, const char *what, FILE *stream)
{
	fprintf(stream,
		"%" JSON_INTEGER_FORMAT " %s, %" JSON_INTEGER_FORMAT
		" sessions, %" JSON_INTEGER_FORMAT " more hold their port\n\n",
		output_list_number(json, "total"), what, output_list_number(json, "sessions"),
		output_list_number(json, "held"));
}

int output_text_top_destinations(const json_t *json, FILE *stream)
{
	print_total(json, "destinations, each by its EIP", stream);
	return output_list_print(json_object_get(json, "destinations"), "llllrrlrrrr",
				 OUTPUT_LIST_TEXTS("DESTINATION", "PROTO", "GATEWAY", "EIP", "USED",
						   "HELD", "BY", "PORTS", "TAKEN", "REFUSED",
						   "CLIENTS"),
				 add_destination, stream);
}

/* ---- top clients ---- */

static int add_client(struct output_table *table, const json_t *item)
{
	static const char *const numbers[] = { "sessions",     "opening",   "held",
					       "destinations", "bytes_out", "bytes_in" };
	int r = output_list_add_texts(table, OUTPUT_LIST_TEXTS(output_list_text(item, "client"),
							       output_list_text(item, "gateway")));

	for (size_t i = 0; r == 0 && i < sizeof(numbers) / sizeof(numbers[0]); i++)
		r = output_list_add_number(table, output_list_number(item, numbers[i]));
	return r ? r : output_list_add_counts(table, json_object_get(item, "errors"));
}

int output_text_top_clients(const json_t *json, FILE *stream)
{
	print_total(json, "clients", stream);
	return output_list_print(json_object_get(json, "clients"), "llrrrrrrl",
				 OUTPUT_LIST_TEXTS("CLIENT", "GATEWAY", "SESSIONS", "OPENING",
						   "HELD", "DESTINATIONS", "BYTES OUT", "BYTES IN",
						   "REFUSED"),
				 add_client, stream);
}

/* ---- explain-errors ---- */

static int add_counter(struct output_table *table, const json_t *item)
{
	int r = output_list_add_texts(table, OUTPUT_LIST_TEXTS(output_list_text(item, "gateway"),
							       output_list_text(item, "protocol"),
							       output_list_text(item, "reason")));

	return r ? r : output_list_add_number(table, output_list_number(item, "refused"));
}

/* A line of "key: text"; several values are one line each. */
static void print_texts(const char *key, const json_t *list, FILE *stream)
{
	size_t i;
	json_t *text;

	json_array_foreach (list, i, text) {
		fprintf(stream, "  %-12s %s\n", i ? "" : key, json_string_value(text));
	}
}

/* Of a destination each has ports, of a gateway sessions. */
static void print_client(const json_t *client, FILE *stream)
{
	if (json_object_get(client, "ports_used")) {
		fprintf(stream,
			"%s: %" JSON_INTEGER_FORMAT " ports in use, %" JSON_INTEGER_FORMAT
			" held\n",
			output_list_text(client, "client"),
			output_list_number(client, "ports_used"),
			output_list_number(client, "ports_held"));
	} else {
		fprintf(stream,
			"%s: %" JSON_INTEGER_FORMAT " sessions (%" JSON_INTEGER_FORMAT
			" opening), %" JSON_INTEGER_FORMAT " held\n",
			output_list_text(client, "client"), output_list_number(client, "sessions"),
			output_list_number(client, "opening"), output_list_number(client, "held"));
	}
}

static void print_who(const json_t *entry, FILE *stream)
{
	size_t i;
	json_t *item;

	json_array_foreach (json_object_get(entry, "clients"), i, item) {
		fprintf(stream, "  %-12s ", i ? "" : "who");
		print_client(item, stream);
	}
	json_array_foreach (json_object_get(entry, "refused_at"), i, item) {
		fprintf(stream,
			"  %-12s %s port %" JSON_INTEGER_FORMAT
			" (%s), where it has %" JSON_INTEGER_FORMAT " ports\n",
			i ? "" : "refused at", output_list_text(item, "destination"),
			output_list_number(item, "port"), output_list_text(item, "protocol"),
			output_list_number(item, "ports"));
	}
}

static const char *describe_ending(const char *ending)
{
	static const char *const endings[][2] = {
		{ "fin", "both sides close" },	 { "rst", "end by RST" },
		{ "halfopen", "get no answer" }, { "unreplied", "get no reply" },
		{ "idle", "end by being idle" },
	};

	for (size_t i = 0; i < sizeof(endings) / sizeof(endings[0]); i++) {
		if (strcmp(endings[i][0], ending) == 0) {
			return endings[i][1];
		}
	}
	return ending;
}

static void print_rates(const json_t *entry, FILE *stream)
{
	size_t i;
	json_t *rate;

	json_array_foreach (json_object_get(entry, "sustainable"), i, rate) {
		fprintf(stream,
			"  %-12s %.4g new connections a second that %s (%" JSON_INTEGER_FORMAT
			" ports, each taken for %.0f s)\n",
			i ? "" : "sustainable",
			json_number_value(json_object_get(rate, "per_second")),
			describe_ending(output_list_text(rate, "ending")),
			output_list_number(entry, "limit"),
			json_number_value(json_object_get(rate, "seconds")));
	}
}

static void print_entry(const json_t *entry, FILE *stream)
{
	const json_t *refused = json_object_get(entry, "refused");

	fprintf(stream, "\n%s at gateway %s\n", output_list_text(entry, "reason"),
		output_list_text(entry, "gateway"));
	fprintf(stream, "  %-12s %s\n", "what", output_list_text(entry, "what"));
	fprintf(stream, "  %-12s ", "refused");
	if (json_is_integer(refused)) {
		fprintf(stream, "%" JSON_INTEGER_FORMAT "; ", json_integer_value(refused));
	}
	fprintf(stream, "events kept: %" JSON_INTEGER_FORMAT ", the last at %s\n",
		output_list_number(entry, "events"), output_list_text(entry, "last"));
	print_who(entry, stream);
	print_rates(entry, stream);
	print_texts("would help", json_object_get(entry, "help"), stream);
}

int output_text_errors(const json_t *json, FILE *stream)
{
	const json_t *counters = json_object_get(json, "counters");
	size_t i;
	json_t *entry;

	if (json_array_size(counters) == 0) {
		fputs("no new session has been refused\n", stream);
		return 0;
	}
	int r = output_list_print(counters, "lllr",
				  OUTPUT_LIST_TEXTS("GATEWAY", "PROTO", "REASON", "REFUSED"),
				  add_counter, stream);

	json_array_foreach (json_object_get(json, "errors"), i, entry) {
		print_entry(entry, stream);
	}
	return r;
}
