// SPDX-License-Identifier: GPL-2.0-only
/* Sessions and counters, read and written from user space. */
#include "tables.h"

#include <arpa/inet.h>
#include <bpf/bpf.h>
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

void pair_add(struct bench *bench, const struct pair *pair)
{
	static __u32 generation = 1000;
	struct natgw_outbound_key outbound_key = pair_outbound_key(pair);
	struct natgw_inbound_key inbound_key = pair_inbound_key(pair);
	struct natgw_session row = { .word = pair->state | 1ULL << NATGW_WORD_GATEWAY_SHIFT |
					     (__u64)++generation << NATGW_WORD_GENERATION_SHIFT,
				     .last_seen = bench_now(bench) - pair->idle };

	row.addr = pair->int_addr;
	row.port = htons(pair->int_port);
	if (bpf_map_update_elem(bench->inbound, &inbound_key, &row, BPF_NOEXIST)) {
		fail_map("inbound row");
	}
	row.addr = pair->ext_addr;
	row.port = htons(pair->ext_port);
	if (bpf_map_update_elem(bench->outbound, &outbound_key, &row, BPF_NOEXIST)) {
		fail_map("outbound row");
	}
}

bool pair_outbound(const struct bench *bench, const struct pair *pair,
		   struct natgw_session *ret_row)
{
	struct natgw_outbound_key key = pair_outbound_key(pair);

	return !bpf_map_lookup_elem(bench->outbound, &key, ret_row);
}

bool pair_inbound(const struct bench *bench, const struct pair *pair, struct natgw_session *ret_row)
{
	struct natgw_inbound_key key = pair_inbound_key(pair);

	return !bpf_map_lookup_elem(bench->inbound, &key, ret_row);
}

void table_read(int map, struct table *ret_table)
{
	__u8 key[16], *from = NULL;

	ret_table->count = 0;
	while (ret_table->count < TABLE_ROWS_MAX) {
		struct table_row *row = &ret_table->rows[ret_table->count];

		if (bpf_map_get_next_key(map, from, row->key)) {
			return;
		}
		memcpy(key, row->key, sizeof(key));
		from = key;
		if (!bpf_map_lookup_elem(map, row->key, &row->row)) {
			ret_table->count++;
		}
	}
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

__u32 row_generation(const struct natgw_session *row)
{
	return (__u32)(row->word >> NATGW_WORD_GENERATION_SHIFT);
}

/* The external endpoint first, so that keys of sessions that share one are equal. */
static void outbound_as_inbound(const struct table_row *row, __u8 ret_key[16])
{
	struct natgw_outbound_key from;
	struct natgw_inbound_key key = {};

	memcpy(&from, row->key, sizeof(from));
	key.ext_addr = row->row.addr;
	key.ext_port = row->row.port;
	key.rem_addr = from.rem_addr;
	key.rem_port = from.rem_port;
	key.proto = from.proto;
	memcpy(ret_key, &key, sizeof(key));
}

static int compare_rows(const void *one, const void *other)
{
	return memcmp(one, other, 16);
}

/* Both tables under the same key, sorted: row for row they must agree. */
__u32 tables_broken(const struct table *outbound, const struct table *inbound)
{
	struct table_row *left = calloc(outbound->count + 1, sizeof(*left));
	struct table_row *right = calloc(inbound->count + 1, sizeof(*right));
	__u32 broken = 0, i = 0, j = 0;

	if (!left || !right) {
		fail_map("tables_broken");
	}
	for (i = 0; i < outbound->count; i++) {
		left[i] = outbound->rows[i];
		outbound_as_inbound(&outbound->rows[i], left[i].key);
	}
	memcpy(right, inbound->rows, inbound->count * sizeof(*right));
	qsort(left, outbound->count, sizeof(*left), compare_rows);
	qsort(right, inbound->count, sizeof(*right), compare_rows);
	for (i = 0; i < outbound->count && j < inbound->count;) {
		int order = compare_rows(&left[i], &right[j]);

		broken += order || row_generation(&left[i].row) != row_generation(&right[j].row);
		i += order <= 0;
		j += order >= 0;
	}
	broken += outbound->count - i + inbound->count - j;
	free(left);
	free(right);
	return broken;
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
