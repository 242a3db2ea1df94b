// SPDX-License-Identifier: GPL-2.0-only
/*
 * Writes metric families: HELP, TYPE and samples, each family once and in one piece. Not
 * responsible for collecting the numbers (api_metrics.c), nor for the families of sessions, ports
 * and clients (metrics_ports.c).
 */
#include "metrics.h"

#include <errno.h>

#include "metrics_internal.h"
#include "names.h"

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
	{ "natgw_sessions_spilled_total", "counter",
	  "New sessions that got another EIP than the client's own.", TRAFFIC(spilled), 0 },
	{ "natgw_port_rechecks_total", "counter",
	  "Ports of full destinations looked at again for a hold-down that is over.",
	  TRAFFIC(rechecks), 0 },
	{ "natgw_clients", "gauge", "Clients with sessions, or that had some a minute ago.",
	  offsetof(struct metrics_gateway, clients), 0 },
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
		metrics_sample(stream, family->name, METRICS_LABELS({ "gateway", gateway->name }),
			       value_at(gateway, family->offset, 0));
		return;
	}
	for (unsigned int proto = 0; proto < NATGW_PROTO_COUNT; proto++) {
		metrics_sample(stream, family->name,
			       METRICS_LABELS({ "gateway", gateway->name },
					      { "proto", names_proto(proto) }),
			       value_at(gateway, family->offset, proto * family->stride));
	}
}

static void write_gateway_families(const struct metrics *metrics, FILE *stream)
{
	for (size_t i = 0; i < sizeof(gateway_families) / sizeof(gateway_families[0]); i++) {
		const struct gateway_family *family = &gateway_families[i];

		metrics_head(stream, family->name, family->type, family->help);
		for (size_t g = 0; g < metrics->gateway_count; g++)
			write_gateway_samples(&metrics->gateways[g], family, stream);
	}
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
		metrics_sample(stream, "natgw_packets_drop_total",
			       METRICS_LABELS({ "gateway", name },
					      { "hook", names_hook(place->hook) },
					      { "direction", names_direction(place->direction) },
					      { "reason", names_verdict(verdict) }),
			       packets);
	}
}

static void write_drops(const struct metrics *metrics, FILE *stream)
{
	const unsigned int places =
		NATGW_GATEWAYS_MAX * (unsigned int)NATGW_HOOK_COUNT * NATGW_DIRECTION_COUNT;

	metrics_head(stream, "natgw_packets_drop_total", "counter", "Packets dropped, by reason.");
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
	metrics_head(
		stream, "natgw_packets_seen_total", "counter",
		"Packets that entered a hook: the sum of natgw_hook_packets_total over class.");
	for (unsigned int hook = 0; hook < NATGW_HOOK_COUNT; hook++) {
		metrics_sample(stream, "natgw_packets_seen_total",
			       METRICS_LABELS({ "hook", names_hook(hook) }),
			       metrics->seen[hook].packets);
	}
	metrics_head(stream, "natgw_hook_packets_total", "counter",
		     "Packets by what a hook did with them.");
	for (unsigned int hook = 0; hook < NATGW_HOOK_COUNT; hook++) {
		for (unsigned int class = 0; class <= NATGW_CLASS_DROP; class ++) {
			metrics_sample(stream, "natgw_hook_packets_total",
				       METRICS_LABELS({ "hook", names_hook(hook) },
						      { "class", names_class(class) }),
				       class_packets(metrics, hook, class));
		}
	}
}

static uint64_t verdict_packets(const struct metrics *metrics, unsigned int hook,
				unsigned int verdict)
{
	uint64_t packets = 0;

	for (unsigned int i = 0; i < NATGW_GATEWAYS_MAX * NATGW_DIRECTION_COUNT; i++) {
		packets +=
			metrics->verdicts[natgw_verdict_index(i / NATGW_DIRECTION_COUNT, hook,
							      i % NATGW_DIRECTION_COUNT, verdict)]
				.packets;
	}
	return packets;
}

static void write_ipv6(const struct metrics *metrics, FILE *stream)
{
	const char *name = "natgw_ipv6_packets_total";

	metrics_head(stream, name, "counter",
		     "IPv6 packets by what was done with them; one that passes a hook may meet the "
		     "next.");
	for (unsigned int hook = 0; hook < NATGW_HOOK_COUNT; hook++) {
		metrics_sample(stream, name,
			       METRICS_LABELS({ "hook", names_hook(hook) }, { "action", "pass" }),
			       verdict_packets(metrics, hook, NATGW_PASS_IPV6));
		metrics_sample(stream, name,
			       METRICS_LABELS({ "hook", names_hook(hook) }, { "action", "drop" }),
			       verdict_packets(metrics, hook, NATGW_DROP_IPV6));
	}
}

static void write_generated(const struct metrics *metrics, FILE *stream)
{
	static const struct {
		const char *kind;
		enum natgw_generated row;
	} errors[] = {
		{ "time_exceeded", NATGW_GENERATED_TIME_EXCEEDED },
		{ "frag_needed", NATGW_GENERATED_FRAG_NEEDED },
		{ "host_unreachable", NATGW_GENERATED_UNREACHABLE },
	};
	const uint64_t *generated = metrics->generated;

	metrics_single(stream, "natgw_rst_sent_total", "counter", "TCP resets made by natgw.",
		       generated[NATGW_GENERATED_RST]);
	metrics_single(stream, "natgw_rst_limited_total", "counter",
		       "TCP resets not sent because of the rate limit.",
		       generated[NATGW_GENERATED_RST_LIMITED]);
	metrics_head(stream, "natgw_icmp_sent_total", "counter", "ICMP errors made by natgw.");
	for (size_t i = 0; i < sizeof(errors) / sizeof(errors[0]); i++) {
		metrics_sample(stream, "natgw_icmp_sent_total",
			       METRICS_LABELS({ "kind", errors[i].kind }),
			       generated[errors[i].row]);
	}
	metrics_single(stream, "natgw_icmp_limited_total", "counter",
		       "ICMP errors not sent because of the rate limit.",
		       generated[NATGW_GENERATED_LIMITED]);
	metrics_single(stream, "natgw_arp_replies_sent_total", "counter",
		       "ARP requests for an EIP answered.", generated[NATGW_GENERATED_ARP_REPLY]);
	metrics_single(stream, "natgw_hairpin_packets_total", "counter",
		       "Packets of internal hosts to an EIP that came in again from outside.",
		       generated[NATGW_GENERATED_HAIRPIN]);
	metrics_single(stream, "natgw_events_total", "counter",
		       "Events of refused sessions given to natgwd.",
		       generated[NATGW_GENERATED_EVENT]);
	metrics_single(stream, "natgw_events_lost_total", "counter",
		       "Events left out: over the rate limit, or natgwd did not read them.",
		       generated[NATGW_GENERATED_EVENT_LOST]);
}

/* ---- configuration and states ---- */

static void write_rules(const struct metrics *metrics, FILE *stream)
{
	metrics_head(stream, "natgw_rule_hits_total", "counter",
		     "New sessions that a rule has had a say in; of no_nat rules, packets.");
	for (size_t i = 0; i < metrics->rule_count; i++) {
		char number[16];

		snprintf(number, sizeof(number), "%u", metrics->rules[i].number);
		metrics_sample(
			stream, "natgw_rule_hits_total",
			METRICS_LABELS({ "rule", number }, { "kind", metrics->rules[i].kind }),
			metrics->rules[i].hits);
	}
}

static void write_build(const struct metrics *metrics, FILE *stream)
{
	char layout[16];

	snprintf(layout, sizeof(layout), "%u", metrics->layout);
	metrics_head(stream, "natgw_build_info", "gauge",
		     "Always 1; the labels tell the version and the layout of the maps.");
	metrics_sample(stream, "natgw_build_info",
		       METRICS_LABELS({ "version", metrics->version }, { "layout", layout }), 1);
}

static void write_config(const struct metrics *metrics, FILE *stream)
{
	metrics_head(stream, "natgw_route_state", "gauge",
		     "1 for the state the route is in; implicit local routes are left out.");
	for (size_t i = 0; i < metrics->route_count; i++) {
		const struct metrics_route *route = &metrics->routes[i];

		metrics_sample(
			stream, "natgw_route_state",
			METRICS_LABELS({ "table", route->table }, { "prefix", route->prefix },
				       { "target", route->target }, { "state", route->state }),
			1);
	}
	metrics_single(stream, "natgw_config_generation", "gauge",
		       "1 after start, one more for every configuration applied.",
		       metrics->config_generation);
	metrics_head(stream, "natgw_config_apply_total", "counter",
		     "Reloads of the configuration.");
	metrics_sample(stream, "natgw_config_apply_total", METRICS_LABELS({ "result", "ok" }),
		       metrics->applies_ok);
	metrics_sample(stream, "natgw_config_apply_total", METRICS_LABELS({ "result", "failed" }),
		       metrics->applies_failed);
	write_build(metrics, stream);
}

int metrics_write(const struct metrics *metrics, FILE *stream)
{
	write_gateway_families(metrics, stream);
	metrics_ports(metrics, stream);
	write_packets(metrics, stream);
	write_drops(metrics, stream);
	write_ipv6(metrics, stream);
	write_generated(metrics, stream);
	write_rules(metrics, stream);
	write_config(metrics, stream);
	return ferror(stream) ? -EIO : 0;
}
