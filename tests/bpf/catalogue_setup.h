/* SPDX-License-Identifier: GPL-2.0-only */
/* What rows of the catalogue need beside the usual configuration of the bench, each with its words
 * for the page. */
#ifndef NATGW_TESTS_BPF_CATALOGUE_SETUP_H
#define NATGW_TESTS_BPF_CATALOGUE_SETUP_H

#include "catalogue.h"

/* ---- addresses of these configurations ---- */

#define MAPPED CLIENTS(2)		/* an internal host with a public address of its own */
#define PUBLIC IP(203, 0, 113, 99)	/* that address */
#define STAGED IP(10, 0, 0, 226)	/* the EIP of a two-stage gateway, */
#define STAGED_PUBLIC IP(3, 224, 9, 52) /* and what is on the wire in its place */
#define DENIED IP(198, 51, 100, 66)	/* in a prefix that the access list denies */
#define ALLOWED IP(198, 51, 100, 67)	/* in there, and allowed */
#define CLIENT_DENIED CLIENTS(4)
#define EIP_MARK_65 IP(203, 0, 114, 5) /* what SNAT rules send from */
#define EIP_MARK_66 IP(203, 0, 114, 6)
#define EIP_BY_DST IP(203, 0, 114, 7)
#define EIP_BY_SRC IP(203, 0, 114, 8)
#define REMOTE_BY_DST IP(198, 51, 100, 20)
#define REMOTE_NO_NAT IP(198, 51, 100, 30)
#define CLIENT_BY_SRC CLIENTS(5)
/* Port forwards of EIP, to CLIENT_B: TCP 8080 to 80, UDP 5353 to 53, TCP 2222 as it is. */
#define FORWARD_TCP 8080
#define FORWARD_UDP 5353
#define FORWARD_SAME 2222

/* ---- interfaces, settings ---- */

void setup_no_redirect(struct bench *bench);
void setup_one_armed(struct bench *bench);
void setup_reply_ping(struct bench *bench);
#define NO_REDIRECT .setup = setup_no_redirect, .given = "XDP may not redirect to the interfaces"
#define ONE_ARMED .setup = setup_one_armed, .given = "one-armed"
#define REPLY_PING .setup = setup_reply_ping, .given = "reply_ping: true"

/* ---- gateway 1 ---- */

void setup_fragments(struct bench *bench);
void setup_no_fragments(struct bench *bench);
void setup_fragments_used_up(struct bench *bench);
void setup_fragments_full(struct bench *bench);
void setup_icmp_echo(struct bench *bench);
void setup_icmp_off(struct bench *bench);
void setup_small_external(struct bench *bench);
void setup_small_internal(struct bench *bench);
void setup_route_internet(struct bench *bench);
void setup_route_none(struct bench *bench);
void setup_route_blackhole(struct bench *bench);
void setup_route_interface(struct bench *bench);
void setup_route_interface_allowed(struct bench *bench);
void setup_route_local(struct bench *bench);
#define FRAGMENTS .setup = setup_fragments, .given = "fragments: forward"
#define NO_FRAGMENTS .setup = setup_no_fragments, .given = "fragments: drop"
#define FRAGMENTS_USED_UP \
	.setup = setup_fragments_used_up, .given = "1,024 datagrams of one sender are under way"
#define FRAGMENTS_FULL \
	.setup = setup_fragments_full, .given = "8,192 datagrams in fragments are under way"
#define ICMP_ECHO_ONLY .setup = setup_icmp_echo, .given = "icmp: echo"
#define ICMP_NONE .setup = setup_icmp_off, .given = "icmp: off"
#define SMALL_EXTERNAL .setup = setup_small_external, .given = "external MTU 1400"
#define SMALL_INTERNAL .setup = setup_small_internal, .given = "internal MTU 1300"
#define ROUTE(kind, words) .setup = setup_route_##kind, .given = "the gateway's own table: " words

/* ---- rules, lists, other ways in ---- */

void setup_rules(struct bench *bench);
void setup_rule_for_80(struct bench *bench);
void setup_only_rules(struct bench *bench);
void setup_only_rules_pass(struct bench *bench);
void setup_acl(struct bench *bench);
void setup_one_to_one(struct bench *bench);
void setup_one_to_one_fragments(struct bench *bench);
void setup_two_stage(struct bench *bench);
void setup_two_stage_fragments(struct bench *bench);
void setup_forwards(struct bench *bench);
void setup_forwards_fragments(struct bench *bench);
void setup_shared(struct bench *bench);
#define RULES .setup = setup_rules, .given = "rules"
#define RULE_FOR_80 .setup = setup_rule_for_80, .given = "a rule that sends port 80 to 443"
#define ONLY_RULES .setup = setup_only_rules, .given = "rules, default_snat: off"
#define ONLY_RULES_PASS \
	.setup = setup_only_rules_pass, .given = "rules, default_snat: off, unmatched: pass"
#define ACCESS_LIST .setup = setup_acl, .given = "acl"
#define ONE_TO_ONE .setup = setup_one_to_one, .given = "one_to_one"
#define ONE_TO_ONE_FRAGMENTS \
	.setup = setup_one_to_one_fragments, .given = "one_to_one, fragments: forward"
#define TWO_STAGE .setup = setup_two_stage, .given = "mode: two-stage"
#define TWO_STAGE_FRAGMENTS \
	.setup = setup_two_stage_fragments, .given = "mode: two-stage, fragments: forward"
#define FORWARDS .setup = setup_forwards, .given = "port_forwards"
#define FORWARDS_FRAGMENTS \
	.setup = setup_forwards_fragments, .given = "port_forwards, fragments: forward"
#define SHARED .setup = setup_shared, .given = "shared EIP"

#endif
