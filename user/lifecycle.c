// SPDX-License-Identifier: GPL-2.0-only
/*
 * Keeps the records of gateways in step with what apply does to their rows, decides through its
 * hook whether a pending gateway becomes available, and tries failed ones again when the host
 * changes.
 */
#include "lifecycle_internal.h"

#include <errno.h>
#include <event2/event.h>
#include <string.h>
#include <time.h>

#include "apply.h"
#include "log.h"
#include "names.h"
#include "netdev.h"

int64_t lifecycle_now(const struct natgwd_state *state)
{
	struct timespec mono = { 0 };
	uint32_t skewed = 0;
	uint32_t ticks;

	clock_gettime(CLOCK_MONOTONIC, &mono);
	ticks = (uint32_t)(((uint64_t)mono.tv_sec * 1000000000ULL + (uint64_t)mono.tv_nsec) >>
			   NATGW_TICK_SHIFT);
	if (datapath_now(state->dp, &skewed)) {
		skewed = ticks;
	}
	return time(NULL) +
	       (int64_t)(int32_t)(skewed - ticks) * (1 << NATGW_TICK_SHIFT) / 1000000000;
}

/* Written when this event has been dealt with, all changes of it at once. */
static void note_change(struct lifecycle *lifecycle)
{
	lifecycle->dirty = true;
	if (lifecycle->timer) {
		event_active(lifecycle->timer, EV_TIMEOUT, 0);
	}
}

/* ---- records ---- */

/* Another gateway has the row now. A living one has then got another name. */
static void leave_row(struct lifecycle_records *records, const char *name, uint32_t index)
{
	for (size_t i = records->count; i-- > 0;) {
		struct lifecycle_record *record = &records->rows[i];

		if (record->index != index || strcmp(record->name, name) == 0) {
			continue;
		}
		record->index = 0;
		if (!lifecycle_record_is_past(record)) {
			lifecycle_records_drop(records, record);
		}
	}
}

void lifecycle_moved(struct natgwd_state *state, uint32_t index, enum natgw_gateway_state from)
{
	struct lifecycle *lifecycle = state->lifecycle;
	const struct gateway_status *status = &state->gateways[index];
	int64_t now = lifecycle_now(state);
	struct lifecycle_record *record;
	struct natgw_gateway row;

	if (!status->name[0]) {
		return;
	}
	leave_row(&lifecycle->records, status->name, index);
	record = lifecycle_records_get(&lifecycle->records, status->name, now);
	if (!record) {
		return;
	}
	if (status->state == NATGW_GATEWAY_PENDING &&
	    (from == NATGW_GATEWAY_NONE || from == NATGW_GATEWAY_DELETED)) {
		record->created = now;
	}
	if (record->state != status->state) {
		record->since = now;
	}
	record->index = index;
	record->state = status->state;
	if (datapath_get_gateway(state->dp, index, &row) == 0) {
		record->private_ip = row.private_ip;
	}
	if (status->state == NATGW_GATEWAY_AVAILABLE) {
		record->failure = (struct lifecycle_failure){ .code = LIFECYCLE_OK };
	}
	if (status->state != NATGW_GATEWAY_PENDING && status->state != NATGW_GATEWAY_FAILED &&
	    from != NATGW_GATEWAY_NONE) {
		log_info("gateway %s: %s", status->name, names_gateway_state(status->state));
	}
	/* The quota has room again. */
	lifecycle->retry = lifecycle->retry || status->state == NATGW_GATEWAY_DELETED;
	note_change(lifecycle);
}

/* A gateway that stays as it is may have got another private IP. */
void lifecycle_note_private_ips(struct natgwd_state *state)
{
	for (size_t i = 0; i < state->lifecycle->records.count; i++) {
		struct lifecycle_record *record = &state->lifecycle->records.rows[i];
		struct natgw_gateway row;

		if (record->index &&
		    strcmp(state->gateways[record->index].name, record->name) == 0 &&
		    datapath_get_gateway(state->dp, record->index, &row) == 0 &&
		    row.private_ip != record->private_ip) {
			record->private_ip = row.private_ip;
			note_change(state->lifecycle);
		}
	}
}

/* Says so, unless it is known. */
static void set_failure(struct lifecycle *lifecycle, struct lifecycle_record *record,
			const struct lifecycle_failure *failure)
{
	if (record->failure.code != failure->code ||
	    strcmp(record->failure.message, failure->message) != 0) {
		log_error("gateway %s: failed: %s: %s", record->name,
			  lifecycle_code_name(failure->code), failure->message);
		record->failure = *failure;
		note_change(lifecycle);
	}
}

bool lifecycle_admit(struct natgwd_state *state, const struct config *config, uint32_t index)
{
	struct lifecycle *lifecycle = state->lifecycle;
	struct gateway_status *status = &state->gateways[index];
	const struct config_gateway *gateway = config_find_gateway(config, status->name);
	struct lifecycle_failure failure = { .code = LIFECYCLE_OK };
	struct lifecycle_record *record =
		lifecycle_records_get(&lifecycle->records, status->name, lifecycle_now(state));

	if (!gateway || !lifecycle_check_host(state, config, gateway, &failure)) {
		return true;
	}
	snprintf(status->reason, sizeof(status->reason), "%.159s", failure.message);
	if (record) {
		set_failure(lifecycle, record, &failure);
	}
	return false;
}

/* ---- failed ones again ---- */

/* An address has come that private_ip: auto has been waiting for. */
static void find_addresses(struct natgwd_state *state)
{
	struct config *config = state->config;
	bool waits = false;
	int err;

	for (size_t i = 0; i < config->gateway_count; i++) {
		struct config_gateway *gateway = &config->gateways[i];

		if (gateway->private_auto && !gateway->private_ip) {
			gateway->private_ip = lifecycle_find_private_ip(state, config, gateway);
			waits = waits || gateway->private_ip;
		}
	}
	if (!waits) {
		return;
	}
	err = apply_config(state, config, state->lifecycle->netdev, true);
	if (err) {
		log_error("cannot give a gateway its private IP: %s", strerror(-err));
	}
	/* Without it in its row a gateway may not become available: it is tried again. */
	for (size_t i = 0; err && i < config->gateway_count; i++) {
		struct config_gateway *gateway = &config->gateways[i];

		if (gateway->private_auto &&
		    lifecycle_state_of(state, gateway->name) != NATGW_GATEWAY_AVAILABLE) {
			gateway->private_ip = 0;
		}
	}
}

static void retry_one(struct natgwd_state *state, uint32_t index)
{
	struct gateway_status *status = &state->gateways[index];
	const struct config_gateway *gateway = config_find_gateway(state->config, status->name);
	struct lifecycle_record *record =
		lifecycle_records_find(&state->lifecycle->records, status->name);
	struct lifecycle_failure failure = { .code = LIFECYCLE_OK };

	if (!gateway) {
		return;
	}
	if (lifecycle_check_host(state, state->config, gateway, &failure)) {
		if (record) {
			set_failure(state->lifecycle, record, &failure);
		}
		snprintf(status->reason, sizeof(status->reason), "%.159s", failure.message);
		return;
	}
	status->reason[0] = '\0';
	apply_retry(state, index);
}

void lifecycle_retry(struct natgwd_state *state)
{
	int err;

	for (uint32_t i = 1; i < NATGW_GATEWAYS_MAX; i++) {
		if (state->gateways[i].name[0] &&
		    state->gateways[i].state == NATGW_GATEWAY_FAILED) {
			retry_one(state, i);
		}
	}
	err = apply_activate(state);
	if (err) {
		log_error("cannot make a gateway available: %s", strerror(-err));
	}
}

void lifecycle_host_changed(struct natgwd_state *state, unsigned int changed)
{
	if (!state->lifecycle || !state->config) {
		return;
	}
	if (changed & NETDEV_CHANGED_ADDRS) {
		find_addresses(state);
	}
	if (changed & (NETDEV_CHANGED_LINKS | NETDEV_CHANGED_ADDRS | NETDEV_CHANGED_ROUTES)) {
		lifecycle_retry(state);
	}
}

/* ---- by command ---- */

void lifecycle_note_failed(struct natgwd_state *state, const char *name,
			   const struct lifecycle_failure *failure)
{
	struct lifecycle *lifecycle = state->lifecycle;
	int64_t now = lifecycle_now(state);
	struct lifecycle_record *record;

	log_error("gateway %s: failed: %s: %s", name, lifecycle_code_name(failure->code),
		  failure->message);
	if (!lifecycle) {
		return;
	}
	record = lifecycle_records_find(&lifecycle->records, name);
	if (record && !lifecycle_record_is_past(record)) {
		return;
	}
	/* A deleted one of that name would hide it. */
	if (record && record->index && strcmp(state->gateways[record->index].name, name) == 0) {
		memset(&state->gateways[record->index], 0, sizeof(state->gateways[0]));
	}
	record = lifecycle_records_get(&lifecycle->records, name, now);
	if (record) {
		record->state = NATGW_GATEWAY_FAILED;
		record->index = 0;
		record->failure = *failure;
		record->created = now;
		record->since = now;
		note_change(lifecycle);
	}
}

int lifecycle_forget_failed(struct natgwd_state *state, const char *name)
{
	struct lifecycle_record *record =
		state->lifecycle ? lifecycle_records_find(&state->lifecycle->records, name) : NULL;

	if (!record || record->state != NATGW_GATEWAY_FAILED || record->index) {
		return -ENOENT;
	}
	lifecycle_records_drop(&state->lifecycle->records, record);
	note_change(state->lifecycle);
	return 0;
}

void lifecycle_note_created(struct natgwd_state *state, const char *name)
{
	log_info("gateway %s: created by command, %s", name,
		 names_gateway_state(lifecycle_state_of(state, name)));
}

void lifecycle_note_deleted(struct natgwd_state *state, const char *name)
{
	log_info("gateway %s: deleted by command, %s", name,
		 names_gateway_state(lifecycle_state_of(state, name)));
}

/* ---- reading ---- */

const struct lifecycle_record *lifecycle_find(const struct natgwd_state *state, const char *name)
{
	return state->lifecycle ? lifecycle_records_find(&state->lifecycle->records, name) : NULL;
}

enum natgw_gateway_state lifecycle_state_of(const struct natgwd_state *state, const char *name)
{
	const struct lifecycle_record *record = lifecycle_find(state, name);

	for (uint32_t i = 1; i < NATGW_GATEWAYS_MAX; i++) {
		if (state->gateways[i].name[0] && strcmp(state->gateways[i].name, name) == 0) {
			return state->gateways[i].state;
		}
	}
	return record ? record->state : NATGW_GATEWAY_NONE;
}

int lifecycle_each_record(const struct natgwd_state *state,
			  int (*fn)(const struct lifecycle_record *record, void *arg), void *arg)
{
	int err = 0;

	for (size_t i = 0; state->lifecycle && !err && i < state->lifecycle->records.count; i++) {
		err = fn(&state->lifecycle->records.rows[i], arg);
	}
	return err;
}
