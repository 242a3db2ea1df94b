/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * Numbers of a gateway: ports to one destination, quotas, rate limits. A quota or rate of 0 is
 * none.
 */
#include "config_limit.h"

#include <errno.h>

#include "config_gateway.h"
#include "parse_util.h"

/* Below, one full packet would take longer than the sender of the next one waits. Above, the time
 * that a byte takes would be too coarse. */
#define BITS_MIN 8000ULL
#define BITS_MAX 1000000000000ULL
#define PACKETS_MIN 1ULL
#define PACKETS_MAX 1000000000ULL

int config_limit_number(struct config_yaml *yaml, yaml_node_t *node,
			const struct config_limit_bounds *bounds, uint32_t *ret_value)
{
	const char *text;
	uint32_t value;
	int err;

	err = config_yaml_text(yaml, node, bounds->what, &text);
	if (err) {
		return err;
	}
	if (parse_util_u32(text, &value) || value < bounds->least || value > bounds->most) {
		return config_yaml_error(yaml, node,
					 "%s is \"%.40s\"; it must be a number from %u to %u%s",
					 bounds->what, text, bounds->least, bounds->most,
					 bounds->least ? "" : ", 0 for no limit");
	}
	*ret_value = value;
	return 0;
}

int config_limit_read_destination_ports(struct config_yaml *yaml, yaml_node_t *node, void *out)
{
	const struct config_gateway_draft *draft = out;
	struct config_gateway *gateway = draft->gateway;
	const struct config_limit_bounds bounds = { "destination_ports", 1, UINT16_MAX };
	uint32_t range = (uint32_t)gateway->port_last - gateway->port_first + 1;
	uint32_t ports = 0;
	int err;

	err = config_limit_number(yaml, node, &bounds, &ports);
	if (!err && ports > range) {
		return config_yaml_error(
			yaml, node,
			"destination_ports %u is more than the %u ports of port_range %u-%u; write at most that many, or widen the range",
			ports, range, gateway->port_first, gateway->port_last);
	}
	if (!err) {
		gateway->destination_ports = ports;
	}
	return err;
}

int config_limit_read_sessions(struct config_yaml *yaml, yaml_node_t *node, void *out)
{
	static const struct config_limit_bounds bounds = { "max_sessions", 0, NATGW_SESSIONS_MAX };
	const struct config_gateway_draft *draft = out;

	return config_limit_number(yaml, node, &bounds, &draft->gateway->sessions_max);
}

int config_limit_read_client_sessions(struct config_yaml *yaml, yaml_node_t *node, void *out)
{
	static const struct config_limit_bounds bounds = { "max_sessions_per_client", 0,
							   NATGW_SESSIONS_MAX };
	const struct config_gateway_draft *draft = out;

	return config_limit_number(yaml, node, &bounds, &draft->gateway->client_sessions_max);
}

int config_limit_read_client_opening(struct config_yaml *yaml, yaml_node_t *node, void *out)
{
	static const struct config_limit_bounds bounds = { "max_half_open_per_client", 0,
							   NATGW_SESSIONS_MAX };
	const struct config_gateway_draft *draft = out;

	draft->gateway->opening_by_default = false;
	return config_limit_number(yaml, node, &bounds, &draft->gateway->client_opening_max);
}

/* ---- ports_per_client ---- */

static int read_ports_min(struct config_yaml *yaml, yaml_node_t *node, void *out)
{
	static const struct config_limit_bounds bounds = { "min of ports_per_client", 0,
							   UINT16_MAX };
	struct config_gateway *gateway = out;

	return config_limit_number(yaml, node, &bounds, &gateway->client_ports_min);
}

static int read_ports_max(struct config_yaml *yaml, yaml_node_t *node, void *out)
{
	/* Of all EIPs together. */
	static const struct config_limit_bounds bounds = { "max of ports_per_client", 0,
							   NATGW_SESSIONS_MAX };
	struct config_gateway *gateway = out;

	return config_limit_number(yaml, node, &bounds, &gateway->client_ports_max);
}

int config_limit_read_client_ports(struct config_yaml *yaml, yaml_node_t *node, void *out)
{
	static const struct config_yaml_key keys[] = {
		{ "min", false, read_ports_min },
		{ "max", false, read_ports_max },
		{ NULL, false, NULL },
	};
	const struct config_gateway_draft *draft = out;
	struct config_gateway *gateway = draft->gateway;
	int err = config_yaml_mapping(yaml, node, "ports_per_client", keys, gateway);

	if (!err && gateway->client_ports_max &&
	    gateway->client_ports_min > gateway->client_ports_max) {
		return config_yaml_error(
			yaml, node,
			"ports_per_client guarantees %u ports (min) and allows %u (max); min must be at most max",
			gateway->client_ports_min, gateway->client_ports_max);
	}
	return err;
}

/* ---- rates ---- */

struct rate_bounds {
	const char *what;
	uint64_t least;
	uint64_t most;
	const char *text; /* both, as one would write them */
};

static int read_rate_value(struct config_yaml *yaml, yaml_node_t *node,
			   const struct rate_bounds *bounds, uint64_t *ret_value)
{
	uint64_t value = UINT64_MAX;
	const char *text;
	int err;

	err = config_yaml_text(yaml, node, bounds->what, &text);
	if (err) {
		return err;
	}
	err = parse_util_scaled(text, &value);
	if (err == -EINVAL) {
		return config_yaml_error(
			yaml, node,
			"%s \"%.40s\" is not a rate; write a whole number, with k, M or G for thousands, millions and billions, such as 100M",
			bounds->what, text);
	}
	if (value && (value < bounds->least || value > bounds->most)) {
		return config_yaml_error(
			yaml, node, "%s %.40s is out of bounds; it may be %s, or 0 for no limit",
			bounds->what, text, bounds->text);
	}
	*ret_value = value;
	return 0;
}

static int read_bits(struct config_yaml *yaml, yaml_node_t *node, void *out)
{
	static const struct rate_bounds bounds = { "bits_per_second", BITS_MIN, BITS_MAX,
						   "8k to 1000G" };
	struct config_rate *rate = out;

	return read_rate_value(yaml, node, &bounds, &rate->bits_per_second);
}

static int read_packets(struct config_yaml *yaml, yaml_node_t *node, void *out)
{
	static const struct rate_bounds bounds = { "packets_per_second", PACKETS_MIN, PACKETS_MAX,
						   "1 to 1G" };
	struct config_rate *rate = out;

	return read_rate_value(yaml, node, &bounds, &rate->packets_per_second);
}

static int read_rates(struct config_yaml *yaml, yaml_node_t *node, const char *what,
		      struct config_rate *rate)
{
	static const struct config_yaml_key keys[] = {
		{ "bits_per_second", false, read_bits },
		{ "packets_per_second", false, read_packets },
		{ NULL, false, NULL },
	};

	return config_yaml_mapping(yaml, node, what, keys, rate);
}

int config_limit_read_rate(struct config_yaml *yaml, yaml_node_t *node, void *out)
{
	const struct config_gateway_draft *draft = out;

	return read_rates(yaml, node, "rate_limit", &draft->gateway->rate);
}

int config_limit_read_client_rate(struct config_yaml *yaml, yaml_node_t *node, void *out)
{
	const struct config_gateway_draft *draft = out;

	return read_rates(yaml, node, "client_rate_limit", &draft->gateway->client_rate);
}
