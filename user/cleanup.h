/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * Owned locals: initialised where they are declared, released when the function is left, handed
 * over with TAKE_PTR or TAKE_FD.
 */
#ifndef NATGW_USER_CLEANUP_H
#define NATGW_USER_CLEANUP_H

#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

static inline void cleanup_free(void *pointer)
{
	free(*(void **)pointer);
}

static inline void cleanup_close(const int *fd)
{
	if (*fd >= 0) {
		close(*fd);
	}
}

static inline void cleanup_fclose(FILE **stream)
{
	if (*stream) {
		fclose(*stream);
	}
}

#define _cleanup_free_ __attribute__((cleanup(cleanup_free)))
#define _cleanup_close_ __attribute__((cleanup(cleanup_close)))
#define _cleanup_fclose_ __attribute__((cleanup(cleanup_fclose)))

#define TAKE_PTR(pointer)                                       \
	({                                                      \
		__typeof__(pointer) take_ptr_value = (pointer); \
		(pointer) = NULL;                               \
		take_ptr_value;                                 \
	})

#define TAKE_FD(fd)                       \
	({                                \
		int take_fd_value = (fd); \
		(fd) = -1;                \
		take_fd_value;            \
	})

#endif
