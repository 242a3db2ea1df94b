// SPDX-License-Identifier: GPL-2.0-only
/*
 * Whether the host has a way to where a gateway is to lead: a route out of an external interface
 * that covers one of the gateway's own routes, or goes on to a part of it by a next hop. Asks the
 * kernel for its routes; keeps nothing.
 */
#include "lifecycle_internal.h"

#include <arpa/inet.h>
#include <errno.h>
#include <linux/rtnetlink.h>
#include <string.h>
#include <sys/socket.h>

#include "nldump.h"

#define ROUTE_ATTRS (RTA_MULTIPATH + 1)

struct route_search {
	const struct natgwd_state *state;
	const struct config *config;
	const struct config_gateway *gateway;
	bool found;
};

/* A route of the host. */
struct host_route {
	uint32_t addr; /* host order */
	uint8_t len;
	bool connected; /* made by the kernel for an address of the interface: no next hop */
};

static int collect_attr(const struct nlattr *attr, void *arg)
{
	const struct nlattr **attrs = arg;

	if (mnl_attr_get_type(attr) < ROUTE_ATTRS) {
		attrs[mnl_attr_get_type(attr)] = attr;
	}
	return MNL_CB_OK;
}

/* A private gateway leads to networks behind any interface. */
static bool leads_out(const struct route_search *search, uint32_t ifindex)
{
	if (search->gateway->is_private) {
		return ifindex > 1;
	}
	for (unsigned int i = 0; i < search->state->iface_count; i++) {
		const struct iface_state *iface = &search->state->ifaces[i];

		if ((iface->flags & NATGW_IFACE_EXTERNAL) && iface->ifindex == ifindex && ifindex) {
			return iface->up;
		}
	}
	return false;
}

static bool hops_lead_out(const struct route_search *search, const struct nlattr *attr)
{
	const char *at = mnl_attr_get_payload(attr);
	size_t left = mnl_attr_get_payload_len(attr);

	while (left >= sizeof(struct rtnexthop)) {
		struct rtnexthop hop;
		size_t length;

		memcpy(&hop, at, sizeof(hop));
		if (hop.rtnh_len < sizeof(hop) || hop.rtnh_len > left) {
			return false;
		}
		if (leads_out(search, (uint32_t)hop.rtnh_ifindex)) {
			return true;
		}
		length = RTNH_ALIGN((size_t)hop.rtnh_len);
		if (length >= left) {
			return false;
		}
		at += length;
		left -= length;
	}
	return false;
}

static bool is_within(uint32_t addr, uint32_t network, uint8_t len)
{
	return !len || (addr ^ network) >> (32 - len) == 0;
}

static bool serves(const struct host_route *host, struct config_prefix to)
{
	uint32_t network = ntohl(to.addr);

	if (host->len <= to.len) {
		return is_within(network, host->addr, host->len);
	}
	return !host->connected && is_within(host->addr, network, to.len);
}

/* Does it serve one of the gateway's routes in this table? *any: there was one. */
static bool serves_table(const struct route_search *search, const struct host_route *host,
			 const struct config_route_table *table, bool *any)
{
	for (size_t i = 0; i < table->route_count; i++) {
		const struct config_route *route = &table->routes[i];

		if (route->target != NATGW_TARGET_GATEWAY ||
		    strcmp(route->name, search->gateway->name) != 0) {
			continue;
		}
		*any = true;
		if (serves(host, route->to)) {
			return true;
		}
	}
	return false;
}

/* One without routes is to lead everywhere. */
static bool serves_gateway(const struct route_search *search, const struct host_route *host)
{
	bool any = false;

	for (size_t i = 0; i < search->config->table_count; i++) {
		if (serves_table(search, host, &search->config->tables[i], &any)) {
			return true;
		}
	}
	return !any && serves(host, (struct config_prefix){ 0, 0 });
}

static int on_route(const struct nlmsghdr *header, void *arg)
{
	const struct rtmsg *message = mnl_nlmsg_get_payload(header);
	const struct nlattr *attrs[ROUTE_ATTRS] = { NULL };
	struct route_search *search = arg;
	struct host_route host = { .len = message->rtm_dst_len };

	if (header->nlmsg_type != RTM_NEWROUTE || message->rtm_family != AF_INET ||
	    message->rtm_type != RTN_UNICAST || message->rtm_table == RT_TABLE_LOCAL ||
	    mnl_attr_parse(header, sizeof(*message), collect_attr, attrs) < 0) {
		return MNL_CB_OK;
	}
	if (attrs[RTA_DST]) {
		host.addr = ntohl(mnl_attr_get_u32(attrs[RTA_DST]));
	}
	host.connected = message->rtm_protocol == RTPROT_KERNEL;
	if (!(attrs[RTA_OIF] && leads_out(search, mnl_attr_get_u32(attrs[RTA_OIF]))) &&
	    !(attrs[RTA_MULTIPATH] && hops_lead_out(search, attrs[RTA_MULTIPATH]))) {
		return MNL_CB_OK;
	}
	search->found = serves_gateway(search, &host);
	return search->found ? MNL_CB_STOP : MNL_CB_OK;
}

int lifecycle_route_check(const struct natgwd_state *state, const struct config *config,
			  const struct config_gateway *gateway)
{
	static const struct rtmsg message = { .rtm_family = AF_INET };
	struct route_search search = { state, config, gateway, false };
	int err = nldump_run(RTM_GETROUTE, &message, sizeof(message), on_route, &search);

	if (err) {
		return err;
	}
	return search.found ? 0 : -ENETUNREACH;
}
