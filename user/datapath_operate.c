// SPDX-License-Identifier: GPL-2.0-only
/*
 * What operators ask of the programs: the dry run, the end of sessions, sessions taken over, the
 * session log and samples of drops. What to ask for, and what the answers mean, is for others.
 */
#include "datapath.h"

#include <errno.h>
#include <limits.h>
#include <linux/if_ether.h>
#include <stdlib.h>
#include <string.h>

#include <bpf/bpf.h>
#include <bpf/libbpf.h>

#include "cleanup.h"
#include "datapath_internal.h"

/* A test run of XDP wants an Ethernet header at the least. */
#define FRAME_MIN 64

struct datapath_operate {
	int check;
	int import;
	struct ring_buffer *log;
	struct ring_buffer *samples;
	int (*log_fn)(const struct natgw_log_record *record, void *arg);
	int (*sample_fn)(const struct natgw_sample *sample, void *arg);
	void *log_arg;
	void *sample_arg;
};

/* ---- opening ---- */

/* -1 where there is no such pin: what is asked for later says so. */
static int open_program(const char *pin_path, const char *name, int *ret_fd)
{
	char path[PATH_MAX];
	int n = snprintf(path, sizeof(path), "%s/%s", pin_path, name);

	if (n < 0 || (size_t)n >= sizeof(path)) {
		return -ENAMETOOLONG;
	}
	int fd = bpf_obj_get(path);

	if (fd < 0 && fd != -ENOENT) {
		return fd;
	}
	*ret_fd = fd < 0 ? -1 : fd;
	return 0;
}

int datapath_operate_open(const char *pin_path, struct datapath_operate **ret_operate)
{
	struct datapath_operate *operate = calloc(1, sizeof(*operate));

	if (!operate) {
		return -ENOMEM;
	}
	operate->check = -1;
	operate->import = -1;
	int r = open_program(pin_path, "natgw_check", &operate->check);

	if (r == 0) {
		r = open_program(pin_path, "natgw_import", &operate->import);
	}
	if (r < 0) {
		datapath_operate_free(operate);
		return r;
	}
	*ret_operate = operate;
	return 0;
}

void datapath_operate_free(struct datapath_operate *operate)
{
	if (!operate) {
		return;
	}
	ring_buffer__free(operate->log);
	ring_buffer__free(operate->samples);
	cleanup_close(&operate->check);
	cleanup_close(&operate->import);
	free(operate);
}

/* ---- programs by request ---- */

/*
 * live: with live frames, so that no packet program interrupts this one and writes to its rows of
 * "packets" and "scratch"; in a plain test run that holds from kernel 6.3 on only.
 */
static int run_program(int fd, const void *frame, uint32_t length, bool live)
{
	LIBBPF_OPTS(bpf_test_run_opts, options, .data_in = frame, .data_size_in = length,
		    .repeat = 1, .flags = live ? BPF_F_TEST_XDP_LIVE_FRAMES : 0,
		    .batch_size = live ? 1 : 0);

	return fd < 0 ? -ENOENT : bpf_prog_test_run_opts(fd, &options);
}

/* Writes the only row of a map, lets "run" do its work and reads the row again. */
static int ask(const struct datapath *dp, enum datapath_map map, void *row, int program,
	       const void *frame, uint32_t length, bool live)
{
	const uint32_t zero = 0;
	int r = bpf_map_update_elem(dp->fd[map], &zero, row, BPF_ANY);

	if (r == 0) {
		r = run_program(program, frame, length, live);
	}
	return r < 0 ? r : bpf_map_lookup_elem(dp->fd[map], &zero, row);
}

int datapath_check(struct datapath *dp, uint32_t ifindex, const void *frame, uint32_t length,
		   struct natgw_check_result *ret_result)
{
	struct natgw_check_result result = { .in_ifindex = ifindex };
	int r = ask(dp, DATAPATH_CHECK_RESULT, &result, dp->operate->check, frame, length, false);

	if (r == 0) {
		*ret_result = result;
	}
	return r;
}

int datapath_import(struct datapath *dp, struct natgw_import *import)
{
	const uint8_t frame[FRAME_MIN] = { 0 };

	return ask(dp, DATAPATH_IMPORT, import, dp->operate->import, frame, sizeof(frame), true);
}

int datapath_kill(struct datapath *dp, struct natgw_kill *kill)
{
	const uint32_t zero = 0;

	kill->matched = 0;
	kill->killed = 0;
	int r = bpf_map_update_elem(dp->fd[DATAPATH_KILL], &zero, kill, BPF_ANY);

	if (r == 0) {
		r = datapath_iterator_run(dp, "kill_run");
	}
	return r < 0 ? r : bpf_map_lookup_elem(dp->fd[DATAPATH_KILL], &zero, kill);
}

/* ---- rings ---- */

int datapath_set_samples(struct datapath *dp, const uint32_t bits[3])
{
	const uint32_t zero = 0;
	struct natgw_settings settings;
	int r = bpf_map_lookup_elem(dp->fd[DATAPATH_SETTINGS], &zero, &settings);

	if (r < 0) {
		return r;
	}
	memcpy(settings.sample, bits, sizeof(settings.sample));
	/* No session's way depends on it: the generation stays. */
	return bpf_map_update_elem(dp->fd[DATAPATH_SETTINGS], &zero, &settings, BPF_ANY);
}

static int on_record(void *arg, void *data, size_t size)
{
	const struct datapath_operate *operate = arg;

	return size < sizeof(struct natgw_log_record) ? 0 : operate->log_fn(data, operate->log_arg);
}

static int on_sample(void *arg, void *data, size_t size)
{
	const struct datapath_operate *operate = arg;

	return size < sizeof(struct natgw_sample) ? 0
						  : operate->sample_fn(data, operate->sample_arg);
}

static int poll_ring(struct ring_buffer **ring, int fd, ring_buffer_sample_fn fn, void *arg)
{
	if (!*ring) {
		*ring = ring_buffer__new(fd, fn, arg, NULL);
	}
	if (!*ring) {
		return -errno;
	}
	int r = ring_buffer__consume(*ring);

	return r < 0 ? r : 0;
}

int datapath_poll_log(struct datapath *dp,
		      int (*fn)(const struct natgw_log_record *record, void *arg), void *arg)
{
	struct datapath_operate *operate = dp->operate;

	operate->log_fn = fn;
	operate->log_arg = arg;
	return poll_ring(&operate->log, dp->fd[DATAPATH_SESSION_LOG], on_record, operate);
}

int datapath_poll_samples(struct datapath *dp,
			  int (*fn)(const struct natgw_sample *sample, void *arg), void *arg)
{
	struct datapath_operate *operate = dp->operate;

	operate->sample_fn = fn;
	operate->sample_arg = arg;
	return poll_ring(&operate->samples, dp->fd[DATAPATH_SAMPLES], on_sample, operate);
}
