// SPDX-License-Identifier: GPL-2.0-only
/*
 * natgw's programs by BPF_PROG_RUN: the generator makes a packet and tail-calls the program, over
 * and over in one call, as warm as under load. The kernel's clock is around the runs alone.
 */
#include <bpf/bpf.h>
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "ports.h"
#include "tests/bench/generator.skel.h"

/* Two destinations can be full. */
#define SESSIONS 131072
#define BASE_STEPS 10
#define CHURN 100
#define CHURN_STEPS 10
#define REFUSAL_STEPS 10
#define REFUSED 256
#define RECHECK_RUNS 20

/* No session ends by itself while the clock is moved. */
#define NEVER 1000000000U

static struct ports_maker maker;

static struct natgw_traffic traffic(void)
{
	struct natgw_traffic *rows = calloc((size_t)maker.bench->cpus, sizeof(*rows)), sum = {};
	__u32 gateway = 1;

	if (!rows || bpf_map_lookup_elem(maker.bench->traffic, &gateway, rows)) {
		ports_die("counters", errno);
	}
	for (int i = 0; i < maker.bench->cpus; i++) {
		sum.created[NATGW_PROTO_TCP] += rows[i].created[NATGW_PROTO_TCP];
		sum.rechecks += rows[i].rechecks;
	}
	free(rows);
	return sum;
}

static void set_gateway(void)
{
	struct natgw_gateway gateway = bench_gateway();

	gateway.destination_ports = PORTS_ALL;
	gateway.destination_threshold = NATGW_DESTINATION_SESSIONS;
	gateway.sessions_max = 0;
	gateway.client_sessions_max = 0;
	gateway.client_opening_max = 0;
	gateway.client_ports_min = 0;
	gateway.client_ports_max = 0;
	for (int i = 0; i < NATGW_TIMER_HOLD_FIN; i++) {
		gateway.timeout[i] = NEVER;
	}
	for (int i = NATGW_TIMER_HOLD_FIN; i < NATGW_TIMER_COUNT; i++) {
		gateway.timeout[i] = 0;
	}
	bench_set_gateway(maker.bench, &gateway);
}

/* "count" times what "turn" says, to natgw; ns in all. */
static unsigned long long turn(enum generator_turn kind, __u32 count)
{
	maker.skel->bss->generator_turn = kind;
	maker.skel->bss->generator_odd = 0;
	return (unsigned long long)ports_make(&maker, GENERATOR_NATGW, count) * count;
}

static void measure_generator(void)
{
	for (int i = 0; i < BASE_STEPS; i++) {
		__u32 ns = ports_make(&maker, GENERATOR_NONE, PORTS_STEP);

		printf("generator %u %llu\n", PORTS_STEP, (unsigned long long)ns * PORTS_STEP);
	}
}

static __u32 step(__u32 fill, __u32 count)
{
	__u64 before = traffic().created[NATGW_PROTO_TCP];
	unsigned long long ns = turn(GENERATOR_OPEN, count);
	__u32 after = fill + (__u32)(traffic().created[NATGW_PROTO_TCP] - before);

	printf("batch %u %u %u %llu\n", fill, after, count, ns);
	return after;
}

/* Smaller and smaller steps towards the end. */
static __u32 measure_fill(void)
{
	__u32 fill = 0, left = PORTS_ALL, tried = 0;

	while (left && tried < 2 * PORTS_ALL) {
		__u32 count = ports_step(fill), limit = left > 32 ? left / 2 : left;

		count = count < limit ? count : limit;
		tried += count;
		fill = step(fill, count);
		left = PORTS_ALL - fill;
	}
	return fill;
}

/* Frees ports and takes them again. */
static void measure_close(void)
{
	for (int i = 0; i < BASE_STEPS; i++) {
		printf("close %u %llu\n", CHURN, turn(GENERATOR_CLOSE, CHURN));
		turn(GENERATOR_OPEN, CHURN);
	}
}

/* One client after the other ends its connection, which frees the only port; the next gets it. */
static void measure_last(void)
{
	for (int i = 0; i < CHURN_STEPS; i++) {
		__u64 before = traffic().created[NATGW_PROTO_TCP];
		unsigned long long ns = turn(GENERATOR_ALTERNATE, 2 * CHURN);

		printf("churn %u %u %llu\n", CHURN,
		       (__u32)(traffic().created[NATGW_PROTO_TCP] - before), ns);
	}
}

/* Packets that are refused at once; a batch in which one looks at ports again is left out. */
static void measure_refusals(void)
{
	for (int i = 0, clean = 0; clean < REFUSAL_STEPS && i < 5 * REFUSAL_STEPS; i++) {
		__u64 before = traffic().rechecks;
		unsigned long long ns = turn(GENERATOR_OPEN, REFUSED);

		if (traffic().rechecks == before) {
			printf("batch %u %u %u %llu\n", PORTS_ALL, PORTS_ALL, REFUSED, ns);
			clean++;
		}
	}
}

/* From now on the ports of so many words of the full set are worth another look. */
static void make_due(__u32 words)
{
	static struct natgw_destination row;
	struct natgw_destination_key key;
	__u32 now = bench_now(maker.bench);

	if (bpf_map_get_next_key(maker.bench->destinations, NULL, &key)) {
		ports_die("destinations", errno);
	}
	while (key.rem_addr != REMOTE) {
		if (bpf_map_get_next_key(maker.bench->destinations, &key, &key)) {
			ports_die("destinations", errno);
		}
	}
	if (bpf_map_lookup_elem(maker.bench->destinations, &key, &row)) {
		ports_die("destinations", errno);
	}
	row.free_at = now | 1;
	for (__u32 i = 0; i < 1024 && words; i++) {
		if (row.word_free_at[i]) {
			row.word_free_at[i] = now | 1;
			words--;
		}
	}
	if (bpf_map_update_elem(maker.bench->destinations, &key, &row, BPF_EXIST)) {
		ports_die("destinations", errno);
	}
}

/* Refusals that look at ports again, whose sessions all live. */
static void measure_rechecks(const char *name, __u32 words)
{
	for (int i = 0; i < RECHECK_RUNS; i++) {
		__u64 before = traffic().rechecks;
		unsigned long long ns;

		make_due(words);
		/* A tick may be between the clock of this process and that of the program. */
		bench_skew(maker.bench, 2 + i * 2);
		ns = turn(GENERATOR_OPEN, 1);
		printf("%s %llu %llu\n", name, ns,
		       (unsigned long long)(traffic().rechecks - before));
	}
}

/* Once through everything, so that the first sessions are no more expensive than the next; then as
 * many sessions to another destination. */
static void warm_up(__u32 others)
{
	set_gateway();
	turn(GENERATOR_OPEN, PORTS_ALL);
	bench_reset(maker.bench);
	set_gateway();
	ports_set_destination(&maker, REMOTE_B);
	turn(GENERATOR_OPEN, others);
	ports_set_destination(&maker, REMOTE);
}

void ports_natgw(bool tc, bool reuse)
{
	maker.bench = bench_open(SESSIONS);
	maker.tc = tc;
	ports_maker_open(&maker);
	warm_up(reuse ? PORTS_ALL : PORTS_STEP);
	measure_generator();
	maker.skel->bss->generator_oldest = maker.skel->bss->generator_next;
	if (measure_fill() == PORTS_ALL) {
		measure_close();
		measure_last();
		measure_refusals();
		measure_rechecks("word", 1);
		measure_rechecks("recheck", 1024);
	}
	ports_maker_close(&maker);
	bench_close(maker.bench);
}
