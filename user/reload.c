// SPDX-License-Identifier: GPL-2.0-only
/*
 * A new config in place of the running one: from the file (SIGHUP) or by command (change.c).
 * Responsible for what may change and for keeping the running config when it may not; the rows
 * themselves are apply's.
 */
#include "reload.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "apply.h"
#include "change.h"
#include "config_diff.h"
#include "lifecycle.h"
#include "log.h"

#define SWAP(left, right)                             \
	do {                                          \
		__typeof__(left) swap_value = (left); \
		(left) = (right);                     \
		(right) = swap_value;                 \
	} while (0)

/* ---- what stays until a restart ---- */

static void say_kept(const char *key, void *arg)
{
	const char *const *what = arg;

	log_warning("%s: \"%s\" has changed; that takes a restart, the old value stays", *what,
		    key);
}

static void keep_sessions(const struct config *old, struct config *config)
{
	config->sessions = old->sessions;
	for (size_t i = 0; i < config->gateway_count; i++) {
		struct config_gateway *gateway = &config->gateways[i];

		if (gateway->opening_by_default) {
			gateway->client_opening_max = old->sessions / CONFIG_OPENING_SHARE;
		}
	}
}

/* What is built into the running process stays; the new config then says so too. The keys are those
 * of config_diff_restart. */
static void keep_fixed(struct config *old, struct config *config, const char *what)
{
	config_diff_restart(old, config, say_kept, &what);
	SWAP(old->interfaces, config->interfaces);
	SWAP(old->interface_count, config->interface_count);
	config->attach = old->attach;
	if (old->sessions != config->sessions) {
		keep_sessions(old, config);
	}
	memcpy(config->pin_path, old->pin_path, sizeof(config->pin_path));
	memcpy(config->metrics_addr, old->metrics_addr, sizeof(config->metrics_addr));
	config->metrics_port = old->metrics_port;
	memcpy(config->control_socket, old->control_socket, sizeof(config->control_socket));
	memcpy(config->read_socket, old->read_socket, sizeof(config->read_socket));
	memcpy(config->control_group, old->control_group, sizeof(config->control_group));
}

/* ---- announcing ---- */

static bool same_list(const __be32 *left, size_t left_count, const __be32 *right,
		      size_t right_count)
{
	return left_count == right_count &&
	       (!left_count || memcmp(left, right, left_count * sizeof(*left)) == 0);
}

static bool same_pairs(const struct config *old, const struct config *new)
{
	bool same = old->one_to_one_count == new->one_to_one_count;

	for (size_t i = 0; same && i < old->one_to_one_count; i++) {
		same = old->one_to_one[i].public_addr == new->one_to_one[i].public_addr;
	}
	return same;
}

/* Has everything that is announced been so before? */
static bool same_addresses(const struct config *old, const struct config *new)
{
	bool same = old->gateway_count == new->gateway_count &&
		    old->rule_count == new->rule_count &&same_pairs(old, new);

	for (size_t i = 0; same && i < old->gateway_count; i++) {
		same = same_list(old->gateways[i].eips, old->gateways[i].eip_count,
				 new->gateways[i].eips, new->gateways[i].eip_count);
	}
	for (size_t i = 0; same && i < old->rule_count; i++) {
		same = same_list(old->rules[i].eips, old->rules[i].eip_count, new->rules[i].eips,
				 new->rules[i].eip_count);
	}
	return same;
}

/* A hundred reloads a second do not flood the network with what it knows. */
static void announce(struct follow *follow, bool same)
{
	if (same && follow->announced == follow->seconds) {
		return;
	}
	follow->announced = follow->seconds;
	announce_all(follow->announce, follow->state);
}

/* ---- the way in ---- */

/* The maps say what the running config says again, whatever a failed apply has changed. */
static void go_back(struct follow *follow, const char *what)
{
	struct natgwd_state *state = follow->state;
	int err = apply_config(state, state->config, follow->netdev, true);

	if (err) {
		log_error("%s: cannot write the old config back: %s; restart natgwd", what,
			  strerror(-err));
	}
}

static int write_maps(struct follow *follow, struct config *config, const char *what)
{
	struct natgwd_state *state = follow->state;
	int err = apply_check(config, follow->netdev);

	if (err) {
		return err;
	}
	lifecycle_prepare(state, config);
	err = apply_config(state, config, follow->netdev, true);
	if (err) {
		log_error("%s: cannot write the maps: %s; the old config stays in force", what,
			  strerror(-err));
		go_back(follow, what);
	}
	return err;
}

int reload_apply(struct follow *follow, struct config *config, const char *what)
{
	struct natgwd_state *state = follow->state;
	char *wanted = change_text(config);
	bool same = same_addresses(state->config, config);
	int err = wanted ? write_maps(follow, config, what) : -ENOMEM;

	if (err) {
		free(wanted);
		return err;
	}
	change_note(state, wanted);
	keep_fixed(state->config, config, what);
	config_free(state->config);
	state->config = config;
	state->config_generation++;
	follow_watch(follow);
	announce(follow, same);
	log_info("%s: applied", what);
	return 0;
}

int reload_try(struct follow *follow, struct config *config, const char *what)
{
	int err = apply_check(config, follow->netdev);

	if (!err) {
		lifecycle_prepare(follow->state, config);
		err = apply_fits(follow->state, config, follow->netdev);
	}
	if (err) {
		log_error("%s: dry run: it does not fit: %s", what, strerror(-err));
	}
	return err;
}

static void warn(const char *text, void *arg)
{
	(void)arg;
	log_warning("%s", text);
}

static int apply_file(struct follow *follow)
{
	struct config_error wrong = { "" };
	struct config *config = NULL;
	int err = config_load(follow->state->config->file, &config, &wrong);

	if (err) {
		log_error("reload: %s", wrong.text);
		return err;
	}
	config_warnings(config, warn, NULL);
	err = reload_apply(follow, config, "reload");
	if (err) {
		config_free(config);
	}
	return err;
}

void reload_config(struct follow *follow)
{
	struct natgwd_state *state = follow->state;
	/* Before it is read: what is written meanwhile counts as new. */
	const struct change_stamp stamp = change_stamp_of(state->config->file);

	if (apply_file(follow)) {
		state->reloads_failed++;
		return;
	}
	change_note_file(state, &stamp);
	state->reloads_ok++;
}
