/* SPDX-License-Identifier: GPL-2.0-only */
/* What natgwd does on its event loop beside the API: a list of services, each in its own module. */
#ifndef NATGW_USER_SERVICES_H
#define NATGW_USER_SERVICES_H

struct event_base;
struct natgwd_state;

/* In the order of the list, before privileges are dropped. Says which one failed; those that have
 * started are then running, and services_stop ends them. */
int services_start(struct event_base *base, struct natgwd_state *state);
/* In the opposite order; also after a start that failed. */
void services_stop(struct natgwd_state *state);

#endif
