// SPDX-License-Identifier: GPL-2.0-only
/* Which way a packet of a warm row has to go. */
#include "path_internal.h"

#include <string.h>

bool path_has_sessions(const struct path_case *row)
{
	return row->state || row->before;
}

/* Nothing about the packet itself is out of the ordinary. */
static bool is_plain(const struct spec *in)
{
	__u32 ttl = (in->ttl ? in->ttl : 64U) - in->ttl_minus;

	if (in->quote || in->options || ttl <= 1 || in->frag & (FRAG_MF | FRAG_OFFSET)) {
		return false;
	}
	return in->proto == PROTO_UDP ||
	       (in->proto == PROTO_TCP && (in->flags & (SYN | ACK)) != SYN);
}

static const struct natgw_session *find(const struct table *table,
					const struct session_table_row *wanted)
{
	for (__u32 i = 0; i < table->count; i++) {
		const struct session_table_row *row = &table->rows[i];

		if (!memcmp(row->key, wanted->key, sizeof(row->key)) &&
		    row_generation(&row->row) == row_generation(&wanted->row)) {
			return &row->row;
		}
	}
	return NULL;
}

/* Did the packet belong to a row that may speak for itself? */
static bool has_fast_row(const struct table *before, const struct table *after)
{
	for (__u32 i = 0; i < before->count; i++) {
		const struct session_table_row *row = &before->rows[i];
		const struct natgw_session *then = find(after, row);

		if (then && then->packets != row->row.packets) {
			return row->row.nexthop & NATGW_REFERENCE_FAST;
		}
	}
	return false;
}

void path_require_way(struct path_judged *j)
{
	bool is_outbound = j->row->direction == NATGW_OUTBOUND;
	bool want;

	if (verdict_class_of(j->want) != NATGW_CLASS_OUT || j->row->at > AT_EXT ||
	    (!j->xdp && j->row->form != FORM_FORWARDED)) {
		j->was_short = false;
		return;
	}
	want = is_plain(&j->in_packet.spec) &&
	       (is_outbound ? has_fast_row(&j->before.outbound, &j->after.outbound)
			    : has_fast_row(&j->before.inbound, &j->after.inbound));
	require(j, j->was_short == want, "went the %s way", j->was_short ? "short" : "long");
}
