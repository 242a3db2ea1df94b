// SPDX-License-Identifier: GPL-2.0-only
/* A binary heap that keeps the last one by the order on top, where it is replaced. */
#include "heap.h"

#include <stdlib.h>
#include <string.h>

static char *place(const struct heap *heap, size_t i)
{
	return (char *)heap->items + i * heap->item_size;
}

/* Item i belongs below this place's parent, which is moved down for it. */
static void sift_up(struct heap *heap, size_t i, const void *item)
{
	while (i > 0) {
		size_t parent = (i - 1) / 2;

		if (heap->compare(place(heap, parent), item) >= 0) {
			break;
		}
		memcpy(place(heap, i), place(heap, parent), heap->item_size);
		i = parent;
	}
	memcpy(place(heap, i), item, heap->item_size);
}

static void sift_down(struct heap *heap, const void *item)
{
	size_t i = 0;

	for (size_t child = 1; child < heap->count; child = 2 * i + 1) {
		if (child + 1 < heap->count &&
		    heap->compare(place(heap, child), place(heap, child + 1)) < 0) {
			child++;
		}
		if (heap->compare(item, place(heap, child)) >= 0) {
			break;
		}
		memcpy(place(heap, i), place(heap, child), heap->item_size);
		i = child;
	}
	memcpy(place(heap, i), item, heap->item_size);
}

void heap_offer(struct heap *heap, const void *item)
{
	if (heap->count < heap->room) {
		sift_up(heap, heap->count++, item);
	} else if (heap->room > 0 && heap->compare(item, heap->items) < 0) {
		sift_down(heap, item);
	}
}

void heap_sort(struct heap *heap)
{
	qsort(heap->items, heap->count, heap->item_size, heap->compare);
}
