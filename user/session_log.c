// SPDX-License-Identifier: GPL-2.0-only
/*
 * The session log as a service of natgwd: from the data path's ring buffer and from the events to
 * the sinks that the configuration names. Not responsible for the form of a record
 * (session_log_json.c, session_log_message.c) nor for where it goes (_file.c, _ipfix.c).
 */
#include "session_log.h"

#include <arpa/inet.h>
#include <errno.h>
#include <event2/event.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "events.h"
#include "keep.h"
#include "log.h"
#include "session_log_internal.h"
#include "snapshot.h"
#include "state.h"

/* The ring holds NATGW_LOG_SIZE: ten visits a second are enough for half a million records. */
static const struct timeval interval = { .tv_usec = 100000 };

struct sink {
	struct config_log_sink config;
	char name[SESSION_LOG_SINK_MAX];
	unsigned int place; /* of its counters */
	struct session_log_tally tally;
	struct session_log_file *file; /* one of the two */
	struct session_log_ipfix *ipfix;
};

struct session_log {
	struct natgwd_state *state;
	struct event *timer;
	struct sink *sinks[CONFIG_LOG_SINKS_MAX]; /* in the order of the configuration */
	size_t sink_count;
	enum config_log_filter filter;
	uint64_t generation; /* of the configuration that the sinks are of */
	uint64_t offset_ns;  /* from the monotonic clock to the time of day */
	bool failed;	     /* to read the ring; said */
};

/* ---- sinks ---- */

static void name_sink(const struct config_log_sink *config, char name[SESSION_LOG_SINK_MAX])
{
	if (config->path[0]) {
		(void)snprintf(name, SESSION_LOG_SINK_MAX, "file:%s", config->path);
	} else {
		(void)snprintf(name, SESSION_LOG_SINK_MAX,
			       strchr(config->addr, ':') ? "ipfix:%s:[%s]:%u" : "ipfix:%s:%s:%u",
			       config->tcp ? "tcp" : "udp", config->addr, config->port);
	}
}

static void free_sink(struct session_log *log, struct sink *sink)
{
	if (!sink) {
		return;
	}
	session_log_file_free(sink->file);
	session_log_ipfix_free(sink->ipfix);
	session_log_keep_put(log->state->keep, sink->place, &sink->tally);
	free(sink);
}

static int open_sink(struct sink *sink)
{
	return sink->config.path[0]
		       ? session_log_file_new(&sink->config, &sink->tally, &sink->file)
		       : session_log_ipfix_new(&sink->config, &sink->tally, &sink->ipfix);
}

/* Of those that are open, and of those that have counted before and are to be opened. */
static unsigned int places(const struct session_log *log)
{
	const struct config_session_log *config = &log->state->config->session_log;
	char name[SESSION_LOG_SINK_MAX];
	unsigned int taken = 0;

	for (size_t i = 0; i < log->sink_count; i++)
		taken |= log->sinks[i] ? 1U << log->sinks[i]->place : 0;
	for (size_t i = 0; i < config->sink_count; i++) {
		name_sink(&config->sinks[i], name);
		taken |= session_log_keep_known(log->state->keep, name);
	}
	return taken;
}

static struct sink *new_sink(struct session_log *log, const struct config_log_sink *config)
{
	struct sink *sink = calloc(1, sizeof(*sink));

	if (!sink) {
		return NULL;
	}
	sink->config = *config;
	name_sink(config, sink->name);
	sink->place =
		session_log_keep_take(log->state->keep, sink->name, places(log), &sink->tally);
	if (open_sink(sink)) {
		free_sink(log, sink);
		return NULL;
	}
	return sink;
}

/* The same place: a file stays open. */
static int change_sink(struct sink *sink, const struct config_log_sink *config)
{
	const struct config_log_sink old = sink->config;

	sink->config = *config;
	if (sink->file) {
		session_log_file_change(sink->file, config);
		return 0;
	}
	if (old.domain == config->domain &&
	    old.template_interval_s == config->template_interval_s) {
		return 0;
	}
	session_log_ipfix_free(sink->ipfix);
	sink->ipfix = NULL;
	return open_sink(sink);
}

/* Out of the list; NULL when it is not there. */
static struct sink *take_sink(struct sink **sinks, size_t count, const char *name)
{
	for (size_t i = 0; i < count; i++) {
		struct sink *sink = sinks[i];

		if (sink && strcmp(sink->name, name) == 0) {
			sinks[i] = NULL;
			return sink;
		}
	}
	return NULL;
}

/* Those that stay are in their new places then, and the others are gone. */
static void keep_sinks(struct session_log *log, const struct config_session_log *config)
{
	struct sink *old[CONFIG_LOG_SINKS_MAX];
	char name[SESSION_LOG_SINK_MAX];

	memcpy(old, log->sinks, sizeof(old));
	memset(log->sinks, 0, sizeof(log->sinks));
	for (size_t i = 0; i < config->sink_count; i++) {
		name_sink(&config->sinks[i], name);
		log->sinks[i] = take_sink(old, log->sink_count, name);
	}
	for (size_t i = 0; i < log->sink_count; i++)
		free_sink(log, old[i]);
	log->sink_count = config->sink_count;
}

static void configure(struct session_log *log)
{
	const struct config_session_log *config = &log->state->config->session_log;

	keep_sinks(log, config);
	for (size_t i = 0; i < config->sink_count; i++) {
		if (log->sinks[i] && change_sink(log->sinks[i], &config->sinks[i])) {
			free_sink(log, log->sinks[i]);
			log->sinks[i] = NULL;
		} else if (!log->sinks[i]) {
			log->sinks[i] = new_sink(log, &config->sinks[i]);
		}
		if (!log->sinks[i]) {
			log_error("session log: no memory for a sink; it is off until a reload");
		}
	}
	log->filter = config->filter;
	log->generation = log->state->config_generation;
}

/* ---- records ---- */

static void add(struct session_log *log, const struct session_log_entry *entry)
{
	for (size_t i = 0; i < log->sink_count; i++) {
		struct sink *sink = log->sinks[i];

		if (sink && sink->file) {
			session_log_file_add(sink->file, entry);
		} else if (sink) {
			session_log_ipfix_add(sink->ipfix, entry);
		}
	}
}

static int on_record(const struct natgw_log_record *record, void *arg)
{
	struct session_log *log = arg;
	const struct session_log_entry entry = {
		.event = record->kind == NATGW_LOG_CREATED ? SESSION_LOG_CREATED
							   : SESSION_LOG_CLOSED,
		.time_ms = (record->time + log->offset_ns) / 1000000,
		.gateway = snapshot_gateway_name(log->state, record->gateway),
		.session = record,
	};

	if (log->filter != CONFIG_LOG_ERRORS) {
		add(log, &entry);
	}
	return 0;
}

static uint32_t limit_of(const struct session_log *log, const struct natgw_event *event)
{
	return event->verdict == NATGW_DROP_SESSION_TABLE_FULL ? snapshot_sessions_max(log->state)
							       : event->limit;
}

void session_log_refused(struct session_log *log, const struct events_entry *entry)
{
	if (!log || !log->sink_count || log->filter == CONFIG_LOG_TRANSLATIONS) {
		return;
	}
	const struct natgw_event *event = &entry->event;
	const struct natgw_log_record session = {
		.client = event->client,
		.ext_addr = event->ext_addr,
		.rem_addr = event->rem_addr,
		.client_port = event->client_port,
		.rem_port = event->rem_port,
		.orig_port = event->rem_port,
		.proto = event->proto,
		.gateway = event->gateway,
	};
	const bool ports = event->verdict == NATGW_DROP_PORT_EXHAUSTED ||
			   event->verdict == NATGW_DROP_EIM_CONFLICT;
	const struct session_log_entry refused = {
		.event = ports ? SESSION_LOG_PORT_EXHAUSTED : SESSION_LOG_QUOTA_EXCEEDED,
		.time_ms =
			(uint64_t)entry->at.tv_sec * 1000 + (uint64_t)entry->at.tv_nsec / 1000000,
		.gateway = entry->gateway,
		.session = &session,
		.verdict = event->verdict,
		.limit = limit_of(log, event),
		.used = event->used,
		.held = event->held,
	};

	add(log, &refused);
}

/* ---- ten times a second ---- */

static uint64_t clock_ns(clockid_t clock)
{
	struct timespec now;

	clock_gettime(clock, &now);
	return (uint64_t)now.tv_sec * 1000000000 + (uint64_t)now.tv_nsec;
}

/* What a counter of the data path says more than at the last visit, whoever has made that. */
static uint64_t gain(struct session_log *log, enum keep_which which, uint64_t count)
{
	uint64_t *last = keep_counter(log->state->keep, which);
	const uint64_t more = count > *last ? count - *last : 0;

	*last = count;
	return log->state->keep ? more : 0;
}

/* What the data path has left out is lost to every sink that wants such records. */
static void count_lost(struct session_log *log)
{
	uint64_t generated[NATGW_GENERATED_COUNT];
	uint64_t ring;
	uint64_t events;

	if (datapath_read_generated(log->state->dp, generated) < 0) {
		return;
	}
	ring = gain(log, KEEP_LOG_RING_LOST, generated[NATGW_GENERATED_LOG_LOST]);
	events = gain(log, KEEP_LOG_EVENTS_LOST, generated[NATGW_GENERATED_EVENT_LOST]);
	for (size_t i = 0; i < log->sink_count; i++) {
		if (log->sinks[i] && log->filter != CONFIG_LOG_ERRORS) {
			log->sinks[i]->tally.lost += ring;
		}
		if (log->sinks[i] && log->filter != CONFIG_LOG_TRANSLATIONS) {
			log->sinks[i]->tally.lost += events;
		}
	}
}

/* Without sinks too: a ring that was full of an earlier life would be full for ever. */
static void read_ring(struct session_log *log)
{
	int r;

	log->offset_ns = clock_ns(CLOCK_REALTIME) - clock_ns(CLOCK_MONOTONIC);
	r = datapath_poll_log(log->state->dp, on_record, log);
	if (r < 0 && !log->failed) {
		log_error("session log: cannot read the records: %s", strerror(-r));
	}
	log->failed = r < 0;
	count_lost(log);
}

static void flush(struct session_log *log)
{
	const uint64_t now_ms = clock_ns(CLOCK_MONOTONIC) / 1000000;

	for (size_t i = 0; i < log->sink_count; i++) {
		struct sink *sink = log->sinks[i];

		if (!sink) {
			continue;
		}
		if (sink->file) {
			session_log_file_flush(sink->file, (time_t)(now_ms / 1000));
		} else {
			session_log_ipfix_flush(sink->ipfix, now_ms);
		}
		session_log_keep_put(log->state->keep, sink->place, &sink->tally);
	}
}

static void on_timer(evutil_socket_t fd, short what, void *arg)
{
	struct session_log *log = arg;

	(void)fd;
	(void)what;
	/* What came before a reload still goes where it was to go. */
	read_ring(log);
	if (log->generation != log->state->config_generation) {
		configure(log);
	}
	flush(log);
}

/* A sweep ends more sessions than the ring holds: what there is goes on at once. */
static void on_pause(void *arg)
{
	struct session_log *log = arg;

	read_ring(log);
	flush(log);
}

/* ---- life ---- */

size_t session_log_counts(const struct session_log *log, struct session_log_count *ret_counts,
			  size_t max)
{
	size_t count = 0;

	for (size_t i = 0; log && i < log->sink_count && count < max; i++) {
		const struct sink *sink = log->sinks[i];

		if (sink) {
			struct session_log_count *one = &ret_counts[count++];

			memcpy(one->sink, sink->name, sizeof(one->sink));
			one->records = sink->tally.records;
			one->lost = sink->tally.lost;
		}
	}
	return count;
}

int session_log_start(struct event_base *base, struct natgwd_state *state,
		      struct session_log **ret_log)
{
	struct session_log *log = calloc(1, sizeof(*log));

	if (!log) {
		return -ENOMEM;
	}
	log->state = state;
	log->timer = event_new(base, -1, EV_PERSIST, on_timer, log);
	if (!log->timer || event_add(log->timer, &interval) < 0) {
		session_log_stop(log);
		return -ENOMEM;
	}
	configure(log);
	datapath_on_pause(state->dp, on_pause, log);
	*ret_log = log;
	return 0;
}

void session_log_stop(struct session_log *log)
{
	if (!log) {
		return;
	}
	datapath_on_pause(log->state->dp, NULL, NULL);
	if (log->timer) {
		read_ring(log);
		event_free(log->timer);
	}
	for (size_t i = 0; i < log->sink_count; i++)
		free_sink(log, log->sinks[i]);
	free(log);
}
