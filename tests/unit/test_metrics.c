// SPDX-License-Identifier: GPL-2.0-only
/* The metrics text: form, completeness, escaping. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>
#include <regex.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "cleanup.h"
#include "metrics.h"
#include "names.h"
#include "peaks.h"

#define NAME "[a-zA-Z_:][a-zA-Z0-9_:]*"
#define LABEL "[a-zA-Z_][a-zA-Z0-9_]*=\"([^\"\\\\\n]|\\\\\\\\|\\\\\"|\\\\n)*\""

static struct natgw_count verdicts[NATGW_VERDICT_ROWS];

static const struct metrics_eip eips[] = {
	{ .address = "203.0.113.10",
	  .ports_in_use = { 7, 0, 0 },
	  .ports_held = { [NATGW_PROTO_TCP] = { .held = { [NATGW_HOLD_FIN] = 3 } },
			  [NATGW_PROTO_ICMP] = { .held = { [NATGW_HOLD_RST] = 1 } } } },
	{ .address = "203.0.113.11", .draining = true },
};

static const struct metrics_destination destinations[] = {
	{ "nat-a", "203.0.113.10", "192.0.2.1", "443", "tcp", 48384, 64512, 11 },
};

static const struct metrics_client clients[] = {
	{ .gateway = "nat-a",
	  .address = "10.0.1.10",
	  .sessions = 12,
	  .errors = { [NATGW_ALLOC_CLIENT_QUOTA] = 13 },
	  .ports = 25,
	  .most_to_one = 26,
	  .bytes = { 27, 28 } },
};

static const struct metrics_route routes[] = {
	{ "private-a", "0.0.0.0/0", "gateway:nat-a", "active" },
};

static const struct metrics_rule rules[] = {
	{ 1, "dnat", 23 },
	{ 2, "snat", 0 },
};

static struct metrics_gateway make_gateway(unsigned int index, const char *name)
{
	struct metrics_gateway gateway = {
		.index = index,
		.name = name,
		.private_ip = "10.0.0.226",
		.profile = "natgw",
		.state = NATGW_GATEWAY_AVAILABLE,
		.port_count = 64512,
		.eips = eips,
		.eip_count = sizeof(eips) / sizeof(eips[0]),
		.peak_bytes_per_second = 1234,
	};

	gateway.traffic.in_from_source = (struct natgw_count){ .packets = 11, .bytes = 22 };
	gateway.traffic.out_to_source = (struct natgw_count){ .packets = 33, .bytes = UINT64_MAX };
	gateway.traffic.attempts[NATGW_PROTO_UDP] = 5;
	gateway.traffic.closed[NATGW_PROTO_TCP][NATGW_CLOSE_IDLE] = 6;
	gateway.traffic.closed[NATGW_PROTO_ICMP][NATGW_CLOSE_HALF_OPEN] = 8;
	gateway.traffic.alloc_errors[NATGW_PROTO_TCP][NATGW_ALLOC_PORT_EXHAUSTED] = 9;
	gateway.traffic.alloc_errors[NATGW_PROTO_TCP][NATGW_ALLOC_NO_EIP] = 1;
	gateway.traffic.alloc_errors[NATGW_PROTO_TCP][NATGW_ALLOC_CLIENT_QUOTA] = 4;
	gateway.traffic.closed[NATGW_PROTO_TCP][NATGW_CLOSE_FIN] = 14;
	gateway.traffic.spilled = 15;
	gateway.traffic.rechecks = 16;
	for (unsigned int bucket = 0; bucket < NATGW_PROBE_BUCKETS; bucket++)
		gateway.traffic.probes[NATGW_PROTO_UDP][bucket] = bucket + 1;
	gateway.clients = 17;
	gateway.active.held[NATGW_PROTO_TCP] = 18;
	gateway.active.opening[NATGW_PROTO_TCP] = 2;
	gateway.active.established[NATGW_PROTO_TCP] = 3;
	return gateway;
}

/* The text for one gateway of that name; the caller frees it. */
static char *write_text(const char *name)
{
	struct metrics_gateway gateway = make_gateway(1, name);
	struct metrics metrics = {
		.version = "0.1.0",
		.layout = 7,
		.gateways = &gateway,
		.gateway_count = 1,
		.verdicts = verdicts,
		.destinations = destinations,
		.destination_count = 1,
		.refusing = destinations,
		.refusing_count = 1,
		.clients = clients,
		.client_count = 1,
		.refused = clients,
		.refused_count = 1,
		.walked = clients,
		.walked_count = 1,
		.routes = routes,
		.route_count = 1,
		.rules = rules,
		.rule_count = 2,
		.sessions_max = 262144,
		.config_generation = 1,
	};
	char *text = NULL;
	size_t size = 0;
	FILE *stream = open_memstream(&text, &size);

	metrics.seen[NATGW_HOOK_XDP].packets = 100;
	metrics.generated[NATGW_GENERATED_RST] = 4;
	metrics.generated[NATGW_GENERATED_RST_LIMITED] = 19;
	metrics.generated[NATGW_GENERATED_UNREACHABLE] = 20;
	metrics.generated[NATGW_GENERATED_EVENT] = 21;
	metrics.generated[NATGW_GENERATED_EVENT_LOST] = 22;
	metrics.generated[NATGW_GENERATED_HAIRPIN] = 24;
	assert_non_null(stream);
	assert_int_equal(metrics_write(&metrics, stream), 0);
	assert_int_equal(fclose(stream), 0);
	return text;
}

static void assert_line(const char *text, const char *line)
{
	char wanted[512];

	snprintf(wanted, sizeof(wanted), "\n%s\n", line);
	if (!strstr(text, wanted)) {
		fail_msg("missing: %s", line);
	}
}

/* What the line belongs to: the family of its HELP, TYPE or sample. */
static void family_of(const char *line, char *ret_name, size_t size)
{
	static const char *const parts[] = { "_bucket", "_count" };
	const char *start = line[0] == '#' ? line + strlen("# HELP ") : line;

	snprintf(ret_name, size, "%.*s", (int)strcspn(start, " {"), start);
	/* Of a histogram, the only family here with such samples. */
	for (size_t i = 0; i < sizeof(parts) / sizeof(parts[0]); i++) {
		char *end = ret_name + strlen(ret_name) - strlen(parts[i]);

		if (end > ret_name && strcmp(end, parts[i]) == 0) {
			*end = '\0';
		}
	}
}

static void assert_form(const regex_t *form, const char *line)
{
	if (regexec(form, line, 0, NULL, 0) != 0) {
		fail_msg("not of the form: %s", line);
	}
}

static void test_every_line_has_the_form(void **state)
{
	_cleanup_free_ char *text = write_text("nat-a");
	regex_t form;

	(void)state;
	assert_int_equal(regcomp(&form,
				 "^(# HELP " NAME " [^\n]+|# TYPE " NAME
				 " (counter|gauge|histogram)|" NAME "(\\{" LABEL "(," LABEL
				 ")*\\})? [0-9]+(\\.[0-9]+)?)$",
				 REG_EXTENDED | REG_NOSUB),
			 0);
	char *rest = text;

	assert_int_equal(text[strlen(text) - 1], '\n');
	for (char *line; (line = strsep(&rest, "\n")) && rest;)
		assert_form(&form, line);
	regfree(&form);
}

/* HELP, then TYPE, then all its samples, and the family never again. */
static void test_families_are_whole(void **state)
{
	_cleanup_free_ char *text = write_text("nat-a");
	_cleanup_free_ char *seen = strdup("\n");
	char current[128] = "";
	char *rest = text;

	(void)state;
	for (char *line; (line = strsep(&rest, "\n")) && rest;) {
		char name[128];

		family_of(line, name, sizeof(name));
		if (strncmp(line, "# HELP", 6) != 0) {
			assert_string_equal(name, current);
			continue;
		}
		char *longer = NULL;
		char key[160];

		snprintf(key, sizeof(key), "\n%s\n", name);
		assert_null(strstr(seen, key));
		assert_int_not_equal(asprintf(&longer, "%s%s\n", seen, name), -1);
		free(seen);
		seen = longer;
		snprintf(current, sizeof(current), "%s", name);
		assert_memory_equal(rest, "# TYPE ", 7);
	}
}

static void test_every_drop_reason_is_there(void **state)
{
	_cleanup_free_ char *text = write_text("nat-a");
	unsigned int reasons = 0;

	(void)state;
	for (unsigned int verdict = 0; verdict < NATGW_VERDICT_COUNT; verdict++) {
		char line[256];

		snprintf(line, sizeof(line),
			 "natgw_packets_drop_total{gateway=\"nat-a\",hook=\"xdp\","
			 "direction=\"inbound\",reason=\"%s\"} 0",
			 names_verdict(verdict));
		if (names_verdict_class(verdict) == NATGW_CLASS_DROP) {
			assert_line(text, line);
			reasons++;
		} else {
			assert_null(strstr(text, line));
		}
	}
	assert_true(reasons > 20);
}

static void test_numbers(void **state)
{
	verdicts[natgw_verdict_index(1, NATGW_HOOK_XDP, NATGW_OUTBOUND, NATGW_TRANSLATED)].packets =
		90;
	verdicts[natgw_verdict_index(1, NATGW_HOOK_TC_EGRESS, NATGW_OUTBOUND, NATGW_DROP_GUARD)]
		.packets = 10;
	/* A gateway that is gone keeps what it counted. */
	verdicts[natgw_verdict_index(9, NATGW_HOOK_XDP, NATGW_INBOUND, NATGW_DROP_NO_SESSION)]
		.packets = 1;
	_cleanup_free_ char *text = write_text("nat-a");

	(void)state;
	memset(verdicts, 0, sizeof(verdicts));
	assert_line(text, "natgw_bytes_in_from_source_total{gateway=\"nat-a\"} 22");
	assert_line(text, "natgw_packets_out_to_source_total{gateway=\"nat-a\"} 33");
	assert_line(text,
		    "natgw_bytes_out_to_source_total{gateway=\"nat-a\"} 18446744073709551615");
	assert_line(text, "natgw_connection_attempts_total{gateway=\"nat-a\",proto=\"udp\"} 5");
	assert_line(text, "natgw_idle_timeouts_total{gateway=\"nat-a\",proto=\"tcp\"} 6");
	assert_line(text, "natgw_halfopen_timeouts_total{gateway=\"nat-a\",proto=\"icmp\"} 8");
	assert_line(text, "natgw_active_connections{gateway=\"nat-a\",proto=\"tcp\"} 5");
	assert_line(text, "natgw_sessions{proto=\"tcp\",state=\"established\"} 3");
	assert_line(text, "natgw_ports_in_use{gateway=\"nat-a\",eip=\"203.0.113.10\","
			  "proto=\"tcp\"} 7");
	assert_line(text, "natgw_packets_seen_total{hook=\"xdp\"} 100");
	assert_line(text, "natgw_hook_packets_total{hook=\"xdp\",class=\"out\"} 90");
	assert_line(text, "natgw_hook_packets_total{hook=\"tc_egress\",class=\"drop\"} 10");
	assert_line(text, "natgw_packets_drop_total{gateway=\"nat-a\",hook=\"tc_egress\","
			  "direction=\"outbound\",reason=\"guard\"} 10");
	assert_line(text, "natgw_packets_drop_total{gateway=\"#9\",hook=\"xdp\","
			  "direction=\"inbound\",reason=\"no_session\"} 1");
	assert_line(text, "natgw_rst_sent_total 4");
	assert_line(text, "natgw_hairpin_packets_total 24");
	assert_line(text, "natgw_rule_hits_total{rule=\"1\",kind=\"dnat\"} 23");
	assert_line(text, "natgw_rule_hits_total{rule=\"2\",kind=\"snat\"} 0");
	assert_line(text, "natgw_build_info{version=\"0.1.0\",layout=\"7\"} 1");
}

/* Sessions, ports, destinations and clients. */
static void test_port_numbers(void **state)
{
	_cleanup_free_ char *text = write_text("nat-a");
	static const char *const lines[] = {
		/* ErrorPortAllocation is what no port was had for; quotas are failures of their
		   own. */
		"natgw_error_port_allocation_total{gateway=\"nat-a\",proto=\"tcp\"} 10",
		"natgw_connection_failures_total{gateway=\"nat-a\",proto=\"tcp\","
		"reason=\"port_exhausted\"} 9",
		"natgw_connection_failures_total{gateway=\"nat-a\",proto=\"tcp\","
		"reason=\"client_quota\"} 4",
		"natgw_connection_failures_total{gateway=\"nat-a\",proto=\"icmp\","
		"reason=\"eim_conflict\"} 0",
		"natgw_sessions_closed_total{gateway=\"nat-a\",proto=\"tcp\",cause=\"fin\"} 14",
		"natgw_sessions_spilled_total{gateway=\"nat-a\"} 15",
		"natgw_port_rechecks_total{gateway=\"nat-a\"} 16",
		"natgw_clients{gateway=\"nat-a\"} 17",
		"natgw_sessions{proto=\"tcp\",state=\"held\"} 18",
		"natgw_rst_limited_total 19",
		"natgw_icmp_sent_total{kind=\"host_unreachable\"} 20",
		"natgw_events_total 21",
		"natgw_events_lost_total 22",
		"natgw_ports_holddown{gateway=\"nat-a\",eip=\"203.0.113.10\",proto=\"tcp\","
		"cause=\"fin\"} 3",
		"natgw_ports_holddown{gateway=\"nat-a\",eip=\"203.0.113.11\",proto=\"tcp\","
		"cause=\"halfopen\"} 0",
		/* Nothing usual, and yet not lost. */
		"natgw_ports_holddown{gateway=\"nat-a\",eip=\"203.0.113.10\",proto=\"icmp\","
		"cause=\"rst\"} 1",
		"natgw_destination_ports_used_ratio{gateway=\"nat-a\",eip=\"203.0.113.10\","
		"proto=\"tcp\",dst=\"192.0.2.1\",dport=\"443\"} 0.750000",
		"natgw_destination_port_errors_total{gateway=\"nat-a\",eip=\"203.0.113.10\","
		"proto=\"tcp\",dst=\"192.0.2.1\",dport=\"443\"} 11",
		"natgw_client_sessions{gateway=\"nat-a\",client=\"10.0.1.10\"} 12",
		"natgw_client_ports_in_use{gateway=\"nat-a\",client=\"10.0.1.10\"} 25",
		"natgw_client_max_to_one_destination{gateway=\"nat-a\",client=\"10.0.1.10\"} 26",
		"natgw_client_bytes_total{gateway=\"nat-a\",client=\"10.0.1.10\","
		"direction=\"outbound\"} 27",
		"natgw_client_bytes_total{gateway=\"nat-a\",client=\"10.0.1.10\","
		"direction=\"inbound\"} 28",
		"natgw_ports_used_ratio{gateway=\"nat-a\",eip=\"203.0.113.10\",proto=\"tcp\"} "
		"0.000109",
		/* 2 + 3 + 18 of 262144 */
		"natgw_sessions_used_ratio 0.000088",
		"natgw_client_port_errors_total{gateway=\"nat-a\",client=\"10.0.1.10\","
		"reason=\"client_quota\"} 13",
		/* Buckets add up: 1, 1 + 2, 1 + 2 + 3, ... */
		"natgw_alloc_probes_bucket{proto=\"udp\",le=\"1\"} 1",
		"natgw_alloc_probes_bucket{proto=\"udp\",le=\"4\"} 6",
		"natgw_alloc_probes_bucket{proto=\"udp\",le=\"64\"} 28",
		"natgw_alloc_probes_bucket{proto=\"udp\",le=\"+Inf\"} 36",
		"natgw_alloc_probes_count{proto=\"udp\"} 36",
	};

	(void)state;
	for (size_t i = 0; i < sizeof(lines) / sizeof(lines[0]); i++)
		assert_line(text, lines[i]);
	assert_null(strstr(text, "eip=\"203.0.113.10\",proto=\"udp\",cause=\"fin\""));
	assert_null(strstr(text, "client=\"10.0.1.10\",reason=\"port_exhausted\""));
}

static void test_labels_are_escaped(void **state)
{
	_cleanup_free_ char *text = write_text("a\"b\\c\nd");

	(void)state;
	assert_line(text, "natgw_packets_in_from_source_total{gateway=\"a\\\"b\\\\c\\nd\"} 11");
}

static void test_peaks(void **state)
{
	const uint64_t second = 1000000000;
	struct peaks peaks = {};

	(void)state;
	assert_int_equal(peaks_highest(&peaks), 0);
	peaks_add(&peaks, 5000, second);
	assert_int_equal(peaks_highest(&peaks), 0);
	peaks_add(&peaks, 6000, 11 * second);
	assert_int_equal(peaks_highest(&peaks), 100);
	/* A late timer does not make a higher rate. */
	peaks_add(&peaks, 8000, 31 * second);
	assert_int_equal(peaks_highest(&peaks), 100);
	/* The counter was made anew. */
	peaks_add(&peaks, 0, 41 * second);
	assert_int_equal(peaks_highest(&peaks), 100);
	for (uint64_t i = 1; i <= PEAKS_SAMPLES; i++)
		peaks_add(&peaks, 0, (41 + i * PEAKS_INTERVAL_S) * second);
	assert_int_equal(peaks_highest(&peaks), 0);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_every_line_has_the_form),
		cmocka_unit_test(test_families_are_whole),
		cmocka_unit_test(test_every_drop_reason_is_there),
		cmocka_unit_test(test_numbers),
		cmocka_unit_test(test_port_numbers),
		cmocka_unit_test(test_labels_are_escaped),
		cmocka_unit_test(test_peaks),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
