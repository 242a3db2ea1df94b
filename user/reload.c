// SPDX-License-Identifier: GPL-2.0-only
/*
 * SIGHUP. Responsible for what a reload may change and for keeping the running config when it may
 * not; the rows themselves are apply's.
 */
#include "reload.h"

#include <errno.h>
#include <string.h>

#include "apply.h"
#include "log.h"

#define SWAP(left, right)                             \
	do {                                          \
		__typeof__(left) swap_value = (left); \
		(left) = (right);                     \
		(right) = swap_value;                 \
	} while (0)

static bool same_interfaces(const struct config *left, const struct config *right)
{
	if (left->interface_count != right->interface_count) {
		return false;
	}
	for (size_t i = 0; i < left->interface_count; i++) {
		const struct config_interface *a = &left->interfaces[i];
		const struct config_interface *b = &right->interfaces[i];

		if (strcmp(a->name, b->name) != 0 || a->flags != b->flags) {
			return false;
		}
	}
	return true;
}

static void keep(const char *key)
{
	log_warning("reload: \"%s\" has changed; that takes a restart, the old value stays", key);
}

static void keep_sessions(const struct config *old, struct config *config)
{
	keep("limits.sessions");
	config->sessions = old->sessions;
	for (size_t i = 0; i < config->gateway_count; i++) {
		struct config_gateway *gateway = &config->gateways[i];

		if (gateway->opening_by_default) {
			gateway->client_opening_max = old->sessions / CONFIG_OPENING_SHARE;
		}
	}
}

/* What is built into the running process stays; the new config then says so too. */
static void keep_fixed(struct config *old, struct config *config)
{
	if (!same_interfaces(old, config)) {
		keep("interfaces");
		SWAP(old->interfaces, config->interfaces);
		SWAP(old->interface_count, config->interface_count);
	}
	if (old->attach != config->attach) {
		keep("attach");
		config->attach = old->attach;
	}
	if (old->sessions != config->sessions) {
		keep_sessions(old, config);
	}
	if (strcmp(old->pin_path, config->pin_path) != 0) {
		keep("pin_path");
		memcpy(config->pin_path, old->pin_path, sizeof(config->pin_path));
	}
	if (strcmp(old->metrics_addr, config->metrics_addr) != 0 ||
	    old->metrics_port != config->metrics_port) {
		keep("metrics.listen");
		memcpy(config->metrics_addr, old->metrics_addr, sizeof(config->metrics_addr));
		config->metrics_port = old->metrics_port;
	}
	if (strcmp(old->control_socket, config->control_socket) != 0 ||
	    strcmp(old->control_group, config->control_group) != 0) {
		keep("control");
		memcpy(config->control_socket, old->control_socket, sizeof(config->control_socket));
		memcpy(config->control_group, old->control_group, sizeof(config->control_group));
	}
}

static void warn(const char *text, void *arg)
{
	(void)arg;
	log_warning("%s", text);
}

/* The maps say what the running config says again, whatever a failed apply has changed. */
static void go_back(struct follow *follow)
{
	struct natgwd_state *state = follow->state;
	int err = apply_config(state, state->config, follow->netdev, true);

	if (err) {
		log_error("reload: cannot write the old config back: %s; restart natgwd",
			  strerror(-err));
	}
}

static int apply_new(struct follow *follow, struct config *config)
{
	struct natgwd_state *state = follow->state;
	int err = apply_check(config, follow->netdev);

	if (err) {
		return err;
	}
	config_warnings(config, warn, NULL);
	err = apply_config(state, config, follow->netdev, true);
	if (err) {
		log_error("reload: cannot write the maps: %s; the old config stays in force",
			  strerror(-err));
		go_back(follow);
		return err;
	}
	keep_fixed(state->config, config);
	return 0;
}

static int apply_file(struct follow *follow)
{
	struct natgwd_state *state = follow->state;
	struct config_error wrong = { "" };
	struct config *config = NULL;
	int err = config_load(state->config->file, &config, &wrong);

	if (err) {
		log_error("reload: %s", wrong.text);
		return err;
	}
	err = apply_new(follow, config);
	if (err) {
		config_free(config);
		return err;
	}
	config_free(state->config);
	state->config = config;
	return 0;
}

void reload_config(struct follow *follow)
{
	struct natgwd_state *state = follow->state;

	if (apply_file(follow)) {
		state->reloads_failed++;
		return;
	}
	state->reloads_ok++;
	state->config_generation++;
	follow_watch(follow);
	announce_all(follow->announce, state);
	log_info("reload: %s applied", state->config->file);
}
