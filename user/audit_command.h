/* SPDX-License-Identifier: GPL-2.0-only */
/* natgwctl audit: the audit of pinned maps, as text or JSON. */
#ifndef NATGW_USER_AUDIT_COMMAND_H
#define NATGW_USER_AUDIT_COMMAND_H

#include <stdbool.h>

#define AUDIT_COMMAND_PINS "/sys/fs/bpf/natgw"

/* Prints what is found in the maps pinned in the folder, or why it cannot be known. The exit
 * status: 0 nothing was found, 1 something was, 2 the maps cannot be read. */
int audit_command(const char *pins, bool json);

#endif
