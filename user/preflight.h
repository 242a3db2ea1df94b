/* SPDX-License-Identifier: GPL-2.0-only */
/* What an interface is fit for, found out before anything is attached to it. */
#ifndef NATGW_USER_PREFLIGHT_H
#define NATGW_USER_PREFLIGHT_H

#include <stdbool.h>
#include <stdint.h>

#define PREFLIGHT_TEXT_MAX 160

/* Beyond this a frame does not fit into one page, and native XDP without fragments refuses it. */
#define PREFLIGHT_MTU_XDP 3498

struct preflight {
	char driver[32]; /* empty when the driver does not say */
	uint32_t mtu;
	bool veth;
	bool lro;    /* large receive offload is on: XDP would see merged packets */
	bool rxvlan; /* the card takes VLAN tags off: XDP would not see them */
};

/*
 * -EINVAL (not Ethernet) or the error of the first ioctl, with one line in ret_wrong: the interface
 * cannot be managed at all. Without a line when there is no socket to ask with.
 */
int preflight_check(const char *name, struct preflight *ret_preflight,
		    char ret_wrong[PREFLIGHT_TEXT_MAX]);

/* One line on why native XDP may not do well here; empty when nothing speaks against it. */
void preflight_advice(const struct preflight *preflight, char ret_advice[PREFLIGHT_TEXT_MAX]);

#endif
