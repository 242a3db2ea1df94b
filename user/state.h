/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * What natgwd knows of itself at run time: filled by the daemon's modules, read by the API and
 * metrics. One thread; nothing here needs a lock.
 */
#ifndef NATGW_USER_STATE_H
#define NATGW_USER_STATE_H

#include <net/if.h>
#include <stdbool.h>
#include <stdint.h>
#include <time.h>

#include "config.h"
#include "datapath.h"
#include "top.h"

enum iface_attach {
	IFACE_ATTACH_NONE,
	IFACE_ATTACH_XDP_NATIVE,
	IFACE_ATTACH_XDP_GENERIC,
	IFACE_ATTACH_XDP_SHARED,
	IFACE_ATTACH_TC, /* tc filters only; the others have them too */
};

struct iface_state {
	char name[IF_NAMESIZE];
	uint32_t ifindex; /* 0: not there at the moment */
	uint8_t flags;	  /* NATGW_IFACE_* */
	enum iface_attach attach;
	char attach_reason[160]; /* why this way and not a faster one; may be empty */
	bool up;		 /* administratively up and with carrier */
	uint8_t mac[6];
	uint32_t mtu;
	__be32 addrs[8];
	uint8_t addr_lens[8];
	unsigned int addr_count;
};

/* By index of the gateway in the maps: element 0 is unused. */
struct gateway_status {
	char name[CONFIG_NAME_MAX]; /* empty: no such gateway */
	enum natgw_gateway_state state;
	char reason[160]; /* what is wrong; empty when nothing is */
};

/* A row of the map "rules" that is in force. */
struct rule_status {
	uint32_t number; /* of the row */
	uint32_t rule;	 /* position in config->rules, counted from 0 */
};

struct apply_reserved;
struct change;
struct drop_samples;
struct events;
struct follow;
struct keep;
struct lifecycle;
struct notify;
struct probe;
struct session_log;
struct sweep;

struct natgwd_state;

/* Who has a say in the states of gateways; set by lifecycle.c. */
struct gateway_hooks {
	/* May this pending gateway of config become available? It says itself why not. */
	bool (*admit)(struct natgwd_state *state, const struct config *config, uint32_t index);
	/* Its state has changed; from NATGW_GATEWAY_NONE: it was not known. */
	void (*moved)(struct natgwd_state *state, uint32_t index, enum natgw_gateway_state from);
};

struct natgwd_state {
	struct config *config;
	struct datapath *dp;
	struct follow *follow; /* the way of a new config */
	struct iface_state ifaces[NATGW_IFACES_MAX];
	unsigned int iface_count;
	struct gateway_status gateways[NATGW_GATEWAYS_MAX];
	const struct gateway_hooks *gateway_hooks; /* NULL: every gateway becomes available */
	char table_names[NATGW_SUBNETS_MAX > 256 ? 256 : NATGW_SUBNETS_MAX][CONFIG_NAME_MAX];
	struct rule_status rules[CONFIG_RULE_ROWS_MAX]; /* in the order of the data path */
	uint32_t rule_count;
	struct apply_reserved *reserved; /* see apply_reserved_refresh */
	struct natgw_sweep last_sweep;
	struct keep *keep; /* counters that outlive natgwd */
	/* Services (services.h), from the moment that natgwd serves. */
	struct change *change; /* by command */
	struct events *events; /* refused sessions */
	struct notify *notify;
	struct sweep *sweep;
	struct session_log *session_log;
	struct drop_samples *drop_samples;
	struct lifecycle *lifecycle;
	struct probe *probe;
	struct top_cache top;
	uint64_t config_generation; /* 1 after start, +1 for every reload that was applied */
	uint64_t reloads_ok;
	uint64_t reloads_failed;
	time_t started; /* CLOCK_REALTIME, seconds */
};

#endif
