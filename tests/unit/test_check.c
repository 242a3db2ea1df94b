// SPDX-License-Identifier: GPL-2.0-only
/* The judgement of a check on facts made up here: each of the nine items fails alone, and is named.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <arpa/inet.h>
#include <cmocka.h>
#include <errno.h>
#include <netinet/in.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "check.h"

#define GATEWAY 3

static __be32 addr_of(const char *text)
{
	__be32 addr = 0;

	assert_int_equal(inet_pton(AF_INET, text, &addr), 1);
	return addr;
}

static void set_route(struct check_route *route, const char *to, uint8_t len, const char *target)
{
	*route = (struct check_route){
		.found = true,
		.to = { addr_of(to), len },
		.kind = NATGW_TARGET_GATEWAY,
		.origin = NATGW_ORIGIN_STATIC,
		.gateway = GATEWAY,
		.line = 12,
	};
	snprintf(route->table_name, sizeof(route->table_name), "private-a");
	snprintf(route->target, sizeof(route->target), "%s", target);
}

static void set_way(struct check_way *way)
{
	way->ifindex = 2;
	snprintf(way->iface, sizeof(way->iface), "ext0");
	way->is_external = true;
	way->up = true;
	way->via = addr_of("198.51.100.1");
	way->neigh.state = HOSTROUTE_NEIGH_KNOWN;
	way->mtu = 1500;
}

static void set_gateway(struct check_facts *facts)
{
	facts->gateway = GATEWAY;
	snprintf(facts->gateway_name, sizeof(facts->gateway_name), "nat-a");
	facts->state = NATGW_GATEWAY_AVAILABLE;
	facts->gateway_line = 5;
	facts->row = (struct natgw_gateway){
		.state = NATGW_GATEWAY_AVAILABLE,
		.eip_count = 1,
		.port_first = 1024,
		.port_count = 64512,
		.destination_ports = 64512,
	};
	facts->use.eips[0] = (struct check_eip){ .addr = addr_of("198.51.100.50"), .limit = 64512 };
	facts->use.eip_count = 1;
	facts->use.table_max = 16384;
	facts->use.table_slots = 24576;
}

/* All is well. */
static struct check_facts *make_facts(void)
{
	struct check_facts *facts = calloc(1, sizeof(*facts));

	assert_non_null(facts);
	facts->query = (struct check_query){
		.client = addr_of("10.0.1.10"),
		.dst = addr_of("203.0.113.10"),
		.client_port = htons(50123),
		.port = htons(80),
		.proto = IPPROTO_TCP,
	};
	snprintf(facts->file, sizeof(facts->file), "natgw.yaml");
	snprintf(facts->in.iface, sizeof(facts->in.iface), "int0");
	facts->in.ifindex = 3;
	facts->in.up = true;
	facts->in.is_internal = true;
	facts->has_subnet = true;
	facts->subnet = (struct config_prefix){ addr_of("10.0.1.0"), 24 };
	snprintf(facts->table_name, sizeof(facts->table_name), "private-a");
	set_route(&facts->route, "0.0.0.0", 0, "gateway:nat-a");
	set_route(&facts->nat_route, "0.0.0.0", 0, "gateway:nat-a");
	set_gateway(facts);
	set_way(&facts->way);
	facts->was_run = true;
	facts->result = (struct natgw_check_result){
		.verdict = NATGW_TRANSLATED,
		.gateway = GATEWAY,
		.met = NATGW_CHECK_SUBNET | NATGW_CHECK_ROUTE | NATGW_CHECK_RULES |
		       NATGW_CHECK_NEXTHOP,
	};
	return facts;
}

/* The first item that fails; CHECK_ITEM_COUNT: none. */
static enum check_item_kind first_failure(const struct check_report *report)
{
	unsigned int i = 0;

	while (i < CHECK_ITEM_COUNT && report->items[i].outcome != CHECK_FAIL) {
		i++;
	}
	return (enum check_item_kind)i;
}

/* Judges the facts, and frees them. */
static struct check_report judge(struct check_facts *facts)
{
	struct check_report report;

	check_judge(facts, &report);
	free(facts);
	return report;
}

static void assert_starts(const char *text, const char *beginning)
{
	if (strncmp(text, beginning, strlen(beginning)) != 0) {
		fail_msg("\"%s\" does not begin with \"%s\"", text, beginning);
	}
}

static void assert_has(const char *text, const char *part)
{
	if (!strstr(text, part)) {
		fail_msg("\"%s\" does not say \"%s\"", text, part);
	}
}

/* Not translated, for the reason of this item, which the first line names and says what to change.
 */
static void assert_fails(struct check_facts *facts, enum check_item_kind kind, const char *part)
{
	struct check_report report = judge(facts);

	assert_int_equal(first_failure(&report), kind);
	assert_false(report.translated);
	assert_starts(report.headline, "would not ");
	assert_has(report.items[kind].what, part);
	assert_true(strlen(report.items[kind].fix) > 0);
	if (strncmp(report.headline, "would not leave: ", strlen("would not leave: ")) == 0) {
		assert_has(report.headline, report.items[kind].what);
	}
}

/* ---- all is well ---- */

static void test_sound(void **state)
{
	struct check_report report = judge(make_facts());

	(void)state;
	assert_true(report.translated);
	assert_int_equal(first_failure(&report), CHECK_ITEM_COUNT);
	assert_string_equal(report.headline,
			    "would leave: 10.0.1.10 to 203.0.113.10:80/tcp by gateway nat-a");
	assert_int_equal(report.items[CHECK_ITEM_TARGET].outcome, CHECK_NOT_APPLICABLE);
	assert_has(report.items[CHECK_ITEM_ACL].what, "1024-65535");
}

static void test_deferred_is_translated(void **state)
{
	static const unsigned int verdicts[] = { NATGW_DEFER_DEVICE, NATGW_DEFER_NEIGHBOUR,
						 NATGW_DEFER_BUSY, NATGW_DEFER_ROUTE };

	(void)state;
	for (size_t i = 0; i < sizeof(verdicts) / sizeof(verdicts[0]); i++) {
		struct check_facts *facts = make_facts();

		facts->result.verdict = verdicts[i];
		assert_true(judge(facts).translated);
	}
}

/* Every verdict is either a way out or the failure of some item. */
static void test_every_verdict_has_an_item(void **state)
{
	(void)state;
	for (unsigned int verdict = NATGW_OK; verdict < NATGW_VERDICT_COUNT; verdict++) {
		struct check_facts *facts = make_facts();
		struct check_report report;

		facts->result.verdict = verdict;
		report = judge(facts);
		assert_int_equal(report.translated, check_is_out(verdict));
		assert_int_equal(first_failure(&report) == CHECK_ITEM_COUNT, check_is_out(verdict));
	}
}

/* ---- the nine items ---- */

static void test_gateway_state(void **state)
{
	static const enum natgw_gateway_state states[] = { NATGW_GATEWAY_PENDING,
							   NATGW_GATEWAY_FAILED,
							   NATGW_GATEWAY_DELETING,
							   NATGW_GATEWAY_DELETED };

	(void)state;
	for (size_t i = 0; i < sizeof(states) / sizeof(states[0]); i++) {
		struct check_facts *facts = make_facts();

		facts->state = states[i];
		facts->result.verdict = NATGW_DROP_GATEWAY_NOT_AVAILABLE;
		assert_fails(facts, CHECK_ITEM_STATE, "gateway nat-a is ");
	}
	struct check_facts *facts = make_facts();

	facts->row.flags = NATGW_GATEWAY_BLOCKED;
	facts->result.verdict = NATGW_DROP_BLOCKED;
	assert_fails(facts, CHECK_ITEM_STATE, "blocked");
	facts = make_facts();
	facts->use.eip_count = 0;
	assert_fails(facts, CHECK_ITEM_STATE, "no EIP");
}

static void test_way_out(void **state)
{
	struct check_facts *facts = make_facts();

	(void)state;
	facts->way.error = -ENETUNREACH;
	snprintf(facts->way.down, sizeof(facts->way.down), "ext0");
	facts->result.verdict = NATGW_DROP_NO_ROUTE;
	assert_fails(facts, CHECK_ITEM_WAY_OUT, "ext0 is down");

	facts = make_facts();
	facts->way.error = -ENETUNREACH;
	facts->result.verdict = NATGW_DROP_NO_ROUTE;
	assert_fails(facts, CHECK_ITEM_WAY_OUT, "no route to 203.0.113.10");

	facts = make_facts();
	facts->way.is_external = false;
	snprintf(facts->way.iface, sizeof(facts->way.iface), "wg0");
	facts->result.verdict = NATGW_DROP_NO_ROUTE;
	assert_fails(facts, CHECK_ITEM_WAY_OUT, "wg0");

	facts = make_facts();
	facts->way.neigh.state = HOSTROUTE_NEIGH_FAILED;
	facts->result.verdict = NATGW_DEFER_NEIGHBOUR;
	assert_fails(facts, CHECK_ITEM_WAY_OUT, "198.51.100.1 does not answer ARP");

	facts = make_facts();
	snprintf(facts->way.broken, sizeof(facts->way.broken), "ext0 at XDP has not");
	assert_fails(facts, CHECK_ITEM_WAY_OUT, "ext0 at XDP");
}

static void test_own_route_table(void **state)
{
	struct check_facts *facts = make_facts();

	(void)state;
	facts->row.table = 7;
	snprintf(facts->own_table, sizeof(facts->own_table), "public");
	facts->result.verdict = NATGW_DROP_NO_ROUTE;
	assert_fails(facts, CHECK_ITEM_WAY_OUT, "route table public of gateway nat-a has no route");

	facts = make_facts();
	facts->row.table = 7;
	set_route(&facts->own_route, "0.0.0.0", 0, "interface:wg0");
	facts->own_route.kind = NATGW_TARGET_INTERFACE;
	facts->result.verdict = NATGW_DROP_TARGET_NOT_ALLOWED;
	assert_fails(facts, CHECK_ITEM_WAY_OUT, "interface:wg0");

	facts = make_facts();
	facts->row.table = 7;
	set_route(&facts->own_route, "0.0.0.0", 0, "internet");
	facts->own_route.kind = NATGW_TARGET_INTERNET;
	assert_true(judge(facts).translated);
}

static void test_route(void **state)
{
	struct check_facts *facts = make_facts();
	struct check_report report;

	(void)state;
	facts->route.found = false;
	facts->nat_route.found = false;
	facts->gateway = 0;
	facts->result = (struct natgw_check_result){ .verdict = NATGW_DROP_NO_ROUTE };
	assert_fails(facts, CHECK_ITEM_ROUTE, "route table private-a has no route to 203.0.113.10");

	facts = make_facts();
	set_route(&facts->route, "0.0.0.0", 0, "interface:wg0");
	facts->route.kind = NATGW_TARGET_INTERFACE;
	facts->nat_route.found = false;
	facts->gateway = 0;
	facts->result = (struct natgw_check_result){ .verdict = NATGW_PASS_NOT_NAT };
	report = judge(facts);
	assert_int_equal(first_failure(&report), CHECK_ITEM_ROUTE);
	assert_string_equal(report.headline,
			    "would not traverse the gateway: matched 0.0.0.0/0 via interface:wg0");
}

static void divert(struct check_facts *facts)
{
	set_route(&facts->route, "203.0.113.0", 24, "interface:wg0");
	facts->route.kind = NATGW_TARGET_INTERFACE;
	facts->result = (struct natgw_check_result){ .verdict = NATGW_PASS_NOT_NAT };
}

static void test_diverted(void **state)
{
	struct check_facts *facts = make_facts();
	struct check_report report;

	(void)state;
	divert(facts);
	report = judge(facts);
	assert_int_equal(first_failure(&report), CHECK_ITEM_DIVERTED);
	assert_false(report.translated);
	assert_string_equal(
		report.headline,
		"would not traverse the gateway: matched 203.0.113.0/24 via interface:wg0");
	assert_has(report.items[CHECK_ITEM_DIVERTED].what, "natgw.yaml:12");

	facts = make_facts();
	facts->snat = (struct check_rule){ .place = 2, .kind = NATGW_RULE_NO_NAT, .line = 40 };
	facts->result.verdict = NATGW_PASS_NOT_NAT;
	assert_fails(facts, CHECK_ITEM_DIVERTED, "rule 2 (no_nat) (natgw.yaml:40)");

	facts = make_facts();
	facts->row.flags = NATGW_GATEWAY_NO_DEFAULT_SNAT;
	facts->result.verdict = NATGW_DROP_NO_RULE;
	assert_fails(facts, CHECK_ITEM_DIVERTED, "no SNAT rule matches it");

	facts = make_facts();
	facts->dst_kind = NATGW_ADDRESS_EIP;
	facts->result.verdict = NATGW_DROP_HAIRPIN;
	assert_fails(facts, CHECK_ITEM_DIVERTED, "natgw's own external address");

	facts = make_facts();
	facts->result = (struct natgw_check_result){ .verdict = NATGW_DROP_MARTIAN };
	assert_fails(facts, CHECK_ITEM_DIVERTED, "no gateway translates");
}

static void test_acl(void **state)
{
	struct check_facts *facts = make_facts();

	(void)state;
	facts->acl = (struct check_acl){
		.found = true, .deny = true, .prefix = { addr_of("203.0.113.0"), 24 }, .line = 30
	};
	facts->result.verdict = NATGW_DROP_ACL;
	assert_fails(facts, CHECK_ITEM_ACL, "203.0.113.0/24 (natgw.yaml:30)");
}

static void test_refusals(void **state)
{
	struct check_facts *facts = make_facts();
	struct check_report report;

	(void)state;
	facts->row.client_sessions_max = 2;
	facts->use.client_sessions = 2;
	assert_fails(facts, CHECK_ITEM_REFUSED, "client_quota");

	facts = make_facts();
	facts->row.client_opening_max = 8;
	facts->use.client_opening = 8;
	assert_fails(facts, CHECK_ITEM_REFUSED, "half_open_quota");

	facts = make_facts();
	facts->row.sessions_max = 10;
	facts->use.gateway_sessions = 11;
	assert_fails(facts, CHECK_ITEM_REFUSED, "gateway_quota");

	facts = make_facts();
	facts->row.client_ports_max = 5;
	facts->use.client_ports = 5;
	assert_fails(facts, CHECK_ITEM_REFUSED, "port_quota");

	facts = make_facts();
	facts->use.table_sessions = facts->use.table_slots;
	assert_fails(facts, CHECK_ITEM_REFUSED, "session_table_full");

	facts = make_facts();
	facts->refused = (struct check_refused){ 3, NATGW_DROP_CLIENT_QUOTA, 12 };
	report = judge(facts);
	assert_true(report.translated);
	assert_has(report.items[CHECK_ITEM_REFUSED].what, "3 were, the last one 12 s ago");
}

/* The EIPs are tried one after the other, as the data path does. */
static void test_ports(void **state)
{
	struct check_facts *facts = make_facts();
	struct check_report report;

	(void)state;
	facts->use.eips[0].used = 64000;
	facts->use.eips[0].held = 512;
	facts->use.eips[1] = (struct check_eip){ .addr = addr_of("198.51.100.51"), .limit = 64512 };
	facts->use.eip_count = 2;
	assert_int_equal(check_refusal(facts), NATGW_OK);
	report = judge(facts);
	assert_true(report.translated);
	for (size_t i = 0; i < report.step_count; i++) {
		if (strcmp(report.steps[i].name, "EIP") == 0) {
			assert_starts(report.steps[i].what, "198.51.100.51 (the client's own has");
		}
	}
	facts = make_facts();
	facts->use.eips[0].used = 64000;
	facts->use.eips[0].held = 512;
	assert_fails(facts, CHECK_ITEM_REFUSED, "port_exhausted");
}

/* ports_per_client min 10: half of the ports are kept for others from the eleventh on. */
static void test_ports_are_kept_for_others(void **state)
{
	struct check_facts *facts = make_facts();

	(void)state;
	facts->row.destination_ports = 100;
	facts->row.client_ports_min = 10;
	facts->use.eips[0].limit = 100;
	facts->use.eips[0].used = 50;
	facts->use.client_ports = 9;
	assert_int_equal(check_refusal(facts), NATGW_OK);
	facts->use.client_ports = 10;
	assert_int_equal(check_refusal(facts), NATGW_DROP_PORT_QUOTA);
	facts->use.eips[0].used = 49;
	assert_int_equal(check_refusal(facts), NATGW_OK);
	free(facts);
}

/* It would leave: what fails is that nothing comes back. */
static void test_target(void **state)
{
	struct check_facts *facts = make_facts();
	struct check_report report;

	(void)state;
	facts->talk.opening = 2;
	facts->talk.opening_s = 7;
	report = judge(facts);
	assert_true(report.translated);
	assert_int_equal(first_failure(&report), CHECK_ITEM_TARGET);
	assert_starts(report.headline,
		      "would leave, but nothing comes back: 203.0.113.10:80/tcp has "
		      "not answered 2 sessions, one for 7 s");
	facts = make_facts();
	facts->talk.opening = 2;
	facts->talk.established = 1;
	report = judge(facts);
	assert_int_equal(report.items[CHECK_ITEM_TARGET].outcome, CHECK_PASS);
	facts = make_facts();
	facts->talk.opening = 2;
	facts->query.proto = IPPROTO_UDP;
	report = judge(facts);
	assert_int_equal(report.items[CHECK_ITEM_TARGET].outcome, CHECK_NOT_APPLICABLE);
}

static void test_client(void **state)
{
	struct check_facts *facts = make_facts();
	struct check_report report;

	(void)state;
	facts->in.up = false;
	assert_fails(facts, CHECK_ITEM_CLIENT, "int0 is down");

	facts = make_facts();
	facts->in.ifindex = 0;
	facts->in.up = false;
	facts->was_run = false;
	assert_fails(facts, CHECK_ITEM_CLIENT, "int0 is not there");

	facts = make_facts();
	facts->has_subnet = false;
	facts->route.found = false;
	facts->nat_route.found = false;
	facts->gateway = 0;
	facts->result = (struct natgw_check_result){ .verdict = NATGW_PASS_NOT_NAT };
	assert_fails(facts, CHECK_ITEM_CLIENT, "in no internal prefix");

	facts = make_facts();
	facts->client_kind = NATGW_ADDRESS_HOST;
	facts->result.verdict = NATGW_DROP_SOURCE_NOT_ALLOWED;
	assert_fails(facts, CHECK_ITEM_CLIENT, "this host itself");

	facts = make_facts();
	facts->in.neigh.state = HOSTROUTE_NEIGH_FAILED;
	report = judge(facts);
	assert_int_equal(first_failure(&report), CHECK_ITEM_CLIENT);
	assert_has(report.headline, "10.0.1.10 does not answer ARP on int0");
}

static void test_protocol(void **state)
{
	struct check_facts *facts = make_facts();

	(void)state;
	facts->query.proto = IPPROTO_GRE;
	facts->query.port = 0;
	facts->result.verdict = NATGW_DROP_PROTO;
	assert_fails(facts, CHECK_ITEM_PROTOCOL, "IP protocol 47");

	facts = make_facts();
	facts->query.proto = IPPROTO_ICMP;
	facts->query.port = 0;
	facts->row.icmp = NATGW_ICMP_OFF;
	facts->result.verdict = NATGW_DROP_ICMP_TYPE;
	assert_fails(facts, CHECK_ITEM_PROTOCOL, "icmp: off");
}

/* ---- the path ---- */

static const char *step_of(const struct check_report *report, const char *name)
{
	for (size_t i = 0; i < report->step_count; i++) {
		if (strcmp(report->steps[i].name, name) == 0) {
			return report->steps[i].what;
		}
	}
	fail_msg("no step \"%s\"", name);
	return "";
}

static void test_path(void **state)
{
	struct check_facts *facts = make_facts();
	struct check_report report;

	(void)state;
	facts->dnat = (struct check_rule){ .place = 1, .kind = NATGW_RULE_DNAT, .line = 20 };
	facts->snat = (struct check_rule){ .place = 3, .kind = NATGW_RULE_SNAT, .line = 24 };
	facts->result.wire_port = htons(8080);
	facts->row.client_sessions_max = 200;
	facts->use.client_sessions = 12;
	facts->use.eips[0].used = 10;
	facts->use.eips[0].held = 2;
	report = judge(facts);
	assert_string_equal(step_of(&report, "arrives by"), "int0");
	assert_string_equal(step_of(&report, "subnet"), "10.0.1.0/24, route table private-a");
	assert_string_equal(step_of(&report, "route"),
			    "0.0.0.0/0 via gateway:nat-a, static (natgw.yaml:12)");
	assert_string_equal(step_of(&report, "gateway"), "nat-a is available (natgw.yaml:5)");
	assert_string_equal(step_of(&report, "rules"),
			    "rule 1, dnat (natgw.yaml:20); rule 3, snat (natgw.yaml:24)");
	assert_starts(step_of(&report, "quotas"), "sessions of the client 12 of 200,");
	assert_string_equal(step_of(&report, "ports"),
			    "64500 of 64512 left to 203.0.113.10:8080/tcp (10 in use, 2 held)");
	assert_string_equal(step_of(&report, "next hop"),
			    "198.51.100.1 by ext0, at 00:00:00:00:00:00, MTU 1500");
	assert_string_equal(step_of(&report, "verdict"), "translated");
}

/* A diverted packet's path ends at its route. */
static void test_path_ends_where_it_is_decided(void **state)
{
	struct check_facts *facts = make_facts();
	struct check_report report;

	(void)state;
	divert(facts);
	report = judge(facts);
	assert_string_equal(report.steps[report.step_count - 2].name, "route");
	assert_string_equal(step_of(&report, "verdict"), "not_nat");
}

/* ---- the packet ---- */

static uint16_t sum_of(const uint8_t *bytes, size_t size, uint32_t sum)
{
	for (size_t i = 0; i < size; i += 2) {
		sum += (uint32_t)(bytes[i] << 8 | bytes[i + 1]);
	}
	while (sum >> 16) {
		sum = (sum & 0xffff) + (sum >> 16);
	}
	return (uint16_t)sum;
}

static void test_frame(void **state)
{
	static const uint8_t protos[] = { IPPROTO_TCP, IPPROTO_UDP, IPPROTO_ICMP };
	static const uint8_t mac[6] = { 2, 0, 0, 0, 0, 9 };

	(void)state;
	for (size_t i = 0; i < sizeof(protos); i++) {
		struct check_facts *facts = make_facts();
		uint8_t frame[CHECK_FRAME_MAX];
		uint32_t pseudo = 0;
		size_t length;

		facts->query.proto = protos[i];
		assert_true(check_frame(&facts->query, mac, frame) <= sizeof(frame));
		free(facts);
		assert_memory_equal(frame, mac, sizeof(mac));
		assert_int_equal(frame[14 + 9], protos[i]);
		assert_int_equal(sum_of(frame + 14, 20, 0), 0xffff);
		length = (size_t)(frame[16] << 8 | frame[17]) - 20;
		if (protos[i] != IPPROTO_ICMP) {
			pseudo = sum_of(frame + 26, 8, protos[i] + (uint32_t)length);
		}
		assert_int_equal(sum_of(frame + 34, length, pseudo), 0xffff);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_sound),
		cmocka_unit_test(test_deferred_is_translated),
		cmocka_unit_test(test_every_verdict_has_an_item),
		cmocka_unit_test(test_gateway_state),
		cmocka_unit_test(test_way_out),
		cmocka_unit_test(test_own_route_table),
		cmocka_unit_test(test_route),
		cmocka_unit_test(test_diverted),
		cmocka_unit_test(test_acl),
		cmocka_unit_test(test_refusals),
		cmocka_unit_test(test_ports),
		cmocka_unit_test(test_ports_are_kept_for_others),
		cmocka_unit_test(test_target),
		cmocka_unit_test(test_client),
		cmocka_unit_test(test_protocol),
		cmocka_unit_test(test_path),
		cmocka_unit_test(test_path_ends_where_it_is_decided),
		cmocka_unit_test(test_frame),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
