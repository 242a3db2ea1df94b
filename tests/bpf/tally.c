// SPDX-License-Identifier: GPL-2.0-only
/* Asks tally.bpf.c. */
#include "tally.h"

#include "harness_internal.h"

#include <bpf/bpf.h>
#include <bpf/libbpf.h>
#include <errno.h>
#include <sched.h>
#include <string.h>

#include "tests/bpf/tally.skel.h"

/* Both the programs and the one that counts after them see the counters of one CPU. */
static void stay(void)
{
	cpu_set_t cpus;

	CPU_ZERO(&cpus);
	CPU_SET((size_t)sched_getcpu(), &cpus);
	if (sched_setaffinity(0, sizeof(cpus), &cpus)) {
		harness_die("sched_setaffinity", errno);
	}
}

void tally_begin(struct tally *tally, const struct bench *bench)
{
	stay();
	tally->skel = tally_bpf__open();
	if (!tally->skel) {
		harness_die("open of tally", errno);
	}
	if (bpf_map__reuse_fd(tally->skel->maps.seen, bench->seen) ||
	    bpf_map__reuse_fd(tally->skel->maps.verdicts, bench->verdicts) ||
	    tally_bpf__load(tally->skel)) {
		harness_die("load of tally", errno);
	}
	tally->prog = bpf_program__fd(tally->skel->progs.tally_take);
	for (__u32 hook = 0; hook < NATGW_HOOK_COUNT; hook++) {
		tally_take(tally, (enum natgw_hook)hook);
	}
	memset(tally->skel->bss->tally_totals, 0, sizeof(tally->skel->bss->tally_totals));
}

struct tally_fate tally_take(struct tally *tally, enum natgw_hook hook)
{
	static __u8 frame[FRAME_ETH];
	LIBBPF_OPTS(bpf_test_run_opts, opts, .data_in = frame, .data_size_in = sizeof(frame));
	struct tally_fate fate;
	int error;

	tally->skel->bss->tally_hook = hook;
	error = bpf_prog_test_run_opts(tally->prog, &opts);
	if (error) {
		harness_die("run of tally", error);
	}
	fate.seen = tally->skel->bss->tally_seen;
	fate.counted = tally->skel->bss->tally_counted;
	fate.verdict = tally->skel->bss->tally_verdict;
	return fate;
}

__u64 tally_of(const struct tally *tally, __u32 verdict)
{
	return verdict < NATGW_VERDICT_SLOTS ? tally->skel->bss->tally_totals[verdict] : 0;
}

void tally_end(struct tally *tally)
{
	tally_bpf__destroy(tally->skel);
}
