/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * Two configs side by side: what differs, what each can carry, what only a restart would change.
 * Pure: knows no running natgwd. The JSON is what the API answers.
 */
#ifndef NATGW_USER_CONFIG_DIFF_H
#define NATGW_USER_CONFIG_DIFF_H

#include <jansson.h>

#include "config.h"

/*
 * A list of rows {"object", "name", "change", "key", "old", "new"}. object: gateway, eip,
 * route_table, subnet, route, rule, mapping (one_to_one), forward, acl, limits or setting; name:
 * which one of them; change: added, removed or changed. A row that is changed has one "key" of the
 * object, written with dots, and "old" and "new"; the others have the whole object in one of these.
 * Rows of a rule are named by its place in the list, counted from 1, or "order". -ENOMEM.
 */
int config_diff(const struct config *old, const struct config *new, json_t **ret_rows);

/*
 * A list of {"gateway", "before", "after"}, one for each gateway of either config and one for all
 * of them together, which has no "gateway". before and after: {"eips", "ports_per_protocol",
 * "sessions_to_one_destination"}, or null when the gateway is not there. -ENOMEM.
 */
int config_diff_capacity(const struct config *old, const struct config *new, json_t **ret_rows);

/* Calls fn with each key of the file that differs and that a running natgwd cannot change. */
void config_diff_restart(const struct config *old, const struct config *new,
			 void (*fn)(const char *key, void *arg), void *arg);

/* ---- config_diff_tree.c ---- */

/*
 * The config by objects: {"gateway": {NAME: {...}}, "eip": {ADDRESS: {...}}, ...}, one for each
 * word that "object" of a row may be but "rule", which is a list in the order of the file. Values
 * are the texts of the canonical form. -ENOMEM.
 */
int config_diff_tree(const struct config *config, json_t **ret_tree);

#endif
