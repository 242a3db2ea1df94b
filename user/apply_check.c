// SPDX-License-Identifier: GPL-2.0-only
/*
 * What a config says about addresses against those that the host has. What comes to an EIP and
 * belongs to no session is dropped: the host would be cut off from its own address, unless it has
 * said that it shares it.
 */
#include "apply_internal.h"

#include <arpa/inet.h>
#include <errno.h>

#include "log.h"

static const char *text_of(__be32 addr, char text[INET_ADDRSTRLEN])
{
	return inet_ntop(AF_INET, &addr, text, INET_ADDRSTRLEN);
}

static bool is_among(const __be32 *addrs, size_t count, __be32 addr)
{
	for (size_t i = 0; i < count; i++) {
		if (addrs[i] == addr) {
			return true;
		}
	}
	return false;
}

struct owner {
	const struct config *config;
	const struct config_gateway *gateway;
	const struct config_place *place; /* of the gateway, or of its rule */
};

static int check_eip(const struct owner *owner, __be32 eip, const struct netdev *netdev)
{
	const struct config_gateway *gateway = owner->gateway;
	bool shared = is_among(gateway->shared, gateway->shared_count, eip);
	char text[INET_ADDRSTRLEN];

	/* In two stages the EIP is on no wire, and may well be the host's. */
	if (gateway->two_stage || netdev_holds(netdev, eip, NULL) == shared) {
		return 0;
	}
	if (shared) {
		log_error(
			"%s:%u:%u: EIP %s of gateway \"%s\" is shared, but no interface of this host has that address; add it to the external interface, or take \"shared\" out",
			owner->config->file, owner->place->line, owner->place->column,
			text_of(eip, text), gateway->name);
		return -EADDRNOTAVAIL;
	}
	log_error(
		"%s:%u:%u: EIP %s of gateway \"%s\" is an address of this host; take it off the interface (natgw answers for it), write {address: %s, shared: true} to share it, or name another one",
		owner->config->file, owner->place->line, owner->place->column, text_of(eip, text),
		gateway->name, text);
	return -EADDRINUSE;
}

static int check_eips(const struct owner *owner, const __be32 *eips, size_t count,
		      const struct netdev *netdev)
{
	int err = 0;

	for (size_t i = 0; !err && i < count; i++) {
		err = check_eip(owner, eips[i], netdev);
	}
	return err;
}

static int check_rules(const struct config *config, const struct config_gateway *gateway,
		       const struct netdev *netdev)
{
	int err = 0;

	for (size_t i = 0; !err && i < config->rule_count; i++) {
		const struct config_rule *rule = &config->rules[i];
		const struct owner owner = { config, gateway, &rule->place };

		if (rule->eip_count && config_rule_is_for(rule, gateway)) {
			err = check_eips(&owner, rule->eips, rule->eip_count, netdev);
		}
	}
	return err;
}

/* An EIP of two stages has its own check. */
static bool is_staged(const struct config *config, __be32 addr)
{
	const struct config_gateway *owner = apply_eip_owner(config, addr);

	return owner && owner->two_stage;
}

static int refuse(const struct config *config, const struct config_place *place, __be32 addr,
		  const char *why)
{
	char text[INET_ADDRSTRLEN];

	log_error("%s:%u:%u: %s of one_to_one is an address of this host; %s", config->file,
		  place->line, place->column, text_of(addr, text), why);
	return -EADDRINUSE;
}

static int check_one_to_one(const struct config *config, const struct netdev *netdev)
{
	for (size_t i = 0; i < config->one_to_one_count; i++) {
		const struct config_one_to_one *pair = &config->one_to_one[i];

		if (netdev_holds(netdev, pair->public_addr, NULL)) {
			return refuse(
				config, &pair->place, pair->public_addr,
				"take it off the interface (natgw answers for it), or name another one");
		}
		if (netdev_holds(netdev, pair->private_addr, NULL) &&
		    !is_staged(config, pair->private_addr)) {
			return refuse(
				config, &pair->place, pair->private_addr,
				"name a host behind it, or an EIP of a gateway with mode: two-stage");
		}
	}
	return 0;
}

int apply_check(const struct config *config, const struct netdev *netdev)
{
	int err = 0;

	for (size_t i = 0; !err && i < config->gateway_count; i++) {
		const struct config_gateway *gateway = &config->gateways[i];
		const struct owner owner = { config, gateway, &gateway->place };

		err = check_eips(&owner, gateway->eips, gateway->eip_count, netdev);
		err = err ? err : check_rules(config, gateway, netdev);
	}
	return err ? err : check_one_to_one(config, netdev);
}
