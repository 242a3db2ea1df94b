// SPDX-License-Identifier: GPL-2.0-only
/* The tables of the catalogue, as one. */
#include "catalogue.h"

#include <stdlib.h>

static const struct catalogue_table *const tables[] = {
	&catalogue_answers,	  &catalogue_egress,	&catalogue_forwards,   &catalogue_fragments,
	&catalogue_fragments_bad, &catalogue_icmp,	&catalogue_icmp_more,  &catalogue_link,
	&catalogue_lists,	  &catalogue_malformed, &catalogue_one_to_one, &catalogue_routes,
	&catalogue_rules,	  &catalogue_tcp,	&catalogue_udp,	       &catalogue_way,
};

#define TABLES (sizeof(tables) / sizeof(tables[0]))

typedef const struct path_case *row_pointer;

/* By letter, then by number. */
static int compare(const void *one, const void *other)
{
	const char *left = (*(const row_pointer *)one)->id;
	const char *right = (*(const row_pointer *)other)->id;

	if (*left != *right) {
		return *left - *right;
	}
	return (int)(strtol(left + 1, NULL, 10) - strtol(right + 1, NULL, 10));
}

static row_pointer *collect(size_t count)
{
	row_pointer *rows = calloc(count, sizeof(row_pointer)), *next = rows;

	if (!rows) {
		abort();
	}
	for (size_t i = 0; i < TABLES; i++) {
		for (size_t j = 0; j < tables[i]->count; j++) {
			*next++ = &tables[i]->cases[j];
		}
	}
	qsort(rows, count, sizeof(row_pointer), compare);
	return rows;
}

const struct path_case *const *catalogue_rows(size_t *ret_count)
{
	static row_pointer *rows;
	size_t count = 0;

	for (size_t i = 0; i < TABLES; i++) {
		count += tables[i]->count;
	}
	if (!rows) {
		rows = collect(count);
	}
	*ret_count = count;
	return rows;
}
