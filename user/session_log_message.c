// SPDX-License-Identifier: GPL-2.0-only
/*
 * Records of the session log as IPFIX messages (RFC 7011) with the elements of RFC 8158, made by
 * libfixbuf. Does no I/O: libfixbuf writes into a buffer here, because its own sockets would wait.
 */
#include <arpa/inet.h>
#include <errno.h>
#include <fixbuf/public.h>
#include <stdlib.h>
#include <string.h>

#include "session_log_internal.h"

/* RFC 8158, table of natEvent. */
#define EVENT_NAT44_CREATE 4
#define EVENT_NAT44_DELETE 5
#define EVENT_PORTS_EXHAUSTED 12
#define EVENT_QUOTA_EXCEEDED 13
/* natQuotaExceededEvent */
#define QUOTA_SESSIONS 1
#define QUOTA_PER_USER 3
/* natOriginatingAddressRealm: the internal side asks. */
#define REALM_PRIVATE 1
/* flowEndReason (RFC 5102 5.11.3) */
#define END_IDLE 1
#define END_DETECTED 3
#define END_FORCED 4

/* Of struct row, and from TEMPLATE_FIRST on those of the records, by enum template_kind. */
#define TEMPLATE_ROW 500
#define TEMPLATE_FIRST 256

enum template_kind {
	TEMPLATE_CREATED,
	TEMPLATE_CLOSED,
	TEMPLATE_PORTS,
	TEMPLATE_SESSIONS_MAX,
	TEMPLATE_CLIENT_MAX,
	TEMPLATE_COUNT,
};

/* All that any record has, in host order; the larger members first, so that there are no holes. */
struct row {
	uint64_t time_ms;
	uint64_t id;
	uint64_t bytes_out;
	uint64_t bytes_in;
	uint64_t packets_out;
	uint64_t packets_in;
	fbVarfield_t gateway;
	uint32_t client;
	uint32_t eip;
	uint32_t dst;
	uint32_t post_dst;
	uint32_t sessions_max;
	uint32_t client_max;
	uint32_t quota;
	uint16_t client_port;
	uint16_t eip_port;
	uint16_t dst_port;
	uint16_t post_dst_port;
	uint8_t event;
	uint8_t realm;
	uint8_t proto;
	uint8_t end_reason;
};
_Static_assert(sizeof(struct row) == 104, "no holes");

#define FOR(kind) (1U << (kind))
#define FOR_SESSIONS (FOR(TEMPLATE_CREATED) | FOR(TEMPLATE_CLOSED))
#define FOR_QUOTAS (FOR(TEMPLATE_SESSIONS_MAX) | FOR(TEMPLATE_CLIENT_MAX))
#define FOR_ALL (FOR_SESSIONS | FOR(TEMPLATE_PORTS) | FOR_QUOTAS)

/* struct row as it stands, and the templates that have the element. */
static const struct {
	const char *name;
	uint16_t size;
	unsigned int templates;
} elements[] = {
	{ "observationTimeMilliseconds", 8, FOR_ALL },
	{ "flowId", 8, FOR_SESSIONS },
	{ "initiatorOctets", 8, FOR(TEMPLATE_CLOSED) },
	{ "responderOctets", 8, FOR(TEMPLATE_CLOSED) },
	{ "initiatorPackets", 8, FOR(TEMPLATE_CLOSED) },
	{ "responderPackets", 8, FOR(TEMPLATE_CLOSED) },
	{ "natPoolName", FB_IE_VARLEN, FOR_ALL },
	{ "sourceIPv4Address", 4, FOR_ALL },
	{ "postNATSourceIPv4Address", 4, FOR_ALL },
	{ "destinationIPv4Address", 4, FOR_ALL },
	{ "postNATDestinationIPv4Address", 4, FOR_SESSIONS },
	{ "maxSessionEntries", 4, FOR(TEMPLATE_SESSIONS_MAX) },
	{ "maxEntriesPerUser", 4, FOR(TEMPLATE_CLIENT_MAX) },
	{ "natQuotaExceededEvent", 4, FOR_QUOTAS },
	{ "sourceTransportPort", 2, FOR_ALL },
	{ "postNAPTSourceTransportPort", 2, FOR_SESSIONS },
	{ "destinationTransportPort", 2, FOR_ALL },
	{ "postNAPTDestinationTransportPort", 2, FOR_SESSIONS },
	{ "natEvent", 1, FOR_ALL },
	{ "natOriginatingAddressRealm", 1, FOR_ALL },
	{ "protocolIdentifier", 1, FOR_ALL },
	{ "flowEndReason", 1, FOR(TEMPLATE_CLOSED) },
};

struct session_log_message {
	fbInfoModel_t *model;
	fbSession_t *session;
	fbExporter_t *exporter;
	fBuf_t *buffer; /* owns session and exporter */
	unsigned int records;
	bool some; /* records or templates */
	uint8_t data[];
};

/* ---- a record ---- */

static uint8_t end_reason(unsigned int cause)
{
	switch (cause) {
	case NATGW_CLOSE_IDLE:
	case NATGW_CLOSE_HALF_OPEN:
		return END_IDLE;
	case NATGW_CLOSE_FIN:
	case NATGW_CLOSE_RST:
		return END_DETECTED;
	default:
		return END_FORCED;
	}
}

/* The limits that one client meets; the others are the gateway's or the table's. */
static bool is_client_limit(unsigned int verdict)
{
	return verdict == NATGW_DROP_CLIENT_QUOTA || verdict == NATGW_DROP_HALF_OPEN_QUOTA ||
	       verdict == NATGW_DROP_PORT_QUOTA;
}

/* libfixbuf takes what it only reads without a const. */
static void *unconst(const char *text)
{
	void *same;

	memcpy(&same, &text, sizeof(same));
	return same;
}

static void fill_tuple(const struct session_log_entry *entry, struct row *row)
{
	const struct natgw_log_record *session = entry->session;

	row->time_ms = entry->time_ms;
	row->gateway.buf = unconst(entry->gateway);
	row->gateway.len = strlen(entry->gateway);
	row->client = ntohl(session->client);
	row->eip = ntohl(session->ext_addr);
	row->dst = ntohl(session->rem_addr);
	row->post_dst = row->dst;
	row->client_port = ntohs(session->client_port);
	row->eip_port = ntohs(session->ext_port);
	row->dst_port = ntohs(session->orig_port);
	row->post_dst_port = ntohs(session->rem_port);
	row->realm = REALM_PRIVATE;
	row->proto = session->proto;
	row->id = session->id;
}

static enum template_kind fill_quota(const struct session_log_entry *entry, struct row *row)
{
	row->event = EVENT_QUOTA_EXCEEDED;
	if (is_client_limit(entry->verdict)) {
		row->quota = QUOTA_PER_USER;
		row->client_max = entry->limit;
		return TEMPLATE_CLIENT_MAX;
	}
	row->quota = QUOTA_SESSIONS;
	row->sessions_max = entry->limit;
	return TEMPLATE_SESSIONS_MAX;
}

static enum template_kind fill(const struct session_log_entry *entry, struct row *row)
{
	const struct natgw_log_record *session = entry->session;

	fill_tuple(entry, row);
	switch (entry->event) {
	case SESSION_LOG_CREATED:
		row->event = EVENT_NAT44_CREATE;
		return TEMPLATE_CREATED;
	case SESSION_LOG_CLOSED:
		row->event = EVENT_NAT44_DELETE;
		row->bytes_out = session->bytes_out;
		row->bytes_in = session->bytes_in;
		row->packets_out = session->packets_out;
		row->packets_in = session->packets_in;
		row->end_reason = end_reason(session->cause);
		return TEMPLATE_CLOSED;
	case SESSION_LOG_PORT_EXHAUSTED:
		row->event = EVENT_PORTS_EXHAUSTED;
		return TEMPLATE_PORTS;
	case SESSION_LOG_QUOTA_EXCEEDED:
		break;
	}
	return fill_quota(entry, row);
}

/* What libfixbuf says, as an errno. */
static int result(gboolean ok, GError **error)
{
	int err = 0;

	if (!ok) {
		err = g_error_matches(*error, FB_ERROR_DOMAIN, FB_ERROR_EOM) ? -ENOSPC : -EINVAL;
	}
	g_clear_error(error);
	return err;
}

static int append_row(struct session_log_message *message, enum template_kind kind, struct row *row)
{
	GError *error = NULL;
	gboolean ok =
		fBufSetExportTemplate(message->buffer, (uint16_t)(TEMPLATE_FIRST + kind), &error);

	if (ok) {
		ok = fBufAppend(message->buffer, (uint8_t *)row, sizeof(*row), &error);
	}
	return result(ok, &error);
}

int session_log_message_add(struct session_log_message *message,
			    const struct session_log_entry *entry)
{
	struct row row = { 0 };
	const enum template_kind kind = fill(entry, &row);
	int err = append_row(message, kind, &row);

	/* Between templates and records libfixbuf wants a new message, even where there is none. */
	if (err == -ENOSPC && !message->some) {
		err = append_row(message, kind, &row);
	}
	if (!err) {
		message->records++;
		message->some = true;
	}
	return err;
}

static int append_templates(struct session_log_message *message)
{
	GError *error = NULL;

	return result(fbSessionExportTemplates(message->session, &error), &error);
}

int session_log_message_templates(struct session_log_message *message)
{
	int err = append_templates(message);

	if (err == -ENOSPC && !message->some) {
		err = append_templates(message);
	}
	if (!err) {
		message->some = true;
	}
	return err;
}

int session_log_message_take(struct session_log_message *message, const uint8_t **ret_data,
			     size_t *ret_length, unsigned int *ret_records)
{
	GError *error = NULL;
	size_t length = 0;

	if (message->some) {
		int err = result(fBufEmit(message->buffer, &error), &error);

		if (err) {
			return err;
		}
		length = fbExporterGetMsgLen(message->exporter);
	}
	*ret_data = message->data;
	*ret_length = length;
	*ret_records = message->records;
	message->records = 0;
	message->some = false;
	return 0;
}

/* ---- life ---- */

static bool append(fbTemplate_t *template, size_t i)
{
	fbInfoElementSpec_t spec = {
		.name = unconst(elements[i].name),
		.len_override = elements[i].size == FB_IE_VARLEN ? 0 : elements[i].size,
	};
	GError *error = NULL;

	return result(fbTemplateAppendSpec(template, &spec, 0, &error), &error) == 0;
}

/* templates: elements of one of these. */
static int add_template(struct session_log_message *message, bool internal, uint16_t number,
			unsigned int templates)
{
	fbTemplate_t *template = fbTemplateAlloc(message->model);
	GError *error = NULL;
	int err = 0;

	for (size_t i = 0; !err && i < sizeof(elements) / sizeof(elements[0]); i++) {
		if (elements[i].templates & templates && !append(template, i)) {
			err = -EINVAL;
		}
	}
	if (!err && !fbSessionAddTemplate(message->session, internal, number, template, &error)) {
		err = result(FALSE, &error);
	}
	if (err) {
		fbTemplateFreeUnused(template);
	}
	return err;
}

static int add_templates(struct session_log_message *message)
{
	int err = add_template(message, true, TEMPLATE_ROW, FOR_ALL);

	for (unsigned int kind = 0; !err && kind < TEMPLATE_COUNT; kind++) {
		err = add_template(message, false, (uint16_t)(TEMPLATE_FIRST + kind), FOR(kind));
	}
	return err;
}

int session_log_message_new(uint16_t size, uint32_t domain,
			    struct session_log_message **ret_message)
{
	struct session_log_message *message = calloc(1, sizeof(*message) + size);
	GError *error = NULL;
	int err;

	if (!message) {
		return -ENOMEM;
	}
	/* GLib ends the process when it gets no memory: these do not fail. */
	message->model = fbInfoModelAlloc();
	message->session = fbSessionAlloc(message->model);
	message->exporter = fbExporterAllocBuffer(message->data, size);
	fbSessionSetDomain(message->session, domain);
	err = add_templates(message);
	message->buffer = fBufAllocForExport(message->session, message->exporter);
	fBufSetAutomaticMode(message->buffer, FALSE);
	if (!err) {
		err = result(fBufSetInternalTemplate(message->buffer, TEMPLATE_ROW, &error),
			     &error);
	}
	if (err) {
		session_log_message_free(message);
		return err;
	}
	*ret_message = message;
	return 0;
}

void session_log_message_free(struct session_log_message *message)
{
	if (!message) {
		return;
	}
	fBufFree(message->buffer);
	fbInfoModelFree(message->model);
	free(message);
}
