// SPDX-License-Identifier: GPL-2.0-only
/* Lists of rows of "addresses". What should be in them is apply_address.c's work. */
#include "apply_internal.h"

#include <errno.h>
#include <stdlib.h>

#include "list.h"

int apply_address_append(struct apply_addresses *list, __be32 addr, const struct natgw_address *row)
{
	struct apply_address *rows = list_room(list->rows, list->count, sizeof(*rows));

	if (!rows) {
		return -ENOMEM;
	}
	list->rows = rows;
	list->rows[list->count].addr = addr;
	list->rows[list->count].row = *row;
	list->count++;
	return 0;
}

/* One address may mean several things: the first of these counts. */
static int rank(const struct natgw_address *row)
{
	static const int ranks[] = {
		[NATGW_ADDRESS_EIP] = 1,	[NATGW_ADDRESS_STAGED] = 2,
		[NATGW_ADDRESS_ONE_TO_ONE] = 3, [NATGW_ADDRESS_PRIVATE_IP] = 4,
		[NATGW_ADDRESS_HOST] = 5,	[NATGW_ADDRESS_MAPPED] = 6,
	};

	return row->kind < sizeof(ranks) / sizeof(ranks[0]) ? ranks[row->kind] : 0;
}

static int compare(const void *left, const void *right)
{
	const struct apply_address *a = left;
	const struct apply_address *b = right;

	if (a->addr != b->addr) {
		return a->addr < b->addr ? -1 : 1;
	}
	return rank(&a->row) - rank(&b->row);
}

void apply_address_sort(struct apply_addresses *list)
{
	size_t kept = 0;

	if (!list->count) {
		return;
	}
	qsort(list->rows, list->count, sizeof(*list->rows), compare);
	for (size_t i = 1; i < list->count; i++) {
		if (list->rows[i].addr != list->rows[kept].addr) {
			list->rows[++kept] = list->rows[i];
		}
	}
	list->count = kept + 1;
}

static int append_held(__be32 addr, const struct natgw_address *row, void *arg)
{
	return apply_address_append(arg, addr, row);
}

int apply_address_read(struct datapath *dp, struct apply_addresses *ret_held)
{
	int err;

	*ret_held = (struct apply_addresses){ .rows = NULL };
	err = datapath_each_address(dp, append_held, ret_held);
	if (!err) {
		apply_address_sort(ret_held);
	}
	return err;
}

const struct apply_address *apply_address_find(const struct apply_addresses *addresses, __be32 addr)
{
	size_t low = 0;
	size_t high = addresses->count;

	while (low < high) {
		size_t middle = low + (high - low) / 2;

		if (addresses->rows[middle].addr == addr) {
			return &addresses->rows[middle];
		}
		if (addresses->rows[middle].addr < addr) {
			low = middle + 1;
		} else {
			high = middle;
		}
	}
	return NULL;
}

bool apply_address_is_eip(const struct apply_address *address)
{
	return address && address->row.kind == NATGW_ADDRESS_EIP &&
	       address->row.eip < NATGW_EIPS_MAX;
}

bool apply_address_has_ports(struct datapath *dp, uint32_t eip)
{
	for (int proto = 0; proto < NATGW_PROTO_COUNT; proto++) {
		uint32_t count = 0;

		if (datapath_ports_in_use(dp, eip, (enum natgw_proto)proto, &count) || count) {
			return true;
		}
	}
	return false;
}
