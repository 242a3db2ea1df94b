// SPDX-License-Identifier: GPL-2.0-only
/*
 * Rows of "forwards" and "acl", by difference. In the access list longer prefixes go in before
 * shorter ones and out after them: so every address is judged by the old list or by the new one,
 * never by a mixture.
 */
#include "apply_internal.h"

#include <arpa/inet.h>
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "list.h"

/* ---- port forwards ---- */

struct forward_row {
	struct natgw_forward_key key;
	struct natgw_forward row;
};

struct forward_list {
	struct forward_row *rows;
	size_t count;
};

static int append_forward(const struct natgw_forward_key *key, const struct natgw_forward *row,
			  void *arg)
{
	struct forward_list *list = arg;
	struct forward_row *rows = list_room(list->rows, list->count, sizeof(*rows));

	if (!rows) {
		return -ENOMEM;
	}
	list->rows = rows;
	list->rows[list->count++] = (struct forward_row){ *key, *row };
	return 0;
}

static int compare_forwards(const void *left, const void *right)
{
	return memcmp(left, right, sizeof(struct natgw_forward_key));
}

static void sort_forwards(struct forward_list *list)
{
	if (list->count) {
		qsort(list->rows, list->count, sizeof(*list->rows), compare_forwards);
	}
}

static const struct forward_row *find_forward(const struct forward_list *list,
					      const struct natgw_forward_key *key)
{
	if (!list->count) {
		return NULL;
	}
	return bsearch(key, list->rows, list->count, sizeof(*list->rows), compare_forwards);
}

/* One row for each port. */
static int want_forward(const struct config_forward *forward,
			const struct apply_addresses *addresses, struct forward_list *list)
{
	const struct apply_address *eip = apply_address_find(addresses, forward->ext_addr);
	int err = apply_address_is_eip(eip) ? 0 : -ENOENT;

	for (uint32_t i = 0; !err && forward->ext_first + i <= forward->ext_last; i++) {
		const struct natgw_forward_key key = {
			.ext_addr = forward->ext_addr,
			.ext_port = htons((uint16_t)(forward->ext_first + i)),
			.proto = forward->proto,
		};
		const struct natgw_forward row = {
			.int_addr = forward->int_addr,
			.int_port = htons((uint16_t)(forward->int_first + i)),
			.gateway = eip->row.gateway,
		};

		err = append_forward(&key, &row, list);
	}
	return err;
}

static int drop_forwards(struct datapath *dp, const struct forward_list *held,
			 const struct forward_list *wanted)
{
	int err = 0;

	for (size_t i = 0; !err && i < held->count; i++) {
		if (!find_forward(wanted, &held->rows[i].key)) {
			err = datapath_del_forward(dp, &held->rows[i].key);
			err = err == -ENOENT ? 0 : err;
		}
	}
	return err;
}

/* Where the old ones and the new ones have no room together, the old ones go before. */
static int write_forwards(struct datapath *dp, const struct forward_list *held,
			  const struct forward_list *wanted)
{
	int err = 0;

	for (size_t i = 0; !err && i < wanted->count; i++) {
		const struct forward_row *row = &wanted->rows[i];
		const struct forward_row *old = find_forward(held, &row->key);

		if (old && memcmp(&old->row, &row->row, sizeof(row->row)) == 0) {
			continue;
		}
		err = datapath_set_forward(dp, &row->key, &row->row);
		if (err == -E2BIG) {
			err = drop_forwards(dp, held, wanted);
			err = err ? err : datapath_set_forward(dp, &row->key, &row->row);
		}
	}
	return err ? err : drop_forwards(dp, held, wanted);
}

int apply_forward_put(struct apply_pass *pass, const struct apply_addresses *addresses)
{
	struct forward_list held = { .rows = NULL };
	struct forward_list wanted = { .rows = NULL };
	int err = datapath_each_forward(pass->dp, append_forward, &held);

	for (size_t i = 0; !err && i < pass->config->forward_count; i++) {
		err = want_forward(&pass->config->forwards[i], addresses, &wanted);
	}
	if (!err) {
		sort_forwards(&held);
		sort_forwards(&wanted);
		err = write_forwards(pass->dp, &held, &wanted);
	}
	free(held.rows);
	free(wanted.rows);
	return err;
}

/* ---- the access list ---- */

struct acl_row {
	struct natgw_acl_key key;
	struct natgw_acl row;
};

struct acl_list {
	struct acl_row *rows;
	size_t count;
};

static int append_acl(const struct natgw_acl_key *key, const struct natgw_acl *row, void *arg)
{
	struct acl_list *list = arg;
	struct acl_row *rows = list_room(list->rows, list->count, sizeof(*rows));

	if (!rows) {
		return -ENOMEM;
	}
	list->rows = rows;
	list->rows[list->count++] = (struct acl_row){ *key, *row };
	return 0;
}

/* Longer prefixes first. */
static int compare_acl(const void *left, const void *right)
{
	const struct natgw_acl_key *a = left;
	const struct natgw_acl_key *b = right;

	if (a->prefix_len != b->prefix_len) {
		return a->prefix_len > b->prefix_len ? -1 : 1;
	}
	return a->addr == b->addr ? 0 : a->addr < b->addr ? -1 : 1;
}

static void sort_acl(struct acl_list *list)
{
	if (list->count) {
		qsort(list->rows, list->count, sizeof(*list->rows), compare_acl);
	}
}

static const struct acl_row *find_acl(const struct acl_list *list, const struct natgw_acl_key *key)
{
	if (!list->count) {
		return NULL;
	}
	return bsearch(key, list->rows, list->count, sizeof(*list->rows), compare_acl);
}

static int write_acl(struct datapath *dp, const struct acl_list *held,
		     const struct acl_list *wanted)
{
	int err = 0;

	for (size_t i = 0; !err && i < wanted->count; i++) {
		const struct acl_row *row = &wanted->rows[i];
		const struct acl_row *old = find_acl(held, &row->key);

		if (!old || old->row.deny != row->row.deny) {
			err = datapath_set_acl(dp, &row->key, &row->row);
		}
	}
	for (size_t i = held->count; !err && i > 0; i--) {
		if (!find_acl(wanted, &held->rows[i - 1].key)) {
			err = datapath_del_acl(dp, &held->rows[i - 1].key);
			err = err == -ENOENT ? 0 : err;
		}
	}
	return err;
}

int apply_acl_put(struct apply_pass *pass)
{
	struct acl_list held = { .rows = NULL };
	struct acl_list wanted = { .rows = NULL };
	int err = datapath_each_acl(pass->dp, append_acl, &held);

	for (size_t i = 0; !err && i < pass->config->acl_count; i++) {
		const struct config_acl *acl = &pass->config->acl[i];
		const struct natgw_acl_key key = { acl->prefix.len, acl->prefix.addr };
		const struct natgw_acl row = { .deny = acl->deny };

		err = append_acl(&key, &row, &wanted);
	}
	if (!err) {
		sort_acl(&held);
		sort_acl(&wanted);
		err = write_acl(pass->dp, &held, &wanted);
	}
	free(held.rows);
	free(wanted.rows);
	return err;
}
