/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * What natgwd tells the service manager that has started it: ready, reloading, ending, and that it
 * still lives. The protocol of sd_notify(3): datagrams to the socket that $NOTIFY_SOCKET names.
 */
#ifndef NATGW_USER_NOTIFY_H
#define NATGW_USER_NOTIFY_H

struct event_base;
struct notify;

/*
 * Reads $NOTIFY_SOCKET, $WATCHDOG_USEC and $WATCHDOG_PID. Without a socket, and with one that
 * cannot be used (a warning says so), *ret_notify is NULL, with which all of these functions do
 * nothing. With a watchdog, base tells the manager twice in its time that natgwd lives. -ENOMEM and
 * errors of socket(2).
 */
int notify_start(struct event_base *base, struct notify **ret_notify);
void notify_stop(struct notify *notify);

/* status: one line that the manager shows. */
void notify_ready(const struct notify *notify, const char *status);
/* Until the next notify_ready. */
void notify_reloading(const struct notify *notify);
void notify_stopping(const struct notify *notify);

#endif
