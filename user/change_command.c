// SPDX-License-Identifier: GPL-2.0-only
/*
 * The commands: which edit each one is, what has to be asked before it and done behind it. The
 * edits themselves are change_edit.c's.
 */
#include <arpa/inet.h>
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "change_internal.h"
#include "cleanup.h"
#include "lifecycle.h"
#include "log.h"

static int edit_delete(struct config *config, const struct change_edit *edit, char *error)
{
	return change_edit_delete(config, edit->name, error);
}

static int edit_tag(struct config *config, const struct change_edit *edit, char *error)
{
	return change_edit_tag(config, edit->name, edit->tags, error);
}

static int edit_attach(struct config *config, const struct change_edit *edit, char *error)
{
	return change_edit_attach(config, edit->name, edit->words[0], error);
}

static int edit_detach(struct config *config, const struct change_edit *edit, char *error)
{
	return change_edit_detach(config, edit->name, edit->words[0], error);
}

static int edit_route(struct config *config, const struct change_edit *edit, char *error)
{
	return change_edit_route(config, edit->name, edit->words[0], edit->words[1], error);
}

/* A check of the life cycle has said no. */
static int refuse(const struct lifecycle_failure *failure, struct change_result *ret_result)
{
	(void)change_say(ret_result->error, "%s: %s", lifecycle_code_name(failure->code),
			 failure->message);
	return -EPERM;
}

/* ---- gateways ---- */

/* One of several. NOLINTNEXTLINE(readability-non-const-parameter) */
static int edit_create(struct config *config, const struct change_edit *edit, char *error)
{
	(void)error;
	return change_create_add(config, edit->one);
}

static int check_create(struct natgwd_state *state, const struct change_mode *mode,
			struct config_gateway *gateway, struct change_result *ret_result)
{
	struct lifecycle_failure failure = { .code = LIFECYCLE_OK };
	int err;

	if (config_find_gateway(state->config, gateway->name)) {
		(void)change_say(
			ret_result->error,
			"gateway \"%s\" is there already; every gateway needs a name of its own",
			gateway->name);
		return -EEXIST;
	}
	err = lifecycle_check_create(state, state->config, gateway, &failure);
	if (err != -EPERM) {
		return err;
	}
	if (!mode->dry_run) {
		lifecycle_note_failed(state, gateway->name, &failure);
	}
	return refuse(&failure, ret_result);
}

int change_create(struct natgwd_state *state, const struct change_mode *mode,
		  const struct change_gateway *gateway, struct change_result *ret_result)
{
	struct change_edit edit = { .fn = edit_create, .name = gateway->name };
	int err;

	*ret_result = (struct change_result){ .json = NULL };
	err = change_create_parse(gateway, state->config->sessions, &edit.one, ret_result->error);
	if (!err) {
		err = check_create(state, mode, &edit.one->gateways[0], ret_result);
	}
	if (!err) {
		err = change_run_edit(state, mode, "gateways create", &edit, ret_result);
	}
	config_free(edit.one);
	if (!err && !mode->dry_run) {
		lifecycle_note_created(state, gateway->name);
	}
	return err;
}

/* One that could not be created is not in the config: only its record is there. */
static int forget(const struct natgwd_state *state, struct change_result *ret_result)
{
	*ret_result = (struct change_result){ .json = NULL };
	ret_result->json =
		json_pack("{s:b, s:b, s:[], s:[], s:[], s:I, s:b, s:n}", "applied", 1, "dry_run", 0,
			  "changes", "restart", "warnings", "generation",
			  (json_int_t)state->config_generation, "saved", 0, "save_error");
	return ret_result->json ? 0 : -ENOMEM;
}

int change_delete(struct natgwd_state *state, const struct change_mode *mode, const char *name,
		  struct change_result *ret_result)
{
	const struct change_edit edit = { .fn = edit_delete, .name = name };
	int err;

	if (!mode->dry_run && !config_find_gateway(state->config, name) &&
	    lifecycle_forget_failed(state, name) == 0) {
		return forget(state, ret_result);
	}
	err = change_run_edit(state, mode, "gateways delete", &edit, ret_result);
	if (!err && !mode->dry_run) {
		lifecycle_note_deleted(state, name);
	}
	return err;
}

int change_tag(struct natgwd_state *state, const struct change_mode *mode, const char *name,
	       json_t *tags, struct change_result *ret_result)
{
	const struct change_edit edit = { .fn = edit_tag, .name = name, .tags = tags };

	return change_run_edit(state, mode, "gateways tag", &edit, ret_result);
}

int change_route(struct natgwd_state *state, const struct change_mode *mode,
		 const struct change_route *route, struct change_result *ret_result)
{
	const struct change_edit edit = {
		.fn = edit_route,
		.name = route->table,
		.words = { route->prefix, route->target },
	};

	return change_run_edit(state, mode, "routes replace", &edit, ret_result);
}

/* ---- EIPs ---- */

static int check_attach(struct natgwd_state *state, const char *name, const char *eips,
			struct change_result *ret_result)
{
	const struct config_gateway *gateway = config_find_gateway(state->config, name);
	struct lifecycle_failure failure = { .code = LIFECYCLE_OK };
	_cleanup_free_ __be32 *addrs = NULL;
	size_t count = 0;
	int err;

	if (!gateway) {
		return change_no_gateway(state->config, name, ret_result->error);
	}
	err = change_addresses(eips, &addrs, &count, ret_result->error);
	if (!err) {
		err = lifecycle_check_eips(state, gateway, addrs, count, &failure);
	}
	return err == -EPERM ? refuse(&failure, ret_result) : err;
}

int change_attach(struct natgwd_state *state, const struct change_mode *mode, const char *name,
		  const char *eips, struct change_result *ret_result)
{
	const struct change_edit edit = { .fn = edit_attach, .name = name, .words = { eips } };
	int err;

	*ret_result = (struct change_result){ .json = NULL };
	err = check_attach(state, name, eips, ret_result);
	return err ? err : change_run_edit(state, mode, "eips attach", &edit, ret_result);
}

static uint32_t ticks_of(uint32_t seconds)
{
	uint64_t tick = 1ULL << NATGW_TICK_SHIFT;

	return (uint32_t)((seconds * 1000000000ULL + tick - 1) >> NATGW_TICK_SHIFT);
}

/* Instead of the time that the gateway says. */
static int set_drain(const struct natgwd_state *state, __be32 eip, uint32_t drain_s)
{
	struct natgw_address row;
	uint32_t now = 0;
	int err = datapath_get_address(state->dp, eip, &row);

	/* Nobody's any more, or the EIP of an SNAT rule as before. */
	if (err == -ENOENT || (!err && (row.kind != NATGW_ADDRESS_EIP || !row.draining))) {
		return 0;
	}
	if (!err) {
		err = datapath_now(state->dp, &now);
	}
	if (!err) {
		row.drain_until = now + ticks_of(drain_s);
		err = datapath_set_address(state->dp, eip, &row);
	}
	return err;
}

static void set_drains(const struct natgwd_state *state, const char *eips, uint32_t drain_s)
{
	char error[CHANGE_ERROR_MAX];
	_cleanup_free_ __be32 *addrs = NULL;
	size_t count = 0;
	int err = change_addresses(eips, &addrs, &count, error);

	for (size_t i = 0; !err && i < count; i++) {
		err = set_drain(state, addrs[i], drain_s);
	}
	if (err) {
		log_warning("eips detach: %s drain as their gateway says: %s", eips,
			    strerror(-err));
	}
}

int change_detach(struct natgwd_state *state, const struct change_mode *mode,
		  const struct change_detach *detach, struct change_result *ret_result)
{
	const struct change_edit edit = {
		.fn = edit_detach,
		.name = detach->gateway,
		.words = { detach->eips },
	};
	int err;

	if (detach->drain_s > CONFIG_DRAIN_MAX_S) {
		*ret_result = (struct change_result){ .json = NULL };
		return change_say(ret_result->error,
				  "drain %u is out of bounds; it may be 1 to %u seconds",
				  detach->drain_s, CONFIG_DRAIN_MAX_S);
	}
	err = change_run_edit(state, mode, "eips detach", &edit, ret_result);
	if (!err && !mode->dry_run && detach->drain_s) {
		set_drains(state, detach->eips, detach->drain_s);
	}
	return err;
}

/* ---- the switch ---- */

static int block_one(const struct natgwd_state *state, uint32_t index, bool block)
{
	struct natgw_gateway row;
	int err = datapath_get_gateway(state->dp, index, &row);
	bool blocked = !err && row.flags & NATGW_GATEWAY_BLOCKED;

	if (err || blocked == block) {
		return err;
	}
	row.flags = (__u8)(block ? row.flags | NATGW_GATEWAY_BLOCKED
				 : row.flags & ~NATGW_GATEWAY_BLOCKED);
	err = datapath_set_gateway(state->dp, index, &row);
	if (!err) {
		log_info("gateway %s is %s", state->gateways[index].name,
			 block ? "blocked: nothing goes through it" : "no longer blocked");
	}
	return err;
}

int change_block(struct natgwd_state *state, const char *name, bool block,
		 struct change_result *ret_result)
{
	json_t *list = json_array();
	int err = 0;

	*ret_result = (struct change_result){ .json = NULL };
	for (uint32_t i = 1; !err && i < NATGW_GATEWAYS_MAX; i++) {
		const char *its_name = state->gateways[i].name;

		if (!config_find_gateway(state->config, its_name) ||
		    (name && strcmp(name, its_name) != 0)) {
			continue;
		}
		err = block_one(state, i, block);
		json_array_append_new(list,
				      json_pack("{s:s, s:b}", "name", its_name, "blocked", block));
	}
	if (!err && name && !json_array_size(list)) {
		err = change_no_gateway(state->config, name, ret_result->error);
	}
	if (!err) {
		err = datapath_raise_generation(state->dp);
	}
	if (!err) {
		ret_result->json = json_pack("{s:O}", "gateways", list);
		err = ret_result->json ? 0 : -ENOMEM;
	}
	json_decref(list);
	if (err && !ret_result->error[0]) {
		(void)change_say(ret_result->error, "cannot write the gateways' rows: %s",
				 strerror(-err));
	}
	return err;
}
