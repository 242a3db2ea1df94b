// SPDX-License-Identifier: GPL-2.0-only
/* What operators ask of the programs, on the bench. */
#include "operate.h"

#include <bpf/bpf.h>
#include <bpf/libbpf.h>
#include <errno.h>
#include <string.h>
#include <unistd.h>

#include "harness_internal.h"
#include "natgw.skel.h"

struct taken {
	__u8 *rows;
	size_t size;
	__u32 max;
	__u32 count;
};

static int take(void *context, void *data, size_t size)
{
	struct taken *taken = context;

	if (size != taken->size) {
		harness_die("a record of another size", EPROTO);
	}
	if (taken->count < taken->max) {
		memcpy(taken->rows + taken->count * taken->size, data, size);
	}
	taken->count++;
	return 0;
}

static __u32 empty(const struct bpf_map *map, struct taken taken)
{
	struct ring_buffer *ring = ring_buffer__new(bpf_map__fd(map), take, &taken, NULL);

	if (!ring || ring_buffer__consume(ring) < 0) {
		harness_die("a ring buffer", errno);
	}
	ring_buffer__free(ring);
	return taken.count;
}

__u32 operate_log(const struct bench *bench, struct natgw_log_record *ret_records, __u32 max)
{
	return empty(bench->skel->maps.session_log,
		     (struct taken){ (__u8 *)ret_records, sizeof(*ret_records), max, 0 });
}

__u32 operate_samples(const struct bench *bench, struct natgw_sample *ret_samples, __u32 max)
{
	return empty(bench->skel->maps.samples,
		     (struct taken){ (__u8 *)ret_samples, sizeof(*ret_samples), max, 0 });
}

void operate_sample(struct bench *bench, __u32 verdict)
{
	struct natgw_settings settings;
	__u32 zero = 0;

	if (bpf_map_lookup_elem(bench->settings, &zero, &settings)) {
		harness_die("settings", errno);
	}
	memset(settings.sample, 0, sizeof(settings.sample));
	if (verdict) {
		settings.sample[verdict / 32] = 1U << verdict % 32;
	}
	harness_set_row(bench->settings, 0, &settings);
}

static void read_row(const struct bpf_map *map, void *ret_row)
{
	__u32 zero = 0;

	if (bpf_map_lookup_elem(bpf_map__fd(map), &zero, ret_row)) {
		harness_die("a row", errno);
	}
}

void operate_kill(const struct bench *bench, struct natgw_kill *kill)
{
	union bpf_iter_link_info info = { .map.map_fd =
						  (__u32)bpf_map__fd(bench->skel->maps.walk) };
	LIBBPF_OPTS(bpf_iter_attach_opts, opts, .link_info = &info, .link_info_len = sizeof(info));
	struct bpf_link *link = bpf_program__attach_iter(bench->skel->progs.natgw_kill, &opts);

	kill->matched = 0;
	kill->killed = 0;
	harness_set_row(bpf_map__fd(bench->skel->maps.kill), 0, kill);
	if (!link || harness_iterate(bpf_link__fd(link))) {
		harness_die("natgw_kill", errno);
	}
	bpf_link__destroy(link);
	read_row(bench->skel->maps.kill, kill);
}

void operate_import(const struct bench *bench, struct natgw_import *import)
{
	const __u8 frame[64] = { 0 };
	LIBBPF_OPTS(bpf_test_run_opts, opts, .data_in = frame, .data_size_in = sizeof(frame),
		    .flags = BPF_F_TEST_XDP_LIVE_FRAMES, .batch_size = 1);

	harness_set_row(bpf_map__fd(bench->skel->maps.import), 0, import);
	if (bpf_prog_test_run_opts(bpf_program__fd(bench->skel->progs.natgw_import), &opts)) {
		harness_die("natgw_import", errno);
	}
	read_row(bench->skel->maps.import, import);
}

struct natgw_check_result operate_check(const struct bench *bench, const struct frame *in,
					__u32 ifindex)
{
	struct natgw_check_result result = { .in_ifindex = ifindex };
	LIBBPF_OPTS(bpf_test_run_opts, opts, .data_in = in->data, .data_size_in = in->len);

	harness_set_row(bench->check_result, 0, &result);
	if (bpf_prog_test_run_opts(bench->prog[BENCH_CHECK], &opts)) {
		harness_die("natgw_check", errno);
	}
	read_row(bench->skel->maps.check_result, &result);
	return result;
}
