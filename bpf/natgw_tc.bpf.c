// SPDX-License-Identifier: GPL-2.0-only
/*
 * tc entry programs; with them alone the gateway is complete.
 *
 * - natgw_tc_int, ingress of internal interfaces: outbound packets, forwarded from here.
 * - natgw_tc_ext, ingress of external interfaces: ARP for EIPs, inbound packets; and outbound ones
 *   when the interface is internal as well.
 * - natgw_tc_egr, egress of external interfaces: what the kernel forwards is translated here.
 * - natgw_guard, behind natgw_tc_egr: drops what should have been translated when that is gone.
 *
 * A packet that is finished carries a bit of skb->mark, so that the egress program lets it through
 * without counting it again.
 */
#include "access_tc.h"
#include "parse.h"
#include "verdict.h"

#include "fast.h"
#include "ingress.h"
#include "sample.h"

#include "answer.h"
#include "egress.h"

char LICENSE[] SEC("license") = "GPL";

/* At egress the next filter must not run after us: TC_ACT_OK ends classification, UNSPEC goes on.
 */
#define TC_ACT_UNSPEC (-1)
#define TC_REDIRECT_INGRESS 1 /* BPF_F_INGRESS */

static __always_inline __u32 tc_mark(void)
{
	struct natgw_settings *set = policy_settings();

	return set ? set->mark : NATGW_MARK_DEFAULT;
}

/* The host's own packets may have inherited the mark (fwmark_reflect); only a forwarded one is
 * finished. */
static __always_inline bool tc_is_finished(const struct __sk_buff *skb)
{
	return skb->mark & tc_mark() && skb->ingress_ifindex;
}

static __always_inline int tc_finish_ingress(struct __sk_buff *skb, const struct packet *pkt,
					     enum natgw_verdict verdict)
{
	int class = verdict_count(pkt, verdict);

	if (pkt->out_ifindex || class == NATGW_CLASS_OUT) {
		skb->mark |= tc_mark();
	}
	if (pkt->hairpin && pkt->direction == NATGW_OUTBOUND && class == NATGW_CLASS_OUT) {
		budget_count(NATGW_GENERATED_HAIRPIN);
		return (int)bpf_redirect(pkt->out_ifindex, TC_REDIRECT_INGRESS);
	}
	if (pkt->out_ifindex) {
		return (int)bpf_redirect(pkt->out_ifindex, 0);
	}
	if (class == NATGW_CLASS_OUT) {
		return TC_ACT_OK;
	}
	return class == NATGW_CLASS_DROP ? TC_ACT_SHOT : TC_ACT_UNSPEC;
}

static __noinline int tc_fast_internal(struct __sk_buff *skb)
{
	return fast_run(skb, PACKET_SIDE_INTERNAL, NATGW_HOOK_TC_INGRESS);
}

static __noinline int tc_fast_external(struct __sk_buff *skb)
{
	return fast_run(skb, PACKET_SIDE_EXTERNAL, NATGW_HOOK_TC_INGRESS);
}

static __always_inline int tc_end_fast(struct __sk_buff *skb, int out)
{
	if (out == FAST_DROP) {
		return TC_ACT_SHOT;
	}
	skb->mark |= tc_mark();
	return (int)bpf_redirect((__u32)out, 0);
}

/* Only what has been redirected into this interface carries the mark already. */
static __always_inline bool tc_is_hairpin(const struct __sk_buff *skb, enum packet_side side)
{
	return side == PACKET_SIDE_EXTERNAL && skb->mark & tc_mark();
}

/* The verdict, or what answer_outbound will make of it. */
static __always_inline enum natgw_verdict tc_fate(const struct packet *pkt,
						  enum natgw_verdict verdict)
{
	if (pkt->direction != NATGW_OUTBOUND) {
		return verdict;
	}
	if (verdict == NATGW_DEFER_TTL) {
		return NATGW_DROP_TTL_EXPIRED;
	}
	return verdict == NATGW_DEFER_TOO_BIG && pkt->dont_fragment ? NATGW_DROP_TOO_BIG : verdict;
}

static __always_inline int tc_ingress(struct __sk_buff *skb, enum packet_side side)
{
	const struct mode mode = { .forward = true };
	enum natgw_verdict verdict, fate;
	struct packet *pkt;

	pkt = packet_begin(NATGW_HOOK_TC_INGRESS, skb->ifindex, clock_now());
	if (!pkt) {
		return TC_ACT_UNSPEC;
	}
	pkt->hairpin = tc_is_hairpin(skb, side);
	verdict = ingress_run(skb, pkt, side, mode);
	if (verdict == NATGW_PASS_NOT_IPV4 && side == PACKET_SIDE_EXTERNAL) {
		enum natgw_verdict answered = answer_arp(skb, pkt);

		verdict = answered != NATGW_OK ? answered : verdict;
	}
	fate = tc_fate(pkt, verdict);
	if (verdict_class(fate) == NATGW_CLASS_DROP) {
		/* Before an answer is made of the packet. */
		sample_take(skb, pkt, fate);
	}
	if (fate != verdict) {
		verdict = answer_outbound(skb, pkt, verdict);
	}
	if (pkt->answer) {
		answer_refused(skb, pkt);
	}
	return tc_finish_ingress(skb, pkt, verdict);
}

/* The long way has the stack for itself, and so has the short one. */
static __noinline int tc_long_internal(struct __sk_buff *skb)
{
	return tc_ingress(skb, PACKET_SIDE_INTERNAL);
}

static __noinline int tc_long_external(struct __sk_buff *skb)
{
	return tc_ingress(skb, PACKET_SIDE_EXTERNAL);
}

SEC("tc")
int natgw_tc_int(struct __sk_buff *skb)
{
	int out = tc_fast_internal(skb);

	return out != FAST_NOT ? tc_end_fast(skb, out) : tc_long_internal(skb);
}

SEC("tc")
int natgw_tc_ext(struct __sk_buff *skb)
{
	int out = tc_is_hairpin(skb, PACKET_SIDE_EXTERNAL) ? FAST_NOT : tc_fast_external(skb);

	if (out == FAST_OTHER) {
		out = tc_fast_internal(skb);
	}
	return out != FAST_NOT ? tc_end_fast(skb, out) : tc_long_external(skb);
}

/* ifindex 0: the host's own packet. */
static __always_inline struct packet *tc_egress_packet(const struct __sk_buff *skb)
{
	struct packet *pkt = packet_begin(NATGW_HOOK_TC_EGRESS, skb->ingress_ifindex, clock_now());

	if (pkt) {
		pkt->out_ifindex = skb->ifindex;
	}
	return pkt;
}

SEC("tc")
int natgw_tc_egr(struct __sk_buff *skb)
{
	enum natgw_verdict verdict;
	struct packet *pkt;

	if (tc_is_finished(skb)) {
		return TC_ACT_OK;
	}
	pkt = tc_egress_packet(skb);
	if (!pkt) {
		return TC_ACT_SHOT;
	}
	verdict = egress_run(skb, pkt);
	if (verdict_count(pkt, verdict) != NATGW_CLASS_DROP) {
		return TC_ACT_OK;
	}
	sample_take(skb, pkt, verdict);
	return TC_ACT_SHOT;
}

SEC("tc")
int natgw_guard(struct __sk_buff *skb)
{
	struct natgw_settings *set = policy_settings();
	struct packet *pkt;

	if (tc_is_finished(skb) || (set && set->fail_open)) {
		return TC_ACT_OK;
	}
	pkt = tc_egress_packet(skb);
	if (!pkt) {
		return TC_ACT_SHOT;
	}
	if (!egress_needs_translation(skb, pkt)) {
		return TC_ACT_OK;
	}
	pkt->direction = NATGW_OUTBOUND;
	verdict_count_seen(pkt);
	verdict_count(pkt, NATGW_DROP_GUARD);
	sample_take(skb, pkt, NATGW_DROP_GUARD);
	return TC_ACT_SHOT;
}
