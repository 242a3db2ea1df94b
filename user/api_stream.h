/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * Answers that are sent piece by piece, so that none has to be whole in natgwd's memory and none
 * holds up the event loop: long lists in slices, and streams without an end.
 */
#ifndef NATGW_USER_API_STREAM_H
#define NATGW_USER_API_STREAM_H

#include <stddef.h>

struct api_answer;
struct api_stream;

/* So many at a time; more are refused with 503. */
#define API_STREAMS_MAX 16
/* And so many more for the control socket: who may only read does not take them. */
#define API_STREAMS_CONTROL 4
/* What a reader may leave in natgwd's memory; one that leaves more is cut off and counted. */
#define API_STREAM_PENDING_MAX (4U << 20)
/* A reader that takes nothing for so long while something waits for it is cut off, too. */
#define API_STREAM_STALL_S 30

/* What a source's more() says, beside a negative errno: cut off, which the client sees. */
enum api_stream_next {
	API_STREAM_AGAIN, /* call again: when all that was written is sent, or at once if nothing
			     was */
	API_STREAM_DONE,  /* that was all: the answer ends well */
};

struct api_stream_source {
	/*
	 * Writes the next slice: some 64 KiB, some milliseconds. Called from the event loop, never
	 * from api_stream_start. NULL: the source writes when it has something.
	 */
	int (*more)(struct api_stream *stream, void *arg);
	/*
	 * Always called, exactly once, and last: after the end, when the client has gone or was cut
	 * off, and when natgwd ends (before the services stop). The stream is no more; arg may be
	 * freed.
	 */
	void (*closed)(void *arg);
};

/*
 * Called by an endpoint that then returns API_ANSWER_LATER: sends the status and the headers (type,
 * and those of api_answer_header); answer->body is not sent. -EBUSY: too many streams, and
 * -ENOMEM: closed is not called; return what api_stream_refuse returns.
 */
int api_stream_start(struct api_answer *answer, const struct api_stream_source *source, void *arg,
		     struct api_stream **ret_stream);
/* The answer to a stream that could not start (err: of api_stream_start). */
int api_stream_refuse(struct api_answer *answer, int err);

/*
 * Copies. -EPIPE: the reader is too slow; closed comes soon, from the event loop, never from in
 * here. Lines end with their "\n".
 */
int api_stream_write(struct api_stream *stream, const void *data, size_t size);
/* Bytes that the reader has not taken yet. */
size_t api_stream_pending(const struct api_stream *stream);
/* Not from inside of more(). Calls closed. */
void api_stream_end(struct api_stream *stream);

#endif
