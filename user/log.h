/* SPDX-License-Identifier: GPL-2.0-only */
/* Lines to stderr, one for each event: "natgwd: text". Keeps errno. libbpf's own lines go one level
 * lower. */
#ifndef NATGW_USER_LOG_H
#define NATGW_USER_LOG_H

#include <stddef.h>

enum log_level {
	LOG_LEVEL_ERROR,
	LOG_LEVEL_WARNING,
	LOG_LEVEL_INFO,
	LOG_LEVEL_DEBUG,
};

void log_set_level(enum log_level level);
/* The next error line goes into text as well, if that is empty; NULL: not any more. */
void log_keep_error(char *text, size_t size);
void log_error(const char *format, ...) __attribute__((format(printf, 1, 2)));
void log_warning(const char *format, ...) __attribute__((format(printf, 1, 2)));
void log_info(const char *format, ...) __attribute__((format(printf, 1, 2)));
void log_debug(const char *format, ...) __attribute__((format(printf, 1, 2)));

#endif
