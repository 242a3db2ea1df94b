/* SPDX-License-Identifier: GPL-2.0-only */
/* One session as JSON text. */
#ifndef NATGW_USER_API_SESSIONS_TEXT_H
#define NATGW_USER_API_SESSIONS_TEXT_H

#include <stddef.h>

#include "natgw_maps.h"

/* Longest text of a session, beside its gateway's name. */
#define API_SESSIONS_TEXT_MAX 768

/* gateway: its name as JSON, quoted. The size; text has API_SESSIONS_TEXT_MAX bytes more than that
 * name. */
size_t api_sessions_text(const struct natgw_session_record *record, const char *gateway,
			 char *text);

#endif
