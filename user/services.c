// SPDX-License-Identifier: GPL-2.0-only
/* The list of services, and what it means to start and stop them. */
#include "services.h"

#include <stddef.h>
#include <string.h>

#include "change.h"
#include "drop_samples.h"
#include "events.h"
#include "lifecycle.h"
#include "log.h"
#include "notify.h"
#include "probe.h"
#include "session_log.h"
#include "state.h"
#include "sweep.h"

struct service {
	const char *name;
	int (*start)(struct event_base *base, struct natgwd_state *state);
	void (*stop)(struct natgwd_state *state);
};

static int start_events(struct event_base *base, struct natgwd_state *state)
{
	return events_start(base, state, &state->events);
}

static void stop_events(struct natgwd_state *state)
{
	events_stop(state->events);
	state->events = NULL;
}

static int start_notify(struct event_base *base, struct natgwd_state *state)
{
	return notify_start(base, &state->notify);
}

static void stop_notify(struct natgwd_state *state)
{
	notify_stop(state->notify);
	state->notify = NULL;
}

static int start_sweep(struct event_base *base, struct natgwd_state *state)
{
	return sweep_start(base, state, &state->sweep);
}

static void stop_sweep(struct natgwd_state *state)
{
	sweep_stop(state->sweep);
	state->sweep = NULL;
}

static int start_session_log(struct event_base *base, struct natgwd_state *state)
{
	return session_log_start(base, state, &state->session_log);
}

static void stop_session_log(struct natgwd_state *state)
{
	session_log_stop(state->session_log);
	state->session_log = NULL;
}

static int start_probe(struct event_base *base, struct natgwd_state *state)
{
	return probe_start(base, state, &state->probe);
}

static void stop_probe(struct natgwd_state *state)
{
	probe_stop(state->probe);
	state->probe = NULL;
}

static int start_drop_samples(struct event_base *base, struct natgwd_state *state)
{
	return drop_samples_start(base, state, &state->drop_samples);
}

static void stop_drop_samples(struct natgwd_state *state)
{
	drop_samples_stop(state->drop_samples);
	state->drop_samples = NULL;
}

static const struct service services[] = {
	{ "changes by command", change_start, change_stop },
	{ "the events", start_events, stop_events },
	{ "the sweep", start_sweep, stop_sweep },
	{ "the life cycle", lifecycle_start, lifecycle_stop },
	{ "the probe", start_probe, stop_probe },
	{ "the session log", start_session_log, stop_session_log },
	{ "the samples of drops", start_drop_samples, stop_drop_samples },
	{ "the words to the service manager", start_notify, stop_notify },
};

#define SERVICE_COUNT (sizeof(services) / sizeof(services[0]))

int services_start(struct event_base *base, struct natgwd_state *state)
{
	for (size_t i = 0; i < SERVICE_COUNT; i++) {
		int err = services[i].start(base, state);

		if (err) {
			log_error("cannot start %s: %s", services[i].name, strerror(-err));
			return err;
		}
	}
	return 0;
}

void services_stop(struct natgwd_state *state)
{
	for (size_t i = SERVICE_COUNT; i-- > 0;)
		services[i].stop(state);
}
