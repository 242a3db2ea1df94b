// SPDX-License-Identifier: GPL-2.0-only
/* Blocks of pcapng, in this host's byte order, as the format allows. */
#include "output_pcapng.h"

#include <errno.h>
#include <string.h>

enum {
	BLOCK_SECTION = 0x0a0d0d0a,
	BLOCK_INTERFACE = 1,
	BLOCK_PACKET = 6,
	BYTE_ORDER_MAGIC = 0x1a2b3c4d,
	VERSION_MAJOR = 1,
	LINK_ETHERNET = 1,
	OPTION_END = 0,
	OPTION_COMMENT = 1,
	OPTION_APPLICATION = 4, /* of a section */
	OPTION_NAME = 2,	/* of an interface */
	OPTION_RESOLUTION = 9,
	RESOLUTION_NS = 9,
};

/* Of a block: the largest has a frame of which no more than this is captured. */
#define BODY_MAX 4096

struct body {
	uint8_t bytes[BODY_MAX];
	uint32_t size;
	int err;
};

static void put(struct body *body, const void *data, size_t size)
{
	if (size > BODY_MAX - body->size) {
		body->err = -EINVAL;
		return;
	}
	if (size > 0) {
		memcpy(body->bytes + body->size, data, size);
	}
	body->size += (uint32_t)size;
}

static void put_u16(struct body *body, uint16_t value)
{
	put(body, &value, sizeof(value));
}

static void put_u32(struct body *body, uint32_t value)
{
	put(body, &value, sizeof(value));
}

/* Up to the next multiple of four. */
static void put_padded(struct body *body, const void *data, size_t size)
{
	static const uint8_t zeros[3];

	put(body, data, size);
	put(body, zeros, (4 - size % 4) % 4);
}

static void put_option(struct body *body, uint16_t code, const void *data, size_t size)
{
	put_u16(body, code);
	put_u16(body, (uint16_t)size);
	put_padded(body, data, size);
}

static int write_block(FILE *stream, uint32_t type, const struct body *body)
{
	const uint32_t total = body->size + 3 * (uint32_t)sizeof(uint32_t);
	const uint32_t begin[] = { type, total };

	if (body->err) {
		return body->err;
	}
	return fwrite(begin, sizeof(begin), 1, stream) == 1 &&
			       fwrite(body->bytes, 1, body->size, stream) == body->size &&
			       fwrite(&total, sizeof(total), 1, stream) == 1
		       ? 0
		       : -EIO;
}

int output_pcapng_begin(FILE *stream, const char *application)
{
	static const uint64_t unknown_size = UINT64_MAX;
	struct body body = {};

	put_u32(&body, BYTE_ORDER_MAGIC);
	put_u16(&body, VERSION_MAJOR);
	put_u16(&body, 0);
	put(&body, &unknown_size, sizeof(unknown_size));
	put_option(&body, OPTION_APPLICATION, application, strlen(application));
	put_option(&body, OPTION_END, NULL, 0);
	return write_block(stream, BLOCK_SECTION, &body);
}

int output_pcapng_interface(FILE *stream, const char *name)
{
	static const uint8_t resolution = RESOLUTION_NS;
	struct body body = {};

	put_u16(&body, LINK_ETHERNET);
	put_u16(&body, 0);
	put_u32(&body, 0); /* no limit to what is captured of a packet */
	put_option(&body, OPTION_NAME, name, strlen(name));
	put_option(&body, OPTION_RESOLUTION, &resolution, sizeof(resolution));
	put_option(&body, OPTION_END, NULL, 0);
	return write_block(stream, BLOCK_INTERFACE, &body);
}

int output_pcapng_packet(FILE *stream, const struct output_pcapng_packet *packet)
{
	struct body body = {};

	put_u32(&body, packet->interface);
	put_u32(&body, (uint32_t)(packet->time_ns >> 32));
	put_u32(&body, (uint32_t)packet->time_ns);
	put_u32(&body, packet->size);
	put_u32(&body, packet->length);
	put_padded(&body, packet->data, packet->size);
	put_option(&body, OPTION_COMMENT, packet->comment,
		   strnlen(packet->comment, OUTPUT_PCAPNG_COMMENT_MAX));
	put_option(&body, OPTION_END, NULL, 0);
	return write_block(stream, BLOCK_PACKET, &body);
}
