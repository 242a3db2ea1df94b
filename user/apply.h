/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * Config to rows of the maps, by difference: the first fill, a restart and a reload are the same
 * work. What is new goes in before what is old comes out.
 */
#ifndef NATGW_USER_APPLY_H
#define NATGW_USER_APPLY_H

#include <stdbool.h>

#include "netdev.h"
#include "state.h"

/*
 * An EIP may not be the host's own address unless it is shared, and then it must be; nor may the
 * addresses of one_to_one be. 0, or -EADDRINUSE or -EADDRNOTAVAIL with one logged line.
 */
int apply_check(const struct config *config, const struct netdev *netdev);

/*
 * Makes the maps say what config says. serving: the programs are attached, so new gateways become
 * available at once; otherwise they stay pending until apply_activate. Fills state->gateways and
 * state->table_names. What does not fit is found before anything is written; after any other error
 * the maps may hold a part of config.
 */
int apply_config(struct natgwd_state *state, const struct config *config,
		 const struct netdev *netdev, bool serving);

/* What apply_config finds out before it writes anything: 0, or why it would not begin. */
int apply_fits(struct natgwd_state *state, const struct config *config,
	       const struct netdev *netdev);

/* Pending gateways become available, or failed, as state->gateway_hooks has it. */
int apply_activate(struct natgwd_state *state);
/* A failed gateway of the config is pending again. */
int apply_retry(struct natgwd_state *state, uint32_t gateway);

/* After a sweep: EIPs that have left the config and have no port in use are given back, and
 * gateways that have left it and have no session are deleted: their routes are black holes from
 * then on. */
int apply_release(struct natgwd_state *state);

/* Addresses of the host have changed. */
int apply_addresses(struct natgwd_state *state, const struct netdev *netdev);

/* Interfaces that routes name have come or gone. */
int apply_routes(struct natgwd_state *state);

/*
 * Ports that the host itself uses of its shared EIPs, as it does now: those within
 * ip_local_port_range and those of its sockets are not for new sessions. Called once a second; does
 * nothing without shared EIPs. Now and then ports that nobody uses any more are given back.
 */
int apply_reserved_refresh(struct natgwd_state *state);
/* What it remembers between two calls. NULL is allowed. */
void apply_reserved_forget(struct apply_reserved *reserved);

/* The row of a managed interface, and whether XDP may redirect to it. */
int apply_iface(struct natgwd_state *state, const struct iface_state *iface, bool redirect);
int apply_iface_gone(struct natgwd_state *state, uint32_t ifindex);
/* External interfaces have come, gone or changed: which one takes hairpinned packets. */
int apply_hairpin(struct natgwd_state *state);

/* Rows of interfaces that are not managed any more. */
int apply_drop_ifaces(struct natgwd_state *state);

#endif
