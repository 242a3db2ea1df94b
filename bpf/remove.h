/* SPDX-License-Identifier: GPL-2.0-only */
/* The end of a session by an iterator, with all that follows from it: books, counts, its port. */
#ifndef NATGW_BPF_REMOVE_H
#define NATGW_BPF_REMOVE_H

#include "log.h"
#include "track.h"

/* Its maker is about to put the outbound row in, and would do so after the removal, too. */
static __always_inline bool remove_is_too_early(const struct natgw_session *row, __u64 word,
						__u32 now)
{
	return (session_state(word) == NATGW_STATE_OPENING ||
		session_state(word) == NATGW_STATE_MAPPING) &&
	       clock_since(now, row->last_seen) < NATGW_SWEEP_GRACE;
}

/* It is over: removed. 1, or 0: another CPU has done so, or is still making it. */
static __noinline int remove_session(const struct natgw_inbound_key *key, struct natgw_session *row,
				     __u64 word, __u32 cause, __u32 now)
{
	const __u32 *timers = track_timers(word);
	struct natgw_outbound_key old_key;
	struct account_books books = {};
	struct natgw_sweep *stats;
	__u32 zero = 0;

	stats = bpf_map_lookup_elem(&sweep_stats, &zero);
	if (!key || !row || !stats) {
		return 0;
	}
	session_outbound_key(key, row, word, &old_key);
	if ((!account_read(key, row, word, now, &books) && remove_is_too_early(row, word, now)) ||
	    !session_remove(key, row, word)) {
		stats->lost++;
		return 0;
	}
	stats->removed++;
	account_closed(word, key->proto, cause);
	account_add_bytes(old_key.int_addr, session_gateway(word), books.bytes[NATGW_OUTBOUND],
			  books.bytes[NATGW_INBOUND]);
	if (log_is_on()) {
		log_closed(&old_key, key, word, &books, cause);
	}
	/* After a hold of no time the port was given back before. */
	account_release(key, old_key.int_addr, word,
			!timers || !track_is_over(timers, key->proto, word), now);
	return 1;
}

#endif
