/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * The session log: every session made, ended and refused, one record for each sink that the
 * configuration names. Ten times a second it takes what the data path has put into its ring buffer;
 * no sink ever makes natgwd wait. What a sink cannot take is counted, so of each sink records +
 * lost is the number of events.
 */
#ifndef NATGW_USER_SESSION_LOG_H
#define NATGW_USER_SESSION_LOG_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/* "ipfix:tcp:[...]:65535" or "file:/...", with the NUL */
#define SESSION_LOG_SINK_MAX 128

struct config;
struct event_base;
struct events_entry;
struct natgwd_state;
struct session_log;

struct session_log_count {
	char sink[SESSION_LOG_SINK_MAX];
	uint64_t records; /* handed over: in the file, or in the kernel on their way */
	uint64_t lost;	  /* by the sink, and by the data path where its ring was full */
};

/*
 * Opens the sinks of state->config while natgwd may still open everything; one that cannot be
 * opened is said, counts what it loses and is tried again. Follows later configurations by
 * state->config_generation.
 */
int session_log_start(struct event_base *base, struct natgwd_state *state,
		      struct session_log **ret_log);
/* Writes what the ring holds. NULL is fine. */
void session_log_stop(struct session_log *log);

/* A session that was refused. NULL is fine. */
void session_log_refused(struct session_log *log, const struct events_entry *entry);

/* At most max sinks, in the order of the configuration; returns how many. NULL has none. */
size_t session_log_counts(const struct session_log *log, struct session_log_count *ret_counts,
			  size_t max);

/* Whether the data path has to tell of sessions that are made and end (NATGW_FEATURE_LOG). */
bool session_log_wants_sessions(const struct config *config);

#endif
