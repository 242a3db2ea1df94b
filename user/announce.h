/* SPDX-License-Identifier: GPL-2.0-only */
/* Gratuitous ARP for EIPs, so that routers on the external side learn at once where they are. */
#ifndef NATGW_USER_ANNOUNCE_H
#define NATGW_USER_ANNOUNCE_H

#include "state.h"

struct announce;

/* Opens the packet socket; must come before privileges are dropped. */
int announce_open(struct announce **ret_announce);
void announce_free(struct announce *announce);

/*
 * Announces on one external interface, if it is up: EIPs and public addresses (one_to_one) inside
 * one of its prefixes, and those that are in no prefix of any external interface. What the host
 * holds is the kernel's; EIPs in two stages are on no wire.
 */
void announce_iface(const struct announce *announce, const struct natgwd_state *state,
		    const struct iface_state *iface);

/* On all external interfaces. */
void announce_all(const struct announce *announce, const struct natgwd_state *state);

#endif
