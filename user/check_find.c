// SPDX-License-Identifier: GPL-2.0-only
/*
 * Gathers the facts of a check: the rows of the maps that hold the packet's addresses, by a search
 * for the longest prefix as the data path makes it, and what the dry run says. Not responsible for
 * what follows from them (check_judge.c).
 */
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "check_internal.h"
#include "cleanup.h"
#include "parse_util.h"
#include "probe.h"
#include "snapshot.h"

#define CLIENT_PORT 50123
#define CLIENT_PORTS_TRIED 16

static bool holds(__be32 addr, uint8_t len, __be32 wanted)
{
	return parse_util_network(wanted, len) == addr;
}

static void base_name(const char *path, char *ret_name, size_t size)
{
	const char *slash = strrchr(path, '/');

	(void)snprintf(ret_name, size, "%s", slash ? slash + 1 : path);
}

/* ---- subnets and routes ---- */

static int find_subnet(const struct natgwd_state *state, struct check_facts *facts)
{
	struct snapshot_subnet *found = NULL;
	size_t count = 0;
	int r = snapshot_subnets(state, &found, &count);
	_cleanup_free_ struct snapshot_subnet *subnets = found;

	for (size_t i = 0; r == 0 && i < count; i++) {
		const struct snapshot_subnet *subnet = &subnets[i];

		if (!holds(subnet->addr, subnet->len, facts->query.client) ||
		    (facts->has_subnet && subnet->len < facts->subnet.len)) {
			continue;
		}
		facts->has_subnet = true;
		facts->subnet = (struct config_prefix){ subnet->addr, subnet->len };
		facts->table = subnet->table;
		memcpy(facts->table_name, subnet->table_name, sizeof(facts->table_name));
	}
	return r;
}

static unsigned int line_in_table(const struct config_route_table *table,
				  const struct snapshot_subnet *to)
{
	for (size_t i = 0; i < table->route_count; i++) {
		const struct config_route *route = &table->routes[i];

		if (route->to.addr == to->addr && route->to.len == to->len) {
			return route->place.line;
		}
	}
	return 0;
}

/* Where the config has the route; 0: it does not. */
static unsigned int line_of_route(const struct config *config, const struct snapshot_subnet *to)
{
	for (size_t i = 0; i < config->table_count; i++) {
		if (strcmp(config->tables[i].name, to->table_name) == 0) {
			return line_in_table(&config->tables[i], to);
		}
	}
	return 0;
}

static void take_route(const struct natgwd_state *state, const struct snapshot_route *row,
		       struct check_route *route)
{
	if (route->found && row->to.len < route->to.len) {
		return;
	}
	*route = (struct check_route){
		.found = true,
		.table = row->to.table,
		.to = { row->to.addr, row->to.len },
		.is_dead = strcmp(row->state, "active") != 0,
		.origin = row->origin,
	};
	memcpy(route->table_name, row->to.table_name, sizeof(route->table_name));
	memcpy(route->target, row->target, sizeof(route->target));
	if (row->origin == NATGW_ORIGIN_STATIC) {
		route->line = line_of_route(state->config, &row->to);
	}
}

/* Target and gateway of a row, which the snapshot says in words only. */
static int fill_target(const struct natgw_route_key *key, const struct natgw_route *row, void *arg)
{
	struct check_route *route = arg;

	if (key->table == route->table && key->addr == route->to.addr &&
	    key->prefix_len == 32U + route->to.len) {
		route->kind = row->target;
		route->gateway = row->gateway;
	}
	return 0;
}

static bool leads_to_gateway(const struct snapshot_route *row)
{
	return strncmp(row->target, "gateway:", strlen("gateway:")) == 0;
}

/* The longest match in a table, and the longest one that leads to a gateway (NULL: not wanted). */
static int find_route(const struct natgwd_state *state, const struct check_query *query,
		      uint32_t table, struct check_route *ret_route, struct check_route *ret_nat)
{
	struct snapshot_route *found = NULL;
	size_t count = 0;
	int r = snapshot_routes(state, &found, &count);
	_cleanup_free_ struct snapshot_route *routes = found;

	for (size_t i = 0; r == 0 && i < count; i++) {
		if (routes[i].to.table != table ||
		    !holds(routes[i].to.addr, routes[i].to.len, query->dst)) {
			continue;
		}
		take_route(state, &routes[i], ret_route);
		if (ret_nat && leads_to_gateway(&routes[i])) {
			take_route(state, &routes[i], ret_nat);
		}
	}
	if (r == 0 && ret_route->found) {
		r = datapath_each_route(state->dp, fill_target, ret_route);
	}
	if (r == 0 && ret_nat && ret_nat->found) {
		r = datapath_each_route(state->dp, fill_target, ret_nat);
	}
	return r;
}

/* ---- addresses and the access list ---- */

static void find_addresses(const struct natgwd_state *state, struct check_facts *facts)
{
	struct natgw_address row;

	if (datapath_get_address(state->dp, facts->query.client, &row) == 0) {
		facts->client_kind = row.kind;
		facts->public_addr = row.kind == NATGW_ADDRESS_MAPPED ? row.peer : 0;
	}
	if (datapath_get_address(state->dp, facts->query.dst, &row) == 0) {
		facts->dst_kind = row.kind;
	}
}

struct acl_search {
	__be32 addr;
	struct check_acl acl;
};

static int find_acl(const struct natgw_acl_key *key, const struct natgw_acl *row, void *arg)
{
	struct acl_search *search = arg;
	struct check_acl *acl = &search->acl;

	if (!holds(key->addr, (uint8_t)key->prefix_len, search->addr) ||
	    (acl->found && key->prefix_len < acl->prefix.len)) {
		return 0;
	}
	acl->found = true;
	acl->deny = row->deny;
	acl->prefix = (struct config_prefix){ key->addr, (uint8_t)key->prefix_len };
	return 0;
}

static unsigned int line_of_acl(const struct config *config, const struct config_prefix *prefix)
{
	for (size_t i = 0; i < config->acl_count; i++) {
		if (config->acl[i].prefix.addr == prefix->addr &&
		    config->acl[i].prefix.len == prefix->len) {
			return config->acl[i].place.line;
		}
	}
	return 0;
}

static int find_denial(const struct natgwd_state *state, struct check_facts *facts)
{
	struct acl_search of_dst = { .addr = facts->query.dst };
	struct acl_search of_client = { .addr = facts->query.client };
	int r = datapath_each_acl(state->dp, find_acl, &of_dst);

	if (r == 0) {
		r = datapath_each_acl(state->dp, find_acl, &of_client);
	}
	if (r < 0) {
		return r;
	}
	of_client.acl.of_client = true;
	if (of_client.acl.deny && !of_dst.acl.deny) {
		facts->acl = of_client.acl;
	} else {
		facts->acl = of_dst.acl;
	}
	facts->acl.line = line_of_acl(state->config, &facts->acl.prefix);
	return 0;
}

int check_find_policy(const struct natgwd_state *state, struct check_facts *facts)
{
	int r = find_subnet(state, facts);

	base_name(state->config->file, facts->file, sizeof(facts->file));
	find_addresses(state, facts);
	if (r == 0 && facts->has_subnet) {
		r = find_route(state, &facts->query, facts->table, &facts->route,
			       &facts->nat_route);
	}
	return r == 0 ? find_denial(state, facts) : r;
}

/* ---- the gateway and its rules ---- */

static void name_rule(const struct natgwd_state *state, uint16_t number, struct check_rule *rule)
{
	struct natgw_rule row;

	for (uint32_t i = 0; number && i < state->rule_count; i++) {
		const struct rule_status *status = &state->rules[i];

		if (status->number != number || status->rule >= state->config->rule_count ||
		    datapath_get_rule(state->dp, number, &row) < 0) {
			continue;
		}
		*rule = (struct check_rule){
			.place = status->rule + 1,
			.kind = (enum natgw_rule_kind)row.kind,
			.line = state->config->rules[status->rule].place.line,
			.pool_first = row.pool_first,
			.pool_count = row.pool_count,
		};
		return;
	}
}

static int read_gateway(const struct natgwd_state *state, struct check_facts *facts)
{
	const struct gateway_status *status = &state->gateways[facts->gateway];
	const struct config_gateway *config = config_find_gateway(state->config, status->name);
	const char *name = snapshot_gateway_name(state, facts->gateway);
	int r = datapath_get_gateway(state->dp, facts->gateway, &facts->row);

	(void)snprintf(facts->gateway_name, sizeof(facts->gateway_name), "%s", name);
	facts->state = status->state;
	memcpy(facts->state_reason, status->reason, sizeof(facts->state_reason));
	facts->gateway_line = config ? config->place.line : 0;
	if (r == 0 && facts->row.table) {
		(void)snprintf(facts->own_table, sizeof(facts->own_table), "%s",
			       config ? config->table : "");
		r = find_route(state, &facts->query, facts->row.table, &facts->own_route, NULL);
	}
	return r;
}

/* The row of a black hole has the gateway's name in the config only. 0: there is none. */
static uint32_t gateway_of(const struct natgwd_state *state, const struct check_route *route)
{
	const char *name = route->target + strlen("gateway:");

	if (!route->found || (route->gateway && route->gateway < NATGW_GATEWAYS_MAX)) {
		return route->found ? route->gateway : 0;
	}
	for (uint32_t i = 1; i < NATGW_GATEWAYS_MAX; i++) {
		if (state->gateways[i].name[0] && strcmp(state->gateways[i].name, name) == 0) {
			return i;
		}
	}
	return 0;
}

int check_find_gateway(const struct natgwd_state *state, struct check_facts *facts)
{
	const struct natgw_check_result *result = &facts->result;

	name_rule(state, result->rule, &facts->rule);
	name_rule(state, result->dnat_rule, &facts->dnat);
	name_rule(state, result->snat_rule, &facts->snat);
	facts->gateway = result->gateway ? result->gateway : gateway_of(state, &facts->nat_route);
	return facts->gateway ? read_gateway(state, facts) : 0;
}

/* ---- the whole ---- */

static const uint8_t *mac_of(const struct natgwd_state *state, uint32_t ifindex)
{
	for (unsigned int i = 0; ifindex && i < state->iface_count; i++) {
		if (state->ifaces[i].ifindex == ifindex) {
			return state->ifaces[i].mac;
		}
	}
	return NULL;
}

/* With a port that no session has, unless one is asked for: the session would decide. Without an
 * interface to come in by there is no run. */
int check_run_dry(const struct natgwd_state *state, struct check_facts *facts)
{
	const uint8_t *mac = mac_of(state, facts->in.ifindex);
	const bool any = !facts->query.client_port;
	uint8_t frame[CHECK_FRAME_MAX];
	int r = 0;

	facts->was_run = mac;
	for (uint16_t i = 0; r == 0 && mac && i < CLIENT_PORTS_TRIED; i++) {
		if (any) {
			facts->query.client_port = htons((uint16_t)(CLIENT_PORT + i));
		}
		size_t size = check_frame(&facts->query, mac, frame);

		r = datapath_check(state->dp, facts->in.ifindex, frame, (uint32_t)size,
				   &facts->result);
		if (!any || !(facts->result.met & NATGW_CHECK_SESSION)) {
			break;
		}
	}
	return r;
}

int check_gather(const struct natgwd_state *state, const struct check_query *query,
		 struct check_facts **ret_facts)
{
	_cleanup_free_ struct check_facts *facts = calloc(1, sizeof(*facts));
	int r;

	if (!facts) {
		return -ENOMEM;
	}
	facts->query = *query;
	check_find_in(state, facts);
	r = check_find_policy(state, facts);
	if (r == 0) {
		r = check_run_dry(state, facts);
	}
	if (r == 0) {
		r = check_find_gateway(state, facts);
	}
	if (r == 0) {
		check_find_way(state, facts);
		(void)probe_programs(state, facts->way.broken, sizeof(facts->way.broken));
		r = check_find_use(state, facts);
	}
	if (r < 0) {
		return r;
	}
	check_find_refused(state, facts);
	*ret_facts = TAKE_PTR(facts);
	return 0;
}
