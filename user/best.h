/* SPDX-License-Identifier: GPL-2.0-only */
/* The greatest few of many, kept while the many go by. Pure. */
#ifndef NATGW_USER_BEST_H
#define NATGW_USER_BEST_H

#include <stddef.h>

struct best {
	void *items; /* room for so many, the caller's; greatest first */
	size_t item_size;
	size_t room;
	size_t count;
	/* Below 0 when left comes first. */
	int (*compare)(const void *left, const void *right);
};

/* Copies the item in if it is among the greatest; one that is not as great goes. */
void best_offer(struct best *best, const void *item);

#endif
