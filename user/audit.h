/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * The audit: do the maps agree with each other? It reads them alone, needs no natgwd and changes
 * nothing. The rules I1 to I6 are explained in docs/operations.md.
 *
 * Traffic may be running. What looks wrong is looked at again, after a pause, and again; only what
 * is still wrong, for the same generation of the same row, is a finding.
 */
#ifndef NATGW_USER_AUDIT_H
#define NATGW_USER_AUDIT_H

#include <stdbool.h>
#include <stdint.h>

enum audit_map {
	AUDIT_MAP_LAYOUT,
	AUDIT_MAP_CLOCK,
	AUDIT_MAP_GATEWAYS,
	AUDIT_MAP_RULES,
	AUDIT_MAP_ADDRESSES,
	AUDIT_MAP_SUBNETS,
	AUDIT_MAP_OUTBOUND,
	AUDIT_MAP_INBOUND,
	AUDIT_MAP_CLIENTS,
	AUDIT_MAP_CLIENT_PORTS,
	AUDIT_MAP_GATEWAY_USE,
	AUDIT_MAP_DESTINATIONS,
	AUDIT_MAP_PORT_USE,
	AUDIT_MAP_RESERVED_PORTS,
	AUDIT_MAP_PHASE,
	AUDIT_MAP_TRAFFIC,
	AUDIT_MAP_SEEN,
	AUDIT_MAP_VERDICTS,
	AUDIT_MAP_COUNT,
};

struct audit_maps {
	int fd[AUDIT_MAP_COUNT];
};

enum audit_rule {
	AUDIT_I1 = 1, /* every session has one row in each table, lookups find both, and they
			 point to each other */
	AUDIT_I2,     /* no two sessions share an external endpoint towards one remote endpoint */
	AUDIT_I3, /* sessions are within their gateway's ports, or those of its forwards, EIPs and
		     subnets */
	AUDIT_I4, /* counts and bitmaps say what the rows say */
	AUDIT_I5, /* nothing is used again before its hold-down is over */
	AUDIT_I6, /* every packet has one verdict */
};

/* text: one line without an end of line; valid during the call only. */
typedef void audit_report(enum audit_rule rule, const char *text, void *arg);

struct audit_result {
	uint64_t sessions; /* inbound rows at the last look */
	uint64_t findings;
};

/* The name of a map's pin. */
const char *audit_map_name(enum audit_map map);

/*
 * Opens the maps pinned in the folder. Negative errno: -ENOENT when it has no natgw, -EPROTO when
 * its maps have another layout. *ret_name is the pin that it is about. audit_close also after a
 * failure.
 */
int audit_open(const char *pins, struct audit_maps *ret_maps, const char **ret_name);
void audit_close(struct audit_maps *maps);

struct audit_options {
	unsigned int without; /* bit 1 << rule: leave that rule out */
	bool at_rest;	      /* nothing changes meanwhile: one look tells all */
	bool no_history;      /* "traffic" counts more sessions than those of these tables */
};

/*
 * Calls report for every finding, in the order of the rules. 0, or negative errno when a map cannot
 * be read or there is no memory; then nothing has been reported. Takes about 150 bytes of memory
 * for each session, 250 for each client and 8 KiB for each row of "destinations".
 */
int audit_run(const struct audit_maps *maps, const struct audit_options *options,
	      audit_report *report, void *arg, struct audit_result *ret_result);

#endif
