// SPDX-License-Identifier: GPL-2.0-only
/* Text of "natgwctl stats", the longest of them. */
#include <errno.h>
#include <string.h>

#include "output_table.h"
#include "output_text.h"

static const char *const protos[] = { "tcp", "udp", "icmp" };
#define PROTOS (sizeof(protos) / sizeof(protos[0]))

static json_int_t packets_of(const json_t *object, const char *key)
{
	return json_integer_value(json_object_get(json_object_get(object, key), "packets"));
}

static int add_number(struct output_table *table, json_int_t number)
{
	return output_table_add(table, "%" JSON_INTEGER_FORMAT, number);
}

static int add_text(struct output_table *table, const json_t *object, const char *key)
{
	const char *text = json_string_value(json_object_get(object, key));

	return output_table_add(table, "%s", text && text[0] ? text : "-");
}

static int add_headings(struct output_table *table, const char *const *headings, size_t count)
{
	int r = 0;

	for (size_t i = 0; r == 0 && i < count; i++)
		r = output_table_add(table, "%s", headings[i]);
	return r;
}

static int add_hooks(struct output_table *table, const json_t *json)
{
	static const char *const headings[] = { "HOOK",	  "PACKETS IN", "OUT",
						"PASSED", "DEFERRED",	"DROPPED" };
	static const char *const hooks[] = { "xdp", "tc_ingress", "tc_egress" };
	static const char *const columns[] = { "in", "out", "passed", "deferred", "dropped" };
	int r = add_headings(table, headings, sizeof(headings) / sizeof(headings[0]));

	for (size_t i = 0; r == 0 && i < sizeof(hooks) / sizeof(hooks[0]); i++) {
		const json_t *hook = json_object_get(json_object_get(json, "hooks"), hooks[i]);

		r = output_table_add(table, "%s", hooks[i]);
		for (size_t j = 0; r == 0 && j < sizeof(columns) / sizeof(columns[0]); j++)
			r = add_number(table, packets_of(hook, columns[j]));
	}
	return r;
}

static int add_verdict(struct output_table *table, const json_t *item)
{
	static const char *const keys[] = { "gateway", "hook", "direction", "class", "reason" };
	int r = 0;

	for (size_t i = 0; r == 0 && i < sizeof(keys) / sizeof(keys[0]); i++)
		r = add_text(table, item, keys[i]);
	if (r == 0) {
		r = add_number(table, json_integer_value(json_object_get(item, "packets")));
	}
	return r == 0 ? add_number(table, json_integer_value(json_object_get(item, "bytes"))) : r;
}

static int add_verdicts(struct output_table *table, const json_t *json)
{
	static const char *const headings[] = { "GATEWAY", "HOOK",    "DIRECTION", "CLASS",
						"REASON",  "PACKETS", "BYTES" };
	int r = add_headings(table, headings, sizeof(headings) / sizeof(headings[0]));
	size_t i;
	json_t *item;

	json_array_foreach (json_object_get(json, "verdicts"), i, item) {
		if (r == 0) {
			r = add_verdict(table, item);
		}
	}
	return r;
}

static json_int_t sum_of(const json_t *object, const char *const *keys, size_t count)
{
	json_int_t sum = 0;

	for (size_t i = 0; i < count; i++)
		sum += json_integer_value(json_object_get(object, keys[i]));
	return sum;
}

/* Attempts, established, allocation errors and closed sessions of one gateway, a row for each
 * protocol. */
static int add_gateway(struct output_table *table, const json_t *gateway)
{
	static const char *const error_keys[] = { "port_exhausted", "session_table_full",
						  "no_eip" };
	int r = 0;

	for (size_t i = 0; r == 0 && i < PROTOS; i++) {
		const json_t *closed =
			json_object_get(json_object_get(gateway, "closed"), protos[i]);
		const json_t *errors =
			json_object_get(json_object_get(gateway, "alloc_errors"), protos[i]);
		const json_int_t numbers[] = {
			json_integer_value(
				json_object_get(json_object_get(gateway, "attempts"), protos[i])),
			json_integer_value(json_object_get(json_object_get(gateway, "established"),
							   protos[i])),
			sum_of(errors, error_keys, sizeof(error_keys) / sizeof(error_keys[0])),
			json_integer_value(json_object_get(closed, "idle")),
			json_integer_value(json_object_get(closed, "halfopen")),
		};

		r = add_text(table, gateway, "gateway");
		if (r == 0) {
			r = output_table_add(table, "%s", protos[i]);
		}
		for (size_t j = 0; r == 0 && j < sizeof(numbers) / sizeof(numbers[0]); j++)
			r = add_number(table, numbers[j]);
	}
	return r;
}

static int add_gateways(struct output_table *table, const json_t *json)
{
	static const char *const headings[] = { "GATEWAY",	   "PROTO",	   "ATTEMPTS",
						"ESTABLISHED",	   "ALLOC ERRORS", "IDLE CLOSED",
						"HALF-OPEN CLOSED" };
	int r = add_headings(table, headings, sizeof(headings) / sizeof(headings[0]));
	size_t i;
	json_t *item;

	json_array_foreach (json_object_get(json, "traffic"), i, item) {
		if (r == 0) {
			r = add_gateway(table, item);
		}
	}
	return r;
}

static int add_traffic(struct output_table *table, const json_t *json)
{
	static const char *const headings[] = { "GATEWAY", "SIDE", "PACKETS", "BYTES" };
	static const char *const sides[] = { "in_from_source", "out_to_destination",
					     "in_from_destination", "out_to_source" };
	int r = add_headings(table, headings, sizeof(headings) / sizeof(headings[0]));
	size_t i;
	json_t *item;

	json_array_foreach (json_object_get(json, "traffic"), i, item) {
		for (size_t j = 0; r == 0 && j < sizeof(sides) / sizeof(sides[0]); j++) {
			const json_t *side = json_object_get(item, sides[j]);

			r = add_text(table, item, "gateway");
			r = r ? r : output_table_add(table, "%s", sides[j]);
			r = r ? r : add_number(table, packets_of(item, sides[j]));
			r = r ? r
			      : add_number(table,
					   json_integer_value(json_object_get(side, "bytes")));
		}
	}
	return r;
}

static int add_generated(struct output_table *table, const json_t *json)
{
	const char *kind;
	json_t *packets;
	int r = output_table_add(table, "GENERATED");

	r = r ? r : output_table_add(table, "PACKETS");
	json_object_foreach (json_object_get(json, "generated"), kind, packets) {
		r = r ? r : output_table_add(table, "%s", kind);
		r = r ? r : add_number(table, json_integer_value(packets));
	}
	return r;
}

int output_text_stats(const json_t *json, FILE *stream)
{
	static const struct {
		const char *alignment;
		int (*fn)(struct output_table *table, const json_t *json);
	} parts[] = {
		{ "lrrrrr", add_hooks }, { "llrr", add_traffic },     { "llrrrrr", add_gateways },
		{ "lr", add_generated }, { "lllllrr", add_verdicts },
	};

	for (size_t i = 0; i < sizeof(parts) / sizeof(parts[0]); i++) {
		struct output_table *table = output_table_new(parts[i].alignment);
		int r = table ? parts[i].fn(table, json) : -ENOMEM;

		if (r == 0) {
			fputs(i ? "\n" : "", stream);
			output_table_print(table, stream);
		}
		output_table_free(table);
		if (r < 0) {
			return r;
		}
	}
	return 0;
}
