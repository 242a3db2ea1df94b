/* SPDX-License-Identifier: GPL-2.0-only */
/* The running natgwd: start, event loop, reload, end. */
#ifndef NATGW_USER_DAEMON_H
#define NATGW_USER_DAEMON_H

#include "config.h"

/* Called first of all: from here on no SIGHUP ends the process; it is answered once it serves. */
void daemon_prepare(void);

/*
 * Starts, serves until SIGTERM or SIGINT, leaves the data path in place. Takes config over. 0, or a
 * negative errno after one logged line and with nothing left that was not there before.
 */
int daemon_run(struct config *config);

#endif
