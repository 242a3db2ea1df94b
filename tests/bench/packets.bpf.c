// SPDX-License-Identifier: GPL-2.0-only
/*
 * The hosts around a gateway that is measured, and the gateway that does nothing. The generator is
 * run by BPF_PROG_RUN with live frames and sends them out of a client's interface; the server's and
 * the client's end count, drop or answer in the driver, without a state. Frames are used again with
 * what the run before has left in them, so every byte of the headers is written each time.
 */
#include <linux/bpf.h>
#include <linux/if_ether.h>
#include <linux/in.h>
#include <linux/ip.h>
#include <linux/pkt_cls.h>
#include <linux/tcp.h>
#include <linux/types.h>

#include <bpf/bpf_endian.h>
#include <bpf/bpf_helpers.h>

#include "packets_plan.h"

#define TCP_FIN 0x01
#define TCP_SYN 0x02
#define TCP_ACK 0x10

/* Set by user space. */
struct packets_plan plan;
__u32 answer; /* enum packets_answer */

/* Clients' interfaces, by path. */
struct {
	__uint(type, BPF_MAP_TYPE_DEVMAP);
	__uint(max_entries, PACKETS_PATHS);
	__type(key, __u32);
	__type(value, __u32);
} clients SEC(".maps");

/* Where the bare redirect sends what comes in by an interface. */
struct {
	__uint(type, BPF_MAP_TYPE_DEVMAP);
	__uint(max_entries, 64);
	__type(key, __u32);
	__type(value, __u32);
} others SEC(".maps");

/* The same for tc: interface indexes. */
__u32 tc_other[64];

struct {
	__uint(type, BPF_MAP_TYPE_PERCPU_ARRAY);
	__uint(max_entries, 1);
	__type(key, __u32);
	__type(value, struct packets_seen);
} seen SEC(".maps");

/* ---- the generator ---- */

static __always_inline __u32 sum32(__u32 value)
{
	return (value & 0xffff) + (value >> 16);
}

static __always_inline __u16 fold(__u32 sum)
{
	sum = sum32(sum);
	return (__u16)~sum32(sum);
}

static __always_inline void write_frame(__u8 *frame, __u32 session, __u32 sequence)
{
	__u32 saddr = bpf_htonl(packets_client_of(session));
	__u32 daddr = bpf_htonl(packets_destination_of(session));
	__u16 port = bpf_htons(packets_port_of(session));
	__u32 addresses = sum32(saddr) + sum32(daddr);
	__u32 l4_sum = plan.l4_sum + addresses + port;

	__builtin_memcpy(frame, plan.frame, PACKETS_FRAME);
	*(__u32 *)(frame + PACKETS_AT_SADDR) = saddr;
	*(__u32 *)(frame + PACKETS_AT_DADDR) = daddr;
	*(__u16 *)(frame + PACKETS_AT_SPORT) = port;
	*(__u16 *)(frame + PACKETS_AT_IP_CHECK) = fold(plan.ip_sum + addresses);
	if (plan.tcp) {
		sequence = bpf_htonl(sequence);
		*(__u32 *)(frame + PACKETS_AT_SEQ) = sequence;
		*(__u16 *)(frame + PACKETS_AT_TCP_CHECK) = fold(l4_sum + sum32(sequence));
	} else {
		*(__u16 *)(frame + PACKETS_AT_UDP_CHECK) = fold(l4_sum);
	}
}

SEC("xdp")
int packets_make(struct xdp_md *ctx)
{
	__u8 *frame = (void *)(long)ctx->data;
	__u64 number = plan.next++;
	__u32 bits = plan.bits, session;

	if (frame + PACKETS_FRAME > (__u8 *)(long)ctx->data_end ||
	    bits > PACKETS_SESSION_BITS_MAX) {
		return XDP_ABORTED;
	}
	if (plan.random) {
		session = packets_order(number, bits);
	} else {
		session = (__u32)number & ((1U << bits) - 1);
	}
	write_frame(frame, plan.first + session, plan.seq + (__u32)number * plan.seq_step);
	return (int)bpf_redirect_map(&clients, plan.path, XDP_ABORTED);
}

/* ---- client and server ---- */

static __always_inline struct packets_seen *seen_here(void)
{
	__u32 zero = 0;

	return bpf_map_lookup_elem(&seen, &zero);
}

static __always_inline int drop_stray(void)
{
	struct packets_seen *row = seen_here();

	if (row) {
		row->stray++;
	}
	return XDP_DROP;
}

/* expected: else it is an error's sign, say a RST. */
static __always_inline int drop_counted(__be32 source, int expected)
{
	struct packets_seen *row = seen_here();

	if (row) {
		row->packets += expected;
		row->stray += !expected;
		row->source = source;
	}
	return XDP_DROP;
}

static __always_inline void turn_macs(struct ethhdr *eth)
{
	__u16 *to = (__u16 *)eth->h_dest, *from = (__u16 *)eth->h_source;

#pragma unroll
	for (int i = 0; i < 3; i++) {
		__u16 kept = to[i];

		to[i] = from[i];
		from[i] = kept;
	}
}

/* Source and destination change places, which changes no checksum. */
static __always_inline void turn(struct ethhdr *eth, struct iphdr *ip, __be16 *ports)
{
	__be32 addr = ip->saddr;
	__be16 port = ports[0];

	turn_macs(eth);
	ip->saddr = ip->daddr;
	ip->daddr = addr;
	ports[0] = ports[1];
	ports[1] = port;
}

/* The MSS option behind the TCP header of a SYN or SYN-ACK: 1460. */
#define MSS_OPTION bpf_htonl(0x020405b4)

static __always_inline void write_segment(struct iphdr *ip, struct tcphdr *tcp, __u8 flags,
					  __u32 option)
{
	__u32 seq = flags & TCP_SYN ? bpf_htonl(PACKETS_SEQ_ANSWER) : tcp->ack_seq;
	__u32 ack = bpf_htonl(bpf_ntohl(tcp->seq) + 1);
	__u32 size = sizeof(*tcp) + (option ? sizeof(option) : 0);
	__u32 addresses = sum32(ip->saddr) + sum32(ip->daddr), sum;
	__u16 *words = (__u16 *)tcp, *ip_words = (__u16 *)ip;

	tcp->seq = seq;
	tcp->ack_seq = ack;
	words[6] = bpf_htons((__u16)((size / 4) << 12 | flags));
	tcp->window = 0xffff;
	tcp->urg_ptr = 0;
	sum = addresses + bpf_htons(IPPROTO_TCP) + bpf_htons((__u16)size) + words[0] + words[1] +
	      sum32(seq) + sum32(ack) + words[6] + tcp->window + sum32(option);
	tcp->check = fold(sum);
	ip->tot_len = bpf_htons((__u16)(sizeof(*ip) + size));
	ip->ttl = 64;
	sum = addresses + ip_words[0] + ip_words[1] + ip_words[2] + ip_words[3] + ip_words[4];
	ip->check = fold(sum);
}

/* What the other side sends next, by what has come: flags, 0: nothing. */
static __always_inline __u8 next_flags(__u8 flags, int server)
{
	if (server && flags == TCP_SYN) {
		return TCP_SYN | TCP_ACK;
	}
	if (!server && flags == (TCP_SYN | TCP_ACK)) {
		return answer == PACKETS_CONNECT ? TCP_FIN | TCP_ACK : 0;
	}
	if (flags == (TCP_FIN | TCP_ACK)) {
		return server ? TCP_FIN | TCP_ACK : TCP_ACK;
	}
	return 0;
}

/* What is counted: at the server the last segment of all, at the client a SYN-ACK. */
static __always_inline __u8 last_flags(int server)
{
	if (answer == PACKETS_CONNECT) {
		return server ? TCP_ACK : 0;
	}
	return server ? 0 : TCP_SYN | TCP_ACK;
}

static __always_inline int respond(struct xdp_md *ctx, int server)
{
	struct ethhdr *eth = (void *)(long)ctx->data;
	struct iphdr *ip = (void *)(eth + 1);
	struct tcphdr *tcp = (void *)(ip + 1);
	__u32 *option = (void *)(tcp + 1), mss = 0;
	__u8 flags, reply;

	if ((void *)(tcp + 1) > (void *)(long)ctx->data_end ||
	    eth->h_proto != bpf_htons(ETH_P_IP) || ip->ihl != 5) {
		return drop_stray();
	}
	if (server ? answer == PACKETS_NONE : answer == PACKETS_REFLECT) {
		return drop_counted(ip->saddr, 1);
	}
	if (answer == PACKETS_REFLECT) {
		turn(eth, ip, (__be16 *)tcp);
		return (int)bpf_redirect(ctx->ingress_ifindex, 0);
	}
	if (ip->protocol != IPPROTO_TCP) {
		return drop_stray();
	}
	flags = ((__u8 *)tcp)[13];
	reply = next_flags(flags, server);
	if (!reply) {
		return drop_counted(ip->saddr, flags == last_flags(server));
	}
	turn(eth, ip, (__be16 *)tcp);
	/* The kernel has cut off what a frame has behind a segment without options. */
	if (reply & TCP_SYN && (void *)(option + 1) <= (void *)(long)ctx->data_end) {
		mss = MSS_OPTION;
		*option = mss;
	}
	write_segment(ip, tcp, reply, mss);
	return (int)bpf_redirect(ctx->ingress_ifindex, 0);
}

SEC("xdp")
int packets_client(struct xdp_md *ctx)
{
	return respond(ctx, 0);
}

SEC("xdp")
int packets_server(struct xdp_md *ctx)
{
	return respond(ctx, 1);
}

/* A server that takes packets as large as the gateway makes them. */
SEC("tc")
int packets_take(struct __sk_buff *skb)
{
	struct ethhdr *eth = (void *)(long)skb->data;
	struct iphdr *ip = (void *)(eth + 1);
	struct packets_seen *row = seen_here();

	if (row && (void *)(ip + 1) <= (void *)(long)skb->data_end) {
		row->packets += skb->gso_segs ? skb->gso_segs : 1;
		row->source = ip->saddr;
	}
	return TC_ACT_SHOT;
}

/* ---- gateways that do nothing ---- */

/* As if it were the server: what generator, driver and this end cost. */
SEC("xdp")
int packets_drop(struct xdp_md *ctx)
{
	struct packets_seen *row = seen_here();

	(void)ctx;
	if (row) {
		row->packets++;
	}
	return XDP_DROP;
}

SEC("xdp")
int packets_xdp(struct xdp_md *ctx)
{
	return (int)bpf_redirect_map(&others, ctx->ingress_ifindex, XDP_ABORTED);
}

SEC("tc")
int packets_tc(struct __sk_buff *skb)
{
	__u32 ifindex = skb->ifindex;

	if (ifindex >= sizeof(tc_other) / sizeof(tc_other[0])) {
		return TC_ACT_SHOT;
	}
	return (int)bpf_redirect(tc_other[ifindex], 0);
}

char LICENSE[] SEC("license") = "GPL";
