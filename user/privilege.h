/* SPDX-License-Identifier: GPL-2.0-only */
#ifndef NATGW_USER_PRIVILEGE_H
#define NATGW_USER_PRIVILEGE_H

/* Keeps CAP_BPF, CAP_NET_ADMIN and CAP_PERFMON, gives up everything else for good; uid stays. */
int privilege_drop(void);

#endif
