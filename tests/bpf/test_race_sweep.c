// SPDX-License-Identifier: GPL-2.0-only
/*
 * The sweep on one CPU, packets of the same session on the other: whoever wins, what stands after
 * it is a whole session or none, and a port is never two sessions'.
 */
#include "race.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

#define ROUNDS bench_rounds(2000, 30)
#define ACTION_XDP_REDIRECT 4
/* Idle for so long, an unreplied UDP session is the sweep's. */
#define EXPIRED ((40 + 45 + 2) * (__s64)NATGW_TICKS_PER_SECOND)

struct contest {
	struct frame in;
	struct bench_run run;
	enum bench_prog prog;
	__be32 owner;  /* client of the expired session */
	__be32 sender; /* client of the new packet */
	bool one_port;
	bool moves_clock;
	__s64 skew;
	unsigned int seed[2];
	/* What happened, in rounds. */
	unsigned int removed, lost, translated, refused;
	unsigned int broken, too_many, stray, wrong_count;
	struct table outbound;
	struct table inbound;
};

static struct bench *bench;

static void set_range(bool one_port)
{
	struct natgw_gateway gateway = bench_gateway();

	if (one_port) {
		bench_range(&gateway, EXT_PORT, 1, 0);
	}
	bench_set_gateway(bench, &gateway);
}

static void contest_before(struct race *race, unsigned int round)
{
	struct contest *data = race->data;
	struct pair pair = pair_standard(PROTO_UDP, NATGW_STATE_OPENING);

	(void)round;
	bench_clear_sessions(bench);
	bench_clear_sweep(bench);
	pair.int_addr = data->owner;
	pair.idle = data->moves_clock ? 0 : (__u32)EXPIRED;
	pair_add(bench, &pair);
}

static void contest_packet(struct race *race, unsigned int round)
{
	struct contest *data = race->data;
	int times = data->moves_clock ? 6 : 1;

	(void)round;
	race_dither(&data->seed[0], 4000);
	for (int i = 0; i < times; i++) {
		data->run.prog = data->prog;
		bench_run(race->bench, &data->in, &data->run);
	}
}

static void contest_sweep(struct race *race, unsigned int round)
{
	struct contest *data = race->data;

	(void)round;
	race_dither(&data->seed[1], 4000);
	if (data->moves_clock) {
		data->skew += EXPIRED;
		bench_skew(race->bench, data->skew);
	}
	bench_try_sweep(race->bench);
}

/* Between the turns of two rounds nothing runs: what is wrong now stays wrong. */
static void contest_after(struct race *race, unsigned int round)
{
	struct contest *data = race->data;
	struct natgw_sweep stats = bench_sweep_stats(bench);

	(void)round;
	data->removed += stats.removed != 0;
	data->lost += stats.lost != 0;
	data->translated += data->run.retval == ACTION_XDP_REDIRECT;
	data->refused += data->run.retval != ACTION_XDP_REDIRECT;
	/* An inbound row whose client has another session by now is for the next pass. */
	bench_sweep(bench);
	table_read(bench->outbound, &data->outbound);
	table_read(bench->inbound, &data->inbound);
	data->broken += tables_broken(&data->outbound, &data->inbound);
	data->broken += tables_alone(&data->outbound, &data->inbound);
	data->wrong_count += gateway_use_of(bench).sessions != data->inbound.count;
	data->wrong_count +=
		client_of(bench, CLIENT).sessions + client_of(bench, CLIENT_B).sessions !=
		data->inbound.count;
	data->too_many += data->outbound.count > 1 || data->inbound.count > 1;
	/* A packet that left by a new session must have one. */
	data->stray += !data->moves_clock && data->run.retval == ACTION_XDP_REDIRECT &&
		       data->outbound.count != 1;
}

static void run_contest(struct contest *data)
{
	struct race race = {
		.bench = bench,
		.rounds = ROUNDS,
		.before = contest_before,
		.after = contest_after,
		.turn = { contest_packet, contest_sweep },
		.data = data,
	};
	const struct spec spec = {
		.src = data->sender,
		.dst = REMOTE,
		.smac = mac_client,
		.dmac = mac_int,
		.proto = PROTO_UDP,
		.sport = INT_PORT,
		.dport = REM_PORT,
	};
	const struct spec reply = {
		.src = REMOTE,
		.dst = EIP,
		.smac = mac_router,
		.dmac = mac_ext,
		.proto = PROTO_UDP,
		.sport = REM_PORT,
		.dport = EXT_PORT,
	};

	data->seed[0] = 1;
	data->seed[1] = 2;
	frame_build(data->prog == BENCH_XDP_INT ? &spec : &reply, &data->in);
	bench_reset(bench);
	set_range(data->one_port);
	race_run(&race);
	print_message("met %u, swept %u, lost by the sweep %u, translated %u, refused %u\n",
		      race.met, data->removed, data->lost, data->translated, data->refused);
	assert_int_equal(data->broken, 0);
	assert_int_equal(data->wrong_count, 0);
	assert_int_equal(data->too_many, 0);
	assert_int_equal(data->stray, 0);
	/* A packet is refused while a remover is held up between its swap and its delete. */
	assert_true(data->prog == BENCH_XDP_EXT || data->refused <= ROUNDS / 200);
	/* Or nothing is proved. */
	assert_true(race.met > ROUNDS / 10);
	assert_true(data->removed > 0);
}

static struct contest *new_contest(enum bench_prog prog, __be32 owner, __be32 sender)
{
	struct contest *data = test_calloc(1, sizeof(*data));

	data->prog = prog;
	data->owner = owner;
	data->sender = sender;
	return data;
}

static void test_take_over_against_sweep(void **state)
{
	struct contest *data = new_contest(BENCH_XDP_INT, CLIENT, CLIENT_B);

	(void)state;
	data->one_port = true;
	run_contest(data);
	assert_true(data->translated > 0);
	test_free(data);
}

static void test_revival_against_sweep(void **state)
{
	struct contest *data = new_contest(BENCH_XDP_INT, CLIENT, CLIENT);

	(void)state;
	run_contest(data);
	test_free(data);
}

static void test_revival_on_its_port_against_sweep(void **state)
{
	struct contest *data = new_contest(BENCH_XDP_INT, CLIENT, CLIENT);

	(void)state;
	data->one_port = true;
	run_contest(data);
	assert_true(data->translated > 0);
	test_free(data);
}

static void test_expiry_under_outbound_packets(void **state)
{
	struct contest *data = new_contest(BENCH_XDP_INT, CLIENT, CLIENT);

	(void)state;
	data->moves_clock = true;
	run_contest(data);
	test_free(data);
}

static void test_expiry_under_inbound_packets(void **state)
{
	struct contest *data = new_contest(BENCH_XDP_EXT, CLIENT, CLIENT);

	(void)state;
	data->moves_clock = true;
	run_contest(data);
	assert_true(data->translated > 0 && data->refused > 0);
	test_free(data);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_take_over_against_sweep),
		cmocka_unit_test(test_revival_against_sweep),
		cmocka_unit_test(test_revival_on_its_port_against_sweep),
		cmocka_unit_test(test_expiry_under_outbound_packets),
		cmocka_unit_test(test_expiry_under_inbound_packets),
	};
	int failed;

	/* Few slots, so that a pass takes no longer than a packet. */
	bench = bench_open(64);
	failed = cmocka_run_group_tests_name("race with the sweep", tests, NULL, NULL);
	bench_close(bench);
	return failed;
}
