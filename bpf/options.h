/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * Lists of options, which IPv4 (RFC 791 3.1) and TCP (RFC 9293 3.2) write alike: a byte of kind, a
 * byte of length, data; two kinds are that one byte alone. Includes after access_xdp.h or
 * access_tc.h.
 */
#ifndef NATGW_BPF_OPTIONS_H
#define NATGW_BPF_OPTIONS_H

#include "maps.h"

#define OPTIONS_END 0
#define OPTIONS_NOTHING 1
#define OPTIONS_IPV4_LOOSE_ROUTE 131
#define OPTIONS_IPV4_STRICT_ROUTE 137
#define OPTIONS_TCP_MSS 2
#define OPTIONS_TCP_MSS_LEN 4

/* A header of 60 bytes has 40 of them. */
#define OPTIONS_LEN_MAX 40
#define OPTIONS_LEN_MIN 4
#define OPTIONS_MASK 0x3f

/*
 * A list and what a walk has found. In a map, not on the stack: kernel 6.1 looks at one round of a
 * loop only, and would take what stands on the stack before it for what stands there ever after.
 */
struct options_list {
	__u8 bytes[OPTIONS_MASK + 1];
	__u32 len;
	__u32 at;     /* the option that is next */
	__u32 found;  /* offset of the last one that was looked for, plus one; 0: none */
	__u32 broken; /* a length of 0 or 1, or past the end */
};

/* Written anew for each packet that has one; nothing in it outlives the packet. */
MAP(BPF_MAP_TYPE_PERCPU_ARRAY, __u32, struct options_list, 1) options __weak SEC(".maps");

/* What is looked for: either of two kinds. */
struct options_search {
	struct options_list *list;
	__u8 kind;
	__u8 other;
};

/* A callback of bpf_loop: 1 at the end. */
static long options_step(__u32 i, struct options_search *search)
{
	struct options_list *list = search->list;
	__u32 at = list->at, kind, length;

	(void)i;
	if (at >= list->len) {
		return 1;
	}
	kind = list->bytes[at & OPTIONS_MASK];
	if (kind == OPTIONS_END) {
		return 1;
	}
	length = 1;
	if (kind != OPTIONS_NOTHING) {
		/* Behind the last byte there is none that could be a length. */
		length = at + 1 < list->len ? list->bytes[(at + 1) & OPTIONS_MASK] : 0;
		if (length < 2 || at + length > list->len) {
			list->broken = 1;
			return 1;
		}
	}
	if (kind == search->kind || kind == search->other) {
		list->found = at + 1;
	}
	list->at = at + length;
	return 0;
}

/*
 * The list of "len" bytes (OPTIONS_LEN_MIN to OPTIONS_LEN_MAX) at "offset" in the frame, walked to
 * its end. NULL: it cannot be read.
 */
static __always_inline struct options_list *options_walk(access_ctx *ctx, __u32 offset, __u32 len,
							 __u8 kind, __u8 other)
{
	struct options_search search = { .kind = kind, .other = other };
	__u32 zero = 0;

	search.list = bpf_map_lookup_elem(&options, &zero);
	len &= OPTIONS_MASK;
	if (!search.list || len < OPTIONS_LEN_MIN ||
	    access_load(ctx, offset, search.list->bytes, len)) {
		return (void *)0;
	}
	search.list->len = len;
	search.list->at = 0;
	search.list->found = 0;
	search.list->broken = 0;
	bpf_loop(OPTIONS_LEN_MAX, options_step, &search, 0);
	return search.list;
}

#endif
