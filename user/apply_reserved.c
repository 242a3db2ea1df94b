// SPDX-License-Identifier: GPL-2.0-only
/*
 * Rows of "reserved_ports". Those of an EIP that is natgw's alone are natgwd's: the ports of its
 * forwards. Those of a shared EIP are the host's as well: natgwd adds what the host may take for
 * itself and what its sockets have, the program at egress adds what it sees leave. There a port is
 * given back when two looks, some time apart, have found no socket that uses it.
 */
#include "apply_internal.h"

#include <errno.h>
#include <netinet/in.h>
#include <stdlib.h>
#include <string.h>

#include "hostports.h"
#include "log.h"

#define WORDS 1024
/* Calls of apply_reserved_refresh, one a second, from one look at all sockets to the next. */
#define REVIEW_EVERY 30

struct apply_reserved {
	unsigned int calls;
	bool failed; /* said once, until it works again */
	/* By EIP: ports that nobody seemed to use at the last look, or NULL. */
	struct unused {
		struct natgw_port_bits ports[NATGW_PROTO_COUNT];
	} * unused[NATGW_EIPS_MAX];
};

/* ---- port forwards ---- */

static void add_forwards(const struct config *config, __be32 addr, enum natgw_proto proto,
			 struct natgw_port_bits *set)
{
	static const uint8_t protos[NATGW_PROTO_COUNT] = { IPPROTO_TCP, IPPROTO_UDP, 0 };

	for (size_t i = 0; i < config->forward_count; i++) {
		const struct config_forward *forward = &config->forwards[i];

		if (forward->ext_addr == addr && forward->proto == protos[proto]) {
			hostports_add_range(forward->ext_first, forward->ext_last, set);
		}
	}
}

static void invert(struct natgw_port_bits *set)
{
	for (size_t i = 0; i < WORDS; i++)
		set->word[i] = ~set->word[i];
}

int apply_reserved_clear(struct datapath *dp, uint32_t eip)
{
	struct natgw_port_bits all;
	int err = 0;

	memset(&all, 0xff, sizeof(all));
	for (unsigned int proto = 0; !err && proto < NATGW_PROTO_COUNT; proto++) {
		err = datapath_unreserve_ports(dp, eip, (enum natgw_proto)proto, &all);
	}
	return err;
}

/* drop: everything but the ports of forwards goes. */
static int write_forwards(const struct apply_pass *pass, const struct apply_address *eip, bool drop)
{
	int err = 0;

	for (unsigned int i = 0; !err && i < NATGW_PROTO_COUNT; i++) {
		enum natgw_proto proto = (enum natgw_proto)i;
		struct natgw_port_bits set = { 0 };

		add_forwards(pass->config, eip->addr, proto, &set);
		if (drop) {
			invert(&set);
			err = datapath_unreserve_ports(pass->dp, eip->row.eip, proto, &set);
		} else {
			err = datapath_reserve_ports(pass->dp, eip->row.eip, proto, &set);
		}
	}
	return err;
}

/* ---- what the host uses ---- */

/* What the host has of this EIP and protocol, with the ports of forwards. */
static void fill_needed(const struct config *config, const struct hostports *host, __be32 addr,
			enum natgw_proto proto, struct natgw_port_bits *set)
{
	add_forwards(config, addr, proto, set);
	hostports_add_sockets(host, addr, proto, set);
	/* Nobody tells which identifiers echo requests take. */
	if (proto != NATGW_PROTO_ICMP) {
		hostports_add_range(host->range_first, host->range_last, set);
	}
}

/* A shared EIP, as it is in the maps. */
struct shared {
	struct datapath *dp;
	const struct config *config;
	const struct hostports *host;
	__be32 addr;
	uint32_t eip;
};

static int reserve_needed(const struct shared *shared)
{
	int err = 0;

	for (unsigned int i = 0; !err && i < NATGW_PROTO_COUNT; i++) {
		enum natgw_proto proto = (enum natgw_proto)i;
		struct natgw_port_bits set = { 0 };

		fill_needed(shared->config, shared->host, shared->addr, proto, &set);
		err = datapath_reserve_ports(shared->dp, shared->eip, proto, &set);
	}
	return err;
}

/*
 * Gives back what was unused before and is so now. host: all sockets. While somebody may send echo
 * requests of his own making, no identifier is known to be unused.
 */
static int review_proto(const struct shared *shared, enum natgw_proto proto,
			struct natgw_port_bits *unused)
{
	struct natgw_port_bits needed = { 0 };
	struct natgw_port_bits held;
	struct natgw_port_bits drop = { 0 };
	int err = datapath_get_reserved(shared->dp, shared->eip, proto, &held);

	if (err) {
		return err;
	}
	fill_needed(shared->config, shared->host, shared->addr, proto, &needed);
	if (proto == NATGW_PROTO_ICMP && shared->host->raw_icmp) {
		memset(&needed, 0xff, sizeof(needed));
	}
	for (size_t i = 0; i < WORDS; i++) {
		uint64_t idle = held.word[i] & ~needed.word[i];

		drop.word[i] = idle & unused->word[i];
		unused->word[i] = idle & ~drop.word[i];
	}
	return datapath_unreserve_ports(shared->dp, shared->eip, proto, &drop);
}

static int review(struct apply_reserved *reserved, const struct shared *shared)
{
	struct unused **unused = &reserved->unused[shared->eip];
	int err = 0;

	if (!*unused) {
		*unused = calloc(1, sizeof(**unused));
	}
	if (!*unused) {
		return -ENOMEM;
	}
	for (unsigned int i = 0; !err && i < NATGW_PROTO_COUNT; i++) {
		err = review_proto(shared, (enum natgw_proto)i, &(*unused)->ports[i]);
	}
	return err;
}

/* ---- when a config is applied ---- */

static bool shares(const struct config_gateway *gateway, __be32 addr)
{
	for (size_t i = 0; i < gateway->shared_count; i++) {
		if (gateway->shared[i] == addr) {
			return true;
		}
	}
	return false;
}

static bool is_shared(const struct config *config, __be32 addr)
{
	for (size_t i = 0; i < config->gateway_count; i++) {
		if (shares(&config->gateways[i], addr)) {
			return true;
		}
	}
	return false;
}

static bool has_shared(const struct config *config)
{
	for (size_t i = 0; i < config->gateway_count; i++) {
		if (config->gateways[i].shared_count) {
			return true;
		}
	}
	return false;
}

static int put_shared(const struct apply_pass *pass, const struct hostports *host,
		      const struct apply_addresses *addresses)
{
	int err = 0;

	for (size_t i = 0; !err && i < addresses->count; i++) {
		const struct apply_address *eip = &addresses->rows[i];
		const struct shared shared = { pass->dp, pass->config, host, eip->addr,
					       eip->row.eip };

		if (apply_address_is_eip(eip) && is_shared(pass->config, eip->addr)) {
			err = reserve_needed(&shared);
		}
	}
	return err;
}

int apply_reserved_put(struct apply_pass *pass, const struct apply_addresses *addresses)
{
	struct hostports host = { .sockets = NULL };
	int err = 0;

	for (size_t i = 0; !err && i < addresses->count; i++) {
		if (apply_address_is_eip(&addresses->rows[i])) {
			err = write_forwards(pass, &addresses->rows[i], false);
		}
	}
	if (err || !has_shared(pass->config)) {
		return err;
	}
	err = hostports_read(HOSTPORTS_BOUND, &host);
	if (err) {
		log_error("cannot read which ports the host uses: %s", strerror(-err));
		return err;
	}
	err = put_shared(pass, &host, addresses);
	hostports_free(&host);
	return err;
}

int apply_reserved_drop(struct apply_pass *pass, const struct apply_addresses *addresses)
{
	int err = 0;

	for (size_t i = 0; !err && i < addresses->count; i++) {
		const struct apply_address *eip = &addresses->rows[i];

		if (apply_address_is_eip(eip) && !is_shared(pass->config, eip->addr)) {
			err = write_forwards(pass, eip, true);
		}
	}
	return err;
}

/* ---- once a second ---- */

static int refresh_list(struct natgwd_state *state, const struct config_gateway *gateway,
			const struct hostports *host, bool all)
{
	int err = 0;

	for (size_t i = 0; !err && i < gateway->shared_count; i++) {
		struct shared shared = { state->dp, state->config, host, gateway->shared[i], 0 };
		struct natgw_address row;

		err = datapath_get_address(state->dp, shared.addr, &row);
		if (err || row.kind != NATGW_ADDRESS_EIP || row.eip >= NATGW_EIPS_MAX) {
			continue;
		}
		shared.eip = row.eip;
		err = reserve_needed(&shared);
		if (!err && all) {
			err = review(state->reserved, &shared);
		}
	}
	return err;
}

static int refresh(struct natgwd_state *state)
{
	const bool all = ++state->reserved->calls % REVIEW_EVERY == 0;
	struct hostports host = { .sockets = NULL };
	int err = hostports_read(all ? HOSTPORTS_ALL : HOSTPORTS_BOUND, &host);

	for (size_t i = 0; !err && i < state->config->gateway_count; i++) {
		err = refresh_list(state, &state->config->gateways[i], &host, all);
	}
	hostports_free(&host);
	return err;
}

int apply_reserved_refresh(struct natgwd_state *state)
{
	int err;

	if (!has_shared(state->config)) {
		return 0;
	}
	if (!state->reserved) {
		state->reserved = calloc(1, sizeof(*state->reserved));
	}
	if (!state->reserved) {
		return -ENOMEM;
	}
	err = refresh(state);
	if (err && !state->reserved->failed) {
		log_error("cannot find out which ports the host uses: %s", strerror(-err));
	}
	state->reserved->failed = err != 0;
	return err;
}

void apply_reserved_forget(struct apply_reserved *reserved)
{
	for (uint32_t i = 0; reserved && i < NATGW_EIPS_MAX; i++) {
		free(reserved->unused[i]);
	}
	free(reserved);
}
