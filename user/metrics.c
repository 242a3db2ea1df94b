// SPDX-License-Identifier: GPL-2.0-only
/*
 * Writes metric families: HELP, TYPE and samples, each family once and in one piece. Not
 * responsible for collecting the numbers (api_metrics.c).
 */
#include "metrics.h"

#include <errno.h>
#include <inttypes.h>

#include "names.h"

struct label {
	const char *key;
	const char *value;
};

#define LABELS(...)                \
	(const struct label[])     \
	{                          \
		__VA_ARGS__,       \
		{                  \
			NULL, NULL \
		}                  \
	}

static const struct label no_labels[] = { { NULL, NULL } };

static void write_escaped(const char *text, FILE *stream)
{
	for (; *text; text++) {
		switch (*text) {
		case '\\':
			fputs("\\\\", stream);
			break;
		case '"':
			fputs("\\\"", stream);
			break;
		case '\n':
			fputs("\\n", stream);
			break;
		default:
			fputc(*text, stream);
		}
	}
}

static void write_sample(FILE *stream, const char *name, const struct label *labels, uint64_t value)
{
	const char *separator = "{";

	fputs(name, stream);
	for (; labels->key; labels++) {
		fprintf(stream, "%s%s=\"", separator, labels->key);
		write_escaped(labels->value, stream);
		fputc('"', stream);
		separator = ",";
	}
	if (*separator == ',') {
		fputc('}', stream);
	}
	fprintf(stream, " %" PRIu64 "\n", value);
}

static void write_head(FILE *stream, const char *name, const char *type, const char *help)
{
	fprintf(stream, "# HELP %s %s\n# TYPE %s %s\n", name, help, name, type);
}

static void write_single(FILE *stream, const char *name, const char *type, const char *help,
			 uint64_t value)
{
	write_head(stream, name, type, help);
	write_sample(stream, name, no_labels, value);
}

/* ---- one number for each gateway, or for each gateway and protocol ---- */

struct gateway_family {
	const char *name;
	const char *type;
	const char *help;
	size_t offset; /* of a __u64 in struct metrics_gateway */
	size_t stride; /* from one protocol to the next, in __u64; 0: not by protocol */
};

#define TRAFFIC(field) offsetof(struct metrics_gateway, traffic.field)

static const struct gateway_family gateway_families[] = {
	{ "natgw_bytes_in_from_source_total", "counter", "IP bytes received from clients.",
	  TRAFFIC(in_from_source.bytes), 0 },
	{ "natgw_bytes_out_to_destination_total", "counter", "IP bytes sent to destinations.",
	  TRAFFIC(out_to_destination.bytes), 0 },
	{ "natgw_bytes_in_from_destination_total", "counter",
	  "IP bytes received from destinations.", TRAFFIC(in_from_destination.bytes), 0 },
	{ "natgw_bytes_out_to_source_total", "counter", "IP bytes sent to clients.",
	  TRAFFIC(out_to_source.bytes), 0 },
	{ "natgw_packets_in_from_source_total", "counter", "Packets received from clients.",
	  TRAFFIC(in_from_source.packets), 0 },
	{ "natgw_packets_out_to_destination_total", "counter", "Packets sent to destinations.",
	  TRAFFIC(out_to_destination.packets), 0 },
	{ "natgw_packets_in_from_destination_total", "counter",
	  "Packets received from destinations.", TRAFFIC(in_from_destination.packets), 0 },
	{ "natgw_packets_out_to_source_total", "counter", "Packets sent to clients.",
	  TRAFFIC(out_to_source.packets), 0 },
	{ "natgw_peak_bytes_per_second", "gauge",
	  "Highest 10 second average inside the last minute, bytes received on both sides.",
	  offsetof(struct metrics_gateway, peak_bytes_per_second), 0 },
	{ "natgw_peak_packets_per_second", "gauge",
	  "Highest 10 second average inside the last minute, packets received on both sides.",
	  offsetof(struct metrics_gateway, peak_packets_per_second), 0 },
	{ "natgw_session_claims_lost_total", "counter",
	  "New sessions that another CPU had made first; the packet used that one.",
	  TRAFFIC(claims_lost), 0 },
	{ "natgw_port_tries_lost_total", "counter",
	  "External ports tried and found taken while allocating.", TRAFFIC(ports_lost), 0 },
	{ "natgw_sessions_repaired_total", "counter",
	  "Outbound rows removed because their inbound row was gone.", TRAFFIC(repaired), 0 },
	{ "natgw_sessions_taken_over_total", "counter",
	  "Expired rows that a new session took over in place.", TRAFFIC(taken_over), 0 },
	{ "natgw_connection_attempts_total", "counter",
	  "First packets of new sessions, failed ones included.", TRAFFIC(attempts), 1 },
	{ "natgw_connections_established_total", "counter",
	  "TCP: handshake complete. UDP and ICMP: first reply.", TRAFFIC(established), 1 },
	{ "natgw_sessions_created_total", "counter", "Sessions made.", TRAFFIC(created), 1 },
	{ "natgw_idle_timeouts_total", "counter",
	  "Established sessions removed because they were idle.",
	  TRAFFIC(closed[0][NATGW_CLOSE_IDLE]), NATGW_CLOSE_CAUSE_COUNT },
	{ "natgw_halfopen_timeouts_total", "counter",
	  "Sessions removed before they were established.",
	  TRAFFIC(closed[0][NATGW_CLOSE_HALF_OPEN]), NATGW_CLOSE_CAUSE_COUNT },
};

static uint64_t value_at(const struct metrics_gateway *gateway, size_t offset,
			 unsigned int position)
{
	const char *base = (const char *)gateway;

	return ((const uint64_t *)(const void *)(base + offset))[position];
}

static void write_gateway_samples(const struct metrics_gateway *gateway,
				  const struct gateway_family *family, FILE *stream)
{
	if (family->stride == 0) {
		write_sample(stream, family->name, LABELS({ "gateway", gateway->name }),
			     value_at(gateway, family->offset, 0));
		return;
	}
	for (unsigned int proto = 0; proto < NATGW_PROTO_COUNT; proto++) {
		write_sample(stream, family->name,
			     LABELS({ "gateway", gateway->name }, { "proto", names_proto(proto) }),
			     value_at(gateway, family->offset, proto * family->stride));
	}
}

static void write_gateway_families(const struct metrics *metrics, FILE *stream)
{
	for (size_t i = 0; i < sizeof(gateway_families) / sizeof(gateway_families[0]); i++) {
		const struct gateway_family *family = &gateway_families[i];

		write_head(stream, family->name, family->type, family->help);
		for (size_t g = 0; g < metrics->gateway_count; g++)
			write_gateway_samples(&metrics->gateways[g], family, stream);
	}
}

/* ---- sessions ---- */

/* A family whose samples one function writes for each gateway. */
static void write_each(const struct metrics *metrics, const struct gateway_family *family,
		       void (*fn)(const struct metrics_gateway *gateway, const char *name,
				  unsigned int proto, FILE *stream),
		       FILE *stream)
{
	write_head(stream, family->name, family->type, family->help);
	for (size_t g = 0; g < metrics->gateway_count; g++) {
		const struct metrics_gateway *gateway = &metrics->gateways[g];

		for (unsigned int proto = 0; proto < NATGW_PROTO_COUNT; proto++)
			fn(gateway, family->name, proto, stream);
	}
}

static void write_active(const struct metrics_gateway *gateway, const char *name,
			 unsigned int proto, FILE *stream)
{
	write_sample(stream, name,
		     LABELS({ "gateway", gateway->name }, { "proto", names_proto(proto) }),
		     gateway->active.opening[proto] + gateway->active.established[proto]);
}

static void write_closed(const struct metrics_gateway *gateway, const char *name,
			 unsigned int proto, FILE *stream)
{
	for (unsigned int cause = 0; cause < NATGW_CLOSE_CAUSE_COUNT; cause++) {
		write_sample(stream, name,
			     LABELS({ "gateway", gateway->name }, { "proto", names_proto(proto) },
				    { "cause", names_close_cause(cause) }),
			     gateway->traffic.closed[proto][cause]);
	}
}

static void write_alloc_errors(const struct metrics_gateway *gateway, const char *name,
			       unsigned int proto, FILE *stream)
{
	for (unsigned int error = 0; error < NATGW_ALLOC_ERROR_COUNT; error++) {
		write_sample(stream, name,
			     LABELS({ "gateway", gateway->name }, { "proto", names_proto(proto) },
				    { "reason", names_alloc_error(error) }),
			     gateway->traffic.alloc_errors[proto][error]);
	}
}

static void write_ports_capacity(const struct metrics_gateway *gateway, const char *name,
				 unsigned int proto, FILE *stream)
{
	for (size_t i = 0; i < gateway->eip_count; i++) {
		write_sample(stream, name,
			     LABELS({ "gateway", gateway->name },
				    { "eip", gateway->eips[i].address },
				    { "proto", names_proto(proto) }),
			     gateway->port_count);
	}
}

static void write_ports_in_use(const struct metrics_gateway *gateway, const char *name,
			       unsigned int proto, FILE *stream)
{
	for (size_t i = 0; i < gateway->eip_count; i++) {
		write_sample(stream, name,
			     LABELS({ "gateway", gateway->name },
				    { "eip", gateway->eips[i].address },
				    { "proto", names_proto(proto) }),
			     gateway->eips[i].ports_in_use[proto]);
	}
}

static const struct {
	struct gateway_family family;
	void (*fn)(const struct metrics_gateway *gateway, const char *name, unsigned int proto,
		   FILE *stream);
} session_families[] = {
	{ { "natgw_active_connections", "gauge", "Sessions that live, at the last sweep.", 0, 0 },
	  write_active },
	{ { "natgw_error_port_allocation_total", "counter",
	    "New sessions refused because no external port or no row was to be had.", 0, 0 },
	  write_alloc_errors },
	{ { "natgw_sessions_closed_total", "counter", "Sessions removed, by cause.", 0, 0 },
	  write_closed },
	{ { "natgw_ports_capacity", "gauge", "External ports of the EIP.", 0, 0 },
	  write_ports_capacity },
	{ { "natgw_ports_in_use", "gauge",
	    "Distinct external ports with at least one session, at the last sweep.", 0, 0 },
	  write_ports_in_use },
};

static void write_sessions(const struct metrics *metrics, FILE *stream)
{
	struct natgw_active sum = {};

	for (size_t g = 0; g < metrics->gateway_count; g++) {
		const struct metrics_gateway *gateway = &metrics->gateways[g];

		for (unsigned int proto = 0; proto < NATGW_PROTO_COUNT; proto++) {
			sum.opening[proto] += gateway->active.opening[proto];
			sum.established[proto] += gateway->active.established[proto];
		}
	}
	write_head(stream, "natgw_sessions", "gauge", "Sessions by state, at the last sweep.");
	for (unsigned int proto = 0; proto < NATGW_PROTO_COUNT; proto++) {
		write_sample(stream, "natgw_sessions",
			     LABELS({ "proto", names_proto(proto) }, { "state", "opening" }),
			     sum.opening[proto]);
		write_sample(stream, "natgw_sessions",
			     LABELS({ "proto", names_proto(proto) }, { "state", "established" }),
			     sum.established[proto]);
	}
	write_single(stream, "natgw_sessions_max", "gauge", "Rows of each session table.",
		     metrics->sessions_max);
}

/* ---- packets ---- */

struct drop_place {
	unsigned int gateway;
	unsigned int hook;
	unsigned int direction;
};

static const char *gateway_name(const struct metrics *metrics, unsigned int index)
{
	for (size_t g = 0; g < metrics->gateway_count; g++) {
		if (metrics->gateways[g].index == index) {
			return metrics->gateways[g].name;
		}
	}
	return NULL;
}

/*
 * Where a drop can happen, so that its series is there at zero and rate() sees the first one:
 * egress programs carry outbound packets only, and a packet of neither direction has no gateway.
 */
static bool drop_is_usual(const struct metrics *metrics, const struct drop_place *place)
{
	if (place->gateway != 0 && !gateway_name(metrics, place->gateway)) {
		return false;
	}
	if (place->direction == NATGW_OTHER) {
		return place->gateway == 0;
	}
	return place->direction == NATGW_OUTBOUND || place->hook != NATGW_HOOK_TC_EGRESS;
}

static void write_drops_at(const struct metrics *metrics, const struct drop_place *place,
			   FILE *stream)
{
	const char *name = gateway_name(metrics, place->gateway);
	const bool usual = drop_is_usual(metrics, place);
	char number[16];

	if (!name) {
		snprintf(number, sizeof(number), "#%u", place->gateway);
		name = place->gateway ? number : "";
	}
	for (unsigned int verdict = 0; verdict < NATGW_VERDICT_COUNT; verdict++) {
		uint64_t packets =
			metrics->verdicts[natgw_verdict_index(place->gateway, place->hook,
							      place->direction, verdict)]
				.packets;

		if (names_verdict_class(verdict) != NATGW_CLASS_DROP || (!usual && packets == 0)) {
			continue;
		}
		write_sample(stream, "natgw_packets_drop_total",
			     LABELS({ "gateway", name }, { "hook", names_hook(place->hook) },
				    { "direction", names_direction(place->direction) },
				    { "reason", names_verdict(verdict) }),
			     packets);
	}
}

static void write_drops(const struct metrics *metrics, FILE *stream)
{
	const unsigned int places =
		NATGW_GATEWAYS_MAX * (unsigned int)NATGW_HOOK_COUNT * NATGW_DIRECTION_COUNT;

	write_head(stream, "natgw_packets_drop_total", "counter", "Packets dropped, by reason.");
	for (unsigned int i = 0; i < places; i++) {
		struct drop_place place = {
			.gateway = i / NATGW_DIRECTION_COUNT / NATGW_HOOK_COUNT,
			.hook = i / NATGW_DIRECTION_COUNT % NATGW_HOOK_COUNT,
			.direction = i % NATGW_DIRECTION_COUNT,
		};

		write_drops_at(metrics, &place, stream);
	}
}

static uint64_t class_packets(const struct metrics *metrics, unsigned int hook, unsigned int class)
{
	uint64_t packets = 0;

	for (unsigned int row = 0; row < NATGW_VERDICT_ROWS; row++) {
		if (row / NATGW_VERDICT_SLOTS / NATGW_DIRECTION_COUNT % NATGW_HOOK_COUNT == hook &&
		    names_verdict_class(row % NATGW_VERDICT_SLOTS) == class) {
			packets += metrics->verdicts[row].packets;
		}
	}
	return packets;
}

static void write_packets(const struct metrics *metrics, FILE *stream)
{
	write_head(
		stream, "natgw_packets_seen_total", "counter",
		"Packets that entered a hook; equals the sum of natgw_packets_total over class.");
	for (unsigned int hook = 0; hook < NATGW_HOOK_COUNT; hook++) {
		write_sample(stream, "natgw_packets_seen_total",
			     LABELS({ "hook", names_hook(hook) }), metrics->seen[hook].packets);
	}
	write_head(stream, "natgw_packets_total", "counter",
		   "Packets by what a hook did with them.");
	for (unsigned int hook = 0; hook < NATGW_HOOK_COUNT; hook++) {
		for (unsigned int class = 0; class <= NATGW_CLASS_DROP; class ++) {
			write_sample(stream, "natgw_packets_total",
				     LABELS({ "hook", names_hook(hook) },
					    { "class", names_class(class) }),
				     class_packets(metrics, hook, class));
		}
	}
}

static void write_generated(const struct metrics *metrics, FILE *stream)
{
	const uint64_t *generated = metrics->generated;

	write_single(stream, "natgw_rst_sent_total", "counter", "TCP resets made by natgw.",
		     generated[NATGW_GENERATED_RST]);
	write_head(stream, "natgw_icmp_sent_total", "counter", "ICMP errors made by natgw.");
	write_sample(stream, "natgw_icmp_sent_total", LABELS({ "kind", "time_exceeded" }),
		     generated[NATGW_GENERATED_TIME_EXCEEDED]);
	write_sample(stream, "natgw_icmp_sent_total", LABELS({ "kind", "frag_needed" }),
		     generated[NATGW_GENERATED_FRAG_NEEDED]);
	write_single(stream, "natgw_icmp_limited_total", "counter",
		     "ICMP errors not sent because of the rate limit.",
		     generated[NATGW_GENERATED_LIMITED]);
	write_single(stream, "natgw_arp_replies_sent_total", "counter",
		     "ARP requests for an EIP answered.", generated[NATGW_GENERATED_ARP_REPLY]);
}

/* ---- configuration and states ---- */

static void write_gateway_states(const struct metrics *metrics, FILE *stream)
{
	write_head(stream, "natgw_gateway_state", "gauge", "1 for the state the gateway is in.");
	for (size_t g = 0; g < metrics->gateway_count; g++) {
		const struct metrics_gateway *gateway = &metrics->gateways[g];

		for (unsigned int state = NATGW_GATEWAY_PENDING; state <= NATGW_GATEWAY_DELETED;
		     state++) {
			write_sample(stream, "natgw_gateway_state",
				     LABELS({ "gateway", gateway->name },
					    { "state", names_gateway_state(state) }),
				     state == gateway->state);
		}
	}
	write_head(stream, "natgw_gateway_info", "gauge", "Always 1; the labels tell the gateway.");
	for (size_t g = 0; g < metrics->gateway_count; g++) {
		const struct metrics_gateway *gateway = &metrics->gateways[g];

		write_sample(stream, "natgw_gateway_info",
			     LABELS({ "gateway", gateway->name },
				    { "private_ip", gateway->private_ip },
				    { "profile", gateway->profile }),
			     1);
	}
}

static void write_eip_states(const struct metrics_gateway *gateway, FILE *stream)
{
	for (size_t i = 0; i < gateway->eip_count; i++) {
		const struct metrics_eip *eip = &gateway->eips[i];

		write_sample(stream, "natgw_eip_state",
			     LABELS({ "gateway", gateway->name }, { "eip", eip->address },
				    { "state", "succeeded" }),
			     !eip->draining);
		write_sample(stream, "natgw_eip_state",
			     LABELS({ "gateway", gateway->name }, { "eip", eip->address },
				    { "state", "disassociating" }),
			     eip->draining);
	}
}

static void write_config(const struct metrics *metrics, FILE *stream)
{
	write_head(stream, "natgw_eip_state", "gauge", "1 for the state the EIP is in.");
	for (size_t g = 0; g < metrics->gateway_count; g++)
		write_eip_states(&metrics->gateways[g], stream);
	write_head(stream, "natgw_route_state", "gauge",
		   "1 for the state the route is in; implicit local routes are left out.");
	for (size_t i = 0; i < metrics->route_count; i++) {
		const struct metrics_route *route = &metrics->routes[i];

		write_sample(stream, "natgw_route_state",
			     LABELS({ "table", route->table }, { "prefix", route->prefix },
				    { "target", route->target }, { "state", route->state }),
			     1);
	}
	write_single(stream, "natgw_config_generation", "gauge",
		     "1 after start, one more for every configuration applied.",
		     metrics->config_generation);
	write_head(stream, "natgw_config_apply_total", "counter", "Reloads of the configuration.");
	write_sample(stream, "natgw_config_apply_total", LABELS({ "result", "ok" }),
		     metrics->applies_ok);
	write_sample(stream, "natgw_config_apply_total", LABELS({ "result", "failed" }),
		     metrics->applies_failed);
	write_head(stream, "natgw_build_info", "gauge", "Always 1; the label tells the version.");
	write_sample(stream, "natgw_build_info", LABELS({ "version", metrics->version }), 1);
}

int metrics_write(const struct metrics *metrics, FILE *stream)
{
	write_gateway_families(metrics, stream);
	for (size_t i = 0; i < sizeof(session_families) / sizeof(session_families[0]); i++) {
		write_each(metrics, &session_families[i].family, session_families[i].fn, stream);
	}
	write_sessions(metrics, stream);
	write_packets(metrics, stream);
	write_drops(metrics, stream);
	write_generated(metrics, stream);
	write_gateway_states(metrics, stream);
	write_config(metrics, stream);
	return ferror(stream) ? -EIO : 0;
}
