// SPDX-License-Identifier: GPL-2.0-only
/* What a row's packets look like, on the way in and on the way out, field by field. */
#include "path_internal.h"

static const __u8 *mac_of(__be32 addr)
{
	/* The bench reaches every other host through the second client. */
	return addr == CLIENT ? mac_client : mac_client_b;
}

__u8 path_xdp_verdict(const struct path_case *row)
{
	if (row->xdp) {
		return row->xdp;
	}
	return verdict_class_of(row->verdict) == NATGW_CLASS_PASSED ? NATGW_DEFER_NOT_NAT
								    : row->verdict;
}

/* What is known of a later fragment only from those before it: the dry run follows none. */
static bool is_by_datagram(const struct path_case *row)
{
	switch (row->verdict) {
	case NATGW_TRANSLATED:
	case NATGW_DROP_FRAG_NO_FIRST:
	case NATGW_DROP_FRAG_OVERLAP:
	case NATGW_DROP_TTL_EXPIRED:
		return row->in.frag & FRAG_OFFSET;
	default:
		return false;
	}
}

__u8 path_check_verdict(const struct path_case *row)
{
	if (row->check) {
		return row->check;
	}
	if (is_by_datagram(row)) {
		return NATGW_DEFER_FRAGMENT;
	}
	/* What needs an answer goes to tc, but that is not what became of the packet. */
	return row->xdp && row->xdp != NATGW_DEFER_ANSWER ? row->xdp : row->verdict;
}

static bool is_changed(const struct path_change *change)
{
	return change->src || change->dst || change->sport || change->dport;
}

static bool is_standard(const struct path_case *row)
{
	return !is_changed(&row->to) && !is_changed(&row->to_quote);
}

bool path_is_new(const struct path_case *row)
{
	if (row->makes) {
		return true;
	}
	return is_standard(row) && !row->state && !row->before && !row->in.quote &&
	       row->direction == NATGW_OUTBOUND;
}

struct pair path_standing_pair(const struct path_case *row)
{
	const struct spec *in = row->in.quote ? row->in.quote : &row->in;
	struct pair pair = pair_standard(in->proto, row->state);

	pair.int_addr = row->client ? row->client : pair.int_addr;
	return pair;
}

/* ---- in ---- */

static void put_learnt(struct spec *spec, const struct path_learnt *learnt)
{
	spec->sport = spec->sport == NEW ? learnt->port : spec->sport;
	spec->dport = spec->dport == NEW ? learnt->port : spec->dport;
}

/* Keeps the quote beside the packet, where it may be changed. */
static void hold_quote(struct path_packet *packet)
{
	if (packet->spec.quote) {
		packet->quote = *packet->spec.quote;
		packet->spec.quote = &packet->quote;
	}
}

void path_in(const struct spec *in, enum at at, const struct path_learnt *learnt,
	     struct path_packet *ret_packet)
{
	struct spec *spec = &ret_packet->spec;

	*spec = *in;
	hold_quote(ret_packet);
	put_learnt(spec, learnt);
	put_learnt(&ret_packet->quote, learnt);
	if (at == AT_INT) {
		spec->smac = in->smac ? in->smac : mac_client;
		spec->dmac = in->dmac ? in->dmac : mac_int;
	} else if (at == AT_EXT) {
		spec->smac = in->smac ? in->smac : mac_router;
		spec->dmac = in->dmac ? in->dmac : mac_ext;
	} else {
		spec->smac = mac_ext;
		spec->dmac = mac_router;
	}
}

/* ---- out ---- */

static void change(struct spec *spec, const struct path_change *to, __u16 port)
{
	spec->src = to->src ? to->src : spec->src;
	spec->dst = to->dst ? to->dst : spec->dst;
	spec->sport = to->sport == NEW ? port : to->sport ? to->sport : spec->sport;
	spec->dport = to->dport == NEW ? port : to->dport ? to->dport : spec->dport;
}

/* As a packet of the standard session. */
static void standard_change(const struct path_case *row, struct path_change *ret_to,
			    struct path_change *ret_quote)
{
	__be32 client = path_standing_pair(row).int_addr;
	bool outbound = row->direction == NATGW_OUTBOUND;
	struct path_change out = { .src = EIP, .sport = NEW };
	struct path_change in = { .dst = client, .dport = INT_PORT };

	if (!row->in.quote) {
		*ret_to = outbound ? out : in;
	} else if (outbound) {
		*ret_to = (struct path_change){ .src = EIP };
		*ret_quote = (struct path_change){ .dst = EIP, .dport = NEW };
	} else {
		*ret_to = (struct path_change){ .dst = client };
		*ret_quote = (struct path_change){ .src = client, .sport = INT_PORT };
	}
}

void path_out(const struct path_case *row, const struct path_packet *in,
	      const struct path_learnt *learnt, bool forwarded, struct path_packet *ret_packet)
{
	struct path_change to = row->to, to_quote = row->to_quote;
	__u16 port = row->state ? EXT_PORT : learnt->port;
	struct spec *spec = &ret_packet->spec;
	bool outbound = row->direction == NATGW_OUTBOUND;

	if (is_standard(row)) {
		standard_change(row, &to, &to_quote);
	}
	*ret_packet = *in;
	spec->quote = in->spec.quote;
	hold_quote(ret_packet);
	change(spec, &to, port);
	change(&ret_packet->quote, &to_quote, port);
	if (row->mss) {
		spec->tcp_option_bytes = row->mss;
	}
	if (learnt->has_id) {
		spec->id = learnt->id;
	}
	if (row->form == FORM_HAIRPIN) {
		spec->smac = mac_ext;
		spec->dmac = mac_ext;
	} else if (forwarded) {
		spec->ttl_minus++;
		spec->smac = outbound ? mac_ext : mac_int;
		spec->dmac = outbound ? mac_router : mac_of(spec->dst);
	}
}
