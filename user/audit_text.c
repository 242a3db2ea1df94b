// SPDX-License-Identifier: GPL-2.0-only
/* Findings in words: rule, the row that it is about, what is wrong with it. */
#include "audit_internal.h"

#include <arpa/inet.h>
#include <stdio.h>
#include <string.h>

#include "names.h"

#define SUBJECT_MAX 192

struct kind {
	enum audit_rule rule;
	enum audit_subject subject;
	enum audit_detail detail;
	const char *text;
};

static const struct kind kinds[AUDIT_KIND_COUNT] = {
#define X(kind, in_rule, about, behind, says) \
	[AUDIT_KIND_##                        \
		kind] = { AUDIT_##in_rule, AUDIT_SUBJECT_##about, AUDIT_DETAIL_##behind, says },
	AUDIT_KINDS(X)
#undef X
};

enum audit_rule audit_text_rule(const struct audit_finding *finding)
{
	return kinds[finding->kind].rule;
}

struct endpoint {
	char text[INET_ADDRSTRLEN + 6];
};

static struct endpoint endpoint(__be32 addr, __be16 port)
{
	char address[INET_ADDRSTRLEN] = "";
	struct endpoint result;

	inet_ntop(AF_INET, &addr, address, sizeof(address));
	(void)snprintf(result.text, sizeof(result.text), "%s:%u", address, ntohs(port));
	return result;
}

/* ---- subjects ---- */

static const char *proto_name(uint8_t proto)
{
	return names_proto(audit_session_proto(proto));
}

static void print_outbound(const uint8_t *bytes, char *text, size_t size)
{
	struct natgw_outbound_key key;

	memcpy(&key, bytes, sizeof(key));
	(void)snprintf(text, size, "outbound row %s %s to %s, gateway %u", proto_name(key.proto),
		       endpoint(key.int_addr, key.int_port).text,
		       endpoint(key.rem_addr, key.rem_port).text, key.gateway);
}

static void print_inbound(const uint8_t *bytes, char *text, size_t size)
{
	struct natgw_inbound_key key;

	memcpy(&key, bytes, sizeof(key));
	(void)snprintf(text, size, "inbound row %s %s from %s", proto_name(key.proto),
		       endpoint(key.ext_addr, key.ext_port).text,
		       endpoint(key.rem_addr, key.rem_port).text);
}

static void print_gateway(const uint8_t *bytes, char *text, size_t size)
{
	uint32_t index;

	memcpy(&index, bytes, sizeof(index));
	(void)snprintf(text, size, "gateway %u", index);
}

static void print_client(const uint8_t *bytes, char *text, size_t size)
{
	struct natgw_client_key key;
	char address[INET_ADDRSTRLEN] = "";

	memcpy(&key, bytes, sizeof(key));
	inet_ntop(AF_INET, &key.addr, address, sizeof(address));
	(void)snprintf(text, size, "client %s of gateway %u", address, key.gateway);
}

static void print_client_port(const uint8_t *bytes, char *text, size_t size)
{
	struct natgw_client_port_key key;
	char address[INET_ADDRSTRLEN] = "";

	memcpy(&key, bytes, sizeof(key));
	inet_ntop(AF_INET, &key.client, address, sizeof(address));
	(void)snprintf(text, size, "client %s of gateway %u to %s %s", address, key.gateway,
		       proto_name(key.proto), endpoint(key.rem_addr, key.rem_port).text);
}

static void print_destination(const uint8_t *bytes, char *text, size_t size)
{
	struct natgw_destination_key key;
	char address[INET_ADDRSTRLEN] = "";

	memcpy(&key, bytes, sizeof(key));
	inet_ntop(AF_INET, &key.ext_addr, address, sizeof(address));
	(void)snprintf(text, size, "destination %s %s from %s, gateway %u", proto_name(key.proto),
		       endpoint(key.rem_addr, key.rem_port).text, address, key.gateway);
}

static void print_hook(const uint8_t *bytes, char *text, size_t size)
{
	uint32_t hook;

	memcpy(&hook, bytes, sizeof(hook));
	(void)snprintf(text, size, "hook %s", names_hook(hook));
}

static void print_slot(const uint8_t *bytes, char *text, size_t size)
{
	uint32_t key[2];

	memcpy(key, bytes, sizeof(key));
	(void)snprintf(text, size, "slot %u of %s", key[1], key[0] ? "outbound" : "inbound");
}

static void (*const subjects[AUDIT_SUBJECT_NONE])(const uint8_t *bytes, char *text, size_t size) = {
	[AUDIT_SUBJECT_OUTBOUND] = print_outbound,
	[AUDIT_SUBJECT_INBOUND] = print_inbound,
	[AUDIT_SUBJECT_GATEWAY] = print_gateway,
	[AUDIT_SUBJECT_CLIENT] = print_client,
	[AUDIT_SUBJECT_CLIENT_PORT] = print_client_port,
	[AUDIT_SUBJECT_DESTINATION] = print_destination,
	[AUDIT_SUBJECT_HOOK] = print_hook,
	[AUDIT_SUBJECT_SLOT] = print_slot,
};

/* ---- details ---- */

static const char *state_name(uint64_t state)
{
	static const char *const names[] = {
		[NATGW_STATE_NONE] = "NONE",	   [NATGW_STATE_NEW] = "NEW",
		[NATGW_STATE_OPENING] = "OPENING", [NATGW_STATE_ESTABLISHED] = "ESTABLISHED",
		[NATGW_STATE_HOLD] = "HOLD",	   [NATGW_STATE_DEAD] = "DEAD",
		[NATGW_STATE_MAPPING] = "MAPPING", [NATGW_STATE_CLAIMED] = "CLAIMED",
	};

	return state < sizeof(names) / sizeof(names[0]) ? names[state] : "unknown";
}

static void print_detail(const struct audit_finding *finding, char *text, size_t size)
{
	text[0] = '\0';
	switch (kinds[finding->kind].detail) {
	case AUDIT_DETAIL_STATE:
		(void)snprintf(text, size, " %s%s%s", state_name(finding->have),
			       finding->want ? " and " : "",
			       finding->want ? state_name(finding->want) : "");
		break;
	case AUDIT_DETAIL_SUM:
		(void)snprintf(text, size, " %llu, the rows give %llu",
			       (unsigned long long)finding->have,
			       (unsigned long long)finding->want);
		break;
	case AUDIT_DETAIL_BOTH:
		(void)snprintf(text, size, " %llu and %llu", (unsigned long long)finding->have,
			       (unsigned long long)finding->want);
		break;
	case AUDIT_DETAIL_NUMBER:
		(void)snprintf(text, size, " %llu", (unsigned long long)finding->have);
		break;
	case AUDIT_DETAIL_OUTBOUND:
		text[0] = ' ';
		print_outbound(finding->other, text + 1, size - 1);
		break;
	case AUDIT_DETAIL_INBOUND:
		text[0] = ' ';
		print_inbound(finding->other, text + 1, size - 1);
		break;
	case AUDIT_DETAIL_NONE:
		break;
	}
}

void audit_text(const struct audit_finding *finding, char ret_text[AUDIT_TEXT_MAX])
{
	char subject[SUBJECT_MAX], detail[SUBJECT_MAX];

	subjects[kinds[finding->kind].subject](finding->key, subject, sizeof(subject));
	print_detail(finding, detail, sizeof(detail));
	(void)snprintf(ret_text, AUDIT_TEXT_MAX, "%s: %s%s", subject, kinds[finding->kind].text,
		       detail);
}
