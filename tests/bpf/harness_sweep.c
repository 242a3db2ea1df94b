// SPDX-License-Identifier: GPL-2.0-only
/* The sweep, as natgwd does it, and the events. */
#include "harness_internal.h"

#include <bpf/bpf.h>
#include <bpf/libbpf.h>
#include <errno.h>
#include <string.h>
#include <unistd.h>

#include "natgw.skel.h"

/* ---- the sweep ---- */

static __u32 read_phase(const struct bench *bench)
{
	__u32 zero = 0, phase = 0;

	if (bpf_map_lookup_elem(bench->phase, &zero, &phase)) {
		harness_die("phase", errno);
	}
	return phase & 1;
}

void bench_clear_sweep(struct bench *bench)
{
	static const struct natgw_sweep no_sweep;
	static const struct natgw_active no_active;
	__u32 copy = read_phase(bench) ^ 1;

	harness_set_row(bench->sweep_stats, 0, &no_sweep);
	for (__u32 gateway = 0; gateway < 4; gateway++) {
		harness_set_row(bench->active, gateway, &no_active);
	}
	memset(&bench->port_use[natgw_port_use_index(copy, 0, 0)], 0,
	       sizeof(struct natgw_port_bits) * bench->eips * NATGW_PROTO_COUNT);
	memset(&bench->destination_use[copy], 0, sizeof(struct natgw_destination_use));
	memset(bench->hold, 0, sizeof(struct natgw_hold_count) * bench->eips * NATGW_PROTO_COUNT);
}

int harness_iterate(int link)
{
	int fd = bpf_iter_create(link);
	char byte;

	if (fd < 0) {
		return fd;
	}
	while (read(fd, &byte, sizeof(byte)) > 0) {
	}
	close(fd);
	return 0;
}

int bench_try_sweep(const struct bench *bench)
{
	return harness_iterate(bench->sweep_link);
}

void bench_end_sweep(struct bench *bench)
{
	__u32 phase = read_phase(bench) ^ 1;

	harness_set_row(bench->phase, 0, &phase);
	if (harness_iterate(bench->sweep_dst_link) || harness_iterate(bench->sweep_cli_link) ||
	    harness_iterate(bench->sweep_frg_link)) {
		harness_die("the end of the sweep", errno);
	}
}

struct natgw_sweep bench_sweep_stats(const struct bench *bench)
{
	struct natgw_sweep stats = {};
	__u32 zero = 0;

	if (bpf_map_lookup_elem(bench->sweep_stats, &zero, &stats)) {
		harness_die("sweep_stats", errno);
	}
	return stats;
}

struct natgw_sweep bench_sweep(struct bench *bench)
{
	bench_clear_sweep(bench);
	if (bench_try_sweep(bench)) {
		harness_die("sweep", errno);
	}
	bench_end_sweep(bench);
	return bench_sweep_stats(bench);
}

/* ---- events ---- */

struct taken {
	struct natgw_event *events;
	__u32 max;
	__u32 count;
};

static int take(void *context, void *data, size_t size)
{
	struct taken *taken = context;

	if (size != sizeof(struct natgw_event)) {
		harness_die("an event of another size", EPROTO);
	}
	if (taken->count < taken->max) {
		memcpy(&taken->events[taken->count], data, size);
	}
	taken->count++;
	return 0;
}

__u32 bench_events(struct bench *bench, struct natgw_event *ret_events, __u32 max)
{
	struct taken taken = { .events = ret_events, .max = max };
	struct ring_buffer *ring =
		ring_buffer__new(bpf_map__fd(bench->skel->maps.events), take, &taken, NULL);

	if (!ring || ring_buffer__consume(ring) < 0) {
		harness_die("events", errno);
	}
	ring_buffer__free(ring);
	return taken.count;
}
