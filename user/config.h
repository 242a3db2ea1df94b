/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * The configuration: YAML text to a validated struct config and back. No I/O but reading the given
 * stream; nothing running is touched. Errors carry file:line:column and say what would be right.
 */
#ifndef NATGW_USER_CONFIG_H
#define NATGW_USER_CONFIG_H

#include <linux/types.h>
#include <net/if.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>

#include "natgw_maps.h"

#define CONFIG_NAME_MAX 32 /* with the NUL */
#define CONFIG_PATH_MAX 108
#define CONFIG_FILE_MAX 1048576 /* bytes of a file that is read */
#define CONFIG_TABLES_MAX 255	/* their numbers take 1 to 255 in the maps */
/* An idle time and a hold together stay far below half of 32 bits of ticks, where ages would turn.
 */
#define CONFIG_TIMEOUT_MAX_S 86400U
/* Half-open and unreplied sessions of one client, unless its gateway says more: this part of all
 * rows. */
#define CONFIG_OPENING_SHARE 8
#define CONFIG_DRAIN_DEFAULT_S 350U
#define CONFIG_DRAIN_MAX_S 4000U
/*
 * Rows of the map "rules" that one config may have: the rows of the config before must stay as they
 * are until the new ones are in force.
 */
#define CONFIG_RULE_ROWS_MAX ((NATGW_RULES_MAX - 1) / 2)

enum config_attach {
	CONFIG_ATTACH_AUTO,	   /* native XDP where the interface is fit for it, else tc */
	CONFIG_ATTACH_XDP,	   /* native XDP or an error */
	CONFIG_ATTACH_XDP_GENERIC, /* native, else generic XDP */
	CONFIG_ATTACH_XDP_SHARED,  /* through libxdp, beside other programs */
	CONFIG_ATTACH_TC,	   /* tc only */
};

/* Where something stands in the file; line and column count from 1. */
struct config_place {
	unsigned int line;
	unsigned int column;
};

/* addr in network byte order, host bits zero. */
struct config_prefix {
	__be32 addr;
	uint8_t len;
};

struct config_interface {
	char name[IF_NAMESIZE];
	uint8_t flags; /* NATGW_IFACE_INTERNAL | NATGW_IFACE_EXTERNAL: both when one-armed */
	struct config_place place;
};

/* Of each direction by itself; 0: no limit. */
struct config_rate {
	uint64_t bits_per_second; /* of IP packets */
	uint64_t packets_per_second;
};

#define CONFIG_TAGS_MAX 16
#define CONFIG_TAG_VALUE_MAX 129 /* with the NUL */

/* value: printable ASCII. */
struct config_tag {
	char name[CONFIG_NAME_MAX];
	char value[CONFIG_TAG_VALUE_MAX];
};

struct config_gateway {
	char name[CONFIG_NAME_MAX];
	char profile[CONFIG_NAME_MAX];
	__be32 private_ip;
	bool private_auto;	 /* private_ip: auto; 0 until lifecycle_prepare has found one */
	struct config_tag *tags; /* in the order of the file */
	size_t tag_count;
	/* Ranges and prefixes written out, in the order of the file; none only with default_snat
	 * off. */
	__be32 *eips;
	size_t eip_count;
	struct config_place eips_place;
	__be32 *shared; /* those of eips that are the host's own addresses, and say so */
	size_t shared_count;
	bool is_private;      /* type: private */
	bool two_stage;	      /* mode: two-stage; each EIP has a row in one_to_one */
	bool no_default_snat; /* default_snat: off */
	bool unmatched_pass;
	uint8_t fragments; /* NATGW_FRAGMENTS_* */
	enum natgw_icmp icmp;
	uint8_t allow_targets;	     /* allow_nat_to: bit enum natgw_target */
	char table[CONFIG_NAME_MAX]; /* route_table: its own, after translation; empty: none */
	struct config_place table_place;
	uint16_t port_first; /* inclusive */
	uint16_t port_last;  /* inclusive */
	bool eip_random;
	bool refresh_outbound;
	bool opening_by_default; /* client_opening_max follows the size of the tables */
	uint8_t mapping;	 /* NATGW_MAPPING_*, NATGW_FILTERING_* */
	enum natgw_no_session no_session;
	enum natgw_on_exhaustion on_exhaustion;
	uint32_t drain_s;	    /* of an EIP that is taken out */
	uint32_t destination_ports; /* 1 .. ports of the range */
	uint32_t sessions_max;	    /* this and the following: 0: no limit */
	uint32_t client_sessions_max;
	uint32_t client_opening_max;
	uint32_t client_ports_min; /* towards one destination */
	uint32_t client_ports_max;
	struct config_rate rate;
	struct config_rate client_rate;
	uint32_t timeout_s[NATGW_TIMER_COUNT];
	struct config_place place;
};

/* What a session's first packet must be, and what its session then has of its own. */
struct config_rule {
	enum natgw_rule_kind kind;
	uint16_t to_port; /* DNAT; 0: the port stays */
	uint32_t mark;	  /* DNAT: sets it, unless it is 0. SNAT: must be this one; 0: any */
	bool shared_mark; /* DNAT: another rule may set the mark as well */
	__be32 *eips;	  /* SNAT, in order; none or all of them are in the gateway's own list */
	size_t eip_count;
	char gateway[CONFIG_NAME_MAX]; /* empty: every gateway; never empty of SNAT */
	struct config_prefix from;     /* client */
	struct config_prefix to;       /* remote */
	uint8_t proto;		       /* IPPROTO_*; 0: any */
	uint16_t port_first;	       /* of the remote; 0 and 65535: any */
	uint16_t port_last;
	bool has_mapping;
	bool has_filtering;
	uint8_t mapping; /* NATGW_MAPPING_*, NATGW_FILTERING_*, as far as written */
	uint32_t timers; /* bit enum natgw_timer: timeout_s says; else the gateway does */
	uint32_t timeout_s[NATGW_TIMER_COUNT];
	struct config_place place;
};

struct config_route {
	struct config_prefix to;
	enum natgw_target target;
	enum natgw_origin origin;   /* NATGW_ORIGIN_STATIC when it comes from the file */
	char name[CONFIG_NAME_MAX]; /* gateway or interface; empty for local and blackhole */
	struct config_place place;
};

struct config_route_table {
	char name[CONFIG_NAME_MAX];
	struct config_prefix *subnets;
	size_t subnet_count;
	struct config_route *routes;
	size_t route_count;
	/* main: config_parse has added to its subnets the internal prefixes that no table has. */
	bool is_main;
	struct config_place place;
};

struct config_one_to_one {
	__be32 private_addr;
	__be32 public_addr;
	struct config_place place;
};

/* External ports ext_first .. ext_last to int_addr, int_first and on. */
struct config_forward {
	char gateway[CONFIG_NAME_MAX]; /* never empty */
	__be32 ext_addr; /* an EIP of it, or of its SNAT rules; two-stage: the private address */
	__be32 int_addr;
	uint8_t proto; /* IPPROTO_TCP or IPPROTO_UDP */
	uint16_t ext_first;
	uint16_t ext_last;
	uint16_t int_first;
	struct config_place place;
};

/* Addresses of the inventory, both ends inclusive, in network byte order. */
struct config_span {
	__be32 first;
	__be32 last;
};

struct config_acl {
	struct config_prefix prefix;
	bool deny;
	struct config_place place;
};

#define CONFIG_LOG_SINKS_MAX 8

/* What of the session log is wanted: created and closed sessions, refused ones, or both. */
enum config_log_filter {
	CONFIG_LOG_ALL,
	CONFIG_LOG_TRANSLATIONS,
	CONFIG_LOG_ERRORS,
};

/* A file of JSON lines, or an IPFIX collector. */
struct config_log_sink {
	char path[CONFIG_PATH_MAX]; /* of the file; empty: a collector */
	uint64_t rotate_size;	    /* bytes; 0: natgwd does not rotate it */
	uint32_t rotate_keep;	    /* files beside the one that is written */
	char addr[46];		    /* of the collector */
	uint16_t port;
	bool tcp;
	uint32_t domain;	      /* observation domain */
	uint32_t template_interval_s; /* over UDP */
	struct config_place place;
};

struct config_session_log {
	enum config_log_filter filter;
	struct config_log_sink *sinks;
	size_t sink_count; /* 0: off */
};

struct config {
	char *file; /* as named by the caller, for messages */
	struct config_interface *interfaces;
	size_t interface_count;
	enum config_attach attach;
	struct config_gateway *gateways;
	size_t gateway_count;
	struct config_route_table *tables;
	size_t table_count;
	struct config_rule *rules; /* the first of its kind that matches counts */
	size_t rule_count;
	struct config_one_to_one *one_to_one;
	size_t one_to_one_count;
	struct config_forward *forwards;
	size_t forward_count;
	struct config_acl *acl;
	size_t acl_count;
	/* As the file has them; the main table's subnets hold those that no table has. */
	struct config_prefix *internal_prefixes;
	size_t internal_prefix_count;
	struct config_place internal_place;
	struct config_prefix *local; /* external prefixes that internal ones reach untranslated */
	size_t local_count;
	struct config_span *inventory; /* the EIPs that there are; none: not declared */
	size_t inventory_count;
	uint32_t gateways_max; /* limits.max_gateways, limits.max_eips; 0: no limit */
	uint32_t eips_max;
	uint32_t sessions; /* rows of each session table */
	struct config_place sessions_place;
	uint32_t mark; /* one bit of skb->mark */
	bool fail_open;
	bool reply_ping;
	bool drop_ipv6; /* ipv6: drop; else it is the kernel's */
	struct config_session_log session_log;
	uint32_t probe_interval_s; /* of the data path */
	__be32 probe_destination;
	char metrics_addr[46]; /* empty: no TCP listener */
	uint16_t metrics_port;
	char control_socket[CONFIG_PATH_MAX];
	char read_socket[CONFIG_PATH_MAX]; /* empty: none */
	bool read_socket_named;		   /* by the file */
	char control_group[CONFIG_NAME_MAX];
	char pin_path[CONFIG_PATH_MAX];
};

/* One line: "file:line:column: what, and what would be right", no newline at its end. */
struct config_error {
	char text[640];
};

/*
 * Reads and validates a whole file. 0 and *ret_config (config_free it), or a negative errno with
 * *ret_error filled and *ret_config untouched: -EINVAL bad content, -ENOMEM.
 * Interfaces are checked for existence only by config_check_interfaces.
 */
int config_parse(FILE *stream, const char *file, struct config **ret_config,
		 struct config_error *ret_error);

/* Opens path and parses it; -errno of the open with a message that names the path. */
int config_load(const char *path, struct config **ret_config, struct config_error *ret_error);

/* The interfaces named must exist in this network namespace: 0, or -ENODEV with the message. */
int config_check_interfaces(const struct config *config, struct config_error *ret_error);

void config_free(struct config *config);

/*
 * Things allowed and worth a line, e.g. a timeout below what RFC 4787 or 5382 ask for: calls warn
 * once for each, text without newline.
 */
void config_warnings(const struct config *config, void (*warn)(const char *text, void *arg),
		     void *arg);

/* The canonical text; parsed again it gives the same config and the same text. */
int config_print(const struct config *config, FILE *stream);

/* NULL when there is none of that name. */
const struct config_gateway *config_find_gateway(const struct config *config, const char *name);

/* Does a rule hold for this gateway? A session rule has a row of the map "rules" for each that it
 * does, the others have one. */
bool config_rule_is_for(const struct config_rule *rule, const struct config_gateway *gateway);
/* What the sessions of a rule at this gateway have: NATGW_MAPPING_*, NATGW_FILTERING_*. */
uint8_t config_rule_mapping(const struct config_rule *rule, const struct config_gateway *gateway);
uint32_t config_rule_timeout_s(const struct config_rule *rule, const struct config_gateway *gateway,
			       enum natgw_timer timer);

/* Names as the file spells them. */
const char *config_attach_name(enum config_attach attach);
const char *config_icmp_name(enum natgw_icmp icmp);
const char *config_target_name(enum natgw_target target);
const char *config_timer_name(enum natgw_timer timer);
const char *config_no_session_name(enum natgw_no_session no_session);
const char *config_on_exhaustion_name(enum natgw_on_exhaustion on_exhaustion);

#endif
