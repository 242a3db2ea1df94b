/* SPDX-License-Identifier: GPL-2.0-only */
/* The end of a data path: filters, links, pins and remembered settings. */
#ifndef NATGW_USER_DETACH_H
#define NATGW_USER_DETACH_H

#include "config.h"
#include "runfile.h"

/*
 * Removes all that natgw has on this host for pin_path: the caller holds the lock on it. config may
 * be NULL; its interfaces are looked at beside those that the run file and the pins know.
 */
int detach_all(const char *pin_path, const struct config *config);

/* natgwd --detach: refused while a daemon runs. */
int detach_command(const char *pin_path, const struct config *config);

/* Interfaces that the run file knows and config does not: no longer natgw's. Saves the run file. */
int detach_dropped(const struct config *config, struct runfile *runfile);

#endif
