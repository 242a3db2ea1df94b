// SPDX-License-Identifier: GPL-2.0-only
/*
 * Records of the pinned iterators "dump" and "dests", all at once or in pieces. The place of a
 * reader is the kernel's: it is kept with the descriptor.
 */
#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "cleanup.h"
#include "datapath_internal.h"

/* Room for what the kernel gives in one read of an iterator, and more. */
#define BUFFER_RECORDS 512

int datapath_iterator_read(int fd, void *buffer, size_t size, size_t *ret_size)
{
	ssize_t n;

	/* EAGAIN means that the kernel visited a million rows without output: it goes on. */
	do {
		n = read(fd, buffer, size);
	} while (n < 0 && (errno == EAGAIN || errno == EINTR));
	if (n < 0) {
		return -errno;
	}
	*ret_size = (size_t)n;
	return 0;
}

int datapath_iterator_open(const struct datapath *dp, const char *name, int *ret_fd)
{
	int fd = openat(dp->pin_dir, name, O_RDONLY | O_CLOEXEC);

	if (fd < 0) {
		return -errno;
	}
	*ret_fd = fd;
	return 0;
}

/* ---- in pieces ---- */

struct datapath_reader {
	int fd;
	size_t record_size;
	size_t at;     /* of the next record in the buffer */
	size_t filled; /* bytes */
	uint8_t buffer[];
};

static int open_reader(const struct datapath *dp, const char *iterator, size_t record_size,
		       struct datapath_reader **ret_reader)
{
	struct datapath_reader *reader = malloc(sizeof(*reader) + BUFFER_RECORDS * record_size);
	int r = reader ? datapath_iterator_open(dp, iterator, &reader->fd) : -ENOMEM;

	if (r < 0) {
		free(reader);
		return r;
	}
	reader->record_size = record_size;
	reader->at = 0;
	reader->filled = 0;
	*ret_reader = reader;
	return 0;
}

/* 1: there is a whole record. 0: the end, and none is left. */
static int fill(struct datapath_reader *reader)
{
	const size_t room = BUFFER_RECORDS * reader->record_size;

	/* A read ends where the kernel's buffer ends, which may be inside a record. */
	reader->filled -= reader->at;
	memmove(reader->buffer, reader->buffer + reader->at, reader->filled);
	reader->at = 0;
	while (reader->filled < reader->record_size) {
		size_t n;
		int r = datapath_iterator_read(reader->fd, reader->buffer + reader->filled,
					       room - reader->filled, &n);

		if (r < 0) {
			return r;
		}
		if (n == 0) {
			return reader->filled == 0 ? 0 : -EPROTO;
		}
		reader->filled += n;
	}
	return 1;
}

/* The next record; NULL: what is in the buffer is used up. */
static const void *next_record(struct datapath_reader *reader)
{
	const void *record = reader->buffer + reader->at;

	if (reader->filled - reader->at < reader->record_size) {
		return NULL;
	}
	reader->at += reader->record_size;
	return record;
}

int datapath_open_sessions(struct datapath *dp, struct datapath_reader **ret_reader)
{
	return open_reader(dp, "dump", sizeof(struct natgw_session_record), ret_reader);
}

int datapath_next_session(struct datapath_reader *reader,
			  const struct natgw_session_record **ret_record)
{
	const void *record = next_record(reader);

	if (!record) {
		int r = fill(reader);

		if (r <= 0) {
			return r;
		}
		record = next_record(reader);
	}
	*ret_record = record;
	return 1;
}

void datapath_close_reader(struct datapath_reader *reader)
{
	if (reader) {
		close(reader->fd);
		free(reader);
	}
}

/* ---- all at once ---- */

static int read_all(struct datapath_reader *reader, int (*fn)(const void *record, void *arg),
		    void *arg)
{
	int r = fill(reader);

	while (r == 1) {
		const void *record = next_record(reader);

		if (!record) {
			r = fill(reader);
			continue;
		}
		r = fn(record, arg);
		if (r != 0) {
			return r;
		}
		r = 1;
	}
	return r;
}

static int read_records(const struct datapath *dp, const char *iterator, size_t record_size,
			int (*fn)(const void *record, void *arg), void *arg)
{
	struct datapath_reader *reader;
	int r = open_reader(dp, iterator, record_size, &reader);

	if (r < 0) {
		return r;
	}
	r = read_all(reader, fn, arg);
	datapath_close_reader(reader);
	return r;
}

struct session_taker {
	int (*fn)(const struct natgw_session_record *record, void *arg);
	void *arg;
};

static int give_session(const void *record, void *arg)
{
	const struct session_taker *taker = arg;

	return taker->fn(record, taker->arg);
}

int datapath_each_session(struct datapath *dp,
			  int (*fn)(const struct natgw_session_record *record, void *arg),
			  void *arg)
{
	struct session_taker taker = { .fn = fn, .arg = arg };

	return read_records(dp, "dump", sizeof(struct natgw_session_record), give_session, &taker);
}

struct destination_taker {
	int (*fn)(const struct natgw_destination_record *record, void *arg);
	void *arg;
};

static int give_destination(const void *record, void *arg)
{
	const struct destination_taker *taker = arg;

	return taker->fn(record, taker->arg);
}

int datapath_each_destination(struct datapath *dp,
			      int (*fn)(const struct natgw_destination_record *record, void *arg),
			      void *arg)
{
	struct destination_taker taker = { .fn = fn, .arg = arg };

	return read_records(dp, "dests", sizeof(struct natgw_destination_record), give_destination,
			    &taker);
}
