/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * Config to rows of the maps: what a gateway's row says, how rules keep their numbers, how an EIP
 * drains and is given back.
 */
#include "apply_maps.h"

/* What a new process knows: the maps, and the config that it reads. */
static void restart(struct natgwd_state *state)
{
	memset(state->gateways, 0, sizeof(state->gateways));
	config_free(state->config);
	state->config = NULL;
}

/* gateways: items of the flow list. rules: items of the block list, or "". */
static void apply(struct natgwd_state *state, const char *gateways, const char *rules)
{
	_cleanup_free_ char *text = NULL;

	assert_true(asprintf(&text,
			     "interfaces: {external: eth0, internal: eth1}\n"
			     "route_tables: [{name: t, subnets: [10.0.0.0/8]}]\n"
			     "gateways: [%s]\nrules:%s%s",
			     gateways, rules[0] ? "\n" : " []\n", rules) > 0);
	assert_int_equal(try_text(state, text), 0);
}

#define A(keys) "{name: a, private_ip: 10.0.0.1, eips: [203.0.113.1]" keys "}"
#define B(keys) "{name: b, private_ip: 10.0.0.2, eips: [203.0.113.2]" keys "}"
#define RULE(keys) "  - {session: {" keys "}}\n"

static uint32_t ticks_of(uint32_t seconds)
{
	/* Rounded up: a timer is never shorter than it says. */
	return (uint32_t)((seconds * 1000000000ULL + (1 << 20) - 1) >> 20);
}

/* ---- gateways ---- */

static void test_gateway_row(void **unused)
{
	struct natgwd_state *state = start();
	const struct natgw_gateway *row = &state->dp->gateways[1];

	(void)unused;
	apply(state,
	      A(", profile: rfc, port_range: 2000-51999, destination_ports: 40000,"
		" eip_select: random, refresh: outbound, mapping: endpoint_independent,"
		" filtering: address_and_port_dependent, no_session: both, max_sessions: 1,"
		" max_sessions_per_client: 2, max_half_open_per_client: 3,"
		" ports_per_client: {min: 4, max: 5}, timeouts: {hold_fin: 0s, hold_icmp: 1s}"),
	      "");
	assert_int_equal(row->state, NATGW_GATEWAY_AVAILABLE);
	assert_int_equal(row->flags, NATGW_GATEWAY_RANDOM_EIP | NATGW_GATEWAY_REFRESH_OUTBOUND);
	assert_int_equal(row->eip_count, 1);
	assert_int_equal(row->mapping, NATGW_MAPPING_ENDPOINT_INDEPENDENT);
	assert_int_equal(row->no_session, NATGW_NO_SESSION_RST_BOTH);
	assert_int_equal(row->on_exhaustion, NATGW_ON_EXHAUSTION_ICMP);
	assert_int_equal(row->port_first, 2000);
	assert_int_equal(row->port_count, 50000);
	assert_int_equal(row->destination_ports, 40000);
	assert_int_equal(row->destination_threshold, NATGW_DESTINATION_SESSIONS);
	assert_int_equal(row->sessions_max, 1);
	assert_int_equal(row->client_sessions_max, 2);
	assert_int_equal(row->client_opening_max, 3);
	assert_int_equal(row->client_ports_min, 4);
	assert_int_equal(row->client_ports_max, 5);
	assert_int_equal(row->timeout[NATGW_TIMER_TCP_ESTABLISHED], ticks_of(7440));
	assert_int_equal(row->timeout[NATGW_TIMER_HOLD_FIN], 0);
	assert_int_equal(row->timeout[NATGW_TIMER_HOLD_RST], ticks_of(240));
	assert_int_equal(row->timeout[NATGW_TIMER_HOLD_ICMP], 954);
	assert_int_equal(row->timeout[NATGW_TIMER_COUNT], 0);
	assert_int_equal(row->rate.per_byte, 0);
	assert_int_equal(row->client_rate.per_packet, 0);
	/* A key that goes gives its default back. */
	apply(state, A(""), "");
	assert_int_equal(row->flags, 0);
	assert_int_equal(row->mapping, 0);
	assert_int_equal(row->sessions_max, 0);
	/* An eighth of the tables that there are, not of those that the file asks for. */
	assert_int_equal(row->client_opening_max, 10000);
	stop(state);
}

static void test_rates(void **unused)
{
	struct natgwd_state *state = start();
	const struct natgw_gateway *row = &state->dp->gateways[1];

	(void)unused;
	apply(state,
	      A(", rate_limit: {bits_per_second: 1G, packets_per_second: 1M},"
		" client_rate_limit: {bits_per_second: 300M, packets_per_second: 3}"),
	      "");
	assert_int_equal(row->rate.per_byte, 8ULL << 20);
	assert_int_equal(row->rate.per_packet, 1000ULL << 20);
	/* 26.66.. ns a byte and 333333333.33.. ns a packet, to the nearest. */
	assert_int_equal(row->client_rate.per_byte, 27962027);
	assert_int_equal(row->client_rate.per_packet, 349525333333333);
	stop(state);
}

static void test_thresholds(void **unused)
{
	static const struct {
		const char *gateway;
		uint32_t threshold;
	} cases[] = {
		{ A(", port_range: 7-7"), 1 },		{ A(", port_range: 2000-2002"), 1 },
		{ A(", port_range: 2000-2015"), 8 },	{ A(", port_range: 2000-4046"), 1023 },
		{ A(", port_range: 2000-4047"), 1024 }, { A(", destination_ports: 100"), 50 },
		{ A(", destination_ports: 1"), 1 },	{ A(", profile: aws"), 1024 },
	};

	(void)unused;
	for (size_t i = 0; i < COUNT(cases); i++) {
		struct natgwd_state *state = start();

		apply(state, cases[i].gateway, "");
		assert_int_equal(state->dp->gateways[1].destination_threshold, cases[i].threshold);
		stop(state);
	}
}

/* ---- rules ---- */

/* The number of the rule in this place of the order. */
static uint32_t number_at(const struct natgwd_state *state, uint32_t position)
{
	assert_in_range(position, 0, (uint32_t)state->dp->settings.rule_count - 1);
	return state->dp->order[position];
}

static void test_rule_row(void **unused)
{
	struct natgwd_state *state = start();
	const struct natgw_rule *row;

	(void)unused;
	apply(state, A(""),
	      RULE("gateway: a, from: 10.1.0.0/16, to: 192.0.2.0/24, protocol: udp,"
		   " port: 3478-3479, timeouts: {udp: 10m, hold_udp: 0s},"
		   " mapping: endpoint_independent") RULE(""));
	assert_int_equal(state->dp->settings.rule_count, 2);
	row = &state->dp->rules[number_at(state, 0)];
	assert_int_equal(ntohl(row->src), 0x0a010000);
	assert_int_equal(ntohl(row->src_mask), 0xffff0000);
	assert_int_equal(ntohl(row->dst), 0xc0000200);
	assert_int_equal(ntohl(row->dst_mask), 0xffffff00);
	assert_int_equal(row->port_first, 3478);
	assert_int_equal(row->port_last, 3479);
	assert_int_equal(row->proto, 17);
	assert_int_equal(row->gateway, 1);
	assert_int_equal(row->mapping,
			 NATGW_MAPPING_ENDPOINT_INDEPENDENT | NATGW_FILTERING_ENDPOINT_INDEPENDENT);
	assert_int_equal(row->timeout[NATGW_TIMER_UDP_REPLIED], ticks_of(600));
	assert_int_equal(row->timeout[NATGW_TIMER_HOLD_UDP], 0);
	assert_int_equal(row->timeout[NATGW_TIMER_TCP_ESTABLISHED], ticks_of(350));
	row = &state->dp->rules[number_at(state, 1)];
	assert_int_equal(row->src_mask, 0);
	assert_int_equal(row->dst_mask, 0);
	assert_int_equal(row->port_first, 0);
	assert_int_equal(row->port_last, 65535);
	assert_int_equal(row->proto, 0);
	stop(state);
}

/* One row for each gateway, with what is that gateway's. */
static void test_rule_of_all(void **unused)
{
	struct natgwd_state *state = start();
	const struct natgw_rule *a;
	const struct natgw_rule *b;

	(void)unused;
	apply(state, A("") ", " B(", profile: gcp, mapping: endpoint_independent"),
	      RULE("timeouts: {icmp: 90s}") RULE("gateway: b"));
	assert_int_equal(state->dp->settings.rule_count, 3);
	a = &state->dp->rules[number_at(state, 0)];
	b = &state->dp->rules[number_at(state, 1)];
	assert_int_equal(a->gateway, 1);
	assert_int_equal(b->gateway, 2);
	assert_int_equal(a->timeout[NATGW_TIMER_ICMP], ticks_of(90));
	assert_int_equal(b->timeout[NATGW_TIMER_ICMP], ticks_of(90));
	assert_int_equal(a->timeout[NATGW_TIMER_HOLD_FIN], ticks_of(65));
	assert_int_equal(b->timeout[NATGW_TIMER_HOLD_FIN], ticks_of(120));
	assert_int_equal(a->mapping, 0);
	assert_int_not_equal(b->mapping, 0);
	assert_int_equal(state->dp->rules[number_at(state, 2)].gateway, 2);
	stop(state);
}

static void test_rule_numbers(void **unused)
{
	struct natgwd_state *state = start();
	uint32_t first;
	uint32_t second;

	(void)unused;
	apply(state, A(""), RULE("port: 1") RULE("port: 2"));
	first = number_at(state, 0);
	second = number_at(state, 1);
	assert_int_not_equal(first, second);
	/* The same again writes nothing, in this process and in the next one. */
	state->dp->rule_writes = 0;
	apply(state, A(""), RULE("port: 1") RULE("port: 2"));
	restart(state);
	apply(state, A(""), RULE("port: 1") RULE("port: 2"));
	assert_int_equal(state->dp->rule_writes, 0);
	/* Another order, the same numbers. */
	apply(state, A(""), RULE("port: 2") RULE("port: 1"));
	assert_int_equal(number_at(state, 0), second);
	assert_int_equal(number_at(state, 1), first);
	/* One that changes leaves its row to the sessions that it has. */
	apply(state, A(""), RULE("port: 2, timeouts: {udp: 200s}") RULE("port: 1"));
	assert_int_not_equal(number_at(state, 0), second);
	assert_int_equal(number_at(state, 1), first);
	assert_int_equal(state->dp->rules[second].port_first, 2);
	assert_int_equal(state->dp->rules[second].timeout[NATGW_TIMER_UDP_REPLIED], ticks_of(350));
	/* It comes back to where it was. */
	apply(state, A(""), RULE("port: 2"));
	assert_int_equal(state->dp->settings.rule_count, 1);
	assert_int_equal(number_at(state, 0), second);
	apply(state, A(""), "");
	assert_int_equal(state->dp->settings.rule_count, 0);
	/* A new one gets a row that none has had. */
	apply(state, A(""), RULE("port: 8"));
	assert_int_equal(state->dp->rules[first].port_first, 1);
	assert_int_equal(state->dp->rules[second].port_first, 2);
	stop(state);
}

/* Rules come and go around one that stays; look() finds it after every single write. */
static void test_rule_stays(void **unused)
{
	static const char *const lists[] = {
		RULE("port: 9") RULE("port: 1"),
		RULE("port: 7") RULE("port: 9") RULE("port: 1"),
		RULE("port: 5") RULE("port: 6") RULE("port: 7") RULE("port: 9") RULE("port: 1"),
		RULE("port: 7") RULE("port: 9") RULE("port: 1") RULE("port: 2"),
		RULE("port: 9"),
		RULE("port: 1") RULE("port: 2") RULE("port: 9") RULE("port: 3"),
		RULE("port: 4") RULE("port: 2") RULE("port: 9") RULE("port: 3"),
		RULE("port: 2") RULE("port: 9"),
	};
	struct natgwd_state *state = start();

	(void)unused;
	for (size_t i = 0; i < COUNT(lists); i++) {
		apply(state, A(""), lists[i]);
		state->dp->stays = 9;
	}
	stop(state);
}

/* As many as fit, all of them changed again and again: rows are used anew, never one in force. */
static void test_rule_rows_used_up(void **unused)
{
	struct natgwd_state *state = start();

	(void)unused;
	for (unsigned int round = 0; round < 6; round++) {
		_cleanup_free_ char *text = NULL;
		size_t size = 0;
		FILE *stream = open_memstream(&text, &size);

		assert_non_null(stream);
		for (unsigned int i = 1; i <= CONFIG_RULE_ROWS_MAX; i++) {
			(void)fprintf(stream, "  - {session: {port: %u}}\n", round * 1000 + i);
		}
		assert_int_equal(fclose(stream), 0);
		apply(state, A(""), text);
		assert_int_equal(state->dp->settings.rule_count, CONFIG_RULE_ROWS_MAX);
		for (uint32_t i = 0; i < CONFIG_RULE_ROWS_MAX; i++) {
			assert_int_equal(state->dp->rules[number_at(state, i)].port_first,
					 round * 1000 + i + 1);
		}
	}
	stop(state);
}

/* ---- draining ---- */

#define EIPS(list, keys) "{name: a, private_ip: 10.0.0.1, eips: [" list "]" keys "}"

static const struct natgw_address *address(struct natgwd_state *state, const char *text)
{
	return row_of(state->dp, inet_addr(text));
}

static void use_ports(struct natgwd_state *state, const char *text, uint32_t count)
{
	const struct natgw_address *row = address(state, text);

	assert_non_null(row);
	state->dp->ports[row->eip] = count;
}

static void test_drain(void **unused)
{
	struct natgwd_state *state = start();
	const struct natgw_address *row;

	(void)unused;
	state->dp->now = 0xfffff000; /* the clock wraps while it drains */
	apply(state, EIPS("203.0.113.1, 203.0.113.2", ""), "");
	row = address(state, "203.0.113.2");
	assert_non_null(row);
	assert_int_equal(row->draining, 0);
	use_ports(state, "203.0.113.2", 1);
	apply(state, EIPS("203.0.113.1", ", drain: 100s"), "");
	row = address(state, "203.0.113.2");
	assert_int_equal(row->draining, 1);
	assert_int_equal(row->drain_until, (uint32_t)(0xfffff000 + ticks_of(100)));
	assert_int_equal(state->dp->gateways[1].eip_count, 1);
	/* Its time does not begin anew. */
	state->dp->now += ticks_of(30);
	apply(state, EIPS("203.0.113.1", ""), "");
	restart(state);
	apply(state, EIPS("203.0.113.1", ""), "");
	row = address(state, "203.0.113.2");
	assert_int_equal(row->drain_until, (uint32_t)(0xfffff000 + ticks_of(100)));
	/* Taken in again, and out once more. */
	apply(state, EIPS("203.0.113.1, 203.0.113.2", ""), "");
	assert_int_equal(address(state, "203.0.113.2")->draining, 0);
	assert_int_equal(address(state, "203.0.113.2")->drain_until, 0);
	apply(state, EIPS("203.0.113.1", ", drain: 1s"), "");
	row = address(state, "203.0.113.2");
	assert_int_equal(row->drain_until, state->dp->now + 954);
	stop(state);
}

static void test_drain_of_deleted(void **unused)
{
	struct natgwd_state *state = start();

	(void)unused;
	apply(state, A("") ", " B(", drain: 77s"), "");
	apply(state, A(", drain: 5s"), "");
	assert_int_equal(state->dp->gateways[2].state, NATGW_GATEWAY_DELETING);
	assert_int_equal(address(state, "203.0.113.2")->draining, 1);
	assert_int_equal(address(state, "203.0.113.2")->drain_until, ticks_of(77));
	/* A new process does not know what the gateway's drain was. */
	apply(state, A("") ", " B(", drain: 77s"), "");
	restart(state);
	apply(state, A(", drain: 5s"), "");
	assert_int_equal(address(state, "203.0.113.2")->drain_until,
			 ticks_of(CONFIG_DRAIN_DEFAULT_S));
	stop(state);
}

static void test_release(void **unused)
{
	struct natgwd_state *state = start();
	uint32_t end = ticks_of(100);

	(void)unused;
	apply(state, EIPS("203.0.113.1, 203.0.113.2, 203.0.113.3", ""), "");
	use_ports(state, "203.0.113.2", 1);
	apply(state, EIPS("203.0.113.1", ", drain: 100s"), "");
	assert_int_equal(apply_release(state), 0);
	/* Without sessions: at once. With some: not, and not for a minute after the end. */
	assert_null(address(state, "203.0.113.3"));
	state->dp->now = end;
	assert_int_equal(apply_release(state), 0);
	use_ports(state, "203.0.113.2", 0);
	assert_int_equal(apply_release(state), 0);
	state->dp->now = end + 60 * NATGW_TICKS_PER_SECOND - 1;
	assert_int_equal(apply_release(state), 0);
	assert_non_null(address(state, "203.0.113.2"));
	state->dp->now++;
	assert_int_equal(apply_release(state), 0);
	assert_null(address(state, "203.0.113.2"));
	assert_non_null(address(state, "203.0.113.1"));
	stop(state);
}

/* An EIP that has become the host's own address drains as well, and then is the host's. */
static void test_release_to_host(void **unused)
{
	struct natgwd_state *state = start();

	(void)unused;
	apply(state, EIPS("203.0.113.1, 203.0.113.2", ""), "");
	use_ports(state, "203.0.113.2", 1);
	host_addrs[0] = inet_addr("203.0.113.2");
	apply(state, EIPS("203.0.113.1", ", drain: 100s"), "");
	assert_int_equal(address(state, "203.0.113.2")->kind, NATGW_ADDRESS_EIP);
	assert_int_equal(address(state, "203.0.113.2")->on_host, 1);
	assert_int_equal(address(state, "203.0.113.2")->drain_until, ticks_of(100));
	state->dp->now = ticks_of(50);
	apply(state, EIPS("203.0.113.1", ", drain: 100s"), "");
	assert_int_equal(address(state, "203.0.113.2")->drain_until, ticks_of(100));
	use_ports(state, "203.0.113.2", 0);
	assert_int_equal(apply_release(state), 0);
	assert_int_equal(address(state, "203.0.113.2")->kind, NATGW_ADDRESS_HOST);
	assert_int_equal(address(state, "203.0.113.2")->draining, 0);
	stop(state);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_gateway_row), cmocka_unit_test(test_rates),
		cmocka_unit_test(test_thresholds),  cmocka_unit_test(test_rule_row),
		cmocka_unit_test(test_rule_of_all), cmocka_unit_test(test_rule_numbers),
		cmocka_unit_test(test_rule_stays),  cmocka_unit_test(test_rule_rows_used_up),
		cmocka_unit_test(test_drain),	    cmocka_unit_test(test_drain_of_deleted),
		cmocka_unit_test(test_release),	    cmocka_unit_test(test_release_to_host),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
