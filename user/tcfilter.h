/* SPDX-License-Identifier: GPL-2.0-only */
/* natgw's tc filters: one handle, two preferences, replaced in place. */
#ifndef NATGW_USER_TCFILTER_H
#define NATGW_USER_TCFILTER_H

#include <stdbool.h>
#include <stdint.h>

enum tcfilter_place {
	TCFILTER_INGRESS,
	TCFILTER_EGRESS, /* NATGW_TC_PREF */
	TCFILTER_GUARD,	 /* egress, NATGW_TC_GUARD_PREF */
	TCFILTER_PLACE_COUNT,
};

/* Whether natgw's filter is there. */
bool tcfilter_exists(uint32_t ifindex, enum tcfilter_place place);

/* The id of the program there. -ENOENT: natgw's filter is not there. */
int tcfilter_program(uint32_t ifindex, enum tcfilter_place place, uint32_t *ret_id);

/*
 * Makes the clsact qdisc when it is missing; puts the program there or in place of the one there.
 * -EBUSY: an "ingress" qdisc is where clsact has to be.
 */
int tcfilter_set(uint32_t ifindex, enum tcfilter_place place, int program_fd);

/* 0 as well when there was none. */
int tcfilter_remove(uint32_t ifindex, enum tcfilter_place place);

/* All three, and the clsact qdisc when no other filter is left in it. */
int tcfilter_remove_all(uint32_t ifindex);

#endif
