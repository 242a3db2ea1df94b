/* SPDX-License-Identifier: GPL-2.0-only */
/* One rtnetlink dump: the question, and a call for each message of the answer. */
#ifndef NATGW_USER_NLDUMP_H
#define NATGW_USER_NLDUMP_H

#include <libmnl/libmnl.h>
#include <stddef.h>
#include <stdint.h>

/*
 * type: RTM_GET*; message and size: the header that the kernel expects after the netlink header. fn
 * returns MNL_CB_OK, or MNL_CB_ERROR with errno set.
 */
int nldump_run(uint16_t type, const void *message, size_t size, mnl_cb_t fn, void *arg);

#endif
