/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * The folder of pins: its file system, owner, mode and lock. The lock is held on the open folder
 * itself, so that it goes with the process that held it.
 */
#ifndef NATGW_USER_PINDIR_H
#define NATGW_USER_PINDIR_H

#include <limits.h>
#include <stdbool.h>
#include <stddef.h>

#define PINDIR_PATH_MAX (PATH_MAX / 8)

/*
 * Makes the folder when it is missing (and mounts a bpf file system at /sys/fs/bpf when there is
 * none), checks owner and mode, takes the lock. Logs what is wrong. 0 and *ret_fd, -EBUSY when
 * another instance holds it.
 */
int pindir_open(const char *path, int *ret_fd, bool *ret_created);

/* The same for a folder that must exist: -ENOENT (not logged) when it does not. */
int pindir_open_existing(const char *path, int *ret_fd);

/* path/name; "." does not exist in names of this file system and is written as "%2e". */
void pindir_join(char ret_path[PINDIR_PATH_MAX], const char *path, const char *prefix,
		 const char *name);

/* Whether path/name is there. */
bool pindir_has(const char *path, const char *name);

/* Calls fn with the name of every pin; stops and returns what fn returned when that is not 0. */
int pindir_each(const char *path, int (*fn)(const char *path, const char *name, void *arg),
		void *arg);

/* Pins fd as path/name, in place of what is pinned there, with no moment in between. */
int pindir_replace(const char *path, const char *name, int fd);

/* Removes the pins whose name own says yes to; the others stay. */
int pindir_clear(const char *path, bool (*own)(const char *name, void *arg), void *arg);

#endif
