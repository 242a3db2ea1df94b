/* SPDX-License-Identifier: GPL-2.0-only */
/* What the session_log*.c share; nobody else but their tests includes this. */
#ifndef NATGW_USER_SESSION_LOG_INTERNAL_H
#define NATGW_USER_SESSION_LOG_INTERNAL_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <time.h>

#include "config.h"
#include "natgw_maps.h"
#include "natgw_operate.h"

/* A sink that has failed is tried again after so long. */
#define SESSION_LOG_RETRY_S 10

enum session_log_event {
	SESSION_LOG_CREATED,
	SESSION_LOG_CLOSED,
	SESSION_LOG_PORT_EXHAUSTED,
	SESSION_LOG_QUOTA_EXCEEDED,
};

/* One record, as every sink gets it. */
struct session_log_entry {
	enum session_log_event event;
	uint64_t time_ms;    /* since 1970 */
	const char *gateway; /* its name; may hold anything */
	/* Of a refused session: the tuple only, ext_addr 0 when there is no EIP, the port unknown.
	 */
	const struct natgw_log_record *session;
	/* Refused: */
	uint32_t verdict; /* enum natgw_verdict */
	uint32_t limit;	  /* that was met */
	uint32_t used;	  /* ports to the destination, and held ones; both 0: not known */
	uint32_t held;
};

/* Of one sink. */
struct session_log_tally {
	uint64_t records;
	uint64_t lost;
};

/* ---- counters that outlive natgwd ---- */

struct keep;

/*
 * The place of the sink of this name, with what it has counted in earlier lives; taken: places of
 * the other sinks that are open, a bit each. keep NULL: nothing is kept.
 */
unsigned int session_log_keep_take(struct keep *keep, const char *name, unsigned int taken,
				   struct session_log_tally *ret_tally);
/* The place of a sink of this name that has counted before, as a bit; 0: none. */
unsigned int session_log_keep_known(struct keep *keep, const char *name);
void session_log_keep_put(struct keep *keep, unsigned int place,
			  const struct session_log_tally *tally);

/* ---- JSON lines ---- */

/* Bytes that one line needs at the most. */
#define SESSION_LOG_LINE_MAX 1024

/* Times of one second have the same beginning. Starts as zeroes. */
struct session_log_stamp {
	uint64_t second;
	char text[24]; /* "2026-01-31T12:34:56." */
};

/* Writes a line with its newline to line, SESSION_LOG_LINE_MAX bytes, without a NUL; returns its
 * length. */
size_t session_log_json(const struct session_log_entry *entry, struct session_log_stamp *stamp,
			char *line);

/* ---- a file of them ---- */

struct session_log_file;

/* -ENOMEM only: what cannot be opened is said, and tried again. tally outlives it. */
int session_log_file_new(const struct config_log_sink *sink, struct session_log_tally *tally,
			 struct session_log_file **ret_file);
/* Flushes. NULL is fine. */
void session_log_file_free(struct session_log_file *file);
/* The same path, rotated another way. */
void session_log_file_change(struct session_log_file *file, const struct config_log_sink *sink);
void session_log_file_add(struct session_log_file *file, const struct session_log_entry *entry);
/* Writes what has been added; now: seconds of the monotonic clock. */
void session_log_file_flush(struct session_log_file *file, time_t now);

/* ---- an IPFIX message ---- */

struct session_log_message;

/* size: of a message, at most 65535; -ENOMEM, -EINVAL. */
int session_log_message_new(uint16_t size, uint32_t domain,
			    struct session_log_message **ret_message);
void session_log_message_free(struct session_log_message *message);
/* -ENOSPC: take it first, then add again. -EINVAL: libfixbuf refuses. */
int session_log_message_add(struct session_log_message *message,
			    const struct session_log_entry *entry);
/* Adds the templates of all records; same errors. */
int session_log_message_templates(struct session_log_message *message);
/*
 * The message so far, as it goes on the wire; *ret_length is 0 when there is nothing. Its bytes
 * stay until the next take; the next one is begun.
 */
int session_log_message_take(struct session_log_message *message, const uint8_t **ret_data,
			     size_t *ret_length, unsigned int *ret_records);

/* ---- and its way to a collector ---- */

struct session_log_ipfix;

/* -ENOMEM only: a collector that cannot be reached is said, and tried again. */
int session_log_ipfix_new(const struct config_log_sink *sink, struct session_log_tally *tally,
			  struct session_log_ipfix **ret_ipfix);
/* Sends what it can without waiting; the rest is lost. NULL is fine. */
void session_log_ipfix_free(struct session_log_ipfix *ipfix);
void session_log_ipfix_add(struct session_log_ipfix *ipfix, const struct session_log_entry *entry);
/* Sends, connects and repeats the templates, as far as their time has come; now_ms: monotonic. */
void session_log_ipfix_flush(struct session_log_ipfix *ipfix, uint64_t now_ms);

#endif
