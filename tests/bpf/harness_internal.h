/* SPDX-License-Identifier: GPL-2.0-only */
/* What the parts of the bench share. Each ends the test program when it cannot go on. */
#ifndef NATGW_TESTS_BPF_HARNESS_INTERNAL_H
#define NATGW_TESTS_BPF_HARNESS_INTERNAL_H

#include "harness.h"

/* error: errno, or negative errno. */
void harness_die(const char *what, int error) __attribute__((noreturn));
void harness_set(int map, const void *key, const void *value);
void harness_set_row(int map, __u32 row, const void *value);
/* Reads an iterator to its end: 0 or -errno. */
int harness_iterate(int link);

#endif
