/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * Packets that natgw makes itself, in tc ingress: ARP replies for EIPs, ICMP time-exceeded and
 * fragmentation-needed to internal senders from the gateway's private IP (requirement 46, RFC 1812
 * 4.3). The packet in hand is rewritten into the answer and sent back by the interface it came in
 * by.
 */
#ifndef NATGW_BPF_ANSWER_H
#define NATGW_BPF_ANSWER_H

#include "access_tc.h"
#include "budget.h"
#include "policy.h"

/* What is quoted at the most: an IPv4 header with options and the first bytes behind it. */
#define ANSWER_QUOTE_MAX (IPV4_HLEN_MAX + NATGW_ICMP_QUOTE_L4)
#define ANSWER_HEADERS (IPV4_HLEN + (int)sizeof(struct icmphdr))
#define ANSWER_TTL 64

struct answer_arp {
	__be16 hardware;
	__be16 protocol;
	__u8 hardware_len;
	__u8 protocol_len;
	__be16 operation;
	__u8 sender_mac[ETH_ALEN];
	__u8 sender_ip[4];
	__u8 target_mac[ETH_ALEN];
	__u8 target_ip[4];
} __attribute__((packed));

/* The new headers, for a quote of quote_len bytes that lies behind them already. */
static __noinline int answer_write(struct __sk_buff *skb, __u32 quote_len, __be32 saddr,
				   __be32 daddr, __u32 icmp_word)
{
	__u8 quote[ANSWER_QUOTE_MAX] = {};
	struct icmphdr icmp = {
		.type = (__u8)(icmp_word >> 24),
		.code = (__u8)(icmp_word >> 16),
		.un.frag.mtu = byteorder_wire16((__u16)icmp_word),
	};
	struct iphdr ip = {
		.version = 4,
		.ihl = 5,
		.tot_len = byteorder_wire16((__u16)(ANSWER_HEADERS + quote_len)),
		.frag_off = byteorder_wire16(IP_DF),
		.ttl = ANSWER_TTL,
		.protocol = IPPROTO_ICMP,
		.saddr = saddr,
		.daddr = daddr,
	};
	__s64 sum;

	if (quote_len < IPV4_HLEN) {
		return -1;
	}
	/* Two comparisons: clang makes one of them, on a difference that kernel 6.1 cannot follow.
	 */
	asm volatile("" : "+r"(quote_len));
	if (quote_len > sizeof(quote) ||
	    bpf_skb_load_bytes(skb, ETH_HLEN + ANSWER_HEADERS, quote, quote_len)) {
		return -1;
	}
	sum = bpf_csum_diff((void *)0, 0, (__be32 *)(void *)quote, sizeof(quote), 0);
	sum = bpf_csum_diff((void *)0, 0, (__be32 *)(void *)&icmp, sizeof(icmp),
			    (BYTEORDER_FORCE __wsum)(__u32)sum);
	icmp.checksum = (BYTEORDER_FORCE __sum16)(__u16)~checksum_fold((__u64)sum);
	sum = bpf_csum_diff((void *)0, 0, (__be32 *)(void *)&ip, sizeof(ip), 0);
	ip.check = (BYTEORDER_FORCE __sum16)(__u16)~checksum_fold((__u64)sum);
	return bpf_skb_store_bytes(skb, ETH_HLEN, &ip, sizeof(ip), 0) ||
			       bpf_skb_store_bytes(skb, ETH_HLEN + IPV4_HLEN, &icmp, sizeof(icmp),
						   0)
		       ? -1
		       : 0;
}

static __always_inline int answer_swap_macs(struct __sk_buff *skb)
{
	struct ethhdr *eth = access_at(skb, 0, sizeof(*eth));
	__u8 dmac[ETH_ALEN], smac[ETH_ALEN];

	if (!eth) {
		return -1;
	}
	__builtin_memcpy(dmac, eth->h_source, ETH_ALEN);
	__builtin_memcpy(smac, eth->h_dest, ETH_ALEN);
	return access_store_macs(skb, dmac, smac);
}

/* Turns the packet into the ICMP error about it: 0, or -1 and the packet is only good to be
 * dropped. */
static __always_inline int answer_icmp(struct __sk_buff *skb, const struct packet *pkt,
				       __be32 private_ip, __u32 icmp_word)
{
	__u32 l4_len = pkt->proto == IPPROTO_TCP ? NATGW_ICMP_QUOTE_L4 : 8;
	__u32 quote_len = pkt->l4 - pkt->l3 + l4_len;

	/* Cut first: that also ends a GSO packet's being one. */
	if (bpf_skb_change_tail(skb, ETH_HLEN + quote_len, 0) ||
	    bpf_skb_adjust_room(skb, ANSWER_HEADERS, BPF_ADJ_ROOM_MAC, 0)) {
		return -1;
	}
	if (answer_write(skb, quote_len, private_ip, pkt->saddr, icmp_word)) {
		return -1;
	}
	return answer_swap_macs(skb);
}

/* RFC 1812 4.3.2.7: no error about an error, nor about a fragment that is not the first; broadcasts
 * do not come this far. */
static __always_inline bool answer_may_err(const struct packet *pkt)
{
	return !pkt->quote_l3 && !pkt->frag_offset && pkt->l4_verdict == NATGW_OK;
}

/*
 * The final verdict for an outbound packet that cannot go on: TTL used up, or too big and not to be
 * fragmented. The sender is told, within the rate limit; pkt->out_ifindex is where the answer goes.
 */
static __always_inline enum natgw_verdict answer_outbound(struct __sk_buff *skb, struct packet *pkt,
							  enum natgw_verdict verdict)
{
	bool expired = verdict == NATGW_DEFER_TTL;
	struct natgw_gateway *gateway = policy_gateway(pkt->gateway);
	__u32 icmp_word = expired ? ICMP_TIME_EXCEEDED << 24
				  : ICMP_DEST_UNREACH << 24 | ICMP_FRAG_NEEDED << 16 | pkt->mtu;

	if (!gateway || !answer_may_err(pkt)) {
		return expired ? NATGW_DROP_TTL_EXPIRED : NATGW_DROP_TOO_BIG;
	}
	if (!budget_take(expired ? NATGW_BUDGET_ICMP : NATGW_BUDGET_FRAG_NEEDED, pkt->now, 0,
			 NATGW_ANSWER_BURST)) {
		budget_count(NATGW_GENERATED_LIMITED);
	} else if (!answer_icmp(skb, pkt, gateway->private_ip, icmp_word)) {
		budget_count(expired ? NATGW_GENERATED_TIME_EXCEEDED : NATGW_GENERATED_FRAG_NEEDED);
		pkt->out_ifindex = pkt->ifindex;
	}
	return expired ? NATGW_DROP_TTL_EXPIRED : NATGW_DROP_TOO_BIG;
}

/* ---- a TCP reset (RFC 9293 3.10.7.1) ---- */

/*
 * Is the transport checksum left to the network card (CHECKSUM_PARTIAL)? Nothing says so, but the
 * helper that updates it leaves it alone then.
 */
static __always_inline bool answer_is_partial(struct __sk_buff *skb, const struct packet *pkt)
{
	__u32 offset = pkt->l4 + TCP_CHECK;
	__u16 before, after;

	if (bpf_skb_load_bytes(skb, offset, &before, sizeof(before)) ||
	    bpf_l4_csum_replace(skb, offset, 0, 1, 2) ||
	    bpf_skb_load_bytes(skb, offset, &after, sizeof(after))) {
		return false;
	}
	return before == after;
}

static __always_inline void answer_rst_header(const struct packet *pkt, struct tcphdr *ret_tcp)
{
	__u32 flags = TCP_RST;

	ret_tcp->source = pkt->dport;
	ret_tcp->dest = pkt->sport;
	if (pkt->tcp_flags & TCP_ACK) {
		ret_tcp->seq = byteorder_wire32(pkt->tcp_ack);
	} else {
		/* A SYN: it counts as one byte. */
		flags |= TCP_ACK;
		ret_tcp->ack_seq = byteorder_wire32(
			pkt->tcp_seq + 1 + (pkt->l3_len - (pkt->l4 - pkt->l3) - pkt->tcp_header));
	}
	((__u8 *)ret_tcp)[12] = sizeof(*ret_tcp) / 4 << 4;
	((__u8 *)ret_tcp)[13] = (__u8)flags;
}

/* IPv4 and TCP headers of the reset, checksums included. */
static __noinline int answer_write_rst(struct __sk_buff *skb, const struct packet *pkt,
				       bool partial)
{
	struct tcphdr tcp = {};
	struct iphdr ip = {
		.version = 4,
		.ihl = 5,
		.tot_len = byteorder_wire16(sizeof(ip) + sizeof(tcp)),
		.frag_off = byteorder_wire16(IP_DF),
		.ttl = ANSWER_TTL,
		.protocol = IPPROTO_TCP,
		.saddr = pkt->daddr,
		.daddr = pkt->saddr,
	};
	/* What TCP sums up beside its own bytes. */
	__be32 pseudo[3] = { pkt->daddr, pkt->saddr,
			     byteorder_wire32(IPPROTO_TCP << 16 | sizeof(tcp)) };
	__s64 sum;

	answer_rst_header(pkt, &tcp);
	sum = bpf_csum_diff((void *)0, 0, pseudo, sizeof(pseudo), 0);
	if (partial) {
		tcp.check = (BYTEORDER_FORCE __sum16)checksum_fold((__u64)sum);
	} else {
		sum = bpf_csum_diff((void *)0, 0, (__be32 *)(void *)&tcp, sizeof(tcp),
				    (BYTEORDER_FORCE __wsum)(__u32)sum);
		tcp.check = (BYTEORDER_FORCE __sum16)(__u16)~checksum_fold((__u64)sum);
	}
	sum = bpf_csum_diff((void *)0, 0, (__be32 *)(void *)&ip, sizeof(ip), 0);
	ip.check = (BYTEORDER_FORCE __sum16)(__u16)~checksum_fold((__u64)sum);
	return bpf_skb_store_bytes(skb, ETH_HLEN, &ip, sizeof(ip), 0) ||
			       bpf_skb_store_bytes(skb, ETH_HLEN + IPV4_HLEN, &tcp, sizeof(tcp), 0)
		       ? -1
		       : 0;
}

/* Turns the segment into the reset that answers it: 0, or -1 and it is only good to be dropped. */
static __always_inline int answer_rst(struct __sk_buff *skb, const struct packet *pkt)
{
	bool partial;

	if (pkt->l4 != ETH_HLEN + IPV4_HLEN) {
		/* With IP options nobody would find the checksum where it is. */
		return -1;
	}
	partial = answer_is_partial(skb, pkt);
	if (bpf_skb_change_tail(skb, ETH_HLEN + IPV4_HLEN + sizeof(struct tcphdr), 0) ||
	    answer_write_rst(skb, pkt, partial)) {
		return -1;
	}
	return answer_swap_macs(skb);
}

/* Tells the sender of a packet that is dropped: a reset, or destination unreachable. */
static __always_inline void answer_refused(struct __sk_buff *skb, struct packet *pkt)
{
	struct natgw_gateway *gateway = policy_gateway(pkt->gateway);

	if (pkt->answer == PACKET_ANSWER_RST) {
		if (!budget_take(NATGW_BUDGET_RST, pkt->now, 0, NATGW_ANSWER_BURST)) {
			budget_count(NATGW_GENERATED_RST_LIMITED);
		} else if (!answer_rst(skb, pkt)) {
			budget_count(NATGW_GENERATED_RST);
			pkt->out_ifindex = pkt->ifindex;
		}
		return;
	}
	if (!gateway || !answer_may_err(pkt)) {
		return;
	}
	if (!budget_take(NATGW_BUDGET_ICMP, pkt->now, 0, NATGW_ANSWER_BURST)) {
		budget_count(NATGW_GENERATED_LIMITED);
	} else if (!answer_icmp(skb, pkt, gateway->private_ip,
				ICMP_DEST_UNREACH << 24 | ICMP_HOST_UNREACH << 16)) {
		budget_count(NATGW_GENERATED_UNREACHABLE);
		pkt->out_ifindex = pkt->ifindex;
	}
}

/* The ARP packet, when it asks for an EIP that the host does not hold itself. */
static __always_inline bool answer_is_arp_for_eip(struct __sk_buff *skb, struct answer_arp *ret_arp)
{
	struct ethhdr *eth = access_at(skb, 0, sizeof(*eth));
	struct natgw_address *address;
	__be32 target;

	if (!eth || eth->h_proto != byteorder_wire16(ETH_P_ARP) || skb->vlan_present ||
	    bpf_skb_load_bytes(skb, ETH_HLEN, ret_arp, sizeof(*ret_arp))) {
		return false;
	}
	if (ret_arp->hardware != byteorder_wire16(1) ||
	    ret_arp->protocol != byteorder_wire16(ETH_P_IP) ||
	    ret_arp->operation != byteorder_wire16(ARP_REQUEST)) {
		return false;
	}
	__builtin_memcpy(&target, ret_arp->target_ip, sizeof(target));
	address = policy_address(target);
	return address && policy_is_external(address) && !address->on_host;
}

/*
 * Answers an ARP request for an EIP. Returns enum natgw_verdict; NATGW_OK: it is none. __noinline:
 * the two ARP packets are not to take stack on the way of all others.
 */
static __noinline int answer_arp(struct __sk_buff *skb, struct packet *pkt)
{
	struct natgw_iface *iface = bpf_map_lookup_elem(&ifaces, &pkt->ifindex);
	struct answer_arp request, reply;

	if (!iface || !answer_is_arp_for_eip(skb, &request)) {
		return NATGW_OK;
	}
	reply = request;
	reply.operation = byteorder_wire16(ARP_REPLY);
	__builtin_memcpy(reply.sender_mac, iface->mac, ETH_ALEN);
	__builtin_memcpy(reply.sender_ip, request.target_ip, sizeof(reply.sender_ip));
	__builtin_memcpy(reply.target_mac, request.sender_mac, ETH_ALEN);
	__builtin_memcpy(reply.target_ip, request.sender_ip, sizeof(reply.target_ip));
	if (bpf_skb_store_bytes(skb, ETH_HLEN, &reply, sizeof(reply), 0) ||
	    access_store_macs(skb, request.sender_mac, iface->mac)) {
		return NATGW_DROP_INTERNAL;
	}
	budget_count(NATGW_GENERATED_ARP_REPLY);
	pkt->out_ifindex = pkt->ifindex;
	return NATGW_PASS_ARP_ANSWERED;
}

#endif
