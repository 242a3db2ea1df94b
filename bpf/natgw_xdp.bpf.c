// SPDX-License-Identifier: GPL-2.0-only
/*
 * XDP entry programs, the accelerator: each finishes a packet or hands it up exactly as it came.
 * What goes up is finished by the tc programs at the same interface.
 */
#include "access_xdp.h"
#include "parse.h"
#include "verdict.h"

#include "fast.h"
#include "ingress.h"
#include "sample.h"

#include "check.h"

char LICENSE[] SEC("license") = "GPL";

static __always_inline int xdp_finish(struct xdp_md *ctx, const struct packet *pkt,
				      enum natgw_verdict verdict)
{
	int class;

	if (verdict == NATGW_TRANSLATED &&
	    bpf_redirect_map(&devices, pkt->out_ifindex, 0) != XDP_REDIRECT) {
		/* The interface went away since its next hop was looked up. */
		verdict = NATGW_DROP_INTERNAL;
	}
	class = verdict_count(pkt, verdict);
	if (class == NATGW_CLASS_OUT) {
		return XDP_REDIRECT;
	}
	if (class == NATGW_CLASS_DEFERRED) {
		return XDP_PASS;
	}
	sample_take(ctx, pkt, verdict);
	return XDP_DROP;
}

static __noinline int xdp_fast_internal(struct xdp_md *ctx)
{
	return fast_run(ctx, PACKET_SIDE_INTERNAL, NATGW_HOOK_XDP);
}

static __noinline int xdp_fast_external(struct xdp_md *ctx)
{
	return fast_run(ctx, PACKET_SIDE_EXTERNAL, NATGW_HOOK_XDP);
}

static __always_inline int xdp_run(struct xdp_md *ctx, enum packet_side side)
{
	const struct mode mode = { .forward = true };
	enum natgw_verdict verdict;
	struct packet *pkt;

	pkt = packet_begin(NATGW_HOOK_XDP, ctx->ingress_ifindex, clock_now());
	if (!pkt) {
		return XDP_PASS;
	}
	verdict = ingress_run(ctx, pkt, side, mode);
	/* What needs an answer is tc's. */
	return xdp_finish(ctx, pkt, pkt->answer ? NATGW_DEFER_ANSWER : verdict);
}

/* The long way has the stack for itself, and so has the short one. */
static __noinline int xdp_long_internal(struct xdp_md *ctx)
{
	return xdp_run(ctx, PACKET_SIDE_INTERNAL);
}

static __noinline int xdp_long_external(struct xdp_md *ctx)
{
	return xdp_run(ctx, PACKET_SIDE_EXTERNAL);
}

SEC("xdp.frags")
int natgw_internal(struct xdp_md *ctx)
{
	int out = xdp_fast_internal(ctx);

	if (out != FAST_NOT) {
		return out == FAST_DROP ? XDP_DROP : XDP_REDIRECT;
	}
	return xdp_long_internal(ctx);
}

SEC("xdp.frags")
int natgw_external(struct xdp_md *ctx)
{
	int out = xdp_fast_external(ctx);

	if (out == FAST_OTHER) {
		out = xdp_fast_internal(ctx);
	}
	if (out != FAST_NOT) {
		return out == FAST_DROP ? XDP_DROP : XDP_REDIRECT;
	}
	return xdp_long_external(ctx);
}

/* Never attached: says in check_result what would become of the packet, and changes nothing. */
SEC("xdp.frags")
int natgw_check(struct xdp_md *ctx)
{
	struct packet *pkt = packet_begin(NATGW_HOOK_XDP, ctx->ingress_ifindex, clock_now());
	const struct mode mode = { .forward = true, .dry = true };
	enum natgw_verdict verdict;
	struct natgw_iface *iface;

	if (!pkt) {
		return XDP_PASS;
	}
	pkt->dry = 1;
	check_begin(pkt);
	iface = bpf_map_lookup_elem(&ifaces, &pkt->ifindex);
	if (iface && iface->flags & NATGW_IFACE_EXTERNAL) {
		verdict = ingress_run(ctx, pkt, PACKET_SIDE_EXTERNAL, mode);
	} else {
		verdict = ingress_run(ctx, pkt, PACKET_SIDE_INTERNAL, mode);
	}
	check_answer(pkt, verdict);
	return XDP_PASS;
}
