// SPDX-License-Identifier: GPL-2.0-only
/*
 * The audit from end to end: look, and while something is wrong look again, keep what is wrong
 * every time. A session in the making, a count that is a moment behind and a row that was read on
 * either side of a change are gone at the next look; what stays is a finding.
 */
#include "audit.h"

#include <bpf/libbpf.h>
#include <errno.h>
#include <time.h>

#include "audit_internal.h"

#define LOOKS 3
#define PAUSE_NS 100000000L

static int look_at_all(struct audit_look *look)
{
	static int (*const ways[])(struct audit_look *) = {
		audit_pairs, audit_bounds, audit_sums, audit_destinations, audit_port_use,
	};
	/* The packets first: it takes little time, and they are counted without a pause. */
	int err = audit_packets(look);

	if (!err) {
		err = audit_look_read(look);
	}
	for (size_t i = 0; !err && i < sizeof(ways) / sizeof(ways[0]); i++) {
		err = ways[i](look);
	}
	return err;
}

/* Looks once; of what it finds, keeps in found what was there before, unless it is the first. */
static int look_again(const struct audit_maps *maps, const struct audit_options *options,
		      bool first, struct audit_findings *found, uint64_t *ret_sessions)
{
	struct audit_look look = { .maps = maps, .options = *options };
	int cpus = libbpf_num_possible_cpus();
	int err = cpus < 0 ? cpus : 0;

	if (!err) {
		look.cpus = (unsigned int)cpus;
		err = look_at_all(&look);
	}
	if (!err) {
		if (!first) {
			audit_findings_keep(&look.found, found);
		}
		audit_findings_free(found);
		*found = look.found;
		look.found = (struct audit_findings){ 0 };
		*ret_sessions = look.inbound.count;
	}
	audit_look_free(&look);
	return err;
}

int audit_run(const struct audit_maps *maps, const struct audit_options *options,
	      audit_report *report, void *arg, struct audit_result *ret_result)
{
	const struct timespec pause = { .tv_nsec = PAUSE_NS };
	struct audit_findings found = { 0 };
	struct audit_result result = { 0 };
	int err = look_again(maps, options, true, &found, &result.sessions);

	for (int i = 1; !err && found.count && i < LOOKS && !options->at_rest; i++) {
		(void)nanosleep(&pause, NULL);
		err = look_again(maps, options, false, &found, &result.sessions);
	}
	audit_findings_sort(&found);
	for (size_t i = 0; !err && i < found.count; i++) {
		char text[AUDIT_TEXT_MAX];

		audit_text(&found.list[i], text);
		report(audit_text_rule(&found.list[i]), text, arg);
	}
	result.findings = found.count;
	audit_findings_free(&found);
	if (!err) {
		*ret_result = result;
	}
	return err;
}
