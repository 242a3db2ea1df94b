// SPDX-License-Identifier: GPL-2.0-only
/* Builds and verifies frames; every checksum here is a sum over all bytes, never an update. */
#include "frame.h"

#include <string.h>

#define ETHERTYPE_IP 0x0800
#define ETHERTYPE_ARP 0x0806
#define UDP_HEADER 8
#define ICMP_HEADER 8

/* The largest packet that an ICMP error quotes here, before it is cut. */
#define QUOTED_MAX 2048

static void put16(__u8 *at, __u16 value)
{
	at[0] = (__u8)(value >> 8);
	at[1] = (__u8)value;
}

static void put32(__u8 *at, __u32 value)
{
	put16(at, (__u16)(value >> 16));
	put16(at + 2, (__u16)value);
}

static __u16 get16(const __u8 *at)
{
	return (__u16)(at[0] << 8 | at[1]);
}

static __u32 sum_bytes(const __u8 *bytes, size_t len, __u32 start)
{
	__u64 sum = start;

	for (size_t i = 0; i + 1 < len; i += 2) {
		sum += get16(bytes + i);
	}
	if (len & 1) {
		sum += (__u32)bytes[len - 1] << 8;
	}
	while (sum >> 16) {
		sum = (sum & 0xffff) + (sum >> 16);
	}
	return (__u32)sum;
}

__u16 frame_checksum(const __u8 *bytes, size_t len, __u32 start)
{
	return (__u16)~sum_bytes(bytes, len, start);
}

/* Sum of the pseudo header of the IP header at "ip" for "len" bytes of L4. */
static __u32 pseudo_sum(const __u8 *ip, size_t len)
{
	return sum_bytes(ip + 12, 8, ip[9] + (__u32)len);
}

/* A checksum that is wrong by "by", for what has the right one. */
static __u16 spoil(__u16 check, __u16 by)
{
	__u32 sum = (__u32)check + by;

	return (__u16)((sum & 0xffff) + (sum >> 16));
}

static void fill_payload(const struct spec *spec, __u8 *at)
{
	for (size_t i = 0; i < spec->payload; i++) {
		at[i] = (__u8)(i * 7 + 3);
	}
	if (spec->payload >= 2) {
		put16(at, (__u16)(get16(at) + spec->fill));
	}
}

static void fill_options(const __u8 *bytes, size_t len, __u8 *out)
{
	if (bytes) {
		memcpy(out, bytes, len);
	} else {
		memset(out, 1, len);
	}
}

static size_t build_tcp(const struct spec *spec, const __u8 *ip, __u8 *out)
{
	size_t header = FRAME_TCP + (size_t)spec->tcp_options * 4;
	size_t len = header + spec->payload;

	put16(out, spec->sport);
	put16(out + 2, spec->dport);
	put32(out + 4, spec->numbered ? spec->seq : FRAME_SEQ);
	put32(out + 8, spec->numbered ? spec->ack : spec->flags & ACK ? FRAME_ACK : 0);
	out[12] = (__u8)(header / 4 << 4 | spec->flags >> 8);
	out[13] = (__u8)spec->flags;
	put16(out + 14, spec->numbered ? spec->window : 64240);
	fill_options(spec->tcp_option_bytes, header - FRAME_TCP, out + FRAME_TCP);
	fill_payload(spec, out + header);
	put16(out + 16, spoil(frame_checksum(out, len, pseudo_sum(ip, len)), spec->bad_l4));
	return len;
}

static size_t build_udp(const struct spec *spec, const __u8 *ip, __u8 *out)
{
	size_t len = UDP_HEADER + (size_t)spec->payload;
	__u16 check;

	put16(out, spec->sport);
	put16(out + 2, spec->dport);
	put16(out + 4, (__u16)len);
	fill_payload(spec, out + UDP_HEADER);
	check = frame_checksum(out, len, pseudo_sum(ip, len));
	check = spoil(check ? check : 0xffff, spec->bad_l4);
	put16(out + 6, spec->no_check ? 0 : check);
	return len;
}

static size_t build_l3(const struct spec *spec, __u8 *out);

/* NOLINTBEGIN(misc-no-recursion): a quote is a packet, and may quote one. */
static size_t build_quote(const struct spec *spec, __u8 *out)
{
	__u8 quoted[QUOTED_MAX] = {};
	size_t len = build_l3(spec->quote, quoted);
	size_t want = FRAME_IP + (size_t)spec->quote->options * 4 + spec->quote_l4;

	want = want < len ? want : len;
	memcpy(out, quoted, want);
	return want;
}

/* RFC 4884 chapter 7: an object of four bytes, here an MPLS label, behind the quote. */
static size_t build_extension(const struct spec *spec, __u8 *icmp, size_t len)
{
	static const __u8 object[12] = { 0x20, 0, 0, 0, 0, 8, 1, 1, 0x12, 0x34, 0x51, 0x07 };
	size_t words = (size_t)spec->quote_words * 4;

	if (!words) {
		return len;
	}
	icmp[5] = spec->quote_unsaid ? 0 : spec->quote_words;
	memset(icmp + len, 0, ICMP_HEADER + words - len);
	len = ICMP_HEADER + words;
	memcpy(icmp + len, object, sizeof(object));
	put16(icmp + len + 2, frame_checksum(object, sizeof(object), 0));
	return len + sizeof(object);
}

static size_t build_icmp(const struct spec *spec, __u8 *out)
{
	size_t len = ICMP_HEADER + (size_t)spec->payload;

	out[0] = spec->type;
	out[1] = spec->code;
	if (spec->quote) {
		put16(out + 6, spec->mtu);
		len = ICMP_HEADER + build_quote(spec, out + ICMP_HEADER);
		len = build_extension(spec, out, len);
	} else {
		put16(out + 4, spec->type == TYPE_ECHO_REPLY ? spec->dport : spec->sport);
		put16(out + 6, 1);
		fill_payload(spec, out + ICMP_HEADER);
	}
	put16(out + 2, spoil(frame_checksum(out, len, 0), spec->bad_l4));
	return len;
}

static size_t build_l4(const struct spec *spec, const __u8 *ip, __u8 *out)
{
	switch (spec->proto) {
	case PROTO_TCP:
		return build_tcp(spec, ip, out);
	case PROTO_UDP:
		return build_udp(spec, ip, out);
	case PROTO_ICMP:
		return build_icmp(spec, out);
	default:
		fill_payload(spec, out);
		return spec->payload;
	}
}

/* A stretch of what the whole datagram has behind its IP header. */
static size_t build_piece(const struct spec *spec, const __u8 *ip, __u8 *out)
{
	static __u8 whole[8 * (FRAG_OFFSET + 1) + FRAME_MAX];
	size_t len = spec->piece == PIECE_NONE ? 0 : spec->piece;

	memset(whole, 0, sizeof(whole));
	build_l4(spec, ip, whole);
	memcpy(out, whole + (size_t)(spec->frag & FRAG_OFFSET) * 8, len);
	return len;
}

static size_t build_l3(const struct spec *spec, __u8 *out)
{
	size_t header = FRAME_IP + (size_t)spec->options * 4, len;

	out[0] = (__u8)(0x40 | header / 4);
	out[1] = spec->tos;
	put16(out + 4, spec->id);
	put16(out + 6, spec->frag);
	out[8] = (__u8)((spec->ttl ? spec->ttl : 64) - spec->ttl_minus);
	out[9] = spec->proto;
	memcpy(out + 12, &spec->src, 4);
	memcpy(out + 16, &spec->dst, 4);
	fill_options(spec->option_bytes, header - FRAME_IP, out + FRAME_IP);
	len = header + (spec->piece ? build_piece : build_l4)(spec, out, out + header);
	put16(out + 2, (__u16)len);
	put16(out + 10, spoil(frame_checksum(out, header, 0), spec->bad_ip));
	return len;
}
/* NOLINTEND(misc-no-recursion) */

static void apply_pokes(const struct spec *spec, struct frame *frame)
{
	for (size_t i = 0; i < sizeof(spec->poke) / sizeof(spec->poke[0]); i++) {
		const struct poke *poke = &spec->poke[i];

		if (poke->width == 1) {
			frame->data[poke->offset] = (__u8)poke->value;
		}
		if (poke->width == 2) {
			put16(frame->data + poke->offset, poke->value);
		}
	}
}

/* The checksums of an untagged frame's IP header, as long as it says it is, and of its ICMP. */
static void mend(struct frame *frame)
{
	__u8 *ip = frame->data + FRAME_ETH, *l4 = frame->data + frame_l4(frame);
	size_t header = (size_t)(l4 - ip), len = get16(ip + 2);

	put16(ip + 10, 0);
	put16(ip + 10, frame_checksum(ip, header, 0));
	if (ip[9] == PROTO_ICMP && len >= header + ICMP_HEADER && len <= frame->len - FRAME_ETH) {
		put16(l4 + 2, 0);
		put16(l4 + 2, frame_checksum(l4, len - header, 0));
	}
}

static void put_mac(__u8 *at, const __u8 *mac)
{
	if (mac) {
		memcpy(at, mac, 6);
	}
}

/* RFC 826; padded to the 46 bytes that Ethernet wants. */
static size_t build_arp(const struct spec *spec, __u8 *out)
{
	static const __u8 start[6] = { 0, 1, 8, 0, 6, 4 };

	memset(out, 0, 46);
	memcpy(out, start, sizeof(start));
	put16(out + 6, spec->arp);
	put_mac(out + 8, spec->smac);
	memcpy(out + 14, &spec->src, 4);
	/* The target's address is what a request asks for. */
	put_mac(out + 18, spec->arp == 1 ? NULL : spec->dmac);
	memcpy(out + 24, &spec->dst, 4);
	return 46;
}

static size_t build_ether(const struct spec *spec, __u8 *out)
{
	if (spec->arp) {
		return build_arp(spec, out);
	}
	if (spec->ether) {
		memset(out, 0x60, 46);
		return 46;
	}
	return build_l3(spec, out);
}

void frame_build(const struct spec *spec, struct frame *ret_frame)
{
	size_t len = FRAME_ETH;
	__u8 *data = ret_frame->data;

	memset(ret_frame, 0, sizeof(*ret_frame));
	put_mac(data, spec->dmac);
	put_mac(data + 6, spec->smac);
	if (spec->vlan) {
		put16(data + 12, spec->vlan);
		put16(data + 14, 5);
		len += 4;
	}
	put16(data + len - 2, spec->ether ? spec->ether : spec->arp ? ETHERTYPE_ARP : ETHERTYPE_IP);
	len += build_ether(spec, data + len);
	memset(data + len, 0xa5, spec->pad);
	ret_frame->len = (__u32)(len + spec->pad - spec->cut);
	apply_pokes(spec, ret_frame);
	if (spec->mend) {
		mend(ret_frame);
	}
}

__u16 frame_get16(const struct frame *frame, size_t offset)
{
	return get16(frame->data + offset);
}

__u32 frame_get32(const struct frame *frame, size_t offset)
{
	return (__u32)frame_get16(frame, offset) << 16 | frame_get16(frame, offset + 2);
}

__be32 frame_src(const struct frame *frame)
{
	__be32 addr;

	memcpy(&addr, frame->data + FRAME_ETH + 12, sizeof(addr));
	return addr;
}

__be32 frame_dst(const struct frame *frame)
{
	__be32 addr;

	memcpy(&addr, frame->data + FRAME_ETH + 16, sizeof(addr));
	return addr;
}

size_t frame_l4(const struct frame *frame)
{
	return FRAME_ETH + (size_t)(frame->data[FRAME_ETH] & 15) * 4;
}

static const char *verify_icmp(const __u8 *l4, size_t len)
{
	const __u8 *quote = l4 + ICMP_HEADER;
	size_t header;

	if (len < ICMP_HEADER || frame_checksum(l4, len, 0)) {
		return "ICMP checksum";
	}
	if (l4[0] == TYPE_ECHO || l4[0] == TYPE_ECHO_REPLY) {
		return NULL;
	}
	if (len < ICMP_HEADER + FRAME_IP) {
		return "quote too short";
	}
	header = (size_t)(quote[0] & 15) * 4;
	if (len < ICMP_HEADER + header || frame_checksum(quote, header, 0)) {
		return "quoted IP checksum";
	}
	/* The quoted L4 checksum can be computed only where the quote is the whole packet. */
	if (get16(quote + 2) != len - ICMP_HEADER || get16(quote + 6) & 0x3fff) {
		return NULL;
	}
	if (quote[9] == PROTO_UDP && !get16(quote + header + 6)) {
		return NULL;
	}
	if (frame_checksum(
		    quote + header, len - ICMP_HEADER - header,
		    quote[9] == PROTO_ICMP ? 0 : pseudo_sum(quote, len - ICMP_HEADER - header))) {
		return "quoted L4 checksum";
	}
	return NULL;
}

const char *frame_verify(const struct frame *frame)
{
	const __u8 *ip = frame->data + FRAME_ETH, *l4;
	size_t header, len;

	if (frame->len < FRAME_ETH + FRAME_IP || frame_get16(frame, 12) != ETHERTYPE_IP) {
		return "not IPv4";
	}
	header = (size_t)(ip[0] & 15) * 4;
	len = get16(ip + 2);
	if (len < header || len > frame->len - FRAME_ETH) {
		return "IP length";
	}
	if (frame_checksum(ip, header, 0)) {
		return "IP checksum";
	}
	l4 = ip + header;
	len -= header;
	if (get16(ip + 6) & 0x3fff) {
		return NULL;
	}
	if (ip[9] == PROTO_ICMP) {
		return verify_icmp(l4, len);
	}
	if (ip[9] == PROTO_UDP) {
		if (!get16(l4 + 6)) {
			return NULL;
		}
		len = get16(l4 + 4);
		return frame_checksum(l4, len, pseudo_sum(ip, len)) ? "UDP checksum" : NULL;
	}
	if (ip[9] == PROTO_TCP && frame_checksum(l4, len, pseudo_sum(ip, len))) {
		return "TCP checksum";
	}
	return NULL;
}
