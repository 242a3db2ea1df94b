// SPDX-License-Identifier: GPL-2.0-only
/* Ethernet, 802.1Q, IPv4 and the ports; byte by byte, since nothing here is aligned or to be
 * trusted. */
#include "drop_samples_frame.h"

#include <linux/if_ether.h>
#include <netinet/in.h>
#include <string.h>

#define ADDRESSES_LEN 12
#define TAG_LEN 4
#define TAGS_MAX 2
#define IP_LEN 20
#define FRAGMENT_OFFSET 0x1fff

static uint16_t get_u16(const uint8_t *data)
{
	return (uint16_t)(data[0] << 8 | data[1]);
}

/* Where the network header begins; 0: the frame is too short. */
static size_t skip_link(const uint8_t *data, size_t size, uint16_t *ret_type)
{
	size_t at = ADDRESSES_LEN;

	for (int tags = 0; at + 2 <= size; tags++, at += TAG_LEN) {
		uint16_t type = get_u16(data + at);

		if ((type != ETH_P_8021Q && type != ETH_P_8021AD) || tags == TAGS_MAX) {
			*ret_type = type;
			return at + 2;
		}
	}
	return 0;
}

static void parse_transport(const uint8_t *data, size_t size, struct drop_samples_frame *frame)
{
	if (frame->is_fragment || size < 4) {
		return;
	}
	if (frame->proto == IPPROTO_TCP || frame->proto == IPPROTO_UDP) {
		frame->has_ports = true;
		frame->sport = get_u16(data);
		frame->dport = get_u16(data + 2);
	} else if (frame->proto == IPPROTO_ICMP) {
		frame->has_icmp = true;
		frame->icmp_type = data[0];
		frame->icmp_code = data[1];
	}
}

struct drop_samples_frame drop_samples_frame_parse(const uint8_t *data, size_t size)
{
	struct drop_samples_frame frame = {};
	size_t at = skip_link(data, size, &frame.ether_type);
	const uint8_t *ip = data + at;

	if (at == 0 || frame.ether_type != ETH_P_IP || size - at < IP_LEN || ip[0] >> 4 != 4) {
		return frame;
	}
	size_t header = (size_t)(ip[0] & 0xf) * 4;

	frame.is_ipv4 = true;
	frame.proto = ip[9];
	frame.is_fragment = get_u16(ip + 6) & FRAGMENT_OFFSET;
	memcpy(&frame.saddr, ip + 12, sizeof(frame.saddr));
	memcpy(&frame.daddr, ip + 16, sizeof(frame.daddr));
	if (header >= IP_LEN && header <= size - at) {
		parse_transport(ip + header, size - at - header, &frame);
	}
	return frame;
}
