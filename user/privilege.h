/* SPDX-License-Identifier: GPL-2.0-only */
/* The capabilities of natgwd: what it needs to start, and what it keeps. */
#ifndef NATGW_USER_PRIVILEGE_H
#define NATGW_USER_PRIVILEGE_H

#define PRIVILEGE_TEXT_MAX 80

/* -EPERM: those in ret_missing ("CAP_BPF, CAP_NET_RAW") are not there, and natgwd cannot start. */
int privilege_check(char ret_missing[PRIVILEGE_TEXT_MAX]);

/* Keeps CAP_BPF, CAP_NET_ADMIN and CAP_PERFMON, gives up everything else for good; uid stays. */
int privilege_drop(void);

#endif
