/* SPDX-License-Identifier: GPL-2.0-only */
/* What became of one frame, for tests that run thousands of them: only the verdict in question is
 * read. Through the programs of walk.hooks. */
#ifndef NATGW_TESTS_BPF_FATE_H
#define NATGW_TESTS_BPF_FATE_H

#include "walk.h"

/* How often the programs of walk.hooks have counted this verdict at gateways 0 and 1. */
__u64 fate_counted(__u32 verdict);

/*
 * Runs the frame, and fails the test, which says "what" and its number, where the verdict is
 * another one, or the frame was sent on all the same. walk.out is what became of it.
 */
void fate_require(const struct frame *frame, enum bench_prog prog, __u32 verdict, const char *what,
		  unsigned int number);
/* Whatever the reason: the frame is not sent on. */
void fate_require_dropped(const struct frame *frame, enum bench_prog prog, const char *what,
			  unsigned int number);

/* The length of the option at "at" in a list of IPv4 or TCP options of "len" bytes; 0: it is none.
 */
size_t fate_option(const __u8 *list, size_t at, size_t len);

/* Below "bound", from *seed. */
unsigned int fate_below(unsigned int *seed, unsigned int bound);

/* Turns one bit over. */
void fate_flip(struct frame *frame, size_t offset, unsigned int bit);

#endif
