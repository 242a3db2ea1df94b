/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * Config to rows of the maps: SNAT and DNAT rules, 1:1 mappings, two stages, a gateway's own route
 * table, local prefixes, and the addresses that the host shares.
 */
#include "apply_maps.h"

#define HEAD "interfaces: {external: eth0, internal: eth1}\n"
#define TABLE_T "  - {name: t, subnets: [10.0.0.0/8]}\n"
#define TABLES "route_tables:\n" TABLE_T
#define GATEWAY_A "  - {name: a, private_ip: 172.16.0.1, eips: [203.0.113.1]"

/* What may follow: rules, mappings, forwards. */
static void apply(struct natgwd_state *state, const char *text)
{
	_cleanup_free_ char *all = NULL;

	assert_true(asprintf(&all, HEAD TABLES "gateways:\n" GATEWAY_A "}\n%s", text) > 0);
	assert_int_equal(try_text(state, all), 0);
}

/* What a new process knows: the maps, and the config that it reads. */
static void restart(struct natgwd_state *state)
{
	memset(state->gateways, 0, sizeof(state->gateways));
	memset(state->rules, 0, sizeof(state->rules));
	config_free(state->config);
	state->config = NULL;
}

static const struct natgw_address *address(const struct natgwd_state *state, const char *text)
{
	return row_of(state->dp, inet_addr(text));
}

static const struct natgw_address *address_is(const struct natgwd_state *state, const char *text,
					      enum natgw_address_kind kind)
{
	const struct natgw_address *row = address(state, text);

	assert_non_null(row);
	assert_int_equal(row->kind, kind);
	return row;
}

/* ---- gateways ---- */

static void test_gateway_row(void **unused)
{
	struct natgwd_state *state = start();
	const struct natgw_gateway *row = &state->dp->gateways[1];

	(void)unused;
	assert_int_equal(
		try_text(state,
			 HEAD "route_tables:\n" TABLE_T
			      "  - {name: out, routes: [{to: 0.0.0.0/0, target: internet}]}\n"
			      "gateways:\n" GATEWAY_A ", default_snat: off, unmatched: pass,"
			      " fragments: {tcp: forward, udp: drop}, icmp: echo, route_table: out,"
			      " allow_nat_to: [local, vpn]}\n"),
		0);
	assert_int_equal(row->flags, NATGW_GATEWAY_NO_DEFAULT_SNAT | NATGW_GATEWAY_UNMATCHED_PASS);
	assert_int_equal(row->fragments, NATGW_FRAGMENTS_TCP);
	assert_int_equal(row->icmp, NATGW_ICMP_ECHO);
	assert_int_equal(row->allow_targets, 1 << NATGW_TARGET_LOCAL | 1 << NATGW_TARGET_VPN);
	assert_int_not_equal(row->table, 0);
	apply(state, "");
	assert_int_equal(row->flags, 0);
	assert_int_equal(row->fragments, NATGW_FRAGMENTS_UDP);
	assert_int_equal(row->icmp, NATGW_ICMP_ALL);
	assert_int_equal(row->allow_targets, 0);
	assert_int_equal(row->table, 0);
	stop(state);
}

/* ---- route tables ---- */

/* The route, or NULL. */
static const struct natgw_route *route(const struct natgwd_state *state, uint32_t table,
				       const char *addr, uint32_t len)
{
	const struct natgw_route_key key = { 32 + len, table, inet_addr(addr) };
	size_t at = FIND(&state->dp->routes, &key);

	return at < state->dp->routes.count ? &state->dp->routes.rows[at].row : NULL;
}

static uint32_t table_of(const struct natgwd_state *state, const char *addr, uint32_t len)
{
	const struct natgw_subnet_key key = { len, inet_addr(addr) };
	size_t at = FIND(&state->dp->subnets, &key);

	return at < state->dp->subnets.count ? state->dp->subnets.rows[at].row.table : 0;
}

static void assert_route(const struct natgw_route *row, enum natgw_target target,
			 enum natgw_origin origin)
{
	assert_non_null(row);
	assert_int_equal(row->target, target);
	assert_int_equal(row->origin, origin);
}

static void test_own_table(void **unused)
{
	static const char config[] =
		HEAD "route_tables:\n" TABLE_T
		     "  - {name: out, routes: [{to: 0.0.0.0/0, target: internet},"
		     " {to: 198.18.0.0/15, target: blackhole}]}\n"
		     "gateways:\n" GATEWAY_A ", route_table: out}\n"
		     "local: [192.0.2.0/25]\n";
	struct natgwd_state *state = start();
	uint32_t number;
	uint32_t other;

	(void)unused;
	assert_int_equal(try_text(state, config), 0);
	number = state->dp->gateways[1].table;
	other = table_of(state, "10.0.0.0", 8);
	assert_int_not_equal(number, 0);
	assert_int_not_equal(number, other);
	assert_string_equal(state->table_names[number], "out");
	assert_route(route(state, number, "0.0.0.0", 0), NATGW_TARGET_INTERNET,
		     NATGW_ORIGIN_STATIC);
	assert_route(route(state, number, "198.18.0.0", 15), NATGW_TARGET_BLACKHOLE,
		     NATGW_ORIGIN_STATIC);
	assert_route(route(state, number, "10.0.0.0", 8), NATGW_TARGET_LOCAL, NATGW_ORIGIN_LOCAL);
	/* Local prefixes are for clients, not for what has been translated. */
	assert_null(route(state, number, "192.0.2.0", 25));
	assert_route(route(state, other, "192.0.2.0", 25), NATGW_TARGET_LOCAL, NATGW_ORIGIN_LOCAL);
	/* It keeps its number, in the next process too. */
	restart(state);
	assert_int_equal(try_text(state, config), 0);
	assert_int_equal(state->dp->gateways[1].table, number);
	/* Gone: its rows are, and the gateway does not ask them (look() looks). */
	apply(state, "");
	assert_int_equal(state->dp->gateways[1].table, 0);
	assert_null(route(state, number, "0.0.0.0", 0));
	assert_null(route(state, other, "192.0.2.0", 25));
	/* A number that the old config leads to is not the first to be given again. */
	assert_int_equal(try_text(state, config), 0);
	assert_int_not_equal(state->dp->gateways[1].table, other);
	stop(state);
}

/* Two gateways change their tables with each other: neither ever asks an empty one (look()). */
static void test_tables_change_places(void **unused)
{
	static const char *const names[][2] = { { "x", "y" }, { "y", "x" }, { "y", "z" } };
	struct natgwd_state *state = start();

	(void)unused;
	for (size_t i = 0; i < COUNT(names); i++) {
		_cleanup_free_ char *text = NULL;

		assert_true(asprintf(&text,
				     HEAD
				     "route_tables:\n" TABLE_T
				     "  - {name: %s, routes: [{to: 0.0.0.0/0, target: internet}]}\n"
				     "  - {name: %s, routes: [{to: 8.0.0.0/8, target: internet}]}\n"
				     "gateways:\n" GATEWAY_A ", route_table: %s}\n"
				     "  - {name: b, private_ip: 172.16.0.2, eips: [203.0.113.2],"
				     " route_table: %s}\n",
				     names[i][0], names[i][1], names[i][0], names[i][1]) > 0);
		assert_int_equal(try_text(state, text), 0);
		assert_route(route(state, state->dp->gateways[1].table, "0.0.0.0", 0),
			     NATGW_TARGET_INTERNET, NATGW_ORIGIN_STATIC);
		assert_route(route(state, state->dp->gateways[2].table, "8.0.0.0", 8),
			     NATGW_TARGET_INTERNET, NATGW_ORIGIN_STATIC);
		assert_null(route(state, state->dp->gateways[2].table, "0.0.0.0", 0));
	}
	stop(state);
}

static void test_main_table(void **unused)
{
	struct natgwd_state *state = start();
	uint32_t number;

	(void)unused;
	assert_int_equal(try_text(state, HEAD
				  "route_tables:\n"
				  "  - {name: t, subnets: [10.0.1.0/24]}\n"
				  "  - {name: m, main: yes, routes:"
				  " [{to: 0.0.0.0/0, target: gateway:a}]}\n"
				  "internal_prefixes: [10.0.1.0/24, 10.0.2.0/24, 172.20.0.0/16]\n"
				  "local: [192.0.2.0/25]\n"
				  "gateways:\n" GATEWAY_A "}\n"),
			 0);
	number = table_of(state, "10.0.2.0", 24);
	assert_int_not_equal(number, 0);
	assert_int_equal(table_of(state, "172.20.0.0", 16), number);
	assert_int_not_equal(table_of(state, "10.0.1.0", 24), number);
	assert_route(route(state, number, "0.0.0.0", 0), NATGW_TARGET_GATEWAY, NATGW_ORIGIN_STATIC);
	assert_route(route(state, number, "192.0.2.0", 25), NATGW_TARGET_LOCAL, NATGW_ORIGIN_LOCAL);
	assert_route(route(state, number, "10.0.1.0", 24), NATGW_TARGET_LOCAL, NATGW_ORIGIN_LOCAL);
	assert_route(route(state, table_of(state, "10.0.1.0", 24), "172.20.0.0", 16),
		     NATGW_TARGET_LOCAL, NATGW_ORIGIN_LOCAL);
	stop(state);
}

/* ---- rules ---- */

static const struct natgw_rule *rule_at(const struct natgwd_state *state, uint32_t position)
{
	assert_in_range(position, 0, (uint32_t)state->dp->settings.rule_count - 1);
	return &state->dp->rules[state->dp->order[position]];
}

/* The EIPs of an SNAT rule as text, "203.0.113.5 203.0.113.6". */
static void assert_pool(const struct natgwd_state *state, const struct natgw_rule *rule,
			const char *wanted)
{
	char text[256] = "";
	size_t used = 0;

	for (uint32_t i = 0; i < rule->pool_count; i++) {
		const struct natgw_pool_row *row =
			&state->dp->pool[rule->gateway * NATGW_POOL_ROWS_PER_GATEWAY +
					 rule->pool_first + i];
		struct in_addr in = { .s_addr = row->addr };
		char addr[INET_ADDRSTRLEN];

		used += (size_t)snprintf(text + used, sizeof(text) - used, "%s%s", i ? " " : "",
					 inet_ntop(AF_INET, &in, addr, sizeof(addr)));
	}
	assert_string_equal(text, wanted);
}

#define AVIATRIX                                                                       \
	"rules:\n"                                                                     \
	"  - {session: {protocol: udp, timeouts: {udp: 10m}}}\n"                       \
	"  - {snat: {mark: 65, eips: [203.0.113.5-203.0.113.7]}}\n"                    \
	"  - {dnat: {protocol: tcp, port: 8001, to_port: 443, mark: 65}}\n"            \
	"  - {no_nat: {to: 198.51.100.0/24}}\n"                                        \
	"  - {dnat: {gateway: a, protocol: udp, port: 53, to_port: 5353, mark: 66}}\n" \
	"  - {snat: {gateway: a, from: 10.1.0.0/16, port: 22, eips: [203.0.113.8]}}\n"

static void test_kinds_of_rules(void **unused)
{
	static const uint32_t places[] = { 2, 4, 1, 3, 5, 0 };
	struct natgwd_state *state = start();
	const struct natgw_rule *row;

	(void)unused;
	apply(state, AVIATRIX);
	assert_int_equal(state->dp->settings.rule_count, 6);
	assert_int_equal(state->rule_count, 6);
	for (uint32_t i = 0; i < COUNT(places); i++) {
		assert_int_equal(state->rules[i].rule, places[i]);
		assert_int_equal(state->rules[i].number, state->dp->order[i]);
	}
	row = rule_at(state, 0);
	assert_int_equal(row->kind, NATGW_RULE_DNAT);
	assert_int_equal(row->to_port, 443);
	assert_int_equal(row->mark, 65);
	assert_int_equal(row->port_first, 8001);
	assert_int_equal(row->gateway, 0);
	assert_int_equal(row->timeout[NATGW_TIMER_UDP_REPLIED], 0);
	assert_int_equal(rule_at(state, 1)->gateway, 1);
	row = rule_at(state, 2);
	assert_int_equal(row->kind, NATGW_RULE_SNAT);
	assert_int_equal(row->mark, 65);
	assert_int_equal(row->gateway, 1);
	assert_pool(state, row, "203.0.113.5 203.0.113.6 203.0.113.7");
	row = rule_at(state, 3);
	assert_int_equal(row->kind, NATGW_RULE_NO_NAT);
	assert_int_equal(ntohl(row->dst), 0xc6336400);
	row = rule_at(state, 4);
	assert_int_equal(row->kind, NATGW_RULE_SNAT);
	assert_int_equal(ntohl(row->src_mask), 0xffff0000);
	assert_pool(state, row, "203.0.113.8");
	assert_int_equal(rule_at(state, 5)->kind, NATGW_RULE_SESSION);
	/* The EIPs of rules are EIPs, and not in the gateway's own pool. */
	assert_int_equal(state->dp->gateways[1].eip_count, 1);
	assert_int_equal(address_is(state, "203.0.113.6", NATGW_ADDRESS_EIP)->gateway, 1);
	assert_int_not_equal(address(state, "203.0.113.6")->eip,
			     address(state, "203.0.113.5")->eip);
	stop(state);
}

static void test_rules_that_stay(void **unused)
{
	struct natgwd_state *state = start();
	uint32_t dnat;
	uint32_t snat;

	(void)unused;
	apply(state, AVIATRIX);
	dnat = state->dp->order[0];
	snat = state->dp->order[2];
	state->dp->hits[snat] = 7;
	state->dp->rule_writes = 0;
	restart(state);
	apply(state, AVIATRIX);
	assert_int_equal(state->dp->rule_writes, 0);
	assert_int_equal(state->dp->hits[snat], 7);
	/* Other EIPs are another rule; this one keeps its row and its hits for when it comes back.
	 */
	apply(state, "rules:\n"
		     "  - {dnat: {protocol: tcp, port: 8001, to_port: 443, mark: 65}}\n"
		     "  - {snat: {mark: 65, eips: [203.0.113.5-203.0.113.6]}}\n");
	assert_int_equal(state->dp->order[0], dnat);
	assert_int_not_equal(state->dp->order[1], snat);
	assert_pool(state, rule_at(state, 1), "203.0.113.5 203.0.113.6");
	assert_int_equal(address(state, "203.0.113.7")->draining, 1);
	assert_int_equal(address(state, "203.0.113.5")->draining, 0);
	apply(state, AVIATRIX);
	assert_int_equal(state->dp->order[2], snat);
	assert_int_equal(state->dp->hits[snat], 7);
	assert_int_equal(address(state, "203.0.113.7")->draining, 0);
	stop(state);
}

/* A row that another rule gets has no hits. */
static void test_hits_of_a_new_rule(void **unused)
{
	struct natgwd_state *state = start();

	(void)unused;
	for (uint32_t i = 0; i < NATGW_RULES_MAX; i++)
		state->dp->hits[i] = 99;
	apply(state, AVIATRIX);
	for (uint32_t i = 0; i < state->rule_count; i++)
		assert_int_equal(state->dp->hits[state->rules[i].number], 0);
	stop(state);
}

/* Rules with the same EIPs share their rows; EIPs of the gateway itself may be a rule's too. */
static void test_pools_are_shared(void **unused)
{
	struct natgwd_state *state = start();

	(void)unused;
	apply(state, "rules:\n"
		     "  - {snat: {port: 1, eips: [203.0.113.5-203.0.113.7]}}\n"
		     "  - {snat: {port: 2, eips: [203.0.113.5-203.0.113.7]}}\n"
		     "  - {snat: {port: 3, eips: [203.0.113.1]}}\n");
	assert_int_equal(rule_at(state, 0)->pool_first, rule_at(state, 1)->pool_first);
	assert_pool(state, rule_at(state, 2), "203.0.113.1");
	assert_int_not_equal(rule_at(state, 2)->pool_first, 0);
	/* A rule that changes otherwise goes on with them. */
	apply(state, "rules:\n"
		     "  - {snat: {port: 4, eips: [203.0.113.5-203.0.113.7]}}\n");
	assert_pool(state, rule_at(state, 0), "203.0.113.5 203.0.113.6 203.0.113.7");
	stop(state);
}

/* All EIPs of all rules change again and again: rows in force are never written (set_pool looks).
 */
static void test_pools_change(void **unused)
{
	struct natgwd_state *state = start();

	(void)unused;
	for (unsigned int round = 0; round < 30; round++) {
		unsigned int first = round * 7 % 100;
		_cleanup_free_ char *text = NULL;

		assert_true(asprintf(&text,
				     "rules:\n"
				     "  - {snat: {port: 1, eips: [198.51.100.%u-198.51.100.%u]}}\n"
				     "  - {snat: {port: 2, eips: [192.0.2.%u]}}\n"
				     "  - {snat: {port: 3, eips: [192.0.2.%u-192.0.2.%u]}}\n",
				     first + 1, first + 60, first + 1, first + 2,
				     first + 2 + round % 5) > 0);
		state->dp->now += 100 * NATGW_TICKS_PER_SECOND;
		apply(state, text);
		assert_int_equal(rule_at(state, 0)->pool_count, 60);
		assert_int_equal(rule_at(state, 2)->pool_count, 1 + round % 5);
		/* What drains has no sessions here. */
		state->dp->now += 500 * NATGW_TICKS_PER_SECOND;
		assert_int_equal(apply_release(state), 0);
	}
	stop(state);
}

/* Every index is taken, and the EIPs of a rule in force are not given away for the new ones. */
static void test_no_index_from_a_rule_in_force(void **unused)
{
	struct natgwd_state *state = start();

	(void)unused;
	apply(state, "rules:\n"
		     "  - {snat: {port: 1, eips: [198.51.100.1-198.51.100.254]}}\n");
	assert_int_equal(try_text(state, HEAD TABLES "gateways:\n" GATEWAY_A "}\n"
						     "rules:\n"
						     "  - {snat: {port: 1, eips:"
						     " [192.0.2.1-192.0.2.254]}}\n"),
			 -ENOSPC);
	/* Once the rule is gone they are, without a sweep in between. */
	apply(state, "");
	apply(state, "rules:\n"
		     "  - {snat: {port: 1, eips: [192.0.2.1-192.0.2.254]}}\n");
	assert_int_equal(rule_at(state, 0)->pool_count, 254);
	stop(state);
}

/* ---- 1:1 and two stages ---- */

static void test_one_to_one(void **unused)
{
	struct natgwd_state *state = start();

	(void)unused;
	apply(state, "one_to_one:\n  - {private: 10.0.1.5, public: 203.0.113.9}\n");
	assert_int_equal(address_is(state, "203.0.113.9", NATGW_ADDRESS_ONE_TO_ONE)->peer,
			 inet_addr("10.0.1.5"));
	assert_int_equal(address_is(state, "10.0.1.5", NATGW_ADDRESS_MAPPED)->peer,
			 inet_addr("203.0.113.9"));
	assert_int_equal(state->dp->settings.features, NATGW_FEATURE_ONE_TO_ONE);
	/* Another public address, another host: look() finds every pair whole. */
	apply(state, "one_to_one:\n  - {private: 10.0.1.5, public: 203.0.113.8}\n"
		     "  - {private: 10.0.1.6, public: 203.0.113.9}\n");
	assert_int_equal(address(state, "203.0.113.9")->peer, inet_addr("10.0.1.6"));
	/* Two change places. */
	apply(state, "one_to_one:\n  - {private: 10.0.1.5, public: 203.0.113.9}\n"
		     "  - {private: 10.0.1.6, public: 203.0.113.8}\n");
	assert_int_equal(address_is(state, "10.0.1.5", NATGW_ADDRESS_MAPPED)->peer,
			 inet_addr("203.0.113.9"));
	assert_int_equal(address_is(state, "10.0.1.6", NATGW_ADDRESS_MAPPED)->peer,
			 inet_addr("203.0.113.8"));
	apply(state, "");
	assert_null(address(state, "203.0.113.9"));
	assert_null(address(state, "10.0.1.5"));
	assert_int_equal(state->dp->settings.features, 0);
	stop(state);
}

#define WALK(eips, pairs)                                                                        \
	HEAD TABLES "gateways:\n"                                                                \
		    "  - {name: w, private_ip: 172.16.0.1, mode: two-stage, eips: [" eips "]}\n" \
		    "one_to_one:\n" pairs
#define PAIR(private, public) "  - {private: " private ", public: " public "}\n"

static void test_two_stages(void **unused)
{
	struct natgwd_state *state = start();
	const struct natgw_address *eip;
	const struct natgw_address *staged;

	(void)unused;
	host_addrs[0] = inet_addr("172.16.0.1");
	assert_int_equal(try_text(state, WALK("172.16.0.1, 172.16.0.5",
					      PAIR("172.16.0.1", "203.0.113.9")
						      PAIR("172.16.0.5", "203.0.113.8"))),
			 0);
	assert_int_equal(state->dp->gateways[1].flags, NATGW_GATEWAY_TWO_STAGE);
	assert_int_equal(apply_check(state->config, NULL), 0);
	eip = address_is(state, "172.16.0.1", NATGW_ADDRESS_EIP);
	assert_int_equal(eip->peer, inet_addr("203.0.113.9"));
	assert_int_equal(eip->on_host, NATGW_ON_HOST_HELD);
	staged = address_is(state, "203.0.113.9", NATGW_ADDRESS_STAGED);
	assert_int_equal(staged->peer, inet_addr("172.16.0.1"));
	assert_int_equal(staged->gateway, 1);
	assert_int_equal(staged->eip, eip->eip);
	assert_int_equal(state->dp->settings.features, 0);
	/* The host gets the public one, and gives it back. */
	host_addrs[1] = inet_addr("203.0.113.9");
	assert_int_equal(apply_addresses(state, NULL), 0);
	staged = address_is(state, "203.0.113.9", NATGW_ADDRESS_STAGED);
	assert_int_equal(staged->on_host, NATGW_ON_HOST_HELD);
	host_addrs[1] = 0;
	assert_int_equal(apply_addresses(state, NULL), 0);
	assert_int_equal(staged->on_host, NATGW_ON_HOST_NO);
	/* One goes, with sessions: its public address stays as long as it drains. */
	state->dp->ports[address(state, "172.16.0.5")->eip] = 1;
	assert_int_equal(try_text(state, WALK("172.16.0.1", PAIR("172.16.0.1", "203.0.113.9"))), 0);
	assert_int_equal(address(state, "172.16.0.5")->draining, 1);
	address_is(state, "203.0.113.8", NATGW_ADDRESS_STAGED);
	assert_int_equal(apply_release(state), 0);
	address_is(state, "203.0.113.8", NATGW_ADDRESS_STAGED);
	memset(state->dp->ports, 0, sizeof(state->dp->ports));
	assert_int_equal(apply_release(state), 0);
	assert_null(address(state, "172.16.0.5"));
	assert_null(address(state, "203.0.113.8"));
	address_is(state, "203.0.113.9", NATGW_ADDRESS_STAGED);
	/* And both at once, when the host has the private one. */
	assert_int_equal(try_text(state, HEAD TABLES "gateways:\n" GATEWAY_A "}\n"), 0);
	assert_int_equal(apply_release(state), 0);
	address_is(state, "172.16.0.1", NATGW_ADDRESS_HOST);
	assert_null(address(state, "203.0.113.9"));
	stop(state);
}

/* An EIP with sessions becomes nothing else before they have ended. */
static void test_former_eip(void **unused)
{
	static const char after[] =
		HEAD TABLES "gateways:\n"
			    "  - {name: a, private_ip: 172.16.0.1, eips: [203.0.113.2]}\n"
			    "one_to_one:\n" PAIR("10.0.1.5", "203.0.113.1");
	struct natgwd_state *state = start();

	(void)unused;
	apply(state, "");
	state->dp->ports[address(state, "203.0.113.1")->eip] = 1;
	assert_int_equal(try_text(state, after), -EBUSY);
	address_is(state, "203.0.113.1", NATGW_ADDRESS_EIP);
	assert_null(address(state, "10.0.1.5"));
	state->dp->ports[address(state, "203.0.113.1")->eip] = 0;
	assert_int_equal(try_text(state, after), 0);
	address_is(state, "203.0.113.1", NATGW_ADDRESS_ONE_TO_ONE);
	stop(state);
}

/* ---- what the host holds ---- */

static int check(const char *text)
{
	struct config *config = parse(text);
	int err = apply_check(config, NULL);

	config_free(config);
	return err;
}

static void test_check(void **unused)
{
	static const char shared[] =
		HEAD TABLES "gateways:\n"
			    "  - {name: a, private_ip: 172.16.0.1, eips: [203.0.113.2,"
			    " {address: 203.0.113.1, shared: true}]}\n";
	static const char alone[] = HEAD TABLES "gateways:\n" GATEWAY_A "}\n";
	static const char rule[] =
		HEAD TABLES "gateways:\n"
			    "  - {name: a, private_ip: 172.16.0.1, eips: [203.0.113.2]}\n"
			    "rules:\n  - {snat: {port: 1, eips: [203.0.113.1]}}\n";
	static const char mapped[] =
		HEAD TABLES "gateways:\n"
			    "  - {name: a, private_ip: 172.16.0.1, eips: [203.0.113.2]}\n"
			    "one_to_one:\n" PAIR("10.0.1.5", "203.0.113.1");

	(void)unused;
	memset(host_addrs, 0, sizeof(host_addrs));
	assert_int_equal(check(shared), -EADDRNOTAVAIL);
	assert_int_equal(check(alone), 0);
	assert_int_equal(check(rule), 0);
	assert_int_equal(check(mapped), 0);
	host_addrs[0] = inet_addr("203.0.113.1");
	assert_int_equal(check(shared), 0);
	assert_int_equal(check(alone), -EADDRINUSE);
	assert_int_equal(check(rule), -EADDRINUSE);
	assert_int_equal(check(mapped), -EADDRINUSE);
	host_addrs[0] = inet_addr("10.0.1.5");
	assert_int_equal(check(mapped), -EADDRINUSE);
}

/* ---- interfaces ---- */

static void test_interfaces(void **unused)
{
	struct natgwd_state *state = start();
	struct iface_state *ifaces = state->ifaces;

	(void)unused;
	ifaces[0] = (struct iface_state){
		.name = "eth1", .ifindex = 3, .flags = NATGW_IFACE_INTERNAL, .up = true, .mtu = 9000
	};
	ifaces[1] = (struct iface_state){
		.name = "eth0", .ifindex = 4, .flags = NATGW_IFACE_EXTERNAL, .up = true
	};
	ifaces[2] = (struct iface_state){
		.name = "eth2", .ifindex = 5, .flags = NATGW_IFACE_EXTERNAL, .up = true
	};
	state->iface_count = 3;
	apply(state, "");
	assert_int_equal(state->dp->settings.hairpin, 4);
	assert_int_equal(apply_iface(state, &ifaces[0], true), 0);
	assert_int_equal(state->dp->iface.mtu, 9000);
	assert_int_equal(state->dp->iface.redirect, 1);
	/* One that is down takes no packets; one that is made anew has another number. */
	ifaces[1].up = false;
	assert_int_equal(apply_hairpin(state), 0);
	assert_int_equal(state->dp->settings.hairpin, 5);
	ifaces[2].ifindex = 0;
	assert_int_equal(apply_hairpin(state), 0);
	assert_int_equal(state->dp->settings.hairpin, 4);
	ifaces[1].ifindex = 0;
	assert_int_equal(apply_hairpin(state), 0);
	assert_int_equal(state->dp->settings.hairpin, 0);
	ifaces[1].ifindex = 9;
	apply(state, "");
	assert_int_equal(state->dp->settings.hairpin, 9);
	stop(state);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_gateway_row),
		cmocka_unit_test(test_own_table),
		cmocka_unit_test(test_tables_change_places),
		cmocka_unit_test(test_main_table),
		cmocka_unit_test(test_kinds_of_rules),
		cmocka_unit_test(test_rules_that_stay),
		cmocka_unit_test(test_hits_of_a_new_rule),
		cmocka_unit_test(test_pools_are_shared),
		cmocka_unit_test(test_pools_change),
		cmocka_unit_test(test_no_index_from_a_rule_in_force),
		cmocka_unit_test(test_one_to_one),
		cmocka_unit_test(test_two_stages),
		cmocka_unit_test(test_former_eip),
		cmocka_unit_test(test_check),
		cmocka_unit_test(test_interfaces),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
