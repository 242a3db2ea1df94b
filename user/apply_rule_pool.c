// SPDX-License-Identifier: GPL-2.0-only
/*
 * The EIPs of SNAT rules, as rows of "pool". A rule that is in force leads to its rows, so these
 * never change under it: a new rule gets rows that no rule in force has, or shares those of one
 * with the same EIPs.
 */
#include "apply_internal.h"

#include <errno.h>

/* The gateway's own EIPs may take the rows before. */
#define ROOM_FIRST NATGW_EIPS_PER_GATEWAY_MAX

static bool is_within(const struct natgw_rule *rule)
{
	return rule->gateway < NATGW_GATEWAYS_MAX && rule->pool_first >= ROOM_FIRST &&
	       rule->pool_first + rule->pool_count <= NATGW_POOL_ROWS_PER_GATEWAY;
}

void apply_room_keep(struct apply_room *room, const struct natgw_rule *rule)
{
	if (rule->kind != NATGW_RULE_SNAT || !is_within(rule)) {
		return;
	}
	for (uint32_t i = 0; i < rule->pool_count; i++) {
		room->busy[rule->gateway][rule->pool_first + i] = true;
	}
}

int apply_room_take(struct apply_room *room, struct natgw_rule *rule)
{
	uint32_t unused = 0;

	for (uint32_t i = ROOM_FIRST; i < NATGW_POOL_ROWS_PER_GATEWAY; i++) {
		unused = room->busy[rule->gateway][i] ? 0 : unused + 1;
		if (unused == rule->pool_count) {
			rule->pool_first = (__u16)(i + 1 - unused);
			apply_room_keep(room, rule);
			return 0;
		}
	}
	return -ENOSPC;
}

bool apply_room_is(struct datapath *dp, const struct natgw_rule *rule,
		   const struct natgw_pool_row *rows)
{
	if (!is_within(rule)) {
		return false;
	}
	for (uint32_t i = 0; i < rule->pool_count; i++) {
		struct natgw_pool_row row;

		if (datapath_get_pool(dp, rule->gateway, rule->pool_first + i, &row) ||
		    row.addr != rows[i].addr || row.eip != rows[i].eip) {
			return false;
		}
	}
	return true;
}

int apply_room_put(struct datapath *dp, const struct natgw_rule *rule,
		   const struct natgw_pool_row *rows)
{
	int err = 0;

	for (uint32_t i = 0; !err && i < rule->pool_count; i++) {
		err = datapath_set_pool(dp, rule->gateway, rule->pool_first + i, &rows[i]);
	}
	return err;
}

/* ---- rules in force ---- */

static int note_rule(struct datapath *dp, const struct natgw_rule *rule,
		     bool ret_used[NATGW_EIPS_MAX])
{
	int err = 0;

	if (rule->kind != NATGW_RULE_SNAT || !is_within(rule)) {
		return 0;
	}
	for (uint32_t i = 0; !err && i < rule->pool_count; i++) {
		struct natgw_pool_row row;

		err = datapath_get_pool(dp, rule->gateway, rule->pool_first + i, &row);
		if (!err && row.eip < NATGW_EIPS_MAX) {
			ret_used[row.eip] = true;
		}
	}
	return err;
}

int apply_room_in_force(struct datapath *dp, bool ret_used[NATGW_EIPS_MAX])
{
	struct natgw_settings settings;
	int err = datapath_get_settings(dp, &settings);

	for (uint32_t i = 0; !err && i < settings.rule_count; i++) {
		struct natgw_rule rule;
		uint32_t number = 0;

		err = datapath_get_rule_order(dp, i, &number);
		if (!err) {
			err = datapath_get_rule(dp, number, &rule);
		}
		if (!err) {
			err = note_rule(dp, &rule, ret_used);
		}
	}
	return err;
}
