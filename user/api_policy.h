/* SPDX-License-Identifier: GPL-2.0-only */
/* What is translated, and how, as JSON: part of /v1/gateways. */
#ifndef NATGW_USER_API_POLICY_H
#define NATGW_USER_API_POLICY_H

#include <jansson.h>

#include "state.h"

/* Adds to a gateway's object; config NULL: it is not in the config any more. 0 or -1, as jansson.
 */
int api_policy_gateway(json_t *json, const struct natgw_gateway *row, const struct config *config,
		       const struct config_gateway *gateway);

/* New references; NULL: out of memory. *ret_rules only when 0 is returned. */
int api_policy_rules(const struct natgwd_state *state, json_t **ret_rules);
json_t *api_policy_one_to_one(const struct config *config);
json_t *api_policy_acl(const struct config *config);

#endif
