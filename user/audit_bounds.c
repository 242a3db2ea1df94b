// SPDX-License-Identifier: GPL-2.0-only
/* I3: sessions against the configuration in the maps. */
#include "audit_internal.h"

#include <arpa/inet.h>
#include <netinet/in.h>
#include <string.h>

static int found(struct audit_look *look, enum audit_kind kind, size_t row, uint64_t have)
{
	const struct natgw_session *inbound = audit_table_value(&look->inbound, row);
	struct audit_finding finding = {
		.kind = kind,
		.generation = audit_generation(inbound),
		.have = have,
		.want = audit_gateway(inbound),
	};

	memcpy(finding.key, audit_table_key(&look->inbound, row), AUDIT_KEY_SIZE);
	return audit_look_found(look, &finding);
}

/* In two stages the wire carries another address than the session. */
static int judge_public(struct audit_look *look, size_t row, const struct natgw_address *eip)
{
	const struct natgw_inbound_key *key = audit_table_key(&look->inbound, row);
	const struct natgw_session *inbound = audit_table_value(&look->inbound, row);
	const struct natgw_gateway *gateway = audit_look_gateway(look, audit_gateway(inbound));
	const struct natgw_address *staged = audit_look_address(look, eip->peer);

	if (!gateway || !(gateway->flags & NATGW_GATEWAY_TWO_STAGE) ||
	    (staged && staged->kind == NATGW_ADDRESS_STAGED && staged->peer == key->ext_addr)) {
		return 0;
	}
	return found(look, AUDIT_KIND_IN_PUBLIC, row, 0);
}

/* Did the remote endpoint begin? Of TCP the internal host's SYN-ACK tells. */
static bool remote_began(uint8_t proto, const struct natgw_session *inbound)
{
	if (proto == IPPROTO_UDP) {
		return audit_seen(inbound) & NATGW_SEEN_REMOTE_FIRST;
	}
	return proto == IPPROTO_TCP && audit_seen(inbound) & NATGW_SEEN_SYN_ACK_OUT;
}

static int judge_address(struct audit_look *look, size_t row)
{
	const struct natgw_inbound_key *key = audit_table_key(&look->inbound, row);
	const struct natgw_session *inbound = audit_table_value(&look->inbound, row);
	const struct natgw_address *address = audit_look_address(look, key->ext_addr);

	if (!address || address->kind != NATGW_ADDRESS_EIP) {
		return found(look, AUDIT_KIND_IN_EIP, row, 0);
	}
	if (address->gateway != audit_gateway(inbound) && !address->draining) {
		return found(look, AUDIT_KIND_IN_EIP_GATEWAY, row, address->gateway);
	}
	return judge_public(look, row, address);
}

/* A session that a port forward has made has the forward's port; which may be gone since. */
static int judge_range(struct audit_look *look, size_t row, const struct natgw_gateway *gateway)
{
	const struct natgw_inbound_key *key = audit_table_key(&look->inbound, row);
	const struct natgw_session *inbound = audit_table_value(&look->inbound, row);
	uint32_t port = ntohs(key->ext_port);
	bool reserved;
	int err;

	if (port >= gateway->port_first && port - gateway->port_first < gateway->port_count) {
		return 0;
	}
	err = audit_look_reserved(look, key->ext_addr, key->proto, port, &reserved);
	if (err || reserved || remote_began(key->proto, inbound)) {
		return err;
	}
	return found(look, AUDIT_KIND_IN_RANGE, row, 0);
}

static int judge_session(struct audit_look *look, size_t row)
{
	const struct natgw_session *inbound = audit_table_value(&look->inbound, row);
	uint32_t index = audit_gateway(inbound), number = audit_rule_number(inbound);
	const struct natgw_gateway *gateway = audit_look_gateway(look, index);
	int err = 0;

	/* What is over is nobody's; the sweep takes it. */
	if (audit_session_inbound_life(look, row) == AUDIT_FREE && gateway) {
		return 0;
	}
	if (!gateway || gateway->state == NATGW_GATEWAY_NONE) {
		return found(look, AUDIT_KIND_IN_GATEWAY, row, index);
	}
	if (number) {
		const struct natgw_rule *rule = audit_table_get(&look->rules, &number);

		err = rule && rule->used ? 0 : found(look, AUDIT_KIND_IN_RULE, row, number);
	}
	if (!err) {
		err = judge_address(look, row);
	}
	if (!err) {
		err = judge_range(look, row, gateway);
	}
	if (!err && !audit_look_in_subnet(look, inbound->addr)) {
		err = found(look, AUDIT_KIND_IN_SUBNET, row, 0);
	}
	return err;
}

int audit_bounds(struct audit_look *look)
{
	int err = 0;

	for (size_t row = 0; !err && row < look->inbound.count; row++) {
		err = judge_session(look, row);
	}
	return err;
}
