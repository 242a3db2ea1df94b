// SPDX-License-Identifier: GPL-2.0-only
/* The table of sessions. Its columns are as wide as their usual contents, since it is printed while
 * it comes. */
#include "output_sessions.h"

#include <errno.h>
#include <stdbool.h>
#include <string.h>

enum field {
	FIELD_PROTOCOL,
	FIELD_GATEWAY,
	FIELD_STATE,
	FIELD_CLIENT,
	FIELD_CLIENT_PORT,
	FIELD_EIP,
	FIELD_EIP_PORT,
	FIELD_REMOTE,
	FIELD_REMOTE_PORT,
	FIELD_ORIG_PORT,
	FIELD_IDLE,
	FIELD_TIMEOUT,
	FIELD_LEFT,
	FIELD_HOLD,
	FIELD_PACKETS_OUT,
	FIELD_BYTES_OUT,
	FIELD_PACKETS_IN,
	FIELD_BYTES_IN,
	FIELD_COUNT,
};

/* In the order in which natgwd writes them, which makes looking them up cheap. */
static const char *const keys[FIELD_COUNT] = {
	"protocol",
	"gateway",
	"state",
	"internal_src_address",
	"internal_src_port",
	"external_src_address",
	"external_src_port",
	"remote_address",
	"remote_port",
	"orig_port",
	"idle_s",
	"timeout_s",
	"left_s",
	"hold",
	"packets_out",
	"bytes_out",
	"packets_in",
	"bytes_in",
};

/* A part of the line; a text without its quotes. */
struct part {
	const char *text;
	size_t size;
};

struct session {
	struct part fields[FIELD_COUNT];
};

/* ---- reading ---- */

/* From behind a quote to behind the next one; NULL: there is none. */
static const char *skip_text(const char *at, struct part *part)
{
	part->text = at;
	for (; *at && *at != '"'; at++) {
		if (*at == '\\' && at[1]) {
			at++;
		}
	}
	part->size = (size_t)(at - part->text);
	return *at ? at + 1 : NULL;
}

static const char *skip_value(const char *at, struct part *part)
{
	if (*at == '"') {
		return skip_text(at + 1, part);
	}
	part->text = at;
	part->size = strcspn(at, ",}\"{[");
	return part->size > 0 ? at + part->size : NULL;
}

static bool is_key(const struct part *key, const char *name)
{
	return strncmp(name, key->text, key->size) == 0 && name[key->size] == '\0';
}

static void keep(struct session *session, const struct part *key, const struct part *value,
		 unsigned int *next)
{
	for (unsigned int i = 0; i < FIELD_COUNT; i++) {
		unsigned int field = (*next + i) % FIELD_COUNT;

		if (is_key(key, keys[field])) {
			session->fields[field] = *value;
			*next = field + 1;
			return;
		}
	}
}

static int parse(const char *line, struct session *session)
{
	const char *at = line;
	unsigned int next = 0;

	for (char separator = '{'; *at == separator && at[1] == '"'; separator = ',') {
		struct part key;
		struct part value;

		at = skip_text(at + 2, &key);
		if (!at || *at != ':') {
			return -EPROTO;
		}
		at = skip_value(at + 1, &value);
		if (!at) {
			return -EPROTO;
		}
		keep(session, &key, &value, &next);
	}
	return *at == '}' ? 0 : -EPROTO;
}

/* ---- writing ---- */

/* Cells are padded to their width, and two blanks stand between them. */
struct row {
	char text[1024];
	size_t used;
	size_t cell; /* where it begins */
};

static void add(struct row *row, const char *text, size_t size)
{
	const size_t room = sizeof(row->text) - row->used;

	if (size > room) {
		size = room;
	}
	memcpy(row->text + row->used, text, size);
	row->used += size;
}

static void add_text(struct row *row, const char *text)
{
	add(row, text, strlen(text));
}

static void add_field(struct row *row, const struct session *session, enum field field)
{
	const struct part *part = &session->fields[field];

	if (part->text) {
		add(row, part->text, part->size);
	} else {
		add_text(row, "-");
	}
}

static void add_blanks(struct row *row, size_t count)
{
	static const char blanks[32] = "                                ";

	add(row, blanks, count < sizeof(blanks) ? count : sizeof(blanks));
}

static void end_left(struct row *row, size_t width)
{
	const size_t size = row->used - row->cell;

	add_blanks(row, 2 + (size < width ? width - size : 0));
	row->cell = row->used;
}

static void end_right(struct row *row, size_t width)
{
	const size_t size = row->used - row->cell;
	const size_t blanks = size < width ? width - size : 0;

	if (blanks > 0 && row->used + blanks <= sizeof(row->text)) {
		memmove(row->text + row->cell + blanks, row->text + row->cell, size);
		memset(row->text + row->cell, ' ', blanks);
		row->used += blanks;
	}
	add_blanks(row, 2);
	row->cell = row->used;
}

static void add_endpoint(struct row *row, const struct session *session, enum field address)
{
	add_field(row, session, address);
	add_text(row, ":");
	add_field(row, session, address + 1);
}

static bool is_same(const struct part *left, const struct part *right)
{
	return left->size == right->size && memcmp(left->text, right->text, left->size) == 0;
}

/* As it is on the wire; and the port that the client has asked for, where a rule changes it. */
static void add_remote(struct row *row, const struct session *session)
{
	const struct part *asked = &session->fields[FIELD_ORIG_PORT];
	const struct part *port = &session->fields[FIELD_REMOTE_PORT];

	add_endpoint(row, session, FIELD_REMOTE);
	if (asked->text && port->text && !is_same(asked, port)) {
		add_text(row, " (for ");
		add(row, asked->text, asked->size);
		add_text(row, ")");
	}
}

/* Why a session holds its port, and for how long. */
static void add_hold(struct row *row, const struct session *session)
{
	static const struct part null = { .text = "null", .size = sizeof("null") - 1 };
	const struct part *hold = &session->fields[FIELD_HOLD];

	if (!hold->text || is_same(hold, &null)) {
		add_text(row, "-");
		return;
	}
	add(row, hold->text, hold->size);
	add_text(row, ", ");
	add_field(row, session, FIELD_LEFT);
	add_text(row, "s left");
}

enum {
	WIDTH_PROTOCOL = 5,
	WIDTH_STATE = 11,
	WIDTH_ENDPOINT = 21,
	WIDTH_IDLE = 11,
	WIDTH_HOLD = 18,
	WIDTH_PACKETS = 9,
	WIDTH_BYTES = 11,
};

void output_sessions_heading(FILE *stream)
{
	fprintf(stream, "%-*s  %-*s  %-*s  %-*s  %-*s  %*s  %-*s  %*s  %*s  %*s  %*s  %s\n",
		WIDTH_PROTOCOL, "PROTO", WIDTH_STATE, "STATE", WIDTH_ENDPOINT, "CLIENT",
		WIDTH_ENDPOINT, "EIP", WIDTH_ENDPOINT, "DESTINATION", WIDTH_IDLE, "IDLE",
		WIDTH_HOLD, "HOLD", WIDTH_PACKETS, "PKTS OUT", WIDTH_BYTES, "BYTES OUT",
		WIDTH_PACKETS, "PKTS IN", WIDTH_BYTES, "BYTES IN", "GATEWAY");
}

int output_sessions_row(const char *line, FILE *stream)
{
	struct session session = {};
	struct row row = { .used = 0 };

	if (parse(line, &session) < 0) {
		return -EPROTO;
	}
	add_field(&row, &session, FIELD_PROTOCOL);
	end_left(&row, WIDTH_PROTOCOL);
	add_field(&row, &session, FIELD_STATE);
	end_left(&row, WIDTH_STATE);
	add_endpoint(&row, &session, FIELD_CLIENT);
	end_left(&row, WIDTH_ENDPOINT);
	add_endpoint(&row, &session, FIELD_EIP);
	end_left(&row, WIDTH_ENDPOINT);
	add_remote(&row, &session);
	end_left(&row, WIDTH_ENDPOINT);
	add_field(&row, &session, FIELD_IDLE);
	add_text(&row, "/");
	add_field(&row, &session, FIELD_TIMEOUT);
	add_text(&row, "s");
	end_right(&row, WIDTH_IDLE);
	add_hold(&row, &session);
	end_left(&row, WIDTH_HOLD);
	for (enum field field = FIELD_PACKETS_OUT; field < FIELD_COUNT; field++) {
		add_field(&row, &session, field);
		end_right(&row, field % 2 == FIELD_PACKETS_OUT % 2 ? WIDTH_PACKETS : WIDTH_BYTES);
	}
	add_field(&row, &session, FIELD_GATEWAY);
	add_text(&row, "\n");
	return fwrite(row.text, 1, row.used, stream) == row.used ? 0 : -EIO;
}
