// SPDX-License-Identifier: GPL-2.0-only
/* Cells are kept until all are there, since the widths are known only then. */
#include "output_table.h"

#include <errno.h>
#include <stdarg.h>
#include <stdbool.h>
#include <stdlib.h>
#include <string.h>

struct output_table {
	char alignment[OUTPUT_TABLE_COLUMNS_MAX + 1];
	size_t columns;
	size_t width[OUTPUT_TABLE_COLUMNS_MAX];
	char **cells;
	size_t count;
	size_t room;
};

struct output_table *output_table_new(const char *alignment)
{
	struct output_table *table = calloc(1, sizeof(*table));

	if (!table) {
		return NULL;
	}
	snprintf(table->alignment, sizeof(table->alignment), "%s", alignment);
	table->columns = strlen(table->alignment);
	return table;
}

void output_table_free(struct output_table *table)
{
	if (!table) {
		return;
	}
	for (size_t i = 0; i < table->count; i++)
		free(table->cells[i]);
	free(table->cells);
	free(table);
}

static int keep(struct output_table *table, char *cell)
{
	if (table->count == table->room) {
		size_t room = table->room ? table->room * 2 : 128;
		char **cells = reallocarray(table->cells, room, sizeof(*cells));

		if (!cells) {
			return -ENOMEM;
		}
		table->cells = cells;
		table->room = room;
	}
	size_t column = table->count % table->columns;
	size_t width = strlen(cell);

	if (width > table->width[column]) {
		table->width[column] = width;
	}
	table->cells[table->count++] = cell;
	return 0;
}

int output_table_add(struct output_table *table, const char *format, ...)
{
	va_list args;
	char *cell = NULL;

	va_start(args, format);
	int length = vasprintf(&cell, format, args);

	va_end(args);
	if (length < 0) {
		return -ENOMEM;
	}
	int r = keep(table, cell);

	if (r < 0) {
		free(cell);
	}
	return r;
}

void output_table_print(const struct output_table *table, FILE *stream)
{
	for (size_t i = 0; i < table->count; i++) {
		size_t column = i % table->columns;
		bool last = column + 1 == table->columns;
		int width = (int)table->width[column];

		if (table->alignment[column] == 'r') {
			fprintf(stream, "%*s", width, table->cells[i]);
		} else {
			/* No blanks at the end of a line. */
			fprintf(stream, "%-*s", last ? 0 : width, table->cells[i]);
		}
		fputs(last ? "\n" : "  ", stream);
	}
}
