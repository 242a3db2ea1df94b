// SPDX-License-Identifier: GPL-2.0-only
/*
 * One pass of the sweep: what is cleared before it, what is turned after it, and the numbers of the
 * last complete pass. What expires is decided by the iterators, in the kernel.
 *
 * "port_use" and "destination_use" have two copies. The programs read the current one and note new
 * sessions in both; a pass makes the other one anew from the sessions it meets, and then it becomes
 * the current one. So a port that is free again is known as free, and none in use is missing.
 */
#include "datapath.h"

#include <errno.h>
#include <string.h>

#include <bpf/bpf.h>

#include "cleanup.h"
#include "datapath_internal.h"

static int get_phase(const struct datapath *dp, uint32_t *ret_phase)
{
	uint32_t zero = 0;
	uint32_t phase = 0;
	int r = bpf_map_lookup_elem(dp->fd[DATAPATH_PHASE], &zero, &phase);

	if (r == 0) {
		*ret_phase = phase & 1;
	}
	return r;
}

static int set_phase(struct datapath *dp, uint32_t phase)
{
	uint32_t zero = 0;

	return bpf_map_update_elem(dp->fd[DATAPATH_PHASE], &zero, &phase, BPF_ANY);
}

static uint32_t eip_rows(const struct datapath *dp)
{
	return dp->eip_end * NATGW_PROTO_COUNT;
}

static struct natgw_port_bits *ports_of(const struct datapath *dp, uint32_t phase)
{
	return &dp->port_use[natgw_port_use_index(phase, 0, 0)];
}

/* The words before their summary: a program that fills a word meanwhile sets the bit first and the
 * summary last, and then nothing stays full that is not. */
static void clear_ports(struct natgw_port_bits *bits)
{
	memset(bits->word, 0, sizeof(bits->word));
	__atomic_thread_fence(__ATOMIC_SEQ_CST);
	memset(bits->summary, 0, sizeof(bits->summary));
}

/* The copies of this phase, and what every pass counts from zero. */
static int clear_pass(struct datapath *dp, uint32_t phase)
{
	static const struct natgw_active no_active;
	static const struct natgw_sweep no_sweep;
	uint32_t zero = 0;

	for (uint32_t gateway = 0; gateway < NATGW_GATEWAYS_MAX; gateway++) {
		int r = bpf_map_update_elem(dp->fd[DATAPATH_ACTIVE], &gateway, &no_active, BPF_ANY);

		if (r < 0) {
			return r;
		}
	}
	for (uint32_t row = 0; row < eip_rows(dp); row++)
		clear_ports(&ports_of(dp, phase)[row]);
	memset(&dp->destination_use[phase], 0, sizeof(dp->destination_use[phase]));
	memset(dp->hold, 0, eip_rows(dp) * sizeof(*dp->hold));
	return bpf_map_update_elem(dp->fd[DATAPATH_SWEEP_STATS], &zero, &no_sweep, BPF_ANY);
}

int datapath_iterator_run(const struct datapath *dp, const char *name)
{
	_cleanup_close_ int fd = -1;
	uint8_t nothing[4096];
	size_t n = 1;
	int r = datapath_iterator_open(dp, name, &fd);

	while (r == 0 && n > 0) {
		r = datapath_iterator_read(fd, nothing, sizeof(nothing), &n);
		if (r == 0 && dp->on_pause) {
			dp->on_pause(dp->on_pause_arg);
		}
	}
	return r;
}

static uint32_t count_ports(const struct natgw_port_bits *bits)
{
	int count = 0;

	for (size_t i = 0; i < sizeof(bits->word) / sizeof(bits->word[0]); i++)
		count += __builtin_popcountll(bits->word[i]);
	return (uint32_t)count;
}

static int keep_pass(struct datapath *dp, uint32_t phase, struct natgw_sweep *ret_sweep)
{
	struct natgw_active active[NATGW_GATEWAYS_MAX];
	uint32_t zero = 0;

	for (uint32_t gateway = 0; gateway < NATGW_GATEWAYS_MAX; gateway++) {
		int r = bpf_map_lookup_elem(dp->fd[DATAPATH_ACTIVE], &gateway, &active[gateway]);

		if (r < 0) {
			return r;
		}
	}
	int r = bpf_map_lookup_elem(dp->fd[DATAPATH_SWEEP_STATS], &zero, ret_sweep);

	if (r < 0) {
		return r;
	}
	memcpy(dp->active, active, sizeof(dp->active));
	memcpy(dp->held, dp->hold, eip_rows(dp) * sizeof(*dp->hold));
	for (uint32_t row = 0; row < eip_rows(dp); row++)
		dp->ports[row] = count_ports(&ports_of(dp, phase)[row]);
	return 0;
}

int datapath_sweep(struct datapath *dp, struct natgw_sweep *ret_sweep)
{
	uint32_t phase = 0;
	int r = get_phase(dp, &phase);

	if (r < 0) {
		return r;
	}
	/* What the pass remembers of addresses is good for one generation. */
	datapath_commit(dp);
	phase ^= 1;
	r = clear_pass(dp, phase);
	if (r == 0) {
		r = datapath_iterator_run(dp, "sweep");
	}
	if (r == 0) {
		r = set_phase(dp, phase);
	}
	if (r == 0) {
		r = datapath_iterator_run(dp, "sweep_dst");
	}
	if (r == 0) {
		r = datapath_iterator_run(dp, "sweep_cli");
	}
	if (r == 0) {
		r = datapath_iterator_run(dp, "sweep_frg");
	}
	return r < 0 ? r : keep_pass(dp, phase, ret_sweep);
}

void datapath_on_pause(struct datapath *dp, void (*fn)(void *arg), void *arg)
{
	dp->on_pause = fn;
	dp->on_pause_arg = arg;
}

int datapath_read_active(struct datapath *dp, uint32_t gateway, struct natgw_active *ret_active)
{
	if (gateway >= NATGW_GATEWAYS_MAX) {
		return -EINVAL;
	}
	*ret_active = dp->active[gateway];
	return 0;
}

static int eip_row(uint32_t eip, enum natgw_proto proto, uint32_t *ret_row)
{
	if (eip >= NATGW_EIPS_MAX || (unsigned int)proto >= NATGW_PROTO_COUNT) {
		return -EINVAL;
	}
	*ret_row = eip * NATGW_PROTO_COUNT + proto;
	return 0;
}

int datapath_ports_in_use(struct datapath *dp, uint32_t eip, enum natgw_proto proto,
			  uint32_t *ret_count)
{
	uint32_t row;
	int r = eip_row(eip, proto, &row);

	if (r == 0) {
		*ret_count = dp->ports[row];
	}
	return r;
}

int datapath_ports_held(struct datapath *dp, uint32_t eip, enum natgw_proto proto,
			struct natgw_hold_count *ret_held)
{
	uint32_t row;
	int r = eip_row(eip, proto, &row);

	if (r == 0) {
		*ret_held = dp->held[row];
	}
	return r;
}
