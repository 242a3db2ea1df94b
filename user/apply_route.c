// SPDX-License-Identifier: GPL-2.0-only
/*
 * Rows of "subnets" and "routes". A route table keeps its number as long as one of its subnets has
 * a row. Every table gets a local route to every subnet of every table; on equal prefixes local
 * wins.
 */
#include "apply_internal.h"

#include <errno.h>
#include <net/if.h>
#include <stdlib.h>
#include <string.h>

#include "cleanup.h"
#include "list.h"

/* Numbers run from 1 to CONFIG_TABLES_MAX; state.table_names has room for them. */
#define TABLE_NUMBERS (CONFIG_TABLES_MAX + 1)

struct route_row {
	struct natgw_route_key key;
	struct natgw_route row;
};

struct route_list {
	struct route_row *rows;
	size_t count;
};

struct subnet_row {
	struct natgw_subnet_key key;
	struct natgw_subnet row;
};

struct subnet_list {
	struct subnet_row *rows;
	size_t count;
};

static int append_route(const struct natgw_route_key *key, const struct natgw_route *row, void *arg)
{
	struct route_list *list = arg;
	struct route_row *rows = list_room(list->rows, list->count, sizeof(*rows));

	if (!rows) {
		return -ENOMEM;
	}
	list->rows = rows;
	list->rows[list->count].key = *key;
	list->rows[list->count].row = *row;
	list->count++;
	return 0;
}

static int append_subnet(const struct natgw_subnet_key *key, const struct natgw_subnet *row,
			 void *arg)
{
	struct subnet_list *list = arg;
	struct subnet_row *rows = list_room(list->rows, list->count, sizeof(*rows));

	if (!rows) {
		return -ENOMEM;
	}
	list->rows = rows;
	list->rows[list->count].key = *key;
	list->rows[list->count].row = *row;
	list->count++;
	return 0;
}

static int compare_keys(const void *left, const void *right)
{
	return memcmp(left, right, sizeof(struct natgw_route_key));
}

/* By key, then the origin that wins first. */
static int compare_routes(const void *left, const void *right)
{
	const struct route_row *a = left;
	const struct route_row *b = right;
	int order = compare_keys(&a->key, &b->key);

	return order ? order : (int)a->row.origin - (int)b->row.origin;
}

static void sort_routes(struct route_list *list)
{
	size_t kept = 0;

	if (!list->count) {
		return;
	}
	qsort(list->rows, list->count, sizeof(*list->rows), compare_routes);
	for (size_t i = 1; i < list->count; i++) {
		if (compare_keys(&list->rows[i].key, &list->rows[kept].key) != 0) {
			list->rows[++kept] = list->rows[i];
		}
	}
	list->count = kept + 1;
}

static const struct route_row *find_route(const struct route_list *list,
					  const struct natgw_route_key *key)
{
	if (!list->count) {
		return NULL;
	}
	return bsearch(key, list->rows, list->count, sizeof(*list->rows), compare_keys);
}

static const struct subnet_row *find_subnet(const struct subnet_list *list, __be32 addr,
					    uint32_t len)
{
	for (size_t i = 0; i < list->count; i++) {
		if (list->rows[i].key.addr == addr && list->rows[i].key.prefix_len == len) {
			return &list->rows[i];
		}
	}
	return NULL;
}

/* ---- numbers of tables ---- */

static uint32_t find_number(const struct subnet_list *held, const struct config_route_table *table,
			    const bool *taken)
{
	for (size_t i = 0; i < table->subnet_count; i++) {
		const struct subnet_row *row =
			find_subnet(held, table->subnets[i].addr, table->subnets[i].len);

		if (row && row->row.table > 0 && row->row.table < TABLE_NUMBERS &&
		    !taken[row->row.table]) {
			return row->row.table;
		}
	}
	return 0;
}

/* Rather one that no subnet of the old config still leads to. */
static uint32_t free_number(const bool *taken, const bool *old)
{
	for (uint32_t pick = 1; pick < 2 * TABLE_NUMBERS; pick++) {
		uint32_t number = pick % TABLE_NUMBERS;

		if (!taken[number] && (pick >= TABLE_NUMBERS || !old[number])) {
			return number;
		}
	}
	return 0;
}

static int number_tables(struct apply_pass *pass, const struct subnet_list *held,
			 uint32_t numbers[TABLE_NUMBERS])
{
	bool taken[TABLE_NUMBERS] = { true };
	bool old[TABLE_NUMBERS] = { false };
	const struct config *config = pass->config;

	for (size_t i = 0; i < held->count; i++) {
		old[held->rows[i].row.table % TABLE_NUMBERS] = true;
	}
	for (size_t i = 0; i < config->table_count; i++) {
		numbers[i] = find_number(held, &config->tables[i], taken);
		taken[numbers[i]] = true;
	}
	for (size_t i = 0; i < config->table_count; i++) {
		if (!numbers[i]) {
			numbers[i] = free_number(taken, old);
		}
		if (!numbers[i]) {
			return -ENOSPC;
		}
		taken[numbers[i]] = true;
	}
	return 0;
}

/* ---- what should be ---- */

static void fill_key(struct natgw_route_key *key, uint32_t table, const struct config_prefix *to)
{
	key->prefix_len = 32 + to->len;
	key->table = table;
	key->addr = to->addr;
}

static int gateway_index(const struct apply_pass *pass, const char *name, __u8 *ret_index)
{
	const struct config_gateway *gateway = config_find_gateway(pass->config, name);

	if (!gateway) {
		return -ENOENT;
	}
	*ret_index = (__u8)pass->gateway_index[gateway - pass->config->gateways];
	return 0;
}

static int want_static(const struct apply_pass *pass, const struct config_route *route,
		       uint32_t table, struct route_list *list)
{
	struct natgw_route_key key;
	struct natgw_route row = { .target = (__u8)route->target, .origin = (__u8)route->origin };
	int err = 0;

	fill_key(&key, table, &route->to);
	if (route->target == NATGW_TARGET_GATEWAY) {
		err = gateway_index(pass, route->name, &row.gateway);
	} else if (route->target == NATGW_TARGET_INTERFACE) {
		/* 0 while it is not there; filled in when it comes. */
		row.ifindex = if_nametoindex(route->name);
	}
	return err ? err : append_route(&key, &row, list);
}

/* A local route in table `number` to each subnet of one table. */
static int want_local(const struct config_route_table *table, uint32_t number,
		      struct route_list *list)
{
	static const struct natgw_route row = { .target = NATGW_TARGET_LOCAL,
						.origin = NATGW_ORIGIN_LOCAL };
	struct natgw_route_key key;
	int err = 0;

	for (size_t i = 0; !err && i < table->subnet_count; i++) {
		fill_key(&key, number, &table->subnets[i]);
		err = append_route(&key, &row, list);
	}
	return err;
}

static int want_routes(const struct apply_pass *pass, const uint32_t *numbers,
		       struct route_list *list)
{
	for (size_t i = 0; i < pass->config->table_count; i++) {
		const struct config_route_table *table = &pass->config->tables[i];
		int err = 0;

		for (size_t j = 0; !err && j < pass->config->table_count; j++) {
			err = want_local(&pass->config->tables[j], numbers[i], list);
		}
		for (size_t j = 0; !err && j < table->route_count; j++) {
			err = want_static(pass, &table->routes[j], numbers[i], list);
		}
		if (err) {
			return err;
		}
	}
	sort_routes(list);
	return 0;
}

static int want_subnets(const struct config_route_table *table, uint32_t number,
			struct subnet_list *list)
{
	struct natgw_subnet row = { .table = number };
	int err = 0;

	for (size_t i = 0; !err && i < table->subnet_count; i++) {
		struct natgw_subnet_key key = { .prefix_len = table->subnets[i].len,
						.addr = table->subnets[i].addr };

		err = append_subnet(&key, &row, list);
	}
	return err;
}

/* ---- the difference ---- */

static int put_routes(struct datapath *dp, const struct route_list *held,
		      const struct route_list *wanted)
{
	for (size_t i = 0; i < wanted->count; i++) {
		const struct route_row *row = &wanted->rows[i];
		const struct route_row *old = find_route(held, &row->key);
		int err;

		if (old && memcmp(&old->row, &row->row, sizeof(row->row)) == 0) {
			continue;
		}
		err = datapath_set_route(dp, &row->key, &row->row);
		if (err) {
			return err;
		}
	}
	return 0;
}

static int drop_routes(struct datapath *dp, const struct route_list *held,
		       const struct route_list *wanted)
{
	for (size_t i = 0; i < held->count; i++) {
		int err;

		if (find_route(wanted, &held->rows[i].key)) {
			continue;
		}
		err = datapath_del_route(dp, &held->rows[i].key);
		if (err && err != -ENOENT) {
			return err;
		}
	}
	return 0;
}

static int put_subnets(struct datapath *dp, const struct subnet_list *held,
		       const struct subnet_list *wanted)
{
	for (size_t i = 0; i < wanted->count; i++) {
		const struct subnet_row *row = &wanted->rows[i];
		const struct subnet_row *old =
			find_subnet(held, row->key.addr, row->key.prefix_len);
		int err;

		if (old && old->row.table == row->row.table) {
			continue;
		}
		err = datapath_set_subnet(dp, &row->key, &row->row);
		if (err) {
			return err;
		}
	}
	return 0;
}

static int drop_subnets(struct datapath *dp, const struct subnet_list *held,
			const struct subnet_list *wanted)
{
	for (size_t i = 0; i < held->count; i++) {
		const struct natgw_subnet_key *key = &held->rows[i].key;
		int err;

		if (find_subnet(wanted, key->addr, key->prefix_len)) {
			continue;
		}
		err = datapath_del_subnet(dp, key);
		if (err && err != -ENOENT) {
			return err;
		}
	}
	return 0;
}

struct tables {
	struct route_list held_routes;
	struct route_list routes;
	struct subnet_list held_subnets;
	struct subnet_list subnets;
};

/* Routes before the subnets that lead to them; subnets gone before their routes go. */
static int write_tables(struct datapath *dp, const struct tables *tables)
{
	int err = put_routes(dp, &tables->held_routes, &tables->routes);

	if (!err) {
		err = put_subnets(dp, &tables->held_subnets, &tables->subnets);
	}
	if (!err) {
		err = drop_subnets(dp, &tables->held_subnets, &tables->subnets);
	}
	return err ? err : drop_routes(dp, &tables->held_routes, &tables->routes);
}

static void name_tables(struct apply_pass *pass, const uint32_t *numbers)
{
	struct natgwd_state *state = pass->state;

	memset(state->table_names, 0, sizeof(state->table_names));
	for (size_t i = 0; i < pass->config->table_count; i++) {
		snprintf(state->table_names[numbers[i]], sizeof(state->table_names[0]), "%s",
			 pass->config->tables[i].name);
	}
}

int apply_route_tables(struct apply_pass *pass)
{
	struct tables tables = { .held_routes = { .rows = NULL } };
	uint32_t numbers[TABLE_NUMBERS] = { 0 };
	int err = datapath_each_route(pass->dp, append_route, &tables.held_routes);

	if (!err) {
		sort_routes(&tables.held_routes);
		err = datapath_each_subnet(pass->dp, append_subnet, &tables.held_subnets);
	}
	if (!err) {
		err = number_tables(pass, &tables.held_subnets, numbers);
	}
	if (!err) {
		err = want_routes(pass, numbers, &tables.routes);
	}
	for (size_t i = 0; !err && i < pass->config->table_count; i++) {
		err = want_subnets(&pass->config->tables[i], numbers[i], &tables.subnets);
	}
	if (!err) {
		err = write_tables(pass->dp, &tables);
	}
	if (!err) {
		name_tables(pass, numbers);
	}
	free(tables.held_routes.rows);
	free(tables.routes.rows);
	free(tables.held_subnets.rows);
	free(tables.subnets.rows);
	return err;
}
