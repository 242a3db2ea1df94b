/* SPDX-License-Identifier: GPL-2.0-only */
/* What the parts of the audit share: tables as they were read, findings, and one look at all. */
#ifndef NATGW_USER_AUDIT_INTERNAL_H
#define NATGW_USER_AUDIT_INTERNAL_H

#include <stddef.h>

#include "audit.h"
#include "natgw_maps.h"
#include "natgw_table.h"

/* ---- a map, copied ---- */

struct audit_table {
	uint8_t *rows; /* key, filled up to a multiple of 8 bytes, then value */
	size_t count;
	size_t room;
	uint32_t key_size;
	uint32_t value_size;
	uint32_t value_at;
	uint32_t row_size;
	uint32_t *slots; /* row number + 1 by hash of the key */
	uint32_t slot_mask;
};

#define AUDIT_TABLE_NONE SIZE_MAX

/* Every row that stands during the whole call is in it, once. */
int audit_table_read(int fd, uint32_t key_size, uint32_t value_size, struct audit_table *ret_table);
/* An empty one; audit_table_index when all rows have been added. 0 or -ENOMEM. */
struct audit_table audit_table_of(uint32_t key_size, uint32_t value_size);
int audit_table_add(struct audit_table *table, const void *key, const void *value);
int audit_table_index(struct audit_table *table);
void audit_table_free(struct audit_table *table);
const void *audit_table_key(const struct audit_table *table, size_t row);
const void *audit_table_value(const struct audit_table *table, size_t row);
/* Number of the row, or AUDIT_TABLE_NONE. */
size_t audit_table_find(const struct audit_table *table, const void *key);
/* The value of the row, or NULL. */
const void *audit_table_get(const struct audit_table *table, const void *key);

/* ---- findings ---- */

/* What a finding is about. */
enum audit_subject {
	AUDIT_SUBJECT_OUTBOUND,	   /* struct natgw_outbound_key */
	AUDIT_SUBJECT_INBOUND,	   /* struct natgw_inbound_key */
	AUDIT_SUBJECT_GATEWAY,	   /* __u32 */
	AUDIT_SUBJECT_CLIENT,	   /* struct natgw_client_key */
	AUDIT_SUBJECT_CLIENT_PORT, /* struct natgw_client_port_key */
	AUDIT_SUBJECT_DESTINATION, /* struct natgw_destination_key */
	AUDIT_SUBJECT_HOOK,	   /* __u32 */
	AUDIT_SUBJECT_SLOT,	   /* __u32[2]: of outbound? and the slot */
	AUDIT_SUBJECT_NONE,
};

/* What is said behind it. */
enum audit_detail {
	AUDIT_DETAIL_NONE,
	AUDIT_DETAIL_STATE,    /* have: a state; want: another, or 0 */
	AUDIT_DETAIL_SUM,      /* have: the count; want: what the rows give */
	AUDIT_DETAIL_BOTH,     /* have, want: two numbers */
	AUDIT_DETAIL_NUMBER,   /* have */
	AUDIT_DETAIL_OUTBOUND, /* other: struct natgw_outbound_key */
	AUDIT_DETAIL_INBOUND,  /* other: struct natgw_inbound_key */
};

/* X(kind, rule, subject, detail, text) */
#define AUDIT_KINDS(X)                                                                            \
	X(OUT_STATE, I1, OUTBOUND, STATE, "no row may stay in this state:")                       \
	X(IN_STATE, I1, INBOUND, STATE, "no row may stay in this state:")                         \
	X(OUT_ALONE, I1, OUTBOUND, NONE, "it has no inbound row")                                 \
	X(OUT_OTHER, I1, OUTBOUND, INBOUND, "its inbound row does not point back:")               \
	X(OUT_GENERATION, I1, OUTBOUND, INBOUND, "its inbound row is of another generation:")     \
	X(IN_ALONE, I1, INBOUND, NONE, "it lives and has no outbound row")                        \
	X(IN_OTHER, I1, INBOUND, OUTBOUND, "it lives, and its outbound row does not point back:") \
	X(IN_GENERATION, I1, INBOUND, OUTBOUND,                                                   \
	  "it lives, and its outbound row is of another generation:")                             \
	X(PAIR_STATE, I1, INBOUND, STATE, "its outbound row says another state:")                 \
	X(OUT_LOST, I1, OUTBOUND, NONE, "no lookup finds it")                                     \
	X(IN_LOST, I1, INBOUND, NONE, "no lookup finds it")                                       \
	X(SLOT_CLAIMED, I1, SLOT, NONE, "it is claimed, and nobody writes it")                    \
	X(SLOT_LOCKED, I1, SLOT, NONE, "it is locked, and nobody inserts")                        \
	X(SLOT_HOPS, I1, SLOT, NUMBER, "no row of this home is in the slot that it names:")       \
	X(SLOT_TAIL, I1, SLOT, SUM, "rows of this home in the tail:")                             \
	X(OUT_TWICE, I2, OUTBOUND, OUTBOUND, "external and remote endpoint are also those of")    \
	X(IN_MAPPED, I2, INBOUND, INBOUND, "external port is mapped to another client by")        \
	X(IN_GATEWAY, I3, INBOUND, NUMBER, "its gateway does not exist:")                         \
	X(IN_RULE, I3, INBOUND, NUMBER, "its rule does not exist:")                               \
	X(IN_EIP, I3, INBOUND, NONE, "external address is no EIP")                                \
	X(IN_EIP_GATEWAY, I3, INBOUND, BOTH,                                                      \
	  "external address and session belong to the gateways")                                  \
	X(IN_PUBLIC, I3, INBOUND, NONE,                                                           \
	  "external address is private, and no public address leads to it")                       \
	X(IN_RANGE, I3, INBOUND, NONE, "external port is not in its gateway's range")             \
	X(IN_SUBNET, I3, INBOUND, NONE, "internal address is in no subnet")                       \
	X(GATEWAY_SESSIONS, I4, GATEWAY, SUM, "gateway_use: sessions")                            \
	X(GATEWAY_CLIENTS, I4, GATEWAY, SUM, "gateway_use: clients")                              \
	X(GATEWAY_MAPPINGS, I4, GATEWAY, SUM, "gateway_use: mappings")                            \
	X(GATEWAY_HISTORY, I4, GATEWAY, SUM, "traffic: sessions created less closed")             \
	X(CLIENT_NONE, I4, INBOUND, NONE, "its client has no row in clients")                     \
	X(CLIENT_SESSIONS, I4, CLIENT, SUM, "clients: sessions")                                  \
	X(CLIENT_OPENING, I4, CLIENT, SUM, "clients: opening")                                    \
	X(CLIENT_PORT_NONE, I4, INBOUND, NONE, "its client has no row in client_ports")           \
	X(CLIENT_PORTS, I4, CLIENT_PORT, SUM, "client_ports: sessions")                           \
	X(DESTINATION_COUNT, I4, DESTINATION, BOTH, "destinations: count, and bits set:")         \
	X(DESTINATION_MISSING, I4, INBOUND, NONE, "its port is not set in destinations")          \
	X(DESTINATION_EXTRA, I4, DESTINATION, NUMBER,                                             \
	  "destinations: no session has the port that is set:")                                   \
	X(DESTINATION_FULL, I4, DESTINATION, NUMBER,                                              \
	  "destinations: the summary hides a free port:")                                         \
	X(PORT_USE_MISSING, I4, INBOUND, NONE, "its port is not set in port_use")                 \
	X(HELD_REUSED, I5, OUTBOUND, INBOUND, "external and remote endpoint are still held by")   \
	X(HOOK_PACKETS, I6, HOOK, BOTH, "packets seen, and verdicts given:")                      \
	X(HOOK_BYTES, I6, HOOK, BOTH, "bytes seen, and bytes of all verdicts:")

enum audit_kind {
#define X(kind, rule, subject, detail, text) AUDIT_KIND_##kind,
	AUDIT_KINDS(X)
#undef X
		AUDIT_KIND_COUNT,
};

#define AUDIT_KEY_SIZE 16

/* key and other: as the kind says, filled up with zeros. */
struct audit_finding {
	uint32_t kind;	     /* enum audit_kind */
	uint32_t generation; /* of the row; 0 for what has none */
	uint8_t key[AUDIT_KEY_SIZE];
	uint32_t number; /* what tells findings of one kind and key apart */
	uint8_t other[AUDIT_KEY_SIZE];
	uint64_t have;
	uint64_t want;
};

struct audit_findings {
	struct audit_finding *list;
	size_t count;
	size_t room;
};

/* 0 or -ENOMEM */
int audit_findings_add(struct audit_findings *findings, const struct audit_finding *finding);
/* Keeps of now what was found before, too; both are sorted then. */
void audit_findings_keep(struct audit_findings *now, struct audit_findings *before);
void audit_findings_sort(struct audit_findings *findings);
void audit_findings_free(struct audit_findings *findings);

#define AUDIT_TEXT_MAX 512
enum audit_rule audit_text_rule(const struct audit_finding *finding);
void audit_text(const struct audit_finding *finding, char ret_text[AUDIT_TEXT_MAX]);

/* ---- a session table, mapped ---- */

struct audit_slots {
	struct natgw_slot *list; /* not to be written to */
	uint32_t count;
	struct natgw_table_size size;
	bool is_outbound;
};

struct audit_look;
/* 0 or negative errno; -EPROTO: the map's size is not that of the layout. */
int audit_slots_open(const struct audit_look *look, enum audit_map map,
		     struct audit_slots *ret_slots);
void audit_slots_close(struct audit_slots *slots);
/* Every row that stands during the whole call is in it, also a dead one. */
int audit_slots_read(const struct audit_slots *slots, struct audit_table *ret_table);
/* Adds what is wrong with the slots themselves. */
int audit_slots_check(struct audit_look *look, const struct audit_slots *slots);

/* ---- one look ---- */

/* As bpf/track.h has it. */
enum audit_life {
	AUDIT_LIVE,
	AUDIT_HELD,
	AUDIT_FREE,
};

/* What is counted, at one moment. */
struct audit_counts {
	struct audit_table clients;
	struct audit_table client_ports;
	struct natgw_gateway_use use[NATGW_GATEWAYS_MAX];
	uint64_t created[NATGW_GATEWAYS_MAX];
	uint64_t closed[NATGW_GATEWAYS_MAX];
	uint64_t changes[NATGW_GATEWAYS_MAX]; /* rises with every row that comes or goes */
};

struct audit_look {
	const struct audit_maps *maps;
	struct audit_options options;
	unsigned int cpus;
	uint32_t now; /* ticks */
	struct audit_table gateways;
	struct audit_table rules;
	struct audit_table addresses;
	struct audit_table subnets;
	uint64_t subnet_lengths; /* bit: a prefix of this length exists */
	struct audit_table outbound;
	struct audit_table inbound;
	struct audit_table destinations;
	struct audit_counts before; /* the inbound table was read */
	struct audit_counts after;
	struct natgw_port_bits *reserved[NATGW_RESERVED_ROWS]; /* read when they are needed */
	struct audit_findings found;
};

/* Reads everything but the counters of packets. */
int audit_look_read(struct audit_look *look);
void audit_look_free(struct audit_look *look);
/* Adds a finding unless its rule is left out. */
int audit_look_found(struct audit_look *look, const struct audit_finding *finding);

const struct natgw_gateway *audit_look_gateway(const struct audit_look *look, uint32_t index);
const struct natgw_address *audit_look_address(const struct audit_look *look, __be32 addr);
bool audit_look_in_subnet(const struct audit_look *look, __be32 addr);
/* Does no new session of the EIP get this port? A port forward has it, or the host itself. */
int audit_look_reserved(struct audit_look *look, __be32 ext_addr, uint8_t proto, uint32_t port,
			bool *ret_reserved);

/* The ways of looking: each adds what it finds. 0 or negative errno. */
int audit_pairs(struct audit_look *look);	 /* I1, I2, I5 */
int audit_bounds(struct audit_look *look);	 /* I3 */
int audit_sums(struct audit_look *look);	 /* I4: clients and gateways */
int audit_destinations(struct audit_look *look); /* I4: bitmaps of destinations */
int audit_port_use(struct audit_look *look);	 /* I4: bitmaps of EIPs */
int audit_packets(struct audit_look *look);	 /* I6 */

/* ---- sessions ---- */

static inline uint32_t audit_state(const struct natgw_session *row)
{
	return row->word & NATGW_WORD_STATE_MASK;
}

static inline uint32_t audit_seen(const struct natgw_session *row)
{
	return (uint32_t)((row->word & NATGW_WORD_SEEN_MASK) >> NATGW_WORD_SEEN_SHIFT);
}

static inline uint32_t audit_gateway(const struct natgw_session *row)
{
	return (row->word >> NATGW_WORD_GATEWAY_SHIFT) & NATGW_WORD_GATEWAY_MASK;
}

static inline uint32_t audit_rule_number(const struct natgw_session *row)
{
	return (row->word >> NATGW_WORD_RULE_SHIFT) & NATGW_WORD_RULE_MASK;
}

static inline uint32_t audit_generation(const struct natgw_session *row)
{
	return (uint32_t)(row->word >> NATGW_WORD_GENERATION_SHIFT);
}

static inline bool audit_has_port(const struct natgw_port_bits *bits, uint32_t port)
{
	return bits->word[port >> 6 & 1023] >> (port & 63) & 1;
}

/* enum natgw_proto of IPPROTO_*; NATGW_PROTO_COUNT for what natgw does not translate */
enum natgw_proto audit_session_proto(uint8_t proto);
/* Keys of the other table, as bpf/session.h makes them. */
struct natgw_outbound_key audit_session_outbound_key(const struct natgw_inbound_key *key,
						     const struct natgw_session *row);
struct natgw_inbound_key audit_session_inbound_key(const struct natgw_outbound_key *key,
						   const struct natgw_session *row);
/* By this row's own time. */
enum audit_life audit_session_row_life(const struct audit_look *look, uint8_t proto,
				       const struct natgw_session *row);
/* Of the session of an inbound row; outbound: its row of the same generation, or NULL. */
enum audit_life audit_session_life(const struct audit_look *look, uint8_t proto,
				   const struct natgw_session *inbound,
				   const struct natgw_session *outbound);
/* The same for a row of look->inbound. */
enum audit_life audit_session_inbound_life(const struct audit_look *look, size_t row);

#endif
