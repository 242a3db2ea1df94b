// SPDX-License-Identifier: GPL-2.0-only
/*
 * A map, copied into memory with an index by key. Read in batches, each of which the kernel takes
 * bucket by bucket: a row that stands all the time is read once.
 */
#include "audit_internal.h"

#include <bpf/bpf.h>
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "cleanup.h"

#define BATCH_BYTES (1U << 20)
#define BATCH_ROWS_MIN 32U
#define BATCH_ROWS_MAX (1U << 20) /* of one bucket of a hash map: never */
#define CURSOR_MAX 16

struct batch {
	uint8_t *keys;
	uint8_t *values;
	uint32_t room;
	uint32_t count;
};

static void batch_free(struct batch *batch)
{
	free(batch->keys);
	free(batch->values);
}

static int batch_resize(struct batch *batch, const struct audit_table *table, uint32_t room)
{
	batch_free(batch);
	batch->room = room;
	batch->keys = calloc(room, table->key_size);
	batch->values = calloc(room, table->value_size);
	return batch->keys && batch->values ? 0 : -ENOMEM;
}

/* ---- rows ---- */

static int table_reserve(struct audit_table *table, size_t count)
{
	size_t room = table->room ? table->room : BATCH_ROWS_MIN;
	uint8_t *rows;

	while (room < count) {
		room *= 2;
	}
	if (room == table->room) {
		return 0;
	}
	rows = realloc(table->rows, room * table->row_size);
	if (!rows) {
		return -ENOMEM;
	}
	table->rows = rows;
	table->room = room;
	return 0;
}

int audit_table_add(struct audit_table *table, const void *key, const void *value)
{
	int err = table_reserve(table, table->count + 1);

	if (!err) {
		uint8_t *row = table->rows + table->count++ * table->row_size;

		memset(row, 0, table->value_at);
		memcpy(row, key, table->key_size);
		memcpy(row + table->value_at, value, table->value_size);
	}
	return err;
}

static int append_batch(struct audit_table *table, const struct batch *batch)
{
	int err = 0;

	for (uint32_t i = 0; !err && i < batch->count; i++) {
		err = audit_table_add(table, batch->keys + (size_t)i * table->key_size,
				      batch->values + (size_t)i * table->value_size);
	}
	return err;
}

/* 0: goes on. 1: that was the last. */
static int read_batch(int fd, struct audit_table *table, struct batch *batch, uint8_t *cursor,
		      bool first)
{
	uint8_t next[CURSOR_MAX] __attribute__((aligned(8))) = { 0 };
	int err;

	batch->count = batch->room;
	err = bpf_map_lookup_batch(fd, first ? NULL : cursor, next, batch->keys, batch->values,
				   &batch->count, NULL);
	if (err && err != -ENOENT) {
		return err;
	}
	memcpy(cursor, next, sizeof(next));
	int appended = append_batch(table, batch);

	return appended ? appended : err == -ENOENT;
}

static int read_batches(int fd, struct audit_table *table)
{
	uint8_t cursor[CURSOR_MAX] __attribute__((aligned(8))) = { 0 };
	uint32_t room = BATCH_BYTES / table->row_size;
	struct batch batch = { 0 };
	bool first = true;
	int err = batch_resize(&batch, table, room < BATCH_ROWS_MIN ? BATCH_ROWS_MIN : room);

	while (!err) {
		err = read_batch(fd, table, &batch, cursor, first);
		if (err == -ENOSPC && batch.room < BATCH_ROWS_MAX) {
			/* A bucket with more rows than the batch has room for. */
			err = batch_resize(&batch, table, 2 * batch.room);
		} else {
			first = false;
		}
	}
	batch_free(&batch);
	return err < 0 ? err : 0;
}

/* For maps without batches. A row that goes while it is the last one read sends the kernel back to
 * the first, so it may go on for some time; twice the rows are enough of it. */
static int read_singly(int fd, struct audit_table *table, uint32_t rows_max)
{
	_cleanup_free_ uint8_t *last = calloc(1, table->key_size);
	_cleanup_free_ uint8_t *key = calloc(1, table->key_size);
	_cleanup_free_ uint8_t *value = calloc(1, table->value_size);
	bool first = true;
	int err = last && key && value ? 0 : -ENOMEM;

	for (size_t steps = 0; !err; steps++) {
		err = bpf_map_get_next_key(fd, first ? NULL : last, key);
		if (err) {
			return err == -ENOENT ? 0 : err;
		}
		if (steps > 2 * (size_t)rows_max) {
			return -EAGAIN;
		}
		first = false;
		memcpy(last, key, table->key_size);
		err = bpf_map_lookup_elem(fd, key, value);
		if (err) {
			err = err == -ENOENT ? 0 : err;
			continue;
		}
		err = audit_table_add(table, key, value);
	}
	return err;
}

/* ---- the index ---- */

static uint32_t hash(const uint8_t *key, uint32_t size)
{
	uint64_t sum = size;

	for (uint32_t at = 0; at < size; at += 4) {
		uint32_t word;

		memcpy(&word, key + at, sizeof(word));
		sum = (sum ^ word) * 0x9e3779b97f4a7c15ULL;
		sum ^= sum >> 29;
	}
	return (uint32_t)(sum >> 20);
}

/* The slot of the key: its row's, or the free one where it would be. */
static uint32_t *find_slot(const struct audit_table *table, const void *key)
{
	uint32_t at = hash(key, table->key_size) & table->slot_mask;

	while (table->slots[at] &&
	       memcmp(audit_table_key(table, table->slots[at] - 1), key, table->key_size) != 0) {
		at = (at + 1) & table->slot_mask;
	}
	return &table->slots[at];
}

int audit_table_index(struct audit_table *table)
{
	uint32_t size = 16;

	while (size < 2 * table->count) {
		size *= 2;
	}
	table->slots = calloc(size, sizeof(*table->slots));
	if (!table->slots) {
		return -ENOMEM;
	}
	table->slot_mask = size - 1;
	for (size_t row = 0; row < table->count;) {
		uint32_t *slot = find_slot(table, audit_table_key(table, row));

		if (*slot) {
			/* Read twice, by read_singly: the last row takes the place of this one. */
			table->count--;
			memcpy(table->rows + row * table->row_size,
			       table->rows + table->count * table->row_size, table->row_size);
			continue;
		}
		*slot = (uint32_t)++row;
	}
	return 0;
}

/* ---- what the others see ---- */

struct audit_table audit_table_of(uint32_t key_size, uint32_t value_size)
{
	return (struct audit_table){
		.key_size = key_size,
		.value_size = value_size,
		.value_at = (key_size + 7) & ~7U,
		.row_size = (((key_size + 7) & ~7U) + value_size + 7) & ~7U,
	};
}

int audit_table_read(int fd, uint32_t key_size, uint32_t value_size, struct audit_table *ret_table)
{
	struct audit_table table = audit_table_of(key_size, value_size);
	struct bpf_map_info info = { 0 };
	__u32 length = sizeof(info);
	int err = bpf_obj_get_info_by_fd(fd, &info, &length);

	if (!err && (info.key_size != key_size || info.value_size != value_size ||
		     key_size > CURSOR_MAX || key_size % 4 != 0)) {
		err = -EPROTO;
	}
	if (!err) {
		err = read_batches(fd, &table);
	}
	/* libbpf gives what the kernel calls ENOTSUPP through as it is: 524. */
	if (err == -ENOTSUP || err == -EINVAL || err == -524) {
		table.count = 0;
		err = read_singly(fd, &table, info.max_entries);
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

void audit_table_free(struct audit_table *table)
{
	free(table->rows);
	free(table->slots);
	*table = (struct audit_table){ 0 };
}

const void *audit_table_key(const struct audit_table *table, size_t row)
{
	return table->rows + row * table->row_size;
}

const void *audit_table_value(const struct audit_table *table, size_t row)
{
	return table->rows + row * table->row_size + table->value_at;
}

size_t audit_table_find(const struct audit_table *table, const void *key)
{
	uint32_t found = table->slots ? *find_slot(table, key) : 0;

	return found ? found - 1 : AUDIT_TABLE_NONE;
}

const void *audit_table_get(const struct audit_table *table, const void *key)
{
	size_t row = audit_table_find(table, key);

	return row == AUDIT_TABLE_NONE ? NULL : audit_table_value(table, row);
}
