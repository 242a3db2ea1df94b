// SPDX-License-Identifier: GPL-2.0-only
/* Lines to stderr. Not responsible for rotation or syslog: the service manager does that. */
#include "log.h"

#include <errno.h>
#include <stdarg.h>
#include <stdio.h>

static enum log_level current_level = LOG_LEVEL_INFO;

/* Who wants the next error. */
static char *keep_text;
static size_t keep_size;

void log_keep_error(char *text, size_t size)
{
	keep_text = text;
	keep_size = size;
}

void log_set_level(enum log_level level)
{
	current_level = level;
}

static void __attribute__((format(printf, 2, 0)))
log_line(enum log_level level, const char *format, va_list args)
{
	static const char *const prefixes[] = { "error: ", "warning: ", "", "debug: " };
	int saved = errno;

	if (level > current_level) {
		return;
	}
	char text[1024];

	vsnprintf(text, sizeof(text), format, args);
	fprintf(stderr, "natgwd: %s%s\n", prefixes[level], text);
	if (level == LOG_LEVEL_ERROR && keep_text && !keep_text[0]) {
		snprintf(keep_text, keep_size, "%s", text);
	}
	errno = saved;
}

#define LOG_FUNCTION(name, level)              \
	void name(const char *format, ...)     \
	{                                      \
		va_list args;                  \
                                               \
		va_start(args, format);        \
		log_line(level, format, args); \
		va_end(args);                  \
	}

LOG_FUNCTION(log_error, LOG_LEVEL_ERROR)
LOG_FUNCTION(log_warning, LOG_LEVEL_WARNING)
LOG_FUNCTION(log_info, LOG_LEVEL_INFO)
LOG_FUNCTION(log_debug, LOG_LEVEL_DEBUG)
