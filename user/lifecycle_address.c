// SPDX-License-Identifier: GPL-2.0-only
/*
 * private_ip: auto. A gateway's private IP has to be an address of this host on its internal side,
 * so the free ones are those of the internal interfaces that nobody else of the config has.
 */
#include "lifecycle_internal.h"

#include "config_eip.h"
#include "netdev.h"

static bool is_internal(const struct natgwd_state *state, uint32_t ifindex)
{
	for (unsigned int i = 0; i < state->iface_count; i++) {
		if ((state->ifaces[i].flags & NATGW_IFACE_INTERNAL) &&
		    state->ifaces[i].ifindex == ifindex) {
			return true;
		}
	}
	return false;
}

static bool is_free(const struct config *config, const struct config_gateway *gateway, __be32 addr)
{
	const struct config_gateway *owner = config_eip_private_owner(config, addr);

	if ((owner && owner != gateway) || config_eip_owner(config, addr) ||
	    config_eip_in(gateway->eips, gateway->eip_count, addr) || config_eip_unusable(addr)) {
		return false;
	}
	for (size_t i = 0; i < config->one_to_one_count; i++) {
		if (config->one_to_one[i].private_addr == addr ||
		    config->one_to_one[i].public_addr == addr) {
			return false;
		}
	}
	return true;
}

static bool is_candidate(const struct natgwd_state *state, const struct config *config,
			 const struct config_gateway *gateway, const struct netdev_addr *addr)
{
	return is_internal(state, addr->ifindex) && is_free(config, gateway, addr->addr);
}

/* 0: it had none, or may not have it any more. */
static __be32 find_former(const struct natgwd_state *state, const struct config *config,
			  const struct config_gateway *gateway)
{
	const struct lifecycle_record *record = lifecycle_find(state, gateway->name);
	size_t count = 0;
	const struct netdev_addr *addrs = netdev_addrs(state->lifecycle->netdev, &count);

	for (size_t i = 0; record && i < count; i++) {
		if (addrs[i].addr == record->private_ip &&
		    is_candidate(state, config, gateway, &addrs[i])) {
			return addrs[i].addr;
		}
	}
	return 0;
}

__be32 lifecycle_find_private_ip(const struct natgwd_state *state, const struct config *config,
				 const struct config_gateway *gateway)
{
	size_t count = 0;
	const struct netdev_addr *addrs;
	__be32 former;

	if (!state->lifecycle) {
		return 0;
	}
	former = find_former(state, config, gateway);
	if (former) {
		return former;
	}
	addrs = netdev_addrs(state->lifecycle->netdev, &count);
	for (size_t i = 0; i < count; i++) {
		if (is_candidate(state, config, gateway, &addrs[i])) {
			return addrs[i].addr;
		}
	}
	return 0;
}

/* Of one that is available, though the host has lost it: it goes on with it, as with one that is
 * written out. 0: it has none, or somebody else has it now. */
static __be32 find_lost(const struct natgwd_state *state, const struct config *config,
			const struct config_gateway *gateway)
{
	const struct lifecycle_record *record = lifecycle_find(state, gateway->name);

	return record && record->state == NATGW_GATEWAY_AVAILABLE &&
			       is_free(config, gateway, record->private_ip)
		       ? record->private_ip
		       : 0;
}

/* Those that had one keep it, before the others choose. */
void lifecycle_prepare(struct natgwd_state *state, struct config *config)
{
	if (!state->lifecycle) {
		return;
	}
	for (size_t i = 0; i < config->gateway_count; i++) {
		struct config_gateway *gateway = &config->gateways[i];

		if (gateway->private_auto) {
			gateway->private_ip = find_former(state, config, gateway);
		}
	}
	for (size_t i = 0; i < config->gateway_count; i++) {
		struct config_gateway *gateway = &config->gateways[i];

		if (gateway->private_auto && !gateway->private_ip) {
			gateway->private_ip = lifecycle_find_private_ip(state, config, gateway);
		}
		if (gateway->private_auto && !gateway->private_ip) {
			gateway->private_ip = find_lost(state, config, gateway);
		}
	}
}
