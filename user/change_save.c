// SPDX-License-Identifier: GPL-2.0-only
/*
 * The config file, written anew: beside the old one, then in its place, so that at every moment one
 * of the two is there, whole. natgwd has no rights over files but those of its uid then.
 */
#include <errno.h>
#include <fcntl.h>
#include <libgen.h>
#include <limits.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "change_internal.h"
#include "cleanup.h"

/* A file that is being written. */
struct draft {
	char folder[PATH_MAX];
	char path[PATH_MAX];
	int fd;
};

struct change_stamp change_stamp_of(const char *file)
{
	struct stat info;

	if (stat(file, &info) < 0) {
		return (struct change_stamp){ .inode = 0 };
	}
	return (struct change_stamp){
		.device = info.st_dev,
		.inode = info.st_ino,
		.size = info.st_size,
		.modified = info.st_mtim,
	};
}

static bool same_stamp(const struct change_stamp *left, const struct change_stamp *right)
{
	return left->device == right->device && left->inode == right->inode &&
	       left->size == right->size && left->modified.tv_sec == right->modified.tv_sec &&
	       left->modified.tv_nsec == right->modified.tv_nsec;
}

static int write_all(int fd, const char *text)
{
	size_t left = strlen(text);

	while (left > 0) {
		ssize_t done = write(fd, text, left);

		if (done < 0 && errno != EINTR) {
			return -errno;
		}
		if (done > 0) {
			text += done;
			left -= (size_t)done;
		}
	}
	return 0;
}

/* Owner first: a change of it takes bits out of the mode. */
static int copy_rights(int fd, const char *path)
{
	struct stat old;
	struct stat new;

	if (stat(path, &old) < 0 || fstat(fd, &new) < 0) {
		return -errno;
	}
	if ((old.st_uid != new.st_uid || old.st_gid != new.st_gid) &&
	    fchown(fd, old.st_uid, old.st_gid) < 0) {
		return -errno;
	}
	return fchmod(fd, old.st_mode & 07777) < 0 ? -errno : 0;
}

static int fill(const struct draft *draft, const char *path, const char *text)
{
	int err = copy_rights(draft->fd, path);

	if (!err) {
		err = write_all(draft->fd, text);
	}
	if (!err && fsync(draft->fd) < 0) {
		err = -errno;
	}
	if (!err && rename(draft->path, path) < 0) {
		err = -errno;
	}
	return err;
}

/* The name itself has to be on the disk, too. */
static int sync_folder(const char *folder)
{
	_cleanup_close_ int fd = open(folder, O_RDONLY | O_DIRECTORY | O_CLOEXEC);

	return fd < 0 || fsync(fd) < 0 ? -errno : 0;
}

static int replace(const char *path, const char *text)
{
	struct draft draft = { .fd = -1 };
	char copy[PATH_MAX];
	int err;

	(void)snprintf(copy, sizeof(copy), "%s", path);
	(void)snprintf(draft.folder, sizeof(draft.folder), "%s", dirname(copy));
	if (snprintf(draft.path, sizeof(draft.path), "%s.XXXXXX", path) >=
	    (int)sizeof(draft.path)) {
		return -ENAMETOOLONG;
	}
	draft.fd = mkostemp(draft.path, O_CLOEXEC);
	if (draft.fd < 0) {
		return -errno;
	}
	err = fill(&draft, path, text);
	if (err) {
		(void)unlink(draft.path);
	}
	(void)close(draft.fd);
	return err ? err : sync_folder(draft.folder);
}

int change_save(const char *file, const char *text, struct change_stamp *stamp, char *error)
{
	const struct change_stamp now = change_stamp_of(file);
	/* A link stays one: what it leads to is replaced. */
	_cleanup_free_ char *path = realpath(file, NULL);
	int err = path ? 0 : -errno;

	if (!err && !same_stamp(&now, stamp)) {
		(void)change_say(
			error,
			"%s has been edited since natgwd has read it, and is left as it is; reload it (SIGHUP), or put it aside and save again",
			file);
		return -ESTALE;
	}
	/* The canonical form is longer than what it was made from: natgwd has to read it again. */
	if (!err && strlen(text) > CONFIG_FILE_MAX) {
		(void)change_say(
			error,
			"%s would have %zu bytes in its canonical form, and natgwd reads at most %d; it is left as it is",
			file, strlen(text), CONFIG_FILE_MAX);
		return -EFBIG;
	}
	if (!err) {
		err = replace(path, text);
	}
	if (err) {
		(void)change_say(
			error,
			"cannot write %s: %s; uid %u must own it and be allowed to write into its folder",
			file, strerror(-err), geteuid());
		return err;
	}
	*stamp = change_stamp_of(file);
	return 0;
}
