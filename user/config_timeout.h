/* SPDX-License-Identifier: GPL-2.0-only */
/* The mapping "timeouts" of a gateway or a rule. Private to the config modules. */
#ifndef NATGW_USER_CONFIG_TIMEOUT_H
#define NATGW_USER_CONFIG_TIMEOUT_H

#include "config_yaml.h"

struct config_profile;

/* Timers that are being read. */
struct config_timeout_draft {
	const struct config_profile *profile; /* of the gateway; NULL for a rule */
	uint8_t proto;			      /* of the rule, IPPROTO_*; 0: any */
	uint32_t *timeout_s;		      /* by enum natgw_timer */
	uint32_t written;		      /* bit enum natgw_timer: the file names it */
};

/* A config_yaml_read but for the type of out. */
int config_timeout_read(struct config_yaml *yaml, yaml_node_t *node,
			struct config_timeout_draft *draft);

/* How long a port is held, not how long a session may be idle. */
bool config_timeout_is_hold(enum natgw_timer timer);

#endif
