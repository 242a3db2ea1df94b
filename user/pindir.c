// SPDX-License-Identifier: GPL-2.0-only
/*
 * The folder of pins. Responsible for: where it is, whose it is, the lock, names in it. Not for
 * what is pinned there (loader, xdplink).
 */
#include "pindir.h"

#include <bpf/bpf.h>
#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <linux/magic.h>
#include <stdio.h>
#include <string.h>
#include <sys/file.h>
#include <sys/mount.h>
#include <sys/stat.h>
#include <sys/vfs.h>
#include <time.h>
#include <unistd.h>

#include "cleanup.h"
#include "log.h"

#define PINDIR_MOUNT "/sys/fs/bpf"

static bool is_bpffs(const char *path)
{
	struct statfs info;

	return statfs(path, &info) == 0 && (unsigned long)info.f_type == BPF_FS_MAGIC;
}

/* Any path below the usual mount point needs it mounted; elsewhere it is the operator's business.
 */
static int ensure_mounted(const char *path)
{
	size_t length = strlen(PINDIR_MOUNT);

	if (strncmp(path, PINDIR_MOUNT "/", length + 1) != 0 || is_bpffs(PINDIR_MOUNT)) {
		return 0;
	}
	if (mount("bpf", PINDIR_MOUNT, "bpf", MS_NOSUID | MS_NODEV | MS_NOEXEC, "mode=0700") < 0) {
		int err = -errno;

		log_error("cannot mount a bpf file system at %s: %s", PINDIR_MOUNT, strerror(-err));
		return err;
	}
	log_info("mounted a bpf file system at %s", PINDIR_MOUNT);
	return 0;
}

static int check_folder(int fd, const char *path)
{
	struct stat info;
	struct stat parent;
	struct statfs fs;

	if (fstat(fd, &info) < 0 || fstatat(fd, "..", &parent, 0) < 0 || fstatfs(fd, &fs) < 0) {
		return -errno;
	}
	if ((unsigned long)fs.f_type != BPF_FS_MAGIC) {
		log_error("pin_path %s is not on a bpf file system: choose a folder below %s", path,
			  PINDIR_MOUNT);
		return -EINVAL;
	}
	/* The root of the file system is everybody's. */
	if (info.st_dev != parent.st_dev) {
		log_error("pin_path %s is a mount point: choose a folder below it", path);
		return -EINVAL;
	}
	if (info.st_uid != geteuid()) {
		log_error("pin_path %s belongs to uid %u, not to uid %u: refused", path,
			  info.st_uid, geteuid());
		return -EPERM;
	}
	if (info.st_mode & 077) {
		log_error("pin_path %s has mode %04o, others may get at it: chmod 0700 it", path,
			  info.st_mode & 07777);
		return -EPERM;
	}
	return 0;
}

/* A natgwd that was killed a moment ago holds it until the kernel has put its memory away. */
static int take_lock(int fd)
{
	static const struct timespec pause = { .tv_nsec = 50000000L };

	for (int tries = 0; tries < 20; tries++) {
		if (flock(fd, LOCK_EX | LOCK_NB) == 0) {
			return 0;
		}
		if (errno != EWOULDBLOCK) {
			return -1;
		}
		nanosleep(&pause, NULL);
	}
	errno = EWOULDBLOCK;
	return -1;
}

/* The lock counts only while the name still leads to the folder that was locked. */
static int lock_folder(int fd, const char *path)
{
	struct stat locked;
	struct stat named;

	if (take_lock(fd) < 0) {
		if (errno == EWOULDBLOCK) {
			log_error("another natgwd is running on %s", path);
			return -EBUSY;
		}
		return -errno;
	}
	if (fstat(fd, &locked) < 0 || stat(path, &named) < 0 || locked.st_ino != named.st_ino) {
		log_error("%s was removed at this moment: try again", path);
		return -EAGAIN;
	}
	return 0;
}

int pindir_open_existing(const char *path, int *ret_fd)
{
	_cleanup_close_ int fd = open(path, O_RDONLY | O_DIRECTORY | O_CLOEXEC | O_NOFOLLOW);
	int err;

	if (fd < 0) {
		if (errno != ENOENT) {
			err = -errno;
			log_error("cannot open %s: %s", path, strerror(-err));
			return err;
		}
		return -ENOENT;
	}
	err = check_folder(fd, path);
	if (!err) {
		err = lock_folder(fd, path);
	}
	if (err) {
		return err;
	}
	*ret_fd = TAKE_FD(fd);
	return 0;
}

int pindir_open(const char *path, int *ret_fd, bool *ret_created)
{
	bool created = false;
	int err = ensure_mounted(path);

	if (err) {
		return err;
	}
	if (mkdir(path, 0700) == 0) {
		created = true;
	} else if (errno != EEXIST) {
		err = -errno;
		log_error("cannot make the folder of pins %s: %s", path, strerror(-err));
		return err;
	}
	err = pindir_open_existing(path, ret_fd);
	if (err) {
		if (created) {
			rmdir(path);
		}
		return err;
	}
	*ret_created = created;
	return 0;
}

void pindir_join(char ret_path[PINDIR_PATH_MAX], const char *path, const char *prefix,
		 const char *name)
{
	int written = snprintf(ret_path, PINDIR_PATH_MAX, "%s/%s", path, prefix);
	size_t at = written > 0 ? (size_t)written : 0;

	for (; *name && at + 4 < PINDIR_PATH_MAX; name++) {
		if (*name == '.' || *name == '%') {
			at += (size_t)snprintf(ret_path + at, 4, "%%%02x", (unsigned char)*name);
		} else {
			ret_path[at++] = *name;
		}
	}
	ret_path[at] = '\0';
}

bool pindir_has(const char *path, const char *name)
{
	char pin[PINDIR_PATH_MAX];

	pindir_join(pin, path, "", name);
	return access(pin, F_OK) == 0;
}

static int each_entry(DIR *folder, const char *path,
		      int (*fn)(const char *path, const char *name, void *arg), void *arg)
{
	const struct dirent *entry;

	while ((entry = readdir(folder))) {
		int err;

		if (entry->d_name[0] == '.') {
			continue;
		}
		err = fn(path, entry->d_name, arg);
		if (err) {
			return err;
		}
	}
	return 0;
}

int pindir_each(const char *path, int (*fn)(const char *path, const char *name, void *arg),
		void *arg)
{
	DIR *folder = opendir(path);
	int err;

	if (!folder) {
		return -errno;
	}
	err = each_entry(folder, path, fn, arg);
	closedir(folder);
	return err;
}

int pindir_replace(const char *path, const char *name, int fd)
{
	char temporary[PINDIR_PATH_MAX];
	char pin[PINDIR_PATH_MAX];

	pindir_join(temporary, path, "new_", name);
	pindir_join(pin, path, "", name);
	unlink(temporary);
	if (bpf_obj_pin(fd, temporary) < 0) {
		return -errno;
	}
	if (rename(temporary, pin) < 0) {
		int err = -errno;

		unlink(temporary);
		return err;
	}
	return 0;
}

struct clearing {
	bool (*own)(const char *name, void *arg);
	void *arg;
};

static int remove_pin(const char *path, const char *name, void *arg)
{
	const struct clearing *clearing = arg;
	char pin[PINDIR_PATH_MAX];

	if (!clearing->own(name, clearing->arg)) {
		return 0;
	}
	/* The name comes from the folder itself and is not to be written anew. */
	snprintf(pin, sizeof(pin), "%s/%s", path, name);
	return unlink(pin) < 0 && errno != ENOENT ? -errno : 0;
}

int pindir_clear(const char *path, bool (*own)(const char *name, void *arg), void *arg)
{
	struct clearing clearing = { own, arg };

	return pindir_each(path, remove_pin, &clearing);
}
