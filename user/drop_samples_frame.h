/* SPDX-License-Identifier: GPL-2.0-only */
/* What the beginning of a frame says of its packet. Pure; reads nothing behind "size". */
#ifndef NATGW_USER_DROP_SAMPLES_FRAME_H
#define NATGW_USER_DROP_SAMPLES_FRAME_H

#include <linux/types.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct drop_samples_frame {
	uint16_t ether_type; /* host order, behind 802.1Q tags; 0: the frame is too short */
	bool is_ipv4;	     /* and the fields below are there */
	uint8_t proto;
	bool is_fragment; /* not the first one */
	__be32 saddr;
	__be32 daddr;
	bool has_ports;
	uint16_t sport; /* host order */
	uint16_t dport;
	bool has_icmp;
	uint8_t icmp_type;
	uint8_t icmp_code;
};

struct drop_samples_frame drop_samples_frame_parse(const uint8_t *data, size_t size);

#endif
