/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * Sets of ports (struct natgw_port_bits): a bit for each port, and a summary of the words that are
 * full, so that a free port is found by a few steps however full the set is. Several CPUs change a
 * set at once; a summary bit may lag behind its word for a moment, never for good.
 */
#ifndef NATGW_BPF_PORTSET_H
#define NATGW_BPF_PORTSET_H

#include "maps.h"

#define PORTSET_WORDS 1024
/* Ports at random, before the summary is asked: those that it finds are a little less evenly
 * spread.
 */
#define PORTSET_TRIES 8
#define PORTSET_STALE_WORDS 4 /* words that filled up since their summary was read */

struct portset_range {
	__u32 first;
	__u32 last; /* inclusive */
};

/* One of the bits that are set, at or after a random one, in a circle. */
static __always_inline __u32 portset_select(__u64 bits, __u32 random)
{
	__u32 shift = random & 63;

	return (natgw_lowest_bit(bits >> shift | bits << ((64 - shift) & 63)) + shift) & 63;
}

/* Bits of 64 numbers from "base" on that lie in the range. */
static __always_inline __u64 portset_mask(__u32 base, struct portset_range range)
{
	__u64 mask = ~0ULL;

	if (range.first > base + 63 || range.last < base) {
		return 0;
	}
	if (range.first > base) {
		mask <<= (range.first - base) & 63;
	}
	if (range.last < base + 63) {
		mask &= ~0ULL >> ((base + 63 - range.last) & 63);
	}
	return mask;
}

static __always_inline bool portset_has(const struct natgw_port_bits *set, __u32 port)
{
	/* The verifier does not know that a swapped 16-bit value is one, and clang does: it drops
	 * the mask. */
	asm volatile("" : "+r"(port));
	return set->word[(port >> 6) & 1023] >> (port & 63) & 1;
}

/* 1: this CPU has put it in. A global function, as others below: the verifier looks at it once. */
__noinline __weak int portset_put(struct natgw_port_bits *set, __u32 port, __u32 first, __u32 last)
{
	const struct portset_range range = { first, last };
	__u64 bit = 1ULL << (port & 63), before, full;
	__u32 word;

	if (!set) {
		return 0;
	}
	asm volatile("" : "+r"(port));
	word = (port >> 6) & 1023;
	before = __sync_fetch_and_or(&set->word[word], bit);
	full = ~portset_mask(word << 6, range);
	if ((before | bit | full) == ~0ULL) {
		(void)NATGW_TABLE_OR(&set->summary[word >> 6], 1ULL << (word & 63));
		/* Taken out again just now: then that CPU may have cleared the summary before. */
		if ((*(volatile __u64 *)&set->word[word] | full) != ~0ULL) {
			(void)NATGW_TABLE_AND(&set->summary[word >> 6], ~(1ULL << (word & 63)));
		}
	}
	return !(before & bit);
}

static __always_inline bool portset_add(struct natgw_port_bits *set, __u32 port,
					struct portset_range range)
{
	return portset_put(set, port, range.first, range.last);
}

/* true: this CPU has taken it out. */
static __always_inline bool portset_remove(struct natgw_port_bits *set, __u32 port)
{
	__u64 bit = 1ULL << (port & 63), before;
	__u32 word;

	asm volatile("" : "+r"(port));
	word = (port >> 6) & 1023;
	before = __sync_fetch_and_and(&set->word[word], ~bit);
	if (before & bit) {
		(void)NATGW_TABLE_AND(&set->summary[word >> 6], ~(1ULL << (word & 63)));
	}
	return before & bit;
}

/*
 * A port of this stretch of 64 words that is not in the set, looked for from port "from" on in a
 * circle; 0: none. A global function, as the next one: the verifier looks at it once.
 */
__noinline __weak int portset_pick_from(const struct natgw_port_bits *set, __u32 stretch,
					__u32 first, __u32 last, __u32 from)
{
	const struct portset_range range = { first, last }, words = { first >> 6, last >> 6 };
	__u64 open;

	if (!set) {
		return 0;
	}
	stretch &= 15;
	open = ~set->summary[stretch] & portset_mask(stretch << 6, words);
	for (int i = 0; i < PORTSET_STALE_WORDS && open; i++) {
		__u32 word = stretch << 6 | portset_select(open, from >> 6);
		__u64 free_bits;

		asm volatile("" : "+r"(word));
		free_bits = ~set->word[word & 1023] & portset_mask(word << 6, range);

		if (free_bits) {
			return (int)(word << 6 | portset_select(free_bits, from));
		}
		open &= ~(1ULL << (word & 63));
	}
	return 0;
}

/* 1: by the summary a word of this stretch of 64 has room. By itself: kernel 6.1 would look at
 * every way through all stretches. */
__noinline __weak int portset_is_open(const struct natgw_port_bits *set, __u32 stretch, __u32 first,
				      __u32 last)
{
	const struct portset_range words = { first >> 6, last >> 6 };

	if (!set) {
		return 0;
	}
	stretch &= 15;
	return !!(~set->summary[stretch] & portset_mask(stretch << 6, words));
}

static __always_inline bool portset_is_full(const struct natgw_port_bits *set, __u32 first,
					    __u32 last)
{
	for (__u32 i = 0; i < 16; i++) {
		if (portset_is_open(set, i, first, last)) {
			return false;
		}
	}
	return true;
}

/*
 * A port of first .. first + count - 1 that is not in the set, at random (RFC 6056); 0: none was
 * found.
 */
__noinline __weak int portset_pick(const struct natgw_port_bits *set, __u32 first, __u32 count)
{
	__u32 port;

	if (!set || !count) {
		return 0;
	}
	for (int i = 0; i < PORTSET_TRIES; i++) {
		port = first + bpf_get_prandom_u32() % count;
		if (!portset_has(set, port)) {
			return (int)port;
		}
		if (!i && portset_is_full(set, first, first + count - 1)) {
			return 0;
		}
	}
	/* From a fresh one on: the last one is known to be in use. */
	port = first + bpf_get_prandom_u32() % count;
	for (__u32 i = 0; i < 16; i++) {
		int found =
			portset_pick_from(set, (port >> 12) + i, first, first + count - 1, port);

		if (found) {
			return found;
		}
	}
	return 0;
}

#endif
