// SPDX-License-Identifier: GPL-2.0-only
/* Sessions added up by destination and by client, and what is picked out of them. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <arpa/inet.h>
#include <cmocka.h>
#include <stdlib.h>
#include <string.h>

#include "best.h"
#include "record.h"
#include "top.h"

#define GATEWAY 3
#define IDLE_TICKS 100
#define SILENT_TICKS (TOP_SILENT_S * NATGW_TICKS_PER_SECOND)

static __be32 address(const char *text)
{
	__be32 addr = 0;

	assert_int_equal(inet_pton(AF_INET, text, &addr), 1);
	return addr;
}

static __u64 word_of(unsigned int session_state)
{
	return session_state | (__u64)GATEWAY << NATGW_WORD_GATEWAY_SHIFT;
}

/* A live TCP session of the client to the destination, by one EIP. */
static struct natgw_session_record record_of(const char *client, const char *remote, uint16_t port)
{
	struct natgw_session_record record = {
		.key = { .ext_addr = address("203.0.113.10"),
			 .rem_addr = address(remote),
			 .rem_port = htons(port),
			 .proto = IPPROTO_TCP },
		.inbound = { .word = word_of(NATGW_STATE_ESTABLISHED),
			     .addr = address(client),
			     .bytes = 1000,
			     .last_seen = 1000 },
		.outbound = { .word = word_of(NATGW_STATE_ESTABLISHED),
			      .bytes = 100,
			      .last_seen = 1000 },
		.now = 1000 + IDLE_TICKS,
		.timeout = 350 * NATGW_TICKS_PER_SECOND,
	};

	return record;
}

static struct natgw_session_record held_of(const char *client, const char *remote, uint16_t port,
					   unsigned int hold)
{
	struct natgw_session_record record = record_of(client, remote, port);

	record.held = 1;
	record.hold = (__u8)hold;
	record.timeout = 65 * NATGW_TICKS_PER_SECOND;
	record.hold_left = 5 * NATGW_TICKS_PER_SECOND;
	return record;
}

static void add(struct top *top, struct natgw_session_record record, unsigned int times)
{
	for (unsigned int i = 0; i < times; i++)
		assert_int_equal(top_add_session(&record, top), 0);
}

static struct natgw_destination_key key_of(const char *remote, uint16_t port)
{
	return (struct natgw_destination_key){
		.ext_addr = address("203.0.113.10"),
		.rem_addr = address(remote),
		.rem_port = htons(port),
		.proto = IPPROTO_TCP,
		.gateway = GATEWAY,
	};
}

static struct natgw_client_key client_of(const char *client)
{
	return (struct natgw_client_key){ .addr = address(client), .gateway = GATEWAY };
}

/* 5 + 2 + 1 sessions of two clients to two destinations. */
static void fill(struct top *top)
{
	struct natgw_session_record opening = record_of("10.0.1.10", "192.0.2.1", 443);
	struct natgw_session_record silent = record_of("10.0.1.11", "192.0.2.1", 443);

	opening.inbound.word = word_of(NATGW_STATE_OPENING);
	silent.now = 1000 + SILENT_TICKS;
	add(top, record_of("10.0.1.10", "192.0.2.1", 443), 1);
	add(top, record_of("10.0.1.10", "192.0.2.2", 443), 1);
	add(top, opening, 1);
	add(top, held_of("10.0.1.10", "192.0.2.1", 443, NATGW_HOLD_FIN), 2);
	add(top, held_of("10.0.1.11", "192.0.2.1", 443, NATGW_HOLD_RST), 1);
	add(top, silent, 1);
	add(top, record_of("10.0.1.11", "192.0.2.1", 443), 1);
}

static void test_destinations_are_added_up(void **state)
{
	const struct natgw_destination_key key = key_of("192.0.2.1", 443);
	const struct natgw_destination_key other = key_of("192.0.2.1", 80);
	struct top top = { 0 };

	(void)state;
	fill(&top);
	assert_int_equal(top_finish(&top), 0);
	assert_int_equal(top.destination_count, 2);
	assert_int_equal(top.session_count, 5);
	assert_int_equal(top.held_count, 3);

	const struct top_destination *found = top_find_destination(&top, &key);

	assert_non_null(found);
	assert_int_equal(found->used, 4);
	assert_int_equal(found->opening, 1);
	assert_int_equal(found->silent, 1);
	assert_int_equal(found->held, 3);
	assert_int_equal(found->held_by[NATGW_HOLD_FIN], 2);
	assert_int_equal(found->held_by[NATGW_HOLD_RST], 1);
	assert_int_equal(found->client_count, 2);

	const struct top_share *shares = &top.shares[found->first_client];

	assert_int_equal(shares[0].client, address("10.0.1.10"));
	assert_int_equal(shares[0].used, 2);
	assert_int_equal(shares[0].held, 2);
	assert_int_equal(shares[1].client, address("10.0.1.11"));
	assert_int_equal(shares[1].used, 2);
	assert_int_equal(shares[1].held, 1);
	assert_null(top_find_destination(&top, &other));
	top_free(&top);
}

static void test_clients_are_added_up(void **state)
{
	const struct natgw_client_key key = client_of("10.0.1.10");
	const struct natgw_client_key quiet = client_of("10.0.1.99");
	const struct natgw_client_key busy = client_of("10.0.1.11");
	const struct natgw_client row = { .errors = { [NATGW_ALLOC_PORT_EXHAUSTED] = 7 },
					  .bytes = { [NATGW_INBOUND] = 9 } };
	struct natgw_session_record by_port = record_of("10.0.1.11", "192.0.2.7", 443);
	struct top top = { 0 };

	(void)state;
	fill(&top);
	by_port.key.ext_port = htons(2000);
	add(&top, by_port, 2);
	/* In the order of the table, which is none: one with sessions, one without. */
	assert_int_equal(top_add_client(&quiet, &row, &top), 0);
	assert_int_equal(top_add_client(&key, &row, &top), 0);
	assert_int_equal(top_finish(&top), 0);
	assert_int_equal(top.client_count, 3);

	const struct top_client *found = top_find_client(&top, &key);

	assert_non_null(found);
	assert_int_equal(found->sessions, 3);
	assert_int_equal(found->opening, 1);
	assert_int_equal(found->held, 2);
	assert_int_equal(found->destinations, 2);
	assert_int_equal(found->bytes_out, 500);
	assert_int_equal(found->bytes_in, 5000);
	assert_int_equal(found->bytes_gone[NATGW_INBOUND], 9);
	assert_int_equal(found->ports, 1);
	assert_int_equal(found->most_to_one, 4);
	assert_int_equal(found->errors[NATGW_ALLOC_PORT_EXHAUSTED], 7);
	found = top_find_client(&top, &busy);
	assert_non_null(found);
	assert_int_equal(found->ports, 2);
	assert_int_equal(found->most_to_one, 3);
	found = top_find_client(&top, &quiet);
	assert_non_null(found);
	assert_int_equal(found->sessions, 0);
	assert_int_equal(found->errors[NATGW_ALLOC_PORT_EXHAUSTED], 7);
	top_free(&top);
}

/* One destination by two EIPs is two inventories of ports, and one destination of the client. */
static void test_a_destination_by_two_eips(void **state)
{
	struct natgw_session_record other = record_of("10.0.1.10", "192.0.2.1", 443);
	struct top top = { 0 };

	(void)state;
	other.key.ext_addr = address("203.0.113.11");
	add(&top, record_of("10.0.1.10", "192.0.2.1", 443), 1);
	add(&top, other, 1);
	assert_int_equal(top_finish(&top), 0);
	assert_int_equal(top.destination_count, 2);
	assert_int_equal(top.client_count, 1);
	assert_int_equal(top.clients[0].sessions, 2);
	assert_int_equal(top.clients[0].destinations, 1);
	top_free(&top);
}

static void test_what_is_over_and_mappings_are_left_out(void **state)
{
	struct natgw_session_record over = record_of("10.0.1.10", "192.0.2.1", 443);
	struct natgw_session_record dead = over;
	struct natgw_session_record mapping = over;
	struct natgw_session_record released = held_of("10.0.1.10", "192.0.2.1", 443, 0);
	struct top top = { 0 };

	(void)state;
	over.now = 1000 + over.timeout;
	dead.inbound.word = word_of(NATGW_STATE_DEAD);
	mapping.inbound.word = word_of(NATGW_STATE_MAPPING);
	released.hold_left = 0;
	add(&top, over, 1);
	add(&top, dead, 1);
	add(&top, mapping, 1);
	add(&top, released, 1);
	assert_int_equal(top_finish(&top), 0);
	assert_int_equal(top.destination_count, 0);
	assert_int_equal(top.client_count, 0);
	top_free(&top);
}

static void test_the_greatest_come_first(void **state)
{
	const struct top_destination *destinations[2];
	const struct top_client *clients[3];
	struct top top = { 0 };

	(void)state;
	add(&top, record_of("10.0.1.10", "192.0.2.1", 443), 3);
	add(&top, held_of("10.0.1.11", "192.0.2.2", 443, NATGW_HOLD_UDP), 5);
	add(&top, record_of("10.0.1.12", "192.0.2.3", 443), 4);
	assert_int_equal(top_finish(&top), 0);
	assert_int_equal(top_destinations(&top, destinations, 2), 2);
	assert_int_equal(destinations[0]->held, 5);
	assert_int_equal(destinations[1]->used, 4);
	assert_int_equal(top_clients(&top, 0, clients, 3), 3);
	assert_int_equal(clients[0]->held, 5);
	assert_int_equal(clients[1]->sessions, 4);
	assert_int_equal(clients[2]->sessions, 3);
	assert_int_equal(top_clients(&top, GATEWAY + 1, clients, 3), 0);
	top_free(&top);
}

/* Rows of "destinations" are found by their key, whatever the order they come in. */
static void test_rows_of_destinations(void **state)
{
	const struct natgw_destination_key missing = key_of("192.0.2.9", 1);
	struct top top = { 0 };

	(void)state;
	for (uint16_t port = 50; port > 0; port--) {
		const struct natgw_destination_record record = {
			.key = key_of("192.0.2.1", (uint16_t)(port * 37 % 101)), .errors = port
		};

		assert_int_equal(top_add_destination(&record, &top), 0);
	}
	assert_int_equal(top_finish(&top), 0);
	for (uint16_t port = 1; port <= 50; port++) {
		const struct natgw_destination_key key =
			key_of("192.0.2.1", (uint16_t)(port * 37 % 101));
		const struct natgw_destination_record *found = top_find_record(&top, &key);

		assert_non_null(found);
		assert_int_equal(found->errors, port);
	}
	assert_null(top_find_record(&top, &missing));
	top_free(&top);
}

static int compare_ints(const void *left, const void *right)
{
	return *(const int *)right - *(const int *)left;
}

static void test_best_keeps_the_greatest(void **state)
{
	static const int numbers[] = { 3, 9, 1, 7, 7, 2, 8, 0, 9, 5 };
	static const int wanted[] = { 9, 9, 8, 7 };
	int room[4];
	struct best best = {
		.items = room, .item_size = sizeof(room[0]), .room = 4, .compare = compare_ints
	};

	(void)state;
	for (size_t i = 0; i < sizeof(numbers) / sizeof(numbers[0]); i++)
		best_offer(&best, &numbers[i]);
	assert_int_equal(best.count, 4);
	assert_memory_equal(room, wanted, sizeof(wanted));
	best = (struct best){ .items = NULL, .item_size = sizeof(int), .compare = compare_ints };
	best_offer(&best, &numbers[0]);
	assert_int_equal(best.count, 0);
}

static void test_records_tell_life_and_time_left(void **state)
{
	struct natgw_session_record record = record_of("10.0.1.10", "192.0.2.1", 443);

	(void)state;
	assert_int_equal(record_life(&record), RECORD_LIVE);
	assert_int_equal(record_gateway(&record), GATEWAY);
	assert_int_equal(record_idle(&record), IDLE_TICKS);
	assert_int_equal(record_left(&record), record.timeout - IDLE_TICKS);
	/* A packet of the other direction counts too, one of an older session's row does not. */
	record.outbound.last_seen = 1050;
	assert_int_equal(record_idle(&record), IDLE_TICKS - 50);
	record.outbound.word = 0;
	assert_int_equal(record_idle(&record), IDLE_TICKS);
	/* The clocks of two CPUs. */
	record.inbound.last_seen = record.now + 1;
	assert_int_equal(record_idle(&record), 0);
	record = held_of("10.0.1.10", "192.0.2.1", 443, NATGW_HOLD_FIN);
	assert_int_equal(record_life(&record), RECORD_HELD);
	assert_int_equal(record_state(&record), NATGW_STATE_HOLD);
	assert_int_equal(record_seconds(record_left(&record)), 5);
	assert_int_equal(record_timer_seconds(65 * NATGW_TICKS_PER_SECOND), 65);
	record.hold_left = 0;
	assert_int_equal(record_life(&record), RECORD_OVER);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_destinations_are_added_up),
		cmocka_unit_test(test_clients_are_added_up),
		cmocka_unit_test(test_a_destination_by_two_eips),
		cmocka_unit_test(test_what_is_over_and_mappings_are_left_out),
		cmocka_unit_test(test_the_greatest_come_first),
		cmocka_unit_test(test_rows_of_destinations),
		cmocka_unit_test(test_best_keeps_the_greatest),
		cmocka_unit_test(test_records_tell_life_and_time_left),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
