// SPDX-License-Identifier: GPL-2.0-only
/*
 * What of the data path's features a config uses. A bit goes on when the rows behind it are
 * complete and off before they go, so that no packet meets a part of them.
 */
#include "apply_internal.h"
#include "session_log.h"

static bool has_shared(const struct config *config)
{
	for (size_t i = 0; i < config->gateway_count; i++) {
		if (config->gateways[i].shared_count) {
			return true;
		}
	}
	return false;
}

static bool has_mappings(const struct config *config)
{
	for (size_t i = 0; i < config->gateway_count; i++) {
		if (config->gateways[i].mapping & NATGW_MAPPING_ENDPOINT_INDEPENDENT) {
			return true;
		}
	}
	for (size_t i = 0; i < config->rule_count; i++) {
		if (config->rules[i].mapping & NATGW_MAPPING_ENDPOINT_INDEPENDENT) {
			return true;
		}
	}
	return false;
}

/* Sessions that were made before go on: to them it does not matter what new ones get. */
static bool has_sessions(struct datapath *dp)
{
	for (uint32_t i = 1; i < NATGW_GATEWAYS_MAX; i++) {
		struct natgw_gateway_use use;

		if (datapath_read_gateway_use(dp, i, &use) == 0 && use.sessions) {
			return true;
		}
	}
	return false;
}

static bool has_hosts(const struct config *config)
{
	for (size_t i = 0; i < config->one_to_one_count; i++) {
		const struct config_gateway *owner =
			apply_eip_owner(config, config->one_to_one[i].private_addr);

		if (!owner || !owner->two_stage) {
			return true;
		}
	}
	return false;
}

static bool has_no_nat(const struct config *config)
{
	for (size_t i = 0; i < config->gateway_count; i++) {
		if (config->gateways[i].no_default_snat && config->gateways[i].unmatched_pass) {
			return true;
		}
	}
	for (size_t i = 0; i < config->rule_count; i++) {
		if (config->rules[i].kind == NATGW_RULE_NO_NAT) {
			return true;
		}
	}
	return false;
}

uint16_t apply_features_wanted(const struct apply_pass *pass)
{
	const struct config *config = pass->config;
	const struct {
		bool used;
		uint16_t bit;
	} features[] = {
		{ config->acl_count, NATGW_FEATURE_ACL },
		{ config->forward_count, NATGW_FEATURE_FORWARDS },
		{ config->forward_count || has_mappings(config) ||
			  (pass->features & NATGW_FEATURE_HAIRPIN && has_sessions(pass->dp)),
		  NATGW_FEATURE_HAIRPIN },
		{ config->forward_count || has_shared(config), NATGW_FEATURE_RESERVED },
		{ has_hosts(config), NATGW_FEATURE_ONE_TO_ONE },
		{ has_no_nat(config), NATGW_FEATURE_NO_NAT },
		{ config->drop_ipv6, NATGW_FEATURE_DROP_IPV6 },
		{ session_log_wants_sessions(config), NATGW_FEATURE_LOG },
	};
	uint16_t wanted = 0;

	for (size_t i = 0; i < sizeof(features) / sizeof(features[0]); i++) {
		wanted |= features[i].used ? features[i].bit : 0;
	}
	return wanted;
}

int apply_features_set(struct apply_pass *pass, uint16_t features)
{
	struct natgw_settings settings;
	int err = datapath_get_settings(pass->dp, &settings);

	if (!err && settings.features != features) {
		settings.features = features;
		err = datapath_set_settings(pass->dp, &settings);
	}
	if (!err) {
		pass->features = features;
	}
	return err;
}
