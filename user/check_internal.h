/* SPDX-License-Identifier: GPL-2.0-only */
/* What the check*.c share; nobody else includes this. */
#ifndef NATGW_USER_CHECK_INTERNAL_H
#define NATGW_USER_CHECK_INTERNAL_H

#include <arpa/inet.h>

#include "check.h"
#include "state.h"

/* "10.0.1.0/24" */
#define CHECK_PREFIX_MAX (INET_ADDRSTRLEN + 4)

/* Steps of check_gather; 0 or a negative errno. */
int check_find_policy(const struct natgwd_state *state, struct check_facts *facts);
/* After the dry run: the gateway and what belongs to it, rules, the access list. */
int check_find_gateway(const struct natgwd_state *state, struct check_facts *facts);
/* Fills in was_run, result and the client's port. After check_find_in. */
int check_run_dry(const struct natgwd_state *state, struct check_facts *facts);
void check_find_in(const struct natgwd_state *state, struct check_facts *facts);
void check_find_way(const struct natgwd_state *state, struct check_facts *facts);
int check_find_use(const struct natgwd_state *state, struct check_facts *facts);
void check_find_refused(const struct natgwd_state *state, struct check_facts *facts);

/* ---- text; each returns its buffer ---- */

const char *check_address(__be32 addr, char text[INET_ADDRSTRLEN]);
const char *check_prefix(const struct config_prefix *prefix, char text[CHECK_PREFIX_MAX]);
/* " (natgw.yaml:12)", or "" where line is 0. */
const char *check_line(const struct check_facts *facts, unsigned int line, char text[96]);
/* "203.0.113.10:80/tcp" */
#define CHECK_ENDPOINT_MAX 40
const char *check_endpoint(__be32 addr, __be16 port, uint8_t proto, char text[CHECK_ENDPOINT_MAX]);
/* "203.0.113.0/24 via gateway:nat-a (static, natgw.yaml:12)" */
const char *check_route_text(const struct check_facts *facts, const struct check_route *route,
			     char text[CHECK_TEXT_MAX]);
const char *check_proto_name(uint8_t proto, char text[16]);

#endif
