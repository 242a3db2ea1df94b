// SPDX-License-Identifier: GPL-2.0-only
/*
 * natgwctl watch: looks at natgwd again and again and shows what has changed. Asking for the top of
 * a large table costs natgwd time, so that is asked for only as often as it takes a twentieth of
 * it.
 */
#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <time.h>
#include <unistd.h>

#include "cleanup.h"
#include "ctl.h"
#include "output_watch.h"
#include "parse_util.h"

#define INTERVAL_MS 2000
#define INTERVAL_MAX_MS 3600000
#define FIRST_MS 500
#define TOP_SHARE 20
#define TOP "?n=5"
#define CLEAR "\033[H\033[J"

struct ctl_option ctl_watch_options[] = {
	{ .name = "interval",
	  .letter = 'i',
	  .help = "SECONDS  between looks, default 2; 0.1 to 3600" },
	{ .name = "count", .letter = 'n', .help = "N  ends after so many" },
	{},
};

static double now_s(clockid_t clock)
{
	struct timespec now = { 0 };

	clock_gettime(clock, &now);
	return (double)now.tv_sec + (double)now.tv_nsec / 1e9;
}

static void sleep_ms(uint32_t ms)
{
	const struct timespec time = { .tv_sec = ms / 1000, .tv_nsec = ms % 1000 * 1000000L };

	(void)nanosleep(&time, NULL);
}

/* ---- one look ---- */

static int ask_json(const struct ctl *ctl, const char *path, json_t **ret_json)
{
	struct ctl_answer answer = {};
	int r = ctl_ask(ctl, path, NULL, 0, &answer);

	if (r < 0) {
		return r;
	}
	json_t *json = json_loadb(answer.text, answer.size, 0, NULL);

	free(answer.text);
	if (!json) {
		fprintf(stderr, "natgwctl: natgwd's answer is not JSON\n");
		return -EPROTO;
	}
	*ret_json = json;
	return 0;
}

static void forget(struct output_watch_look *look)
{
	json_decref(look->status);
	json_decref(look->stats);
	json_decref(look->gateways);
	json_decref(look->clients);
	json_decref(look->destinations);
	*look = (struct output_watch_look){ 0 };
}

/* *next_top: when it may be asked for again. */
static int look_at_top(const struct ctl *ctl, const struct output_watch_look *before,
		       double *next_top, struct output_watch_look *look)
{
	if (look->at < *next_top) {
		look->clients = json_incref(before->clients);
		look->destinations = json_incref(before->destinations);
		return 0;
	}
	int r = ask_json(ctl, "/v1/top/clients" TOP, &look->clients);

	r = r < 0 ? r : ask_json(ctl, "/v1/top/destinations" TOP, &look->destinations);
	*next_top = look->at + TOP_SHARE * (now_s(CLOCK_MONOTONIC) - look->at);
	return r;
}

static int look_at(const struct ctl *ctl, const struct output_watch_look *before, double *next_top,
		   struct output_watch_look *ret_look)
{
	struct output_watch_look look = {};
	int r = ask_json(ctl, "/v1/status", &look.status);

	r = r < 0 ? r : ask_json(ctl, "/v1/gateways", &look.gateways);
	r = r < 0 ? r : ask_json(ctl, "/v1/stats", &look.stats);
	look.at = now_s(CLOCK_MONOTONIC);
	r = r < 0 ? r : look_at_top(ctl, before, next_top, &look);
	if (r < 0) {
		forget(&look);
		return r;
	}
	*ret_look = look;
	return 0;
}

/* ---- showing ---- */

/* Of one core, since natgwctl began. */
static double own_share(double began)
{
	struct rusage usage;

	if (getrusage(RUSAGE_SELF, &usage) < 0) {
		return 0;
	}
	double used = (double)(usage.ru_utime.tv_sec + usage.ru_stime.tv_sec) +
		      (double)(usage.ru_utime.tv_usec + usage.ru_stime.tv_usec) / 1e6;
	double lived = now_s(CLOCK_MONOTONIC) - began;

	return lived > 0 ? 100 * used / lived : 0;
}

static int print_text(const json_t *frame, double share)
{
	_cleanup_free_ char *text = NULL;
	size_t size = 0;
	FILE *stream = open_memstream(&text, &size);
	const time_t now = time(NULL);
	struct tm parts = { 0 };
	char clock[32] = "";

	if (!stream) {
		return -ENOMEM;
	}
	(void)strftime(clock, sizeof(clock), "%F %T", localtime_r(&now, &parts));
	fprintf(stream, "natgw, %s, ", clock);
	int r = output_watch_print(frame, stream);

	fprintf(stream, "\nnatgwctl watch itself: %.2f %% of a core\n", share);
	if (fclose(stream) != 0) {
		r = -ENOMEM;
	}
	/* All at once: a screen must not flicker. */
	if (r == 0) {
		printf("%s%s%s", isatty(STDOUT_FILENO) ? CLEAR : "", text,
		       isatty(STDOUT_FILENO) ? "" : "\n");
	}
	return r;
}

static int show_frame(const struct ctl *ctl, const struct output_watch_look *before,
		      const struct output_watch_look *now, double began)
{
	json_t *frame = output_watch_frame(before, now);
	double share = own_share(began);
	int r = frame ? 0 : -ENOMEM;

	if (r == 0 && ctl->json) {
		(void)json_object_set_new(frame, "own_core_percent", json_real(share));
		r = json_dumpf(frame, stdout, JSON_COMPACT | JSON_REAL_PRECISION(9)) < 0 ? -EIO : 0;
		putchar('\n');
	} else if (r == 0) {
		r = print_text(frame, share);
	}
	json_decref(frame);
	if (r == 0 && fflush(stdout) != 0) {
		r = -errno;
	}
	if (r < 0) {
		/* natgwctl has one thread. NOLINTNEXTLINE(concurrency-mt-unsafe) */
		fprintf(stderr, "natgwctl: cannot show it: %s\n", strerror(-r));
	}
	return r;
}

/* ---- the command ---- */

/* "2" or "0.5" seconds. */
static int parse_interval(const char *text, uint32_t *ret_ms)
{
	char whole[16];
	size_t size = strcspn(text, ".");
	uint32_t seconds;
	uint32_t tenths = 0;

	if (size >= sizeof(whole)) {
		return -EINVAL;
	}
	memcpy(whole, text, size);
	whole[size] = '\0';
	if (parse_util_u32(whole, &seconds) < 0 || seconds > INTERVAL_MAX_MS / 1000 ||
	    (text[size] && (parse_util_u32(text + size + 1, &tenths) < 0 || tenths > 9))) {
		return -EINVAL;
	}
	uint32_t ms = seconds * 1000 + tenths * 100;

	if (ms == 0 || ms > INTERVAL_MAX_MS) {
		return -EINVAL;
	}
	*ret_ms = ms;
	return 0;
}

static int watch(const struct ctl *ctl, uint32_t interval_ms, uint32_t count)
{
	const double began = now_s(CLOCK_MONOTONIC);
	struct output_watch_look before = {};
	double next_top = 0;
	int r = look_at(ctl, &before, &next_top, &before);

	sleep_ms(interval_ms < FIRST_MS ? interval_ms : FIRST_MS);
	for (uint32_t shown = 0; r == 0;) {
		struct output_watch_look now;

		r = look_at(ctl, &before, &next_top, &now);
		if (r < 0) {
			break;
		}
		r = show_frame(ctl, &before, &now, began);
		forget(&before);
		before = now;
		if (++shown == count) {
			break;
		}
		sleep_ms(interval_ms);
	}
	forget(&before);
	return r;
}

int ctl_watch(const struct ctl *ctl, char *const *words, unsigned int word_count)
{
	const char *interval = ctl_value(ctl_watch_options, "interval");
	const char *count = ctl_value(ctl_watch_options, "count");
	uint32_t interval_ms = INTERVAL_MS;
	uint32_t frames = 0; /* no end */

	(void)words;
	(void)word_count;
	if (interval && parse_interval(interval, &interval_ms) < 0) {
		fprintf(stderr,
			"natgwctl: --interval is a number of seconds from 0.1 to 3600, not \"%s\"\n",
			interval);
		return CTL_USAGE;
	}
	if (count && (parse_util_u32(count, &frames) < 0 || frames == 0)) {
		fprintf(stderr, "natgwctl: --count is a number from 1 on, not \"%s\"\n", count);
		return CTL_USAGE;
	}
	return ctl_finish(watch(ctl, interval_ms, frames) < 0 ? 1 : 0);
}
