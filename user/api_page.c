// SPDX-License-Identifier: GPL-2.0-only
/*
 * The page: its template, with a part of natgwd's numbers in the place of each {{name}}. Not
 * responsible for what the parts say (api_page_*.c).
 */
#include "api_page.h"

#include <errno.h>
#include <event2/buffer.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "api_page_internal.h"
#include "cleanup.h"
#include "top.h"
#include "version.h"

/* Nothing but what comes from here, and no script or style but the two files. */
#define POLICY                                                                          \
	"default-src 'none'; script-src 'self'; style-src 'self'; connect-src 'self'; " \
	"img-src data:; base-uri 'none'; form-action 'none'; frame-ancestors 'none'"

/* ---- the small parts ---- */

static void write_health(const struct api_page *page)
{
	const unsigned int problems = api_page_problem_count(page);

	if (problems) {
		fprintf(page->out, "<span class=\"bad\">%u problem%s</span>", problems,
			problems == 1 ? "" : "s");
	} else {
		fputs("<span class=\"good\">all is well</span>", page->out);
	}
}

static void write_about(const struct api_page *page)
{
	const uint64_t up = (uint64_t)(time(NULL) - page->state->started);

	fputs("version ", page->out);
	api_page_text(page->out, NATGW_VERSION);
	fprintf(page->out, ", up %llud %02llu:%02llu, configuration %llu of ",
		(unsigned long long)up / 86400, (unsigned long long)up / 3600 % 24,
		(unsigned long long)up / 60 % 60,
		(unsigned long long)page->state->config_generation);
	api_page_text(page->out, page->state->config->file ? page->state->config->file : "-");
}

static void write_time(const struct api_page *page)
{
	const time_t now = time(NULL);
	struct tm parts;
	char text[32];

	strftime(text, sizeof(text), "%Y-%m-%d %H:%M:%S UTC", gmtime_r(&now, &parts));
	fputs(text, page->out);
}

static void write_bytes_out(const struct api_page *page)
{
	api_page_series(page->out, &page->samples->all.now, HISTORY_BYTES_OUT);
}

static void write_bytes_in(const struct api_page *page)
{
	api_page_series(page->out, &page->samples->all.now, HISTORY_BYTES_IN);
}

static void write_attempts(const struct api_page *page)
{
	api_page_series(page->out, &page->samples->all.now, HISTORY_ATTEMPTS);
}

static void write_refused(const struct api_page *page)
{
	api_page_series(page->out, &page->samples->all.now, HISTORY_REFUSED);
}

static void write_dropped(const struct api_page *page)
{
	api_page_series(page->out, &page->samples->all.now, HISTORY_DROPPED);
}

static void count_sessions(const struct api_page *page, uint64_t *ret_live, uint64_t *ret_held)
{
	*ret_live = 0;
	*ret_held = 0;
	for (unsigned int i = 0; i < NATGW_GATEWAYS_MAX; i++) {
		for (unsigned int proto = 0; proto < NATGW_PROTO_COUNT; proto++) {
			*ret_live +=
				page->active[i].opening[proto] + page->active[i].established[proto];
			*ret_held += page->active[i].held[proto];
		}
	}
}

static void write_sessions(const struct api_page *page)
{
	uint64_t live;
	uint64_t held;

	count_sessions(page, &live, &held);
	fputs("<dt>Sessions</dt><dd>", page->out);
	api_page_count(page->out, live);
	fputs(" <small>and ", page->out);
	api_page_count(page->out, held);
	fputs(" held</small></dd>", page->out);
}

static void write_table_use(const struct api_page *page)
{
	const uint32_t room = snapshot_sessions_max(page->state);
	uint64_t live;
	uint64_t held;

	count_sessions(page, &live, &held);
	fprintf(page->out, "<dt>Table in use</dt><dd>%.1f %% <small>of ",
		room ? 100.0 * (double)(live + held) / room : 0);
	api_page_count(page->out, room);
	fputs("</small></dd>", page->out);
}

static void write_client_count(const struct api_page *page)
{
	uint64_t clients = 0;

	for (unsigned int i = 1; i < NATGW_GATEWAYS_MAX; i++) {
		struct natgw_gateway_use use = {};

		if (page->state->gateways[i].name[0]) {
			datapath_read_gateway_use(page->state->dp, i, &use);
			clients += use.clients;
		}
	}
	fputs("<dt>Clients</dt><dd>", page->out);
	api_page_count(page->out, clients);
	fputs("</dd>", page->out);
}

static const struct {
	const char *name;
	void (*fn)(const struct api_page *page);
} parts[] = {
	{ "health", write_health },
	{ "about", write_about },
	{ "time", write_time },
	{ "problems", api_page_problems },
	{ "bytes_out", write_bytes_out },
	{ "bytes_in", write_bytes_in },
	{ "attempts", write_attempts },
	{ "refused", write_refused },
	{ "dropped", write_dropped },
	{ "sessions", write_sessions },
	{ "table_use", write_table_use },
	{ "client_count", write_client_count },
	{ "charts", api_page_charts },
	{ "traffic", api_page_traffic },
	{ "gateways", api_page_gateways },
	{ "eips", api_page_eips },
	{ "destinations", api_page_destinations },
	{ "clients", api_page_clients },
	{ "drops", api_page_drops },
	{ "events", api_page_events },
	{ "interfaces", api_page_interfaces },
};

/* ---- the template ---- */

static void write_part(const struct api_page *page, const char *name, size_t length)
{
	for (size_t i = 0; i < sizeof(parts) / sizeof(parts[0]); i++) {
		if (strlen(parts[i].name) == length && memcmp(parts[i].name, name, length) == 0) {
			parts[i].fn(page);
			return;
		}
	}
}

static void write_template(const struct api_page *page)
{
	const char *at = api_page_html.start;
	const char *const end = api_page_html.end;

	while (at < end) {
		const char *open = memmem(at, (size_t)(end - at), "{{", 2);
		const char *close = open ? memmem(open, (size_t)(end - open), "}}", 2) : NULL;

		if (!close) {
			break;
		}
		fwrite(at, 1, (size_t)(open - at), page->out);
		write_part(page, open + 2, (size_t)(close - open - 2));
		at = close + 2;
	}
	fwrite(at, 1, (size_t)(end - at), page->out);
}

/* ---- the answers ---- */

static int read_numbers(struct natgwd_state *state, struct api_page *page)
{
	struct timespec now;
	int r = top_get(&state->top, state->dp, &page->top);

	for (uint32_t i = 0; r == 0 && i < NATGW_GATEWAYS_MAX; i++)
		r = datapath_read_active(state->dp, i, &page->active[i]);
	clock_gettime(CLOCK_MONOTONIC, &now);
	page->now_ns = (uint64_t)now.tv_sec * 1000000000 + (uint64_t)now.tv_nsec;
	return r;
}

static int write_page(struct api_answer *answer, FILE *out)
{
	struct natgwd_state *state = answer->context->state;
	_cleanup_free_ struct natgw_count *verdicts =
		calloc((size_t)NATGW_VERDICT_ROWS, sizeof(*verdicts));
	struct snapshot_eip *found = NULL;
	struct api_page page = {
		.out = out,
		.state = state,
		.samples = &answer->context->peaks,
		.verdicts = verdicts,
	};
	int r = verdicts ? datapath_read_verdicts(state->dp, verdicts) : -ENOMEM;

	if (r == 0) {
		r = snapshot_eips(state->dp, &found, &page.eip_count);
	}
	_cleanup_free_ struct snapshot_eip *eips = found;

	page.eips = eips;
	if (r == 0) {
		r = read_numbers(state, &page);
	}
	if (r == 0) {
		write_template(&page);
	}
	return r;
}

static int add_headers(struct api_answer *answer)
{
	int r = api_answer_header(answer, "Content-Security-Policy", POLICY);

	if (r == 0) {
		r = api_answer_header(answer, "X-Content-Type-Options", "nosniff");
	}
	return r < 0 ? r : api_answer_header(answer, "Referrer-Policy", "no-referrer");
}

int api_page_answer(struct api_answer *answer)
{
	_cleanup_free_ char *text = NULL;
	size_t size = 0;
	FILE *stream = open_memstream(&text, &size);

	if (!stream) {
		return -ENOMEM;
	}
	int r = write_page(answer, stream);

	if (fclose(stream) != 0 && r == 0) {
		r = -ENOMEM;
	}
	if (r == 0) {
		r = add_headers(answer);
	}
	if (r < 0) {
		return r;
	}
	answer->type = "text/html; charset=utf-8";
	return evbuffer_add(answer->body, text, size) < 0 ? -ENOMEM : 0;
}

static int answer_file(struct api_answer *answer, const struct api_page_file *file,
		       const char *type)
{
	answer->type = type;
	if (evbuffer_add(answer->body, file->start, (size_t)(file->end - file->start)) < 0) {
		return -ENOMEM;
	}
	return add_headers(answer);
}

int api_page_answer_style(struct api_answer *answer)
{
	return answer_file(answer, &api_page_css, "text/css; charset=utf-8");
}

int api_page_answer_script(struct api_answer *answer)
{
	return answer_file(answer, &api_page_js, "text/javascript; charset=utf-8");
}
