// SPDX-License-Identifier: GPL-2.0-only
/* Words to a filter, and a filter against a session. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <arpa/inet.h>
#include <cmocka.h>
#include <errno.h>
#include <netinet/in.h>
#include <stdio.h>
#include <string.h>

#include "session_filter.h"

static struct natgwd_state state;

static struct natgw_session_record make_record(void)
{
	return (struct natgw_session_record){
		.key = { .ext_addr = inet_addr("198.51.100.50"),
			 .rem_addr = inet_addr("203.0.113.10"),
			 .ext_port = htons(40000),
			 .rem_port = htons(8443),
			 .proto = IPPROTO_TCP },
		.inbound = { .word = NATGW_STATE_ESTABLISHED | 2ULL << NATGW_WORD_GATEWAY_SHIFT,
			     .addr = inet_addr("10.0.1.10"),
			     .port = htons(50000),
			     .orig_port = htons(443),
			     .last_seen = 1000 },
		.now = 1000 + 100 * NATGW_TICKS_PER_SECOND,
		.timeout = 350 * NATGW_TICKS_PER_SECOND,
	};
}

static int set(const char *key, const char *value, struct natgw_kill *filter)
{
	char why[SESSION_FILTER_WHY_MAX] = "";
	int r = session_filter_set(&state, key, value, filter, why);

	assert_int_equal(r == -EINVAL, why[0] != '\0');
	return r;
}

static void test_each_word_matches_and_does_not(void **unused)
{
	static const struct {
		const char *key;
		const char *yes;
		const char *no;
	} words[] = {
		{ "client", "10.0.1.10", "10.0.1.11" },
		{ "client", "10.0.1.99/24", "10.0.2.0/24" },
		{ "dst", "203.0.113.10", "203.0.113.11" },
		{ "dst", "203.0.0.0/16", "203.1.0.0/16" },
		{ "eip", "198.51.100.50", "198.51.100.51" },
		{ "client_port", "50000", "50001" },
		{ "port", "443", "8443" }, /* as the client names it */
		{ "eip_port", "40000", "40001" },
		{ "protocol", "tcp", "udp" },
		{ "gateway", "nat-b", "nat-a" },
		{ "state", "established", "opening" },
		{ "idle", "98", "102" },
	};
	const struct natgw_session_record record = make_record();

	(void)unused;
	for (size_t i = 0; i < sizeof(words) / sizeof(words[0]); i++) {
		struct natgw_kill yes = {};
		struct natgw_kill no = {};

		assert_int_equal(set(words[i].key, words[i].yes, &yes), 0);
		assert_true(session_filter_is_set(&yes));
		assert_true(session_filter_matches(&yes, &record));
		assert_int_equal(set(words[i].key, words[i].no, &no), 0);
		assert_false(session_filter_matches(&no, &record));
		/* Together with one that matches it is still none. */
		assert_int_equal(set(words[i].key, words[i].no, &yes), 0);
		assert_false(session_filter_matches(&yes, &record));
	}
}

static void test_what_asks_for_nothing(void **unused)
{
	const struct natgw_session_record record = make_record();
	struct natgw_kill filter = {};

	(void)unused;
	assert_false(session_filter_is_set(&filter));
	assert_true(session_filter_matches(&filter, &record));
	assert_int_equal(set("client", "0.0.0.0/0", &filter), 0);
	assert_false(session_filter_is_set(&filter));
	assert_int_equal(set("idle", "0", &filter), 0);
	assert_false(session_filter_is_set(&filter));
}

static void test_wrong_values_change_nothing(void **unused)
{
	static const char *const words[][2] = {
		{ "client", "10.0.1" },	     { "client", "10.0.1.0/33" }, { "dst", "" },
		{ "eip", "10.0.1.0/24" },    { "eip", "0.0.0.0" },	  { "port", "0" },
		{ "port", "65536" },	     { "client_port", "x" },	  { "eip_port", "-1" },
		{ "protocol", "6" },	     { "gateway", "nat-c" },	  { "gateway", "" },
		{ "state", "dead" },	     { "state", "Established" },  { "idle", "1s" },
		{ "idle", "4294967295000" },
	};
	struct natgw_kill filter = {};

	(void)unused;
	for (size_t i = 0; i < sizeof(words) / sizeof(words[0]); i++) {
		assert_int_equal(set(words[i][0], words[i][1], &filter), -EINVAL);
		assert_false(session_filter_is_set(&filter));
	}
	assert_int_equal(set("colour", "red", &filter), -ENOENT);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_each_word_matches_and_does_not),
		cmocka_unit_test(test_what_asks_for_nothing),
		cmocka_unit_test(test_wrong_values_change_nothing),
	};

	snprintf(state.gateways[1].name, sizeof(state.gateways[1].name), "nat-a");
	snprintf(state.gateways[2].name, sizeof(state.gateways[2].name), "nat-b");
	return cmocka_run_group_tests(tests, NULL, NULL);
}
