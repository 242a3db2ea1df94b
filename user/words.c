/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * What to say about a word that is not known: the words that are, and the one that was probably
 * meant (at most two letters away).
 */
#include "words.h"

#include <stdio.h>
#include <string.h>

/* Longest word that can be a misspelt one. */
#define WORD_MAX 32
#define NEAR_DISTANCE 2

static unsigned int smallest(unsigned int a, unsigned int b, unsigned int c)
{
	unsigned int least = a < b ? a : b;

	return least < c ? least : c;
}

/* Levenshtein's distance; WORD_MAX when a word is longer than that. */
static unsigned int distance(const char *from, const char *to)
{
	unsigned int row[WORD_MAX + 1];
	size_t from_length = strlen(from);
	size_t to_length = strlen(to);

	if (from_length > WORD_MAX || to_length > WORD_MAX) {
		return WORD_MAX;
	}
	for (unsigned int j = 0; j <= to_length; j++) {
		row[j] = j;
	}
	for (unsigned int i = 1; i <= from_length; i++) {
		unsigned int diagonal = row[0];

		row[0] = i;
		for (unsigned int j = 1; j <= to_length; j++) {
			unsigned int above = row[j];
			unsigned int change = from[i - 1] == to[j - 1] ? 0 : 1;

			row[j] = smallest(above + 1, row[j - 1] + 1, diagonal + change);
			diagonal = above;
		}
	}
	return row[to_length];
}

struct words words_begin(const char *wrong)
{
	return (struct words){ .wrong = wrong, .nearest_distance = NEAR_DISTANCE + 1 };
}

void words_add(struct words *words, const char *word)
{
	unsigned int far = distance(words->wrong, word);
	int added = snprintf(words->text + words->length, WORDS_LIST_MAX - words->length, "%s%s",
			     words->length ? ", " : "", word);

	if (added > 0 && words->length + (size_t)added < WORDS_LIST_MAX) {
		words->length += (size_t)added;
	} else {
		words->text[words->length] = '\0';
	}
	/* A short word is near to everything: at least a part of it must be right. */
	if (far < words->nearest_distance && far < strlen(word)) {
		words->nearest = word;
		words->nearest_distance = far;
	}
}

void words_hint(const struct words *words, char *hint)
{
	hint[0] = '\0';
	if (words->nearest) {
		(void)snprintf(hint, WORDS_HINT_MAX, "did you mean \"%s\"? ", words->nearest);
	}
}
