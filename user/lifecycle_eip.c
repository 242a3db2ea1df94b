// SPDX-License-Identifier: GPL-2.0-only
/*
 * The states of EIPs (requirement B-4), each worked out from what the config, the maps and the
 * clock say at this moment: there is nothing to keep, so nothing can be out of step.
 */
#include "lifecycle_internal.h"

#include <arpa/inet.h>
#include <errno.h>
#include <stdlib.h>

#include "apply.h"
#include "list.h"

/* More addresses of the inventory than that are not listed one by one when they are free. */
#define FREE_MAX 1024

const char *lifecycle_eip_state(const struct lifecycle_eip *eip)
{
	if (eip->has_row && eip->draining) {
		return eip->over ? "unassigning" : "disassociating";
	}
	switch (eip->gateway) {
	case NATGW_GATEWAY_NONE:
	case NATGW_GATEWAY_DELETED:
		return eip->has_row ? "unassigning" : "free";
	case NATGW_GATEWAY_FAILED:
		return "failed";
	case NATGW_GATEWAY_PENDING:
		return eip->has_row ? "associating" : "assigning";
	case NATGW_GATEWAY_AVAILABLE:
		return eip->has_row ? "succeeded" : "assigning";
	case NATGW_GATEWAY_DELETING:
		return eip->has_row ? "disassociating" : "unassigning";
	}
	return "free";
}

struct list {
	const struct natgwd_state *state;
	struct lifecycle_eip_row *rows;
	size_t count;
	uint32_t now; /* ticks */
};

static struct lifecycle_eip_row *find(const struct list *list, __be32 addr)
{
	for (size_t i = 0; i < list->count; i++) {
		if (list->rows[i].addr == addr) {
			return &list->rows[i];
		}
	}
	return NULL;
}

static int append(struct list *list, __be32 addr, const char *gateway,
		  const struct lifecycle_eip *eip, uint32_t drain_s)
{
	struct lifecycle_eip_row *rows = list_room(list->rows, list->count, sizeof(*rows));

	if (!rows) {
		return -ENOMEM;
	}
	list->rows = rows;
	rows += list->count++;
	*rows = (struct lifecycle_eip_row){ .addr = addr,
					    .state = lifecycle_eip_state(eip),
					    .drain_s = drain_s };
	snprintf(rows->gateway, sizeof(rows->gateway), "%s", gateway);
	return 0;
}

static uint32_t seconds_of(int32_t ticks)
{
	return ticks > 0 ? (uint32_t)((((uint64_t)ticks << NATGW_TICK_SHIFT) + 999999999ULL) /
				      1000000000ULL)
			 : 0;
}

static int add_row(__be32 addr, const struct natgw_address *row, void *arg)
{
	struct list *list = arg;
	const struct gateway_status *status =
		&list->state->gateways[row->gateway % NATGW_GATEWAYS_MAX];
	int32_t left = row->draining ? (int32_t)(row->drain_until - list->now) : 0;
	const struct lifecycle_eip eip = { .gateway = status->state,
					   .has_row = true,
					   .draining = row->draining,
					   .over = row->draining && left <= 0 };

	return row->kind == NATGW_ADDRESS_EIP
		       ? append(list, addr, status->name, &eip, seconds_of(left))
		       : 0;
}

static int add_config(struct list *list, const struct config_gateway *gateway, const __be32 *eips,
		      size_t count)
{
	const struct lifecycle_eip eip = {
		.gateway = lifecycle_state_of(list->state, gateway->name),
	};
	int err = 0;

	for (size_t i = 0; !err && i < count; i++) {
		err = find(list, eips[i]) ? 0 : append(list, eips[i], gateway->name, &eip, 0);
	}
	return err;
}

static int add_gateways(struct list *list)
{
	const struct config *config = list->state->config;
	int err = 0;

	for (size_t i = 0; !err && i < config->gateway_count; i++) {
		err = add_config(list, &config->gateways[i], config->gateways[i].eips,
				 config->gateways[i].eip_count);
	}
	return err;
}

static int add_span(struct list *list, const struct config_span *span)
{
	static const struct lifecycle_eip nobody = { .gateway = NATGW_GATEWAY_NONE };
	int err = 0;

	for (uint64_t addr = ntohl(span->first);
	     !err && addr <= ntohl(span->last) && list->count < FREE_MAX; addr++) {
		__be32 eip = htonl((uint32_t)addr);

		err = find(list, eip) ? 0 : append(list, eip, "", &nobody, 0);
	}
	return err;
}

static int compare(const void *left, const void *right)
{
	const struct lifecycle_eip_row *a = left;
	const struct lifecycle_eip_row *b = right;

	return ntohl(a->addr) < ntohl(b->addr) ? -1 : ntohl(a->addr) > ntohl(b->addr);
}

int lifecycle_each_eip(const struct natgwd_state *state,
		       int (*fn)(const struct lifecycle_eip_row *row, void *arg), void *arg)
{
	struct list list = { .state = state };
	int err = datapath_now(state->dp, &list.now);

	err = err ? err : datapath_each_address(state->dp, add_row, &list);
	err = err ? err : add_gateways(&list);
	for (size_t i = 0; !err && i < state->config->inventory_count; i++) {
		err = add_span(&list, &state->config->inventory[i]);
	}
	if (!err && list.count) {
		qsort(list.rows, list.count, sizeof(*list.rows), compare);
	}
	for (size_t i = 0; !err && i < list.count; i++) {
		err = fn(&list.rows[i], arg);
	}
	free(list.rows);
	return err;
}
