// SPDX-License-Identifier: GPL-2.0-only
/* Every number of the maps has a name of its own. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>
#include <netinet/in.h>
#include <stdbool.h>
#include <string.h>

#include "names.h"

static const struct {
	const char *(*name)(unsigned int number);
	unsigned int count;
} tables[] = {
	{ names_hook, NATGW_HOOK_COUNT },
	{ names_direction, NATGW_DIRECTION_COUNT },
	{ names_verdict, NATGW_VERDICT_COUNT },
	{ names_class, NATGW_CLASS_DROP + 1 },
	{ names_proto, NATGW_PROTO_COUNT },
	{ names_session_state, NATGW_STATE_CLAIMED + 1 },
	{ names_gateway_state, NATGW_GATEWAY_DELETED + 1 },
	{ names_alloc_error, NATGW_ALLOC_ERROR_COUNT },
	{ names_close_cause, NATGW_CLOSE_CAUSE_COUNT },
	{ names_hold, NATGW_HOLD_COUNT },
	{ names_generated, NATGW_GENERATED_COUNT },
	{ names_rule_kind, NATGW_RULE_KIND_COUNT },
};

static void test_each_number_has_its_name(void **state)
{
	(void)state;
	for (size_t t = 0; t < sizeof(tables) / sizeof(tables[0]); t++) {
		for (unsigned int i = 0; i < tables[t].count; i++) {
			assert_string_not_equal(tables[t].name(i), "unknown");
			for (unsigned int j = 0; j < i; j++)
				assert_string_not_equal(tables[t].name(i), tables[t].name(j));
		}
		assert_string_equal(tables[t].name(tables[t].count), "unknown");
	}
}

/* So that a metric and the drop counter can be laid side by side. */
static void test_refusals_are_called_as_their_drop_reasons(void **state)
{
	(void)state;
	for (unsigned int error = 0; error < NATGW_ALLOC_ERROR_COUNT; error++) {
		bool found = error == NATGW_ALLOC_NO_EIP;

		for (unsigned int verdict = 0; verdict < NATGW_VERDICT_COUNT; verdict++) {
			found |= names_verdict_class(verdict) == NATGW_CLASS_DROP &&
				 strcmp(names_verdict(verdict), names_alloc_error(error)) == 0;
		}
		assert_true(found);
	}
}

static void test_protocols(void **state)
{
	(void)state;
	assert_string_equal(names_ip_proto(IPPROTO_TCP), "tcp");
	assert_string_equal(names_ip_proto(IPPROTO_UDP), "udp");
	assert_string_equal(names_ip_proto(IPPROTO_ICMP), "icmp");
	assert_string_equal(names_ip_proto(IPPROTO_GRE), "other");
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_each_number_has_its_name),
		cmocka_unit_test(test_refusals_are_called_as_their_drop_reasons),
		cmocka_unit_test(test_protocols),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
