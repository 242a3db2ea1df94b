/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * Rules: what a session has of its own, decided by its first packet. Within a kind the first match
 * wins. DNAT rules stand before the others, since an SNAT rule may ask for the mark that they set.
 */
#ifndef NATGW_BPF_RULES_H
#define NATGW_BPF_RULES_H

#include "byteorder.h"
#include "claim.h"
#include "policy.h"

/* A packet as the client sends it. */
struct rules_query {
	__be32 client;
	__be32 remote;
	__be16 port; /* of the remote */
	__u8 proto;
	__u8 gateway;
	__u8 no_port; /* a later fragment: nobody knows its port */
};

struct rules_search {
	const struct rules_query *query;
	struct claim *claim; /* what is found goes there */
	__u32 first;	     /* row of "rule_order" */
};

/* But for the port. */
static __always_inline bool rules_match(const struct natgw_rule *rule,
					const struct rules_query *query)
{
	if ((rule->gateway && rule->gateway != query->gateway) ||
	    (rule->proto && rule->proto != query->proto)) {
		return false;
	}
	if ((query->client & rule->src_mask) != rule->src) {
		return false;
	}
	return (query->remote & rule->dst_mask) == rule->dst;
}

static __always_inline bool rules_match_port(struct claim *claim, const struct natgw_rule *rule,
					     const struct rules_query *query)
{
	__u32 port = byteorder_host16(query->port);

	if (query->no_port && (rule->port_first || rule->port_last != 0xffff)) {
		if (rule->kind == NATGW_RULE_DNAT) {
			claim->mark_by_port = 1;
		} else if (rule->kind != NATGW_RULE_SESSION && !claim->snat_rule) {
			claim->by_port = 1;
		}
		return false;
	}
	return port >= rule->port_first && port <= rule->port_last;
}

/* The rule matches: is it the first of its kind? */
static __always_inline void rules_take(struct claim *claim, const struct natgw_rule *rule,
				       __u32 number)
{
	if (rule->kind == NATGW_RULE_SESSION) {
		claim->rule = claim->rule ? claim->rule : number;
		return;
	}
	if (rule->kind == NATGW_RULE_DNAT) {
		if (!claim->dnat_rule) {
			claim->dnat_rule = number;
			claim->mark = rule->mark;
			claim->to_port = byteorder_wire16(rule->to_port);
		}
		return;
	}
	if (claim->snat_rule) {
		return;
	}
	if (rule->mark && rule->mark != claim->mark) {
		claim->by_port |= claim->mark_by_port;
		return;
	}
	claim->snat_rule = number;
	claim->no_nat = rule->kind == NATGW_RULE_NO_NAT;
	claim->pool_first = rule->pool_first;
	claim->pool_count = rule->pool_count;
}

/* One rule; a callback of bpf_loop. */
static long rules_try(__u32 i, struct rules_search *search)
{
	__u32 row = search->first + i, *number, index;
	struct natgw_rule *rule;

	number = bpf_map_lookup_elem(&rule_order, &row);
	if (!number) {
		return 1;
	}
	index = *number & NATGW_WORD_RULE_MASK;
	rule = bpf_map_lookup_elem(&rules, &index);
	if (rule && rules_match(rule, search->query) &&
	    rules_match_port(search->claim, rule, search->query)) {
		rules_take(search->claim, rule, index);
	}
	return 0;
}

/*
 * Looks the rules up for a session to be: its numbers, mark, port and pool go into the claim (0,
 * and the gateway's own pool, where no rule says otherwise).
 */
__noinline __weak int rules_find(const struct rules_query *query)
{
	struct natgw_settings *set = policy_settings();
	struct claim *claim = claim_scratch();
	struct rules_search search = { .query = query, .claim = claim };
	struct natgw_gateway *gateway;
	__u32 count;

	if (!query || !claim) {
		return 0;
	}
	gateway = policy_gateway(query->gateway);
	claim->rule = 0;
	claim->dnat_rule = 0;
	claim->snat_rule = 0;
	claim->mark = 0;
	claim->to_port = 0;
	claim->no_nat = 0;
	claim->by_port = 0;
	claim->mark_by_port = 0;
	claim->pool_first = 0;
	claim->pool_count = gateway ? gateway->eip_count : 0;
	/* Read once: the count and the half belong together. */
	count = set ? NATGW_TABLE_READ(&set->rule_count) : 0;
	if (count & NATGW_RULES_SECOND) {
		search.first = NATGW_RULES_HALF;
		count &= ~(__u32)NATGW_RULES_SECOND;
	}
	if (count) {
		bpf_loop(count, rules_try, &search, 0);
	}
	return 0;
}

static __always_inline void rules_hit(__u32 number)
{
	__u64 *hits = number ? bpf_map_lookup_elem(&rule_hits, &number) : (void *)0;

	if (hits) {
		(*hits)++;
	}
}

static __always_inline void rules_count(const struct claim *claim)
{
	rules_hit(claim->rule);
	rules_hit(claim->dnat_rule);
	rules_hit(claim->snat_rule);
}

/*
 * After rules_find: is this packet to be translated at all? NATGW_OK, or why not: no_nat rules, and
 * default_snat: off where no SNAT rule matches (requirement 67).
 */
static __always_inline enum natgw_verdict rules_verdict(const struct claim *claim, __u32 index)
{
	struct natgw_gateway *gateway;

	if (claim->no_nat) {
		return NATGW_PASS_NOT_NAT;
	}
	gateway = policy_gateway(index);
	if (!gateway || claim->snat_rule || !(gateway->flags & NATGW_GATEWAY_NO_DEFAULT_SNAT)) {
		return NATGW_OK;
	}
	return gateway->flags & NATGW_GATEWAY_UNMATCHED_PASS ? NATGW_PASS_NOT_NAT
							     : NATGW_DROP_NO_RULE;
}

#endif
