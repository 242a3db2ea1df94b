// SPDX-License-Identifier: GPL-2.0-only
/* Builds and verifies frames; every checksum here is a sum over all bytes, never an update. */
#include "frame.h"

#include <string.h>

#define ETHERTYPE_IP 0x0800
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

static void fill_payload(const struct spec *spec, __u8 *at)
{
	for (size_t i = 0; i < spec->payload; i++) {
		at[i] = (__u8)(i * 7 + 3);
	}
	if (spec->payload >= 2) {
		put16(at, (__u16)(get16(at) + spec->fill));
	}
}

static size_t build_tcp(const struct spec *spec, const __u8 *ip, __u8 *out)
{
	size_t len = FRAME_TCP + (size_t)spec->payload;

	put16(out, spec->sport);
	put16(out + 2, spec->dport);
	put32(out + 4, spec->numbered ? spec->seq : FRAME_SEQ);
	put32(out + 8, spec->numbered ? spec->ack : spec->flags & ACK ? FRAME_ACK : 0);
	out[12] = 5 << 4;
	out[13] = spec->flags;
	put16(out + 14, spec->numbered ? spec->window : 64240);
	fill_payload(spec, out + FRAME_TCP);
	put16(out + 16, frame_checksum(out, len, pseudo_sum(ip, len)));
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
	check = check ? check : 0xffff;
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

static size_t build_icmp(const struct spec *spec, __u8 *out)
{
	size_t len = ICMP_HEADER + (size_t)spec->payload;

	out[0] = spec->type;
	out[1] = spec->code;
	if (spec->quote) {
		put16(out + 6, spec->mtu);
		len = ICMP_HEADER + build_quote(spec, out + ICMP_HEADER);
	} else {
		put16(out + 4, spec->type == TYPE_ECHO_REPLY ? spec->dport : spec->sport);
		put16(out + 6, 1);
		fill_payload(spec, out + ICMP_HEADER);
	}
	put16(out + 2, frame_checksum(out, len, 0));
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

static size_t build_l3(const struct spec *spec, __u8 *out)
{
	size_t header = FRAME_IP + (size_t)spec->options * 4, len;

	out[0] = (__u8)(0x40 | header / 4);
	put16(out + 4, spec->id);
	put16(out + 6, spec->frag);
	out[8] = (__u8)((spec->ttl ? spec->ttl : 64) - spec->ttl_minus);
	out[9] = spec->proto;
	memcpy(out + 12, &spec->src, 4);
	memcpy(out + 16, &spec->dst, 4);
	/* No-operation options. */
	memset(out + FRAME_IP, 1, header - FRAME_IP);
	len = header + build_l4(spec, out, out + header);
	put16(out + 2, (__u16)len);
	put16(out + 10, frame_checksum(out, header, 0));
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

void frame_build(const struct spec *spec, struct frame *ret_frame)
{
	size_t len = FRAME_ETH;
	__u8 *data = ret_frame->data;

	memset(ret_frame, 0, sizeof(*ret_frame));
	if (spec->dmac) {
		memcpy(data, spec->dmac, 6);
	}
	if (spec->smac) {
		memcpy(data + 6, spec->smac, 6);
	}
	if (spec->vlan) {
		put16(data + 12, spec->vlan);
		put16(data + 14, 5);
		len += 4;
	}
	put16(data + len - 2, spec->ether ? spec->ether : ETHERTYPE_IP);
	if (spec->ether) {
		memset(data + len, 0x60, 46);
		len += 46;
	} else {
		len += build_l3(spec, data + len);
	}
	memset(data + len, 0xa5, spec->pad);
	ret_frame->len = (__u32)(len + spec->pad - spec->cut);
	apply_pokes(spec, ret_frame);
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
