/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * What each profile stands for: the numbers that the clouds document (where they say nothing, what
 * was measured there), and in rfc those of RFC 4787, 5382, 5508, 6888 and 7857.
 */
#include "config_profile.h"

#include <string.h>

#define ALL_FRAGMENTS (NATGW_FRAGMENTS_TCP | NATGW_FRAGMENTS_UDP | NATGW_FRAGMENTS_ICMP)
#define COUNT(table) (sizeof(table) / sizeof((table)[0]))

/* half-open, established, UDP unreplied, UDP, ICMP; held: FIN, RST, half-open, UDP, TCP idle, ICMP
 */
static const struct config_profile profiles[] = {
	{
		.name = "natgw",
		.timeout_s = { 30, 350, 30, 350, 60, 65, 16, 30, 65, 0, 0 },
		.no_session = NATGW_NO_SESSION_RST_INTERNAL,
		.fragments = NATGW_FRAGMENTS_UDP,
	},
	{
		.name = "aws",
		.timeout_s = { 30, 350, 350, 350, 60, 60, 60, 30, 0, 0, 0 },
		.destination_ports = 55000,
		.no_session = NATGW_NO_SESSION_RST_INTERNAL,
		.fragments = NATGW_FRAGMENTS_UDP,
	},
	{
		.name = "azure",
		.timeout_s = { 30, 240, 240, 240, 60, 65, 16, 30, 65, 0, 0 },
		.destination_ports = 50000,
		.no_session = NATGW_NO_SESSION_RST_BOTH,
		.established_min_s = 240,
		.established_max_s = 7200,
		.icmp = NATGW_ICMP_OFF,
	},
	{
		.name = "gcp",
		.timeout_s = { 30, 1200, 30, 30, 30, 120, 30, 30, 0, 0, 0 },
		.no_session = NATGW_NO_SESSION_DROP,
		.fragments = NATGW_FRAGMENTS_UDP,
	},
	{
		.name = "rfc",
		.timeout_s = { 240, 7440, 120, 300, 60, 120, 240, 120, 120, 0, 0 },
		.no_session = NATGW_NO_SESSION_DROP,
		.on_exhaustion = NATGW_ON_EXHAUSTION_ICMP,
		.fragments = ALL_FRAGMENTS,
	},
};
_Static_assert(NATGW_TIMER_HOLD_ICMP == 10 && NATGW_TIMER_COUNT == 11, "order of the timers above");
_Static_assert(NATGW_ON_EXHAUSTION_DROP == 0, "on_exhaustion left out above");
_Static_assert(NATGW_ICMP_ALL == 0, "icmp left out above");

const struct config_profile *config_profile_at(size_t position)
{
	return position < COUNT(profiles) ? &profiles[position] : NULL;
}

const struct config_profile *config_profile_find(const char *name)
{
	for (size_t i = 0; i < COUNT(profiles); i++) {
		if (strcmp(profiles[i].name, name) == 0) {
			return &profiles[i];
		}
	}
	return NULL;
}
