// SPDX-License-Identifier: GPL-2.0-only
/* I4: the sets of ports of destinations and EIPs against the sessions that have these ports. */
#include "audit_internal.h"

#include <arpa/inet.h>
#include <bpf/bpf.h>
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "cleanup.h"

#define WORDS 1024U
#define PHASE_TRIES 3
#define SETS ((size_t)NATGW_EIPS_MAX * NATGW_PROTO_COUNT)

static int found_row(struct audit_look *look, enum audit_kind kind, size_t row)
{
	const struct natgw_session *inbound = audit_table_value(&look->inbound, row);
	struct audit_finding finding = { .kind = kind, .generation = audit_generation(inbound) };

	memcpy(finding.key, audit_table_key(&look->inbound, row), AUDIT_KEY_SIZE);
	return audit_look_found(look, &finding);
}

static int found(struct audit_look *look, enum audit_kind kind,
		 const struct natgw_destination_key *key, const uint64_t numbers[3])
{
	struct audit_finding finding = {
		.kind = kind, .number = (uint32_t)numbers[0], .have = numbers[1], .want = numbers[2]
	};

	memcpy(finding.key, key, sizeof(*key));
	return audit_look_found(look, &finding);
}

/* ---- destinations: their sessions have their bits ---- */

static bool in_range(const struct natgw_gateway *gateway, uint32_t port)
{
	return port >= gateway->port_first && port - gateway->port_first < gateway->port_count;
}

static int judge_session(struct audit_look *look, size_t row)
{
	const struct natgw_inbound_key *key = audit_table_key(&look->inbound, row);
	const struct natgw_session *inbound = audit_table_value(&look->inbound, row);
	const struct natgw_gateway *gateway = audit_look_gateway(look, audit_gateway(inbound));
	const struct natgw_destination_key destination_key = {
		.ext_addr = key->ext_addr,
		.rem_addr = key->rem_addr,
		.rem_port = key->rem_port,
		.proto = key->proto,
		.gateway = (uint8_t)audit_gateway(inbound),
	};
	const struct natgw_destination *destination =
		audit_table_get(&look->destinations, &destination_key);
	uint32_t port = ntohs(key->ext_port);

	/* A new set does not know all of the older sessions yet. */
	if (!destination || !gateway || destination->walked < gateway->port_count) {
		return 0;
	}
	if (!in_range(gateway, port) || audit_has_port(&destination->bits, port) ||
	    audit_session_inbound_life(look, row) == AUDIT_FREE) {
		return 0;
	}
	return found_row(look, AUDIT_KIND_DESTINATION_MISSING, row);
}

/* ---- destinations: their bits have their sessions ---- */

/* Asks the maps: the set was read some time after the sessions. */
static bool is_without_session(const struct audit_look *look,
			       const struct natgw_destination_key *destination,
			       const struct natgw_inbound_key *key)
{
	_cleanup_free_ struct natgw_destination *now = malloc(sizeof(*now));
	struct natgw_session row;

	if (bpf_map_lookup_elem(look->maps->fd[AUDIT_MAP_INBOUND], key, &row) == 0 || !now ||
	    bpf_map_lookup_elem(look->maps->fd[AUDIT_MAP_DESTINATIONS], destination, now) != 0) {
		return false;
	}
	return audit_has_port(&now->bits, ntohs(key->ext_port));
}

static int judge_bit(struct audit_look *look, const struct natgw_destination_key *key,
		     uint32_t port)
{
	const struct natgw_inbound_key row_key = {
		.ext_addr = key->ext_addr,
		.rem_addr = key->rem_addr,
		.ext_port = htons((uint16_t)port),
		.rem_port = key->rem_port,
		.proto = key->proto,
	};

	/* The port of an endpoint-independent mapping is as good as taken. */
	const struct natgw_inbound_key mapping_key = {
		.ext_addr = key->ext_addr,
		.ext_port = htons((uint16_t)port),
		.proto = key->proto,
	};

	bool reserved = false;
	int err = 0;

	if (audit_table_get(&look->inbound, &row_key) ||
	    audit_table_get(&look->inbound, &mapping_key)) {
		return 0;
	}
	/* And so is one that no new session gets. */
	err = audit_look_reserved(look, key->ext_addr, key->proto, port, &reserved);
	if (err || reserved || !is_without_session(look, key, &row_key)) {
		return err;
	}
	return found(look, AUDIT_KIND_DESTINATION_EXTRA, key, (uint64_t[]){ port, port, 0 });
}

/* A word that the summary calls full must be full, or its free ports are never found. */
static int judge_summary(struct audit_look *look, const struct natgw_destination_key *key,
			 const struct natgw_destination *destination, uint32_t word)
{
	const struct natgw_gateway *gateway = audit_look_gateway(look, key->gateway);

	if (!gateway || !(destination->bits.summary[word >> 6] >> (word & 63) & 1)) {
		return 0;
	}
	for (uint32_t port = word << 6; port < (word + 1) << 6; port++) {
		if (in_range(gateway, port) && !audit_has_port(&destination->bits, port)) {
			return found(look, AUDIT_KIND_DESTINATION_FULL, key,
				     (uint64_t[]){ word, port, 0 });
		}
	}
	return 0;
}

static int judge_destination(struct audit_look *look, size_t row)
{
	const struct natgw_destination_key *key = audit_table_key(&look->destinations, row);
	const struct natgw_destination *destination = audit_table_value(&look->destinations, row);
	uint64_t set = 0;
	int err = 0;

	for (uint32_t word = 0; !err && word < WORDS; word++) {
		uint64_t bits = destination->bits.word[word];

		set += (uint64_t)__builtin_popcountll(bits);
		err = judge_summary(look, key, destination, word);
		for (; !err && bits; bits &= bits - 1) {
			err = judge_bit(look, key, word << 6 | (uint32_t)__builtin_ctzll(bits));
		}
	}
	if (!err && set != destination->count) {
		err = found(look, AUDIT_KIND_DESTINATION_COUNT, key,
			    (uint64_t[]){ 0, destination->count, set });
	}
	return err;
}

int audit_destinations(struct audit_look *look)
{
	int err = 0;

	for (size_t row = 0; !err && row < look->inbound.count; row++) {
		err = judge_session(look, row);
	}
	for (size_t row = 0; !err && row < look->destinations.count; row++) {
		err = judge_destination(look, row);
	}
	return err;
}

/* ---- ports of EIPs ---- */

struct port_sets {
	uint32_t phase;
	struct natgw_port_bits *sets[SETS]; /* read when they are needed */
};

static int read_phase(const struct audit_look *look, uint32_t *ret_phase)
{
	uint32_t zero = 0, phase;
	int err = bpf_map_lookup_elem(look->maps->fd[AUDIT_MAP_PHASE], &zero, &phase);

	if (!err) {
		*ret_phase = phase & 1;
	}
	return err;
}

static int read_set(const struct audit_look *look, struct port_sets *sets, uint32_t eip,
		    enum natgw_proto proto)
{
	uint32_t index = natgw_port_use_index(sets->phase, eip, proto);
	struct natgw_port_bits **set = &sets->sets[(size_t)eip * NATGW_PROTO_COUNT + proto];

	if (*set) {
		return 0;
	}
	*set = malloc(sizeof(**set));
	return *set ? bpf_map_lookup_elem(look->maps->fd[AUDIT_MAP_PORT_USE], &index, *set)
		    : -ENOMEM;
}

static int judge_port(struct audit_look *look, struct port_sets *sets, size_t row)
{
	const struct natgw_inbound_key *key = audit_table_key(&look->inbound, row);
	const struct natgw_address *address = audit_look_address(look, key->ext_addr);
	enum natgw_proto proto = audit_session_proto(key->proto);

	if (!address || address->kind != NATGW_ADDRESS_EIP || address->eip >= NATGW_EIPS_MAX ||
	    proto == NATGW_PROTO_COUNT || audit_session_inbound_life(look, row) == AUDIT_FREE) {
		return 0;
	}
	int err = read_set(look, sets, address->eip, proto);

	if (err || audit_has_port(sets->sets[(size_t)address->eip * NATGW_PROTO_COUNT + proto],
				  ntohs(key->ext_port))) {
		return err;
	}
	return found_row(look, AUDIT_KIND_PORT_USE_MISSING, row);
}

/* 1: the phase has changed meanwhile, and what was read may have been cleared. */
static int judge_ports(struct audit_look *look, struct port_sets *sets)
{
	uint32_t phase = 0;
	int err = read_phase(look, &sets->phase);

	for (size_t row = 0; !err && row < look->inbound.count; row++) {
		err = judge_port(look, sets, row);
	}
	if (!err) {
		err = read_phase(look, &phase);
	}
	for (size_t i = 0; i < SETS; i++) {
		free(sets->sets[i]);
		sets->sets[i] = NULL;
	}
	return err ? err : phase != sets->phase;
}

int audit_port_use(struct audit_look *look)
{
	_cleanup_free_ struct port_sets *sets = calloc(1, sizeof(*sets));
	size_t count = look->found.count;
	int err = sets ? 1 : -ENOMEM;

	for (int i = 0; err == 1 && i < PHASE_TRIES; i++) {
		look->found.count = count;
		err = judge_ports(look, sets);
	}
	return err < 0 ? err : 0;
}
