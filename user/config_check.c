/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * What can be said about a configuration that was read without an error: things allowed and worth a
 * line, and whether its interfaces exist. It refuses nothing that config_parse has accepted but
 * interfaces that are not there.
 */
#include <arpa/inet.h>
#include <errno.h>
#include <net/if.h>
#include <stdarg.h>
#include <string.h>

#include "config.h"
#include "config_prefix.h"
#include "config_profile.h"
#include "config_timeout.h"

#define WARNING_MAX 512
#define WELL_KNOWN_PORTS 1024

struct sink {
	const struct config *config;
	void (*warn)(const char *text, void *arg);
	void *arg;
};

/* What an RFC asks of a timer at least. */
struct rfc_minimum {
	uint32_t seconds;
	const char *rfc;
};

static const struct rfc_minimum minimums[NATGW_TIMER_COUNT] = {
	[NATGW_TIMER_TCP_HALF_OPEN] = { 240, "RFC 5382 REQ-5" },
	[NATGW_TIMER_TCP_ESTABLISHED] = { 7440, "RFC 5382 REQ-5" },
	[NATGW_TIMER_UDP_UNREPLIED] = { 120, "RFC 4787 REQ-5" },
	[NATGW_TIMER_UDP_REPLIED] = { 120, "RFC 4787 REQ-5" },
	[NATGW_TIMER_ICMP] = { 60, "RFC 5508 REQ-2" },
	[NATGW_TIMER_HOLD_FIN] = { 120, "RFC 6888 REQ-8" },
	[NATGW_TIMER_HOLD_RST] = { 120, "RFC 6888 REQ-8" },
	[NATGW_TIMER_HOLD_HALF_OPEN] = { 120, "RFC 6888 REQ-8" },
	[NATGW_TIMER_HOLD_UDP] = { 120, "RFC 6888 REQ-8" },
};

static void __attribute__((format(printf, 3, 4)))
say(const struct sink *sink, struct config_place place, const char *format, ...)
{
	char text[WARNING_MAX];
	va_list args;
	int used;

	used = snprintf(text, sizeof(text), "%.200s:%u:%u: ", sink->config->file, place.line,
			place.column);
	va_start(args, format);
	(void)vsnprintf(text + used, sizeof(text) - (size_t)used, format, args);
	va_end(args);
	sink->warn(text, sink->arg);
}

/* Whose timers are looked at. */
struct timers {
	struct config_place place;
	const char *who;
	const struct config_profile *profile;
};

/*
 * The profiles follow clouds that go below the RFCs; who names one knows. So only a value that is
 * below its profile's too is worth a line.
 */
static void warn_timer(const struct sink *sink, const struct timers *timers, enum natgw_timer timer,
		       uint32_t seconds)
{
	const struct config_profile *profile = timers->profile;

	if (!profile || seconds >= minimums[timer].seconds ||
	    seconds >= profile->timeout_s[timer]) {
		return;
	}
	say(sink, timers->place,
	    "%s: timeout %s of %us is shorter than the %us of profile %s and the %us that %s asks for; %s",
	    timers->who, config_timer_name(timer), seconds, profile->timeout_s[timer],
	    profile->name, minimums[timer].seconds, minimums[timer].rfc,
	    config_timeout_is_hold(timer)
		    ? "a destination may take a new connection on that port for the old one"
		    : "clients may lose idle sessions");
}

static void warn_timeouts(const struct sink *sink, const struct config_gateway *gateway)
{
	char who[CONFIG_NAME_MAX + 16];
	const struct timers timers = {
		.place = gateway->place,
		.who = who,
		.profile = config_profile_find(gateway->profile),
	};

	(void)snprintf(who, sizeof(who), "gateway \"%s\"", gateway->name);
	for (unsigned int i = 0; i < NATGW_TIMER_COUNT; i++) {
		warn_timer(sink, &timers, (enum natgw_timer)i, gateway->timeout_s[i]);
	}
}

/* The guarantee keeps back what NATGW_CLIENTS_EXPECTED clients may ask for, up to half. */
static void warn_guarantee(const struct sink *sink, const struct config_gateway *gateway)
{
	uint64_t reserve = (uint64_t)gateway->client_ports_min * NATGW_CLIENTS_EXPECTED;

	if (reserve > gateway->destination_ports / 2) {
		say(sink, gateway->place,
		    "gateway \"%s\": ports_per_client guarantees %u ports to each of %d clients, more than half of the %u ports to one destination; only that half is kept for them",
		    gateway->name, gateway->client_ports_min, NATGW_CLIENTS_EXPECTED,
		    gateway->destination_ports);
	}
}

static void warn_ports(const struct sink *sink, const struct config_gateway *gateway)
{
	if (gateway->port_first < WELL_KNOWN_PORTS) {
		say(sink, gateway->place,
		    "gateway \"%s\": port_range %u-%u has ports below %d, which some servers and firewalls distrust as source ports",
		    gateway->name, gateway->port_first, gateway->port_last, WELL_KNOWN_PORTS);
	}
}

static bool leads_to(const struct config_route_table *table, const struct config_gateway *gateway)
{
	for (size_t i = 0; i < table->route_count; i++) {
		if (table->routes[i].target == NATGW_TARGET_GATEWAY &&
		    strcmp(table->routes[i].name, gateway->name) == 0) {
			return true;
		}
	}
	return false;
}

static void warn_unused(const struct sink *sink, const struct config_gateway *gateway)
{
	for (size_t i = 0; i < sink->config->table_count; i++) {
		if (leads_to(&sink->config->tables[i], gateway)) {
			return;
		}
	}
	say(sink, gateway->place,
	    "gateway \"%s\": no route leads to it, so it carries nothing; add a route with target gateway:%s",
	    gateway->name, gateway->name);
}

static bool has_subnet(const struct config_route_table *table, struct config_prefix prefix)
{
	for (size_t i = 0; i < table->subnet_count; i++) {
		if (table->subnets[i].addr == prefix.addr && table->subnets[i].len == prefix.len) {
			return true;
		}
	}
	return false;
}

static bool is_subnet(const struct config *config, struct config_prefix prefix)
{
	for (size_t i = 0; i < config->table_count; i++) {
		if (has_subnet(&config->tables[i], prefix)) {
			return true;
		}
	}
	return false;
}

static void warn_shadowed(const struct sink *sink, const struct config_route_table *table)
{
	for (size_t i = 0; i < table->route_count; i++) {
		const struct config_route *route = &table->routes[i];

		if (route->target != NATGW_TARGET_LOCAL && is_subnet(sink->config, route->to)) {
			say(sink, route->place,
			    "route table \"%s\": this route has no effect: its prefix is a subnet, and the subnet's own local route comes first",
			    table->name);
		}
	}
}

/* ---- rules ---- */

static void warn_rule_timeouts(const struct sink *sink, const struct config_rule *rule)
{
	const struct config_gateway *gateway = config_find_gateway(sink->config, rule->gateway);
	const struct timers timers = {
		.place = rule->place,
		.who = "this rule",
		.profile = gateway ? config_profile_find(gateway->profile) : config_profile_at(0),
	};

	for (unsigned int i = 0; i < NATGW_TIMER_COUNT; i++) {
		if (rule->timers & 1U << i) {
			warn_timer(sink, &timers, (enum natgw_timer)i, rule->timeout_s[i]);
		}
	}
}

/* Does every first packet that is one for inner match outer as well? */
static bool rule_covers(const struct config_rule *outer, const struct config_rule *inner)
{
	return (!outer->gateway[0] || strcmp(outer->gateway, inner->gateway) == 0) &&
	       (!outer->proto || outer->proto == inner->proto) &&
	       outer->port_first <= inner->port_first && outer->port_last >= inner->port_last &&
	       config_prefix_covers(outer->from, inner->from) &&
	       config_prefix_covers(outer->to, inner->to);
}

static void warn_covered(const struct sink *sink, size_t position)
{
	const struct config_rule *rule = &sink->config->rules[position];

	for (size_t i = 0; i < position; i++) {
		const struct config_rule *before = &sink->config->rules[i];

		if (rule_covers(before, rule)) {
			say(sink, rule->place,
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

static void warn_no_client(const struct sink *sink, const struct config_rule *rule)
{
	for (size_t i = 0; i < sink->config->table_count; i++) {
		if (has_client(&sink->config->tables[i], rule->from)) {
			return;
		}
	}
	say(sink, rule->place,
	    "this rule has no effect: no subnet of a route table has a client in its \"from\"");
}

/* ---- the whole ---- */

/* Every port of every EIP in use to one destination: not more is asked for than can be had. */
static void warn_sessions(const struct sink *sink)
{
	const struct config *config = sink->config;
	uint64_t ports = 0;

	for (size_t i = 0; i < config->gateway_count; i++) {
		ports += (uint64_t)config->gateways[i].eip_count *
			 config->gateways[i].destination_ports;
	}
	if (ports <= config->sessions || config->sessions == NATGW_SESSIONS_MAX) {
		return;
	}
	say(sink, config->sessions_place,
	    "limits: %u sessions are fewer than the %llu ports that the EIPs have to one destination; new sessions are refused as session_table_full before the ports are used up, so write more sessions (at most %d) or name fewer EIPs",
	    config->sessions, (unsigned long long)ports, NATGW_SESSIONS_MAX);
}

static void warn_listen(const struct sink *sink)
{
	const char *addr = sink->config->metrics_addr;

	if (strcmp(addr, "0.0.0.0") == 0 || strcmp(addr, "::") == 0) {
		say(sink, (struct config_place){ 1, 1 },
		    "metrics: listen %s serves metrics and the list of sessions on every interface, the external ones too; name one address",
		    addr);
	}
}

void config_warnings(const struct config *config, void (*warn)(const char *text, void *arg),
		     void *arg)
{
	const struct sink sink = { config, warn, arg };

	for (size_t i = 0; i < config->gateway_count; i++) {
		const struct config_gateway *gateway = &config->gateways[i];

		warn_timeouts(&sink, gateway);
		warn_ports(&sink, gateway);
		warn_guarantee(&sink, gateway);
		warn_unused(&sink, gateway);
	}
	for (size_t i = 0; i < config->table_count; i++) {
		warn_shadowed(&sink, &config->tables[i]);
	}
	for (size_t i = 0; i < config->rule_count; i++) {
		warn_rule_timeouts(&sink, &config->rules[i]);
		warn_covered(&sink, i);
		warn_no_client(&sink, &config->rules[i]);
	}
	warn_sessions(&sink);
	warn_listen(&sink);
}

/* "a, b, c": the interfaces of this network namespace, as far as they fit. */
static void list_interfaces(char *text, size_t size)
{
	struct if_nameindex *all = if_nameindex();
	size_t length = 0;

	text[0] = '\0';
	for (const struct if_nameindex *one = all; one && one->if_index; one++) {
		int added = snprintf(text + length, size - length, "%s%s", length ? ", " : "",
				     one->if_name);

		if (added < 0 || (size_t)added >= size - length) {
			text[length] = '\0';
			break;
		}
		length += (size_t)added;
	}
	if (all) {
		if_freenameindex(all);
	}
}

int config_check_interfaces(const struct config *config, struct config_error *ret_error)
{
	char existing[200];

	for (size_t i = 0; i < config->interface_count; i++) {
		const struct config_interface *interface = &config->interfaces[i];

		if (if_nametoindex(interface->name)) {
			continue;
		}
		list_interfaces(existing, sizeof(existing));
		(void)snprintf(ret_error->text, sizeof(ret_error->text),
			       "%.200s:%u:%u: there is no interface \"%s\"; there are: %s",
			       config->file, interface->place.line, interface->place.column,
			       interface->name, existing);
		return -ENODEV;
	}
	return 0;
}
