/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * For clang-tidy only: its analyzer does not know that errno is positive after a failure (clang 14
 * cannot even negate an unknown), and then walks paths on which "return -errno" means success. Here
 * errno is one of a few known values.
 */
#ifndef NATGW_TESTS_LINT_ERRNO_POSITIVE_H
#define NATGW_TESTS_LINT_ERRNO_POSITIVE_H

#include <errno.h>

int errno_positive_choice(void);

static inline int *errno_positive(void)
{
	static int value;

	switch (errno_positive_choice()) {
	case 0:
		value = ENOENT;
		break;
	case 1:
		value = EEXIST;
		break;
	default:
		value = EIO;
		break;
	}
	return &value;
}

#undef errno
#define errno (*errno_positive())

#endif
