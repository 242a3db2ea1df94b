// SPDX-License-Identifier: GPL-2.0-only
/* Words of a check: names of its items, addresses, rows and their places in the config. Pure. */
#include <netinet/in.h>
#include <stdio.h>
#include <string.h>

#include "check_internal.h"
#include "names.h"

static const struct {
	const char *name;
	const char *title;
} items[CHECK_ITEM_COUNT] = {
	[CHECK_ITEM_STATE] = { "gateway_state", "the gateway is available" },
	[CHECK_ITEM_WAY_OUT] = { "way_out", "the gateway has a way to the internet" },
	[CHECK_ITEM_ROUTE] = { "route", "the client's subnet has a route to the gateway" },
	[CHECK_ITEM_DIVERTED] = { "diverted", "no other entry diverts this destination" },
	[CHECK_ITEM_ACL] = { "acl", "the access list lets it through" },
	[CHECK_ITEM_REFUSED] = { "refusals", "new sessions of the client are not refused" },
	[CHECK_ITEM_TARGET] = { "target", "the destination answers" },
	[CHECK_ITEM_CLIENT] = { "client", "the client is reachable inside" },
	[CHECK_ITEM_PROTOCOL] = { "protocol", "the protocol is TCP, UDP or ICMP" },
};

const char *check_item_name(enum check_item_kind kind)
{
	return kind < CHECK_ITEM_COUNT ? items[kind].name : "unknown";
}

const char *check_item_title(enum check_item_kind kind)
{
	return kind < CHECK_ITEM_COUNT ? items[kind].title : "unknown";
}

const char *check_outcome_name(enum check_outcome outcome)
{
	static const char *const names[] = {
		[CHECK_PASS] = "pass",
		[CHECK_FAIL] = "fail",
		[CHECK_NOT_APPLICABLE] = "n/a",
	};

	return outcome <= CHECK_NOT_APPLICABLE ? names[outcome] : "unknown";
}

const char *check_address(__be32 addr, char text[INET_ADDRSTRLEN])
{
	const char *result = inet_ntop(AF_INET, &addr, text, INET_ADDRSTRLEN);

	return result ? result : "?";
}

const char *check_prefix(const struct config_prefix *prefix, char text[CHECK_PREFIX_MAX])
{
	char addr[INET_ADDRSTRLEN];

	(void)snprintf(text, CHECK_PREFIX_MAX, "%s/%u", check_address(prefix->addr, addr),
		       prefix->len);
	return text;
}

const char *check_line(const struct check_facts *facts, unsigned int line, char text[96])
{
	text[0] = '\0';
	if (line) {
		(void)snprintf(text, 96, " (%s:%u)", facts->file, line);
	}
	return text;
}

const char *check_proto_name(uint8_t proto, char text[16])
{
	if (proto == IPPROTO_TCP || proto == IPPROTO_UDP || proto == IPPROTO_ICMP) {
		return names_ip_proto(proto);
	}
	(void)snprintf(text, 16, "%u", proto);
	return text;
}

const char *check_endpoint(__be32 addr, __be16 port, uint8_t proto, char text[CHECK_ENDPOINT_MAX])
{
	char address[INET_ADDRSTRLEN];
	char name[16];

	check_address(addr, address);
	if (proto == IPPROTO_TCP || proto == IPPROTO_UDP) {
		(void)snprintf(text, CHECK_ENDPOINT_MAX, "%s:%u/%s", address, ntohs(port),
			       check_proto_name(proto, name));
	} else {
		(void)snprintf(text, CHECK_ENDPOINT_MAX, "%s/%s", address,
			       check_proto_name(proto, name));
	}
	return text;
}

const char *check_route_text(const struct check_facts *facts, const struct check_route *route,
			     char text[CHECK_TEXT_MAX])
{
	char prefix[CHECK_PREFIX_MAX];
	char line[96];

	(void)snprintf(text, CHECK_TEXT_MAX, "%s via %s%s, %s%s", check_prefix(&route->to, prefix),
		       route->target,
		       route->is_dead && route->kind != NATGW_TARGET_BLACKHOLE ? " (blackhole)"
									       : "",
		       names_origin(route->origin), check_line(facts, route->line, line));
	return text;
}
