// SPDX-License-Identifier: GPL-2.0-only
/*
 * Reads records. The data path has decided what is held and for how long; what is left here is the
 * age, since both rows of a session tell it.
 */
#include "record.h"

#define NS_PER_SECOND 1000000000ULL

static unsigned int row_state(const struct natgw_session_record *record)
{
	return (unsigned int)(record->inbound.word & NATGW_WORD_STATE_MASK);
}

/* The clocks of two CPUs may differ by one tick. */
uint32_t record_idle(const struct natgw_session_record *record)
{
	int32_t idle = (int32_t)(record->now - record->inbound.last_seen);
	int32_t other = (int32_t)(record->now - record->outbound.last_seen);

	if (record->outbound.word != 0 && other < idle) {
		idle = other;
	}
	return idle > 0 ? (uint32_t)idle : 0;
}

enum record_life record_life(const struct natgw_session_record *record)
{
	const unsigned int state = row_state(record);

	if (state == NATGW_STATE_NONE || state == NATGW_STATE_DEAD) {
		return RECORD_OVER;
	}
	if (record->held) {
		return record->hold_left > 0 ? RECORD_HELD : RECORD_OVER;
	}
	/* A row that is being made carries no time yet. */
	return state == NATGW_STATE_NEW || record_idle(record) < record->timeout ? RECORD_LIVE
										 : RECORD_OVER;
}

unsigned int record_state(const struct natgw_session_record *record)
{
	return record_life(record) == RECORD_HELD ? NATGW_STATE_HOLD : row_state(record);
}

unsigned int record_gateway(const struct natgw_session_record *record)
{
	return (record->inbound.word >> NATGW_WORD_GATEWAY_SHIFT) & NATGW_WORD_GATEWAY_MASK;
}

__be16 record_orig_port(const struct natgw_session_record *record)
{
	return record->inbound.orig_port ? record->inbound.orig_port : record->key.rem_port;
}

uint32_t record_left(const struct natgw_session_record *record)
{
	const uint32_t idle = record_idle(record);

	if (record->held) {
		return record->hold_left;
	}
	return idle < record->timeout ? record->timeout - idle : 0;
}

uint64_t record_seconds(uint32_t ticks)
{
	return ((uint64_t)ticks << NATGW_TICK_SHIFT) / NS_PER_SECOND;
}

uint64_t record_timer_seconds(uint32_t ticks)
{
	return (((uint64_t)ticks << NATGW_TICK_SHIFT) + NS_PER_SECOND / 2) / NS_PER_SECOND;
}
