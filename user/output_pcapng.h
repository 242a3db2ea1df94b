/* SPDX-License-Identifier: GPL-2.0-only */
/* Packets as a pcapng file (draft-ietf-opsawg-pcapng), which Wireshark opens. 0, or -EIO. */
#ifndef NATGW_USER_OUTPUT_PCAPNG_H
#define NATGW_USER_OUTPUT_PCAPNG_H

#include <stddef.h>
#include <stdint.h>
#include <stdio.h>

#define OUTPUT_PCAPNG_COMMENT_MAX 1024

/* The header of the only section; application is named in it. */
int output_pcapng_begin(FILE *stream, const char *application);
/* Ethernet. The first one is interface 0, the next one 1. */
int output_pcapng_interface(FILE *stream, const char *name);

struct output_pcapng_packet {
	uint32_t interface;
	uint64_t time_ns; /* since 1970 */
	uint32_t length;  /* of the frame, of which only the beginning may be here */
	const uint8_t *data;
	uint32_t size;
	const char *comment; /* longer ones end early */
};

int output_pcapng_packet(FILE *stream, const struct output_pcapng_packet *packet);

#endif
