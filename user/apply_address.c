// SPDX-License-Identifier: GPL-2.0-only
/*
 * Rows of "addresses": EIPs, the public addresses of one_to_one and the hosts behind them, private
 * IPs, and the host's own. An EIP that is detached keeps its row and drains until a sweep finds it
 * unused; in two stages its public address stays as long.
 */
#include "apply_internal.h"

#include <arpa/inet.h>
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "log.h"

/* Ticks that an EIP whose drain time has run out stays natgw's, so that late packets are counted as
 * drain_expired. */
#define AFTER_DRAIN ((int32_t)(60 * NATGW_TICKS_PER_SECOND))

/* ---- EIPs that go ---- */

/* Of the gateway that the EIP is or was of; one that is not in the config any more may be in the
 * running one. */
static uint32_t drain_s(const struct apply_pass *pass, uint32_t gateway)
{
	const struct config_gateway *config = apply_gateway_config(pass, gateway);
	const struct config *running = pass->state->config;

	if (!config && gateway < NATGW_GATEWAYS_MAX && running) {
		config = config_find_gateway(running, pass->state->gateways[gateway].name);
	}
	return config ? config->drain_s : CONFIG_DRAIN_DEFAULT_S;
}

/* From now on, unless it drains already. What was shared goes on being the host's as well. */
static void drain(const struct apply_pass *pass, __be32 addr, struct natgw_address *row)
{
	uint8_t on_host = apply_eip_on_host(pass, addr);

	if (!on_host || row->on_host != NATGW_ON_HOST_SHARED) {
		row->on_host = on_host;
	}
	if (!row->draining) {
		row->draining = 1;
		row->drain_until = pass->now + apply_ticks(drain_s(pass, row->gateway));
	}
}

/* ---- what should be ---- */

static int add_staged(const struct apply_pass *pass, const struct config_one_to_one *pair,
		      struct apply_addresses *wanted)
{
	struct natgw_address row = {
		.kind = NATGW_ADDRESS_STAGED,
		.on_host = apply_eip_on_host(pass, pair->public_addr),
		.peer = pair->private_addr,
	};

	for (size_t i = 0; i < wanted->count; i++) {
		if (wanted->rows[i].addr == pair->private_addr) {
			row.gateway = wanted->rows[i].row.gateway;
			row.eip = wanted->rows[i].row.eip;
			return apply_address_append(wanted, pair->public_addr, &row);
		}
	}
	return -ENOENT;
}

static int add_host_pair(const struct apply_pass *pass, const struct config_one_to_one *pair,
			 struct apply_addresses *wanted)
{
	const struct natgw_address public_row = {
		.kind = NATGW_ADDRESS_ONE_TO_ONE,
		.on_host = apply_eip_on_host(pass, pair->public_addr),
		.peer = pair->private_addr,
	};
	const struct natgw_address private_row = {
		.kind = NATGW_ADDRESS_MAPPED,
		.peer = pair->public_addr,
	};
	int err = apply_address_append(wanted, pair->public_addr, &public_row);

	return err ? err : apply_address_append(wanted, pair->private_addr, &private_row);
}

/* wanted: has the EIPs. */
static int add_one_to_one(const struct apply_pass *pass, struct apply_addresses *wanted)
{
	int err = 0;

	for (size_t i = 0; !err && i < pass->config->one_to_one_count; i++) {
		const struct config_one_to_one *pair = &pass->config->one_to_one[i];
		const struct config_gateway *owner =
			apply_eip_owner(pass->config, pair->private_addr);

		err = owner && owner->two_stage ? add_staged(pass, pair, wanted)
						: add_host_pair(pass, pair, wanted);
	}
	return err;
}

static int add_private_ips(const struct apply_pass *pass, struct apply_addresses *wanted)
{
	int err = 0;

	for (size_t i = 0; !err && i < pass->config->gateway_count; i++) {
		__be32 addr = pass->config->gateways[i].private_ip;
		const struct natgw_address row = {
			.kind = NATGW_ADDRESS_PRIVATE_IP,
			.gateway = (__u8)pass->gateway_index[i],
			.on_host = apply_eip_on_host(pass, addr),
		};

		/* 0: private_ip is auto, and there is none at the moment. */
		err = addr ? apply_address_append(wanted, addr, &row) : 0;
	}
	return err;
}

static int add_host(const struct apply_pass *pass, const struct apply_numbers *numbers, __be32 addr,
		    struct apply_addresses *wanted)
{
	const struct apply_address *held = apply_address_find(&numbers->held, addr);
	struct natgw_address row = { .kind = NATGW_ADDRESS_HOST };

	/* Loopback addresses are for nobody on a wire. */
	if (ntohl(addr) >> 24 == 127) {
		return 0;
	}
	/* An EIP that goes stays one until its sessions have ended. */
	if (apply_address_is_eip(held) && !numbers->wanted[held->row.eip]) {
		row = held->row;
		drain(pass, addr, &row);
	}
	return apply_address_append(wanted, addr, &row);
}

static int add_hosts(const struct apply_pass *pass, const struct apply_numbers *numbers,
		     struct apply_addresses *wanted)
{
	size_t count = 0;
	const struct netdev_addr *addrs = netdev_addrs(pass->netdev, &count);
	int err = 0;

	if (count > NATGW_HOST_ADDRS_MAX) {
		log_warning("the host has %zu addresses, %u of them are known to natgw", count,
			    NATGW_HOST_ADDRS_MAX);
		count = NATGW_HOST_ADDRS_MAX;
	}
	for (size_t i = 0; !err && i < count; i++) {
		err = add_host(pass, numbers, addrs[i].addr, wanted);
	}
	return err;
}

/* An EIP with sessions cannot become something else: they would be nobody's. */
static int check_former(struct apply_pass *pass, const struct apply_addresses *held,
			const struct apply_addresses *wanted)
{
	char text[INET_ADDRSTRLEN];

	for (size_t i = 0; i < held->count; i++) {
		const struct apply_address *row = apply_address_find(wanted, held->rows[i].addr);
		int err;

		if (!apply_address_is_eip(&held->rows[i]) || !row || apply_address_is_eip(row)) {
			continue;
		}
		err = apply_count(pass);
		if (!err && apply_address_has_ports(pass->dp, held->rows[i].row.eip)) {
			log_error(
				"%s has been an EIP and still has sessions: take it out first, and use it for something else when they have ended",
				inet_ntop(AF_INET, &row->addr, text, sizeof(text)));
			err = -EBUSY;
		}
		if (err) {
			return err;
		}
	}
	return 0;
}

static int add_all(struct apply_pass *pass, struct apply_numbers *numbers,
		   struct apply_addresses *wanted)
{
	int err = apply_eip_wanted(pass, numbers, wanted);

	if (!err) {
		err = add_one_to_one(pass, wanted);
	}
	if (!err) {
		err = add_private_ips(pass, wanted);
	}
	if (!err) {
		err = add_hosts(pass, numbers, wanted);
	}
	if (!err) {
		apply_address_sort(wanted);
		err = check_former(pass, &numbers->held, wanted);
	}
	return err;
}

int apply_address_wanted(struct apply_pass *pass, struct apply_addresses *ret_wanted)
{
	struct apply_numbers numbers = { .held = { .rows = NULL } };
	struct apply_addresses wanted = { .rows = NULL };
	int err = apply_address_read(pass->dp, &numbers.held);

	pass->reclaims = false;
	for (size_t i = 0; i < numbers.held.count; i++) {
		if (apply_address_is_eip(&numbers.held.rows[i])) {
			numbers.used[numbers.held.rows[i].row.eip] = true;
		}
	}
	if (!err) {
		err = add_all(pass, &numbers, &wanted);
	}
	free(numbers.held.rows);
	if (err) {
		free(wanted.rows);
		return err;
	}
	*ret_wanted = wanted;
	return 0;
}

/* ---- the difference ---- */

/* Others lead to it: it comes before them and goes after them. */
static bool is_public(const struct natgw_address *row)
{
	return row->kind == NATGW_ADDRESS_STAGED || row->kind == NATGW_ADDRESS_ONE_TO_ONE;
}

/* A public address that somebody else has had until now. */
static bool is_taken_over(const struct apply_addresses *held, const struct apply_address *row)
{
	const struct apply_address *old = apply_address_find(held, row->addr);

	return is_public(&row->row) && old && is_public(&old->row) &&
	       old->row.peer != row->row.peer;
}

enum round {
	PUT_PUBLIC, /* public addresses that nobody has had */
	PUT_OTHERS, /* what leads to those, or to none */
	PUT_TAKEN,  /* public addresses that change hands */
	PUT_THEIRS, /* what leads to these */
	PUT_ROUNDS,
};

static enum round round_of(const struct apply_addresses *held, const struct apply_addresses *wanted,
			   const struct apply_address *row)
{
	const struct apply_address *peer = apply_address_find(wanted, row->row.peer);

	if (is_public(&row->row)) {
		return is_taken_over(held, row) ? PUT_TAKEN : PUT_PUBLIC;
	}
	return row->row.peer && peer && is_taken_over(held, peer) ? PUT_THEIRS : PUT_OTHERS;
}

/* Whoever has had the public address until now has none, before another one gets it. */
static int take_away(struct datapath *dp, const struct apply_addresses *held, __be32 addr)
{
	const struct apply_address *old = apply_address_find(held, addr);
	struct natgw_address row;
	int err = datapath_get_address(dp, old->row.peer, &row);

	if (!err && row.kind == NATGW_ADDRESS_MAPPED && row.peer == addr) {
		err = datapath_del_address(dp, old->row.peer);
	}
	return err == -ENOENT ? 0 : err;
}

static int put_rows(struct datapath *dp, const struct apply_addresses *held,
		    const struct apply_addresses *wanted, enum round round)
{
	int err = 0;

	for (size_t i = 0; !err && i < wanted->count; i++) {
		const struct apply_address *row = &wanted->rows[i];
		const struct apply_address *old = apply_address_find(held, row->addr);

		if (round_of(held, wanted, row) != round ||
		    (old && memcmp(&old->row, &row->row, sizeof(old->row)) == 0)) {
			continue;
		}
		err = round == PUT_TAKEN ? take_away(dp, held, row->addr) : 0;
		if (!err) {
			err = datapath_set_address(dp, row->addr, &row->row);
		}
	}
	return err;
}

int apply_address_put(struct apply_pass *pass, const struct apply_addresses *wanted)
{
	struct apply_addresses held = { .rows = NULL };
	int err = apply_address_read(pass->dp, &held);

	for (int round = 0; !err && round < PUT_ROUNDS; round++) {
		err = put_rows(pass->dp, &held, wanted, (enum round)round);
	}
	free(held.rows);
	return err;
}

/* Does this public address stay, because its EIP does? */
static bool is_in_use(const struct apply_addresses *held, const struct apply_address *staged)
{
	const struct apply_address *eip = apply_address_find(held, staged->row.peer);

	return apply_address_is_eip(eip) && eip->row.peer == staged->addr;
}

static int drop_row(struct apply_pass *pass, const struct apply_addresses *held,
		    const struct apply_address *gone)
{
	struct natgw_address row = gone->row;
	int err;

	if (row.kind == NATGW_ADDRESS_STAGED && is_in_use(held, gone)) {
		return 0;
	}
	if (row.kind != NATGW_ADDRESS_EIP) {
		err = datapath_del_address(pass->dp, gone->addr);
		return err == -ENOENT ? 0 : err;
	}
	drain(pass, gone->addr, &row);
	if (memcmp(&row, &gone->row, sizeof(row)) == 0) {
		return 0;
	}
	return datapath_set_address(pass->dp, gone->addr, &row);
}

static int drop_rows(struct apply_pass *pass, const struct apply_addresses *held,
		     const struct apply_addresses *wanted, bool public)
{
	int err = 0;

	for (size_t i = 0; !err && i < held->count; i++) {
		const struct apply_address *row = apply_address_find(wanted, held->rows[i].addr);

		if (is_public(&held->rows[i].row) == public && (!row || row->row.draining)) {
			err = drop_row(pass, held, &held->rows[i]);
		}
	}
	return err;
}

int apply_address_drop(struct apply_pass *pass, const struct apply_addresses *wanted)
{
	struct apply_addresses held = { .rows = NULL };
	int err = apply_address_read(pass->dp, &held);

	if (!err) {
		err = drop_rows(pass, &held, wanted, false);
	}
	if (!err) {
		err = drop_rows(pass, &held, wanted, true);
	}
	free(held.rows);
	return err;
}

/* ---- giving back ---- */

/* May a draining EIP without sessions be given back? */
static bool is_drained(const struct natgw_address *row, uint32_t now)
{
	int32_t late = (int32_t)(now - row->drain_until);

	return late < 0 || late >= AFTER_DRAIN;
}

/* Nobody's any more; the host's when it has it. */
static int give_back(struct datapath *dp, const struct apply_address *held)
{
	static const struct natgw_address host = { .kind = NATGW_ADDRESS_HOST };
	int err;

	if (held->row.on_host) {
		return datapath_set_address(dp, held->addr, &host);
	}
	err = datapath_del_address(dp, held->addr);
	return err == -ENOENT ? 0 : err;
}

static int release_row(struct datapath *dp, const struct apply_addresses *held,
		       const struct apply_address *eip)
{
	const struct apply_address *staged = apply_address_find(held, eip->row.peer);
	int err = give_back(dp, eip);

	if (!err && eip->row.peer && staged && staged->row.kind == NATGW_ADDRESS_STAGED &&
	    staged->row.peer == eip->addr) {
		err = give_back(dp, staged);
	}
	return err ? err : apply_reserved_clear(dp, eip->row.eip);
}

int apply_address_release(struct datapath *dp, bool room)
{
	bool in_rules[NATGW_EIPS_MAX] = { false };
	struct apply_addresses held = { .rows = NULL };
	uint32_t now = 0;
	int err = datapath_now(dp, &now);

	if (!err && room) {
		err = apply_room_in_force(dp, in_rules);
	}
	if (!err) {
		err = apply_address_read(dp, &held);
	}
	for (size_t i = 0; !err && i < held.count; i++) {
		const struct natgw_address *row = &held.rows[i].row;

		if (apply_address_is_eip(&held.rows[i]) && row->draining && !in_rules[row->eip] &&
		    !apply_address_has_ports(dp, row->eip) && (room || is_drained(row, now))) {
			err = release_row(dp, &held, &held.rows[i]);
		}
	}
	free(held.rows);
	return err;
}
