// SPDX-License-Identifier: GPL-2.0-only
/* A sorted array that loses its last one when it is full. */
#include "best.h"

#include <string.h>

void best_offer(struct best *best, const void *item)
{
	char *items = best->items;
	size_t low = 0;
	size_t high = best->count;

	while (low < high) {
		size_t middle = low + (high - low) / 2;

		if (best->compare(item, items + middle * best->item_size) < 0) {
			high = middle;
		} else {
			low = middle + 1;
		}
	}
	if (low >= best->room) {
		return;
	}
	if (best->count < best->room) {
		best->count++;
	}
	char *place = items + low * best->item_size;

	memmove(place + best->item_size, place, (best->count - 1 - low) * best->item_size);
	memcpy(place, item, best->item_size);
}
