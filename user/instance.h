/* SPDX-License-Identifier: GPL-2.0-only */
/* One natgwd in each network namespace. */
#ifndef NATGW_USER_INSTANCE_H
#define NATGW_USER_INSTANCE_H

/*
 * Claims this network namespace until *ret_fd is closed or the process ends. -EBUSY (logged) when
 * another natgwd has it.
 */
int instance_claim(int *ret_fd);

#endif
