// SPDX-License-Identifier: GPL-2.0-only
/* Sessions: from a record to natgwd's text, and from that to a row for human eyes. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <arpa/inet.h>
#include <cmocka.h>
#include <errno.h>
#include <jansson.h>
#include <netinet/in.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "api_sessions_text.h"
#include "output_sessions.h"

static struct natgw_session_record make_record(void)
{
	return (struct natgw_session_record){
		.key = { .ext_addr = inet_addr("198.51.100.50"),
			 .rem_addr = inet_addr("203.0.113.255"),
			 .ext_port = htons(65535),
			 .rem_port = htons(8443),
			 .proto = IPPROTO_TCP },
		.inbound = { .word = NATGW_STATE_ESTABLISHED,
			     .packets = UINT64_MAX >> 1,
			     .bytes = 0,
			     .addr = inet_addr("10.0.1.10"),
			     .port = htons(50000),
			     .orig_port = htons(443),
			     .last_seen = 1000 },
		.outbound = { .packets = 12, .bytes = 3456 },
		.now = 1000 + 100 * NATGW_TICKS_PER_SECOND,
		.timeout = 350 * NATGW_TICKS_PER_SECOND,
	};
}

/* The row of a line; the caller frees it. */
static char *print(const char *line, int expected)
{
	char *text = NULL;
	size_t size = 0;
	FILE *stream = open_memstream(&text, &size);

	assert_non_null(stream);
	assert_int_equal(output_sessions_row(line, stream), expected);
	fclose(stream);
	return text;
}

static void test_a_record_is_json_and_a_row(void **state)
{
	struct natgw_session_record record = make_record();
	char line[API_SESSIONS_TEXT_MAX + 16] = "";
	size_t size = api_sessions_text(&record, "\"nat-a\"", line);

	(void)state;
	assert_int_equal(size, strlen(line));
	json_t *json = json_loads(line, JSON_REJECT_DUPLICATES, NULL);

	assert_non_null(json);
	assert_int_equal(json_object_size(json), 18);
	assert_string_equal(json_string_value(json_object_get(json, "external_src_address")),
			    "198.51.100.50");
	assert_true(json_integer_value(json_object_get(json, "packets_in")) == INT64_MAX);
	assert_int_equal(json_integer_value(json_object_get(json, "orig_port")), 443);
	assert_true(json_is_null(json_object_get(json, "hold")));
	json_decref(json);

	line[size] = ','; /* as it is in the list */
	char *row = print(line, 0);

	assert_string_equal(
		row, "tcp    established  10.0.1.10:50000        198.51.100.50:65535    "
		     "203.0.113.255:8443 (for 443)     100/350s  -                          12"
		     "         3456  9223372036854775807            0  nat-a\n");
	free(row);

	record.held = 1;
	record.hold_left = 60 * NATGW_TICKS_PER_SECOND;
	line[api_sessions_text(&record, "\"nat-a\"", line)] = '\0';
	row = print(line, 0);
	assert_non_null(strstr(row, "hold "));
	assert_non_null(strstr(row, "s left"));
	free(row);
}

/* What a later natgwd may say, and what nobody says. */
static void test_other_lines(void **state)
{
	static const char *const wrong[] = {
		"",	    "{",	"{}",	     "[",	   "{\"a\"",	 "{\"a\":",
		"{\"a\":}", "{\"a\":1", "{\"a\":\"", "{\"a\":1,}", "{\"a\":{}}", "{\"a\" :1}"
	};
	char long_line[4096];

	(void)state;
	for (size_t i = 0; i < sizeof(wrong) / sizeof(wrong[0]); i++)
		free(print(wrong[i], -EPROTO));
	char *row = print("{\"new\":1,\"gateway\":\"a\\\"b\",\"protocol\":\"udp\"}]}", 0);

	assert_true(strncmp(row, "udp    -  ", 10) == 0);
	assert_non_null(strstr(row, "  a\\\"b\n"));
	free(row);
	snprintf(long_line, sizeof(long_line), "{\"gateway\":\"%0*d\"}", 3000, 0);
	row = print(long_line, 0);
	assert_true(strlen(row) <= 1024);
	free(row);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_a_record_is_json_and_a_row),
		cmocka_unit_test(test_other_lines),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
