// SPDX-License-Identifier: GPL-2.0-only
/* Packets in a row. */
#include "walk.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#define ACTION_XDP_REDIRECT 4
#define ACTION_TC_REDIRECT 7

struct walk_hooks walk_xdp = { "xdp", BENCH_XDP_INT, BENCH_XDP_EXT, ACTION_XDP_REDIRECT };
struct walk_hooks walk_tc = { "tc", BENCH_TC_INT, BENCH_TC_EXT, ACTION_TC_REDIRECT };
struct walk walk;

static __s64 passed;

void walk_again(void)
{
	passed = 0;
	bench_restart(walk.bench);
}

int walk_setup(void **state)
{
	walk.hooks = *state;
	passed = 0;
	bench_reset(walk.bench);
	counters_read(walk.bench, &walk.before);
	return 0;
}

int walk_teardown(void **state)
{
	(void)state;
	bench_audit(walk.bench);
	bench_reset(walk.bench);
	return 0;
}

struct spec walk_outbound(__u8 proto, __u8 flags)
{
	struct spec spec = {
		.src = CLIENT,
		.dst = REMOTE,
		.smac = mac_client,
		.dmac = mac_int,
		.proto = proto,
		.flags = flags,
		.type = TYPE_ECHO,
		.sport = INT_PORT,
		.dport = proto == PROTO_ICMP ? 0 : REM_PORT,
		.payload = 8,
	};

	return spec;
}

struct spec walk_inbound(__u8 proto, __u8 flags, __u16 ext_port)
{
	struct spec spec = {
		.src = REMOTE,
		.dst = EIP,
		.smac = mac_router,
		.dmac = mac_ext,
		.proto = proto,
		.flags = flags,
		.type = TYPE_ECHO_REPLY,
		.sport = proto == PROTO_ICMP ? 0 : REM_PORT,
		.dport = ext_port,
		.payload = 8,
	};

	return spec;
}

static bool run(const struct spec *spec, enum bench_prog prog)
{
	struct bench_run bench = { .prog = prog };
	const char *wrong;

	frame_build(spec, &walk.in);
	bench_run(walk.bench, &walk.in, &bench);
	walk.out = bench.out;
	walk.answered =
		bench.retval == ACTION_TC_REDIRECT && !memcmp(walk.out.data, walk.in.data + 6, 6);
	if (bench.retval != walk.hooks->forwarded) {
		return false;
	}
	wrong = frame_verify(&walk.out);
	if (wrong) {
		fail_msg("%s", wrong);
	}
	return !walk.answered;
}

bool walk_send(const struct spec *spec)
{
	return run(spec, walk.hooks->internal);
}

bool walk_receive(const struct spec *spec)
{
	return run(spec, walk.hooks->external);
}

__u16 walk_port(const struct spec *spec)
{
	if (!walk_send(spec)) {
		return 0;
	}
	return frame_get16(&walk.out, frame_l4(&walk.out) + (spec->proto == PROTO_ICMP ? 4 : 0));
}

static void read_counters(void)
{
	static struct counters now;

	counters_read(walk.bench, &now);
	counters_diff(&walk.before, &now, &walk.diff);
}

__u64 walk_counted(__u32 verdict)
{
	__u64 sum = 0;

	read_counters();
	for (__u32 i = verdict; i < COUNTED_ROWS; i += NATGW_VERDICT_SLOTS) {
		sum += walk.diff.verdicts[i].packets;
	}
	return sum;
}

const struct natgw_traffic *walk_traffic(void)
{
	read_counters();
	return &walk.diff.traffic[1];
}

void walk_pass(__s64 ticks)
{
	passed += ticks;
	bench_skew(walk.bench, passed);
}

void walk_seconds(__s64 seconds)
{
	walk_pass(seconds * NATGW_TICKS_PER_SECOND);
}

void walk_judge(__u32 held)
{
	static struct table outbound, inbound;

	table_read(walk.bench->outbound, &outbound);
	table_read(walk.bench->inbound, &inbound);
	assert_int_equal(tables_broken(&outbound, &inbound), 0);
	assert_int_equal(tables_alone(&outbound, &inbound), held);
}
