/* SPDX-License-Identifier: GPL-2.0-only */
/* What the apply_*.c files share; nobody else includes this. */
#ifndef NATGW_USER_APPLY_INTERNAL_H
#define NATGW_USER_APPLY_INTERNAL_H

#include "apply.h"

/* A row of "addresses". */
struct apply_address {
	__be32 addr;
	struct natgw_address row;
};

struct apply_pass {
	struct natgwd_state *state;
	struct datapath *dp;
	const struct config *config;
	const struct netdev *netdev;
	uint32_t gateway_index[NATGW_GATEWAYS_MAX];	   /* by position in the config */
	struct natgw_gateway gateways[NATGW_GATEWAYS_MAX]; /* rows as they are, by index */
	uint32_t now;					   /* ticks, when the pass began */
	bool counted;  /* a sweep has run in this pass: what is in use is known */
	bool reclaims; /* an EIP gets the index of one that goes */
};

/* ---- apply.c ---- */

/* Settings, with the first rule_count rows of "rule_order" in force. */
int apply_settings(const struct apply_pass *pass, uint32_t rule_count);

/* Counts sessions and ports anew, once in a pass: the first one comes before any sweep. */
int apply_count(struct apply_pass *pass);

/* ---- apply_rule.c ---- */

/* Rules and their order, and with them the settings. */
int apply_rule_put(struct apply_pass *pass);

/* ---- apply_gateway.c ---- */

/* Rounded up. */
uint32_t apply_ticks(uint32_t seconds);

/*
 * Finds each gateway's index: by its name where this process knows it, by its private IP where the
 * maps do, else a free one. Writes nothing.
 */
int apply_gateway_assign(struct apply_pass *pass);
/* Writes the rows of the config's gateways; a new one is pending. */
int apply_gateway_rows(struct apply_pass *pass);
/* EIPs into and out of the pools. eips: rows of "addresses" that are EIPs, sorted by address. */
int apply_gateway_pools(struct apply_pass *pass, const struct apply_address *eips, size_t count);
/* EIPs that are not wanted any more come out of all pools; nothing comes in. */
int apply_gateway_shrink(struct apply_pass *pass);
/* Gateways that are not in the config any more. */
int apply_gateway_retire(struct apply_pass *pass);

/* ---- apply_address.c ---- */

/* The rows that should be, sorted by address; the caller frees *ret_rows. Writes nothing. */
int apply_address_wanted(struct apply_pass *pass, struct apply_address **ret_rows,
			 size_t *ret_count);
/* Writes what is new or different. */
int apply_address_put(struct apply_pass *pass, const struct apply_address *rows, size_t count);
/* What is not wanted any more: EIPs drain, the rest goes. */
int apply_address_drop(struct apply_pass *pass, const struct apply_address *rows, size_t count);
/*
 * Draining EIPs that had no port in use at the last sweep are natgw's no more. at_once: also those
 * whose time has run out a moment ago, which otherwise stay for late packets.
 */
int apply_address_release(struct datapath *dp, bool at_once);
const struct apply_address *apply_address_find(const struct apply_address *rows, size_t count,
					       __be32 addr);

/* ---- apply_route.c ---- */

/* Subnets and routes of all tables. */
int apply_route_tables(struct apply_pass *pass);

#endif
