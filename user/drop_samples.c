// SPDX-License-Identifier: GPL-2.0-only
/*
 * Who watches for drops, what the data path samples for them, and what becomes of the samples.
 * Invariant: settings.sample has the bits that any watcher wants, and none when there is none.
 */
#include "drop_samples.h"

#include <errno.h>
#include <event2/event.h>
#include <event2/keyvalq_struct.h>
#include <inttypes.h>
#include <stdlib.h>
#include <string.h>
#include <sys/queue.h>
#include <time.h>

#include "api_answer.h"
#include "api_stream.h"
#include "cleanup.h"
#include "drop_samples_reason.h"
#include "drop_samples_text.h"
#include "log.h"
#include "names.h"
#include "parse_util.h"

#define POLL_US 100000
/* A reader that leaves more than this gets no samples until it has caught up. */
#define PENDING_MAX (1U << 20)
#define NS_PER_SECOND 1000000000LL

struct watcher {
	struct watcher *next;
	struct drop_samples *samples;
	struct api_stream *stream;
	uint32_t bits[DROP_SAMPLES_REASON_WORDS];
	__be32 client;	  /* 0: any */
	uint64_t skipped; /* since the last line */
};

struct drop_samples {
	struct natgwd_state *state;
	struct event *timer; /* runs while there are watchers */
	struct watcher *watchers;
	uint64_t lost;	 /* by the data path's counter */
	int64_t boot_ns; /* of the poll under way: wall clock minus monotonic */
	bool failed;	 /* said once, until it succeeds again */
};

/* ---- the switch ---- */

/* Also after somebody else has written the settings, as a reload does. */
static int set_switch(struct drop_samples *samples)
{
	struct natgw_settings settings;
	uint32_t wanted[DROP_SAMPLES_REASON_WORDS] = { 0 };
	int r = datapath_get_settings(samples->state->dp, &settings);

	for (const struct watcher *watcher = samples->watchers; watcher; watcher = watcher->next) {
		for (size_t i = 0; i < DROP_SAMPLES_REASON_WORDS; i++)
			wanted[i] |= watcher->bits[i];
	}
	if (r == 0 && memcmp(settings.sample, wanted, sizeof(wanted)) != 0) {
		r = datapath_set_samples(samples->state->dp, wanted);
	}
	return r;
}

static uint64_t read_lost(const struct drop_samples *samples)
{
	uint64_t generated[NATGW_GENERATED_COUNT];

	return datapath_read_generated(samples->state->dp, generated) < 0
		       ? samples->lost
		       : generated[NATGW_GENERATED_SAMPLE_LOST];
}

/* ---- lines ---- */

static void write_json(struct watcher *watcher, const json_t *json)
{
	_cleanup_free_ char *text = json ? json_dumps(json, JSON_COMPACT) : NULL;

	if (!text) {
		watcher->skipped++;
		return;
	}
	size_t size = strlen(text);

	text[size] = '\n'; /* in place of the NUL */
	/* One that is too slow is closed soon, from the event loop. */
	(void)api_stream_write(watcher->stream, text, size + 1);
}

static void write_lost(struct watcher *watcher, uint64_t lost)
{
	const uint64_t all = lost + watcher->skipped;
	json_t *json = json_pack("{s:I}", "lost", (json_int_t)all);

	watcher->skipped = 0;
	write_json(watcher, json);
	json_decref(json);
}

static bool wants(const struct watcher *watcher, const struct natgw_sample *sample,
		  const struct drop_samples_frame *frame)
{
	return drop_samples_reason_has(watcher->bits, sample->verdict) &&
	       (!watcher->client || (frame->is_ipv4 && (frame->saddr == watcher->client ||
							frame->daddr == watcher->client)));
}

static int on_sample(const struct natgw_sample *sample, void *arg)
{
	const struct drop_samples *samples = arg;
	const size_t captured =
		sample->captured < NATGW_SAMPLE_BYTES ? sample->captured : NATGW_SAMPLE_BYTES;
	const struct drop_samples_frame frame = drop_samples_frame_parse(sample->data, captured);
	json_t *json = NULL;

	for (struct watcher *watcher = samples->watchers; watcher; watcher = watcher->next) {
		if (!wants(watcher, sample, &frame)) {
			continue;
		}
		if (api_stream_pending(watcher->stream) > PENDING_MAX) {
			watcher->skipped++;
			continue;
		}
		if (!json) {
			json = drop_samples_text(samples->state, sample, &frame, samples->boot_ns);
		}
		write_json(watcher, json);
	}
	json_decref(json);
	return 0;
}

static int64_t clock_ns(clockid_t clock)
{
	struct timespec now = { 0 };

	clock_gettime(clock, &now);
	return now.tv_sec * NS_PER_SECOND + now.tv_nsec;
}

static int poll_samples(struct drop_samples *samples)
{
	samples->boot_ns = clock_ns(CLOCK_REALTIME) - clock_ns(CLOCK_MONOTONIC);
	int r = datapath_poll_samples(samples->state->dp, on_sample, samples);
	const uint64_t lost = read_lost(samples);

	for (struct watcher *watcher = samples->watchers; watcher; watcher = watcher->next) {
		if (lost > samples->lost ||
		    (watcher->skipped && api_stream_pending(watcher->stream) < PENDING_MAX)) {
			write_lost(watcher, lost - samples->lost);
		}
	}
	samples->lost = lost;
	return r;
}

static void on_timer(evutil_socket_t fd, short what, void *arg)
{
	struct drop_samples *samples = arg;
	int r = poll_samples(samples);

	(void)fd;
	(void)what;
	if (r == 0) {
		r = set_switch(samples);
	}
	if (r < 0 && !samples->failed) {
		log_error("cannot read the samples of drops: %s", strerror(-r));
	}
	samples->failed = r < 0;
}

/* ---- watchers ---- */

static int begin_watching(struct drop_samples *samples)
{
	const struct timeval interval = { .tv_usec = POLL_US };

	/* What is left from before is nobody's. */
	if (!samples->watchers->next) {
		struct watcher *only = samples->watchers;

		samples->watchers = NULL;
		(void)poll_samples(samples);
		samples->watchers = only;
	}
	int r = set_switch(samples);

	if (r == 0 && event_add(samples->timer, &interval) < 0) {
		r = -ENOMEM;
	}
	return r;
}

static void unlink_watcher(struct watcher *watcher)
{
	struct watcher **place = &watcher->samples->watchers;

	while (*place != watcher)
		place = &(*place)->next;
	*place = watcher->next;
}

static void closed(void *arg)
{
	struct watcher *watcher = arg;
	struct drop_samples *samples = watcher->samples;

	unlink_watcher(watcher);
	free(watcher);
	if (set_switch(samples) < 0) {
		log_error("cannot change which drops are sampled");
	}
	if (!samples->watchers) {
		event_del(samples->timer);
	}
}

static void write_beginning(struct watcher *watcher)
{
	json_t *reasons = json_array();
	json_t *json = json_pack("{s:O}", "sampling", reasons);

	for (unsigned int i = 0; i < NATGW_VERDICT_COUNT; i++) {
		if (drop_samples_reason_has(watcher->bits, i)) {
			(void)json_array_append_new(reasons, json_string(names_verdict(i)));
		}
	}
	write_json(watcher, json);
	json_decref(json);
	json_decref(reasons);
}

static int start_stream(struct api_answer *answer, const struct watcher *wish)
{
	static const struct api_stream_source source = { .closed = closed };
	struct drop_samples *samples = wish->samples;
	struct watcher *watcher = malloc(sizeof(*watcher));

	if (!watcher) {
		return -ENOMEM;
	}
	*watcher = *wish;
	watcher->next = samples->watchers;
	samples->watchers = watcher;
	answer->type = API_ANSWER_JSON_LINES;
	int r = begin_watching(samples);

	if (r == 0) {
		r = api_stream_start(answer, &source, watcher, &watcher->stream);
	}
	if (r < 0) {
		answer->type = API_ANSWER_JSON;
		closed(watcher);
		return api_stream_refuse(answer, r);
	}
	write_beginning(watcher);
	return API_ANSWER_LATER;
}

/* What is wrong with a key of the query; NULL: nothing, and the wish has it. */
static const char *take_key(struct watcher *wish, const char *key, const char *value)
{
	if (strcmp(key, "reason") == 0) {
		return drop_samples_reason_parse(value, wish->bits) == 0
			       ? NULL
			       : "reason is that of a drop as in natgw_packets_drop_total, like no_session; several with commas";
	}
	if (strcmp(key, "client") == 0) {
		return parse_util_address(value, &wish->client) == 0
			       ? NULL
			       : "client is an IPv4 address like 10.0.1.5";
	}
	return "the query's keys are reason and client";
}

int drop_samples_answer(struct api_answer *answer)
{
	struct watcher wish = { .samples = answer->context->state->drop_samples };
	const struct evkeyval *pair;

	if (!wish.samples) {
		return api_answer_fail(answer, HTTP_SERVUNAVAIL, "natgwd is starting or ending");
	}
	drop_samples_reason_all(wish.bits);
	TAILQ_FOREACH(pair, answer->query, next)
	{
		const char *wrong = take_key(&wish, pair->key, pair->value);

		if (wrong) {
			return api_answer_fail(answer, HTTP_BADREQUEST, wrong);
		}
	}
	return start_stream(answer, &wish);
}

/* ---- life ---- */

int drop_samples_start(struct event_base *base, struct natgwd_state *state,
		       struct drop_samples **ret_samples)
{
	struct drop_samples *samples = calloc(1, sizeof(*samples));

	if (!samples) {
		return -ENOMEM;
	}
	samples->state = state;
	samples->timer = event_new(base, -1, EV_PERSIST, on_timer, samples);
	int r = samples->timer ? set_switch(samples) : -ENOMEM;

	samples->lost = read_lost(samples);
	if (r < 0) {
		drop_samples_stop(samples);
		return r;
	}
	*ret_samples = samples;
	return 0;
}

void drop_samples_stop(struct drop_samples *samples)
{
	if (!samples) {
		return;
	}
	(void)set_switch(samples);
	if (samples->timer) {
		event_free(samples->timer);
	}
	free(samples);
}
