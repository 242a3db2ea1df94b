// SPDX-License-Identifier: GPL-2.0-only
/* Text of natgwctl. Not responsible for asking the daemon nor for --json. */
#include "output_text.h"

#include <errno.h>
#include <inttypes.h>
#include <string.h>

#include "output_lifecycle.h"
#include "output_list.h"
#include "output_policy.h"

static json_int_t number_in(const json_t *object, const char *outer, const char *key)
{
	return output_list_number(json_object_get(object, outer), key);
}

/* A list of texts as "a, b", cut at the end of the buffer. */
static const char *join(const json_t *list, char *buffer, size_t size)
{
	size_t used = 0;
	size_t i;
	json_t *item;

	snprintf(buffer, size, "-");
	json_array_foreach (list, i, item) {
		int n = snprintf(buffer + used, size - used, "%s%s", i ? ", " : "",
				 json_string_value(item));

		if (n < 0 || (size_t)n >= size - used) {
			break;
		}
		used += (size_t)n;
	}
	return buffer;
}

/* ---- status ---- */

static int add_interface(struct output_table *table, const json_t *item)
{
	char roles[64];
	char addresses[256];

	join(json_object_get(item, "roles"), roles, sizeof(roles));
	join(json_object_get(item, "addresses"), addresses, sizeof(addresses));
	int r = output_list_add_texts(
		table, OUTPUT_LIST_TEXTS(output_list_text(item, "name"), roles,
					 output_list_text(item, "attach"),
					 json_is_true(json_object_get(item, "up")) ? "up" : "down",
					 output_list_text(item, "mac")));

	if (r == 0) {
		r = output_list_add_number(table, output_list_number(item, "mtu"));
	}
	return r == 0 ? output_list_add_texts(
				table, OUTPUT_LIST_TEXTS(addresses,
							 output_list_text(item, "attach_reason")))
		      : r;
}

/* What the probe says. */
static const char *datapath_word(const json_t *gateway)
{
	const json_t *datapath = json_object_get(gateway, "datapath");

	if (!json_is_object(datapath)) {
		return "-";
	}
	return json_is_true(json_object_get(datapath, "up")) ? "up"
							     : output_list_text(datapath, "what");
}

static int add_status_gateway(struct output_table *table, const json_t *item)
{
	int r = output_list_add_texts(table,
				      OUTPUT_LIST_TEXTS(output_list_text(item, "name"),
							output_list_text(item, "state"),
							output_list_text(item, "private_ip")));

	if (r == 0) {
		r = output_list_add_number(table, output_list_number(item, "eip_count"));
	}
	return r == 0 ? output_list_add_texts(table,
					      OUTPUT_LIST_TEXTS(datapath_word(item),
								output_list_text(item, "reason")))
		      : r;
}

int output_text_status(const json_t *json, FILE *stream)
{
	json_int_t uptime = output_list_number(json, "uptime_s");

	fprintf(stream, "natgwd %s, pid %" JSON_INTEGER_FORMAT ", up ",
		output_list_text(json, "version"), output_list_number(json, "pid"));
	fprintf(stream, "%" PRId64 "d %02" PRId64 ":%02" PRId64 ":%02" PRId64 "\n",
		(int64_t)uptime / 86400, (int64_t)uptime / 3600 % 24, (int64_t)uptime / 60 % 60,
		(int64_t)uptime % 60);
	fprintf(stream, "config %s, generation %" JSON_INTEGER_FORMAT "\n",
		output_list_text(json, "config_file"),
		output_list_number(json, "config_generation"));
	fprintf(stream,
		"sessions %" JSON_INTEGER_FORMAT ", and %" JSON_INTEGER_FORMAT
		" that only hold their port, of %" JSON_INTEGER_FORMAT "\n\n",
		output_list_number(json, "sessions"), output_list_number(json, "held"),
		output_list_number(json, "sessions_max"));
	int r = output_list_print(json_object_get(json, "interfaces"), "lllllrll",
				  OUTPUT_LIST_TEXTS("INTERFACE", "ROLES", "ATTACH", "LINK", "MAC",
						    "MTU", "ADDRESSES", "WHY"),
				  add_interface, stream);

	fputc('\n', stream);
	return r == 0 ? output_list_print(json_object_get(json, "gateways"), "lllrll",
					  OUTPUT_LIST_TEXTS("GATEWAY", "STATE", "PRIVATE IP",
							    "EIPS", "DATA PATH", "REASON"),
					  add_status_gateway, stream)
		      : r;
}

/* ---- describe ---- */

static int add_eip(struct output_table *table, const json_t *item)
{
	static const char *const protos[] = { "tcp", "udp", "icmp" };
	const char *shared = json_is_true(json_object_get(item, "shared")) ? "yes" : "-";
	json_int_t drain_s = output_list_number(item, "drain_remaining_s");
	char state[48];

	snprintf(state, sizeof(state), "%s", output_list_text(item, "state"));
	if (drain_s) {
		snprintf(state, sizeof(state), "%.24s %" JSON_INTEGER_FORMAT "s",
			 output_list_text(item, "state"), drain_s);
	}
	int r = output_list_add_texts(
		table, OUTPUT_LIST_TEXTS("", output_list_text(item, "address"),
					 output_list_text(item, "public_address"), shared, state));

	for (size_t i = 0; r == 0 && i < sizeof(protos) / sizeof(protos[0]); i++) {
		r = output_list_add_number(table, number_in(item, "ports_in_use", protos[i]));
	}
	return r;
}

static void print_active(const json_t *gateway, const char *proto, FILE *stream)
{
	const json_t *counts = json_object_get(json_object_get(gateway, "active"), proto);

	fprintf(stream,
		"  %-4s sessions      %" JSON_INTEGER_FORMAT " established, %" JSON_INTEGER_FORMAT
		" opening, %" JSON_INTEGER_FORMAT " held\n",
		proto, output_list_number(counts, "established"),
		output_list_number(counts, "opening"), output_list_number(counts, "held"));
}

/* 0 is no limit. */
static void print_quota(const json_t *quotas, const char *key, FILE *stream)
{
	json_int_t limit = output_list_number(quotas, key);

	if (limit) {
		fprintf(stream, "%s %" JSON_INTEGER_FORMAT ", ", key, limit);
	} else {
		fprintf(stream, "%s none, ", key);
	}
}

static void print_behaviour(const json_t *gateway, FILE *stream)
{
	const json_t *quotas = json_object_get(gateway, "quotas");

	fprintf(stream, "  to a destination   %" JSON_INTEGER_FORMAT " ports of each EIP\n",
		output_list_number(gateway, "destination_ports"));
	fprintf(stream, "  quotas             ");
	print_quota(quotas, "max_sessions", stream);
	print_quota(quotas, "max_sessions_per_client", stream);
	print_quota(quotas, "max_half_open_per_client", stream);
	fprintf(stream, "ports_per_client %" JSON_INTEGER_FORMAT " to %" JSON_INTEGER_FORMAT "\n",
		number_in(quotas, "ports_per_client", "min"),
		number_in(quotas, "ports_per_client", "max"));
	fprintf(stream, "  EIP of a client    %s, refresh %s\n",
		output_list_text(gateway, "eip_select"), output_list_text(gateway, "refresh"));
	fprintf(stream, "  UDP                mapping %s, filtering %s\n",
		output_list_text(gateway, "mapping"), output_list_text(gateway, "filtering"));
	fprintf(stream, "  no session         %s; no port: %s\n",
		output_list_text(gateway, "no_session"),
		output_list_text(gateway, "on_exhaustion"));
}

static int print_gateway(const json_t *gateway, FILE *stream)
{
	const char *separator = "";
	const char *timer;
	json_t *seconds;
	char tables[512];

	join(json_object_get(gateway, "route_tables"), tables, sizeof(tables));
	fprintf(stream, "gateway %s\n", output_list_text(gateway, "name"));
	fprintf(stream, "  state              %s\n", output_list_text(gateway, "state"));
	fprintf(stream, "  reason             %s\n", output_list_text(gateway, "reason"));
	output_lifecycle_gateway(gateway, stream);
	fprintf(stream, "  private IP         %s on %s\n", output_list_text(gateway, "private_ip"),
		output_list_text(gateway, "private_ip_interface"));
	fprintf(stream, "  profile            %s\n", output_list_text(gateway, "profile"));
	fprintf(stream, "  ports              %" JSON_INTEGER_FORMAT "-%" JSON_INTEGER_FORMAT "\n",
		output_list_number(gateway, "port_first"),
		output_list_number(gateway, "port_last"));
	fprintf(stream, "  timeouts           ");
	json_object_foreach (json_object_get(gateway, "timeouts"), timer, seconds) {
		fprintf(stream, "%s%s %" JSON_INTEGER_FORMAT "s", separator, timer,
			json_integer_value(seconds));
		separator = ", ";
	}
	fprintf(stream, "\n  route tables       %s\n", tables);
	output_policy_gateway(gateway, stream);
	print_behaviour(gateway, stream);
	print_active(gateway, "tcp", stream);
	print_active(gateway, "udp", stream);
	print_active(gateway, "icmp", stream);
	int r = output_list_print(json_object_get(gateway, "eips"), "lllllrrr",
				  OUTPUT_LIST_TEXTS("", "EIP", "PUBLIC", "SHARED", "STATE",
						    "TCP PORTS", "UDP PORTS", "ICMP IDS"),
				  add_eip, stream);

	return r ? r : output_policy_forwards(gateway, stream);
}

int output_text_gateways(const json_t *json, FILE *stream)
{
	int r = 0;
	size_t i;
	json_t *gateway;

	json_array_foreach (json_object_get(json, "gateways"), i, gateway) {
		if (i > 0) {
			fputc('\n', stream);
		}
		if (r == 0) {
			r = print_gateway(gateway, stream);
		}
	}
	if (r == 0) {
		r = output_lifecycle_records(json, i == 0, stream);
	}
	return r ? r : output_policy_all(json, stream);
}

/* ---- routes ---- */

static int add_route(struct output_table *table, const json_t *item)
{
	return output_list_add_texts(table, OUTPUT_LIST_TEXTS(output_list_text(item, "table"),
							      output_list_text(item, "to"),
							      output_list_text(item, "target"),
							      output_list_text(item, "origin"),
							      output_list_text(item, "state")));
}

static int add_subnet(struct output_table *table, const json_t *item)
{
	return output_list_add_texts(table, OUTPUT_LIST_TEXTS(output_list_text(item, "prefix"),
							      output_list_text(item, "table")));
}

int output_text_routes(const json_t *json, FILE *stream)
{
	int r = output_list_print(json_object_get(json, "routes"), "lllll",
				  OUTPUT_LIST_TEXTS("TABLE", "TO", "TARGET", "ORIGIN", "STATE"),
				  add_route, stream);

	fputc('\n', stream);
	return r == 0 ? output_list_print(json_object_get(json, "subnets"), "ll",
					  OUTPUT_LIST_TEXTS("SUBNET", "TABLE"), add_subnet, stream)
		      : r;
}
