// SPDX-License-Identifier: GPL-2.0-only
/* One frame, one verdict. */
#include "fate.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdint.h>
#include <stdlib.h>

#include <bpf/bpf.h>
#include <cmocka.h>

#define CPUS_MAX 1024

__u64 fate_counted(__u32 verdict)
{
	static struct natgw_count counts[CPUS_MAX];
	bool xdp = walk.hooks->internal == BENCH_XDP_INT;
	__u32 hook = xdp ? NATGW_HOOK_XDP : NATGW_HOOK_TC_INGRESS;
	__u64 sum = 0;

	assert_true(walk.bench->cpus <= CPUS_MAX);
	for (__u32 i = 0; i < 2 * NATGW_DIRECTION_COUNT; i++) {
		__u32 index = natgw_verdict_index(i / NATGW_DIRECTION_COUNT, hook,
						  i % NATGW_DIRECTION_COUNT, verdict);

		assert_int_equal(bpf_map_lookup_elem(walk.bench->verdicts, &index, counts), 0);
		for (int cpu = 0; cpu < walk.bench->cpus; cpu++) {
			sum += counts[cpu].packets;
		}
	}
	return sum;
}

void fate_require(const struct frame *frame, enum bench_prog prog, __u32 verdict, const char *what,
		  unsigned int number)
{
	struct bench_run run = { .prog = prog };
	__u64 before = fate_counted(verdict);

	bench_run(walk.bench, frame, &run);
	walk.out = run.out;
	if (fate_counted(verdict) != before + 1) {
		fail_msg("%s %u: not %s", what, number, verdict_name(verdict));
	}
	if (verdict != NATGW_TRANSLATED && run.retval == walk.hooks->forwarded) {
		fail_msg("%s %u: sent on", what, number);
	}
}

void fate_require_dropped(const struct frame *frame, enum bench_prog prog, const char *what,
			  unsigned int number)
{
	struct bench_run run = { .prog = prog };

	bench_run(walk.bench, frame, &run);
	if (run.retval == walk.hooks->forwarded) {
		fail_msg("%s %u: sent on", what, number);
	}
}

size_t fate_option(const __u8 *list, size_t at, size_t len)
{
	size_t length;

	if (list[at] <= 1) {
		return 1;
	}
	length = at + 1 < len ? list[at + 1] : 0;
	return length >= 2 && at + length <= len ? length : 0;
}

unsigned int fate_below(unsigned int *seed, unsigned int bound)
{
	return ((unsigned int)rand_r(seed) >> 3) % bound;
}

void fate_flip(struct frame *frame, size_t offset, unsigned int bit)
{
	frame->data[offset] ^= (__u8)(1U << bit);
}
