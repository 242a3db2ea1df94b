/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * Four threads fill a destination up and go on at its edge, closing sessions by FIN and RST, while
 * the clock expires others and the sweep removes them. Exact books are kept of it.
 */
#ifndef NATGW_TESTS_BPF_CONTEST_H
#define NATGW_TESTS_BPF_CONTEST_H

#include "books.h"
#include "harness.h"

struct contest_terms {
	__u32 ports;
	__u32 limit; /* sessions by one EIP; 0: as many as there are ports */
	__u32 eips;
	__u32 turns; /* of each thread, once it is full */
};

struct contest_result {
	struct books_result books;
	size_t lost; /* packets of sessions that did not come through */
};

struct contest_result contest_run(struct bench *bench, const struct contest_terms *terms);
/* One after the other; fails the test unless the books are right. */
void contest_require(struct bench *bench, const struct contest_terms *terms, size_t count);

#endif
