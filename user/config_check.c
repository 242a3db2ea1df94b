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
#include "config_check.h"
#include "config_pool.h"
#include "config_profile.h"
#include "config_timeout.h"

#define WARNING_MAX 512
#define WELL_KNOWN_PORTS 1024

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

void config_check_say(const struct config_check *check, struct config_place place,
		      const char *format, ...)
{
	char text[WARNING_MAX];
	va_list args;
	int used;

	used = snprintf(text, sizeof(text), "%.200s:%u:%u: ", check->config->file, place.line,
			place.column);
	va_start(args, format);
	(void)vsnprintf(text + used, sizeof(text) - (size_t)used, format, args);
	va_end(args);
	check->warn(text, check->arg);
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
static void warn_timer(const struct config_check *check, const struct timers *timers,
		       enum natgw_timer timer, uint32_t seconds)
{
	const struct config_profile *profile = timers->profile;

	if (!profile || seconds >= minimums[timer].seconds ||
	    seconds >= profile->timeout_s[timer]) {
		return;
	}
	config_check_say(
		check, timers->place,
		"%s: timeout %s of %us is shorter than the %us of profile %s and the %us that %s asks for; %s",
		timers->who, config_timer_name(timer), seconds, profile->timeout_s[timer],
		profile->name, minimums[timer].seconds, minimums[timer].rfc,
		config_timeout_is_hold(timer)
			? "a destination may take a new connection on that port for the old one"
			: "clients may lose idle sessions");
}

static void warn_timeouts(const struct config_check *check, const struct config_gateway *gateway)
{
	char who[CONFIG_NAME_MAX + 16];
	const struct timers timers = {
		.place = gateway->place,
		.who = who,
		.profile = config_profile_find(gateway->profile),
	};

	(void)snprintf(who, sizeof(who), "gateway \"%s\"", gateway->name);
	for (unsigned int i = 0; i < NATGW_TIMER_COUNT; i++) {
		warn_timer(check, &timers, (enum natgw_timer)i, gateway->timeout_s[i]);
	}
}

/* The guarantee keeps back what NATGW_CLIENTS_EXPECTED clients may ask for, up to half. */
static void warn_guarantee(const struct config_check *check, const struct config_gateway *gateway)
{
	uint64_t reserve = (uint64_t)gateway->client_ports_min * NATGW_CLIENTS_EXPECTED;

	if (reserve > gateway->destination_ports / 2) {
		config_check_say(
			check, gateway->place,
			"gateway \"%s\": ports_per_client guarantees %u ports to each of %d clients, more than half of the %u ports to one destination; only that half is kept for them",
			gateway->name, gateway->client_ports_min, NATGW_CLIENTS_EXPECTED,
			gateway->destination_ports);
	}
}

static void warn_ports(const struct config_check *check, const struct config_gateway *gateway)
{
	if (gateway->port_first < WELL_KNOWN_PORTS) {
		config_check_say(
			check, gateway->place,
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

static void warn_unused(const struct config_check *check, const struct config_gateway *gateway)
{
	for (size_t i = 0; i < check->config->table_count; i++) {
		if (leads_to(&check->config->tables[i], gateway)) {
			return;
		}
	}
	config_check_say(
		check, gateway->place,
		"gateway \"%s\": no route leads to it, so it carries nothing; add a route with target gateway:%s",
		gateway->name, gateway->name);
}

/* ---- rules ---- */

static void warn_rule_timeouts(const struct config_check *check, const struct config_rule *rule)
{
	const struct config_gateway *gateway = config_find_gateway(check->config, rule->gateway);
	const struct timers timers = {
		.place = rule->place,
		.who = "this rule",
		.profile = gateway ? config_profile_find(gateway->profile) : config_profile_at(0),
	};

	for (unsigned int i = 0; i < NATGW_TIMER_COUNT; i++) {
		if (rule->timers & 1U << i) {
			warn_timer(check, &timers, (enum natgw_timer)i, rule->timeout_s[i]);
		}
	}
}

/* ---- the whole ---- */

/* Every port of every EIP in use to one destination: not more is asked for than can be had. */
static void warn_sessions(const struct config_check *check)
{
	const struct config *config = check->config;
	uint64_t ports = 0;

	for (size_t i = 0; i < config->gateway_count; i++) {
		ports += (uint64_t)config->gateways[i].eip_count *
			 config->gateways[i].destination_ports;
	}
	for (size_t i = 0; i < config->rule_count; i++) {
		const struct config_gateway *gateway =
			config_find_gateway(config, config->rules[i].gateway);

		ports += gateway ? (uint64_t)config_pool_added(config, i) *
					   gateway->destination_ports
				 : 0;
	}
	if (ports <= config->sessions || config->sessions == NATGW_SESSIONS_MAX) {
		return;
	}
	config_check_say(
		check, config->sessions_place,
		"limits: %u sessions are fewer than the %llu ports that the EIPs have to one destination; new sessions are refused as session_table_full before the ports are used up, so write more sessions (at most %d) or name fewer EIPs",
		config->sessions, (unsigned long long)ports, NATGW_SESSIONS_MAX);
}

static void warn_listen(const struct config_check *check)
{
	const char *addr = check->config->metrics_addr;

	if (strcmp(addr, "0.0.0.0") == 0 || strcmp(addr, "::") == 0) {
		config_check_say(
			check, (struct config_place){ 1, 1 },
			"metrics: listen %s serves metrics and the list of sessions on every interface, the external ones too; name one address",
			addr);
	}
}

void config_warnings(const struct config *config, void (*warn)(const char *text, void *arg),
		     void *arg)
{
	const struct config_check check = { config, warn, arg };

	for (size_t i = 0; i < config->gateway_count; i++) {
		const struct config_gateway *gateway = &config->gateways[i];

		warn_timeouts(&check, gateway);
		warn_ports(&check, gateway);
		warn_guarantee(&check, gateway);
		warn_unused(&check, gateway);
		config_check_gateway(&check, gateway);
	}
	config_check_tables(&check);
	for (size_t i = 0; i < config->rule_count; i++) {
		warn_rule_timeouts(&check, &config->rules[i]);
		config_check_rule(&check, i);
	}
	config_check_acl(&check);
	warn_sessions(&check);
	warn_listen(&check);
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
