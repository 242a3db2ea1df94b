// SPDX-License-Identifier: GPL-2.0-only
/*
 * All rows of a table, one by one. The rows are copied before anybody is called, so that a callback
 * may delete the row it was given. Sessions and counters are datapath_read.c's.
 */
#include "datapath.h"

#include <errno.h>
#include <string.h>

#include <bpf/bpf.h>

#include "cleanup.h"
#include "datapath_internal.h"
#include "list.h"

#define ROW_KEY_MAX 12
#define ROW_VALUE_MAX 16
_Static_assert(sizeof(struct natgw_address) <= ROW_VALUE_MAX, "row value");

struct table_row {
	uint8_t key[ROW_KEY_MAX] __attribute__((aligned(4)));
	uint8_t value[ROW_VALUE_MAX] __attribute__((aligned(4)));
};

struct table_rows {
	struct table_row *rows;
	size_t count;
};

static int table_append(struct table_rows *table, const struct table_row *row)
{
	struct table_row *rows = list_room(table->rows, table->count, sizeof(*rows));

	if (!rows) {
		return -ENOMEM;
	}
	table->rows = rows;
	table->rows[table->count++] = *row;
	return 0;
}

/* Copied before anybody looks at it, so that a callback may delete the row it was given. */
static int table_read(int fd, struct table_rows *table)
{
	struct table_row row = {};
	uint8_t last[ROW_KEY_MAX] __attribute__((aligned(4)));
	bool first = true;

	for (;;) {
		int r = bpf_map_get_next_key(fd, first ? NULL : last, row.key);

		if (r < 0) {
			return r == -ENOENT ? 0 : r;
		}
		first = false;
		memcpy(last, row.key, sizeof(last));
		r = bpf_map_lookup_elem(fd, row.key, row.value);
		if (r == 0) {
			r = table_append(table, &row);
		}
		if (r < 0 && r != -ENOENT) {
			return r;
		}
	}
}

int datapath_each_iface(struct datapath *dp,
			int (*fn)(uint32_t ifindex, const struct natgw_iface *row, void *arg),
			void *arg)
{
	struct table_rows table = {};
	int r = table_read(dp->fd[DATAPATH_IFACES], &table);
	_cleanup_free_ struct table_row *rows = table.rows;

	for (size_t i = 0; r == 0 && i < table.count; i++) {
		r = fn(*(const uint32_t *)(const void *)rows[i].key,
		       (const struct natgw_iface *)(const void *)rows[i].value, arg);
	}
	return r;
}

int datapath_each_address(struct datapath *dp,
			  int (*fn)(__be32 addr, const struct natgw_address *row, void *arg),
			  void *arg)
{
	struct table_rows table = {};
	int r = table_read(dp->fd[DATAPATH_ADDRESSES], &table);
	_cleanup_free_ struct table_row *rows = table.rows;

	for (size_t i = 0; r == 0 && i < table.count; i++) {
		r = fn(*(const __be32 *)(const void *)rows[i].key,
		       (const struct natgw_address *)(const void *)rows[i].value, arg);
	}
	return r;
}

int datapath_each_subnet(struct datapath *dp,
			 int (*fn)(const struct natgw_subnet_key *key,
				   const struct natgw_subnet *row, void *arg),
			 void *arg)
{
	struct table_rows table = {};
	int r = table_read(dp->fd[DATAPATH_SUBNETS], &table);
	_cleanup_free_ struct table_row *rows = table.rows;

	for (size_t i = 0; r == 0 && i < table.count; i++) {
		r = fn((const struct natgw_subnet_key *)(const void *)rows[i].key,
		       (const struct natgw_subnet *)(const void *)rows[i].value, arg);
	}
	return r;
}

int datapath_each_route(struct datapath *dp,
			int (*fn)(const struct natgw_route_key *key, const struct natgw_route *row,
				  void *arg),
			void *arg)
{
	struct table_rows table = {};
	int r = table_read(dp->fd[DATAPATH_ROUTES], &table);
	_cleanup_free_ struct table_row *rows = table.rows;

	for (size_t i = 0; r == 0 && i < table.count; i++) {
		r = fn((const struct natgw_route_key *)(const void *)rows[i].key,
		       (const struct natgw_route *)(const void *)rows[i].value, arg);
	}
	return r;
}

int datapath_each_forward(struct datapath *dp,
			  int (*fn)(const struct natgw_forward_key *key,
				    const struct natgw_forward *row, void *arg),
			  void *arg)
{
	struct table_rows table = {};
	int r = table_read(dp->fd[DATAPATH_FORWARDS], &table);
	_cleanup_free_ struct table_row *rows = table.rows;

	for (size_t i = 0; r == 0 && i < table.count; i++) {
		r = fn((const struct natgw_forward_key *)(const void *)rows[i].key,
		       (const struct natgw_forward *)(const void *)rows[i].value, arg);
	}
	return r;
}

int datapath_each_acl(struct datapath *dp,
		      int (*fn)(const struct natgw_acl_key *key, const struct natgw_acl *row,
				void *arg),
		      void *arg)
{
	struct table_rows table = {};
	int r = table_read(dp->fd[DATAPATH_ACL], &table);
	_cleanup_free_ struct table_row *rows = table.rows;

	for (size_t i = 0; r == 0 && i < table.count; i++) {
		r = fn((const struct natgw_acl_key *)(const void *)rows[i].key,
		       (const struct natgw_acl *)(const void *)rows[i].value, arg);
	}
	return r;
}
