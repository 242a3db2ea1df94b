// SPDX-License-Identifier: GPL-2.0-only
/* Reads and writes /proc/sys/net/ipv4/conf/<interface>/. Not responsible for any other setting. */
#include "sysctl.h"

#include <errno.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "cleanup.h"
#include "log.h"

#define FORWARDING "forwarding"

static int open_setting(const char *iface, const char *key, const char *mode, FILE **ret_stream)
{
	char path[128];
	FILE *stream;

	snprintf(path, sizeof(path), "/proc/sys/net/ipv4/conf/%s/%s", iface, key);
	stream = fopen(path, mode);
	if (!stream) {
		return -errno;
	}
	*ret_stream = stream;
	return 0;
}

static int read_setting(const char *iface, const char *key, int *ret_value)
{
	_cleanup_fclose_ FILE *stream = NULL;
	int err = open_setting(iface, key, "re", &stream);
	int digit;

	if (err) {
		return err;
	}
	digit = fgetc(stream);
	if (digit < '0' || digit > '9') {
		return -EIO;
	}
	*ret_value = digit - '0';
	return 0;
}

static int write_setting(const char *iface, const char *key, int value)
{
	_cleanup_fclose_ FILE *stream = NULL;
	int err = open_setting(iface, key, "we", &stream);

	if (err) {
		return err;
	}
	fprintf(stream, "%d\n", value);
	return fflush(stream) ? -errno : 0;
}

/* Remembered before it is changed: a kill in between loses nothing. */
static int change_setting(const char *iface, const char *key, int wanted, struct runfile *runfile)
{
	int value = 0;
	int err = read_setting(iface, key, &value);

	if (err || value == wanted) {
		return err;
	}
	runfile_add_sysctl(runfile, iface, key, value);
	err = runfile_save(runfile);
	if (!err) {
		err = write_setting(iface, key, wanted);
	}
	if (!err) {
		log_info("%s: net.ipv4.conf.%s.%s=%d (was %d; natgwd --detach puts it back)", iface,
			 iface, key, wanted, value);
	}
	return err;
}

int sysctl_forwarding(const char *iface, struct runfile *runfile)
{
	return change_setting(iface, FORWARDING, 1, runfile);
}

int sysctl_no_redirects(const char *iface, struct runfile *runfile)
{
	int err = change_setting("all", "send_redirects", 0, runfile);

	return err ? err : change_setting(iface, "send_redirects", 0, runfile);
}

static void restore(const struct runfile_sysctl *remembered)
{
	int everywhere = 0;

	/* Somebody has made a router of the host since: not natgw's to take back. */
	if (strcmp(remembered->key, FORWARDING) == 0 &&
	    read_setting("all", FORWARDING, &everywhere) == 0 && everywhere) {
		return;
	}
	(void)write_setting(remembered->name, remembered->key, remembered->old);
}

void sysctl_restore_iface(struct runfile *runfile, const char *iface)
{
	unsigned int kept = 0;

	for (unsigned int i = 0; i < runfile->sysctl_count; i++) {
		if (strcmp(runfile->sysctls[i].name, iface) == 0) {
			restore(&runfile->sysctls[i]);
		} else {
			runfile->sysctls[kept++] = runfile->sysctls[i];
		}
	}
	runfile->sysctl_count = kept;
}

void sysctl_restore(const struct runfile *runfile)
{
	for (unsigned int i = 0; i < runfile->sysctl_count; i++) {
		restore(&runfile->sysctls[i]);
	}
}
