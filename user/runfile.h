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

#define RUNFILE_SYSCTLS_MAX (2 * NATGW_IFACES_MAX + 1)

/* net.ipv4.conf.<name>.<key> */
struct runfile_sysctl {
	char name[IF_NAMESIZE]; /* interface, or "all" */
	char key[32];
	int old;
};

struct runfile {
	char path[PATH_MAX / 8];
	uint64_t netns; /* inode of the network namespace; 0: nothing known */
	char ifaces[NATGW_IFACES_MAX][IF_NAMESIZE];
	unsigned int iface_count;
	struct runfile_sysctl sysctls[RUNFILE_SYSCTLS_MAX];
	unsigned int sysctl_count;
};

/* A missing file gives an empty runfile. */
int runfile_load(const char *pin_path, struct runfile *ret_runfile);
int runfile_save(const struct runfile *runfile);
void runfile_remove(const struct runfile *runfile);

bool runfile_has_iface(const struct runfile *runfile, const char *name);
void runfile_add_iface(struct runfile *runfile, const char *name);
/* The first value remembered counts: later ones are natgwd's own. */
void runfile_add_sysctl(struct runfile *runfile, const char *name, const char *key, int old);

/* Another network namespace's: interfaces and settings of the same names are not meant. */
bool runfile_is_foreign(const struct runfile *runfile);
void runfile_forget_host(struct runfile *runfile);

/* Of this process. */
uint64_t runfile_netns(void);

#endif
