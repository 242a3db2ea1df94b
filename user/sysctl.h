/* SPDX-License-Identifier: GPL-2.0-only */
/* The two settings of the kernel's IPv4 stack that natgwd takes care of. */
#ifndef NATGW_USER_SYSCTL_H
#define NATGW_USER_SYSCTL_H

#include "runfile.h"
#include "state.h"

/* Forwarding on for this interface; when it was off, says so and remembers it in runfile. */
int sysctl_forwarding(const char *iface, struct runfile *runfile);

/*
 * No ICMP redirects from this interface and from "all": a one-armed gateway would tell its clients
 * to go round it. The old values go into runfile.
 */
int sysctl_no_redirects(const char *iface, struct runfile *runfile);

/* What runfile remembers of one interface, and forgets it. */
void sysctl_restore_iface(struct runfile *runfile, const char *iface);

/* What runfile remembers; interfaces that are gone do not matter. */
void sysctl_restore(const struct runfile *runfile);

#endif
