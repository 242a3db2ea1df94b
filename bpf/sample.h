/* SPDX-License-Identifier: GPL-2.0-only */
/* Samples of dropped packets, while somebody asks for them: the packet's beginning, and why. */
#ifndef NATGW_BPF_SAMPLE_H
#define NATGW_BPF_SAMPLE_H

#include "budget.h"
#include "policy.h"

static __always_inline bool sample_is_wanted(__u32 verdict)
{
	struct natgw_settings *set = policy_settings();

	if (!set || verdict >= NATGW_VERDICT_SLOTS) {
		return false;
	}
	if (verdict < 32) {
		return set->sample[0] >> verdict & 1;
	}
	return verdict < 64 ? set->sample[1] >> (verdict - 32) & 1
			    : set->sample[2] >> (verdict - 64) & 1;
}

static __always_inline void sample_fill(access_ctx *ctx, const struct packet *pkt,
					struct natgw_sample *sample)
{
	__u32 length = access_len(ctx), captured = length;

	sample->time = bpf_ktime_get_ns();
	sample->ifindex = pkt->ifindex;
	sample->length = length;
	sample->hook = pkt->hook;
	sample->direction = pkt->direction;
	sample->gateway = pkt->gateway;
	__builtin_memset(sample->reserved, 0, sizeof(sample->reserved));
	if (!captured || captured > NATGW_SAMPLE_BYTES) {
		captured = NATGW_SAMPLE_BYTES;
	}
	/* 1 .. 128, so that the verifier of kernel 6.1 sees it, too. */
	captured = ((captured - 1) & (NATGW_SAMPLE_BYTES - 1)) + 1;
	if (access_load(ctx, 0, sample->data, captured)) {
		captured = 0;
	}
	sample->captured = (__u16)captured;
}

/* A packet that is dropped with this verdict; as it came, since what is dropped is not rewritten.
 */
static __noinline int sample_take(access_ctx *ctx, const struct packet *pkt, __u32 verdict)
{
	struct natgw_sample *sample;

	if (!sample_is_wanted(verdict)) {
		return 0;
	}
	sample = budget_take(NATGW_BUDGET_SAMPLE, pkt->now, NATGW_SAMPLE_SHIFT, NATGW_SAMPLE_BURST)
			 ? bpf_ringbuf_reserve(&samples, sizeof(*sample), 0)
			 : (void *)0;
	if (!sample) {
		budget_count(NATGW_GENERATED_SAMPLE_LOST);
		return 0;
	}
	sample->verdict = verdict;
	sample_fill(ctx, pkt, sample);
	bpf_ringbuf_submit(sample, BPF_RB_NO_WAKEUP);
	budget_count(NATGW_GENERATED_SAMPLE);
	return 0;
}

#endif
