// SPDX-License-Identifier: GPL-2.0-only
/*
 * Numbers of route tables: 1 to CONFIG_TABLES_MAX; state.table_names has room for them. A table
 * keeps its number as long as one of its subnets has a row, or the row of a gateway whose own table
 * it is names it.
 */
#include "apply_internal.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "list.h"

#define NUMBERS (CONFIG_TABLES_MAX + 1)

/* Rows of "subnets". */
struct held {
	struct held_subnet {
		struct natgw_subnet_key key;
		uint32_t table;
	} * rows;
	size_t count;
};

static int append(const struct natgw_subnet_key *key, const struct natgw_subnet *row, void *arg)
{
	struct held *held = arg;
	struct held_subnet *rows = list_room(held->rows, held->count, sizeof(*rows));

	if (!rows) {
		return -ENOMEM;
	}
	held->rows = rows;
	held->rows[held->count++] = (struct held_subnet){ *key, row->table };
	return 0;
}

static uint32_t number_of(const struct held *held, const struct config_prefix *subnet)
{
	for (size_t i = 0; i < held->count; i++) {
		if (held->rows[i].key.addr == subnet->addr &&
		    held->rows[i].key.prefix_len == subnet->len) {
			return held->rows[i].table;
		}
	}
	return 0;
}

static bool is_free(uint32_t number, const bool *taken)
{
	return number > 0 && number < NUMBERS && !taken[number];
}

static uint32_t find_by_subnets(const struct held *held, const struct config_route_table *table,
				const bool *taken)
{
	for (size_t i = 0; i < table->subnet_count; i++) {
		uint32_t number = number_of(held, &table->subnets[i]);

		if (is_free(number, taken)) {
			return number;
		}
	}
	return 0;
}

static uint32_t find_by_gateways(const struct apply_pass *pass, const char *name, const bool *taken)
{
	for (size_t i = 0; i < pass->config->gateway_count; i++) {
		uint32_t number = pass->gateways[pass->gateway_index[i]].table;

		if (strcmp(pass->config->gateways[i].table, name) == 0 && is_free(number, taken)) {
			return number;
		}
	}
	return 0;
}

/* Rather one that nothing of the old config still leads to. */
static uint32_t find_unused(const bool *taken, const bool *old)
{
	for (uint32_t pick = 1; pick < 2 * NUMBERS; pick++) {
		uint32_t number = pick % NUMBERS;

		if (!taken[number] && (pick >= NUMBERS || !old[number])) {
			return number;
		}
	}
	return 0;
}

static void find_old(const struct apply_pass *pass, const struct held *held, bool *old)
{
	for (size_t i = 0; i < held->count; i++) {
		old[held->rows[i].table % NUMBERS] = true;
	}
	for (uint32_t i = 1; i < NATGW_GATEWAYS_MAX; i++) {
		old[pass->gateways[i].table % NUMBERS] = true;
	}
}

static int assign(struct apply_pass *pass, const struct held *held)
{
	const struct config *config = pass->config;
	bool taken[NUMBERS] = { true };
	bool old[NUMBERS] = { false };

	find_old(pass, held, old);
	for (size_t i = 0; i < config->table_count; i++) {
		pass->tables[i] = find_by_subnets(held, &config->tables[i], taken);
		taken[pass->tables[i]] = true;
	}
	for (size_t i = 0; i < config->table_count; i++) {
		if (!pass->tables[i]) {
			pass->tables[i] = find_by_gateways(pass, config->tables[i].name, taken);
			taken[pass->tables[i]] = true;
		}
	}
	for (size_t i = 0; i < config->table_count; i++) {
		if (!pass->tables[i]) {
			pass->tables[i] = find_unused(taken, old);
			taken[pass->tables[i]] = true;
		}
		if (!pass->tables[i]) {
			return -ENOSPC;
		}
	}
	return 0;
}

int apply_table_assign(struct apply_pass *pass)
{
	struct held held = { .rows = NULL };
	int err = datapath_each_subnet(pass->dp, append, &held);

	if (!err) {
		err = assign(pass, &held);
	}
	free(held.rows);
	return err;
}

uint32_t apply_table_of(const struct apply_pass *pass, const struct config_gateway *gateway)
{
	for (size_t i = 0; gateway->table[0] && i < pass->config->table_count; i++) {
		if (strcmp(pass->config->tables[i].name, gateway->table) == 0) {
			return pass->tables[i];
		}
	}
	return 0;
}
