/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * The configuration as text: every key written out, defaults too, always in the same order and
 * form. Consecutive EIPs come as ranges, durations in seconds.
 */
#include <arpa/inet.h>
#include <ctype.h>
#include <errno.h>
#include <string.h>

#include "config.h"

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
static void print_text(FILE *stream, const char *text)
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

static void print_addr(FILE *stream, __be32 addr)
{
	struct in_addr in = { .s_addr = addr };
	char text[INET_ADDRSTRLEN];

	(void)fputs(inet_ntop(AF_INET, &in, text, sizeof(text)), stream);
}

static void print_prefix(FILE *stream, struct config_prefix prefix)
{
	print_addr(stream, prefix.addr);
	(void)fprintf(stream, "/%u", prefix.len);
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
		print_text(stream, config->interfaces[i].name);
		before = ", ";
	}
	(void)fputs("]\n", stream);
}

static void print_eips(FILE *stream, const struct config_gateway *gateway)
{
	size_t i = 0;

	(void)fputs("    eips: [", stream);
	while (i < gateway->eip_count) {
		uint32_t first = ntohl(gateway->eips[i]);
		uint32_t run = 1;

		while (i + run < gateway->eip_count &&
		       ntohl(gateway->eips[i + run]) == first + run) {
			run++;
		}
		(void)fputs(i ? ", " : "", stream);
		print_addr(stream, htonl(first));
		if (run > 1) {
			(void)fputc('-', stream);
			print_addr(stream, htonl(first + run - 1));
		}
		i += run;
	}
	(void)fputs("]\n", stream);
}

static void print_gateway(FILE *stream, const struct config_gateway *gateway)
{
	(void)fputs("  - name: ", stream);
	print_text(stream, gateway->name);
	(void)fputs("\n    private_ip: ", stream);
	print_addr(stream, gateway->private_ip);
	(void)fputc('\n', stream);
	print_eips(stream, gateway);
	(void)fprintf(stream, "    profile: %s\n    port_range: %u-%u\n    timeouts:\n",
		      gateway->profile, gateway->port_first, gateway->port_last);
	for (unsigned int i = 0; i < NATGW_TIMER_COUNT; i++) {
		(void)fprintf(stream, "      %s: %us\n", config_timer_name((enum natgw_timer)i),
			      gateway->timeout_s[i]);
	}
}

static void print_route(FILE *stream, const struct config_route *route)
{
	char target[2 * CONFIG_NAME_MAX];

	(void)snprintf(target, sizeof(target), "%s%s%s", config_target_name(route->target),
		       route->name[0] ? ":" : "", route->name);
	(void)fputs("      - to: ", stream);
	print_prefix(stream, route->to);
	(void)fputs("\n        target: ", stream);
	print_text(stream, target);
	(void)fputc('\n', stream);
}

static void print_table(FILE *stream, const struct config_route_table *table)
{
	(void)fputs("  - name: ", stream);
	print_text(stream, table->name);
	(void)fputs("\n    subnets: [", stream);
	for (size_t i = 0; i < table->subnet_count; i++) {
		(void)fputs(i ? ", " : "", stream);
		print_prefix(stream, table->subnets[i]);
	}
	(void)fprintf(stream, "]\n    routes:%s\n", table->route_count ? "" : " []");
	for (size_t i = 0; i < table->route_count; i++) {
		print_route(stream, &table->routes[i]);
	}
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
	(void)fprintf(stream, "limits:\n  sessions: %u\n", config->sessions);
	(void)fprintf(stream, "mark: 0x%08x\n", config->mark);
	(void)fprintf(stream, "on_failure: %s\n", config->fail_open ? "open" : "closed");
	(void)fprintf(stream, "reply_ping: %s\n", config->reply_ping ? "true" : "false");
	print_listen(stream, config);
	(void)fputs("control:\n  socket: ", stream);
	print_text(stream, config->control_socket);
	(void)fputs("\n  group: ", stream);
	print_text(stream, config->control_group);
	(void)fputs("\npin_path: ", stream);
	print_text(stream, config->pin_path);
	(void)fputc('\n', stream);
}

int config_print(const struct config *config, FILE *stream)
{
	(void)fputs("interfaces:\n", stream);
	print_side(stream, config, "external", NATGW_IFACE_EXTERNAL);
	print_side(stream, config, "internal", NATGW_IFACE_INTERNAL);
	(void)fprintf(stream, "attach: %s\ngateways:\n", config_attach_name(config->attach));
	for (size_t i = 0; i < config->gateway_count; i++) {
		print_gateway(stream, &config->gateways[i]);
	}
	(void)fputs("route_tables:\n", stream);
	for (size_t i = 0; i < config->table_count; i++) {
		print_table(stream, &config->tables[i]);
	}
	print_rest(stream, config);
	return fflush(stream) || ferror(stream) ? -EIO : 0;
}
