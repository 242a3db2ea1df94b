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

/* All rows of a kind, sorted by address where nothing else is said. */
struct apply_addresses {
	struct apply_address *rows;
	size_t count;
};

struct apply_pass {
	struct natgwd_state *state;
	struct datapath *dp;
	const struct config *config;
	const struct netdev *netdev;
	uint32_t gateway_index[NATGW_GATEWAYS_MAX];	   /* by position in the config */
	struct natgw_gateway gateways[NATGW_GATEWAYS_MAX]; /* rows as they are, by index */
	uint32_t tables[CONFIG_TABLES_MAX];		   /* numbers, by position in the config */
	uint32_t now;					   /* ticks, when the pass began */
	uint16_t features; /* NATGW_FEATURE_*, as they are in force */
	bool counted;	   /* a sweep has run in this pass: what is in use is known */
	bool reclaims;	   /* an EIP gets the index of one that goes */
};

/* ---- apply.c ---- */

/* Settings, with these rule_count rules in force; order NULL: those that are. */
int apply_settings(const struct apply_pass *pass, const uint32_t *order, uint32_t rule_count);

/* Counts sessions and ports anew, once in a pass: the first one comes before any sweep. */
int apply_count(struct apply_pass *pass);

/* ---- apply_iface.c ---- */

/* Of the external interface by which hairpinned packets come in again; 0: none is there. */
uint32_t apply_hairpin_ifindex(const struct natgwd_state *state);

/* ---- apply_feature.c ---- */

/* What of NATGW_FEATURE_* the config uses. */
uint16_t apply_features_wanted(const struct apply_pass *pass);
/* Puts these in force, and no others. */
int apply_features_set(struct apply_pass *pass, uint16_t features);

/* ---- apply_rule.c ---- */

/* -ENOSPC with a logged line when the config's rules have no room. Writes nothing. */
int apply_rule_check(struct apply_pass *pass, const struct apply_addresses *addresses);
/* Rules, the pools of SNAT rules and the order, and with them the settings. */
int apply_rule_put(struct apply_pass *pass, const struct apply_addresses *addresses);

/* ---- apply_rule_pool.c ---- */

/* The stretches of "pool" behind the gateways' own EIPs, where SNAT rules have theirs. */
struct apply_room {
	bool busy[NATGW_GATEWAYS_MAX][NATGW_POOL_ROWS_PER_GATEWAY];
};

/* The rows of this rule are not for the taking. */
void apply_room_keep(struct apply_room *room, const struct natgw_rule *rule);
/* Room for rule->pool_count rows into rule->pool_first, which is then taken; -ENOSPC: none. */
int apply_room_take(struct apply_room *room, struct natgw_rule *rule);
/* Are these the EIPs of the rule, as the map has them? rows: rule->pool_count. */
bool apply_room_is(struct datapath *dp, const struct natgw_rule *rule,
		   const struct natgw_pool_row *rows);
int apply_room_put(struct datapath *dp, const struct natgw_rule *rule,
		   const struct natgw_pool_row *rows);
/* Which EIPs, by index, the SNAT rules in force have. */
int apply_room_in_force(struct datapath *dp, bool ret_used[NATGW_EIPS_MAX]);

/* ---- apply_pool.c ---- */

/* EIPs into and out of the pools of the gateways. addresses: all that the config wants. */
int apply_pool_put(struct apply_pass *pass, const struct apply_addresses *addresses);
/* EIPs that are not wanted any more come out of them; nothing comes in. */
int apply_pool_shrink(struct apply_pass *pass);

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
/* Writes one row, unless it is so already. */
int apply_gateway_put(struct apply_pass *pass, uint32_t index, const struct natgw_gateway *row);
/* NULL when the config has no gateway with this index. */
const struct config_gateway *apply_gateway_config(const struct apply_pass *pass, uint32_t index);
/* Gateways that are not in the config any more: their sessions may go on to their end. */
int apply_gateway_retire(struct apply_pass *pass);
/* The state of one, as natgwd shows it; whoever watches it is told. */
void apply_gateway_move(struct natgwd_state *state, uint32_t index, enum natgw_gateway_state to);
/* Pending gateways of config become available, or failed. */
int apply_gateway_activate(struct natgwd_state *state, const struct config *config);
/* After a sweep: deleting gateways without sessions are deleted; *ret_any says whether any. */
int apply_gateway_finish(struct natgwd_state *state, bool *ret_any);

/* ---- apply_address.c ---- */

/* The rows that should be; the caller frees them. Writes nothing. */
int apply_address_wanted(struct apply_pass *pass, struct apply_addresses *ret_wanted);
/* Writes what is new or different. */
int apply_address_put(struct apply_pass *pass, const struct apply_addresses *wanted);
/* What is not wanted any more: EIPs drain, the rest goes. */
int apply_address_drop(struct apply_pass *pass, const struct apply_addresses *wanted);
/*
 * Draining EIPs that had no port in use at the last sweep are natgw's no more. room: those that
 * must be given back now to make room, so also those whose time has run out a moment ago, which
 * otherwise stay for late packets, and none that a rule in force has.
 */
int apply_address_release(struct datapath *dp, bool room);
const struct apply_address *apply_address_find(const struct apply_addresses *addresses,
					       __be32 addr);
bool apply_address_is_eip(const struct apply_address *address);
/* Has any session, live or held, a port of this EIP? */
bool apply_address_has_ports(struct datapath *dp, uint32_t eip);

/* ---- apply_address_list.c ---- */

int apply_address_append(struct apply_addresses *list, __be32 addr,
			 const struct natgw_address *row);
/* By address; of several rows of one address the one that counts stays. */
void apply_address_sort(struct apply_addresses *list);
/* All rows of the map. The caller frees ret_held->rows, also after an error. */
int apply_address_read(struct datapath *dp, struct apply_addresses *ret_held);

/* ---- apply_eip.c ---- */

/* Which EIP has which index. */
struct apply_numbers {
	struct apply_addresses held;
	bool used[NATGW_EIPS_MAX];   /* not for the taking */
	bool wanted[NATGW_EIPS_MAX]; /* its EIP is in the config */
	bool given[NATGW_EIPS_MAX];  /* its EIP goes, and another one has got it */
};

/* Rows of the EIPs of gateways and rules. numbers->held has been read. */
int apply_eip_wanted(struct apply_pass *pass, struct apply_numbers *numbers,
		     struct apply_addresses *wanted);
/* The gateway that has this EIP, as its own or in an SNAT rule; NULL: none. */
const struct config_gateway *apply_eip_owner(const struct config *config, __be32 addr);
/* enum natgw_on_host of an address that is nobody's EIP. */
uint8_t apply_eip_on_host(const struct apply_pass *pass, __be32 addr);

/* ---- apply_forward.c ---- */

/* Port forwards and the access list: what is new goes in, then what is old goes. */
int apply_forward_put(struct apply_pass *pass, const struct apply_addresses *addresses);
int apply_acl_put(struct apply_pass *pass);

/* ---- apply_reserved.c ---- */

/* Ports that must not be had any more, before anything depends on it. */
int apply_reserved_put(struct apply_pass *pass, const struct apply_addresses *addresses);
/* Ports that may be had again; of shared EIPs apply_reserved_refresh finds out. */
int apply_reserved_drop(struct apply_pass *pass, const struct apply_addresses *addresses);
/* The EIP that has had this index goes. */
int apply_reserved_clear(struct datapath *dp, uint32_t eip);

/* ---- apply_table.c ---- */

/* The numbers of all route tables. Writes nothing. */
int apply_table_assign(struct apply_pass *pass);
/* Of the gateway's own table; 0: it has none. */
uint32_t apply_table_of(const struct apply_pass *pass, const struct config_gateway *gateway);

/* ---- apply_route.c ---- */

/* Routes of the tables that gateways have of their own: before the gateways' rows name them. */
int apply_route_own(struct apply_pass *pass);
/* Subnets and routes of all tables. */
int apply_route_tables(struct apply_pass *pass);

#endif
