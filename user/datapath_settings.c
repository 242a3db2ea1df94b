// SPDX-License-Identifier: GPL-2.0-only
/*
 * The row "settings", and the order of the rules that it puts in force: the order stands in one
 * half of "rule_order" and is made anew in the other one, so that a packet sees the old rules or
 * the new ones. Nobody else knows of the halves.
 */
#include "datapath_internal.h"

#include <bpf/bpf.h>
#include <errno.h>
#include <string.h>
#include <sys/random.h>

static const uint32_t only_row;

/* datapath_commit will know. */
static int set_row(struct datapath *dp, enum datapath_map map, uint32_t number, const void *row)
{
	dp->changed = true;
	return bpf_map_update_elem(dp->fd[map], &number, row, BPF_ANY);
}

/* Fresh maps have none yet. */
static int make_seed(__u32 *ret_seed)
{
	__u32 seed = 0;

	while (seed == 0) {
		if (getrandom(&seed, sizeof(seed), 0) < 0 && errno != EINTR) {
			return -errno;
		}
	}
	*ret_seed = seed;
	return 0;
}

/* As it is in the map. */
static int read_row(const struct datapath *dp, struct natgw_settings *ret_row)
{
	return bpf_map_lookup_elem(dp->fd[DATAPATH_SETTINGS], &only_row, ret_row);
}

/* second: the half of the order. What is not the caller's stays as before. */
static int write_row(struct datapath *dp, const struct natgw_settings *settings,
		     const struct natgw_settings *before, bool second)
{
	struct natgw_settings row = *settings;
	int r = 0;

	row.seed = before->seed;
	memcpy(row.sample, before->sample, sizeof(row.sample));
	row.rule_count = (__u16)(row.rule_count | (second ? NATGW_RULES_SECOND : 0));
	if (row.seed == 0) {
		r = make_seed(&row.seed);
	}
	return r < 0 ? r : set_row(dp, DATAPATH_SETTINGS, only_row, &row);
}

int datapath_set_settings(struct datapath *dp, const struct natgw_settings *settings)
{
	struct natgw_settings before;
	int r = read_row(dp, &before);

	return r < 0 ? r : write_row(dp, settings, &before, before.rule_count & NATGW_RULES_SECOND);
}

int datapath_get_settings(struct datapath *dp, struct natgw_settings *ret_settings)
{
	struct natgw_settings row;
	int r = read_row(dp, &row);

	if (r < 0) {
		return r;
	}
	row.rule_count = (__u16)(row.rule_count & ~NATGW_RULES_SECOND);
	*ret_settings = row;
	return 0;
}

int datapath_set_rules(struct datapath *dp, const struct natgw_settings *settings,
		       const uint32_t *order)
{
	struct natgw_settings before;
	int r = settings->rule_count > NATGW_RULES_HALF ? -EINVAL : read_row(dp, &before);
	bool second = r == 0 && !(before.rule_count & NATGW_RULES_SECOND);

	for (uint32_t i = 0; r == 0 && i < settings->rule_count; i++) {
		uint32_t row = (second ? NATGW_RULES_HALF : 0) + i;

		r = order[i] < NATGW_RULES_MAX ? set_row(dp, DATAPATH_RULE_ORDER, row, &order[i])
					       : -EINVAL;
	}
	return r < 0 ? r : write_row(dp, settings, &before, second);
}

int datapath_get_rule_order(struct datapath *dp, uint32_t position, uint32_t *ret_number)
{
	struct natgw_settings row;
	int r = read_row(dp, &row);

	if (r == 0 && row.rule_count & NATGW_RULES_SECOND) {
		position += NATGW_RULES_HALF;
	}
	return r < 0 ? r : bpf_map_lookup_elem(dp->fd[DATAPATH_RULE_ORDER], &position, ret_number);
}
