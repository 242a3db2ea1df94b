// SPDX-License-Identifier: GPL-2.0-only
/*
 * The pace of the sweep: below 1 % of one core, by the CPU time that the pass itself took; slower
 * while the tables are empty. And what natgwd does after each pass: EIPs that drained are given
 * back, sessions that were refused get a line in the log. The pass itself is the data path's
 * (datapath_sweep).
 */
#include "sweep.h"

#include <errno.h>
#include <event2/event.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "apply.h"
#include "log.h"
#include "names.h"
#include "snapshot.h"

#define SWEEP_MS_MIN 1000
#define SWEEP_MS_IDLE 5000
#define SWEEP_MS_MAX 120000
#define SWEEP_SHARE 125

/* New sessions that one gateway has refused, by cause. */
struct refusals {
	uint64_t count;
	bool said; /* once, until a sweep finds no new one */
};

struct sweep {
	struct event *timer;
	struct natgwd_state *state;
	uint64_t interval_ms;
	struct refusals refusals[NATGW_GATEWAYS_MAX][NATGW_ALLOC_ERROR_COUNT];
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

static uint64_t count_refusals(const struct natgw_traffic *traffic, unsigned int cause)
{
	uint64_t count = 0;

	for (unsigned int proto = 0; proto < NATGW_PROTO_COUNT; proto++)
		count += traffic->alloc_errors[proto][cause];
	return count;
}

static void say_refusal(const struct natgwd_state *state, unsigned int gateway, unsigned int cause)
{
	static const char *const texts[NATGW_ALLOC_ERROR_COUNT] = {
		[NATGW_ALLOC_PORT_EXHAUSTED] = "no port is free towards some destination",
		[NATGW_ALLOC_TABLE_FULL] = "the session table is full (limits.sessions)",
		[NATGW_ALLOC_NO_EIP] = "it has no EIP that takes new sessions",
		[NATGW_ALLOC_CLIENT_QUOTA] =
			"some client has all the sessions it may have (max_sessions_per_client)",
		[NATGW_ALLOC_HALF_OPEN_QUOTA] =
			"some client has too many sessions without an answer (max_half_open_per_client)",
		[NATGW_ALLOC_PORT_QUOTA] =
			"some client has used up its ports towards a destination (ports_per_client)",
		[NATGW_ALLOC_GATEWAY_QUOTA] = "it has all the sessions it may have (max_sessions)",
		[NATGW_ALLOC_EIM_CONFLICT] =
			"an endpoint-independent mapping finds no port for itself",
	};

	log_warning(
		"gateway %s refuses new sessions: %s; counted as %s, see natgwctl explain-errors",
		snapshot_gateway_name(state, gateway), texts[cause], names_alloc_error(cause));
}

/* say: false at the start, where old refusals are no news. */
static void look_at_gateway(struct sweep *sweep, unsigned int gateway, bool say)
{
	struct natgw_traffic traffic;

	if (datapath_read_traffic(sweep->state->dp, gateway, &traffic)) {
		return;
	}
	for (unsigned int cause = 0; cause < NATGW_ALLOC_ERROR_COUNT; cause++) {
		struct refusals *refusals = &sweep->refusals[gateway][cause];
		uint64_t count = count_refusals(&traffic, cause);
		bool more = say && count > refusals->count;

		if (more && !refusals->said) {
			say_refusal(sweep->state, gateway, cause);
		}
		refusals->said = more;
		refusals->count = count;
	}
}

static void look_for_refusals(struct sweep *sweep, bool say)
{
	for (unsigned int i = 1; i < NATGW_GATEWAYS_MAX; i++) {
		if (sweep->state->gateways[i].name[0]) {
			look_at_gateway(sweep, i, say);
		}
	}
}

int sweep_pass(struct natgwd_state *state)
{
	int err = datapath_sweep(state->dp, &state->last_sweep);

	return err ? err : apply_release(state);
}

static void run(evutil_socket_t fd, short what, void *arg)
{
	struct sweep *sweep = arg;
	uint64_t started = cpu_time_us();
	int err = sweep_pass(sweep->state);

	(void)fd;
	(void)what;
	if (err && !sweep->failed) {
		log_error("the sweep does not run, sessions do not expire: %s", strerror(-err));
	}
	sweep->failed = err != 0;
	look_for_refusals(sweep, true);
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
	look_for_refusals(sweep, false);
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
