// SPDX-License-Identifier: GPL-2.0-only
/*
 * The counters of the sinks across restarts: each sink has a place in the page of keep.h, which it
 * finds again by its name.
 */
#include "keep.h"
#include "session_log_internal.h"

enum place_part {
	PLACE_NAME,
	PLACE_RECORDS,
	PLACE_LOST,
	PLACE_PARTS,
};

_Static_assert(KEEP_LOG_SINKS_END - KEEP_LOG_SINKS == CONFIG_LOG_SINKS_MAX * PLACE_PARTS,
	       "room for all sinks");

static uint64_t *part(struct keep *keep, unsigned int place, enum place_part which)
{
	return keep_counter(keep, KEEP_LOG_SINKS + place * PLACE_PARTS + which);
}

/* FNV-1a; 0 is nobody's. */
static uint64_t hash(const char *name)
{
	uint64_t value = 0xcbf29ce484222325;

	for (; *name; name++)
		value = (value ^ (unsigned char)*name) * 0x100000001b3;
	return value ? value : 1;
}

unsigned int session_log_keep_known(struct keep *keep, const char *name)
{
	for (unsigned int i = 0; keep && i < CONFIG_LOG_SINKS_MAX; i++) {
		if (*part(keep, i, PLACE_NAME) == hash(name)) {
			return 1U << i;
		}
	}
	return 0;
}

static unsigned int find(struct keep *keep, uint64_t name, unsigned int taken)
{
	unsigned int place = 0;

	for (unsigned int i = 0; i < CONFIG_LOG_SINKS_MAX; i++) {
		if (*part(keep, i, PLACE_NAME) == name) {
			return i;
		}
	}
	while (taken & 1U << place)
		place++;
	return place;
}

unsigned int session_log_keep_take(struct keep *keep, const char *name, unsigned int taken,
				   struct session_log_tally *ret_tally)
{
	const uint64_t wanted = hash(name);
	unsigned int place;

	if (!keep) {
		return 0;
	}
	place = find(keep, wanted, taken);
	if (*part(keep, place, PLACE_NAME) != wanted) {
		*part(keep, place, PLACE_RECORDS) = 0;
		*part(keep, place, PLACE_LOST) = 0;
		*part(keep, place, PLACE_NAME) = wanted;
	}
	ret_tally->records = *part(keep, place, PLACE_RECORDS);
	ret_tally->lost = *part(keep, place, PLACE_LOST);
	return place;
}

void session_log_keep_put(struct keep *keep, unsigned int place,
			  const struct session_log_tally *tally)
{
	if (!keep) {
		return;
	}
	*part(keep, place, PLACE_RECORDS) = tally->records;
	*part(keep, place, PLACE_LOST) = tally->lost;
}
