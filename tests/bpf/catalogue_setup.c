// SPDX-License-Identifier: GPL-2.0-only
/* Puts into the maps what natgwd would put there for a configuration. */
#include "catalogue_setup.h"

#include <arpa/inet.h>
#include <bpf/bpf.h>
#include <stdio.h>
#include <stdlib.h>

#define ALL_FRAGMENTS (NATGW_FRAGMENTS_TCP | NATGW_FRAGMENTS_UDP | NATGW_FRAGMENTS_ICMP)
/* A gateway's own route table. */
#define OWN_TABLE 9

static void set(int map, const void *key, const void *value)
{
	if (bpf_map_update_elem(map, key, value, BPF_ANY)) {
		perror("setup of a row");
		exit(2);
	}
}

static void set_address(struct bench *bench, __be32 addr, struct natgw_address row)
{
	bench_set_address(bench, addr, &row);
}

/* ---- interfaces, settings ---- */

void setup_no_redirect(struct bench *bench)
{
	bench_set_iface(bench, bench->ext_ifindex, NATGW_IFACE_EXTERNAL, 0);
	bench_set_iface(bench, bench->int_ifindex, NATGW_IFACE_INTERNAL, 0);
}

void setup_one_armed(struct bench *bench)
{
	bench_set_iface(bench, bench->ext_ifindex, NATGW_IFACE_EXTERNAL | NATGW_IFACE_INTERNAL, 1);
}

void setup_reply_ping(struct bench *bench)
{
	const struct natgw_settings settings = { .mark = NATGW_MARK_DEFAULT, .reply_ping = 1 };
	__u32 zero = 0;

	set(bench->settings, &zero, &settings);
}

/* ---- gateway 1 ---- */

static void set_fragments(struct bench *bench, __u8 flags)
{
	struct natgw_gateway gateway = bench_gateway();

	gateway.fragments = ALL_FRAGMENTS;
	gateway.flags = flags;
	bench_set_gateway(bench, &gateway);
}

void setup_fragments(struct bench *bench)
{
	set_fragments(bench, 0);
}

void setup_no_fragments(struct bench *bench)
{
	struct natgw_gateway gateway = bench_gateway();

	gateway.fragments = 0;
	bench_set_gateway(bench, &gateway);
}

void setup_fragments_used_up(struct bench *bench)
{
	static __u32 senders[NATGW_FRAGMENT_SOURCES];
	static __u64 counts[NATGW_FRAGMENT_SOURCES];
	__u32 count = NATGW_FRAGMENT_SOURCES;

	set_fragments(bench, 0);
	for (__u32 i = 0; i < count; i++) {
		senders[i] = i;
		counts[i] = NATGW_FRAGMENT_SHARE;
	}
	bpf_map_update_batch(bench->fragment_use, senders, counts, &count, NULL);
}

void setup_fragments_full(struct bench *bench)
{
	static struct natgw_fragment_key keys[NATGW_FRAGMENTS_MAX];
	static struct natgw_fragment rows[NATGW_FRAGMENTS_MAX];
	__u32 count = NATGW_FRAGMENTS_MAX;

	set_fragments(bench, 0);
	for (__u32 i = 0; i < count; i++) {
		keys[i] = (struct natgw_fragment_key){ .saddr = htonl(0x0a020000 + i / 1000),
						       .daddr = REMOTE,
						       .id = htons((__u16)i),
						       .proto = PROTO_UDP };
		rows[i].since = bench_now(bench);
	}
	bpf_map_update_batch(bench->fragments, keys, rows, &count, NULL);
}

static void set_icmp(struct bench *bench, __u8 icmp)
{
	struct natgw_gateway gateway = bench_gateway();

	gateway.icmp = icmp;
	bench_set_gateway(bench, &gateway);
}

void setup_icmp_echo(struct bench *bench)
{
	set_icmp(bench, NATGW_ICMP_ECHO);
}

void setup_icmp_off(struct bench *bench)
{
	set_icmp(bench, NATGW_ICMP_OFF);
}

static void set_mtu(struct bench *bench, __u32 ifindex, __u32 mtu)
{
	struct natgw_iface row = {};

	bpf_map_lookup_elem(bench->ifaces, &ifindex, &row);
	row.mtu = mtu;
	set(bench->ifaces, &ifindex, &row);
}

void setup_small_external(struct bench *bench)
{
	set_mtu(bench, bench->ext_ifindex, 1400);
}

void setup_small_internal(struct bench *bench)
{
	set_mtu(bench, bench->int_ifindex, 1300);
}

/* Gateway 1 with a table of its own, in which the remote's prefix leads there. */
static void set_own_route(struct bench *bench, __u8 target, __u8 allowed)
{
	struct natgw_gateway gateway = bench_gateway();
	struct natgw_route_key key = { .prefix_len = 32 + 24,
				       .table = OWN_TABLE,
				       .addr = IP(198, 51, 100, 0) };
	struct natgw_route row = { .target = target };

	if (target == NATGW_TARGET_INTERFACE) {
		row.ifindex = bench->ext_ifindex;
	}
	gateway.table = OWN_TABLE;
	gateway.allow_targets = allowed;
	bench_set_gateway(bench, &gateway);
	bench_set_route(bench, &key, &row);
}

void setup_route_internet(struct bench *bench)
{
	set_own_route(bench, NATGW_TARGET_INTERNET, 0);
}

void setup_route_none(struct bench *bench)
{
	struct natgw_gateway gateway = bench_gateway();

	gateway.table = OWN_TABLE;
	bench_set_gateway(bench, &gateway);
}

void setup_route_blackhole(struct bench *bench)
{
	set_own_route(bench, NATGW_TARGET_BLACKHOLE, 0xff);
}

void setup_route_interface(struct bench *bench)
{
	set_own_route(bench, NATGW_TARGET_INTERFACE, 0);
}

void setup_route_interface_allowed(struct bench *bench)
{
	set_own_route(bench, NATGW_TARGET_INTERFACE, 1 << NATGW_TARGET_INTERFACE);
}

void setup_route_local(struct bench *bench)
{
	set_own_route(bench, NATGW_TARGET_LOCAL, 1 << NATGW_TARGET_INTERFACE);
}

/* ---- rules ---- */

/* Rows of the pool, which the bench fills with bench_eip(). */
#define POOL_MARK_65 5
#define POOL_MARK_66 6
#define POOL_BY_DST 7
#define POOL_BY_SRC 8
#define ONE_ADDRESS 0xffffffff

#define ANY_PORT .port_first = 0, .port_last = 0xffff, .used = 1
#define PORT(p) .port_first = (p), .port_last = (p), .used = 1
#define DNAT(p, from, to, m) \
	.proto = (p), PORT(from), .kind = NATGW_RULE_DNAT, .to_port = (to), .mark = (m)
#define SNAT(pool) ANY_PORT, .kind = NATGW_RULE_SNAT, .pool_first = (pool), .pool_count = 1

static const struct natgw_rule rules[] = {
	{ DNAT(PROTO_TCP, 8001, 443, 65) },
	{ DNAT(PROTO_TCP, 8001, 444, 67) }, /* never: the one before is met first */
	{ DNAT(PROTO_TCP, 8002, 443, 66) },
	{ DNAT(PROTO_UDP, 9000, 53, 68) },
	{ DNAT(PROTO_TCP, 7000, 7001, 69), .gateway = 2 }, /* never: another gateway's */
	{ .dst = REMOTE_NO_NAT, .dst_mask = ONE_ADDRESS, ANY_PORT, .kind = NATGW_RULE_NO_NAT },
	{ .mark = 65, SNAT(POOL_MARK_65) },
	{ .mark = 66, SNAT(POOL_MARK_66) },
	{ .dst = REMOTE_BY_DST, .dst_mask = ONE_ADDRESS, SNAT(POOL_BY_DST) },
	{ .src = CLIENT_BY_SRC, .src_mask = ONE_ADDRESS, .proto = PROTO_UDP, SNAT(POOL_BY_SRC) },
};

static const struct natgw_rule rule_for_80[] = { { DNAT(PROTO_TCP, 80, 443, 65) } };

static void use_rules(struct bench *bench, __u8 flags)
{
	struct natgw_gateway gateway = bench_gateway();

	bench_set_rules(bench, rules, sizeof(rules) / sizeof(rules[0]));
	gateway.flags = flags;
	gateway.fragments = ALL_FRAGMENTS;
	bench_set_gateway(bench, &gateway);
	bench->eips = BENCH_EIPS_MAX;
	bench_set_features(bench, NATGW_FEATURE_NO_NAT);
}

void setup_rules(struct bench *bench)
{
	use_rules(bench, 0);
}

void setup_rule_for_80(struct bench *bench)
{
	bench_set_rules(bench, rule_for_80, 1);
}

void setup_only_rules(struct bench *bench)
{
	use_rules(bench, NATGW_GATEWAY_NO_DEFAULT_SNAT);
}

void setup_only_rules_pass(struct bench *bench)
{
	use_rules(bench, NATGW_GATEWAY_NO_DEFAULT_SNAT | NATGW_GATEWAY_UNMATCHED_PASS);
}

/* ---- lists and other ways in ---- */

void setup_acl(struct bench *bench)
{
	bench_set_acl(bench, IP(198, 51, 100, 64), 29, 1);
	bench_set_acl(bench, ALLOWED, 32, 0);
	bench_set_acl(bench, CLIENT_DENIED, 32, 1);
	bench_set_features(bench, NATGW_FEATURE_ACL);
}

void setup_one_to_one(struct bench *bench)
{
	set_address(bench, MAPPED,
		    (struct natgw_address){ .kind = NATGW_ADDRESS_MAPPED, .peer = PUBLIC });
	set_address(bench, PUBLIC,
		    (struct natgw_address){ .kind = NATGW_ADDRESS_ONE_TO_ONE, .peer = MAPPED });
	bench_set_features(bench, NATGW_FEATURE_ONE_TO_ONE | NATGW_FEATURE_HAIRPIN);
}

void setup_one_to_one_fragments(struct bench *bench)
{
	set_fragments(bench, 0);
	setup_one_to_one(bench);
}

/* The only EIP of gateway 1 is a private address, and another one is on the wire. */
static void stage(struct bench *bench)
{
	const struct natgw_pool_row pool = { .addr = STAGED };
	__u32 row = 1 * NATGW_POOL_ROWS_PER_GATEWAY;

	set(bench->pool, &row, &pool);
	set_address(bench, STAGED,
		    (struct natgw_address){
			    .kind = NATGW_ADDRESS_EIP, .gateway = 1, .peer = STAGED_PUBLIC });
	set_address(bench, STAGED_PUBLIC,
		    (struct natgw_address){
			    .kind = NATGW_ADDRESS_STAGED, .gateway = 1, .peer = STAGED });
	bench_set_features(bench, NATGW_FEATURE_ONE_TO_ONE);
}

void setup_two_stage(struct bench *bench)
{
	struct natgw_gateway gateway = bench_gateway();

	gateway.flags = NATGW_GATEWAY_TWO_STAGE;
	bench_set_gateway(bench, &gateway);
	stage(bench);
}

void setup_two_stage_fragments(struct bench *bench)
{
	set_fragments(bench, NATGW_GATEWAY_TWO_STAGE);
	stage(bench);
}

static void add_forward(struct bench *bench, __u8 proto, __u16 from, __u16 to)
{
	const struct natgw_forward_key key = { .ext_addr = EIP,
					       .ext_port = htons(from),
					       .proto = proto };
	const struct natgw_forward row = { .int_addr = CLIENT_B,
					   .int_port = htons(to),
					   .gateway = 1 };

	bench_set_forward(bench, &key, &row);
	bench_reserve_port(bench, 0, proto == PROTO_TCP ? NATGW_PROTO_TCP : NATGW_PROTO_UDP, from);
}

void setup_forwards(struct bench *bench)
{
	add_forward(bench, PROTO_TCP, FORWARD_TCP, 80);
	add_forward(bench, PROTO_UDP, FORWARD_UDP, 53);
	add_forward(bench, PROTO_TCP, FORWARD_SAME, FORWARD_SAME);
	bench_set_features(bench,
			   NATGW_FEATURE_FORWARDS | NATGW_FEATURE_HAIRPIN | NATGW_FEATURE_RESERVED);
}

void setup_forwards_fragments(struct bench *bench)
{
	set_fragments(bench, 0);
	setup_forwards(bench);
}

void setup_shared(struct bench *bench)
{
	set_address(bench, EIP,
		    (struct natgw_address){ .kind = NATGW_ADDRESS_EIP,
					    .gateway = 1,
					    .on_host = NATGW_ON_HOST_SHARED });
	bench_set_features(bench, NATGW_FEATURE_RESERVED);
}
