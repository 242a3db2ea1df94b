/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * Exact books of who had which port when, kept beside the gateway and judged after the fact. All
 * times are of one clock, taken before and after each call. A call may have had its effect at any
 * moment between the two, so what the books say is what is certain.
 */
#ifndef NATGW_TESTS_BPF_BOOKS_H
#define NATGW_TESTS_BPF_BOOKS_H

#include <linux/types.h>
#include <stddef.h>

#define BOOKS_NEVER (~0ULL)

/* A call that asked for a port towards the one destination of these books. */
struct books_call {
	__u64 begin;
	__u64 end;
	__u64 owned_until; /* the port was this session's from the call's end to here */
	__u64 free_from;   /* by then its release had completely ended */
	__u32 eip;
	__u32 port; /* 0: refused */
};

struct books {
	struct books_call *calls; /* of all threads, in any order; sorted by books_judge */
	size_t count;
	__u32 eips;
	__u32 first; /* ports first .. first + ports - 1 of each EIP */
	__u32 ports;
	__u32 limit; /* sessions by one EIP */
};

struct books_result {
	size_t granted;
	size_t refused;
	/* All of these must be 0. */
	size_t twice;  /* a port was two sessions' at a time */
	size_t unjust; /* a refusal while some port was free, or the limit not met, all the time */
	size_t too_many; /* an EIP had more sessions than its limit */
	size_t outside;	 /* not in the range */
};

__u64 books_now(void);
struct books_result books_judge(struct books *books);

#endif
