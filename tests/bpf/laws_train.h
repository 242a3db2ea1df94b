/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * Fragments as they leave: the pieces of a datagram go the way of the first one, and no other
 * datagram under way looks the same to its receiver (RFC 6864). A part of laws.h.
 */
#ifndef NATGW_TESTS_BPF_LAWS_TRAIN_H
#define NATGW_TESTS_BPF_LAWS_TRAIN_H

#include "frame.h"

/* Trains that may be under way at a time, and have been shortly before. */
#define LAWS_TRAINS 512

/* By their hash; the next one with the same takes the place. */
#define LAWS_STRAYS 4096
/* Of 64 times 8 bytes; nothing longer is followed. */
#define LAWS_TRAIN_WORDS 8

/* A datagram in pieces, as it leaves. */
struct laws_train {
	__u32 number;	 /* 0: none */
	bool has_left;	 /* its first piece */
	bool is_spoiled; /* a first piece has come with changes: nothing is known of the others */
	__be32 src;
	__be32 dst;
	__u16 id;
	__u8 proto;
	__u32 when;		      /* its first piece left */
	__u64 gone[LAWS_TRAIN_WORDS]; /* bit: these 8 bytes of it have left */
};

/* A first fragment that belongs to no train, as it came in. */
struct laws_stray {
	__be32 src; /* 0: none */
	__be32 dst;
	__u16 id;
	__u8 proto;
	__u32 when;
};

struct laws_trains {
	struct laws_train trains[LAWS_TRAINS];
	struct laws_stray strays[LAWS_STRAYS];
	/* In the unit of "when": as long as fragments follow their first one; and what the clocks
	 * of judge and gateway may differ by. */
	__u32 life;
	__u32 slack;
};

/* A piece that nobody has changed, and that was sent on as "out". */
struct laws_piece {
	__u32 train; /* number */
	__u32 when;
	bool outbound;
	bool is_first;
	bool is_alone; /* no port is in question: each piece goes by itself */
	const struct frame *in;
	const struct frame *out;
};

/* NULL, or the law that is broken. */
const char *laws_train_follow(struct laws_trains *trains, const struct laws_piece *piece);
/* Its first piece was not what it should have been. */
void laws_train_spoil(struct laws_trains *trains, __u32 number);
/* A first fragment with changes was sent on: others may follow it that are not its own. */
void laws_train_stray(struct laws_trains *trains, const struct frame *in, __u32 when);

#endif
