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

/*
 * One token for each 2^shift ticks, up to the burst. The bucket holds the time of its last token,
 * in ticks. Lost races only make the limit stricter.
 */
static __always_inline bool budget_take(__u32 which, __u32 now, __u32 shift, __u32 burst)
{
	__u64 *bucket = bpf_map_lookup_elem(&budget, &which);
	__u32 tokens, since, at;
	__u64 old;

	if (!bucket) {
		return false;
	}
	old = *(volatile __u64 *)bucket;
	since = clock_since(now, (__u32)old) >> shift;
	tokens = old ? (__u32)(old >> 32) + (since < burst ? since : burst) : burst;
	if (tokens > burst) {
		tokens = burst;
	}
	if (!tokens) {
		return false;
	}
	/* What is left of a token goes on growing. */
	at = old && since < burst ? (__u32)old + (since << shift) : now;
	return __sync_val_compare_and_swap(bucket, old, (__u64)(tokens - 1) << 32 | at) == old;
}

#endif
