/* SPDX-License-Identifier: GPL-2.0-only */
/* The first so many of very many, by some order, in a heap: one that is not among them costs a
 * comparison, one that is the logarithm of the room. Pure. */
#ifndef NATGW_USER_HEAP_H
#define NATGW_USER_HEAP_H

#include <stddef.h>

struct heap {
	void *items; /* room for so many, the caller's; the last of them by the order is at 0 */
	size_t item_size;
	size_t room;
	size_t count;
	/* Below 0 when left comes first. */
	int (*compare)(const void *left, const void *right);
};

/* Copies the item in if it is among the first; the last one goes for it. */
void heap_offer(struct heap *heap, const void *item);
/* In order, first one at 0. Nothing can be offered any more. */
void heap_sort(struct heap *heap);

#endif
