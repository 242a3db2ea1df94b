// SPDX-License-Identifier: GPL-2.0-only
/* Frames at random: which kind is next, conversations, noise, and what is changed in a frame. */
#include "mutate_internal.h"

#include <string.h>

#include "headers.h"

/* ---- numbers ---- */

/* xorshift64*, by Vigna. */
__u64 mutate_number(struct mutate *mutate)
{
	mutate->state ^= mutate->state >> 12;
	mutate->state ^= mutate->state << 25;
	mutate->state ^= mutate->state >> 27;
	return mutate->state * 0x2545f4914f6cdd1dULL;
}

__u32 mutate_below(struct mutate *mutate, __u32 bound)
{
	return (__u32)((mutate_number(mutate) >> 32) * bound >> 32);
}

/* ---- conversations ---- */

static const __u8 protos[] = { PROTO_TCP, PROTO_TCP, PROTO_UDP, PROTO_UDP, PROTO_ICMP };
static const __be32 remotes[] = { REMOTE, REMOTE,	    REMOTE, REMOTE_B,
				  REMOTE, REMOTE_SMALL_MTU, REMOTE, REMOTE_B };
static const __u16 remote_ports[] = MUTATE_REMOTE_PORTS;

static __be32 client_of(struct mutate *mutate, enum mutate_kind kind)
{
	static const __be32 clients[] = { CLIENT, CLIENT_B, CLIENTS(0), CLIENTS(1), CLIENTS(5) };

	switch (kind) {
	case MUTATE_SECOND_OUT:
		return WORLD_CLIENT_2;
	case MUTATE_PUBLIC_OUT:
		return WORLD_MAPPED;
	case MUTATE_OPEN_OUT:
		return WORLD_OPEN;
	case MUTATE_FORWARD_OUT:
		return WORLD_SERVER;
	default:
		return MUTATE_PICK(mutate, clients);
	}
}

/* What the configuration says of the flow, beside what a session would. */
static void complete_flow(struct mutate *mutate, struct mutate_flow *flow)
{
	switch (flow->kind) {
	case MUTATE_PUBLIC_OUT:
		flow->known = true;
		flow->ext_addr = WORLD_PUBLIC;
		flow->ext_port = flow->client_port;
		break;
	case MUTATE_OPEN_OUT:
		flow->proto = PROTO_UDP;
		flow->client_port = (__u16)(6000 + mutate_below(mutate, 4));
		break;
	case MUTATE_DNAT_OUT:
		flow->proto = PROTO_TCP;
		flow->remote_port = WORLD_DNAT_PORT;
		flow->wire_port = WORLD_DNAT_TO;
		break;
	case MUTATE_FORWARD_OUT:
		flow->proto = mutate_once(mutate, 2) ? PROTO_TCP : PROTO_UDP;
		flow->known = true;
		flow->ext_addr = EIP;
		flow->ext_port = flow->proto == PROTO_TCP ? WORLD_FORWARD_TCP : WORLD_FORWARD_UDP;
		flow->client_port = flow->proto == PROTO_TCP ? 80 : 53;
		flow->remote_port = (__u16)(1024 + mutate_below(mutate, 64000));
		flow->wire_port = flow->remote_port;
		break;
	default:
		break;
	}
}

/* A client that turns to one of the gateway's own addresses. */
static void turn_flow(struct mutate *mutate, struct mutate_flow *flow)
{
	bool is_public = mutate_once(mutate, 2);

	flow->remote = is_public ? WORLD_PUBLIC : EIP;
	flow->proto = mutate_once(mutate, 2) ? PROTO_TCP : PROTO_UDP;
	if (is_public) {
		return;
	}
	flow->remote_port = flow->proto == PROTO_TCP ? WORLD_FORWARD_TCP : WORLD_FORWARD_UDP;
}

void mutate_new_flow(struct mutate *mutate, __u32 index)
{
	static const __u8 kinds[] = {
		MUTATE_PLAIN_OUT,   MUTATE_PLAIN_OUT,  MUTATE_PLAIN_OUT,
		MUTATE_SECOND_OUT,  MUTATE_PUBLIC_OUT, MUTATE_DNAT_OUT,
		MUTATE_FORWARD_OUT, MUTATE_OPEN_OUT,   MUTATE_HAIRPIN,
	};
	struct mutate_flow *flow = &mutate->flows[index];

	memset(flow, 0, sizeof(*flow));
	flow->kind = MUTATE_PICK(mutate, kinds);
	flow->proto = MUTATE_PICK(mutate, protos);
	flow->client = client_of(mutate, flow->kind);
	flow->remote = MUTATE_PICK(mutate, remotes);
	flow->client_port = (__u16)(1 + mutate_below(mutate, 65535));
	flow->remote_port = MUTATE_PICK(mutate, remote_ports);
	if (flow->kind == MUTATE_HAIRPIN) {
		turn_flow(mutate, flow);
	}
	if (flow->proto == PROTO_ICMP) {
		flow->remote_port = 0;
	}
	flow->wire_port = flow->remote_port;
	complete_flow(mutate, flow);
}

void mutate_begin(struct mutate *mutate, __u64 seed)
{
	memset(mutate, 0, sizeof(*mutate));
	/* Never 0, and seeds that are neighbours are far apart. */
	mutate->state = (seed + 1) * 0x9e3779b97f4a7c15ULL | 1;
	for (__u32 i = 0; i < MUTATE_FLOWS; i++) {
		mutate_new_flow(mutate, i);
	}
}

void mutate_learn(struct mutate *mutate, const struct mutate_frame *sent, const struct frame *out)
{
	struct mutate_flow *flow = &mutate->flows[sent->flow];
	struct headers headers;

	headers_read(out, &headers);
	if (sent->flow == MUTATE_FLOWS || sent->changed || sent->train || headers.is_error ||
	    !headers.has_l4 || frame_src(&sent->frame) != flow->client) {
		return;
	}
	flow->known = true;
	flow->ext_addr = frame_src(out);
	flow->ext_port = frame_get16(out, headers.l4 + (flow->proto == PROTO_ICMP ? (size_t)4 : 0));
}

/* ---- packets of a conversation ---- */

static const __u8 mss_first[8] = { 2, 4, 5, 0xb4, 1, 1, 4, 2 };
static const __u8 mss_odd[8] = { 1, 2, 4, 5, 0xb4, 3, 3, 7 };
static const __u8 mss_last[8] = { 4, 2, 3, 2, 2, 4, 0xff, 0xff };
static const __u8 mss_broken[8] = { 2, 4, 5, 0xb4, 8, 0, 1, 1 };
static const __u8 *const tcp_options[] = { NULL, mss_first, mss_odd, mss_last, mss_broken };
static const __u8 record_route[8] = { 7, 7, 4, 0, 0, 0, 0, 0 };
static const __u8 loose_route[8] = { 131, 7, 4, 198, 51, 100, 9, 0 };
static const __u8 bad_option[8] = { 68, 1, 5, 0, 1, 1, 1, 1 };
static const __u8 *const ip_options[] = { NULL,		NULL,	     record_route,
					  record_route, loose_route, bad_option };

static void add_size(struct mutate *mutate, struct spec *spec)
{
	static const __u16 sizes[] = { 0, 1, 2, 7, 8, 31, 100, 536, 1200, 1332, 1373, 1400 };

	spec->payload = MUTATE_PICK(mutate, sizes);
	spec->pad = (__u16)(mutate_once(mutate, 16) ? mutate_below(mutate, 20) : 0);
	spec->ttl = (__u8)(mutate_once(mutate, 32) ? mutate_below(mutate, 3) : 0);
	spec->id = (__u16)mutate_below(mutate, 65536);
	spec->frag = mutate_once(mutate, 2) ? FRAG_DF : 0;
	spec->tos = (__u8)(mutate_once(mutate, 8) ? mutate_below(mutate, 256) : 0);
	if (mutate_once(mutate, 12)) {
		spec->options = 2;
		spec->option_bytes = MUTATE_PICK(mutate, ip_options);
	}
}

static void add_transport(struct mutate *mutate, struct spec *spec, bool outbound)
{
	static const __u16 flags_of[] = {
		ACK, ACK | PSH, ACK | PSH, FIN | ACK, RST, RST | ACK, SYN
	};

	if (spec->proto == PROTO_UDP) {
		spec->no_check = mutate_once(mutate, 8);
	}
	if (spec->proto != PROTO_TCP) {
		return;
	}
	spec->flags = MUTATE_PICK(mutate, flags_of);
	if (mutate_once(mutate, 4)) {
		spec->flags = outbound ? SYN : SYN | ACK;
	}
	if (spec->flags & SYN || mutate_once(mutate, 8)) {
		spec->tcp_options = 2;
		spec->tcp_option_bytes = MUTATE_PICK(mutate, tcp_options);
	}
	if (spec->flags & RST && mutate_once(mutate, 2)) {
		spec->numbered = true;
		spec->seq = (__u32)mutate_below(mutate, 1U << 31);
	}
}

struct spec mutate_outbound(struct mutate *mutate, const struct mutate_flow *flow)
{
	struct spec spec = {
		.src = flow->client,
		.dst = flow->remote,
		.proto = flow->proto,
		.sport = flow->client_port,
		.dport = flow->remote_port,
		.type = TYPE_ECHO,
	};

	add_size(mutate, &spec);
	add_transport(mutate, &spec, true);
	return spec;
}

struct spec mutate_inbound(struct mutate *mutate, const struct mutate_flow *flow)
{
	struct spec spec = {
		.src = flow->remote,
		.dst = flow->ext_addr,
		.proto = flow->proto,
		.sport = flow->wire_port,
		.dport = flow->ext_port,
		.type = TYPE_ECHO_REPLY,
	};

	add_size(mutate, &spec);
	add_transport(mutate, &spec, false);
	if (flow->kind == MUTATE_FORWARD_OUT && mutate_once(mutate, 2)) {
		spec.flags = SYN;
	}
	if (flow->kind == MUTATE_PUBLIC_OUT && mutate_once(mutate, 2)) {
		/* Anybody may turn to a public address. */
		spec.type = TYPE_ECHO;
		spec.sport = flow->proto == PROTO_ICMP ? flow->ext_port : spec.sport;
	}
	if (flow->kind == MUTATE_OPEN_OUT && mutate_once(mutate, 4)) {
		spec.src = REMOTE_B;
		spec.sport = (__u16)(1 + mutate_below(mutate, 65535));
	}
	return spec;
}

void mutate_build(struct spec *spec, struct mutate_frame *ret_frame)
{
	bool external = ret_frame->place == MUTATE_EXTERNAL;

	if (ret_frame->place == MUTATE_EGRESS || ret_frame->place == MUTATE_HOST) {
		spec->smac = mac_ext;
		spec->dmac = mac_router;
	} else {
		spec->smac = external ? mac_router : mac_client;
		spec->dmac = external ? mac_ext : mac_int;
	}
	frame_build(spec, &ret_frame->frame);
}

static void make_packet(struct mutate *mutate, struct mutate_frame *ret_frame)
{
	const struct mutate_flow *flow = &mutate->flows[ret_frame->flow];
	bool inbound = flow->known && flow->kind != MUTATE_HAIRPIN && !mutate_once(mutate, 3);
	struct spec spec = inbound ? mutate_inbound(mutate, flow) : mutate_outbound(mutate, flow);

	ret_frame->kind = (enum mutate_kind)(flow->kind + inbound);
	ret_frame->place = inbound		    ? MUTATE_EXTERNAL
			   : mutate_once(mutate, 5) ? MUTATE_EGRESS
						    : MUTATE_INTERNAL;
	mutate_build(&spec, ret_frame);
}

/* ---- changes ---- */

static void set16(struct frame *frame, size_t offset, __u16 value)
{
	frame->data[offset] = (__u8)(value >> 8);
	frame->data[offset + 1] = (__u8)value;
}

static void repair_ip(struct frame *frame, size_t ip)
{
	set16(frame, ip + 10, 0);
	set16(frame, ip + 10, (__u16)~headers_sum(frame, ip, (size_t)(frame->data[ip] & 15) * 4));
}

void mutate_repair(struct frame *frame)
{
	struct headers headers;
	__u32 sum;

	headers_read(frame, &headers);
	if (!headers.is_ipv4) {
		return;
	}
	if (headers.has_quote && headers.quote_l4_len) {
		repair_ip(frame, headers.quote);
	}
	repair_ip(frame, headers.ip);
	if (!headers.has_l4 || !headers.check ||
	    (headers.proto == PROTO_UDP && !frame_get16(frame, headers.check))) {
		return;
	}
	set16(frame, headers.check, 0);
	sum = (__u16)~headers_l4_error(frame, &headers);
	set16(frame, headers.check, (__u16)(sum ? sum : 0xffff));
}

/* Mostly in the headers, and often a value that somebody might not have thought of. */
static void change_byte(struct mutate *mutate, struct frame *frame)
{
	static const __u8 edges[] = { 0, 1, 0x7f, 0x80, 0xff, 0x45, 6, 17 };
	__u32 from = FRAME_ETH - 2;
	__u32 end = frame->len > 82 && !mutate_once(mutate, 5) ? 82 : frame->len;
	__u8 *at = frame->data + from + mutate_below(mutate, end - from);

	switch (mutate_below(mutate, 3)) {
	case 0:
		*at = (__u8)mutate_below(mutate, 256);
		break;
	case 1:
		*at ^= (__u8)(1U << mutate_below(mutate, 8));
		break;
	default:
		*at = MUTATE_PICK(mutate, edges);
		break;
	}
}

static void change(struct mutate *mutate, struct mutate_frame *ret_frame)
{
	struct frame *frame = &ret_frame->frame;

	ret_frame->changed = 1 + mutate_below(mutate, MUTATE_BYTES_MAX);
	for (__u32 i = 0; i < ret_frame->changed; i++) {
		change_byte(mutate, frame);
	}
	if (mutate_once(mutate, 10)) {
		frame->len -= mutate_below(mutate, frame->len - FRAME_ETH + 1);
	}
	if (mutate_once(mutate, 2)) {
		mutate_repair(frame);
	}
}

/* ---- the next one ---- */

static void make_frame(struct mutate *mutate, struct mutate_frame *ret_frame)
{
	__u32 dice = mutate_below(mutate, 100);

	ret_frame->flow = MUTATE_FLOWS;
	if (dice < 6) {
		mutate_noise(mutate, ret_frame);
	} else if (dice < 9) {
		mutate_link(mutate, ret_frame);
	} else if (dice < 16) {
		mutate_stranger(mutate, ret_frame);
	} else if (dice < 30) {
		mutate_fragment(mutate, ret_frame);
	} else {
		ret_frame->flow = mutate_below(mutate, MUTATE_FLOWS);
		if (mutate_once(mutate, 40)) {
			mutate_new_flow(mutate, ret_frame->flow);
		}
		if (dice < 48) {
			mutate_error(mutate, &mutate->flows[ret_frame->flow], ret_frame);
		} else {
			make_packet(mutate, ret_frame);
		}
	}
}

void mutate_next(struct mutate *mutate, struct mutate_frame *ret_frame)
{
	ret_frame->changed = 0;
	ret_frame->train = 0;
	ret_frame->is_first = false;
	make_frame(mutate, ret_frame);
	if (ret_frame->frame.len > MUTATE_FRAME_MAX) {
		ret_frame->frame.len = MUTATE_FRAME_MAX;
		ret_frame->changed = 1;
	}
	if (ret_frame->kind != MUTATE_NOISE && mutate_once(mutate, 2)) {
		change(mutate, ret_frame);
	}
}

const char *mutate_kind_name(enum mutate_kind kind)
{
	static const char *const names[] = {
		"noise",      "link",	     "stranger",   "plain out",	   "plain in",
		"second out", "second in",   "public out", "public in",	   "dnat out",
		"dnat in",    "forward out", "forward in", "open out",	   "open in",
		"hairpin",    "error out",   "error in",   "fragment out", "fragment in",
	};

	return names[kind];
}
