// SPDX-License-Identifier: GPL-2.0-only
/*
 * Rows of "rules" and "rule_order". A session carries the number of its rule and reads its timers
 * there, so a row is left as it is when its rule goes, for as long as there are others; a rule that
 * stays keeps its number and its hits, and one that changes is a new one.
 *
 * A row is complete before the order names it, and the order changes as a whole: a packet meets the
 * old rules or the new ones, never some of each.
 */
#include "apply_internal.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "log.h"
#include "parse_util.h"

struct plan {
	struct natgw_rule held[NATGW_RULES_MAX]; /* rows as they are */
	bool busy[NATGW_RULES_MAX];		 /* named by the order that is in force, or kept */
	uint32_t last_busy;
	uint32_t old_order[CONFIG_RULE_ROWS_MAX];
	uint32_t old_count;
	struct natgw_rule rows[CONFIG_RULE_ROWS_MAX];	    /* as they should be, in order */
	uint32_t rules[CONFIG_RULE_ROWS_MAX];		    /* their places in the config */
	struct natgw_pool_row *pools[CONFIG_RULE_ROWS_MAX]; /* EIPs of SNAT rules, else NULL */
	bool new_pool[CONFIG_RULE_ROWS_MAX];		    /* to be written */
	uint32_t order[CONFIG_RULE_ROWS_MAX];		    /* numbers; 0: none yet */
	uint32_t count;
	struct apply_room room;
};

static void free_plan(struct plan *plan)
{
	for (uint32_t i = 0; plan && i < plan->count; i++) {
		free(plan->pools[i]);
	}
	free(plan);
}

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

/* And what of "pool" the rules in force lead to. */
static int read_rows(struct datapath *dp, struct plan *plan)
{
	int err = 0;

	for (uint32_t i = 1; !err && i < NATGW_RULES_MAX; i++) {
		err = datapath_get_rule(dp, i, &plan->held[i]);
	}
	for (uint32_t i = 0; !err && i < plan->old_count; i++) {
		apply_room_keep(&plan->room, &plan->held[plan->old_order[i]]);
	}
	return err;
}

/* ---- what should be ---- */

static void fill_row(const struct config_rule *rule, struct natgw_rule *ret_row)
{
	*ret_row = (struct natgw_rule){
		.src = rule->from.addr,
		.src_mask = parse_util_network(UINT32_MAX, rule->from.len),
		.dst = rule->to.addr,
		.dst_mask = parse_util_network(UINT32_MAX, rule->to.len),
		.port_first = rule->port_first,
		.port_last = rule->port_last,
		.proto = rule->proto,
		.used = 1,
		.kind = (__u8)rule->kind,
		.to_port = rule->to_port,
		.mark = rule->mark,
		.pool_count = (__u16)rule->eip_count,
	};
}

static void fill_session(const struct config_rule *rule, const struct config_gateway *gateway,
			 struct natgw_rule *row)
{
	row->mapping = config_rule_mapping(rule, gateway);
	for (unsigned int i = 0; i < NATGW_TIMER_COUNT; i++) {
		row->timeout[i] =
			apply_ticks(config_rule_timeout_s(rule, gateway, (enum natgw_timer)i));
	}
}

static int fill_pool(const struct config_rule *rule, const struct apply_addresses *addresses,
		     struct natgw_pool_row **ret_rows)
{
	struct natgw_pool_row *rows = calloc(rule->eip_count, sizeof(*rows));

	*ret_rows = rows;
	if (!rows) {
		return -ENOMEM;
	}
	for (size_t i = 0; i < rule->eip_count; i++) {
		const struct apply_address *eip = apply_address_find(addresses, rule->eips[i]);

		if (!apply_address_is_eip(eip)) {
			return -ENOENT;
		}
		rows[i] = (struct natgw_pool_row){ .addr = eip->addr, .eip = eip->row.eip };
	}
	return 0;
}

/* gateway: position in the config. */
static int add_row(const struct apply_pass *pass, const struct config_rule *rule, size_t gateway,
		   const struct apply_addresses *addresses, struct plan *plan)
{
	struct natgw_rule *row = &plan->rows[plan->count];

	if (plan->count == CONFIG_RULE_ROWS_MAX) {
		return -ENOSPC;
	}
	fill_row(rule, row);
	plan->rules[plan->count] = (uint32_t)(rule - pass->config->rules);
	plan->count++;
	if (rule->kind == NATGW_RULE_SESSION) {
		fill_session(rule, &pass->config->gateways[gateway], row);
	} else if (!rule->gateway[0]) {
		/* Nothing in it is a gateway's own: one row for all of them. */
		return 0;
	}
	row->gateway = (__u8)pass->gateway_index[gateway];
	return rule->eip_count ? fill_pool(rule, addresses, &plan->pools[plan->count - 1]) : 0;
}

/* A session rule for every gateway becomes one for each: what it does not say is that gateway's. */
static int add_rule(const struct apply_pass *pass, const struct config_rule *rule,
		    const struct apply_addresses *addresses, struct plan *plan)
{
	int err = 0;

	for (size_t i = 0; !err && i < pass->config->gateway_count; i++) {
		if (!config_rule_is_for(rule, &pass->config->gateways[i])) {
			continue;
		}
		err = add_row(pass, rule, i, addresses, plan);
		if (rule->kind != NATGW_RULE_SESSION) {
			break;
		}
	}
	return err;
}

/* Those of these kinds (bits). */
static int add_kinds(const struct apply_pass *pass, unsigned int kinds,
		     const struct apply_addresses *addresses, struct plan *plan)
{
	int err = 0;

	for (size_t i = 0; !err && i < pass->config->rule_count; i++) {
		const struct config_rule *rule = &pass->config->rules[i];

		if (kinds >> rule->kind & 1) {
			err = add_rule(pass, rule, addresses, plan);
		}
	}
	return err;
}

/* DNAT rules set the mark that the others ask for; SNAT and no_nat rules are one list. */
static int add_rules(const struct apply_pass *pass, const struct apply_addresses *addresses,
		     struct plan *plan)
{
	int err = add_kinds(pass, 1U << NATGW_RULE_DNAT, addresses, plan);

	if (!err) {
		err = add_kinds(pass, 1U << NATGW_RULE_SNAT | 1U << NATGW_RULE_NO_NAT, addresses,
				plan);
	}
	return err ? err : add_kinds(pass, 1U << NATGW_RULE_SESSION, addresses, plan);
}

/* ---- what may stay ---- */

/* Does the row say the same, with the same EIPs? Where these stand does not matter. */
static bool is_same(struct datapath *dp, const struct plan *plan, const struct natgw_rule *held,
		    uint32_t position)
{
	struct natgw_rule row = plan->rows[position];

	row.pool_first = held->pool_first;
	return memcmp(held, &row, sizeof(row)) == 0 &&
	       (!plan->pools[position] || apply_room_is(dp, held, plan->pools[position]));
}

/* The row that says the same, if no other rule has it. */
static void keep_number(struct datapath *dp, struct plan *plan, bool *kept, uint32_t position)
{
	for (uint32_t i = 1; i < NATGW_RULES_MAX; i++) {
		if (!kept[i] && is_same(dp, plan, &plan->held[i], position)) {
			kept[i] = true;
			keep_busy(plan, i);
			plan->rows[position] = plan->held[i];
			plan->order[position] = i;
			apply_room_keep(&plan->room, &plan->held[i]);
			return;
		}
	}
}

static bool same_pool(const struct plan *plan, uint32_t one, uint32_t other)
{
	const struct natgw_rule *left = &plan->rows[one];
	const struct natgw_rule *right = &plan->rows[other];

	return plan->pools[other] && left->gateway == right->gateway &&
	       left->pool_count == right->pool_count &&
	       memcmp(plan->pools[one], plan->pools[other],
		      left->pool_count * sizeof(*plan->pools[one])) == 0;
}

/* Rows that have the EIPs of this new rule already, those of another rule. */
static bool share_pool(struct datapath *dp, struct plan *plan, uint32_t position)
{
	struct natgw_rule *row = &plan->rows[position];

	for (uint32_t i = 0; i < plan->count; i++) {
		if (plan->rows[i].pool_first && same_pool(plan, position, i)) {
			row->pool_first = plan->rows[i].pool_first;
			return true;
		}
	}
	for (uint32_t i = 0; i < plan->old_count; i++) {
		const struct natgw_rule *held = &plan->held[plan->old_order[i]];

		if (held->kind == NATGW_RULE_SNAT && held->gateway == row->gateway &&
		    held->pool_count == row->pool_count &&
		    apply_room_is(dp, held, plan->pools[position])) {
			row->pool_first = held->pool_first;
			return true;
		}
	}
	return false;
}

static int place_pools(struct apply_pass *pass, struct plan *plan)
{
	int err = 0;

	for (uint32_t i = 0; !err && i < plan->count; i++) {
		if (!plan->pools[i] || plan->order[i] || share_pool(pass->dp, plan, i)) {
			continue;
		}
		plan->new_pool[i] = true;
		err = apply_room_take(&plan->room, &plan->rows[i]);
		if (err) {
			const struct config_place *place =
				&pass->config->rules[plan->rules[i]].place;

			log_error(
				"%s:%u:%u: no room for the EIPs of this SNAT rule: those of the old and the new rules of a gateway are %u together; take old rules out first",
				pass->config->file, place->line, place->column,
				NATGW_POOL_ROWS_PER_GATEWAY - NATGW_EIPS_PER_GATEWAY_MAX);
		}
	}
	return err;
}

static int make_plan(struct apply_pass *pass, const struct apply_addresses *addresses,
		     struct plan *plan)
{
	bool kept[NATGW_RULES_MAX] = { false };
	int err = read_order(pass->dp, plan);

	err = err ? err : read_rows(pass->dp, plan);
	err = err ? err : add_rules(pass, addresses, plan);
	for (uint32_t i = 0; !err && i < plan->count; i++) {
		keep_number(pass->dp, plan, kept, i);
	}
	return err ? err : place_pools(pass, plan);
}

int apply_rule_check(struct apply_pass *pass, const struct apply_addresses *addresses)
{
	struct plan *plan = calloc(1, sizeof(*plan));
	int err = plan ? make_plan(pass, addresses, plan) : -ENOMEM;

	free_plan(plan);
	return err;
}

/* ---- writing ---- */

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

static int put_row(struct datapath *dp, struct plan *plan, uint32_t position)
{
	uint32_t number = find_free(plan);
	int err = number ? datapath_clear_rule_hits(dp, number) : -ENOSPC;

	if (!err && plan->new_pool[position]) {
		err = apply_room_put(dp, &plan->rows[position], plan->pools[position]);
	}
	if (!err) {
		err = datapath_set_rule(dp, number, &plan->rows[position]);
	}
	if (!err) {
		plan->held[number] = plan->rows[position];
		keep_busy(plan, number);
		plan->order[position] = number;
	}
	return err;
}

static int put_rows(struct datapath *dp, struct plan *plan)
{
	int err = 0;

	for (uint32_t i = 0; !err && i < plan->count; i++) {
		err = plan->order[i] ? 0 : put_row(dp, plan, i);
	}
	return err;
}

static bool same_order(const struct plan *plan)
{
	return plan->count == plan->old_count &&
	       memcmp(plan->order, plan->old_order, plan->count * sizeof(plan->order[0])) == 0;
}

/* For those who show them. */
static void note_rules(struct natgwd_state *state, const struct plan *plan)
{
	state->rule_count = plan->count;
	for (uint32_t i = 0; i < plan->count; i++) {
		state->rules[i] = (struct rule_status){ plan->order[i], plan->rules[i] };
	}
}

int apply_rule_put(struct apply_pass *pass, const struct apply_addresses *addresses)
{
	struct plan *plan = calloc(1, sizeof(*plan));
	int err = plan ? make_plan(pass, addresses, plan) : -ENOMEM;
	bool same = !err && same_order(plan);

	if (!err && !same) {
		/* What is written next, no program reads that began before the last change. */
		datapath_settle();
		err = put_rows(pass->dp, plan);
	}
	if (!err) {
		err = apply_settings(pass, same ? NULL : plan->order, plan->count);
	}
	if (!err) {
		note_rules(pass->state, plan);
	}
	free_plan(plan);
	return err;
}
