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

static void set_path(struct runfile *runfile, const char *pin_path)
{
	int start = snprintf(runfile->path, sizeof(runfile->path), RUNFILE_DIR "/");

	snprintf(runfile->path + start, sizeof(runfile->path) - (size_t)start, "%s.run",
		 pin_path + (pin_path[0] == '/'));
	for (char *at = runfile->path + start; *at; at++) {
		if (*at == '/') {
			*at = '-';
		}
	}
}

static void read_line(struct runfile *runfile, const char *line)
{
	char name[IF_NAMESIZE];
	char old;

	if (sscanf(line, "iface %15s", name) == 1) {
		runfile_add_iface(runfile, name);
	} else if (sscanf(line, "send_redirects %15s %c", name, &old) == 2) {
		runfile_add_redirects(runfile, name, old != '0');
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
	for (unsigned int i = 0; i < runfile->redirect_count; i++) {
		fprintf(stream, "send_redirects %s %d\n", runfile->redirects[i].name,
			runfile->redirects[i].old);
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

void runfile_add_redirects(struct runfile *runfile, const char *name, int old)
{
	for (unsigned int i = 0; i < runfile->redirect_count; i++) {
		if (strcmp(runfile->redirects[i].name, name) == 0) {
			return;
		}
	}
	if (runfile->redirect_count <= NATGW_IFACES_MAX) {
		struct runfile_redirects *added = &runfile->redirects[runfile->redirect_count++];

		snprintf(added->name, sizeof(added->name), "%s", name);
		added->old = old;
	}
}
