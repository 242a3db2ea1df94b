/* SPDX-License-Identifier: GPL-2.0-only */
/* Columns of text, as wide as their widest cell. Pure. */
#ifndef NATGW_USER_OUTPUT_TABLE_H
#define NATGW_USER_OUTPUT_TABLE_H

#include <stdio.h>

#define OUTPUT_TABLE_COLUMNS_MAX 12

struct output_table;

/* One character for each column: 'l' left, 'r' right. NULL: out of memory. */
struct output_table *output_table_new(const char *alignment);
void output_table_free(struct output_table *table);

/* The next cell; after the last column a new row begins. */
int output_table_add(struct output_table *table, const char *format, ...)
	__attribute__((format(printf, 2, 3)));

void output_table_print(const struct output_table *table, FILE *stream);

#endif
