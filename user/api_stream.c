// SPDX-License-Identifier: GPL-2.0-only
/*
 * Answers that are sent piece by piece: when the source is asked, when the reader is too slow, who
 * frees what. evhttp owns the connection; the request is this file's as long as the stream is open.
 */
#include "api_stream.h"

#include <errno.h>
#include <event2/buffer.h>
#include <event2/bufferevent.h>
#include <event2/event.h>
#include <event2/http.h>
#include <stdbool.h>
#include <stdlib.h>

#include "api_answer.h"
#include "keep.h"

/* Whatever a client sends after its request stays in the kernel beyond so many bytes. */
#define UNREAD_MAX 4096

struct api_stream {
	struct api_answer_context *context;
	struct evhttp_request *request;
	struct evhttp_connection *connection;
	const struct api_stream_source *source;
	void *arg;
	struct event *turn; /* of the event loop: on with the source, or the end */
	struct evbuffer *slice;
	bool over; /* to be cut off */
};

static struct bufferevent *get_buffers(const struct api_stream *stream)
{
	return evhttp_connection_get_bufferevent(stream->connection);
}

static void wait_for_turn(struct api_stream *stream)
{
	const struct timeval now = { 0 };

	/* By the clock, so that everybody else's events come in between. */
	event_add(stream->turn, &now);
}

static void free_stream(struct api_stream *stream)
{
	if (stream->turn) {
		event_free(stream->turn);
	}
	if (stream->slice) {
		evbuffer_free(stream->slice);
	}
	free(stream);
}

static void close_stream(struct api_stream *stream)
{
	stream->context->streams--;
	stream->source->closed(stream->arg);
	free_stream(stream);
}

/* The connection ends, and the stream has not. */
static void on_gone(struct evhttp_connection *connection, void *arg)
{
	struct api_stream *stream = arg;

	(void)connection;
	/* evhttp leaves a request without a connection to those who were to answer it. */
	if (!evhttp_request_get_connection(stream->request)) {
		evhttp_request_free(stream->request);
	}
	close_stream(stream);
}

static void on_sent(struct evhttp_connection *connection, void *arg)
{
	struct api_stream *stream = arg;

	(void)connection;
	if (stream->source->more) {
		wait_for_turn(stream);
	}
}

static void ask_source(struct api_stream *stream)
{
	int r = stream->source->more(stream, stream->arg);

	if (r < 0 || stream->over) {
		evhttp_connection_free(stream->connection);
	} else if (r == API_STREAM_DONE) {
		api_stream_end(stream);
	} else if (api_stream_pending(stream) == 0) {
		wait_for_turn(stream);
	}
}

static void on_turn(evutil_socket_t fd, short what, void *arg)
{
	struct api_stream *stream = arg;

	(void)fd;
	(void)what;
	if (stream->over) {
		evhttp_connection_free(stream->connection);
	} else {
		ask_source(stream);
	}
}

static int new_stream(struct api_answer *answer, struct api_stream **ret_stream)
{
	struct api_stream *stream = calloc(1, sizeof(*stream));

	if (!stream) {
		return -ENOMEM;
	}
	stream->context = answer->context;
	stream->request = answer->request;
	stream->connection = evhttp_request_get_connection(answer->request);
	stream->slice = evbuffer_new();
	stream->turn =
		event_new(evhttp_connection_get_base(stream->connection), -1, 0, on_turn, stream);
	if (!stream->slice || !stream->turn) {
		free_stream(stream);
		return -ENOMEM;
	}
	*ret_stream = stream;
	return 0;
}

int api_stream_start(struct api_answer *answer, const struct api_stream_source *source, void *arg,
		     struct api_stream **ret_stream)
{
	const struct timeval stall = { .tv_sec = API_STREAM_STALL_S };
	const unsigned int most = API_STREAMS_MAX + (answer->is_control ? API_STREAMS_CONTROL : 0);
	struct api_stream *stream = NULL;
	int r = answer->context->streams < most ? new_stream(answer, &stream) : -EBUSY;

	if (r < 0) {
		return r;
	}
	stream->source = source;
	stream->arg = arg;
	answer->context->streams++;
	api_answer_finish_headers(answer);
	evhttp_connection_set_closecb(stream->connection, on_gone, stream);
	evhttp_send_reply_start(answer->request, answer->status, NULL);
	/* A reader has nothing to say, for hours maybe. */
	bufferevent_set_timeouts(get_buffers(stream), NULL, &stall);
	bufferevent_setwatermark(get_buffers(stream), EV_READ, 0, UNREAD_MAX);
	if (source->more) {
		wait_for_turn(stream);
	}
	*ret_stream = stream;
	return 0;
}

int api_stream_refuse(struct api_answer *answer, int err)
{
	if (err == -EBUSY) {
		return api_answer_fail(answer, HTTP_SERVUNAVAIL,
				       "too many streams are open; try again when one has ended");
	}
	return err;
}

size_t api_stream_pending(const struct api_stream *stream)
{
	return evbuffer_get_length(bufferevent_get_output(get_buffers(stream)));
}

int api_stream_write(struct api_stream *stream, const void *data, size_t size)
{
	if (stream->over) {
		return -EPIPE;
	}
	if (api_stream_pending(stream) + size > API_STREAM_PENDING_MAX) {
		stream->over = true;
		(*keep_counter(stream->context->state->keep, KEEP_API_STREAMS_CUT))++;
		wait_for_turn(stream);
		return -EPIPE;
	}
	if (evbuffer_add(stream->slice, data, size) < 0) {
		return -ENOMEM;
	}
	evhttp_send_reply_chunk_with_cb(stream->request, stream->slice, on_sent, stream);
	return 0;
}

void api_stream_end(struct api_stream *stream)
{
	evhttp_connection_set_closecb(stream->connection, NULL, NULL);
	evhttp_send_reply_end(stream->request);
	close_stream(stream);
}
