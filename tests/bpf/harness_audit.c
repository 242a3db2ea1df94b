// SPDX-License-Identifier: GPL-2.0-only
/* The audit of natgwctl over the maps of the bench, which are not pinned. */
#include "harness_internal.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <bpf/libbpf.h>
#include <cmocka.h>

#include "audit.h"
#include "natgw.skel.h"

static void print_finding(enum audit_rule rule, const char *text, void *arg)
{
	(void)arg;
	print_error("I%d: %s\n", (int)rule, text);
}

void bench_audit(const struct bench *bench)
{
	const struct audit_options options = {
		.without = bench->not_audited,
		.at_rest = true,
		/* bench_reset removes sessions and leaves the counters as they are. */
		.no_history = true,
	};
	struct audit_result result;
	struct audit_maps maps;

	for (int map = 0; map < AUDIT_MAP_COUNT; map++) {
		maps.fd[map] = bpf_object__find_map_fd_by_name(bench->skel->obj,
							       audit_map_name((enum audit_map)map));
		if (maps.fd[map] < 0) {
			harness_die(audit_map_name((enum audit_map)map), maps.fd[map]);
		}
	}
	int error = audit_run(&maps, &options, print_finding, NULL, &result);

	if (error) {
		harness_die("audit", error);
	}
	if (result.findings) {
		fail_msg("the audit has found something");
	}
}
