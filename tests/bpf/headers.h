/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * What a frame holds, for judges: where its headers are, as far as they are there, and sums over
 * stretches of it. Knows nothing of natgw, and believes no length that the frame does not keep.
 */
#ifndef NATGW_TESTS_BPF_HEADERS_H
#define NATGW_TESTS_BPF_HEADERS_H

#include "frame.h"

struct headers {
	bool is_ipv4;  /* untagged, version 4, header and packet within the frame */
	size_t ip;     /* offset of the IPv4 header */
	size_t l4;     /* and of what is behind it */
	size_t l4_len; /* bytes there */
	__u8 proto;
	__u8 ttl;
	bool is_first; /* whole, or a first fragment */
	bool is_whole;
	bool has_l4; /* TCP, UDP or ICMP, its header is there and true (not in a later fragment) */
	bool is_error;	/* ICMP error; a quote may be there */
	bool has_quote; /* an IPv4 header, its addresses included */
	size_t quote;
	size_t quote_l4;
	size_t quote_l4_len; /* bytes that are quoted of it */
	size_t check;	     /* offset of the L4 checksum; 0: none */
};

/* The headers of an untagged frame. */
void headers_read(const struct frame *frame, struct headers *ret_headers);

__be32 headers_addr(const struct frame *frame, size_t offset);

/* The ones' complement sum modulo 65,535, of an even offset: 0 over what holds its right checksum.
 */
__u32 headers_sum(const struct frame *frame, size_t offset, size_t len);

/*
 * What the checksums are wrong by, 0: right. Of the IPv4 header at "ip"; of the L4 header, which
 * tells for a whole packet whether it is right, and for a first fragment only whether what has
 * changed in it has changed in the checksum too.
 */
__u32 headers_ip_error(const struct frame *frame, size_t ip);
__u32 headers_l4_error(const struct frame *frame, const struct headers *headers);
/* The same of the L4 checksum in the quote. true: it is there. */
bool headers_quoted_error(const struct frame *frame, const struct headers *headers,
			  __u32 *ret_error);

/* Source route options (RFC 791), or one whose length is not possible. */
bool headers_has_bad_options(const struct frame *frame, const struct headers *headers);
/* Offset of the value of the last MSS option of a SYN, 0: none. */
size_t headers_mss(const struct frame *frame, const struct headers *headers);

#endif
