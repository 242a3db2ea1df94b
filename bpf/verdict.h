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

static __always_inline void verdict_add(struct natgw_count *count, const struct packet *pkt)
{
	count->packets += pkt->segments;
	count->bytes += pkt->bytes;
}

/*
 * The gateway's own books (requirements.md D-1): counted with the fate, so a packet that several
 * hooks see is counted by the one that finishes it.
 */
static __always_inline void verdict_count_traffic(const struct packet *pkt,
						  enum natgw_verdict_class class)
{
	__u32 gateway = pkt->gateway;
	struct natgw_traffic *counters = bpf_map_lookup_elem(&traffic, &gateway);

	if (!counters || (class != NATGW_CLASS_OUT && class != NATGW_CLASS_DROP)) {
		return;
	}
	if (pkt->direction == NATGW_OUTBOUND) {
		verdict_add(&counters->in_from_source, pkt);
		if (class == NATGW_CLASS_OUT) {
			verdict_add(&counters->out_to_destination, pkt);
		}
	} else if (pkt->direction == NATGW_INBOUND) {
		verdict_add(&counters->in_from_destination, pkt);
		if (class == NATGW_CLASS_OUT) {
			verdict_add(&counters->out_to_source, pkt);
		}
	}
}

/* What came in, counted apart from the verdicts, so that the sum of those can be checked against
 * it. */
static __always_inline void verdict_count_seen(const struct packet *pkt)
{
	__u32 hook = pkt->hook;
	struct natgw_count *count = bpf_map_lookup_elem(&seen, &hook);

	if (count) {
		verdict_add(count, pkt);
	}
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
		verdict_add(count, pkt);
	}
	verdict_count_traffic(pkt, class);
	return class;
}

#endif
