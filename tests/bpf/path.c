// SPDX-License-Identifier: GPL-2.0-only
/* Runs the rows of a path table. */
#include "path_internal.h"

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

static void read_state(struct path_state *ret_state)
{
	__u32 zero = 0;
	struct natgw_generation generation = {};

	table_read(bench->outbound, &ret_state->outbound);
	table_read(bench->inbound, &ret_state->inbound);
	counters_read(bench, &ret_state->counters);
	bpf_map_lookup_elem(bench->generation, &zero, &generation);
	ret_state->generation = generation.nexthop;
}

/* ---- runs ---- */

static void prepare(struct path_judged *j, enum bench_prog prog)
{
	const struct path_case *row = j->row;

	j->bench = bench;
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
	j->spec = row->in;
	if (row->at == AT_INT) {
		j->spec.smac = mac_client;
		j->spec.dmac = mac_int;
	} else if (row->at == AT_EXT) {
		j->spec.smac = mac_router;
		j->spec.dmac = mac_ext;
	} else {
		j->spec.smac = mac_ext;
		j->spec.dmac = mac_router;
	}
	if (row->in.dmac) {
		j->spec.dmac = row->in.dmac;
	}
	frame_build(&j->spec, &j->in);
	memset(&j->run, 0, sizeof(j->run));
	j->run.mark = row->mark;
	if (row->at == AT_INT || row->at == AT_EGRESS || row->at == AT_GUARD) {
		j->run.ingress = bench->int_ifindex;
	} else if (row->at == AT_EXT) {
		j->run.ingress = bench->ext_ifindex;
	}
}

static void run_once(struct path_judged *j, enum bench_prog prog)
{
	prepare(j, prog);
	j->run.prog = prog;
	j->xdp = prog <= BENCH_CHECK;
	if (!j->xdp) {
		j->run.gso_segs = j->row->gso_segs;
		j->run.gso_size = j->row->gso_size;
	}
	read_state(&j->before);
	bench_run(bench, &j->in, &j->run);
	read_state(&j->after);
	counters_diff(&j->before.counters, &j->after.counters, &j->diff);
}

static void judge(struct path_judged *j, enum bench_prog prog, const char *hook)
{
	j->hook = hook;
	run_once(j, prog);
	j->want = j->row->verdict;
	if (j->xdp && j->row->xdp) {
		j->want = j->row->xdp;
	} else if (j->xdp && verdict_class_of(j->want) == NATGW_CLASS_PASSED) {
		j->want = NATGW_DEFER_NOT_NAT;
	}
	path_require_counters(j);
	path_require_action(j);
	path_require_output(j);
	path_require_tables(j);
}

static __u32 check_verdict(const struct path_case *row)
{
	if (row->check) {
		return row->check;
	}
	/* What needs an answer goes to tc, but that is not what became of the packet. */
	return row->xdp && row->xdp != NATGW_DEFER_ANSWER ? row->xdp : row->verdict;
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
	j->want = check_verdict(j->row);
	require(j, result.verdict == j->want, "verdict %s, want %s", verdict_name(result.verdict),
		verdict_name(j->want));
	require(j, result.direction == j->row->direction && result.gateway == j->row->gateway,
		"direction %u, gateway %u", result.direction, result.gateway);
	require(j, j->run.retval == PATH_XDP_PASS, "XDP action %u", j->run.retval);
	path_require_frame(j, &j->in, "the dry run changed the packet");
	path_require_tables_unchanged(j);
	require(j, !memcmp(&j->diff, &none, sizeof(none)), "the dry run counted");
	require(j, j->before.generation == j->after.generation, "the dry run raised a generation");
	require(j, !bench_has_nexthops(bench), "the dry run wrote a next hop");
}

static void test_row(void **state)
{
	memset(&judged, 0, sizeof(judged));
	judged.row = *state;
	switch (judged.row->at) {
	case AT_INT:
		if (!judged.row->xdp_only) {
			judge(&judged, BENCH_TC_INT, "tc");
		}
		judge(&judged, BENCH_XDP_INT, "xdp");
		judge_check(&judged);
		break;
	case AT_EXT:
		judge(&judged, BENCH_TC_EXT, "tc");
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

int path_run(const char *group, const struct path_case *cases, size_t count)
{
	struct CMUnitTest *tests = calloc(count, sizeof(*tests));
	int failed;

	if (!tests) {
		return 1;
	}
	for (size_t i = 0; i < count; i++) {
		struct path_case *row = malloc(sizeof(*row));

		if (!row) {
			return 1;
		}
		*row = cases[i];
		tests[i].name = cases[i].name;
		tests[i].test_func = test_row;
		tests[i].initial_state = row;
	}
	bench = bench_open(1024);
	failed = _cmocka_run_group_tests(group, tests, count, NULL, NULL);
	bench_close(bench);
	for (size_t i = 0; i < count; i++) {
		free(tests[i].initial_state);
	}
	free(tests);
	return failed;
}
