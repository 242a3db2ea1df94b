// SPDX-License-Identifier: GPL-2.0-only
/* Runs the rows of a path table. */
#include "path_internal.h"
#include "warm.h"

#include <arpa/inet.h>
#include <bpf/bpf.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

static struct bench *bench;
static struct path_judged judged;
static unsigned int shorts; /* runs of the row that went the short way */

static void read_state(const struct path_case *row, struct path_state *ret_state)
{
	bool all = row->setup || row->before || row->in.frag & (FRAG_MF | FRAG_OFFSET);
	__u32 zero = 0;
	struct natgw_generation generation = {};

	table_read(bench->outbound, &ret_state->outbound);
	table_read(bench->inbound, &ret_state->inbound);
	counters_read(bench, &ret_state->counters);
	path_maps_read(bench, all, &ret_state->maps);
	bpf_map_lookup_elem(bench->generation, &zero, &generation);
	ret_state->generation = generation.nexthop;
}

/* ---- runs ---- */

/* A bench without what the row before has left there. */
static void start_anew(const struct path_case *row, enum bench_prog prog)
{
	if (prog == BENCH_CHECK) {
		/* No next hop may be left: the dry run must not write one. */
		bench_reset(bench);
	} else {
		bench_restart(bench);
	}
	if (row->setup) {
		row->setup(bench);
	}
	if (row->state) {
		struct pair pair = path_standing_pair(row);

		pair_add(bench, &pair);
	}
}

static __u32 ingress_of(enum at at)
{
	if (at == AT_INT || at == AT_EGRESS || at == AT_GUARD) {
		return bench->int_ifindex;
	}
	return at == AT_EXT ? bench->ext_ifindex : 0;
}

static enum bench_prog prog_of(enum at at, bool xdp)
{
	switch (at) {
	case AT_INT:
		return xdp ? BENCH_XDP_INT : BENCH_TC_INT;
	case AT_EXT:
		return xdp ? BENCH_XDP_EXT : BENCH_TC_EXT;
	case AT_EGRESS:
	case AT_EGRESS_HOST:
		return BENCH_TC_EGR;
	default:
		return BENCH_GUARD;
	}
}

__u16 path_port_of(const struct frame *frame, const struct spec *in)
{
	return frame_get16(frame, frame_l4(frame) + (in->proto == PROTO_ICMP ? 4 : 0));
}

bool path_has_new_id(const struct path_case *row, const struct spec *in)
{
	return row->direction == NATGW_OUTBOUND && in->frag & (FRAG_MF | FRAG_OFFSET);
}

/* One run of a packet before the row's own; its verdict is looked at. */
static void run_before(struct path_judged *j, const struct path_step *step, enum bench_prog prog,
		       __u32 want)
{
	struct counters before, after, diff;
	__u64 counted = 0;

	memset(&j->run, 0, sizeof(j->run));
	j->run.prog = prog;
	j->run.ingress = ingress_of(step->at);
	counters_read(bench, &before);
	bench_run(bench, &j->in, &j->run);
	counters_read(bench, &after);
	counters_diff(&before, &after, &diff);
	for (__u32 i = want; i < COUNTED_ROWS; i += NATGW_VERDICT_SLOTS) {
		counted += diff.verdicts[i].packets;
	}
	require(j, counted == 1, "packet %zu before: not %s", (size_t)(step - j->row->before) + 1,
		verdict_name(want));
}

/* What a packet before the row's own was given; what XDP hands up goes through tc as well. */
static void run_step(struct path_judged *j, const struct path_step *step)
{
	struct path_packet packet = {};
	__u32 xdp = step->xdp ? step->xdp : step->verdict;

	path_in(&step->in, step->at, &j->learnt, &packet);
	frame_build(&packet.spec, &j->in);
	if (j->warm) {
		warm_sessions(bench);
	}
	if (j->xdp && step->at <= AT_EXT) {
		run_before(j, step, prog_of(step->at, true), xdp);
	}
	if (!j->xdp || step->at > AT_EXT || verdict_class_of(xdp) == NATGW_CLASS_DEFERRED) {
		run_before(j, step, prog_of(step->at, false), step->verdict);
	}
	if (step->verdict != NATGW_TRANSLATED || step->in.quote || (step->in.frag & FRAG_OFFSET)) {
		return;
	}
	if (step->at == AT_INT || step->at == AT_EGRESS) {
		j->learnt.port = path_port_of(&j->run.out, &packet.spec);
		j->learnt.id = frame_get16(&j->run.out, FRAME_ETH + 4);
		j->learnt.has_id = step->in.frag & FRAG_MF;
	}
}

static void prepare(struct path_judged *j, enum bench_prog prog)
{
	const struct path_case *row = j->row;

	j->bench = bench;
	start_anew(row, prog);
	memset(&j->learnt, 0, sizeof(j->learnt));
	for (const struct path_step *step = row->before; step && step->verdict; step++) {
		run_step(j, step);
	}
	if (row->later) {
		bench_skew(bench, (__s64)row->later * NATGW_TICKS_PER_SECOND);
	}
	memset(&j->in_packet, 0, sizeof(j->in_packet));
	path_in(&row->in, row->at, &j->learnt, &j->in_packet);
	frame_build(&j->in_packet.spec, &j->in);
	memset(&j->run, 0, sizeof(j->run));
	j->run.mark = row->mark;
	j->run.ingress = ingress_of(row->at);
	if (j->warm) {
		warm_sessions(bench);
		warm_mark(bench);
	}
}

static void run_once(struct path_judged *j, enum bench_prog prog)
{
	j->xdp = prog <= BENCH_CHECK;
	prepare(j, prog);
	j->run.prog = prog;
	if (!j->xdp) {
		j->run.gso_segs = j->row->gso_segs;
		j->run.gso_size = j->row->gso_size;
	}
	read_state(j->row, &j->before);
	bench_run(bench, &j->in, &j->run);
	j->was_short = j->warm && warm_was_short(bench);
	read_state(j->row, &j->after);
	counters_diff(&j->before.counters, &j->after.counters, &j->diff);
}

static void judge(struct path_judged *j, enum bench_prog prog, const char *hook)
{
	j->hook = hook;
	run_once(j, prog);
	j->want = j->xdp ? path_xdp_verdict(j->row) : j->row->verdict;
	path_require_counters(j);
	path_require_action(j);
	path_require_output(j);
	path_require_tables(j);
	if (j->warm) {
		path_require_way(j);
		shorts += j->was_short;
	}
}

/* The dry run: the verdict that XDP gives, and no trace of it anywhere. */
static void judge_check(struct path_judged *j)
{
	struct natgw_check_result result = {};
	static const struct counters none;
	__u32 zero = 0;

	j->hook = "check";
	run_once(j, BENCH_CHECK);
	bpf_map_lookup_elem(bench->check_result, &zero, &result);
	j->want = path_check_verdict(j->row);
	require(j, result.verdict == j->want, "verdict %s, want %s", verdict_name(result.verdict),
		verdict_name(j->want));
	require(j, result.direction == j->row->direction && result.gateway == j->row->gateway,
		"direction %u, gateway %u", result.direction, result.gateway);
	require(j, j->run.retval == PATH_XDP_PASS, "XDP action %u", j->run.retval);
	path_require_frame(j, &j->in, "the dry run changed the packet");
	path_require_tables_unchanged(j);
	require(j, !memcmp(&j->diff, &none, sizeof(none)), "the dry run counted");
	require(j, j->before.generation == j->after.generation, "the dry run raised a generation");
	require(j, j->row->before || j->warm || !bench_has_nexthops(bench),
		"the dry run wrote a next hop");
}

static void judge_row(const struct path_case *row, bool warm)
{
	memset(&judged, 0, sizeof(judged));
	judged.row = row;
	judged.warm = warm;
	switch (row->at) {
	case AT_INT:
		if (!row->xdp_only) {
			judge(&judged, BENCH_TC_INT, "tc");
		}
		judge(&judged, BENCH_XDP_INT, "xdp");
		judge_check(&judged);
		break;
	case AT_EXT:
		judge(&judged, BENCH_TC_EXT, "tc");
		if (row->tc_only) {
			break;
		}
		judge(&judged, BENCH_XDP_EXT, "xdp");
		judge_check(&judged);
		break;
	case AT_EGRESS:
	case AT_EGRESS_HOST:
		judge(&judged, BENCH_TC_EGR, "egress");
		break;
	default:
		judge(&judged, BENCH_GUARD, "guard");
		break;
	}
}

void path_test(struct bench *the_bench, const struct path_case *row)
{
	bench = the_bench;
	judge_row(row, false);
}

unsigned int path_test_warm(struct bench *the_bench, const struct path_case *row)
{
	bench = the_bench;
	shorts = 0;
	judge_row(row, true);
	return shorts;
}
