/* SPDX-License-Identifier: GPL-2.0-only */
/* Arrays that grow by one element at a time. */
#ifndef NATGW_USER_LIST_H
#define NATGW_USER_LIST_H

#include <stddef.h>

/*
 * The array with room for element number count, maybe somewhere else than before; NULL when there
 * is no memory, and then the old one is as it was. Its room follows from count alone: whoever
 * calls this grows an array through nothing else.
 */
void *list_room(void *array, size_t count, size_t size);

#endif
