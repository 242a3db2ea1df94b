/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * The short way's own reading of a packet: nothing but what it goes by, and only packets with
 * nothing out of the ordinary (parse.h and verify.h have the rest). Includes after access_xdp.h or
 * access_tc.h.
 */
#ifndef NATGW_BPF_FAST_PARSE_H
#define NATGW_BPF_FAST_PARSE_H

#include "clock.h"
#include "verify.h"

/* The packet, as it is found; scalars, so that they can stay in registers. */
struct fast {
	__u64 addrs; /* source, destination, as they lie in the packet */
	__u32 ports; /* as well */
	__u32 proto;
	__u32 ip_len; /* of one packet on the wire */
	__u32 segments;
	__u32 bytes;
	__u32 tcp_seq; /* host order */
	__u32 tcp_ack; /* host order */
	__u32 tcp_flags;
	__u32 tcp_header;
	__u32 tcp_has_data;
	__u32 now;
	__u32 generation;
	__u32 followed_until;
	__u32 hook;
};

/* ---- interfaces ---- */

/* What a CPU remembers of an interface that packets came in by, for one generation. */
struct fast_link {
	__u32 ifindex;
	__u32 generation;
	__u8 mac[ETH_ALEN];
	__u8 flags; /* NATGW_IFACE_* */
	__u8 reserved;
	__u64 jiffies; /* the clock, as it was in this one */
	__s64 skew_ns;
	__u32 now;
	__u32 reserved_too;
};

#define FAST_LINKS 16

MAP(BPF_MAP_TYPE_PERCPU_ARRAY, __u32, struct fast_link, FAST_LINKS) links __weak SEC(".maps");

/* Another interface may have had the place, and may take it again. */
static __noinline int fast_learn_link(__u32 ifindex, __u32 generation_number)
{
	struct natgw_iface *iface = bpf_map_lookup_elem(&ifaces, &ifindex);
	__u32 index = ifindex & (FAST_LINKS - 1);
	struct fast_link *link = bpf_map_lookup_elem(&links, &index);

	if (iface && link) {
		__builtin_memcpy(link->mac, iface->mac, ETH_ALEN);
		link->flags = iface->flags;
		link->ifindex = ifindex;
		link->generation = generation_number;
	}
	return 0;
}

static __always_inline struct fast_link *fast_link(__u32 ifindex, __u32 generation_number)
{
	__u32 index = ifindex & (FAST_LINKS - 1);
	struct fast_link *link = bpf_map_lookup_elem(&links, &index);

	if (!link) {
		return link;
	}
	if (link->ifindex != ifindex || link->generation != generation_number) {
		fast_learn_link(ifindex, generation_number);
	}
	return link->ifindex == ifindex && link->generation == generation_number ? link : (void *)0;
}

/* The coarse clock stands still within a jiffy, and a jiffy costs nothing to read. */
static __always_inline __u32 fast_clock(struct fast_link *link)
{
	__u32 zero = 0;
	struct natgw_clock *row = bpf_map_lookup_elem(&clock, &zero);
	__u64 jiffies = bpf_jiffies64();

	if (!row || link->jiffies != jiffies || link->skew_ns != row->skew_ns) {
		link->now = clock_now();
		link->jiffies = jiffies;
		link->skew_ns = row ? row->skew_ns : 0;
	}
	return link->now;
}

/* Is the frame addressed to the interface (access_is_for_us)? */
static __always_inline bool fast_is_for_us(access_ctx *ctx, const struct fast_link *link,
					   const void *frame)
{
#if ACCESS_IS_XDP
	const __u16 *to = frame, *mac = (const void *)link->mac;

	(void)ctx;
	return !((to[0] ^ mac[0]) | (to[1] ^ mac[1]) | (to[2] ^ mac[2]));
#else
	(void)link;
	(void)frame;
	return ctx->pkt_type == PACKET_HOST;
#endif
}

/* ---- parse ---- */

static __always_inline bool fast_parse_tcp(access_ctx *ctx, const struct tcphdr *tcp, __u32 l4_len,
					   struct fast *fast)
{
	const __u8 *bytes = (const void *)tcp;
	__u32 header;

	if ((const void *)tcp + sizeof(*tcp) > access_data_end(ctx)) {
		return false;
	}
	header = (bytes[12] >> 4) * 4;
	fast->tcp_flags = bytes[13];
	fast->tcp_seq = byteorder_host32(tcp->seq);
	fast->tcp_ack = byteorder_host32(tcp->ack_seq);
	fast->tcp_header = header;
	fast->tcp_has_data = header < l4_len;
	/* A SYN may be a new connection; and the options of a SYN-ACK must be where they can be
	 * changed (access_pull). */
	return header >= sizeof(*tcp) && header <= l4_len &&
	       (!(fast->tcp_flags & TCP_SYN) ||
		(fast->tcp_flags & TCP_ACK && (const void *)tcp + header <= access_data_end(ctx)));
}

/* A GSO packet stands for several (parse_gso). */
static __always_inline bool fast_parse_gso(access_ctx *ctx, const struct iphdr *ip,
					   struct fast *fast)
{
	__u32 gso_size = access_gso_size(ctx), headers = IPV4_HLEN + sizeof(struct udphdr);
	const __u8 *tcp = (const void *)(ip + 1);

	fast->segments = 1;
	fast->bytes = fast->ip_len;
	if (!gso_size) {
		return true;
	}
	if (fast->proto == IPPROTO_TCP) {
		headers = IPV4_HLEN + (tcp[12] >> 4) * 4;
	}
	fast->segments = (__u16)access_gso_segments(ctx);
	fast->bytes = access_len(ctx) - ETH_HLEN + (fast->segments - 1) * headers;
	fast->ip_len = headers + gso_size;
	return fast->segments;
}

/* Bytes of the frame; in XDP of its first buffer, in which all of the packet is or it is not for
 * here. */
static __always_inline __u32 fast_len(access_ctx *ctx)
{
#if ACCESS_IS_XDP
	return (__u32)(access_data_end(ctx) - access_data(ctx));
#else
	return access_len(ctx);
#endif
}

/* IPv4 without options, whole, TCP or UDP, and nothing wrong with it (parse.h, verify.h). */
static __always_inline bool fast_parse(access_ctx *ctx, const struct iphdr *ip, struct fast *fast)
{
	const struct udphdr *udp = (const void *)(ip + 1);
	__u32 l4_len;

	if ((const void *)udp + sizeof(*udp) > access_data_end(ctx) || *(const __u8 *)ip != 0x45 ||
	    ip->frag_off & byteorder_wire16(IP_MF | IP_OFFSET) || ip->ttl <= 1 ||
	    !verify_is_right(verify_header_sum(ip))) {
		return false;
	}
	fast->ip_len = byteorder_host16(ip->tot_len);
	l4_len = fast->ip_len - IPV4_HLEN;
	fast->proto = ip->protocol;
	fast->addrs = *(const __u64 *)(const void *)&ip->saddr;
	fast->ports = *(const __u32 *)(const void *)udp;
	fast->tcp_flags = 0;
	if (fast->ip_len < IPV4_HLEN + sizeof(*udp) || fast->ip_len > fast_len(ctx) - ETH_HLEN) {
		return false;
	}
	if (fast->proto == IPPROTO_TCP) {
		return fast_parse_tcp(ctx, (const void *)udp, l4_len, fast) &&
		       fast_parse_gso(ctx, ip, fast);
	}
	if (fast->proto != IPPROTO_UDP) {
		return false;
	}
	return byteorder_host16(udp->len) >= sizeof(*udp) && byteorder_host16(udp->len) <= l4_len &&
	       fast_parse_gso(ctx, ip, fast);
}

#endif
