// SPDX-License-Identifier: GPL-2.0-only
/* Rounds in step: a gate before the turns and one after them. Waiting gives the CPU away soon,
 * since a waiting thread may stand in the way of the one that it waits for. */
#include "race.h"

#include <pthread.h>
#include <sched.h>
#include <stdio.h>
#include <stdlib.h>
#include <time.h>

#define SPINS 2000

/*
 * Packets interrupt whatever runs, and nothing stops a program half-way; a test run can be stopped
 * for a time slice by any process, with a home of the table locked. So none comes in between, where
 * that is allowed.
 */
static void be_first(int policy)
{
	const struct sched_param param = { .sched_priority = policy == SCHED_FIFO };

	(void)pthread_setschedparam(pthread_self(), policy, &param);
}

static void pin(int cpu)
{
	cpu_set_t set;

	CPU_ZERO(&set);
	CPU_SET((size_t)cpu, &set);
	if (sched_setaffinity(0, sizeof(set), &set)) {
		perror("race: sched_setaffinity");
		exit(2);
	}
	be_first(SCHED_FIFO);
}

static void unpin(void)
{
	cpu_set_t set;

	CPU_ZERO(&set);
	CPU_SET(0, &set);
	CPU_SET(1, &set);
	sched_setaffinity(0, sizeof(set), &set);
	be_first(SCHED_OTHER);
}

/* Both threads come here; the second one opens the gate. */
static void meet(struct race *race)
{
	unsigned int gate = atomic_load(&race->open);

	if (atomic_fetch_add(&race->arrived, 1) == 1) {
		atomic_store(&race->arrived, 0);
		atomic_store(&race->open, gate + 1);
		return;
	}
	for (unsigned int spins = 0; atomic_load(&race->open) == gate; spins++) {
		if (spins > SPINS) {
			sched_yield();
		}
	}
}

static __u64 now_ns(void)
{
	struct timespec now;

	clock_gettime(CLOCK_MONOTONIC, &now);
	return (__u64)now.tv_sec * 1000000000ULL + (__u64)now.tv_nsec;
}

static void take_turn(struct race *race, int who, unsigned int round)
{
	race->began[who] = now_ns();
	race->turn[who](race, round);
	race->ended[who] = now_ns();
}

static void *second(void *argument)
{
	struct race *race = argument;

	pin(1);
	for (unsigned int round = 0; round < race->rounds; round++) {
		meet(race);
		take_turn(race, 1, round);
		meet(race);
	}
	return NULL;
}

void race_run(struct race *race)
{
	pthread_t thread;
	int error;

	atomic_store(&race->arrived, 0);
	error = pthread_create(&thread, NULL, second, race);
	if (error) {
		fprintf(stderr, "race: no second thread\n");
		exit(2);
	}
	pin(0);
	for (unsigned int round = 0; round < race->rounds; round++) {
		race->before(race, round);
		meet(race);
		take_turn(race, 0, round);
		meet(race);
		race->met += race->began[0] < race->ended[1] && race->began[1] < race->ended[0];
		race->after(race, round);
	}
	pthread_join(thread, NULL);
	unpin();
}

void race_dither(unsigned int *seed, unsigned int most)
{
	unsigned int turns = (unsigned int)rand_r(seed) % most;

	for (volatile unsigned int i = 0; i < turns; i++) {
	}
}
