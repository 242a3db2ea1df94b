/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * Frames described by their fields: built with checksums computed from scratch, and verified the
 * same way. Knows nothing of natgw, so that it can judge what the programs make.
 */
#ifndef NATGW_TESTS_BPF_FRAME_H
#define NATGW_TESTS_BPF_FRAME_H

#include <linux/types.h>
#include <stdbool.h>
#include <stddef.h>

/* What PROG_TEST_RUN takes on a page of 4 KiB. */
#define FRAME_MAX 3500
#define FRAME_ETH 14
#define FRAME_IP 20
#define FRAME_TCP 20
/* TCP numbers of a packet that does not say its own; the second only with ACK. */
#define FRAME_SEQ 0x10203040U
#define FRAME_ACK 0x50607080U

/* An IPv4 address as it is on the wire. */
#define IP(a, b, c, d) \
	((__be32)((__u32)(a) | (__u32)(b) << 8 | (__u32)(c) << 16 | (__u32)(d) << 24))

#define PROTO_ICMP 1
#define PROTO_TCP 6
#define PROTO_UDP 17

#define FIN 0x01
#define SYN 0x02
#define RST 0x04
#define PSH 0x08
#define ACK 0x10

#define FRAG_EVIL 0x8000
#define FRAG_DF 0x4000
#define FRAG_MF 0x2000
#define FRAG_OFFSET 0x1fff
/* spec.piece of a fragment that carries nothing. */
#define PIECE_NONE 0xffff

#define TYPE_ECHO_REPLY 0
#define TYPE_UNREACHABLE 3
#define TYPE_QUENCH 4
#define TYPE_REDIRECT 5
#define TYPE_ECHO 8
#define TYPE_TIME_EXCEEDED 11
#define TYPE_PARAMETER 12

struct frame {
	__u32 len;
	__u8 data[FRAME_MAX];
};

/* Bytes that are overwritten at the end, whatever that breaks: width 1 or 2 (big endian). */
struct poke {
	__u16 offset; /* in the frame */
	__u16 width;  /* 0: none */
	__u16 value;
};

struct spec {
	const __u8 *smac;
	const __u8 *dmac;
	__be32 src;
	__be32 dst;
	__u16 ether; /* not IPv4: that EtherType and 46 bytes */
	__u16 vlan;  /* EtherType of a tag before */
	__u16 arp;   /* ARP with this operation, about src (sender) and dst (target) */
	__u16 frag;  /* fragment field: flags and offset */
	/* Of the datagram that the other fields describe, these bytes behind the IP header, from
	 * the offset in frag on. 0: all of them, at whatever offset; PIECE_NONE: none. */
	__u16 piece;
	__u16 id;
	__u16 bad_ip; /* added to the right checksum of the IP header */
	__u16 bad_l4; /* and of TCP, UDP or ICMP */
	__u16 sport;  /* ICMP echo request: the identifier */
	__u16 dport;  /* ICMP echo reply: the identifier */
	__u16 flags;  /* TCP; 0x100: the AE bit */
	__u16 window; /* this one and the next two: with "numbered" */
	__u32 seq;
	__u32 ack;
	const __u8 *option_bytes;     /* of "options"; NULL: no-operations */
	const __u8 *tcp_option_bytes; /* of "tcp_options"; NULL: no-operations */
	const struct spec *quote;
	__u16 mtu;	/* ICMP fragmentation needed */
	__u16 payload;	/* bytes behind the L4 header */
	__u16 fill;	/* added to the payload's first word, to steer the checksum */
	__u16 quote_l4; /* bytes of the quoted packet behind its IP header */
	__u16 pad;	/* bytes behind the IP packet */
	__u16 cut;	/* bytes that the frame ends early */
	struct poke poke[3];
	__u8 proto;
	__u8 ttl;	/* 0: 64 */
	__u8 ttl_minus; /* taken off the TTL */
	__u8 tos;
	__u8 options;	  /* IP options, 32-bit words */
	__u8 tcp_options; /* the same of TCP */
	__u8 type;	  /* ICMP */
	__u8 code;
	/* RFC 4884: the length field, in 32-bit words; zeros fill the quote up to it, and an
	 * extension stands behind them. 0: no extension. */
	__u8 quote_words;
	bool quote_unsaid; /* the same, but the length field is 0, as old routers have it */
	bool numbered;	   /* TCP: seq, ack and window as they are here; else fixed ones */
	bool no_check;	   /* UDP without checksum */
	/* Makes the checksums of the IP header and of ICMP right again after the pokes. */
	bool mend;
};

void frame_build(const struct spec *spec, struct frame *ret_frame);

/* NULL, or what is wrong: every checksum of the frame that can be computed, quotes included. */
const char *frame_verify(const struct frame *frame);

/* The ones' complement sum of bytes, complemented: 0 over data that holds its right checksum. */
__u16 frame_checksum(const __u8 *bytes, size_t len, __u32 start);

__u16 frame_get16(const struct frame *frame, size_t offset);
__u32 frame_get32(const struct frame *frame, size_t offset);
__be32 frame_src(const struct frame *frame);
__be32 frame_dst(const struct frame *frame);
/* Offset of the L4 header of an untagged IPv4 frame. */
size_t frame_l4(const struct frame *frame);

#endif
