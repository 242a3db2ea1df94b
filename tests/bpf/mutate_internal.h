/* SPDX-License-Identifier: GPL-2.0-only */
/* The parts of the generator. */
#ifndef NATGW_TESTS_BPF_MUTATE_INTERNAL_H
#define NATGW_TESTS_BPF_MUTATE_INTERNAL_H

#include "mutate.h"
#include "world.h"

#define MUTATE_PICK(mutate, from) ((from)[mutate_below((mutate), sizeof(from) / sizeof((from)[0]))])

#define MUTATE_REMOTE_PORTS                 \
	{                                   \
		80, 443, 53, 5201, 65535, 1 \
	}

__u64 mutate_number(struct mutate *mutate);

/* One time in "of". */
static inline bool mutate_once(struct mutate *mutate, __u32 of)
{
	return mutate_below(mutate, of) == 0;
}

/* A packet of the flow, as the client sends it or as its remote endpoint does. */
struct spec mutate_outbound(struct mutate *mutate, const struct mutate_flow *flow);
struct spec mutate_inbound(struct mutate *mutate, const struct mutate_flow *flow);
/* MAC addresses by the place, and the frame. */
void mutate_build(struct spec *spec, struct mutate_frame *ret_frame);
/* Another conversation in place of the one at this index. */
void mutate_new_flow(struct mutate *mutate, __u32 index);

/* Of no conversation. */
void mutate_noise(struct mutate *mutate, struct mutate_frame *ret_frame);
void mutate_link(struct mutate *mutate, struct mutate_frame *ret_frame);
void mutate_stranger(struct mutate *mutate, struct mutate_frame *ret_frame);

/* ICMP errors about a packet of the flow. */
void mutate_error(struct mutate *mutate, const struct mutate_flow *flow,
		  struct mutate_frame *ret_frame);
/* The next piece of some datagram. */
void mutate_fragment(struct mutate *mutate, struct mutate_frame *ret_frame);

#endif
