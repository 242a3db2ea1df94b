/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * What would become of a client's packet, and why: the facts are gathered from the maps, the kernel
 * and the dry run of the core (check_find.c), the judgement on them is pure (check_judge.c,
 * check_path.c). Nothing is changed or counted.
 */
#ifndef NATGW_USER_CHECK_H
#define NATGW_USER_CHECK_H

#include <net/if.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <time.h>

#include "config.h"
#include "hostroute.h"
#include "natgw_maps.h"

#define CHECK_TEXT_MAX 320
/* Refused sessions are told of for so long. */
#define CHECK_RECENT_S 300

/* Ports and addresses in network order. */
struct check_query {
	__be32 client;
	__be32 dst;
	__be16 client_port; /* ICMP: the identifier; 0: one that no session has */
	__be16 port;	    /* TCP and UDP; else 0 */
	uint8_t proto;	    /* IPPROTO_* */
};

/* ---- facts ---- */

/* A row of a route table that holds the destination. */
struct check_route {
	bool found;
	uint32_t table;
	struct config_prefix to;
	char table_name[CONFIG_NAME_MAX];
	char target[CONFIG_NAME_MAX + 16]; /* "gateway:nat-a", "interface:wg0", "local" */
	bool is_dead;			   /* a black hole, whatever it was meant to be */
	uint8_t kind;			   /* enum natgw_target */
	uint8_t origin;			   /* enum natgw_origin */
	uint8_t gateway;
	unsigned int line; /* of the config file; 0: not written there */
};

struct check_acl {
	bool found;
	bool deny;
	bool of_client; /* else of the destination */
	struct config_prefix prefix;
	unsigned int line;
};

/* place 0: none matched. */
struct check_rule {
	unsigned int place; /* in the config, counted from 1 */
	enum natgw_rule_kind kind;
	unsigned int line;
	uint16_t pool_first;
	uint16_t pool_count;
};

/* The interface that the client's packets come in by, and the client there. */
struct check_in {
	char iface[IF_NAMESIZE]; /* empty: no internal interface is configured */
	uint32_t ifindex;	 /* 0: it is not there */
	bool up;
	bool is_internal; /* false: the kernel sends to the client by an interface that is not */
	struct hostroute_neigh neigh;
};

/* The way on after the gateway, as the kernel has it. */
struct check_way {
	int error;	  /* of the kernel's route; 0: there is one */
	uint32_t ifindex; /* it leaves there */
	char iface[IF_NAMESIZE];
	bool is_external;
	bool up;
	__be32 via; /* the next hop; may be the destination itself */
	struct hostroute_neigh neigh;
	uint32_t mtu;		/* 0: not known */
	char down[IF_NAMESIZE]; /* an external interface that is down; empty: none is */
	char broken[160];	/* natgw's programs are not where they should be; empty: they are */
};

/* Ports towards the destination by one EIP. */
struct check_eip {
	__be32 addr;
	__be32 public_addr; /* on the wire in its place; 0: itself */
	uint32_t used;
	uint32_t held;
	uint32_t limit; /* for this client */
};

/* What a new session would count against. Held sessions count, where they do. */
struct check_use {
	uint64_t table_sessions;
	uint64_t table_max;   /* it holds these in any case, */
	uint64_t table_slots; /* and never more than these */
	uint32_t gateway_sessions;
	uint32_t clients; /* that the gateway knows */
	uint32_t client_sessions;
	uint32_t client_opening;
	uint32_t client_ports;		       /* towards the destination, by all EIPs */
	struct check_eip eips[NATGW_EIPS_MAX]; /* the client's own one first */
	size_t eip_count;
};

/* Sessions to the destination: address, port and protocol. */
struct check_talk {
	uint32_t established; /* now, or have been and hold their port */
	uint32_t refused;     /* ended by a reset before that */
	uint32_t opening;     /* without an answer for at least a second */
	uint32_t opening_s;   /* the longest of these, in seconds */
	bool has_own;	      /* one of this client */
	__be16 own_port;
	__be32 own_ext_addr;
	__be16 own_ext_port;
	unsigned int own_state; /* enum natgw_session_state */
	uint32_t own_idle_s;
};

/* Sessions of this client that were refused lately, as far as events tell. */
struct check_refused {
	uint32_t count;
	unsigned int verdict; /* of the last one */
	uint32_t seconds;     /* since then */
};

struct check_facts {
	struct check_query query;
	char file[64]; /* the config's, without its folder */
	struct check_in in;
	uint8_t client_kind; /* enum natgw_address_kind; 0: an address like any other */
	uint8_t dst_kind;
	__be32 public_addr; /* the client's own (one_to_one); 0: none */
	bool has_subnet;
	uint32_t table; /* its number */
	struct config_prefix subnet;
	char table_name[CONFIG_NAME_MAX];
	struct check_route route;     /* the longest match */
	struct check_route nat_route; /* the longest match that leads to a gateway */
	uint32_t gateway;	      /* the packet's, or that of nat_route; 0: none */
	char gateway_name[CONFIG_NAME_MAX];
	enum natgw_gateway_state state;
	char state_reason[160];
	unsigned int gateway_line;
	struct natgw_gateway row;	 /* of the gateway */
	char own_table[CONFIG_NAME_MAX]; /* the gateway's own route table; empty: none */
	struct check_route own_route;	 /* what that says */
	struct check_acl acl;		 /* the row that denies, else the one of the destination */
	struct check_rule rule, dnat, snat;
	struct check_use use;
	struct check_talk talk;
	struct check_refused refused;
	struct check_way way;
	bool was_run;			  /* dry: else there is no interface to come in by */
	struct natgw_check_result result; /* of the dry run */
};

/* ---- judgement ---- */

enum check_item_kind {
	CHECK_ITEM_STATE,
	CHECK_ITEM_WAY_OUT,
	CHECK_ITEM_ROUTE,
	CHECK_ITEM_DIVERTED,
	CHECK_ITEM_ACL,
	CHECK_ITEM_REFUSED,
	CHECK_ITEM_TARGET,
	CHECK_ITEM_CLIENT,
	CHECK_ITEM_PROTOCOL,
	CHECK_ITEM_COUNT,
};

enum check_outcome {
	CHECK_PASS,
	CHECK_FAIL,
	CHECK_NOT_APPLICABLE, /* or nobody can know */
};

struct check_item {
	enum check_outcome outcome;
	char what[CHECK_TEXT_MAX];
	char fix[CHECK_TEXT_MAX]; /* what to change; empty unless it failed */
};

struct check_step {
	const char *name;
	char what[CHECK_TEXT_MAX];
};

#define CHECK_STEPS_MAX 16

struct check_report {
	bool translated; /* a new session like this would be */
	char headline[CHECK_TEXT_MAX + 64];
	struct check_item items[CHECK_ITEM_COUNT];
	struct check_step steps[CHECK_STEPS_MAX];
	size_t step_count;
};

struct natgwd_state;

/* *ret_facts: freed by the caller. */
int check_gather(const struct natgwd_state *state, const struct check_query *query,
		 struct check_facts **ret_facts);

/* Pure, all that follow. */
void check_judge(const struct check_facts *facts, struct check_report *ret_report);
/* The steps of the report alone. */
void check_path(const struct check_facts *facts, struct check_report *report);
/* What a new session would meet of quotas and ports: NATGW_OK, or the verdict. */
enum natgw_verdict check_refusal(const struct check_facts *facts);
/* Ports that one EIP has left for the destination. */
uint32_t check_ports_left(const struct check_eip *eip);
/* What the dry run said of the packet: it is translated here, or by tc a moment later. */
bool check_is_out(unsigned int verdict);

const char *check_item_name(enum check_item_kind kind);	 /* "gateway_state" */
const char *check_item_title(enum check_item_kind kind); /* "the gateway is available" */
const char *check_outcome_name(enum check_outcome outcome);

/*
 * A frame of the query (with client_port) to this MAC address, as the client's first packet would
 * look: its size. At least CHECK_FRAME_MAX bytes of room.
 */
#define CHECK_FRAME_MAX 64
size_t check_frame(const struct check_query *query, const uint8_t mac[6], uint8_t *ret_frame);

#endif
