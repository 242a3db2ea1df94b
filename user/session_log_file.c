// SPDX-License-Identifier: GPL-2.0-only
/*
 * A file of JSON lines that natgwd rotates by itself: PATH is written, PATH.1 is the one before.
 * Works from a descriptor of the folder, so it goes on when natgwd has given up its privileges.
 * A line is in the file whole or not at all; one that is not is counted.
 */
#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

#include "cleanup.h"
#include "log.h"
#include "session_log_internal.h"

#define BUFFER_BYTES 262144
#define FILE_MODE 0640

struct session_log_file {
	struct config_log_sink sink;
	struct session_log_tally *tally;
	struct session_log_stamp stamp;
	const char *name; /* in the folder; part of sink.path */
	int folder;	  /* -1: not open */
	int fd;		  /* -1: not open */
	struct stat info; /* of fd, as it was opened */
	uint64_t size;	  /* of the file */
	time_t next_look; /* whether the name still means this file; where it cannot be opened: when
			     to try again */
	time_t next_rotate;
	uint64_t lost_before; /* tally->lost when it failed */
	bool failed;	      /* and said */
	bool rotate_failed;
	size_t used; /* of buffer */
	size_t lines;
	char buffer[BUFFER_BYTES];
};

/* ---- what is said, once each ---- */

static void say_failure(struct session_log_file *file, const char *what, int err)
{
	if (file->failed) {
		return;
	}
	file->lost_before = file->tally->lost;
	log_error(
		"session log: cannot %s %s: %s; its records are lost and counted until it can%s",
		what, file->sink.path, strerror(-err),
		err == -EACCES || err == -EPERM
			? " (after its start natgwd has root's own rights only: let root own the folder)"
			: "");
	file->failed = true;
}

static void say_success(struct session_log_file *file)
{
	if (!file->failed) {
		return;
	}
	log_info("session log: %s is written again; %" PRIu64 " records were lost", file->sink.path,
		 file->tally->lost - file->lost_before);
	file->failed = false;
}

/* ---- opening ---- */

static int open_folder(struct session_log_file *file)
{
	char folder[CONFIG_PATH_MAX];

	if (file->folder >= 0) {
		return 0;
	}
	(void)snprintf(folder, sizeof(folder), "%.*s", (int)(file->name - file->sink.path),
		       file->sink.path);
	file->folder = open(folder, O_PATH | O_DIRECTORY | O_CLOEXEC);
	return file->folder < 0 ? -errno : 0;
}

/* Killed while it wrote, a natgwd has left the beginning of a line: it gets an end of its own. */
static int end_last_line(int fd, const struct stat *info)
{
	char last = '\n';

	if (info->st_size > 0 && pread(fd, &last, 1, info->st_size - 1) < 0) {
		return -errno;
	}
	return last != '\n' && write(fd, "\n", 1) < 0 ? -errno : 0;
}

static int open_file(struct session_log_file *file)
{
	const int flags = O_RDWR | O_APPEND | O_CREAT | O_NOFOLLOW | O_NONBLOCK | O_CLOEXEC;
	_cleanup_close_ int fd = openat(file->folder, file->name, flags, FILE_MODE);
	struct stat info;
	int err;

	if (fd < 0 || fstat(fd, &info) < 0) {
		return -errno;
	}
	if (!S_ISREG(info.st_mode)) {
		return -EINVAL;
	}
	err = end_last_line(fd, &info);
	if (err) {
		return err;
	}
	if (fstat(fd, &file->info) < 0) {
		return -errno;
	}
	file->size = (uint64_t)file->info.st_size;
	file->fd = TAKE_FD(fd);
	return 0;
}

static void close_file(struct session_log_file *file)
{
	cleanup_close(&file->fd);
	file->fd = -1;
}

static void open_all(struct session_log_file *file)
{
	int err = open_folder(file);

	if (!err) {
		err = open_file(file);
	}
	if (err == -ENOENT) { /* the folder has been removed: maybe there is a new one */
		cleanup_close(&file->folder);
		file->folder = -1;
	}
	if (err) {
		say_failure(file, "open", err);
	}
}

/* Whoever has moved or removed the file wants a new one. */
static void look(struct session_log_file *file, time_t now)
{
	struct stat info;

	if (now < file->next_look) {
		return;
	}
	file->next_look = now + 1;
	if (file->fd >= 0 &&
	    (fstatat(file->folder, file->name, &info, AT_SYMLINK_NOFOLLOW) < 0 ||
	     info.st_ino != file->info.st_ino || info.st_dev != file->info.st_dev)) {
		close_file(file);
	}
	if (file->fd < 0) {
		open_all(file);
		file->next_look = now + (file->fd < 0 ? SESSION_LOG_RETRY_S : 1);
	}
}

/* ---- rotation ---- */

static int rename_number(const struct session_log_file *file, unsigned int from, unsigned int to)
{
	char old[CONFIG_PATH_MAX + 12];
	char new[CONFIG_PATH_MAX + 12];

	(void)snprintf(old, sizeof(old), from ? "%s.%u" : "%s", file->name, from);
	(void)snprintf(new, sizeof(new), "%s.%u", file->name, to);
	if (renameat(file->folder, old, file->folder, new) < 0 && errno != ENOENT) {
		return -errno;
	}
	return 0;
}

static void rotate(struct session_log_file *file, time_t now)
{
	int err = 0;

	if (now < file->next_rotate) {
		return;
	}
	for (unsigned int i = file->sink.rotate_keep; !err && i > 0; i--) {
		err = rename_number(file, i - 1, i);
	}
	if (err) {
		file->next_rotate = now + SESSION_LOG_RETRY_S;
		if (!file->rotate_failed) {
			log_error("session log: cannot rotate %s: %s; it goes on growing",
				  file->sink.path, strerror(-err));
		}
		file->rotate_failed = true;
		return;
	}
	file->rotate_failed = false;
	close_file(file);
	open_all(file);
}

/* ---- writing ---- */

static size_t count_lines(const char *text, size_t length)
{
	const char *const end = text + length;
	size_t count = 0;

	for (; (text = memchr(text, '\n', (size_t)(end - text))); text++)
		count++;
	return count;
}

/* So much of the buffer is in the file: what is not a whole line goes again. */
static void cut(struct session_log_file *file, size_t written, int err)
{
	const char *end = memrchr(file->buffer, '\n', written);
	const size_t whole = end ? (size_t)(end - file->buffer) + 1 : 0;
	const size_t lines = count_lines(file->buffer, whole);

	say_failure(file, "write to", err);
	file->size += whole;
	file->tally->records += lines;
	file->tally->lost += file->lines - lines;
	if (whole < written && ftruncate(file->fd, (off_t)file->size) < 0) {
		close_file(file);
	}
}

static void write_buffer(struct session_log_file *file)
{
	size_t written = 0;

	while (written < file->used) {
		ssize_t r = write(file->fd, file->buffer + written, file->used - written);

		if (r < 0) {
			cut(file, written, -errno);
			return;
		}
		written += (size_t)r;
	}
	file->size += file->used;
	file->tally->records += file->lines;
	say_success(file);
}

void session_log_file_flush(struct session_log_file *file, time_t now)
{
	look(file, now);
	if (!file->used) {
		return;
	}
	if (file->fd >= 0 && file->sink.rotate_size && file->size &&
	    file->size + file->used > file->sink.rotate_size) {
		rotate(file, now);
	}
	if (file->fd >= 0) {
		write_buffer(file);
	} else {
		file->tally->lost += file->lines;
	}
	file->used = 0;
	file->lines = 0;
}

void session_log_file_add(struct session_log_file *file, const struct session_log_entry *entry)
{
	const uint64_t limit = file->sink.rotate_size;
	struct timespec now;

	if (sizeof(file->buffer) - file->used < SESSION_LOG_LINE_MAX ||
	    (limit && file->used + SESSION_LOG_LINE_MAX > limit)) {
		clock_gettime(CLOCK_MONOTONIC, &now);
		session_log_file_flush(file, now.tv_sec);
	}
	file->used += session_log_json(entry, &file->stamp, file->buffer + file->used);
	file->lines++;
}

/* ---- life ---- */

void session_log_file_change(struct session_log_file *file, const struct config_log_sink *sink)
{
	file->sink = *sink;
	file->name = strrchr(file->sink.path, '/') + 1;
}

int session_log_file_new(const struct config_log_sink *sink, struct session_log_tally *tally,
			 struct session_log_file **ret_file)
{
	struct session_log_file *file = calloc(1, sizeof(*file));
	struct timespec now;

	if (!file) {
		return -ENOMEM;
	}
	session_log_file_change(file, sink);
	file->tally = tally;
	file->folder = -1;
	file->fd = -1;
	clock_gettime(CLOCK_MONOTONIC, &now);
	look(file, now.tv_sec);
	*ret_file = file;
	return 0;
}

void session_log_file_free(struct session_log_file *file)
{
	struct timespec now;

	if (!file) {
		return;
	}
	clock_gettime(CLOCK_MONOTONIC, &now);
	session_log_file_flush(file, now.tv_sec);
	cleanup_close(&file->fd);
	cleanup_close(&file->folder);
	free(file);
}
