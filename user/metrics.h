/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * Prometheus text (exposition format 0.0.4) from a struct of numbers. Pure: reads no map and no
 * clock. Names and meanings are listed in docs/metrics.md.
 */
#ifndef NATGW_USER_METRICS_H
#define NATGW_USER_METRICS_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>

#include "config.h"
#include "natgw_maps.h"

#define METRICS_CONTENT_TYPE "text/plain; version=0.0.4; charset=utf-8"

struct metrics_eip {
	char address[16];
	bool draining;
	uint32_t ports_in_use[NATGW_PROTO_COUNT];
	struct natgw_hold_count ports_held[NATGW_PROTO_COUNT];
};

/* Of those with the highest numbers, METRICS_TOP of each kind. */
#define METRICS_TOP 20

struct metrics_destination {
	char gateway[CONFIG_NAME_MAX];
	char eip[16];
	char address[16];
	char port[8];
	const char *proto;
	uint32_t count; /* ports in use or held */
	uint32_t limit;
	uint64_t errors;
};

struct metrics_client {
	char gateway[CONFIG_NAME_MAX];
	char address[16];
	uint32_t sessions;
	uint64_t errors[NATGW_ALLOC_ERROR_COUNT];
	/* Of "walked" only. */
	uint32_t ports;
	uint32_t most_to_one;
	uint64_t bytes[2]; /* NATGW_OUTBOUND, NATGW_INBOUND */
};

struct metrics_gateway {
	unsigned int index; /* in the maps */
	const char *name;
	const char *private_ip;
	const char *profile;
	enum natgw_gateway_state state;
	uint32_t port_count;
	const struct metrics_eip *eips;
	size_t eip_count;
	struct natgw_traffic traffic;
	struct natgw_active active;
	uint64_t clients;
	uint64_t peak_bytes_per_second;
	uint64_t peak_packets_per_second;
};

struct metrics_route {
	const char *table;
	const char *prefix;
	const char *target;
	const char *state;
};

struct metrics_rule {
	unsigned int number; /* place in the config, counted from 1 */
	const char *kind;
	uint64_t hits;
};

struct metrics {
	const char *version;
	uint32_t layout; /* of the maps */
	const struct metrics_gateway *gateways;
	size_t gateway_count;
	const struct natgw_count *verdicts; /* NATGW_VERDICT_ROWS */
	struct natgw_count seen[NATGW_HOOK_COUNT];
	uint64_t generated[NATGW_GENERATED_COUNT];
	const struct metrics_destination *destinations; /* by the share of their ports */
	size_t destination_count;
	const struct metrics_destination *refusing; /* by their errors, none without */
	size_t refusing_count;
	const struct metrics_client *clients; /* by their sessions, none without */
	size_t client_count;
	const struct metrics_client *refused; /* by their errors, none without */
	size_t refused_count;
	const struct metrics_client *walked; /* as "clients", from the sessions; may be none */
	size_t walked_count;
	const struct metrics_route *routes;
	size_t route_count;
	const struct metrics_rule *rules;
	size_t rule_count;
	uint64_t sessions_max;
	uint64_t config_generation;
	uint64_t applies_ok;
	uint64_t applies_failed;
};

/* 0, or -EIO when the stream failed. */
int metrics_write(const struct metrics *metrics, FILE *stream);

#endif
