/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * Sessions as they are once packets have gone through: rows that know their next hop and may speak
 * for themselves, so that the next packet goes the short way (bpf/fast.h). Written from user space,
 * by what bpf/reference.h promises, and without the programs' help.
 */
#ifndef NATGW_TESTS_BPF_WARM_H
#define NATGW_TESTS_BPF_WARM_H

#include "harness.h"

/*
 * Gives every row of both tables its next hop, and NATGW_REFERENCE_FAST where it may have it. The
 * bench's clients and remote endpoints that nobody has a way to stay without. Fills what a CPU
 * remembers of interfaces, for all of them. Good until the configuration changes; next hops are
 * good for a minute.
 */
void warm_sessions(struct bench *bench);
/* Next hops that stand there, whoever has written them, are good for a minute from now on. */
void warm_nexthops(struct bench *bench);
/* Next hops that stand there are due: the next packet has to look again. */
void warm_expire(struct bench *bench);

/* Ticks until the next window of rows has just begun: within one no row asks for its route. */
__u32 warm_to_window(struct bench *bench);
/* What a CPU has learnt of an interface the others learn anew. */
void warm_stay_on_cpu(void);

/*
 * Takes route tables and addresses away, and tells nobody (bench_commit): what is still translated
 * has asked for neither.
 */
void warm_hide_policy(struct bench *bench);

/* Before a run, and after a run that sent the packet on: has it gone the short way? */
void warm_mark(struct bench *bench);
bool warm_was_short(const struct bench *bench);

#endif
