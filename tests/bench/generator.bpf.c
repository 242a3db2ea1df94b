// SPDX-License-Identifier: GPL-2.0-only
/*
 * Makes packets of numbered connections (flows.h), one each time it is run: for BPF_PROG_RUN, which
 * gives a program the same memory in every repeat, as the run before has left it. So every byte is
 * written each time.
 */
#include <linux/bpf.h>
#include <linux/pkt_cls.h>
#include <linux/types.h>

#include <bpf/bpf_endian.h>
#include <bpf/bpf_helpers.h>

#include "flows.h"
#include "generator.h"

/* Set by user space. */
__u8 generator_open_frame[GENERATOR_FRAME]; /* of client 10.0.1.0, port 0 */
__u8 generator_close_frame[GENERATOR_FRAME];
__u32 generator_next;	/* number of the next new connection */
__u32 generator_oldest; /* of those that are still open */
__u32 generator_target; /* enum generator_target */
__u32 generator_turn;	/* enum generator_turn */
__u32 generator_odd;	/* GENERATOR_ALTERNATE: a SYN is next */

/* natgw's programs. */
struct {
	__uint(type, BPF_MAP_TYPE_PROG_ARRAY);
	__uint(max_entries, 1);
	__type(key, __u32);
	__type(value, __u32);
} target_xdp SEC(".maps"), target_tc SEC(".maps");

/* RFC 1624: the checksum after a 16-bit word that was 0 has become "word". */
static __always_inline __u16 add_to_checksum(__u16 checksum, __u32 word)
{
	__u32 sum = (__u16)~checksum + word;

	sum = (sum & 0xffff) + (sum >> 16);
	return (__u16)~sum;
}

static __always_inline void write_frame(__u8 *frame, const __u8 *from, __u32 number)
{
	__u16 port = bpf_htons(flow_port(number)), check;
	__u8 client = flow_client(number);

	__builtin_memcpy(frame, from, GENERATOR_FRAME);
	frame[GENERATOR_CLIENT] = client;
	*(__u16 *)(frame + GENERATOR_PORT) = port;
	check = *(__u16 *)(frame + GENERATOR_IP_CHECK);
	*(__u16 *)(frame + GENERATOR_IP_CHECK) = add_to_checksum(check, bpf_htons(client));
	check = *(__u16 *)(frame + GENERATOR_TCP_CHECK);
	check = add_to_checksum(add_to_checksum(check, bpf_htons(client)), port);
	*(__u16 *)(frame + GENERATOR_TCP_CHECK) = check;
}

static __always_inline void make_packet(__u8 *frame)
{
	if (generator_turn == GENERATOR_OPEN || generator_odd) {
		write_frame(frame, generator_open_frame, generator_next++);
	} else {
		write_frame(frame, generator_close_frame, generator_oldest++);
	}
	if (generator_turn == GENERATOR_ALTERNATE) {
		generator_odd ^= 1;
	}
}

/* "frags" as natgw's, else it could not call it. */
SEC("xdp.frags")
int generator_xdp(struct xdp_md *ctx)
{
	__u8 *frame = (void *)(long)ctx->data;

	if (frame + GENERATOR_FRAME > (__u8 *)(long)ctx->data_end) {
		return XDP_ABORTED;
	}
	make_packet(frame);
	if (generator_target == GENERATOR_NATGW) {
		bpf_tail_call(ctx, &target_xdp, 0);
		return XDP_ABORTED;
	}
	return generator_target == GENERATOR_KERNEL ? XDP_PASS : XDP_DROP;
}

SEC("tc")
int generator_tc(struct __sk_buff *skb)
{
	__u8 *frame = (void *)(long)skb->data;

	if (frame + GENERATOR_FRAME > (__u8 *)(long)skb->data_end) {
		return TC_ACT_SHOT;
	}
	make_packet(frame);
	skb->mark = 0;
	if (generator_target == GENERATOR_NATGW) {
		bpf_tail_call(skb, &target_tc, 0);
	}
	return TC_ACT_SHOT;
}

/* The end of the way: what leaves the gateway is dropped by the driver of the other end. */
SEC("xdp")
int bench_sink(struct xdp_md *ctx)
{
	(void)ctx;
	return XDP_DROP;
}

char LICENSE[] SEC("license") = "GPL";
