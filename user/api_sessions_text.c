// SPDX-License-Identifier: GPL-2.0-only
/*
 * Sessions as JSON text, written by hand: a million of them are asked for at once, and printf would
 * take most of the time. What their records mean is record.c's.
 */
#include "api_sessions_text.h"

#include <arpa/inet.h>
#include <string.h>

#include "names.h"
#include "record.h"

#define ADD(text, literal) add_bytes(text, literal, sizeof(literal) - 1)

static char *add_bytes(char *text, const char *bytes, size_t size)
{
	memcpy(text, bytes, size);
	return text + size;
}

static char *add_text(char *text, const char *added)
{
	return add_bytes(text, added, strlen(added));
}

static char *add_number(char *text, uint64_t number)
{
	char digits[20];
	size_t i = sizeof(digits);

	do {
		digits[--i] = (char)('0' + number % 10);
		number /= 10;
	} while (number);
	return add_bytes(text, digits + i, sizeof(digits) - i);
}

static char *add_address(char *text, __be32 addr)
{
	const uint32_t host = ntohl(addr);

	text = add_number(text, host >> 24);
	*text++ = '.';
	text = add_number(text, host >> 16 & 0xff);
	*text++ = '.';
	text = add_number(text, host >> 8 & 0xff);
	*text++ = '.';
	return add_number(text, host & 0xff);
}

static char *add_ends(char *text, const struct natgw_session_record *record)
{
	text = ADD(text, "\",\"internal_src_address\":\"");
	text = add_address(text, record->inbound.addr);
	text = ADD(text, "\",\"internal_src_port\":");
	text = add_number(text, ntohs(record->inbound.port));
	text = ADD(text, ",\"external_src_address\":\"");
	text = add_address(text, record->key.ext_addr);
	text = ADD(text, "\",\"external_src_port\":");
	text = add_number(text, ntohs(record->key.ext_port));
	text = ADD(text, ",\"remote_address\":\"");
	text = add_address(text, record->key.rem_addr);
	text = ADD(text, "\",\"remote_port\":");
	text = add_number(text, ntohs(record->key.rem_port));
	text = ADD(text, ",\"orig_port\":");
	return add_number(text, ntohs(record_orig_port(record)));
}

static char *add_times(char *text, const struct natgw_session_record *record)
{
	text = ADD(text, ",\"idle_s\":");
	text = add_number(text, record_seconds(record_idle(record)));
	text = ADD(text, ",\"timeout_s\":");
	text = add_number(text, record_timer_seconds(record->timeout));
	text = ADD(text, ",\"left_s\":");
	text = add_number(text, record_seconds(record_left(record)));
	if (record_life(record) != RECORD_HELD) {
		return ADD(text, ",\"hold\":null");
	}
	text = ADD(text, ",\"hold\":\"");
	text = add_text(text, names_hold(record->hold));
	return ADD(text, "\"");
}

static char *add_counts(char *text, const struct natgw_session_record *record)
{
	text = ADD(text, ",\"packets_out\":");
	text = add_number(text, record->outbound.packets);
	text = ADD(text, ",\"bytes_out\":");
	text = add_number(text, record->outbound.bytes);
	text = ADD(text, ",\"packets_in\":");
	text = add_number(text, record->inbound.packets);
	text = ADD(text, ",\"bytes_in\":");
	return add_number(text, record->inbound.bytes);
}

size_t api_sessions_text(const struct natgw_session_record *record, const char *gateway, char *text)
{
	char *end = ADD(text, "{\"protocol\":\"");

	end = add_text(end, names_ip_proto(record->key.proto));
	end = ADD(end, "\",\"gateway\":");
	end = add_text(end, gateway);
	end = ADD(end, ",\"state\":\"");
	end = add_text(end, names_session_state(record_state(record)));
	end = add_ends(end, record);
	end = add_times(end, record);
	end = add_counts(end, record);
	return (size_t)(ADD(end, "}") - text);
}
