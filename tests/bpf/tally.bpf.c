// SPDX-License-Identifier: GPL-2.0-only
/*
 * Looks through all fates of one hook for what has been counted since the last time. As a program,
 * because it is asked after every frame: a system call for each of some hundred counters takes
 * twenty times as long as the frame. Sees the counters of the CPU that it runs on.
 */
#include <linux/bpf.h>
#include <linux/types.h>

#include <bpf/bpf_helpers.h>

#include "natgw_counters.h"
#include "tally_rows.h"

/* natgw's own, by their descriptors. */
struct {
	__uint(type, BPF_MAP_TYPE_PERCPU_ARRAY);
	__uint(max_entries, NATGW_HOOK_COUNT);
	__type(key, __u32);
	__type(value, struct natgw_count);
} seen SEC(".maps");
struct {
	__uint(type, BPF_MAP_TYPE_PERCPU_ARRAY);
	__uint(max_entries, NATGW_VERDICT_ROWS);
	__type(key, __u32);
	__type(value, struct natgw_count);
} verdicts SEC(".maps");

/* Packets as they were the last time. */
struct {
	__uint(type, BPF_MAP_TYPE_ARRAY);
	__uint(max_entries, TALLY_ROWS);
	__type(key, __u32);
	__type(value, __u64);
} known SEC(".maps");
struct {
	__uint(type, BPF_MAP_TYPE_ARRAY);
	__uint(max_entries, NATGW_HOOK_COUNT);
	__type(key, __u32);
	__type(value, __u64);
} known_seen SEC(".maps");

__u32 tally_hook; /* set by user space */
/* Since the last time. */
__u32 tally_seen;
__u32 tally_counted;
__u32 tally_verdict;
__u64 tally_totals[NATGW_VERDICT_SLOTS]; /* of all hooks, since the first time */

static __u32 take(void *counts, __u32 index, void *lasts, __u32 last_index)
{
	struct natgw_count *count = bpf_map_lookup_elem(counts, &index);
	__u64 *last = bpf_map_lookup_elem(lasts, &last_index);
	__u64 more;

	if (!count || !last) {
		return 0;
	}
	more = count->packets - *last;
	*last = count->packets;
	return (__u32)more;
}

/* A callback of bpf_loop. */
static long take_row(__u32 i, void *context)
{
	__u32 verdict = i % NATGW_VERDICT_SLOTS, rest = i / NATGW_VERDICT_SLOTS;
	__u32 direction = rest % NATGW_DIRECTION_COUNT, gateway = rest / NATGW_DIRECTION_COUNT;
	__u32 index = natgw_verdict_index(gateway, tally_hook, direction, verdict);
	__u32 more = take(&verdicts, index, &known, tally_hook * TALLY_HOOK_ROWS + i);

	(void)context;
	/* clang knows that it is below, the verifier does not. */
	asm volatile("" : "+r"(verdict));
	if (more && verdict < NATGW_VERDICT_SLOTS) {
		tally_counted += more;
		tally_verdict = verdict;
		tally_totals[verdict] += more;
	}
	return 0;
}

SEC("xdp")
int tally_take(struct xdp_md *ctx)
{
	(void)ctx;
	tally_counted = 0;
	tally_seen = take(&seen, tally_hook, &known_seen, tally_hook);
	bpf_loop(TALLY_HOOK_ROWS, take_row, (void *)0, 0);
	return XDP_PASS;
}

char LICENSE[] SEC("license") = "GPL";
