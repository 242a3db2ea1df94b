/* SPDX-License-Identifier: GPL-2.0-only */
/* Host and network order, with types that sparse checks. */
#ifndef NATGW_BPF_BYTEORDER_H
#define NATGW_BPF_BYTEORDER_H

#include "vmlinux.h"
#include <bpf/bpf_helpers.h>

#ifdef __CHECKER__
#define BYTEORDER_FORCE __attribute__((force))
#else
#define BYTEORDER_FORCE
#endif

static __always_inline __u16 byteorder_host16(__be16 wire)
{
	return __builtin_bswap16((BYTEORDER_FORCE __u16)wire);
}

static __always_inline __u32 byteorder_host32(__be32 wire)
{
	return __builtin_bswap32((BYTEORDER_FORCE __u32)wire);
}

static __always_inline __be16 byteorder_wire16(__u16 host)
{
	return (BYTEORDER_FORCE __be16)__builtin_bswap16(host);
}

static __always_inline __be32 byteorder_wire32(__u32 host)
{
	return (BYTEORDER_FORCE __be32)__builtin_bswap32(host);
}

/* The bits as they are in memory, for checksums and keys that do not care for the order. */
#define BYTEORDER_RAW16(wire) ((BYTEORDER_FORCE __u16)(wire))
#define BYTEORDER_RAW32(wire) ((BYTEORDER_FORCE __u32)(wire))

#endif
