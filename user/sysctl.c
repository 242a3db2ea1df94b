// SPDX-License-Identifier: GPL-2.0-only
/* Reads and writes /proc/sys/net/ipv4/conf/<interface>/. Not responsible for any other setting. */
#include "sysctl.h"

#include <errno.h>
#include <stdio.h>
#include <unistd.h>

#include "cleanup.h"
#include "log.h"

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

int sysctl_forwarding(const char *iface)
{
	int value = 0;
	int err = read_setting(iface, "forwarding", &value);

	if (err || value) {
		return err;
	}
	err = write_setting(iface, "forwarding", 1);
	if (!err) {
		log_info("%s: IPv4 forwarding switched on (net.ipv4.conf.%s.forwarding=1)", iface,
			 iface);
	}
	return err;
}

static int redirects_off(const char *iface, struct runfile *runfile)
{
	int value = 0;
	int err = read_setting(iface, "send_redirects", &value);

	if (err) {
		return err;
	}
	runfile_add_redirects(runfile, iface, value);
	if (!value) {
		return 0;
	}
	/* Remembered before it is changed: a kill in between loses nothing. */
	err = runfile_save(runfile);
	if (!err) {
		err = write_setting(iface, "send_redirects", 0);
	}
	if (!err) {
		log_info("%s: ICMP redirects switched off (net.ipv4.conf.%s.send_redirects=0)",
			 iface, iface);
	}
	return err;
}

int sysctl_no_redirects(const char *iface, struct runfile *runfile)
{
	int err = redirects_off("all", runfile);

	return err ? err : redirects_off(iface, runfile);
}

void sysctl_restore(const struct runfile *runfile)
{
	for (unsigned int i = 0; i < runfile->redirect_count; i++) {
		const struct runfile_redirects *redirects = &runfile->redirects[i];

		(void)write_setting(redirects->name, "send_redirects", redirects->old);
	}
}
