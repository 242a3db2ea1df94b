// SPDX-License-Identifier: GPL-2.0-only
/* Text of natgwctl about states, failures and tags. Not responsible for what they mean. */
#include "output_lifecycle.h"

#include <string.h>

#include "output_list.h"

static void print_failure(const json_t *object, FILE *stream)
{
	const char *code = output_list_text(object, "failure_code");

	if (json_string_length(json_object_get(object, "failure_code"))) {
		fprintf(stream, "  failure            %s: %s\n", code,
			output_list_text(object, "failure_message"));
	}
}

static void print_expiry(const json_t *object, FILE *stream)
{
	const json_t *expires = json_object_get(object, "expires_in_s");

	if (json_is_integer(expires)) {
		fprintf(stream, "  forgotten in       %" JSON_INTEGER_FORMAT "s\n",
			json_integer_value(expires));
	}
}

void output_lifecycle_gateway(const json_t *gateway, FILE *stream)
{
	json_t *tags = json_object_get(gateway, "tags");
	const char *separator = "";
	const char *name;
	json_t *value;

	print_failure(gateway, stream);
	print_expiry(gateway, stream);
	if (!json_object_size(tags)) {
		return;
	}
	fprintf(stream, "  tags               ");
	json_object_foreach (tags, name, value) {
		fprintf(stream, "%s%s=%s", separator, name, json_string_value(value));
		separator = ", ";
	}
	fputc('\n', stream);
}

int output_lifecycle_records(const json_t *json, bool first, FILE *stream)
{
	json_t *record;
	size_t i;

	json_array_foreach (json_object_get(json, "records"), i, record) {
		fprintf(stream, "%sgateway %s\n", first && i == 0 ? "" : "\n",
			output_list_text(record, "name"));
		fprintf(stream, "  state              %s\n", output_list_text(record, "state"));
		print_failure(record, stream);
		print_expiry(record, stream);
	}
	return 0;
}

static int add_eip(struct output_table *table, const json_t *item)
{
	int r = output_list_add_texts(table, OUTPUT_LIST_TEXTS(output_list_text(item, "address"),
							       output_list_text(item, "gateway"),
							       output_list_text(item, "state")));

	return r ? r : output_list_add_number(table, output_list_number(item, "drain_remaining_s"));
}

int output_lifecycle_eips(const json_t *json, FILE *stream)
{
	return output_list_print(json_object_get(json, "eips"), "lllr",
				 OUTPUT_LIST_TEXTS("EIP", "GATEWAY", "STATE", "DRAIN S"), add_eip,
				 stream);
}
