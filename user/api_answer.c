// SPDX-License-Identifier: GPL-2.0-only
/*
 * The endpoints: what is asked for, in which form it is answered. What the answers say is made
 * elsewhere (api_views.c, api_stats.c, api_sessions.c, api_top.c, api_errors.c, api_metrics.c).
 */
#include "api_answer.h"

#include <errno.h>
#include <event2/buffer.h>
#include <event2/keyvalq_struct.h>
#include <jansson.h>
#include <stdlib.h>
#include <string.h>

#include "api_change.h"
#include "api_check.h"
#include "api_errors.h"
#include "api_kill.h"
#include "api_page.h"
#include "api_sessions.h"
#include "api_stats.h"
#include "api_top.h"
#include "api_views.h"
#include "cleanup.h"
#include "drop_samples.h"
#include "import.h"
#include "lifecycle.h"
#include "metrics.h"
#include "names.h"
#include "parse_util.h"
#include "probe.h"
#include "sweep.h"

/* ---- the endpoints ---- */

static int answer_status(struct api_answer *answer)
{
	json_t *json = NULL;
	int r = api_views_status(answer->context->state, &json);

	return r < 0 ? r : api_answer_json(answer, json);
}

static int answer_gateways(struct api_answer *answer)
{
	const char *all = evhttp_find_header(answer->query, "all");
	json_t *json = NULL;
	int r = api_views_gateways(answer->context->state,
				   evhttp_find_header(answer->query, "name"),
				   all && strcmp(all, "1") == 0, &json);

	if (r == -ENOENT) {
		return api_answer_fail(answer, HTTP_NOTFOUND, "no gateway of that name");
	}
	return r < 0 ? r : api_answer_json(answer, json);
}

static int answer_eips(struct api_answer *answer)
{
	json_t *json = json_pack("{s:o}", "eips", lifecycle_eips_json(answer->context->state));

	return json ? api_answer_json(answer, json) : -ENOMEM;
}

static int answer_routes(struct api_answer *answer)
{
	json_t *json = NULL;
	int r = api_views_routes(answer->context->state, &json);

	return r < 0 ? r : api_answer_json(answer, json);
}

static int answer_stats(struct api_answer *answer)
{
	json_t *json = NULL;
	int r = api_stats_view(answer->context->state, &json);

	return r < 0 ? r : api_answer_json(answer, json);
}

static int answer_sweep(struct api_answer *answer)
{
	const struct natgw_sweep *sweep = &answer->context->state->last_sweep;
	int r = sweep_pass(answer->context->state);

	if (r < 0) {
		return r;
	}
	top_forget(&answer->context->state->top);
	json_t *json = json_pack("{s:I, s:I, s:I}", "rows", (json_int_t)sweep->rows, "removed",
				 (json_int_t)sweep->removed, "lost", (json_int_t)sweep->lost);

	return api_answer_json(answer, json);
}

/* Key "n": how many rows; 0 when it is wrong, and then the answer says so. */
static size_t query_count(struct api_answer *answer)
{
	const char *text = evhttp_find_header(answer->query, "n");
	uint32_t count = API_TOP_DEFAULT;

	if (text && (parse_util_u32(text, &count) < 0 || count == 0 || count > API_TOP_MAX)) {
		return 0;
	}
	return count;
}

static int answer_top(struct api_answer *answer,
		      int (*fn)(struct natgwd_state *state, size_t max, json_t **ret_json))
{
	size_t max = query_count(answer);
	json_t *json = NULL;

	if (max == 0) {
		return api_answer_fail(answer, HTTP_BADREQUEST, "n is a number from 1 to 1000");
	}
	int r = fn(answer->context->state, max, &json);

	return r < 0 ? r : api_answer_json(answer, json);
}

static int answer_top_destinations(struct api_answer *answer)
{
	return answer_top(answer, api_top_destinations);
}

static int answer_top_clients(struct api_answer *answer)
{
	return answer_top(answer, api_top_clients);
}

static int answer_events(struct api_answer *answer)
{
	answer->type = API_ANSWER_JSON_LINES;
	return api_top_events(answer->context->state, answer->body);
}

static int answer_errors(struct api_answer *answer)
{
	json_t *json = NULL;
	int r = api_errors_view(answer->context->state, &json);

	return r < 0 ? r : api_answer_json(answer, json);
}

static int answer_metrics(struct api_answer *answer)
{
	_cleanup_free_ char *text = NULL;
	size_t size = 0;
	FILE *stream = open_memstream(&text, &size);

	if (!stream) {
		return -ENOMEM;
	}
	int r = api_metrics_write(answer->context->state, &answer->context->peaks, stream);

	if (fclose(stream) != 0 && r == 0) {
		r = -ENOMEM;
	}
	if (r < 0) {
		return r;
	}
	answer->type = METRICS_CONTENT_TYPE;
	return evbuffer_add(answer->body, text, size) < 0 ? -ENOMEM : 0;
}

static const char *why_not_attached(const struct iface_state *iface)
{
	if (!iface->ifindex) {
		return "there is no such interface";
	}
	return iface->attach_reason[0] ? iface->attach_reason : "natgwd's log says why";
}

static int answer_health(struct api_answer *answer)
{
	const struct natgwd_state *state = answer->context->state;
	int r = 0;

	answer->type = API_ANSWER_TEXT;
	for (unsigned int i = 1; i < NATGW_GATEWAYS_MAX; i++) {
		const struct gateway_status *gateway = &state->gateways[i];
		const struct probe_gateway *probe = probe_of(state->probe, i);

		/* One that goes or has gone is as the config wants it. */
		if (gateway->name[0] && gateway->state != NATGW_GATEWAY_AVAILABLE &&
		    gateway->state != NATGW_GATEWAY_DELETING &&
		    gateway->state != NATGW_GATEWAY_DELETED) {
			r = evbuffer_add_printf(answer->body, "gateway %s is %s%s%s\n",
						gateway->name, names_gateway_state(gateway->state),
						gateway->reason[0] ? ": " : "", gateway->reason);
		} else if (probe && !probe->up) {
			r = evbuffer_add_printf(answer->body,
						"gateway %s: the data path is down: %s\n",
						gateway->name, probe->what);
		}
	}
	for (unsigned int i = 0; i < state->iface_count; i++) {
		const struct iface_state *iface = &state->ifaces[i];

		if (iface->attach == IFACE_ATTACH_NONE) {
			r = evbuffer_add_printf(answer->body, "interface %s is not attached: %s\n",
						iface->name, why_not_attached(iface));
		}
	}
	if (evbuffer_get_length(answer->body) > 0) {
		answer->status = HTTP_SERVUNAVAIL;
	} else {
		r = evbuffer_add_printf(answer->body, "ok\n");
	}
	return r < 0 ? -ENOMEM : 0;
}

/* ---- the list ---- */

/* Whatever is not GET changes something and is for the control socket only; so is a GET with true.
 */
static const struct api_endpoint endpoints[] = {
	{ "/", EVHTTP_REQ_GET, api_page_answer, false },
	{ "/page.css", EVHTTP_REQ_GET, api_page_answer_style, false },
	{ "/page.js", EVHTTP_REQ_GET, api_page_answer_script, false },
	{ "/metrics", EVHTTP_REQ_GET, answer_metrics, false },
	{ "/healthz", EVHTTP_REQ_GET, answer_health, false },
	{ "/v1/status", EVHTTP_REQ_GET, answer_status, false },
	{ "/v1/gateways", EVHTTP_REQ_GET, answer_gateways, false },
	{ "/v1/eips", EVHTTP_REQ_GET, answer_eips, false },
	{ "/v1/sessions", EVHTTP_REQ_GET, api_sessions_answer, false },
	{ "/v1/sessions/kill", EVHTTP_REQ_POST, api_kill_answer, false },
	{ "/v1/check", EVHTTP_REQ_GET, api_check_answer, false },
	{ "/v1/stats", EVHTTP_REQ_GET, answer_stats, false },
	{ "/v1/routes", EVHTTP_REQ_GET, answer_routes, false },
	{ "/v1/top/destinations", EVHTTP_REQ_GET, answer_top_destinations, false },
	{ "/v1/top/clients", EVHTTP_REQ_GET, answer_top_clients, false },
	{ "/v1/errors", EVHTTP_REQ_GET, answer_errors, false },
	{ "/v1/events", EVHTTP_REQ_GET, answer_events, false },
	{ "/v1/drops", EVHTTP_REQ_GET, drop_samples_answer, true },
	{ "/v1/apply", EVHTTP_REQ_POST, api_change_apply, false },
	{ "/v1/gateways/create", EVHTTP_REQ_POST, api_change_create, false },
	{ "/v1/gateways/delete", EVHTTP_REQ_POST, api_change_delete, false },
	{ "/v1/gateways/tag", EVHTTP_REQ_POST, api_change_tag, false },
	{ "/v1/eips/attach", EVHTTP_REQ_POST, api_change_attach, false },
	{ "/v1/eips/detach", EVHTTP_REQ_POST, api_change_detach, false },
	{ "/v1/routes/replace", EVHTTP_REQ_POST, api_change_replace, false },
	{ "/v1/block", EVHTTP_REQ_POST, api_change_block, false },
	{ "/v1/import", EVHTTP_REQ_POST, import_answer, false },
	{ "/v1/sweep", EVHTTP_REQ_POST, answer_sweep, false },
};

const struct api_endpoint *api_answer_find(const char *path, enum evhttp_cmd_type method)
{
	const struct api_endpoint *other = NULL;

	for (size_t i = 0; path && i < sizeof(endpoints) / sizeof(endpoints[0]); i++) {
		if (strcmp(endpoints[i].path, path) != 0) {
			continue;
		}
		if (endpoints[i].method == method) {
			return &endpoints[i];
		}
		other = &endpoints[i];
	}
	return other;
}
