// SPDX-License-Identifier: GPL-2.0-only
/*
 * Rows of "addresses": EIPs, private IPs, and the host's own. An EIP keeps its index as long as it
 * has a row; one that is detached keeps its row and drains until a sweep finds it unused.
 */
#include "apply_internal.h"

#include <arpa/inet.h>
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "cleanup.h"
#include "list.h"
#include "log.h"

/* Ticks that an EIP whose drain time has run out stays natgw's, so that late packets are counted as
 * drain_expired. */
#define AFTER_DRAIN ((int32_t)(60 * NATGW_TICKS_PER_SECOND))

struct row_list {
	struct apply_address *rows;
	size_t count;
};

static int append(struct row_list *list, __be32 addr, const struct natgw_address *row)
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

static int append_held(__be32 addr, const struct natgw_address *row, void *arg)
{
	return append(arg, addr, row);
}

static int compare_addrs(const void *left, const void *right)
{
	const struct apply_address *a = left;
	const struct apply_address *b = right;

	if (a->addr != b->addr) {
		return a->addr < b->addr ? -1 : 1;
	}
	/* One address may be named twice: EIP before private IP before host. */
	return (int)a->row.kind - (int)b->row.kind;
}

static void sort(struct row_list *list)
{
	size_t kept = 0;

	if (!list->count) {
		return;
	}
	qsort(list->rows, list->count, sizeof(*list->rows), compare_addrs);
	for (size_t i = 1; i < list->count; i++) {
		if (list->rows[i].addr != list->rows[kept].addr) {
			list->rows[++kept] = list->rows[i];
		}
	}
	list->count = kept + 1;
}

/* All rows of the map, sorted. */
static int read_held(struct datapath *dp, struct row_list *list)
{
	int err = datapath_each_address(dp, append_held, list);

	if (!err) {
		sort(list);
	}
	return err;
}

const struct apply_address *apply_address_find(const struct apply_address *rows, size_t count,
					       __be32 addr)
{
	size_t low = 0;
	size_t high = count;

	while (low < high) {
		size_t middle = low + (high - low) / 2;

		if (rows[middle].addr == addr) {
			return &rows[middle];
		}
		if (rows[middle].addr < addr) {
			low = middle + 1;
		} else {
			high = middle;
		}
	}
	return NULL;
}

/* ---- EIPs that go ---- */

/* Of the gateway that the EIP is or was of; one that is not in the config any more may be in the
 * running one. */
static uint32_t drain_s(const struct apply_pass *pass, uint32_t gateway)
{
	const struct config *running = pass->state->config;
	const struct config_gateway *old;

	for (size_t i = 0; i < pass->config->gateway_count; i++) {
		if (pass->gateway_index[i] == gateway) {
			return pass->config->gateways[i].drain_s;
		}
	}
	if (gateway >= NATGW_GATEWAYS_MAX || !running) {
		return CONFIG_DRAIN_DEFAULT_S;
	}
	old = config_find_gateway(running, pass->state->gateways[gateway].name);
	return old ? old->drain_s : CONFIG_DRAIN_DEFAULT_S;
}

/* From now on, unless it drains already. */
static void drain(const struct apply_pass *pass, struct natgw_address *row)
{
	if (!row->draining) {
		row->draining = 1;
		row->drain_until = pass->now + apply_ticks(drain_s(pass, row->gateway));
	}
}

/* ---- indices of EIPs ---- */

struct eip_numbers {
	struct row_list held;
	bool used[NATGW_EIPS_MAX];   /* not for the taking */
	bool wanted[NATGW_EIPS_MAX]; /* its EIP is in the config */
	bool given[NATGW_EIPS_MAX];  /* its EIP goes, and another one has got it */
};

static bool is_eip(const struct apply_address *held)
{
	return held && held->row.kind == NATGW_ADDRESS_EIP && held->row.eip < NATGW_EIPS_MAX;
}

static bool has_ports(struct datapath *dp, uint32_t eip)
{
	for (int proto = 0; proto < NATGW_PROTO_COUNT; proto++) {
		uint32_t count = 0;

		if (datapath_ports_in_use(dp, eip, (enum natgw_proto)proto, &count) || count) {
			return true;
		}
	}
	return false;
}

/* No index left: an EIP that goes and has no sessions will give its own. */
static int reclaim(struct apply_pass *pass, struct eip_numbers *numbers, __be32 addr,
		   uint32_t *ret_eip)
{
	char text[INET_ADDRSTRLEN];
	int err = apply_count(pass);

	if (err) {
		return err;
	}
	for (size_t i = 0; i < numbers->held.count; i++) {
		const struct apply_address *held = &numbers->held.rows[i];

		if (!is_eip(held) || numbers->wanted[held->row.eip] ||
		    numbers->given[held->row.eip] || has_ports(pass->dp, held->row.eip)) {
			continue;
		}
		numbers->given[held->row.eip] = true;
		pass->reclaims = true;
		*ret_eip = held->row.eip;
		return 0;
	}
	log_error(
		"no room for EIP %s: natgw holds %u, and those that were taken out of the config stay until their sessions have ended",
		inet_ntop(AF_INET, &addr, text, sizeof(text)), NATGW_EIPS_MAX);
	return -ENOSPC;
}

static int number_eip(struct apply_pass *pass, struct eip_numbers *numbers, __be32 addr,
		      uint32_t *ret_eip)
{
	const struct apply_address *held =
		apply_address_find(numbers->held.rows, numbers->held.count, addr);

	if (is_eip(held)) {
		numbers->wanted[held->row.eip] = true;
		*ret_eip = held->row.eip;
		return 0;
	}
	for (uint32_t i = 0; i < NATGW_EIPS_MAX; i++) {
		if (!numbers->used[i]) {
			numbers->used[i] = true;
			*ret_eip = i;
			return 0;
		}
	}
	return reclaim(pass, numbers, addr, ret_eip);
}

/* One pass over a gateway's EIPs: those that have an index already (known), or those that have
 * none. */
static int add_eips(struct apply_pass *pass, struct eip_numbers *numbers, struct row_list *wanted,
		    size_t position, bool known)
{
	const struct config_gateway *gateway = &pass->config->gateways[position];

	for (size_t i = 0; i < gateway->eip_count; i++) {
		__be32 addr = gateway->eips[i];
		const struct apply_address *held =
			apply_address_find(numbers->held.rows, numbers->held.count, addr);
		struct natgw_address row = {
			.kind = NATGW_ADDRESS_EIP,
			.gateway = (__u8)pass->gateway_index[position],
			.on_host = netdev_holds(pass->netdev, addr, NULL),
		};
		int err;

		if (is_eip(held) != known) {
			continue;
		}
		err = number_eip(pass, numbers, addr, &row.eip);
		if (!err) {
			err = append(wanted, addr, &row);
		}
		if (err) {
			return err;
		}
	}
	return 0;
}

/* EIPs that have an index go first, so that none of them is given away. */
static int add_all_eips(struct apply_pass *pass, struct eip_numbers *numbers,
			struct row_list *wanted)
{
	int err = 0;

	for (size_t i = 0; !err && i < pass->config->gateway_count; i++) {
		err = add_eips(pass, numbers, wanted, i, true);
	}
	for (size_t i = 0; !err && i < pass->config->gateway_count; i++) {
		err = add_eips(pass, numbers, wanted, i, false);
	}
	return err;
}

static int add_others(struct apply_pass *pass, const struct eip_numbers *numbers,
		      struct row_list *wanted)
{
	size_t count = 0;
	const struct netdev_addr *addrs = netdev_addrs(pass->netdev, &count);
	int err = 0;

	for (size_t i = 0; !err && i < pass->config->gateway_count; i++) {
		__be32 addr = pass->config->gateways[i].private_ip;
		struct natgw_address row = {
			.kind = NATGW_ADDRESS_PRIVATE_IP,
			.gateway = (__u8)pass->gateway_index[i],
			.on_host = netdev_holds(pass->netdev, addr, NULL),
		};

		err = append(wanted, addr, &row);
	}
	if (count > NATGW_HOST_ADDRS_MAX) {
		log_warning("the host has %zu addresses, %u of them are known to natgw", count,
			    NATGW_HOST_ADDRS_MAX);
		count = NATGW_HOST_ADDRS_MAX;
	}
	for (size_t i = 0; !err && i < count; i++) {
		const struct apply_address *held =
			apply_address_find(numbers->held.rows, numbers->held.count, addrs[i].addr);
		struct natgw_address row = { .kind = NATGW_ADDRESS_HOST };

		/* Loopback addresses are for nobody on a wire. */
		if (ntohl(addrs[i].addr) >> 24 == 127) {
			continue;
		}
		/* An EIP that goes stays one until its sessions have ended. */
		if (is_eip(held) && !numbers->wanted[held->row.eip]) {
			row = held->row;
			drain(pass, &row);
			row.on_host = 1;
		}
		err = append(wanted, addrs[i].addr, &row);
	}
	return err;
}

int apply_address_wanted(struct apply_pass *pass, struct apply_address **ret_rows,
			 size_t *ret_count)
{
	struct eip_numbers numbers = { .held = { .rows = NULL } };
	struct row_list wanted = { .rows = NULL };
	int err = read_held(pass->dp, &numbers.held);

	pass->reclaims = false;
	for (size_t i = 0; i < numbers.held.count; i++) {
		if (is_eip(&numbers.held.rows[i])) {
			numbers.used[numbers.held.rows[i].row.eip] = true;
		}
	}
	if (!err) {
		err = add_all_eips(pass, &numbers, &wanted);
	}
	if (!err) {
		err = add_others(pass, &numbers, &wanted);
	}
	free(numbers.held.rows);
	if (err) {
		free(wanted.rows);
		return err;
	}
	sort(&wanted);
	*ret_rows = wanted.rows;
	*ret_count = wanted.count;
	return 0;
}

int apply_address_put(struct apply_pass *pass, const struct apply_address *rows, size_t count)
{
	struct row_list held = { .rows = NULL };
	int err = read_held(pass->dp, &held);

	for (size_t i = 0; !err && i < count; i++) {
		const struct apply_address *old =
			apply_address_find(held.rows, held.count, rows[i].addr);

		if (!old || memcmp(&old->row, &rows[i].row, sizeof(old->row)) != 0) {
			err = datapath_set_address(pass->dp, rows[i].addr, &rows[i].row);
		}
	}
	free(held.rows);
	return err;
}

static int drop_row(struct apply_pass *pass, const struct apply_address *held)
{
	struct natgw_address row = held->row;
	int err;

	if (row.kind != NATGW_ADDRESS_EIP) {
		err = datapath_del_address(pass->dp, held->addr);
		return err == -ENOENT ? 0 : err;
	}
	drain(pass, &row);
	row.on_host = netdev_holds(pass->netdev, held->addr, NULL);
	if (memcmp(&row, &held->row, sizeof(row)) == 0) {
		return 0;
	}
	return datapath_set_address(pass->dp, held->addr, &row);
}

int apply_address_drop(struct apply_pass *pass, const struct apply_address *rows, size_t count)
{
	struct row_list held = { .rows = NULL };
	int err = read_held(pass->dp, &held);

	for (size_t i = 0; !err && i < held.count; i++) {
		const struct apply_address *wanted =
			apply_address_find(rows, count, held.rows[i].addr);

		if (!wanted || wanted->row.draining) {
			err = drop_row(pass, &held.rows[i]);
		}
	}
	free(held.rows);
	return err;
}

/* May a draining EIP without sessions be given back? */
static bool is_drained(const struct natgw_address *row, uint32_t now)
{
	int32_t late = (int32_t)(now - row->drain_until);

	return late < 0 || late >= AFTER_DRAIN;
}

static int release_row(struct datapath *dp, const struct apply_address *held)
{
	static const struct natgw_address host = { .kind = NATGW_ADDRESS_HOST };
	int err;

	if (held->row.on_host) {
		return datapath_set_address(dp, held->addr, &host);
	}
	err = datapath_del_address(dp, held->addr);
	return err == -ENOENT ? 0 : err;
}

int apply_address_release(struct datapath *dp, bool at_once)
{
	struct row_list held = { .rows = NULL };
	uint32_t now = 0;
	int err = datapath_now(dp, &now);

	if (!err) {
		err = read_held(dp, &held);
	}
	for (size_t i = 0; !err && i < held.count; i++) {
		const struct natgw_address *row = &held.rows[i].row;

		if (is_eip(&held.rows[i]) && row->draining && !has_ports(dp, row->eip) &&
		    (at_once || is_drained(row, now))) {
			err = release_row(dp, &held.rows[i]);
		}
	}
	free(held.rows);
	return err;
}
