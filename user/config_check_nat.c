/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * Warnings about what is translated and where it goes: things of a configuration that have no
 * effect, or hardly the one that was meant.
 */
#include "config_check.h"

#include <arpa/inet.h>
#include <string.h>

#include "config_eip.h"
#include "config_nat_rule.h"
#include "config_one_to_one.h"
#include "config_prefix.h"
#include "config_subnet.h"
#include "parse_util.h"

/* ---- addresses ---- */

/* RFC 1918 and RFC 6598 (shared address space). */
static bool is_private(__be32 addr)
{
	uint32_t host = ntohl(addr);

	return host >> 24 == 10 || host >> 20 == 0xac1 || host >> 16 == 0xc0a8 ||
	       host >> 22 == 0x191;
}

/* What is on the wire for an EIP. */
static __be32 wire_addr(const struct config *config, const struct config_gateway *gateway,
			__be32 eip)
{
	const struct config_one_to_one *mapping = config_one_to_one_private(config, eip);

	return gateway->two_stage && mapping ? mapping->public_addr : eip;
}

/* The first one that contradicts the gateway's type is worth a line. */
static void warn_type(const struct config_check *check, const struct config_gateway *gateway,
		      struct config_place place, const __be32 *eips, size_t count)
{
	char text[INET_ADDRSTRLEN];

	for (size_t i = 0; i < count; i++) {
		__be32 addr = wire_addr(check->config, gateway, eips[i]);

		if (is_private(addr) == gateway->is_private) {
			continue;
		}
		config_check_say(
			check, place,
			gateway->is_private
				? "gateway \"%s\" is of type private and translates to %s, which is not a private address; write type: public, or take it out"
				: "gateway \"%s\" is of type public and translates to %s, which no route on the internet leads to; write type: private, or mode: two-stage with a public address for it in one_to_one",
			gateway->name, config_eip_text(addr, text));
		return;
	}
}

static void warn_staged(const struct config_check *check, const struct config_gateway *gateway)
{
	char text[INET_ADDRSTRLEN];

	for (size_t i = 0; gateway->two_stage && i < gateway->eip_count; i++) {
		if (!is_private(gateway->eips[i])) {
			config_check_say(
				check, gateway->eips_place,
				"gateway \"%s\" is in mode two-stage, and its EIP %s is not a private address; its public address belongs in one_to_one",
				gateway->name, config_eip_text(gateway->eips[i], text));
			return;
		}
	}
}

/* ---- gateways ---- */

static bool translates(const struct config *config, const struct config_gateway *gateway)
{
	for (size_t i = 0; i < config->rule_count; i++) {
		if (config->rules[i].kind == NATGW_RULE_SNAT &&
		    config_rule_is_for(&config->rules[i], gateway)) {
			return true;
		}
	}
	return !gateway->no_default_snat || config->one_to_one_count;
}

/* May a packet of the gateway leave by this table? */
static bool leads_out(const struct config_route_table *table, const struct config_gateway *gateway)
{
	for (size_t i = 0; i < table->route_count; i++) {
		enum natgw_target target = table->routes[i].target;

		if (target == NATGW_TARGET_INTERNET || gateway->allow_targets & 1U << target) {
			return true;
		}
	}
	return false;
}

/* And by its own one? */
static bool has_way_out(const struct config *config, const struct config_gateway *gateway)
{
	for (size_t i = 0; i < config->table_count; i++) {
		if (strcmp(config->tables[i].name, gateway->table) == 0) {
			return leads_out(&config->tables[i], gateway);
		}
	}
	return false;
}

void config_check_gateway(const struct config_check *check, const struct config_gateway *gateway)
{
	warn_type(check, gateway, gateway->eips_place, gateway->eips, gateway->eip_count);
	warn_staged(check, gateway);
	if (!translates(check->config, gateway)) {
		config_check_say(
			check, gateway->place,
			"gateway \"%s\": default_snat is off and no snat rule is for it, so it translates nothing that clients begin",
			gateway->name);
	}
	if (gateway->allow_targets && !gateway->table[0]) {
		config_check_say(
			check, gateway->place,
			"gateway \"%s\": allow_nat_to has no effect without a route_table, since then every destination is the internet",
			gateway->name);
	}
	if (gateway->table[0] && !has_way_out(check->config, gateway)) {
		config_check_say(
			check, gateway->table_place,
			"gateway \"%s\": no route of its route_table \"%s\" leads out, so it drops everything; add {to: 0.0.0.0/0, target: internet}",
			gateway->name, gateway->table);
	}
}

/* ---- tables, prefixes ---- */

static bool is_local(const struct config *config, struct config_prefix prefix)
{
	for (size_t i = 0; i < config->local_count; i++) {
		if (config_prefix_equal(config->local[i], prefix)) {
			return true;
		}
	}
	return false;
}

static void warn_shadowed(const struct config_check *check, const struct config_route_table *table)
{
	for (size_t i = 0; i < table->route_count; i++) {
		const struct config_route *route = &table->routes[i];

		if (route->target == NATGW_TARGET_LOCAL || !table->subnet_count) {
			continue;
		}
		if (config_subnet_table(check->config, route->to)) {
			config_check_say(
				check, route->place,
				"route table \"%s\": this route has no effect: its prefix is a subnet, and the subnet's own local route comes first",
				table->name);
		} else if (is_local(check->config, route->to)) {
			config_check_say(
				check, route->place,
				"route table \"%s\": this route has no effect: its prefix is in the list local, and that comes first",
				table->name);
		}
	}
}

/* Does a subnet of the table hold the whole prefix? */
static bool serves(const struct config_route_table *table, struct config_prefix prefix)
{
	for (size_t i = 0; i < table->subnet_count; i++) {
		if (config_prefix_covers(table->subnets[i], prefix)) {
			return true;
		}
	}
	return false;
}

static void warn_not_served(const struct config_check *check, struct config_prefix prefix)
{
	char text[PARSE_UTIL_PREFIX_TEXT];

	for (size_t i = 0; i < check->config->table_count; i++) {
		if (serves(&check->config->tables[i], prefix)) {
			return;
		}
	}
	config_check_say(
		check, check->config->internal_place,
		"internal prefix %s is in no route table and there is no main one, so its hosts go nowhere; write main: true in a table, or add it to the subnets of one",
		config_prefix_text(prefix, text));
}

void config_check_tables(const struct config_check *check)
{
	const struct config *config = check->config;

	for (size_t i = 0; i < config->table_count; i++) {
		const struct config_route_table *table = &config->tables[i];

		warn_shadowed(check, table);
		if (table->is_main && !table->subnet_count) {
			config_check_say(
				check, table->place,
				"route table \"%s\" is the main one, and internal_prefixes has none that is left for it, so it has no effect",
				table->name);
		}
	}
	for (size_t i = 0; i < config->internal_prefix_count; i++) {
		warn_not_served(check, config->internal_prefixes[i]);
	}
}

/* ---- rules ---- */

/* Of the kinds that compete for a session: the first that matches counts. */
static bool same_kind(enum natgw_rule_kind a, enum natgw_rule_kind b)
{
	bool a_snat = a == NATGW_RULE_SNAT || a == NATGW_RULE_NO_NAT;
	bool b_snat = b == NATGW_RULE_SNAT || b == NATGW_RULE_NO_NAT;

	return a == b || (a_snat && b_snat);
}

/* Does every first packet that is one for inner match outer as well? */
static bool rule_covers(const struct config_rule *outer, const struct config_rule *inner)
{
	bool any_mark = outer->kind != NATGW_RULE_SNAT || !outer->mark;

	return same_kind(outer->kind, inner->kind) && (any_mark || outer->mark == inner->mark) &&
	       (!outer->gateway[0] || strcmp(outer->gateway, inner->gateway) == 0) &&
	       (!outer->proto || outer->proto == inner->proto) &&
	       outer->port_first <= inner->port_first && outer->port_last >= inner->port_last &&
	       config_prefix_covers(outer->from, inner->from) &&
	       config_prefix_covers(outer->to, inner->to);
}

static void warn_covered(const struct config_check *check, size_t position)
{
	const struct config_rule *rule = &check->config->rules[position];

	for (size_t i = 0; i < position; i++) {
		const struct config_rule *before = &check->config->rules[i];

		if (rule_covers(before, rule)) {
			config_check_say(
				check, rule->place,
				"this rule has no effect: the one in line %u comes first and takes all of its sessions",
				before->place.line);
			return;
		}
	}
}

static bool has_client(const struct config_route_table *table, struct config_prefix from)
{
	for (size_t i = 0; i < table->subnet_count; i++) {
		if (config_prefix_covers(from, table->subnets[i]) ||
		    config_prefix_covers(table->subnets[i], from)) {
			return true;
		}
	}
	return false;
}

static void warn_no_client(const struct config_check *check, const struct config_rule *rule)
{
	for (size_t i = 0; i < check->config->table_count; i++) {
		if (has_client(&check->config->tables[i], rule->from)) {
			return;
		}
	}
	config_check_say(
		check, rule->place,
		"this rule has no effect: no subnet of a route table has a client in its \"from\"");
}

/* Is there a rule of this kind with the same mark at a gateway of this rule? */
static bool has_mark(const struct config *config, const struct config_rule *rule,
		     enum natgw_rule_kind kind)
{
	for (size_t i = 0; i < config->rule_count; i++) {
		const struct config_rule *other = &config->rules[i];

		if (other->kind == kind && other->mark == rule->mark &&
		    config_nat_rule_meet(other, rule)) {
			return true;
		}
	}
	return false;
}

/* The same port after the same mark: maybe copied by mistake (requirement 71). */
static void warn_mark_again(const struct config_check *check, size_t position)
{
	const struct config_rule *rule = &check->config->rules[position];

	for (size_t i = 0; i < position; i++) {
		const struct config_rule *before = &check->config->rules[i];

		if (before->kind == NATGW_RULE_DNAT && before->mark == rule->mark &&
		    !before->shared_mark && !rule->shared_mark &&
		    config_nat_rule_meet(before, rule)) {
			config_check_say(
				check, rule->place,
				"mark %u is set by the dnat rule in line %u too, with the same to_port; write shared_mark: true if that is meant",
				rule->mark, before->place.line);
			return;
		}
	}
}

static void warn_mark(const struct config_check *check, size_t position)
{
	const struct config_rule *rule = &check->config->rules[position];

	if (!rule->mark) {
		return;
	}
	if (rule->kind == NATGW_RULE_SNAT && !has_mark(check->config, rule, NATGW_RULE_DNAT)) {
		config_check_say(
			check, rule->place,
			"this rule has no effect: no dnat rule at its gateway sets mark %u",
			rule->mark);
	}
	if (rule->kind == NATGW_RULE_DNAT) {
		warn_mark_again(check, position);
	}
	if (rule->kind == NATGW_RULE_DNAT && !rule->to_port &&
	    !has_mark(check->config, rule, NATGW_RULE_SNAT)) {
		config_check_say(
			check, rule->place,
			"this rule has no effect: it changes no port, and no snat rule asks for mark %u",
			rule->mark);
	}
}

void config_check_rule(const struct config_check *check, size_t position)
{
	const struct config_rule *rule = &check->config->rules[position];
	const struct config_gateway *gateway = config_find_gateway(check->config, rule->gateway);

	warn_covered(check, position);
	warn_no_client(check, rule);
	warn_mark(check, position);
	if (gateway) {
		warn_type(check, gateway, rule->place, rule->eips, rule->eip_count);
	}
}

/* ---- access list ---- */

void config_check_acl(const struct config_check *check)
{
	const struct config *config = check->config;
	char text[PARSE_UTIL_PREFIX_TEXT];

	for (size_t i = 0; i < config->acl_count; i++) {
		const struct config_acl *entry = &config->acl[i];
		bool denied = entry->deny;

		for (size_t j = 0; !denied && j < config->acl_count; j++) {
			denied = config->acl[j].deny &&
				 config_prefix_covers(config->acl[j].prefix, entry->prefix);
		}
		if (!denied) {
			config_check_say(
				check, entry->place,
				"acl: allow %s has no effect: no deny has a prefix around it, and what is not denied is allowed",
				config_prefix_text(entry->prefix, text));
		}
	}
}
