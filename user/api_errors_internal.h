/* SPDX-License-Identifier: GPL-2.0-only */
/* What the api_errors*.c share; nobody else includes this. */
#ifndef NATGW_USER_API_ERRORS_INTERNAL_H
#define NATGW_USER_API_ERRORS_INTERNAL_H

#include <jansson.h>
#include <stddef.h>

#include "api_errors.h"
#include "events.h"
#include "top.h"

/* Entries of a kind, and names in each of their lists. */
#define API_ERRORS_ENTRIES 20
#define API_ERRORS_NAMES 5

/* All that there is to know, read once. */
struct api_errors {
	const struct natgwd_state *state;
	const struct top *top;
	const struct events_log *log;
	struct natgw_gateway gateways[NATGW_GATEWAYS_MAX];
	struct natgw_traffic traffic[NATGW_GATEWAYS_MAX];
	json_t *list;
};

/* Which of the events kept: 0 asks for nothing. */
struct api_errors_events {
	unsigned int verdict;
	unsigned int gateway;
	__be32 client;
	const struct natgw_destination_key *destination;
	/* The answer. */
	unsigned int count;
	const struct events_entry *last; /* NULL: none */
};

void api_errors_find_events(const struct api_errors *errors, struct api_errors_events *events);

/* "events" and "last" of an entry. */
void api_errors_put_events(json_t *entry, const struct api_errors_events *events);

/* Advice, collected in a list of texts; the signature is that of explain_say. */
void api_errors_advise(const char *text, void *list);

json_t *api_errors_address(__be32 addr);

/* Destinations without a free port. */
int api_errors_ports(struct api_errors *errors);

/* Quotas of clients and gateways, and what a gateway lacks. */
int api_errors_quotas(struct api_errors *errors);

#endif
