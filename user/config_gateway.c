/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * Gateways of the configuration: name, private IP, profile, ports, timers. Their EIPs are read by
 * config_eip.c.
 */
#include "config_gateway.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "config_eip.h"
#include "parse_util.h"

/* Row 0 of the table of gateways stands for "none". */
#define GATEWAYS_MAX (NATGW_GATEWAYS_MAX - 1)

struct profile {
	const char *name;
	uint32_t timeout_s[NATGW_TIMER_COUNT];
};

/* What each cloud documents; rfc: the lower bounds of RFC 4787, 5382 and 5508. */
static const struct profile profiles[] = {
	{ "natgw", { 30, 350, 30, 350, 60 } },	{ "aws", { 30, 350, 350, 350, 60 } },
	{ "azure", { 30, 240, 240, 240, 60 } }, { "gcp", { 30, 1200, 30, 30, 30 } },
	{ "rfc", { 240, 7440, 120, 300, 60 } },
};

const uint32_t *config_gateway_profile(const char *name)
{
	for (size_t i = 0; i < sizeof(profiles) / sizeof(profiles[0]); i++) {
		if (strcmp(profiles[i].name, name) == 0) {
			return profiles[i].timeout_s;
		}
	}
	return NULL;
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
static const struct config_gateway *private_ip_owner(const struct config *config, __be32 addr)
{
	for (size_t i = 0; i < config->gateway_count; i++) {
		if (config->gateways[i].private_ip == addr) {
			return &config->gateways[i];
		}
	}
	return NULL;
}

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
	if (parse_util_address(text, &addr)) {
		return config_yaml_error(
			yaml, node,
			"private_ip \"%.60s\" is not an IPv4 address; write one such as 10.0.0.226",
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
	owner = private_ip_owner(draft->config, addr);
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

static void set_profile(struct config_gateway *gateway, const struct profile *profile)
{
	(void)snprintf(gateway->profile, sizeof(gateway->profile), "%s", profile->name);
	memcpy(gateway->timeout_s, profile->timeout_s, sizeof(gateway->timeout_s));
}

static int read_profile(struct config_yaml *yaml, yaml_node_t *node, void *out)
{
	const char *names[sizeof(profiles) / sizeof(profiles[0]) + 1] = { NULL };
	const struct config_gateway_draft *draft = out;
	unsigned int index;
	int err;

	for (size_t i = 0; i < sizeof(profiles) / sizeof(profiles[0]); i++) {
		names[i] = profiles[i].name;
	}
	err = config_yaml_choice(yaml, node, "profile", names, &index);
	if (err) {
		return err;
	}
	set_profile(draft->gateway, &profiles[index]);
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
	return 0;
}

static int read_timeout(struct config_yaml *yaml, yaml_node_t *node, enum natgw_timer timer,
			uint32_t *ret_seconds)
{
	const char *name = config_timer_name(timer);
	const char *text;
	uint32_t seconds;
	int err;

	err = config_yaml_text(yaml, node, name, &text);
	if (err) {
		return err;
	}
	err = parse_util_duration(text, &seconds);
	if (err == -EINVAL) {
		return config_yaml_error(
			yaml, node,
			"timeout %s \"%.40s\" is not a duration; write a number and its unit, such as 350s, 5m or 2h",
			name, text);
	}
	if (err || !seconds || seconds > CONFIG_TIMEOUT_MAX_S) {
		return config_yaml_error(yaml, node,
					 "timeout %s %.40s is out of bounds; it may be 1s to %uh",
					 name, text, CONFIG_TIMEOUT_MAX_S / 3600);
	}
	*ret_seconds = seconds;
	return 0;
}

/* One reader for each timer: a reader is not told the key that it reads. */
#define READ_TIMER(name, timer)                                                 \
	static int name(struct config_yaml *yaml, yaml_node_t *node, void *out) \
	{                                                                       \
		uint32_t *timeouts = out;                                       \
                                                                                \
		return read_timeout(yaml, node, timer, &timeouts[timer]);       \
	}

READ_TIMER(read_tcp_half_open, NATGW_TIMER_TCP_HALF_OPEN)
READ_TIMER(read_tcp_established, NATGW_TIMER_TCP_ESTABLISHED)
READ_TIMER(read_udp_unreplied, NATGW_TIMER_UDP_UNREPLIED)
READ_TIMER(read_udp, NATGW_TIMER_UDP_REPLIED)
READ_TIMER(read_icmp, NATGW_TIMER_ICMP)

static int read_timeouts(struct config_yaml *yaml, yaml_node_t *node, void *out)
{
	static const struct config_yaml_key keys[] = {
		{ "tcp_half_open", false, read_tcp_half_open },
		{ "tcp_established", false, read_tcp_established },
		{ "udp_unreplied", false, read_udp_unreplied },
		{ "udp", false, read_udp },
		{ "icmp", false, read_icmp },
		{ NULL, false, NULL },
	};
	const struct config_gateway_draft *draft = out;

	return config_yaml_mapping(yaml, node, "timeouts", keys, draft->gateway->timeout_s);
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

static int read_item(struct config_yaml *yaml, yaml_node_t *node, void *out)
{
	/* The profile comes before the timeouts, which override it; the addresses before the EIPs.
	 */
	static const struct config_yaml_key keys[] = {
		{ "name", true, read_name },
		{ "private_ip", true, read_private_ip },
		{ "eips", true, config_eip_read_list },
		{ "profile", false, read_profile },
		{ "port_range", false, read_port_range },
		{ "timeouts", false, read_timeouts },
		{ NULL, false, NULL },
	};
	struct config *config = out;
	struct config_gateway gateway = {
		.port_first = NATGW_PORT_FIRST,
		.port_last = NATGW_PORT_LAST,
		.place = config_yaml_place(node),
	};
	struct config_gateway_draft draft = { config, &gateway };
	int err;

	if (config->gateway_count >= GATEWAYS_MAX) {
		return config_yaml_error(yaml, node, "too many gateways; at most %d fit",
					 GATEWAYS_MAX);
	}
	set_profile(&gateway, &profiles[0]);
	err = config_yaml_mapping(yaml, node, "a gateway", keys, &draft);
	err = err ?: add(yaml, config, &gateway);
	if (err) {
		free(gateway.eips);
	}
	return err;
}

int config_gateway_read_list(struct config_yaml *yaml, yaml_node_t *node, void *out)
{
	static const struct config_yaml_items items = { "gateways", read_item, false };

	return config_yaml_list(yaml, node, &items, out);
}
