// SPDX-License-Identifier: GPL-2.0-only
/*
 * JSON of rules with their hits, port forwards, 1:1 mappings and the access list. As in
 * api_views.c, jansson hands "out of memory" on.
 */
#include "api_policy.h"

#include <arpa/inet.h>
#include <errno.h>
#include <netinet/in.h>
#include <stdlib.h>

#include "cleanup.h"
#include "names.h"
#include "snapshot.h"

static json_t *address_json(__be32 addr)
{
	char text[INET_ADDRSTRLEN];

	return json_string(inet_ntop(AF_INET, &addr, text, sizeof(text)));
}

static json_t *prefix_json(const struct config_prefix *prefix)
{
	char addr[INET_ADDRSTRLEN];

	inet_ntop(AF_INET, &prefix->addr, addr, sizeof(addr));
	return json_sprintf("%s/%u", addr, prefix->len);
}

/* "80", or "8000-8010". */
static json_t *ports_json(uint16_t first, uint16_t last)
{
	return first == last ? json_sprintf("%u", first) : json_sprintf("%u-%u", first, last);
}

/* ---- a gateway ---- */

static const char *fate_of(uint8_t fragments, uint8_t bit)
{
	return fragments & bit ? "forward" : "drop";
}

static json_t *fragments_json(uint8_t fragments)
{
	return json_pack("{s:s, s:s, s:s}", "tcp", fate_of(fragments, NATGW_FRAGMENTS_TCP), "udp",
			 fate_of(fragments, NATGW_FRAGMENTS_UDP), "icmp",
			 fate_of(fragments, NATGW_FRAGMENTS_ICMP));
}

static json_t *targets_json(uint8_t targets)
{
	json_t *list = json_array();

	for (unsigned int target = 0; target < 8; target++) {
		if (targets >> target & 1) {
			json_array_append_new(
				list, json_string(config_target_name((enum natgw_target)target)));
		}
	}
	return list;
}

static json_t *forward_json(const struct config_forward *forward)
{
	uint16_t last = (uint16_t)(forward->int_first + (forward->ext_last - forward->ext_first));

	return json_pack("{s:s, s:o, s:o, s:o, s:o}", "protocol", names_ip_proto(forward->proto),
			 "address", address_json(forward->ext_addr), "ports",
			 ports_json(forward->ext_first, forward->ext_last), "to",
			 address_json(forward->int_addr), "to_ports",
			 ports_json(forward->int_first, last));
}

static json_t *forwards_json(const struct config *config, const struct config_gateway *gateway)
{
	json_t *list = json_array();

	for (size_t i = 0; gateway && i < config->forward_count; i++) {
		const struct config_forward *forward = &config->forwards[i];

		if (config_find_gateway(config, forward->gateway) == gateway) {
			json_array_append_new(list, forward_json(forward));
		}
	}
	return list;
}

int api_policy_gateway(json_t *json, const struct natgw_gateway *row, const struct config *config,
		       const struct config_gateway *gateway)
{
	return json_object_update_new(
		json,
		json_pack("{s:s, s:s, s:o, s:s, s:s, s:s, s:s?, s:o, s:o}", "type",
			  gateway && gateway->is_private ? "private" : "public", "mode",
			  row->flags & NATGW_GATEWAY_TWO_STAGE ? "two-stage" : "direct",
			  "fragments", fragments_json(row->fragments), "icmp",
			  config_icmp_name((enum natgw_icmp)row->icmp), "default_snat",
			  row->flags & NATGW_GATEWAY_NO_DEFAULT_SNAT ? "off" : "on", "unmatched",
			  row->flags & NATGW_GATEWAY_UNMATCHED_PASS ? "pass" : "drop",
			  "route_table", gateway && gateway->table[0] ? gateway->table : NULL,
			  "allow_nat_to", targets_json(row->allow_targets), "port_forwards",
			  forwards_json(config, gateway)));
}

/* ---- rules ---- */

static json_t *eips_json(const struct config_rule *rule)
{
	json_t *list = json_array();

	for (size_t i = 0; i < rule->eip_count; i++)
		json_array_append_new(list, address_json(rule->eips[i]));
	return list;
}

static json_t *rule_ports_json(const struct config_rule *rule)
{
	if (rule->port_first == 0 && rule->port_last == UINT16_MAX) {
		return json_null();
	}
	return ports_json(rule->port_first, rule->port_last);
}

/* null: it asks for none, or has none. */
static json_t *number_json(uint32_t number)
{
	return number ? json_integer((json_int_t)number) : json_null();
}

static json_t *rule_json(const struct config_rule *rule, size_t position, uint64_t hits)
{
	return json_pack("{s:I, s:s, s:s?, s:o, s:o, s:s?, s:o, s:o, s:o, s:o, s:I}", "rule",
			 (json_int_t)position + 1, "kind", names_rule_kind(rule->kind), "gateway",
			 rule->gateway[0] ? rule->gateway : NULL, "from", prefix_json(&rule->from),
			 "to", prefix_json(&rule->to), "protocol",
			 rule->proto ? names_ip_proto(rule->proto) : NULL, "ports",
			 rule_ports_json(rule), "to_port", number_json(rule->to_port), "mark",
			 number_json(rule->mark), "eips", eips_json(rule), "hits",
			 (json_int_t)hits);
}

int api_policy_rules(const struct natgwd_state *state, json_t **ret_rules)
{
	uint64_t *found = NULL;
	int r = snapshot_rule_hits(state, &found);
	_cleanup_free_ uint64_t *hits = found;

	if (r < 0) {
		return r;
	}
	*ret_rules = json_array();
	for (size_t i = 0; i < state->config->rule_count; i++) {
		json_array_append_new(*ret_rules, rule_json(&state->config->rules[i], i, hits[i]));
	}
	return 0;
}

/* ---- others ---- */

json_t *api_policy_one_to_one(const struct config *config)
{
	json_t *list = json_array();

	for (size_t i = 0; i < config->one_to_one_count; i++) {
		const struct config_one_to_one *pair = &config->one_to_one[i];

		json_array_append_new(list, json_pack("{s:o, s:o}", "private",
						      address_json(pair->private_addr), "public",
						      address_json(pair->public_addr)));
	}
	return list;
}

json_t *api_policy_acl(const struct config *config)
{
	json_t *list = json_array();

	for (size_t i = 0; i < config->acl_count; i++) {
		const struct config_acl *acl = &config->acl[i];

		json_array_append_new(list,
				      json_pack("{s:o, s:s}", "prefix", prefix_json(&acl->prefix),
						"action", acl->deny ? "deny" : "allow"));
	}
	return list;
}
