// SPDX-License-Identifier: GPL-2.0-only
/* Reads frames for judges. */
#include "headers.h"

#define ETHERTYPE_IP 0x0800
#define UDP_HEADER 8
#define ICMP_HEADER 8
#define TCP_CHECK 16
#define UDP_CHECK 6
#define ICMP_CHECK 2
#define ICMP_LENGTH 5 /* RFC 4884: of the quote, in words; 0: all there is */
#define OPTION_LOOSE_ROUTE 131
#define OPTION_STRICT_ROUTE 137
#define OPTION_MSS 2

__be32 headers_addr(const struct frame *frame, size_t offset)
{
	const __u8 *at = frame->data + offset;

	return IP(at[0], at[1], at[2], at[3]);
}

__u32 headers_sum(const struct frame *frame, size_t offset, size_t len)
{
	__u64 sum = 0;

	for (size_t i = 0; i + 1 < len; i += 2) {
		sum += frame_get16(frame, offset + i);
	}
	if (len & 1) {
		sum += (__u32)frame->data[offset + len - 1] << 8;
	}
	return (__u32)(sum % 65535);
}

/* ---- where what is ---- */

static bool has_true_tcp(const struct frame *frame, const struct headers *headers)
{
	size_t header;

	if (headers->l4_len < FRAME_TCP) {
		return false;
	}
	header = (size_t)(frame->data[headers->l4 + 12] >> 4) * 4;
	return header >= FRAME_TCP && header <= headers->l4_len;
}

static bool has_true_udp(const struct frame *frame, const struct headers *headers)
{
	size_t length;

	if (headers->l4_len < UDP_HEADER) {
		return false;
	}
	length = frame_get16(frame, headers->l4 + 4);
	return length >= UDP_HEADER && (length <= headers->l4_len || !headers->is_whole);
}

static bool is_error_type(__u8 type)
{
	return type == TYPE_UNREACHABLE || type == TYPE_QUENCH || type == TYPE_REDIRECT ||
	       type == TYPE_TIME_EXCEEDED || type == TYPE_PARAMETER;
}

static void read_quote(const struct frame *frame, struct headers *ret)
{
	size_t header, total, said = (size_t)frame->data[ret->l4 + ICMP_LENGTH] * 4;
	size_t len = ret->l4_len - ICMP_HEADER;

	ret->is_error = true;
	ret->quote = ret->l4 + ICMP_HEADER;
	if (len < FRAME_IP) {
		return;
	}
	ret->has_quote = true;
	header = (size_t)(frame->data[ret->quote] & 15) * 4;
	header = header < FRAME_IP ? FRAME_IP : header;
	total = frame_get16(frame, ret->quote + 2);
	ret->quote_l4 = ret->quote + header;
	/* Behind the quoted packet there may be zeros and an extension (RFC 4884). */
	len = said && said < len ? said : len;
	len = total && total < len ? total : len;
	ret->quote_l4_len = len > header ? len - header : 0;
}

static void read_l4(const struct frame *frame, struct headers *ret)
{
	switch (ret->proto) {
	case PROTO_TCP:
		ret->has_l4 = has_true_tcp(frame, ret);
		ret->check = ret->l4 + TCP_CHECK;
		break;
	case PROTO_UDP:
		ret->has_l4 = has_true_udp(frame, ret);
		ret->check = ret->l4 + UDP_CHECK;
		break;
	case PROTO_ICMP:
		ret->has_l4 = ret->l4_len >= ICMP_HEADER;
		ret->check = ret->l4 + ICMP_CHECK;
		if (ret->has_l4 && is_error_type(frame->data[ret->l4])) {
			read_quote(frame, ret);
		}
		break;
	default:
		break;
	}
	ret->check = ret->has_l4 ? ret->check : 0;
}

void headers_read(const struct frame *frame, struct headers *ret_headers)
{
	struct headers ret = { .ip = FRAME_ETH };
	const __u8 *ip = frame->data + FRAME_ETH;
	size_t header, total;

	*ret_headers = ret;
	if (frame->len < FRAME_ETH + FRAME_IP || frame_get16(frame, 12) != ETHERTYPE_IP ||
	    ip[0] >> 4 != 4) {
		return;
	}
	header = (size_t)(ip[0] & 15) * 4;
	total = frame_get16(frame, FRAME_ETH + 2);
	if (header < FRAME_IP || total < header || total > frame->len - FRAME_ETH) {
		return;
	}
	ret.is_ipv4 = true;
	ret.l4 = FRAME_ETH + header;
	ret.l4_len = total - header;
	ret.proto = ip[9];
	ret.ttl = ip[8];
	ret.is_first = !(frame_get16(frame, FRAME_ETH + 6) & FRAG_OFFSET);
	ret.is_whole = ret.is_first && !(frame_get16(frame, FRAME_ETH + 6) & FRAG_MF);
	if (ret.is_first) {
		read_l4(frame, &ret);
	}
	*ret_headers = ret;
}

/* ---- checksums ---- */

/* 65,535 is 0 in ones' complement, and a sum that holds its right checksum is that. */
static __u32 error_of(__u32 sum)
{
	return sum % 65535;
}

__u32 headers_ip_error(const struct frame *frame, size_t ip)
{
	return headers_sum(frame, ip, (size_t)(frame->data[ip] & 15) * 4);
}

static __u32 pseudo_sum(const struct frame *frame, const struct headers *headers, size_t len)
{
	return headers_sum(frame, headers->ip + 12, 8) + headers->proto + (__u32)len;
}

__u32 headers_l4_error(const struct frame *frame, const struct headers *headers)
{
	size_t len = headers->l4_len, said;
	__u32 sum;

	if (headers->proto == PROTO_UDP) {
		said = frame_get16(frame, headers->l4 + 4);
		/* The checksum is of what the UDP header says, whatever lies behind that. */
		len = said < len ? said : len;
	}
	sum = headers_sum(frame, headers->l4, len);
	return error_of(headers->proto == PROTO_ICMP ? sum : sum + pseudo_sum(frame, headers, len));
}

bool headers_quoted_error(const struct frame *frame, const struct headers *headers,
			  __u32 *ret_error)
{
	__u8 proto = frame->data[headers->quote + 9];
	size_t need = proto == PROTO_TCP ? TCP_CHECK + 2 : UDP_HEADER;
	__u32 sum;

	if (headers->quote_l4_len < need ||
	    (proto != PROTO_TCP && proto != PROTO_UDP && proto != PROTO_ICMP)) {
		return false;
	}
	if (proto == PROTO_UDP && !frame_get16(frame, headers->quote_l4 + UDP_CHECK)) {
		return false;
	}
	sum = headers_sum(frame, headers->quote_l4, headers->quote_l4_len);
	sum += proto == PROTO_ICMP ? 0 : headers_sum(frame, headers->quote + 12, 8);
	*ret_error = error_of(sum);
	return true;
}

/* ---- options ---- */

/* A list of options from offset to end: each step gives one, false at the end. */
struct options {
	const struct frame *frame;
	size_t at;
	size_t end;
	size_t length; /* of the option at "at" */
	bool broken;
};

static bool next_option(struct options *list)
{
	list->at += list->length;
	while (list->at < list->end && list->frame->data[list->at] == 1) {
		list->at++;
	}
	if (list->at >= list->end || !list->frame->data[list->at]) {
		return false;
	}
	list->length = list->at + 1 < list->end ? list->frame->data[list->at + 1] : 0;
	list->broken = list->length < 2 || list->at + list->length > list->end;
	return !list->broken;
}

bool headers_has_bad_options(const struct frame *frame, const struct headers *headers)
{
	struct options list = { .frame = frame, .at = headers->ip + FRAME_IP, .end = headers->l4 };

	while (next_option(&list)) {
		__u8 kind = frame->data[list.at];

		if (kind == OPTION_LOOSE_ROUTE || kind == OPTION_STRICT_ROUTE) {
			return true;
		}
	}
	return list.broken;
}

size_t headers_mss(const struct frame *frame, const struct headers *headers)
{
	struct options list = { .frame = frame, .at = headers->l4 + FRAME_TCP };
	size_t found = 0;

	if (headers->proto != PROTO_TCP || !headers->has_l4 ||
	    !(frame->data[headers->l4 + 13] & SYN)) {
		return 0;
	}
	list.end = headers->l4 + (size_t)(frame->data[headers->l4 + 12] >> 4) * 4;
	while (next_option(&list)) {
		if (frame->data[list.at] == OPTION_MSS && list.length == 4) {
			found = list.at + 2;
		}
	}
	return list.broken ? 0 : found;
}
