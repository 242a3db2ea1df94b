// SPDX-License-Identifier: GPL-2.0-only
/*
 * The endpoint of a check: the query, and the report as JSON. Not responsible for what it says
 * (check*.c).
 */
#include "api_check.h"

#include <arpa/inet.h>
#include <errno.h>
#include <event2/keyvalq_struct.h>
#include <netinet/in.h>
#include <string.h>
#include <time.h>

#include "api_answer.h"
#include "check_internal.h"
#include "cleanup.h"
#include "names.h"
#include "parse_util.h"

#define PORT_DEFAULT 443
/* A check goes over all sessions. Those that take longer leave as long a pause to natgwd. */
#define SHORT_NS 20000000ULL

/* ---- the query ---- */

static int parse_proto(const char *text, uint8_t *ret_proto)
{
	static const struct {
		const char *name;
		uint8_t proto;
	} known[] = {
		{ "tcp", IPPROTO_TCP },	  { "udp", IPPROTO_UDP }, { "icmp", IPPROTO_ICMP },
		{ "gre", IPPROTO_GRE },	  { "esp", IPPROTO_ESP }, { "ah", IPPROTO_AH },
		{ "sctp", IPPROTO_SCTP },
	};
	uint32_t number = 0;

	for (size_t i = 0; i < sizeof(known) / sizeof(known[0]); i++) {
		if (strcmp(text, known[i].name) == 0) {
			*ret_proto = known[i].proto;
			return 0;
		}
	}
	if (parse_util_u32(text, &number) < 0 || number == 0 || number > UINT8_MAX) {
		return -EINVAL;
	}
	*ret_proto = (uint8_t)number;
	return 0;
}

/* NULL, or what is wrong. */
static const char *parse_port(const char *text, struct check_query *query)
{
	const bool has_ports = query->proto == IPPROTO_TCP || query->proto == IPPROTO_UDP;
	uint16_t port = PORT_DEFAULT;

	if (text && !has_ports) {
		return "port goes with tcp and udp only";
	}
	if (text && parse_util_port(text, &port) < 0) {
		return "port is a number from 1 to 65535";
	}
	query->port = has_ports ? htons(port) : 0;
	return NULL;
}

static const char *parse_query(const struct evkeyvalq *keys, struct check_query *query)
{
	const char *client = evhttp_find_header(keys, "client");
	const char *dst = evhttp_find_header(keys, "dst");
	const char *proto = evhttp_find_header(keys, "proto");
	uint16_t client_port = 0;

	query->proto = IPPROTO_TCP;
	if (!client || parse_util_endpoint(client, &query->client, &client_port) < 0) {
		return "client is an IPv4 address like 10.0.1.5, or one with a port like 10.0.1.5:40000";
	}
	if (!dst || parse_util_address(dst, &query->dst) < 0) {
		return "dst is an IPv4 address like 192.0.2.1";
	}
	if (proto && parse_proto(proto, &query->proto) < 0) {
		return "proto is tcp, udp, icmp, or the number of an IP protocol";
	}
	query->client_port = htons(client_port);
	return parse_port(evhttp_find_header(keys, "port"), query);
}

/* ---- the report ---- */

static json_t *items_json(const struct check_report *report)
{
	json_t *list = json_array();

	for (unsigned int i = 0; i < CHECK_ITEM_COUNT; i++) {
		const struct check_item *item = &report->items[i];

		json_array_append_new(
			list,
			json_pack("{s:i, s:s, s:s, s:s, s:s, s:s?}", "number", (int)i + 1, "item",
				  check_item_name(i), "title", check_item_title(i), "result",
				  check_outcome_name(item->outcome), "what", item->what, "change",
				  item->outcome == CHECK_FAIL ? item->fix : NULL));
	}
	return list;
}

static json_t *steps_json(const struct check_report *report)
{
	json_t *list = json_array();

	for (size_t i = 0; i < report->step_count; i++) {
		json_array_append_new(list, json_pack("{s:s, s:s}", "step", report->steps[i].name,
						      "what", report->steps[i].what));
	}
	return list;
}

/* The first item that failed; null: none has. */
static json_t *failed_json(const struct check_report *report)
{
	for (unsigned int i = 0; i < CHECK_ITEM_COUNT; i++) {
		if (report->items[i].outcome == CHECK_FAIL) {
			return json_string(check_item_name(i));
		}
	}
	return json_null();
}

static json_t *report_json(const struct check_facts *facts, const struct check_report *report)
{
	char client[INET_ADDRSTRLEN];
	char dst[INET_ADDRSTRLEN];
	char proto[16];

	return json_pack(
		"{s:s, s:s, s:s, s:i, s:s, s:b, s:s, s:o, s:s?, s:s?, s:o, s:o}", "summary",
		report->headline, "client", check_address(facts->query.client, client),
		"destination", check_address(facts->query.dst, dst), "port",
		(int)ntohs(facts->query.port), "protocol",
		check_proto_name(facts->query.proto, proto), "translated", report->translated,
		"verdict", facts->was_run ? names_verdict(facts->result.verdict) : "unknown",
		"failed", failed_json(report), "gateway",
		facts->gateway_name[0] ? facts->gateway_name : NULL, "route_table",
		facts->has_subnet ? facts->table_name : NULL, "checklist", items_json(report),
		"path", steps_json(report));
}

static uint64_t now_ns(void)
{
	struct timespec now;

	clock_gettime(CLOCK_MONOTONIC, &now);
	return (uint64_t)now.tv_sec * 1000000000 + (uint64_t)now.tv_nsec;
}

int api_check_answer(struct api_answer *answer)
{
	struct check_query query = { 0 };
	const char *wrong = parse_query(answer->query, &query);
	const uint64_t began = now_ns();
	struct check_facts *found = NULL;
	struct check_report report;
	int r;

	if (wrong) {
		return api_answer_fail(answer, HTTP_BADREQUEST, wrong);
	}
	if (!answer->is_control && began < answer->context->check_free_ns) {
		return api_answer_fail(answer, HTTP_SERVUNAVAIL,
				       "another check has just ended; try again in a moment");
	}
	r = check_gather(answer->context->state, &query, &found);
	const uint64_t ended = now_ns();

	if (ended - began > SHORT_NS) {
		answer->context->check_free_ns = ended + (ended - began);
	}
	if (r < 0) {
		return r;
	}
	_cleanup_free_ struct check_facts *facts = found;

	check_judge(facts, &report);
	return api_answer_json(answer, report_json(facts, &report));
}
