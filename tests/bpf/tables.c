// SPDX-License-Identifier: GPL-2.0-only
/* Sessions and counters, read and written from user space. */
#include "tables.h"

#include <arpa/inet.h>
#include <bpf/bpf.h>
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static const char *const verdict_names[] = {
#define X(symbol, class, label, text) [NATGW_##symbol] = (label),
	NATGW_VERDICTS(X)
#undef X
};

static const __u8 verdict_classes[] = {
#define X(symbol, class, label, text) [NATGW_##symbol] = NATGW_CLASS_##class,
	NATGW_VERDICTS(X)
#undef X
};

const char *verdict_name(__u32 verdict)
{
	return verdict < NATGW_VERDICT_COUNT ? verdict_names[verdict] : "?";
}

__u32 verdict_class_of(__u32 verdict)
{
	return verdict_classes[verdict];
}

static void fail_map(const char *what)
{
	perror(what);
	exit(2);
}

/* ---- sessions ---- */

struct pair pair_standard(__u8 proto, __u8 state)
{
	struct pair pair = {
		.proto = proto,
		.state = state,
		.int_addr = CLIENT,
		.ext_addr = EIP,
		.rem_addr = REMOTE,
		.int_port = INT_PORT,
		.ext_port = EXT_PORT,
		.rem_port = proto == PROTO_ICMP ? 0 : REM_PORT,
	};

	if (state == NATGW_STATE_ESTABLISHED) {
		pair.seen = NATGW_SEEN_REPLY | NATGW_SEEN_HANDSHAKE;
	}
	return pair;
}

struct natgw_outbound_key pair_outbound_key(const struct pair *pair)
{
	struct natgw_outbound_key key = {
		.int_addr = pair->int_addr,
		.rem_addr = pair->rem_addr,
		.int_port = htons(pair->int_port),
		.rem_port = htons(pair->rem_port),
		.proto = pair->proto,
		.gateway = 1,
	};

	return key;
}

struct natgw_inbound_key pair_inbound_key(const struct pair *pair)
{
	struct natgw_inbound_key key = {
		.ext_addr = pair->ext_addr,
		.rem_addr = pair->rem_addr,
		.ext_port = htons(pair->ext_port),
		.rem_port = htons(pair->rem_port),
		.proto = pair->proto,
	};

	return key;
}

struct natgw_client client_of(const struct bench *bench, __be32 addr)
{
	struct natgw_client_key key = { .addr = addr, .gateway = 1 };
	struct natgw_client row = {};

	bpf_map_lookup_elem(bench->clients, &key, &row);
	return row;
}

struct natgw_gateway_use gateway_use_of(const struct bench *bench)
{
	struct natgw_gateway_use use = {};
	__u32 gateway = 1;

	if (bpf_map_lookup_elem(bench->gateway_use, &gateway, &use)) {
		fail_map("gateway_use");
	}
	return use;
}

static void count_pair(struct bench *bench, const struct pair *pair)
{
	struct natgw_client_key key = { .addr = pair->int_addr, .gateway = 1 };
	struct natgw_client client = client_of(bench, pair->int_addr);
	struct natgw_gateway_use use = gateway_use_of(bench);
	__u32 gateway = 1;

	use.clients += !client.last_used;
	use.sessions++;
	client.sessions++;
	client.opening += pair->state == NATGW_STATE_OPENING;
	client.last_used = bench_now(bench);
	if (bpf_map_update_elem(bench->clients, &key, &client, BPF_ANY) ||
	    bpf_map_update_elem(bench->gateway_use, &gateway, &use, BPF_ANY)) {
		fail_map("counts of a session");
	}
}

static __u32 proto_index(__u8 proto)
{
	if (proto == PROTO_TCP) {
		return NATGW_PROTO_TCP;
	}
	return proto == PROTO_UDP ? NATGW_PROTO_UDP : NATGW_PROTO_ICMP;
}

static void mark_port(struct bench *bench, const struct pair *pair)
{
	for (__u32 copy = 0; copy < 2; copy++) {
		__u32 row = natgw_port_use_index(copy, pair->ext_addr == EIP ? 0 : 1,
						 proto_index(pair->proto));

		bench->port_use[row].word[pair->ext_port >> 6] |= 1ULL << (pair->ext_port & 63);
	}
}

static void put_row(struct session_table *sessions, const void *key,
		    const struct natgw_session *row)
{
	int error = session_table_insert(sessions, key, row);

	if (error) {
		errno = -error;
		fail_map(sessions->is_outbound ? "outbound row" : "inbound row");
	}
}

void pair_add(struct bench *bench, const struct pair *pair)
{
	static __u32 generation = 1000;
	struct natgw_outbound_key outbound_key = pair_outbound_key(pair);
	struct natgw_inbound_key inbound_key = pair_inbound_key(pair);
	struct natgw_session row = { .word = pair->state |
					     (__u64)pair->seen << NATGW_WORD_SEEN_SHIFT |
					     1ULL << NATGW_WORD_GATEWAY_SHIFT |
					     (__u64)pair->rule << NATGW_WORD_RULE_SHIFT |
					     (__u64)++generation << NATGW_WORD_GENERATION_SHIFT,
				     .last_seen = bench_now(bench) - pair->idle };

	row.addr = pair->int_addr;
	row.port = htons(pair->int_port);
	put_row(bench->inbound, &inbound_key, &row);
	row.addr = pair->ext_addr;
	row.port = htons(pair->ext_port);
	put_row(bench->outbound, &outbound_key, &row);
	count_pair(bench, pair);
	mark_port(bench, pair);
}

bool pair_outbound(const struct bench *bench, const struct pair *pair,
		   struct natgw_session *ret_row)
{
	struct natgw_outbound_key key = pair_outbound_key(pair);

	return session_table_find(bench->outbound, &key, ret_row);
}

bool pair_inbound(const struct bench *bench, const struct pair *pair, struct natgw_session *ret_row)
{
	struct natgw_inbound_key key = pair_inbound_key(pair);

	return session_table_find(bench->inbound, &key, ret_row);
}

void table_read(const struct session_table *sessions, struct table *ret_table)
{
	ret_table->count = 0;
	for (__u32 i = 0; i < sessions->count && ret_table->count < TABLE_ROWS_MAX; i++) {
		ret_table->count +=
			session_table_at(sessions, i, &ret_table->rows[ret_table->count]);
	}
}

__u32 table_count(const struct session_table *sessions)
{
	struct session_table_row row;
	__u32 count = 0;

	for (__u32 i = 0; i < sessions->count; i++) {
		count += session_table_at(sessions, i, &row);
	}
	return count;
}

__u32 map_count(int map)
{
	__u8 key[32], next[32];
	__u32 count = 0;
	void *from = NULL;

	while (!bpf_map_get_next_key(map, from, next)) {
		memcpy(key, next, sizeof(key));
		from = key;
		count++;
	}
	return count;
}

bool table_same(const struct table *one, const struct table *other)
{
	return one->count == other->count &&
	       !memcmp(one->rows, other->rows, one->count * sizeof(one->rows[0]));
}

__u32 row_state(const struct natgw_session *row)
{
	return row->word & NATGW_WORD_STATE_MASK;
}

__u32 row_seen(const struct natgw_session *row)
{
	return (row->word & NATGW_WORD_SEEN_MASK) >> NATGW_WORD_SEEN_SHIFT;
}

__u32 row_generation(const struct natgw_session *row)
{
	return (__u32)(row->word >> NATGW_WORD_GENERATION_SHIFT);
}

/* The external endpoint first, so that keys of sessions that share one are equal. */
static void outbound_as_inbound(const struct session_table_row *row, __u8 ret_key[16])
{
	struct natgw_outbound_key from;
	struct natgw_inbound_key key = {};

	memcpy(&from, row->key, sizeof(from));
	key.ext_addr = row->row.addr;
	key.ext_port = row->row.port;
	key.rem_addr = from.rem_addr;
	/* Behind a DNAT rule the port on the wire is another one. */
	key.rem_port = row->row.orig_port ? row->row.orig_port : from.rem_port;
	key.proto = from.proto;
	memcpy(ret_key, &key, sizeof(key));
}

static int compare_rows(const void *one, const void *other)
{
	return memcmp(one, other, 16);
}

/* Both tables under the same key, sorted. */
struct sides {
	struct session_table_row *left;
	struct session_table_row *right;
};

static struct sides sort_tables(const struct table *outbound, const struct table *inbound)
{
	struct sides sides = { calloc(outbound->count + 1, sizeof(*sides.left)),
			       calloc(inbound->count + 1, sizeof(*sides.right)) };

	if (!sides.left || !sides.right) {
		fail_map("tables");
	}
	for (__u32 i = 0; i < outbound->count; i++) {
		sides.left[i] = outbound->rows[i];
		outbound_as_inbound(&outbound->rows[i], sides.left[i].key);
	}
	memcpy(sides.right, inbound->rows, inbound->count * sizeof(*sides.right));
	qsort(sides.left, outbound->count, sizeof(*sides.left), compare_rows);
	qsort(sides.right, inbound->count, sizeof(*sides.right), compare_rows);
	return sides;
}

static void free_sides(struct sides *sides)
{
	free(sides->left);
	free(sides->right);
}

/* Outbound rows that agree with an inbound row of their own. */
static __u32 count_pairs(const struct table *outbound, const struct table *inbound)
{
	struct sides sides = sort_tables(outbound, inbound);
	__u32 pairs = 0, i = 0, j = 0;

	while (i < outbound->count && j < inbound->count) {
		int order = compare_rows(&sides.left[i], &sides.right[j]);

		pairs += !order &&
			 row_generation(&sides.left[i].row) == row_generation(&sides.right[j].row);
		/* One inbound row is never two sessions'. */
		i += order <= 0;
		j += order >= 0;
	}
	free_sides(&sides);
	return pairs;
}

__u32 tables_broken(const struct table *outbound, const struct table *inbound)
{
	return outbound->count - count_pairs(outbound, inbound);
}

__u32 tables_alone(const struct table *outbound, const struct table *inbound)
{
	return inbound->count - count_pairs(outbound, inbound);
}

/* ---- counters ---- */

/* Adds up the CPUs' values, each "size" bytes of __u64. */
static void sum_cpus(const struct bench *bench, const __u64 *values, size_t size, __u64 *ret_sum)
{
	size_t words = size / sizeof(__u64);

	memset(ret_sum, 0, size);
	for (int cpu = 0; cpu < bench->cpus; cpu++) {
		for (size_t i = 0; i < words; i++) {
			ret_sum[i] += values[(size_t)cpu * words + i];
		}
	}
}

static void read_rows(const struct bench *bench, int map, __u32 rows, size_t size, void *ret_sums)
{
	__u64 *values = calloc(rows, size * (size_t)bench->cpus);
	__u32 *keys = calloc(rows, sizeof(*keys));
	__u32 count = rows, next;

	if (!values || !keys ||
	    bpf_map_lookup_batch(map, NULL, &next, keys, values, &count, NULL)) {
		fail_map("counters");
	}
	for (__u32 i = 0; i < rows; i++) {
		sum_cpus(bench, values + i * (size / 8) * (size_t)bench->cpus, size,
			 (__u64 *)ret_sums + i * (size / 8));
	}
	free(values);
	free(keys);
}

void counters_read(const struct bench *bench, struct counters *ret_counters)
{
	read_rows(bench, bench->verdicts, COUNTED_ROWS, sizeof(struct natgw_count),
		  ret_counters->verdicts);
	for (__u32 i = 0; i < NATGW_HOOK_COUNT; i++) {
		__u64 values[2 * 256];

		if (bpf_map_lookup_elem(bench->seen, &i, values)) {
			fail_map("seen");
		}
		sum_cpus(bench, values, sizeof(struct natgw_count),
			 (__u64 *)(void *)&ret_counters->seen[i]);
	}
	read_rows(bench, bench->traffic, COUNTED_GATEWAYS, sizeof(struct natgw_traffic),
		  ret_counters->traffic);
	for (__u32 i = 0; i < NATGW_GENERATED_COUNT; i++) {
		__u64 values[256];

		if (bpf_map_lookup_elem(bench->generated, &i, values)) {
			fail_map("generated");
		}
		sum_cpus(bench, values, sizeof(__u64), &ret_counters->generated[i]);
	}
}

void counters_diff(const struct counters *before, const struct counters *after,
		   struct counters *ret_diff)
{
	const __u64 *old = (const __u64 *)(const void *)before;
	const __u64 *new = (const __u64 *)(const void *)after;
	__u64 *diff = (__u64 *)(void *)ret_diff;

	for (size_t i = 0; i < sizeof(*before) / sizeof(__u64); i++) {
		diff[i] = new[i] - old[i];
	}
}
