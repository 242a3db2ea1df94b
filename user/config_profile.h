/* SPDX-License-Identifier: GPL-2.0-only */
/* The profiles: what a gateway has where its keys say nothing. Pure tables. */
#ifndef NATGW_USER_CONFIG_PROFILE_H
#define NATGW_USER_CONFIG_PROFILE_H

#include <stddef.h>
#include <stdint.h>

#include "natgw_maps.h"

struct config_profile {
	const char *name;
	uint32_t timeout_s[NATGW_TIMER_COUNT];
	uint32_t destination_ports; /* 0: as many as the range has */
	enum natgw_no_session no_session;
	enum natgw_on_exhaustion on_exhaustion;
	uint8_t fragments; /* NATGW_FRAGMENTS_* */
	enum natgw_icmp icmp;
	/* What tcp_established may be; 0 and 0: anything. */
	uint32_t established_min_s;
	uint32_t established_max_s;
};

/* The default one is the first. NULL: there are no more. */
const struct config_profile *config_profile_at(size_t position);
/* NULL: no such profile. */
const struct config_profile *config_profile_find(const char *name);

#endif
