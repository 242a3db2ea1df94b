/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * Which sessions somebody means: the same words for showing and for ending them. The filter is the
 * row that the data path takes (struct natgw_kill), so both mean the same sessions.
 */
#ifndef NATGW_USER_SESSION_FILTER_H
#define NATGW_USER_SESSION_FILTER_H

#include <stdbool.h>
#include <stddef.h>

#include "state.h"

#define SESSION_FILTER_WHY_MAX 160

/*
 * Sets what one word of a query says: client, dst (addresses, or prefixes), eip, client_port, port,
 * eip_port, protocol, gateway, state, idle (seconds). -ENOENT: no such word. -EINVAL: why (with
 * SESSION_FILTER_WHY_MAX bytes) says what would be right. The filter is all zero before the first.
 */
int session_filter_set(const struct natgwd_state *state, const char *key, const char *value,
		       struct natgw_kill *filter, char *why);

/* Asks for something; without that every session is meant. */
bool session_filter_is_set(const struct natgw_kill *filter);

/* A session whose port is free again matches nothing that asks for a state. */
bool session_filter_matches(const struct natgw_kill *filter,
			    const struct natgw_session_record *record);

#endif
