// SPDX-License-Identifier: GPL-2.0-only
/*
 * The service: when to look, at which packet of each gateway, what follows from what is seen. Not
 * responsible for the programs at the interfaces (probe_programs.c) nor for the form in which it is
 * shown (probe_metrics.c).
 */
#include "probe.h"

#include <arpa/inet.h>
#include <errno.h>
#include <event2/event.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "check_internal.h"
#include "cleanup.h"
#include "log.h"
#include "names.h"
#include "parse_util.h"
#include "probe_keep.h"

/* Addresses of a subnet that are tried for a client: some are the gateway's own. */
#define CLIENTS_TRIED 64
#define PORT 443

struct probe {
	struct natgwd_state *state;
	struct event *timer;
	struct probe_gateway gateways[NATGW_GATEWAYS_MAX];
	struct probe_keep *keep;
	uint32_t seconds_left; /* until the next round */
};

_Static_assert(PROBE_REASON_COUNT <= PROBE_KEEP_REASONS, "room for the counters");

const char *probe_reason_name(enum probe_reason reason)
{
	static const char *const names[] = {
		[PROBE_STATE] = "state",     [PROBE_PROGRAM] = "program",   [PROBE_LINK] = "link",
		[PROBE_DROPPED] = "dropped", [PROBE_NEXT_HOP] = "next_hop", [PROBE_ERROR] = "error",
	};

	return reason < PROBE_REASON_COUNT ? names[reason] : "unknown";
}

/* ---- which packet ---- */

static bool is_route_to(const struct config_route *route, const char *gateway)
{
	return route->target == NATGW_TARGET_GATEWAY && strcmp(route->name, gateway) == 0;
}

/* The longest match of a table. */
static const struct config_route *match(const struct config_route_table *table, __be32 addr)
{
	const struct config_route *best = NULL;

	for (size_t i = 0; i < table->route_count; i++) {
		const struct config_route *route = &table->routes[i];

		if (parse_util_network(addr, route->to.len) == route->to.addr &&
		    (!best || route->to.len > best->to.len)) {
			best = route;
		}
	}
	return best;
}

static __be32 nth_of(const struct config_prefix *prefix, uint32_t n)
{
	return htonl(ntohl(prefix->addr) + n);
}

/* The destination for clients of this table: the configured one if the table leads it to the
 * gateway, else the first that it does. False: there is none. */
static bool find_destination(const struct config *config, const struct config_route_table *table,
			     const char *gateway, __be32 *ret_dst)
{
	const struct config_route *route = match(table, config->probe_destination);

	if (route && is_route_to(route, gateway)) {
		*ret_dst = config->probe_destination;
		return true;
	}
	for (size_t i = 0; i < table->route_count; i++) {
		if (is_route_to(&table->routes[i], gateway)) {
			*ret_dst = nth_of(&table->routes[i].to, table->routes[i].to.len < 31);
			return true;
		}
	}
	return false;
}

/* The first usable address of the prefix that means nothing else to natgw. */
static bool find_client(struct datapath *dp, const struct config_prefix *prefix, __be32 *ret_addr)
{
	const uint32_t first = prefix->len < 31;
	const uint32_t size = prefix->len > 26 ? 1U << (32 - prefix->len) : CLIENTS_TRIED;

	for (uint32_t i = first; i < size; i++) {
		const __be32 addr = nth_of(prefix, i);
		struct natgw_address row;

		if (datapath_get_address(dp, addr, &row) == -ENOENT) {
			*ret_addr = addr;
			return true;
		}
	}
	return false;
}

static bool find_client_of(struct datapath *dp, const struct config_route_table *table,
			   __be32 *ret_addr)
{
	for (size_t i = 0; i < table->subnet_count; i++) {
		if (find_client(dp, &table->subnets[i], ret_addr)) {
			return true;
		}
	}
	return false;
}

/* False: no route leads to the gateway. */
static bool find_packet(const struct natgwd_state *state, const char *gateway,
			struct check_query *ret_query)
{
	const struct config *config = state->config;

	for (size_t i = 0; i < config->table_count; i++) {
		const struct config_route_table *table = &config->tables[i];

		if (find_destination(config, table, gateway, &ret_query->dst) &&
		    find_client_of(state->dp, table, &ret_query->client)) {
			return true;
		}
	}
	return false;
}

/* ---- what became of it ---- */

static bool __attribute__((format(printf, 3, 4)))
down(struct probe_gateway *found, enum probe_reason reason, const char *format, ...)
{
	va_list args;

	found->up = false;
	found->reason = reason;
	va_start(args, format);
	(void)vsnprintf(found->what, sizeof(found->what), format, args);
	va_end(args);
	return false;
}

/* All that follow: true when nothing is wrong as far as they look. */

static bool judge_next_hop(const struct check_facts *facts, const struct probe_gateway *before,
			   struct probe_gateway *found)
{
	const struct check_way *way = &facts->way;
	char via[INET_ADDRSTRLEN];

	check_address(way->via, via);
	if (way->neigh.state == HOSTROUTE_NEIGH_FAILED) {
		return down(found, PROBE_NEXT_HOP, "next hop %s does not answer ARP on %s", via,
			    way->iface);
	}
	if (way->neigh.state == HOSTROUTE_NEIGH_ASKING && before->known && !before->up &&
	    before->reason == PROBE_NEXT_HOP) {
		return down(found, PROBE_NEXT_HOP, "%s", before->what);
	}
	return true;
}

static bool judge_way(const struct check_facts *facts, const struct probe_gateway *before,
		      struct probe_gateway *found)
{
	const struct check_way *way = &facts->way;
	const unsigned int verdict = facts->result.verdict;
	const bool out = check_is_out(verdict);

	if (way->down[0] && (!out || way->error || !way->up)) {
		return down(found, PROBE_LINK, "external interface %s is down", way->down);
	}
	if (!out) {
		return down(found, PROBE_DROPPED, "a client's packet would end as %s",
			    names_verdict(verdict));
	}
	if (way->error) {
		return down(found, PROBE_NEXT_HOP, "this host has no way out: %s",
			    strerror(-way->error));
	}
	if (!way->is_external) {
		return down(found, PROBE_NEXT_HOP,
			    "this host's way out is %s, which is not external", way->iface);
	}
	return judge_next_hop(facts, before, found);
}

/* So that its state is known the next time, whether packets go there or not. */
static void ask_next_hop(const struct check_way *way)
{
	if (!way->error && way->is_external && way->up && way->ifindex &&
	    (way->neigh.state == HOSTROUTE_NEIGH_NONE ||
	     way->neigh.state == HOSTROUTE_NEIGH_FAILED)) {
		(void)hostroute_resolve(way->ifindex, way->via);
	}
}

static bool judge_packet(const struct natgwd_state *state, struct check_facts *facts,
			 const struct probe_gateway *before, struct probe_gateway *found)
{
	int err;

	check_find_in(state, facts);
	if (!facts->in.ifindex) {
		return down(found, PROBE_LINK, "no internal interface is there");
	}
	err = check_run_dry(state, facts);
	if (err) {
		return down(found, PROBE_ERROR, "the core cannot be run dry: %s", strerror(-err));
	}
	check_find_way(state, facts);
	ask_next_hop(&facts->way);
	return judge_way(facts, before, found);
}

static bool judge_gateway(const struct natgwd_state *state, unsigned int index,
			  const struct probe_gateway *before, struct probe_gateway *found)
{
	const struct gateway_status *status = &state->gateways[index];
	_cleanup_free_ struct check_facts *facts = calloc(1, sizeof(*facts));
	char broken[sizeof(found->what)] = "";

	if (status->state != NATGW_GATEWAY_AVAILABLE) {
		return down(found, PROBE_STATE, "it is %s", names_gateway_state(status->state));
	}
	if (!facts) {
		return down(found, PROBE_ERROR, "out of memory");
	}
	(void)probe_programs(state, broken, sizeof(broken));
	if (broken[0]) {
		return down(found, PROBE_PROGRAM, "%s", broken);
	}
	facts->query = (struct check_query){ .proto = IPPROTO_TCP, .port = htons(PORT) };
	if (!find_packet(state, status->name, &facts->query)) {
		/* No client's packet can come to it. */
		return true;
	}
	return judge_packet(state, facts, before, found);
}

/* ---- one round ---- */

static void tell(const char *gateway, const struct probe_gateway *before,
		 const struct probe_gateway *now)
{
	if (!now->up && (!before->known || before->up || strcmp(before->what, now->what) != 0)) {
		log_warning("gateway %s: the data path is down: %s", gateway, now->what);
	} else if (now->up && before->known && !before->up) {
		log_info("gateway %s: the data path is up again", gateway);
	}
}

static bool is_probed(const struct gateway_status *status)
{
	return status->name[0] &&
	       (status->state == NATGW_GATEWAY_AVAILABLE ||
		status->state == NATGW_GATEWAY_PENDING || status->state == NATGW_GATEWAY_FAILED);
}

static void probe_gateway(struct probe *probe, unsigned int index)
{
	struct probe_gateway *gateway = &probe->gateways[index];
	struct probe_gateway before = *gateway;

	gateway->known = is_probed(&probe->state->gateways[index]);
	if (!gateway->known) {
		return;
	}
	gateway->up = true;
	gateway->what[0] = '\0';
	if (!judge_gateway(probe->state, index, &before, gateway)) {
		probe->keep->failures[index][gateway->reason]++;
	}
	tell(probe->state->gateways[index].name, &before, gateway);
}

/* Once a second, so that an interval that a reload has changed counts at once. */
static void run(evutil_socket_t fd, short what, void *arg)
{
	static const struct timeval second = { .tv_sec = 1 };
	struct probe *probe = arg;

	(void)fd;
	(void)what;
	event_add(probe->timer, &second);
	if (probe->seconds_left > probe->state->config->probe_interval_s) {
		probe->seconds_left = probe->state->config->probe_interval_s;
	}
	if (probe->seconds_left && --probe->seconds_left) {
		return;
	}
	probe->seconds_left = probe->state->config->probe_interval_s;
	for (unsigned int i = 1; i < NATGW_GATEWAYS_MAX; i++) {
		probe_gateway(probe, i);
	}
}

/* ---- life ---- */

int probe_start(struct event_base *base, struct natgwd_state *state, struct probe **ret_probe)
{
	static const struct timeval at_once = { 0 };
	struct probe *probe = calloc(1, sizeof(*probe));
	int err;

	if (!probe) {
		return -ENOMEM;
	}
	probe->state = state;
	err = probe_keep_open(state->config->pin_path, &probe->keep);
	if (err) {
		free(probe);
		return err;
	}
	probe->timer = event_new(base, -1, 0, run, probe);
	if (!probe->timer) {
		probe_stop(probe);
		return -ENOMEM;
	}
	event_add(probe->timer, &at_once);
	*ret_probe = probe;
	return 0;
}

void probe_stop(struct probe *probe)
{
	if (!probe) {
		return;
	}
	if (probe->timer) {
		event_free(probe->timer);
	}
	probe_keep_close(probe->keep);
	free(probe);
}

uint64_t probe_failures(const struct probe *probe, unsigned int gateway, enum probe_reason reason)
{
	return probe->keep->failures[gateway][reason];
}

const struct probe_gateway *probe_of(const struct probe *probe, unsigned int gateway)
{
	if (!probe || gateway >= NATGW_GATEWAYS_MAX || !probe->gateways[gateway].known) {
		return NULL;
	}
	return &probe->gateways[gateway];
}
