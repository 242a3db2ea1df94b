/* SPDX-License-Identifier: GPL-2.0-only */
/* Two threads on two CPUs that do their turn of a round at the same time. */
#ifndef NATGW_TESTS_BPF_RACE_H
#define NATGW_TESTS_BPF_RACE_H

#include <stdatomic.h>

#include "tables.h"

struct race {
	struct bench *bench;
	unsigned int rounds;
	/* On CPU 0, before the turns of a round and after both have ended. */
	void (*before)(struct race *race, unsigned int round);
	void (*after)(struct race *race, unsigned int round);
	/* One on each CPU, at once. */
	void (*turn[2])(struct race *race, unsigned int round);
	void *data;

	unsigned int met; /* rounds in which the turns overlapped */
	__u64 began[2], ended[2];
	atomic_uint arrived;
	atomic_uint open; /* number of the gate that is open */
};

void race_run(struct race *race);

/* A few hundred nanoseconds to microseconds, so that the turns meet in every order. */
void race_dither(unsigned int *seed, unsigned int most);

#endif
