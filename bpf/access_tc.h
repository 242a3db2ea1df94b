/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * Packet access for tc programs: reads by direct pointers, writes and checksums by the kernel's
 * helpers, which keep partial checksums, CHECKSUM_COMPLETE and GSO packets right. Same interface as
 * access_xdp.h. A helper may move the packet: pointers are fetched anew by access_at after every
 * write.
 */
#ifndef NATGW_BPF_ACCESS_TC_H
#define NATGW_BPF_ACCESS_TC_H

#include "packet.h"

#define ACCESS_IS_XDP 0
/* As in access_xdp.h. */
#define ACCESS_GLOBAL(name) name##_tc

/* The longest run of headers that is read: Ethernet, VLAN, IPv4, ICMP, quoted IPv4 and TCP. */
#define ACCESS_PULL_LEN (ETH_HLEN + 8 + IPV4_HLEN_MAX + 8 + IPV4_HLEN_MAX + 20)

#define ACCESS_PLAIN_L4 (ETH_HLEN + IPV4_HLEN)

typedef struct __sk_buff access_ctx;

#include "access.h"

/*
 * Are all headers of a TCP segment or UDP datagram without IP options where pointers reach? Payload
 * is left where it is: to pull it costs more than all the rest, and what has payload beside its
 * headers is no longer put together with others by the receiver.
 */
static __always_inline bool access_has_headers(access_ctx *ctx)
{
	__u8 *udp = access_at(ctx, 0, ACCESS_PLAIN_L4 + 8);
	__u8 *tcp = access_at(ctx, 0, ACCESS_PLAIN_L4 + 20);

	if (!udp || udp[ETH_HLEN] != 0x45) {
		return false;
	}
	if (udp[ETH_HLEN + IPV4_TTL + 1] == IPPROTO_UDP) {
		return true;
	}
	return tcp && tcp[ETH_HLEN + IPV4_TTL + 1] == IPPROTO_TCP &&
	       (void *)tcp + ACCESS_PLAIN_L4 + (tcp[ACCESS_PLAIN_L4 + 12] >> 4) * 4 <=
		       access_data_end(ctx);
}

static __always_inline void access_pull(access_ctx *ctx)
{
	__u32 want = ctx->len < ACCESS_PULL_LEN ? ctx->len : ACCESS_PULL_LEN;

	if (!access_has_headers(ctx) && access_data(ctx) + want > access_data_end(ctx)) {
		bpf_skb_pull_data(ctx, want);
	}
}

static __always_inline __u32 access_len(access_ctx *ctx)
{
	return ctx->len;
}

static __always_inline bool access_is_linear(access_ctx *ctx)
{
	(void)ctx;
	return true;
}

/* Copies "len" bytes of the packet, wherever they are: 0, or not 0 when it has less. */
static __always_inline int access_load(access_ctx *ctx, __u32 offset, void *ret_bytes, __u32 len)
{
	return (int)bpf_skb_load_bytes(ctx, offset, ret_bytes, len);
}

static __always_inline __u32 access_gso_segments(access_ctx *ctx)
{
	return ctx->gso_segs;
}

static __always_inline __u32 access_gso_size(access_ctx *ctx)
{
	return ctx->gso_size;
}

/* The kernel keeps the outermost 802.1Q tag beside the packet. */
static __always_inline bool access_has_vlan(access_ctx *ctx)
{
	return ctx->vlan_present;
}

static __always_inline __u32 access_ifindex(access_ctx *ctx)
{
	return ctx->ifindex;
}

/* The kernel has compared the destination with the interface's address. */
static __always_inline bool access_is_for_us(access_ctx *ctx, const struct packet *pkt)
{
	(void)pkt;
	return ctx->pkt_type == PACKET_HOST;
}

static __always_inline int access_store16(access_ctx *ctx, __u32 offset, __u16 raw)
{
	return (int)bpf_skb_store_bytes(ctx, offset, &raw, sizeof(raw), 0);
}

static __always_inline int access_store32(access_ctx *ctx, __u32 offset, __u32 raw)
{
	return (int)bpf_skb_store_bytes(ctx, offset, &raw, sizeof(raw), 0);
}

static __always_inline int access_store_macs(access_ctx *ctx, const __u8 *dmac, const __u8 *smac)
{
	__u8 macs[2 * ETH_ALEN];

	__builtin_memcpy(macs, dmac, ETH_ALEN);
	__builtin_memcpy(macs + ETH_ALEN, smac, ETH_ALEN);
	return (int)bpf_skb_store_bytes(ctx, 0, macs, sizeof(macs), 0);
}

static __always_inline int access_l3_check(access_ctx *ctx, __u32 offset, __u32 from, __u32 to,
					   __u32 size)
{
	return (int)bpf_l3_csum_replace(ctx, offset, from, to, size);
}

static __always_inline int access_l4_check(access_ctx *ctx, __u32 offset, __u32 from, __u32 to,
					   __u32 flags)
{
	__u64 helper_flags = flags & ACCESS_SIZE_MASK;

	if (flags & ACCESS_PSEUDO) {
		helper_flags |= BPF_F_PSEUDO_HDR;
	}
	if (flags & ACCESS_UDP) {
		helper_flags |= BPF_F_MARK_MANGLED_0;
	}
	return (int)bpf_l4_csum_replace(ctx, offset, from, to, helper_flags);
}

#endif
