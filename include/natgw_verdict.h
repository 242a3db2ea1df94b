/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * The one list of verdicts: every packet ends in exactly one entry. BPF returns them, user space
 * names them; metrics, CLI and docs are made from this table. Append only: a number is never used
 * again.
 *
 * X(symbol, class, label, text)
 *   class  OUT       translated and sent on
 *          PASSED    none of natgw's business; the kernel has it, unchanged
 *          DEFERRED  this hook could not finish it; the next hook gives the fate
 *          DROP      ended here; label is the value of the metric's "reason"
 */
#ifndef NATGW_VERDICT_H
#define NATGW_VERDICT_H

#define NATGW_VERDICTS(X)                                                                          \
	X(OK, PASSED, "ok", "go on with the next stage; never the end of a packet")                \
	X(TRANSLATED, OUT, "translated", "translated and sent on")                                 \
	X(PASS_NOT_IPV4, PASSED, "not_ipv4", "not IPv4: ARP, IPv6 and others")                     \
	X(PASS_NOT_NAT, PASSED, "not_nat", "its route leads to no gateway")                        \
	X(PASS_HOST, PASSED, "host", "from or to the gateway host itself")                         \
	X(PASS_ARP_ANSWERED, PASSED, "arp_answered", "ARP request for an EIP, answered")           \
	X(DEFER_NOT_NAT, DEFERRED, "defer_not_nat", "the kernel decides")                          \
	X(DEFER_NEIGHBOUR, DEFERRED, "defer_neighbour", "next hop's MAC address not known yet")    \
	X(DEFER_ROUTE, DEFERRED, "defer_route",                                                    \
	  "the kernel's route table has no forwarding route")                                      \
	X(DEFER_TTL, DEFERRED, "defer_ttl", "TTL about to expire")                                 \
	X(DEFER_TOO_BIG, DEFERRED, "defer_too_big", "too big for the next hop")                    \
	X(DEFER_DEVICE, DEFERRED, "defer_device", "the next hop's interface takes no redirect")    \
	X(DEFER_VLAN, DEFERRED, "defer_vlan", "802.1Q tag: belongs to the interface of that VLAN") \
	X(DEFER_BUSY, DEFERRED, "defer_busy", "another CPU is making this session")                \
	X(DROP_NO_SESSION, DROP, "no_session", "to an EIP, and no session has asked for it")       \
	X(DROP_TO_GATEWAY, DROP, "to_gateway", "ping to an EIP or to the gateway's private IP")    \
	X(DROP_PROTO, DROP, "proto_unsupported", "IP protocol other than TCP, UDP, ICMP")          \
	X(DROP_FRAG_TCP, DROP, "frag_tcp", "fragment of a TCP packet")                             \
	X(DROP_FRAG_ICMP, DROP, "frag_icmp", "fragment of an ICMP packet")                         \
	X(DROP_FRAG_UDP, DROP, "frag_udp", "fragment of a UDP packet")                             \
	X(DROP_FRAG_NO_FIRST, DROP, "frag_no_first", "fragment whose first fragment is not known") \
	X(DROP_FRAG_OVERLAP, DROP, "frag_overlap", "fragment that overlaps another")               \
	X(DROP_TOO_BIG, DROP, "too_big",                                                           \
	  "larger than the next hop's MTU and not to be fragmented")                               \
	X(DROP_MALFORMED, DROP, "malformed", "header that contradicts itself or the packet")       \
	X(DROP_BAD_CHECKSUM, DROP, "bad_checksum", "wrong checksum")                               \
	X(DROP_TTL_EXPIRED, DROP, "ttl_expired", "TTL used up")                                    \
	X(DROP_PORT_EXHAUSTED, DROP, "port_exhausted", "no free port (ErrorPortAllocation)")       \
	X(DROP_SESSION_TABLE_FULL, DROP, "session_table_full", "the session table is full")        \
	X(DROP_CLIENT_QUOTA, DROP, "client_quota", "the client has used up its quota")             \
	X(DROP_HALF_OPEN_QUOTA, DROP, "half_open_quota",                                           \
	  "the client has too many half-open sessions")                                            \
	X(DROP_GATEWAY_QUOTA, DROP, "gateway_quota", "the gateway has used up its quota")          \
	X(DROP_EIM_CONFLICT, DROP, "eim_conflict", "endpoint-independent mapping not possible")    \
	X(DROP_BLACKHOLE, DROP, "blackhole", "the route is a blackhole")                           \
	X(DROP_NO_ROUTE, DROP, "no_route", "no route to the destination")                          \
	X(DROP_NO_NEIGHBOUR, DROP, "no_neighbour", "next hop does not answer")                     \
	X(DROP_TARGET_NOT_ALLOWED, DROP, "target_not_allowed",                                     \
	  "route target not open to NAT traffic")                                                  \
	X(DROP_SOURCE_NOT_ALLOWED, DROP, "source_not_allowed",                                     \
	  "source in no internal prefix, or spoofed")                                              \
	X(DROP_MARTIAN, DROP, "martian", "address that no packet may carry")                       \
	X(DROP_GATEWAY_NOT_AVAILABLE, DROP, "gateway_not_available",                               \
	  "the gateway is not available")                                                          \
	X(DROP_GATEWAY_DELETING, DROP, "gateway_deleting", "the gateway is being deleted")         \
	X(DROP_DRAIN_EXPIRED, DROP, "drain_expired", "the EIP's drain time is over")               \
	X(DROP_TCP_NO_SYN, DROP, "tcp_no_syn", "TCP packet of no session, and not a SYN")          \
	X(DROP_BLOCKED, DROP, "blocked", "the gateway is blocked by the operator")                 \
	X(DROP_ACL, DROP, "acl", "denied by a prefix list")                                        \
	X(DROP_RATE_LIMITED, DROP, "rate_limited", "over the rate limit")                          \
	X(DROP_HAIRPIN, DROP, "hairpin", "from an internal host to an EIP")                        \
	X(DROP_IP_OPTION, DROP, "ip_option", "IP option that is not allowed")                      \
	X(DROP_ICMP_TYPE, DROP, "icmp_type", "ICMP type that is not translated")                   \
	X(DROP_ICMP_QUOTE, DROP, "icmp_quote", "ICMP error that quotes no live session")           \
	X(DROP_WRONG_MAC, DROP, "wrong_mac", "unicast frame for another host")                     \
	X(DROP_GUARD, DROP, "guard", "would have left untranslated: the NAT program is missing")   \
	X(DROP_INTERNAL, DROP, "internal", "a map or helper failed: a bug or a lack of memory")    \
	X(DEFER_ANSWER, DEFERRED, "defer_answer", "its sender is to get an answer")                \
	X(DROP_PORT_QUOTA, DROP, "port_quota",                                                     \
	  "the client has used up its ports to this destination")                                  \
	X(DEFER_HAIRPIN, DEFERRED, "defer_hairpin", "back to an internal host: tc does that")      \
	X(DEFER_FRAGMENT, DEFERRED, "defer_fragment",                                              \
	  "fragment before its first one: the kernel puts them together")                          \
	X(DROP_NO_RULE, DROP, "no_rule", "no SNAT rule translates it, and default_snat is off")    \
	X(DROP_FRAG_TABLE_FULL, DROP, "frag_table_full",                                           \
	  "too many datagrams in fragments are under way, or too many of this sender")             \
	X(PASS_IPV6, PASSED, "ipv6", "IPv6, which is never translated")                            \
	X(DROP_IPV6, DROP, "ipv6_dropped", "IPv6, and the config says ipv6: drop")

enum natgw_verdict {
#define X(symbol, class, label, text) NATGW_##symbol,
	NATGW_VERDICTS(X)
#undef X
		NATGW_VERDICT_COUNT,
};

enum natgw_verdict_class {
	NATGW_CLASS_OUT,
	NATGW_CLASS_PASSED,
	NATGW_CLASS_DEFERRED,
	NATGW_CLASS_DROP,
};

/* Room for verdicts to come: the counter map keeps its layout when one is added. */
#define NATGW_VERDICT_SLOTS 80
_Static_assert(NATGW_VERDICT_COUNT <= NATGW_VERDICT_SLOTS, "verdict counters");

#endif
