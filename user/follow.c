// SPDX-License-Identifier: GPL-2.0-only
/*
 * Compares the picture of the host (netdev) with what is attached and what the maps say, and acts
 * on the difference. It never looks at single messages, so nothing depends on how many were lost.
 */
#include "follow.h"

#include <arpa/inet.h>
#include <errno.h>
#include <string.h>

#include "apply.h"
#include "lifecycle.h"
#include "log.h"
#include "sysctl.h"

/* Seconds from one look at the tc filters to the next. */
#define FOLLOW_REPAIR_S 5
#define FOLLOW_AGAIN_S 60

static void update_reasons(struct follow *follow);

static void report(int err, const char *what)
{
	if (err) {
		log_error("%s: %s", what, strerror(-err));
	}
}

static void fill_addrs(struct iface_state *iface, const struct netdev *netdev)
{
	size_t count = 0;
	const struct netdev_addr *addrs = netdev_addrs(netdev, &count);
	const unsigned int room = sizeof(iface->addrs) / sizeof(iface->addrs[0]);

	iface->addr_count = 0;
	for (size_t i = 0; i < count && iface->addr_count < room; i++) {
		if (iface->ifindex && addrs[i].ifindex == iface->ifindex) {
			iface->addrs[iface->addr_count] = addrs[i].addr;
			iface->addr_lens[iface->addr_count++] = addrs[i].len;
		}
	}
}

static void fill_link(struct iface_state *iface, const struct netdev_link *link)
{
	iface->ifindex = link ? link->ifindex : 0;
	iface->up = link && link->up;
	iface->mtu = link ? link->mtu : 0;
	memset(iface->mac, 0, sizeof(iface->mac));
	if (link) {
		memcpy(iface->mac, link->mac, sizeof(iface->mac));
	}
}

void follow_fill(struct natgwd_state *state, const struct netdev *netdev)
{
	state->iface_count = (unsigned int)state->config->interface_count;
	for (unsigned int i = 0; i < state->iface_count; i++) {
		struct iface_state *iface = &state->ifaces[i];

		snprintf(iface->name, sizeof(iface->name), "%s", state->config->interfaces[i].name);
		iface->flags = state->config->interfaces[i].flags;
		fill_link(iface, netdev_find_link(netdev, iface->name));
		fill_addrs(iface, netdev);
	}
}

/* ---- attaching ---- */

int follow_put_ifaces(struct natgwd_state *state)
{
	int err;

	for (unsigned int i = 0; i < state->iface_count; i++) {
		const struct iface_state *iface = &state->ifaces[i];

		if (!iface->ifindex) {
			continue;
		}
		err = apply_iface(state, iface, attach_takes_redirect(state, iface));
		/* Removed at this moment; its message is on the way. */
		if (err && !if_indextoname(iface->ifindex, (char[IF_NAMESIZE]){ "" })) {
			continue;
		}
		if (err) {
			return err;
		}
	}
	return apply_hairpin(state);
}

int follow_attach(struct follow *follow, struct iface_state *iface)
{
	int err;

	if (!runfile_has_iface(follow->runfile, iface->name)) {
		runfile_add_iface(follow->runfile, iface->name);
		err = runfile_save(follow->runfile);
		if (err) {
			log_error("cannot write %s: %s", follow->runfile->path, strerror(-err));
			return err;
		}
	}
	err = attach_iface(follow->attach, iface);
	if (err) {
		return err;
	}
	if ((iface->flags & NATGW_IFACE_EXTERNAL) && (iface->flags & NATGW_IFACE_INTERNAL)) {
		err = sysctl_no_redirects(iface->name, follow->runfile);
	}
	/* After the filters: what is forwarded from now on is translated, or stopped by the guard.
	 */
	if (!err) {
		err = sysctl_forwarding(iface->name, follow->runfile);
	}
	if (err) {
		log_error("%s: cannot change settings below /proc/sys/net/ipv4/conf: %s",
			  iface->name, strerror(-err));
	}
	return err;
}

/* ---- filters that somebody takes away ---- */

static void repair_failed(struct iface_state *iface, int err)
{
	if (iface->attach != IFACE_ATTACH_NONE) {
		log_error("%s: the tc filters are gone and cannot be set again: %s", iface->name,
			  strerror(-err));
	}
	iface->attach = IFACE_ATTACH_NONE;
	snprintf(iface->attach_reason, sizeof(iface->attach_reason),
		 "the tc filters are gone and cannot be set again: %s", strerror(-err));
}

/* True when it is attached in another way than before. */
static bool repair_iface(struct follow *follow, struct iface_state *iface)
{
	enum iface_attach before = iface->attach;
	bool lost = false;
	int err = attach_repair(follow->attach, iface, &lost);

	/* The interface itself has gone: the message is on its way. */
	if (!lost || err == -ENODEV) {
		return false;
	}
	if (err) {
		repair_failed(iface, err);
	} else if (before == IFACE_ATTACH_NONE) {
		(void)follow_attach(follow, iface);
	} else {
		log_warning("%s: the tc filters were gone and have been set again", iface->name);
	}
	return iface->attach != before;
}

static void repair_ifaces(struct follow *follow)
{
	bool changed = false;

	for (unsigned int i = 0; i < follow->state->iface_count; i++) {
		struct iface_state *iface = &follow->state->ifaces[i];

		changed = (iface->ifindex && repair_iface(follow, iface)) || changed;
	}
	if (changed) {
		report(follow_put_ifaces(follow->state), "cannot write the rows of interfaces");
		lifecycle_host_changed(follow->state, NETDEV_CHANGED_LINKS);
	}
}

void follow_second(struct follow *follow)
{
	(void)apply_reserved_refresh(follow->state);
	(void)datapath_follow(follow->state->dp);
	/* For what changes without a message: a sysctl, a nexthop object. */
	if (follow->seconds % FOLLOW_AGAIN_S == 0) {
		(void)datapath_raise_generation(follow->state->dp);
		lifecycle_host_changed(follow->state, NETDEV_CHANGED_ADDRS);
	}
	if (++follow->seconds % FOLLOW_REPAIR_S == 0) {
		repair_ifaces(follow);
		lifecycle_drift_look(follow->state);
		update_reasons(follow);
	}
}

/* ---- interfaces that change ---- */

static void forget_iface(struct follow *follow, const struct iface_state *old)
{
	int err = apply_iface_gone(follow->state, old->ifindex);

	log_warning("%s is gone; it is attached again when it comes back", old->name);
	if (err) {
		log_error("%s: cannot remove its rows: %s", old->name, strerror(-err));
	}
	/* Renamed, not removed: then it is no longer ours. */
	(void)attach_remove(follow->state->config->pin_path, old->name, old->ifindex);
}

static void welcome_iface(struct follow *follow, struct iface_state *iface)
{
	int err = apply_iface(follow->state, iface, false);

	if (!err) {
		err = follow_attach(follow, iface);
	}
	if (err) {
		log_error("%s is there again and could not be attached: %s", iface->name,
			  strerror(-err));
	}
}

/* One interface: what it was, what it is. True when next hops may have changed. */
static bool update_iface(struct follow *follow, struct iface_state *iface)
{
	const struct netdev_link *link = netdev_find_link(follow->netdev, iface->name);
	struct iface_state old = *iface;

	fill_link(iface, link);
	fill_addrs(iface, follow->netdev);
	if (old.ifindex && old.ifindex != iface->ifindex) {
		iface->attach = IFACE_ATTACH_NONE;
		iface->attach_reason[0] = '\0';
		forget_iface(follow, &old);
	}
	if (iface->ifindex && old.ifindex != iface->ifindex) {
		welcome_iface(follow, iface);
	}
	if (old.up != iface->up) {
		log_info("%s is %s", iface->name, iface->up ? "up" : "down");
	}
	if (iface->up &&
	    (!old.up || old.ifindex != iface->ifindex || old.addr_count < iface->addr_count ||
	     memcmp(old.mac, iface->mac, sizeof(old.mac)) != 0)) {
		announce_iface(follow->announce, follow->state, iface);
	}
	return old.ifindex != iface->ifindex || old.up != iface->up || old.mtu != iface->mtu ||
	       memcmp(old.mac, iface->mac, sizeof(old.mac)) != 0;
}

static bool update_ifaces(struct follow *follow)
{
	bool changed = false;

	for (unsigned int i = 0; i < follow->state->iface_count; i++) {
		changed = update_iface(follow, &follow->state->ifaces[i]) || changed;
	}
	if (changed) {
		report(follow_put_ifaces(follow->state), "cannot write the rows of interfaces");
	}
	return changed;
}

/* ---- addresses that must stay ---- */

static void watch(struct follow *follow, __be32 addr, const char *iface, uint32_t gateway)
{
	struct follow_watched *watched;

	for (unsigned int i = 0; i < follow->watched_count; i++) {
		if (follow->watched[i].addr == addr && follow->watched[i].gateway == gateway) {
			return;
		}
	}
	if (follow->watched_count == FOLLOW_WATCHED_MAX) {
		return;
	}
	watched = &follow->watched[follow->watched_count++];
	watched->addr = addr;
	watched->gateway = gateway;
	snprintf(watched->iface, sizeof(watched->iface), "%s", iface);
}

static uint32_t find_gateway(const struct natgwd_state *state, const char *name)
{
	for (uint32_t i = 1; i < NATGW_GATEWAYS_MAX; i++) {
		if (state->gateways[i].state != NATGW_GATEWAY_DELETED &&
		    strcmp(state->gateways[i].name, name) == 0) {
			return i;
		}
	}
	return 0;
}

/* After a reload the private IP of a gateway may be another one: what nobody names is forgotten. */
static void forget_private_ips(struct follow *follow)
{
	unsigned int kept = 0;

	for (unsigned int i = 0; i < follow->watched_count; i++) {
		const struct follow_watched *watched = &follow->watched[i];
		bool wanted = !watched->gateway;

		for (size_t j = 0; !wanted && j < follow->state->config->gateway_count; j++) {
			const struct config_gateway *gateway = &follow->state->config->gateways[j];

			wanted = gateway->private_ip == watched->addr &&
				 find_gateway(follow->state, gateway->name) == watched->gateway;
		}
		if (wanted) {
			follow->watched[kept++] = *watched;
		}
	}
	follow->watched_count = kept;
}

static void watch_iface(struct follow *follow, const struct iface_state *iface)
{
	if (!(iface->flags & NATGW_IFACE_EXTERNAL)) {
		return;
	}
	for (unsigned int i = 0; i < iface->addr_count; i++) {
		watch(follow, iface->addrs[i], iface->name, 0);
	}
}

/* What the config says of addresses that the host must have. */
static void find_missing(const struct netdev *netdev, const struct config_gateway *config,
			 char *ret_reason, size_t size)
{
	char text[INET_ADDRSTRLEN];

	if (!netdev_holds(netdev, config->private_ip, NULL)) {
		inet_ntop(AF_INET, &config->private_ip, text, sizeof(text));
		snprintf(ret_reason, size, "private IP %s is not an address of this host", text);
		return;
	}
	for (size_t i = 0; i < config->shared_count; i++) {
		if (!netdev_holds(netdev, config->shared[i], NULL)) {
			inet_ntop(AF_INET, &config->shared[i], text, sizeof(text));
			snprintf(ret_reason, size, "shared EIP %s is not an address of this host",
				 text);
			return;
		}
	}
}

static void find_reason(const struct follow *follow, uint32_t gateway, char *ret_reason,
			size_t size)
{
	const struct natgwd_state *state = follow->state;
	const struct config_gateway *config =
		config_find_gateway(state->config, state->gateways[gateway].name);
	char text[INET_ADDRSTRLEN];

	ret_reason[0] = '\0';
	for (unsigned int i = 0; i < follow->watched_count; i++) {
		const struct follow_watched *watched = &follow->watched[i];

		if ((watched->gateway && watched->gateway != gateway) ||
		    netdev_holds(follow->netdev, watched->addr, NULL)) {
			continue;
		}
		inet_ntop(AF_INET, &watched->addr, text, sizeof(text));
		snprintf(ret_reason, size, "interface address %s is gone from %s", text,
			 watched->iface);
		return;
	}
	if (config) {
		find_missing(follow->netdev, config, ret_reason, size);
	}
	if (!ret_reason[0]) {
		lifecycle_drift_reason(state, ret_reason, size);
	}
}

static void note_gone(struct follow *follow)
{
	for (unsigned int i = 0; i < follow->state->iface_count; i++) {
		lifecycle_drift_address(follow->state, follow->state->ifaces[i].name, false);
	}
	for (unsigned int i = 0; i < follow->watched_count; i++) {
		const struct follow_watched *watched = &follow->watched[i];

		if (!netdev_holds(follow->netdev, watched->addr, NULL)) {
			lifecycle_drift_address(follow->state, watched->iface, true);
		}
	}
}

static void update_reasons(struct follow *follow)
{
	note_gone(follow);
	for (uint32_t i = 1; i < NATGW_GATEWAYS_MAX; i++) {
		struct gateway_status *status = &follow->state->gateways[i];
		char reason[sizeof(status->reason)];

		if (status->state != NATGW_GATEWAY_AVAILABLE) {
			continue;
		}
		find_reason(follow, i, reason, sizeof(reason));
		if (strcmp(reason, status->reason) == 0) {
			continue;
		}
		if (reason[0]) {
			log_warning("gateway %s: %s", status->name, reason);
		} else {
			log_info("gateway %s: everything is as it was again", status->name);
		}
		memcpy(status->reason, reason, sizeof(reason));
	}
}

void follow_watch(struct follow *follow)
{
	const struct natgwd_state *state = follow->state;

	forget_private_ips(follow);
	for (unsigned int i = 0; i < state->iface_count; i++) {
		watch_iface(follow, &state->ifaces[i]);
	}
	for (size_t i = 0; i < state->config->gateway_count; i++) {
		const struct config_gateway *gateway = &state->config->gateways[i];
		char name[IF_NAMESIZE] = "";
		uint32_t ifindex = 0;

		if (netdev_holds(follow->netdev, gateway->private_ip, &ifindex) &&
		    if_indextoname(ifindex, name)) {
			watch(follow, gateway->private_ip, name,
			      find_gateway(state, gateway->name));
		}
	}
	lifecycle_drift_accept(follow->state);
	update_reasons(follow);
}

/* ---- netlink ---- */

/* FNV-1a */
static uint64_t hash_links(const struct netdev *netdev, const struct config_route_table *table,
			   uint64_t hash)
{
	for (size_t i = 0; i < table->route_count; i++) {
		const struct config_route *route = &table->routes[i];
		const struct netdev_link *link = NULL;

		if (route->target == NATGW_TARGET_INTERFACE) {
			link = netdev_find_link(netdev, route->name);
			hash = (hash ^ (link ? link->ifindex : 0)) * 0x100000001b3ULL;
		}
	}
	return hash;
}

/* Differs when an interface that a route names has come, gone or been made anew. */
static uint64_t route_links(const struct follow *follow)
{
	const struct config *config = follow->state->config;
	uint64_t hash = 0xcbf29ce484222325ULL;

	for (size_t i = 0; i < config->table_count; i++) {
		hash = hash_links(follow->netdev, &config->tables[i], hash);
	}
	return hash;
}

static void update_routes(struct follow *follow)
{
	uint64_t links = route_links(follow);

	if (links != follow->route_links) {
		int err = apply_routes(follow->state);

		report(err, "cannot write the routes");
		follow->route_links = err ? 0 : links;
	}
}

void follow_read(struct follow *follow)
{
	unsigned int changed = 0;
	bool nexthops;
	int err = netdev_read(follow->netdev, &changed);

	if (err) {
		report(err, "cannot read changes of interfaces and routes");
		return;
	}
	nexthops = changed & (NETDEV_CHANGED_ROUTES | NETDEV_CHANGED_NEIGHS);
	if (changed & NETDEV_CHANGED_ADDRS) {
		report(apply_addresses(follow->state, follow->netdev),
		       "cannot write the host's addresses");
	}
	if (changed & (NETDEV_CHANGED_LINKS | NETDEV_CHANGED_ADDRS)) {
		nexthops = update_ifaces(follow) || nexthops;
		lifecycle_drift_look(follow->state);
		update_reasons(follow);
	}
	if (changed & NETDEV_CHANGED_LINKS) {
		update_routes(follow);
	}
	lifecycle_host_changed(follow->state, changed);
	if (nexthops) {
		report(datapath_raise_generation(follow->state->dp),
		       "cannot make sessions look their next hops up again");
	}
}
