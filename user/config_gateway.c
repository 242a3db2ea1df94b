/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * Gateways of the configuration: name, private IP, profile, ports, behaviour. Their EIPs are read
 * by config_eip.c, quotas and rates by config_limit.c, timers by config_timeout.c.
 */
#include "config_gateway.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "config_eip.h"
#include "config_gateway_nat.h"
#include "config_limit.h"
#include "config_mapping.h"
#include "config_profile.h"
#include "config_tag.h"
#include "config_timeout.h"
#include "parse_util.h"
#include "words.h"

/* Row 0 of the table of gateways stands for "none". */
#define GATEWAYS_MAX (NATGW_GATEWAYS_MAX - 1)

/* As many as there are profiles, and more. */
#define PROFILES_MAX 8

static const char *const no_session_names[] = {
	[NATGW_NO_SESSION_DROP] = "none",
	[NATGW_NO_SESSION_RST_INTERNAL] = "internal",
	[NATGW_NO_SESSION_RST_BOTH] = "both",
	NULL,
};

static const char *const on_exhaustion_names[] = {
	[NATGW_ON_EXHAUSTION_DROP] = "drop",
	[NATGW_ON_EXHAUSTION_RST] = "rst",
	[NATGW_ON_EXHAUSTION_ICMP] = "icmp",
	NULL,
};

const char *config_no_session_name(enum natgw_no_session no_session)
{
	return no_session_names[no_session];
}

const char *config_on_exhaustion_name(enum natgw_on_exhaustion on_exhaustion)
{
	return on_exhaustion_names[on_exhaustion];
}

int config_gateway_unknown(const struct config_yaml *yaml, const yaml_node_t *node,
			   const struct config *config, const char *what, const char *name)
{
	struct words words = words_begin(name);
	char hint[WORDS_HINT_MAX];

	for (size_t i = 0; i < config->gateway_count; i++) {
		words_add(&words, config->gateways[i].name);
	}
	words_hint(&words, hint);
	return config_yaml_error(yaml, node,
				 "%s an unknown gateway \"%.40s\"; %sthe gateways are: %s", what,
				 name, hint, words.text);
}

static int read_name(struct config_yaml *yaml, yaml_node_t *node, void *out)
{
	const struct config_gateway_draft *draft = out;
	char name[CONFIG_NAME_MAX];
	const struct config_gateway *other;
	int err;

	err = config_yaml_name(yaml, node, "the name of a gateway", name);
	if (err) {
		return err;
	}
	other = config_find_gateway(draft->config, name);
	if (other) {
		return config_yaml_error(
			yaml, node,
			"gateway \"%s\" is there already, in line %u; every gateway needs a name of its own",
			name, other->place.line);
	}
	memcpy(draft->gateway->name, name, sizeof(name));
	return 0;
}

/* A gateway is known again by its private_ip, after a restart and in a traceroute. */
static int read_private_ip(struct config_yaml *yaml, yaml_node_t *node, void *out)
{
	const struct config_gateway_draft *draft = out;
	const struct config_gateway *owner;
	const char *reason;
	const char *text;
	__be32 addr;
	int err;

	err = config_yaml_text(yaml, node, "private_ip", &text);
	if (err) {
		return err;
	}
	if (strcmp(text, "auto") == 0) {
		draft->gateway->private_auto = true;
		return 0;
	}
	if (parse_util_address(text, &addr)) {
		return config_yaml_error(
			yaml, node,
			"private_ip \"%.60s\" is not an IPv4 address; write one such as 10.0.0.226, or auto",
			text);
	}
	reason = config_eip_unusable(addr);
	if (reason) {
		return config_yaml_error(
			yaml, node,
			"private_ip %s is %s; it must be an address of this host on its internal network",
			text, reason);
	}
	owner = config_eip_owner(draft->config, addr);
	if (owner) {
		return config_yaml_error(
			yaml, node,
			"private_ip %s is an EIP of gateway \"%s\"; it must be another address, one of this host",
			text, owner->name);
	}
	owner = config_eip_private_owner(draft->config, addr);
	if (owner) {
		return config_yaml_error(
			yaml, node,
			"private_ip %s is that of gateway \"%s\" too; every gateway needs one of its own",
			text, owner->name);
	}
	draft->gateway->private_ip = addr;
	return 0;
}

/* ---- profile, ports, timeouts ---- */

static void set_profile(struct config_gateway *gateway, const struct config_profile *profile)
{
	(void)snprintf(gateway->profile, sizeof(gateway->profile), "%s", profile->name);
	memcpy(gateway->timeout_s, profile->timeout_s, sizeof(gateway->timeout_s));
	gateway->no_session = profile->no_session;
	gateway->on_exhaustion = profile->on_exhaustion;
	gateway->fragments = profile->fragments;
	gateway->icmp = profile->icmp;
}

/* As many ports to one destination as the profile has, or the range when that is smaller. */
static void set_destination_ports(struct config_gateway *gateway)
{
	const struct config_profile *profile = config_profile_find(gateway->profile);
	uint32_t range = (uint32_t)gateway->port_last - gateway->port_first + 1;
	uint32_t usual = profile ? profile->destination_ports : 0;

	gateway->destination_ports = usual && usual < range ? usual : range;
}

static int read_profile(struct config_yaml *yaml, yaml_node_t *node, void *out)
{
	const struct config_gateway_draft *draft = out;
	const char *names[PROFILES_MAX + 1] = { NULL };
	unsigned int index;
	int err;

	for (size_t i = 0; i < PROFILES_MAX && config_profile_at(i); i++) {
		names[i] = config_profile_at(i)->name;
	}
	err = config_yaml_choice(yaml, node, "profile", names, &index);
	if (err) {
		return err;
	}
	set_profile(draft->gateway, config_profile_at(index));
	set_destination_ports(draft->gateway);
	return 0;
}

static int read_port_range(struct config_yaml *yaml, yaml_node_t *node, void *out)
{
	const struct config_gateway_draft *draft = out;
	const char *text;
	uint16_t first;
	uint16_t last;
	int err;

	err = config_yaml_text(yaml, node, "port_range", &text);
	if (err) {
		return err;
	}
	err = parse_util_port_range(text, &first, &last);
	if (err) {
		return config_yaml_error(
			yaml, node, "port_range \"%.40s\" %s; write first-last, such as %d-%d",
			text,
			err == -ERANGE ? "is reversed or has a port that is not 1 to 65535"
				       : "is not a range of ports",
			NATGW_PORT_FIRST, NATGW_PORT_LAST);
	}
	draft->gateway->port_first = first;
	draft->gateway->port_last = last;
	set_destination_ports(draft->gateway);
	return 0;
}

static int read_timeouts(struct config_yaml *yaml, yaml_node_t *node, void *out)
{
	const struct config_gateway_draft *draft = out;
	struct config_timeout_draft timeouts = {
		.profile = config_profile_find(draft->gateway->profile),
		.timeout_s = draft->gateway->timeout_s,
	};

	return config_timeout_read(yaml, node, &timeouts);
}

/* ---- behaviour ---- */

static int read_eip_select(struct config_yaml *yaml, yaml_node_t *node, void *out)
{
	static const char *const names[] = { "sticky", "random", NULL };
	const struct config_gateway_draft *draft = out;
	unsigned int index;
	int err = config_yaml_choice(yaml, node, "eip_select", names, &index);

	if (!err) {
		draft->gateway->eip_random = index == 1;
	}
	return err;
}

static int read_refresh(struct config_yaml *yaml, yaml_node_t *node, void *out)
{
	static const char *const names[] = { "both", "outbound", NULL };
	const struct config_gateway_draft *draft = out;
	unsigned int index;
	int err = config_yaml_choice(yaml, node, "refresh", names, &index);

	if (!err) {
		draft->gateway->refresh_outbound = index == 1;
	}
	return err;
}

static int read_mapping(struct config_yaml *yaml, yaml_node_t *node, void *out)
{
	const struct config_gateway_draft *draft = out;
	uint8_t flag = 0;
	int err = config_mapping_read(yaml, node, "mapping", NATGW_MAPPING_ENDPOINT_INDEPENDENT,
				      &flag);

	/* Filtering is as mapping, unless it is written. */
	if (!err) {
		draft->gateway->mapping = flag ? flag | NATGW_FILTERING_ENDPOINT_INDEPENDENT : 0;
	}
	return err;
}

static int read_filtering(struct config_yaml *yaml, yaml_node_t *node, void *out)
{
	const struct config_gateway_draft *draft = out;
	struct config_gateway *gateway = draft->gateway;
	uint8_t flag = 0;
	int err = config_mapping_read(yaml, node, "filtering", NATGW_FILTERING_ENDPOINT_INDEPENDENT,
				      &flag);

	if (err) {
		return err;
	}
	gateway->mapping &= (uint8_t)~NATGW_FILTERING_ENDPOINT_INDEPENDENT;
	gateway->mapping |= flag;
	return config_mapping_check(yaml, node, gateway->mapping);
}

static int read_no_session(struct config_yaml *yaml, yaml_node_t *node, void *out)
{
	const struct config_gateway_draft *draft = out;
	unsigned int index;
	int err = config_yaml_choice(yaml, node, "no_session", no_session_names, &index);

	if (!err) {
		draft->gateway->no_session = (enum natgw_no_session)index;
	}
	return err;
}

static int read_on_exhaustion(struct config_yaml *yaml, yaml_node_t *node, void *out)
{
	const struct config_gateway_draft *draft = out;
	unsigned int index;
	int err = config_yaml_choice(yaml, node, "on_exhaustion", on_exhaustion_names, &index);

	if (!err) {
		draft->gateway->on_exhaustion = (enum natgw_on_exhaustion)index;
	}
	return err;
}

static int read_drain(struct config_yaml *yaml, yaml_node_t *node, void *out)
{
	const struct config_gateway_draft *draft = out;
	uint32_t seconds = UINT32_MAX;
	const char *text;
	int err;

	err = config_yaml_text(yaml, node, "drain", &text);
	if (err) {
		return err;
	}
	err = parse_util_duration(text, &seconds);
	if (err == -EINVAL) {
		return config_yaml_error(
			yaml, node,
			"drain \"%.40s\" is not a duration; write a number and its unit, such as 350s",
			text);
	}
	if (!seconds || seconds > CONFIG_DRAIN_MAX_S) {
		return config_yaml_error(yaml, node,
					 "drain %.40s is out of bounds; it may be 1s to %us", text,
					 CONFIG_DRAIN_MAX_S);
	}
	draft->gateway->drain_s = seconds;
	return 0;
}

/* Without default SNAT, the EIPs may all be those of rules. */
static int check_eips(const struct config_yaml *yaml, const yaml_node_t *node,
		      const struct config_gateway *gateway)
{
	if (gateway->eip_count || gateway->no_default_snat) {
		return 0;
	}
	return config_yaml_error(
		yaml, node,
		"key \"eips\" of a gateway is missing; it is required, unless default_snat is off");
}

/* Takes the gateway over when there is room. */
static int add(const struct config_yaml *yaml, struct config *config,
	       const struct config_gateway *gateway)
{
	struct config_gateway *grown = reallocarray(config->gateways, config->gateway_count + 1,
						    sizeof(*config->gateways));

	if (!grown) {
		return config_yaml_no_memory(yaml);
	}
	config->gateways = grown;
	config->gateways[config->gateway_count++] = *gateway;
	return 0;
}

static void set_defaults(const struct config *config, struct config_gateway *gateway)
{
	gateway->port_first = NATGW_PORT_FIRST;
	gateway->port_last = NATGW_PORT_LAST;
	gateway->drain_s = CONFIG_DRAIN_DEFAULT_S;
	gateway->opening_by_default = true;
	gateway->client_opening_max = config->sessions / CONFIG_OPENING_SHARE;
	set_profile(gateway, config_profile_at(0));
	set_destination_ports(gateway);
}

static int read_item(struct config_yaml *yaml, yaml_node_t *node, void *out)
{
	/* The mode and the private IP come before the EIPs; the profile and the range before what
	 * overrides them; the mapping before the filtering; default_snat before unmatched. */
	static const struct config_yaml_key keys[] = {
		{ "name", true, read_name },
		{ "private_ip", true, read_private_ip },
		{ "type", false, config_gateway_read_type },
		{ "mode", false, config_gateway_read_mode },
		{ "eips", false, config_eip_read_list },
		{ "profile", false, read_profile },
		{ "port_range", false, read_port_range },
		{ "timeouts", false, read_timeouts },
		{ "destination_ports", false, config_limit_read_destination_ports },
		{ "eip_select", false, read_eip_select },
		{ "refresh", false, read_refresh },
		{ "mapping", false, read_mapping },
		{ "filtering", false, read_filtering },
		{ "no_session", false, read_no_session },
		{ "on_exhaustion", false, read_on_exhaustion },
		{ "fragments", false, config_gateway_read_fragments },
		{ "icmp", false, config_gateway_read_icmp },
		{ "default_snat", false, config_gateway_read_default_snat },
		{ "unmatched", false, config_gateway_read_unmatched },
		{ "route_table", false, config_gateway_read_route_table },
		{ "allow_nat_to", false, config_gateway_read_allow },
		{ "tags", false, config_tag_read },
		{ "drain", false, read_drain },
		{ "max_sessions", false, config_limit_read_sessions },
		{ "max_sessions_per_client", false, config_limit_read_client_sessions },
		{ "max_half_open_per_client", false, config_limit_read_client_opening },
		{ "ports_per_client", false, config_limit_read_client_ports },
		{ "rate_limit", false, config_limit_read_rate },
		{ "client_rate_limit", false, config_limit_read_client_rate },
		{ NULL, false, NULL },
	};
	struct config *config = out;
	struct config_gateway gateway = { .place = config_yaml_place(node) };
	struct config_gateway_draft draft = { config, &gateway };
	int err;

	if (config->gateway_count >= GATEWAYS_MAX) {
		return config_yaml_error(yaml, node, "too many gateways; at most %d fit",
					 GATEWAYS_MAX);
	}
	set_defaults(config, &gateway);
	err = config_yaml_mapping(yaml, node, "a gateway", keys, &draft);
	err = err ?: check_eips(yaml, node, &gateway);
	err = err ?: add(yaml, config, &gateway);
	if (err) {
		free(gateway.eips);
		free(gateway.shared);
		free(gateway.tags);
	}
	return err;
}

int config_gateway_read_list(struct config_yaml *yaml, yaml_node_t *node, void *out)
{
	/* The last one may be deleted by command. */
	static const struct config_yaml_items items = { "gateways", read_item, true };

	return config_yaml_list(yaml, node, &items, out);
}
