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
#include "config_gateway.h"

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

/*
 * The profiles follow clouds that go below the RFCs; who names one knows. So only a value that is
 * below its profile's too is worth a line.
 */
static void warn_timeouts(const struct sink *sink, const struct config_gateway *gateway)
{
	const uint32_t *usual = config_gateway_profile(gateway->profile);

	for (unsigned int i = 0; i < NATGW_TIMER_COUNT; i++) {
		uint32_t seconds = gateway->timeout_s[i];

		if (seconds >= minimums[i].seconds || !usual || seconds >= usual[i]) {
			continue;
		}
		say(sink, gateway->place,
		    "gateway \"%s\": timeout %s of %us is shorter than the %us of profile %s and the %us that %s asks for; clients may lose idle sessions",
		    gateway->name, config_timer_name((enum natgw_timer)i), seconds, usual[i],
		    gateway->profile, minimums[i].seconds, minimums[i].rfc);
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
		warn_unused(&sink, gateway);
	}
	for (size_t i = 0; i < config->table_count; i++) {
		warn_shadowed(&sink, &config->tables[i]);
	}
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
