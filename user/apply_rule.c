// SPDX-License-Identifier: GPL-2.0-only
/*
 * Rows of "rules" and "rule_order". A session carries the number of its rule and reads its timers
 * there, so a row is left as it is when its rule goes, for as long as there are others; a rule that
 * stays keeps its number, and one that changes is a new one.
 *
 * A row is complete before the order names it. The order changes in place: row by row from its end
 * when it grows, from its beginning when it shrinks, so that rules which stay are in force at every
 * moment.
 */
#include "apply_internal.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "parse_util.h"

struct plan {
	struct natgw_rule held[NATGW_RULES_MAX]; /* rows as they are */
	bool busy[NATGW_RULES_MAX];		 /* named by the order that is in force, or kept */
	uint32_t last_busy;
	uint32_t old_order[CONFIG_RULE_ROWS_MAX];
	uint32_t old_count;
	struct natgw_rule rows[CONFIG_RULE_ROWS_MAX]; /* as they should be, in order */
	uint32_t order[CONFIG_RULE_ROWS_MAX];	      /* their numbers; 0: none yet */
	uint32_t count;
};

static void keep_busy(struct plan *plan, uint32_t number)
{
	plan->busy[number] = true;
	plan->last_busy = number > plan->last_busy ? number : plan->last_busy;
}

static int read_order(struct datapath *dp, struct plan *plan)
{
	struct natgw_settings settings;
	int err = datapath_get_settings(dp, &settings);

	if (!err && settings.rule_count > CONFIG_RULE_ROWS_MAX) {
		err = -EPROTO;
	}
	for (uint32_t i = 0; !err && i < settings.rule_count; i++) {
		err = datapath_get_rule_order(dp, i, &plan->old_order[i]);
		if (!err && plan->old_order[i] >= NATGW_RULES_MAX) {
			err = -EPROTO;
		}
		if (!err) {
			keep_busy(plan, plan->old_order[i]);
			plan->old_count = i + 1;
		}
	}
	return err;
}

static int read_rows(struct datapath *dp, struct plan *plan)
{
	int err = 0;

	for (uint32_t i = 1; !err && i < NATGW_RULES_MAX; i++) {
		err = datapath_get_rule(dp, i, &plan->held[i]);
	}
	return err;
}

/* ---- what should be ---- */

static void fill_row(const struct config_rule *rule, const struct config_gateway *gateway,
		     uint32_t gateway_index, struct natgw_rule *ret_row)
{
	*ret_row = (struct natgw_rule){
		.src = rule->from.addr,
		.src_mask = parse_util_network(UINT32_MAX, rule->from.len),
		.dst = rule->to.addr,
		.dst_mask = parse_util_network(UINT32_MAX, rule->to.len),
		.port_first = rule->port_first,
		.port_last = rule->port_last,
		.proto = rule->proto,
		.gateway = (__u8)gateway_index,
		.mapping = config_rule_mapping(rule, gateway),
		.used = 1,
	};
	for (unsigned int i = 0; i < NATGW_TIMER_COUNT; i++) {
		ret_row->timeout[i] =
			apply_ticks(config_rule_timeout_s(rule, gateway, (enum natgw_timer)i));
	}
}

/* A rule for every gateway becomes one for each: what it does not say is that gateway's. */
static int add_rule(const struct apply_pass *pass, const struct config_rule *rule,
		    struct plan *plan)
{
	for (size_t i = 0; i < pass->config->gateway_count; i++) {
		const struct config_gateway *gateway = &pass->config->gateways[i];

		if (!config_rule_is_for(rule, gateway)) {
			continue;
		}
		if (plan->count == CONFIG_RULE_ROWS_MAX) {
			return -ENOSPC;
		}
		fill_row(rule, gateway, pass->gateway_index[i], &plan->rows[plan->count++]);
	}
	return 0;
}

/* The row that says the same, if no other rule has it. */
static void keep_number(struct plan *plan, bool *kept, uint32_t position)
{
	for (uint32_t i = 1; i < NATGW_RULES_MAX; i++) {
		if (!kept[i] &&
		    memcmp(&plan->held[i], &plan->rows[position], sizeof(plan->held[i])) == 0) {
			kept[i] = true;
			keep_busy(plan, i);
			plan->order[position] = i;
			return;
		}
	}
}

/* Never used, else not in use: then the sessions that it still has get the new rule's timers. */
static uint32_t find_free(const struct plan *plan)
{
	for (uint32_t i = 1; i < NATGW_RULES_MAX; i++) {
		if (!plan->held[i].used && !plan->busy[i]) {
			return i;
		}
	}
	/* In turn, so that a row which has just gone out of use is not the first. */
	for (uint32_t i = 0; i < NATGW_RULES_MAX; i++) {
		uint32_t number = (plan->last_busy + i) % NATGW_RULES_MAX;

		if (number && !plan->busy[number]) {
			return number;
		}
	}
	return 0;
}

static int make_plan(const struct apply_pass *pass, struct plan *plan)
{
	bool kept[NATGW_RULES_MAX] = { false };
	int err = read_order(pass->dp, plan);

	err = err ? err : read_rows(pass->dp, plan);
	for (size_t i = 0; !err && i < pass->config->rule_count; i++) {
		err = add_rule(pass, &pass->config->rules[i], plan);
	}
	for (uint32_t i = 0; !err && i < plan->count; i++) {
		keep_number(plan, kept, i);
	}
	return err;
}

/* ---- writing ---- */

static int put_rows(struct datapath *dp, struct plan *plan)
{
	for (uint32_t i = 0; i < plan->count; i++) {
		uint32_t number;
		int err;

		if (plan->order[i]) {
			continue;
		}
		number = find_free(plan);
		err = number ? datapath_set_rule(dp, number, &plan->rows[i]) : -ENOSPC;
		if (err) {
			return err;
		}
		plan->held[number] = plan->rows[i];
		keep_busy(plan, number);
		plan->order[i] = number;
	}
	return 0;
}

static int put_position(struct datapath *dp, const struct plan *plan, uint32_t i)
{
	if (i < plan->old_count && plan->old_order[i] == plan->order[i]) {
		return 0;
	}
	return datapath_set_rule_order(dp, i, plan->order[i]);
}

/* What is behind the end of the old order is written before the count that shows it. */
static int put_order(struct apply_pass *pass, const struct plan *plan)
{
	int err = 0;

	if (plan->count <= plan->old_count) {
		for (uint32_t i = 0; !err && i < plan->count; i++) {
			err = put_position(pass->dp, plan, i);
		}
		return err ? err : apply_settings(pass, plan->count);
	}
	for (uint32_t i = plan->count; !err && i > plan->old_count; i--) {
		err = put_position(pass->dp, plan, i - 1);
	}
	err = err ? err : apply_settings(pass, plan->count);
	for (uint32_t i = plan->old_count; !err && i > 0; i--) {
		err = put_position(pass->dp, plan, i - 1);
	}
	return err;
}

int apply_rule_put(struct apply_pass *pass)
{
	struct plan *plan = calloc(1, sizeof(*plan));
	int err = plan ? make_plan(pass, plan) : -ENOMEM;

	if (!err) {
		err = put_rows(pass->dp, plan);
	}
	if (!err) {
		err = put_order(pass, plan);
	}
	free(plan);
	return err;
}
