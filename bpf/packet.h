/* SPDX-License-Identifier: GPL-2.0-only */
/* struct packet: what every stage knows of the packet in hand. Offsets count from the frame's first
 * byte. */
#ifndef NATGW_BPF_PACKET_H
#define NATGW_BPF_PACKET_H

#include "maps.h"
#include "protocols.h"

/* Offsets on the stack lose their bounds in the verifier; masked again, they stay below this. */
#define PACKET_OFFSET_MASK 0xff

/* Where the program that sees the packet is attached; decided by the entry program, so dead
 * branches vanish. */
enum packet_side {
	PACKET_SIDE_INTERNAL, /* ingress of an interface that is internal only */
	PACKET_SIDE_EXTERNAL, /* ingress of an interface that is external, or both */
};

enum packet_answer {
	PACKET_ANSWER_NONE,
	PACKET_ANSWER_RST,
	PACKET_ANSWER_UNREACHABLE,
};

/* A next hop: a consistent copy of its entry, and where that stands (nexthop.h). */
struct nexthop {
	__u32 ifindex;
	__u16 mtu;
	__u8 redirect;
	__u8 flags;
	__u8 dmac[ETH_ALEN];
	__u8 smac[ETH_ALEN];
	__u32 reference; /* NATGW_REFERENCE_*; 0: not in the table */
};

struct packet {
	__be32 saddr;
	__be32 daddr;
	__be16 sport; /* ICMP echo request: the identifier, else 0 */
	__be16 dport; /* ICMP echo reply: the identifier, else 0 */
	__u8 proto;
	__u8 ttl;
	__u8 tcp_flags;
	__u8 icmp_type;
	__u32 tcp_seq;	/* host order */
	__u32 tcp_ack;	/* host order */
	__u16 l3;	/* offset of the IPv4 header */
	__u16 l4;	/* offset of the header behind it */
	__u16 l3_len;	/* IP length of one packet on the wire */
	__u16 segments; /* packets on the wire: more than one for GSO */
	__u32 bytes;	/* IP length of all of them */

	/* An ICMP error: the packet that it quotes. Offsets 0 otherwise. */
	__u16 quote_l3;
	__u16 quote_l4;
	__be32 quote_saddr;
	__be32 quote_daddr;
	__be16 quote_sport; /* as sport and dport above */
	__be16 quote_dport;
	__u8 quote_proto;
	__u8 quote_has_check; /* the quoted L4 checksum is there */

	__u8 tcp_header; /* bytes */
	__u8 tcp_has_data;
	__u8 answer; /* enum packet_answer: tc ingress tells the sender of a packet that is dropped
		      */
	__u8 dont_fragment;
	__u8 l4_verdict; /* what parsing found wrong; counts once the packet is known to be ours */
	__u8 hook;	 /* enum natgw_hook */
	__u8 direction;	 /* enum natgw_direction */
	__u8 gateway;	 /* 0 while not known */
	__u8 eip_draining; /* inbound: the EIP was taken out */
	__u8 eip_drained;  /* and its time to drain is over */
	__u8 is_fragment;  /* the first one, or a later one */
	__u8 frag_more;	   /* not the last one */
	__u8 hairpin;	   /* outbound: to an EIP, on its way in again. inbound: it is there */
	__u8 dry;	   /* of the dry run: nothing is to change */
	__u8 is_ours;	   /* inbound: a session, mapping or forward was met */
	__be16 ip_id;
	__be16 new_id;	   /* of a fragment: the one that it leaves with */
	__u16 frag_offset; /* bytes; 0: a whole packet, or a first fragment */
	__u16 mtu;	   /* of the next hop, when the packet is too big for it */
	__be32 ext_addr; /* inbound: the sessions' external address; the packet's, but in two stages
			  */
	__u32 ifindex;	 /* interface that the packet came in by */
	__u32 out_ifindex; /* where it is sent from here, 0: nowhere. At egress: where it is leaving
			    */
	__u32 now;	   /* ticks */
	__u32 generation;  /* when the packet came: what it is judged by is at least that new */
	struct nexthop nh; /* where it goes, as far as that is known */
};

/* Too big for the stack: a row for each CPU. Packet programs do not interrupt each other there. */
MAP(BPF_MAP_TYPE_PERCPU_ARRAY, __u32, struct packet, 1) packets __weak SEC(".maps");

static __always_inline struct natgw_generation *packet_generation(void)
{
	__u32 zero = 0;

	return bpf_map_lookup_elem(&generation, &zero);
}

/* The packet in hand, nothing known of it yet; NULL never happens. */
static __always_inline struct packet *packet_begin(enum natgw_hook hook, __u32 ifindex, __u32 now)
{
	__u32 zero = 0;
	struct packet *pkt = bpf_map_lookup_elem(&packets, &zero);
	struct natgw_generation *current = packet_generation();

	if (pkt && current) {
		__builtin_memset(pkt, 0, sizeof(*pkt));
		pkt->hook = hook;
		pkt->direction = NATGW_OTHER;
		pkt->ifindex = ifindex;
		pkt->now = now;
		pkt->segments = 1;
		pkt->generation = *(volatile __u32 *)&current->nexthop;
	}
	return pkt;
}

/* How far a run of the core goes. Constant in every program, so the other branches vanish. */
struct mode {
	bool forward; /* find the next hop, take one off the TTL, rewrite the MACs */
	bool dry;     /* decide, change nothing: neither the packet nor a map */
};

/* Index by protocol for counters and inventories: enum natgw_proto. */
static __always_inline __u32 packet_proto_index(__u8 proto)
{
	if (proto == IPPROTO_TCP) {
		return NATGW_PROTO_TCP;
	}
	return proto == IPPROTO_UDP ? NATGW_PROTO_UDP : NATGW_PROTO_ICMP;
}

static __always_inline bool packet_is_icmp_error(__u8 type)
{
	return type == ICMP_DEST_UNREACH || type == ICMP_TIME_EXCEEDED ||
	       type == ICMP_PARAMETERPROB;
}

#endif
