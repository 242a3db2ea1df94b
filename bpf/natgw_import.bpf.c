// SPDX-License-Identifier: GPL-2.0-only
/*
 * Never attached: puts a session of another NAT of this host into the tables, as the row of map
 * "import" describes it, by the way that a port forward's session goes.
 */
#include "packet.h"

#include "create.h"

char LICENSE[] SEC("license") = "GPL";

/* The packet that would have begun it. */
static __always_inline void import_packet(struct packet *pkt, const struct natgw_import *import,
					  __u8 gateway)
{
	pkt->saddr = import->client;
	pkt->daddr = import->rem_addr;
	pkt->sport = import->client_port;
	pkt->dport = import->rem_port;
	pkt->proto = import->proto;
	pkt->gateway = gateway;
	pkt->direction = NATGW_OUTBOUND;
	pkt->now -= import->idle;
}

/* Both endpoints are known; what the rules say of timers is asked for. */
static __noinline int import_begin(const struct packet *pkt, const struct natgw_import *import,
				   __u32 eip)
{
	struct rules_query query = {
		.client = import->client,
		.remote = import->rem_addr,
		.port = import->rem_port,
		.proto = import->proto,
		.gateway = pkt->gateway,
	};
	struct natgw_gateway *gateway = policy_gateway(pkt->gateway);
	struct claim *claim = claim_scratch();

	if (!claim || !gateway) {
		return -1;
	}
	rules_find(&query);
	claim->dnat_rule = 0;
	claim->snat_rule = 0;
	claim->mark = 0;
	claim->to_port = 0;
	claim->outbound_key.int_addr = import->client;
	claim->outbound_key.int_port = import->client_port;
	claim->outbound_key.proto = import->proto;
	claim->outbound_key.gateway = pkt->gateway;
	claim->outbound_key.reserved = 0;
	claim->key.ext_addr = import->ext_addr;
	claim->key.ext_port = import->ext_port;
	claim->key.proto = import->proto;
	claim->key.reserved[0] = 0;
	claim->key.reserved[1] = 0;
	claim->key.reserved[2] = 0;
	claim->rem_addr = import->rem_addr;
	claim->rem_port = import->rem_port;
	create_claim_of(claim, pkt, gateway);
	claim->destination.rem_addr = import->rem_addr;
	claim->destination.rem_port = import->rem_port;
	claim->from_remote = 1;
	claim->eip = eip;
	claim->own_eip = import->ext_addr;
	create_row(claim, NATGW_STATE_OPENING);
	create_remote(claim, import->rem_addr, import->rem_port, import->rem_port);
	claim->exclusive = 0;
	create_account(claim);
	return 0;
}

/* The session is there and half-open; it goes on as what it was. */
static __noinline int import_establish(const struct packet *pkt)
{
	struct claim *claim = claim_scratch();
	struct natgw_outbound_key outbound_key;
	struct natgw_inbound_key key;
	struct natgw_session *row, *peer;
	__u64 word, next, peer_word;

	if (!claim) {
		return 0;
	}
	key = claim->key;
	outbound_key = claim->outbound_key;
	row = session_find_inbound(&key, &word);
	peer = session_find_outbound(&outbound_key, &peer_word);
	if (!row || !peer || session_state(word) != NATGW_STATE_OPENING) {
		return 0;
	}
	next = track_established(session_with_seen(word, NATGW_SEEN_REPLY));
	if (session_swap(row, word, next)) {
		track_mirror(peer, row, word);
		track_changed(&key, outbound_key.int_addr, word, next, pkt->now);
	}
	return 0;
}

/* The session under the claimed key: is it this one? */
static __noinline bool import_is_there(const struct natgw_import *import)
{
	struct claim *claim = claim_scratch();
	struct natgw_inbound_key key;
	struct natgw_session *row;
	__u64 word;

	if (!claim) {
		return false;
	}
	key = claim->key;
	row = session_find_inbound(&key, &word);
	return row && row->addr == import->client && row->port == import->client_port;
}

static __always_inline bool import_is_in_range(const struct natgw_import *import,
					       const struct natgw_gateway *gateway)
{
	__u32 port = byteorder_host16(import->ext_port);

	return port >= gateway->port_first && port - gateway->port_first < gateway->port_count;
}

static __always_inline __u32 import_run(struct packet *pkt, const struct natgw_import *import)
{
	struct natgw_address *address = policy_address(import->ext_addr);
	struct claim *claim = claim_scratch();
	struct natgw_gateway *gateway;
	enum natgw_verdict verdict;

	if (!claim || !address || address->kind != NATGW_ADDRESS_EIP || address->draining) {
		return NATGW_DROP_GATEWAY_NOT_AVAILABLE;
	}
	gateway = policy_gateway(address->gateway);
	if (!gateway || gateway->state != NATGW_GATEWAY_AVAILABLE) {
		return NATGW_DROP_GATEWAY_NOT_AVAILABLE;
	}
	if (import->proto != IPPROTO_TCP && import->proto != IPPROTO_UDP &&
	    import->proto != IPPROTO_ICMP) {
		return NATGW_DROP_PROTO;
	}
	if (!policy_subnet(import->client)) {
		return NATGW_DROP_SOURCE_NOT_ALLOWED;
	}
	if (!import_is_in_range(import, gateway)) {
		return NATGW_DROP_PORT_EXHAUSTED;
	}
	import_packet(pkt, import, address->gateway);
	if (import_begin(pkt, import, address->eip)) {
		return NATGW_DROP_INTERNAL;
	}
	if (claim->verdict == NATGW_OK) {
		ports_claim_mapped();
		create_pair(0);
	}
	verdict = (enum natgw_verdict)create_end(pkt);
	if (verdict == NATGW_OK && claim->lost) {
		return import_is_there(import) ? NATGW_DEFER_BUSY : NATGW_DROP_EIM_CONFLICT;
	}
	if (verdict == NATGW_OK && import->established) {
		import_establish(pkt);
	}
	return verdict;
}

SEC("xdp")
int natgw_import(struct xdp_md *ctx)
{
	__u32 zero = 0;
	struct natgw_import *row = bpf_map_lookup_elem(&import, &zero);
	struct packet *pkt = packet_begin(NATGW_HOOK_XDP, 0, clock_now_fine());

	(void)ctx;
	if (row && pkt) {
		row->verdict = import_run(pkt, row);
	}
	/* Run with live frames: XDP_PASS would hand the frame to the host. */
	return XDP_DROP;
}
