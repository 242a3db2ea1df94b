// SPDX-License-Identifier: GPL-2.0-only
/*
 * The families of sessions, ports, destinations and clients. Series by destination and client exist
 * for the few with the highest numbers only: a gateway may have a million of them.
 */
#include "metrics_internal.h"

#include "names.h"

/* ---- by gateway and protocol ---- */

/* Where a sample belongs. */
struct place {
	FILE *stream;
	const char *name;
	const struct metrics_gateway *gateway;
	unsigned int proto;
};

static void write_here(const struct place *place, uint64_t value)
{
	metrics_sample(place->stream, place->name,
		       METRICS_LABELS({ "gateway", place->gateway->name },
				      { "proto", names_proto(place->proto) }),
		       value);
}

static void write_active(const struct place *place)
{
	const struct natgw_active *active = &place->gateway->active;

	write_here(place, active->opening[place->proto] + active->established[place->proto]);
}

static void write_closed(const struct place *place)
{
	for (unsigned int cause = 0; cause < NATGW_CLOSE_CAUSE_COUNT; cause++) {
		metrics_sample(place->stream, place->name,
			       METRICS_LABELS({ "gateway", place->gateway->name },
					      { "proto", names_proto(place->proto) },
					      { "cause", names_close_cause(cause) }),
			       place->gateway->traffic.closed[place->proto][cause]);
	}
}

/* What AWS counts so: no source port was to be had. */
static void write_alloc_errors(const struct place *place)
{
	const __u64 *errors = place->gateway->traffic.alloc_errors[place->proto];

	write_here(place, errors[NATGW_ALLOC_PORT_EXHAUSTED] + errors[NATGW_ALLOC_NO_EIP]);
}

static void write_failures(const struct place *place)
{
	for (unsigned int error = 0; error < NATGW_ALLOC_ERROR_COUNT; error++) {
		metrics_sample(place->stream, place->name,
			       METRICS_LABELS({ "gateway", place->gateway->name },
					      { "proto", names_proto(place->proto) },
					      { "reason", names_alloc_error(error) }),
			       place->gateway->traffic.alloc_errors[place->proto][error]);
	}
}

static void write_at_eip(const struct place *place, const struct metrics_eip *eip, uint64_t value)
{
	metrics_sample(place->stream, place->name,
		       METRICS_LABELS({ "gateway", place->gateway->name }, { "eip", eip->address },
				      { "proto", names_proto(place->proto) }),
		       value);
}

static void write_ports_capacity(const struct place *place)
{
	for (size_t i = 0; i < place->gateway->eip_count; i++)
		write_at_eip(place, &place->gateway->eips[i], place->gateway->port_count);
}

static void write_ports_in_use(const struct place *place)
{
	for (size_t i = 0; i < place->gateway->eip_count; i++) {
		const struct metrics_eip *eip = &place->gateway->eips[i];

		write_at_eip(place, eip, eip->ports_in_use[place->proto]);
	}
}

static void write_ports_ratio(const struct place *place)
{
	const uint32_t capacity = place->gateway->port_count;

	for (size_t i = 0; i < place->gateway->eip_count; i++) {
		const struct metrics_eip *eip = &place->gateway->eips[i];
		const uint32_t used = eip->ports_in_use[place->proto];

		metrics_sample_ratio(place->stream, place->name,
				     METRICS_LABELS({ "gateway", place->gateway->name },
						    { "eip", eip->address },
						    { "proto", names_proto(place->proto) }),
				     capacity ? (double)used / capacity : 0);
	}
}

/* Whether sessions of this protocol end so: such a series is there at zero too. */
static bool hold_is_usual(unsigned int proto, unsigned int hold)
{
	switch (proto) {
	case NATGW_PROTO_TCP:
		return hold != NATGW_HOLD_UDP;
	case NATGW_PROTO_UDP:
		return hold == NATGW_HOLD_UDP;
	default:
		return hold == NATGW_HOLD_IDLE;
	}
}

static void write_holds_of(const struct place *place, const struct metrics_eip *eip)
{
	for (unsigned int hold = 0; hold < NATGW_HOLD_COUNT; hold++) {
		const uint64_t held = eip->ports_held[place->proto].held[hold];

		if (held || hold_is_usual(place->proto, hold)) {
			metrics_sample(place->stream, place->name,
				       METRICS_LABELS({ "gateway", place->gateway->name },
						      { "eip", eip->address },
						      { "proto", names_proto(place->proto) },
						      { "cause", names_hold(hold) }),
				       held);
		}
	}
}

static void write_holds(const struct place *place)
{
	for (size_t i = 0; i < place->gateway->eip_count; i++)
		write_holds_of(place, &place->gateway->eips[i]);
}

static const struct {
	const char *name;
	const char *type;
	const char *help;
	void (*fn)(const struct place *place);
} families[] = {
	{ "natgw_active_connections", "gauge",
	  "Sessions that live, at the last sweep; those that only hold their port are not among them.",
	  write_active },
	{ "natgw_error_port_allocation_total", "counter",
	  "New sessions refused because no external port was to be had.", write_alloc_errors },
	{ "natgw_connection_failures_total", "counter", "New sessions refused, by reason.",
	  write_failures },
	{ "natgw_sessions_closed_total", "counter", "Sessions ended, by cause.", write_closed },
	{ "natgw_ports_capacity", "gauge", "External ports of the EIP.", write_ports_capacity },
	{ "natgw_ports_in_use", "gauge",
	  "Distinct external ports with at least one session, live or held, at the last sweep.",
	  write_ports_in_use },
	{ "natgw_ports_used_ratio", "gauge",
	  "natgw_ports_in_use as a share of natgw_ports_capacity.", write_ports_ratio },
	{ "natgw_ports_holddown", "gauge",
	  "Sessions that are over and hold their port for their destination, at the last sweep.",
	  write_holds },
};

static void write_families(const struct metrics *metrics, FILE *stream)
{
	for (size_t i = 0; i < sizeof(families) / sizeof(families[0]); i++) {
		struct place place = { .stream = stream, .name = families[i].name };

		metrics_head(stream, families[i].name, families[i].type, families[i].help);
		for (size_t g = 0; g < metrics->gateway_count; g++) {
			place.gateway = &metrics->gateways[g];
			for (place.proto = 0; place.proto < NATGW_PROTO_COUNT; place.proto++)
				families[i].fn(&place);
		}
	}
}

/* ---- all gateways ---- */

static void write_table_use(const struct metrics *metrics, uint64_t sessions, FILE *stream)
{
	metrics_single(stream, "natgw_sessions_max", "gauge",
		       "Sessions that the tables hold at the least.", metrics->sessions_max);
	metrics_head(
		stream, "natgw_sessions_used_ratio", "gauge",
		"Sessions, held ones too, as a share of natgw_sessions_max; may exceed 1 a little.");
	metrics_sample_ratio(
		stream, "natgw_sessions_used_ratio", NULL,
		metrics->sessions_max ? (double)sessions / (double)metrics->sessions_max : 0);
}

static void write_sessions(const struct metrics *metrics, FILE *stream)
{
	static const char *const states[] = { "opening", "established", "held" };
	uint64_t all = 0;
	uint64_t sums[NATGW_PROTO_COUNT][sizeof(states) / sizeof(states[0])] = {};

	for (size_t g = 0; g < metrics->gateway_count; g++) {
		const struct natgw_active *active = &metrics->gateways[g].active;

		for (unsigned int proto = 0; proto < NATGW_PROTO_COUNT; proto++) {
			sums[proto][0] += active->opening[proto];
			sums[proto][1] += active->established[proto];
			sums[proto][2] += active->held[proto];
		}
	}
	metrics_head(stream, "natgw_sessions", "gauge", "Sessions by state, at the last sweep.");
	for (unsigned int proto = 0; proto < NATGW_PROTO_COUNT; proto++) {
		for (size_t i = 0; i < sizeof(states) / sizeof(states[0]); i++) {
			all += sums[proto][i];
			metrics_sample(stream, "natgw_sessions",
				       METRICS_LABELS({ "proto", names_proto(proto) },
						      { "state", states[i] }),
				       sums[proto][i]);
		}
	}
	write_table_use(metrics, all, stream);
}

/* The data path does not add up the tries, so the histogram has no sum. */
static void write_probes_of(const struct metrics *metrics, unsigned int proto, FILE *stream)
{
	uint64_t count = 0;

	for (unsigned int bucket = 0; bucket < NATGW_PROBE_BUCKETS; bucket++) {
		char bound[16];

		for (size_t g = 0; g < metrics->gateway_count; g++)
			count += metrics->gateways[g].traffic.probes[proto][bucket];
		snprintf(bound, sizeof(bound), "%u", 1U << bucket);
		metrics_sample(
			stream, "natgw_alloc_probes_bucket",
			METRICS_LABELS({ "proto", names_proto(proto) },
				       { "le", bucket + 1 < NATGW_PROBE_BUCKETS ? bound : "+Inf" }),
			count);
	}
	metrics_sample(stream, "natgw_alloc_probes_count",
		       METRICS_LABELS({ "proto", names_proto(proto) }), count);
}

static void write_probes(const struct metrics *metrics, FILE *stream)
{
	metrics_head(stream, "natgw_alloc_probes", "histogram",
		     "Ports that a new session tried to take.");
	for (unsigned int proto = 0; proto < NATGW_PROTO_COUNT; proto++)
		write_probes_of(metrics, proto, stream);
}

/* ---- the few with the highest numbers ---- */

static void write_destination(FILE *stream, const char *name,
			      const struct metrics_destination *destination, bool ratio)
{
	const struct metrics_label *labels =
		METRICS_LABELS({ "gateway", destination->gateway }, { "eip", destination->eip },
			       { "proto", destination->proto }, { "dst", destination->address },
			       { "dport", destination->port });

	if (ratio) {
		metrics_sample_ratio(
			stream, name, labels,
			destination->limit ? (double)destination->count / destination->limit : 0);
	} else {
		metrics_sample(stream, name, labels, destination->errors);
	}
}

static void write_destinations(const struct metrics *metrics, FILE *stream)
{
	metrics_head(
		stream, "natgw_destination_ports_used_ratio", "gauge",
		"Share of its ports that a destination has in use or held, those with most only.");
	for (size_t i = 0; i < metrics->destination_count; i++) {
		write_destination(stream, "natgw_destination_ports_used_ratio",
				  &metrics->destinations[i], true);
	}
	metrics_head(
		stream, "natgw_destination_port_errors_total", "counter",
		"New sessions to a destination refused as port_exhausted, those with most only.");
	for (size_t i = 0; i < metrics->refusing_count; i++) {
		write_destination(stream, "natgw_destination_port_errors_total",
				  &metrics->refusing[i], false);
	}
}

static void write_refused(const struct metrics_client *client, FILE *stream)
{
	for (unsigned int error = 0; error < NATGW_ALLOC_ERROR_COUNT; error++) {
		if (client->errors[error]) {
			metrics_sample(stream, "natgw_client_port_errors_total",
				       METRICS_LABELS({ "gateway", client->gateway },
						      { "client", client->address },
						      { "reason", names_alloc_error(error) }),
				       client->errors[error]);
		}
	}
}

static uint64_t client_ports(const struct metrics_client *client)
{
	return client->ports;
}

static uint64_t client_most_to_one(const struct metrics_client *client)
{
	return client->most_to_one;
}

static const struct {
	const char *name;
	const char *help;
	uint64_t (*fn)(const struct metrics_client *client);
} walked_families[] = {
	{ "natgw_client_ports_in_use",
	  "Distinct external ports of a client's sessions, live and held, those with most only.",
	  client_ports },
	{ "natgw_client_max_to_one_destination",
	  "Sessions of a client to the destination that it has most to, those with most only.",
	  client_most_to_one },
};

static void write_walked(const struct metrics *metrics, FILE *stream)
{
	for (size_t f = 0; f < sizeof(walked_families) / sizeof(walked_families[0]); f++) {
		metrics_head(stream, walked_families[f].name, "gauge", walked_families[f].help);
		for (size_t i = 0; i < metrics->walked_count; i++) {
			const struct metrics_client *client = &metrics->walked[i];

			metrics_sample(stream, walked_families[f].name,
				       METRICS_LABELS({ "gateway", client->gateway },
						      { "client", client->address }),
				       walked_families[f].fn(client));
		}
	}
}

static void write_client_bytes(const struct metrics *metrics, FILE *stream)
{
	const char *name = "natgw_client_bytes_total";

	metrics_head(
		stream, name, "counter",
		"IP bytes of a client's sessions by direction, those with most sessions only.");
	for (size_t i = 0; i < metrics->walked_count; i++) {
		const struct metrics_client *client = &metrics->walked[i];

		for (unsigned int way = NATGW_OUTBOUND; way <= NATGW_INBOUND; way++) {
			metrics_sample(stream, name,
				       METRICS_LABELS({ "gateway", client->gateway },
						      { "client", client->address },
						      { "direction", names_direction(way) }),
				       client->bytes[way]);
		}
	}
}

static void write_clients(const struct metrics *metrics, FILE *stream)
{
	metrics_head(stream, "natgw_client_sessions", "gauge",
		     "Sessions of a client, live and held, those with most only.");
	for (size_t i = 0; i < metrics->client_count; i++) {
		const struct metrics_client *client = &metrics->clients[i];

		metrics_sample(stream, "natgw_client_sessions",
			       METRICS_LABELS({ "gateway", client->gateway },
					      { "client", client->address }),
			       client->sessions);
	}
	metrics_head(
		stream, "natgw_client_port_errors_total", "counter",
		"New sessions of a client that were refused, by reason, those with most only.");
	for (size_t i = 0; i < metrics->refused_count; i++)
		write_refused(&metrics->refused[i], stream);
	write_walked(metrics, stream);
	write_client_bytes(metrics, stream);
}

void metrics_ports(const struct metrics *metrics, FILE *stream)
{
	write_families(metrics, stream);
	write_sessions(metrics, stream);
	write_probes(metrics, stream);
	write_destinations(metrics, stream);
	write_clients(metrics, stream);
}
