// SPDX-License-Identifier: GPL-2.0-only
/*
 * The decision path of a check in the order of the data path: at each step the row that decided,
 * and where the config has it. Pure.
 */
#include <inttypes.h>
#include <netinet/in.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>

#include "check_internal.h"
#include "names.h"

static void __attribute__((format(printf, 3, 4)))
step(struct check_report *report, const char *name, const char *format, ...)
{
	struct check_step *next = &report->steps[report->step_count];
	va_list args;

	if (report->step_count == CHECK_STEPS_MAX) {
		return;
	}
	next->name = name;
	va_start(args, format);
	(void)vsnprintf(next->what, sizeof(next->what), format, args);
	va_end(args);
	report->step_count++;
}

/* ---- from the client to the gateway ---- */

static void add_way_in(const struct check_facts *facts, struct check_report *report)
{
	char prefix[CHECK_PREFIX_MAX];

	step(report, "arrives by", "%s%s", facts->in.iface[0] ? facts->in.iface : "no interface",
	     !facts->in.ifindex ? ", which is not there" : (facts->in.up ? "" : ", which is down"));
	if (facts->has_subnet) {
		step(report, "subnet", "%s, route table %s", check_prefix(&facts->subnet, prefix),
		     facts->table_name);
	} else {
		step(report, "subnet", "none holds the client");
	}
}

static void add_route(const struct check_facts *facts, struct check_report *report)
{
	char text[CHECK_TEXT_MAX];

	if (facts->route.found) {
		step(report, "route", "%s", check_route_text(facts, &facts->route, text));
	} else {
		step(report, "route", "table %s has none", facts->table_name);
	}
}

static void add_gateway(const struct check_facts *facts, struct check_report *report)
{
	char prefix[CHECK_PREFIX_MAX];
	char text[CHECK_TEXT_MAX];
	char line[96];

	step(report, "gateway", "%s is %s%s%s", facts->gateway_name,
	     names_gateway_state(facts->state),
	     facts->row.flags & NATGW_GATEWAY_BLOCKED ? ", blocked" : "",
	     check_line(facts, facts->gateway_line, line));
	if (facts->acl.found) {
		step(report, "acl", "%s %s%s", check_prefix(&facts->acl.prefix, prefix),
		     facts->acl.deny ? "denies" : "allows",
		     check_line(facts, facts->acl.line, line));
	} else {
		step(report, "acl", "no row");
	}
	if (!facts->row.table) {
		step(report, "gateway's route", "no table of its own: everything is the internet");
	} else if (facts->own_route.found) {
		step(report, "gateway's route", "table %s: %.200s", facts->own_table,
		     check_route_text(facts, &facts->own_route, text));
	} else {
		step(report, "gateway's route", "table %s has none", facts->own_table);
	}
}

/* ---- what the session would have ---- */

static void add_rule(const struct check_facts *facts, const struct check_rule *rule, char *text,
		     size_t size)
{
	const size_t used = strlen(text);
	char line[96];

	if (rule->place) {
		(void)snprintf(text + used, size - used, "%srule %u, %s%s", used ? "; " : "",
			       rule->place, names_rule_kind(rule->kind),
			       check_line(facts, rule->line, line));
	}
}

static void add_rules(const struct check_facts *facts, struct check_report *report)
{
	char text[CHECK_TEXT_MAX] = "";

	if (facts->public_addr) {
		char address[INET_ADDRSTRLEN];

		step(report, "rules", "none are asked: the client has the public address %s (1:1)",
		     check_address(facts->public_addr, address));
		return;
	}
	add_rule(facts, &facts->dnat, text, sizeof(text));
	add_rule(facts, &facts->snat, text, sizeof(text));
	add_rule(facts, &facts->rule, text, sizeof(text));
	step(report, "rules", "%s", text[0] ? text : "none matches");
	if (facts->result.wire_port) {
		step(report, "port outside", "%u", ntohs(facts->result.wire_port));
	}
}

static void add_session(const struct check_facts *facts, struct check_report *report)
{
	const struct check_talk *talk = &facts->talk;
	char address[INET_ADDRSTRLEN];

	if (!talk->has_own) {
		step(report, "session", "the client has none to there");
		return;
	}
	step(report, "session",
	     "from port %u as %s:%u, %s, last packet %u s ago; another one is new",
	     ntohs(talk->own_port), check_address(talk->own_ext_addr, address),
	     ntohs(talk->own_ext_port), names_session_state(talk->own_state), talk->own_idle_s);
}

/* "12 of 20000", or "12" without a limit. */
static const char *of_limit(uint64_t count, uint64_t limit, char text[48])
{
	if (limit) {
		(void)snprintf(text, 48, "%" PRIu64 " of %" PRIu64, count, limit);
	} else {
		(void)snprintf(text, 48, "%" PRIu64, count);
	}
	return text;
}

static void add_quotas(const struct check_facts *facts, struct check_report *report)
{
	const struct check_use *use = &facts->use;
	char client[48], opening[48], gateway[48], table[48];

	step(report, "quotas",
	     "sessions of the client %s, of these half-open %s; of the gateway %s; in the table %s",
	     of_limit(use->client_sessions, facts->row.client_sessions_max, client),
	     of_limit(use->client_opening, facts->row.client_opening_max, opening),
	     of_limit(use->gateway_sessions, facts->row.sessions_max, gateway),
	     of_limit(use->table_sessions, use->table_max, table));
}

/* The EIP that a new session would get: the first one with a port left. */
static const struct check_eip *next_eip(const struct check_use *use)
{
	for (size_t i = 0; i < use->eip_count; i++) {
		if (check_ports_left(&use->eips[i])) {
			return &use->eips[i];
		}
	}
	return &use->eips[0];
}

static void add_eip(const struct check_facts *facts, struct check_report *report)
{
	const struct check_use *use = &facts->use;
	const struct check_eip *eip = next_eip(use);
	const bool any = facts->row.flags & NATGW_GATEWAY_RANDOM_EIP && use->eip_count > 1;
	char address[INET_ADDRSTRLEN], public_addr[INET_ADDRSTRLEN], endpoint[CHECK_ENDPOINT_MAX];

	if (!use->eip_count) {
		step(report, "EIP", "there is none");
		return;
	}
	check_address(eip->addr, address);
	step(report, "EIP", "%s%s%s, one of %zu of %s%s", any ? "any; for example " : "", address,
	     eip == &use->eips[0] || any ? "" : " (the client's own has no port left to there)",
	     use->eip_count,
	     facts->snat.place && facts->snat.kind == NATGW_RULE_SNAT ? "the SNAT rule"
								      : "the gateway",
	     any ? "" : ", always the same for a client");
	if (eip->public_addr) {
		step(report, "on the wire", "%s", check_address(eip->public_addr, public_addr));
	}
	step(report, "ports", "%u of %u left to %s (%u in use, %u held)", check_ports_left(eip),
	     eip->limit,
	     check_endpoint(facts->query.dst, facts->result.wire_port ?: facts->query.port,
			    facts->query.proto, endpoint),
	     eip->used, eip->held);
}

/* ---- on from there ---- */

static void add_next_hop(const struct check_facts *facts, struct check_report *report)
{
	static const char *const states[] = {
		[HOSTROUTE_NEIGH_NONE] = "MAC address asked for by the first packet",
		[HOSTROUTE_NEIGH_ASKING] = "MAC address being asked for",
		[HOSTROUTE_NEIGH_FAILED] = "does not answer ARP",
	};
	const struct check_way *way = &facts->way;
	const uint8_t *mac = way->neigh.mac;
	char address[INET_ADDRSTRLEN];
	char about[64];

	if (way->error) {
		step(report, "next hop", "this host has no route: %s", strerror(-way->error));
		return;
	}
	if (way->neigh.state == HOSTROUTE_NEIGH_KNOWN) {
		(void)snprintf(about, sizeof(about), "at %02x:%02x:%02x:%02x:%02x:%02x", mac[0],
			       mac[1], mac[2], mac[3], mac[4], mac[5]);
	} else {
		(void)snprintf(about, sizeof(about), "%s", states[way->neigh.state]);
	}
	step(report, "next hop", "%s by %s, %s, MTU %u", check_address(way->via, address),
	     way->iface, about, way->mtu);
}

static bool rules_were_asked(const struct check_facts *facts)
{
	const unsigned int verdict = facts->result.verdict;

	return facts->result.met & NATGW_CHECK_RULES &&
	       (check_is_out(verdict) || verdict == NATGW_PASS_NOT_NAT ||
		verdict == NATGW_DROP_NO_RULE || verdict == NATGW_DROP_NO_ROUTE);
}

void check_path(const struct check_facts *facts, struct check_report *report)
{
	const bool at_gateway = facts->result.gateway;

	add_way_in(facts, report);
	if (facts->has_subnet) {
		add_route(facts, report);
	}
	if (at_gateway) {
		add_gateway(facts, report);
	}
	if (at_gateway && rules_were_asked(facts)) {
		add_rules(facts, report);
	}
	if (at_gateway && check_is_out(facts->result.verdict)) {
		add_session(facts, report);
		if (!facts->public_addr) {
			add_quotas(facts, report);
			add_eip(facts, report);
		}
		add_next_hop(facts, report);
	}
	step(report, "verdict", "%s",
	     facts->was_run ? names_verdict(facts->result.verdict) : "not known: no way in");
}
