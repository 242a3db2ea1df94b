/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * The configuration as text: every key written out, defaults too, always in the same order and
 * form; of a rule, what it says. Consecutive EIPs come as ranges, durations in seconds.
 */
#include <arpa/inet.h>
#include <ctype.h>
#include <errno.h>
#include <string.h>

#include "config.h"
#include "config_inventory.h"
#include "config_log.h"
#include "config_mapping.h"
#include "config_print.h"
#include "config_probe.h"
#include "config_rule.h"
#include "config_tag.h"

/* Whether YAML reads these characters as they stand: a colon is one of them unless it comes last.
 */
static bool is_plain(const char *text)
{
	static const char plain[] =
		"abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789-_./:";
	size_t length = strlen(text);

	return length && (isalnum((unsigned char)text[0]) || text[0] == '/') &&
	       text[length - 1] != ':' && strspn(text, plain) == length;
}

/* Everything else goes in quotes; only printable ASCII comes here. */
void config_print_text(FILE *stream, const char *text)
{
	if (is_plain(text)) {
		(void)fputs(text, stream);
		return;
	}
	(void)fputc('"', stream);
	for (; *text; text++) {
		if (*text == '"' || *text == '\\') {
			(void)fputc('\\', stream);
		}
		(void)fputc(*text, stream);
	}
	(void)fputc('"', stream);
}

void config_print_addr(FILE *stream, __be32 addr)
{
	struct in_addr in = { .s_addr = addr };
	char text[INET_ADDRSTRLEN];

	(void)fputs(inet_ntop(AF_INET, &in, text, sizeof(text)), stream);
}

void config_print_prefix(FILE *stream, struct config_prefix prefix)
{
	config_print_addr(stream, prefix.addr);
	(void)fprintf(stream, "/%u", prefix.len);
}

void config_print_prefixes(FILE *stream, const struct config_prefix *prefixes, size_t count)
{
	(void)fputc('[', stream);
	for (size_t i = 0; i < count; i++) {
		(void)fputs(i ? ", " : "", stream);
		config_print_prefix(stream, prefixes[i]);
	}
	(void)fputs("]\n", stream);
}

static void print_side(FILE *stream, const struct config *config, const char *name, uint8_t flag)
{
	const char *before = "";

	(void)fprintf(stream, "  %s: [", name);
	for (size_t i = 0; i < config->interface_count; i++) {
		if (!(config->interfaces[i].flags & flag)) {
			continue;
		}
		(void)fputs(before, stream);
		config_print_text(stream, config->interfaces[i].name);
		before = ", ";
	}
	(void)fputs("]\n", stream);
}

/* Those whose bit enum natgw_timer is in timers. */
static void print_timeouts(FILE *stream, const char *indent, const uint32_t *timeout_s,
			   uint32_t timers)
{
	(void)fprintf(stream, "%stimeouts:\n", indent);
	for (unsigned int i = 0; i < NATGW_TIMER_COUNT; i++) {
		if (timers & 1U << i) {
			(void)fprintf(stream, "%s  %s: %us\n", indent,
				      config_timer_name((enum natgw_timer)i), timeout_s[i]);
		}
	}
}

static const char *mapping_name(uint8_t mapping)
{
	return config_mapping_name(mapping, NATGW_MAPPING_ENDPOINT_INDEPENDENT);
}

static const char *filtering_name(uint8_t mapping)
{
	return config_mapping_name(mapping, NATGW_FILTERING_ENDPOINT_INDEPENDENT);
}

static void print_behaviour(FILE *stream, const struct config_gateway *gateway)
{
	(void)fprintf(stream, "    destination_ports: %u\n", gateway->destination_ports);
	(void)fprintf(stream, "    eip_select: %s\n", gateway->eip_random ? "random" : "sticky");
	(void)fprintf(stream, "    refresh: %s\n", gateway->refresh_outbound ? "outbound" : "both");
	(void)fprintf(stream, "    mapping: %s\n    filtering: %s\n",
		      mapping_name(gateway->mapping), filtering_name(gateway->mapping));
	(void)fprintf(stream, "    no_session: %s\n    on_exhaustion: %s\n    drain: %us\n",
		      config_no_session_name(gateway->no_session),
		      config_on_exhaustion_name(gateway->on_exhaustion), gateway->drain_s);
}

static void print_quotas(FILE *stream, const struct config_gateway *gateway)
{
	(void)fprintf(stream, "    max_sessions: %u\n    max_sessions_per_client: %u\n",
		      gateway->sessions_max, gateway->client_sessions_max);
	(void)fprintf(stream, "    max_half_open_per_client: %u\n", gateway->client_opening_max);
	(void)fprintf(stream, "    ports_per_client: {min: %u, max: %u}\n",
		      gateway->client_ports_min, gateway->client_ports_max);
}

/* With the largest unit that leaves a whole number. */
static void print_scaled(FILE *stream, uint64_t value)
{
	static const char *const units[] = { "", "k", "M", "G" };
	size_t unit = 0;

	while (value && value % 1000 == 0 && unit < sizeof(units) / sizeof(units[0]) - 1) {
		value /= 1000;
		unit++;
	}
	(void)fprintf(stream, "%llu%s", (unsigned long long)value, units[unit]);
}

static void print_rates(FILE *stream, const char *key, const struct config_rate *rate)
{
	(void)fprintf(stream, "    %s: {bits_per_second: ", key);
	print_scaled(stream, rate->bits_per_second);
	(void)fputs(", packets_per_second: ", stream);
	print_scaled(stream, rate->packets_per_second);
	(void)fputs("}\n", stream);
}

static void print_gateway(FILE *stream, const struct config_gateway *gateway)
{
	(void)fputs("  - name: ", stream);
	config_print_text(stream, gateway->name);
	(void)fputs("\n    private_ip: ", stream);
	if (gateway->private_auto) {
		(void)fputs("auto", stream);
	} else {
		config_print_addr(stream, gateway->private_ip);
	}
	(void)fputc('\n', stream);
	config_tag_print(stream, gateway);
	(void)fprintf(stream, "    type: %s\n    mode: %s\n",
		      gateway->is_private ? "private" : "public",
		      gateway->two_stage ? "two-stage" : "direct");
	config_print_eips(stream, gateway);
	(void)fprintf(stream, "    profile: %s\n    port_range: %u-%u\n", gateway->profile,
		      gateway->port_first, gateway->port_last);
	print_timeouts(stream, "    ", gateway->timeout_s, UINT32_MAX);
	print_behaviour(stream, gateway);
	config_print_nat(stream, gateway);
	print_quotas(stream, gateway);
	print_rates(stream, "rate_limit", &gateway->rate);
	print_rates(stream, "client_rate_limit", &gateway->client_rate);
}

/* Its gateway has been deleted; the route stays. */
static bool is_left_over(const struct config *config, const struct config_route *route)
{
	return route->target == NATGW_TARGET_GATEWAY && !config_find_gateway(config, route->name);
}

static void print_route(FILE *stream, const struct config *config, const struct config_route *route)
{
	char target[2 * CONFIG_NAME_MAX];

	(void)snprintf(target, sizeof(target), "%s%s%s", config_target_name(route->target),
		       route->name[0] ? ":" : "", route->name);
	(void)fputs("      - to: ", stream);
	config_print_prefix(stream, route->to);
	(void)fputs("\n        target: ", stream);
	config_print_text(stream, target);
	(void)fputs(is_left_over(config, route) ? "\n        state: blackhole\n" : "\n", stream);
}

/* Of the main table, what is its own: the internal prefixes have a list. */
static void print_subnets(FILE *stream, const struct config *config,
			  const struct config_route_table *table)
{
	const char *before = "    subnets: [";

	for (size_t i = 0; i < table->subnet_count; i++) {
		if (table->is_main && config_print_is_internal(config, table->subnets[i])) {
			continue;
		}
		(void)fputs(before, stream);
		config_print_prefix(stream, table->subnets[i]);
		before = ", ";
	}
	(void)fputs(before[0] == ',' ? "]\n" : "", stream);
}

static void print_table(FILE *stream, const struct config *config,
			const struct config_route_table *table)
{
	(void)fputs("  - name: ", stream);
	config_print_text(stream, table->name);
	(void)fprintf(stream, "\n    main: %s\n", table->is_main ? "true" : "false");
	print_subnets(stream, config, table);
	(void)fprintf(stream, "    routes:%s\n", table->route_count ? "" : " []");
	for (size_t i = 0; i < table->route_count; i++) {
		print_route(stream, config, &table->routes[i]);
	}
}

/* What is not written is the gateway's, so it is not written here either. */
static void print_session(FILE *stream, const struct config_rule *rule)
{
	if (rule->timers) {
		print_timeouts(stream, "      ", rule->timeout_s, rule->timers);
	}
	if (rule->has_mapping) {
		(void)fprintf(stream, "      mapping: %s\n", mapping_name(rule->mapping));
	}
	if (rule->has_filtering) {
		(void)fprintf(stream, "      filtering: %s\n", filtering_name(rule->mapping));
	}
}

static void print_rule(FILE *stream, const struct config_rule *rule)
{
	(void)fprintf(stream, "  - %s:\n", config_rule_kind_name(rule->kind));
	if (rule->gateway[0]) {
		(void)fputs("      gateway: ", stream);
		config_print_text(stream, rule->gateway);
		(void)fputc('\n', stream);
	}
	(void)fputs("      from: ", stream);
	config_print_prefix(stream, rule->from);
	(void)fputs("\n      to: ", stream);
	config_print_prefix(stream, rule->to);
	(void)fprintf(stream, "\n      protocol: %s\n", config_rule_proto_name(rule->proto));
	if (rule->port_first == rule->port_last) {
		(void)fprintf(stream, "      port: %u\n", rule->port_first);
	} else if (rule->port_first) {
		(void)fprintf(stream, "      port: %u-%u\n", rule->port_first, rule->port_last);
	}
	print_session(stream, rule);
	config_print_nat_rule(stream, rule);
}

static void print_listen(FILE *stream, const struct config *config)
{
	(void)fputs("metrics:\n  listen: ", stream);
	if (!config->metrics_addr[0]) {
		(void)fputs("off\n", stream);
	} else if (strchr(config->metrics_addr, ':')) {
		(void)fprintf(stream, "\"[%s]:%u\"\n", config->metrics_addr, config->metrics_port);
	} else {
		(void)fprintf(stream, "%s:%u\n", config->metrics_addr, config->metrics_port);
	}
}

static void print_rest(FILE *stream, const struct config *config)
{
	(void)fprintf(stream, "limits:\n  sessions: %u\n  max_gateways: %u\n  max_eips: %u\n",
		      config->sessions, config->gateways_max, config->eips_max);
	config_inventory_print(stream, config);
	(void)fprintf(stream, "mark: 0x%08x\n", config->mark);
	(void)fprintf(stream, "on_failure: %s\n", config->fail_open ? "open" : "closed");
	(void)fprintf(stream, "reply_ping: %s\n", config->reply_ping ? "true" : "false");
	(void)fprintf(stream, "ipv6: %s\n", config->drop_ipv6 ? "drop" : "pass");
	config_log_print(stream, &config->session_log);
	config_probe_print(stream, config);
	print_listen(stream, config);
	(void)fputs("control:\n  socket: ", stream);
	config_print_text(stream, config->control_socket);
	(void)fputs("\n  group: ", stream);
	config_print_text(stream, config->control_group);
	(void)fputs("\n  read_socket: ", stream);
	config_print_text(stream, config->read_socket[0] ? config->read_socket : "none");
	(void)fputs("\npin_path: ", stream);
	config_print_text(stream, config->pin_path);
	(void)fputc('\n', stream);
}

int config_print(const struct config *config, FILE *stream)
{
	(void)fputs("interfaces:\n", stream);
	print_side(stream, config, "external", NATGW_IFACE_EXTERNAL);
	print_side(stream, config, "internal", NATGW_IFACE_INTERNAL);
	(void)fprintf(stream, "attach: %s\ngateways:%s\n", config_attach_name(config->attach),
		      config->gateway_count ? "" : " []");
	for (size_t i = 0; i < config->gateway_count; i++) {
		print_gateway(stream, &config->gateways[i]);
	}
	(void)fputs("route_tables:\n", stream);
	for (size_t i = 0; i < config->table_count; i++) {
		print_table(stream, config, &config->tables[i]);
	}
	(void)fputs("internal_prefixes: ", stream);
	config_print_prefixes(stream, config->internal_prefixes, config->internal_prefix_count);
	(void)fputs("local: ", stream);
	config_print_prefixes(stream, config->local, config->local_count);
	(void)fprintf(stream, "rules:%s\n", config->rule_count ? "" : " []");
	for (size_t i = 0; i < config->rule_count; i++) {
		print_rule(stream, &config->rules[i]);
	}
	config_print_lists(stream, config);
	print_rest(stream, config);
	return fflush(stream) || ferror(stream) ? -EIO : 0;
}
