/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * What natgwd must remember of the host for --detach: where it has attached filters, and settings
 * of the kernel that it has changed. A small text file below /run/natgw, one for each folder of
 * pins.
 */
#ifndef NATGW_USER_RUNFILE_H
#define NATGW_USER_RUNFILE_H

#include <limits.h>
#include <net/if.h>
#include <stdbool.h>
#include <stdint.h>

#include "natgw_limits.h"

#define RUNFILE_DIR "/run/natgw"

struct runfile_redirects {
	char name[IF_NAMESIZE]; /* interface, or "all" */
	int old;
};

struct runfile {
	char path[PATH_MAX / 8];
	uint64_t netns; /* inode of the network namespace; 0: nothing known */
	char ifaces[NATGW_IFACES_MAX][IF_NAMESIZE];
	unsigned int iface_count;
	struct runfile_redirects redirects[NATGW_IFACES_MAX + 1];
	unsigned int redirect_count;
};

/* A missing file gives an empty runfile. */
int runfile_load(const char *pin_path, struct runfile *ret_runfile);
int runfile_save(const struct runfile *runfile);
void runfile_remove(const struct runfile *runfile);

bool runfile_has_iface(const struct runfile *runfile, const char *name);
void runfile_add_iface(struct runfile *runfile, const char *name);
/* The first value remembered counts: later ones are natgwd's own. */
void runfile_add_redirects(struct runfile *runfile, const char *name, int old);

/* Of this process. */
uint64_t runfile_netns(void);

#endif
