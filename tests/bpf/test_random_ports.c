// SPDX-License-Identifier: GPL-2.0-only
/*
 * Ports cannot be guessed (RFC 6056): 100,000 allocations are spread evenly over what is free, and
 * say nothing about the next one. Each figure may be as far from its mean as chance takes it once
 * in a million runs.
 */
#include "flood.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#define SAMPLES 100000
#define FIRST NATGW_PORT_FIRST
#define PORTS (NATGW_PORT_LAST - NATGW_PORT_FIRST + 1)
/* Standard deviations, of a normal distribution, that are exceeded once in a million. */
#define TOLERANCE 4.9
/* Sessions that stand before the tables are cleared. */
#define BATCH 20000
#define BINS 1008 /* of 64 ports */
_Static_assert(BINS * 64 == PORTS, "bins");

static struct bench *bench;
static __u16 samples[SAMPLES];
static bool used[65536];

/* ---- figures ---- */

static double root(double of)
{
	double at = of > 1 ? of : 1;

	for (int i = 0; i < 60; i++) {
		at = (at + of / at) / 2;
	}
	return at;
}

static double cube_root(double of)
{
	double at = 1;

	for (int i = 0; i < 60; i++) {
		at = (2 * at + of / (at * at)) / 3;
	}
	return at;
}

/* Chi-square of so many degrees of freedom, in standard deviations (Wilson and Hilferty). */
static double deviations(double chi_square, double degrees)
{
	double variance = 2 / (9 * degrees);

	return (cube_root(chi_square / degrees) - (1 - variance)) / root(variance);
}

static void require_even(const char *what, const double *seen, const double *expected, size_t bins)
{
	double chi_square = 0, degrees = -1, away;

	for (size_t i = 0; i < bins; i++) {
		if (expected[i] > 0) {
			chi_square +=
				(seen[i] - expected[i]) * (seen[i] - expected[i]) / expected[i];
			degrees += 1;
		} else {
			assert_true(seen[i] == 0);
		}
	}
	away = deviations(chi_square, degrees);
	print_message("  %-36s chi-square %9.1f of %5.0f degrees, %+.2f deviations\n", what,
		      chi_square, degrees, away);
	assert_true(away > -TOLERANCE && away < TOLERANCE);
}

/* Over the range, in bins of neighbours, and over the places within them. */
static void judge_spread(void)
{
	static double seen[BINS], expected[BINS], place_seen[64], place_expected[64];
	double free_ports = 0;

	memset(seen, 0, sizeof(seen));
	memset(expected, 0, sizeof(expected));
	memset(place_seen, 0, sizeof(place_seen));
	memset(place_expected, 0, sizeof(place_expected));
	for (__u32 port = FIRST; port <= NATGW_PORT_LAST; port++) {
		free_ports += !used[port];
	}
	for (__u32 port = FIRST; port <= NATGW_PORT_LAST; port++) {
		size_t bin = (port - FIRST) / 64;

		expected[bin] += used[port] ? 0 : SAMPLES / free_ports;
		place_expected[port % 64] += used[port] ? 0 : SAMPLES / free_ports;
	}
	for (size_t i = 0; i < SAMPLES; i++) {
		size_t bin = (size_t)(samples[i] - FIRST) / 64;

		seen[bin]++;
		place_seen[samples[i] % 64]++;
	}
	require_even("ports, in 1,008 bins", seen, expected, BINS);
	require_even("places in a bin", place_seen, place_expected, 64);
}

/* The next port minus this one: a counter, however long its steps, shows here. */
static void judge_steps(void)
{
	static double seen[BINS], expected[BINS];

	memset(seen, 0, sizeof(seen));
	for (size_t i = 0; i < BINS; i++) {
		expected[i] = (SAMPLES - 1.0) / BINS;
	}
	for (size_t i = 1; i < SAMPLES; i++) {
		size_t bin = (size_t)((samples[i] - samples[i - 1] + PORTS) % PORTS / 64);

		seen[bin]++;
	}
	require_even("steps, in 1,008 bins", seen, expected, BINS);
}

static void judge_correlation(size_t lag)
{
	double mean = 0, variance = 0, covariance = 0, found, away;

	for (size_t i = 0; i < SAMPLES; i++) {
		mean += samples[i] / (double)SAMPLES;
	}
	for (size_t i = 0; i < SAMPLES; i++) {
		double here = samples[i] - mean, there = samples[(i + lag) % SAMPLES] - mean;

		variance += here * here;
		covariance += here * there;
	}
	found = covariance / variance;
	away = found * root(SAMPLES);
	print_message("  correlation with number -%zu            %+.5f, %+.2f deviations\n", lag,
		      found, away);
	assert_true(away > -TOLERANCE && away < TOLERANCE);
}

static void judge(const char *name)
{
	print_message("%s:\n", name);
	judge_spread();
	judge_steps();
	judge_correlation(1);
	judge_correlation(2);
	judge_correlation(7);
}

/* ---- samples ---- */

static void set_gateway(void)
{
	struct natgw_gateway gateway = bench_gateway();

	flood_for_ever(&gateway);
	gateway.timeout[NATGW_TIMER_HOLD_RST] = 0;
	bench_set_gateway(bench, &gateway);
}

/* Ports that some session to another destination has, as far as the programs know. */
static void set_used(void)
{
	static struct natgw_port_bits bits;

	memset(&bits, 0, sizeof(bits));
	for (__u32 port = 0; port < 65536; port++) {
		bits.word[port >> 6] |= (__u64)used[port] << (port & 63);
	}
	for (__u32 word = 0; word < 1024; word++) {
		bits.summary[word >> 6] |= (__u64) !~bits.word[word] << (word & 63);
	}
	for (__u32 copy = 0; copy < 2; copy++) {
		for (__u32 proto = 0; proto < NATGW_PROTO_COUNT; proto++) {
			bench->port_use[natgw_port_use_index(copy, 0, proto)] = bits;
		}
	}
}

static void use_percent(unsigned int percent)
{
	unsigned int seed = 99;

	memset(used, 0, sizeof(used));
	for (__u32 port = FIRST; port <= NATGW_PORT_LAST; port++) {
		used[port] = ((unsigned int)rand_r(&seed) >> 4) % 100 < percent;
	}
}

/* The port is as it was before this session. */
static void forget(__u16 port, __u32 proto)
{
	for (__u32 copy = 0; copy < 2; copy++) {
		struct natgw_port_bits *bits =
			&bench->port_use[natgw_port_use_index(copy, 0, proto)];

		bits->word[port >> 6] &= ~(1ULL << (port & 63));
		bits->summary[port >> 12] &= ~(1ULL << ((port >> 6) & 63));
	}
}

/* As if each allocation were the first: only the ports that are "used" are in use. */
static void take_samples(struct flood_flow (*flow_of)(size_t))
{
	for (size_t i = 0; i < SAMPLES; i++) {
		struct flood_flow flow = flow_of(i);
		struct flood_got got;

		if (i % BATCH == 0) {
			bench_reset(bench);
			set_gateway();
			set_used();
		}
		got = flood_open(bench, BENCH_XDP_INT, &flow);
		assert_true(got.port >= FIRST);
		assert_false(used[got.port]);
		forget(got.port, flow.proto == PROTO_TCP ? NATGW_PROTO_TCP : NATGW_PROTO_UDP);
		samples[i] = got.port;
	}
}

/* One client, one source port: another destination each time. */
static struct flood_flow one_client(size_t i)
{
	struct flood_flow flow = flood_flow(PROTO_UDP, REMOTE, (__u16)(1 + i % 65535), 0);

	flow.client_port = INT_PORT;
	flow.remote = i < 65535 ? REMOTE : REMOTE_B;
	return flow;
}

/* Another client and source port each time, and ever the same destinations. */
static struct flood_flow other_clients(size_t i)
{
	struct flood_flow flow = flood_flow(PROTO_TCP, REMOTE, (__u16)(1 + i / 20 % 65535), 0);

	flow.client = CLIENTS(i % 100);
	flow.client_port = (__u16)(1024 + i / 3);
	return flow;
}

static void test_empty(void **state)
{
	(void)state;
	use_percent(0);
	take_samples(one_client);
	judge("empty, one client");
	take_samples(other_clients);
	judge("empty, many clients");
}

static void test_half_full(void **state)
{
	(void)state;
	use_percent(50);
	take_samples(one_client);
	judge("half of the ports in use, one client");
	take_samples(other_clients);
	judge("half of the ports in use, many clients");
}

/* ---- one destination, half full, while no port at all is unused ---- */

static void fill_half(void)
{
	for (__u32 i = 0; i < PORTS / 2; i++) {
		struct flood_flow flow = flood_flow(PROTO_TCP, REMOTE, 443, i);
		struct flood_got got = flood_open(bench, BENCH_XDP_INT, &flow);

		assert_true(got.port >= FIRST);
		used[got.port] = true;
	}
}

/* Each connection is reset, and its port is free again at once. */
static void test_half_full_destination(void **state)
{
	static bool taken[65536];

	(void)state;
	bench_reset(bench);
	set_gateway();
	memset(used, 0, sizeof(used));
	fill_half();
	memcpy(taken, used, sizeof(used));
	memset(used, true, sizeof(used));
	set_used();
	memcpy(used, taken, sizeof(used));
	for (size_t i = 0; i < SAMPLES; i++) {
		struct flood_flow flow = flood_flow(PROTO_TCP, REMOTE, 443, (__u32)(PORTS / 2 + i));
		struct flood_got got = flood_open(bench, BENCH_XDP_INT, &flow);

		assert_true(got.port >= FIRST);
		assert_false(used[got.port]);
		samples[i] = got.port;
		assert_true(flood_send(bench, &flow, RST | ACK));
	}
	judge("a destination that is half full");
	/* What was written by hand goes. */
	bench_sweep(bench);
	bench_sweep(bench);
	bench_audit(bench);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_empty),
		cmocka_unit_test(test_half_full),
		cmocka_unit_test(test_half_full_destination),
	};
	int failed;

	bench = bench_open(200000);
	failed = cmocka_run_group_tests_name("random ports", tests, NULL, NULL);
	bench_close(bench);
	return failed;
}
