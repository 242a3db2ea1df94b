// SPDX-License-Identifier: GPL-2.0-only
/*
 * What is remembered of gateways, by name, and the file that it outlives natgwd in. Knows neither
 * the config nor the maps; the time is the caller's.
 */
#include "lifecycle_internal.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "cleanup.h"
#include "list.h"
#include "names.h"

struct lifecycle_record *lifecycle_records_find(const struct lifecycle_records *records,
						const char *name)
{
	for (size_t i = 0; i < records->count; i++) {
		if (strcmp(records->rows[i].name, name) == 0) {
			return &records->rows[i];
		}
	}
	return NULL;
}

bool lifecycle_record_is_past(const struct lifecycle_record *record)
{
	return record->state == NATGW_GATEWAY_DELETED ||
	       (record->state == NATGW_GATEWAY_FAILED && !record->index);
}

int64_t lifecycle_record_expires_s(const struct lifecycle_record *record, int64_t now)
{
	int64_t left = record->since + LIFECYCLE_KEPT_S - now;

	if (!lifecycle_record_is_past(record)) {
		return -1;
	}
	return left > 0 ? left : 0;
}

void lifecycle_records_drop(struct lifecycle_records *records, struct lifecycle_record *record)
{
	*record = records->rows[--records->count];
}

static void drop_oldest(struct lifecycle_records *records)
{
	struct lifecycle_record *oldest = NULL;

	for (size_t i = 0; i < records->count; i++) {
		struct lifecycle_record *record = &records->rows[i];

		if (lifecycle_record_is_past(record) &&
		    (!oldest || record->since < oldest->since)) {
			oldest = record;
		}
	}
	if (oldest) {
		lifecycle_records_drop(records, oldest);
	}
}

struct lifecycle_record *lifecycle_records_get(struct lifecycle_records *records, const char *name,
					       int64_t now)
{
	struct lifecycle_record *record = lifecycle_records_find(records, name);
	struct lifecycle_record *grown;

	if (record) {
		return record;
	}
	if (records->count >= LIFECYCLE_RECORDS_MAX) {
		drop_oldest(records);
	}
	if (records->count >= LIFECYCLE_RECORDS_MAX) {
		return NULL;
	}
	grown = list_room(records->rows, records->count, sizeof(*grown));
	if (!grown) {
		return NULL;
	}
	records->rows = grown;
	record = &grown[records->count++];
	memset(record, 0, sizeof(*record));
	snprintf(record->name, sizeof(record->name), "%s", name);
	record->created = now;
	record->since = now;
	return record;
}

bool lifecycle_records_purge(struct lifecycle_records *records, int64_t now,
			     void (*gone)(const struct lifecycle_record *record, void *arg),
			     void *arg)
{
	bool any = false;

	for (size_t i = records->count; i-- > 0;) {
		struct lifecycle_record *record = &records->rows[i];

		/* A clock that was set back must not keep it for ever. */
		if (record->since > now) {
			record->since = now;
		}
		if (lifecycle_record_expires_s(record, now) != 0) {
			continue;
		}
		if (gone) {
			gone(record, arg);
		}
		lifecycle_records_drop(records, record);
		any = true;
	}
	return any;
}

/* ---- the file ---- */

void lifecycle_records_path(const char *run_path, char ret_path[PATH_MAX / 8])
{
	size_t length = strlen(run_path);
	size_t suffix = strlen(".run");

	if (length > suffix && strcmp(run_path + length - suffix, ".run") == 0) {
		length -= suffix;
	}
	snprintf(ret_path, PATH_MAX / 8, "%.*s.json", (int)length, run_path);
}

static enum natgw_gateway_state state_of(const char *name)
{
	for (unsigned int state = NATGW_GATEWAY_PENDING; state <= NATGW_GATEWAY_DELETED; state++) {
		if (strcmp(names_gateway_state(state), name) == 0) {
			return (enum natgw_gateway_state)state;
		}
	}
	return NATGW_GATEWAY_NONE;
}

static int read_record(struct lifecycle_records *records, json_t *json)
{
	const char *name;
	const char *state;
	const char *code;
	const char *message;
	json_int_t index;
	json_int_t private_ip;
	json_int_t created;
	json_int_t since;
	struct lifecycle_record *record;

	if (json_unpack(json, "{s:s, s:s, s:s, s:s, s:I, s:I, s:I, s:I}", "name", &name, "state",
			&state, "code", &code, "message", &message, "index", &index, "private_ip",
			&private_ip, "created", &created, "since", &since)) {
		return -EINVAL;
	}
	if (!state_of(state) || index < 0 || index >= NATGW_GATEWAYS_MAX || !name[0] ||
	    strlen(name) >= CONFIG_NAME_MAX) {
		return -EINVAL;
	}
	record = lifecycle_records_get(records, name, created);
	if (!record) {
		return -ENOMEM;
	}
	record->state = state_of(state);
	record->index = (uint32_t)index;
	record->private_ip = (__be32)private_ip;
	record->since = since;
	record->failure.code = lifecycle_code_of(code);
	snprintf(record->failure.message, sizeof(record->failure.message), "%s", message);
	return 0;
}

int lifecycle_records_load(struct lifecycle_records *records, const char *path)
{
	json_t *json;
	json_t *each;
	size_t i;
	int err = 0;

	if (access(path, F_OK) < 0) {
		return errno == ENOENT ? 0 : -errno;
	}
	json = json_load_file(path, 0, NULL);
	if (!json_is_array(json)) {
		err = -EINVAL;
	}
	json_array_foreach (json, i, each) {
		err = err ? err : read_record(records, each);
	}
	json_decref(json);
	if (err) {
		records->count = 0;
	}
	return err;
}

static json_t *record_json(const struct lifecycle_record *record)
{
	return json_pack("{s:s, s:s, s:s, s:s, s:I, s:I, s:I, s:I}", "name", record->name, "state",
			 names_gateway_state(record->state), "code",
			 lifecycle_code_name(record->failure.code), "message",
			 record->failure.message, "index", (json_int_t)record->index, "private_ip",
			 (json_int_t)record->private_ip, "created", (json_int_t)record->created,
			 "since", (json_int_t)record->since);
}

int lifecycle_records_save(const struct lifecycle_records *records, const char *path)
{
	char temporary[PATH_MAX / 8 + 8];
	json_t *list = json_array();
	int err = 0;

	for (size_t i = 0; !err && i < records->count; i++) {
		err = json_array_append_new(list, record_json(&records->rows[i])) ? -ENOMEM : 0;
	}
	snprintf(temporary, sizeof(temporary), "%s.new", path);
	errno = 0;
	if (!err && json_dump_file(list, temporary, JSON_INDENT(1)) < 0) {
		err = errno ? -errno : -EIO;
	}
	json_decref(list);
	if (!err && rename(temporary, path) < 0) {
		err = -errno;
	}
	if (err) {
		unlink(temporary);
	}
	return err;
}
