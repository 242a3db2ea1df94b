/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * Frames at random, from one seed: valid ones of every kind that the gateway of world.h may meet,
 * the same with some bytes changed, and noise. What left the gateway is told to it, so that what
 * comes in next belongs to sessions that stand.
 */
#ifndef NATGW_TESTS_BPF_MUTATE_H
#define NATGW_TESTS_BPF_MUTATE_H

#include "frame.h"

#define MUTATE_FRAME_MAX 1514
#define MUTATE_BYTES_MAX 8

enum mutate_place {
	MUTATE_INTERNAL, /* comes in by the internal interface */
	MUTATE_EXTERNAL,
	MUTATE_EGRESS, /* leaves by the external interface, forwarded by the kernel */
	MUTATE_HOST,   /* the same, made by the host */
	MUTATE_PLACE_COUNT,
};

/* What a frame belongs to, when no byte of it is changed. */
enum mutate_kind {
	MUTATE_NOISE,
	MUTATE_LINK,	  /* ARP, IPv6, tags */
	MUTATE_STRANGER,  /* no session's, and from or to addresses that mean something */
	MUTATE_PLAIN_OUT, /* TCP, UDP, echo of a client */
	MUTATE_PLAIN_IN,
	MUTATE_SECOND_OUT, /* gateway 2, in two stages */
	MUTATE_SECOND_IN,
	MUTATE_PUBLIC_OUT, /* of the host with a public address */
	MUTATE_PUBLIC_IN,
	MUTATE_DNAT_OUT,
	MUTATE_DNAT_IN,
	MUTATE_FORWARD_OUT, /* what a port forward's host answers */
	MUTATE_FORWARD_IN,
	MUTATE_OPEN_OUT, /* endpoint-independent mapping */
	MUTATE_OPEN_IN,
	MUTATE_HAIRPIN,
	MUTATE_ERROR_OUT,
	MUTATE_ERROR_IN,
	MUTATE_FRAGMENT_OUT,
	MUTATE_FRAGMENT_IN,
	MUTATE_KIND_COUNT,
};

/* A conversation: a client, a remote endpoint, and what the gateway has made of the client. */
struct mutate_flow {
	__u8 kind; /* enum mutate_kind, its outbound one */
	__u8 proto;
	bool known; /* ext_addr and ext_port have been seen */
	__be32 client;
	__be32 remote;
	__be32 ext_addr;
	__u16 client_port; /* host order; ICMP: the identifier */
	__u16 remote_port; /* as the client names it */
	__u16 wire_port;   /* the remote's own */
	__u16 ext_port;
};

#define MUTATE_FLOWS 192
#define MUTATE_TRAINS 8
#define MUTATE_PIECES 8
#define MUTATE_IDS 1024

/* A datagram that comes in pieces. */
struct mutate_train {
	struct mutate_flow flow;
	bool inbound;
	enum mutate_place place;
	__u16 id;
	__u16 length; /* of all behind the IP header */
	__u32 count;  /* pieces; 0: no train */
	__u32 next;
	__u16 first[MUTATE_PIECES + 1]; /* bytes; piece i is first[i] .. first[i + 1] - 1 */
	__u8 order[MUTATE_PIECES];
	__u32 number; /* of the train, from 1 on */
};

struct mutate {
	__u64 state;
	struct mutate_flow flows[MUTATE_FLOWS];
	struct mutate_train trains[MUTATE_TRAINS];
	__u32 train_number;
	__u16 ids[MUTATE_IDS]; /* by sender, receiver and protocol */
};

struct mutate_frame {
	struct frame frame;
	enum mutate_place place;
	enum mutate_kind kind;
	__u32 changed; /* bytes; 0: as valid as it was made */
	__u32 flow;    /* index; MUTATE_FLOWS: of none */
	__u32 train;   /* its number, 0: in no train */
	bool is_first; /* of a train: the piece that has the ports */
};

void mutate_begin(struct mutate *mutate, __u64 seed);
void mutate_next(struct mutate *mutate, struct mutate_frame *ret_frame);
/* The frame has left by the external interface, as "out". */
void mutate_learn(struct mutate *mutate, const struct mutate_frame *sent, const struct frame *out);

/* 0 .. bound - 1 */
__u32 mutate_below(struct mutate *mutate, __u32 bound);
/* Makes right the checksums that can be: IPv4, TCP, UDP that has one, ICMP, and a quoted IPv4
 * header's. */
void mutate_repair(struct frame *frame);
const char *mutate_kind_name(enum mutate_kind kind);

#endif
