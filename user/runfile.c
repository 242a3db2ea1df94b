// SPDX-License-Identifier: GPL-2.0-only
/*
 * Reads and writes the run file. Written as a whole beside the old one and renamed, so that a kill
 * leaves the old or the new one. Does not act on what it says (detach does).
 */
#include "runfile.h"

#include <errno.h>
#include <inttypes.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "cleanup.h"

uint64_t runfile_netns(void)
{
	struct stat info;

	return stat("/proc/self/ns/net", &info) == 0 ? (uint64_t)info.st_ino : 0;
}

/* "/" becomes "-"; a "-" is written as "%2d", so that no two folders of pins share a file. */
static size_t put_char(char *ret_text, char from)
{
	if (from == '-' || from == '%') {
		return (size_t)snprintf(ret_text, 4, "%%%02x", (unsigned char)from);
	}
	ret_text[0] = from;
	if (from == '/') {
		ret_text[0] = '-';
	}
	return 1;
}

static void set_path(struct runfile *runfile, const char *pin_path)
{
	const size_t room = sizeof(runfile->path) - sizeof(".run") - 3;
	size_t at = (size_t)snprintf(runfile->path, sizeof(runfile->path), RUNFILE_DIR "/");

	for (const char *from = pin_path + (pin_path[0] == '/'); *from && at < room; from++) {
		at += put_char(runfile->path + at, *from);
	}
	snprintf(runfile->path + at, sizeof(runfile->path) - at, ".run");
}

static void read_line(struct runfile *runfile, const char *line)
{
	char name[IF_NAMESIZE];
	char key[sizeof(runfile->sysctls[0].key)];
	char old;

	if (sscanf(line, "iface %15s", name) == 1) {
		runfile_add_iface(runfile, name);
	} else if (sscanf(line, "sysctl %15s %31s %c", name, key, &old) == 3) {
		runfile_add_sysctl(runfile, name, key, old - '0');
	} else if (strncmp(line, "netns ", 6) == 0) {
		runfile->netns = strtoull(line + 6, NULL, 10);
	}
}

int runfile_load(const char *pin_path, struct runfile *ret_runfile)
{
	_cleanup_fclose_ FILE *stream = NULL;
	char line[128];

	memset(ret_runfile, 0, sizeof(*ret_runfile));
	set_path(ret_runfile, pin_path);
	stream = fopen(ret_runfile->path, "re");
	if (!stream) {
		return errno == ENOENT ? 0 : -errno;
	}
	while (fgets(line, sizeof(line), stream)) {
		read_line(ret_runfile, line);
	}
	return 0;
}

static int write_stream(const struct runfile *runfile, FILE *stream)
{
	fprintf(stream, "netns %" PRIu64 "\n", runfile->netns);
	for (unsigned int i = 0; i < runfile->iface_count; i++) {
		fprintf(stream, "iface %s\n", runfile->ifaces[i]);
	}
	for (unsigned int i = 0; i < runfile->sysctl_count; i++) {
		const struct runfile_sysctl *remembered = &runfile->sysctls[i];

		fprintf(stream, "sysctl %s %s %d\n", remembered->name, remembered->key,
			remembered->old);
	}
	return fflush(stream) ? -errno : 0;
}

int runfile_save(const struct runfile *runfile)
{
	char temporary[sizeof(runfile->path) + 4];
	_cleanup_fclose_ FILE *stream = NULL;
	int err;

	if (mkdir(RUNFILE_DIR, 0755) < 0 && errno != EEXIST) {
		return -errno;
	}
	snprintf(temporary, sizeof(temporary), "%s.new", runfile->path);
	stream = fopen(temporary, "we");
	if (!stream) {
		return -errno;
	}
	err = write_stream(runfile, stream);
	if (!err && rename(temporary, runfile->path) < 0) {
		err = -errno;
	}
	if (err) {
		unlink(temporary);
	}
	return err;
}

void runfile_remove(const struct runfile *runfile)
{
	unlink(runfile->path);
}

bool runfile_has_iface(const struct runfile *runfile, const char *name)
{
	for (unsigned int i = 0; i < runfile->iface_count; i++) {
		if (strcmp(runfile->ifaces[i], name) == 0) {
			return true;
		}
	}
	return false;
}

void runfile_add_iface(struct runfile *runfile, const char *name)
{
	if (runfile->iface_count < NATGW_IFACES_MAX && !runfile_has_iface(runfile, name)) {
		snprintf(runfile->ifaces[runfile->iface_count++], IF_NAMESIZE, "%s", name);
	}
}

void runfile_add_sysctl(struct runfile *runfile, const char *name, const char *key, int old)
{
	struct runfile_sysctl *added;

	for (unsigned int i = 0; i < runfile->sysctl_count; i++) {
		if (strcmp(runfile->sysctls[i].name, name) == 0 &&
		    strcmp(runfile->sysctls[i].key, key) == 0) {
			return;
		}
	}
	if (runfile->sysctl_count == RUNFILE_SYSCTLS_MAX) {
		return;
	}
	added = &runfile->sysctls[runfile->sysctl_count++];
	snprintf(added->name, sizeof(added->name), "%s", name);
	snprintf(added->key, sizeof(added->key), "%s", key);
	added->old = old;
}

bool runfile_is_foreign(const struct runfile *runfile)
{
	return runfile->netns && runfile->netns != runfile_netns();
}

void runfile_forget_host(struct runfile *runfile)
{
	runfile->iface_count = 0;
	runfile->sysctl_count = 0;
}
