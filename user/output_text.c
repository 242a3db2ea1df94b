// SPDX-License-Identifier: GPL-2.0-only
/* Text of natgwctl. Not responsible for asking the daemon nor for --json. */
#include "output_text.h"

#include <errno.h>
#include <inttypes.h>
#include <string.h>

#include "output_table.h"

static const char *text_of(const json_t *object, const char *key)
{
	const char *text = json_string_value(json_object_get(object, key));

	return text && text[0] ? text : "-";
}

static json_int_t number_of(const json_t *object, const char *key)
{
	return json_integer_value(json_object_get(object, key));
}

static json_int_t number_in(const json_t *object, const char *outer, const char *key)
{
	return number_of(json_object_get(object, outer), key);
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

static int add_texts(struct output_table *table, const char *const *texts)
{
	int r = 0;

	for (; r == 0 && *texts; texts++)
		r = output_table_add(table, "%s", *texts);
	return r;
}

#define HEADINGS(...)             \
	(const char *const[])     \
	{                         \
		__VA_ARGS__, NULL \
	}

/* Makes the table, lets fn add one row for each item, prints it. */
static int print_list(const json_t *list, const char *alignment, const char *const *headings,
		      int (*fn)(struct output_table *table, const json_t *item), FILE *stream)
{
	struct output_table *table = output_table_new(alignment);
	int r = table ? add_texts(table, headings) : -ENOMEM;
	size_t i;
	json_t *item;

	json_array_foreach (list, i, item) {
		if (r == 0) {
			r = fn(table, item);
		}
	}
	if (r == 0) {
		output_table_print(table, stream);
	}
	output_table_free(table);
	return r;
}

/* ---- status ---- */

static int add_interface(struct output_table *table, const json_t *item)
{
	char roles[64];
	char addresses[256];

	join(json_object_get(item, "roles"), roles, sizeof(roles));
	join(json_object_get(item, "addresses"), addresses, sizeof(addresses));
	int r = add_texts(table, HEADINGS(text_of(item, "name"), roles, text_of(item, "attach"),
					  json_is_true(json_object_get(item, "up")) ? "up" : "down",
					  text_of(item, "mac")));

	if (r == 0) {
		r = output_table_add(table, "%" JSON_INTEGER_FORMAT, number_of(item, "mtu"));
	}
	return r == 0 ? add_texts(table, HEADINGS(addresses, text_of(item, "attach_reason"))) : r;
}

static int add_status_gateway(struct output_table *table, const json_t *item)
{
	int r = add_texts(table, HEADINGS(text_of(item, "name"), text_of(item, "state"),
					  text_of(item, "private_ip")));

	if (r == 0) {
		r = output_table_add(table, "%" JSON_INTEGER_FORMAT, number_of(item, "eip_count"));
	}
	return r == 0 ? add_texts(table, HEADINGS(text_of(item, "reason"))) : r;
}

int output_text_status(const json_t *json, FILE *stream)
{
	json_int_t uptime = number_of(json, "uptime_s");

	fprintf(stream, "natgwd %s, pid %" JSON_INTEGER_FORMAT ", up ", text_of(json, "version"),
		number_of(json, "pid"));
	fprintf(stream, "%" PRId64 "d %02" PRId64 ":%02" PRId64 ":%02" PRId64 "\n",
		(int64_t)uptime / 86400, (int64_t)uptime / 3600 % 24, (int64_t)uptime / 60 % 60,
		(int64_t)uptime % 60);
	fprintf(stream, "config %s, generation %" JSON_INTEGER_FORMAT "\n",
		text_of(json, "config_file"), number_of(json, "config_generation"));
	fprintf(stream, "sessions %" JSON_INTEGER_FORMAT " of %" JSON_INTEGER_FORMAT "\n\n",
		number_of(json, "sessions"), number_of(json, "sessions_max"));
	int r = print_list(
		json_object_get(json, "interfaces"), "lllllrll",
		HEADINGS("INTERFACE", "ROLES", "ATTACH", "LINK", "MAC", "MTU", "ADDRESSES", "WHY"),
		add_interface, stream);

	fputc('\n', stream);
	return r == 0 ? print_list(json_object_get(json, "gateways"), "lllrl",
				   HEADINGS("GATEWAY", "STATE", "PRIVATE IP", "EIPS", "REASON"),
				   add_status_gateway, stream)
		      : r;
}

/* ---- describe ---- */

static int add_eip(struct output_table *table, const json_t *item)
{
	static const char *const protos[] = { "tcp", "udp", "icmp" };
	int r = add_texts(table, HEADINGS("", text_of(item, "address"), text_of(item, "state")));

	for (size_t i = 0; r == 0 && i < sizeof(protos) / sizeof(protos[0]); i++) {
		r = output_table_add(table, "%" JSON_INTEGER_FORMAT,
				     number_in(item, "ports_in_use", protos[i]));
	}
	return r;
}

static void print_active(const json_t *gateway, const char *proto, FILE *stream)
{
	const json_t *counts = json_object_get(json_object_get(gateway, "active"), proto);

	fprintf(stream,
		"  %-4s sessions      %" JSON_INTEGER_FORMAT " established, %" JSON_INTEGER_FORMAT
		" opening\n",
		proto, number_of(counts, "established"), number_of(counts, "opening"));
}

static int print_gateway(const json_t *gateway, FILE *stream)
{
	const char *separator = "";
	const char *timer;
	json_t *seconds;
	char tables[512];

	join(json_object_get(gateway, "route_tables"), tables, sizeof(tables));
	fprintf(stream, "gateway %s\n", text_of(gateway, "name"));
	fprintf(stream, "  state              %s\n", text_of(gateway, "state"));
	fprintf(stream, "  reason             %s\n", text_of(gateway, "reason"));
	fprintf(stream, "  private IP         %s on %s\n", text_of(gateway, "private_ip"),
		text_of(gateway, "private_ip_interface"));
	fprintf(stream, "  profile            %s\n", text_of(gateway, "profile"));
	fprintf(stream, "  ports              %" JSON_INTEGER_FORMAT "-%" JSON_INTEGER_FORMAT "\n",
		number_of(gateway, "port_first"), number_of(gateway, "port_last"));
	fprintf(stream, "  timeouts           ");
	json_object_foreach (json_object_get(gateway, "timeouts"), timer, seconds) {
		fprintf(stream, "%s%s %" JSON_INTEGER_FORMAT "s", separator, timer,
			json_integer_value(seconds));
		separator = ", ";
	}
	fprintf(stream, "\n  route tables       %s\n", tables);
	print_active(gateway, "tcp", stream);
	print_active(gateway, "udp", stream);
	print_active(gateway, "icmp", stream);
	return print_list(json_object_get(gateway, "eips"), "lllrrr",
			  HEADINGS("", "EIP", "STATE", "TCP PORTS", "UDP PORTS", "ICMP IDS"),
			  add_eip, stream);
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
	return r;
}

/* ---- sessions ---- */

static int add_session(struct output_table *table, const json_t *item)
{
	static const char *const ends[][2] = {
		{ "internal_src_address", "internal_src_port" },
		{ "external_src_address", "external_src_port" },
		{ "remote_address", "remote_port" },
	};
	static const char *const counts[] = { "packets_out", "bytes_out", "packets_in",
					      "bytes_in" };
	int r = add_texts(table, HEADINGS(text_of(item, "protocol"), text_of(item, "state")));

	for (size_t i = 0; r == 0 && i < sizeof(ends) / sizeof(ends[0]); i++) {
		r = output_table_add(table, "%s:%" JSON_INTEGER_FORMAT, text_of(item, ends[i][0]),
				     number_of(item, ends[i][1]));
	}
	if (r == 0) {
		r = output_table_add(table, "%" JSON_INTEGER_FORMAT "/%" JSON_INTEGER_FORMAT "s",
				     number_of(item, "idle_s"), number_of(item, "timeout_s"));
	}
	for (size_t i = 0; r == 0 && i < sizeof(counts) / sizeof(counts[0]); i++) {
		r = output_table_add(table, "%" JSON_INTEGER_FORMAT, number_of(item, counts[i]));
	}
	return r == 0 ? add_texts(table, HEADINGS(text_of(item, "gateway"))) : r;
}

int output_text_sessions(const json_t *json, FILE *stream)
{
	return print_list(json_object_get(json, "sessions"), "lllllrrrrrl",
			  HEADINGS("PROTO", "STATE", "CLIENT", "EIP", "DESTINATION", "IDLE",
				   "PKTS OUT", "BYTES OUT", "PKTS IN", "BYTES IN", "GATEWAY"),
			  add_session, stream);
}

/* ---- routes ---- */

static int add_route(struct output_table *table, const json_t *item)
{
	return add_texts(table, HEADINGS(text_of(item, "table"), text_of(item, "to"),
					 text_of(item, "target"), text_of(item, "origin"),
					 text_of(item, "state")));
}

static int add_subnet(struct output_table *table, const json_t *item)
{
	return add_texts(table, HEADINGS(text_of(item, "prefix"), text_of(item, "table")));
}

int output_text_routes(const json_t *json, FILE *stream)
{
	int r = print_list(json_object_get(json, "routes"), "lllll",
			   HEADINGS("TABLE", "TO", "TARGET", "ORIGIN", "STATE"), add_route, stream);

	fputc('\n', stream);
	return r == 0 ? print_list(json_object_get(json, "subnets"), "ll",
				   HEADINGS("SUBNET", "TABLE"), add_subnet, stream)
		      : r;
}
