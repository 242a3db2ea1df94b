/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * What a wrong configuration is told, word for word, and where: gateway keys, tables, rules and
 * their pools (the reject lists of requirements 68 to 71), 1:1 mappings, port forwards, the access
 * list. Every message is one line.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>

#include <cmocka.h>
#include <errno.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include "cleanup.h"
#include "config.h"

#define HEAD "interfaces: {external: eth0, internal: eth1}\n"
#define GATEWAY(keys) "gateways: [{name: a, private_ip: 10.0.0.1, eips: [203.0.113.1]" keys "}]\n"
#define TABLE                                              \
	"route_tables: [{name: t, subnets: [10.0.1.0/24]," \
	" routes: [{to: 0.0.0.0/0, target: gateway:a}]}]\n"
#define TWO                                                        \
	"gateways:\n"                                              \
	"- {name: a, private_ip: 10.0.0.1, eips: [203.0.113.1]}\n" \
	"- {name: b, private_ip: 10.0.0.2, eips: [203.0.113.2]}\n"
#define STAGED "gateways: [{name: a, private_ip: 10.0.0.1, mode: two-stage, eips: [10.0.0.9]}]\n"
#define COUNT(table) (sizeof(table) / sizeof((table)[0]))

static const struct {
	const char *text;
	const char *want;
} cases
	[] = {
		/* ---- gateway keys ---- */
		{ HEAD GATEWAY(", type: internal") TABLE,
		  "test.yaml:2:71: unknown type \"internal\"; it is one of: public, private" },
		{ HEAD GATEWAY(", type: [private]") TABLE,
		  "test.yaml:2:71: type is a list; it must be a single value" },
		{ HEAD GATEWAY(", mode: two_stage") TABLE,
		  "test.yaml:2:71: unknown mode \"two_stage\"; did you mean \"two-stage\"? it is one of: direct, two-stage" },
		{ HEAD GATEWAY(", fragments: all") TABLE,
		  "test.yaml:2:76: unknown fate of fragments \"all\"; it is one of: drop, forward" },
		{ HEAD GATEWAY(", fragments: {tcp: pass}") TABLE,
		  "test.yaml:2:82: unknown fate of fragments \"pass\"; it is one of: drop, forward" },
		{ HEAD GATEWAY(", fragments: {sctp: drop}") TABLE,
		  "test.yaml:2:77: unknown key \"sctp\" in fragments; did you mean \"tcp\"? known keys are: tcp, udp, icmp" },
		{ HEAD GATEWAY(", fragments: [tcp]") TABLE,
		  "test.yaml:2:76: fragments is a list; it must be a mapping, lines of \"key: value\"" },
		{ HEAD GATEWAY(", icmp: none") TABLE,
		  "test.yaml:2:71: unknown icmp \"none\"; it is one of: all, echo, off" },
		{ HEAD GATEWAY(", default_snat: maybe") TABLE,
		  "test.yaml:2:79: default_snat is \"maybe\"; it must be true or false" },
		{ HEAD GATEWAY(", unmatched: pass") TABLE,
		  "test.yaml:2:76: unmatched at a gateway that translates everything; it counts with default_snat: off only, so write that or take it out" },
		{ HEAD GATEWAY(", default_snat: on, unmatched: drop") TABLE,
		  "test.yaml:2:94: unmatched at a gateway that translates everything; it counts with default_snat: off only, so write that or take it out" },
		{ HEAD GATEWAY(", default_snat: off, unmatched: forward") TABLE,
		  "test.yaml:2:95: unknown unmatched \"forward\"; it is one of: drop, pass" },
		{ HEAD GATEWAY(", route_table: tt") TABLE,
		  "test.yaml:2:78: unknown route_table \"tt\" of gateway \"a\"; the route tables are: t" },
		{ HEAD GATEWAY(", route_table: \"a b\"") TABLE,
		  "test.yaml:2:78: the route_table of a gateway \"a b\" cannot be used; it must have 1 to 31 letters, digits, \"-\", \"_\" or \".\"" },
		{ HEAD GATEWAY(", route_table: t") TABLE,
		  "test.yaml:3:59: target gateway:a in route table \"t\", which is the route_table of gateway \"a\": its packets are translated already, so write internet" },
		{ HEAD GATEWAY(", allow_nat_to: local") TABLE,
		  "test.yaml:2:79: allow_nat_to: a single value; it must be a list, [a, b] or lines that begin with \"- \"" },
		{ HEAD GATEWAY(", allow_nat_to: [internet]") TABLE,
		  "test.yaml:2:80: unknown class of targets in allow_nat_to \"internet\"; it is one of: local, interface, vpn" },
		/* ---- eips ---- */
		{ HEAD
		  "gateways: [{name: a, private_ip: 10.0.0.1, eips: [{address: 203.0.113.1-203.0.113.2, shared: true}]}]\n" TABLE,
		  "test.yaml:2:61: address \"203.0.113.1-203.0.113.2\" of an EIP is not one IPv4 address; write one such as 203.0.113.10, an item for each" },
		{ HEAD
		  "gateways: [{name: a, private_ip: 10.0.0.1, eips: [{address: 203.0.113.0/31, shared: true}]}]\n" TABLE,
		  "test.yaml:2:61: address \"203.0.113.0/31\" of an EIP is not one IPv4 address; write one such as 203.0.113.10, an item for each" },
		{ HEAD
		  "gateways: [{name: a, private_ip: 10.0.0.1, eips: [{shared: true}]}]\n" TABLE,
		  "test.yaml:2:51: key \"address\" of an EIP is missing; it is required" },
		{ HEAD
		  "gateways: [{name: a, private_ip: 10.0.0.1, eips: [{address: 203.0.113.1, shared: maybe}]}]\n" TABLE,
		  "test.yaml:2:82: shared is \"maybe\"; it must be true or false" },
		{ HEAD
		  "gateways: [{name: a, private_ip: 10.0.0.1, eips: [{addr: 203.0.113.1}]}]\n" TABLE,
		  "test.yaml:2:52: unknown key \"addr\" in an EIP; known keys are: address, shared" },
		{ HEAD
		  "gateways: [{name: a, private_ip: 10.0.0.1, eips: [{address: 127.0.0.1, shared: true}]}]\n" TABLE,
		  "test.yaml:2:51: EIP 127.0.0.1 is in 127.0.0.0/8 (loopback); an EIP must be a unicast address that the external network routes to this host" },
		{ HEAD
		  "gateways: [{name: a, private_ip: 10.0.0.1, eips: [{address: 10.0.1.9, shared: true}]}]\n" TABLE,
		  "test.yaml:3:36: EIP 10.0.1.9 of gateway \"a\" lies inside subnet 10.0.1.0/24; EIPs and internal prefixes must not overlap" },
		{ HEAD
		  "gateways: [{name: a, private_ip: 10.0.0.1, eips: [{address: 203.0.113.1, shared: true}, {address: 203.0.113.1, shared: true}]}]\n" TABLE,
		  "test.yaml:2:89: EIP 203.0.113.1 is already in gateway \"a\"; an EIP belongs to one gateway, and once" },
		{ HEAD
		  "gateways: [{name: a, private_ip: 10.0.0.1, eips: [203.0.113.1, {address: 203.0.113.1, shared: true}]}]\n" TABLE,
		  "test.yaml:2:64: EIP 203.0.113.1 is already in gateway \"a\"; an EIP belongs to one gateway, and once" },
		{ HEAD
		  "gateways: [{name: a, private_ip: 10.0.0.1, eips: [{address: 10.0.0.1, shared: true}]}]\n" TABLE,
		  "test.yaml:2:51: EIP 10.0.0.1 is the private_ip of gateway \"a\"; the two must differ" },
		{ HEAD
		  "gateways: [{name: a, private_ip: 10.0.0.1, eips: [{address: 10.0.0.9, shared: true}], mode: two-stage}]\n" TABLE,
		  "test.yaml:2:51: shared: true at gateway \"a\", whose mode is two-stage; what is on the wire there is the public address, so take it out" },
		{ HEAD
		  "gateways:\n"
		  "- {name: a, private_ip: 10.0.0.1, eips: [{address: 203.0.113.1, shared: true}]}\n"
		  "- {name: b, private_ip: 10.0.0.2, eips: [{address: 203.0.113.1, shared: true}]}\n" TABLE,
		  "test.yaml:4:42: EIP 203.0.113.1 is already in gateway \"a\"; an EIP belongs to one gateway, and once" },
		{ HEAD "gateways: [{name: a, private_ip: 10.0.0.1, default_snat: on}]\n" TABLE,
		  "test.yaml:2:12: key \"eips\" of a gateway is missing; it is required, unless default_snat is off" },
		{ HEAD
		  "gateways: [{name: a, private_ip: 10.0.0.1, default_snat: off, eips: []}]\n" TABLE,
		  "test.yaml:2:69: eips of a gateway: the list is empty; it needs one item" },
		{ HEAD
		  "gateways: [{name: a, private_ip: 10.0.0.1, mode: direct, eips: [10.0.0.1]}]\n" TABLE,
		  "test.yaml:2:65: EIP 10.0.0.1 is the private_ip of gateway \"a\"; the two must differ" },
		{ HEAD
		  "gateways:\n"
		  "- {name: a, private_ip: 10.0.0.1, mode: two-stage, eips: [10.0.0.1]}\n"
		  "- {name: b, private_ip: 10.0.0.2, mode: two-stage, eips: [10.0.0.1]}\n" TABLE,
		  "test.yaml:4:59: EIP 10.0.0.1 is already in gateway \"a\"; an EIP belongs to one gateway, and once" },
		{ HEAD
		  "gateways:\n"
		  "- {name: a, private_ip: 10.0.0.1, eips: [203.0.113.1]}\n"
		  "- {name: b, private_ip: 10.0.0.2, mode: two-stage, eips: [10.0.0.1]}\n" TABLE,
		  "test.yaml:4:59: EIP 10.0.0.1 is the private_ip of gateway \"a\"; the two must differ" },
		{ HEAD STAGED TABLE,
		  "test.yaml:2:67: EIP 10.0.0.9 of two-stage gateway \"a\" has no public address; add {private: 10.0.0.9, public: ...} to one_to_one" },
		{ HEAD
		  "gateways: [{name: a, private_ip: 10.0.0.1, mode: two-stage, eips: [10.0.0.9-10.0.0.11]}]\n" TABLE
		  "one_to_one: [{private: 10.0.0.9, public: 203.0.113.9}, {private: 10.0.0.11, public: 203.0.113.11}]\n",
		  "test.yaml:2:67: EIP 10.0.0.10 of two-stage gateway \"a\" has no public address; add {private: 10.0.0.10, public: ...} to one_to_one" },
		{ HEAD
		  "gateways: [{name: a, private_ip: 10.0.0.1, mode: two-stage, default_snat: off}]\n" TABLE
		  "rules: [{snat: {eips: [10.0.0.9]}}]\n",
		  "test.yaml:4:16: EIP 10.0.0.9 of two-stage gateway \"a\" has no public address; add {private: 10.0.0.9, public: ...} to one_to_one" },
		/* ---- route tables ---- */
		{ HEAD GATEWAY(
			  ", route_table: o") "route_tables:\n"
					      "- {name: t, subnets: [10.0.1.0/24], routes: [{to: 0.0.0.0/0, target: gateway:a}]}\n"
					      "- {name: o, routes: [{to: 0.0.0.0/0, target: gateway:a}]}\n",
		  "test.yaml:5:22: target gateway:a in route table \"o\", which is the route_table of gateway \"a\": its packets are translated already, so write internet" },
		{ HEAD GATEWAY(
			  ", route_table: o") "route_tables:\n"
					      "- {name: o, subnets: [10.0.2.0/24], routes: [{to: 0.0.0.0/0, target: internet}]}\n",
		  "test.yaml:4:46: target internet in route table \"o\", which has subnets; it is for packets that are translated, so write gateway:NAME, or move it to a table that is a gateway's route_table only" },
		{ HEAD GATEWAY(
			  ", route_table: o") "route_tables:\n"
					      "- {name: o, main: true, routes: [{to: 192.0.2.0/24, target: internet}]}\n",
		  "test.yaml:4:34: target internet in route table \"o\", which has subnets; it is for packets that are translated, so write gateway:NAME, or move it to a table that is a gateway's route_table only" },
		{ HEAD GATEWAY(
			  "") "route_tables:\n"
			      "- {name: t, subnets: [10.0.1.0/24], routes: [{to: 0.0.0.0/0, target: internet}]}\n",
		  "test.yaml:4:46: target internet in route table \"t\", which has subnets; it is for packets that are translated, so write gateway:NAME, or move it to a table that is a gateway's route_table only" },
		{ HEAD GATEWAY(
			  ", route_table: o") "route_tables:\n"
					      "- {name: p, routes: [{to: 0.0.0.0/0, target: internet}]}\n"
					      "- {name: t, subnets: [10.0.1.0/24], routes: [{to: 0.0.0.0/0, target: gateway:a}]}\n",
		  "test.yaml:4:3: key \"subnets\" of a route table is missing; only the main table and one that a gateway names as its route_table need none" },
		{ HEAD GATEWAY(
			  ", route_table: o") "route_tables:\n"
					      "- {name: t, subnets: [10.0.1.0/24], routes: [{to: 0.0.0.0/0, target: gateway:a}]}\n"
					      "- {name: o, routes: [{to: 0.0.0.0/0, target: vpn}]}\n",
		  "test.yaml:5:46: unknown target \"vpn\" of a route; it is gateway:NAME, interface:NAME, local, blackhole or internet" },
		{ HEAD GATEWAY(
			  "") "route_tables:\n"
			      "- {name: t, subnets: [10.0.1.0/24], routes: [{to: 0.0.0.0/0, target: gateway:a}]}\n"
			      "- {name: m, main: true}\n"
			      "- {name: n, main: true}\n",
		  "test.yaml:6:19: route table \"m\", in line 5, is the main one already; there is one main table" },
		{ HEAD GATEWAY(
			  "") "route_tables:\n"
			      "- {name: t, subnets: [10.0.1.0/24], routes: [{to: 0.0.0.0/0, target: gateway:a}]}\n"
			      "- {name: m, main: 1}\n",
		  "test.yaml:5:19: main is \"1\"; it must be true or false" },
		{ HEAD GATEWAY(
			  ", route_table: o") "route_tables:\n"
					      "- {name: t, subnets: [10.0.1.0/24], routes: [{to: 0.0.0.0/0, target: gateway:a}]}\n"
					      "- {name: o, routes: [{to: 0.0.0.0/0, target: internet}, {to: 0.0.0.0/0, target: blackhole}]}\n",
		  "test.yaml:5:57: route to 0.0.0.0/0 is already in route table \"o\", in line 5; a prefix has one route in a table" },
		{ HEAD GATEWAY(
			  ", route_table: o") "route_tables:\n"
					      "- {name: t, subnets: [10.0.1.0/24], routes: [{to: 0.0.0.0/0, target: gateway:a}]}\n"
					      "- {name: o, subnets: []}\n",
		  "test.yaml:5:22: subnets of a route table: the list is empty; it needs one item" },
		/* ---- internal_prefixes and local ---- */
		{ HEAD GATEWAY("") TABLE "internal_prefixes: 10.0.0.0/8\n",
		  "test.yaml:4:20: internal_prefixes: a single value; it must be a list, [a, b] or lines that begin with \"- \"" },
		{ HEAD GATEWAY("") TABLE "internal_prefixes: [0.0.0.0/0]\n",
		  "test.yaml:4:21: internal prefix 0.0.0.0/0 would make every host on the internet a client; write the prefixes of your own hosts" },
		{ HEAD GATEWAY("") TABLE "internal_prefixes: [10.0.0.1/8]\n",
		  "test.yaml:4:21: internal prefix 10.0.0.1/8 has host bits set; write 10.0.0.0/8" },
		{ HEAD GATEWAY("") TABLE "internal_prefixes: [10.0.0.1]\n",
		  "test.yaml:4:21: internal prefix 10.0.0.1 is an address without a length; write 10.0.0.1/32" },
		{ HEAD GATEWAY("") TABLE "internal_prefixes: [127.0.0.0/8]\n",
		  "test.yaml:4:21: internal prefix 127.0.0.0/8 is in 127.0.0.0/8 (loopback) and never translated; write the prefixes of your own hosts" },
		{ HEAD GATEWAY("") TABLE
		  "internal_prefixes: [10.0.2.0/24, 10.0.3.0/24, 10.0.2.0/24]\n",
		  "test.yaml:4:47: internal prefix 10.0.2.0/24 stands here again; write it once" },
		{ HEAD GATEWAY("") TABLE "internal_prefixes: [203.0.113.0/24]\n",
		  "test.yaml:4:21: EIP 203.0.113.1 of gateway \"a\" lies inside internal prefix 203.0.113.0/24; EIPs and internal prefixes must not overlap" },
		{ HEAD GATEWAY("") TABLE "local: true\n",
		  "test.yaml:4:8: local: a single value; it must be a list, [a, b] or lines that begin with \"- \"" },
		{ HEAD GATEWAY("") TABLE "local: [0.0.0.0/0]\n",
		  "test.yaml:4:9: local prefix 0.0.0.0/0 would leave nothing to translate; write the external prefixes that clients reach by their own addresses" },
		{ HEAD GATEWAY("") TABLE "local: [198.51.100.0]\n",
		  "test.yaml:4:9: local prefix 198.51.100.0 is an address without a length; write 198.51.100.0/32" },
		{ HEAD GATEWAY("") TABLE "local: [198.51.100.7/24]\n",
		  "test.yaml:4:9: local prefix 198.51.100.7/24 has host bits set; write 198.51.100.0/24" },
		{ HEAD GATEWAY("") TABLE "local: [198.51.100.0/24, 198.51.100.0/24]\n",
		  "test.yaml:4:26: local prefix 198.51.100.0/24 stands here again; write it once" },
		{ HEAD GATEWAY("") TABLE "local: [224.0.0.0/4]\n",
		  "test.yaml:4:9: local prefix 224.0.0.0/4 is in 224.0.0.0/4 (multicast) and never translated; take it out" },
		/* ---- rules ---- */
		{ HEAD GATEWAY("") TABLE "rules: [{}]\n",
		  "test.yaml:4:9: a rule without a kind; it must have one of: session, dnat, snat, no_nat" },
		{ HEAD GATEWAY("") TABLE
		  "rules: [{dnat: {protocol: tcp, port: 1, to_port: 2}, snat: {eips: [192.0.2.1]}}]\n",
		  "test.yaml:4:54: a second key in a rule; each rule is of one kind and a list item of its own, such as {session: {...}}" },
		{ HEAD GATEWAY("") TABLE "rules: [{masquerade: {}}]\n",
		  "test.yaml:4:10: unknown key \"masquerade\" in a rule; known keys are: session, dnat, snat, no_nat" },
		{ HEAD GATEWAY("") TABLE "rules: [{dnat: 8001}]\n",
		  "test.yaml:4:16: a dnat rule is a single value; it must be a mapping, lines of \"key: value\"" },
		{ HEAD GATEWAY("") TABLE "rules: [{dnat: {port: 8001, to_port: 443}}]\n",
		  "test.yaml:4:16: key \"protocol\" of a dnat rule is missing; it is required" },
		{ HEAD GATEWAY("") TABLE "rules: [{dnat: {protocol: tcp, to_port: 443}}]\n",
		  "test.yaml:4:16: key \"port\" of a dnat rule is missing; it is required" },
		{ HEAD GATEWAY("") TABLE "rules: [{dnat: {protocol: icmp, port: 1, to_port: 2}}]\n",
		  "test.yaml:4:27: unknown protocol of a dnat rule \"icmp\"; did you mean \"tcp\"? it is one of: tcp, udp" },
		{ HEAD GATEWAY("") TABLE "rules: [{dnat: {protocol: any, port: 1, to_port: 2}}]\n",
		  "test.yaml:4:27: unknown protocol of a dnat rule \"any\"; it is one of: tcp, udp" },
		{ HEAD GATEWAY("") TABLE "rules: [{dnat: {protocol: tcp, port: 8001}}]\n",
		  "test.yaml:4:16: a dnat rule without to_port and mark changes nothing; write one of them, or both" },
		{ HEAD GATEWAY("") TABLE
		  "rules: [{dnat: {protocol: tcp, port: 8001, to_port: 0}}]\n",
		  "test.yaml:4:53: to_port \"0\" is not one port (1 to 65535); write a number such as 443" },
		{ HEAD GATEWAY("") TABLE
		  "rules: [{dnat: {protocol: tcp, port: 8001, to_port: 443-444}}]\n",
		  "test.yaml:4:53: to_port \"443-444\" is not one port (1 to 65535); write a number such as 443" },
		{ HEAD GATEWAY("") TABLE
		  "rules: [{dnat: {protocol: tcp, port: 8001, to_port: 65536}}]\n",
		  "test.yaml:4:53: to_port \"65536\" is not one port (1 to 65535); write a number such as 443" },
		{ HEAD GATEWAY("") TABLE
		  "rules: [{dnat: {protocol: tcp, port: 8001, to_port: https}}]\n",
		  "test.yaml:4:53: to_port \"https\" is not one port (1 to 65535); write a number such as 443" },
		{ HEAD GATEWAY("") TABLE "rules: [{dnat: {protocol: tcp, port: 8001, mark: 0}}]\n",
		  "test.yaml:4:50: mark \"0\" of a rule is not a number from 1 to 4294967295; write one such as 65 or 0x41" },
		{ HEAD GATEWAY("") TABLE
		  "rules: [{dnat: {protocol: tcp, port: 8001, mark: 0x100000000}}]\n",
		  "test.yaml:4:50: mark \"0x100000000\" of a rule is not a number from 1 to 4294967295; write one such as 65 or 0x41" },
		{ HEAD GATEWAY("") TABLE "rules: [{dnat: {protocol: tcp, port: 8001, mark: -1}}]\n",
		  "test.yaml:4:50: mark \"-1\" of a rule is not a number from 1 to 4294967295; write one such as 65 or 0x41" },
		{ HEAD GATEWAY("") TABLE
		  "rules: [{dnat: {protocol: tcp, port: 8001, mark: red}}]\n",
		  "test.yaml:4:50: mark \"red\" of a rule is not a number from 1 to 4294967295; write one such as 65 or 0x41" },
		{ HEAD GATEWAY("") TABLE
		  "rules: [{dnat: {protocol: tcp, port: 8001, to_port: 443, shared_mark: true}}]\n",
		  "test.yaml:4:71: shared_mark in a dnat rule without a mark; write mark too, or take it out" },
		{ HEAD GATEWAY("") TABLE
		  "rules: [{dnat: {protocol: tcp, port: 8001, mark: 65, shared_mark: perhaps}}]\n",
		  "test.yaml:4:67: shared_mark is \"perhaps\"; it must be true or false" },
		{ HEAD GATEWAY("") TABLE
		  "rules: [{dnat: {protocol: tcp, port: 8001, to_port: 443, to: 198.51.100.1}}]\n",
		  "test.yaml:4:62: to 198.51.100.1 is an address without a length; write 198.51.100.1/32" },
		{ HEAD GATEWAY("") TABLE
		  "rules: [{dnat: {protocol: tcp, port: 8001, to_port: 443, eips: [192.0.2.1]}}]\n",
		  "test.yaml:4:58: unknown key \"eips\" in a dnat rule; known keys are: gateway, from, to, protocol, port, to_port, mark, shared_mark" },
		{ HEAD GATEWAY("") TABLE
		  "rules: [{dnat: {protocol: tcp, port: 0, to_port: 443}}]\n",
		  "test.yaml:4:38: port \"0\" is not a port or a range of ports (1 to 65535); write 443 or 3478-3479" },
		{ HEAD GATEWAY("") TABLE
		  "rules: [{dnat: {protocol: tcp, port: 9-8, to_port: 443}}]\n",
		  "test.yaml:4:38: port \"9-8\" is not a port or a range of ports (1 to 65535); write 443 or 3478-3479" },
		{ HEAD GATEWAY("") TABLE
		  "rules: [{dnat: {protocol: tcp, port: 8001, gateway: b, to_port: 443}}]\n",
		  "test.yaml:4:53: rule for an unknown gateway \"b\"; the gateways are: a" },
		{ HEAD TWO TABLE "rules:\n"
				 "- {dnat: {protocol: tcp, port: 8001, to_port: 443, mark: 65}}\n"
				 "- {dnat: {protocol: tcp, port: 8002, to_port: 444, mark: 65}}\n",
		  "test.yaml:8:10: mark 65 is set by the dnat rule in line 7 too, which has another to_port; give each a mark of its own, or write shared_mark: true" },
		{ HEAD TWO TABLE "rules:\n"
				 "- {dnat: {protocol: tcp, port: 8001, to_port: 443, mark: 65}}\n"
				 "- {dnat: {gateway: b, protocol: udp, port: 8001, mark: 0x41}}\n",
		  "test.yaml:8:10: mark 65 is set by the dnat rule in line 7 too, which has another to_port; give each a mark of its own, or write shared_mark: true" },
		{ HEAD GATEWAY("") TABLE "rules: [{no_nat: {eips: [192.0.2.1]}}]\n",
		  "test.yaml:4:19: unknown key \"eips\" in a no_nat rule; known keys are: gateway, from, to, protocol, port" },
		{ HEAD GATEWAY("") TABLE "rules: [{no_nat: {protocol: icmp, port: 7}}]\n",
		  "test.yaml:4:41: port 7 in a rule for protocol icmp, which has none; take it out, or change the protocol" },
		{ HEAD GATEWAY("") TABLE "rules: [{no_nat: {mark: 65}}]\n",
		  "test.yaml:4:19: unknown key \"mark\" in a no_nat rule; known keys are: gateway, from, to, protocol, port" },
		/* ---- pools (requirements 68 to 71) ---- */
		{ HEAD GATEWAY("") TABLE "rules: [{snat: {mark: 65}}]\n",
		  "test.yaml:4:16: key \"eips\" of an snat rule is missing; it is required" },
		{ HEAD GATEWAY("") TABLE "rules: [{snat: {eips: []}}]\n",
		  "test.yaml:4:23: eips of an snat rule: the list is empty; it needs one item" },
		{ HEAD GATEWAY("") TABLE "rules: [{snat: {eips: 192.168.8.10}}]\n",
		  "test.yaml:4:23: eips of an snat rule: a single value; it must be a list, [a, b] or lines that begin with \"- \"" },
		{ HEAD GATEWAY("") TABLE
		  "rules: [{snat: {eips: [{address: 192.168.8.10, shared: true}]}}]\n",
		  "test.yaml:4:24: an EIP is a mapping; it must be a single value" },
		{ HEAD GATEWAY("") TABLE "rules: [{snat: {eips: [192.168.8.16-192.168.8.10]}}]\n",
		  "test.yaml:4:24: range \"192.168.8.16-192.168.8.10\" is reversed; write the lower address first" },
		{ HEAD GATEWAY("") TABLE "rules: [{snat: {eips: [192.168.8.10-16]}}]\n",
		  "test.yaml:4:24: \"192.168.8.10-16\" is not a range; write two addresses, such as 203.0.113.16-203.0.113.23" },
		{ HEAD GATEWAY("") TABLE "rules: [{snat: {eips: [192.168.8.10/28]}}]\n", "test.yaml:4:24: prefix 192.168.8.10/28 has host bits set; write 192.168.8.0/28 for the prefix, or one address without \"/\"" },
		{ HEAD GATEWAY("") TABLE "rules: [{snat: {eips: [192.168.8.256]}}]\n",
		  "test.yaml:4:24: EIP \"192.168.8.256\" is not an IPv4 address, range or prefix; write 203.0.113.10, 203.0.113.16-203.0.113.23 or 198.51.100.0/28" },
		{ HEAD GATEWAY("") TABLE "rules: [{snat: {eips: [10.0.0.0-10.0.0.9]}}]\n",
		  "test.yaml:4:24: EIP 10.0.0.1 of an snat rule is the private_ip of gateway \"a\"; a pool must not hold it" },
		{ HEAD GATEWAY("") TABLE "rules: [{snat: {eips: [10.0.0.1]}}]\n",
		  "test.yaml:4:24: EIP 10.0.0.1 of an snat rule is the private_ip of gateway \"a\"; a pool must not hold it" },
		{ HEAD GATEWAY("") TABLE "rules: [{snat: {eips: [10.0.1.7]}}]\n",
		  "test.yaml:4:24: EIP 10.0.1.7 of an snat rule lies inside subnet 10.0.1.0/24; EIPs and internal prefixes must not overlap" },
		{ HEAD GATEWAY("") TABLE "rules: [{snat: {eips: [169.254.0.1]}}]\n",
		  "test.yaml:4:24: EIP 169.254.0.1 of an snat rule is in 169.254.0.0/16 (link-local); an EIP must be a unicast address that the external network routes to this host" },
		{ HEAD GATEWAY("") TABLE "rules: [{snat: {eips: [192.168.8.10, 192.168.8.10]}}]\n",
		  "test.yaml:4:38: EIP 192.168.8.10 stands in this snat rule already; write it once" },
		{ HEAD GATEWAY("") TABLE
		  "rules: [{snat: {eips: [192.168.8.10-192.168.8.16, 192.168.8.16]}}]\n",
		  "test.yaml:4:51: EIP 192.168.8.16 stands in this snat rule already; write it once" },
		{ HEAD GATEWAY("") TABLE "rules: [{snat: {eips: [203.0.113.1-203.0.113.2]}}]\n",
		  "test.yaml:4:23: EIP 203.0.113.1 of this snat rule is in the eips of gateway \"a\", others of the rule are not; a pool must be part of that list as a whole, or apart from it" },
		{ HEAD GATEWAY("") TABLE "rules: [{snat: {eips: [10.16.0.0/23]}}]\n",
		  "test.yaml:4:24: this snat rule would have 512 EIPs; at most 256 fit" },
		{ HEAD GATEWAY("") TABLE "rules: [{snat: {eips: [10.16.0.0/24]}}]\n",
		  "test.yaml:4:23: all gateways and snat rules together would have 257 EIPs; at most 256 fit" },
		{ HEAD GATEWAY("") TABLE
		  "rules: [{snat: {port: 1, eips: [192.168.8.10-192.168.8.12]}}, {snat: {port: 2, eips: [192.168.8.12-192.168.8.16]}}]\n",
		  "test.yaml:4:86: EIP 192.168.8.12 is in the pool of the snat rule in line 4 too; two pools must not overlap, unless they are the same" },
		{ HEAD GATEWAY("") TABLE
		  "rules: [{snat: {port: 1, eips: [192.168.8.10-192.168.8.16]}}, {snat: {port: 2, eips: [192.168.8.11]}}]\n",
		  "test.yaml:4:86: EIP 192.168.8.11 is in the pool of the snat rule in line 4 too; two pools must not overlap, unless they are the same" },
		{ HEAD GATEWAY("") TABLE
		  "rules: [{snat: {port: 1, eips: [192.168.8.10]}}, {snat: {port: 2, eips: [192.168.8.10-192.168.8.11]}}]\n",
		  "test.yaml:4:73: EIP 192.168.8.10 is in the pool of the snat rule in line 4 too; two pools must not overlap, unless they are the same" },
		{ HEAD TWO TABLE "rules:\n"
				 "- {snat: {eips: [192.168.8.10]}}\n",
		  "test.yaml:7:10: an snat rule names no gateway, and there are 2; its EIPs belong to one, so write gateway: NAME" },
		{ HEAD TWO TABLE "rules:\n"
				 "- {snat: {gateway: a, eips: [203.0.113.2]}}\n",
		  "test.yaml:7:30: EIP 203.0.113.2 of this snat rule for gateway \"a\" belongs to gateway \"b\"; an EIP belongs to one gateway" },
		{ HEAD TWO TABLE "rules:\n"
				 "- {snat: {gateway: a, eips: [10.0.0.2]}}\n",
		  "test.yaml:7:30: EIP 10.0.0.2 of an snat rule is the private_ip of gateway \"b\"; a pool must not hold it" },
		{ HEAD TWO TABLE "rules:\n"
				 "- {snat: {gateway: a, eips: [192.168.8.10]}}\n"
				 "- {snat: {gateway: b, eips: [192.168.8.10]}}\n",
		  "test.yaml:8:30: EIP 192.168.8.10 of this snat rule for gateway \"b\" belongs to gateway \"a\"; an EIP belongs to one gateway" },
		{ HEAD GATEWAY("") TABLE "rules: [{snat: {gateway: b, eips: [192.168.8.10]}}]\n",
		  "test.yaml:4:26: rule for an unknown gateway \"b\"; the gateways are: a" },
		{ HEAD GATEWAY("") TABLE
		  "rules: [{snat: {protocol: icmp, port: 7, eips: [192.168.8.10]}}]\n",
		  "test.yaml:4:39: port 7 in a rule for protocol icmp, which has none; take it out, or change the protocol" },
		{ HEAD GATEWAY("") TABLE "rules: [{snat: {mark: 0, eips: [192.168.8.10]}}]\n",
		  "test.yaml:4:23: mark \"0\" of a rule is not a number from 1 to 4294967295; write one such as 65 or 0x41" },
		/* ---- one_to_one ---- */
		{ HEAD GATEWAY("") TABLE "one_to_one: [10.0.1.5]\n",
		  "test.yaml:4:14: an item of one_to_one is a single value; it must be a mapping, lines of \"key: value\"" },
		{ HEAD GATEWAY("") TABLE "one_to_one: [{private: 10.0.1.5}]\n",
		  "test.yaml:4:14: key \"public\" of an item of one_to_one is missing; it is required" },
		{ HEAD GATEWAY("") TABLE "one_to_one: [{public: 203.0.113.9}]\n",
		  "test.yaml:4:14: key \"private\" of an item of one_to_one is missing; it is required" },
		{ HEAD GATEWAY("") TABLE
		  "one_to_one: [{private: 10.0.1.0/24, public: 203.0.113.9}]\n",
		  "test.yaml:4:24: private \"10.0.1.0/24\" of one_to_one is not an IPv4 address; write one address, each pair is an item of its own" },
		{ HEAD GATEWAY("") TABLE "one_to_one: [{private: 10.0.1.5, public: web}]\n",
		  "test.yaml:4:42: public \"web\" of one_to_one is not an IPv4 address; write one address, each pair is an item of its own" },
		{ HEAD GATEWAY("") TABLE
		  "one_to_one: [{private: 224.0.0.1, public: 203.0.113.9}]\n",
		  "test.yaml:4:24: private 224.0.0.1 of one_to_one is in 224.0.0.0/4 (multicast); it must be a unicast address" },
		{ HEAD GATEWAY("") TABLE "one_to_one: [{private: 10.0.1.5, public: 127.0.0.1}]\n",
		  "test.yaml:4:42: public 127.0.0.1 of one_to_one is in 127.0.0.0/8 (loopback); it must be a unicast address" },
		{ HEAD GATEWAY("") TABLE "one_to_one: [{private: 10.0.1.5, public: 10.0.1.5}]\n",
		  "test.yaml:4:42: 10.0.1.5 is mapped to itself; private and public must differ, and no_nat leaves an address as it is" },
		{ HEAD GATEWAY("") TABLE "one_to_one: [{private: 10.0.2.5, public: 203.0.113.9}]\n",
		  "test.yaml:4:24: private 10.0.2.5 of one_to_one is neither in an internal prefix nor an EIP of a two-stage gateway; write an internal host, or add its subnet" },
		{ HEAD GATEWAY("") TABLE
		  "one_to_one: [{private: 203.0.113.1, public: 203.0.113.9}]\n",
		  "test.yaml:4:24: private 203.0.113.1 of one_to_one is an EIP of gateway \"a\", whose mode is direct; write mode: two-stage there, or the address of an internal host here" },
		{ HEAD GATEWAY("") TABLE "one_to_one: [{private: 10.0.0.1, public: 203.0.113.9}]\n",
		  "test.yaml:4:24: private 10.0.0.1 of one_to_one is the private_ip of gateway \"a\"; that takes mode: two-stage and the address in its eips" },
		{ HEAD GATEWAY("") TABLE "one_to_one: [{private: 10.0.1.5, public: 203.0.113.1}]\n",
		  "test.yaml:4:42: public 203.0.113.1 of one_to_one is an EIP of gateway \"a\" already; an address is one or the other" },
		{ HEAD GATEWAY("") TABLE "one_to_one: [{private: 10.0.1.5, public: 10.0.0.1}]\n",
		  "test.yaml:4:42: public 10.0.0.1 of one_to_one is the private_ip of gateway \"a\"; the two must differ" },
		{ HEAD GATEWAY("") TABLE "one_to_one: [{private: 10.0.1.5, public: 10.0.1.6}]\n", "test.yaml:4:42: public 10.0.1.6 of one_to_one lies inside subnet 10.0.1.0/24; public addresses and internal prefixes must not overlap" },
		{ HEAD GATEWAY("") TABLE
		  "one_to_one: [{private: 10.0.1.5, public: 203.0.113.9}, {private: 10.0.1.5, public: 203.0.113.8}]\n",
		  "test.yaml:4:66: 10.0.1.5 is the private address of the one_to_one item in line 4 already; an address stands in one item" },
		{ HEAD GATEWAY("") TABLE
		  "one_to_one: [{private: 10.0.1.5, public: 203.0.113.9}, {private: 10.0.1.6, public: 203.0.113.9}]\n",
		  "test.yaml:4:84: 203.0.113.9 is the public address of the one_to_one item in line 4 already; an address stands in one item" },
		{ HEAD STAGED TABLE
		  "one_to_one: [{private: 10.0.0.9, public: 203.0.113.9}, {private: 10.0.1.6, public: 10.0.0.9}]\n",
		  "test.yaml:4:84: 10.0.0.9 is the private address of the one_to_one item in line 4 already; an address stands in one item" },
		{ HEAD GATEWAY("") TABLE "rules: [{snat: {eips: [203.0.113.9]}}]\n"
					 "one_to_one: [{private: 10.0.1.5, public: 203.0.113.9}]\n",
		  "test.yaml:5:42: public 203.0.113.9 of one_to_one is an EIP of gateway \"a\" already; an address is one or the other" },
		{ HEAD GATEWAY("") TABLE
		  "one_to_one: [{private: 10.0.1.5, public: 203.0.113.9, mode: direct}]\n",
		  "test.yaml:4:55: unknown key \"mode\" in an item of one_to_one; known keys are: private, public" },
		/* ---- port_forwards ---- */
		{ HEAD GATEWAY("") TABLE "port_forwards:\n"
					 "- {protocol: tcp, address: 203.0.113.1, port: 443}\n",
		  "test.yaml:5:3: key \"to\" of a port forward is missing; it is required" },
		{ HEAD GATEWAY("") TABLE "port_forwards:\n"
					 "- {protocol: tcp, address: 203.0.113.1, to: 10.0.1.5}\n",
		  "test.yaml:5:3: key \"port\" of a port forward is missing; it is required" },
		{ HEAD GATEWAY("") TABLE "port_forwards:\n"
					 "- {address: 203.0.113.1, port: 443, to: 10.0.1.5}\n",
		  "test.yaml:5:3: key \"protocol\" of a port forward is missing; it is required" },
		{ HEAD GATEWAY("") TABLE "port_forwards:\n"
					 "- {protocol: tcp, port: 443, to: 10.0.1.5}\n",
		  "test.yaml:5:3: key \"address\" of a port forward is missing; it is required" },
		{ HEAD GATEWAY("") TABLE
		  "port_forwards:\n"
		  "- {protocol: icmp, address: 203.0.113.1, port: 1, to: 10.0.1.5}\n",
		  "test.yaml:5:14: unknown protocol of a port forward \"icmp\"; did you mean \"tcp\"? it is one of: tcp, udp" },
		{ HEAD GATEWAY("") TABLE
		  "port_forwards:\n"
		  "- {protocol: any, address: 203.0.113.1, port: 1, to: 10.0.1.5}\n",
		  "test.yaml:5:14: unknown protocol of a port forward \"any\"; it is one of: tcp, udp" },
		{ HEAD GATEWAY("") TABLE
		  "port_forwards:\n"
		  "- {gateway: b, protocol: tcp, address: 203.0.113.1, port: 443, to: 10.0.1.5}\n",
		  "test.yaml:5:13: port forward for an unknown gateway \"b\"; the gateways are: a" },
		{ HEAD GATEWAY("") TABLE
		  "port_forwards:\n"
		  "- {protocol: tcp, address: 203.0.113.0/24, port: 443, to: 10.0.1.5}\n",
		  "test.yaml:5:28: address \"203.0.113.0/24\" of a port forward is not an IPv4 address; write one EIP, such as 203.0.113.10" },
		{ HEAD GATEWAY("") TABLE
		  "port_forwards:\n"
		  "- {protocol: tcp, address: 203.0.113.7, port: 443, to: 10.0.1.5}\n",
		  "test.yaml:5:28: address 203.0.113.7 of a port forward is an EIP of no gateway; write one, or add it to the eips of one" },
		{ HEAD GATEWAY("") TABLE
		  "port_forwards:\n"
		  "- {protocol: tcp, address: 203.0.113.1, port: 0, to: 10.0.1.5}\n",
		  "test.yaml:5:47: port \"0\" of a port forward is not a port or a range of ports (1 to 65535); write 443 or 8000-8009" },
		{ HEAD GATEWAY("") TABLE
		  "port_forwards:\n"
		  "- {protocol: tcp, address: 203.0.113.1, port: 80-70, to: 10.0.1.5}\n",
		  "test.yaml:5:47: port \"80-70\" of a port forward is not a port or a range of ports (1 to 65535); write 443 or 8000-8009" },
		{ HEAD GATEWAY("") TABLE
		  "port_forwards:\n"
		  "- {protocol: tcp, address: 203.0.113.1, port: any, to: 10.0.1.5}\n",
		  "test.yaml:5:47: port \"any\" of a port forward is not a port or a range of ports (1 to 65535); write 443 or 8000-8009" },
		{ HEAD GATEWAY("") TABLE
		  "port_forwards:\n"
		  "- {protocol: tcp, address: 203.0.113.1, port: [80, 443], to: 10.0.1.5}\n",
		  "test.yaml:5:47: port is a list; it must be a single value" },
		{ HEAD GATEWAY("") TABLE
		  "port_forwards:\n"
		  "- {protocol: tcp, address: 203.0.113.1, port: 443, to: web}\n",
		  "test.yaml:5:56: to \"web\" of a port forward is not an address or an address and a port (1 to 65535); write 10.0.1.5 or 10.0.1.5:8080" },
		{ HEAD GATEWAY("") TABLE
		  "port_forwards:\n"
		  "- {protocol: tcp, address: 203.0.113.1, port: 443, to: 10.0.1.5/32}\n",
		  "test.yaml:5:56: to \"10.0.1.5/32\" of a port forward is not an address or an address and a port (1 to 65535); write 10.0.1.5 or 10.0.1.5:8080" },
		{ HEAD GATEWAY("") TABLE
		  "port_forwards:\n"
		  "- {protocol: tcp, address: 203.0.113.1, port: 443, to: '10.0.1.5:'}\n",
		  "test.yaml:5:56: to \"10.0.1.5:\" of a port forward is not an address or an address and a port (1 to 65535); write 10.0.1.5 or 10.0.1.5:8080" },
		{ HEAD GATEWAY("") TABLE
		  "port_forwards:\n"
		  "- {protocol: tcp, address: 203.0.113.1, port: 443, to: '10.0.1.5:0'}\n",
		  "test.yaml:5:56: to \"10.0.1.5:0\" of a port forward is not an address or an address and a port (1 to 65535); write 10.0.1.5 or 10.0.1.5:8080" },
		{ HEAD GATEWAY("") TABLE
		  "port_forwards:\n"
		  "- {protocol: tcp, address: 203.0.113.1, port: 443, to: '10.0.1.5:80-81'}\n",
		  "test.yaml:5:56: to \"10.0.1.5:80-81\" of a port forward is not an address or an address and a port (1 to 65535); write 10.0.1.5 or 10.0.1.5:8080" },
		{ HEAD GATEWAY("") TABLE
		  "port_forwards:\n"
		  "- {protocol: tcp, address: 203.0.113.1, port: 1-3, to: '10.0.1.5:65534'}\n",
		  "test.yaml:5:56: to 10.0.1.5:65534 and the 2 ports after it end above 65535; write a lower port, or a shorter range" },
		{ HEAD GATEWAY("") TABLE
		  "port_forwards:\n"
		  "- {protocol: tcp, address: 203.0.113.1, port: 443, to: 10.0.2.5}\n",
		  "test.yaml:5:56: a port forward to 10.0.2.5, which is in no internal prefix; write an internal host, or add its subnet to a route table" },
		{ HEAD GATEWAY("") TABLE
		  "port_forwards:\n"
		  "- {protocol: tcp, address: 203.0.113.1, port: 443, to: 203.0.113.1}\n",
		  "test.yaml:5:56: a port forward to 203.0.113.1, which is in no internal prefix; write an internal host, or add its subnet to a route table" },
		{ HEAD GATEWAY("") TABLE
		  "port_forwards:\n"
		  "- {protocol: tcp, address: 203.0.113.1, port: 443, to: 10.0.0.1}\n",
		  "test.yaml:5:56: a port forward to 10.0.0.1, the private_ip of gateway \"a\"; it must lead to an internal host" },
		{ HEAD TWO TABLE
		  "port_forwards: [{gateway: a, protocol: tcp, address: 203.0.113.2, port: 443, to: 10.0.1.5}]\n",
		  "test.yaml:6:54: address 203.0.113.2 of a port forward for gateway \"a\" is an EIP of gateway \"b\"; name that one, or leave the gateway out" },
		{ HEAD STAGED TABLE
		  "one_to_one: [{private: 10.0.0.9, public: 203.0.113.9}]\n"
		  "port_forwards: [{protocol: tcp, address: 203.0.113.9, port: 443, to: 10.0.1.5}]\n",
		  "test.yaml:5:42: address 203.0.113.9 of a port forward is the public one of EIP 10.0.0.9; write the EIP" },
		{ HEAD GATEWAY("") TABLE
		  "one_to_one: [{private: 10.0.1.9, public: 203.0.113.9}]\n"
		  "port_forwards: [{protocol: tcp, address: 203.0.113.9, port: 443, to: 10.0.1.5}]\n",
		  "test.yaml:5:42: address 203.0.113.9 of a port forward is the public address of host 10.0.1.9 in one_to_one, which gets all of its ports already; write an EIP" },
		{ HEAD GATEWAY("") TABLE
		  "port_forwards:\n"
		  "- {protocol: tcp, address: 203.0.113.1, port: 443, to: 10.0.1.5}\n"
		  "- {protocol: tcp, address: 203.0.113.1, port: 443, to: 10.0.1.6}\n",
		  "test.yaml:6:3: port 443 of 203.0.113.1 (tcp) is forwarded by the port forward in line 5 already; a port leads to one host" },
		{ HEAD GATEWAY("") TABLE
		  "port_forwards:\n"
		  "- {protocol: tcp, address: 203.0.113.1, port: 8000-8009, to: 10.0.1.5}\n"
		  "- {protocol: tcp, address: 203.0.113.1, port: 8009-8010, to: 10.0.1.6}\n",
		  "test.yaml:6:3: port 8009 of 203.0.113.1 (tcp) is forwarded by the port forward in line 5 already; a port leads to one host" },
		{ HEAD GATEWAY("") TABLE
		  "port_forwards:\n"
		  "- {protocol: tcp, address: 203.0.113.1, port: 9000, to: 10.0.1.5}\n"
		  "- {protocol: tcp, address: 203.0.113.1, port: 1-65535, to: 10.0.1.6}\n",
		  "test.yaml:6:3: port 9000 of 203.0.113.1 (tcp) is forwarded by the port forward in line 5 already; a port leads to one host" },
		{ HEAD GATEWAY("") TABLE
		  "port_forwards:\n"
		  "- {protocol: tcp, address: 203.0.113.1, port: 8000-8099, to: 10.0.1.5}\n"
		  "- {protocol: tcp, address: 203.0.113.1, port: 8200, to: 10.0.1.6}\n"
		  "- {protocol: tcp, address: 203.0.113.1, port: 8050, to: 10.0.1.7}\n",
		  "test.yaml:7:3: port 8050 of 203.0.113.1 (tcp) is forwarded by the port forward in line 5 already; a port leads to one host" },
		{ HEAD GATEWAY("") TABLE
		  "port_forwards:\n"
		  "- {protocol: tcp, address: 203.0.113.1, port: 1-16384, to: 10.0.1.5}\n"
		  "- {protocol: udp, address: 203.0.113.1, port: 1, to: 10.0.1.6}\n",
		  "test.yaml:5:1: 16385 ports in all port forwards; at most 16384 fit, each port of a range counts" },
		/* ---- acl ---- */
		{ HEAD GATEWAY("") TABLE "acl: [198.51.100.0/24]\n",
		  "test.yaml:4:7: an item of acl is a single value; it must be a mapping, lines of \"key: value\"" },
		{ HEAD GATEWAY("") TABLE "acl: [{}]\n",
		  "test.yaml:4:7: an item of acl must have one key, deny or allow; write {deny: PREFIX} or {allow: PREFIX}, each as an item of its own" },
		{ HEAD GATEWAY("") TABLE "acl: [{deny: 198.51.100.0/24, allow: 192.0.2.0/24}]\n",
		  "test.yaml:4:7: an item of acl must have one key, deny or allow; write {deny: PREFIX} or {allow: PREFIX}, each as an item of its own" },
		{ HEAD GATEWAY("") TABLE "acl: [{drop: 198.51.100.0/24}]\n",
		  "test.yaml:4:8: unknown key \"drop\" in an item of acl; known keys are: deny, allow" },
		{ HEAD GATEWAY("") TABLE "acl: [{deny: 198.51.100.1}]\n",
		  "test.yaml:4:14: deny 198.51.100.1 is an address without a length; write 198.51.100.1/32" },
		{ HEAD GATEWAY("") TABLE "acl: [{deny: all}]\n",
		  "test.yaml:4:14: deny \"all\" is not an IPv4 prefix; write network/length (0 to 32), such as 10.0.1.0/24" },
		{ HEAD GATEWAY("") TABLE "acl: [{allow: 198.51.100.1/24}]\n",
		  "test.yaml:4:15: allow 198.51.100.1/24 has host bits set; write 198.51.100.0/24" },
		{ HEAD GATEWAY("") TABLE
		  "acl: [{deny: 198.51.100.0/24}, {deny: 192.0.2.0/24}, {allow: 198.51.100.0/24}]\n",
		  "test.yaml:4:54: prefix 198.51.100.0/24 is in acl already, in line 4; a prefix is denied or allowed, and stands once" },
		{ HEAD GATEWAY("") TABLE
		  "acl: [{deny: 198.51.100.0/24}, {deny: 198.51.100.0/24}]\n",
		  "test.yaml:4:32: prefix 198.51.100.0/24 is in acl already, in line 4; a prefix is denied or allowed, and stands once" },
		{ HEAD GATEWAY("") TABLE "acl: {deny: 198.51.100.0/24}\n",
		  "test.yaml:4:6: acl: a mapping; it must be a list, [a, b] or lines that begin with \"- \"" },
	};

static int parse(const char *text, struct config **ret_config, struct config_error *ret_error)
{
	_cleanup_fclose_ FILE *stream = fmemopen((void *)(uintptr_t)text, strlen(text), "r");

	assert_non_null(stream);
	return config_parse(stream, "test.yaml", ret_config, ret_error);
}

static void check_error(const char *text, const char *want)
{
	struct config_error error = { "" };
	struct config *config = NULL;

	if (!parse(text, &config, &error)) {
		config_free(config);
		fail_msg("accepted, but should be: %s", want);
	}
	assert_null(config);
	assert_string_equal(error.text, want);
	assert_null(strchr(error.text, '\n'));
}

static void check_accepted(const char *text)
{
	struct config_error error = { "" };
	struct config *config = NULL;

	if (parse(text, &config, &error)) {
		fail_msg("%s", error.text);
	}
	config_free(config);
}

static void test_cases(void **state)
{
	(void)state;
	for (size_t i = 0; i < COUNT(cases); i++) {
		check_error(cases[i].text, cases[i].want);
	}
}

/* ---- lists that are too long ---- */

/* Item number i of a list, as text. */
typedef void (*write_item)(FILE *stream, unsigned int i);

static void write_mapping(FILE *stream, unsigned int i)
{
	(void)fprintf(stream, "- {private: 10.0.%u.%u, public: 198.18.%u.%u}\n", i >> 8, i & 255,
		      i >> 8, i & 255);
}

/* An alias keeps so many of them below the longest file. */
static void write_forward(FILE *stream, unsigned int i)
{
	(void)fprintf(stream, "- {protocol: tcp, address: %s, port: %u, to: 10.0.1.1}\n",
		      i ? "*e" : "&e 203.0.113.1", i + 1);
}

static void write_acl(FILE *stream, unsigned int i)
{
	(void)fprintf(stream, "- {deny: 198.18.%u.%u/32}\n", i >> 8, i & 255);
}

static void write_prefix(FILE *stream, unsigned int i)
{
	(void)fprintf(stream, "- 198.18.%u.%u/32\n", i >> 8, i & 255);
}

static char *long_list(const char *key, write_item write, unsigned int count)
{
	char *text = NULL;
	size_t size = 0;
	FILE *stream = open_memstream(&text, &size);

	assert_non_null(stream);
	(void)fputs(HEAD "gateways: [{name: a, private_ip: 10.1.0.1, eips: [203.0.113.1]}]\n"
			 "route_tables: [{name: t, subnets: [10.0.0.0/16]}]\n",
		    stream);
	(void)fprintf(stream, "%s:\n", key);
	for (unsigned int i = 0; i < count; i++) {
		write(stream, i);
	}
	assert_int_equal(fclose(stream), 0);
	return text;
}

static void test_too_long(void **state)
{
	static const struct {
		const char *key;
		write_item write;
		unsigned int most;
		const char *want;
	} lists[] = {
		{ "one_to_one", write_mapping, 1024,
		  "test.yaml:1029:3: too many items in one_to_one; at most 1024 fit" },
		{ "port_forwards", write_forward, 16384,
		  "test.yaml:16389:3: too many port forwards; at most 16384 ports fit" },
		{ "acl", write_acl, 4096,
		  "test.yaml:4101:3: too many items in acl; at most 4096 fit" },
		{ "local", write_prefix, 4096,
		  "test.yaml:4101:3: too many local prefixes; at most 4096 fit" },
		/* One of them is the table's. */
		{ "internal_prefixes", write_prefix, 4095,
		  "test.yaml:4100:3: too many subnets in all route tables and internal_prefixes; at most 4096 fit" },
	};

	(void)state;
	for (size_t i = 0; i < COUNT(lists); i++) {
		_cleanup_free_ char *fits = long_list(lists[i].key, lists[i].write, lists[i].most);
		_cleanup_free_ char *one_more =
			long_list(lists[i].key, lists[i].write, lists[i].most + 1);

		check_accepted(fits);
		check_error(one_more, lists[i].want);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_cases),
		cmocka_unit_test(test_too_long),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
