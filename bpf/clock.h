/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * The one clock of the data path: coarse monotonic time (a few ns to read; kernel 5.11) plus the
 * skew that tests set. Never wall time: a step of it must not expire a session.
 */
#ifndef NATGW_BPF_CLOCK_H
#define NATGW_BPF_CLOCK_H

#include "maps.h"

/* A monotonic time in ns as ticks of 2^20 ns; wraps after 52 days, so compare by clock_since only.
 */
static __always_inline __u32 clock_ticks(__u64 ns)
{
	__u32 zero = 0;
	struct natgw_clock *row = bpf_map_lookup_elem(&clock, &zero);

	if (row) {
		ns += row->skew_ns;
	}
	return (__u32)(ns >> NATGW_TICK_SHIFT);
}

static __always_inline __u32 clock_now(void)
{
	return clock_ticks(bpf_ktime_get_coarse_ns());
}

/* For iterators, which the kernel gives the fine clock only: up to a scheduler tick ahead of the
 * other. */
static __always_inline __u32 clock_now_fine(void)
{
	return clock_ticks(bpf_ktime_get_ns());
}

/* Ticks since "then", 0 for a time that another CPU has stamped a moment ahead of ours. */
static __always_inline __u32 clock_since(__u32 now, __u32 then)
{
	__s32 ticks = (__s32)(now - then);

	return ticks > 0 ? (__u32)ticks : 0;
}

#endif
