// SPDX-License-Identifier: GPL-2.0-only
/* Floods. */
#include "flood.h"

#define ACTION_XDP_REDIRECT 4
#define ACTION_TC_REDIRECT 7
#define EVER 1000000U

struct flood_flow flood_flow(__u8 proto, __be32 remote, __u16 remote_port, __u32 number)
{
	struct flood_flow flow = {
		.proto = proto,
		.client = CLIENTS(number / 65535),
		.remote = remote,
		.client_port = (__u16)(1 + number % 65535),
		.remote_port = proto == PROTO_ICMP ? 0 : remote_port,
	};

	return flow;
}

static struct spec spec_of(const struct flood_flow *flow, __u8 flags)
{
	struct spec spec = {
		.smac = mac_client,
		.dmac = mac_int,
		.src = flow->client,
		.dst = flow->remote,
		.proto = flow->proto,
		.type = TYPE_ECHO,
		.sport = flow->client_port,
		.dport = flow->remote_port,
		.flags = flags,
	};

	return spec;
}

static bool is_sent(const struct bench_run *run)
{
	return run->retval == (run->prog <= BENCH_CHECK ? ACTION_XDP_REDIRECT : ACTION_TC_REDIRECT);
}

struct flood_got flood_open(const struct bench *bench, enum bench_prog prog,
			    const struct flood_flow *flow)
{
	struct spec spec = spec_of(flow, SYN);
	struct bench_run run = { .prog = prog };
	struct flood_got got = {};
	struct frame in;

	frame_build(&spec, &in);
	bench_run(bench, &in, &run);
	if (is_sent(&run)) {
		got.port = frame_get16(&run.out,
				       FRAME_ETH + FRAME_IP + (flow->proto == PROTO_ICMP ? 4 : 0));
		got.eip = frame_src(&run.out);
	}
	return got;
}

bool flood_send(const struct bench *bench, const struct flood_flow *flow, __u8 flags)
{
	struct spec spec = spec_of(flow, flags);
	struct bench_run run = { .prog = BENCH_XDP_INT };
	struct frame in;

	frame_build(&spec, &in);
	bench_run(bench, &in, &run);
	return is_sent(&run);
}

bool flood_receive(const struct bench *bench, const struct flood_flow *flow,
		   const struct flood_got *got, __u8 flags)
{
	struct spec spec = {
		.smac = mac_router,
		.dmac = mac_ext,
		.src = flow->remote,
		.dst = got->eip,
		.proto = flow->proto,
		.type = TYPE_ECHO_REPLY,
		.sport = flow->remote_port,
		.dport = got->port,
		.flags = flags,
		/* What the client has acknowledged, so that a RST is plausible. */
		.numbered = true,
		.seq = FRAME_ACK,
		.ack = FRAME_SEQ,
	};
	struct bench_run run = { .prog = BENCH_XDP_EXT };
	struct frame in;

	frame_build(&spec, &in);
	bench_run(bench, &in, &run);
	return is_sent(&run) && frame_dst(&run.out) == flow->client &&
	       frame_get16(&run.out, FRAME_ETH + FRAME_IP + (flow->proto == PROTO_ICMP ? 4 : 2)) ==
		       flow->client_port;
}

void flood_for_ever(struct natgw_gateway *gateway)
{
	for (int timer = 0; timer < NATGW_TIMER_HOLD_FIN; timer++) {
		gateway->timeout[timer] = EVER * NATGW_TICKS_PER_SECOND;
	}
}
