// SPDX-License-Identifier: GPL-2.0-only
/*
 * Which capabilities natgwd starts with, and which it keeps. The uid stays 0: it owns the pins and
 * the settings below /proc/sys, which is all that these need.
 */
#include "privilege.h"

#include <errno.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdio.h>
#include <string.h>
#include <sys/capability.h>
#include <sys/prctl.h>

#define KEPT_COUNT 3

static const cap_value_t kept[KEPT_COUNT] = { CAP_BPF, CAP_NET_ADMIN, CAP_PERFMON };

/* CAP_NET_RAW: for the socket of announcements, which is opened before it is given up. */
static const struct {
	cap_value_t value;
	const char *name;
} needed[] = {
	{ CAP_BPF, "CAP_BPF" },
	{ CAP_NET_ADMIN, "CAP_NET_ADMIN" },
	{ CAP_PERFMON, "CAP_PERFMON" },
	{ CAP_NET_RAW, "CAP_NET_RAW" },
};

static bool has(cap_t capabilities, cap_value_t value)
{
	cap_flag_value_t is_set = CAP_CLEAR;

	return cap_get_flag(capabilities, value, CAP_EFFECTIVE, &is_set) == 0 && is_set == CAP_SET;
}

int privilege_check(char ret_missing[PRIVILEGE_TEXT_MAX])
{
	cap_t capabilities = cap_get_proc();
	char missing[PRIVILEGE_TEXT_MAX] = "";

	if (!capabilities) {
		return -errno;
	}
	for (size_t i = 0; i < sizeof(needed) / sizeof(needed[0]); i++) {
		size_t used = strlen(missing);

		if (!has(capabilities, needed[i].value)) {
			(void)snprintf(missing + used, sizeof(missing) - used, "%s%s",
				       used ? ", " : "", needed[i].name);
		}
	}
	cap_free(capabilities);
	if (missing[0]) {
		memcpy(ret_missing, missing, sizeof(missing));
		return -EPERM;
	}
	return 0;
}

static bool is_kept(cap_value_t value)
{
	for (size_t i = 0; i < KEPT_COUNT; i++) {
		if (kept[i] == value) {
			return true;
		}
	}
	return false;
}

/* Without CAP_SETPCAP the bounding set stays; no_new_privs makes it meaningless anyhow. */
static void drop_bounding_set(void)
{
	for (cap_value_t value = 0; cap_get_bound(value) >= 0; value++) {
		if (!is_kept(value) && cap_drop_bound(value) < 0) {
			return;
		}
	}
}

int privilege_drop(void)
{
	cap_t capabilities;
	int err = 0;

	drop_bounding_set();
	if (prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0) < 0) {
		return -errno;
	}
	capabilities = cap_init();
	if (!capabilities) {
		return -errno;
	}
	if (cap_set_flag(capabilities, CAP_PERMITTED, KEPT_COUNT, kept, CAP_SET) < 0 ||
	    cap_set_flag(capabilities, CAP_EFFECTIVE, KEPT_COUNT, kept, CAP_SET) < 0 ||
	    cap_set_proc(capabilities) < 0) {
		err = -errno;
	}
	cap_free(capabilities);
	return err;
}
