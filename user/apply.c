// SPDX-License-Identifier: GPL-2.0-only
/*
 * The order in which a config goes into the maps. Responsible for: settings, interface rows, and
 * that no packet is lost on the way from one config to the next. Not for reading the config
 * (config) nor for how rows are stored (datapath).
 */
#include "apply.h"

#include <arpa/inet.h>
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "apply_internal.h"
#include "cleanup.h"
#include "log.h"

/*
 * What comes to an EIP and belongs to no session is dropped: the host would be cut off from its own
 * address.
 */
static int check_gateway(const struct config *config, const struct config_gateway *gateway,
			 const struct netdev *netdev)
{
	char text[INET_ADDRSTRLEN];

	for (size_t i = 0; i < gateway->eip_count; i++) {
		struct in_addr addr = { .s_addr = gateway->eips[i] };

		if (netdev_holds(netdev, addr.s_addr, NULL)) {
			log_error(
				"%s:%u:%u: EIP %s of gateway \"%s\" is an address of this host; take it off the interface (natgw answers for it) or name another one",
				config->file, gateway->place.line, gateway->place.column,
				inet_ntop(AF_INET, &addr, text, sizeof(text)), gateway->name);
			return -EADDRINUSE;
		}
	}
	return 0;
}

int apply_check(const struct config *config, const struct netdev *netdev)
{
	for (size_t i = 0; i < config->gateway_count; i++) {
		int err = check_gateway(config, &config->gateways[i], netdev);

		if (err) {
			return err;
		}
	}
	return 0;
}

/* Behind the last gateway that has or had a row: those that were deleted may have sessions. */
static uint32_t gateway_end(const struct apply_pass *pass)
{
	uint32_t end = 1;

	for (uint32_t i = 1; i < NATGW_GATEWAYS_MAX; i++) {
		if (pass->gateways[i].state != NATGW_GATEWAY_NONE) {
			end = i + 1;
		}
	}
	for (size_t i = 0; i < pass->config->gateway_count; i++) {
		if (pass->gateway_index[i] >= end) {
			end = pass->gateway_index[i] + 1;
		}
	}
	return end;
}

int apply_settings(const struct apply_pass *pass, uint32_t rule_count)
{
	struct natgw_settings settings = {
		.gateway_end = (__u16)gateway_end(pass),
		.mark = pass->config->mark,
		.fail_open = pass->config->fail_open,
		.reply_ping = pass->config->reply_ping,
		.rule_count = (__u16)rule_count,
	};

	return datapath_set_settings(pass->dp, &settings);
}

int apply_count(struct apply_pass *pass)
{
	int err = pass->counted ? 0 : datapath_sweep(pass->dp, &pass->state->last_sweep);

	pass->counted = !err;
	return err;
}

/* The rows of "addresses" that config asks for; the caller frees them. */
struct address_plan {
	struct apply_address *rows;
	size_t count;
};

/*
 * All indices are taken, and one of an EIP that goes will do: it takes no new sessions from here
 * on, is released, and then the plan is made anew.
 */
static int make_room(struct apply_pass *pass, struct address_plan *plan)
{
	int err = apply_gateway_shrink(pass);

	if (!err) {
		err = apply_address_drop(pass, plan->rows, plan->count);
	}
	if (!err) {
		/* A session that is being made on one of them is counted, too. */
		datapath_settle();
		pass->counted = false;
		err = apply_count(pass);
	}
	if (!err) {
		err = apply_address_release(pass->dp, true);
	}
	if (err) {
		return err;
	}
	free(TAKE_PTR(plan->rows));
	err = apply_address_wanted(pass, &plan->rows, &plan->count);
	/* A session has begun in between. */
	return !err && pass->reclaims ? -EBUSY : err;
}

static int put_gateways(struct apply_pass *pass, const struct address_plan *plan)
{
	int err = apply_gateway_rows(pass);

	if (!err) {
		err = apply_address_put(pass, plan->rows, plan->count);
	}
	if (!err) {
		err = apply_gateway_pools(pass, plan->rows, plan->count);
	}
	return err ? err : apply_address_drop(pass, plan->rows, plan->count);
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

static int start_pass(struct apply_pass *pass, struct natgwd_state *state,
		      const struct config *config, const struct netdev *netdev)
{
	memset(pass, 0, sizeof(*pass));
	pass->state = state;
	pass->dp = state->dp;
	pass->config = config;
	pass->netdev = netdev;
	return datapath_now(pass->dp, &pass->now);
}

static int put_all(struct apply_pass *pass, struct address_plan *plan, bool serving)
{
	int err = pass->reclaims ? make_room(pass, plan) : 0;

	/* A rule names gateways by index: before the gateways, lest an old rule meets a new gateway
	 * at the index of its own. */
	if (!err) {
		err = apply_rule_put(pass);
	}
	if (!err) {
		err = put_gateways(pass, plan);
	}
	if (err) {
		return err;
	}
	name_gateways(pass);
	if (serving) {
		err = apply_activate(pass->state);
	}
	/* Routes lead to gateways that are ready, and away from those that go. */
	if (!err) {
		err = apply_route_tables(pass);
	}
	return err ? err : apply_gateway_retire(pass);
}

int apply_config(struct natgwd_state *state, const struct config *config,
		 const struct netdev *netdev, bool serving)
{
	struct address_plan plan = { .rows = NULL };
	struct apply_pass pass;
	int err = start_pass(&pass, state, config, netdev);

	/* What may not fit comes before the first write. */
	if (!err) {
		err = apply_gateway_assign(&pass);
	}
	if (!err) {
		err = apply_address_wanted(&pass, &plan.rows, &plan.count);
	}
	if (!err) {
		err = put_all(&pass, &plan, serving);
	}
	free(plan.rows);
	return err;
}

int apply_activate(struct natgwd_state *state)
{
	for (uint32_t i = 1; i < NATGW_GATEWAYS_MAX; i++) {
		struct natgw_gateway row;
		int err;

		if (state->gateways[i].state != NATGW_GATEWAY_PENDING) {
			continue;
		}
		err = datapath_get_gateway(state->dp, i, &row);
		if (!err) {
			row.state = NATGW_GATEWAY_AVAILABLE;
			err = datapath_set_gateway(state->dp, i, &row);
		}
		if (err) {
			return err;
		}
		state->gateways[i].state = NATGW_GATEWAY_AVAILABLE;
	}
	return 0;
}

int apply_release(struct natgwd_state *state)
{
	return apply_address_release(state->dp, false);
}

int apply_addresses(struct natgwd_state *state, const struct netdev *netdev)
{
	_cleanup_free_ struct apply_address *rows = NULL;
	struct apply_pass pass;
	size_t count = 0;
	int err = start_pass(&pass, state, state->config, netdev);

	if (!err) {
		err = apply_gateway_assign(&pass);
	}
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
	int err = start_pass(&pass, state, state->config, NULL);

	if (!err) {
		err = apply_gateway_assign(&pass);
	}
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
