// SPDX-License-Identifier: GPL-2.0-only
/*
 * Rows of "subnets" and "routes". Every table gets a local route to every subnet of every table,
 * and those that have subnets one to each of the config's local prefixes; on equal prefixes local
 * wins.
 */
#include "apply_internal.h"

#include <errno.h>
#include <net/if.h>
#include <stdlib.h>
#include <string.h>

#include "list.h"

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

/* ---- what should be ---- */

static void fill_key(struct natgw_route_key *key, uint32_t table, const struct config_prefix *to)
{
	key->prefix_len = 32 + to->len;
	key->table = table;
	key->addr = to->addr;
}

/* A gateway that was taken out and whose sessions go on; 0: there is none. */
static uint32_t find_deleting(const struct apply_pass *pass, const char *name)
{
	for (uint32_t i = 1; i < NATGW_GATEWAYS_MAX; i++) {
		if ((pass->gateways[i].state == NATGW_GATEWAY_AVAILABLE ||
		     pass->gateways[i].state == NATGW_GATEWAY_DELETING) &&
		    !apply_gateway_config(pass, i) &&
		    strcmp(pass->state->gateways[i].name, name) == 0) {
			return i;
		}
	}
	return 0;
}

/* A gateway that has been deleted leaves its routes behind, as black holes. */
static void lead_to_gateway(const struct apply_pass *pass, const char *name,
			    struct natgw_route *row)
{
	const struct config_gateway *gateway = config_find_gateway(pass->config, name);

	row->gateway = (__u8)(gateway ? pass->gateway_index[gateway - pass->config->gateways]
				      : find_deleting(pass, name));
	if (!row->gateway) {
		row->target = NATGW_TARGET_BLACKHOLE;
	}
}

static int want_static(const struct apply_pass *pass, const struct config_route *route,
		       uint32_t table, struct route_list *list)
{
	struct natgw_route_key key;
	struct natgw_route row = { .target = (__u8)route->target, .origin = (__u8)route->origin };

	fill_key(&key, table, &route->to);
	if (route->target == NATGW_TARGET_GATEWAY) {
		lead_to_gateway(pass, route->name, &row);
	} else if (route->target == NATGW_TARGET_INTERFACE) {
		/* 0 while it is not there; filled in when it comes. */
		row.ifindex = if_nametoindex(route->name);
	}
	return append_route(&key, &row, list);
}

/* Local routes in table `number`. */
static int want_local(const struct config_prefix *prefixes, size_t count, uint32_t number,
		      struct route_list *list)
{
	static const struct natgw_route row = { .target = NATGW_TARGET_LOCAL,
						.origin = NATGW_ORIGIN_LOCAL };
	struct natgw_route_key key;
	int err = 0;

	for (size_t i = 0; !err && i < count; i++) {
		fill_key(&key, number, &prefixes[i]);
		err = append_route(&key, &row, list);
	}
	return err;
}

/* All routes of the table in this place of the config. */
static int want_table(const struct apply_pass *pass, size_t position, struct route_list *list)
{
	const struct config *config = pass->config;
	const struct config_route_table *table = &config->tables[position];
	uint32_t number = pass->tables[position];
	int err = 0;

	for (size_t i = 0; !err && i < config->table_count; i++) {
		err = want_local(config->tables[i].subnets, config->tables[i].subnet_count, number,
				 list);
	}
	/* Not where packets are asked for after their translation: it would be undone there. */
	if (!err && table->subnet_count) {
		err = want_local(config->local, config->local_count, number, list);
	}
	for (size_t i = 0; !err && i < table->route_count; i++) {
		err = want_static(pass, &table->routes[i], number, list);
	}
	return err;
}

static int want_routes(const struct apply_pass *pass, struct route_list *list)
{
	int err = 0;

	for (size_t i = 0; !err && i < pass->config->table_count; i++) {
		err = want_table(pass, i, list);
	}
	sort_routes(list);
	return err;
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

static void name_tables(struct apply_pass *pass)
{
	struct natgwd_state *state = pass->state;

	memset(state->table_names, 0, sizeof(state->table_names));
	for (size_t i = 0; i < pass->config->table_count; i++) {
		snprintf(state->table_names[pass->tables[i]], sizeof(state->table_names[0]), "%s",
			 pass->config->tables[i].name);
	}
}

int apply_route_tables(struct apply_pass *pass)
{
	struct tables tables = { .held_routes = { .rows = NULL } };
	int err = datapath_each_route(pass->dp, append_route, &tables.held_routes);

	if (!err) {
		sort_routes(&tables.held_routes);
		err = datapath_each_subnet(pass->dp, append_subnet, &tables.held_subnets);
	}
	if (!err) {
		err = want_routes(pass, &tables.routes);
	}
	for (size_t i = 0; !err && i < pass->config->table_count; i++) {
		err = want_subnets(&pass->config->tables[i], pass->tables[i], &tables.subnets);
	}
	if (!err) {
		err = write_tables(pass->dp, &tables);
	}
	if (!err) {
		name_tables(pass);
	}
	free(tables.held_routes.rows);
	free(tables.routes.rows);
	free(tables.held_subnets.rows);
	free(tables.subnets.rows);
	return err;
}

/* ---- tables of gateways ---- */

static bool is_own(const struct config *config, const char *table)
{
	for (size_t i = 0; i < config->gateway_count; i++) {
		if (strcmp(config->gateways[i].table, table) == 0) {
			return true;
		}
	}
	return false;
}

/* Gateways may not be ready yet; no packet comes here that has not been through one. */
static void drop_to_gateways(struct route_list *list)
{
	size_t kept = 0;

	for (size_t i = 0; i < list->count; i++) {
		if (list->rows[i].row.target != NATGW_TARGET_GATEWAY) {
			list->rows[kept++] = list->rows[i];
		}
	}
	list->count = kept;
}

int apply_route_own(struct apply_pass *pass)
{
	struct route_list held = { .rows = NULL };
	struct route_list routes = { .rows = NULL };
	int err = datapath_each_route(pass->dp, append_route, &held);

	for (size_t i = 0; !err && i < pass->config->table_count; i++) {
		if (is_own(pass->config, pass->config->tables[i].name)) {
			err = want_table(pass, i, &routes);
		}
	}
	if (!err) {
		sort_routes(&held);
		sort_routes(&routes);
		drop_to_gateways(&routes);
		err = put_routes(pass->dp, &held, &routes);
	}
	free(held.rows);
	free(routes.rows);
	return err;
}
