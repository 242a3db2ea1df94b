/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * Packet access for XDP programs: direct pointers, bounds checked at each use. Checksums here are
 * complete; a frame that carries a partial one (a veth sender with tx offload on) must not come
 * this way, which natgwd sees to when it attaches. Its twin for tc is access_tc.h.
 */
#ifndef NATGW_BPF_ACCESS_XDP_H
#define NATGW_BPF_ACCESS_XDP_H

#include "packet.h"

#define ACCESS_IS_XDP 1
/* Global functions, which the verifier looks at once: by another name in each object. */
#define ACCESS_GLOBAL(name) name##_xdp

typedef struct xdp_md access_ctx;

#include "access.h"

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

/* Copies "len" bytes of the frame, from whichever buffer: 0, or not 0 when it has less. */
static __always_inline int access_load(access_ctx *ctx, __u32 offset, void *ret_bytes, __u32 len)
{
	return (int)bpf_xdp_load_bytes(ctx, offset, ret_bytes, len);
}

static __always_inline __u32 access_gso_segments(access_ctx *ctx)
{
	(void)ctx;
	return 0;
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

/* Is the frame addressed to this interface? Broadcasts and other hosts' frames are not forwarded.
 */
static __always_inline bool access_is_for_us(access_ctx *ctx, const struct packet *pkt)
{
	const struct natgw_iface *iface = bpf_map_lookup_elem(&ifaces, &pkt->ifindex);
	const __u16 *to = access_at(ctx, 0, ETH_ALEN);
	const __u16 *mac;

	if (!iface || !to) {
		return false;
	}
	mac = (const __u16 *)(const void *)iface->mac;
	return !((to[0] ^ mac[0]) | (to[1] ^ mac[1]) | (to[2] ^ mac[2]));
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
