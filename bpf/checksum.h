/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * Incremental internet checksums (RFC 1624, equation 3). Pure arithmetic on raw words as they lie
 * in memory, so the byte order does not matter; also compiled on the host by the unit tests.
 */
#ifndef NATGW_BPF_CHECKSUM_H
#define NATGW_BPF_CHECKSUM_H

/* Sum of up to 65,536 16-bit words, folded to 16 bits with the carries added back. */
static __always_inline __u16 checksum_fold(__u64 sum)
{
	sum = (sum & 0xffffffff) + (sum >> 32);
	sum = (sum & 0xffff) + (sum >> 16);
	sum = (sum & 0xffff) + (sum >> 16);
	sum = (sum & 0xffff) + (sum >> 16);
	return (__u16)sum;
}

/* The checksum after one 16-bit word of the data went from "from" to "to": ~(~HC + ~m + m'). */
static __always_inline __u16 checksum_replace16(__u16 check, __u16 from, __u16 to)
{
	return (__u16)~checksum_fold((__u64)(__u16)~check + (__u16)~from + to);
}

/* The same for an aligned 32-bit word, which counts as its two halves. */
static __always_inline __u16 checksum_replace32(__u16 check, __u32 from, __u32 to)
{
	return (__u16)~checksum_fold((__u64)(__u16)~check + (__u32)~from + to);
}

/* A 16-bit field at an odd offset counts in the sum as its bytes the other way round (RFC 1071
 * section 2B). */
static __always_inline __u16 checksum_odd16(__u16 word)
{
	return __builtin_bswap16(word);
}

/*
 * UDP: 0 on the wire means "no checksum" (RFC 768), so a computed 0 is sent as 0xffff. TCP and ICMP
 * have no such rule.
 */
static __always_inline __u16 checksum_udp(__u16 check)
{
	return check ? check : 0xffff;
}

#endif
