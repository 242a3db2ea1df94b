/* SPDX-License-Identifier: GPL-2.0-only */
/* What was counted of one run, cheap enough to be asked after every one of millions. */
#ifndef NATGW_TESTS_BPF_TALLY_H
#define NATGW_TESTS_BPF_TALLY_H

#include "harness.h"

struct tally {
	struct tally_bpf *skel;
	int prog;
};

/* What was counted since the last call, at one hook. */
struct tally_fate {
	__u32 seen;
	__u32 counted;
	__u32 verdict; /* the last one that was counted */
};

/* From here on; the calling thread stays on one CPU. Fails the test program when it cannot. */
void tally_begin(struct tally *tally, const struct bench *bench);
struct tally_fate tally_take(struct tally *tally, enum natgw_hook hook);
/* How often a verdict was counted since tally_begin. */
__u64 tally_of(const struct tally *tally, __u32 verdict);
void tally_end(struct tally *tally);

#endif
