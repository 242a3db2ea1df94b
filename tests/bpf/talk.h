/* SPDX-License-Identifier: GPL-2.0-only */
/* A connection of a client, or what is one in UDP and ICMP, packet by packet, with the numbers that
 * real ones carry. */
#ifndef NATGW_TESTS_BPF_TALK_H
#define NATGW_TESTS_BPF_TALK_H

#include "walk.h"

#define TALK_SEEN_OPEN (NATGW_SEEN_REPLY | NATGW_SEEN_HANDSHAKE)

struct talk {
	__be32 client;
	__be32 remote;
	__be32 eip;	/* as the last packet of the client left with it */
	__u32 next_out; /* sequence number of the client's next byte */
	__u32 next_in;
	__u16 client_port; /* ICMP: the identifier */
	__u16 remote_port; /* ICMP: 0 */
	__u16 port;	   /* external port, of the last packet of the client; 0: none left */
	__u8 proto;
};

/* Of the standard client's standard port to the standard remote endpoint. */
struct talk talk_new(__u8 proto);

/* What talk_send and talk_receive would send. */
struct spec talk_outbound(const struct talk *talk, __u8 flags, __u16 payload);
struct spec talk_inbound(const struct talk *talk, __u8 flags, __u16 payload);

/* true: it came through, and by the right port and to the right client. */
bool talk_send(struct talk *talk, __u8 flags, __u16 payload);
bool talk_receive(struct talk *talk, __u8 flags, __u16 payload);
/* The same once more, with the numbers of the last one; nothing is counted of it. */
bool talk_send_at(struct talk *talk, __u8 flags, __u16 payload, __u32 seq);
bool talk_receive_at(struct talk *talk, __u8 flags, __u16 payload, __u32 seq);

/* What makes the session, and what answers it; fails the test when either does not come through.
 * TCP: the whole handshake. */
void talk_open(struct talk *talk);
/* Both FINs and the last ACK. */
void talk_close(struct talk *talk);
/* First packet of a new session: the external port, 0: refused. */
__u16 talk_begin(struct talk *talk);

/* Both rows of the session stand, agree, and are so. */
void talk_require(const struct talk *talk, __u32 state, __u32 seen);
/* The inbound row; false: there is none. */
bool talk_inbound_row(const struct talk *talk, struct natgw_session *ret_row);

#endif
