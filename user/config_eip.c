/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * The EIPs of a gateway: addresses, ranges and prefixes written out, one array element for each. An
 * EIP belongs to one gateway, once, and is nobody's private IP (but, in two stages, of its own
 * gateway); that is checked here, while the place in the file is at hand.
 */
#include "config_eip.h"

#include <arpa/inet.h>
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "list.h"
#include "parse_util.h"

/* An item of "eips" that is a mapping. */
struct item {
	struct config_eip_span span;
	bool shared;
};

const char *config_eip_unusable(__be32 addr)
{
	uint32_t host = ntohl(addr);

	if (host == UINT32_MAX) {
		return "the broadcast address";
	}
	switch (host >> 24) {
	case 0:
		return "in 0.0.0.0/8 (\"this network\")";
	case 127:
		return "in 127.0.0.0/8 (loopback)";
	default:
		break;
	}
	if (host >> 16 == 0xa9fe) {
		return "in 169.254.0.0/16 (link-local)";
	}
	if (host >> 28 == 0xe) {
		return "in 224.0.0.0/4 (multicast)";
	}
	return host >> 28 == 0xf ? "in 240.0.0.0/4 (reserved)" : NULL;
}

const char *config_eip_text(__be32 addr, char *text)
{
	struct in_addr in = { .s_addr = addr };

	return inet_ntop(AF_INET, &in, text, INET_ADDRSTRLEN);
}

bool config_eip_in(const __be32 *eips, size_t count, __be32 eip)
{
	for (size_t i = 0; i < count; i++) {
		if (eips[i] == eip) {
			return true;
		}
	}
	return false;
}

const struct config_gateway *config_eip_owner(const struct config *config, __be32 eip)
{
	for (size_t i = 0; i < config->gateway_count; i++) {
		const struct config_gateway *gateway = &config->gateways[i];

		if (config_eip_in(gateway->eips, gateway->eip_count, eip)) {
			return gateway;
		}
	}
	for (size_t i = 0; i < config->rule_count; i++) {
		const struct config_rule *rule = &config->rules[i];

		if (config_eip_in(rule->eips, rule->eip_count, eip)) {
			return config_find_gateway(config, rule->gateway);
		}
	}
	return NULL;
}

const struct config_gateway *config_eip_private_owner(const struct config *config, __be32 addr)
{
	for (size_t i = 0; i < config->gateway_count; i++) {
		if (config->gateways[i].private_ip == addr) {
			return &config->gateways[i];
		}
	}
	return NULL;
}

static int prefix_span(const struct config_yaml *yaml, const yaml_node_t *node, const char *text,
		       struct config_eip_span *ret_span)
{
	char right[INET_ADDRSTRLEN];
	uint32_t network;
	uint8_t len;
	__be32 addr;

	if (parse_util_prefix(text, &addr, &len)) {
		return config_yaml_error(
			yaml, node,
			"\"%.60s\" is not a prefix; write network/length, such as 198.51.100.0/28",
			text);
	}
	network = ntohl(parse_util_network(addr, len));
	if (network != ntohl(addr)) {
		return config_yaml_error(
			yaml, node,
			"prefix %s has host bits set; write %s/%u for the prefix, or one address without \"/\"",
			text, config_eip_text(htonl(network), right), len);
	}
	ret_span->first = network;
	ret_span->last = network | (len ? (uint32_t)((1ULL << (32 - len)) - 1) : UINT32_MAX);
	return 0;
}

static int range_span(const struct config_yaml *yaml, const yaml_node_t *node, const char *text,
		      struct config_eip_span *ret_span)
{
	__be32 first;
	__be32 last;
	int err = parse_util_range(text, &first, &last);

	if (err == -ERANGE) {
		return config_yaml_error(yaml, node,
					 "range \"%s\" is reversed; write the lower address first",
					 text);
	}
	if (err) {
		return config_yaml_error(
			yaml, node,
			"\"%.60s\" is not a range; write two addresses, such as 203.0.113.16-203.0.113.23",
			text);
	}
	*ret_span = (struct config_eip_span){ ntohl(first), ntohl(last) };
	return 0;
}

int config_eip_read_span(const struct config_yaml *yaml, yaml_node_t *node,
			 struct config_eip_span *ret_span)
{
	const char *text;
	__be32 addr;
	int err = config_yaml_text(yaml, node, "an EIP", &text);

	if (err) {
		return err;
	}
	if (strchr(text, '/')) {
		return prefix_span(yaml, node, text, ret_span);
	}
	if (strchr(text, '-')) {
		return range_span(yaml, node, text, ret_span);
	}
	if (parse_util_address(text, &addr)) {
		return config_yaml_error(
			yaml, node,
			"EIP \"%.60s\" is not an IPv4 address, range or prefix; write 203.0.113.10, 203.0.113.16-203.0.113.23 or 198.51.100.0/28",
			text);
	}
	*ret_span = (struct config_eip_span){ ntohl(addr), ntohl(addr) };
	return 0;
}

static int check_room(const struct config_yaml *yaml, const yaml_node_t *node,
		      const struct config_gateway_draft *draft, uint64_t more)
{
	const struct config *config = draft->config;
	uint64_t total = draft->gateway->eip_count + more;

	if (total > NATGW_EIPS_PER_GATEWAY_MAX) {
		return config_yaml_error(yaml, node,
					 "gateway \"%s\" would have %llu EIPs; at most %d fit",
					 draft->gateway->name, (unsigned long long)total,
					 NATGW_EIPS_PER_GATEWAY_MAX);
	}
	for (size_t i = 0; i < config->gateway_count; i++) {
		total += config->gateways[i].eip_count;
	}
	if (total > NATGW_EIPS_MAX) {
		return config_yaml_error(
			yaml, node, "all gateways together would have %llu EIPs; at most %d fit",
			(unsigned long long)total, NATGW_EIPS_MAX);
	}
	return 0;
}

static int check_owner(const struct config_yaml *yaml, const yaml_node_t *node,
		       const struct config_gateway_draft *draft, __be32 eip)
{
	const struct config_gateway *owner = config_eip_owner(draft->config, eip);
	char text[INET_ADDRSTRLEN];

	if (!owner && config_eip_in(draft->gateway->eips, draft->gateway->eip_count, eip)) {
		owner = draft->gateway;
	}
	if (!owner) {
		return 0;
	}
	return config_yaml_error(
		yaml, node,
		"EIP %s is already in gateway \"%s\"; an EIP belongs to one gateway, and once",
		config_eip_text(eip, text), owner->name);
}

static int check_private(const struct config_yaml *yaml, const yaml_node_t *node,
			 const struct config_gateway_draft *draft, __be32 eip)
{
	const struct config_gateway *owner = config_eip_private_owner(draft->config, eip);
	char text[INET_ADDRSTRLEN];

	/* In two stages the sessions may have the gateway's own address (requirement 79). */
	if (draft->gateway->private_ip == eip && !draft->gateway->two_stage) {
		owner = draft->gateway;
	}
	if (!owner) {
		return 0;
	}
	return config_yaml_error(yaml, node,
				 "EIP %s is the private_ip of gateway \"%s\"; the two must differ",
				 config_eip_text(eip, text), owner->name);
}

static int check_eip(const struct config_yaml *yaml, const yaml_node_t *node,
		     const struct config_gateway_draft *draft, __be32 eip)
{
	const char *reason = config_eip_unusable(eip);
	char text[INET_ADDRSTRLEN];

	if (reason) {
		return config_yaml_error(
			yaml, node,
			"EIP %s is %s; an EIP must be a unicast address that the external network routes to this host",
			config_eip_text(eip, text), reason);
	}
	return check_owner(yaml, node, draft, eip) ?: check_private(yaml, node, draft, eip);
}

static int read_shared_address(struct config_yaml *yaml, yaml_node_t *node, void *out)
{
	struct item *item = out;
	const char *text;
	__be32 addr;
	int err = config_yaml_text(yaml, node, "the address of an EIP", &text);

	if (err) {
		return err;
	}
	if (parse_util_address(text, &addr)) {
		return config_yaml_error(
			yaml, node,
			"address \"%.60s\" of an EIP is not one IPv4 address; write one such as 203.0.113.10, an item for each",
			text);
	}
	item->span = (struct config_eip_span){ ntohl(addr), ntohl(addr) };
	return 0;
}

static int read_shared(struct config_yaml *yaml, yaml_node_t *node, void *out)
{
	struct item *item = out;

	return config_yaml_bool(yaml, node, "shared", &item->shared);
}

static int read_mapping(struct config_yaml *yaml, yaml_node_t *node,
			const struct config_gateway_draft *draft, struct item *ret_item)
{
	static const struct config_yaml_key keys[] = {
		{ "address", true, read_shared_address },
		{ "shared", false, read_shared },
		{ NULL, false, NULL },
	};
	int err = config_yaml_mapping(yaml, node, "an EIP", keys, ret_item);

	if (!err && ret_item->shared && draft->gateway->two_stage) {
		return config_yaml_error(
			yaml, node,
			"shared: true at gateway \"%s\", whose mode is two-stage; what is on the wire there is the public address, so take it out",
			draft->gateway->name);
	}
	return err;
}

/* Takes note of a shared EIP. */
static int add_shared(const struct config_yaml *yaml, struct config_gateway *gateway, __be32 eip)
{
	__be32 *grown = list_room(gateway->shared, gateway->shared_count, sizeof(*grown));

	if (!grown) {
		return config_yaml_no_memory(yaml);
	}
	gateway->shared = grown;
	gateway->shared[gateway->shared_count++] = eip;
	return 0;
}

static int add_span(const struct config_yaml *yaml, const yaml_node_t *node,
		    const struct config_gateway_draft *draft, struct config_eip_span span)
{
	struct config_gateway *gateway = draft->gateway;
	uint64_t count = (uint64_t)span.last - span.first + 1;
	__be32 *grown;
	int err = check_room(yaml, node, draft, count);

	if (err) {
		return err;
	}
	grown = reallocarray(gateway->eips, gateway->eip_count + count, sizeof(*grown));
	if (!grown) {
		return config_yaml_no_memory(yaml);
	}
	gateway->eips = grown;
	for (uint64_t i = 0; i < count; i++) {
		__be32 eip = htonl(span.first + (uint32_t)i);

		err = check_eip(yaml, node, draft, eip);
		if (err) {
			return err;
		}
		gateway->eips[gateway->eip_count++] = eip;
	}
	return 0;
}

static int read_eip_item(struct config_yaml *yaml, yaml_node_t *node, void *out)
{
	const struct config_gateway_draft *draft = out;
	struct item item = { .shared = false };
	int err;

	if (node->type == YAML_MAPPING_NODE) {
		err = read_mapping(yaml, node, draft, &item);
	} else {
		err = config_eip_read_span(yaml, node, &item.span);
	}
	err = err ?: add_span(yaml, node, draft, item.span);
	if (!err && item.shared) {
		err = add_shared(yaml, draft->gateway, htonl(item.span.first));
	}
	return err;
}

int config_eip_read_list(struct config_yaml *yaml, yaml_node_t *node, void *out)
{
	static const struct config_yaml_items items = { "eips of a gateway", read_eip_item, false };
	const struct config_gateway_draft *draft = out;

	draft->gateway->eips_place = config_yaml_place(node);
	return config_yaml_list(yaml, node, &items, out);
}
