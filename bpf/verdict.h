/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * The end of every packet: counts its verdict, once, in one place. What the verdict means as a
 * return value is for verdict_xdp.h and verdict_tc.h.
 */
#ifndef NATGW_BPF_VERDICT_H
#define NATGW_BPF_VERDICT_H

#include "packet.h"

static const __u8 verdict_classes[NATGW_VERDICT_COUNT] = {
#define X(symbol, class, label, text) [NATGW_##symbol] = NATGW_CLASS_##class,
	NATGW_VERDICTS(X)
#undef X
};

static __always_inline enum natgw_verdict_class verdict_class(enum natgw_verdict verdict)
{
	__u32 index = verdict;

	return index < NATGW_VERDICT_COUNT ? verdict_classes[index] : NATGW_CLASS_DROP;
}

static __always_inline void verdict_add(struct natgw_count *count, __u32 segments, __u32 bytes)
{
	count->packets += segments;
	count->bytes += bytes;
}

/*
 * The gateway's own books (requirements.md D-1): counted with the fate, so a packet that several
 * hooks see is counted by the one that finishes it.
 */
static __always_inline void verdict_count_traffic(__u32 gateway, enum natgw_direction direction,
						  enum natgw_verdict_class class, __u32 segments,
						  __u32 bytes)
{
	struct natgw_traffic *counters = bpf_map_lookup_elem(&traffic, &gateway);

	if (!counters || (class != NATGW_CLASS_OUT && class != NATGW_CLASS_DROP)) {
		return;
	}
	if (direction == NATGW_OUTBOUND) {
		verdict_add(&counters->in_from_source, segments, bytes);
		if (class == NATGW_CLASS_OUT) {
			verdict_add(&counters->out_to_destination, segments, bytes);
		}
	} else if (direction == NATGW_INBOUND) {
		verdict_add(&counters->in_from_destination, segments, bytes);
		if (class == NATGW_CLASS_OUT) {
			verdict_add(&counters->out_to_source, segments, bytes);
		}
	}
}

/* What came in, counted apart from the verdicts, so that the sum of those can be checked against
 * it. */
static __always_inline void verdict_add_seen(__u32 hook, __u32 segments, __u32 bytes)
{
	struct natgw_count *count = bpf_map_lookup_elem(&seen, &hook);

	if (count) {
		verdict_add(count, segments, bytes);
	}
}

static __always_inline void verdict_count_seen(const struct packet *pkt)
{
	verdict_add_seen(pkt->hook, pkt->segments, pkt->bytes);
}

/*
 * Counts the packet's fate and returns its class (enum natgw_verdict_class). XDP gives no fate to
 * what it passes up: the tc program at the same interface does. A global function: the verifier
 * looks at it once, not once for every verdict of every path.
 */
__weak __noinline int verdict_count(const struct packet *pkt, __u32 verdict)
{
	enum natgw_verdict_class class = verdict_class(verdict);
	struct natgw_count *count;
	__u32 index;

	if (!pkt) {
		return NATGW_CLASS_DROP;
	}
	if (pkt->hook == NATGW_HOOK_XDP && class == NATGW_CLASS_PASSED) {
		verdict = NATGW_DEFER_NOT_NAT;
		class = NATGW_CLASS_DEFERRED;
	}
	index = natgw_verdict_index(pkt->gateway, pkt->hook, pkt->direction, verdict);
	count = bpf_map_lookup_elem(&verdicts, &index);
	if (count) {
		verdict_add(count, pkt->segments, pkt->bytes);
	}
	verdict_count_traffic(pkt->gateway, pkt->direction, class, pkt->segments, pkt->bytes);
	return class;
}

#endif
