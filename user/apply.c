// SPDX-License-Identifier: GPL-2.0-only
/*
 * The order in which a config goes into the maps. Responsible for: settings, interface rows, and
 * that no packet is lost on the way from one config to the next. Not for reading the config
 * (config) nor for how rows are stored (datapath).
 */
#include "apply.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "apply_internal.h"
#include "cleanup.h"
#include "log.h"

static int put_settings(const struct apply_pass *pass)
{
	struct natgw_settings settings = {
		.mark = pass->config->mark,
		.fail_open = pass->config->fail_open,
		.reply_ping = pass->config->reply_ping,
	};

	return datapath_set_settings(pass->dp, &settings);
}

static int put_gateways(struct apply_pass *pass)
{
	_cleanup_free_ struct apply_address *rows = NULL;
	size_t count = 0;
	int err = apply_gateway_rows(pass);

	if (!err) {
		err = apply_address_wanted(pass, &rows, &count);
	}
	if (!err) {
		err = apply_address_put(pass, rows, count);
	}
	if (!err) {
		err = apply_gateway_pools(pass, rows, count);
	}
	return err ? err : apply_address_drop(pass, rows, count);
}

static void name_gateways(struct apply_pass *pass)
{
	struct gateway_status *all = pass->state->gateways;
	bool named[NATGW_GATEWAYS_MAX] = { false };

	for (size_t i = 0; i < pass->config->gateway_count; i++) {
		struct gateway_status *status = &all[pass->gateway_index[i]];

		named[pass->gateway_index[i]] = true;
		if (strcmp(status->name, pass->config->gateways[i].name) != 0) {
			status->reason[0] = '\0';
		}
		snprintf(status->name, sizeof(status->name), "%s", pass->config->gateways[i].name);
		status->state = pass->gateways[pass->gateway_index[i]].state;
	}
	for (uint32_t i = 1; i < NATGW_GATEWAYS_MAX; i++) {
		if (!named[i] && all[i].name[0]) {
			all[i].state = NATGW_GATEWAY_DELETED;
			all[i].reason[0] = '\0';
		}
	}
}

static void start_pass(struct apply_pass *pass, struct natgwd_state *state,
		       const struct config *config, const struct netdev *netdev)
{
	memset(pass, 0, sizeof(*pass));
	pass->state = state;
	pass->dp = state->dp;
	pass->config = config;
	pass->netdev = netdev;
}

int apply_config(struct natgwd_state *state, const struct config *config,
		 const struct netdev *netdev, bool serving)
{
	struct apply_pass pass;
	int err;

	start_pass(&pass, state, config, netdev);
	err = apply_gateway_assign(&pass);
	if (!err) {
		err = put_settings(&pass);
	}
	if (!err) {
		err = put_gateways(&pass);
	}
	if (err) {
		return err;
	}
	name_gateways(&pass);
	if (serving) {
		err = apply_gateway_activate(state);
	}
	/* Routes lead to gateways that are ready, and away from those that go. */
	if (!err) {
		err = apply_route_tables(&pass);
	}
	return err ? err : apply_gateway_retire(&pass);
}

int apply_activate(struct natgwd_state *state)
{
	return apply_gateway_activate(state);
}

int apply_addresses(struct natgwd_state *state, const struct netdev *netdev)
{
	_cleanup_free_ struct apply_address *rows = NULL;
	struct apply_pass pass;
	size_t count = 0;
	int err;

	start_pass(&pass, state, state->config, netdev);
	err = apply_gateway_assign(&pass);
	if (!err) {
		err = apply_address_wanted(&pass, &rows, &count);
	}
	if (!err) {
		err = apply_address_put(&pass, rows, count);
	}
	return err ? err : apply_address_drop(&pass, rows, count);
}

int apply_routes(struct natgwd_state *state)
{
	struct apply_pass pass;
	int err;

	start_pass(&pass, state, state->config, NULL);
	err = apply_gateway_assign(&pass);
	return err ? err : apply_route_tables(&pass);
}

/* ---- interfaces ---- */

int apply_iface(struct natgwd_state *state, const struct iface_state *iface, bool redirect)
{
	struct natgw_iface row = { .flags = iface->flags, .redirect = redirect };
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
