/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * Rewriting: addresses, ports, TTL, and the same in the packet that an ICMP error quotes. Only what
 * is certain to leave comes here. Every write keeps a valid checksum valid and an invalid one
 * invalid (RFC 1624). A failing write is a bug (the bytes were read before); the packet is dropped,
 * never sent half translated. Includes after access_xdp.h or access_tc.h.
 */
#ifndef NATGW_BPF_TRANSLATE_H
#define NATGW_BPF_TRANSLATE_H

#include "packet.h"

/* One side of a packet: where its address and port stand, what they are, what they become. */
struct translate_edit {
	__be32 from_addr;
	__be32 to_addr;
	__be16 from_port;
	__be16 to_port;
	__u16 addr_offset; /* in the IPv4 header */
	__u16 port_offset; /* in the header behind it */
};

/* Where an IP header and its payload stand, and how the payload is checksummed. */
static __always_inline __u32 translate_check_offset(__u8 proto)
{
	if (proto == IPPROTO_TCP) {
		return TCP_CHECK;
	}
	return proto == IPPROTO_UDP ? UDP_CHECK : ICMP_CHECK;
}

/* The source side: for ICMP echo the identifier is the port, whichever side it belongs to. */
static __always_inline void translate_source_offsets(struct translate_edit *edit, __u8 proto)
{
	edit->addr_offset = IPV4_SADDR;
	edit->port_offset = proto == IPPROTO_ICMP ? ICMP_ID : 0;
}

static __always_inline void translate_destination_offsets(struct translate_edit *edit, __u8 proto)
{
	edit->addr_offset = IPV4_DADDR;
	edit->port_offset = proto == IPPROTO_ICMP ? ICMP_ID : 2;
}

/* The packet's own address: outer header, and the transport checksum through the pseudo header. */
static __always_inline int translate_address(access_ctx *ctx, const struct packet *pkt,
					     const struct translate_edit *edit)
{
	__u32 from = BYTEORDER_RAW32(edit->from_addr), to = BYTEORDER_RAW32(edit->to_addr);
	__u32 flags = 4 | ACCESS_PSEUDO | (pkt->proto == IPPROTO_UDP ? ACCESS_UDP : 0);

	if (access_l3_check(ctx, pkt->l3 + IPV4_CHECK, from, to, 4)) {
		return -1;
	}
	/* The checksum is in the first fragment. */
	if (pkt->proto != IPPROTO_ICMP && !pkt->frag_offset &&
	    access_l4_check(ctx, pkt->l4 + translate_check_offset(pkt->proto), from, to, flags)) {
		return -1;
	}
	return access_store32(ctx, pkt->l3 + edit->addr_offset, to);
}

static __always_inline int translate_port(access_ctx *ctx, const struct packet *pkt,
					  const struct translate_edit *edit)
{
	__u32 flags = 2 | (pkt->proto == IPPROTO_UDP ? ACCESS_UDP : 0);
	__u16 from = BYTEORDER_RAW16(edit->from_port), to = BYTEORDER_RAW16(edit->to_port);

	if (access_l4_check(ctx, pkt->l4 + translate_check_offset(pkt->proto), from, to, flags)) {
		return -1;
	}
	return access_store16(ctx, pkt->l4 + edit->port_offset, to);
}

/* The remote endpoint's port, where a DNAT rule has given it another one (TCP, UDP). */
static __always_inline enum natgw_verdict translate_remote_port(access_ctx *ctx,
								const struct packet *pkt, __be16 to)
{
	struct translate_edit edit = {
		.from_port = pkt->direction == NATGW_OUTBOUND ? pkt->dport : pkt->sport,
		.to_port = to,
		.port_offset = pkt->direction == NATGW_OUTBOUND ? 2 : 0,
	};

	return translate_port(ctx, pkt, &edit) ? NATGW_DROP_INTERNAL : NATGW_OK;
}

/* A fragment's IP identification (RFC 6864): it is one of the EIP's now, not of the client's. */
static __always_inline enum natgw_verdict translate_ip_id(access_ctx *ctx, const struct packet *pkt,
							  __be16 to)
{
	__u16 from = BYTEORDER_RAW16(pkt->ip_id);

	if (from == BYTEORDER_RAW16(to)) {
		return NATGW_OK;
	}
	return access_l3_check(ctx, pkt->l3 + IPV4_CHECK, from, BYTEORDER_RAW16(to), 2) ||
			       access_store16(ctx, pkt->l3 + IPV4_ID, BYTEORDER_RAW16(to))
		       ? NATGW_DROP_INTERNAL
		       : NATGW_OK;
}

/* Source or destination, address and port. */
#define translate_side ACCESS_GLOBAL(translate_side)
__noinline __weak int translate_side(access_ctx *ctx, const struct packet *pkt,
				     const struct translate_edit *edit)
{
	if (!pkt || !edit) {
		return NATGW_DROP_INTERNAL;
	}
	if (translate_address(ctx, pkt, edit) || translate_port(ctx, pkt, edit)) {
		return NATGW_DROP_INTERNAL;
	}
	return NATGW_OK;
}

static __always_inline enum natgw_verdict
translate_endpoint(access_ctx *ctx, const struct packet *pkt, const struct translate_edit *edit)
{
	return (enum natgw_verdict)translate_side(ctx, pkt, edit);
}

/* Routers take one off the TTL (RFC 1812 5.3.1); the kernel does it for packets that it forwards.
 */
static __always_inline enum natgw_verdict translate_ttl(access_ctx *ctx, const struct packet *pkt)
{
	__be16 *at = access_at(ctx, pkt->l3 + IPV4_TTL, sizeof(*at));
	__u16 from, to;

	if (!at) {
		return NATGW_DROP_INTERNAL;
	}
	/* TTL is the first byte of its 16-bit word. */
	from = BYTEORDER_RAW16(*at);
	to = BYTEORDER_RAW16(byteorder_wire16(byteorder_host16(*at) - 0x100));
	if (access_l3_check(ctx, pkt->l3 + IPV4_CHECK, from, to, 2) ||
	    access_store16(ctx, pkt->l3 + IPV4_TTL, to)) {
		return NATGW_DROP_INTERNAL;
	}
	return NATGW_OK;
}

/* A 16-bit field of the quote: the field, and the ICMP checksum, which covers the quote. */
static __always_inline int translate_quoted16(access_ctx *ctx, const struct packet *pkt,
					      __u32 offset, __u16 from, __u16 to)
{
	if (access_l4_check(ctx, pkt->l4 + ICMP_CHECK, from, to, 2)) {
		return -1;
	}
	return access_store16(ctx, offset, to);
}

/* The quoted transport checksum, if the quote reaches that far. RFC 5508 REQ-3c: never verified. */
static __always_inline int translate_quoted_check(access_ctx *ctx, const struct packet *pkt,
						  const struct translate_edit *edit)
{
	__u32 offset = pkt->quote_l4 + translate_check_offset(pkt->quote_proto);
	__u16 *at = access_at(ctx, offset, sizeof(*at));
	__u16 from, to;

	if (!pkt->quote_has_check || !at) {
		return 0;
	}
	from = *at;
	if (pkt->quote_proto == IPPROTO_UDP && !from) {
		return 0;
	}
	to = from;
	if (pkt->quote_proto != IPPROTO_ICMP && edit->from_addr != edit->to_addr) {
		to = checksum_replace32(to, BYTEORDER_RAW32(edit->from_addr),
					BYTEORDER_RAW32(edit->to_addr));
	}
	if (edit->from_port != edit->to_port) {
		to = checksum_replace16(to, BYTEORDER_RAW16(edit->from_port),
					BYTEORDER_RAW16(edit->to_port));
	}
	if (pkt->quote_proto == IPPROTO_UDP) {
		to = checksum_udp(to);
	}
	return translate_quoted16(ctx, pkt, offset, from, to);
}

/* One side of the quoted packet: its header checksum, address, port, and transport checksum. */
#define translate_quoted_side ACCESS_GLOBAL(translate_quoted_side)
__noinline __weak int translate_quoted_side(access_ctx *ctx, const struct packet *pkt,
					    const struct translate_edit *edit)
{
	__u32 from, to;
	__u16 *check;

	if (!pkt || !edit) {
		return NATGW_DROP_INTERNAL;
	}
	from = BYTEORDER_RAW32(edit->from_addr);
	to = BYTEORDER_RAW32(edit->to_addr);
	check = access_at(ctx, pkt->quote_l3 + IPV4_CHECK, sizeof(*check));
	if (!check) {
		return NATGW_DROP_INTERNAL;
	}
	if (translate_quoted16(ctx, pkt, pkt->quote_l3 + IPV4_CHECK, *check,
			       checksum_replace32(*check, from, to)) ||
	    translate_quoted_check(ctx, pkt, edit) ||
	    access_l4_check(ctx, pkt->l4 + ICMP_CHECK, from, to, 4) ||
	    access_store32(ctx, pkt->quote_l3 + edit->addr_offset, to) ||
	    (edit->from_port != edit->to_port &&
	     translate_quoted16(ctx, pkt, pkt->quote_l4 + edit->port_offset,
				BYTEORDER_RAW16(edit->from_port),
				BYTEORDER_RAW16(edit->to_port)))) {
		return NATGW_DROP_INTERNAL;
	}
	return NATGW_OK;
}

static __always_inline enum natgw_verdict translate_quote(access_ctx *ctx, const struct packet *pkt,
							  const struct translate_edit *edit)
{
	return (enum natgw_verdict)translate_quoted_side(ctx, pkt, edit);
}

/* The other side's port in the quote, where a DNAT rule has given it another one. */
static __always_inline enum natgw_verdict
translate_quoted_port(access_ctx *ctx, const struct packet *pkt, const struct translate_edit *edit)
{
	return translate_quoted_check(ctx, pkt, edit) ||
			       translate_quoted16(ctx, pkt, pkt->quote_l4 + edit->port_offset,
						  BYTEORDER_RAW16(edit->from_port),
						  BYTEORDER_RAW16(edit->to_port))
		       ? NATGW_DROP_INTERNAL
		       : NATGW_OK;
}

/* The outer address of an ICMP error: the IP header only, ICMP has no pseudo header. */
static __always_inline enum natgw_verdict translate_outer(access_ctx *ctx, const struct packet *pkt,
							  __u32 addr_offset, __be32 from, __be32 to)
{
	if (access_l3_check(ctx, pkt->l3 + IPV4_CHECK, BYTEORDER_RAW32(from), BYTEORDER_RAW32(to),
			    4) ||
	    access_store32(ctx, pkt->l3 + addr_offset, BYTEORDER_RAW32(to))) {
		return NATGW_DROP_INTERNAL;
	}
	return NATGW_OK;
}

#endif
