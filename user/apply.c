// SPDX-License-Identifier: GPL-2.0-only
/*
 * The order in which a config goes into the maps. Responsible for: settings, and that no packet is
 * lost on the way from one config to the next, nor meets a half of either. Not for reading the
 * config (config) nor for how rows are stored (datapath).
 */
#include "apply.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "apply_internal.h"
#include "cleanup.h"

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

int apply_settings(const struct apply_pass *pass, const uint32_t *order, uint32_t rule_count)
{
	const struct natgw_settings settings = {
		.gateway_end = (__u16)gateway_end(pass),
		.mark = pass->config->mark,
		.fail_open = pass->config->fail_open,
		.reply_ping = pass->config->reply_ping,
		.rule_count = (__u16)rule_count,
		.features = pass->features,
		.hairpin = apply_hairpin_ifindex(pass->state),
	};

	return order ? datapath_set_rules(pass->dp, &settings, order)
		     : datapath_set_settings(pass->dp, &settings);
}

int apply_count(struct apply_pass *pass)
{
	int err = pass->counted ? 0 : datapath_sweep(pass->dp, &pass->state->last_sweep);

	pass->counted = !err;
	return err;
}

/*
 * All indices are taken, and one of an EIP that goes will do: it takes no new sessions from here
 * on, is released, and then the plan is made anew.
 */
static int make_room(struct apply_pass *pass, struct apply_addresses *plan)
{
	int err = apply_pool_shrink(pass);

	if (!err) {
		err = apply_address_drop(pass, plan);
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
	err = apply_address_wanted(pass, plan);
	/* A session has begun in between. */
	return !err && pass->reclaims ? -EBUSY : err;
}

static void name_gateways(struct apply_pass *pass)
{
	for (size_t i = 0; i < pass->config->gateway_count; i++) {
		uint32_t index = pass->gateway_index[i];
		struct gateway_status *status = &pass->state->gateways[index];
		bool again = pass->gateways[index].state == NATGW_GATEWAY_DELETING;

		if (strcmp(status->name, pass->config->gateways[i].name) != 0) {
			status->reason[0] = '\0';
			status->state = NATGW_GATEWAY_NONE;
		}
		snprintf(status->name, sizeof(status->name), "%s", pass->config->gateways[i].name);
		apply_gateway_move(pass->state, index,
				   again ? NATGW_GATEWAY_PENDING : pass->gateways[index].state);
	}
}

static int start_pass(struct apply_pass *pass, struct natgwd_state *state,
		      const struct config *config, const struct netdev *netdev)
{
	struct natgw_settings settings;
	int err;

	memset(pass, 0, sizeof(*pass));
	pass->state = state;
	pass->dp = state->dp;
	pass->config = config;
	pass->netdev = netdev;
	err = datapath_get_settings(pass->dp, &settings);
	if (!err) {
		pass->features = settings.features;
		err = datapath_now(pass->dp, &pass->now);
	}
	if (!err) {
		err = apply_gateway_assign(pass);
	}
	return err ? err : apply_table_assign(pass);
}

/* What new sessions get: addresses before the rules and pools that name them, and these before the
 * addresses that go. */
static int put_translation(struct apply_pass *pass, const struct apply_addresses *plan)
{
	int err = apply_address_put(pass, plan);

	if (!err) {
		err = apply_reserved_put(pass, plan);
	}
	/* A rule names gateways by index: before the gateways, lest an old rule meets a new gateway
	 * at the index of its own. */
	if (!err) {
		err = apply_rule_put(pass, plan);
	}
	if (!err) {
		err = apply_route_own(pass);
	}
	if (!err) {
		err = apply_gateway_rows(pass);
	}
	if (!err) {
		err = apply_pool_put(pass, plan);
	}
	return err ? err : apply_address_drop(pass, plan);
}

/* What lets packets in: after everything that they lead to. */
static int put_entrances(struct apply_pass *pass, const struct apply_addresses *plan)
{
	int err = apply_route_tables(pass);

	if (!err) {
		err = apply_forward_put(pass, plan);
	}
	return err ? err : apply_acl_put(pass);
}

static int put_all(struct apply_pass *pass, struct apply_addresses *plan, bool serving)
{
	const uint16_t wanted = apply_features_wanted(pass);
	/* Both those that go and those that come need their way back. */
	const uint16_t either = (pass->features | wanted) & NATGW_FEATURE_NO_NAT;
	int err = apply_features_set(pass, (pass->features & wanted) | either);

	if (!err && pass->reclaims) {
		err = make_room(pass, plan);
	}
	if (!err) {
		err = put_translation(pass, plan);
	}
	if (err) {
		return err;
	}
	name_gateways(pass);
	if (serving) {
		err = apply_gateway_activate(pass->state, pass->config);
	}
	/* Routes lead to gateways that are ready, and away from those that go. */
	if (!err) {
		err = put_entrances(pass, plan);
	}
	if (!err) {
		err = apply_features_set(pass, wanted);
	}
	if (!err) {
		err = apply_reserved_drop(pass, plan);
	}
	return err ? err : apply_gateway_retire(pass);
}

int apply_config(struct natgwd_state *state, const struct config *config,
		 const struct netdev *netdev, bool serving)
{
	struct apply_addresses plan = { .rows = NULL };
	struct apply_pass pass;
	/* What may not fit comes before the first write. */
	int err = start_pass(&pass, state, config, netdev);

	if (!err) {
		err = apply_address_wanted(&pass, &plan);
	}
	if (!err) {
		err = apply_rule_check(&pass, &plan);
	}
	if (!err) {
		err = put_all(&pass, &plan, serving);
	}
	free(plan.rows);
	return err;
}

int apply_fits(struct natgwd_state *state, const struct config *config, const struct netdev *netdev)
{
	struct apply_addresses plan = { .rows = NULL };
	struct apply_pass pass;
	int err = start_pass(&pass, state, config, netdev);

	if (!err) {
		err = apply_address_wanted(&pass, &plan);
	}
	if (!err) {
		err = apply_rule_check(&pass, &plan);
	}
	free(plan.rows);
	return err;
}

int apply_activate(struct natgwd_state *state)
{
	return apply_gateway_activate(state, state->config);
}

int apply_release(struct natgwd_state *state)
{
	bool any = false;
	int err = apply_address_release(state->dp, false);

	if (!err) {
		err = apply_gateway_finish(state, &any);
	}
	return !err && any ? apply_routes(state) : err;
}

int apply_addresses(struct natgwd_state *state, const struct netdev *netdev)
{
	struct apply_addresses plan = { .rows = NULL };
	struct apply_pass pass;
	int err = start_pass(&pass, state, state->config, netdev);

	if (!err) {
		err = apply_address_wanted(&pass, &plan);
	}
	if (!err) {
		err = apply_address_put(&pass, &plan);
	}
	if (!err) {
		err = apply_address_drop(&pass, &plan);
	}
	free(plan.rows);
	return err;
}

int apply_routes(struct natgwd_state *state)
{
	struct apply_pass pass;
	int err = start_pass(&pass, state, state->config, NULL);

	return err ? err : apply_route_tables(&pass);
}
