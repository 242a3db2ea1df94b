// SPDX-License-Identifier: GPL-2.0-only
/*
 * From start to end: what was remembered is read and put in step with the maps, the file is written
 * when something has changed, what is too old is forgotten, and a start that fails is told.
 */
#include "lifecycle_internal.h"

#include <errno.h>
#include <event2/event.h>
#include <stdlib.h>
#include <string.h>
#include <sys/utsname.h>
#include <unistd.h>

#include "log.h"
#include "names.h"
#include "parse_util.h"

/* The oldest kernel that natgw runs on. */
#define KERNEL_MAJOR 6
#define KERNEL_MINOR 1

#define DRIFT_S 5

static const struct gateway_hooks hooks = { lifecycle_admit, lifecycle_moved };

/* ---- start and end ---- */

/* The rows of the maps have no names: a record gives its own back to the row that it knows. */
static void restore(struct natgwd_state *state)
{
	struct lifecycle_records *records = &state->lifecycle->records;

	for (size_t i = records->count; i-- > 0;) {
		struct lifecycle_record *record = &records->rows[i];
		struct natgw_gateway row = { .state = NATGW_GATEWAY_NONE };

		if (!record->index) {
			continue;
		}
		(void)datapath_get_gateway(state->dp, record->index, &row);
		if (row.state != NATGW_GATEWAY_NONE && row.private_ip == record->private_ip) {
			struct gateway_status *status = &state->gateways[record->index];

			snprintf(status->name, sizeof(status->name), "%s", record->name);
			status->state = row.state;
			record->state = row.state;
			continue;
		}
		/* The maps are others: what lived is no more. */
		record->index = 0;
		if (!lifecycle_record_is_past(record)) {
			lifecycle_records_drop(records, record);
		}
	}
}

int lifecycle_open(struct natgwd_state *state, const struct netdev *netdev, const char *run_path)
{
	struct lifecycle *lifecycle = calloc(1, sizeof(*lifecycle));
	int err;

	if (!lifecycle) {
		return -ENOMEM;
	}
	lifecycle->netdev = netdev;
	lifecycle_records_path(run_path, lifecycle->path);
	err = lifecycle_records_load(&lifecycle->records, lifecycle->path);
	if (err) {
		log_warning(
			"cannot read %s: %s; what it says of failed and deleted gateways is lost",
			lifecycle->path, strerror(-err));
	}
	state->lifecycle = lifecycle;
	state->gateway_hooks = &hooks;
	restore(state);
	return 0;
}

static void save(struct lifecycle *lifecycle)
{
	int err =
		lifecycle->dirty ? lifecycle_records_save(&lifecycle->records, lifecycle->path) : 0;

	lifecycle->dirty = false;
	if (err && !lifecycle->unsaved_said) {
		log_warning(
			"cannot write %s: %s; failed and deleted gateways are forgotten at a restart",
			lifecycle->path, strerror(-err));
	}
	lifecycle->unsaved_said = lifecycle->unsaved_said || err;
}

void lifecycle_close(struct natgwd_state *state)
{
	if (state->lifecycle) {
		free(state->lifecycle->records.rows);
		free(state->lifecycle);
	}
	state->lifecycle = NULL;
	state->gateway_hooks = NULL;
}

void lifecycle_remove(const char *run_path)
{
	char path[PATH_MAX / 8];

	lifecycle_records_path(run_path, path);
	unlink(path);
}

/* ---- by and by ---- */

static void forget(const struct lifecycle_record *record, void *arg)
{
	struct natgwd_state *state = arg;
	struct gateway_status *status = &state->gateways[record->index];

	log_info("gateway %s: %s an hour ago, forgotten", record->name,
		 names_gateway_state(record->state));
	if (record->index && strcmp(status->name, record->name) == 0) {
		memset(status, 0, sizeof(*status));
	}
}

static void run(evutil_socket_t fd, short what, void *arg)
{
	struct natgwd_state *state = arg;
	struct lifecycle *lifecycle = state->lifecycle;
	static const struct timeval second = { .tv_sec = 1 };

	(void)fd;
	(void)what;
	if (lifecycle_records_purge(&lifecycle->records, lifecycle_now(state), forget, state)) {
		lifecycle->dirty = true;
	}
	if (lifecycle->retry) {
		lifecycle->retry = false;
		lifecycle_retry(state);
	}
	save(lifecycle);
	event_add(lifecycle->timer, &second);
}

int lifecycle_start(struct event_base *base, struct natgwd_state *state)
{
	struct lifecycle *lifecycle = state->lifecycle;

	lifecycle->timer = event_new(base, -1, 0, run, state);
	if (!lifecycle->timer) {
		return -ENOMEM;
	}
	run(-1, 0, state);
	return 0;
}

void lifecycle_stop(struct natgwd_state *state)
{
	if (state->lifecycle && state->lifecycle->timer) {
		save(state->lifecycle);
		event_free(state->lifecycle->timer);
		state->lifecycle->timer = NULL;
	}
}

/* ---- a start that fails ---- */

/* The digits that text begins with; 0: none. */
static uint32_t leading_number(const char *text)
{
	char digits[12];
	uint32_t number = 0;

	snprintf(digits, sizeof(digits), "%.*s", (int)strspn(text, "0123456789"), text);
	(void)parse_util_u32(digits, &number);
	return number;
}

static bool is_too_old(const char *release)
{
	const char *point = strchr(release, '.');
	uint32_t major = leading_number(release);

	return point && (major < KERNEL_MAJOR ||
			 (major == KERNEL_MAJOR && leading_number(point + 1) < KERNEL_MINOR));
}

enum lifecycle_code lifecycle_start_code(enum lifecycle_stage stage, int err, const char *release)
{
	if (is_too_old(release)) {
		return LIFECYCLE_KERNEL_TOO_OLD;
	}
	switch (stage) {
	case LIFECYCLE_STAGE_LOAD:
		/* The maps are made while the programs are loaded. */
		return err == -ENOMEM || err == -ENOSPC || err == -EROFS || err == -E2BIG
			       ? LIFECYCLE_MAPS_FAILED
			       : LIFECYCLE_LOAD_FAILED;
	case LIFECYCLE_STAGE_MAPS:
		return LIFECYCLE_MAPS_FAILED;
	case LIFECYCLE_STAGE_ATTACH:
		return err == -EOPNOTSUPP || err == -EINVAL ? LIFECYCLE_NOT_AVAILABLE
							    : LIFECYCLE_ATTACH_FAILED;
	}
	return LIFECYCLE_INTERNAL;
}

static void fill_start_failure(enum lifecycle_stage stage, int err,
			       struct lifecycle_failure *failure)
{
	struct utsname kernel = { .release = "" };

	(void)uname(&kernel);
	failure->code = lifecycle_start_code(stage, err, kernel.release);
	if (failure->code == LIFECYCLE_KERNEL_TOO_OLD) {
		(void)lifecycle_fail(failure, failure->code,
				     "this is Linux %s; natgw needs %d.%d or later", kernel.release,
				     KERNEL_MAJOR, KERNEL_MINOR);
	} else {
		(void)lifecycle_fail(failure, failure->code,
				     "natgwd could not start: %s; the line before says what",
				     strerror(-err));
	}
}

int lifecycle_start_result(const struct config *config, enum lifecycle_stage stage, int err)
{
	struct lifecycle_failure failure;

	/* EPROTO: pins of another natgwd are refused, which says nothing of the gateways. */
	if (!err || err == -EPROTO) {
		return err;
	}
	fill_start_failure(stage, err, &failure);
	for (size_t i = 0; i < config->gateway_count; i++) {
		log_error("gateway %s: failed: %s: %s", config->gateways[i].name,
			  lifecycle_code_name(failure.code), failure.message);
	}
	return err;
}
