/* SPDX-License-Identifier: GPL-2.0-only */
/* When the sweep runs, and what follows from it. */
#ifndef NATGW_USER_SWEEP_H
#define NATGW_USER_SWEEP_H

#include "state.h"

struct event_base;
struct sweep;

/* Runs the sweep from now on; the last pass is in state->last_sweep. */
int sweep_start(struct event_base *base, struct natgwd_state *state, struct sweep **ret_sweep);

/* One pass now, with the same result. */
int sweep_pass(struct natgwd_state *state);

void sweep_stop(struct sweep *sweep);

#endif
