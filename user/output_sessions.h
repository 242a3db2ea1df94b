/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * Sessions for human eyes, line by line: there may be a million of them, and natgwd's lines become
 * rows without a tree of JSON between, which would take three quarters of the time.
 */
#ifndef NATGW_USER_OUTPUT_SESSIONS_H
#define NATGW_USER_OUTPUT_SESSIONS_H

#include <stdio.h>

void output_sessions_heading(FILE *stream);

/* A line of /v1/sessions that holds a session: one object whose values are texts, numbers and null;
 * what stands behind it is left alone. -EPROTO: it is no such thing; -EIO: cannot write. */
int output_sessions_row(const char *line, FILE *stream);

#endif
