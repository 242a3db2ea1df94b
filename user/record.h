/* SPDX-License-Identifier: GPL-2.0-only */
/* What a record of the iterator "dump" says about its session. Pure. */
#ifndef NATGW_USER_RECORD_H
#define NATGW_USER_RECORD_H

#include <stdint.h>

#include "natgw_maps.h"

enum record_life {
	RECORD_LIVE,
	RECORD_HELD, /* over; holds its port for its destination */
	RECORD_OVER, /* its time is over, or it is being removed: free for a new session */
};

enum record_life record_life(const struct natgw_session_record *record);

/* enum natgw_session_state, NATGW_STATE_HOLD for all that only hold their port. */
unsigned int record_state(const struct natgw_session_record *record);

/* Remote port as the client addressed it, which a DNAT rule may have changed: the key has that of
 * the wire. Network order. */
__be16 record_orig_port(const struct natgw_session_record *record);
unsigned int record_gateway(const struct natgw_session_record *record);

/* Ticks since a packet of either direction. */
uint32_t record_idle(const struct natgw_session_record *record);

/* Ticks until a live one expires, or until a held one gives its port back. */
uint32_t record_left(const struct natgw_session_record *record);

/* Whole seconds, rounded down and rounded to the nearest: timers were made from seconds. */
uint64_t record_seconds(uint32_t ticks);
uint64_t record_timer_seconds(uint32_t ticks);

#endif
