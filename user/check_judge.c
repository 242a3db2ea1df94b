// SPDX-License-Identifier: GPL-2.0-only
/*
 * The nine things that keep a client from the internet (requirement 43), judged one by one from the
 * facts of a check, and the first line. The verdict of the dry run has the last word: the item that
 * it belongs to fails, whatever else is known. Pure. The items about the destination's route are in
 * check_judge_route.c, those about use in check_judge_use.c.
 */
#include <netinet/in.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>

#include "check_judge.h"
#include "names.h"

void check_say(struct check_item *item, enum check_outcome outcome, const char *format, ...)
{
	va_list args;

	item->outcome = outcome;
	va_start(args, format);
	(void)vsnprintf(item->what, sizeof(item->what), format, args);
	va_end(args);
}

void check_advise(struct check_item *item, const char *format, ...)
{
	va_list args;

	va_start(args, format);
	(void)vsnprintf(item->fix, sizeof(item->fix), format, args);
	va_end(args);
}

bool check_is_out(unsigned int verdict)
{
	switch (verdict) {
	case NATGW_TRANSLATED:
	case NATGW_DEFER_DEVICE:
	case NATGW_DEFER_NEIGHBOUR:
	case NATGW_DEFER_BUSY:
	case NATGW_DEFER_ROUTE:
		return true;
	default:
		return false;
	}
}

/* ---- the gateway ---- */

static void judge_unavailable(const struct check_facts *facts, struct check_item *item)
{
	check_say(item, CHECK_FAIL, "gateway %s is %s%s%s", facts->gateway_name,
		  names_gateway_state(facts->state), facts->state_reason[0] ? ": " : "",
		  facts->state_reason);
	switch (facts->state) {
	case NATGW_GATEWAY_PENDING:
		check_advise(item,
			     "wait until it is available; natgwd's log says what it waits for");
		break;
	case NATGW_GATEWAY_DELETING:
	case NATGW_GATEWAY_DELETED:
		check_advise(item, "create it again, or let the route lead to another gateway");
		break;
	default:
		check_advise(item, "put right what the reason names: natgwctl describe %s",
			     facts->gateway_name);
	}
}

static void judge_state(const struct check_facts *facts, struct check_item *item)
{
	if (!facts->gateway && facts->nat_route.found) {
		check_say(item, CHECK_FAIL, "the route leads to %s, which is not there any more",
			  facts->nat_route.target);
		check_advise(item, "create it again, or let the route lead to another gateway");
	} else if (!facts->gateway) {
		check_say(item, CHECK_NOT_APPLICABLE, "no route leads to a gateway");
	} else if (facts->state != NATGW_GATEWAY_AVAILABLE) {
		judge_unavailable(facts, item);
	} else if (facts->row.flags & NATGW_GATEWAY_BLOCKED) {
		check_say(item, CHECK_FAIL, "gateway %s is blocked by the operator",
			  facts->gateway_name);
		check_advise(item, "natgwctl block off %s", facts->gateway_name);
	} else if (!facts->use.eip_count && !facts->public_addr &&
		   !(facts->row.flags & NATGW_GATEWAY_NO_DEFAULT_SNAT)) {
		check_say(item, CHECK_FAIL, "gateway %s has no EIP that takes new sessions",
			  facts->gateway_name);
		check_advise(item,
			     "add an EIP to it (eips); one that drains takes no new sessions");
	} else {
		check_say(item, CHECK_PASS, "gateway %s is available%s%s", facts->gateway_name,
			  facts->state_reason[0] ? ", but: " : "", facts->state_reason);
	}
}

/* ---- the access list ---- */

static void judge_acl(const struct check_facts *facts, struct check_item *item)
{
	const struct natgw_gateway *row = &facts->row;
	const bool has_ports = facts->gateway && facts->query.proto != IPPROTO_ICMP;
	char prefix[CHECK_PREFIX_MAX];
	char line[96];

	if (facts->acl.deny) {
		check_say(item, CHECK_FAIL, "the access list denies %s%s, which holds the %s",
			  check_prefix(&facts->acl.prefix, prefix),
			  check_line(facts, facts->acl.line, line),
			  facts->acl.of_client ? "client" : "destination");
		check_advise(item, "take that row out of acl, or allow a longer prefix before it");
		return;
	}
	if (facts->acl.found) {
		check_say(item, CHECK_PASS, "acl allows %s%s",
			  check_prefix(&facts->acl.prefix, prefix),
			  check_line(facts, facts->acl.line, line));
	} else {
		check_say(item, CHECK_PASS, "no row of acl holds it");
	}
	if (has_ports) {
		size_t used = strlen(item->what);

		(void)snprintf(item->what + used, sizeof(item->what) - used,
			       "; a filter outside must let replies in to ports %u-%u of the EIPs",
			       row->port_first, row->port_first + row->port_count - 1);
	}
}

/* ---- the client ---- */

static void judge_source(const struct check_facts *facts, struct check_item *item)
{
	char client[INET_ADDRSTRLEN];

	check_address(facts->query.client, client);
	if (facts->client_kind && facts->client_kind != NATGW_ADDRESS_MAPPED) {
		check_say(item, CHECK_FAIL, "%s is an address of %s, not of a client", client,
			  facts->client_kind == NATGW_ADDRESS_HOST ? "this host itself" : "natgw");
		check_advise(item,
			     "name the address of an internal host; what the gateway host sends "
			     "by itself is not translated");
		return;
	}
	check_say(item, CHECK_FAIL, "%s is in no internal prefix: its packets are dropped as %s",
		  client, names_verdict(NATGW_DROP_SOURCE_NOT_ALLOWED));
	check_advise(item, "add its network to the subnets of a route table, or give the client an "
			   "address of one that is there");
}

static void judge_client(const struct check_facts *facts, struct check_item *item)
{
	const struct check_in *in = &facts->in;
	char client[INET_ADDRSTRLEN];

	check_address(facts->query.client, client);
	if ((facts->client_kind && facts->client_kind != NATGW_ADDRESS_MAPPED) ||
	    !facts->has_subnet) {
		judge_source(facts, item);
	} else if (!in->ifindex || !in->up) {
		check_say(item, CHECK_FAIL, "internal interface %s %s", in->iface,
			  in->ifindex ? "is down" : "is not there");
		check_advise(item, "ip link set %s up, and see to its cable", in->iface);
	} else if (!in->is_internal) {
		check_say(item, CHECK_FAIL,
			  "the kernel's route to %s leads out of no internal interface", client);
		check_advise(item,
			     "ip route get %s says where; give %s an address of its network, or "
			     "a route to it",
			     client, in->iface);
	} else if (in->neigh.state == HOSTROUTE_NEIGH_FAILED) {
		check_say(item, CHECK_FAIL,
			  "%s does not answer ARP on %s: nothing comes back to it", client,
			  in->iface);
		check_advise(item,
			     "see that the client is up, has this address, and is on the network "
			     "of %s",
			     in->iface);
	} else {
		check_say(item, CHECK_PASS, "by %s%s", in->iface,
			  in->neigh.state == HOSTROUTE_NEIGH_KNOWN
				  ? ", its MAC address is known"
				  : ", its MAC address is not known yet");
	}
}

/* ---- the protocol ---- */

static void judge_protocol(const struct check_facts *facts, struct check_item *item)
{
	const uint8_t proto = facts->query.proto;
	char name[16];

	if (proto != IPPROTO_TCP && proto != IPPROTO_UDP && proto != IPPROTO_ICMP) {
		check_say(item, CHECK_FAIL,
			  "IP protocol %u is not translated, only TCP, UDP and ICMP", proto);
		check_advise(item,
			     "route it past the gateway (target: interface:NAME), or carry it in "
			     "UDP");
	} else if (proto == IPPROTO_ICMP && facts->gateway && facts->row.icmp == NATGW_ICMP_OFF) {
		check_say(item, CHECK_FAIL, "gateway %s lets no ICMP through (icmp: off)",
			  facts->gateway_name);
		check_advise(item, "set icmp: echo or icmp: all at %s", facts->gateway_name);
	} else {
		check_say(item, CHECK_PASS, "%s", check_proto_name(proto, name));
	}
}

/* ---- all of them ---- */

/* The client's own table has nothing alive for it. */
static enum check_item_kind blame_route(const struct check_facts *facts)
{
	if (!facts->nat_route.found) {
		return CHECK_ITEM_ROUTE;
	}
	return facts->route.to.len > facts->nat_route.to.len ? CHECK_ITEM_DIVERTED
							     : CHECK_ITEM_STATE;
}

/* Which item the verdict belongs to. */
static enum check_item_kind blame(const struct check_facts *facts)
{
	const bool at_gateway = facts->result.gateway;

	switch (facts->result.verdict) {
	case NATGW_DROP_GATEWAY_NOT_AVAILABLE:
	case NATGW_DROP_GATEWAY_DELETING:
	case NATGW_DROP_BLOCKED:
		return CHECK_ITEM_STATE;
	case NATGW_DROP_NO_ROUTE:
	case NATGW_DROP_BLACKHOLE:
		return at_gateway ? CHECK_ITEM_WAY_OUT : blame_route(facts);
	case NATGW_DROP_TARGET_NOT_ALLOWED:
	case NATGW_DROP_NO_NEIGHBOUR:
	case NATGW_DROP_GUARD:
		return CHECK_ITEM_WAY_OUT;
	case NATGW_DROP_ACL:
		return CHECK_ITEM_ACL;
	case NATGW_DROP_PROTO:
	case NATGW_DROP_ICMP_TYPE:
		return CHECK_ITEM_PROTOCOL;
	case NATGW_DROP_SOURCE_NOT_ALLOWED:
		return CHECK_ITEM_CLIENT;
	case NATGW_PASS_NOT_NAT:
	case NATGW_PASS_HOST:
	case NATGW_DEFER_NOT_NAT:
	case NATGW_DROP_MARTIAN:
	case NATGW_DROP_HAIRPIN:
	case NATGW_DROP_TO_GATEWAY:
	case NATGW_DROP_NO_RULE:
		if (!facts->has_subnet) {
			return CHECK_ITEM_CLIENT;
		}
		return facts->nat_route.found || facts->dst_kind ? CHECK_ITEM_DIVERTED
								 : CHECK_ITEM_ROUTE;
	default:
		return CHECK_ITEM_REFUSED;
	}
}

static void judge_verdict(const struct check_facts *facts, struct check_item *items)
{
	struct check_item *item = &items[blame(facts)];

	if (!facts->was_run || check_is_out(facts->result.verdict) || item->outcome == CHECK_FAIL) {
		return;
	}
	check_say(item, CHECK_FAIL, "the data path says %s", names_verdict(facts->result.verdict));
	check_advise(item,
		     "natgwctl stats counts what is dropped, by reason; docs/operations.md says "
		     "what each reason means");
}

static bool would_be_translated(const struct check_facts *facts, const struct check_item *items)
{
	return facts->was_run && check_is_out(facts->result.verdict) && facts->in.up &&
	       items[CHECK_ITEM_STATE].outcome != CHECK_FAIL &&
	       items[CHECK_ITEM_WAY_OUT].outcome != CHECK_FAIL &&
	       items[CHECK_ITEM_REFUSED].outcome != CHECK_FAIL;
}

static const struct check_item *first_failure(const struct check_report *report)
{
	for (unsigned int i = 0; i < CHECK_ITEM_COUNT; i++) {
		if (report->items[i].outcome == CHECK_FAIL) {
			return &report->items[i];
		}
	}
	return NULL;
}

/* The first item that failed, where the packet takes another way than through a gateway
 * (requirement 47). */
static void write_elsewhere(const struct check_facts *facts, const struct check_item *first,
			    char *text, size_t size)
{
	char prefix[CHECK_PREFIX_MAX];

	if (facts->route.found && facts->route.kind != NATGW_TARGET_GATEWAY) {
		(void)snprintf(text, size, "would not traverse the gateway: matched %s via %s",
			       check_prefix(&facts->route.to, prefix), facts->route.target);
	} else if (names_verdict_class(facts->result.verdict) == NATGW_CLASS_PASSED) {
		(void)snprintf(text, size, "would not traverse the gateway: %s", first->what);
	} else {
		(void)snprintf(text, size, "would not leave: %s", first->what);
	}
}

static void write_headline(const struct check_facts *facts, struct check_report *report)
{
	const struct check_item *first = first_failure(report);
	const size_t size = sizeof(report->headline);
	const struct check_item *route = &report->items[CHECK_ITEM_ROUTE];
	const struct check_item *diverted = &report->items[CHECK_ITEM_DIVERTED];
	char client[INET_ADDRSTRLEN];
	char endpoint[CHECK_ENDPOINT_MAX];

	if (!first) {
		(void)snprintf(report->headline, size, "would leave: %s to %s by gateway %s",
			       check_address(facts->query.client, client),
			       check_endpoint(facts->query.dst, facts->query.port,
					      facts->query.proto, endpoint),
			       facts->gateway_name);
	} else if (report->translated) {
		(void)snprintf(report->headline, size, "would leave, but nothing comes back: %s",
			       first->what);
	} else if (first == route || first == diverted) {
		write_elsewhere(facts, first, report->headline, size);
	} else {
		(void)snprintf(report->headline, size, "would not leave: %s", first->what);
	}
}

void check_judge(const struct check_facts *facts, struct check_report *ret_report)
{
	struct check_item *items = ret_report->items;

	memset(ret_report, 0, sizeof(*ret_report));
	judge_state(facts, &items[CHECK_ITEM_STATE]);
	check_judge_way_out(facts, &items[CHECK_ITEM_WAY_OUT]);
	check_judge_route(facts, &items[CHECK_ITEM_ROUTE]);
	check_judge_diverted(facts, &items[CHECK_ITEM_DIVERTED]);
	judge_acl(facts, &items[CHECK_ITEM_ACL]);
	check_judge_refused(facts, &items[CHECK_ITEM_REFUSED]);
	check_judge_target(facts, &items[CHECK_ITEM_TARGET]);
	judge_client(facts, &items[CHECK_ITEM_CLIENT]);
	judge_protocol(facts, &items[CHECK_ITEM_PROTOCOL]);
	judge_verdict(facts, items);
	ret_report->translated = would_be_translated(facts, items);
	check_path(facts, ret_report);
	write_headline(facts, ret_report);
}
