// SPDX-License-Identifier: GPL-2.0-only
/* State and data path to struct metrics. Not responsible for the text format (metrics.c). */
#include "api_metrics.h"

#include <arpa/inet.h>
#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "api_metrics_clients.h"
#include "api_metrics_log.h"
#include "api_metrics_process.h"
#include "api_metrics_top.h"
#include "change.h"
#include "cleanup.h"
#include "keep.h"
#include "lifecycle.h"
#include "metrics.h"
#include "names.h"
#include "probe_metrics.h"
#include "snapshot.h"
#include "version.h"

/* Everything that struct metrics points to. */
struct collection {
	struct metrics metrics;
	struct metrics_gateway gateways[NATGW_GATEWAYS_MAX];
	char private_ips[NATGW_GATEWAYS_MAX][INET_ADDRSTRLEN];
	struct natgw_count verdicts[NATGW_VERDICT_ROWS];
	struct metrics_eip *eips;
	struct snapshot_route *route_rows;
	struct metrics_route *routes;
	struct metrics_rule *rules;
	struct api_metrics_top top;
};

static int collect_eips(const struct natgwd_state *state, struct collection *collection,
			size_t *ret_count, unsigned int **ret_owners)
{
	struct snapshot_eip *found = NULL;
	size_t count = 0;
	int r = snapshot_eips(state->dp, &found, &count);

	if (r < 0) {
		return r;
	}
	_cleanup_free_ struct snapshot_eip *rows = found;
	unsigned int *owners = calloc(count + 1, sizeof(*owners));

	collection->eips = calloc(count + 1, sizeof(*collection->eips));
	if (!collection->eips || !owners) {
		free(owners);
		return -ENOMEM;
	}
	for (size_t i = 0; i < count; i++) {
		struct metrics_eip *eip = &collection->eips[i];

		owners[i] = rows[i].gateway;
		eip->draining = rows[i].draining;
		inet_ntop(AF_INET, &rows[i].addr, eip->address, sizeof(eip->address));
		memcpy(eip->ports_in_use, rows[i].ports_in_use, sizeof(eip->ports_in_use));
		memcpy(eip->ports_held, rows[i].ports_held, sizeof(eip->ports_held));
	}
	*ret_count = count;
	*ret_owners = owners;
	return 0;
}

static int collect_gateway(const struct natgwd_state *state, unsigned int index,
			   struct collection *collection, struct metrics_gateway *gateway)
{
	const struct gateway_status *status = &state->gateways[index];
	const struct config_gateway *config = config_find_gateway(state->config, status->name);
	struct natgw_gateway row = {};
	struct natgw_gateway_use use = {};
	int r = datapath_get_gateway(state->dp, index, &row);

	if (r == 0) {
		r = datapath_read_gateway_use(state->dp, index, &use);
	}
	if (r == 0) {
		r = datapath_read_traffic(state->dp, index, &gateway->traffic);
	}
	if (r == 0) {
		r = datapath_read_active(state->dp, index, &gateway->active);
	}
	if (r < 0) {
		return r;
	}
	inet_ntop(AF_INET, &row.private_ip, collection->private_ips[index],
		  sizeof(collection->private_ips[index]));
	gateway->index = index;
	gateway->name = status->name;
	gateway->private_ip = collection->private_ips[index];
	gateway->profile = config ? config->profile : "";
	gateway->state = status->state;
	gateway->port_count = row.port_count;
	gateway->clients = use.clients;
	return 0;
}

static int collect_gateways(const struct natgwd_state *state, const struct api_metrics_peaks *peaks,
			    struct collection *collection)
{
	unsigned int *found = NULL;
	size_t eip_count = 0;
	int r = collect_eips(state, collection, &eip_count, &found);
	_cleanup_free_ unsigned int *owners = found;
	size_t next_eip = 0;

	for (unsigned int i = 1; r == 0 && i < NATGW_GATEWAYS_MAX; i++) {
		struct metrics_gateway *gateway =
			&collection->gateways[collection->metrics.gateway_count];

		if (!state->gateways[i].name[0]) {
			continue;
		}
		r = collect_gateway(state, i, collection, gateway);
		/* The EIPs are sorted by gateway, so its own are one stretch. */
		while (next_eip < eip_count && owners[next_eip] < i)
			next_eip++;
		gateway->eips = &collection->eips[next_eip];
		while (next_eip < eip_count && owners[next_eip] == i) {
			next_eip++;
			gateway->eip_count++;
		}
		gateway->peak_bytes_per_second = peaks_highest(&peaks->bytes[i]);
		gateway->peak_packets_per_second = peaks_highest(&peaks->packets[i]);
		collection->metrics.gateway_count++;
	}
	return r;
}

static int collect_routes(const struct natgwd_state *state, struct collection *collection)
{
	size_t count = 0;
	size_t kept = 0;
	int r = snapshot_routes(state, &collection->route_rows, &count);

	if (r < 0) {
		return r;
	}
	collection->routes = calloc(count + 1, sizeof(*collection->routes));
	if (!collection->routes) {
		return -ENOMEM;
	}
	for (size_t i = 0; i < count; i++) {
		const struct snapshot_route *row = &collection->route_rows[i];

		if (row->origin == NATGW_ORIGIN_LOCAL) {
			continue;
		}
		collection->routes[kept++] = (struct metrics_route){
			.table = row->to.table_name,
			.prefix = row->to.prefix,
			.target = row->target,
			.state = row->state,
		};
	}
	collection->metrics.routes = collection->routes;
	collection->metrics.route_count = kept;
	return 0;
}

static int collect_rules(const struct natgwd_state *state, struct collection *collection)
{
	const size_t count = state->config->rule_count;
	uint64_t *found = NULL;
	int r = snapshot_rule_hits(state, &found);
	_cleanup_free_ uint64_t *hits = found;

	if (r < 0) {
		return r;
	}
	collection->rules = calloc(count + 1, sizeof(*collection->rules));
	if (!collection->rules) {
		return -ENOMEM;
	}
	for (size_t i = 0; i < count; i++) {
		collection->rules[i] = (struct metrics_rule){
			.number = (unsigned int)i + 1,
			.kind = names_rule_kind(state->config->rules[i].kind),
			.hits = hits[i],
		};
	}
	collection->metrics.rules = collection->rules;
	collection->metrics.rule_count = count;
	return 0;
}

static int collect_counters(const struct natgwd_state *state, struct collection *collection)
{
	int r = datapath_read_verdicts(state->dp, collection->verdicts);

	for (unsigned int hook = 0; r == 0 && hook < NATGW_HOOK_COUNT; hook++)
		r = datapath_read_seen(state->dp, hook, &collection->metrics.seen[hook]);
	if (r == 0) {
		r = datapath_read_generated(state->dp, collection->metrics.generated);
	}
	return r;
}

/* What has been shown once never goes back. */
static void keep_shown(const struct natgwd_state *state)
{
	*keep_counter(state->keep, KEEP_APPLIES_OK) = state->reloads_ok;
	*keep_counter(state->keep, KEEP_APPLIES_FAILED) = state->reloads_failed;
}

/* The families that other modules write, each whole. */
static void (*const sections[])(const struct natgwd_state *state, FILE *stream) = {
	api_metrics_clients, lifecycle_metrics, change_metrics,
	api_metrics_process, probe_metrics,	api_metrics_log,
};

int api_metrics_write(struct natgwd_state *state, struct api_metrics_peaks *peaks, FILE *stream)
{
	struct collection *collection = calloc(1, sizeof(*collection));

	if (!collection) {
		return -ENOMEM;
	}
	struct metrics *metrics = &collection->metrics;
	int r = collect_counters(state, collection);

	metrics->version = NATGW_VERSION;
	metrics->layout = NATGW_LAYOUT_VERSION;
	metrics->gateways = collection->gateways;
	metrics->verdicts = collection->verdicts;
	metrics->sessions_max = snapshot_sessions_max(state);
	metrics->config_generation = state->config_generation;
	metrics->applies_ok = state->reloads_ok;
	metrics->applies_failed = state->reloads_failed;
	keep_shown(state);
	if (r == 0) {
		r = collect_gateways(state, peaks, collection);
	}
	if (r == 0) {
		r = collect_routes(state, collection);
	}
	if (r == 0) {
		r = collect_rules(state, collection);
	}
	if (r == 0) {
		r = api_metrics_top_read(state, &peaks->shown, &collection->top, metrics);
	}
	if (r == 0) {
		r = metrics_write(metrics, stream);
	}
	for (size_t i = 0; r == 0 && i < sizeof(sections) / sizeof(sections[0]); i++)
		sections[i](state, stream);
	free(collection->eips);
	free(collection->route_rows);
	free(collection->routes);
	free(collection->rules);
	free(collection);
	return r;
}

/* ---- samples ---- */

static void add_traffic(uint64_t totals[HISTORY_SERIES_COUNT], const struct natgw_traffic *traffic)
{
	totals[HISTORY_BYTES_OUT] += traffic->out_to_destination.bytes;
	totals[HISTORY_BYTES_IN] += traffic->out_to_source.bytes;
	totals[HISTORY_PACKETS_OUT] += traffic->out_to_destination.packets;
	totals[HISTORY_PACKETS_IN] += traffic->out_to_source.packets;
	for (unsigned int proto = 0; proto < NATGW_PROTO_COUNT; proto++) {
		totals[HISTORY_ATTEMPTS] += traffic->attempts[proto];
		for (unsigned int error = 0; error < NATGW_ALLOC_ERROR_COUNT; error++)
			totals[HISTORY_REFUSED] += traffic->alloc_errors[proto][error];
	}
}

/* drops has NATGW_GATEWAYS_MAX elements, zero at first. */
static int read_drops(const struct natgwd_state *state, uint64_t *drops)
{
	_cleanup_free_ struct natgw_count *verdicts =
		calloc((size_t)NATGW_VERDICT_ROWS, sizeof(*verdicts));
	const unsigned int rows = NATGW_VERDICT_ROWS / NATGW_GATEWAYS_MAX;
	int r = verdicts ? datapath_read_verdicts(state->dp, verdicts) : -ENOMEM;

	for (unsigned int row = 0; r == 0 && row < NATGW_VERDICT_ROWS; row++) {
		if (names_verdict_class(row % NATGW_VERDICT_SLOTS) == NATGW_CLASS_DROP) {
			drops[row / rows] += verdicts[row].packets;
		}
	}
	return r;
}

static int sample_gateway(const struct natgwd_state *state, struct api_metrics_peaks *peaks,
			  unsigned int index, uint64_t dropped, uint64_t at_ns)
{
	uint64_t totals[HISTORY_SERIES_COUNT] = { [HISTORY_DROPPED] = dropped };
	struct natgw_traffic traffic;
	int r = datapath_read_traffic(state->dp, index, &traffic);

	if (r < 0) {
		return r;
	}
	peaks_add(&peaks->bytes[index],
		  traffic.in_from_source.bytes + traffic.in_from_destination.bytes, at_ns);
	peaks_add(&peaks->packets[index],
		  traffic.in_from_source.packets + traffic.in_from_destination.packets, at_ns);
	add_traffic(totals, &traffic);
	history_read(&peaks->meters[index], totals, at_ns);
	return 0;
}

int api_metrics_sample(const struct natgwd_state *state, struct api_metrics_peaks *peaks)
{
	uint64_t all[HISTORY_SERIES_COUNT] = { 0 };
	uint64_t drops[NATGW_GATEWAYS_MAX] = { 0 };
	struct timespec now;
	int r = read_drops(state, drops);

	clock_gettime(CLOCK_MONOTONIC, &now);
	const uint64_t at_ns = (uint64_t)now.tv_sec * 1000000000 + (uint64_t)now.tv_nsec;

	for (unsigned int i = 1; r == 0 && i < NATGW_GATEWAYS_MAX; i++) {
		if (state->gateways[i].name[0]) {
			r = sample_gateway(state, peaks, i, drops[i], at_ns);
		}
	}
	if (r < 0) {
		return r;
	}
	for (unsigned int i = 0; i < NATGW_GATEWAYS_MAX; i++) {
		for (int series = 0; series < HISTORY_DROPPED; series++)
			all[series] += peaks->meters[i].totals[series];
		all[HISTORY_DROPPED] += drops[i];
	}
	history_read(&peaks->all, all, at_ns);
	history_keep(&peaks->history, &peaks->all.now);
	return 0;
}
