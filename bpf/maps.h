/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * Every map: who writes it, who reads it, what happens when it is full. The three objects define
 * the same maps; they are weak, and the static linker makes one of each.
 */
#ifndef NATGW_BPF_MAPS_H
#define NATGW_BPF_MAPS_H

#include "vmlinux.h"
#include <bpf/bpf_helpers.h>

#include "natgw_maps.h"
#include "natgw_table.h"

#define MAP(map_type, key_type, value_type, entries) \
	struct {                                     \
		__uint(type, map_type);              \
		__type(key, key_type);               \
		__type(value, value_type);           \
		__uint(max_entries, entries);        \
	}

#define MAP_FLAGS(map_type, key_type, value_type, entries, flags) \
	struct {                                                  \
		__uint(type, map_type);                           \
		__type(key, key_type);                            \
		__type(value, value_type);                        \
		__uint(max_entries, entries);                     \
		__uint(map_flags, flags);                         \
	}

/* Of both session tables; set before the programs are loaded, from the layout. In one object only:
 * natgw_sweep.bpf.c. */
extern const volatile struct natgw_table_size session_size;

/* ---- written by natgwd, read by the programs ---- */

/* Read by natgwd before it takes anything over; no program reads it, so the objects must keep it.
 */
MAP(BPF_MAP_TYPE_ARRAY, __u32, struct natgw_layout, 1) layout __weak SEC(".maps");
MAP(BPF_MAP_TYPE_ARRAY, __u32, struct natgw_settings, 1) settings __weak SEC(".maps");
/* Tests only. */
MAP(BPF_MAP_TYPE_ARRAY, __u32, struct natgw_clock, 1) clock __weak SEC(".maps");
/* Raised, by atomic addition, by natgwd and by a program that gives a next hop's entry away. */
MAP_FLAGS(BPF_MAP_TYPE_ARRAY, __u32, struct natgw_generation, 1, BPF_F_MMAPABLE)
generation __weak SEC(".maps");

MAP(BPF_MAP_TYPE_HASH, __u32, struct natgw_iface, NATGW_IFACES_MAX) ifaces __weak SEC(".maps");
/* Interfaces an XDP program may redirect to; the kernel takes an interface out when it goes away.
 */
MAP(BPF_MAP_TYPE_DEVMAP_HASH, __u32, __u32, NATGW_IFACES_MAX) devices __weak SEC(".maps");
MAP_FLAGS(BPF_MAP_TYPE_LPM_TRIE, struct natgw_subnet_key, struct natgw_subnet, NATGW_SUBNETS_MAX,
	  BPF_F_NO_PREALLOC)
subnets __weak SEC(".maps");
MAP_FLAGS(BPF_MAP_TYPE_LPM_TRIE, struct natgw_route_key, struct natgw_route, NATGW_ROUTES_MAX,
	  BPF_F_NO_PREALLOC)
routes __weak SEC(".maps");
MAP(BPF_MAP_TYPE_ARRAY, __u32, struct natgw_gateway, NATGW_GATEWAYS_MAX)
gateways __weak SEC(".maps");
MAP(BPF_MAP_TYPE_ARRAY, __u32, struct natgw_pool_row,
    NATGW_GATEWAYS_MAX *NATGW_POOL_ROWS_PER_GATEWAY)
pool __weak SEC(".maps");
MAP(BPF_MAP_TYPE_HASH, __be32, struct natgw_address,
    NATGW_EIPS_MAX * 2 + NATGW_GATEWAYS_MAX + NATGW_HOST_ADDRS_MAX + NATGW_ONE_TO_ONE_MAX * 2)
addresses __weak SEC(".maps");
MAP_FLAGS(BPF_MAP_TYPE_HASH, struct natgw_forward_key, struct natgw_forward, NATGW_FORWARDS_MAX,
	  BPF_F_NO_PREALLOC)
forwards __weak SEC(".maps");
MAP_FLAGS(BPF_MAP_TYPE_LPM_TRIE, struct natgw_acl_key, struct natgw_acl, NATGW_ACL_MAX,
	  BPF_F_NO_PREALLOC)
acl __weak SEC(".maps");
/* The program at egress sets bits, too: of a shared EIP what the host is seen to use. */
MAP_FLAGS(BPF_MAP_TYPE_ARRAY, __u32, struct natgw_port_bits, NATGW_RESERVED_ROWS, BPF_F_MMAPABLE)
reserved_ports __weak SEC(".maps");

MAP(BPF_MAP_TYPE_ARRAY, __u32, struct natgw_rule, NATGW_RULES_MAX) rules __weak SEC(".maps");
MAP(BPF_MAP_TYPE_ARRAY, __u32, __u32, NATGW_RULES_MAX) rule_order __weak SEC(".maps");
MAP(BPF_MAP_TYPE_PERCPU_ARRAY, __u32, __u64, NATGW_RULES_MAX) rule_hits __weak SEC(".maps");
MAP(BPF_MAP_TYPE_ARRAY, __u32, __u32, 1) phase __weak SEC(".maps");

/* ---- written by the programs ---- */

/*
 * The sessions: flat tables of struct natgw_slot (natgw_table.h); a live session is never evicted.
 * Rows change by compare-and-swap of their word (session.h). Full: the new session is refused and
 * counted. natgwd sets the sizes, and session_size accordingly. In mmapable arrays slots begin at
 * the beginning of a page, so each is one cache line.
 */
MAP_FLAGS(BPF_MAP_TYPE_ARRAY, __u32, struct natgw_slot, NATGW_TABLE_STRIDE, BPF_F_MMAPABLE)
outbound __weak SEC(".maps");
MAP_FLAGS(BPF_MAP_TYPE_ARRAY, __u32, struct natgw_slot, NATGW_TABLE_STRIDE, BPF_F_MMAPABLE)
inbound __weak SEC(".maps");
/* What the iterators go by: a row for every NATGW_TABLE_STRIDE slots, so that reading one comes by
 * the free slots fast. Nobody reads or writes the values. */
MAP(BPF_MAP_TYPE_ARRAY, __u32, __u8, 1) walk __weak SEC(".maps");

/* Cache of route and neighbour (nexthop.h), written under a sequence number; a full stretch loses
 * its oldest row. */
MAP(BPF_MAP_TYPE_ARRAY, __u32, struct natgw_nexthop, NATGW_NEXTHOPS_MAX)
nexthops __weak SEC(".maps");

/*
 * Datagrams in fragments (fragment.h). A row goes with its last fragment; what stays behind the
 * sweep takes. Full: the first fragment is dropped and counted.
 */
MAP(BPF_MAP_TYPE_HASH, struct natgw_fragment_key, struct natgw_fragment, NATGW_FRAGMENTS_MAX)
fragments __weak SEC(".maps");
/* Datagrams begun by hash of their sender: when the count began << 32 | count. */
MAP(BPF_MAP_TYPE_ARRAY, __u32, __u64, NATGW_FRAGMENT_SOURCES) fragment_use __weak SEC(".maps");
MAP(BPF_MAP_TYPE_ARRAY, __u32, __u32, NATGW_IP_IDS) ip_ids __weak SEC(".maps");

/* Counters: one writer for each CPU, read by natgwd. */
MAP(BPF_MAP_TYPE_PERCPU_ARRAY, __u32, struct natgw_count, NATGW_HOOK_COUNT)
seen __weak SEC(".maps");
MAP(BPF_MAP_TYPE_PERCPU_ARRAY, __u32, struct natgw_count, NATGW_VERDICT_ROWS)
verdicts __weak SEC(".maps");
MAP(BPF_MAP_TYPE_PERCPU_ARRAY, __u32, struct natgw_traffic, NATGW_GATEWAYS_MAX)
traffic __weak SEC(".maps");
MAP(BPF_MAP_TYPE_PERCPU_ARRAY, __u32, __u64, NATGW_GENERATED_COUNT) generated __weak SEC(".maps");

/* Token buckets: see enum natgw_budget. */
MAP(BPF_MAP_TYPE_ARRAY, __u32, __u64, NATGW_BUDGET_COUNT) budget __weak SEC(".maps");

/*
 * Who uses the ports (account.h, destination.h). Counts change by atomic addition; a row of
 * "clients" and "client_ports" is marked before it is removed. natgwd sets the sizes: clients and
 * client_ports as the session tables, destinations by NATGW_DESTINATION_SESSIONS. "destinations"
 * full: ports are looked for one by one.
 */
MAP_FLAGS(BPF_MAP_TYPE_HASH, struct natgw_client_key, struct natgw_client, NATGW_SESSIONS_DEFAULT,
	  BPF_F_NO_PREALLOC)
clients __weak SEC(".maps");
MAP_FLAGS(BPF_MAP_TYPE_HASH, struct natgw_client_port_key, __u32, NATGW_SESSIONS_DEFAULT,
	  BPF_F_NO_PREALLOC)
client_ports __weak SEC(".maps");
MAP(BPF_MAP_TYPE_ARRAY, __u32, struct natgw_gateway_use, NATGW_GATEWAYS_MAX)
gateway_use __weak SEC(".maps");
MAP(BPF_MAP_TYPE_HASH, struct natgw_destination_key, struct natgw_destination, 320)
destinations __weak SEC(".maps");
/* All zero, and nobody writes it: what new rows are copied from that are too big for the stack. */
MAP(BPF_MAP_TYPE_ARRAY, __u32, struct natgw_destination, 1) zeros __weak SEC(".maps");
MAP_FLAGS(BPF_MAP_TYPE_ARRAY, __u32, struct natgw_port_bits, NATGW_PORT_USE_ROWS, BPF_F_MMAPABLE)
port_use __weak SEC(".maps");
MAP_FLAGS(BPF_MAP_TYPE_ARRAY, __u32, struct natgw_destination_use, 2, BPF_F_MMAPABLE)
destination_use __weak SEC(".maps");

struct {
	__uint(type, BPF_MAP_TYPE_RINGBUF);
	__uint(max_entries, NATGW_EVENTS_SIZE);
} events __weak SEC(".maps");

/* See natgw_operate.h. */
struct {
	__uint(type, BPF_MAP_TYPE_RINGBUF);
	__uint(max_entries, NATGW_LOG_SIZE);
} session_log __weak SEC(".maps");
struct {
	__uint(type, BPF_MAP_TYPE_RINGBUF);
	__uint(max_entries, NATGW_SAMPLES_SIZE);
} samples __weak SEC(".maps");

/* ---- written by the sweep, one pass at a time ---- */
MAP(BPF_MAP_TYPE_ARRAY, __u32, struct natgw_active, NATGW_GATEWAYS_MAX) active __weak SEC(".maps");
MAP(BPF_MAP_TYPE_ARRAY, __u32, struct natgw_sweep, 1) sweep_stats __weak SEC(".maps");
MAP_FLAGS(BPF_MAP_TYPE_ARRAY, __u32, struct natgw_hold_count, NATGW_EIPS_MAX *NATGW_PROTO_COUNT,
	  BPF_F_MMAPABLE)
hold __weak SEC(".maps");

/* Written by natgwd, and by the program that it then runs: the dry run, natgw_kill, natgw_import.
 */
MAP(BPF_MAP_TYPE_ARRAY, __u32, struct natgw_kill, 1) kill __weak SEC(".maps");
MAP(BPF_MAP_TYPE_ARRAY, __u32, struct natgw_import, 1) import __weak SEC(".maps");
MAP(BPF_MAP_TYPE_ARRAY, __u32, struct natgw_check_result, 1) check_result __weak SEC(".maps");

#endif
