// SPDX-License-Identifier: GPL-2.0-only
/* Rates from counters: two answers of /v1/stats and the time between them. */
#include "output_watch.h"

#include <errno.h>
#include <string.h>

#include "output_list.h"

/* ---- looking things up ---- */

static json_int_t number_in(const json_t *object, const char *outer, const char *key)
{
	return output_list_number(json_object_get(object, outer), key);
}

static json_int_t sum_of_numbers(json_t *object)
{
	const char *key;
	json_t *value;
	json_int_t sum = 0;

	json_object_foreach (object, key, value) {
		sum += json_integer_value(value);
	}
	return sum;
}

/* Of the numbers in an object, and in the objects in it. */
static json_int_t sum_of(json_t *object)
{
	const char *key;
	json_t *value;
	json_int_t sum = sum_of_numbers(object);

	json_object_foreach (object, key, value) {
		sum += sum_of_numbers(value);
	}
	return sum;
}

/* The object of the list that has this text under the key; NULL: none. */
static json_t *find(const json_t *list, const char *key, const char *text)
{
	size_t i;
	json_t *item;

	json_array_foreach (list, i, item) {
		if (strcmp(output_list_text(item, key), text) == 0) {
			return item;
		}
	}
	return NULL;
}

/* Counters do not go back; a natgwd that has begun anew is no rate. */
static double per_second(json_int_t before, json_int_t now, double seconds)
{
	return now > before && seconds > 0 ? (double)(now - before) / seconds : 0;
}

/* ---- the frame ---- */

/* Sum over the protocols of what is in use now. */
static json_int_t active(const json_t *gateway, const char *key)
{
	const char *proto;
	json_t *counts;
	json_int_t sum = 0;

	json_object_foreach (json_object_get(gateway, "active"), proto, counts) {
		sum += output_list_number(counts, key);
	}
	return sum;
}

static json_t *gateway_rates(const json_t *before, const json_t *now, double seconds)
{
	static const struct {
		const char *name;
		const char *outer;
		const char *key; /* NULL: all in outer */
		int factor;
	} rates[] = {
		{ "out_packets", "out_to_destination", "packets", 1 },
		{ "out_bits", "out_to_destination", "bytes", 8 },
		{ "in_packets", "out_to_source", "packets", 1 },
		{ "in_bits", "out_to_source", "bytes", 8 },
		{ "new", "created", NULL, 1 },
		{ "closed", "closed", NULL, 1 },
		{ "refused", "alloc_errors", NULL, 1 },
	};
	json_t *row = json_object();

	for (size_t i = 0; i < sizeof(rates) / sizeof(rates[0]); i++) {
		const char *outer = rates[i].outer;
		const char *key = rates[i].key;
		json_int_t from = key ? number_in(before, outer, key)
				      : sum_of(json_object_get(before, outer));
		json_int_t to =
			key ? number_in(now, outer, key) : sum_of(json_object_get(now, outer));

		(void)json_object_set_new(
			row, rates[i].name,
			json_real(rates[i].factor * per_second(from, to, seconds)));
	}
	return row;
}

static json_t *gateways_json(const struct output_watch_look *before,
			     const struct output_watch_look *now)
{
	const json_t *list = json_object_get(now->gateways, "gateways");
	json_t *rows = json_array();
	size_t i;
	json_t *gateway;

	json_array_foreach (list, i, gateway) {
		const char *name = output_list_text(gateway, "name");
		const json_t *from =
			find(json_object_get(before->stats, "traffic"), "gateway", name);
		const json_t *to = find(json_object_get(now->stats, "traffic"), "gateway", name);
		json_t *row = gateway_rates(from, to, from ? now->at - before->at : 0);

		(void)json_object_set(row, "gateway", json_object_get(gateway, "name"));
		(void)json_object_set(row, "state", json_object_get(gateway, "state"));
		(void)json_object_set_new(row, "established",
					  json_integer(active(gateway, "established")));
		(void)json_object_set_new(row, "opening", json_integer(active(gateway, "opening")));
		(void)json_object_set_new(row, "held", json_integer(active(gateway, "held")));
		(void)json_array_append_new(rows, row);
	}
	return rows;
}

static json_t *eips_json(const struct output_watch_look *now)
{
	json_t *rows = json_array();
	size_t i;
	json_t *gateway;

	json_array_foreach (json_object_get(now->gateways, "gateways"), i, gateway) {
		size_t j;
		json_t *eip;

		json_array_foreach (json_object_get(gateway, "eips"), j, eip) {
			json_t *row = json_object();

			(void)json_object_set(row, "eip", json_object_get(eip, "address"));
			(void)json_object_set(row, "gateway", json_object_get(gateway, "name"));
			(void)json_object_set(row, "ports_in_use",
					      json_object_get(eip, "ports_in_use"));
			(void)json_array_append_new(rows, row);
		}
	}
	return rows;
}

/* Packets by reason, of all gateways and hooks. */
static json_t *count_drops(const json_t *stats)
{
	json_t *counts = json_object();
	size_t i;
	json_t *row;

	json_array_foreach (json_object_get(stats, "verdicts"), i, row) {
		const char *reason = output_list_text(row, "reason");

		if (strcmp(output_list_text(row, "class"), "drop") == 0) {
			(void)json_object_set_new(counts, reason,
						  json_integer(output_list_number(counts, reason) +
							       output_list_number(row, "packets")));
		}
	}
	return counts;
}

static json_t *drops_json(const struct output_watch_look *before,
			  const struct output_watch_look *now)
{
	json_t *from = count_drops(before->stats);
	json_t *to = count_drops(now->stats);
	json_t *rows = json_array();
	const char *reason;
	json_t *count;

	json_object_foreach (to, reason, count) {
		double rate = per_second(output_list_number(from, reason),
					 json_integer_value(count), now->at - before->at);

		(void)json_array_append_new(rows, json_pack("{s:s, s:f, s:O}", "reason", reason,
							    "per_second", rate, "packets", count));
	}
	json_decref(from);
	json_decref(to);
	return rows;
}

json_t *output_watch_frame(const struct output_watch_look *before,
			   const struct output_watch_look *now)
{
	return json_pack("{s:o, s:o, s:O*, s:O*, s:o, s:I, s:I, s:I}", "gateways",
			 gateways_json(before, now), "eips", eips_json(now), "clients",
			 json_object_get(now->clients, "clients"), "destinations",
			 json_object_get(now->destinations, "destinations"), "drops",
			 drops_json(before, now), "sessions",
			 output_list_number(now->status, "sessions"), "sessions_held",
			 output_list_number(now->status, "held"), "sessions_max",
			 output_list_number(now->status, "sessions_max"));
}

/* ---- text ---- */

/* "12.3M": three digits say enough on a screen. */
static int add_rate(struct output_table *table, const json_t *item, const char *key)
{
	static const char *const units[] = { "", "k", "M", "G", "T" };
	double value = json_number_value(json_object_get(item, key));
	size_t unit = 0;

	while (value >= 1000 && unit + 1 < sizeof(units) / sizeof(units[0])) {
		value /= 1000;
		unit++;
	}
	return output_table_add(table, unit || value < 10 ? "%.1f%s" : "%.0f%s", value,
				units[unit]);
}

static int add_gateway(struct output_table *table, const json_t *item)
{
	static const char *const rates[] = { "out_packets", "out_bits", "in_packets", "in_bits",
					     "new",	    "closed",	"refused" };
	static const char *const counts[] = { "established", "opening", "held" };
	int r = output_list_add_texts(table, OUTPUT_LIST_TEXTS(output_list_text(item, "gateway"),
							       output_list_text(item, "state")));

	for (size_t i = 0; r == 0 && i < sizeof(rates) / sizeof(rates[0]); i++)
		r = add_rate(table, item, rates[i]);
	for (size_t i = 0; r == 0 && i < sizeof(counts) / sizeof(counts[0]); i++)
		r = output_list_add_number(table, output_list_number(item, counts[i]));
	return r;
}

static int add_eip(struct output_table *table, const json_t *item)
{
	static const char *const protos[] = { "tcp", "udp", "icmp" };
	int r = output_list_add_texts(table, OUTPUT_LIST_TEXTS(output_list_text(item, "eip"),
							       output_list_text(item, "gateway")));

	for (size_t i = 0; r == 0 && i < sizeof(protos) / sizeof(protos[0]); i++)
		r = output_list_add_number(table, number_in(item, "ports_in_use", protos[i]));
	return r;
}

static int add_client(struct output_table *table, const json_t *item)
{
	static const char *const counts[] = { "sessions", "opening", "held", "bytes_out",
					      "bytes_in" };
	int r = output_list_add_texts(table, OUTPUT_LIST_TEXTS(output_list_text(item, "client"),
							       output_list_text(item, "gateway")));

	for (size_t i = 0; r == 0 && i < sizeof(counts) / sizeof(counts[0]); i++)
		r = output_list_add_number(table, output_list_number(item, counts[i]));
	return r;
}

static int add_destination(struct output_table *table, const json_t *item)
{
	int r = output_table_add(table, "%s:%" JSON_INTEGER_FORMAT,
				 output_list_text(item, "destination"),
				 output_list_number(item, "port"));

	r = r ? r
	      : output_list_add_texts(table, OUTPUT_LIST_TEXTS(output_list_text(item, "protocol"),
							       output_list_text(item, "eip")));
	r = r ? r : output_list_add_number(table, output_list_number(item, "ports_used"));
	r = r ? r : output_list_add_number(table, output_list_number(item, "ports_held"));
	return r ? r
		 : output_table_add(table, "%.1f",
				    json_number_value(json_object_get(item, "used_percent")));
}

static int add_drop(struct output_table *table, const json_t *item)
{
	int r = output_table_add(table, "%s", output_list_text(item, "reason"));

	r = r ? r : add_rate(table, item, "per_second");
	return r ? r : output_list_add_number(table, output_list_number(item, "packets"));
}

struct list {
	const char *key; /* in the frame */
	const char *alignment;
	const char *headings[13]; /* one more than there may be columns */
	int (*fn)(struct output_table *table, const json_t *item);
};

static const struct list lists[] = {
	{ "gateways",
	  "llrrrrrrrrrr",
	  { "GATEWAY", "STATE", "OUT PKT/S", "OUT BIT/S", "IN PKT/S", "IN BIT/S", "NEW/S",
	    "CLOSED/S", "REFUSED/S", "ESTABLISHED", "OPENING", "HELD" },
	  add_gateway },
	{ "eips", "llrrr", { "EIP", "GATEWAY", "TCP PORTS", "UDP PORTS", "ICMP IDS" }, add_eip },
	{ "clients",
	  "llrrrrr",
	  { "CLIENT", "GATEWAY", "SESSIONS", "OPENING", "HELD", "BYTES OUT", "BYTES IN" },
	  add_client },
	{ "destinations",
	  "lllrrr",
	  { "DESTINATION", "PROTO", "EIP", "PORTS USED", "HELD", "USED %" },
	  add_destination },
	{ "drops", "lrr", { "DROPPED", "PKT/S", "PACKETS" }, add_drop },
};

int output_watch_print(const json_t *frame, FILE *stream)
{
	int r = 0;

	fprintf(stream,
		"sessions %" JSON_INTEGER_FORMAT ", and %" JSON_INTEGER_FORMAT
		" that only hold their port, of %" JSON_INTEGER_FORMAT "\n",
		output_list_number(frame, "sessions"), output_list_number(frame, "sessions_held"),
		output_list_number(frame, "sessions_max"));
	for (size_t i = 0; r == 0 && i < sizeof(lists) / sizeof(lists[0]); i++) {
		const json_t *items = json_object_get(frame, lists[i].key);

		/* Nothing of a list that is empty. */
		if (json_array_size(items) > 0) {
			fputc('\n', stream);
			r = output_list_print(items, lists[i].alignment, lists[i].headings,
					      lists[i].fn, stream);
		}
	}
	return r;
}
