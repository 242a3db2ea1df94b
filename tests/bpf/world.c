// SPDX-License-Identifier: GPL-2.0-only
/* Writes into the maps what natgwd would for such a configuration. */
#include "world.h"

#include <arpa/inet.h>
#include <bpf/bpf.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define EIP_COUNT 2
#define POOL_MARKED 5 /* rows of the bench's pool, behind the EIPs */
#define POOL_BY_DST 6
#define MARK 65
#define STAGED_INDEX (BENCH_EIPS_MAX + 1)
#define ONE_ADDRESS 0xffffffff

static const struct laws_prefix hidden[] = {
	{ IP(10, 0, 1, 0), 24 },
	{ IP(10, 0, 2, 0), 24 },
	{ IP(10, 0, 3, 0), 24 },
	{ WORLD_STAGED, 32 },
	{},
};
/* The routes of the bench that lead past the gateways, what goes to many, and the host, to whom
 * nothing goes by that interface. */
static const struct laws_prefix open_to[] = {
	{ IP(10, 0, 1, 0), 24 }, { IP(10, 0, 2, 0), 24 },
	{ IP(10, 0, 3, 0), 24 }, { IP(10, 25, 0, 0), 16 },
	{ IP(224, 0, 0, 0), 4 }, { IP(255, 255, 255, 255), 32 },
	{ HOST_IP, 32 },	 {},
};
/* All that the bench has given to gateway 1, in use or not. */
static const __be32 own[] = {
	EIP,
	EIP_B,
	IP(203, 0, 114, 2),
	IP(203, 0, 114, 3),
	IP(203, 0, 114, 4),
	IP(203, 0, 114, 5),
	IP(203, 0, 114, 6),
	IP(203, 0, 114, 7),
	IP(203, 0, 114, 8),
	IP(203, 0, 114, 9),
	IP(203, 0, 114, 10),
	IP(203, 0, 114, 11),
	IP(203, 0, 114, 12),
	IP(203, 0, 114, 13),
	IP(203, 0, 114, 14),
	IP(203, 0, 114, 15),
	WORLD_PUBLIC,
	WORLD_STAGED_PUBLIC,
	0,
};
static const __be32 speakers[] = { PRIVATE_IP, WORLD_PRIVATE_IP_2, 0 };

const struct laws_world world_laws = {
	.mac_int = mac_int,
	.mac_ext = mac_ext,
	.hidden = hidden,
	.open = open_to,
	.own = own,
	.speakers = speakers,
};

static void set(int map, const void *key, const void *value)
{
	if (bpf_map_update_elem(map, key, value, BPF_ANY)) {
		perror("world");
		exit(2);
	}
}

static struct natgw_gateway gateway_with(__u32 eip_count)
{
	struct natgw_gateway gateway = bench_gateway();

	gateway.eip_count = (__typeof__(gateway.eip_count))eip_count;
	gateway.fragments = NATGW_FRAGMENTS_TCP | NATGW_FRAGMENTS_UDP | NATGW_FRAGMENTS_ICMP;
	gateway.no_session = NATGW_NO_SESSION_RST_INTERNAL;
	return gateway;
}

static void set_gateways(struct bench *bench)
{
	struct natgw_gateway gateway = gateway_with(EIP_COUNT);
	const struct natgw_pool_row pool = { .addr = WORLD_STAGED, .eip = STAGED_INDEX };
	const struct natgw_address staged = { .kind = NATGW_ADDRESS_EIP,
					      .gateway = 2,
					      .eip = STAGED_INDEX,
					      .peer = WORLD_STAGED_PUBLIC };
	const struct natgw_address shown = { .kind = NATGW_ADDRESS_STAGED,
					     .gateway = 2,
					     .peer = WORLD_STAGED };
	const struct natgw_address speaker = { .kind = NATGW_ADDRESS_PRIVATE_IP, .gateway = 2 };
	const __be32 unused = IP(203, 0, 113, 12);
	__u32 row = 2, at = 2 * NATGW_POOL_ROWS_PER_GATEWAY;

	bench_set_gateway(bench, &gateway);
	gateway = gateway_with(1);
	gateway.private_ip = WORLD_PRIVATE_IP_2;
	gateway.flags = NATGW_GATEWAY_TWO_STAGE;
	set(bench->gateways, &row, &gateway);
	set(bench->pool, &at, &pool);
	bpf_map_delete_elem(bench->addresses, &unused);
	bench_set_address(bench, WORLD_STAGED, &staged);
	bench_set_address(bench, WORLD_STAGED_PUBLIC, &shown);
	bench_set_address(bench, WORLD_PRIVATE_IP_2, &speaker);
	bench->eips = STAGED_INDEX + 1;
}

static void set_one_to_one(struct bench *bench)
{
	const struct natgw_address mapped = { .kind = NATGW_ADDRESS_MAPPED, .peer = WORLD_PUBLIC };
	const struct natgw_address shown = { .kind = NATGW_ADDRESS_ONE_TO_ONE,
					     .peer = WORLD_MAPPED };

	bench_set_address(bench, WORLD_MAPPED, &mapped);
	bench_set_address(bench, WORLD_PUBLIC, &shown);
}

static void set_forward(struct bench *bench, __u8 proto, __u16 from, __u16 to)
{
	const struct natgw_forward_key key = { .ext_addr = EIP,
					       .ext_port = htons(from),
					       .proto = proto };
	const struct natgw_forward row = { .int_addr = WORLD_SERVER,
					   .int_port = htons(to),
					   .gateway = 1 };

	bench_set_forward(bench, &key, &row);
	bench_reserve_port(bench, 0, proto == PROTO_TCP ? NATGW_PROTO_TCP : NATGW_PROTO_UDP, from);
}

static void set_rules(struct bench *bench)
{
	struct natgw_rule rules[] = {
		{ .kind = NATGW_RULE_DNAT,
		  .proto = PROTO_TCP,
		  .port_first = WORLD_DNAT_PORT,
		  .port_last = WORLD_DNAT_PORT,
		  .to_port = WORLD_DNAT_TO,
		  .mark = MARK },
		{ .kind = NATGW_RULE_SNAT,
		  .gateway = 1,
		  .mark = MARK,
		  .port_last = 65535,
		  .pool_first = POOL_MARKED,
		  .pool_count = 1 },
		{ .kind = NATGW_RULE_SNAT,
		  .gateway = 1,
		  .dst = REMOTE_B,
		  .dst_mask = ONE_ADDRESS,
		  .proto = PROTO_UDP,
		  .port_last = 65535,
		  .pool_first = POOL_BY_DST,
		  .pool_count = 1 },
		{ .kind = NATGW_RULE_SESSION,
		  .src = WORLD_OPEN,
		  .src_mask = ONE_ADDRESS,
		  .proto = PROTO_UDP,
		  .port_last = 65535,
		  .mapping = NATGW_MAPPING_ENDPOINT_INDEPENDENT |
			     NATGW_FILTERING_ENDPOINT_INDEPENDENT },
	};
	const struct natgw_gateway gateway = bench_gateway();

	for (size_t i = 0; i < sizeof(rules) / sizeof(rules[0]); i++) {
		rules[i].used = 1;
		memcpy(rules[i].timeout, gateway.timeout, sizeof(rules[i].timeout));
	}
	bench_set_rules(bench, rules, sizeof(rules) / sizeof(rules[0]));
}

static void set_settings(struct bench *bench)
{
	struct natgw_settings settings = {};
	__u32 zero = 0;

	bench_set_features(bench, NATGW_FEATURE_ACL | NATGW_FEATURE_FORWARDS |
					  NATGW_FEATURE_HAIRPIN | NATGW_FEATURE_RESERVED |
					  NATGW_FEATURE_ONE_TO_ONE);
	bpf_map_lookup_elem(bench->settings, &zero, &settings);
	settings.gateway_end = 3;
	settings.hairpin = bench->ext_ifindex;
	set(bench->settings, &zero, &settings);
}

void world_make(struct bench *bench)
{
	set_gateways(bench);
	set_one_to_one(bench);
	set_forward(bench, PROTO_TCP, WORLD_FORWARD_TCP, 80);
	set_forward(bench, PROTO_UDP, WORLD_FORWARD_UDP, 53);
	set_rules(bench);
	bench_set_acl(bench, WORLD_DENIED, 32, 1);
	set_settings(bench);
}
