// SPDX-License-Identifier: GPL-2.0-only
/* JSON of /v1/stats: the counters of the data path as they are. Not responsible for rates. */
#include "api_stats.h"

#include <errno.h>
#include <stdlib.h>

#include "cleanup.h"
#include "names.h"
#include "snapshot.h"

static json_t *count_json(const struct natgw_count *count)
{
	return json_pack("{s:I, s:I}", "packets", (json_int_t)count->packets, "bytes",
			 (json_int_t)count->bytes);
}

static void add_count(struct natgw_count *sum, const struct natgw_count *count)
{
	sum->packets += count->packets;
	sum->bytes += count->bytes;
}

/* A row of the map of verdicts, its index taken apart. */
struct place {
	unsigned int gateway;
	unsigned int hook;
	unsigned int direction;
	unsigned int verdict;
};

static struct place place_of(uint32_t row)
{
	return (struct place){
		.verdict = row % NATGW_VERDICT_SLOTS,
		.direction = row / NATGW_VERDICT_SLOTS % NATGW_DIRECTION_COUNT,
		.hook = row / NATGW_VERDICT_SLOTS / NATGW_DIRECTION_COUNT % NATGW_HOOK_COUNT,
		.gateway = row / NATGW_VERDICT_SLOTS / NATGW_DIRECTION_COUNT / NATGW_HOOK_COUNT,
	};
}

static json_t *hooks_json(const struct natgwd_state *state, const struct natgw_count *verdicts)
{
	struct natgw_count by_class[NATGW_HOOK_COUNT][NATGW_CLASS_DROP + 1] = {};
	json_t *hooks = json_object();

	for (uint32_t row = 0; row < NATGW_VERDICT_ROWS; row++) {
		struct place place = place_of(row);

		add_count(&by_class[place.hook][names_verdict_class(place.verdict)],
			  &verdicts[row]);
	}
	for (unsigned int hook = 0; hook < NATGW_HOOK_COUNT; hook++) {
		const struct natgw_count *class = by_class[hook];
		struct natgw_count seen = {};

		datapath_read_seen(state->dp, hook, &seen);
		json_object_set_new(hooks, names_hook(hook),
				    json_pack("{s:o, s:o, s:o, s:o, s:o}", "in", count_json(&seen),
					      "out", count_json(&class[NATGW_CLASS_OUT]), "passed",
					      count_json(&class[NATGW_CLASS_PASSED]), "deferred",
					      count_json(&class[NATGW_CLASS_DEFERRED]), "dropped",
					      count_json(&class[NATGW_CLASS_DROP])));
	}
	return hooks;
}

static json_t *verdicts_json(const struct natgwd_state *state, const struct natgw_count *verdicts)
{
	json_t *list = json_array();

	for (uint32_t row = 0; row < NATGW_VERDICT_ROWS; row++) {
		struct place place = place_of(row);

		if (verdicts[row].packets == 0) {
			continue;
		}
		json_array_append_new(list,
				      json_pack("{s:s, s:s, s:s, s:s, s:s, s:I, s:I}", "gateway",
						snapshot_gateway_name(state, place.gateway), "hook",
						names_hook(place.hook), "direction",
						names_direction(place.direction), "reason",
						names_verdict(place.verdict), "class",
						names_class(names_verdict_class(place.verdict)),
						"packets", (json_int_t)verdicts[row].packets,
						"bytes", (json_int_t)verdicts[row].bytes));
	}
	return list;
}

/* ---- traffic by gateway ---- */

static json_t *protos_json(const __u64 counts[NATGW_PROTO_COUNT])
{
	json_t *protos = json_object();

	for (unsigned int proto = 0; proto < NATGW_PROTO_COUNT; proto++) {
		json_object_set_new(protos, names_proto(proto),
				    json_integer((json_int_t)counts[proto]));
	}
	return protos;
}

static json_t *closed_json(const struct natgw_traffic *traffic)
{
	json_t *protos = json_object();

	for (unsigned int proto = 0; proto < NATGW_PROTO_COUNT; proto++) {
		json_t *causes = json_object();

		for (unsigned int cause = 0; cause < NATGW_CLOSE_CAUSE_COUNT; cause++) {
			json_object_set_new(
				causes, names_close_cause(cause),
				json_integer((json_int_t)traffic->closed[proto][cause]));
		}
		json_object_set_new(protos, names_proto(proto), causes);
	}
	return protos;
}

static json_t *alloc_errors_json(const struct natgw_traffic *traffic)
{
	json_t *protos = json_object();

	for (unsigned int proto = 0; proto < NATGW_PROTO_COUNT; proto++) {
		const __u64 *counts = traffic->alloc_errors[proto];
		json_t *errors = json_object();

		for (unsigned int error = 0; error < NATGW_ALLOC_ERROR_COUNT; error++) {
			json_object_set_new(errors, names_alloc_error(error),
					    json_integer((json_int_t)counts[error]));
		}
		json_object_set_new(protos, names_proto(proto), errors);
	}
	return protos;
}

/* New sessions that needed 1, 2, up to 4, 8, 16, 32, 64, more tries to get a port. */
static json_t *probes_json(const struct natgw_traffic *traffic)
{
	json_t *protos = json_object();

	for (unsigned int proto = 0; proto < NATGW_PROTO_COUNT; proto++) {
		json_t *buckets = json_array();

		for (unsigned int i = 0; i < NATGW_PROBE_BUCKETS; i++) {
			json_array_append_new(buckets,
					      json_integer((json_int_t)traffic->probes[proto][i]));
		}
		json_object_set_new(protos, names_proto(proto), buckets);
	}
	return protos;
}

static json_t *traffic_json(const char *gateway, const struct natgw_traffic *traffic)
{
	return json_pack(
		"{s:s, s:o, s:o, s:o, s:o, s:o, s:o, s:o, s:o, s:o, s:o, s:I, s:I, s:I, s:I,"
		" s:I, s:I}",
		"gateway", gateway, "in_from_source", count_json(&traffic->in_from_source),
		"out_to_destination", count_json(&traffic->out_to_destination),
		"in_from_destination", count_json(&traffic->in_from_destination), "out_to_source",
		count_json(&traffic->out_to_source), "attempts", protos_json(traffic->attempts),
		"created", protos_json(traffic->created), "established",
		protos_json(traffic->established), "closed", closed_json(traffic), "alloc_errors",
		alloc_errors_json(traffic), "probes", probes_json(traffic), "claims_lost",
		(json_int_t)traffic->claims_lost, "ports_lost", (json_int_t)traffic->ports_lost,
		"repaired", (json_int_t)traffic->repaired, "taken_over",
		(json_int_t)traffic->taken_over, "rechecks", (json_int_t)traffic->rechecks,
		"spilled", (json_int_t)traffic->spilled);
}

static json_t *all_traffic_json(const struct natgwd_state *state)
{
	json_t *list = json_array();

	for (uint32_t i = 1; i < NATGW_GATEWAYS_MAX; i++) {
		struct natgw_traffic traffic = {};

		if (state->gateways[i].name[0] &&
		    datapath_read_traffic(state->dp, i, &traffic) == 0) {
			json_array_append_new(list,
					      traffic_json(state->gateways[i].name, &traffic));
		}
	}
	return list;
}

static json_t *generated_json(const uint64_t packets[NATGW_GENERATED_COUNT])
{
	json_t *generated = json_object();

	for (unsigned int kind = 0; kind < NATGW_GENERATED_COUNT; kind++) {
		json_object_set_new(generated, names_generated(kind),
				    json_integer((json_int_t)packets[kind]));
	}
	return generated;
}

int api_stats_view(const struct natgwd_state *state, json_t **ret_json)
{
	_cleanup_free_ struct natgw_count *verdicts =
		calloc((size_t)NATGW_VERDICT_ROWS, sizeof(*verdicts));
	uint64_t generated[NATGW_GENERATED_COUNT] = {};

	if (!verdicts) {
		return -ENOMEM;
	}
	int r = datapath_read_verdicts(state->dp, verdicts);

	if (r == 0) {
		r = datapath_read_generated(state->dp, generated);
	}
	if (r < 0) {
		return r;
	}
	json_t *json = json_pack("{s:o, s:o, s:o, s:o}", "hooks", hooks_json(state, verdicts),
				 "verdicts", verdicts_json(state, verdicts), "traffic",
				 all_traffic_json(state), "generated", generated_json(generated));

	if (!json) {
		return -ENOMEM;
	}
	*ret_json = json;
	return 0;
}
