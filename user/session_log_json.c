// SPDX-License-Identifier: GPL-2.0-only
/*
 * A record of the session log as a line of JSON. Written by hand: there may be hundreds of
 * thousands a second. The addresses and ports of both sides have the names of RFC 8512.
 */
#include <arpa/inet.h>
#include <inttypes.h>
#include <stdio.h>
#include <string.h>

#include "names.h"
#include "session_log_internal.h"

/* A name longer than that is cut: a line has an end. */
#define NAME_BYTES_MAX 64

/* ---- parts of a line; each returns where the next one goes ---- */

static char *put_text(char *at, const char *text)
{
	return mempcpy(at, text, strlen(text));
}

static char *put_number(char *at, uint64_t value)
{
	char digits[20];
	size_t count = 0;

	do {
		digits[count++] = (char)('0' + value % 10);
		value /= 10;
	} while (value);
	while (count)
		*at++ = digits[--count];
	return at;
}

static char *put_address(char *at, __be32 addr)
{
	uint8_t bytes[4];

	memcpy(bytes, &addr, sizeof(bytes));
	*at++ = '"';
	for (size_t i = 0; i < sizeof(bytes); i++) {
		at = put_number(at, bytes[i]);
		*at++ = i + 1 < sizeof(bytes) ? '.' : '"';
	}
	return at;
}

/* A name may hold anything: nothing of it ends the string, the line or the terminal's mood. */
static char *put_name(char *at, const char *name)
{
	static const char hex[] = "0123456789abcdef";

	*at++ = '"';
	for (size_t i = 0; i < NAME_BYTES_MAX && name[i]; i++) {
		const unsigned char byte = (unsigned char)name[i];

		if (byte >= 0x20 && byte < 0x7f && byte != '"' && byte != '\\') {
			*at++ = (char)byte;
			continue;
		}
		at = put_text(at, "\\u00");
		*at++ = hex[byte >> 4];
		*at++ = hex[byte & 15];
	}
	*at++ = '"';
	return at;
}

static char *put_time(char *at, uint64_t time_ms, struct session_log_stamp *stamp)
{
	const uint64_t second = time_ms / 1000;
	const unsigned int ms = (unsigned int)(time_ms % 1000);

	if (second != stamp->second || !stamp->text[0]) {
		const time_t when = (time_t)second;
		struct tm parts = { 0 };

		gmtime_r(&when, &parts);
		(void)strftime(stamp->text, sizeof(stamp->text), "%Y-%m-%dT%H:%M:%S.", &parts);
		stamp->second = second;
	}
	at = put_text(at, stamp->text);
	*at++ = (char)('0' + ms / 100);
	*at++ = (char)('0' + ms / 10 % 10);
	*at++ = (char)('0' + ms % 10);
	*at++ = 'Z';
	return at;
}

static char *put_key(char *at, const char *key, uint64_t value)
{
	return put_number(put_text(at, key), value);
}

/* ---- the line ---- */

static const char *event_name(enum session_log_event event)
{
	switch (event) {
	case SESSION_LOG_CREATED:
		return "created";
	case SESSION_LOG_CLOSED:
		return "closed";
	case SESSION_LOG_PORT_EXHAUSTED:
		return "port_exhausted";
	case SESSION_LOG_QUOTA_EXCEEDED:
		return "quota_exceeded";
	}
	return "unknown";
}

static bool is_refused(const struct session_log_entry *entry)
{
	return entry->event == SESSION_LOG_PORT_EXHAUSTED ||
	       entry->event == SESSION_LOG_QUOTA_EXCEEDED;
}

/* As the client has it. */
static char *put_internal(char *at, const struct natgw_log_record *session)
{
	at = put_text(at, ",\"internal_src_address\":");
	at = put_address(at, session->client);
	at = put_key(at, ",\"internal_src_port\":", ntohs(session->client_port));
	at = put_text(at, ",\"internal_dst_address\":");
	at = put_address(at, session->rem_addr);
	return put_key(at, ",\"internal_dst_port\":", ntohs(session->orig_port));
}

/* As it is on the wire outside. */
static char *put_external(char *at, const struct session_log_entry *entry)
{
	const struct natgw_log_record *session = entry->session;

	at = put_text(at, ",\"external_src_address\":");
	at = session->ext_addr ? put_address(at, session->ext_addr) : put_text(at, "null");
	at = is_refused(entry) ? put_text(at, ",\"external_src_port\":null")
			       : put_key(at, ",\"external_src_port\":", ntohs(session->ext_port));
	at = put_text(at, ",\"external_dst_address\":");
	at = put_address(at, session->rem_addr);
	return put_key(at, ",\"external_dst_port\":", ntohs(session->rem_port));
}

static char *put_end(char *at, const struct natgw_log_record *session)
{
	const uint64_t idle_ms = ((uint64_t)session->idle << NATGW_TICK_SHIFT) / 1000000;

	at = put_text(at, ",\"cause\":\"");
	at = put_text(at, names_close_cause(session->cause));
	at = put_key(at, "\",\"packets_out\":", session->packets_out);
	at = put_key(at, ",\"bytes_out\":", session->bytes_out);
	at = put_key(at, ",\"packets_in\":", session->packets_in);
	at = put_key(at, ",\"bytes_in\":", session->bytes_in);
	return put_key(at, ",\"idle_ms\":", idle_ms);
}

static char *put_refusal(char *at, const struct session_log_entry *entry)
{
	at = put_text(at, ",\"cause\":\"");
	at = put_text(at, names_verdict(entry->verdict));
	at = put_key(at, "\",\"limit\":", entry->limit);
	at = put_key(at, ",\"ports_used\":", entry->used);
	return put_key(at, ",\"ports_held\":", entry->held);
}

size_t session_log_json(const struct session_log_entry *entry, struct session_log_stamp *stamp,
			char *line)
{
	const struct natgw_log_record *session = entry->session;
	char *at = put_text(line, "{\"time\":\"");

	at = put_time(at, entry->time_ms, stamp);
	at = put_text(at, "\",\"event\":\"");
	at = put_text(at, event_name(entry->event));
	at = put_text(at, is_refused(entry) ? "\",\"allocation_status\":\"DROPPED\",\"id\":null"
					    : "\",\"allocation_status\":\"OK\",\"id\":");
	if (!is_refused(entry)) {
		at = put_number(at, session->id);
	}
	at = put_text(at, ",\"protocol\":\"");
	at = put_text(at, names_ip_proto(session->proto));
	at = put_text(at, "\",\"gateway\":");
	at = put_name(at, entry->gateway);
	at = put_internal(at, session);
	at = put_external(at, entry);
	if (entry->event == SESSION_LOG_CLOSED) {
		at = put_end(at, session);
	} else if (is_refused(entry)) {
		at = put_refusal(at, entry);
	}
	at = put_text(at, "}\n");
	return (size_t)(at - line);
}
