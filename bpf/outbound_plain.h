/* SPDX-License-Identifier: GPL-2.0-only */
/* Outbound packets of which only the address changes: later fragments, and all of a host that has a
 * public address of its own. */
#ifndef NATGW_BPF_OUTBOUND_PLAIN_H
#define NATGW_BPF_OUTBOUND_PLAIN_H

#include "limit.h"
#include "outbound_way.h"

#define outbound_run_one_to_one ACCESS_GLOBAL(outbound_run_one_to_one)
/* From an internal host with a public address: nothing but the address changes. */
__noinline __weak int outbound_run_one_to_one(access_ctx *ctx, struct packet *pkt,
					      __be32 public_addr, __u32 forward)
{
	const struct mode mode = { .forward = forward };
	struct translate_edit edit = { .to_addr = public_addr, .addr_offset = IPV4_SADDR };
	enum natgw_verdict verdict = NATGW_OK;
	struct nexthop *nh;

	if (!pkt) {
		return NATGW_DROP_INTERNAL;
	}
	nh = &pkt->nh;
	edit.from_addr = pkt->saddr;
	verdict = outbound_prepare(ctx, pkt, (void *)0, nh, mode);
	if (verdict != NATGW_OK) {
		return verdict;
	}
	if (translate_address(ctx, pkt, &edit)) {
		return NATGW_DROP_INTERNAL;
	}
	verdict = forward_clamp_mss(ctx, pkt, nh->mtu);
	return verdict == NATGW_OK ? outbound_commit(ctx, pkt, nh, mode) : verdict;
}

/* A later fragment of what no rule translates: its first one was such, or its port does not matter.
 */
static __always_inline bool outbound_is_plain(struct packet *pkt)
{
	struct claim *claim = claim_scratch();
	int plain = fragment_is_plain(pkt);

	if (plain >= 0) {
		return plain;
	}
	return outbound_rules(pkt) == NATGW_PASS_NOT_NAT && claim && !claim->by_port;
}

/* Where the datagram of a later fragment goes: *ret_row, or why it does not. */
static __always_inline enum natgw_verdict outbound_find_fragment(struct packet *pkt,
								 struct natgw_fragment *ret_row)
{
	enum natgw_verdict verdict;

	if (policy_has(NATGW_FEATURE_NO_NAT) && outbound_is_plain(pkt)) {
		return policy_unless_self(pkt, NATGW_PASS_NOT_NAT);
	}
	verdict = (enum natgw_verdict)fragment_find(pkt, ret_row);
	return verdict == NATGW_OK ? verdict : policy_unless_self(pkt, verdict);
}

#define outbound_run_fragment ACCESS_GLOBAL(outbound_run_fragment)
/* A fragment that is not the first: it follows that one. */
__noinline __weak int outbound_run_fragment(access_ctx *ctx, struct packet *pkt, __u32 forward)
{
	const struct mode mode = { .forward = forward };
	struct translate_edit edit = { .addr_offset = IPV4_SADDR };
	struct natgw_fragment row = {};
	enum natgw_verdict verdict;
	struct nexthop *nh;

	if (!pkt) {
		return NATGW_DROP_INTERNAL;
	}
	nh = &pkt->nh;
	verdict = outbound_find_fragment(pkt, &row);
	edit.from_addr = pkt->saddr;
	edit.to_addr = row.addr;
	nh->reference = row.nexthop;
	outbound_mark_hairpin(pkt);
	if (verdict == NATGW_OK) {
		verdict = outbound_prepare(ctx, pkt, (void *)0, nh, mode);
	}
	if (verdict == NATGW_OK) {
		verdict = limit_check(pkt, pkt->saddr);
	}
	if (verdict == NATGW_OK) {
		verdict = (enum natgw_verdict)fragment_pass(pkt);
	}
	if (verdict != NATGW_OK) {
		return verdict;
	}
	if (translate_address(ctx, pkt, &edit) || translate_ip_id(ctx, pkt, row.new_id)) {
		return NATGW_DROP_INTERNAL;
	}
	return outbound_commit(ctx, pkt, nh, mode);
}

#endif
