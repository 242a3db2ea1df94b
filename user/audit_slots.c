// SPDX-License-Identifier: GPL-2.0-only
/*
 * The session tables, mapped: their rows, and whether the slots lead to them (natgw_table.h). A
 * slot's row never moves, so one that stands all the time is read once.
 */
#include "audit_internal.h"

#include <bpf/bpf.h>
#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>

#include "cleanup.h"

static int read_size(const struct audit_look *look, struct natgw_table_size *ret_size)
{
	struct natgw_layout layout = { 0 };
	uint32_t zero = 0;
	int err = bpf_map_lookup_elem(look->maps->fd[AUDIT_MAP_LAYOUT], &zero, &layout);

	if (!err) {
		*ret_size = natgw_table_size_for(layout.sessions_max, layout.seed);
	}
	return err;
}

int audit_slots_open(const struct audit_look *look, enum audit_map map,
		     struct audit_slots *ret_slots)
{
	struct audit_slots slots = { .is_outbound = map == AUDIT_MAP_OUTBOUND };
	struct bpf_map_info info = { 0 };
	__u32 length = sizeof(info);
	int err = bpf_obj_get_info_by_fd(look->maps->fd[map], &info, &length);

	if (!err) {
		err = read_size(look, &slots.size);
	}
	slots.count = natgw_table_slots(&slots.size);
	if (!err && (info.value_size != sizeof(*slots.list) || info.max_entries != slots.count)) {
		err = -EPROTO;
	}
	if (err) {
		return err;
	}
	slots.list = mmap(NULL, (size_t)slots.count * sizeof(*slots.list), PROT_READ, MAP_SHARED,
			  look->maps->fd[map], 0);
	if (slots.list == MAP_FAILED) {
		return -errno;
	}
	*ret_slots = slots;
	return 0;
}

void audit_slots_close(struct audit_slots *slots)
{
	if (slots->list) {
		(void)munmap(slots->list, (size_t)slots->count * sizeof(*slots->list));
	}
	*slots = (struct audit_slots){ 0 };
}

/* ---- rows ---- */

/* A copy of one row. */
struct row {
	uint8_t key[AUDIT_KEY_SIZE];
	struct natgw_session session;
	struct natgw_table_key table_key;
};

/* false: there is none, or it went to another one meanwhile. */
static bool read_row(const struct audit_slots *slots, uint32_t index, struct row *row)
{
	const struct natgw_slot *slot = &slots->list[index];
	uint64_t word = NATGW_TABLE_READ(&slot->row.word);
	struct natgw_outbound_key outbound;
	struct natgw_inbound_key inbound;

	row->session = slot->row;
	row->session.word = word;
	row->session.hops = 0;
	if (slots->is_outbound) {
		natgw_slot_outbound_key(slot, word, &outbound);
		row->table_key = natgw_outbound_table_key(&outbound);
		memcpy(row->key, &outbound, sizeof(outbound));
	} else {
		natgw_slot_inbound_key(slot, &inbound);
		row->table_key = natgw_inbound_table_key(&inbound);
		memcpy(row->key, &inbound, sizeof(inbound));
	}
	__atomic_thread_fence(__ATOMIC_ACQUIRE);
	return audit_state(&row->session) != NATGW_STATE_NONE &&
	       audit_state(&row->session) != NATGW_STATE_CLAIMED &&
	       natgw_table_same_row(word, NATGW_TABLE_READ(&slot->row.word));
}

int audit_slots_read(const struct audit_slots *slots, struct audit_table *ret_table)
{
	struct audit_table table = audit_table_of(AUDIT_KEY_SIZE, sizeof(struct natgw_session));
	struct row row;
	int err = 0;

	for (uint32_t index = 0; !err && index < slots->count; index++) {
		if (read_row(slots, index, &row)) {
			err = audit_table_add(&table, row.key, &row.session);
		}
	}
	if (!err) {
		err = audit_table_index(&table);
	}
	if (err) {
		audit_table_free(&table);
		return err;
	}
	*ret_table = table;
	return 0;
}

/* ---- slots ---- */

static int found(struct audit_look *look, const struct audit_slots *slots, uint32_t index,
		 struct audit_finding finding)
{
	const uint32_t key[2] = { slots->is_outbound, index };

	memcpy(finding.key, key, sizeof(key));
	return audit_look_found(look, &finding);
}

static bool is_in_tail(const struct audit_slots *slots, uint32_t index)
{
	return index >= slots->size.groups * NATGW_TABLE_GROUP;
}

/* The home whose word "hops" has this row, which is in slot "index". */
static uint32_t home_of(const struct audit_slots *slots, uint32_t index, const struct row *row)
{
	uint64_t hash = natgw_table_hash(&row->table_key, slots->size.seed);

	return is_in_tail(slots, index) ? natgw_table_tail_home(&slots->size, hash)
					: natgw_table_home(&slots->size, hash);
}

/* A lookup of the row's key comes to this slot. */
static int check_row(struct audit_look *look, const struct audit_slots *slots, uint32_t index,
		     const struct row *row)
{
	struct audit_finding finding = {
		.kind = slots->is_outbound ? AUDIT_KIND_OUT_LOST : AUDIT_KIND_IN_LOST,
		.generation = audit_generation(&row->session),
	};
	__u64 word;

	if (natgw_table_search(slots->list, &slots->size, &row->table_key, &word) == index) {
		return 0;
	}
	memcpy(finding.key, row->key, sizeof(row->key));
	return audit_look_found(look, &finding);
}

/* The slots that it names as a home are rows of its. */
static int check_hops(struct audit_look *look, const struct audit_slots *slots, uint32_t index)
{
	uint32_t hops = NATGW_TABLE_READ(&slots->list[index].row.hops);
	int err = 0;

	if (hops & NATGW_TABLE_LOCK) {
		err = found(look, slots, index,
			    (struct audit_finding){ .kind = AUDIT_KIND_SLOT_LOCKED });
	}
	for (uint32_t hop = 0; !err && hop < NATGW_TABLE_HOPS; hop++) {
		uint32_t other = index ^ hop;
		struct row row;

		if (hops >> hop & 1 &&
		    (!read_row(slots, other, &row) || home_of(slots, other, &row) != index)) {
			err = found(look, slots, index,
				    (struct audit_finding){ .kind = AUDIT_KIND_SLOT_HOPS,
							    .number = other,
							    .have = other });
		}
	}
	return err;
}

static int check_slot(struct audit_look *look, const struct audit_slots *slots, uint32_t index,
		      uint32_t *in_tail)
{
	uint64_t word = NATGW_TABLE_READ(&slots->list[index].row.word);
	struct row row;
	int err = check_hops(look, slots, index);

	if (!err && (word & NATGW_WORD_STATE_MASK) == NATGW_STATE_CLAIMED) {
		err = found(look, slots, index,
			    (struct audit_finding){
				    .kind = AUDIT_KIND_SLOT_CLAIMED,
				    .generation = (uint32_t)(word >> NATGW_WORD_GENERATION_SHIFT),
			    });
	}
	if (!err && read_row(slots, index, &row)) {
		err = check_row(look, slots, index, &row);
		if (is_in_tail(slots, index)) {
			in_tail[natgw_table_home(
				&slots->size,
				natgw_table_hash(&row.table_key, slots->size.seed))]++;
		}
	}
	return err;
}

static int check_tail(struct audit_look *look, const struct audit_slots *slots,
		      const uint32_t *in_tail)
{
	int err = 0;

	for (uint32_t index = 0; !err && index < slots->count; index++) {
		uint64_t count =
			NATGW_TABLE_READ(&slots->list[index].rest) >> NATGW_TABLE_TAIL_SHIFT;

		if (count != in_tail[index]) {
			err = found(look, slots, index,
				    (struct audit_finding){ .kind = AUDIT_KIND_SLOT_TAIL,
							    .have = count,
							    .want = in_tail[index] });
		}
	}
	return err;
}

int audit_slots_check(struct audit_look *look, const struct audit_slots *slots)
{
	_cleanup_free_ uint32_t *in_tail = calloc(slots->count, sizeof(*in_tail));
	int err = in_tail ? 0 : -ENOMEM;

	for (uint32_t index = 0; !err && index < slots->count; index++) {
		err = check_slot(look, slots, index, in_tail);
	}
	return err ? err : check_tail(look, slots, in_tail);
}
