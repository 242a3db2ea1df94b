// SPDX-License-Identifier: GPL-2.0-only
/* The frames before the generator fills in whose they are. Checksums over them are valid. */
#include <arpa/inet.h>
#include <linux/if_ether.h>
#include <linux/ip.h>
#include <linux/tcp.h>
#include <linux/udp.h>
#include <string.h>

#include "packets.h"

#define PORT_UDP 443
#define PORT_TCP 80
#define PAYLOAD_BULK 1460
#define UDP_LENGTH 30 /* fills 64 bytes */

static const __u8 mac_client[ETH_ALEN] = { 2, 0, 0, 0, 1, 1 };
static const __u8 mac_int[ETH_ALEN] = { 2, 0, 0, 0, 1, 2 };

/* The 16-bit words as they are in memory; bytes is even. */
static __u32 sum_words(const void *from, __u32 bytes)
{
	const __u8 *at = from;
	__u32 sum = 0;

	for (__u32 i = 0; i < bytes; i += 2) {
		__u16 word;

		memcpy(&word, at + i, sizeof(word));
		sum += word;
	}
	return sum;
}

static void build_udp(__u8 *l4)
{
	struct udphdr udp = { .dest = htons(PORT_UDP), .len = htons(UDP_LENGTH) };

	memcpy(l4, &udp, sizeof(udp));
}

static void build_tcp(__u8 *l4, enum packets_kind kind)
{
	static const __u8 mss[] = { 2, 4, PAYLOAD_BULK >> 8, PAYLOAD_BULK & 0xff };
	struct tcphdr tcp = { .dest = htons(PORT_TCP), .doff = 5, .window = htons(0xffff) };

	if (kind == PACKETS_SYN) {
		tcp.syn = 1;
		tcp.doff = 6;
		memcpy(l4 + sizeof(tcp), mss, sizeof(mss));
	} else {
		tcp.ack = 1;
		tcp.ack_seq = htonl(PACKETS_SEQ_ANSWER + 1);
	}
	memcpy(l4, &tcp, sizeof(tcp));
}

static __u32 l4_length(enum packets_kind kind)
{
	switch (kind) {
	case PACKETS_SYN:
		return sizeof(struct tcphdr) + 4;
	case PACKETS_BULK:
		return sizeof(struct tcphdr) + PAYLOAD_BULK;
	default:
		return UDP_LENGTH;
	}
}

__u32 packets_frame(enum packets_kind kind, struct packets_plan *plan, __u8 *frame)
{
	__u32 length = l4_length(kind);
	struct iphdr ip = {
		.version = 4,
		.ihl = 5,
		.tot_len = htons((__u16)(sizeof(ip) + length)),
		.frag_off = htons(0x4000), /* do not fragment */
		.ttl = 64,
		.protocol = kind == PACKETS_UDP ? IPPROTO_UDP : IPPROTO_TCP,
	};
	struct ethhdr eth = { .h_proto = htons(ETH_P_IP) };
	__u8 *l4 = frame + sizeof(eth) + sizeof(ip);

	memset(frame, 0, PACKETS_FRAME_BULK);
	memcpy(eth.h_dest, mac_int, ETH_ALEN);
	memcpy(eth.h_source, mac_client, ETH_ALEN);
	memcpy(frame, &eth, sizeof(eth));
	memcpy(frame + sizeof(eth), &ip, sizeof(ip));
	if (kind == PACKETS_UDP) {
		build_udp(l4);
	} else {
		build_tcp(l4, kind);
	}
	memcpy(plan->frame, frame, PACKETS_FRAME);
	plan->ip_sum = sum_words(&ip, sizeof(ip));
	plan->l4_sum = sum_words(l4, length) + htons(ip.protocol) + htons((__u16)length);
	plan->tcp = kind != PACKETS_UDP;
	plan->seq = kind == PACKETS_BULK ? PACKETS_SEQ + 1 : PACKETS_SEQ;
	plan->seq_step = kind == PACKETS_BULK ? PAYLOAD_BULK : 0;
	return kind == PACKETS_BULK ? PACKETS_FRAME_BULK : PACKETS_FRAME;
}
