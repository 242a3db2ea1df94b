// SPDX-License-Identifier: GPL-2.0-only
/*
 * One look: copies of the maps. First the configuration, then the outbound rows, then the inbound
 * rows between two readings of what counts them, so that a count that stayed as it was can be held
 * against the rows.
 */
#include "audit_internal.h"

#include <arpa/inet.h>
#include <bpf/bpf.h>
#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "cleanup.h"

static int read_table(const struct audit_look *look, enum audit_map map, uint32_t key_size,
		      uint32_t value_size, struct audit_table *table)
{
	return audit_table_read(look->maps->fd[map], key_size, value_size, table);
}

/* ---- configuration ---- */

static int read_clock(struct audit_look *look)
{
	struct natgw_clock clock = { 0 };
	struct timespec now;
	uint32_t zero = 0;
	int err = bpf_map_lookup_elem(look->maps->fd[AUDIT_MAP_CLOCK], &zero, &clock);

	if (err) {
		return err;
	}
	if (clock_gettime(CLOCK_MONOTONIC, &now) < 0) {
		return -errno;
	}
	look->now =
		(uint32_t)((uint64_t)(now.tv_sec * 1000000000LL + now.tv_nsec + clock.skew_ns) >>
			   NATGW_TICK_SHIFT);
	return 0;
}

static int read_configuration(struct audit_look *look)
{
	int err = read_table(look, AUDIT_MAP_GATEWAYS, sizeof(uint32_t),
			     sizeof(struct natgw_gateway), &look->gateways);

	if (!err) {
		err = read_table(look, AUDIT_MAP_RULES, sizeof(uint32_t), sizeof(struct natgw_rule),
				 &look->rules);
	}
	if (!err) {
		err = read_table(look, AUDIT_MAP_ADDRESSES, sizeof(__be32),
				 sizeof(struct natgw_address), &look->addresses);
	}
	if (!err) {
		err = read_table(look, AUDIT_MAP_SUBNETS, sizeof(struct natgw_subnet_key),
				 sizeof(struct natgw_subnet), &look->subnets);
	}
	for (size_t row = 0; row < look->subnets.count; row++) {
		const struct natgw_subnet_key *key = audit_table_key(&look->subnets, row);

		look->subnet_lengths |= 1ULL << (key->prefix_len & 63);
	}
	return err;
}

const struct natgw_gateway *audit_look_gateway(const struct audit_look *look, uint32_t index)
{
	return audit_table_get(&look->gateways, &index);
}

const struct natgw_address *audit_look_address(const struct audit_look *look, __be32 addr)
{
	return audit_table_get(&look->addresses, &addr);
}

bool audit_look_in_subnet(const struct audit_look *look, __be32 addr)
{
	for (uint32_t length = 0; length <= 32; length++) {
		struct natgw_subnet_key key = { .prefix_len = length };

		if (!(look->subnet_lengths >> length & 1)) {
			continue;
		}
		key.addr = length ? addr & htonl(~0U << (32 - length)) : 0;
		if (audit_table_get(&look->subnets, &key)) {
			return true;
		}
	}
	return false;
}

int audit_look_reserved(struct audit_look *look, __be32 ext_addr, uint8_t proto, uint32_t port,
			bool *ret_reserved)
{
	const struct natgw_address *address = audit_look_address(look, ext_addr);
	enum natgw_proto index = audit_session_proto(proto);
	uint32_t row;
	int err = 0;

	*ret_reserved = false;
	if (!address || address->kind != NATGW_ADDRESS_EIP || address->eip >= NATGW_EIPS_MAX ||
	    index == NATGW_PROTO_COUNT) {
		return 0;
	}
	row = natgw_reserved_index(address->eip, index);
	if (!look->reserved[row]) {
		look->reserved[row] = calloc(1, sizeof(*look->reserved[row]));
		err = look->reserved[row]
			      ? bpf_map_lookup_elem(look->maps->fd[AUDIT_MAP_RESERVED_PORTS], &row,
						    look->reserved[row])
			      : -ENOMEM;
	}
	if (!err) {
		*ret_reserved = audit_has_port(look->reserved[row], port);
	}
	return err;
}

/* ---- counts ---- */

static void add_history(struct audit_counts *counts, uint32_t index,
			const struct natgw_traffic *traffic)
{
	uint64_t created = 0, closed = 0, attempts = 0;

	for (int proto = 0; proto < NATGW_PROTO_COUNT; proto++) {
		created += traffic->created[proto];
		attempts += traffic->attempts[proto];
		for (int cause = 0; cause < NATGW_CLOSE_CAUSE_COUNT; cause++)
			closed += traffic->closed[proto][cause];
	}
	counts->created[index] += created;
	counts->closed[index] += closed;
	counts->changes[index] += created + closed + attempts + traffic->claims_lost;
}

static int read_gateway_counts(const struct audit_look *look, struct audit_counts *counts)
{
	_cleanup_free_ struct natgw_traffic *traffic = calloc(look->cpus, sizeof(*traffic));
	int err = traffic ? 0 : -ENOMEM;

	for (uint32_t index = 0; !err && index < NATGW_GATEWAYS_MAX; index++) {
		err = bpf_map_lookup_elem(look->maps->fd[AUDIT_MAP_GATEWAY_USE], &index,
					  &counts->use[index]);
		if (!err) {
			err = bpf_map_lookup_elem(look->maps->fd[AUDIT_MAP_TRAFFIC], &index,
						  traffic);
		}
		for (unsigned int cpu = 0; !err && cpu < look->cpus; cpu++)
			add_history(counts, index, &traffic[cpu]);
	}
	return err;
}

static int read_clients(const struct audit_look *look, struct audit_counts *counts)
{
	return read_table(look, AUDIT_MAP_CLIENTS, sizeof(struct natgw_client_key),
			  sizeof(struct natgw_client), &counts->clients);
}

static int read_client_ports(const struct audit_look *look, struct audit_counts *counts)
{
	return read_table(look, AUDIT_MAP_CLIENT_PORTS, sizeof(struct natgw_client_port_key),
			  sizeof(uint32_t), &counts->client_ports);
}

/* What says whether something has changed is read first, and afterwards last. */
static int read_counts_before(struct audit_look *look)
{
	int err = read_gateway_counts(look, &look->before);

	if (!err) {
		err = read_clients(look, &look->before);
	}
	return err ? err : read_client_ports(look, &look->before);
}

static int read_counts_after(struct audit_look *look)
{
	int err = read_client_ports(look, &look->after);

	if (!err) {
		err = read_clients(look, &look->after);
	}
	return err ? err : read_gateway_counts(look, &look->after);
}

/* ---- all ---- */

static int read_sessions(struct audit_look *look, const struct audit_slots *outbound,
			 const struct audit_slots *inbound)
{
	int err = audit_slots_read(outbound, &look->outbound);

	if (!err) {
		err = read_clock(look);
	}
	if (!err) {
		err = read_counts_before(look);
	}
	if (!err) {
		err = audit_slots_read(inbound, &look->inbound);
	}
	return err ? err : read_counts_after(look);
}

static int look_at_sessions(struct audit_look *look)
{
	struct audit_slots outbound = { 0 }, inbound = { 0 };
	int err = audit_slots_open(look, AUDIT_MAP_OUTBOUND, &outbound);

	if (!err) {
		err = audit_slots_open(look, AUDIT_MAP_INBOUND, &inbound);
	}
	if (!err) {
		err = read_sessions(look, &outbound, &inbound);
	}
	if (!err) {
		err = audit_slots_check(look, &outbound);
	}
	if (!err) {
		err = audit_slots_check(look, &inbound);
	}
	audit_slots_close(&outbound);
	audit_slots_close(&inbound);
	return err;
}

int audit_look_read(struct audit_look *look)
{
	int err = read_configuration(look);

	if (!err) {
		err = look_at_sessions(look);
	}
	if (!err) {
		err = read_table(look, AUDIT_MAP_DESTINATIONS, sizeof(struct natgw_destination_key),
				 sizeof(struct natgw_destination), &look->destinations);
	}
	return err;
}

static void free_counts(struct audit_counts *counts)
{
	audit_table_free(&counts->clients);
	audit_table_free(&counts->client_ports);
}

void audit_look_free(struct audit_look *look)
{
	audit_table_free(&look->gateways);
	audit_table_free(&look->rules);
	audit_table_free(&look->addresses);
	audit_table_free(&look->subnets);
	audit_table_free(&look->outbound);
	audit_table_free(&look->inbound);
	audit_table_free(&look->destinations);
	free_counts(&look->before);
	free_counts(&look->after);
	for (size_t row = 0; row < (size_t)NATGW_RESERVED_ROWS; row++)
		free(look->reserved[row]);
	audit_findings_free(&look->found);
}

int audit_look_found(struct audit_look *look, const struct audit_finding *finding)
{
	if (look->options.without & 1U << audit_text_rule(finding)) {
		return 0;
	}
	return audit_findings_add(&look->found, finding);
}
