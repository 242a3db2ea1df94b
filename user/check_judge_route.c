// SPDX-License-Identifier: GPL-2.0-only
/* Where the client's packet is sent: to the gateway, past it, and on from there. Pure. */
#include <netinet/in.h>
#include <string.h>

#include "check_judge.h"
#include "names.h"

/* ---- on from the gateway ---- */

/* The gateway's own route table. True: it lets the packet out. */
static bool judge_own_table(const struct check_facts *facts, struct check_item *item)
{
	const struct check_route *route = &facts->own_route;
	char address[INET_ADDRSTRLEN];
	char text[CHECK_TEXT_MAX];

	if (!facts->row.table) {
		return true;
	}
	if (!route->found) {
		check_say(item, CHECK_FAIL, "route table %s of gateway %s has no route to %s",
			  facts->own_table, facts->gateway_name,
			  check_address(facts->query.dst, address));
	} else if (route->kind == NATGW_TARGET_INTERNET ||
		   facts->row.allow_targets >> (route->kind & 7) & 1) {
		return true;
	} else {
		check_say(item, CHECK_FAIL,
			  "route table %s of gateway %s says %.120s: not the internet",
			  facts->own_table, facts->gateway_name,
			  check_route_text(facts, route, text));
	}
	check_advise(item,
		     "add {to: 0.0.0.0/0, target: internet} to route table %s, or allow the "
		     "target (allow_nat_to of %s)",
		     facts->own_table, facts->gateway_name);
	return false;
}

/* The kernel's way out, of a packet that goes through the gateway. */
static void judge_kernel_way(const struct check_facts *facts, struct check_item *item)
{
	const struct check_way *way = &facts->way;
	char dst[INET_ADDRSTRLEN];
	char via[INET_ADDRSTRLEN];

	check_address(facts->query.dst, dst);
	check_address(way->via, via);
	if (way->error) {
		check_say(item, CHECK_FAIL, "this host has no route to %s: %s", dst,
			  strerror(-way->error));
		check_advise(item, "ip route add default via ROUTER, by the external interface");
	} else if (!way->is_external) {
		check_say(
			item, CHECK_FAIL,
			"this host's route to %s leads out of %s, which is not an external interface",
			dst, way->iface);
		check_advise(item,
			     "put the host's route right (ip route get %s), or name %s as "
			     "external",
			     dst, way->iface);
	} else if (!way->up) {
		check_say(item, CHECK_FAIL, "external interface %s is down", way->iface);
		check_advise(item, "ip link set %s up, and see to its cable", way->iface);
	} else if (way->neigh.state == HOSTROUTE_NEIGH_FAILED) {
		check_say(item, CHECK_FAIL, "next hop %s does not answer ARP on %s", via,
			  way->iface);
		check_advise(item, "see that %s is up, and that it is the right router (ip route)",
			     via);
	} else {
		check_say(item, CHECK_PASS, "%s via %s", way->iface, via);
	}
}

/* The kernel has no way for a packet that comes in with its own address. */
static bool is_own_source(const struct check_facts *facts)
{
	return facts->client_kind && facts->client_kind != NATGW_ADDRESS_MAPPED;
}

void check_judge_way_out(const struct check_facts *facts, struct check_item *item)
{
	const struct check_way *way = &facts->way;

	if (!facts->gateway) {
		check_say(item, CHECK_NOT_APPLICABLE, "no route leads to a gateway");
	} else if (way->broken[0]) {
		check_say(item, CHECK_FAIL, "%s", way->broken);
		check_advise(item,
			     "natgwd sets its programs again within 5 s; if this stays, its log "
			     "says what is in the way");
	} else if (way->down[0] && (way->error || !way->is_external || !way->up)) {
		check_say(item, CHECK_FAIL, "external interface %s is down", way->down);
		check_advise(item, "ip link set %s up, see to its cable, and to the default route",
			     way->down);
	} else if (!facts->result.gateway || facts->dst_kind || is_own_source(facts)) {
		check_say(item, CHECK_NOT_APPLICABLE, "the packet does not come that far");
	} else if (judge_own_table(facts, item)) {
		judge_kernel_way(facts, item);
	}
}

/* ---- to the gateway ---- */

void check_judge_route(const struct check_facts *facts, struct check_item *item)
{
	char address[INET_ADDRSTRLEN];
	char text[CHECK_TEXT_MAX];

	check_address(facts->query.dst, address);
	if (!facts->has_subnet) {
		check_say(item, CHECK_NOT_APPLICABLE, "the client is in no internal prefix");
		return;
	}
	if (facts->nat_route.found) {
		check_say(item, CHECK_PASS, "table %s: %.200s", facts->table_name,
			  check_route_text(facts, &facts->nat_route, text));
		return;
	}
	if (facts->dst_kind) {
		check_say(item, CHECK_NOT_APPLICABLE, "%s is an address of %s", address,
			  facts->dst_kind == NATGW_ADDRESS_HOST ? "this host" : "natgw");
		return;
	}
	if (facts->route.found) {
		check_say(item, CHECK_FAIL, "route table %s leads %s to no gateway: %.160s",
			  facts->table_name, address, check_route_text(facts, &facts->route, text));
	} else {
		check_say(item, CHECK_FAIL, "route table %s has no route to %s", facts->table_name,
			  address);
	}
	check_advise(item, "add {to: 0.0.0.0/0, target: gateway:NAME} to route table %s",
		     facts->table_name);
}

/* ---- past it ---- */

static void judge_own_address(const struct check_facts *facts, struct check_item *item)
{
	char address[INET_ADDRSTRLEN];

	check_address(facts->query.dst, address);
	switch (facts->dst_kind) {
	case NATGW_ADDRESS_HOST:
		check_say(item, CHECK_FAIL, "%s is an address of this host itself", address);
		break;
	case NATGW_ADDRESS_PRIVATE_IP:
		check_say(item, CHECK_FAIL, "%s is a gateway's private IP", address);
		break;
	default:
		check_say(item, CHECK_FAIL, "%s is natgw's own external address (%s)", address,
			  names_verdict(facts->result.verdict));
	}
	check_advise(item, "name a destination beyond the gateway");
}

/* The longest match is not the route to the gateway. */
static void judge_longer_route(const struct check_facts *facts, struct check_item *item)
{
	char text[CHECK_TEXT_MAX];

	check_say(item, CHECK_FAIL, "table %s: %.200s is more specific", facts->table_name,
		  check_route_text(facts, &facts->route, text));
	check_advise(item,
		     facts->route.origin == NATGW_ORIGIN_STATIC
			     ? "if the gateway is to have it, take that route out or change its "
			       "target"
			     : "it is an internal prefix: it is reached without the gateway");
}

/* Rules, and what no gateway translates. */
static void judge_untranslated(const struct check_facts *facts, struct check_item *item)
{
	char text[CHECK_TEXT_MAX];
	char line[96];

	if (facts->snat.place && facts->snat.kind == NATGW_RULE_NO_NAT) {
		check_say(item, CHECK_FAIL, "rule %u (no_nat)%s lets it pass untranslated",
			  facts->snat.place, check_line(facts, facts->snat.line, line));
		check_advise(item, "if it is to be translated, take that rule out or narrow it");
	} else if (facts->result.verdict == NATGW_DROP_MARTIAN) {
		check_say(item, CHECK_FAIL,
			  "the destination is of a range that no gateway translates "
			  "(0/8, 127/8, 169.254/16, 240/4)");
		check_advise(item, "name a destination that is a host's");
	} else if (facts->route.found && facts->result.gateway &&
		   (facts->result.verdict == NATGW_DROP_NO_RULE ||
		    facts->result.verdict == NATGW_PASS_NOT_NAT)) {
		check_say(item, CHECK_FAIL,
			  "no SNAT rule matches it, and gateway %s has default_snat: off",
			  facts->gateway_name);
		check_advise(item, "add an SNAT rule that matches it, or set default_snat: on");
	} else {
		check_say(item, CHECK_PASS, "the longest match is %.200s",
			  check_route_text(facts, &facts->route, text));
	}
}

void check_judge_diverted(const struct check_facts *facts, struct check_item *item)
{
	if (!facts->has_subnet) {
		check_say(item, CHECK_NOT_APPLICABLE, "the client is in no internal prefix");
	} else if (facts->dst_kind && !check_is_out(facts->result.verdict)) {
		judge_own_address(facts, item);
	} else if (!facts->nat_route.found) {
		check_say(item, CHECK_NOT_APPLICABLE,
			  "there is no route to a gateway to divert from");
	} else if (facts->route.to.len > facts->nat_route.to.len) {
		judge_longer_route(facts, item);
	} else {
		judge_untranslated(facts, item);
	}
}
