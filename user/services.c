// SPDX-License-Identifier: GPL-2.0-only
/* The list of services, and what it means to start and stop them. */
#include "services.h"

#include <stddef.h>
#include <string.h>

#include "events.h"
#include "log.h"
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

static int start_sweep(struct event_base *base, struct natgwd_state *state)
{
	return sweep_start(base, state, &state->sweep);
}

static void stop_sweep(struct natgwd_state *state)
{
	sweep_stop(state->sweep);
	state->sweep = NULL;
}

static const struct service services[] = {
	{ "the events", start_events, stop_events },
	{ "the sweep", start_sweep, stop_sweep },
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
