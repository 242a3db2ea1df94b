/* SPDX-License-Identifier: GPL-2.0-only */
/* The words that would be right where a wrong one stands: their list, and the nearest one. Pure. */
#ifndef NATGW_USER_WORDS_H
#define NATGW_USER_WORDS_H

#include <stddef.h>

#define WORDS_LIST_MAX 384
#define WORDS_HINT_MAX 64

struct words {
	const char *wrong;
	const char *nearest; /* NULL: none is near */
	unsigned int nearest_distance;
	char text[WORDS_LIST_MAX]; /* the words added, "a, b, c"; ends early when there are too many
				    */
	size_t length;
};

/* wrong and the words added are borrowed. */
struct words words_begin(const char *wrong);
void words_add(struct words *words, const char *word);

/* "did you mean "x"? " or the empty text. hint has WORDS_HINT_MAX bytes. */
void words_hint(const struct words *words, char *hint);

#endif
