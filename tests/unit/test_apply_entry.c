/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * Config to rows of the maps: port forwards, the access list, features, and the ports that no new
 * session gets.
 */
#include "apply_maps.h"

#define HEAD "interfaces: {external: eth0, internal: eth1}\n"
#define TABLES "route_tables:\n  - {name: t, subnets: [10.0.0.0/8]}\n"
#define GATEWAY_A "  - {name: a, private_ip: 172.16.0.1, eips: [203.0.113.1]"
#define SHARED                                                                         \
	"  - {name: a, private_ip: 172.16.0.1, eips: [{address: 203.0.113.1, shared: " \
	"true}]}\n"
#define FORWARD(keys) "  - {protocol: tcp, address: 203.0.113.1, " keys "}\n"

static void apply_gateways(struct natgwd_state *state, const char *gateways, const char *text)
{
	_cleanup_free_ char *all = NULL;

	assert_true(asprintf(&all, HEAD TABLES "gateways:\n%s%s", gateways, text) > 0);
	assert_int_equal(try_text(state, all), 0);
}

static void apply(struct natgwd_state *state, const char *text)
{
	apply_gateways(state, GATEWAY_A "}\n", text);
}

static bool reserved(const struct natgwd_state *state, enum natgw_proto proto, uint16_t port)
{
	return is_reserved(state->dp, inet_addr("203.0.113.1"), proto, port);
}

/* Of all EIPs. */
static unsigned int count_reserved(const struct natgwd_state *state)
{
	unsigned int ports = 0;

	for (size_t row = 0; row < (size_t)NATGW_RESERVED_ROWS; row++) {
		for (size_t word = 0; word < COUNT(state->dp->reserved[row].word); word++) {
			ports += (unsigned int)__builtin_popcountll(
				state->dp->reserved[row].word[word]);
		}
	}
	return ports;
}

/* ---- port forwards ---- */

static const struct natgw_forward *forward(const struct natgwd_state *state, const char *addr,
					   uint8_t proto, uint16_t port)
{
	const struct natgw_forward_key key = { inet_addr(addr), htons(port), proto, 0 };
	size_t at = FIND(&state->dp->forwards, &key);

	return at < state->dp->forwards.count ? &state->dp->forwards.rows[at].row : NULL;
}

static void assert_forward(const struct natgw_forward *row, const char *addr, uint16_t port)
{
	assert_non_null(row);
	assert_int_equal(row->int_addr, inet_addr(addr));
	assert_int_equal(ntohs(row->int_port), port);
	assert_int_equal(row->gateway, 1);
}

static void test_forwards(void **unused)
{
	struct natgwd_state *state = start();

	(void)unused;
	apply(state,
	      "port_forwards:\n" FORWARD("port: 443, to: 10.0.1.5") FORWARD(
		      "port: 8000-8002, to: 10.0.1.6:80") "  - {protocol: udp, address: 203.0.113.5, port: 53, to: 10.0.1.7}\n"
							  "rules:\n  - {snat: {port: 1, eips: [203.0.113.5]}}\n");
	assert_int_equal(state->dp->forwards.count, 5);
	assert_forward(forward(state, "203.0.113.1", IPPROTO_TCP, 443), "10.0.1.5", 443);
	assert_forward(forward(state, "203.0.113.1", IPPROTO_TCP, 8000), "10.0.1.6", 80);
	assert_forward(forward(state, "203.0.113.1", IPPROTO_TCP, 8002), "10.0.1.6", 82);
	assert_forward(forward(state, "203.0.113.5", IPPROTO_UDP, 53), "10.0.1.7", 53);
	assert_int_equal(state->dp->settings.features,
			 NATGW_FEATURE_FORWARDS | NATGW_FEATURE_HAIRPIN | NATGW_FEATURE_RESERVED);
	assert_true(reserved(state, NATGW_PROTO_TCP, 443));
	assert_true(reserved(state, NATGW_PROTO_TCP, 8001));
	assert_false(reserved(state, NATGW_PROTO_UDP, 443));
	assert_true(is_reserved(state->dp, inet_addr("203.0.113.5"), NATGW_PROTO_UDP, 53));
	assert_int_equal(count_reserved(state), 5);
	/* One goes, one leads elsewhere, one comes. */
	apply(state, "port_forwards:\n" FORWARD("port: 8000-8001, to: 10.0.1.9:80")
			     FORWARD("port: 22, to: 10.0.1.5"));
	assert_int_equal(state->dp->forwards.count, 3);
	assert_forward(forward(state, "203.0.113.1", IPPROTO_TCP, 8001), "10.0.1.9", 81);
	assert_null(forward(state, "203.0.113.1", IPPROTO_TCP, 443));
	assert_true(reserved(state, NATGW_PROTO_TCP, 22));
	assert_false(reserved(state, NATGW_PROTO_TCP, 443));
	/* The other EIP drains; when it goes, so do its ports. */
	assert_int_equal(apply_release(state), 0);
	assert_int_equal(count_reserved(state), 3);
	apply(state, "");
	assert_int_equal(state->dp->forwards.count, 0);
	assert_int_equal(count_reserved(state), 0);
	assert_int_equal(state->dp->settings.features, 0);
	stop(state);
}

/* Hairpin goes on for the sessions that there are. */
static void test_hairpin_stays(void **unused)
{
	struct natgwd_state *state = start();

	(void)unused;
	apply_gateways(state, GATEWAY_A ", mapping: endpoint_independent}\n", "");
	assert_int_equal(state->dp->settings.features, NATGW_FEATURE_HAIRPIN);
	state->dp->sessions = 1;
	apply(state, "");
	assert_int_equal(state->dp->settings.features, NATGW_FEATURE_HAIRPIN);
	state->dp->sessions = 0;
	apply(state, "");
	assert_int_equal(state->dp->settings.features, 0);
	/* Sessions alone do not ask for it. */
	state->dp->sessions = 1;
	apply(state, "rules:\n  - {session: {protocol: udp, mapping: endpoint_independent}}\n");
	assert_int_equal(state->dp->settings.features, NATGW_FEATURE_HAIRPIN);
	state->dp->sessions = 0;
	apply(state, "");
	state->dp->sessions = 1;
	apply(state, "");
	assert_int_equal(state->dp->settings.features, 0);
	stop(state);
}

/* ---- features: on when the rows are complete, off before the first one goes ---- */

static size_t wanted_forwards;

static void watch_forwards(const struct datapath *dp)
{
	if (dp->settings.features & NATGW_FEATURE_FORWARDS) {
		assert_int_equal(dp->forwards.count, wanted_forwards);
	}
}

static void test_forwards_come_and_go_whole(void **unused)
{
	struct natgwd_state *state = start();

	(void)unused;
	apply(state, "");
	wanted_forwards = 10;
	state->dp->watch = watch_forwards;
	apply(state, "port_forwards:\n" FORWARD("port: 8000-8009, to: 10.0.1.6"));
	assert_true(state->dp->settings.features & NATGW_FEATURE_FORWARDS);
	apply(state, "");
	assert_int_equal(state->dp->forwards.count, 0);
	stop(state);
}

/* Bits of rules that pass packets are there before the rules and go after them. */
static void watch_no_nat(const struct datapath *dp)
{
	for (uint32_t i = 0; i < dp->settings.rule_count; i++) {
		assert_true(dp->rules[dp->order[i]].kind != NATGW_RULE_NO_NAT ||
			    dp->settings.features & NATGW_FEATURE_NO_NAT);
	}
	assert_true(!(dp->gateways[1].flags & NATGW_GATEWAY_UNMATCHED_PASS) ||
		    dp->settings.features & NATGW_FEATURE_NO_NAT);
}

static void test_no_nat(void **unused)
{
	struct natgwd_state *state = start();

	(void)unused;
	apply(state, "");
	state->dp->watch = watch_no_nat;
	apply(state, "rules:\n  - {no_nat: {to: 198.51.100.0/24}}\n");
	assert_int_equal(state->dp->settings.features, NATGW_FEATURE_NO_NAT);
	apply(state, "");
	assert_int_equal(state->dp->settings.features, 0);
	apply_gateways(state, GATEWAY_A ", default_snat: off, unmatched: pass}\n", "");
	assert_int_equal(state->dp->settings.features, NATGW_FEATURE_NO_NAT);
	apply(state, "");
	assert_int_equal(state->dp->settings.features, 0);
	/* Dropping what no rule matches is no passing. */
	apply_gateways(state, GATEWAY_A ", default_snat: off}\n", "");
	assert_int_equal(state->dp->settings.features, 0);
	stop(state);
}

/* ---- the access list ---- */

/* One address in each part into which these lists divide the addresses. */
static const char *const probes[] = { "10.1.1.1",   "10.1.2.3",	   "10.2.0.1", "10.200.0.1",
				      "192.0.2.77", "192.0.2.200", "8.8.8.8" };
static bool before[COUNT(probes)];
static bool after[COUNT(probes)];

static bool is_denied(const struct datapath *dp, __be32 addr)
{
	uint32_t longest = 0;
	bool denied = false;

	for (size_t i = 0; i < dp->acl.count; i++) {
		const struct natgw_acl_key *key = &dp->acl.rows[i].key;
		uint32_t mask = key->prefix_len ? ~0U << (32 - key->prefix_len) : 0;

		if (!((ntohl(addr) ^ ntohl(key->addr)) & mask) && key->prefix_len >= longest) {
			longest = key->prefix_len;
			denied = dp->acl.rows[i].row.deny;
		}
	}
	return denied && dp->settings.features & NATGW_FEATURE_ACL;
}

/* The old list says so, or the new one. */
static void watch_acl(const struct datapath *dp)
{
	for (size_t i = 0; i < COUNT(probes); i++) {
		bool now = is_denied(dp, inet_addr(probes[i]));

		assert_true(now == before[i] || now == after[i]);
	}
}

static bool config_denies(const char *text, const char *probe)
{
	struct natgwd_state *state = start();
	bool denied;

	apply(state, text);
	denied = is_denied(state->dp, inet_addr(probe));
	stop(state);
	return denied;
}

static void test_acl(void **unused)
{
	static const char *const lists[] = {
		"",
		"acl: [{deny: 10.0.0.0/8}, {allow: 10.1.0.0/16}, {deny: 10.1.1.0/24}]\n",
		"acl: [{allow: 10.0.0.0/8}, {deny: 10.1.0.0/16}, {allow: 10.1.2.0/24}]\n",
		"acl: [{deny: 0.0.0.0/0}, {allow: 10.0.0.0/9}, {allow: 192.0.2.0/25}]\n",
		"acl: [{deny: 192.0.2.0/24}, {allow: 192.0.2.128/25}]\n",
		"acl: [{deny: 0.0.0.0/0}, {allow: 192.0.2.0/24}, {deny: 192.0.2.128/25}]\n",
		"",
		"acl: [{deny: 8.8.8.8/32}]\n",
	};
	struct natgwd_state *state = start();

	(void)unused;
	for (size_t list = 0; list < COUNT(lists); list++) {
		for (size_t i = 0; i < COUNT(probes); i++) {
			before[i] = after[i];
			after[i] = config_denies(lists[list], probes[i]);
		}
		state->dp->watch = watch_acl;
		apply(state, lists[list]);
		for (size_t i = 0; i < COUNT(probes); i++) {
			assert_int_equal(is_denied(state->dp, inet_addr(probes[i])), after[i]);
		}
	}
	assert_int_equal(state->dp->acl.count, 1);
	stop(state);
}

/* ---- ports of shared EIPs ---- */

static struct hostports_socket sockets[4];

static void use(uint8_t proto, const char *addr, uint16_t port)
{
	sockets[host_ports.count] = (struct hostports_socket){ inet_addr(addr), port, proto };
	host_ports.sockets = sockets;
	host_ports.count++;
}

static struct natgwd_state *start_shared(void)
{
	struct natgwd_state *state = start();

	host_addrs[0] = inet_addr("203.0.113.1");
	use(NATGW_PROTO_TCP, "0.0.0.0", 22);
	use(NATGW_PROTO_UDP, "203.0.113.1", 123);
	use(NATGW_PROTO_TCP, "127.0.0.1", 631);
	apply_gateways(state, SHARED, "port_forwards:\n" FORWARD("port: 443, to: 10.0.1.5"));
	return state;
}

static void refresh(struct natgwd_state *state, unsigned int seconds)
{
	for (unsigned int i = 0; i < seconds; i++)
		assert_int_equal(apply_reserved_refresh(state), 0);
}

static void test_shared(void **unused)
{
	struct natgwd_state *state = start_shared();
	const struct natgw_address *row = row_of(state->dp, inet_addr("203.0.113.1"));

	(void)unused;
	assert_int_equal(row->kind, NATGW_ADDRESS_EIP);
	assert_int_equal(row->on_host, NATGW_ON_HOST_SHARED);
	assert_true(state->dp->settings.features & NATGW_FEATURE_RESERVED);
	assert_true(reserved(state, NATGW_PROTO_TCP, 22));
	assert_true(reserved(state, NATGW_PROTO_UDP, 123));
	assert_false(reserved(state, NATGW_PROTO_TCP, 631));
	assert_true(reserved(state, NATGW_PROTO_TCP, 443));
	assert_true(reserved(state, NATGW_PROTO_TCP, 40000));
	assert_true(reserved(state, NATGW_PROTO_UDP, 40010));
	assert_false(reserved(state, NATGW_PROTO_UDP, 40011));
	assert_false(reserved(state, NATGW_PROTO_ICMP, 40000));
	/* While the host does not have it, it is natgw's alone. */
	host_addrs[0] = 0;
	assert_int_equal(apply_addresses(state, NULL), 0);
	row = row_of(state->dp, inet_addr("203.0.113.1"));
	assert_int_equal(row->on_host, NATGW_ON_HOST_NO);
	host_addrs[0] = inet_addr("203.0.113.1");
	assert_int_equal(apply_addresses(state, NULL), 0);
	assert_int_equal(row->on_host, NATGW_ON_HOST_SHARED);
	/* Shared no more: only the forward's port stays. */
	host_addrs[0] = 0;
	apply(state, "port_forwards:\n" FORWARD("port: 443, to: 10.0.1.5"));
	assert_int_equal(count_reserved(state), 1);
	stop(state);
}

/* An EIP that is taken out while it is shared stays the host's as well as long as it drains. */
static void test_shared_drains(void **unused)
{
	struct natgwd_state *state = start_shared();
	const struct natgw_address *row;

	(void)unused;
	state->dp->ports[row_of(state->dp, inet_addr("203.0.113.1"))->eip] = 1;
	apply_gateways(state, "  - {name: a, private_ip: 172.16.0.1, eips: [203.0.113.2]}\n", "");
	row = row_of(state->dp, inet_addr("203.0.113.1"));
	assert_int_equal(row->draining, 1);
	assert_int_equal(row->on_host, NATGW_ON_HOST_SHARED);
	memset(state->dp->ports, 0, sizeof(state->dp->ports));
	assert_int_equal(apply_release(state), 0);
	row = row_of(state->dp, inet_addr("203.0.113.1"));
	assert_int_equal(row->kind, NATGW_ADDRESS_HOST);
	assert_int_equal(count_reserved(state), 0);
	stop(state);
}

static void test_what_the_host_begins(void **unused)
{
	struct natgwd_state *state = start_shared();

	(void)unused;
	use(NATGW_PROTO_UDP, "0.0.0.0", 5353);
	refresh(state, 1);
	assert_true(reserved(state, NATGW_PROTO_UDP, 5353));
	host_ports.range_first = 30000;
	host_ports.range_last = 30009;
	refresh(state, 1);
	assert_true(reserved(state, NATGW_PROTO_TCP, 30000));
	assert_true(reserved(state, NATGW_PROTO_UDP, 30009));
	stop(state);
}

/* What nobody uses is given back after two looks, and nothing else is. */
static void test_what_the_host_ends(void **unused)
{
	struct natgwd_state *state = start_shared();
	__u32 eip = row_of(state->dp, inet_addr("203.0.113.1"))->eip;
	struct natgw_port_bits seen = { 0 };

	(void)unused;
	/* The program at egress has seen port 700 leave, and identifier 77. */
	seen.word[700 >> 6] = 1ULL << (700 & 63);
	seen.word[77 >> 6] |= 1ULL << (77 & 63);
	assert_int_equal(datapath_reserve_ports(state->dp, eip, NATGW_PROTO_TCP, &seen), 0);
	assert_int_equal(datapath_reserve_ports(state->dp, eip, NATGW_PROTO_ICMP, &seen), 0);
	host_ports.raw_icmp = true;
	use(NATGW_PROTO_TCP, "203.0.113.1", 77);
	refresh(state, 59);
	assert_true(reserved(state, NATGW_PROTO_TCP, 700));
	refresh(state, 1);
	assert_false(reserved(state, NATGW_PROTO_TCP, 700));
	assert_true(reserved(state, NATGW_PROTO_TCP, 77));
	assert_true(reserved(state, NATGW_PROTO_TCP, 22));
	assert_true(reserved(state, NATGW_PROTO_TCP, 443));
	assert_true(reserved(state, NATGW_PROTO_TCP, 40000));
	/* Somebody may be sending echo requests with any identifier, until nobody can. */
	assert_true(reserved(state, NATGW_PROTO_ICMP, 77));
	host_ports.raw_icmp = false;
	refresh(state, 60);
	assert_false(reserved(state, NATGW_PROTO_ICMP, 77));
	/* Seen again in between: the two looks begin anew. */
	assert_int_equal(datapath_reserve_ports(state->dp, eip, NATGW_PROTO_ICMP, &seen), 0);
	refresh(state, 30);
	assert_true(reserved(state, NATGW_PROTO_ICMP, 77));
	sockets[0].port = 2222;
	refresh(state, 90);
	assert_false(reserved(state, NATGW_PROTO_TCP, 22));
	assert_true(reserved(state, NATGW_PROTO_TCP, 2222));
	stop(state);
}

/* Without a shared EIP nothing is looked at. */
static void test_nothing_shared(void **unused)
{
	struct natgwd_state *state = start();

	(void)unused;
	apply(state, "");
	refresh(state, 100);
	assert_null(state->reserved);
	assert_int_equal(count_reserved(state), 0);
	stop(state);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_forwards),
		cmocka_unit_test(test_hairpin_stays),
		cmocka_unit_test(test_forwards_come_and_go_whole),
		cmocka_unit_test(test_no_nat),
		cmocka_unit_test(test_acl),
		cmocka_unit_test(test_shared),
		cmocka_unit_test(test_shared_drains),
		cmocka_unit_test(test_what_the_host_begins),
		cmocka_unit_test(test_what_the_host_ends),
		cmocka_unit_test(test_nothing_shared),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
