// SPDX-License-Identifier: GPL-2.0-only
/* Text of "natgwctl stats", the longest of them. */
#include <errno.h>
#include <string.h>

#include "output_list.h"
#include "output_text.h"

static const char *const protos[] = { "tcp", "udp", "icmp" };
#define PROTOS (sizeof(protos) / sizeof(protos[0]))

static json_int_t packets_of(const json_t *object, const char *key)
{
	return json_integer_value(json_object_get(json_object_get(object, key), "packets"));
}

static int add_text(struct output_table *table, const json_t *object, const char *key)
{
	return output_table_add(table, "%s", output_list_text(object, key));
}

static int add_hooks(struct output_table *table, const json_t *json)
{
	static const char *const headings[] = { "HOOK",	    "PACKETS IN", "OUT", "PASSED",
						"DEFERRED", "DROPPED",	  NULL };
	static const char *const hooks[] = { "xdp", "tc_ingress", "tc_egress" };
	static const char *const columns[] = { "in", "out", "passed", "deferred", "dropped" };
	int r = output_list_add_texts(table, headings);

	for (size_t i = 0; r == 0 && i < sizeof(hooks) / sizeof(hooks[0]); i++) {
		const json_t *hook = json_object_get(json_object_get(json, "hooks"), hooks[i]);

		r = output_table_add(table, "%s", hooks[i]);
		for (size_t j = 0; r == 0 && j < sizeof(columns) / sizeof(columns[0]); j++)
			r = output_list_add_number(table, packets_of(hook, columns[j]));
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
		r = output_list_add_number(table,
					   json_integer_value(json_object_get(item, "packets")));
	}
	return r == 0 ? output_list_add_number(table,
					       json_integer_value(json_object_get(item, "bytes")))
		      : r;
}

static int add_verdicts(struct output_table *table, const json_t *json)
{
	static const char *const headings[] = { "GATEWAY", "HOOK",    "DIRECTION", "CLASS",
						"REASON",  "PACKETS", "BYTES",	   NULL };
	int r = output_list_add_texts(table, headings);
	size_t i;
	json_t *item;

	json_array_foreach (json_object_get(json, "verdicts"), i, item) {
		if (r == 0) {
			r = add_verdict(table, item);
		}
	}
	return r;
}

/* Of an object whose values are all numbers. */
static json_int_t sum_of(json_t *object)
{
	json_int_t sum = 0;
	const char *key;
	json_t *value;

	json_object_foreach (object, key, value) {
		sum += json_integer_value(value);
	}
	return sum;
}

static json_t *of_proto(const json_t *gateway, const char *key, const char *proto)
{
	return json_object_get(json_object_get(gateway, key), proto);
}

/* What became of new sessions, and how sessions ended: a row for each protocol. */
static int add_gateway(struct output_table *table, const json_t *gateway)
{
	static const char *const causes[] = { "fin", "rst", "idle", "halfopen" };
	int r = 0;

	for (size_t i = 0; r == 0 && i < PROTOS; i++) {
		const json_t *closed = of_proto(gateway, "closed", protos[i]);
		const json_int_t numbers[] = {
			json_integer_value(of_proto(gateway, "attempts", protos[i])),
			json_integer_value(of_proto(gateway, "established", protos[i])),
			sum_of(of_proto(gateway, "alloc_errors", protos[i])),
		};

		r = add_text(table, gateway, "gateway");
		if (r == 0) {
			r = output_table_add(table, "%s", protos[i]);
		}
		for (size_t j = 0; r == 0 && j < sizeof(numbers) / sizeof(numbers[0]); j++)
			r = output_list_add_number(table, numbers[j]);
		for (size_t j = 0; r == 0 && j < sizeof(causes) / sizeof(causes[0]); j++) {
			r = output_list_add_number(
				table, json_integer_value(json_object_get(closed, causes[j])));
		}
	}
	return r;
}

static int add_gateways(struct output_table *table, const json_t *json)
{
	static const char *const headings[] = { "GATEWAY",     "PROTO",	  "ATTEMPTS",
						"ESTABLISHED", "REFUSED", "ENDED BY FIN",
						"RST",	       "IDLE",	  "HALF-OPEN",
						NULL };
	int r = output_list_add_texts(table, headings);
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
	static const char *const headings[] = { "GATEWAY", "SIDE", "PACKETS", "BYTES", NULL };
	static const char *const sides[] = { "in_from_source", "out_to_destination",
					     "in_from_destination", "out_to_source" };
	int r = output_list_add_texts(table, headings);
	size_t i;
	json_t *item;

	json_array_foreach (json_object_get(json, "traffic"), i, item) {
		for (size_t j = 0; r == 0 && j < sizeof(sides) / sizeof(sides[0]); j++) {
			const json_t *side = json_object_get(item, sides[j]);

			r = add_text(table, item, "gateway");
			r = r ? r : output_table_add(table, "%s", sides[j]);
			r = r ? r : output_list_add_number(table, packets_of(item, sides[j]));
			r = r ? r
			      : output_list_add_number(
					table, json_integer_value(json_object_get(side, "bytes")));
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
		r = r ? r : output_list_add_number(table, json_integer_value(packets));
	}
	return r;
}

int output_text_stats(const json_t *json, FILE *stream)
{
	static const struct {
		const char *alignment;
		int (*fn)(struct output_table *table, const json_t *json);
	} parts[] = {
		{ "lrrrrr", add_hooks }, { "llrr", add_traffic },     { "llrrrrrrr", add_gateways },
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
