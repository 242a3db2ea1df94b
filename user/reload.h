/* SPDX-License-Identifier: GPL-2.0-only */
#ifndef NATGW_USER_RELOAD_H
#define NATGW_USER_RELOAD_H

#include "follow.h"

/*
 * Reads the config file again and applies the difference. What has an error or does not
 * fit changes nothing; what needs a restart is said and stays as it is. Counts in state.
 */
void reload_config(struct follow *follow);

/*
 * Puts this config in force and takes it over; all or nothing. what: who asks, for the log. 0, or a
 * negative errno with one logged error; the config is the caller's then, and the one before is in
 * force.
 */
int reload_apply(struct follow *follow, struct config *config, const char *what);

/* Would reload_apply refuse it? Changes nothing but private IPs in config that are "auto". */
int reload_try(struct follow *follow, struct config *config, const char *what);

#endif
