// SPDX-License-Identifier: GPL-2.0-only
/* ICMP errors with quotes of every shape, and datagrams in pieces. */
#include "mutate_internal.h"

#include <string.h>

/* ---- ICMP errors ---- */

static void add_error(struct mutate *mutate, struct spec *error, struct spec *quoted)
{
	static const __u8 types[] = { TYPE_UNREACHABLE, TYPE_UNREACHABLE, TYPE_TIME_EXCEEDED,
				      TYPE_PARAMETER };
	static const __u16 mtus[] = { 1400, 1280, 576, 68, 67, 20, 0 };
	static const __u16 lengths[] = { 8, 8, 20, 28, 64, 128, 500, 18, 17, 7, 4, 0 };

	error->proto = PROTO_ICMP;
	error->type = MUTATE_PICK(mutate, types);
	error->code = (__u8)mutate_below(mutate, 5);
	error->payload = 0;
	error->options = 0;
	error->quote = quoted;
	error->quote_l4 = MUTATE_PICK(mutate, lengths);
	if (error->type == TYPE_UNREACHABLE && error->code == 4) {
		error->mtu = MUTATE_PICK(mutate, mtus);
	} else if (mutate_once(mutate, 6)) {
		/* RFC 4884: 128 bytes and an extension behind them. */
		error->quote_words = 32;
		error->quote_l4 = 64;
		error->quote_unsaid = mutate_once(mutate, 3);
	}
	quoted->pad = 0;
	quoted->ttl = (__u8)(1 + mutate_below(mutate, 64));
	if (mutate_once(mutate, 6)) {
		quoted->options = (__u8)(1 + mutate_below(mutate, 10));
		quoted->option_bytes = NULL;
	}
	if (mutate_once(mutate, 8)) {
		quoted->frag =
			mutate_once(mutate, 2) ? FRAG_MF : (__u16)mutate_below(mutate, 65536);
	}
}

/* Now and then the quote is not what it should be. */
static void spoil_quote(struct mutate *mutate, struct spec *quoted, struct spec *nested)
{
	switch (mutate_below(mutate, 24)) {
	case 0:
		quoted->src = CLIENT;
		break;
	case 1:
		quoted->dst = CLIENT_B;
		break;
	case 2:
		quoted->proto = 47;
		break;
	case 3:
		quoted->bad_ip = 1;
		break;
	case 4: /* an error about an error */
		*nested = *quoted;
		quoted->proto = PROTO_ICMP;
		quoted->type = TYPE_UNREACHABLE;
		quoted->quote = nested;
		quoted->quote_l4 = 8;
		break;
	case 5:
		quoted->dport ^= 1;
		break;
	default:
		break;
	}
}

void mutate_error(struct mutate *mutate, const struct mutate_flow *flow,
		  struct mutate_frame *ret_frame)
{
	static const __be32 routers[] = { REMOTE, IP(192, 0, 2, 254), IP(203, 0, 113, 1) };
	bool inbound = flow->known && flow->kind != MUTATE_HAIRPIN && mutate_once(mutate, 2);
	struct spec quoted = inbound ? mutate_outbound(mutate, flow) : mutate_inbound(mutate, flow);
	struct spec nested, error;

	if (inbound) {
		/* About what left: as the wire has it. */
		quoted.src = flow->ext_addr;
		quoted.sport = flow->ext_port;
		quoted.dport = flow->wire_port;
		error = (struct spec){ .src = mutate_once(mutate, 2) ? flow->remote
								     : MUTATE_PICK(mutate, routers),
				       .dst = flow->ext_addr };
		ret_frame->place = MUTATE_EXTERNAL;
	} else {
		/* About what reached the client, or would have. */
		quoted.src = flow->remote;
		quoted.dst = flow->client;
		quoted.sport = flow->remote_port;
		quoted.dport = flow->client_port;
		error = (struct spec){ .src = flow->client, .dst = flow->remote };
		ret_frame->place = mutate_once(mutate, 4)   ? MUTATE_EGRESS
				   : mutate_once(mutate, 4) ? MUTATE_HOST
							    : MUTATE_INTERNAL;
	}
	if (ret_frame->place == MUTATE_HOST) {
		error.src = HOST_IP;
	}
	if (flow->kind == MUTATE_PUBLIC_OUT && mutate_once(mutate, 3)) {
		quoted.type = TYPE_ECHO;
	}
	add_error(mutate, &error, &quoted);
	spoil_quote(mutate, &quoted, &nested);
	ret_frame->kind = inbound ? MUTATE_ERROR_IN : MUTATE_ERROR_OUT;
	mutate_build(&error, ret_frame);
}

/* ---- fragments ---- */

/* Where the pieces end: multiples of 8, at random, but for the last one. */
static void cut(struct mutate *mutate, struct mutate_train *train)
{
	__u32 rest = train->length;

	train->count = 0;
	train->first[0] = 0;
	while (rest && train->count < MUTATE_PIECES) {
		__u32 piece = 8 * (1 + mutate_below(mutate, mutate_once(mutate, 2) ? 180 : 20));

		piece = piece < rest && train->count < MUTATE_PIECES - 1 ? piece : rest;
		piece = piece > 1480 ? 1480 : piece;
		train->first[train->count + 1] = (__u16)(train->first[train->count] + piece);
		train->order[train->count] = (__u8)train->count;
		train->count++;
		rest -= piece;
	}
	train->length = train->first[train->count];
}

/* In order most of the time; else two have changed places, or one comes twice. */
static void shuffle(struct mutate *mutate, struct mutate_train *train)
{
	__u32 one = mutate_below(mutate, train->count), other = mutate_below(mutate, train->count);
	__u8 keep = train->order[one];

	if (!mutate_once(mutate, 6)) {
		return;
	}
	train->order[one] = train->order[other];
	if (mutate_once(mutate, 2)) {
		train->order[other] = keep;
	}
}

/* Counted by each sender, from 1 on: two clients have the same ones, to the same server. */
static __u16 new_id(struct mutate *mutate, const struct mutate_train *train)
{
	__be32 src = train->inbound ? train->flow.remote : train->flow.client;
	__be32 dst = train->inbound ? train->flow.ext_addr : train->flow.remote;
	__u32 hash = (src * 31 + dst) * 31 + train->flow.proto;

	return ++mutate->ids[(hash ^ hash >> 16) % MUTATE_IDS];
}

static void new_train(struct mutate *mutate, struct mutate_train *train)
{
	const struct mutate_flow *flow = &mutate->flows[mutate_below(mutate, MUTATE_FLOWS)];

	train->flow = *flow;
	train->inbound = flow->known && flow->kind != MUTATE_HAIRPIN && mutate_once(mutate, 2);
	train->place = train->inbound		? MUTATE_EXTERNAL
		       : mutate_once(mutate, 6) ? MUTATE_EGRESS
						: MUTATE_INTERNAL;
	train->id = new_id(mutate, train);
	train->length = (__u16)(40 + mutate_below(mutate, 2800));
	train->next = 0;
	train->number = ++mutate->train_number;
	cut(mutate, train);
	shuffle(mutate, train);
}

static struct spec train_spec(struct mutate *mutate, const struct mutate_train *train)
{
	struct spec spec = train->inbound ? mutate_inbound(mutate, &train->flow)
					  : mutate_outbound(mutate, &train->flow);
	static const __u16 header[] = {
		[PROTO_TCP] = FRAME_TCP, [PROTO_UDP] = 8, [PROTO_ICMP] = 8
	};

	/* The same datagram each time. */
	spec.src = train->inbound ? train->flow.remote : train->flow.client;
	spec.sport = train->inbound ? train->flow.wire_port : train->flow.client_port;
	spec.flags = SYN;
	spec.numbered = false;
	spec.tcp_options = 0;
	spec.no_check = false;
	spec.options = 0;
	spec.pad = 0;
	spec.ttl = 64;
	spec.tos = 0;
	spec.id = train->id;
	spec.payload = (__u16)(train->length - header[train->flow.proto]);
	return spec;
}

void mutate_fragment(struct mutate *mutate, struct mutate_frame *ret_frame)
{
	struct mutate_train *train = &mutate->trains[mutate_below(mutate, MUTATE_TRAINS)];
	struct spec spec;
	__u32 piece;

	if (train->next == train->count) {
		new_train(mutate, train);
	}
	piece = train->order[train->next++];
	spec = train_spec(mutate, train);
	spec.frag = (__u16)(train->first[piece] / 8);
	spec.frag |= piece + 1 < train->count ? FRAG_MF : 0;
	spec.piece = (__u16)(train->first[piece + 1] - train->first[piece]);
	ret_frame->kind = train->inbound ? MUTATE_FRAGMENT_IN : MUTATE_FRAGMENT_OUT;
	ret_frame->place = train->place;
	ret_frame->train = train->number;
	ret_frame->is_first = piece == 0;
	mutate_build(&spec, ret_frame);
}
