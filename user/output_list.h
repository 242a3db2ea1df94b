/* SPDX-License-Identifier: GPL-2.0-only */
/* From a JSON list to a table of text. What is missing in an object is shown as "-" or 0. */
#ifndef NATGW_USER_OUTPUT_LIST_H
#define NATGW_USER_OUTPUT_LIST_H

#include <jansson.h>
#include <stdio.h>

#include "output_table.h"

/* Texts up to a NULL. */
#define OUTPUT_LIST_TEXTS(...)    \
	(const char *const[])     \
	{                         \
		__VA_ARGS__, NULL \
	}

const char *output_list_text(const json_t *object, const char *key);
json_int_t output_list_number(const json_t *object, const char *key);

/* One cell for each text, or number. 0 or -ENOMEM, as all below. */
int output_list_add_texts(struct output_table *table, const char *const *texts);
int output_list_add_number(struct output_table *table, json_int_t number);
/* "a 1, b 2" of an object of numbers; "-" when it is empty. */
int output_list_add_counts(struct output_table *table, json_t *object);

/* Makes the table, lets fn add one row for each item, prints it. */
int output_list_print(const json_t *list, const char *alignment, const char *const *headings,
		      int (*fn)(struct output_table *table, const json_t *item), FILE *stream);

#endif
