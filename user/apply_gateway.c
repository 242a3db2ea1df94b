// SPDX-License-Identifier: GPL-2.0-only
/*
 * Rows of "gateways". A gateway keeps its index: in a reload by its name, across a restart by its
 * private IP. Sessions carry that index.
 */
#include "apply_internal.h"

#include <errno.h>
#include <string.h>

#include "lifecycle.h"
#include "log.h"
#include "names.h"

#define NANOSECONDS 1000000000ULL

uint32_t apply_ticks(uint32_t seconds)
{
	uint64_t tick = 1ULL << NATGW_TICK_SHIFT;

	return (uint32_t)((seconds * NANOSECONDS + tick - 1) >> NATGW_TICK_SHIFT);
}

static int read_rows(struct apply_pass *pass)
{
	for (uint32_t i = 1; i < NATGW_GATEWAYS_MAX; i++) {
		int err = datapath_get_gateway(pass->dp, i, &pass->gateways[i]);

		if (err) {
			return err;
		}
	}
	return 0;
}

/* Names are not in the maps: a gateway that changed its private IP is known while natgwd runs. */
static uint32_t find_name(const struct apply_pass *pass, const char *name)
{
	for (uint32_t i = 1; i < NATGW_GATEWAYS_MAX; i++) {
		if (pass->gateways[i].state != NATGW_GATEWAY_NONE &&
		    strcmp(pass->state->gateways[i].name, name) == 0) {
			return i;
		}
	}
	return 0;
}

static uint32_t find_private_ip(const struct apply_pass *pass, __be32 private_ip, const bool *taken)
{
	for (uint32_t i = 1; private_ip && i < NATGW_GATEWAYS_MAX; i++) {
		if (!taken[i] && pass->gateways[i].state != NATGW_GATEWAY_NONE &&
		    pass->gateways[i].private_ip == private_ip) {
			return i;
		}
	}
	return 0;
}

static bool has_sessions(struct datapath *dp, uint32_t gateway)
{
	struct natgw_active active;

	if (datapath_read_active(dp, gateway, &active)) {
		return true;
	}
	for (int proto = 0; proto < NATGW_PROTO_COUNT; proto++) {
		if (active.opening[proto] || active.established[proto] || active.held[proto]) {
			return true;
		}
	}
	return false;
}

/* A row that nobody has used, else one whose gateway is not wanted and has no session. */
static int take_row(struct apply_pass *pass, const bool *taken, uint32_t *ret_index)
{
	int err;

	for (uint32_t i = 1; i < NATGW_GATEWAYS_MAX; i++) {
		if (!taken[i] && pass->gateways[i].state == NATGW_GATEWAY_NONE) {
			*ret_index = i;
			return 0;
		}
	}
	err = apply_count(pass);
	if (err) {
		return err;
	}
	for (uint32_t i = 1; i < NATGW_GATEWAYS_MAX; i++) {
		if (!taken[i] && !has_sessions(pass->dp, i)) {
			*ret_index = i;
			return 0;
		}
	}
	return -ENOSPC;
}

int apply_gateway_assign(struct apply_pass *pass)
{
	const struct config *config = pass->config;
	uint32_t *index = pass->gateway_index;
	bool taken[NATGW_GATEWAYS_MAX] = { false };
	int err = read_rows(pass);

	for (size_t i = 0; i < config->gateway_count; i++) {
		index[i] = find_name(pass, config->gateways[i].name);
		taken[index[i]] = true;
	}
	for (size_t i = 0; i < config->gateway_count; i++) {
		if (!index[i]) {
			index[i] = find_private_ip(pass, config->gateways[i].private_ip, taken);
			taken[index[i]] = true;
		}
	}
	for (size_t i = 0; !err && i < config->gateway_count; i++) {
		if (index[i]) {
			continue;
		}
		err = take_row(pass, taken, &index[i]);
		if (err == -ENOSPC) {
			log_error(
				"no room for gateway %s: natgw holds %d, and those that were taken out of the config stay until their sessions have ended",
				config->gateways[i].name, NATGW_GATEWAYS_MAX - 1);
		}
		taken[index[i]] = true;
	}
	return err;
}

int apply_gateway_put(struct apply_pass *pass, uint32_t index, const struct natgw_gateway *row)
{
	int err;

	if (memcmp(row, &pass->gateways[index], sizeof(*row)) == 0) {
		return 0;
	}
	err = datapath_set_gateway(pass->dp, index, row);
	if (!err) {
		pass->gateways[index] = *row;
	}
	return err;
}

/* ---- what a gateway's row says ---- */

static uint8_t flags_of(const struct config_gateway *gateway)
{
	return (uint8_t)((gateway->eip_random ? NATGW_GATEWAY_RANDOM_EIP : 0) |
			 (gateway->refresh_outbound ? NATGW_GATEWAY_REFRESH_OUTBOUND : 0) |
			 (gateway->two_stage ? NATGW_GATEWAY_TWO_STAGE : 0) |
			 (gateway->no_default_snat ? NATGW_GATEWAY_NO_DEFAULT_SNAT : 0) |
			 (gateway->unmatched_pass ? NATGW_GATEWAY_UNMATCHED_PASS : 0));
}

static uint32_t smallest(uint32_t a, uint32_t b)
{
	return a < b ? a : b;
}

/* In half of a small range random tries fail too often, so a bitmap comes earlier. */
static uint32_t threshold_of(uint32_t port_count, uint32_t destination_ports)
{
	uint32_t threshold = smallest(port_count / 2, destination_ports / 2);

	threshold = smallest(threshold, NATGW_DESTINATION_SESSIONS);
	return threshold ? threshold : 1;
}

/* What units a second are as the time of one: in ns times 2^20, rounded to the nearest. */
static uint64_t time_of(uint64_t units_ns, uint64_t per_second)
{
	return per_second ? ((units_ns << NATGW_TICK_SHIFT) + per_second / 2) / per_second : 0;
}

static struct natgw_rate rate_of(const struct config_rate *rate)
{
	return (struct natgw_rate){
		.per_byte = time_of(8 * NANOSECONDS, rate->bits_per_second),
		.per_packet = time_of(NANOSECONDS, rate->packets_per_second),
	};
}

static void fill_quotas(const struct config_gateway *gateway, uint32_t sessions,
			struct natgw_gateway *row)
{
	row->sessions_max = gateway->sessions_max;
	row->client_sessions_max = gateway->client_sessions_max;
	/* Of the tables as they are: limits.sessions may have changed since they were made. */
	row->client_opening_max = gateway->opening_by_default ? sessions / CONFIG_OPENING_SHARE
							      : gateway->client_opening_max;
	row->client_ports_min = gateway->client_ports_min;
	row->client_ports_max = gateway->client_ports_max;
	row->rate = rate_of(&gateway->rate);
	row->client_rate = rate_of(&gateway->client_rate);
}

static void fill_row(const struct config_gateway *gateway, struct natgw_gateway *row)
{
	/* What an operator has blocked stays so. */
	row->flags = (__u8)(flags_of(gateway) | (row->flags & NATGW_GATEWAY_BLOCKED));
	row->private_ip = gateway->private_ip;
	row->port_first = gateway->port_first;
	row->port_count = (uint32_t)gateway->port_last - gateway->port_first + 1;
	row->mapping = gateway->mapping;
	row->no_session = (__u8)gateway->no_session;
	row->on_exhaustion = (__u8)gateway->on_exhaustion;
	row->fragments = gateway->fragments;
	row->icmp = (__u8)gateway->icmp;
	row->allow_targets = gateway->allow_targets;
	row->destination_ports = gateway->destination_ports;
	row->destination_threshold = threshold_of(row->port_count, gateway->destination_ports);
	for (int timer = 0; timer < NATGW_TIMER_COUNT; timer++) {
		row->timeout[timer] = apply_ticks(gateway->timeout_s[timer]);
	}
}

const struct config_gateway *apply_gateway_config(const struct apply_pass *pass, uint32_t index)
{
	for (size_t i = 0; i < pass->config->gateway_count; i++) {
		if (pass->gateway_index[i] == index) {
			return &pass->config->gateways[i];
		}
	}
	return NULL;
}

/* A table goes when no gateway names it any more, whatever becomes of the gateway. */
static int leave_tables(struct apply_pass *pass)
{
	int err = 0;

	for (uint32_t i = 1; !err && i < NATGW_GATEWAYS_MAX; i++) {
		struct natgw_gateway row = pass->gateways[i];

		if (row.table && !apply_gateway_config(pass, i)) {
			row.table = 0;
			err = apply_gateway_put(pass, i, &row);
		}
	}
	return err;
}

int apply_gateway_rows(struct apply_pass *pass)
{
	struct natgw_layout layout;
	int err = datapath_get_layout(pass->dp, &layout);

	for (size_t i = 0; !err && i < pass->config->gateway_count; i++) {
		const struct config_gateway *gateway = &pass->config->gateways[i];
		uint32_t index = pass->gateway_index[i];
		struct natgw_gateway row = pass->gateways[index];

		/* Of whoever had the row before. */
		if (row.state == NATGW_GATEWAY_DELETED) {
			row.flags = 0;
		}
		/* A gateway that is in use stays so, whatever changes; one that is taken in again
		 * is deleting until it is available, so that its sessions go on. */
		if (row.state != NATGW_GATEWAY_AVAILABLE && row.state != NATGW_GATEWAY_DELETING) {
			row.state = NATGW_GATEWAY_PENDING;
		}
		fill_row(gateway, &row);
		fill_quotas(gateway, layout.sessions_max, &row);
		row.table = apply_table_of(pass, gateway);
		err = apply_gateway_put(pass, index, &row);
	}
	return err ? err : leave_tables(pass);
}

/* ---- states ---- */

void apply_gateway_move(struct natgwd_state *state, uint32_t index, enum natgw_gateway_state to)
{
	struct gateway_status *status = &state->gateways[index];
	enum natgw_gateway_state from = status->state;

	if (from == to) {
		return;
	}
	/* What is not known yet is as the maps have it. */
	if (from != NATGW_GATEWAY_NONE && !lifecycle_is_legal(from, to)) {
		log_error("gateway %s goes from %s to %s, which must not be", status->name,
			  names_gateway_state(from), names_gateway_state(to));
	}
	status->state = to;
	if (to != NATGW_GATEWAY_FAILED) {
		status->reason[0] = '\0';
	}
	if (state->gateway_hooks) {
		state->gateway_hooks->moved(state, index, from);
	}
}

static int set_state(struct natgwd_state *state, uint32_t index, enum natgw_gateway_state to)
{
	struct natgw_gateway row;
	int err = datapath_get_gateway(state->dp, index, &row);

	if (!err) {
		row.state = (__u8)to;
		err = datapath_set_gateway(state->dp, index, &row);
	}
	if (!err) {
		apply_gateway_move(state, index, to);
	}
	return err;
}

int apply_gateway_activate(struct natgwd_state *state, const struct config *config)
{
	for (uint32_t i = 1; i < NATGW_GATEWAYS_MAX; i++) {
		bool may;
		int err;

		if (state->gateways[i].state != NATGW_GATEWAY_PENDING) {
			continue;
		}
		may = !state->gateway_hooks || state->gateway_hooks->admit(state, config, i);
		err = set_state(state, i, may ? NATGW_GATEWAY_AVAILABLE : NATGW_GATEWAY_FAILED);
		if (err) {
			return err;
		}
	}
	return 0;
}

int apply_retry(struct natgwd_state *state, uint32_t gateway)
{
	return set_state(state, gateway, NATGW_GATEWAY_PENDING);
}

/* One that never was available has no sessions to end. */
static enum natgw_gateway_state retired(uint8_t state)
{
	return state == NATGW_GATEWAY_AVAILABLE || state == NATGW_GATEWAY_DELETING
		       ? NATGW_GATEWAY_DELETING
		       : NATGW_GATEWAY_DELETED;
}

int apply_gateway_retire(struct apply_pass *pass)
{
	for (uint32_t i = 1; i < NATGW_GATEWAYS_MAX; i++) {
		struct natgw_gateway row = pass->gateways[i];
		int err;

		if (row.state == NATGW_GATEWAY_NONE || apply_gateway_config(pass, i)) {
			continue;
		}
		row.state = (__u8)retired(row.state);
		row.eip_count = 0;
		err = apply_gateway_put(pass, i, &row);
		if (err) {
			return err;
		}
		if (pass->state->gateways[i].name[0]) {
			apply_gateway_move(pass->state, i, row.state);
		}
	}
	return 0;
}

struct eip_search {
	struct datapath *dp;
	bool used[NATGW_GATEWAYS_MAX]; /* an EIP of this gateway has a port in use */
};

static int note_eip(__be32 addr, const struct natgw_address *row, void *arg)
{
	const struct apply_address address = { addr, *row };
	struct eip_search *search = arg;

	if (apply_address_is_eip(&address) && row->gateway < NATGW_GATEWAYS_MAX &&
	    apply_address_has_ports(search->dp, row->eip)) {
		search->used[row->gateway] = true;
	}
	return 0;
}

/* No session: the numbers are those of a sweep after the gateway went. */
int apply_gateway_finish(struct natgwd_state *state, bool *ret_any)
{
	struct eip_search search = { .dp = state->dp };
	int err = datapath_each_address(state->dp, note_eip, &search);

	for (uint32_t i = 1; !err && i < NATGW_GATEWAYS_MAX; i++) {
		struct natgw_gateway row;

		err = datapath_get_gateway(state->dp, i, &row);
		if (err || row.state != NATGW_GATEWAY_DELETING || search.used[i] ||
		    has_sessions(state->dp, i)) {
			continue;
		}
		err = set_state(state, i, NATGW_GATEWAY_DELETED);
		*ret_any = true;
	}
	return err;
}
