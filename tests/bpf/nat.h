/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * A bench whose gateway has, beside its own EIP, a pool of seven for rules: the Aviatrix document's
 * 192.168.8.10 to 192.168.8.16.
 */
#ifndef NATGW_TESTS_BPF_NAT_H
#define NATGW_TESTS_BPF_NAT_H

#include "talk.h"

#define NAT_POOL(n) IP(192, 168, 8, 10 + (n))
#define NAT_POOL_COUNT 7
#define NAT_POOL_ROW 1 /* in the gateway's stretch of "pool", behind its one EIP */
#define NAT_MARK 65
#define NAT_MARK_B 66

/* Rules: conditions and what they do. */
#define NAT_ALL 0xffffffff
#define NAT_FROM(addr) .src = (addr), .src_mask = NAT_ALL
#define NAT_TO(addr) .dst = (addr), .dst_mask = NAT_ALL
#define NAT_PORT(port) .port_first = (port), .port_last = (port)
#define NAT_POOLED(first, count) .pool_first = NAT_POOL_ROW + (first), .pool_count = (count)
#define NAT_DNAT(p, port, to, m)                                                        \
	{                                                                               \
		.kind = NATGW_RULE_DNAT, .proto = (p), NAT_PORT(port), .to_port = (to), \
		.mark = (m)                                                             \
	}
#define NAT_SNAT(m, first, count)                                              \
	{                                                                      \
		.kind = NATGW_RULE_SNAT, .mark = (m), NAT_POOLED(first, count) \
	}

/* The document's: 8001 and 8002 become 443 and leave by different addresses. */
#define NAT_SCENARIO_COUNT 5
extern const struct natgw_rule nat_scenario[NAT_SCENARIO_COUNT];

/* cmocka fixtures, in place of walk_setup and walk_teardown. */
int nat_setup(void **state);
int nat_teardown(void **state);

/* Each test twice, through XDP and through tc. */
#define NAT_TEST(function)                                                     \
	{ #function " (xdp)", function, nat_setup, nat_teardown, &walk_xdp },  \
	{                                                                      \
#function " (tc)", function, nat_setup, nat_teardown, &walk_tc \
	}

/* rules[i] is rule i + 1; a rule without ports has all of them. */
void nat_set_rules(const struct natgw_rule *rules, __u32 count);
/* flags: NATGW_GATEWAY_*. ports: so many from EXT_PORT on, 0: as many as there are. */
void nat_set_gateway(__u8 flags, __u32 ports);

struct talk nat_to_port(__u8 proto, __u16 port);
/* The destination port of what came out last. */
__u16 nat_left_for(void);
/* The talk begins, and leaves by this EIP to that port. */
void nat_require_left(struct talk *talk, __be32 eip, __u16 real_port);
/* What the server answers from the port that it knows; true: it reached the client, who sees the
 * port that he had asked for. */
bool nat_answer(const struct talk *talk, __u16 real_port, __u8 flags);
/* The packet goes on as it came, outbound or inbound: XDP hands it up, tc lets it go. */
void nat_require_passed(const struct spec *spec);
void nat_require_passed_in(const struct spec *spec);

#endif
