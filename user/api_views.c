// SPDX-License-Identifier: GPL-2.0-only
/*
 * JSON of /v1/status, /v1/gateways and /v1/routes. Not responsible for counters (api_stats.c) and
 * sessions (api_sessions.c). jansson's "o*" and json_array_append_new take NULL for "out of memory"
 * and hand it on, so each view checks once, at its end.
 */
#include "api_views.h"

#include <arpa/inet.h>
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "api_policy.h"
#include "cleanup.h"
#include "lifecycle.h"
#include "names.h"
#include "probe_metrics.h"
#include "record.h"
#include "snapshot.h"
#include "version.h"

static int finish(json_t *json, json_t **ret_json)
{
	if (!json) {
		return -ENOMEM;
	}
	*ret_json = json;
	return 0;
}

static json_t *address_json(__be32 addr)
{
	char text[INET_ADDRSTRLEN];

	return json_string(inet_ntop(AF_INET, &addr, text, sizeof(text)));
}

/* ---- status ---- */

static const char *attach_name(enum iface_attach attach)
{
	switch (attach) {
	case IFACE_ATTACH_XDP_NATIVE:
		return "xdp-native";
	case IFACE_ATTACH_XDP_GENERIC:
		return "xdp-generic";
	case IFACE_ATTACH_XDP_SHARED:
		return "xdp-shared";
	case IFACE_ATTACH_TC:
		return "tc";
	case IFACE_ATTACH_NONE:
		break;
	}
	return "none";
}

static json_t *iface_json(const struct iface_state *iface)
{
	json_t *roles = json_array();
	json_t *addresses = json_array();
	char text[32];

	if (iface->flags & NATGW_IFACE_EXTERNAL) {
		json_array_append_new(roles, json_string("external"));
	}
	if (iface->flags & NATGW_IFACE_INTERNAL) {
		json_array_append_new(roles, json_string("internal"));
	}
	for (unsigned int i = 0; i < iface->addr_count; i++) {
		char addr[INET_ADDRSTRLEN];

		inet_ntop(AF_INET, &iface->addrs[i], addr, sizeof(addr));
		snprintf(text, sizeof(text), "%s/%u", addr, iface->addr_lens[i]);
		json_array_append_new(addresses, json_string(text));
	}
	snprintf(text, sizeof(text), "%02x:%02x:%02x:%02x:%02x:%02x", iface->mac[0], iface->mac[1],
		 iface->mac[2], iface->mac[3], iface->mac[4], iface->mac[5]);
	return json_pack("{s:s, s:I, s:o, s:s, s:s, s:b, s:s, s:I, s:o}", "name", iface->name,
			 "ifindex", (json_int_t)iface->ifindex, "roles", roles, "attach",
			 attach_name(iface->attach), "attach_reason", iface->attach_reason, "up",
			 iface->up, "mac", text, "mtu", (json_int_t)iface->mtu, "addresses",
			 addresses);
}

static size_t count_eips(const struct snapshot_eip *eips, size_t count, unsigned int gateway)
{
	size_t found = 0;

	for (size_t i = 0; i < count; i++)
		found += eips[i].gateway == gateway;
	return found;
}

static json_t *status_gateways(const struct natgwd_state *state, const struct snapshot_eip *eips,
			       size_t eip_count)
{
	json_t *list = json_array();

	for (unsigned int i = 1; i < NATGW_GATEWAYS_MAX; i++) {
		const struct gateway_status *status = &state->gateways[i];
		struct natgw_gateway row = {};

		if (!status->name[0]) {
			continue;
		}
		datapath_get_gateway(state->dp, i, &row);
		json_array_append_new(
			list, json_pack("{s:s, s:s, s:s, s:o, s:I, s:o, s:b}", "name", status->name,
					"state", names_gateway_state(status->state), "reason",
					status->reason, "private_ip", address_json(row.private_ip),
					"eip_count", (json_int_t)count_eips(eips, eip_count, i),
					"datapath", probe_json(state, i), "blocked",
					!!(row.flags & NATGW_GATEWAY_BLOCKED)));
	}
	return list;
}

/* Those that live, and those that only hold their port. */
static void count_sessions(const struct natgwd_state *state, json_int_t *ret_live,
			   json_int_t *ret_held)
{
	*ret_live = 0;
	*ret_held = 0;
	for (uint32_t i = 0; i < NATGW_GATEWAYS_MAX; i++) {
		struct natgw_active active = {};

		datapath_read_active(state->dp, i, &active);
		for (unsigned int proto = 0; proto < NATGW_PROTO_COUNT; proto++) {
			*ret_live +=
				(json_int_t)(active.opening[proto] + active.established[proto]);
			*ret_held += (json_int_t)active.held[proto];
		}
	}
}

int api_views_status(const struct natgwd_state *state, json_t **ret_json)
{
	struct snapshot_eip *found = NULL;
	size_t eip_count = 0;
	int r = snapshot_eips(state->dp, &found, &eip_count);

	if (r < 0) {
		return r;
	}
	_cleanup_free_ struct snapshot_eip *eips = found;
	json_t *interfaces = json_array();
	json_int_t live;
	json_int_t held;

	count_sessions(state, &live, &held);
	for (unsigned int i = 0; i < state->iface_count; i++)
		json_array_append_new(interfaces, iface_json(&state->ifaces[i]));
	return finish(json_pack("{s:s, s:I, s:I, s:s?, s:I, s:o, s:o, s:I, s:I, s:I}", "version",
				NATGW_VERSION, "pid", (json_int_t)getpid(), "uptime_s",
				(json_int_t)(time(NULL) - state->started), "config_file",
				state->config->file, "config_generation",
				(json_int_t)state->config_generation, "interfaces", interfaces,
				"gateways", status_gateways(state, eips, eip_count), "sessions",
				live, "held", held, "sessions_max",
				(json_int_t)snapshot_sessions_max(state)),
		      ret_json);
}

/* ---- gateways ---- */

static json_t *by_proto(const uint64_t counts[NATGW_PROTO_COUNT])
{
	return json_pack("{s:I, s:I, s:I}", "tcp", (json_int_t)counts[NATGW_PROTO_TCP], "udp",
			 (json_int_t)counts[NATGW_PROTO_UDP], "icmp",
			 (json_int_t)counts[NATGW_PROTO_ICMP]);
}

static const char *eip_state(const struct snapshot_eip *eip, enum natgw_gateway_state gateway)
{
	const struct lifecycle_eip life = {
		.gateway = gateway,
		.has_row = true,
		.draining = eip->draining,
		.over = eip->drain_over,
	};

	return lifecycle_eip_state(&life);
}

static json_t *eip_json(const struct snapshot_eip *eip, enum natgw_gateway_state gateway)
{
	uint64_t ports[NATGW_PROTO_COUNT];
	uint64_t held[NATGW_PROTO_COUNT] = {};

	for (unsigned int proto = 0; proto < NATGW_PROTO_COUNT; proto++) {
		ports[proto] = eip->ports_in_use[proto];
		for (unsigned int hold = 0; hold < NATGW_HOLD_COUNT; hold++)
			held[proto] += eip->ports_held[proto].held[hold];
	}
	return json_pack("{s:o, s:o, s:b, s:s, s:I, s:o, s:o}", "address", address_json(eip->addr),
			 "public_address",
			 eip->public_addr ? address_json(eip->public_addr) : json_null(), "shared",
			 eip->shared, "state", eip_state(eip, gateway), "drain_remaining_s",
			 (json_int_t)eip->drain_s, "ports_in_use", by_proto(ports), "ports_held",
			 by_proto(held));
}

static json_t *eips_json(const struct natgwd_state *state, const struct snapshot_eip *eips,
			 size_t count, unsigned int gateway)
{
	json_t *list = json_array();

	for (size_t i = 0; i < count; i++) {
		if (eips[i].gateway == gateway) {
			json_array_append_new(list,
					      eip_json(&eips[i], state->gateways[gateway].state));
		}
	}
	return list;
}

static json_t *timeouts_json(const struct natgw_gateway *row)
{
	json_t *timeouts = json_object();

	for (unsigned int timer = 0; timer < NATGW_TIMER_COUNT; timer++) {
		json_object_set_new(
			timeouts, config_timer_name(timer),
			json_integer((json_int_t)record_timer_seconds(row->timeout[timer])));
	}
	return timeouts;
}

static json_t *route_tables_json(const struct config *config, const char *gateway)
{
	json_t *tables = json_array();

	for (size_t i = 0; i < config->table_count; i++) {
		const struct config_route_table *table = &config->tables[i];
		bool leads_there = false;

		for (size_t j = 0; j < table->route_count && !leads_there; j++) {
			leads_there = table->routes[j].target == NATGW_TARGET_GATEWAY &&
				      strcmp(table->routes[j].name, gateway) == 0;
		}
		if (leads_there) {
			json_array_append_new(tables, json_string(table->name));
		}
	}
	return tables;
}

static bool iface_has(const struct iface_state *iface, __be32 addr)
{
	for (unsigned int i = 0; i < iface->addr_count; i++) {
		if (iface->addrs[i] == addr) {
			return true;
		}
	}
	return false;
}

/* NULL when no managed interface has the address. */
static const char *iface_of_address(const struct natgwd_state *state, __be32 addr)
{
	for (unsigned int i = 0; i < state->iface_count; i++) {
		if (iface_has(&state->ifaces[i], addr)) {
			return state->ifaces[i].name;
		}
	}
	return NULL;
}

static json_t *active_json(const struct natgw_active *active)
{
	json_t *protos = json_object();

	for (unsigned int proto = 0; proto < NATGW_PROTO_COUNT; proto++) {
		json_object_set_new(protos, names_proto(proto),
				    json_pack("{s:I, s:I, s:I}", "opening",
					      (json_int_t)active->opening[proto], "established",
					      (json_int_t)active->established[proto], "held",
					      (json_int_t)active->held[proto]));
	}
	return protos;
}

static json_t *quotas_json(const struct natgw_gateway *row)
{
	return json_pack(
		"{s:I, s:I, s:I, s:{s:I, s:I}}", "max_sessions", (json_int_t)row->sessions_max,
		"max_sessions_per_client", (json_int_t)row->client_sessions_max,
		"max_half_open_per_client", (json_int_t)row->client_opening_max, "ports_per_client",
		"min", (json_int_t)row->client_ports_min, "max", (json_int_t)row->client_ports_max);
}

static const char *behaviour_name(bool endpoint_independent)
{
	return endpoint_independent ? "endpoint_independent" : "address_and_port_dependent";
}

static json_t *rate_json(const struct config_rate *rate)
{
	return json_pack("{s:I, s:I}", "bits_per_second", (json_int_t)rate->bits_per_second,
			 "packets_per_second", (json_int_t)rate->packets_per_second);
}

/* How it treats sessions, as the data path has it. */
static int put_behaviour(json_t *json, const struct natgw_gateway *row,
			 const struct config_gateway *config)
{
	static const struct config_rate none;

	return json_object_update_new(
		json,
		json_pack("{s:I, s:s, s:s, s:s, s:s, s:s, s:s, s:o, s:o, s:o}", "destination_ports",
			  (json_int_t)row->destination_ports, "eip_select",
			  row->flags & NATGW_GATEWAY_RANDOM_EIP ? "random" : "sticky", "refresh",
			  row->flags & NATGW_GATEWAY_REFRESH_OUTBOUND ? "outbound" : "both",
			  "mapping",
			  behaviour_name(row->mapping & NATGW_MAPPING_ENDPOINT_INDEPENDENT),
			  "filtering",
			  behaviour_name(row->mapping & NATGW_FILTERING_ENDPOINT_INDEPENDENT),
			  "no_session", config_no_session_name(row->no_session), "on_exhaustion",
			  config_on_exhaustion_name(row->on_exhaustion), "quotas", quotas_json(row),
			  "rate_limit", rate_json(config ? &config->rate : &none),
			  "client_rate_limit", rate_json(config ? &config->client_rate : &none)));
}

static json_t *gateway_json(const struct natgwd_state *state, unsigned int index, json_t *eips)
{
	const struct gateway_status *status = &state->gateways[index];
	const struct config_gateway *config = config_find_gateway(state->config, status->name);
	struct natgw_gateway row = {};
	struct natgw_active active = {};
	struct natgw_gateway_use use = {};

	datapath_get_gateway(state->dp, index, &row);
	datapath_read_active(state->dp, index, &active);
	datapath_read_gateway_use(state->dp, index, &use);

	json_t *json = json_pack(
		"{s:s, s:s, s:s, s:o, s:s?, s:s?, s:I, s:I, s:o, s:o, s:o, s:o, s:I}", "name",
		status->name, "state", names_gateway_state(status->state), "reason", status->reason,
		"private_ip", address_json(row.private_ip), "private_ip_interface",
		iface_of_address(state, row.private_ip), "profile", config ? config->profile : NULL,
		"port_first", (json_int_t)row.port_first, "port_last",
		(json_int_t)(row.port_count ? row.port_first + row.port_count - 1 : 0), "eips",
		eips, "timeouts", timeouts_json(&row), "route_tables",
		route_tables_json(state->config, status->name), "active", active_json(&active),
		"clients", (json_int_t)use.clients);

	/* A view is checked for want of memory once, at its end. */
	(void)put_behaviour(json, &row, config);
	(void)api_policy_gateway(json, &row, state->config, config);
	(void)lifecycle_json(state, status->name, json);
	json_object_set_new(json, "blocked", json_boolean(row.flags & NATGW_GATEWAY_BLOCKED));
	return json;
}

/* One that was deleted is shown to whoever asks for it, or for all. */
static bool is_asked_for(const struct gateway_status *status, const char *name, bool all)
{
	if (!status->name[0] || (name && strcmp(name, status->name) != 0)) {
		return false;
	}
	return name || all || status->state != NATGW_GATEWAY_DELETED;
}

int api_views_gateways(const struct natgwd_state *state, const char *name, bool all,
		       json_t **ret_json)
{
	struct snapshot_eip *found = NULL;
	size_t eip_count = 0;
	int r = snapshot_eips(state->dp, &found, &eip_count);

	if (r < 0) {
		return r;
	}
	_cleanup_free_ struct snapshot_eip *eips = found;
	json_t *list = json_array();

	for (unsigned int i = 1; i < NATGW_GATEWAYS_MAX; i++) {
		if (is_asked_for(&state->gateways[i], name, all)) {
			json_array_append_new(
				list, gateway_json(state, i, eips_json(state, eips, eip_count, i)));
		}
	}
	if (name && json_array_size(list) == 0 && !lifecycle_find(state, name)) {
		json_decref(list);
		return -ENOENT;
	}
	json_t *rules = NULL;

	r = api_policy_rules(state, &rules);
	if (r < 0) {
		json_decref(list);
		return r;
	}
	return finish(json_pack("{s:o, s:o, s:o, s:o, s:o}", "gateways", list, "records",
				lifecycle_records_json(state, name, all), "rules", rules,
				"one_to_one", api_policy_one_to_one(state->config), "acl",
				api_policy_acl(state->config)),
		      ret_json);
}

/* ---- routes ---- */

static int routes_json(const struct natgwd_state *state, json_t *list)
{
	struct snapshot_route *found = NULL;
	size_t count = 0;
	int r = snapshot_routes(state, &found, &count);

	if (r < 0) {
		return r;
	}
	_cleanup_free_ struct snapshot_route *routes = found;

	for (size_t i = 0; i < count; i++) {
		json_array_append_new(
			list,
			json_pack("{s:s, s:s, s:s, s:s, s:s}", "table", routes[i].to.table_name,
				  "to", routes[i].to.prefix, "target", routes[i].target, "origin",
				  names_origin(routes[i].origin), "state", routes[i].state));
	}
	return 0;
}

static int subnets_json(const struct natgwd_state *state, json_t *list)
{
	struct snapshot_subnet *found = NULL;
	size_t count = 0;
	int r = snapshot_subnets(state, &found, &count);

	if (r < 0) {
		return r;
	}
	_cleanup_free_ struct snapshot_subnet *subnets = found;

	for (size_t i = 0; i < count; i++) {
		json_array_append_new(list, json_pack("{s:s, s:s}", "table", subnets[i].table_name,
						      "prefix", subnets[i].prefix));
	}
	return 0;
}

int api_views_routes(const struct natgwd_state *state, json_t **ret_json)
{
	json_t *routes = json_array();
	json_t *subnets = json_array();
	int r = routes_json(state, routes);

	if (r == 0) {
		r = subnets_json(state, subnets);
	}
	if (r < 0) {
		json_decref(routes);
		json_decref(subnets);
		return r;
	}
	return finish(json_pack("{s:o, s:o}", "routes", routes, "subnets", subnets), ret_json);
}
