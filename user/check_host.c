// SPDX-License-Identifier: GPL-2.0-only
/*
 * What a check asks of the host: the interface that the client's packets come in by, the way on
 * after translation, and what natgwd knows of refused sessions.
 */
#include <errno.h>
#include <linux/rtnetlink.h>
#include <string.h>

#include "check_internal.h"
#include "events.h"
#include "parse_util.h"
#include "probe.h"

static const struct iface_state *iface_of(const struct natgwd_state *state, uint32_t ifindex)
{
	for (unsigned int i = 0; ifindex && i < state->iface_count; i++) {
		if (state->ifaces[i].ifindex == ifindex) {
			return &state->ifaces[i];
		}
	}
	return NULL;
}

/* ---- where it comes from ---- */

static bool is_beside(const struct iface_state *iface, __be32 addr)
{
	for (unsigned int i = 0; i < iface->addr_count; i++) {
		if (parse_util_network(iface->addrs[i], iface->addr_lens[i]) ==
		    parse_util_network(addr, iface->addr_lens[i])) {
			return true;
		}
	}
	return false;
}

/* The internal interface whose network the client is in; else one that is there; else any. */
static const struct iface_state *guess_in(const struct natgwd_state *state, __be32 client)
{
	const struct iface_state *guess = NULL;

	for (unsigned int i = 0; i < state->iface_count; i++) {
		const struct iface_state *iface = &state->ifaces[i];

		if (!(iface->flags & NATGW_IFACE_INTERNAL)) {
			continue;
		}
		if (is_beside(iface, client)) {
			return iface;
		}
		if (!guess || (!guess->ifindex && iface->ifindex)) {
			guess = iface;
		}
	}
	return guess;
}

void check_find_in(const struct natgwd_state *state, struct check_facts *facts)
{
	const struct hostroute_query query = { .dst = facts->query.client };
	const struct iface_state *iface = guess_in(state, facts->query.client);
	const struct iface_state *routed = NULL;
	struct check_in *in = &facts->in;
	struct hostroute route = { 0 };

	in->is_internal = true;
	if (hostroute_find(&query, &route) == 0 && route.type == RTN_UNICAST) {
		routed = iface_of(state, route.ifindex);
		in->is_internal = routed && (routed->flags & NATGW_IFACE_INTERNAL);
	}
	if (routed && in->is_internal) {
		iface = routed;
	}
	if (!iface) {
		return;
	}
	memcpy(in->iface, iface->name, sizeof(in->iface));
	in->ifindex = iface->ifindex;
	in->up = iface->up;
	if (routed && in->is_internal) {
		(void)hostroute_neigh(route.ifindex, route.via ? route.via : facts->query.client,
				      &in->neigh);
	}
}

/* ---- where it goes ---- */

/* An external interface that carries nothing, if that explains why there is no way. */
static void find_down(const struct natgwd_state *state, struct check_way *way)
{
	for (unsigned int i = 0; i < state->iface_count; i++) {
		const struct iface_state *iface = &state->ifaces[i];

		if ((iface->flags & NATGW_IFACE_EXTERNAL) && (!iface->ifindex || !iface->up)) {
			memcpy(way->down, iface->name, sizeof(way->down));
			return;
		}
	}
}

static void name_way(const struct natgwd_state *state, uint32_t ifindex, struct check_way *way)
{
	const struct iface_state *iface = iface_of(state, ifindex);

	way->ifindex = ifindex;
	if (iface) {
		memcpy(way->iface, iface->name, sizeof(way->iface));
		way->is_external = iface->flags & NATGW_IFACE_EXTERNAL;
		way->up = iface->up;
		way->mtu = iface->mtu;
	} else if (!if_indextoname(ifindex, way->iface)) {
		(void)snprintf(way->iface, sizeof(way->iface), "#%u", ifindex);
	}
}

/* The kernel goes on asking a router that does not answer: the probe knows that it did not. */
static bool is_silent(const struct natgwd_state *state, const struct check_facts *facts)
{
	const struct probe_gateway *found = probe_of(state->probe, facts->gateway);

	return facts->way.neigh.state == HOSTROUTE_NEIGH_ASKING && found && found->known &&
	       !found->up && found->reason == PROBE_NEXT_HOP;
}

void check_find_way(const struct natgwd_state *state, struct check_facts *facts)
{
	const struct natgw_check_result *result = &facts->result;
	const struct hostroute_query query = {
		.src = facts->in.ifindex ? facts->query.client : 0,
		.dst = facts->query.dst,
		.ifindex = facts->in.ifindex,
	};
	struct check_way *way = &facts->way;
	struct hostroute route = { 0 };

	find_down(state, way);
	way->error = hostroute_find(&query, &route);
	if (!way->error) {
		name_way(state, route.ifindex, way);
		way->via = route.via ? route.via : facts->query.dst;
		(void)hostroute_neigh(route.ifindex, way->via, &way->neigh);
		if (is_silent(state, facts)) {
			way->neigh.state = HOSTROUTE_NEIGH_FAILED;
		}
	}
	if (result->met & NATGW_CHECK_NEXTHOP) {
		way->error = 0;
		name_way(state, result->out_ifindex, way);
		way->mtu = result->mtu;
		way->neigh.state = HOSTROUTE_NEIGH_KNOWN;
		memcpy(way->neigh.mac, result->dmac, sizeof(way->neigh.mac));
	}
}

/* ---- what was refused ---- */

void check_find_refused(const struct natgwd_state *state, struct check_facts *facts)
{
	const struct events_log *log = state->events ? events_kept(state->events) : NULL;
	struct check_refused *refused = &facts->refused;
	struct timespec now = { 0 };

	clock_gettime(CLOCK_REALTIME, &now);
	for (size_t i = log ? log->count : 0; i-- > 0;) {
		const struct events_entry *entry = events_at(log, i);

		if (entry->event.client != facts->query.client ||
		    now.tv_sec - entry->at.tv_sec > CHECK_RECENT_S) {
			continue;
		}
		/* The latest comes first. */
		if (refused->count++ == 0) {
			refused->verdict = entry->event.verdict;
			refused->seconds = (uint32_t)(now.tv_sec - entry->at.tv_sec);
		}
	}
}
