// SPDX-License-Identifier: GPL-2.0-only
/* Joins map rows with names. Not responsible for the form in which they are shown. */
#include "snapshot.h"

#include <arpa/inet.h>
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "cleanup.h"
#include "config.h"
#include "datapath.h"
#include "list.h"

struct list {
	const struct natgwd_state *state;
	uint32_t now; /* ticks; for EIPs */
	char *items;
	size_t item_size;
	size_t count;
};

/* Zeroed room for one more item, or NULL. */
static void *list_add(struct list *list)
{
	char *items = list_room(list->items, list->count, list->item_size);

	if (!items) {
		return NULL;
	}
	list->items = items;
	return memset(list->items + list->count++ * list->item_size, 0, list->item_size);
}

/* ---- EIPs ---- */

static void set_drain(struct snapshot_eip *eip, const struct natgw_address *row, uint32_t now)
{
	int32_t left = (int32_t)(row->drain_until - now);
	uint64_t ns = (uint64_t)(left > 0 ? left : 0) << NATGW_TICK_SHIFT;

	eip->draining = row->draining;
	eip->drain_over = row->draining && left <= 0;
	eip->drain_s = row->draining ? (uint32_t)((ns + 999999999) / 1000000000) : 0;
}

static int add_eip(__be32 addr, const struct natgw_address *row, void *arg)
{
	if (row->kind != NATGW_ADDRESS_EIP) {
		return 0;
	}
	struct list *list = arg;
	struct snapshot_eip *eip = list_add(list);

	if (!eip) {
		return -ENOMEM;
	}
	eip->addr = addr;
	eip->gateway = row->gateway;
	set_drain(eip, row, list->now);
	eip->shared = row->on_host == NATGW_ON_HOST_SHARED;
	eip->public_addr = row->peer;
	for (unsigned int proto = 0; proto < NATGW_PROTO_COUNT; proto++) {
		int r = datapath_ports_in_use(list->state->dp, row->eip, proto,
					      &eip->ports_in_use[proto]);

		if (r == 0) {
			r = datapath_ports_held(list->state->dp, row->eip, proto,
						&eip->ports_held[proto]);
		}
		if (r < 0) {
			return r;
		}
	}
	return 0;
}

static int compare_numbers(uint64_t left, uint64_t right)
{
	return left < right ? -1 : left > right;
}

static int compare_eips(const void *left, const void *right)
{
	const struct snapshot_eip *a = left;
	const struct snapshot_eip *b = right;

	return compare_numbers((uint64_t)a->gateway << 32 | ntohl(a->addr),
			       (uint64_t)b->gateway << 32 | ntohl(b->addr));
}

int snapshot_eips(struct datapath *dp, struct snapshot_eip **ret_eips, size_t *ret_count)
{
	const struct natgwd_state state = { .dp = dp };
	struct list list = { .state = &state, .item_size = sizeof(struct snapshot_eip) };
	int r = datapath_now(dp, &list.now);

	if (r == 0) {
		r = datapath_each_address(dp, add_eip, &list);
	}
	if (r < 0) {
		free(list.items);
		return r;
	}
	if (list.count > 0) {
		qsort(list.items, list.count, list.item_size, compare_eips);
	}
	*ret_eips = (struct snapshot_eip *)(void *)list.items;
	*ret_count = list.count;
	return 0;
}

/* ---- routes and subnets ---- */

static void name_subnet(const struct natgwd_state *state, struct snapshot_subnet *subnet)
{
	const size_t tables = sizeof(state->table_names) / sizeof(state->table_names[0]);
	char addr[INET_ADDRSTRLEN];

	if (subnet->table < tables && state->table_names[subnet->table][0]) {
		memcpy(subnet->table_name, state->table_names[subnet->table], CONFIG_NAME_MAX);
		subnet->table_name[CONFIG_NAME_MAX - 1] = '\0';
	} else {
		snprintf(subnet->table_name, sizeof(subnet->table_name), "#%u", subnet->table);
	}
	inet_ntop(AF_INET, &subnet->addr, addr, sizeof(addr));
	snprintf(subnet->prefix, sizeof(subnet->prefix), "%s/%u", addr, subnet->len);
}

static int add_subnet(const struct natgw_subnet_key *key, const struct natgw_subnet *row, void *arg)
{
	struct list *list = arg;
	struct snapshot_subnet *subnet = list_add(list);

	if (!subnet) {
		return -ENOMEM;
	}
	subnet->table = row->table;
	subnet->addr = key->addr;
	subnet->len = (uint8_t)key->prefix_len;
	name_subnet(list->state, subnet);
	return 0;
}

static const char *iface_name(const struct natgwd_state *state, uint32_t ifindex)
{
	static char name[IF_NAMESIZE];

	for (unsigned int i = 0; i < state->iface_count; i++) {
		if (state->ifaces[i].ifindex == ifindex) {
			return state->ifaces[i].name;
		}
	}
	return if_indextoname(ifindex, name);
}

static bool gateway_is_there(const struct natgwd_state *state, unsigned int index)
{
	if (index >= NATGW_GATEWAYS_MAX || !state->gateways[index].name[0]) {
		return false;
	}
	return state->gateways[index].state == NATGW_GATEWAY_AVAILABLE ||
	       state->gateways[index].state == NATGW_GATEWAY_PENDING;
}

static const char *name_in_table(const struct config_route_table *table,
				 const struct snapshot_subnet *to, enum natgw_target target)
{
	for (size_t i = 0; i < table->route_count; i++) {
		const struct config_route *route = &table->routes[i];

		if (route->target == target && route->to.addr == to->addr &&
		    route->to.len == to->len) {
			return route->name;
		}
	}
	return NULL;
}

/* The interface or gateway that the config names, which may not be there; NULL: it names none. */
static const char *config_target(const struct natgwd_state *state, const struct snapshot_subnet *to,
				 enum natgw_target target)
{
	for (size_t i = 0; i < state->config->table_count; i++) {
		if (strcmp(state->config->tables[i].name, to->table_name) == 0) {
			return name_in_table(&state->config->tables[i], to, target);
		}
	}
	return NULL;
}

/* A route to something that is not there is a black hole for its packets, whatever it was meant to
 * be. */
static void name_target(const struct natgwd_state *state, const struct natgw_route *row,
			struct snapshot_route *route)
{
	const size_t size = sizeof(route->target);
	const char *name;

	route->state = "active";
	switch (row->target) {
	case NATGW_TARGET_GATEWAY:
		snprintf(route->target, size, "gateway:%s",
			 snapshot_gateway_name(state, row->gateway));
		if (!gateway_is_there(state, row->gateway)) {
			route->state = "blackhole";
		}
		break;
	case NATGW_TARGET_INTERFACE:
		name = iface_name(state, row->ifindex);
		if (!name) {
			name = config_target(state, &route->to, NATGW_TARGET_INTERFACE);
			route->state = "blackhole";
		}
		if (name) {
			snprintf(route->target, size, "interface:%s", name);
		} else {
			snprintf(route->target, size, "interface:#%u", row->ifindex);
		}
		break;
	case NATGW_TARGET_BLACKHOLE:
		route->state = "blackhole";
		/* What it was before its gateway was deleted. */
		name = config_target(state, &route->to, NATGW_TARGET_GATEWAY);
		if (name) {
			snprintf(route->target, size, "gateway:%s", name);
			break;
		}
		/* fallthrough */
	default:
		snprintf(route->target, size, "%s", config_target_name(row->target));
	}
}

static int add_route(const struct natgw_route_key *key, const struct natgw_route *row, void *arg)
{
	struct list *list = arg;
	struct snapshot_route *route = list_add(list);

	if (!route) {
		return -ENOMEM;
	}
	route->to.table = key->table;
	route->to.addr = key->addr;
	/* prefix_len counts the table's 32 bits as well. */
	route->to.len = (uint8_t)(key->prefix_len - 32);
	route->origin = row->origin;
	name_subnet(list->state, &route->to);
	name_target(list->state, row, route);
	return 0;
}

static int compare_subnets(const void *left, const void *right)
{
	const struct snapshot_subnet *a = left;
	const struct snapshot_subnet *b = right;
	int r = compare_numbers(a->table, b->table);

	if (r != 0) {
		return r;
	}
	return compare_numbers((uint64_t)ntohl(a->addr) << 8 | a->len,
			       (uint64_t)ntohl(b->addr) << 8 | b->len);
}

/* Sorts what was gathered; on failure frees it. Both kinds of item begin with a subnet. */
static int finish_list(struct list *list, int r)
{
	if (r < 0) {
		free(list->items);
		return r;
	}
	if (list->count > 0) {
		qsort(list->items, list->count, list->item_size, compare_subnets);
	}
	return 0;
}

int snapshot_subnets(const struct natgwd_state *state, struct snapshot_subnet **ret_subnets,
		     size_t *ret_count)
{
	struct list list = { .state = state, .item_size = sizeof(struct snapshot_subnet) };
	int r = finish_list(&list, datapath_each_subnet(state->dp, add_subnet, &list));

	if (r < 0) {
		return r;
	}
	*ret_subnets = (struct snapshot_subnet *)(void *)list.items;
	*ret_count = list.count;
	return 0;
}

int snapshot_routes(const struct natgwd_state *state, struct snapshot_route **ret_routes,
		    size_t *ret_count)
{
	struct list list = { .state = state, .item_size = sizeof(struct snapshot_route) };
	int r = finish_list(&list, datapath_each_route(state->dp, add_route, &list));

	if (r < 0) {
		return r;
	}
	*ret_routes = (struct snapshot_route *)(void *)list.items;
	*ret_count = list.count;
	return 0;
}

/* ---- single facts ---- */

const char *snapshot_gateway_name(const struct natgwd_state *state, unsigned int index)
{
	static char number[16];

	if (index == 0) {
		return "";
	}
	if (index < NATGW_GATEWAYS_MAX && state->gateways[index].name[0]) {
		return state->gateways[index].name;
	}
	snprintf(number, sizeof(number), "#%u", index);
	return number;
}

int snapshot_rule_hits(const struct natgwd_state *state, uint64_t **ret_hits)
{
	uint64_t *hits = calloc(state->config->rule_count + 1, sizeof(*hits));
	int r = hits ? 0 : -ENOMEM;

	/* A rule for every gateway may have a row for each. */
	for (uint32_t i = 0; r == 0 && i < state->rule_count; i++) {
		const struct rule_status *rule = &state->rules[i];
		uint64_t more = 0;

		if (rule->rule >= state->config->rule_count) {
			continue;
		}
		r = datapath_read_rule_hits(state->dp, rule->number, &more);
		hits[rule->rule] += more;
	}
	if (r < 0) {
		free(hits);
		return r;
	}
	*ret_hits = hits;
	return 0;
}

uint32_t snapshot_sessions_max(const struct natgwd_state *state)
{
	struct natgw_layout layout = {};

	if (datapath_get_layout(state->dp, &layout) == 0 && layout.sessions_max > 0) {
		return layout.sessions_max;
	}
	return state->config->sessions;
}
