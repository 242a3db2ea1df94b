/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * ICMP queries and the packet quoted in an ICMP error (RFC 5508). A quote has at least the IPv4
 * header and 8 bytes behind it (RFC 792); its transport checksum may or may not be among them. It
 * ends where its own length says, where the error says (RFC 4884), or with the error: what is
 * behind is padding or an extension.
 */
#ifndef NATGW_BPF_PARSE_ICMP_H
#define NATGW_BPF_PARSE_ICMP_H

#define PARSE_QUOTE_L4_MIN 8

/* Of an ICMP error: the length of what it quotes in 32-bit words, 0: not said (RFC 4884 3). */
#define PARSE_ICMP_LENGTH 5

/* What every link can carry (RFC 791 3.2). */
#define PARSE_MTU_MIN 68

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

/*
 * Bytes of the quote, of the "length" that there are. What the kernel quotes here, at tc egress,
 * may be a packet over 64 KiB, which carries no length.
 */
static __always_inline __u32 parse_quote_length(const struct packet *pkt, const struct iphdr *ip,
						__u32 length)
{
	__u32 total = byteorder_host16(ip->tot_len);

	if (!total && pkt->hook == NATGW_HOOK_TC_EGRESS) {
		return length;
	}
	return total < length ? total : length;
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
	length = parse_quote_length(pkt, ip, length);
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

/* An error of "length" bytes behind its header. */
static __always_inline enum natgw_verdict parse_icmp_error(access_ctx *ctx, struct packet *pkt,
							   const struct icmphdr *icmp, __u32 length)
{
	__u32 quoted = ((const __u8 *)icmp)[PARSE_ICMP_LENGTH] * 4;
	__u32 mtu = byteorder_host16(icmp->un.frag.mtu);

	if (pkt->is_fragment) {
		/* Neither its checksum nor its length could be looked at. */
		return NATGW_DROP_FRAG_ICMP;
	}
	/* No way is that narrow (RFC 791); routers older than RFC 1191 leave it 0. */
	if (icmp->type == ICMP_DEST_UNREACH && icmp->code == ICMP_FRAG_NEEDED && mtu &&
	    mtu < PARSE_MTU_MIN) {
		return NATGW_DROP_MALFORMED;
	}
	pkt->quote_l3 = pkt->l4 + sizeof(*icmp);
	return parse_quote(ctx, pkt, quoted && quoted < length ? quoted : length);
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
	return parse_icmp_error(ctx, pkt, icmp, l4_len - sizeof(*icmp));
}

#endif
