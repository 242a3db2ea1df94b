/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * What a gateway translates and how far: its type and mode, fragments, ICMP, default SNAT, and the
 * route table that is its own.
 */
#include "config_gateway_nat.h"

#include <errno.h>

#include "config_gateway.h"

static const char *const icmp_names[] = {
	[NATGW_ICMP_ALL] = "all",
	[NATGW_ICMP_ECHO] = "echo",
	[NATGW_ICMP_OFF] = "off",
	NULL,
};

const char *config_icmp_name(enum natgw_icmp icmp)
{
	return icmp_names[icmp];
}

/* A word, the first one or the second one. */
static int read_second(struct config_yaml *yaml, yaml_node_t *node, const char *what,
		       const char *const *names, bool *ret_second)
{
	unsigned int index;
	int err = config_yaml_choice(yaml, node, what, names, &index);

	if (!err) {
		*ret_second = index == 1;
	}
	return err;
}

int config_gateway_read_type(struct config_yaml *yaml, yaml_node_t *node, void *out)
{
	static const char *const names[] = { "public", "private", NULL };
	const struct config_gateway_draft *draft = out;

	return read_second(yaml, node, "type", names, &draft->gateway->is_private);
}

int config_gateway_read_mode(struct config_yaml *yaml, yaml_node_t *node, void *out)
{
	static const char *const names[] = { "direct", "two-stage", NULL };
	const struct config_gateway_draft *draft = out;

	return read_second(yaml, node, "mode", names, &draft->gateway->two_stage);
}

/* ---- fragments, ICMP ---- */

static int read_fate(struct config_yaml *yaml, yaml_node_t *node, uint8_t flags, uint8_t *fragments)
{
	static const char *const names[] = { "drop", "forward", NULL };
	bool forward = false;
	int err = read_second(yaml, node, "fate of fragments", names, &forward);

	if (!err) {
		*fragments = (uint8_t)((*fragments & ~flags) | (forward ? flags : 0));
	}
	return err;
}

static int read_fragments_tcp(struct config_yaml *yaml, yaml_node_t *node, void *out)
{
	return read_fate(yaml, node, NATGW_FRAGMENTS_TCP, out);
}

static int read_fragments_udp(struct config_yaml *yaml, yaml_node_t *node, void *out)
{
	return read_fate(yaml, node, NATGW_FRAGMENTS_UDP, out);
}

static int read_fragments_icmp(struct config_yaml *yaml, yaml_node_t *node, void *out)
{
	return read_fate(yaml, node, NATGW_FRAGMENTS_ICMP, out);
}

int config_gateway_read_fragments(struct config_yaml *yaml, yaml_node_t *node, void *out)
{
	static const struct config_yaml_key keys[] = {
		{ "tcp", false, read_fragments_tcp },
		{ "udp", false, read_fragments_udp },
		{ "icmp", false, read_fragments_icmp },
		{ NULL, false, NULL },
	};
	const struct config_gateway_draft *draft = out;
	uint8_t *fragments = &draft->gateway->fragments;

	if (node->type == YAML_SCALAR_NODE) {
		return read_fate(yaml, node,
				 NATGW_FRAGMENTS_TCP | NATGW_FRAGMENTS_UDP | NATGW_FRAGMENTS_ICMP,
				 fragments);
	}
	return config_yaml_mapping(yaml, node, "fragments", keys, fragments);
}

int config_gateway_read_icmp(struct config_yaml *yaml, yaml_node_t *node, void *out)
{
	const struct config_gateway_draft *draft = out;
	unsigned int index;
	int err = config_yaml_choice(yaml, node, "icmp", icmp_names, &index);

	if (!err) {
		draft->gateway->icmp = (enum natgw_icmp)index;
	}
	return err;
}

/* ---- what is translated ---- */

int config_gateway_read_default_snat(struct config_yaml *yaml, yaml_node_t *node, void *out)
{
	const struct config_gateway_draft *draft = out;
	bool on = true;
	int err = config_yaml_bool(yaml, node, "default_snat", &on);

	draft->gateway->no_default_snat = !on;
	return err;
}

int config_gateway_read_unmatched(struct config_yaml *yaml, yaml_node_t *node, void *out)
{
	static const char *const names[] = { "drop", "pass", NULL };
	const struct config_gateway_draft *draft = out;
	int err = read_second(yaml, node, "unmatched", names, &draft->gateway->unmatched_pass);

	if (!err && !draft->gateway->no_default_snat) {
		return config_yaml_error(
			yaml, node,
			"unmatched at a gateway that translates everything; it counts with default_snat: off only, so write that or take it out");
	}
	return err;
}

/* ---- after translation ---- */

int config_gateway_read_route_table(struct config_yaml *yaml, yaml_node_t *node, void *out)
{
	const struct config_gateway_draft *draft = out;

	draft->gateway->table_place = config_yaml_place(node);
	return config_yaml_name(yaml, node, "the route_table of a gateway", draft->gateway->table);
}

static int read_allowed(struct config_yaml *yaml, yaml_node_t *node, void *out)
{
	static const char *const names[] = { "local", "interface", "vpn", NULL };
	static const enum natgw_target targets[] = { NATGW_TARGET_LOCAL, NATGW_TARGET_INTERFACE,
						     NATGW_TARGET_VPN };
	uint8_t *allowed = out;
	unsigned int index;
	int err = config_yaml_choice(yaml, node, "class of targets in allow_nat_to", names, &index);

	if (!err) {
		*allowed |= (uint8_t)(1U << targets[index]);
	}
	return err;
}

int config_gateway_read_allow(struct config_yaml *yaml, yaml_node_t *node, void *out)
{
	static const struct config_yaml_items items = { "allow_nat_to", read_allowed, true };
	const struct config_gateway_draft *draft = out;

	return config_yaml_list(yaml, node, &items, &draft->gateway->allow_targets);
}
