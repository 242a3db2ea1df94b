// SPDX-License-Identifier: GPL-2.0-only
/* Text of rules, port forwards, 1:1 mappings and the access list. */
#include "output_policy.h"

#include <string.h>

#include "output_list.h"

/* A text or a number; "any" where there is none. */
static int add_or_any(struct output_table *table, const json_t *item, const char *key)
{
	const json_t *value = json_object_get(item, key);

	if (json_is_integer(value)) {
		return output_list_add_number(table, json_integer_value(value));
	}
	return output_table_add(table, "%s",
				json_is_string(value) ? json_string_value(value) : "any");
}

/* The same of what a rule does: "-" where it does nothing. */
static int add_or_none(struct output_table *table, const json_t *item, const char *key)
{
	const json_t *value = json_object_get(item, key);

	return json_is_integer(value) ? output_list_add_number(table, json_integer_value(value))
				      : output_table_add(table, "-");
}

/* ---- a gateway ---- */

void output_policy_gateway(const json_t *gateway, FILE *stream)
{
	const json_t *fragments = json_object_get(gateway, "fragments");
	const json_t *allowed = json_object_get(gateway, "allow_nat_to");
	const char *snat = output_list_text(gateway, "default_snat");
	size_t i;
	json_t *target;

	fprintf(stream, "  type               %s, mode %s\n", output_list_text(gateway, "type"),
		output_list_text(gateway, "mode"));
	fprintf(stream, "  default SNAT       %s", snat);
	if (strcmp(snat, "off") == 0) {
		fprintf(stream, ", unmatched: %s", output_list_text(gateway, "unmatched"));
	}
	fputc('\n', stream);
	fprintf(stream, "  fragments          tcp %s, udp %s, icmp %s\n",
		output_list_text(fragments, "tcp"), output_list_text(fragments, "udp"),
		output_list_text(fragments, "icmp"));
	fprintf(stream, "  ICMP               %s\n", output_list_text(gateway, "icmp"));
	fprintf(stream, "  own route table    %s", output_list_text(gateway, "route_table"));
	json_array_foreach (allowed, i, target) {
		fprintf(stream, "%s%s", i ? ", " : "; also to ", json_string_value(target));
	}
	fputc('\n', stream);
}

static int add_forward(struct output_table *table, const json_t *item)
{
	int r = output_list_add_texts(table,
				      OUTPUT_LIST_TEXTS("", output_list_text(item, "protocol")));

	r = r ? r
	      : output_table_add(table, "%s:%s", output_list_text(item, "address"),
				 output_list_text(item, "ports"));
	return r ? r
		 : output_table_add(table, "%s:%s", output_list_text(item, "to"),
				    output_list_text(item, "to_ports"));
}

int output_policy_forwards(const json_t *gateway, FILE *stream)
{
	const json_t *forwards = json_object_get(gateway, "port_forwards");

	if (json_array_size(forwards) == 0) {
		return 0;
	}
	return output_list_print(forwards, "llll",
				 OUTPUT_LIST_TEXTS("", "PROTO", "FORWARDED", "TO"), add_forward,
				 stream);
}

/* ---- all ---- */

static int add_eips(struct output_table *table, const json_t *item)
{
	const json_t *eips = json_object_get(item, "eips");
	size_t count = json_array_size(eips);

	if (count == 0) {
		return output_table_add(table, "-");
	}
	if (count == 1) {
		return output_table_add(table, "%s", json_string_value(json_array_get(eips, 0)));
	}
	return output_table_add(table, "%s and %zu more",
				json_string_value(json_array_get(eips, 0)), count - 1);
}

static int add_rule(struct output_table *table, const json_t *item)
{
	static const char *const matched[] = { "gateway", "from", "to", "protocol", "ports" };
	int r = output_list_add_number(table, output_list_number(item, "rule"));

	r = r ? r : output_table_add(table, "%s", output_list_text(item, "kind"));
	for (size_t i = 0; r == 0 && i < sizeof(matched) / sizeof(matched[0]); i++)
		r = add_or_any(table, item, matched[i]);
	r = r ? r : add_or_none(table, item, "mark");
	r = r ? r : add_or_none(table, item, "to_port");
	r = r ? r : add_eips(table, item);
	return r ? r : output_list_add_number(table, output_list_number(item, "hits"));
}

static int print_rules(const json_t *json, FILE *stream)
{
	return output_list_print(json, "rlllllrrrlr",
				 OUTPUT_LIST_TEXTS("RULE", "KIND", "GATEWAY", "FROM", "TO", "PROTO",
						   "PORTS", "MARK", "TO PORT", "EIPS", "HITS"),
				 add_rule, stream);
}

static int add_pair(struct output_table *table, const json_t *item)
{
	return output_list_add_texts(table, OUTPUT_LIST_TEXTS(output_list_text(item, "private"),
							      output_list_text(item, "public")));
}

static int print_one_to_one(const json_t *json, FILE *stream)
{
	return output_list_print(json, "ll", OUTPUT_LIST_TEXTS("1:1 PRIVATE", "PUBLIC"), add_pair,
				 stream);
}

static int add_acl(struct output_table *table, const json_t *item)
{
	return output_list_add_texts(table, OUTPUT_LIST_TEXTS(output_list_text(item, "prefix"),
							      output_list_text(item, "action")));
}

static int print_acl(const json_t *json, FILE *stream)
{
	return output_list_print(json, "ll", OUTPUT_LIST_TEXTS("PREFIX", "ACCESS"), add_acl,
				 stream);
}

int output_policy_all(const json_t *json, FILE *stream)
{
	static const struct {
		const char *key;
		int (*print)(const json_t *json, FILE *stream);
	} parts[] = {
		{ "rules", print_rules },
		{ "one_to_one", print_one_to_one },
		{ "acl", print_acl },
	};
	int r = 0;

	for (size_t i = 0; r == 0 && i < sizeof(parts) / sizeof(parts[0]); i++) {
		const json_t *list = json_object_get(json, parts[i].key);

		if (json_array_size(list) == 0) {
			continue;
		}
		fputc('\n', stream);
		r = parts[i].print(list, stream);
	}
	return r;
}
