/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * The kernel's reassembly in front of its routing, for outbound fragments that come before their
 * first one: tc hands them up, and they come back to egress in order (RFC 4787 REQ-14).
 */
#ifndef NATGW_USER_DEFRAG_H
#define NATGW_USER_DEFRAG_H

#include <stdbool.h>

#define DEFRAG_PIN "defrag"

/*
 * A netfilter program that accepts everything and asks for reassembly (Linux 6.6), pinned in
 * pin_path; nothing to do when it is there. Logs once where the kernel has none: such fragments are
 * then dropped as frag_no_first. 0, or a negative errno for what is neither.
 */
int defrag_attach(const char *pin_path);

bool defrag_is_pin(const char *name);

#endif
