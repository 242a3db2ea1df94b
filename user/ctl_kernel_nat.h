/* SPDX-License-Identifier: GPL-2.0-only */
/* Sessions that the kernel's own NAT of this host has: IPv4, source address translated. */
#ifndef NATGW_USER_CTL_KERNEL_NAT_H
#define NATGW_USER_CTL_KERNEL_NAT_H

#include <libmnl/libmnl.h>
#include <stdint.h>

#include "natgw_operate.h"

/* Why an entry of conntrack is not one to be taken over. */
enum ctl_kernel_nat_kind {
	CTL_KERNEL_NAT_SESSION,
	CTL_KERNEL_NAT_NOT_NAT, /* its source is not translated */
	CTL_KERNEL_NAT_DNAT,	/* its destination is, too */
	CTL_KERNEL_NAT_OVER,	/* TCP, closed */
	CTL_KERNEL_NAT_PROTO,	/* neither TCP, UDP nor ICMP echo */
};

/*
 * What a message of the dump says; with CTL_KERNEL_NAT_SESSION *ret_session is what natgwd takes
 * (idle is not known: 0). -EPROTO: something is missing in it. Pure.
 */
int ctl_kernel_nat_parse(const struct nlmsghdr *message, enum ctl_kernel_nat_kind *ret_kind,
			 struct natgw_import *ret_session);

/* All of this network namespace. fn: not 0 ends it. -EPERM: needs root. */
int ctl_kernel_nat_dump(int (*fn)(enum ctl_kernel_nat_kind kind, const struct natgw_import *session,
				  void *arg),
			void *arg);

#endif
