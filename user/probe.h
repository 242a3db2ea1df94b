/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * The probe of the data path: every few seconds, for each gateway, would a client's packet be
 * translated and find its way out? The core is run dry, so no packet leaves and nothing is counted;
 * the programs at the interfaces and the next hop are looked at beside it.
 */
#ifndef NATGW_USER_PROBE_H
#define NATGW_USER_PROBE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "state.h"

/* Why a gateway's data path counts as down. Append only: natgw_probe_failures_total is kept by it.
 */
enum probe_reason {
	PROBE_STATE,	    /* the gateway is not available */
	PROBE_PROGRAM,	    /* natgw's programs are not at an interface, or others are */
	PROBE_LINK,	    /* an interface is down or not there */
	PROBE_DROPPED,	    /* the core would not translate the packet */
	PROBE_NEXT_HOP,	    /* the kernel knows no way out, or the next hop does not answer */
	PROBE_ERROR,	    /* the probe itself failed */
	PROBE_REASON_COUNT, /* at most PROBE_KEEP_REASONS */
};

struct probe_gateway {
	bool known; /* has been looked at since natgwd runs, and is not being deleted */
	bool up;
	enum probe_reason reason; /* when it is not up */
	char what[160];		  /* the same in words */
};

struct event_base;
struct probe;

/* The first probe is made at once. */
int probe_start(struct event_base *base, struct natgwd_state *state, struct probe **ret_probe);
void probe_stop(struct probe *probe);

/* By index of the gateway in the maps. NULL: it has not been looked at. */
const struct probe_gateway *probe_of(const struct probe *probe, unsigned int gateway);
/* Probes of it that failed for this reason, since its data path is there. */
uint64_t probe_failures(const struct probe *probe, unsigned int gateway, enum probe_reason reason);

/*
 * Are natgwd's own programs at every interface that is there, and no others in their place? 0, or
 * -ENOLINK and what is wrong; another errno when the kernel cannot be asked (and nothing is
 * written).
 */
int probe_programs(const struct natgwd_state *state, char *ret_what, size_t size);

const char *probe_reason_name(enum probe_reason reason);

#endif
