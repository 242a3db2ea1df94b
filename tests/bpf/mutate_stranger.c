// SPDX-License-Identifier: GPL-2.0-only
/* Frames that belong to no conversation: from and to addresses that mean something, other protocols
 * than IPv4, and noise. */
#include "mutate_internal.h"

#include <string.h>

static const __be32 addresses[] = {
	CLIENT,
	CLIENT_B,
	WORLD_MAPPED,
	WORLD_CLIENT_2,
	CLIENT_NO_ROUTE,
	CLIENT_SILENT,
	REMOTE,
	REMOTE_B,
	REMOTE_SILENT,
	REMOTE_BLACKHOLE,
	REMOTE_INTERNAL,
	WORLD_DENIED,
	EIP,
	EIP_B,
	WORLD_PUBLIC,
	WORLD_STAGED,
	WORLD_STAGED_PUBLIC,
	PRIVATE_IP,
	WORLD_PRIVATE_IP_2,
	HOST_IP,
	IP(224, 0, 0, 1),
	IP(127, 0, 0, 1),
	IP(255, 255, 255, 255),
	IP(0, 0, 0, 0),
	IP(240, 0, 0, 1),
	IP(169, 254, 169, 254),
	IP(10, 25, 0, 1),
	IP(192, 168, 9, 9),
	IP(10, 0, 3, 10),
	IP(198, 18, 0, 1),
	IP(10, 0, 0, 5),
	IP(100, 64, 0, 1),
};

void mutate_stranger(struct mutate *mutate, struct mutate_frame *ret_frame)
{
	static const __u8 any_proto[] = { PROTO_TCP, PROTO_UDP, PROTO_ICMP, PROTO_ICMP, 47,
					  2,	     50,	0,	    255 };
	static const __u8 types[] = { TYPE_ECHO, TYPE_ECHO_REPLY, 13, 17, TYPE_QUENCH, 9 };
	static const __u16 remote_ports[] = MUTATE_REMOTE_PORTS;
	struct mutate_flow flow = {
		.proto = MUTATE_PICK(mutate, any_proto),
		.client = MUTATE_PICK(mutate, addresses),
		.remote = MUTATE_PICK(mutate, addresses),
		.client_port = (__u16)mutate_below(mutate, 65536),
		.remote_port = MUTATE_PICK(mutate, remote_ports),
	};
	struct spec spec = mutate_outbound(mutate, &flow);

	spec.type = MUTATE_PICK(mutate, types);
	if (mutate_once(mutate, 8)) {
		spec.frag = (__u16)mutate_below(mutate, 65536);
	}
	ret_frame->kind = MUTATE_STRANGER;
	ret_frame->place = (enum mutate_place)mutate_below(mutate, MUTATE_PLACE_COUNT);
	mutate_build(&spec, ret_frame);
	if (mutate_once(mutate, 8)) {
		ret_frame->frame.data[mutate_below(mutate, 12)] ^=
			(__u8)(1 + mutate_below(mutate, 255));
	}
}

void mutate_link(struct mutate *mutate, struct mutate_frame *ret_frame)
{
	static const __u16 types[] = { 0x86dd, 0x8847, 0x88cc, 0x0800 };
	static const __be32 asked[] = { EIP, EIP_B, WORLD_PUBLIC, WORLD_STAGED_PUBLIC, HOST_IP };
	struct spec spec = { .ether = MUTATE_PICK(mutate, types) };

	ret_frame->kind = MUTATE_LINK;
	ret_frame->place = (enum mutate_place)mutate_below(mutate, MUTATE_EGRESS);
	if (mutate_once(mutate, 3)) {
		spec.ether = 0;
		spec.arp = (__u16)(1 + mutate_below(mutate, 2));
		spec.src = IP(192, 0, 2, 254);
		spec.dst = MUTATE_PICK(mutate, asked);
	} else if (mutate_once(mutate, 2)) {
		spec = mutate_outbound(mutate, &mutate->flows[0]);
		spec.vlan = mutate_once(mutate, 2) ? 0x8100 : 0x88a8;
	}
	mutate_build(&spec, ret_frame);
}

void mutate_noise(struct mutate *mutate, struct mutate_frame *ret_frame)
{
	static const __u8 protos[] = { PROTO_TCP, PROTO_UDP, PROTO_ICMP };
	struct frame *frame = &ret_frame->frame;
	__u32 longest = mutate_once(mutate, 4) ? MUTATE_FRAME_MAX - 13 : 120;

	ret_frame->kind = MUTATE_NOISE;
	ret_frame->place = (enum mutate_place)mutate_below(mutate, MUTATE_PLACE_COUNT);
	frame->len = 14 + mutate_below(mutate, longest);
	for (__u32 i = 0; i < frame->len; i += 8) {
		__u64 number = mutate_number(mutate);

		memcpy(frame->data + i, &number, sizeof(number));
	}
	if (!mutate_once(mutate, 4)) {
		memcpy(frame->data, ret_frame->place == MUTATE_INTERNAL ? mac_int : mac_ext, 6);
		frame->data[12] = 8;
		frame->data[13] = 0;
	}
	if (mutate_once(mutate, 2)) {
		frame->data[14] = (__u8)(0x45 + mutate_below(mutate, 11));
		frame->data[20] &= 0x40;
		frame->data[21] = 0;
		frame->data[23] = MUTATE_PICK(mutate, protos);
		memcpy(frame->data + 26, &mutate->flows[0].client, 4);
	}
}
