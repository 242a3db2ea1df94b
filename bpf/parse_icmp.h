/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * ICMP queries and the packet quoted in an ICMP error (RFC 5508). A quote has at least the IPv4
 * header and 8 bytes behind it (RFC 792); its transport checksum may or may not be among them.
 */
#ifndef NATGW_BPF_PARSE_ICMP_H
#define NATGW_BPF_PARSE_ICMP_H

#define PARSE_QUOTE_L4_MIN 8

static __always_inline enum natgw_verdict parse_quote_icmp(access_ctx *ctx, struct packet *pkt)
{
	struct icmphdr *icmp = access_at(ctx, pkt->quote_l4, sizeof(*icmp));

	if (!icmp) {
		return NATGW_DROP_ICMP_QUOTE;
	}
	pkt->quote_has_check = 1;
	if (icmp->type == ICMP_ECHO) {
		pkt->quote_sport = icmp->un.echo.id;
	} else if (icmp->type == ICMP_ECHOREPLY) {
		pkt->quote_dport = icmp->un.echo.id;
	} else {
		/* An error about an error is never sent (RFC 1122 3.2.2). */
		return NATGW_DROP_ICMP_QUOTE;
	}
	return NATGW_OK;
}

/* TCP and UDP: the ports are the first four bytes. "quoted" counts the bytes there are. */
static __always_inline enum natgw_verdict parse_quote_ports(access_ctx *ctx, struct packet *pkt,
							    __u32 quoted)
{
	struct udphdr *ports = access_at(ctx, pkt->quote_l4, sizeof(*ports));

	if (!ports) {
		return NATGW_DROP_ICMP_QUOTE;
	}
	pkt->quote_sport = ports->source;
	pkt->quote_dport = ports->dest;
	pkt->quote_has_check = pkt->quote_proto == IPPROTO_UDP || quoted >= TCP_CHECK + 2;
	return NATGW_OK;
}

/* The quote begins at pkt->quote_l3 and has "length" bytes. */
static __always_inline enum natgw_verdict parse_quote(access_ctx *ctx, struct packet *pkt,
						      __u32 length)
{
	struct iphdr *ip = access_at(ctx, pkt->quote_l3, sizeof(*ip));
	__u32 header;

	if (!ip || ip->version != 4) {
		return NATGW_DROP_ICMP_QUOTE;
	}
	header = ip->ihl * 4;
	if (header < sizeof(*ip) || length < header + PARSE_QUOTE_L4_MIN ||
	    (ip->frag_off & byteorder_wire16(IP_OFFSET))) {
		return NATGW_DROP_ICMP_QUOTE;
	}
	pkt->quote_saddr = ip->saddr;
	pkt->quote_daddr = ip->daddr;
	pkt->quote_proto = ip->protocol;
	pkt->quote_l4 = pkt->quote_l3 + header;
	switch (ip->protocol) {
	case IPPROTO_TCP:
	case IPPROTO_UDP:
		return parse_quote_ports(ctx, pkt, length - header);
	case IPPROTO_ICMP:
		return parse_quote_icmp(ctx, pkt);
	default:
		return NATGW_DROP_ICMP_QUOTE;
	}
}

static __always_inline enum natgw_verdict parse_icmp(access_ctx *ctx, struct packet *pkt,
						     __u32 l4_len)
{
	struct icmphdr *icmp = access_at(ctx, pkt->l4, sizeof(*icmp));

	if (!icmp || l4_len < sizeof(*icmp)) {
		return NATGW_DROP_MALFORMED;
	}
	pkt->icmp_type = icmp->type;
	if (icmp->type == ICMP_ECHO) {
		pkt->sport = icmp->un.echo.id;
		return NATGW_OK;
	}
	if (icmp->type == ICMP_ECHOREPLY) {
		pkt->dport = icmp->un.echo.id;
		return NATGW_OK;
	}
	if (!packet_is_icmp_error(icmp->type)) {
		return NATGW_DROP_ICMP_TYPE;
	}
	pkt->quote_l3 = pkt->l4 + sizeof(*icmp);
	return parse_quote(ctx, pkt, l4_len - sizeof(*icmp));
}

#endif
