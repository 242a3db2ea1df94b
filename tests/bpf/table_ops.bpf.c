// SPDX-License-Identifier: GPL-2.0-only
/* natgw_table.h as programs have it, on a table of its own. */
#include <linux/bpf.h>
#include <linux/types.h>

#include <bpf/bpf_helpers.h>

#include "table_ops.h"

#define INSERT_TRIES 100000
#define WAIT_TURNS 20000

const volatile struct natgw_table_size table_size = { .groups = 2 };

struct {
	__uint(type, BPF_MAP_TYPE_ARRAY);
	__uint(max_entries, NATGW_TABLE_STRIDE);
	__uint(map_flags, BPF_F_MMAPABLE);
	__type(key, __u32);
	__type(value, struct natgw_slot);
} table SEC(".maps");

#define TABLE ((natgw_table *)(void *)&table)

struct {
	__uint(type, BPF_MAP_TYPE_ARRAY);
	__uint(max_entries, 2 * TABLE_OPS);
	__uint(map_flags, BPF_F_MMAPABLE);
	__type(key, __u32);
	__type(value, struct table_op);
} ops SEC(".maps");

/* Threads that have come to an operation, where they do them at once. */
struct {
	__uint(type, BPF_MAP_TYPE_ARRAY);
	__uint(max_entries, TABLE_OPS);
	__uint(map_flags, BPF_F_MMAPABLE);
	__type(key, __u32);
	__type(value, __u32);
} arrived SEC(".maps");

static __always_inline struct natgw_table_key wanted_key(__u32 number)
{
	struct natgw_outbound_key key;

	table_key(number, &key);
	return natgw_outbound_table_key(&key);
}

/* As session.h finds a row. */
static __always_inline struct natgw_slot *find(const struct natgw_table_key *key, __u64 *ret_word)
{
	__u32 index = natgw_table_search(TABLE, &table_size, key, ret_word);
	struct natgw_slot *slot = natgw_table_slot(TABLE, index);

	return slot && natgw_table_matches(slot, key, ret_word) &&
			       table_state(*ret_word) != NATGW_STATE_DEAD
		       ? slot
		       : (void *)0;
}

static long insert_once(__u32 i, struct table_op **context)
{
	struct table_op *op = *context;
	struct natgw_table_key key;
	struct natgw_session row;

	key = wanted_key(op->number);
	table_row(op->number, op->word, &row);
	op->error = natgw_table_insert(TABLE, &table_size, &key, &row);
	op->tries = i + 1;
	return op->error != NATGW_TABLE_BUSY;
}

__noinline __weak int op_find(struct table_op *op)
{
	struct natgw_table_key key;
	struct natgw_slot *slot;
	__u64 word = 0;

	if (!op) {
		return 0;
	}
	key = wanted_key(op->number);
	slot = find(&key, &word);
	op->found = slot ? word : 0;
	op->error = slot && !table_agrees(&slot->row, op->number, word);
	return 0;
}

__noinline __weak int op_remove(struct table_op *op)
{
	struct natgw_table_key key;
	struct natgw_slot *slot;
	__u64 word = 0, dead;

	if (!op) {
		return 0;
	}
	key = wanted_key(op->number);
	slot = find(&key, &word);
	op->found = slot ? word : 0;
	op->error = 0;
	if (!slot) {
		return 0;
	}
	dead = table_with_state(word, NATGW_STATE_DEAD);
	if (NATGW_TABLE_SWAP(&slot->row.word, word, dead)) {
		natgw_table_release(TABLE, &table_size, &key, dead);
	} else {
		op->error = 1;
	}
	return 0;
}

__noinline __weak int op_take_over(struct table_op *op)
{
	struct natgw_table_key key;
	struct natgw_session row;
	struct natgw_slot *slot;
	__u64 word = 0, new;

	if (!op) {
		return 0;
	}
	key = wanted_key(op->number);
	slot = find(&key, &word);
	op->found = slot ? word : 0;
	op->error = 0;
	if (!slot) {
		return 0;
	}
	new = table_with_state(op->word, NATGW_STATE_NEW);
	if (!NATGW_TABLE_SWAP(&slot->row.word, word, new)) {
		op->error = 1;
		return 0;
	}
	table_row(op->number, op->word, &row);
	natgw_table_fill(slot, &key, &row);
	op->error = !NATGW_TABLE_SWAP(&slot->row.word, new, op->word);
	return 0;
}

static __always_inline void perform(struct table_op *op)
{
	if (op->kind == TABLE_OP_INSERT) {
		bpf_loop(INSERT_TRIES, insert_once, &op, 0);
	} else if (op->kind == TABLE_OP_FIND) {
		op_find(op);
	} else if (op->kind == TABLE_OP_REMOVE) {
		op_remove(op);
	} else {
		op_take_over(op);
	}
}

/* Which thread this is; -1: nobody said so. */
static __always_inline int thread_of(struct xdp_md *ctx)
{
	const __u8 *data = (const void *)(long)ctx->data;

	return data + 1 <= (const __u8 *)(long)ctx->data_end ? *data & 1 : -1;
}

static long step(__u32 i, const __u32 *first)
{
	__u32 index = *first + i;
	struct table_op *op = bpf_map_lookup_elem(&ops, &index);

	if (!op) {
		return 1;
	}
	perform(op);
	return 0;
}

SEC("xdp")
int table_run(struct xdp_md *ctx)
{
	int who = thread_of(ctx);
	__u32 first = who > 0 ? TABLE_OPS : 0;

	if (who >= 0) {
		bpf_loop(TABLE_OPS, step, &first, 0);
	}
	return XDP_PASS;
}

static long wait_turn(__u32 i, __u32 **context)
{
	(void)i;
	return NATGW_TABLE_READ(*context) >= 2;
}

/* Waits for the other thread, but not for ever: it may not be running. */
static long step_together(__u32 i, const __u32 *first)
{
	__u32 *here = bpf_map_lookup_elem(&arrived, &i);

	if (!here) {
		return 1;
	}
	__sync_fetch_and_add(here, 1);
	bpf_loop(WAIT_TURNS, wait_turn, &here, 0);
	return step(i, first);
}

SEC("xdp")
int table_race(struct xdp_md *ctx)
{
	int who = thread_of(ctx);
	__u32 first = who > 0 ? TABLE_OPS : 0;

	if (who >= 0) {
		bpf_loop(TABLE_OPS, step_together, &first, 0);
	}
	return XDP_PASS;
}

char LICENSE[] SEC("license") = "GPL";
