/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * What would help where new sessions are refused: sentences with numbers, and how many new
 * connections a second the ports can bear. Pure: no map, no clock.
 */
#ifndef NATGW_USER_EXPLAIN_H
#define NATGW_USER_EXPLAIN_H

#include <stddef.h>
#include <stdint.h>

#include "natgw_maps.h"

/* Takes one sentence, without a full stop. */
typedef void explain_say(const char *text, void *arg);

/* ---- ports / hold-down ---- */

#define EXPLAIN_RATES_MAX 3

/* How long a port is taken beyond the connection itself, by how that ends, and what follows. */
struct explain_rate {
	const char *ending; /* "fin", "rst", "halfopen", "unreplied", "idle" */
	double seconds;
	double per_second; /* new connections to one destination by one EIP */
};

/* Those endings after which a port is taken for any time at all; up to EXPLAIN_RATES_MAX. */
size_t explain_rates(const struct natgw_gateway *gateway, uint8_t proto, uint32_t ports,
		     struct explain_rate *ret_rates);

/* ---- a destination without a free port ---- */

struct explain_ports {
	const struct natgw_gateway *gateway;
	uint32_t eips;	   /* that new sessions like these get */
	unsigned int rule; /* SNAT rule that these are of, counted from 1; 0: the gateway's own */
	uint8_t proto;	   /* IPPROTO_* */
	uint32_t used;	   /* towards the destination, by this EIP */
	uint32_t silent;   /* of these */
	uint32_t held_by[NATGW_HOLD_COUNT];
	uint64_t taken;	       /* in use and held by all EIPs of the gateway */
	uint32_t refused;      /* different connections that were refused lately */
	const char *client;    /* the one with most ports; NULL: none */
	uint32_t client_ports; /* its own, held ones too */
};

void explain_ports(const struct explain_ports *ports, explain_say *say, void *arg);

/* ---- quotas ---- */

struct explain_use {
	const struct natgw_gateway *gateway;
	uint64_t live; /* of the client, the gateway or the whole table */
	uint64_t held;
	uint64_t opening;
	uint64_t silent;
	uint64_t destinations; /* of a client */
	uint64_t sessions_max; /* rows of the session table */
};

/* error: enum natgw_alloc_error, any but NATGW_ALLOC_PORT_EXHAUSTED. */
void explain_quota(unsigned int error, const struct explain_use *use, explain_say *say, void *arg);

#endif
