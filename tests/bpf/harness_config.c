// SPDX-License-Identifier: GPL-2.0-only
/* What the bench puts into the maps, and takes out again. */
#include "harness_internal.h"

#include <bpf/bpf.h>
#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

/* Rows of a batch. */
#define BATCH 4096

static void add_subnet(struct bench *bench, __be32 addr, __u32 len, __u32 table)
{
	struct natgw_subnet_key key = { .prefix_len = len, .addr = addr };
	struct natgw_subnet row = { .table = table };

	harness_set(bench->subnets, &key, &row);
}

unsigned int bench_rounds(unsigned int rounds, unsigned int factor)
{
	return getenv("NATGW_LONG") ? rounds * factor : rounds;
}

static void add_route(struct bench *bench, __u32 table, __be32 addr, __u32 len, __u8 target)
{
	struct natgw_route_key key = { .prefix_len = 32 + len, .table = table, .addr = addr };
	struct natgw_route row = { .target = target, .origin = NATGW_ORIGIN_STATIC };

	if (target == NATGW_TARGET_GATEWAY) {
		row.gateway = (__u8)table;
	} else if (target == NATGW_TARGET_INTERFACE) {
		row.ifindex = bench->ext_ifindex;
	}
	harness_set(bench->routes, &key, &row);
}

static void add_address(struct bench *bench, __be32 addr, __u8 kind, __u8 gateway, __u32 eip)
{
	struct natgw_address row = { .kind = kind, .gateway = gateway, .eip = eip };

	row.on_host = kind == NATGW_ADDRESS_PRIVATE_IP;
	harness_set(bench->addresses, &addr, &row);
}

void bench_timers(__u32 *timeout, const __u32 seconds[NATGW_TIMER_COUNT])
{
	for (int timer = 0; timer < NATGW_TIMER_COUNT; timer++) {
		timeout[timer] = seconds[timer] * NATGW_TICKS_PER_SECOND;
	}
}

void bench_range(struct natgw_gateway *gateway, __u16 first, __u32 count, __u32 destination_ports)
{
	__u32 threshold;

	gateway->port_first = first;
	gateway->port_count = count;
	gateway->destination_ports = destination_ports ? destination_ports : count;
	/* As natgwd has it. */
	threshold = gateway->destination_ports / 2;
	threshold = threshold < NATGW_DESTINATION_SESSIONS ? threshold : NATGW_DESTINATION_SESSIONS;
	gateway->destination_threshold = threshold ? threshold : 1;
}

struct natgw_gateway bench_gateway(void)
{
	static const __u32 seconds[NATGW_TIMER_COUNT] = {
		[NATGW_TIMER_TCP_HALF_OPEN] = 30, [NATGW_TIMER_TCP_ESTABLISHED] = 350,
		[NATGW_TIMER_UDP_UNREPLIED] = 40, [NATGW_TIMER_UDP_REPLIED] = 300,
		[NATGW_TIMER_ICMP] = 60,	  [NATGW_TIMER_HOLD_FIN] = 65,
		[NATGW_TIMER_HOLD_RST] = 16,	  [NATGW_TIMER_HOLD_HALF_OPEN] = 20,
		[NATGW_TIMER_HOLD_UDP] = 45,	  [NATGW_TIMER_HOLD_TCP_IDLE] = 5,
		[NATGW_TIMER_HOLD_ICMP] = 3,
	};
	struct natgw_gateway gateway = {
		.state = NATGW_GATEWAY_AVAILABLE,
		.eip_count = 1,
		.private_ip = PRIVATE_IP,
		.fragments = NATGW_FRAGMENTS_UDP,
	};

	bench_range(&gateway, NATGW_PORT_FIRST, NATGW_PORT_LAST - NATGW_PORT_FIRST + 1, 0);
	bench_timers(gateway.timeout, seconds);
	return gateway;
}

void bench_commit(const struct bench *bench)
{
	struct natgw_generation row = {};
	__u32 zero = 0;

	if (bpf_map_lookup_elem(bench->generation, &zero, &row)) {
		harness_die("generation", errno);
	}
	row.nexthop++;
	harness_set_row(bench->generation, 0, &row);
}

void bench_set_gateway(struct bench *bench, const struct natgw_gateway *gateway)
{
	harness_set_row(bench->gateways, 1, gateway);
	if (bench->eips < gateway->eip_count) {
		bench->eips = gateway->eip_count;
	}
	bench_commit(bench);
}

void bench_set_iface(struct bench *bench, __u32 ifindex, __u8 flags, __u8 redirect)
{
	struct natgw_iface row = { .flags = flags, .redirect = redirect, .mtu = BENCH_MTU };

	memcpy(row.mac, ifindex == bench->int_ifindex ? mac_int : mac_ext, sizeof(row.mac));
	harness_set(bench->ifaces, &ifindex, &row);
	harness_set(bench->devices, &ifindex, &ifindex);
	bench_commit(bench);
}

static void fill_policy(struct bench *bench)
{
	add_subnet(bench, IP(10, 0, 1, 0), 24, 1);
	add_subnet(bench, IP(10, 0, 2, 0), 24, 2);
	add_subnet(bench, IP(10, 0, 3, 0), 24, 3);
	for (__u32 table = 1; table <= 3; table++) {
		add_route(bench, table, IP(10, 0, 1, 0), 24, NATGW_TARGET_LOCAL);
		add_route(bench, table, IP(10, 0, 2, 0), 24, NATGW_TARGET_LOCAL);
		add_route(bench, table, IP(10, 0, 3, 0), 24, NATGW_TARGET_LOCAL);
	}
	add_route(bench, 1, 0, 0, NATGW_TARGET_GATEWAY);
	add_route(bench, 2, 0, 0, NATGW_TARGET_GATEWAY);
	add_route(bench, 1, IP(10, 25, 0, 0), 16, NATGW_TARGET_INTERFACE);
	add_route(bench, 1, IP(198, 18, 0, 0), 15, NATGW_TARGET_BLACKHOLE);
}

__be32 bench_eip(__u32 index)
{
	return index < 2 ? IP(203, 0, 113, 10 + index) : IP(203, 0, 114, index);
}

static void add_eip(struct bench *bench, __u32 gateway, __u32 position, __be32 addr, __u32 index)
{
	struct natgw_pool_row row = { .addr = addr, .eip = index };

	harness_set_row(bench->pool, gateway * NATGW_POOL_ROWS_PER_GATEWAY + position, &row);
	add_address(bench, addr, NATGW_ADDRESS_EIP, (__u8)gateway, index);
}

static void fill_gateways(struct bench *bench)
{
	struct natgw_gateway gateway = bench_gateway();

	bench_set_gateway(bench, &gateway);
	gateway.state = NATGW_GATEWAY_PENDING;
	harness_set_row(bench->gateways, 2, &gateway);
	for (__u32 i = 0; i < BENCH_EIPS_MAX; i++) {
		add_eip(bench, 1, i, bench_eip(i), i);
	}
	add_eip(bench, 2, 0, IP(203, 0, 113, 12), BENCH_EIPS_MAX);
	add_address(bench, PRIVATE_IP, NATGW_ADDRESS_PRIVATE_IP, 1, 0);
	add_address(bench, HOST_IP, NATGW_ADDRESS_HOST, 0, 0);
}

static void fill_settings(struct bench *bench, __u32 rules, __u16 features)
{
	const struct natgw_settings settings = { .mark = NATGW_MARK_DEFAULT,
						 .seed = BENCH_SEED,
						 .rule_count = (__u16)rules,
						 .features = features,
						 .hairpin = bench->ext_ifindex };

	harness_set_row(bench->settings, 0, &settings);
	bench_commit(bench);
}

static struct natgw_settings read_settings(const struct bench *bench)
{
	struct natgw_settings settings = {};
	__u32 zero = 0;

	if (bpf_map_lookup_elem(bench->settings, &zero, &settings)) {
		harness_die("settings", errno);
	}
	return settings;
}

void bench_set_features(struct bench *bench, __u16 features)
{
	fill_settings(bench, read_settings(bench).rule_count, features);
}

void bench_set_rules(struct bench *bench, const struct natgw_rule *rows, __u32 count)
{
	for (__u32 i = 0; i < count; i++) {
		__u32 number = i + 1;

		harness_set_row(bench->rules, number, &rows[i]);
		harness_set_row(bench->rule_order, i, &number);
	}
	fill_settings(bench, count, read_settings(bench).features);
}

void bench_set_address(struct bench *bench, __be32 addr, const struct natgw_address *row)
{
	harness_set(bench->addresses, &addr, row);
	bench_commit(bench);
}

void bench_set_forward(struct bench *bench, const struct natgw_forward_key *key,
		       const struct natgw_forward *row)
{
	harness_set(bench->forwards, key, row);
}

void bench_set_acl(struct bench *bench, __be32 addr, __u32 len, __u32 deny)
{
	struct natgw_acl_key key = { .prefix_len = len, .addr = addr };
	struct natgw_acl row = { .deny = deny };

	harness_set(bench->acl, &key, &row);
	bench_commit(bench);
}

void bench_set_route(struct bench *bench, const struct natgw_route_key *key,
		     const struct natgw_route *row)
{
	harness_set(bench->routes, key, row);
	bench_commit(bench);
}

void bench_reserve_port(struct bench *bench, __u32 index, __u32 proto, __u16 port)
{
	struct natgw_port_bits *row = &bench->reserved_ports[natgw_reserved_index(index, proto)];

	row->word[port >> 6] |= 1ULL << (port & 63);
}

__u64 bench_rule_hits(const struct bench *bench, __u32 number)
{
	__u64 values[256] = {}, sum = 0;

	if (bpf_map_lookup_elem(bench->rule_hits, &number, values)) {
		harness_die("rule_hits", errno);
	}
	for (int cpu = 0; cpu < bench->cpus; cpu++) {
		sum += values[cpu];
	}
	return sum;
}

/* ---- clearing ---- */

static void clear_hash(int map, size_t key_size, size_t value_size)
{
	__u32 most = value_size > 1024 ? BATCH / 32 : BATCH, count, next[4];
	__u8 *keys = calloc(most, key_size), *values = calloc(most, value_size);
	void *from = NULL;
	int error = 0;

	if (!keys || !values) {
		harness_die("clearing a map", ENOMEM);
	}
	while (!error) {
		count = most;
		error = bpf_map_lookup_and_delete_batch(map, from, next, keys, values, &count,
							NULL);
		from = next;
	}
	if (error != -ENOENT) {
		harness_die("clearing a map", error);
	}
	free(keys);
	free(values);
}

static void clear_nexthops(struct bench *bench)
{
	static __u32 keys[NATGW_NEXTHOPS_MAX];
	static const struct natgw_nexthop empty[NATGW_NEXTHOPS_MAX];
	__u32 count = NATGW_NEXTHOPS_MAX;

	for (__u32 i = 0; i < NATGW_NEXTHOPS_MAX; i++) {
		keys[i] = i;
	}
	if (bpf_map_update_batch(bench->nexthops, keys, empty, &count, NULL)) {
		harness_die("clearing the next hops", errno);
	}
}

bool bench_has_nexthops(const struct bench *bench)
{
	static __u32 keys[NATGW_NEXTHOPS_MAX];
	static struct natgw_nexthop rows[NATGW_NEXTHOPS_MAX];
	__u32 count = NATGW_NEXTHOPS_MAX, next;

	if (bpf_map_lookup_batch(bench->nexthops, NULL, &next, keys, rows, &count, NULL)) {
		harness_die("reading the next hops", errno);
	}
	for (__u32 i = 0; i < count; i++) {
		if (rows[i].key) {
			return true;
		}
	}
	return false;
}

void bench_clear_sessions(struct bench *bench)
{
	static const struct natgw_gateway_use nobody;

	session_table_clear(bench->outbound);
	session_table_clear(bench->inbound);
	clear_hash(bench->clients, sizeof(struct natgw_client_key), sizeof(struct natgw_client));
	clear_hash(bench->client_ports, sizeof(struct natgw_client_port_key), sizeof(__u32));
	clear_hash(bench->destinations, sizeof(struct natgw_destination_key),
		   sizeof(struct natgw_destination));
	for (__u32 gateway = 0; gateway < 4; gateway++) {
		harness_set_row(bench->gateway_use, gateway, &nobody);
	}
}

static void clear_use(struct bench *bench)
{
	const __u32 phase = 0;

	for (__u32 copy = 0; copy < 2; copy++) {
		memset(&bench->port_use[natgw_port_use_index(copy, 0, 0)], 0,
		       sizeof(struct natgw_port_bits) * bench->eips * NATGW_PROTO_COUNT);
		memset(&bench->destination_use[copy], 0, sizeof(struct natgw_destination_use));
	}
	harness_set_row(bench->phase, 0, &phase);
	memset(bench->reserved_ports, 0,
	       sizeof(struct natgw_port_bits) * (BENCH_EIPS_MAX + 1) * NATGW_PROTO_COUNT);
	bench_clear_sweep(bench);
	/* EIP and EIP_B, which tests give sessions by hand. */
	bench->eips = 2;
}

/* A trie gives no batches back. */
static void clear_trie(int map, size_t key_size)
{
	__u8 key[32];

	while (!bpf_map_get_next_key(map, NULL, key)) {
		if (key_size > sizeof(key) || bpf_map_delete_elem(map, key)) {
			harness_die("clearing a trie", errno);
		}
	}
}

static void clear_hits(struct bench *bench)
{
	static const __u64 none[256];

	for (__u32 number = 0; number < BENCH_RULES_MAX; number++) {
		harness_set_row(bench->rule_hits, number, none);
	}
}

/* Rows that tests put in by hand, beside those that fill_policy and fill_gateways write anew. */
static void clear_policy(struct bench *bench)
{
	clear_trie(bench->subnets, sizeof(struct natgw_subnet_key));
	clear_trie(bench->routes, sizeof(struct natgw_route_key));
	clear_trie(bench->acl, sizeof(struct natgw_acl_key));
	clear_hash(bench->addresses, sizeof(__be32), sizeof(struct natgw_address));
	clear_hash(bench->forwards, sizeof(struct natgw_forward_key), sizeof(struct natgw_forward));
	clear_hits(bench);
}

static void clear_fragments(struct bench *bench)
{
	static __u32 keys[NATGW_FRAGMENT_SOURCES];
	static const __u64 none[NATGW_FRAGMENT_SOURCES];
	__u32 count = NATGW_FRAGMENT_SOURCES;

	clear_hash(bench->fragments, sizeof(struct natgw_fragment_key),
		   sizeof(struct natgw_fragment));
	for (__u32 i = 0; i < count; i++) {
		keys[i] = i;
	}
	if (bpf_map_update_batch(bench->fragment_use, keys, none, &count, NULL)) {
		harness_die("clearing fragment_use", errno);
	}
}

void bench_restart(struct bench *bench)
{
	const __u64 full = 0;

	fill_settings(bench, 0, 0);
	clear_policy(bench);
	bench_set_iface(bench, bench->int_ifindex, NATGW_IFACE_INTERNAL, 1);
	bench_set_iface(bench, bench->ext_ifindex, NATGW_IFACE_EXTERNAL, 1);
	fill_policy(bench);
	fill_gateways(bench);
	for (__u32 i = 0; i < NATGW_BUDGET_COUNT; i++) {
		harness_set_row(bench->budget, i, &full);
	}
	bench_skew(bench, 0);
	bench_clear_sessions(bench);
	clear_use(bench);
	clear_fragments(bench);
	bench_events(bench, NULL, 0);
	bench->not_audited = 0;
}

void bench_reset(struct bench *bench)
{
	bench_restart(bench);
	clear_nexthops(bench);
}

void bench_skew(struct bench *bench, __s64 ticks)
{
	const struct natgw_clock clock = { .skew_ns = ticks * (1LL << NATGW_TICK_SHIFT) };

	harness_set_row(bench->clock, 0, &clock);
}

__u32 bench_now(struct bench *bench)
{
	struct natgw_clock clock = {};
	struct timespec now;
	__u32 zero = 0;

	bpf_map_lookup_elem(bench->clock, &zero, &clock);
	clock_gettime(CLOCK_MONOTONIC_COARSE, &now);
	return (__u32)((__u64)(now.tv_sec * 1000000000LL + now.tv_nsec + clock.skew_ns) >>
		       NATGW_TICK_SHIFT);
}
