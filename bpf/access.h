/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * Reading the packet, the same for XDP and tc. Included by access_xdp.h and access_tc.h, which say
 * what access_ctx is and how the packet is written.
 */
#ifndef NATGW_BPF_ACCESS_H
#define NATGW_BPF_ACCESS_H

#include "byteorder.h"
#include "checksum.h"
#include "packet.h"

/* Flags of access_l4_check, beside the size of the field in bytes (2 or 4). */
#define ACCESS_SIZE_MASK 0x0f
#define ACCESS_PSEUDO 0x10 /* the field is in the pseudo header, not in the checksummed bytes */
#define ACCESS_UDP 0x20	   /* 0 is "no checksum" and stays */

/*
 * The fields are 32 bits wide and the verifier turns them into pointers as they are loaded. In C,
 * clang 14 may keep such a value in 32 bits and the pointer is lost; loaded like this it stays one.
 */
#define ACCESS_LOAD_POINTER(ctx, field)                                                        \
	({                                                                                     \
		void *access_pointer;                                                          \
		asm volatile("%[pointer] = *(u32 *)(%[context] + %[offset])"                   \
			     : [pointer] "=r"(access_pointer)                                  \
			     : [context] "r"(ctx), [offset] "i"(__builtin_offsetof(access_ctx, \
										   field)));   \
		access_pointer;                                                                \
	})

static __always_inline void *access_data(access_ctx *ctx)
{
	return ACCESS_LOAD_POINTER(ctx, data);
}

static __always_inline void *access_data_end(access_ctx *ctx)
{
	return ACCESS_LOAD_POINTER(ctx, data_end);
}

/* NULL when the frame ends before offset + len; len is a constant. */
static __always_inline void *access_at(access_ctx *ctx, __u32 offset, __u32 len)
{
	void *at = access_data(ctx) + (offset & PACKET_OFFSET_MASK);

	return at + len > access_data_end(ctx) ? (void *)0 : at;
}

#endif
