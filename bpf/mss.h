/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * The MSS clamp: a SYN through the gateway promises no segments that do not fit the way (RFC 4459
 * 3.2). Lowered, never raised and never added. Includes after access_xdp.h or access_tc.h.
 */
#ifndef NATGW_BPF_MSS_H
#define NATGW_BPF_MSS_H

#include "options.h"

/* IPv4 and TCP headers without options, which the MSS does not count (RFC 6691). */
#define MSS_HEADERS (IPV4_HLEN + 20)

/* The MSS at "offset" in the frame becomes "to", in the option and in the TCP checksum. */
static __always_inline int mss_store(access_ctx *ctx, const struct packet *pkt, __u32 offset,
				     __u16 to)
{
	__u16 raw = BYTEORDER_RAW16(byteorder_wire16(to)), sum_from, sum_to;
	__u16 *at = access_at(ctx, offset, sizeof(*at));

	if (!at) {
		return -1;
	}
	sum_from = *at;
	sum_to = raw;
	if ((offset - pkt->l4) & 1) {
		sum_from = checksum_odd16(sum_from);
		sum_to = checksum_odd16(sum_to);
	}
	if (access_l4_check(ctx, pkt->l4 + TCP_CHECK, sum_from, sum_to, 2)) {
		return -1;
	}
	return access_store16(ctx, offset, raw);
}

/* Of two MSS options the last one counts to a receiver; a list that is broken has none. */
static __noinline int mss_lower(access_ctx *ctx, const struct packet *pkt, __u32 mss)
{
	__u32 start = pkt->l4 + sizeof(struct tcphdr), offset;
	struct options_list *list =
		options_walk(ctx, start, pkt->tcp_header - (__u32)sizeof(struct tcphdr),
			     OPTIONS_TCP_MSS, OPTIONS_TCP_MSS);
	__be16 *at;

	if (!list) {
		return -1;
	}
	/* Behind the kind, to which list->found points, is the length. */
	if (list->broken || !list->found ||
	    list->bytes[list->found & OPTIONS_MASK] != OPTIONS_TCP_MSS_LEN) {
		return 0;
	}
	offset = start + list->found + 1;
	at = access_at(ctx, offset, sizeof(*at));
	if (!at) {
		return -1;
	}
	return byteorder_host16(*at) > mss ? mss_store(ctx, pkt, offset, (__u16)mss) : 0;
}

/*
 * Lowers the MSS of a SYN or SYN-ACK, if it has one, to what fits "mtu" (bytes, the smaller one of
 * both sides). For a packet that is translated already. 0, or -1: a write failed, and the packet is
 * only good to be dropped.
 */
static __always_inline int mss_clamp(access_ctx *ctx, const struct packet *pkt, __u32 mtu)
{
	if (pkt->proto != IPPROTO_TCP || !(pkt->tcp_flags & TCP_SYN) ||
	    pkt->tcp_header <= sizeof(struct tcphdr) || mtu <= MSS_HEADERS) {
		return 0;
	}
	return mss_lower(ctx, pkt, mtu - MSS_HEADERS);
}

#endif
