/* SPDX-License-Identifier: GPL-2.0-only */
/* What datapath.c and the other datapath_*.c share; nobody else includes this. */
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
	DATAPATH_RULES,
	DATAPATH_RULE_ORDER,
	DATAPATH_RULE_HITS,
	DATAPATH_FORWARDS,
	DATAPATH_ACL,
	DATAPATH_RESERVED_PORTS,
	DATAPATH_SEEN,
	DATAPATH_VERDICTS,
	DATAPATH_TRAFFIC,
	DATAPATH_GENERATED,
	DATAPATH_ACTIVE,
	DATAPATH_SWEEP_STATS,
	DATAPATH_PORT_USE,
	DATAPATH_DESTINATION_USE,
	DATAPATH_HOLD,
	DATAPATH_PHASE,
	DATAPATH_CLIENTS,
	DATAPATH_GATEWAY_USE,
	DATAPATH_EVENTS,
	DATAPATH_SESSION_LOG,
	DATAPATH_SAMPLES,
	DATAPATH_CHECK_RESULT,
	DATAPATH_KILL,
	DATAPATH_IMPORT,
	DATAPATH_MAP_COUNT,
};

/* Rows by EIP and protocol: of "hold", and of one copy of "port_use". */
#define DATAPATH_EIP_ROWS ((size_t)NATGW_EIPS_MAX * NATGW_PROTO_COUNT)

struct datapath_operate;

struct datapath {
	int fd[DATAPATH_MAP_COUNT];
	int pin_dir; /* the iterators are opened anew for every pass, below this directory */
	unsigned int cpus;
	/* Maps themselves, mapped. */
	struct natgw_generation *generation;	       /* one row */
	struct natgw_port_bits *port_use;	       /* NATGW_PORT_USE_ROWS */
	struct natgw_destination_use *destination_use; /* two copies, as port_use */
	struct natgw_hold_count *hold;		       /* DATAPATH_EIP_ROWS */
	struct natgw_port_bits *reserved;	       /* NATGW_RESERVED_ROWS */
	bool changed;				       /* see datapath_commit */
	struct datapath_operate *operate;	       /* datapath_operate.c */
	void (*on_pause)(void *arg);		       /* datapath_on_pause */
	void *on_pause_arg;
	uint32_t eip_end; /* EIPs from this index on have never been in use */

	/* The last complete pass of the sweep; all zero before the first one. */
	struct natgw_active active[NATGW_GATEWAYS_MAX];
	uint32_t ports[DATAPATH_EIP_ROWS];
	struct natgw_hold_count held[DATAPATH_EIP_ROWS];
};

/* Sum over all CPUs of one row; size is a multiple of 8. */
int datapath_read_summed(const struct datapath *dp, enum datapath_map map, uint32_t key,
			 void *ret_value, size_t size);

/* The programs that are run by request; those of older pins may lack some. */
int datapath_operate_open(const char *pin_path, struct datapath_operate **ret_operate);
void datapath_operate_free(struct datapath_operate *operate);

/* Pinned iterators, below pin_dir. The caller closes the descriptor. */
int datapath_iterator_open(const struct datapath *dp, const char *name, int *ret_fd);
/* As read(): *ret_size is 0 at the end. */
int datapath_iterator_read(int fd, void *buffer, size_t size, size_t *ret_size);
/* Reads it to its end, with dp->on_pause in between; what it writes says only that there is
 * something to do. */
int datapath_iterator_run(const struct datapath *dp, const char *name);

#endif
