/* SPDX-License-Identifier: GPL-2.0-only */
/* Fills destinations to the last port, and tries for more. */
#ifndef NATGW_TESTS_BPF_FILL_H
#define NATGW_TESTS_BPF_FILL_H

#include "flood.h"

struct fill_inventory {
	__u16 first;
	__u32 count;
	__u32 destination_ports; /* 0: the whole range */
	__u16 eips;
	bool sweep;	   /* while it fills up, now and then */
	__u8 destinations; /* 0: five, which differ in address, port or protocol */
	enum bench_prog prog;
};

/*
 * Fails the test unless every destination takes as many sessions as there are ports, each by a port
 * of its own, and not one more, and nothing is left behind by those that are refused.
 */
void fill_run(struct bench *bench, const struct fill_inventory *inventory);

#endif
