/* SPDX-License-Identifier: GPL-2.0-only */
/* What natgw makes by itself is limited: answers and events, each kind for the whole host. */
#ifndef NATGW_BPF_BUDGET_H
#define NATGW_BPF_BUDGET_H

#include "clock.h"

static __always_inline void budget_count(__u32 kind)
{
	__u64 *count = bpf_map_lookup_elem(&generated, &kind);

	if (count) {
		(*count)++;
	}
}

/* One try: 1 for a token, 0 when none is left, -1 when another CPU was in between. */
static __always_inline int budget_try(__u64 *bucket, __u32 now, __u32 shift, __u32 burst)
{
	__u64 old = *(volatile __u64 *)bucket;
	__u32 since = clock_since(now, (__u32)old) >> shift;
	__u32 tokens = old ? (__u32)(old >> 32) + (since < burst ? since : burst) : burst;
	__u64 next;

	if (tokens > burst) {
		tokens = burst;
	}
	if (!tokens) {
		return 0;
	}
	/* What is left of a token goes on growing. */
	next = (__u64)(tokens - 1) << 32 |
	       (old && since < burst ? (__u32)old + (since << shift) : now);
	return __sync_val_compare_and_swap(bucket, old, next) == old ? 1 : -1;
}

/*
 * One token for each 2^shift ticks, up to the burst. The bucket holds the time of its last token,
 * in ticks. A race that is lost three times only makes the limit stricter.
 */
static __always_inline bool budget_take(__u32 which, __u32 now, __u32 shift, __u32 burst)
{
	__u64 *bucket = bpf_map_lookup_elem(&budget, &which);
	int taken = bucket ? budget_try(bucket, now, shift, burst) : 0;

	if (taken < 0) {
		taken = budget_try(bucket, now, shift, burst);
	}
	if (taken < 0) {
		taken = budget_try(bucket, now, shift, burst);
	}
	return taken > 0;
}

#endif
