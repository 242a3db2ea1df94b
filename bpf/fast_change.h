/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * What a packet of the short way changes: its session, itself, the counters. Includes after
 * access_xdp.h or access_tc.h.
 */
#ifndef NATGW_BPF_FAST_CHANGE_H
#define NATGW_BPF_FAST_CHANGE_H

#include "fast_parse.h"
#include "inbound.h"
#include "verdict.h"

/* The way out, in registers. */
struct fast_way {
	__u64 macs; /* destination, and the first two bytes of the source */
	__u32 macs_rest;
	__u32 ifindex;
	__u32 mtu;
};

static __always_inline void fast_stamp(const struct fast *fast, struct natgw_session *row)
{
	if (row->last_seen != fast->now) {
		row->last_seen = fast->now;
	}
	row->packets += fast->segments;
	row->bytes += fast->bytes;
	if (fast->tcp_flags & TCP_ACK) {
		track_ack(row, fast->tcp_ack);
	}
}

/* A packet that may change the state, as the functions of the long way know it. */
static __always_inline struct packet *
fast_packet(const struct fast *fast, enum natgw_direction direction, __u32 ifindex, __u64 word)
{
	struct packet *pkt = packet_begin(fast->hook, ifindex, fast->now);

	if (!pkt) {
		return pkt;
	}
	pkt->saddr = (BYTEORDER_FORCE __be32)(__u32)fast->addrs;
	pkt->daddr = (BYTEORDER_FORCE __be32)(__u32)(fast->addrs >> 32);
	pkt->ext_addr = pkt->daddr;
	pkt->sport = (BYTEORDER_FORCE __be16)(__u16)fast->ports;
	pkt->dport = (BYTEORDER_FORCE __be16)(__u16)(fast->ports >> 16);
	pkt->proto = (__u8)fast->proto;
	pkt->tcp_flags = (__u8)fast->tcp_flags;
	pkt->tcp_seq = fast->tcp_seq;
	pkt->tcp_ack = fast->tcp_ack;
	pkt->tcp_header = (__u8)fast->tcp_header;
	pkt->tcp_has_data = (__u8)fast->tcp_has_data;
	pkt->l3 = ETH_HLEN;
	pkt->l4 = ETH_HLEN + IPV4_HLEN;
	pkt->l3_len = (__u16)fast->ip_len;
	pkt->segments = (__u16)fast->segments;
	pkt->bytes = fast->bytes;
	pkt->direction = direction;
	pkt->gateway = (__u8)session_gateway(word);
	return pkt;
}

/* Does what the packet does to its session (track_outbound, whose mapping has been heard of in this
 * window); 0: it is over, and nothing has been done. */
__noinline __weak int fast_track_outbound(struct packet *pkt, struct natgw_session *row, __u64 word)
{
	struct natgw_outbound_key key;

	if (!pkt || !row) {
		return 0;
	}
	outbound_key(pkt, &key);
	if (!track_translates(track_outbound_life(&key, row, word, pkt->now), row, word,
			      pkt->now)) {
		return 0;
	}
	track_note_outbound(&key, row, word, pkt);
	return 1;
}

__noinline __weak int fast_track_inbound(struct packet *pkt, struct natgw_session *row, __u64 word)
{
	struct natgw_inbound_key key;

	if (!pkt || !row) {
		return 0;
	}
	inbound_key(pkt, &key);
	if (!track_translates(track_inbound_life(&key, row, word, pkt->now), row, word, pkt->now)) {
		return 0;
	}
	track_note_inbound(&key, row, word, pkt);
	return 1;
}

/* What the endpoint becomes. */
struct fast_edit {
	__u32 from_addr; /* raw, all of them */
	__u32 to_addr;
	__u16 from_port;
	__u16 to_port;
	__u16 addr_offset; /* in the frame */
	__u16 port_offset;
};

/* The transport checksum, if there is one. 0, or not 0. */
static __always_inline int fast_edit_l4_check(access_ctx *ctx, const struct fast *fast,
					      const struct fast_edit *edit)
{
	__u32 offset = ETH_HLEN + IPV4_HLEN + (fast->proto == IPPROTO_TCP ? TCP_CHECK : UDP_CHECK);
	__u32 flags = fast->proto == IPPROTO_UDP ? ACCESS_UDP : 0;
#if ACCESS_IS_XDP
	__u16 *check = access_at(ctx, offset, sizeof(*check));

	if (!check) {
		return -1;
	}
	if (flags && !*check) {
		return 0;
	}
	*check = (__u16)~checksum_fold((__u64)(__u16) ~*check + (__u32)~edit->from_addr +
				       edit->to_addr + (__u16)~edit->from_port + edit->to_port);
	if (flags) {
		*check = checksum_udp(*check);
	}
	return 0;
#else
	return access_l4_check(ctx, offset, edit->from_addr, edit->to_addr,
			       4 | ACCESS_PSEUDO | flags) ||
	       access_l4_check(ctx, offset, edit->from_port, edit->to_port, 2 | flags);
#endif
}

/* Addresses, port, TTL, both checksums, MACs. false: only good to be dropped. */
static __always_inline bool fast_rewrite(access_ctx *ctx, const struct fast *fast,
					 const struct fast_edit *edit, const struct fast_way *way)
{
	__u16 *check, ttl;
	__u8 *frame;
	struct iphdr *ip;

	if (fast_edit_l4_check(ctx, fast, edit)) {
		return false;
	}
	frame = access_at(ctx, 0, ETH_HLEN + IPV4_HLEN + sizeof(struct udphdr));
	if (!frame) {
		return false;
	}
	ip = (void *)(frame + ETH_HLEN);
	/* TTL is the first byte of its 16-bit word; it is over 1. */
	ttl = *(const __u16 *)(const void *)&ip->ttl;
	*(__u16 *)(void *)&ip->ttl = ttl - 1;
	check = (void *)&ip->check;
	*check = (__u16)~checksum_fold((__u64)(__u16) ~*check + (__u32)~edit->from_addr +
				       edit->to_addr + (__u16)~ttl + (__u16)(ttl - 1));
	*(__u32 *)(void *)(frame + edit->addr_offset) = edit->to_addr;
	*(__u16 *)(void *)(frame + edit->port_offset) = edit->to_port;
	*(__u64 *)(void *)frame = way->macs;
	*(__u32 *)(void *)(frame + 8) = way->macs_rest;
	return true;
}

/* As verdict_count_seen and verdict_count do; the direction and the verdict are constants. */
static __always_inline void fast_count(const struct fast *fast, enum natgw_direction direction,
				       __u32 gateway, enum natgw_verdict verdict)
{
	__u32 index = natgw_verdict_index(gateway, fast->hook, direction, verdict);
	struct natgw_count *count = bpf_map_lookup_elem(&verdicts, &index);

	verdict_add_seen(fast->hook, fast->segments, fast->bytes);
	if (count) {
		verdict_add(count, fast->segments, fast->bytes);
	}
	verdict_count_traffic(gateway, direction, verdict_class(verdict), fast->segments,
			      fast->bytes);
}

#endif
