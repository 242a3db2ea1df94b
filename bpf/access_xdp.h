/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * Packet access for XDP programs: direct pointers, bounds checked at each use. Checksums here are
 * complete; a frame that carries a partial one (a veth sender with tx offload on) must not come
 * this way, which natgwd sees to when it attaches. Its twin for tc is access_tc.h.
 */
#ifndef NATGW_BPF_ACCESS_H
#define NATGW_BPF_ACCESS_H

#include "byteorder.h"
#include "checksum.h"
#include "packet.h"

#define ACCESS_IS_XDP 1

/* Flags of access_l4_check, beside the size of the field in bytes (2 or 4). */
#define ACCESS_SIZE_MASK 0x0f
#define ACCESS_PSEUDO 0x10 /* the field is in the pseudo header, not in the checksummed bytes */
#define ACCESS_UDP 0x20	   /* 0 is "no checksum" and stays */

typedef struct xdp_md access_ctx;

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

/* Makes the headers readable through access_data; XDP has them there. */
static __always_inline void access_pull(access_ctx *ctx)
{
	(void)ctx;
}

/* Bytes in the frame. A frame in several buffers is never finished here: not every driver sends
 * one. */
static __always_inline __u32 access_len(access_ctx *ctx)
{
	return (__u32)bpf_xdp_get_buff_len(ctx);
}

static __always_inline bool access_is_linear(access_ctx *ctx)
{
	return bpf_xdp_get_buff_len(ctx) == (__u64)(access_data_end(ctx) - access_data(ctx));
}

static __always_inline __u32 access_gso_segments(access_ctx *ctx)
{
	(void)ctx;
	return 1;
}

static __always_inline __u32 access_gso_size(access_ctx *ctx)
{
	(void)ctx;
	return 0;
}

static __always_inline bool access_has_vlan(access_ctx *ctx)
{
	(void)ctx;
	return false;
}

static __always_inline __u32 access_ifindex(access_ctx *ctx)
{
	return ctx->ingress_ifindex;
}

/* NULL when the frame ends before offset + len; len is a constant. */
static __always_inline void *access_at(access_ctx *ctx, __u32 offset, __u32 len)
{
	void *at = access_data(ctx) + (offset & PACKET_OFFSET_MASK);

	return at + len > access_data_end(ctx) ? (void *)0 : at;
}

static __always_inline int access_store16(access_ctx *ctx, __u32 offset, __u16 raw)
{
	__u16 *at = access_at(ctx, offset, sizeof(raw));

	if (!at) {
		return -1;
	}
	*at = raw;
	return 0;
}

static __always_inline int access_store32(access_ctx *ctx, __u32 offset, __u32 raw)
{
	__u32 *at = access_at(ctx, offset, sizeof(raw));

	if (!at) {
		return -1;
	}
	*at = raw;
	return 0;
}

static __always_inline int access_store_macs(access_ctx *ctx, const __u8 *dmac, const __u8 *smac)
{
	struct ethhdr *eth = access_at(ctx, 0, sizeof(*eth));

	if (!eth) {
		return -1;
	}
	__builtin_memcpy(eth->h_dest, dmac, ETH_ALEN);
	__builtin_memcpy(eth->h_source, smac, ETH_ALEN);
	return 0;
}

/* The IPv4 header's checksum at offset, after a field of 2 or 4 bytes went from "from" to "to"
 * (raw). */
static __always_inline int access_l3_check(access_ctx *ctx, __u32 offset, __u32 from, __u32 to,
					   __u32 size)
{
	__u16 *check = access_at(ctx, offset, sizeof(*check));

	if (!check) {
		return -1;
	}
	*check = size == 2 ? checksum_replace16(*check, (__u16)from, (__u16)to)
			   : checksum_replace32(*check, from, to);
	return 0;
}

static __always_inline int access_l4_check(access_ctx *ctx, __u32 offset, __u32 from, __u32 to,
					   __u32 flags)
{
	__u16 *check = access_at(ctx, offset, sizeof(*check));

	if (!check) {
		return -1;
	}
	if ((flags & ACCESS_UDP) && !*check) {
		return 0;
	}
	*check = (flags & ACCESS_SIZE_MASK) == 2
			 ? checksum_replace16(*check, (__u16)from, (__u16)to)
			 : checksum_replace32(*check, from, to);
	if (flags & ACCESS_UDP) {
		*check = checksum_udp(*check);
	}
	return 0;
}

#endif
