/* SPDX-License-Identifier: GPL-2.0-only */
/* What datapath.c and datapath_read.c share; nobody else includes this. */
#ifndef NATGW_USER_DATAPATH_INTERNAL_H
#define NATGW_USER_DATAPATH_INTERNAL_H

#include <stddef.h>

#include "datapath.h"

enum datapath_map {
	DATAPATH_LAYOUT,
	DATAPATH_SETTINGS,
	DATAPATH_CLOCK,
	DATAPATH_GENERATION,
	DATAPATH_IFACES,
	DATAPATH_DEVICES,
	DATAPATH_SUBNETS,
	DATAPATH_ROUTES,
	DATAPATH_GATEWAYS,
	DATAPATH_POOL,
	DATAPATH_ADDRESSES,
	DATAPATH_SEEN,
	DATAPATH_VERDICTS,
	DATAPATH_TRAFFIC,
	DATAPATH_GENERATED,
	DATAPATH_ACTIVE,
	DATAPATH_SWEEP_STATS,
	DATAPATH_PORT_USE,
	DATAPATH_MAP_COUNT,
};

#define DATAPATH_PORT_ROWS ((size_t)NATGW_EIPS_MAX * NATGW_PROTO_COUNT)

struct datapath {
	int fd[DATAPATH_MAP_COUNT];
	int pin_dir; /* the iterators are opened anew for every pass, below this directory */
	unsigned int cpus;
	struct natgw_port_bits *port_use;    /* the map itself, mapped: DATAPATH_PORT_ROWS rows */
	struct natgw_generation *generation; /* the map itself, mapped: one row */
	uint32_t eip_end;		     /* EIPs from this index on have never been in use */

	/* The last complete pass of the sweep; all zero before the first one. */
	struct natgw_active active[NATGW_GATEWAYS_MAX];
	uint32_t ports[DATAPATH_PORT_ROWS];
};

#endif
