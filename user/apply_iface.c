// SPDX-License-Identifier: GPL-2.0-only
/*
 * Rows of managed interfaces, and the one by which hairpinned packets come in again. Not
 * responsible for what is attached to them.
 */
#include "apply_internal.h"

#include <errno.h>
#include <string.h>

/* The first one that carries packets; else the first one. */
uint32_t apply_hairpin_ifindex(const struct natgwd_state *state)
{
	uint32_t first = 0;

	for (unsigned int i = 0; i < state->iface_count; i++) {
		const struct iface_state *iface = &state->ifaces[i];

		if (!(iface->flags & NATGW_IFACE_EXTERNAL) || !iface->ifindex) {
			continue;
		}
		if (iface->up) {
			return iface->ifindex;
		}
		first = first ? first : iface->ifindex;
	}
	return first;
}

int apply_hairpin(struct natgwd_state *state)
{
	struct natgw_settings settings;
	uint32_t ifindex = apply_hairpin_ifindex(state);
	int err = datapath_get_settings(state->dp, &settings);

	if (err || settings.hairpin == ifindex) {
		return err;
	}
	settings.hairpin = ifindex;
	return datapath_set_settings(state->dp, &settings);
}

int apply_iface(struct natgwd_state *state, const struct iface_state *iface, bool redirect)
{
	struct natgw_iface row = { .flags = iface->flags, .redirect = redirect, .mtu = iface->mtu };
	int err;

	memcpy(row.mac, iface->mac, sizeof(row.mac));
	/* The device before the row that allows it, and the other way round. */
	if (redirect) {
		err = datapath_set_device(state->dp, iface->ifindex);
		if (err) {
			return err;
		}
	}
	err = datapath_set_iface(state->dp, iface->ifindex, &row);
	if (!err && !redirect) {
		err = datapath_del_device(state->dp, iface->ifindex);
		err = err == -ENOENT ? 0 : err;
	}
	return err;
}

int apply_iface_gone(struct natgwd_state *state, uint32_t ifindex)
{
	int err = datapath_del_iface(state->dp, ifindex);
	int err_device = datapath_del_device(state->dp, ifindex);

	if (err && err != -ENOENT) {
		return err;
	}
	return err_device == -ENOENT ? 0 : err_device;
}

struct stale_ifaces {
	const struct natgwd_state *state;
	uint32_t ifindex[NATGW_IFACES_MAX];
	unsigned int count;
};

static int find_stale(uint32_t ifindex, const struct natgw_iface *row, void *arg)
{
	struct stale_ifaces *stale = arg;

	(void)row;
	for (unsigned int i = 0; i < stale->state->iface_count; i++) {
		if (stale->state->ifaces[i].ifindex == ifindex) {
			return 0;
		}
	}
	if (stale->count < NATGW_IFACES_MAX) {
		stale->ifindex[stale->count++] = ifindex;
	}
	return 0;
}

int apply_drop_ifaces(struct natgwd_state *state)
{
	struct stale_ifaces stale = { .state = state };
	int err = datapath_each_iface(state->dp, find_stale, &stale);

	while (!err && stale.count) {
		err = apply_iface_gone(state, stale.ifindex[--stale.count]);
	}
	return err;
}
