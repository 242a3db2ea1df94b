// SPDX-License-Identifier: GPL-2.0-only
/*
 * The reading end of the ring buffer "events". Not responsible for what follows from an event
 * (api_errors.c), nor for its form as JSON (api_events.c).
 */
#include "events.h"

#include <arpa/inet.h>
#include <errno.h>
#include <event2/event.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <bpf/libbpf.h>

#include "log.h"
#include "names.h"
#include "session_log.h"
#include "snapshot.h"

/* A pass over so many sessions takes a few hundredths of a second. */
#define COMPLETE_ROWS_MAX 65536

struct events {
	struct natgwd_state *state;
	struct ring_buffer *ring;
	struct event *readable;
	struct events_log log;
	uint64_t lost; /* by the data path's counter, at the last event */
	bool failed;   /* said once, until reading succeeds again */
};

/* ---- what is kept ---- */

void events_note(struct events_log *log, const struct events_entry *entry)
{
	log->entries[log->next] = *entry;
	log->next = (log->next + 1) % EVENTS_KEPT;
	log->count += log->count < EVENTS_KEPT;
}

const struct events_entry *events_at(const struct events_log *log, size_t position)
{
	if (position >= log->count) {
		return NULL;
	}
	return &log->entries[(log->next + EVENTS_KEPT - log->count + position) % EVENTS_KEPT];
}

void events_time(const struct timespec *at, char text[EVENTS_TIME_MAX])
{
	struct tm parts = { 0 };
	char seconds[EVENTS_TIME_MAX - 6];

	gmtime_r(&at->tv_sec, &parts);
	if (!strftime(seconds, sizeof(seconds), "%Y-%m-%dT%H:%M:%S", &parts)) {
		seconds[0] = '\0';
	}
	snprintf(text, EVENTS_TIME_MAX, "%s.%03ldZ", seconds, at->tv_nsec / 1000000 % 1000);
}

/* ---- reading ---- */

static struct timespec time_of(const struct natgwd_state *state, const struct natgw_event *event)
{
	struct timespec at = { 0 };
	uint32_t now = event->time;

	clock_gettime(CLOCK_REALTIME, &at);
	(void)datapath_now(state->dp, &now);

	const int32_t age = (int32_t)(now - event->time);
	const int64_t ns = (int64_t)at.tv_sec * 1000000000 + at.tv_nsec -
			   ((age > 0 ? (int64_t)age : 0) << NATGW_TICK_SHIFT);

	at.tv_sec = (time_t)(ns / 1000000000);
	at.tv_nsec = (long)(ns % 1000000000);
	return at;
}

static void say(const struct events_entry *entry)
{
	const struct natgw_event *event = &entry->event;
	char client[INET_ADDRSTRLEN];
	char remote[INET_ADDRSTRLEN];
	char eip[INET_ADDRSTRLEN];

	inet_ntop(AF_INET, &event->client, client, sizeof(client));
	inet_ntop(AF_INET, &event->rem_addr, remote, sizeof(remote));
	inet_ntop(AF_INET, &event->ext_addr, eip, sizeof(eip));
	log_warning(
		"session refused: reason=%s client=%s client_port=%u destination=%s port=%u protocol=%s eip=%s gateway=%s ports_used=%u ports_held=%u limit=%u lost=%" PRIu64,
		names_verdict(event->verdict), client, ntohs(event->client_port), remote,
		ntohs(event->rem_port), names_ip_proto(event->proto), event->ext_addr ? eip : "-",
		entry->gateway, event->used, event->held, event->limit, entry->lost);
}

/* The data path cannot tell one by one what it leaves out: it counts. */
static uint64_t count_lost(struct events *events)
{
	uint64_t generated[NATGW_GENERATED_COUNT];
	uint64_t before = events->lost;

	if (datapath_read_generated(events->state->dp, generated) < 0) {
		return 0;
	}
	events->lost = generated[NATGW_GENERATED_EVENT_LOST];
	return events->lost - before;
}

/*
 * The data path knows since the last sweep only which ports are held, and nothing of a destination
 * with few ports, which has no row. They are counted here where that takes a moment.
 */
static void complete(struct events *events, struct natgw_event *event)
{
	struct natgwd_state *state = events->state;
	const struct natgw_destination_key key = {
		.ext_addr = event->ext_addr,
		.rem_addr = event->rem_addr,
		.rem_port = event->rem_port,
		.proto = event->proto,
		.gateway = event->gateway,
	};
	const struct top_destination *destination;
	const struct top *top;

	if (event->verdict != NATGW_DROP_PORT_EXHAUSTED ||
	    state->last_sweep.rows > COMPLETE_ROWS_MAX || top_get(&state->top, state->dp, &top)) {
		return;
	}
	destination = top_find_destination(top, &key);
	/* Less than the data path counted: a look from before the destination was full. */
	if (destination && destination->used + destination->held >= event->used + event->held) {
		event->used = destination->used;
		event->held = destination->held;
	}
}

static int on_event(void *arg, void *data, size_t size)
{
	struct events *events = arg;
	struct events_entry entry = { 0 };

	if (size < sizeof(entry.event)) {
		return 0;
	}
	memcpy(&entry.event, data, sizeof(entry.event));
	entry.lost = count_lost(events);
	complete(events, &entry.event);
	entry.at = time_of(events->state, &entry.event);
	snprintf(entry.gateway, sizeof(entry.gateway), "%s",
		 snapshot_gateway_name(events->state, entry.event.gateway));
	events_note(&events->log, &entry);
	say(&entry);
	session_log_refused(events->state->session_log, &entry);
	return 0;
}

static void on_readable(evutil_socket_t fd, short what, void *arg)
{
	struct events *events = arg;
	int r = ring_buffer__consume(events->ring);

	(void)fd;
	(void)what;
	if (r < 0 && !events->failed) {
		log_error("cannot read the events of refused sessions: %s", strerror(-r));
	}
	events->failed = r < 0;
}

/* ---- life ---- */

int events_start(struct event_base *base, struct natgwd_state *state, struct events **ret_events)
{
	struct events *events = calloc(1, sizeof(*events));

	if (!events) {
		return -ENOMEM;
	}
	events->state = state;
	(void)count_lost(events);
	events->ring = ring_buffer__new(datapath_events_fd(state->dp), on_event, events, NULL);
	if (!events->ring) {
		int r = errno ? -errno : -ENOMEM;

		events_stop(events);
		return r;
	}
	events->readable = event_new(base, ring_buffer__epoll_fd(events->ring),
				     EV_READ | EV_PERSIST, on_readable, events);
	if (!events->readable || event_add(events->readable, NULL) < 0) {
		events_stop(events);
		return -ENOMEM;
	}
	*ret_events = events;
	return 0;
}

void events_stop(struct events *events)
{
	if (!events) {
		return;
	}
	if (events->readable) {
		event_free(events->readable);
	}
	ring_buffer__free(events->ring);
	free(events);
}

const struct events_log *events_kept(const struct events *events)
{
	return &events->log;
}
