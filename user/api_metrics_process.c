// SPDX-License-Identifier: GPL-2.0-only
/*
 * Families of natgwd itself and of the programs that it has loaded. Not responsible for adding a
 * program's cost up over its generations (keep.c).
 */
#include "api_metrics_process.h"

#include "keep.h"
#include "loader.h"
#include "metrics_internal.h"

#define NS_PER_S 1e9

struct cost_family {
	const char *name;
	const char *help;
};

static void write_cost(const struct natgwd_state *state, const struct cost_family *family,
		       bool as_time, FILE *stream)
{
	metrics_head(stream, family->name, "counter", family->help);
	for (int i = 0; i < LOADER_PROGRAM_COUNT; i++) {
		const char *program = loader_program_name((enum loader_program)i);
		const struct metrics_label *labels = METRICS_LABELS({ "prog", program });
		struct keep_cost cost;

		if (keep_program_cost(state->keep, program, &cost) < 0) {
			continue;
		}
		if (as_time) {
			metrics_sample_ratio(stream, family->name, labels,
					     (double)cost.time_ns / NS_PER_S);
		} else {
			metrics_sample(stream, family->name, labels, cost.runs);
		}
	}
}

void api_metrics_process(const struct natgwd_state *state, FILE *stream)
{
	static const struct cost_family time = {
		"natgw_bpf_program_run_seconds_total",
		"Time that a program has run on all CPUs; counted only while "
		"kernel.bpf_stats_enabled is 1.",
	};
	static const struct cost_family runs = {
		"natgw_bpf_program_runs_total",
		"Runs of a program; counted only while kernel.bpf_stats_enabled is 1.",
	};

	write_cost(state, &time, true, stream);
	write_cost(state, &runs, false, stream);
	metrics_single(stream, "process_start_time_seconds", "gauge",
		       "When natgwd started, in seconds since the epoch.",
		       (uint64_t)state->started);
}
