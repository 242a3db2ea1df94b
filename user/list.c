// SPDX-License-Identifier: GPL-2.0-only
/* Arrays that grow. Not responsible for what is in them, nor for their end: that is free(). */
#include "list.h"

#include <stdlib.h>

void *list_room(void *array, size_t count, size_t size)
{
	/* Twice the room at every power of two. */
	if (count & (count - 1)) {
		return array;
	}
	return reallocarray(array, count ? 2 * count : 1, size);
}
