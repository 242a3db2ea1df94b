// SPDX-License-Identifier: GPL-2.0-only
/*
 * The pace of the sweep: at most 1 % of one core, by the CPU time that the pass itself took; slower
 * while the tables are empty. What a pass does is the data path's (datapath_sweep).
 */
#include "sweep.h"

#include <errno.h>
#include <event2/event.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "log.h"

#define SWEEP_MS_MIN 1000
#define SWEEP_MS_IDLE 5000
#define SWEEP_MS_MAX 30000
#define SWEEP_SHARE 100

struct sweep {
	struct event *timer;
	struct natgwd_state *state;
	uint64_t interval_ms;
	bool failed; /* said once, until a pass succeeds again */
};

static uint64_t cpu_time_us(void)
{
	struct timespec now = { 0 };

	clock_gettime(CLOCK_THREAD_CPUTIME_ID, &now);
	return (uint64_t)now.tv_sec * 1000000 + (uint64_t)now.tv_nsec / 1000;
}

static uint64_t next_interval(const struct sweep *sweep, uint64_t took_us)
{
	uint64_t interval = took_us * SWEEP_SHARE / 1000;

	if (!sweep->state->last_sweep.rows) {
		/* Nothing there: slower by and by. */
		uint64_t idle = sweep->interval_ms + SWEEP_MS_MIN;

		idle = idle > SWEEP_MS_IDLE ? SWEEP_MS_IDLE : idle;
		interval = interval > idle ? interval : idle;
	}
	if (interval < SWEEP_MS_MIN) {
		return SWEEP_MS_MIN;
	}
	return interval > SWEEP_MS_MAX ? SWEEP_MS_MAX : interval;
}

static void schedule(const struct sweep *sweep)
{
	struct timeval wait = { .tv_sec = (time_t)(sweep->interval_ms / 1000),
				.tv_usec = (suseconds_t)(sweep->interval_ms % 1000 * 1000) };

	event_add(sweep->timer, &wait);
}

static void run(evutil_socket_t fd, short what, void *arg)
{
	struct sweep *sweep = arg;
	uint64_t started = cpu_time_us();
	int err = datapath_sweep(sweep->state->dp, &sweep->state->last_sweep);

	(void)fd;
	(void)what;
	if (err && !sweep->failed) {
		log_error("the sweep does not run, sessions do not expire: %s", strerror(-err));
	}
	sweep->failed = err != 0;
	sweep->interval_ms = next_interval(sweep, cpu_time_us() - started);
	schedule(sweep);
}

int sweep_start(struct event_base *base, struct natgwd_state *state, struct sweep **ret_sweep)
{
	struct sweep *sweep = calloc(1, sizeof(*sweep));

	if (!sweep) {
		return -ENOMEM;
	}
	sweep->state = state;
	sweep->interval_ms = SWEEP_MS_MIN;
	sweep->timer = event_new(base, -1, 0, run, sweep);
	if (!sweep->timer) {
		free(sweep);
		return -ENOMEM;
	}
	schedule(sweep);
	*ret_sweep = sweep;
	return 0;
}

void sweep_stop(struct sweep *sweep)
{
	if (sweep) {
		event_free(sweep->timer);
		free(sweep);
	}
}
