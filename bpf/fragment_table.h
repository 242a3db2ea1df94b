/* SPDX-License-Identifier: GPL-2.0-only */
/* Rows of "fragments", and the share that each sender has of them. */
#ifndef NATGW_BPF_FRAGMENT_TABLE_H
#define NATGW_BPF_FRAGMENT_TABLE_H

#include "byteorder.h"
#include "clock.h"
#include "policy.h"

/* Of struct natgw_fragment, flags. */
#define FRAGMENT_LAST_SEEN 0x01
#define FRAGMENT_KERNEL 0x02 /* it came out of order: all its fragments are the kernel's */
/* Inbound: the first one was too big for the next link. The kernel routes it, translated, and may
 * be waiting for the others. */
#define FRAGMENT_ROUTED 0x04
/* And so XDP has handed it up. The others may be in the same batch, before tc has seen it. */
#define FRAGMENT_AHEAD 0x08
#define FRAGMENT_PLAIN 0x10 /* not translated: a rule says so */

static __always_inline void fragment_key(const struct packet *pkt, struct natgw_fragment_key *key)
{
	key->saddr = pkt->saddr;
	key->daddr = pkt->daddr;
	key->id = pkt->ip_id;
	key->proto = pkt->proto;
	key->direction = pkt->direction;
}

/* Multiplied by odd constants: neighbours spread. */
static __always_inline __u32 fragment_hash(__be32 addr)
{
	return (byteorder_host32(addr) * 0x9e3779b1U) >> 16;
}

static __always_inline __u64 *fragment_use_of(__be32 sender)
{
	__u32 index = fragment_hash(sender) & (NATGW_FRAGMENT_SOURCES - 1);

	return bpf_map_lookup_elem(&fragment_use, &index);
}

/* The row goes, and with it its part of the sender's share. */
static __always_inline void fragment_delete(const struct natgw_fragment_key *key)
{
	__u64 *use = fragment_use_of(key->saddr);

	if (!bpf_map_delete_elem(&fragments, key) && use) {
		__sync_fetch_and_add(use, -1);
	}
}

static __always_inline bool fragment_is_alive(const struct natgw_fragment *row, __u32 now)
{
	return clock_since(now, row->since) < NATGW_FRAGMENT_LIFE;
}

#endif
