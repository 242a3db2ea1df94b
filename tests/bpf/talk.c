// SPDX-License-Identifier: GPL-2.0-only
/* Conversations. */
#include "talk.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

#define FIRST_OUT 0x7fffff00U /* so that numbers pass 2^31 */
#define FIRST_IN 0xfffffff0U  /* and 2^32 */
#define WINDOW 64240

struct talk talk_new(__u8 proto)
{
	struct talk talk = {
		.proto = proto,
		.client = CLIENT,
		.remote = REMOTE,
		.client_port = INT_PORT,
		.remote_port = proto == PROTO_ICMP ? 0 : REM_PORT,
		.next_out = FIRST_OUT,
		.next_in = FIRST_IN,
	};

	return talk;
}

struct spec talk_outbound(const struct talk *talk, __u8 flags, __u16 payload)
{
	struct spec spec = walk_outbound(talk->proto, flags);

	spec.src = talk->client;
	spec.dst = talk->remote;
	spec.smac = talk->client == CLIENT_B ? mac_client_b : mac_client;
	spec.sport = talk->client_port;
	spec.dport = talk->remote_port;
	spec.payload = payload;
	spec.numbered = true;
	spec.window = WINDOW;
	spec.seq = talk->next_out;
	spec.ack = flags & ACK ? talk->next_in : 0;
	return spec;
}

struct spec talk_inbound(const struct talk *talk, __u8 flags, __u16 payload)
{
	struct spec spec = walk_inbound(talk->proto, flags, talk->port);

	spec.src = talk->remote;
	spec.dst = talk->eip;
	spec.sport = talk->remote_port;
	spec.payload = payload;
	spec.numbered = true;
	spec.window = WINDOW;
	spec.seq = talk->next_in;
	spec.ack = flags & ACK ? talk->next_out : 0;
	return spec;
}

static __u32 length(__u8 flags, __u16 payload)
{
	return (__u32)payload + !!(flags & SYN) + !!(flags & FIN);
}

static __u16 left_by(const struct talk *talk)
{
	return frame_get16(&walk.out, frame_l4(&walk.out) + (talk->proto == PROTO_ICMP ? 4 : 0));
}

static bool send(struct talk *talk, const struct spec *spec)
{
	if (!walk_send(spec)) {
		return false;
	}
	talk->port = left_by(talk);
	talk->eip = frame_src(&walk.out);
	return true;
}

static bool receive(const struct talk *talk, const struct spec *spec)
{
	if (!walk_receive(spec)) {
		return false;
	}
	assert_int_equal(frame_dst(&walk.out), talk->client);
	assert_int_equal(
		frame_get16(&walk.out, frame_l4(&walk.out) + (talk->proto == PROTO_ICMP ? 4 : 2)),
		talk->client_port);
	return true;
}

bool talk_send(struct talk *talk, __u8 flags, __u16 payload)
{
	struct spec spec = talk_outbound(talk, flags, payload);

	talk->next_out += length(flags, payload);
	return send(talk, &spec);
}

bool talk_receive(struct talk *talk, __u8 flags, __u16 payload)
{
	struct spec spec = talk_inbound(talk, flags, payload);

	talk->next_in += length(flags, payload);
	return receive(talk, &spec);
}

bool talk_send_at(struct talk *talk, __u8 flags, __u16 payload, __u32 seq)
{
	struct spec spec = talk_outbound(talk, flags, payload);

	spec.seq = seq;
	return send(talk, &spec);
}

bool talk_receive_at(struct talk *talk, __u8 flags, __u16 payload, __u32 seq)
{
	struct spec spec = talk_inbound(talk, flags, payload);

	spec.seq = seq;
	return receive(talk, &spec);
}

__u16 talk_begin(struct talk *talk)
{
	talk->port = 0;
	talk->next_out = FIRST_OUT;
	talk->next_in = FIRST_IN;
	return talk_send(talk, SYN, talk->proto == PROTO_TCP ? 0 : 8) ? talk->port : 0;
}

void talk_open(struct talk *talk)
{
	assert_true(talk_begin(talk) > 0);
	assert_true(talk_receive(talk, SYN | ACK, talk->proto == PROTO_TCP ? 0 : 8));
	if (talk->proto == PROTO_TCP) {
		assert_true(talk_send(talk, ACK, 0));
	}
}

void talk_close(struct talk *talk)
{
	assert_true(talk_send(talk, FIN | ACK, 0));
	assert_true(talk_receive(talk, FIN | ACK, 0));
	assert_true(talk_send(talk, ACK, 0));
}

static struct pair pair_of(const struct talk *talk)
{
	struct pair pair = {
		.proto = talk->proto,
		.int_addr = talk->client,
		.ext_addr = talk->eip,
		.rem_addr = talk->remote,
		.int_port = talk->client_port,
		.ext_port = talk->port,
		.rem_port = talk->remote_port,
	};

	return pair;
}

bool talk_inbound_row(const struct talk *talk, struct natgw_session *ret_row)
{
	struct pair pair = pair_of(talk);

	return pair_inbound(walk.bench, &pair, ret_row);
}

void talk_require(const struct talk *talk, __u32 state, __u32 seen)
{
	struct pair pair = pair_of(talk);
	struct natgw_session out, in;

	assert_true(pair_outbound(walk.bench, &pair, &out));
	assert_true(pair_inbound(walk.bench, &pair, &in));
	assert_int_equal(out.word, in.word);
	assert_int_equal(row_state(&in), state);
	assert_int_equal(row_seen(&in), seen);
}
