/* SPDX-License-Identifier: GPL-2.0-only */
/* XDP programs at interfaces: by a pinned link, or through libxdp beside other programs. */
#ifndef NATGW_USER_XDPLINK_H
#define NATGW_USER_XDPLINK_H

#include <stdbool.h>
#include <stdint.h>

#include "loader.h"

enum xdplink_mode {
	XDPLINK_NATIVE,
	XDPLINK_GENERIC,
};

/* What is at an interface now. */
struct xdplink_status {
	bool attached; /* any XDP program */
	bool ours;     /* by the link pinned for this name */
	bool generic;
	uint32_t program_id;
};

int xdplink_query(const char *pin_path, const char *name, uint32_t ifindex,
		  struct xdplink_status *ret_status);

/* Whether natgw's program is there: by a live pinned link, or pinned as one of libxdp's. */
bool xdplink_exists(const char *pin_path, const char *name, uint32_t ifindex);

/*
 * Puts the program there. A live link of this mode is updated in place, anything else of ours under
 * this name is removed first.
 */
int xdplink_set(const char *pin_path, const char *name, uint32_t ifindex, enum xdplink_mode mode,
		int program_fd);

/* Detaches and unpins what is ours under this name, whether the interface is there or not. */
int xdplink_remove(const char *pin_path, const char *name, uint32_t ifindex);

/*
 * Joins the dispatcher of libxdp. -EOPNOTSUPP when libxdp can only attach it alone here, which a
 * pinned link does better.
 */
int xdplink_share(const char *pin_path, const char *name, uint32_t ifindex,
		  const struct loader *loader, enum loader_program program);

#endif
