/* SPDX-License-Identifier: GPL-2.0-only */
/* What translation may change in a frame, and what has to change with it. A part of laws.h. */
#ifndef NATGW_TESTS_BPF_LAWS_CHANGE_H
#define NATGW_TESTS_BPF_LAWS_CHANGE_H

#include "laws.h"

/*
 * NULL, or the law that is broken, of a frame that was translated. sent: redirected, and so a
 * router's duties are done (TTL, MAC addresses); else the kernel does them.
 */
const char *laws_change(const struct laws_case *of, bool outbound, bool sent);

#endif
