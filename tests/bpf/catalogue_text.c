// SPDX-License-Identifier: GPL-2.0-only
/* A packet in words, as tcpdump would say it. */
#include "catalogue_internal.h"

#include <stdarg.h>
#include <string.h>

/* ---- text of bounded length ---- */

static void put(struct catalogue_text *text, const char *format, ...)
	__attribute__((format(printf, 2, 3)));

static void put(struct catalogue_text *text, const char *format, ...)
{
	size_t used = strlen(text->text);
	va_list arguments;

	va_start(arguments, format);
	vsnprintf(text->text + used, sizeof(text->text) - used, format, arguments);
	va_end(arguments);
}

static void put_addr(struct catalogue_text *text, __be32 addr)
{
	const __u8 *at = (const __u8 *)&addr;

	put(text, "%u.%u.%u.%u", at[0], at[1], at[2], at[3]);
}

static void put_endpoint(struct catalogue_text *text, __be32 addr, __u32 port)
{
	put_addr(text, addr);
	if (port == NEW) {
		put(text, ":*");
	} else {
		put(text, ":%u", port);
	}
}

/* ---- packets ---- */

static void put_flags(struct catalogue_text *text, const struct spec *spec)
{
	static const char *const names[] = { "FIN", "SYN", "RST", "PSH", "ACK",
					     "URG", "ECE", "CWR", "AE" };
	const char *before = " ";

	for (size_t i = 0; i < sizeof(names) / sizeof(names[0]); i++) {
		if (spec->flags & 1 << i) {
			put(text, "%s%s", before, names[i]);
			before = "+";
		}
	}
	if (!spec->flags) {
		put(text, " no flag");
	}
}

static void put_ports(struct catalogue_text *text, const struct spec *spec, const char *proto)
{
	put(text, "%s ", proto);
	put_endpoint(text, spec->src, spec->sport);
	put(text, " > ");
	put_endpoint(text, spec->dst, spec->dport);
}

static void put_addresses(struct catalogue_text *text, const struct spec *spec)
{
	put_addr(text, spec->src);
	put(text, " > ");
	put_addr(text, spec->dst);
}

static void put_ipv4(struct catalogue_text *text, const struct spec *spec);

/* NOLINTBEGIN(misc-no-recursion): a quote is a packet, and may quote one. */
static void put_icmp(struct catalogue_text *text, const struct spec *spec)
{
	__u16 id = spec->type == TYPE_ECHO_REPLY ? spec->dport : spec->sport;

	put(text, "ICMP %u/%u ", spec->type, spec->code);
	put_addresses(text, spec);
	if (spec->quote) {
		put(text, " about ");
		put_ipv4(text, spec->quote);
	} else if (spec->type == TYPE_ECHO || spec->type == TYPE_ECHO_REPLY) {
		put(text, id == NEW ? " id *" : " id %u", id);
	}
}

static void put_ipv4(struct catalogue_text *text, const struct spec *spec)
{
	__u32 first = (spec->frag & FRAG_OFFSET) * 8U;

	if (spec->proto == PROTO_TCP) {
		put_ports(text, spec, "TCP");
		put_flags(text, spec);
	} else if (spec->proto == PROTO_UDP) {
		put_ports(text, spec, "UDP");
	} else if (spec->proto == PROTO_ICMP) {
		put_icmp(text, spec);
	} else {
		put(text, "protocol %u ", spec->proto);
		put_addresses(text, spec);
	}
	if (spec->frag & (FRAG_MF | FRAG_OFFSET)) {
		put(text, ", fragment at %u%s", first, spec->frag & FRAG_MF ? ", more" : "");
	}
}

/* NOLINTEND(misc-no-recursion) */

void catalogue_describe(const struct spec *spec, struct catalogue_text *ret_text)
{
	ret_text->text[0] = '\0';
	if (spec->arp) {
		put(ret_text, spec->arp == 1 ? "ARP who has " : "ARP is here: ");
		put_addr(ret_text, spec->arp == 1 ? spec->dst : spec->src);
	} else if (spec->ether) {
		put(ret_text, "EtherType 0x%04x", spec->ether);
	} else {
		if (spec->vlan) {
			put(ret_text, "tag 0x%04x, ", spec->vlan);
		}
		put_ipv4(ret_text, spec);
	}
}
