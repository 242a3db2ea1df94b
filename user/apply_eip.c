// SPDX-License-Identifier: GPL-2.0-only
/*
 * Rows of EIPs: those of the gateways and those of SNAT rules. An EIP keeps its index as long as it
 * has a row.
 */
#include "apply_internal.h"

#include <arpa/inet.h>
#include <errno.h>

#include "log.h"

/* No index left: an EIP that goes and has no sessions will give its own. */
static int reclaim(struct apply_pass *pass, struct apply_numbers *numbers, __be32 addr,
		   uint32_t *ret_eip)
{
	bool in_rules[NATGW_EIPS_MAX] = { false };
	char text[INET_ADDRSTRLEN];
	int err = apply_count(pass);

	/* A rule goes on making sessions until the new rules are in force. */
	if (!err) {
		err = apply_room_in_force(pass->dp, in_rules);
	}
	if (err) {
		return err;
	}
	for (size_t i = 0; i < numbers->held.count; i++) {
		const struct apply_address *held = &numbers->held.rows[i];
		uint32_t eip = held->row.eip;

		if (!apply_address_is_eip(held) || numbers->wanted[eip] || numbers->given[eip] ||
		    in_rules[eip] || apply_address_has_ports(pass->dp, eip)) {
			continue;
		}
		numbers->given[eip] = true;
		pass->reclaims = true;
		*ret_eip = eip;
		return 0;
	}
	log_error(
		"no room for EIP %s: natgw holds %u, and those that were taken out of the config stay until their sessions have ended",
		inet_ntop(AF_INET, &addr, text, sizeof(text)), NATGW_EIPS_MAX);
	return -ENOSPC;
}

static int number_eip(struct apply_pass *pass, struct apply_numbers *numbers, __be32 addr,
		      uint32_t *ret_eip)
{
	const struct apply_address *held = apply_address_find(&numbers->held, addr);

	if (apply_address_is_eip(held)) {
		numbers->wanted[held->row.eip] = true;
		*ret_eip = held->row.eip;
		return 0;
	}
	for (uint32_t i = 0; i < NATGW_EIPS_MAX; i++) {
		if (!numbers->used[i]) {
			numbers->used[i] = true;
			*ret_eip = i;
			return 0;
		}
	}
	return reclaim(pass, numbers, addr, ret_eip);
}

/* ---- whose an EIP is ---- */

static bool is_among(const __be32 *addrs, size_t count, __be32 addr)
{
	for (size_t i = 0; i < count; i++) {
		if (addrs[i] == addr) {
			return true;
		}
	}
	return false;
}

static bool is_in_rules(const struct config *config, const struct config_gateway *gateway,
			__be32 addr)
{
	for (size_t i = 0; i < config->rule_count; i++) {
		const struct config_rule *rule = &config->rules[i];

		if (is_among(rule->eips, rule->eip_count, addr) &&
		    config_rule_is_for(rule, gateway)) {
			return true;
		}
	}
	return false;
}

const struct config_gateway *apply_eip_owner(const struct config *config, __be32 addr)
{
	for (size_t i = 0; i < config->gateway_count; i++) {
		const struct config_gateway *gateway = &config->gateways[i];

		if (is_among(gateway->eips, gateway->eip_count, addr) ||
		    is_in_rules(config, gateway, addr)) {
			return gateway;
		}
	}
	return NULL;
}

/* ---- what a row says ---- */

uint8_t apply_eip_on_host(const struct apply_pass *pass, __be32 addr)
{
	return netdev_holds(pass->netdev, addr, NULL) ? NATGW_ON_HOST_HELD : NATGW_ON_HOST_NO;
}

/* Shared only while it is the host's: else natgw alone answers for it. */
static uint8_t on_host(const struct apply_pass *pass, const struct config_gateway *gateway,
		       __be32 addr)
{
	uint8_t held = apply_eip_on_host(pass, addr);

	return held && is_among(gateway->shared, gateway->shared_count, addr) ? NATGW_ON_HOST_SHARED
									      : held;
}

/* What is on the wire in place of an EIP of two stages. */
static __be32 public_of(const struct config *config, __be32 addr)
{
	for (size_t i = 0; i < config->one_to_one_count; i++) {
		if (config->one_to_one[i].private_addr == addr) {
			return config->one_to_one[i].public_addr;
		}
	}
	return 0;
}

static bool is_there(const struct apply_addresses *list, __be32 addr)
{
	for (size_t i = 0; i < list->count; i++) {
		if (list->rows[i].addr == addr) {
			return true;
		}
	}
	return false;
}

/* ---- all of them ---- */

struct search {
	struct apply_pass *pass;
	struct apply_numbers *numbers;
	struct apply_addresses *wanted;
	bool known; /* only those that have an index already, or only those that have none */
};

/* One list of EIPs of the gateway in this place of the config. */
static int add_list(const struct search *search, size_t position, const __be32 *eips, size_t count)
{
	const struct apply_pass *pass = search->pass;
	const struct config_gateway *gateway = &pass->config->gateways[position];
	int err = 0;

	for (size_t i = 0; !err && i < count; i++) {
		const struct apply_address *held =
			apply_address_find(&search->numbers->held, eips[i]);
		struct natgw_address row = {
			.kind = NATGW_ADDRESS_EIP,
			.gateway = (__u8)pass->gateway_index[position],
			.on_host = on_host(pass, gateway, eips[i]),
			.peer = gateway->two_stage ? public_of(pass->config, eips[i]) : 0,
		};

		if (apply_address_is_eip(held) != search->known ||
		    is_there(search->wanted, eips[i])) {
			continue;
		}
		err = number_eip(search->pass, search->numbers, eips[i], &row.eip);
		if (!err) {
			err = apply_address_append(search->wanted, eips[i], &row);
		}
	}
	return err;
}

static int add_gateway(const struct search *search, size_t position)
{
	const struct config *config = search->pass->config;
	const struct config_gateway *gateway = &config->gateways[position];
	int err = add_list(search, position, gateway->eips, gateway->eip_count);

	for (size_t i = 0; !err && i < config->rule_count; i++) {
		const struct config_rule *rule = &config->rules[i];

		if (rule->eip_count && config_rule_is_for(rule, gateway)) {
			err = add_list(search, position, rule->eips, rule->eip_count);
		}
	}
	return err;
}

/* EIPs that have an index go first, so that none of them is given away. */
int apply_eip_wanted(struct apply_pass *pass, struct apply_numbers *numbers,
		     struct apply_addresses *wanted)
{
	struct search search = { pass, numbers, wanted, true };
	int err = 0;

	for (size_t i = 0; !err && i < pass->config->gateway_count; i++) {
		err = add_gateway(&search, i);
	}
	search.known = false;
	for (size_t i = 0; !err && i < pass->config->gateway_count; i++) {
		err = add_gateway(&search, i);
	}
	return err;
}
