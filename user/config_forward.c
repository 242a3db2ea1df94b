/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * Port forwards: external ports of an EIP that lead to an internal host. A port of an EIP leads to
 * one place, and only hosts that natgw has as internal can be reached.
 */
#include "config_forward.h"

#include <arpa/inet.h>
#include <errno.h>
#include <netinet/in.h>
#include <stdlib.h>
#include <string.h>

#include "cleanup.h"
#include "config_eip.h"
#include "config_gateway.h"
#include "config_one_to_one.h"
#include "config_rule.h"
#include "config_subnet.h"
#include "list.h"
#include "parse_util.h"

/* A forward that is being read. */
struct draft {
	const struct config *config;
	struct config_forward *forward;
};

/* ---- keys ---- */

static int read_gateway(struct config_yaml *yaml, yaml_node_t *node, void *out)
{
	const struct draft *draft = out;
	const char *name;
	int err = config_yaml_text(yaml, node, "the gateway of a port forward", &name);

	if (err) {
		return err;
	}
	if (!config_find_gateway(draft->config, name)) {
		return config_gateway_unknown(yaml, node, draft->config, "port forward for", name);
	}
	(void)snprintf(draft->forward->gateway, sizeof(draft->forward->gateway), "%s", name);
	return 0;
}

static int read_protocol(struct config_yaml *yaml, yaml_node_t *node, void *out)
{
	static const char *const names[] = { "tcp", "udp", NULL };
	const struct draft *draft = out;
	unsigned int index = 0;
	int err = config_yaml_choice(yaml, node, "protocol of a port forward", names, &index);

	if (!err) {
		draft->forward->proto = index ? IPPROTO_UDP : IPPROTO_TCP;
	}
	return err;
}

/* No gateway's: the message names the private address where the public one is written. */
static int not_an_eip(const struct config_yaml *yaml, const yaml_node_t *node,
		      const struct config *config, __be32 addr)
{
	const struct config_one_to_one *mapping = config_one_to_one_public(config, addr);
	char private_text[INET_ADDRSTRLEN];
	char text[INET_ADDRSTRLEN];

	(void)config_eip_text(addr, text);
	if (mapping && config_eip_owner(config, mapping->private_addr)) {
		return config_yaml_error(
			yaml, node,
			"address %s of a port forward is the public one of EIP %s; write the EIP",
			text, config_eip_text(mapping->private_addr, private_text));
	}
	if (mapping) {
		return config_yaml_error(
			yaml, node,
			"address %s of a port forward is the public address of host %s in one_to_one, which gets all of its ports already; write an EIP",
			text, config_eip_text(mapping->private_addr, private_text));
	}
	return config_yaml_error(
		yaml, node,
		"address %s of a port forward is an EIP of no gateway; write one, or add it to the eips of one",
		text);
}

static int read_address(struct config_yaml *yaml, yaml_node_t *node, void *out)
{
	const struct draft *draft = out;
	struct config_forward *forward = draft->forward;
	const struct config_gateway *owner;
	const char *text;
	int err = config_yaml_text(yaml, node, "the address of a port forward", &text);

	if (err) {
		return err;
	}
	if (parse_util_address(text, &forward->ext_addr)) {
		return config_yaml_error(
			yaml, node,
			"address \"%.60s\" of a port forward is not an IPv4 address; write one EIP, such as 203.0.113.10",
			text);
	}
	owner = config_eip_owner(draft->config, forward->ext_addr);
	if (!owner) {
		return not_an_eip(yaml, node, draft->config, forward->ext_addr);
	}
	if (forward->gateway[0] && strcmp(forward->gateway, owner->name) != 0) {
		return config_yaml_error(
			yaml, node,
			"address %s of a port forward for gateway \"%s\" is an EIP of gateway \"%s\"; name that one, or leave the gateway out",
			text, forward->gateway, owner->name);
	}
	memcpy(forward->gateway, owner->name, sizeof(forward->gateway));
	return 0;
}

static int read_port(struct config_yaml *yaml, yaml_node_t *node, void *out)
{
	const struct draft *draft = out;
	const char *text;
	int err = config_yaml_text(yaml, node, "port", &text);

	if (err) {
		return err;
	}
	if (parse_util_ports(text, &draft->forward->ext_first, &draft->forward->ext_last)) {
		return config_yaml_error(
			yaml, node,
			"port \"%.40s\" of a port forward is not a port or a range of ports (1 to 65535); write 443 or 8000-8009",
			text);
	}
	return 0;
}

static int check_host(const struct config_yaml *yaml, const yaml_node_t *node,
		      const struct config *config, __be32 addr)
{
	const struct config_gateway *owner = config_eip_private_owner(config, addr);
	char text[INET_ADDRSTRLEN];

	(void)config_eip_text(addr, text);
	if (owner) {
		return config_yaml_error(
			yaml, node,
			"a port forward to %s, the private_ip of gateway \"%s\"; it must lead to an internal host",
			text, owner->name);
	}
	if (config_subnet_holds(config, addr, NULL)) {
		return 0;
	}
	return config_yaml_error(
		yaml, node,
		"a port forward to %s, which is in no internal prefix; write an internal host, or add its subnet to a route table",
		text);
}

static int read_to(struct config_yaml *yaml, yaml_node_t *node, void *out)
{
	const struct draft *draft = out;
	struct config_forward *forward = draft->forward;
	uint16_t more = forward->ext_last - forward->ext_first;
	const char *text;
	uint16_t port;
	int err = config_yaml_text(yaml, node, "the destination of a port forward", &text);

	if (err) {
		return err;
	}
	if (parse_util_endpoint(text, &forward->int_addr, &port)) {
		return config_yaml_error(
			yaml, node,
			"to \"%.60s\" of a port forward is not an address or an address and a port (1 to 65535); write 10.0.1.5 or 10.0.1.5:8080",
			text);
	}
	forward->int_first = port ? port : forward->ext_first;
	if (forward->int_first > UINT16_MAX - more) {
		return config_yaml_error(
			yaml, node,
			"to %s and the %u ports after it end above 65535; write a lower port, or a shorter range",
			text, more);
	}
	return check_host(yaml, node, draft->config, forward->int_addr);
}

/* ---- the list ---- */

static int read_item(struct config_yaml *yaml, yaml_node_t *node, void *out)
{
	/* The gateway comes before the address, the ports before what they lead to. */
	static const struct config_yaml_key keys[] = {
		{ "gateway", false, read_gateway },
		{ "protocol", true, read_protocol },
		{ "address", true, read_address },
		{ "port", true, read_port },
		{ "to", true, read_to },
		{ NULL, false, NULL },
	};
	struct config *config = out;
	struct config_forward forward = { .place = config_yaml_place(node) };
	struct draft draft = { config, &forward };
	struct config_forward *grown;
	int err;

	if (config->forward_count >= NATGW_FORWARDS_MAX) {
		return config_yaml_error(yaml, node, "too many port forwards; at most %d ports fit",
					 NATGW_FORWARDS_MAX);
	}
	err = config_yaml_mapping(yaml, node, "a port forward", keys, &draft);
	if (err) {
		return err;
	}
	grown = list_room(config->forwards, config->forward_count, sizeof(*grown));
	if (!grown) {
		return config_yaml_no_memory(yaml);
	}
	config->forwards = grown;
	config->forwards[config->forward_count++] = forward;
	return 0;
}

static int compare_numbers(uint32_t a, uint32_t b)
{
	return (a > b) - (a < b);
}

/* By external endpoint, then by place in the file. */
static int compare(const void *left, const void *right)
{
	const struct config_forward *a = left;
	const struct config_forward *b = right;

	return compare_numbers(a->ext_addr, b->ext_addr)      ?:
		       compare_numbers(a->proto, b->proto)	      ?:
		       compare_numbers(a->ext_first, b->ext_first)   ?:
		       compare_numbers(a->place.line, b->place.line) ?:
		       compare_numbers(a->place.column, b->place.column);
}

static bool is_before(struct config_place a, struct config_place b)
{
	return a.line < b.line || (a.line == b.line && a.column < b.column);
}

/* The message stands at the later one of the two. */
static int overlap_error(const struct config_yaml *yaml, const struct config_forward *a,
			 const struct config_forward *b)
{
	bool swap = is_before(b->place, a->place);
	const struct config_forward *first = swap ? b : a;
	const struct config_forward *second = swap ? a : b;
	char text[INET_ADDRSTRLEN];

	return config_yaml_error_at(
		yaml, second->place,
		"port %u of %s (%s) is forwarded by the port forward in line %u already; a port leads to one host",
		first->ext_first > second->ext_first ? first->ext_first : second->ext_first,
		config_eip_text(second->ext_addr, text), config_rule_proto_name(second->proto),
		first->place.line);
}

/* Sorted by first port, so who overlaps any before it overlaps the one that reaches farthest. */
static int check_overlaps(const struct config_yaml *yaml, const struct config *config)
{
	_cleanup_free_ struct config_forward *sorted = NULL;
	const struct config_forward *farthest;

	sorted = reallocarray(NULL, config->forward_count, sizeof(*sorted));
	if (!sorted) {
		return config_yaml_no_memory(yaml);
	}
	memcpy(sorted, config->forwards, config->forward_count * sizeof(*sorted));
	qsort(sorted, config->forward_count, sizeof(*sorted), compare);
	farthest = &sorted[0];
	for (size_t i = 1; i < config->forward_count; i++) {
		const struct config_forward *forward = &sorted[i];

		if (forward->ext_addr == farthest->ext_addr && forward->proto == farthest->proto &&
		    forward->ext_first <= farthest->ext_last) {
			return overlap_error(yaml, farthest, forward);
		}
		farthest = forward;
	}
	return 0;
}

static int check_room(const struct config_yaml *yaml, const yaml_node_t *node,
		      const struct config *config)
{
	size_t ports = 0;

	for (size_t i = 0; i < config->forward_count; i++) {
		ports += (size_t)config->forwards[i].ext_last - config->forwards[i].ext_first + 1;
	}
	if (ports <= NATGW_FORWARDS_MAX) {
		return 0;
	}
	return config_yaml_error(
		yaml, node,
		"%zu ports in all port forwards; at most %d fit, each port of a range counts",
		ports, NATGW_FORWARDS_MAX);
}

int config_forward_read_list(struct config_yaml *yaml, yaml_node_t *node, void *out)
{
	static const struct config_yaml_items items = { "port_forwards", read_item, true };
	const struct config *config = out;
	int err = config_yaml_list(yaml, node, &items, out);

	if (err || !config->forward_count) {
		return err;
	}
	return check_overlaps(yaml, config) ?: check_room(yaml, node, config);
}
