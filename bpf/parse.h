/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * Ethernet, 802.1Q, IPv4, TCP, UDP, ICMP into struct packet: every bounds check of the data path.
 * Where the IPv4 header contradicts itself or the frame the packet ends; everything else that is
 * wrong is remembered in l4_verdict, since a packet that is none of natgw's business is not natgw's
 * to drop. Fragments are told apart and checked each by itself: of the first one the L4 header is
 * read, of the others nothing.
 */
#ifndef NATGW_BPF_PARSE_H
#define NATGW_BPF_PARSE_H

#include "parse_icmp.h"
#include "verify.h"

/*
 * Ethernet and up to two tags. NATGW_OK with pkt->l3 set for untagged IPv4, else the verdict. A
 * tagged frame belongs to the VLAN interface on top of this one, which has hooks of its own when it
 * is managed.
 */
static __always_inline enum natgw_verdict parse_ethernet(access_ctx *ctx, struct packet *pkt)
{
	struct ethhdr *eth = access_at(ctx, 0, sizeof(*eth));

	pkt->bytes = access_len(ctx) > ETH_HLEN ? access_len(ctx) - ETH_HLEN : 0;
	if (!eth) {
		return NATGW_PASS_NOT_IPV4;
	}
	if (access_has_vlan(ctx) || eth->h_proto == byteorder_wire16(ETH_P_8021Q) ||
	    eth->h_proto == byteorder_wire16(ETH_P_8021AD)) {
		return NATGW_DEFER_VLAN;
	}
	if (eth->h_proto == byteorder_wire16(ETH_P_IPV6)) {
		return policy_has(NATGW_FEATURE_DROP_IPV6) ? NATGW_DROP_IPV6 : NATGW_PASS_IPV6;
	}
	if (eth->h_proto != byteorder_wire16(ETH_P_IP)) {
		return NATGW_PASS_NOT_IPV4;
	}
	pkt->l3 = ETH_HLEN;
	return NATGW_OK;
}

/* Length of the packet's own TCP header, for the size of a GSO packet's segments. */
static __always_inline __u32 parse_gso_headers(access_ctx *ctx, const struct packet *pkt)
{
	__u32 l3_header = pkt->l4 - pkt->l3;
	__u8 *offset;

	if (pkt->proto != IPPROTO_TCP) {
		return l3_header + sizeof(struct udphdr);
	}
	offset = access_at(ctx, pkt->l4 + 12, 1);
	return l3_header + (offset ? (*offset >> 4) * 4 : 20);
}

/* A GSO packet stands for several on the wire: their number, length and bytes (0 segments: one
 * packet). */
static __always_inline void parse_gso(access_ctx *ctx, struct packet *pkt)
{
	__u32 gso_size = access_gso_size(ctx);
	__u32 headers;

	pkt->segments = 1;
	pkt->bytes = pkt->l3_len;
	if (!gso_size) {
		return;
	}
	headers = parse_gso_headers(ctx, pkt);
	pkt->segments = (__u16)access_gso_segments(ctx);
	if (!pkt->segments) {
		/* From a guest or a tap: the kernel has not counted them. */
		pkt->segments =
			(__u16)((access_len(ctx) - pkt->l3 - headers + gso_size - 1) / gso_size);
	}
	pkt->bytes = access_len(ctx) - pkt->l3 + (pkt->segments - 1) * headers;
	pkt->l3_len = (__u16)(headers + gso_size);
}

static __always_inline enum natgw_verdict parse_tcp(access_ctx *ctx, struct packet *pkt,
						    __u32 l4_len)
{
	struct tcphdr *tcp = access_at(ctx, pkt->l4, sizeof(*tcp));
	__u32 header;

	if (!tcp) {
		return NATGW_DROP_MALFORMED;
	}
	/* Byte 12 holds the header's length, byte 13 the flags. */
	header = (((const __u8 *)tcp)[12] >> 4) * 4;
	if (header < sizeof(*tcp) || header > l4_len || !tcp->source || !tcp->dest) {
		return NATGW_DROP_MALFORMED;
	}
	pkt->sport = tcp->source;
	pkt->dport = tcp->dest;
	pkt->tcp_flags = ((const __u8 *)tcp)[13];
	pkt->tcp_seq = byteorder_host32(tcp->seq);
	pkt->tcp_ack = byteorder_host32(tcp->ack_seq);
	pkt->tcp_header = (__u8)header;
	pkt->tcp_has_data = header < l4_len;
	return NATGW_OK;
}

static __always_inline enum natgw_verdict parse_udp(access_ctx *ctx, struct packet *pkt,
						    __u32 l4_len)
{
	struct udphdr *udp = access_at(ctx, pkt->l4, sizeof(*udp));
	__u32 length;

	if (!udp) {
		return NATGW_DROP_MALFORMED;
	}
	/* Of a datagram in fragments the length is that of all of it. */
	length = byteorder_host16(udp->len);
	if (length < sizeof(*udp) || (length > l4_len && !pkt->is_fragment) || !udp->source ||
	    !udp->dest) {
		return NATGW_DROP_MALFORMED;
	}
	pkt->sport = udp->source;
	pkt->dport = udp->dest;
	return NATGW_OK;
}

static __always_inline enum natgw_verdict parse_l4(access_ctx *ctx, struct packet *pkt,
						   __u32 l4_len)
{
	switch (pkt->proto) {
	case IPPROTO_TCP:
		return parse_tcp(ctx, pkt, l4_len);
	case IPPROTO_UDP:
		return parse_udp(ctx, pkt, l4_len);
	default:
		return parse_icmp(ctx, pkt, l4_len);
	}
}

/*
 * A fragment by itself: pieces that no sender makes, and those that would write over the TCP header
 * (RFC 791, 1858, 3128). No ports: only the first one has them.
 */
static __always_inline enum natgw_verdict parse_fragment(const struct packet *pkt, __u32 l4_len)
{
	if (!l4_len || (pkt->frag_more && l4_len % 8)) {
		return NATGW_DROP_MALFORMED;
	}
	/* The whole datagram has an IPv4 header, too. */
	if (pkt->frag_offset + (__u32)pkt->l3_len > 0xffff) {
		return NATGW_DROP_MALFORMED;
	}
	return pkt->proto == IPPROTO_TCP && pkt->frag_offset == 8 ? NATGW_DROP_MALFORMED : NATGW_OK;
}

/* Everything that is judged once the packet is known to be ours. */
static __always_inline enum natgw_verdict parse_rest(access_ctx *ctx, struct packet *pkt,
						     const struct iphdr *ip, __u32 l4_len)
{
	enum natgw_verdict verdict = verify_header(ctx, pkt, ip);

	if (verdict != NATGW_OK) {
		return verdict;
	}
	if (pkt->proto != IPPROTO_TCP && pkt->proto != IPPROTO_UDP && pkt->proto != IPPROTO_ICMP) {
		return NATGW_DROP_PROTO;
	}
	if (pkt->is_fragment) {
		verdict = parse_fragment(pkt, l4_len);
	}
	return verdict != NATGW_OK || pkt->frag_offset ? verdict : parse_l4(ctx, pkt, l4_len);
}

/* From the IPv4 header at pkt->l3 on. */
static __always_inline enum natgw_verdict parse_ipv4(access_ctx *ctx, struct packet *pkt)
{
	struct iphdr *ip = access_at(ctx, pkt->l3, sizeof(*ip));
	__u32 available = access_len(ctx) - pkt->l3;
	__u32 header, total;
	__u16 frag;

	if (!ip || ip->version != 4) {
		return NATGW_DROP_MALFORMED;
	}
	header = ip->ihl * 4;
	total = byteorder_host16(ip->tot_len);
	if (!total && access_gso_size(ctx)) {
		/* A GSO packet over 64 KiB carries no length. */
		total = available < 0xffff ? available : 0xffff;
	}
	if (header < sizeof(*ip) || total < header || total > available) {
		return NATGW_DROP_MALFORMED;
	}
	pkt->saddr = ip->saddr;
	pkt->daddr = ip->daddr;
	pkt->proto = ip->protocol;
	pkt->ttl = ip->ttl;
	pkt->l4 = pkt->l3 + header;
	pkt->l3_len = (__u16)total;
	pkt->ip_id = ip->id;
	frag = byteorder_host16(ip->frag_off);
	pkt->dont_fragment = !!(frag & IP_DF);
	pkt->is_fragment = !!(frag & (IP_MF | IP_OFFSET));
	pkt->frag_more = !!(frag & IP_MF);
	pkt->frag_offset = (frag & IP_OFFSET) * 8;
	pkt->l4_verdict = parse_rest(ctx, pkt, ip, total - header);
	parse_gso(ctx, pkt);
	return NATGW_OK;
}

#define parse_packet ACCESS_GLOBAL(parse_packet)
/* Fills pkt from the frame. NATGW_OK: it is IPv4; look at pkt->l4_verdict before going behind the
 * addresses. */
__noinline __weak int parse_packet(access_ctx *ctx, struct packet *pkt)
{
	enum natgw_verdict verdict;

	if (!pkt) {
		return NATGW_DROP_INTERNAL;
	}
	pkt->segments = 1;
	access_pull(ctx);
	verdict = parse_ethernet(ctx, pkt);
	if (verdict != NATGW_OK) {
		return verdict;
	}
	return parse_ipv4(ctx, pkt);
}

#endif
