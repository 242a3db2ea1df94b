// SPDX-License-Identifier: GPL-2.0-only
/*
 * Reads the maps: clients in batches, counters as sums over all CPUs. What the pinned iterators
 * give is read in datapath_records.c. Names, rates and formats are not its work.
 */
#include "datapath.h"

#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

#include <bpf/bpf.h>

#include "cleanup.h"
#include "datapath_internal.h"

/* ---- clients ---- */

struct client_batch {
	struct natgw_client_key *keys;
	struct natgw_client *rows;
	uint32_t count;
};

static int give_clients(const struct client_batch *batch,
			int (*fn)(const struct natgw_client_key *key,
				  const struct natgw_client *row, void *arg),
			void *arg)
{
	int r = 0;

	for (uint32_t i = 0; r == 0 && i < batch->count; i++) {
		if (!(batch->rows[i].sessions & NATGW_COUNT_DEAD)) {
			r = fn(&batch->keys[i], &batch->rows[i], arg);
		}
	}
	return r;
}

int datapath_each_client(struct datapath *dp,
			 int (*fn)(const struct natgw_client_key *key,
				   const struct natgw_client *row, void *arg),
			 void *arg)
{
	/* More than any bucket of the table holds: a batch consists of whole buckets. */
	enum { ROWS = 2048 };
	_cleanup_free_ struct natgw_client_key *keys = calloc(ROWS, sizeof(*keys));
	_cleanup_free_ struct natgw_client *rows = calloc(ROWS, sizeof(*rows));
	struct client_batch batch = { .keys = keys, .rows = rows };
	uint32_t position = 0;
	bool first = true;

	if (!keys || !rows) {
		return -ENOMEM;
	}
	for (;;) {
		batch.count = ROWS;
		int r = bpf_map_lookup_batch(dp->fd[DATAPATH_CLIENTS], first ? NULL : &position,
					     &position, keys, rows, &batch.count, NULL);

		if (r < 0 && r != -ENOENT) {
			return r;
		}
		int given = give_clients(&batch, fn, arg);

		if (given != 0 || r == -ENOENT) {
			return given;
		}
		first = false;
	}
}

/* ---- counters ---- */

/* Every per-CPU value is a row of __u64 without padding. */
static void sum_cpus(const struct datapath *dp, const uint64_t *values, size_t words,
		     uint64_t *sums)
{
	memset(sums, 0, words * sizeof(*sums));
	for (unsigned int cpu = 0; cpu < dp->cpus; cpu++) {
		for (size_t i = 0; i < words; i++)
			sums[i] += values[cpu * words + i];
	}
}

int datapath_read_summed(const struct datapath *dp, enum datapath_map map, uint32_t key,
			 void *ret_value, size_t size)
{
	_cleanup_free_ uint64_t *values = calloc(dp->cpus, size);

	if (!values) {
		return -ENOMEM;
	}
	int r = bpf_map_lookup_elem(dp->fd[map], &key, values);

	if (r == 0) {
		sum_cpus(dp, values, size / sizeof(*values), ret_value);
	}
	return r;
}

#define VERDICT_ROWS ((size_t)NATGW_VERDICT_ROWS)
#define COUNT_WORDS (sizeof(struct natgw_count) / sizeof(uint64_t))

static int read_verdicts_singly(const struct datapath *dp, struct natgw_count *counts)
{
	_cleanup_free_ uint64_t *values = calloc(dp->cpus * COUNT_WORDS, sizeof(*values));
	int r = values ? 0 : -ENOMEM;

	for (uint32_t key = 0; r == 0 && key < NATGW_VERDICT_ROWS; key++) {
		r = bpf_map_lookup_elem(dp->fd[DATAPATH_VERDICTS], &key, values);
		if (r == 0) {
			sum_cpus(dp, values, COUNT_WORDS, (uint64_t *)&counts[key]);
		}
	}
	return r;
}

struct verdict_batch {
	uint32_t *keys;
	uint64_t *values;
	uint32_t count;
};

static int add_batch(const struct datapath *dp, const struct verdict_batch *batch,
		     struct natgw_count *counts)
{
	for (uint32_t i = 0; i < batch->count; i++) {
		if (batch->keys[i] >= NATGW_VERDICT_ROWS) {
			return -EPROTO;
		}
		sum_cpus(dp, batch->values + (size_t)i * dp->cpus * COUNT_WORDS, COUNT_WORDS,
			 (uint64_t *)&counts[batch->keys[i]]);
	}
	return 0;
}

/* 46,080 rows: one system call for a thousand of them. */
static int read_verdicts_batched(const struct datapath *dp, struct natgw_count *counts)
{
	const size_t rows = 1024;
	_cleanup_free_ uint32_t *keys = calloc(rows, sizeof(*keys));
	_cleanup_free_ uint64_t *values = calloc(rows * dp->cpus * COUNT_WORDS, sizeof(*values));
	struct verdict_batch batch = { .keys = keys, .values = values };
	uint32_t position = 0;
	bool first = true;

	if (!keys || !values) {
		return -ENOMEM;
	}
	for (;;) {
		batch.count = rows;
		int r = bpf_map_lookup_batch(dp->fd[DATAPATH_VERDICTS], first ? NULL : &position,
					     &position, keys, values, &batch.count, NULL);

		if (r < 0 && r != -ENOENT) {
			return r;
		}
		int added = add_batch(dp, &batch, counts);

		if (added < 0 || r == -ENOENT) {
			return added;
		}
		first = false;
	}
}

int datapath_read_verdicts(struct datapath *dp, struct natgw_count *ret_counts)
{
	_cleanup_free_ struct natgw_count *counts = calloc(VERDICT_ROWS, sizeof(*counts));

	if (!counts) {
		return -ENOMEM;
	}
	int r = read_verdicts_batched(dp, counts);

	/* Kernels before 5.13 have no batch for per-CPU arrays. */
	if (r == -ENOTSUP || r == -EINVAL) {
		r = read_verdicts_singly(dp, counts);
	}
	if (r == 0) {
		memcpy(ret_counts, counts, VERDICT_ROWS * sizeof(*counts));
	}
	return r;
}

int datapath_read_seen(struct datapath *dp, enum natgw_hook hook, struct natgw_count *ret_count)
{
	return datapath_read_summed(dp, DATAPATH_SEEN, hook, ret_count, sizeof(*ret_count));
}

int datapath_read_traffic(struct datapath *dp, uint32_t gateway, struct natgw_traffic *ret_traffic)
{
	return datapath_read_summed(dp, DATAPATH_TRAFFIC, gateway, ret_traffic,
				    sizeof(*ret_traffic));
}

int datapath_read_generated(struct datapath *dp, uint64_t ret_packets[NATGW_GENERATED_COUNT])
{
	uint64_t packets[NATGW_GENERATED_COUNT];

	for (uint32_t kind = 0; kind < NATGW_GENERATED_COUNT; kind++) {
		int r = datapath_read_summed(dp, DATAPATH_GENERATED, kind, &packets[kind],
					     sizeof(packets[kind]));

		if (r < 0) {
			return r;
		}
	}
	memcpy(ret_packets, packets, sizeof(packets));
	return 0;
}

int datapath_read_gateway_use(struct datapath *dp, uint32_t gateway,
			      struct natgw_gateway_use *ret_use)
{
	return bpf_map_lookup_elem(dp->fd[DATAPATH_GATEWAY_USE], &gateway, ret_use);
}

int datapath_now(struct datapath *dp, uint32_t *ret_ticks)
{
	struct natgw_clock clock = {};
	struct timespec now;
	uint32_t zero = 0;
	int r = bpf_map_lookup_elem(dp->fd[DATAPATH_CLOCK], &zero, &clock);

	if (r < 0) {
		return r;
	}
	clock_gettime(CLOCK_MONOTONIC, &now);
	uint64_t ns = (uint64_t)now.tv_sec * 1000000000 + (uint64_t)now.tv_nsec;

	*ret_ticks = (uint32_t)((ns + (uint64_t)clock.skew_ns) >> NATGW_TICK_SHIFT);
	return 0;
}

int datapath_events_fd(const struct datapath *dp)
{
	return dp->fd[DATAPATH_EVENTS];
}
