// SPDX-License-Identifier: GPL-2.0-only
/* Warm rows. */
#include "warm.h"

#include <bpf/bpf.h>
#include <bpf/libbpf.h>
#include <errno.h>
#include <sched.h>
#include <stdlib.h>
#include <string.h>

#include "harness_internal.h"
#include "natgw.skel.h"

#define VALID (60 * NATGW_TICKS_PER_SECOND)

/* Rows of "nexthops"; 0 is nobody's here. */
enum warm_hop {
	HOP_NONE,
	HOP_ROUTER,
	HOP_ROUTER_SMALL, /* the same, for REMOTE_SMALL_MTU */
	HOP_CLIENT,
	HOP_CLIENT_B, /* and everybody behind it */
	HOP_COUNT,
};

/* What struct fast_link of bpf/fast.h begins with; the rest of it is found out by the programs. */
struct warm_link {
	__u32 ifindex;
	__u32 generation;
	__u8 mac[6];
	__u8 flags;
};

#define LINKS 16

static __u32 read_generation(const struct bench *bench)
{
	struct natgw_generation row = {};
	__u32 zero = 0;

	if (bpf_map_lookup_elem(bench->generation, &zero, &row)) {
		harness_die("generation", errno);
	}
	return row.nexthop;
}

/* ---- a row for each CPU ---- */

static size_t cpu_step(const struct bpf_map *map)
{
	return ((size_t)bpf_map__value_size(map) + 7) / 8 * 8;
}

/* Zeros, for free(). */
static __u8 *cpu_rows(const struct bench *bench, const struct bpf_map *map)
{
	__u8 *rows = calloc((size_t)bench->cpus, cpu_step(map));

	if (!rows) {
		harness_die(bpf_map__name(map), ENOMEM);
	}
	return rows;
}

/* ---- next hops ---- */

static struct natgw_nexthop hop_of(struct bench *bench, enum warm_hop number)
{
	bool outbound = number == HOP_ROUTER || number == HOP_ROUTER_SMALL;
	__u32 ifindex = outbound ? bench->ext_ifindex : bench->int_ifindex;
	struct natgw_nexthop hop = {
		.seq = 2,
		.valid_until = bench_now(bench) + VALID,
		.ifindex = ifindex,
		.mtu = number == HOP_ROUTER_SMALL ? 1400 : BENCH_MTU,
	};
	const __u8 *to = number == HOP_CLIENT ? mac_client : mac_client_b;
	__be32 addr = number == HOP_CLIENT ? CLIENT : CLIENT_B;
	struct natgw_iface iface = {};

	bpf_map_lookup_elem(bench->ifaces, &ifindex, &iface);
	hop.redirect = iface.redirect;
	hop.flags = iface.flags;
	hop.key = (__u64)ifindex << 32 | (outbound ? IP(192, 0, 2, 254) : addr);
	memcpy(hop.dmac, outbound ? mac_router : to, sizeof(hop.dmac));
	memcpy(hop.smac, outbound ? mac_ext : mac_int, sizeof(hop.smac));
	return hop;
}

static void put_hops(struct bench *bench)
{
	for (__u32 number = HOP_ROUTER; number < HOP_COUNT; number++) {
		struct natgw_nexthop hop = hop_of(bench, number);

		harness_set_row(bench->nexthops, number, &hop);
	}
}

static enum warm_hop hop_to(__be32 addr, bool outbound)
{
	if (outbound) {
		return addr == REMOTE_SMALL_MTU ? HOP_ROUTER_SMALL : HOP_ROUTER;
	}
	return addr == CLIENT ? HOP_CLIENT : HOP_CLIENT_B;
}

/* The kernel knows no way there. */
static bool is_out_of_reach(__be32 addr)
{
	return addr == CLIENT_SILENT || addr == REMOTE_SILENT || addr == REMOTE_BLACKHOLE ||
	       addr == REMOTE_INTERNAL;
}

static void set_valid(struct bench *bench, __u32 until)
{
	static __u32 keys[NATGW_NEXTHOPS_MAX];
	static struct natgw_nexthop rows[NATGW_NEXTHOPS_MAX];
	__u32 count = NATGW_NEXTHOPS_MAX, next;

	if (bpf_map_lookup_batch(bench->nexthops, NULL, &next, keys, rows, &count, NULL)) {
		harness_die("reading the next hops", errno);
	}
	for (__u32 i = 0; i < count; i++) {
		if (rows[i].key) {
			rows[i].valid_until = until;
			harness_set_row(bench->nexthops, keys[i], &rows[i]);
		}
	}
}

void warm_nexthops(struct bench *bench)
{
	set_valid(bench, bench_now(bench) + VALID);
}

void warm_expire(struct bench *bench)
{
	set_valid(bench, bench_now(bench) - 1);
}

/* ---- interfaces ---- */

static void put_link(struct bench *bench, __u32 ifindex)
{
	const struct bpf_map *map = bench->skel->maps.links;
	struct warm_link link = { .ifindex = ifindex, .generation = read_generation(bench) };
	size_t step = cpu_step(map);
	__u8 *rows = cpu_rows(bench, map);
	struct natgw_iface iface = {};

	bpf_map_lookup_elem(bench->ifaces, &ifindex, &iface);
	memcpy(link.mac, iface.mac, sizeof(link.mac));
	link.flags = iface.flags;
	for (size_t cpu = 0; cpu < (size_t)bench->cpus; cpu++) {
		memcpy(rows + cpu * step, &link, sizeof(link));
	}
	harness_set_row(bpf_map__fd(map), ifindex % LINKS, rows);
	free(rows);
}

/* ---- rows ---- */

/* One row, whichever its direction. */
struct warm_row {
	__u8 proto;
	bool outbound;
	__be32 ext_addr;
	__be32 rem_addr;
	__be32 to; /* where its packets go */
};

static struct warm_row row_of(const struct session_table *table, __u32 index)
{
	struct session_table_row found;
	struct natgw_outbound_key out;
	struct natgw_inbound_key in;

	session_table_at(table, index, &found);
	if (table->is_outbound) {
		memcpy(&out, found.key, sizeof(out));
		return (struct warm_row){ .proto = out.proto,
					  .outbound = true,
					  .ext_addr = found.row.addr,
					  .rem_addr = out.rem_addr,
					  .to = out.rem_addr };
	}
	memcpy(&in, found.key, sizeof(in));
	return (struct warm_row){ .proto = in.proto,
				  .ext_addr = in.ext_addr,
				  .rem_addr = in.rem_addr,
				  .to = found.row.addr };
}

static bool is_long(const __u32 *timeout, __u8 proto)
{
	enum natgw_timer opening =
		proto == PROTO_TCP ? NATGW_TIMER_TCP_HALF_OPEN : NATGW_TIMER_UDP_UNREPLIED;
	enum natgw_timer established =
		proto == PROTO_TCP ? NATGW_TIMER_TCP_ESTABLISHED : NATGW_TIMER_UDP_REPLIED;
	__u32 window = 1U << NATGW_ROUTE_SHIFT;

	return timeout[opening] >= window && timeout[established] >= window;
}

static bool has_limit(const struct natgw_gateway *gateway)
{
	return gateway->rate.per_byte || gateway->rate.per_packet ||
	       gateway->client_rate.per_byte || gateway->client_rate.per_packet;
}

static struct natgw_address address_of(const struct bench *bench, __be32 addr)
{
	struct natgw_address row = {};

	bpf_map_lookup_elem(bench->addresses, &addr, &row);
	return row;
}

/* Of packets to one of our own external addresses: they turn. */
static bool is_hairpin(const struct bench *bench, __be32 addr)
{
	struct natgw_address row = address_of(bench, addr);

	return (row.kind == NATGW_ADDRESS_EIP && !row.peer) ||
	       row.kind == NATGW_ADDRESS_ONE_TO_ONE || row.kind == NATGW_ADDRESS_STAGED;
}

static bool is_plain(const struct bench *bench, const struct warm_row *row,
		     const struct natgw_session *session)
{
	__u32 state = session->word & NATGW_WORD_STATE_MASK;

	return (row->proto == PROTO_TCP || row->proto == PROTO_UDP) && !session->orig_port &&
	       state != NATGW_STATE_MAPPING && !is_hairpin(bench, row->rem_addr);
}

static bool may_be_short(const struct bench *bench, const struct warm_row *row,
			 const struct natgw_session *session)
{
	__u32 number = session->word >> NATGW_WORD_GATEWAY_SHIFT & NATGW_WORD_GATEWAY_MASK;
	__u32 rule_number = session->word >> NATGW_WORD_RULE_SHIFT & NATGW_WORD_RULE_MASK;
	struct natgw_gateway gateway = {};
	struct natgw_rule rule = {};

	bpf_map_lookup_elem(bench->gateways, &number, &gateway);
	bpf_map_lookup_elem(bench->rules, &rule_number, &rule);
	if (!is_plain(bench, row, session) || gateway.flags & NATGW_GATEWAY_TWO_STAGE ||
	    has_limit(&gateway) ||
	    !is_long(rule_number ? rule.timeout : gateway.timeout, row->proto)) {
		return false;
	}
	return row->outbound || !(address_of(bench, row->ext_addr).draining ||
				  gateway.flags & NATGW_GATEWAY_REFRESH_OUTBOUND);
}

static void warm_table(struct bench *bench, const struct session_table *table)
{
	__u32 generation = read_generation(bench);
	struct session_table_row found;

	for (__u32 i = 0; i < table->count; i++) {
		struct natgw_session *session = &table->slots[i].row;
		struct warm_row row;

		if (!session_table_at(table, i, &found)) {
			continue;
		}
		row = row_of(table, i);
		if (is_out_of_reach(row.to)) {
			continue;
		}
		session->nexthop = hop_to(row.to, row.outbound) | generation
									  << NATGW_REFERENCE_SHIFT;
		if (may_be_short(bench, &row, session)) {
			session->nexthop |= NATGW_REFERENCE_FAST;
		}
	}
}

void warm_sessions(struct bench *bench)
{
	put_hops(bench);
	put_link(bench, bench->int_ifindex);
	put_link(bench, bench->ext_ifindex);
	warm_table(bench, bench->outbound);
	warm_table(bench, bench->inbound);
}

/* ---- time and place ---- */

__u32 warm_to_window(struct bench *bench)
{
	const __u32 window = 1U << NATGW_ROUTE_SHIFT;

	return window - (bench_now(bench) & (window - 1)) + window / 20;
}

void warm_stay_on_cpu(void)
{
	cpu_set_t set;

	CPU_ZERO(&set);
	CPU_SET((size_t)sched_getcpu(), &set);
	if (sched_setaffinity(0, sizeof(set), &set)) {
		harness_die("sched_setaffinity", errno);
	}
}

/* ---- which way ---- */

static void clear_trie(int map)
{
	__u8 key[32];

	while (!bpf_map_get_next_key(map, NULL, key)) {
		if (bpf_map_delete_elem(map, key)) {
			harness_die("emptying a map", errno);
		}
	}
}

void warm_hide_policy(struct bench *bench)
{
	clear_trie(bench->routes);
	clear_trie(bench->addresses);
}

/*
 * The long way writes the packet into the map "packets", and at its end the next hop's reference;
 * the short way writes nothing there, or zeros in that place.
 */
#define MARK 0xffffffffU

void warm_mark(struct bench *bench)
{
	const struct bpf_map *map = bench->skel->maps.packets;
	__u8 *rows = cpu_rows(bench, map);

	memset(rows, 0xff, (size_t)bench->cpus * cpu_step(map));
	harness_set_row(bpf_map__fd(map), 0, rows);
	free(rows);
}

bool warm_was_short(const struct bench *bench)
{
	const struct bpf_map *map = bench->skel->maps.packets;
	size_t end = bpf_map__value_size(map);
	__u8 *rows = cpu_rows(bench, map);
	__u32 zero = 0, reference;
	bool is_short = true;

	if (bpf_map_lookup_elem(bpf_map__fd(map), &zero, rows)) {
		harness_die("packets", errno);
	}
	for (size_t cpu = 0; cpu < (size_t)bench->cpus; cpu++) {
		memcpy(&reference, rows + cpu * cpu_step(map) + end - sizeof(reference),
		       sizeof(reference));
		is_short = is_short && (reference == MARK || !reference);
	}
	free(rows);
	return is_short;
}
