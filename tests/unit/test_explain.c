// SPDX-License-Identifier: GPL-2.0-only
/* Sustainable rates, advice with its numbers, and the events that are kept. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>
#include <math.h>
#include <netinet/in.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "events.h"
#include "explain.h"

/* Of the profile natgw. */
static struct natgw_gateway make_gateway(void)
{
	static const struct {
		enum natgw_timer timer;
		uint32_t seconds;
	} timers[] = {
		{ NATGW_TIMER_TCP_HALF_OPEN, 30 }, { NATGW_TIMER_TCP_ESTABLISHED, 350 },
		{ NATGW_TIMER_UDP_UNREPLIED, 30 }, { NATGW_TIMER_UDP_REPLIED, 350 },
		{ NATGW_TIMER_ICMP, 60 },	   { NATGW_TIMER_HOLD_FIN, 65 },
		{ NATGW_TIMER_HOLD_RST, 16 },	   { NATGW_TIMER_HOLD_HALF_OPEN, 30 },
		{ NATGW_TIMER_HOLD_UDP, 65 },
	};
	struct natgw_gateway gateway = {
		.eip_count = 2,
		.port_first = 1024,
		.port_count = 64512,
		.destination_ports = 64512,
	};

	for (size_t i = 0; i < sizeof(timers) / sizeof(timers[0]); i++) {
		gateway.timeout[timers[i].timer] = timers[i].seconds * NATGW_TICKS_PER_SECOND;
	}
	return gateway;
}

static void assert_rate(const struct explain_rate *rate, const char *ending, double per_second)
{
	assert_string_equal(rate->ending, ending);
	/* cmocka compares doubles only in newer versions. */
	assert_true(fabs(rate->per_second - per_second) < 0.05);
}

/* Ports / hold-down, as Azure's and AWS's numbers are derived. */
static void test_sustainable_rates(void **state)
{
	struct natgw_gateway gateway = make_gateway();
	struct explain_rate rates[EXPLAIN_RATES_MAX];

	(void)state;
	assert_int_equal(explain_rates(&gateway, IPPROTO_TCP, 64512, rates), 3);
	assert_rate(&rates[0], "fin", 992.5);
	assert_rate(&rates[1], "rst", 4032);
	assert_rate(&rates[2], "halfopen", 64512 / 60.0);
	assert_int_equal(explain_rates(&gateway, IPPROTO_UDP, 64512, rates), 2);
	assert_rate(&rates[0], "unreplied", 64512 / 95.0);
	assert_rate(&rates[1], "idle", 64512 / 415.0);
	assert_int_equal(explain_rates(&gateway, IPPROTO_ICMP, 64512, rates), 1);
	assert_rate(&rates[0], "idle", 64512 / 60.0);
	gateway.timeout[NATGW_TIMER_HOLD_FIN] = 61 * NATGW_TICKS_PER_SECOND;
	assert_int_equal(explain_rates(&gateway, IPPROTO_TCP, 55000, rates), 3);
	assert_rate(&rates[0], "fin", 901.6);
	/* Without a hold-down nothing bounds it. */
	gateway.timeout[NATGW_TIMER_HOLD_FIN] = 0;
	assert_int_equal(explain_rates(&gateway, IPPROTO_TCP, 55000, rates), 2);
	assert_string_equal(rates[0].ending, "rst");
}

/* All that is said, one sentence a line. */
struct said {
	char text[4096];
};

static void hear(const char *text, void *arg)
{
	struct said *said = arg;
	size_t used = strlen(said->text);

	snprintf(said->text + used, sizeof(said->text) - used, "%s\n", text);
}

static void assert_said(const struct said *said, const char *part)
{
	if (!strstr(said->text, part)) {
		fail_msg("not said: %s\n%s", part, said->text);
	}
}

static void test_advice_for_a_full_destination(void **state)
{
	struct natgw_gateway gateway = make_gateway();
	struct explain_ports ports = {
		.gateway = &gateway,
		.eips = 2,
		.proto = IPPROTO_TCP,
		.used = 60000,
		.silent = 1234,
		.held_by = { [NATGW_HOLD_FIN] = 4000, [NATGW_HOLD_RST] = 512 },
		.taken = 129024,
		.refused = 70000,
		.client = "10.0.1.10",
		.client_ports = 40000,
	};
	struct said said = { "" };

	(void)state;
	explain_ports(&ports, hear, &said);
	/* (129024 + 70000) / 64512 = 3.09 */
	assert_said(&said, "each one adds 64512 ports");
	assert_said(&said, "4 in all instead of 2");
	assert_said(&said, "timeouts.hold_fin: 4000 ports");
	assert_said(&said, "with 33s instead of 65s it leaves room for 1955 new connections");
	assert_said(&said, "1234 of the 60000 in use have carried nothing");
	assert_said(&said, "10.0.1.10 has 40000 of the 64512 ports; {max: 32256}");
	assert_null(strstr(said.text, "port_range"));
	assert_null(strstr(said.text, "destination_ports"));
	assert_null(strstr(said.text, "to rule"));
	/* The EIPs of an SNAT rule. */
	memset(said.text, 0, sizeof(said.text));
	ports.eips = 3;
	ports.rule = 5;
	explain_ports(&ports, hear, &said);
	assert_said(&said, "add EIPs to rule 5: each one adds 64512 ports");
	assert_said(&said, "4 in all instead of 3");
}

static void test_no_advice_that_would_change_nothing(void **state)
{
	struct natgw_gateway gateway = make_gateway();
	struct explain_ports ports = {
		.gateway = &gateway, .eips = 2, .proto = IPPROTO_TCP, .used = 64512, .taken = 64512
	};
	struct said said = { "" };

	(void)state;
	explain_ports(&ports, hear, &said);
	assert_said(&said, "3 in all instead of 2");
	assert_null(strstr(said.text, "hold_"));
	assert_null(strstr(said.text, "idle"));
	assert_null(strstr(said.text, "ports_per_client"));
	memset(said.text, 0, sizeof(said.text));
	gateway.port_count = 1000;
	gateway.destination_ports = 900;
	explain_ports(&ports, hear, &said);
	assert_said(&said, "raise destination_ports: it is 900, port_range has 1000");
	assert_said(&said, "widen port_range: it has 1000 ports");
}

static void test_advice_for_quotas(void **state)
{
	struct natgw_gateway gateway = make_gateway();
	const struct explain_use use = { .gateway = &gateway,
					 .live = 90,
					 .held = 10,
					 .opening = 60,
					 .silent = 33,
					 .destinations = 7,
					 .sessions_max = 16384 };
	struct said said = { "" };

	(void)state;
	gateway.client_sessions_max = 100;
	gateway.client_opening_max = 60;
	gateway.client_ports_max = 50;
	gateway.client_ports_min = 20;
	gateway.sessions_max = 101;
	for (unsigned int error = 0; error < NATGW_ALLOC_ERROR_COUNT; error++)
		explain_quota(error, &use, hear, &said);
	assert_said(&said, "max_sessions_per_client: it is 100, the client has 90 sessions and");
	assert_said(&said, "60 of its 90 sessions have no answer, to 7 destinations");
	assert_said(&said, "max_half_open_per_client: it is 60, enough for 2 unanswered");
	assert_said(&said, "ports_per_client.max: it is 50");
	assert_said(&said, "ports_per_client.min (20)");
	assert_said(&said, "max_sessions: it is 101");
	assert_said(&said, "limits.sessions: it is 16384");
	assert_said(&said, "33 of 90");
	assert_said(&said, "add an EIP to the gateway");
	assert_said(&said, "endpoint-independently");
}

/* ---- events ---- */

static void test_the_last_events_are_kept(void **state)
{
	struct events_log *log = calloc(1, sizeof(*log));

	(void)state;
	assert_non_null(log);
	assert_null(events_at(log, 0));
	for (unsigned int i = 0; i < EVENTS_KEPT + 3; i++) {
		const struct events_entry entry = { .event = { .limit = i } };

		events_note(log, &entry);
		if (i == 1) {
			assert_int_equal(log->count, 2);
			assert_int_equal(events_at(log, 0)->event.limit, 0);
		}
	}
	assert_int_equal(log->count, EVENTS_KEPT);
	assert_int_equal(events_at(log, 0)->event.limit, 3);
	assert_int_equal(events_at(log, EVENTS_KEPT - 1)->event.limit, EVENTS_KEPT + 2);
	assert_null(events_at(log, EVENTS_KEPT));
	free(log);
}

static void test_times_are_those_of_rfc_3339(void **state)
{
	const struct timespec at = { .tv_sec = 951782400 + 3661, .tv_nsec = 7999999 };
	char text[EVENTS_TIME_MAX];

	(void)state;
	events_time(&at, text);
	assert_string_equal(text, "2000-02-29T01:01:01.007Z");
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_sustainable_rates),
		cmocka_unit_test(test_advice_for_a_full_destination),
		cmocka_unit_test(test_no_advice_that_would_change_nothing),
		cmocka_unit_test(test_advice_for_quotas),
		cmocka_unit_test(test_the_last_events_are_kept),
		cmocka_unit_test(test_times_are_those_of_rfc_3339),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
