/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * The configuration as text, second part: addresses, and everything that says what is translated.
 * Consecutive EIPs come as ranges; a shared one is a mapping of its own.
 */
#include "config_print.h"

#include <arpa/inet.h>
#include <netinet/in.h>

#include "config_rule.h"

/* ---- EIPs ---- */

static bool is_shared(const struct config_gateway *gateway, __be32 eip)
{
	for (size_t i = 0; gateway && i < gateway->shared_count; i++) {
		if (gateway->shared[i] == eip) {
			return true;
		}
	}
	return false;
}

/* gateway: that has shared ones among them; may be NULL. */
static void print_addrs(FILE *stream, const __be32 *eips, size_t count,
			const struct config_gateway *gateway)
{
	size_t i = 0;

	(void)fputc('[', stream);
	while (i < count) {
		bool shared = is_shared(gateway, eips[i]);
		uint32_t first = ntohl(eips[i]);
		uint32_t run = 1;

		while (!shared && i + run < count && ntohl(eips[i + run]) == first + run &&
		       !is_shared(gateway, eips[i + run])) {
			run++;
		}
		(void)fputs(i ? ", " : "", stream);
		(void)fputs(shared ? "{address: " : "", stream);
		config_print_addr(stream, htonl(first));
		(void)fputs(shared ? ", shared: true}" : "", stream);
		if (run > 1) {
			(void)fputc('-', stream);
			config_print_addr(stream, htonl(first + run - 1));
		}
		i += run;
	}
	(void)fputs("]\n", stream);
}

void config_print_eips(FILE *stream, const struct config_gateway *gateway)
{
	if (gateway->eip_count) {
		(void)fputs("    eips: ", stream);
		print_addrs(stream, gateway->eips, gateway->eip_count, gateway);
	}
}

/* ---- gateways ---- */

static const char *fate(const struct config_gateway *gateway, uint8_t flag)
{
	return gateway->fragments & flag ? "forward" : "drop";
}

static void print_allowed(FILE *stream, const struct config_gateway *gateway)
{
	const char *before = "";

	(void)fputs("    allow_nat_to: [", stream);
	for (unsigned int target = 0; target < 8; target++) {
		if (gateway->allow_targets & 1U << target) {
			(void)fprintf(stream, "%s%s", before,
				      config_target_name((enum natgw_target)target));
			before = ", ";
		}
	}
	(void)fputs("]\n", stream);
}

void config_print_nat(FILE *stream, const struct config_gateway *gateway)
{
	(void)fprintf(stream, "    fragments: {tcp: %s, udp: %s, icmp: %s}\n",
		      fate(gateway, NATGW_FRAGMENTS_TCP), fate(gateway, NATGW_FRAGMENTS_UDP),
		      fate(gateway, NATGW_FRAGMENTS_ICMP));
	(void)fprintf(stream, "    icmp: %s\n    default_snat: %s\n",
		      config_icmp_name(gateway->icmp), gateway->no_default_snat ? "off" : "on");
	if (gateway->no_default_snat) {
		(void)fprintf(stream, "    unmatched: %s\n",
			      gateway->unmatched_pass ? "pass" : "drop");
	}
	if (gateway->table[0]) {
		(void)fputs("    route_table: ", stream);
		config_print_text(stream, gateway->table);
		(void)fputc('\n', stream);
	}
	print_allowed(stream, gateway);
}

/* ---- rules and lists ---- */

void config_print_nat_rule(FILE *stream, const struct config_rule *rule)
{
	if (rule->to_port) {
		(void)fprintf(stream, "      to_port: %u\n", rule->to_port);
	}
	if (rule->mark) {
		(void)fprintf(stream, "      mark: %u\n", rule->mark);
	}
	if (rule->shared_mark) {
		(void)fputs("      shared_mark: true\n", stream);
	}
	if (rule->eip_count) {
		(void)fputs("      eips: ", stream);
		print_addrs(stream, rule->eips, rule->eip_count, NULL);
	}
}

static void print_forward(FILE *stream, const struct config_forward *forward)
{
	(void)fputs("  - gateway: ", stream);
	config_print_text(stream, forward->gateway);
	(void)fprintf(stream,
		      "\n    protocol: %s\n    address: ", config_rule_proto_name(forward->proto));
	config_print_addr(stream, forward->ext_addr);
	(void)fprintf(stream, "\n    port: %u", forward->ext_first);
	if (forward->ext_last != forward->ext_first) {
		(void)fprintf(stream, "-%u", forward->ext_last);
	}
	(void)fputs("\n    to: ", stream);
	config_print_addr(stream, forward->int_addr);
	(void)fprintf(stream, ":%u\n", forward->int_first);
}

void config_print_lists(FILE *stream, const struct config *config)
{
	(void)fprintf(stream, "one_to_one:%s\n", config->one_to_one_count ? "" : " []");
	for (size_t i = 0; i < config->one_to_one_count; i++) {
		(void)fputs("  - {private: ", stream);
		config_print_addr(stream, config->one_to_one[i].private_addr);
		(void)fputs(", public: ", stream);
		config_print_addr(stream, config->one_to_one[i].public_addr);
		(void)fputs("}\n", stream);
	}
	(void)fprintf(stream, "port_forwards:%s\n", config->forward_count ? "" : " []");
	for (size_t i = 0; i < config->forward_count; i++) {
		print_forward(stream, &config->forwards[i]);
	}
	(void)fprintf(stream, "acl:%s\n", config->acl_count ? "" : " []");
	for (size_t i = 0; i < config->acl_count; i++) {
		(void)fprintf(stream, "  - {%s: ", config->acl[i].deny ? "deny" : "allow");
		config_print_prefix(stream, config->acl[i].prefix);
		(void)fputs("}\n", stream);
	}
}

bool config_print_is_internal(const struct config *config, struct config_prefix prefix)
{
	for (size_t i = 0; i < config->internal_prefix_count; i++) {
		if (config->internal_prefixes[i].addr == prefix.addr &&
		    config->internal_prefixes[i].len == prefix.len) {
			return true;
		}
	}
	return false;
}
