// SPDX-License-Identifier: GPL-2.0-only
/*
 * I1, I2 and I5: the rows of the two session tables. An outbound row that is still alive by its own
 * time and whose inbound row is another's is named by what is worst about it: it uses what is held
 * (I5), it shares it with another session (I2), or it just has no partner (I1).
 */
#include "audit_internal.h"

#include <errno.h>
#include <netinet/in.h>
#include <stdlib.h>
#include <string.h>

#include "cleanup.h"

/* A living outbound row without partner, and the inbound row that it names. */
struct orphan {
	struct natgw_inbound_key key;
	size_t row;
};

struct orphans {
	struct orphan *list;
	size_t count;
	size_t room;
};

static int found(struct audit_look *look, enum audit_kind kind, const void *key,
		 const struct natgw_session *row, const void *other)
{
	struct audit_finding finding = { .kind = kind, .generation = audit_generation(row) };

	memcpy(finding.key, key, AUDIT_KEY_SIZE);
	if (other) {
		memcpy(finding.other, other, AUDIT_KEY_SIZE);
	}
	return audit_look_found(look, &finding);
}

static int found_state(struct audit_look *look, enum audit_kind kind, const void *key,
		       const struct natgw_session *row, uint32_t want)
{
	struct audit_finding finding = {
		.kind = kind,
		.generation = audit_generation(row),
		.number = audit_state(row),
		.have = audit_state(row),
		.want = want,
	};

	memcpy(finding.key, key, AUDIT_KEY_SIZE);
	return audit_look_found(look, &finding);
}

static bool may_stay(const struct natgw_session *row)
{
	uint32_t state = audit_state(row);

	return state == NATGW_STATE_OPENING || state == NATGW_STATE_ESTABLISHED ||
	       state == NATGW_STATE_HOLD || state == NATGW_STATE_MAPPING;
}

static bool same_generation(const struct natgw_session *one, const struct natgw_session *other)
{
	return audit_generation(one) == audit_generation(other);
}

static bool points_to_outbound(const struct natgw_inbound_key *key, const struct natgw_session *row,
			       const struct natgw_outbound_key *outbound)
{
	struct natgw_outbound_key named = audit_session_outbound_key(key, row);

	return memcmp(&named, outbound, sizeof(named)) == 0;
}

static bool points_to_inbound(const struct natgw_outbound_key *key, const struct natgw_session *row,
			      const struct natgw_inbound_key *inbound)
{
	struct natgw_inbound_key named = audit_session_inbound_key(key, row);

	return memcmp(&named, inbound, sizeof(named)) == 0 && audit_gateway(row) == key->gateway;
}

/* ---- outbound rows ---- */

static int orphans_add(struct orphans *orphans, const struct orphan *orphan)
{
	if (orphans->count == orphans->room) {
		size_t room = orphans->room ? 2 * orphans->room : 64;
		struct orphan *list = reallocarray(orphans->list, room, sizeof(*list));

		if (!list) {
			return -ENOMEM;
		}
		orphans->list = list;
		orphans->room = room;
	}
	orphans->list[orphans->count++] = *orphan;
	return 0;
}

static int judge_outbound(struct audit_look *look, size_t row, struct orphans *orphans)
{
	const struct natgw_outbound_key *key = audit_table_key(&look->outbound, row);
	const struct natgw_session *outbound = audit_table_value(&look->outbound, row);
	struct orphan orphan = { .key = audit_session_inbound_key(key, outbound), .row = row };
	const struct natgw_session *inbound = audit_table_get(&look->inbound, &orphan.key);

	if (!may_stay(outbound)) {
		return found_state(look, AUDIT_KIND_OUT_STATE, key, outbound, 0);
	}
	if (inbound && same_generation(inbound, outbound) &&
	    points_to_outbound(&orphan.key, inbound, key)) {
		return 0;
	}
	/* One that is over is repaired by its client's next packet. */
	if (audit_session_row_life(look, key->proto, outbound) != AUDIT_LIVE) {
		return 0;
	}
	return orphans_add(orphans, &orphan);
}

static int compare_orphans(const void *one, const void *other)
{
	const struct orphan *left = one, *right = other;
	int order = memcmp(&left->key, &right->key, sizeof(left->key));

	return order ? order : (left->row > right->row) - (left->row < right->row);
}

/* The inbound row that it names is there, and another's. */
static int judge_taken(struct audit_look *look, const struct orphan *orphan,
		       const struct natgw_session *inbound)
{
	const struct natgw_outbound_key *key = audit_table_key(&look->outbound, orphan->row);
	const struct natgw_session *outbound = audit_table_value(&look->outbound, orphan->row);
	struct natgw_outbound_key owner_key = audit_session_outbound_key(&orphan->key, inbound);
	const struct natgw_session *owner = audit_table_get(&look->outbound, &owner_key);
	bool is_own = memcmp(&owner_key, key, sizeof(owner_key)) == 0;

	if (!same_generation(inbound, outbound) &&
	    audit_session_life(look, key->proto, inbound, is_own ? NULL : owner) == AUDIT_HELD) {
		return found(look, AUDIT_KIND_HELD_REUSED, key, outbound, &orphan->key);
	}
	if (owner && !is_own && same_generation(owner, inbound) &&
	    points_to_inbound(&owner_key, owner, &orphan->key)) {
		return found(look, AUDIT_KIND_OUT_TWICE, key, outbound, &owner_key);
	}
	return found(look,
		     same_generation(inbound, outbound) ? AUDIT_KIND_OUT_OTHER
							: AUDIT_KIND_OUT_GENERATION,
		     key, outbound, &orphan->key);
}

/* other: an orphan that names the same inbound row, or NULL. */
static int judge_orphan(struct audit_look *look, const struct orphan *orphan,
			const struct orphan *other)
{
	const struct natgw_session *inbound = audit_table_get(&look->inbound, &orphan->key);
	const struct natgw_outbound_key *key = audit_table_key(&look->outbound, orphan->row);
	const struct natgw_session *outbound = audit_table_value(&look->outbound, orphan->row);

	if (inbound) {
		return judge_taken(look, orphan, inbound);
	}
	if (other) {
		return found(look, AUDIT_KIND_OUT_TWICE, key, outbound,
			     audit_table_key(&look->outbound, other->row));
	}
	return found(look, AUDIT_KIND_OUT_ALONE, key, outbound, NULL);
}

static bool names_the_same(const struct orphan *one, const struct orphan *other)
{
	return memcmp(&one->key, &other->key, sizeof(one->key)) == 0;
}

static int judge_orphans(struct audit_look *look, const struct orphans *orphans)
{
	int err = 0;

	if (orphans->count) {
		qsort(orphans->list, orphans->count, sizeof(*orphans->list), compare_orphans);
	}
	for (size_t i = 0; !err && i < orphans->count; i++) {
		const struct orphan *orphan = &orphans->list[i], *other = NULL;

		if (i && names_the_same(orphan, orphan - 1)) {
			other = orphan - 1;
		} else if (i + 1 < orphans->count && names_the_same(orphan, orphan + 1)) {
			other = orphan + 1;
		}
		err = judge_orphan(look, orphan, other);
	}
	return err;
}

/* ---- inbound rows ---- */

/* An endpoint-independent mapping has its port for its internal endpoint alone. */
static int judge_mapped(struct audit_look *look, size_t row)
{
	const struct natgw_inbound_key *key = audit_table_key(&look->inbound, row);
	const struct natgw_session *inbound = audit_table_value(&look->inbound, row);
	const struct natgw_inbound_key mapping_key = {
		.ext_addr = key->ext_addr,
		.ext_port = key->ext_port,
		.proto = key->proto,
	};
	size_t mapping = audit_table_find(&look->inbound, &mapping_key);
	const struct natgw_session *owner;

	if (mapping == AUDIT_TABLE_NONE || mapping == row) {
		return 0;
	}
	owner = audit_table_value(&look->inbound, mapping);
	if ((owner->addr == inbound->addr && owner->port == inbound->port) ||
	    audit_state(owner) != NATGW_STATE_MAPPING ||
	    audit_session_inbound_life(look, mapping) == AUDIT_FREE ||
	    audit_session_inbound_life(look, row) == AUDIT_FREE) {
		return 0;
	}
	return found(look, AUDIT_KIND_IN_MAPPED, key, inbound, &mapping_key);
}

static int judge_inbound(struct audit_look *look, size_t row)
{
	const struct natgw_inbound_key *key = audit_table_key(&look->inbound, row);
	const struct natgw_session *inbound = audit_table_value(&look->inbound, row);
	struct natgw_outbound_key other_key = audit_session_outbound_key(key, inbound);
	const struct natgw_session *other = audit_table_get(&look->outbound, &other_key);

	if (!may_stay(inbound)) {
		return found_state(look, AUDIT_KIND_IN_STATE, key, inbound, 0);
	}
	if (other && same_generation(other, inbound) && points_to_inbound(&other_key, other, key)) {
		return audit_state(other) == audit_state(inbound) || !may_stay(other)
			       ? 0
			       : found_state(look, AUDIT_KIND_PAIR_STATE, key, inbound,
					     audit_state(other));
	}
	/* One that is over may have lost its partner to the client's next session. */
	if (audit_session_row_life(look, key->proto, inbound) != AUDIT_LIVE) {
		return 0;
	}
	if (!other) {
		return found(look, AUDIT_KIND_IN_ALONE, key, inbound, NULL);
	}
	return found(look,
		     same_generation(other, inbound) ? AUDIT_KIND_IN_OTHER
						     : AUDIT_KIND_IN_GENERATION,
		     key, inbound, &other_key);
}

int audit_pairs(struct audit_look *look)
{
	struct orphans orphans = { 0 };
	bool has_mappings = false;
	int err = 0;

	for (size_t row = 0; !err && row < look->outbound.count; row++) {
		err = judge_outbound(look, row, &orphans);
	}
	if (!err) {
		err = judge_orphans(look, &orphans);
	}
	free(orphans.list);
	for (size_t row = 0; !err && row < look->inbound.count; row++) {
		const struct natgw_session *inbound = audit_table_value(&look->inbound, row);

		has_mappings |= audit_state(inbound) == NATGW_STATE_MAPPING;
		err = judge_inbound(look, row);
	}
	for (size_t row = 0; !err && has_mappings && row < look->inbound.count; row++) {
		err = judge_mapped(look, row);
	}
	return err;
}
