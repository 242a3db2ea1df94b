// SPDX-License-Identifier: GPL-2.0-only
/* What the text views share. Not responsible for what their columns mean. */
#include "output_list.h"

#include <errno.h>

const char *output_list_text(const json_t *object, const char *key)
{
	const char *text = json_string_value(json_object_get(object, key));

	return text && text[0] ? text : "-";
}

json_int_t output_list_number(const json_t *object, const char *key)
{
	return json_integer_value(json_object_get(object, key));
}

int output_list_add_texts(struct output_table *table, const char *const *texts)
{
	int r = 0;

	for (; r == 0 && *texts; texts++)
		r = output_table_add(table, "%s", *texts);
	return r;
}

int output_list_add_number(struct output_table *table, json_int_t number)
{
	return output_table_add(table, "%" JSON_INTEGER_FORMAT, number);
}

int output_list_add_counts(struct output_table *table, json_t *object)
{
	char text[256] = "-";
	size_t used = 0;
	const char *key;
	json_t *value;

	json_object_foreach (object, key, value) {
		int n = snprintf(text + used, sizeof(text) - used, "%s%s %" JSON_INTEGER_FORMAT,
				 used ? ", " : "", key, json_integer_value(value));

		if (n < 0 || (size_t)n >= sizeof(text) - used) {
			break;
		}
		used += (size_t)n;
	}
	return output_table_add(table, "%s", text);
}

int output_list_print(const json_t *list, const char *alignment, const char *const *headings,
		      int (*fn)(struct output_table *table, const json_t *item), FILE *stream)
{
	struct output_table *table = output_table_new(alignment);
	int r = table ? output_list_add_texts(table, headings) : -ENOMEM;
	size_t i;
	json_t *item;

	json_array_foreach (list, i, item) {
		if (r == 0) {
			r = fn(table, item);
		}
	}
	if (r == 0) {
		output_table_print(table, stream);
	}
	output_table_free(table);
	return r;
}
