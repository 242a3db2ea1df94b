/* SPDX-License-Identifier: GPL-2.0-only */
/* The session tables and the counters as a test sees them: put in, read, compared. */
#ifndef NATGW_TESTS_BPF_TABLES_H
#define NATGW_TESTS_BPF_TABLES_H

#include "harness.h"

/* ---- sessions ---- */

struct pair {
	__u8 proto;
	__u8 state; /* enum natgw_session_state */
	__u8 seen;  /* NATGW_SEEN_* */
	__u16 rule;
	__be32 int_addr;
	__be32 ext_addr;
	__be32 rem_addr;
	__u16 int_port; /* host order */
	__u16 ext_port;
	__u16 rem_port;
	__u32 idle; /* ticks since either direction was used */
};

/* The standard session of a protocol; seen as it is in that state. */
struct pair pair_standard(__u8 proto, __u8 state);
struct natgw_outbound_key pair_outbound_key(const struct pair *pair);
struct natgw_inbound_key pair_inbound_key(const struct pair *pair);
/* Writes both rows and what is counted of them, without the programs' help. */
void pair_add(struct bench *bench, const struct pair *pair);
/* The rows: true when there. */
bool pair_outbound(const struct bench *bench, const struct pair *pair,
		   struct natgw_session *ret_row);
bool pair_inbound(const struct bench *bench, const struct pair *pair,
		  struct natgw_session *ret_row);

#define TABLE_ROWS_MAX 4096

struct table {
	__u32 count;
	struct session_table_row rows[TABLE_ROWS_MAX];
};

/* All rows of a session table. */
void table_read(const struct session_table *sessions, struct table *ret_table);
/* The number of rows of a session table of any size. */
__u32 table_count(const struct session_table *sessions);
/* The number of rows of any hash map. */
__u32 map_count(int map);
bool table_same(const struct table *one, const struct table *other);

/* 0 when there is none. */
struct natgw_client client_of(const struct bench *bench, __be32 addr);
struct natgw_gateway_use gateway_use_of(const struct bench *bench);

__u32 row_state(const struct natgw_session *row);
__u32 row_generation(const struct natgw_session *row);

/*
 * How many outbound rows have no inbound row of the same generation, or share one. 0: the tables
 * are consistent.
 */
__u32 tables_broken(const struct table *outbound, const struct table *inbound);
/* Inbound rows without an outbound row: right only for those that are held. */
__u32 tables_alone(const struct table *outbound, const struct table *inbound);
__u32 row_seen(const struct natgw_session *row);

/* ---- counters ---- */

#define COUNTED_GATEWAYS 4
#define COUNTED_ROWS \
	(COUNTED_GATEWAYS * NATGW_HOOK_COUNT * NATGW_DIRECTION_COUNT * NATGW_VERDICT_SLOTS)

/* Sums over all CPUs. */
struct counters {
	struct natgw_count verdicts[COUNTED_ROWS];
	struct natgw_count seen[NATGW_HOOK_COUNT];
	struct natgw_traffic traffic[COUNTED_GATEWAYS];
	__u64 generated[NATGW_GENERATED_COUNT];
};

void counters_read(const struct bench *bench, struct counters *ret_counters);
/* after - before */
void counters_diff(const struct counters *before, const struct counters *after,
		   struct counters *ret_diff);
const char *verdict_name(__u32 verdict);
__u32 verdict_class_of(__u32 verdict);

#endif
