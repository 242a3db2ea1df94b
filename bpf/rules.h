/* SPDX-License-Identifier: GPL-2.0-only */
/* Rules: what a session has of its own, decided by its first packet. First match wins. */
#ifndef NATGW_BPF_RULES_H
#define NATGW_BPF_RULES_H

#include "byteorder.h"
#include "policy.h"

struct rules_search {
	const struct packet *pkt;
	__u32 found; /* number of the rule; 0: none */
};

static __always_inline bool rules_match(const struct natgw_rule *rule, const struct packet *pkt)
{
	__u32 port = byteorder_host16(pkt->dport);

	if ((rule->gateway && rule->gateway != pkt->gateway) ||
	    (rule->proto && rule->proto != pkt->proto)) {
		return false;
	}
	if ((pkt->saddr & rule->src_mask) != rule->src) {
		return false;
	}
	if ((pkt->daddr & rule->dst_mask) != rule->dst) {
		return false;
	}
	return port >= rule->port_first && port <= rule->port_last;
}

/* One rule; a callback of bpf_loop: 1 when it is the one. */
static long rules_try(__u32 i, struct rules_search *search)
{
	__u32 *number = bpf_map_lookup_elem(&rule_order, &i), index;
	struct natgw_rule *rule;

	if (!number) {
		return 1;
	}
	index = *number;
	rule = bpf_map_lookup_elem(&rules, &index);
	if (!rule || !rules_match(rule, search->pkt)) {
		return 0;
	}
	search->found = index;
	return 1;
}

/* The number of the rule for the session of this packet; 0: the gateway's own settings. */
__noinline __weak int rules_find(const struct packet *pkt)
{
	struct natgw_settings *set = policy_settings();
	struct rules_search search = { .pkt = pkt };

	if (!pkt || !set || !set->rule_count) {
		return 0;
	}
	bpf_loop(set->rule_count, rules_try, &search, 0);
	return (int)(search.found & NATGW_WORD_RULE_MASK);
}

#endif
