// SPDX-License-Identifier: GPL-2.0-only
/*
 * Rate limits of gateways and clients (requirement 16). They follow real time, so nothing is waited
 * for: the buckets, which are points in time, are moved instead.
 */
#include "talk.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdint.h>
#include <time.h>

#include <bpf/bpf.h>
#include <cmocka.h>

#define NS_PER_S 1000000000ULL
/* A time in ns as struct natgw_rate has it. */
#define RATE(ns) ((__u64)(ns) << 20)
/* Nothing in a test takes so long. */
#define HOUR (3600 * NS_PER_S)

static struct natgw_gateway gateway;

static int setup(void **state)
{
	gateway = bench_gateway();
	return walk_setup(state);
}

#define LIMIT_TEST(function)                                                \
	{ #function " (xdp)", function, setup, walk_teardown, &walk_xdp },  \
	{                                                                   \
#function " (tc)", function, setup, walk_teardown, &walk_tc \
	}

static void use(void)
{
	bench_set_gateway(walk.bench, &gateway);
}

/* The data path's clock: coarse, without the skew. */
static __u64 now_ns(void)
{
	struct timespec now;

	clock_gettime(CLOCK_MONOTONIC_COARSE, &now);
	return (__u64)now.tv_sec * NS_PER_S + (__u64)now.tv_nsec;
}

/* ---- buckets ---- */

static struct natgw_bucket gateway_bucket(enum natgw_direction direction)
{
	return gateway_use_of(walk.bench).bucket[direction];
}

static void set_gateway_bucket(enum natgw_direction direction, struct natgw_bucket bucket)
{
	struct natgw_gateway_use use_row = gateway_use_of(walk.bench);
	__u32 index = 1;

	use_row.bucket[direction] = bucket;
	assert_int_equal(bpf_map_update_elem(walk.bench->gateway_use, &index, &use_row, BPF_ANY),
			 0);
}

static struct natgw_bucket client_bucket(enum natgw_direction direction)
{
	return client_of(walk.bench, CLIENT).bucket[direction];
}

static void set_client_bucket(enum natgw_direction direction, struct natgw_bucket bucket)
{
	struct natgw_client_key key = { .addr = CLIENT, .gateway = 1 };
	struct natgw_client row = client_of(walk.bench, CLIENT);

	row.bucket[direction] = bucket;
	assert_int_equal(bpf_map_update_elem(walk.bench->clients, &key, &row, BPF_EXIST), 0);
}

/* A limit, and the bucket that it has. */
struct subject {
	struct natgw_rate *rate;
	struct natgw_bucket (*bucket)(enum natgw_direction direction);
	void (*set_bucket)(enum natgw_direction direction, struct natgw_bucket bucket);
};

static const struct subject subjects[] = {
	{ &gateway.rate, gateway_bucket, set_gateway_bucket },
	{ &gateway.client_rate, client_bucket, set_client_bucket },
};

#define SUBJECTS (sizeof(subjects) / sizeof(subjects[0]))

static struct talk talk;

/* A session, and no limit yet. */
static void begin(void)
{
	walk_again();
	gateway = bench_gateway();
	use();
	talk = talk_new(PROTO_UDP);
	talk_open(&talk);
}

static bool pass(enum natgw_direction direction, __u16 payload)
{
	return direction == NATGW_OUTBOUND ? talk_send(&talk, 0, payload)
					   : talk_receive(&talk, 0, payload);
}

/* ---- what a packet costs ---- */

static void require_cost(__u64 before, __u64 after, __u64 cost, const __u64 now[2])
{
	/* From the bucket's time on or, when that is over, from the clock's. */
	__u64 least = (before > now[0] ? before : now[0]) + cost;
	__u64 most = (before > now[1] ? before : now[1]) + cost;

	assert_true(after >= least && after <= most);
}

static void run_cost(const struct subject *subject, enum natgw_direction direction, __u64 bucket)
{
	struct natgw_bucket before = { bucket, bucket }, after, other;
	__u64 now[2];

	begin();
	subject->rate->per_byte = RATE(70) + 5;
	subject->rate->per_packet = RATE(3000);
	use();
	subject->set_bucket(direction, before);
	other = subject->bucket(!direction);
	now[0] = now_ns();
	assert_true(pass(direction, 100));
	now[1] = now_ns();
	after = subject->bucket(direction);
	/* 20 bytes of IP header, 8 of UDP. */
	require_cost(before.bytes_at, after.bytes_at, 128 * (RATE(70) + 5) >> 20, now);
	require_cost(before.packets_at, after.packets_at, 3000, now);
	assert_int_equal(subject->bucket(!direction).bytes_at, other.bytes_at);
	assert_int_equal(subject->bucket(!direction).packets_at, other.packets_at);
}

static void test_cost(void **state)
{
	(void)state;
	for (size_t i = 0; i < SUBJECTS; i++) {
		for (int direction = 0; direction < 2; direction++) {
			run_cost(&subjects[i], (enum natgw_direction)direction, 0);
			run_cost(&subjects[i], (enum natgw_direction)direction,
				 now_ns() - NS_PER_S);
			run_cost(&subjects[i], (enum natgw_direction)direction,
				 now_ns() + NATGW_RATE_BURST_NS / 2);
		}
	}
}

/* What is segmented later costs as many packets as it becomes. */
static void test_cost_of_segments(void **state)
{
	struct bench_run run = { .prog = BENCH_TC_INT, .gso_segs = 4, .gso_size = 700 };
	struct talk tcp = talk_new(PROTO_TCP);
	struct spec spec;
	__u64 now[2];

	(void)state;
	talk_open(&tcp);
	gateway.rate.per_packet = RATE(3000);
	use();
	spec = talk_outbound(&tcp, ACK, 2800);
	frame_build(&spec, &walk.in);
	now[0] = now_ns();
	bench_run(walk.bench, &walk.in, &run);
	now[1] = now_ns();
	assert_int_equal(run.retval, walk.hooks->forwarded);
	require_cost(0, gateway_bucket(NATGW_OUTBOUND).packets_at, 12000, now);
}

/* ---- too fast ---- */

static void run_refusal(const struct subject *subject, enum natgw_direction direction, bool bytes)
{
	struct natgw_bucket ahead = {}, after;
	__u64 dropped;

	begin();
	/* Once an hour: the second packet is too early whatever the clock does. */
	if (bytes) {
		subject->rate->per_byte = RATE(HOUR / 1000);
		ahead.bytes_at = now_ns() + HOUR;
	} else {
		subject->rate->per_packet = RATE(HOUR / 1000);
		ahead.packets_at = now_ns() + HOUR;
	}
	use();
	dropped = walk_counted(NATGW_DROP_RATE_LIMITED);
	subject->set_bucket(direction, ahead);
	assert_false(pass(direction, 100));
	assert_int_equal(walk_counted(NATGW_DROP_RATE_LIMITED), dropped + 1);
	after = subject->bucket(direction);
	assert_memory_equal(&after, &ahead, sizeof(after));
	/* The other direction, by itself. */
	assert_true(pass(!direction, 100));
}

static void test_too_fast(void **state)
{
	(void)state;
	for (size_t i = 0; i < SUBJECTS; i++) {
		for (int direction = 0; direction < 2; direction++) {
			run_refusal(&subjects[i], (enum natgw_direction)direction, true);
			run_refusal(&subjects[i], (enum natgw_direction)direction, false);
		}
	}
}

/* The session of a packet that is dropped hears nothing of it; a new one is not made. */
static void test_dropped_packets_leave_no_trace(void **state)
{
	struct natgw_bucket ahead = { 0, now_ns() + 2 * HOUR };
	struct talk other;

	(void)state;
	begin();
	gateway.rate.per_packet = RATE(1000);
	use();
	set_gateway_bucket(NATGW_OUTBOUND, ahead);
	other = talk;
	other.client_port++;
	assert_int_equal(talk_begin(&other), 0);
	assert_int_equal(gateway_use_of(walk.bench).sessions, 1);
	assert_int_equal(walk_traffic()->attempts[NATGW_PROTO_UDP], 1);
	walk_seconds(299);
	assert_false(talk_send(&talk, 0, 10));
	walk_seconds(2);
	assert_false(talk_receive(&talk, 0, 10));
	assert_int_equal(walk_counted(NATGW_DROP_NO_SESSION), 1);
}

/* A client's limit is its own. */
static void test_other_clients_go_on(void **state)
{
	struct natgw_bucket ahead = { now_ns() + HOUR, now_ns() + HOUR };
	struct talk other;

	(void)state;
	begin();
	gateway.client_rate.per_packet = RATE(1000);
	use();
	set_client_bucket(NATGW_OUTBOUND, ahead);
	assert_false(talk_send(&talk, 0, 10));
	other = talk;
	other.client = CLIENT_B;
	talk_open(&other);
	assert_true(talk_send(&other, 0, 10));
}

/* ---- accuracy ---- */

/* A clock of the test's own: the buckets are moved by what it is ahead of the real one. */
struct clock {
	__u64 real;
	__u64 step;
};

static void tick(const struct subject *subject, struct clock *clock)
{
	struct natgw_bucket bucket = subject->bucket(NATGW_OUTBOUND);
	__u64 real = now_ns(), ahead = clock->step - (real - clock->real);

	/* The real one may have made a longer step: then it wraps, and adds. */
	bucket.bytes_at -= ahead;
	bucket.packets_at -= ahead;
	clock->real = real;
	subject->set_bucket(NATGW_OUTBOUND, bucket);
}

/* One packet of 100 bytes each tick; how many of them came through. */
static __u32 offer(const struct subject *subject, __u32 offered, __u64 step)
{
	struct clock clock = { .real = now_ns(), .step = step };
	struct natgw_bucket used_up = { clock.real + NATGW_RATE_BURST_NS,
					clock.real + NATGW_RATE_BURST_NS };
	__u32 passed = 0;

	subject->set_bucket(NATGW_OUTBOUND, used_up);
	for (__u32 i = 0; i < offered; i++) {
		tick(subject, &clock);
		passed += talk_send(&talk, 0, 72);
	}
	return passed;
}

/* At so many percent of a limit of 1,000 packets a second, or the bits of these. */
static void run_accuracy(const struct subject *subject, bool bytes)
{
	static const __u32 percents[] = { 50, 98, 102, 150, 400 };

	for (size_t i = 0; i < sizeof(percents) / sizeof(percents[0]); i++) {
		__u32 offered = 3000, passed;
		double wanted = percents[i] > 100 ? offered * 100.0 / percents[i] : offered;

		begin();
		if (bytes) {
			subject->rate->per_byte = RATE(10000);
		} else {
			subject->rate->per_packet = RATE(1000000);
		}
		use();
		passed = offer(subject, offered, 100 * 1000000ULL / percents[i]);
		print_message("%u of %u packets at %u %% of the limit\n", passed, offered,
			      percents[i]);
		assert_true(passed >= 0.98 * wanted && passed <= 1.02 * wanted);
	}
}

static void test_accuracy(void **state)
{
	(void)state;
	for (size_t i = 0; i < SUBJECTS; i++) {
		run_accuracy(&subjects[i], true);
		run_accuracy(&subjects[i], false);
	}
}

/* Ahead by up to the burst, and not by more. */
static void test_burst(void **state)
{
	struct natgw_bucket bucket = {};

	(void)state;
	begin();
	gateway.rate.per_packet = RATE(HOUR);
	use();
	assert_true(talk_send(&talk, 0, 10));
	bucket = gateway_bucket(NATGW_OUTBOUND);
	assert_false(talk_send(&talk, 0, 10));
	/* The clock may go on, but not for an hour. */
	bucket.packets_at = now_ns() + NATGW_RATE_BURST_NS;
	set_gateway_bucket(NATGW_OUTBOUND, bucket);
	assert_true(talk_send(&talk, 0, 10));
	assert_true(gateway_bucket(NATGW_OUTBOUND).packets_at >= bucket.packets_at + HOUR);
	assert_false(talk_send(&talk, 0, 10));
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		LIMIT_TEST(test_cost),
		{ "test_cost_of_segments", test_cost_of_segments, setup, walk_teardown, &walk_tc },
		LIMIT_TEST(test_too_fast),
		LIMIT_TEST(test_dropped_packets_leave_no_trace),
		LIMIT_TEST(test_other_clients_go_on),
		LIMIT_TEST(test_accuracy),
		LIMIT_TEST(test_burst),
	};
	int failed;

	walk.bench = bench_open(1024);
	failed = cmocka_run_group_tests_name("limit", tests, NULL, NULL);
	bench_close(walk.bench);
	return failed;
}
