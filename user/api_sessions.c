// SPDX-License-Identifier: GPL-2.0-only
/*
 * The session table as an answer in slices: each turn of the event loop reads some thousand
 * records, and writes what it has room for. What a session's text is, api_sessions_text.c knows.
 */
#include "api_sessions.h"

#include <errno.h>
#include <jansson.h>
#include <stdlib.h>
#include <string.h>

#include "api_filter.h"
#include "api_sessions_text.h"
#include "api_stream.h"
#include "heap.h"
#include "parse_util.h"
#include "record.h"
#include "snapshot.h"

/* One turn: a few milliseconds. */
#define SLICE_RECORDS 10000
#define SLICE_BYTES ((size_t)64 * 1024)
#define SORTED_DEFAULT 100
#define SORTED_MAX 100000
/* The longest name, every byte of it escaped. */
#define GATEWAY_TEXT_MAX (6 * CONFIG_NAME_MAX + 3)

struct query {
	struct natgw_kill filter;
	bool all;
	uint32_t limit;					     /* 0: none */
	int (*compare)(const void *left, const void *right); /* NULL: as they come */
};

struct sessions {
	const struct natgwd_state *state;
	struct query query;
	struct datapath_reader *reader;
	struct heap heap; /* with an order */
	size_t emitted;	  /* of the heap's, when all is read */
	bool all_read;
	uint32_t written;
	unsigned int gateway; /* of gateway_text: sessions of one gateway come in crowds */
	char gateway_text[GATEWAY_TEXT_MAX];
	size_t used;
	char text[SLICE_BYTES + API_SESSIONS_TEXT_MAX + GATEWAY_TEXT_MAX];
};

/* ---- orders: greatest first ---- */

static int order(uint64_t left, uint64_t right)
{
	return left == right ? 0 : left > right ? -1 : 1;
}

static int compare_bytes(const void *left, const void *right)
{
	const struct natgw_session_record *a = left;
	const struct natgw_session_record *b = right;

	return order(a->outbound.bytes + a->inbound.bytes, b->outbound.bytes + b->inbound.bytes);
}

static int compare_packets(const void *left, const void *right)
{
	const struct natgw_session_record *a = left;
	const struct natgw_session_record *b = right;

	return order(a->outbound.packets + a->inbound.packets,
		     b->outbound.packets + b->inbound.packets);
}

static int compare_idle(const void *left, const void *right)
{
	return order(record_idle(left), record_idle(right));
}

/* Lowest first. */
static int compare_client(const void *left, const void *right)
{
	const struct natgw_session_record *a = left;
	const struct natgw_session_record *b = right;
	int by_address = order(ntohl(b->inbound.addr), ntohl(a->inbound.addr));

	return by_address ? by_address : order(ntohs(b->inbound.port), ntohs(a->inbound.port));
}

/* ---- the query ---- */

static int set_sort(struct query *query, const char *value, char *why)
{
	static const struct {
		const char *name;
		int (*compare)(const void *left, const void *right);
	} orders[] = {
		{ "bytes", compare_bytes },
		{ "packets", compare_packets },
		{ "idle", compare_idle },
		{ "client", compare_client },
	};

	for (size_t i = 0; i < sizeof(orders) / sizeof(orders[0]); i++) {
		if (strcmp(orders[i].name, value) == 0) {
			query->compare = orders[i].compare;
			return 0;
		}
	}
	(void)snprintf(why, SESSION_FILTER_WHY_MAX,
		       "sort is one of bytes, packets, idle, client, not \"%.40s\"", value);
	return -EINVAL;
}

static int take_key(const char *key, const char *value, void *arg, char *why)
{
	struct query *query = arg;

	if (strcmp(key, "all") == 0) {
		query->all = strcmp(value, "1") == 0;
		return 0;
	}
	if (strcmp(key, "sort") == 0) {
		return set_sort(query, value, why);
	}
	if (strcmp(key, "limit") != 0) {
		return -ENOENT;
	}
	if (parse_util_u32(value, &query->limit) < 0 || query->limit == 0) {
		(void)snprintf(why, SESSION_FILTER_WHY_MAX,
			       "limit is a number from 1 on, not \"%.40s\"", value);
		return -EINVAL;
	}
	return 0;
}

/* ---- reading and writing ---- */

static bool is_wanted(const struct query *query, const struct natgw_session_record *record)
{
	return (query->all || record_life(record) != RECORD_OVER) &&
	       session_filter_matches(&query->filter, record);
}

static int name_gateway(struct sessions *sessions, unsigned int gateway)
{
	if (sessions->gateway_text[0] && sessions->gateway == gateway) {
		return 0;
	}
	json_t *name = json_string(snapshot_gateway_name(sessions->state, gateway));
	size_t size = name ? json_dumpb(name, sessions->gateway_text, GATEWAY_TEXT_MAX - 1,
					JSON_ENCODE_ANY)
			   : 0;

	json_decref(name);
	if (size == 0 || size >= GATEWAY_TEXT_MAX) {
		sessions->gateway_text[0] = '\0';
		return -ENOMEM;
	}
	sessions->gateway_text[size] = '\0';
	sessions->gateway = gateway;
	return 0;
}

static void add(struct sessions *sessions, const char *text)
{
	size_t size = strlen(text);

	memcpy(sessions->text + sessions->used, text, size);
	sessions->used += size;
}

static int write_session(struct sessions *sessions, const struct natgw_session_record *record)
{
	int r = name_gateway(sessions, record_gateway(record));

	if (r < 0) {
		return r;
	}
	add(sessions, sessions->written ? ",\n" : "\n");
	sessions->used +=
		api_sessions_text(record, sessions->gateway_text, sessions->text + sessions->used);
	sessions->written++;
	return 0;
}

static bool is_full(const struct sessions *sessions)
{
	return sessions->query.limit && sessions->written >= sessions->query.limit;
}

/* Reads some thousand records, or until the slice is full. */
static int read_slice(struct sessions *sessions)
{
	const struct query *query = &sessions->query;

	for (unsigned int i = 0; i < SLICE_RECORDS && sessions->used < SLICE_BYTES; i++) {
		const struct natgw_session_record *record = NULL;
		int r = is_full(sessions) ? 0 : datapath_next_session(sessions->reader, &record);

		if (r <= 0) {
			sessions->all_read = true;
			return r;
		}
		if (!is_wanted(query, record)) {
			continue;
		}
		if (query->compare) {
			heap_offer(&sessions->heap, record);
			continue;
		}
		r = write_session(sessions, record);
		if (r < 0) {
			return r;
		}
	}
	return 0;
}

/* What was kept of all, in order. true: that is all. */
static int write_sorted(struct sessions *sessions, bool *ret_done)
{
	struct heap *heap = &sessions->heap;
	const struct natgw_session_record *records = heap->items;

	if (sessions->emitted == 0) {
		heap_sort(heap);
	}
	for (; sessions->emitted < heap->count && sessions->used < SLICE_BYTES;
	     sessions->emitted++) {
		int r = write_session(sessions, &records[sessions->emitted]);

		if (r < 0) {
			return r;
		}
	}
	*ret_done = sessions->emitted == heap->count;
	return 0;
}

static int more(struct api_stream *stream, void *arg)
{
	struct sessions *sessions = arg;
	bool done = false;
	int r = 0;

	if (!sessions->all_read) {
		r = read_slice(sessions);
		done = sessions->all_read && !sessions->query.compare;
	} else {
		r = write_sorted(sessions, &done);
	}
	if (done) {
		add(sessions, "]}\n");
	}
	if (r == 0 && sessions->used > 0) {
		r = api_stream_write(stream, sessions->text, sessions->used);
		sessions->used = 0;
	}
	return r < 0 ? r : done ? API_STREAM_DONE : API_STREAM_AGAIN;
}

static void closed(void *arg)
{
	struct sessions *sessions = arg;

	datapath_close_reader(sessions->reader);
	free(sessions->heap.items);
	free(sessions);
}

/* ---- the endpoint ---- */

static int make_heap(const struct query *query, struct heap *heap)
{
	if (!query->compare) {
		return 0;
	}
	heap->item_size = sizeof(struct natgw_session_record);
	heap->room = query->limit;
	heap->compare = query->compare;
	heap->items = calloc(heap->room, heap->item_size);
	return heap->items ? 0 : -ENOMEM;
}

static int start(struct api_answer *answer, const struct query *query)
{
	static const struct api_stream_source source = { .more = more, .closed = closed };
	struct sessions *sessions = malloc(sizeof(*sessions));
	struct api_stream *stream;

	if (!sessions) {
		return -ENOMEM;
	}
	memset(sessions, 0, offsetof(struct sessions, text));
	sessions->state = answer->context->state;
	sessions->query = *query;
	add(sessions, "{\"sessions\":[");
	int r = make_heap(query, &sessions->heap);

	if (r == 0) {
		r = datapath_open_sessions(sessions->state->dp, &sessions->reader);
	}
	if (r == 0) {
		r = api_stream_start(answer, &source, sessions, &stream);
	}
	if (r < 0) {
		closed(sessions);
		return api_stream_refuse(answer, r);
	}
	return API_ANSWER_LATER;
}

int api_sessions_answer(struct api_answer *answer)
{
	struct query query = {};

	if (api_filter_parse(answer, &query.filter, take_key, &query) < 0) {
		return 0;
	}
	if (query.compare && !query.limit) {
		query.limit = SORTED_DEFAULT;
	}
	if (query.compare && query.limit > SORTED_MAX) {
		return api_answer_fail(answer, HTTP_BADREQUEST,
				       "with sort the limit is at most 100000");
	}
	return start(answer, &query);
}
