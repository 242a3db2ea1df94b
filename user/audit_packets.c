// SPDX-License-Identifier: GPL-2.0-only
/*
 * I6: every packet that a program has seen has one verdict. A packet is seen when a program starts
 * and has its verdict when it ends, so the verdicts, read in between two readings of what was seen,
 * lie between these.
 */
#include "audit_internal.h"

#include <bpf/bpf.h>
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "cleanup.h"

#define ROWS_PER_BATCH 1024U
/* One packet on each CPU may be on its way; 64 kB in segments of 536 bytes at the least. */
#define SEGMENTS_MAX 128ULL
#define BYTES_MAX (2 * 65536ULL)

struct hooks {
	struct natgw_count before[NATGW_HOOK_COUNT];
	struct natgw_count verdicts[NATGW_HOOK_COUNT];
	struct natgw_count after[NATGW_HOOK_COUNT];
};

static void add_cpus(const struct audit_look *look, const struct natgw_count *values,
		     struct natgw_count *sum)
{
	for (unsigned int cpu = 0; cpu < look->cpus; cpu++) {
		sum->packets += values[cpu].packets;
		sum->bytes += values[cpu].bytes;
	}
}

static int read_seen(const struct audit_look *look, struct natgw_count *seen)
{
	_cleanup_free_ struct natgw_count *values = calloc(look->cpus, sizeof(*values));
	int err = values ? 0 : -ENOMEM;

	for (uint32_t hook = 0; !err && hook < NATGW_HOOK_COUNT; hook++) {
		err = bpf_map_lookup_elem(look->maps->fd[AUDIT_MAP_SEEN], &hook, values);
		if (!err) {
			add_cpus(look, values, &seen[hook]);
		}
	}
	return err;
}

/* Row natgw_verdict_index(gateway, hook, direction, verdict) */
static void add_row(const struct audit_look *look, uint32_t row, const struct natgw_count *values,
		    struct natgw_count *sums)
{
	uint32_t verdict = row % NATGW_VERDICT_SLOTS;
	uint32_t hook = row / NATGW_VERDICT_SLOTS / NATGW_DIRECTION_COUNT % NATGW_HOOK_COUNT;

	if (verdict < NATGW_VERDICT_COUNT) {
		add_cpus(look, values, &sums[hook]);
	}
}

static int read_verdicts_singly(const struct audit_look *look, struct natgw_count *sums)
{
	_cleanup_free_ struct natgw_count *values = calloc(look->cpus, sizeof(*values));
	int err = values ? 0 : -ENOMEM;

	for (uint32_t row = 0; !err && row < NATGW_VERDICT_ROWS; row++) {
		err = bpf_map_lookup_elem(look->maps->fd[AUDIT_MAP_VERDICTS], &row, values);
		if (!err) {
			add_row(look, row, values, sums);
		}
	}
	return err;
}

static int read_verdicts_batched(const struct audit_look *look, struct natgw_count *sums)
{
	_cleanup_free_ struct natgw_count *values =
		calloc((size_t)ROWS_PER_BATCH * look->cpus, sizeof(*values));
	_cleanup_free_ uint32_t *rows = calloc(ROWS_PER_BATCH, sizeof(*rows));
	uint32_t cursor = 0;
	bool first = true;
	int err = values && rows ? 0 : -ENOMEM;

	while (!err) {
		uint32_t count = ROWS_PER_BATCH;

		err = bpf_map_lookup_batch(look->maps->fd[AUDIT_MAP_VERDICTS],
					   first ? NULL : &cursor, &cursor, rows, values, &count,
					   NULL);
		if (err && err != -ENOENT) {
			return err;
		}
		for (uint32_t i = 0; i < count; i++)
			add_row(look, rows[i], values + (size_t)i * look->cpus, sums);
		first = false;
	}
	return err == -ENOENT ? 0 : err;
}

static int read_verdicts(const struct audit_look *look, struct natgw_count *sums)
{
	struct natgw_count none[NATGW_HOOK_COUNT] = { 0 };
	int err = read_verdicts_batched(look, sums);

	/* Kernels before 5.13 have no batch for per-CPU arrays. */
	if (err == -ENOTSUP || err == -EINVAL || err == -524) {
		memcpy(sums, none, sizeof(none));
		err = read_verdicts_singly(look, sums);
	}
	return err;
}

static int judge(struct audit_look *look, enum audit_kind kind, uint32_t hook,
		 const uint64_t numbers[4])
{
	uint64_t before = numbers[0], given = numbers[1], after = numbers[2], most = numbers[3];
	struct audit_finding finding = { .kind = kind, .have = before, .want = given };
	uint64_t on_the_way = before == after ? 0 : most * look->cpus;

	if (given <= after && given + on_the_way >= before) {
		return 0;
	}
	memcpy(finding.key, &hook, sizeof(hook));
	return audit_look_found(look, &finding);
}

int audit_packets(struct audit_look *look)
{
	struct hooks hooks = { 0 };
	int err = read_seen(look, hooks.before);

	if (!err) {
		err = read_verdicts(look, hooks.verdicts);
	}
	if (!err) {
		err = read_seen(look, hooks.after);
	}
	for (uint32_t hook = 0; !err && hook < NATGW_HOOK_COUNT; hook++) {
		err = judge(look, AUDIT_KIND_HOOK_PACKETS, hook,
			    (uint64_t[]){ hooks.before[hook].packets, hooks.verdicts[hook].packets,
					  hooks.after[hook].packets, SEGMENTS_MAX });
		if (!err) {
			err = judge(look, AUDIT_KIND_HOOK_BYTES, hook,
				    (uint64_t[]){ hooks.before[hook].bytes,
						  hooks.verdicts[hook].bytes,
						  hooks.after[hook].bytes, BYTES_MAX });
		}
	}
	return err;
}
