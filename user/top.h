/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * Who uses the ports: all destinations and clients, made from one pass over the sessions. Numbers
 * are those of the moment of the pass, not of the last sweep.
 */
#ifndef NATGW_USER_TOP_H
#define NATGW_USER_TOP_H

#include <stddef.h>
#include <stdint.h>

#include "natgw_maps.h"

struct datapath;

/* A live session without a packet for this time is called silent. */
#define TOP_SILENT_S 60

/* A destination as seen from one EIP: one inventory of ports. */
struct top_destination {
	struct natgw_destination_key key;
	uint32_t used;			    /* live sessions */
	uint32_t opening;		    /* of these, without a complete handshake or a reply */
	uint32_t silent;		    /* of these */
	uint32_t held;			    /* ports that are only held */
	uint32_t held_by[NATGW_HOLD_COUNT]; /* the same by cause */
	uint32_t client_count;
	size_t first_client; /* index of its first client in "shares" */
};

/* What one client has of a destination's ports. */
struct top_share {
	__be32 client;
	uint32_t used;
	uint32_t held;
};

struct top_client {
	struct natgw_client_key key;
	uint32_t sessions; /* live */
	uint32_t opening;  /* of these */
	uint32_t silent;   /* of these */
	uint32_t held;
	uint32_t destinations; /* distinct: address, port, protocol */
	uint32_t ports;	       /* distinct external ports of its sessions, held ones too */
	uint32_t most_to_one;  /* sessions to the destination that has most, held ones too */
	uint64_t bytes_out;    /* of its sessions, held ones too */
	uint64_t bytes_in;
	uint64_t bytes_gone[2]; /* of those that are no more; NATGW_OUTBOUND, NATGW_INBOUND */
	uint64_t errors[NATGW_ALLOC_ERROR_COUNT]; /* refused since the client is known */
};

struct top_item;

struct top {
	struct top_destination *destinations; /* by key */
	size_t destination_count;
	struct top_share *shares; /* destination by destination, most ports first */
	size_t share_count;
	struct top_client *clients; /* by key */
	size_t client_count;
	struct natgw_destination_record *records; /* by key: rows of "destinations" */
	size_t record_count;
	uint64_t session_count; /* live */
	uint64_t held_count;
	struct top_item *items; /* until top_finish */
	size_t item_count;
};

/* ---- made by hand, as the tests do ---- */

/* Zeroed is empty. All: 0 or -ENOMEM; top is a struct top. */
int top_add_session(const struct natgw_session_record *record, void *top);
int top_add_client(const struct natgw_client_key *key, const struct natgw_client *row, void *top);
int top_add_destination(const struct natgw_destination_record *record, void *top);
/* After the last one; nothing else below works before. */
int top_finish(struct top *top);
void top_free(struct top *top);

/* ---- made from the maps ---- */

/* At most a second old; a pass over a million sessions takes about a second. */
struct top_cache {
	struct top top;
	uint64_t made_ns; /* 0: there is none */
};

int top_get(struct top_cache *cache, struct datapath *dp, const struct top **ret_top);
/* Gives the memory back; the next answer is made anew. */
void top_forget(struct top_cache *cache);

/* ---- asked ---- */

/* Those with most ports or sessions, held ones too, up to max of them: their number. */
size_t top_destinations(const struct top *top, const struct top_destination **ret_best, size_t max);
/* Of one gateway; 0: of all. */
size_t top_clients(const struct top *top, uint32_t gateway, const struct top_client **ret_best,
		   size_t max);

/* NULL: it has no session. */
const struct top_destination *top_find_destination(const struct top *top,
						   const struct natgw_destination_key *key);
/* NULL: it has no row of its own, as it has few sessions. */
const struct natgw_destination_record *top_find_record(const struct top *top,
						       const struct natgw_destination_key *key);
const struct top_client *top_find_client(const struct top *top, const struct natgw_client_key *key);

#endif
