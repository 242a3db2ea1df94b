/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * Is the packet what it says: checksums of the IPv4 header and of ICMP errors, IPv4 options, and
 * addresses that no packet may come from. TCP, UDP and echo checksums are for the receiver: they
 * are updated, so that what is wrong stays wrong. Includes after access_xdp.h or access_tc.h.
 */
#ifndef NATGW_BPF_VERIFY_H
#define NATGW_BPF_VERIFY_H

#include "options.h"
#include "policy.h"

/* What bpf_csum_diff adds up at once on kernel 6.1. */
#define VERIFY_CHUNK 512

/* In a map for the reason that is given at struct options_list; and bytes past the stack's size. */
struct verify_sum {
	__u8 bytes[VERIFY_CHUNK + 4]; /* a chunk, and zeros that fill up its last word */
	__u32 offset;		      /* the chunk that is next, and bytes from there on */
	__u32 rest;
	__u32 sum;
};

MAP(BPF_MAP_TYPE_PERCPU_ARRAY, __u32, struct verify_sum, 1) verify_sums __weak SEC(".maps");

/* ---- addresses ---- */

/* 0/8, 127/8, 224/4, 240/4 with the limited broadcast: nobody's address (RFC 1812 5.3.7). */
static __always_inline bool verify_is_martian(__be32 addr)
{
	__u32 first = byteorder_host32(addr) >> 24;

	return first == 0 || first == 127 || first >= 224;
}

/*
 * NATGW_OK, or NATGW_DROP_MARTIAN: a source that nobody has, or that is the destination (LAND).
 * What goes to many (DHCP, IGMP of a host without an address) is the kernel's to judge; and what is
 * hairpinned comes in with one EIP on both sides.
 */
static __always_inline enum natgw_verdict verify_addresses(const struct packet *pkt)
{
	if (policy_is_multicast(pkt->daddr)) {
		return NATGW_OK;
	}
	if (verify_is_martian(pkt->saddr) || (pkt->saddr == pkt->daddr && !pkt->hairpin)) {
		return NATGW_DROP_MARTIAN;
	}
	return NATGW_OK;
}

/* ---- the IPv4 header ---- */

/* The sum over data that holds its own checksum. */
static __always_inline bool verify_is_right(__u64 sum)
{
	return checksum_fold(sum) == 0xffff;
}

/* The kernel has seen to a packet that it sends, and may leave the length out of a big one. */
static __always_inline bool verify_is_due(const struct packet *pkt, const struct iphdr *ip)
{
	return pkt->hook != NATGW_HOOK_TC_EGRESS && ip->tot_len;
}

static __always_inline __u64 verify_header_sum(const struct iphdr *ip)
{
	const __u32 *words = (const void *)ip;

	return (__u64)words[0] + words[1] + words[2] + words[3] + words[4];
}

/*
 * The options, whose length follows from pkt->l3 and pkt->l4; sum: of the header before them, 0
 * when the checksum is not to be looked at (a header's sum is never 0). Returns enum natgw_verdict.
 * __noinline: few packets have any.
 */
static __noinline int verify_options(access_ctx *ctx, const struct packet *pkt, __u64 sum)
{
	__u32 len = pkt->l4 - pkt->l3 - IPV4_HLEN;
	struct options_list *list = options_walk(
		ctx, pkt->l3 + IPV4_HLEN, len, OPTIONS_IPV4_LOOSE_ROUTE, OPTIONS_IPV4_STRICT_ROUTE);

	if (!list) {
		return NATGW_DROP_INTERNAL;
	}
	len &= OPTIONS_MASK & ~3U;
	if (sum && !verify_is_right(
			   sum + (__u32)bpf_csum_diff((void *)0, 0, (void *)list->bytes, len, 0))) {
		return NATGW_DROP_BAD_CHECKSUM;
	}
	if (list->broken) {
		return NATGW_DROP_MALFORMED;
	}
	return list->found ? NATGW_DROP_IP_OPTION : NATGW_OK;
}

/* The header at ip; pkt->l3 and pkt->l4 are known. */
static __always_inline enum natgw_verdict verify_header(access_ctx *ctx, const struct packet *pkt,
							const struct iphdr *ip)
{
	__u64 sum = verify_is_due(pkt, ip) ? verify_header_sum(ip) : 0;

	if (pkt->l4 - pkt->l3 != IPV4_HLEN) {
		return verify_options(ctx, pkt, sum);
	}
	return sum && !verify_is_right(sum) ? NATGW_DROP_BAD_CHECKSUM : NATGW_OK;
}

/* ---- ICMP errors ---- */

struct verify_walk {
	access_ctx *ctx;
	struct verify_sum *sum;
};

/* A callback of bpf_loop, for one chunk: 1 when it cannot be read. */
static long verify_chunk(__u32 i, struct verify_walk *walk)
{
	struct verify_sum *sum = walk->sum;
	__u32 len = sum->rest;

	(void)i;
	if (len > VERIFY_CHUNK) {
		len = VERIFY_CHUNK;
	}
	/* Signed, and not seen through by clang: kernel 6.1 learns nothing from a comparison with
	 * 0. */
	asm volatile("" : "+r"(len));
	if ((__s32)len < 1 || access_load(walk->ctx, sum->offset, sum->bytes, len)) {
		return 1;
	}
	sum->offset += len;
	sum->rest -= len;
	__builtin_memset(sum->bytes + len, 0, 4);
	sum->sum = (__u32)bpf_csum_diff((void *)0, 0, (void *)sum->bytes, (len + 3) & ~3U,
					(BYTEORDER_FORCE __wsum)sum->sum);
	return 0;
}

/* The sum over "len" bytes from "offset" on; false when they cannot be read. */
static __always_inline bool verify_add_up(struct verify_walk *walk, __u32 offset, __u32 len)
{
	walk->sum->offset = offset;
	walk->sum->rest = len;
	walk->sum->sum = 0;
	bpf_loop((len + VERIFY_CHUNK - 1) / VERIFY_CHUNK, verify_chunk, walk, 0);
	return !walk->sum->rest;
}

/*
 * The checksums of an ICMP error and of the IPv4 header that it quotes (RFC 5508 REQ-3, 3a).
 * Returns enum natgw_verdict: NATGW_OK, NATGW_DROP_BAD_CHECKSUM, or NATGW_DROP_INTERNAL. For errors
 * that quote a session only: the work grows with the packet. Not for those that the kernel has just
 * made itself.
 */
static __noinline int verify_icmp_error(access_ctx *ctx, const struct packet *pkt)
{
	struct verify_walk walk = { .ctx = ctx };
	__u32 zero = 0;

	if (pkt->hook == NATGW_HOOK_TC_EGRESS && !pkt->ifindex) {
		return NATGW_OK;
	}
	walk.sum = bpf_map_lookup_elem(&verify_sums, &zero);
	if (!walk.sum || !verify_add_up(&walk, pkt->l4, pkt->l3_len - (__u32)(pkt->l4 - pkt->l3))) {
		return NATGW_DROP_INTERNAL;
	}
	if (!verify_is_right(walk.sum->sum)) {
		return NATGW_DROP_BAD_CHECKSUM;
	}
	if (!verify_add_up(&walk, pkt->quote_l3, pkt->quote_l4 - pkt->quote_l3)) {
		return NATGW_DROP_INTERNAL;
	}
	return verify_is_right(walk.sum->sum) ? NATGW_OK : NATGW_DROP_BAD_CHECKSUM;
}

#endif
