/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * Memory that several CPUs use at once without a lock: loads, stores and atomic changes, the same
 * for the programs and for user space. Part of natgw_table.h.
 *
 * On x86-64 and arm64: atomic read-modify-writes that return the old value are full barriers in
 * BPF; those that do not, and plain loads and stores, are not ordered on arm64. BPF before v4 has
 * no load-acquire, so where two loads have to follow each other the address of the second one is
 * made to depend on the value of the first (NATGW_TABLE_AFTER), which orders them on both machines.
 */
#ifndef NATGW_TABLE_MEMORY_H
#define NATGW_TABLE_MEMORY_H

#ifndef __VMLINUX_H__
#include <linux/types.h>
#include <stdbool.h>
#endif

#ifdef __bpf__
#include <bpf/bpf_helpers.h>
#endif

#define NATGW_TABLE_INLINE static inline __attribute__((always_inline, unused))

#ifdef __bpf__

#define NATGW_TABLE_READ(at) (*(const volatile typeof(*(at)) *)(at))
#define NATGW_TABLE_WRITE(at, value) (*(volatile typeof(*(at)) *)(at) = (value))
/* 0, which no CPU knows before it knows "value"; the verifier does. */
#define NATGW_TABLE_AFTER(value)                        \
	({                                              \
		__u64 after_ = (value);                 \
		asm volatile("%0 &= 0" : "+r"(after_)); \
		after_;                                 \
	})
/*
 * The old value is asked for also where it is of no use: or clang makes an instruction of it that
 * does not return it.
 */
#define NATGW_TABLE_ORDERED(change)               \
	({                                        \
		__u64 before_ = (change);         \
		asm volatile("" : "+r"(before_)); \
		before_;                          \
	})
#define NATGW_TABLE_SWAP(at, from, to) (__sync_val_compare_and_swap(at, from, to) == (from))
#define NATGW_TABLE_OR(at, bits) NATGW_TABLE_ORDERED(__sync_fetch_and_or(at, bits))
#define NATGW_TABLE_AND(at, bits) NATGW_TABLE_ORDERED(__sync_fetch_and_and(at, bits))
#define NATGW_TABLE_XOR(at, bits) NATGW_TABLE_ORDERED(__sync_fetch_and_xor(at, bits))
#define NATGW_TABLE_ADD(at, number) NATGW_TABLE_ORDERED(__sync_fetch_and_add(at, number))

#else

/* A test that stops between two accesses brings its own. */
#ifndef NATGW_TABLE_READ
#define NATGW_TABLE_READ(at) __atomic_load_n(at, __ATOMIC_ACQUIRE)
/* Release, or a sanitizer that follows each variable by itself would miss the barriers. */
#define NATGW_TABLE_WRITE(at, value) __atomic_store_n(at, value, __ATOMIC_RELEASE)
#define NATGW_TABLE_SWAP(at, from, to) __sync_bool_compare_and_swap(at, from, to)
#define NATGW_TABLE_OR(at, bits) __atomic_fetch_or(at, bits, __ATOMIC_SEQ_CST)
#define NATGW_TABLE_AND(at, bits) __atomic_fetch_and(at, bits, __ATOMIC_SEQ_CST)
#define NATGW_TABLE_XOR(at, bits) __atomic_fetch_xor(at, bits, __ATOMIC_SEQ_CST)
#define NATGW_TABLE_ADD(at, number) __atomic_fetch_add(at, number, __ATOMIC_SEQ_CST)
#endif
#define NATGW_TABLE_AFTER(value) ((void)(value), 0)

#endif

#endif
