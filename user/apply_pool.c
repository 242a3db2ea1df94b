// SPDX-License-Identifier: GPL-2.0-only
/*
 * Rows of "pool": the EIPs that a gateway's new sessions get. They stand at the beginning of its
 * stretch; those of SNAT rules are put behind them, by apply_rule_pool.c.
 */
#include "apply_internal.h"

#include <errno.h>

struct pool {
	uint32_t gateway;
	uint32_t count;
	struct natgw_pool_row rows[NATGW_EIPS_PER_GATEWAY_MAX];
};

static int read_pool(struct apply_pass *pass, uint32_t gateway, struct pool *ret_pool)
{
	ret_pool->gateway = gateway;
	ret_pool->count = pass->gateways[gateway].eip_count;
	if (ret_pool->count > NATGW_EIPS_PER_GATEWAY_MAX) {
		return -EPROTO;
	}
	for (uint32_t i = 0; i < ret_pool->count; i++) {
		int err = datapath_get_pool(pass->dp, gateway, i, &ret_pool->rows[i]);

		if (err) {
			return err;
		}
	}
	return 0;
}

static int put_count(struct apply_pass *pass, struct pool *pool, uint32_t count)
{
	struct natgw_gateway row = pass->gateways[pool->gateway];

	row.eip_count = (__u16)count;
	pool->count = count;
	return apply_gateway_put(pass, pool->gateway, &row);
}

/* The row first, then the count that makes it visible. */
static int add_to_pool(struct apply_pass *pass, struct pool *pool, const struct natgw_pool_row *row)
{
	int err = datapath_set_pool(pass->dp, pool->gateway, pool->count, row);

	if (err) {
		return err;
	}
	pool->rows[pool->count] = *row;
	return put_count(pass, pool, pool->count + 1);
}

/* The last row into the hole: for a moment it is there twice, which harms nobody. */
static int remove_from_pool(struct apply_pass *pass, struct pool *pool, uint32_t position)
{
	uint32_t last = pool->count - 1;

	if (position != last) {
		int err = datapath_set_pool(pass->dp, pool->gateway, position, &pool->rows[last]);

		if (err) {
			return err;
		}
		pool->rows[position] = pool->rows[last];
	}
	return put_count(pass, pool, last);
}

static bool wants(const struct config_gateway *gateway, __be32 addr)
{
	for (size_t i = 0; gateway && i < gateway->eip_count; i++) {
		if (gateway->eips[i] == addr) {
			return true;
		}
	}
	return false;
}

/* gateway NULL: nothing is wanted. keep: at least so many rows stay. */
static int shrink_pool(struct apply_pass *pass, struct pool *pool,
		       const struct config_gateway *gateway, uint32_t keep)
{
	uint32_t position = pool->count;

	while (position > 0 && pool->count > keep) {
		int err;

		position--;
		if (wants(gateway, pool->rows[position].addr)) {
			continue;
		}
		err = remove_from_pool(pass, pool, position);
		if (err) {
			return err;
		}
	}
	return 0;
}

static bool pool_has(const struct pool *pool, const struct natgw_pool_row *row)
{
	for (uint32_t i = 0; i < pool->count; i++) {
		if (pool->rows[i].addr == row->addr && pool->rows[i].eip == row->eip) {
			return true;
		}
	}
	return false;
}

static int grow_pool(struct apply_pass *pass, struct pool *pool,
		     const struct config_gateway *gateway, const struct natgw_pool_row *row)
{
	int err = 0;

	if (pool_has(pool, row)) {
		return 0;
	}
	/* Full: one that goes anyhow goes before. */
	if (pool->count == NATGW_EIPS_PER_GATEWAY_MAX) {
		err = shrink_pool(pass, pool, gateway, NATGW_EIPS_PER_GATEWAY_MAX - 1);
	}
	if (!err && pool->count == NATGW_EIPS_PER_GATEWAY_MAX) {
		err = -ENOSPC;
	}
	return err ? err : add_to_pool(pass, pool, row);
}

static int fill_pool(struct apply_pass *pass, struct pool *pool,
		     const struct config_gateway *gateway, const struct apply_addresses *addresses)
{
	for (size_t i = 0; i < gateway->eip_count; i++) {
		const struct apply_address *eip = apply_address_find(addresses, gateway->eips[i]);
		struct natgw_pool_row row = { .addr = gateway->eips[i] };
		int err;

		if (!apply_address_is_eip(eip)) {
			return -ENOENT;
		}
		row.eip = eip->row.eip;
		err = grow_pool(pass, pool, gateway, &row);
		if (err) {
			return err;
		}
	}
	return 0;
}

int apply_pool_put(struct apply_pass *pass, const struct apply_addresses *addresses)
{
	for (size_t i = 0; i < pass->config->gateway_count; i++) {
		const struct config_gateway *gateway = &pass->config->gateways[i];
		struct pool pool;
		int err = read_pool(pass, pass->gateway_index[i], &pool);

		if (!err) {
			err = fill_pool(pass, &pool, gateway, addresses);
		}
		if (!err) {
			err = shrink_pool(pass, &pool, gateway, 0);
		}
		if (err) {
			return err;
		}
	}
	return 0;
}

int apply_pool_shrink(struct apply_pass *pass)
{
	int err = 0;

	for (uint32_t i = 1; !err && i < NATGW_GATEWAYS_MAX; i++) {
		struct pool pool;

		err = read_pool(pass, i, &pool);
		if (!err) {
			err = shrink_pool(pass, &pool, apply_gateway_config(pass, i), 0);
		}
	}
	return err;
}
