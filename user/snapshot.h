/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * Rows of the maps joined with the names natgwd knows, sorted, for those who show them (API,
 * metrics). Each call reads the maps anew; the caller frees the array.
 */
#ifndef NATGW_USER_SNAPSHOT_H
#define NATGW_USER_SNAPSHOT_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "state.h"

struct snapshot_eip {
	__be32 addr;
	unsigned int gateway;
	bool draining;
	bool drain_over;    /* its time to drain has run out */
	uint32_t drain_s;   /* that are left of it */
	bool shared;	    /* with the host, which has it at this moment */
	__be32 public_addr; /* what is on the wire in its place, in two stages; else 0 */
	/* At the last sweep. */
	uint32_t ports_in_use[NATGW_PROTO_COUNT]; /* live or held */
	struct natgw_hold_count ports_held[NATGW_PROTO_COUNT];
};

struct snapshot_subnet {
	uint32_t table;
	__be32 addr;
	uint8_t len;
	char table_name[CONFIG_NAME_MAX];
	char prefix[20];
};

struct snapshot_route {
	struct snapshot_subnet to; /* the same fields: table and destination */
	uint8_t origin;		   /* enum natgw_origin */
	char target[CONFIG_NAME_MAX +
		    16];   /* "gateway:nat-a", "interface:wg0", "local", "blackhole" */
	const char *state; /* "active" or "blackhole" */
};

/* By gateway, then by address. */
int snapshot_eips(struct datapath *dp, struct snapshot_eip **ret_eips, size_t *ret_count);

/* By table, address, length. */
int snapshot_routes(const struct natgwd_state *state, struct snapshot_route **ret_routes,
		    size_t *ret_count);
int snapshot_subnets(const struct natgwd_state *state, struct snapshot_subnet **ret_subnets,
		     size_t *ret_count);

/*
 * The name of a gateway, "" for index 0. A gateway that is gone, with counters or sessions left, is
 * called by its number: "#3". The text lives until the next call.
 */
const char *snapshot_gateway_name(const struct natgwd_state *state, unsigned int index);

/* New sessions that each rule of the config has had a say in (no_nat: packets): as many as
 * config->rule_count. */
int snapshot_rule_hits(const struct natgwd_state *state, uint64_t **ret_hits);

/* Rows of the session tables; what the config asks for when the map does not say. */
uint32_t snapshot_sessions_max(const struct natgwd_state *state);

#endif
