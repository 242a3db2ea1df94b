// SPDX-License-Identifier: GPL-2.0-only
/*
 * The frame before and after, beside each other. The fields that may differ are set to zero in
 * copies of both; then the copies must be alike. What must follow from a change is looked at in the
 * frames themselves.
 */
#include "laws_change.h"

#include <string.h>

#include "headers.h"

#define UDP_CHECK 6

struct change {
	const struct laws_case *of;
	struct headers headers; /* of the frame as it came in: nothing moves */
	bool outbound;
	bool sent;
	bool redirected;
};

/* ---- fields ---- */

/* Both copies of one field. */
static void blank(struct frame *copies, size_t offset, size_t len)
{
	memset(copies[0].data + offset, 0, len);
	memset(copies[1].data + offset, 0, len);
}

static void blank_ip(const struct change *change, struct frame *copies)
{
	size_t ip = change->headers.ip;

	if (change->redirected) {
		blank(copies, 0, 12);
	}
	if (change->sent) {
		blank(copies, ip + 8, 1);
	}
	if (change->outbound && !change->headers.is_whole) {
		/* RFC 6864: fragments get an identification that nobody else behind the address
		 * has. */
		blank(copies, ip + 4, 2);
	}
	blank(copies, ip + 10, 2);
	blank(copies, ip + (change->outbound ? 12 : 16), 4);
}

/* Ports, or the identifier, and the checksum. */
static void blank_l4(const struct change *change, struct frame *copies)
{
	const struct headers *in = &change->headers;
	size_t mss = headers_mss(change->of->in, in);

	blank(copies, in->check, 2);
	if (in->proto == PROTO_ICMP) {
		if (!in->is_error) {
			blank(copies, in->l4 + 4, 2);
		}
		return;
	}
	blank(copies, in->l4, 4);
	if (mss) {
		blank(copies, mss, 2);
	}
}

static void blank_quote(const struct change *change, struct frame *copies)
{
	const struct headers *in = &change->headers;
	__u8 proto = change->of->in->data[in->quote + 9];

	blank(copies, in->quote + 10, 2);
	blank(copies, in->quote + (change->outbound ? 16 : 12), 4);
	if (proto == PROTO_ICMP && in->quote_l4_len >= 8) {
		blank(copies, in->quote_l4 + 2, 4);
		return;
	}
	if (in->quote_l4_len >= 4) {
		blank(copies, in->quote_l4, 4);
	}
	if (proto == PROTO_UDP && in->quote_l4_len >= 8) {
		blank(copies, in->quote_l4 + 6, 2);
	} else if (proto == PROTO_TCP && in->quote_l4_len >= 18) {
		blank(copies, in->quote_l4 + 16, 2);
	}
}

static const char *law_nothing_else(const struct change *change)
{
	static struct frame copies[2];
	const struct laws_case *of = change->of;

	if (of->in->len != of->out->len) {
		return "its length has changed";
	}
	memcpy(copies[0].data, of->in->data, of->in->len);
	memcpy(copies[1].data, of->out->data, of->in->len);
	blank_ip(change, copies);
	if (change->headers.has_l4) {
		blank_l4(change, copies);
	}
	if (change->headers.has_quote) {
		blank_quote(change, copies);
	}
	return memcmp(copies[0].data, copies[1].data, of->in->len) != 0
		       ? "something has changed that must not"
		       : NULL;
}

/* ---- checksums ---- */

static const char *law_quoted_checksums(const struct change *change)
{
	const struct headers *in = &change->headers;
	__u32 before = 0, after = 0;
	bool had, has;

	if (headers_ip_error(change->of->in, in->quote) !=
	    headers_ip_error(change->of->out, in->quote)) {
		return "the quoted IP checksum does not follow";
	}
	had = headers_quoted_error(change->of->in, in, &before);
	has = headers_quoted_error(change->of->out, in, &after);
	return had != has || before != after ? "the quoted transport checksum does not follow"
					     : NULL;
}

static const char *law_l4_checksum(const struct change *change)
{
	const struct laws_case *of = change->of;
	const struct headers *in = &change->headers;
	__u32 before, after;

	if (in->proto == PROTO_UDP &&
	    !frame_get16(of->in, in->check) != !frame_get16(of->out, in->check)) {
		return "a UDP checksum has come or gone";
	}
	if (in->proto == PROTO_UDP && !frame_get16(of->in, in->check)) {
		return NULL;
	}
	before = headers_l4_error(of->in, in);
	after = headers_l4_error(of->out, in);
	if (in->is_whole && !before && after) {
		return "a right transport checksum is wrong now";
	}
	if (in->is_whole && before && !after) {
		return "a wrong transport checksum is right now";
	}
	return before != after ? "the transport checksum does not follow" : NULL;
}

static const char *law_checksums(const struct change *change)
{
	const struct laws_case *of = change->of;
	const char *wrong;

	if (headers_ip_error(of->in, change->headers.ip) !=
	    headers_ip_error(of->out, change->headers.ip)) {
		return "the IP checksum does not follow";
	}
	if (!change->headers.has_l4) {
		return NULL;
	}
	wrong = change->headers.has_quote ? law_quoted_checksums(change) : NULL;
	return wrong ? wrong : law_l4_checksum(change);
}

/* ---- a router's duties ---- */

static const char *law_ttl(const struct change *change)
{
	__u8 before = change->headers.ttl, after = change->of->out->data[change->headers.ip + 8];

	return change->sent && after != before - 1 ? "its TTL is not one less" : NULL;
}

static const char *law_mss(const struct change *change)
{
	size_t mss = headers_mss(change->of->in, &change->headers);

	return mss && frame_get16(change->of->out, mss) > frame_get16(change->of->in, mss)
		       ? "its MSS is larger"
		       : NULL;
}

const char *laws_change(const struct laws_case *of, bool outbound, bool sent)
{
	struct change change = {
		.of = of,
		.outbound = outbound,
		.sent = sent,
		/* A hairpinned packet gets MAC addresses as well, but is not forwarded yet. */
		.redirected =
			of->hook != LAWS_EGRESS && memcmp(of->in->data, of->out->data, 12) != 0,
	};
	const char *wrong;

	headers_read(of->in, &change.headers);
	wrong = law_nothing_else(&change);
	if (!wrong) {
		wrong = law_ttl(&change);
	}
	if (!wrong) {
		wrong = law_mss(&change);
	}
	return wrong ? wrong : law_checksums(&change);
}
