/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * A natgwd whose maps are arrays, for the tests of apply. After every single write they look
 * whether a packet would see something wrong at that moment: a rule that is half there or leads to
 * an EIP that is not, a port forward whose port others may get, a gateway whose own table is empty,
 * a host with a public address that leads nowhere.
 */
#ifndef NATGW_TESTS_UNIT_APPLY_MAPS_H
#define NATGW_TESTS_UNIT_APPLY_MAPS_H

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>

#include <arpa/inet.h>
#include <cmocka.h>
#include <errno.h>
#include <netinet/in.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "apply.h"
#include "cleanup.h"
#include "datapath.h"
#include "hostports.h"

#define COUNT(table) (sizeof(table) / sizeof((table)[0]))
#define ROWS_MAX 512

struct address {
	__be32 addr;
	struct natgw_address row;
};

struct subnet {
	struct natgw_subnet_key key;
	struct natgw_subnet row;
};

struct route {
	struct natgw_route_key key;
	struct natgw_route row;
};

struct forward {
	struct natgw_forward_key key;
	struct natgw_forward row;
};

struct acl {
	struct natgw_acl_key key;
	struct natgw_acl row;
};

/* The rows of a hash or trie, in no order. */
#define TABLE(type)                  \
	struct {                     \
		type rows[ROWS_MAX]; \
		size_t count;        \
	}

struct datapath {
	struct natgw_settings settings;
	struct natgw_gateway gateways[NATGW_GATEWAYS_MAX];
	struct natgw_pool_row pool[NATGW_GATEWAYS_MAX * NATGW_POOL_ROWS_PER_GATEWAY];
	struct natgw_rule rules[NATGW_RULES_MAX];
	uint32_t order[NATGW_RULES_MAX];
	uint64_t hits[NATGW_RULES_MAX];
	TABLE(struct address) addresses;
	TABLE(struct subnet) subnets;
	TABLE(struct route) routes;
	TABLE(struct forward) forwards;
	TABLE(struct acl) acl;
	struct natgw_port_bits reserved[NATGW_RESERVED_ROWS];
	struct natgw_iface iface; /* the last one written */
	uint32_t ports[NATGW_EIPS_MAX];
	uint32_t sessions; /* of gateway 1 */
	bool empty;	   /* no gateway has a session */
	uint32_t now;
	uint32_t sessions_max;
	unsigned int rule_writes; /* rows of "rules" and "rule_order" */
	uint16_t stays;		  /* remote port of a rule that must be in force all the time */
	void (*watch)(const struct datapath *dp); /* what a test looks for itself, or NULL */
};

static __be32 host_addrs[4]; /* the addresses of the host; 0: none */
static struct hostports host_ports;

/* ---- rows by key ---- */

/* Row of the key, or count. Every row begins with its key. */
static size_t find_row(const void *rows, size_t size, size_t count, const void *key,
		       size_t key_size)
{
	for (size_t i = 0; i < count; i++) {
		if (memcmp((const char *)rows + i * size, key, key_size) == 0) {
			return i;
		}
	}
	return count;
}

#define FIND(table, key) \
	find_row((table)->rows, sizeof((table)->rows[0]), (table)->count, key, sizeof(*(key)))

#define PUT(table, k, v)                                         \
	do {                                                     \
		size_t put_at = FIND(table, k);                  \
                                                                 \
		assert_in_range(put_at, 0, ROWS_MAX - 1);        \
		(table)->count += put_at == (table)->count;      \
		memcpy(&(table)->rows[put_at], k, sizeof(*(k))); \
		(table)->rows[put_at].row = *(v);                \
	} while (0)

#define DELETE(table, k, ret)                                                       \
	do {                                                                        \
		size_t delete_at = FIND(table, k);                                  \
                                                                                    \
		(ret) = delete_at < (table)->count ? 0 : -ENOENT;                   \
		if (!(ret)) {                                                       \
			(table)->rows[delete_at] = (table)->rows[--(table)->count]; \
		}                                                                   \
	} while (0)

static const struct natgw_address *row_of(const struct datapath *dp, __be32 addr)
{
	size_t at = FIND(&dp->addresses, &addr);

	return at < dp->addresses.count ? &dp->addresses.rows[at].row : NULL;
}

static bool is_reserved(const struct datapath *dp, __be32 eip, enum natgw_proto proto,
			uint16_t port)
{
	const struct natgw_address *row = row_of(dp, eip);

	return row &&
	       dp->reserved[natgw_reserved_index(row->eip, proto)].word[port >> 6] >> (port & 63) &
		       1;
}

/* ---- what a packet would see now ---- */

static void look_at_rule(const struct datapath *dp, const struct natgw_rule *rule)
{
	assert_int_equal(rule->used, 1);
	for (uint32_t i = 0; i < rule->pool_count; i++) {
		const struct natgw_pool_row *eip =
			&dp->pool[rule->gateway * NATGW_POOL_ROWS_PER_GATEWAY + rule->pool_first +
				  i];
		const struct natgw_address *row = row_of(dp, eip->addr);

		assert_true(rule->pool_first >= dp->gateways[rule->gateway].eip_count);
		assert_non_null(row);
		assert_int_equal(row->kind, NATGW_ADDRESS_EIP);
		assert_int_equal(row->eip, eip->eip);
		assert_int_equal(row->gateway, rule->gateway);
	}
}

static void look_at_rules(const struct datapath *dp)
{
	bool found = false;

	for (uint32_t i = 0; i < dp->settings.rule_count; i++) {
		const struct natgw_rule *rule = &dp->rules[dp->order[i]];

		assert_in_range(dp->order[i], 1, NATGW_RULES_MAX - 1);
		look_at_rule(dp, rule);
		found = found || rule->port_first == dp->stays;
	}
	assert_true(found || !dp->stays);
}

static void look_at_gateways(const struct datapath *dp)
{
	for (uint32_t i = 1; i < NATGW_GATEWAYS_MAX; i++) {
		size_t routes = 0;

		for (size_t j = 0; j < dp->routes.count; j++)
			routes += dp->routes.rows[j].key.table == dp->gateways[i].table;
		assert_true(routes > 0 || !dp->gateways[i].table);
	}
}

static void look_at_forwards(const struct datapath *dp)
{
	for (size_t i = 0; i < dp->forwards.count; i++) {
		const struct natgw_forward_key *key = &dp->forwards.rows[i].key;
		const struct natgw_address *row = row_of(dp, key->ext_addr);

		assert_non_null(row);
		assert_true(
			!(dp->settings.features & NATGW_FEATURE_FORWARDS) ||
			is_reserved(dp, key->ext_addr,
				    key->proto == IPPROTO_TCP ? NATGW_PROTO_TCP : NATGW_PROTO_UDP,
				    ntohs(key->ext_port)));
	}
}

static void look_at_addresses(const struct datapath *dp)
{
	for (size_t i = 0; i < dp->addresses.count; i++) {
		const struct address *address = &dp->addresses.rows[i];
		const struct natgw_address *peer = row_of(dp, address->row.peer);

		if (address->row.kind == NATGW_ADDRESS_MAPPED) {
			assert_non_null(peer);
			assert_int_equal(peer->kind, NATGW_ADDRESS_ONE_TO_ONE);
			assert_int_equal(peer->peer, address->addr);
		} else if (address->row.kind == NATGW_ADDRESS_EIP && address->row.peer) {
			assert_non_null(peer);
			assert_int_equal(peer->kind, NATGW_ADDRESS_STAGED);
			assert_int_equal(peer->peer, address->addr);
		}
	}
}

static void look(const struct datapath *dp)
{
	look_at_rules(dp);
	look_at_gateways(dp);
	look_at_forwards(dp);
	look_at_addresses(dp);
	if (dp->watch) {
		dp->watch(dp);
	}
}

/* ---- the maps ---- */

int datapath_set_settings(struct datapath *dp, const struct natgw_settings *settings)
{
	dp->settings = *settings;
	look(dp);
	return 0;
}

int datapath_get_settings(struct datapath *dp, struct natgw_settings *ret_settings)
{
	*ret_settings = dp->settings;
	return 0;
}

int datapath_set_rule(struct datapath *dp, uint32_t number, const struct natgw_rule *rule)
{
	assert_in_range(number, 1, NATGW_RULES_MAX - 1);
	for (uint32_t i = 0; i < dp->settings.rule_count; i++) {
		assert_int_not_equal(dp->order[i], number);
	}
	dp->rules[number] = *rule;
	dp->rule_writes++;
	return 0;
}

int datapath_get_rule(struct datapath *dp, uint32_t number, struct natgw_rule *ret_rule)
{
	assert_in_range(number, 1, NATGW_RULES_MAX - 1);
	*ret_rule = dp->rules[number];
	return 0;
}

/* All at once, as a packet sees it. */
int datapath_set_rules(struct datapath *dp, const struct natgw_settings *settings,
		       const uint32_t *order)
{
	assert_in_range(settings->rule_count, 0, NATGW_RULES_HALF);
	memcpy(dp->order, order, settings->rule_count * sizeof(*order));
	dp->rule_writes += settings->rule_count + 1U;
	return datapath_set_settings(dp, settings);
}

int datapath_get_rule_order(struct datapath *dp, uint32_t position, uint32_t *ret_number)
{
	assert_in_range(position, 0, NATGW_RULES_MAX - 1);
	*ret_number = dp->order[position];
	return 0;
}

int datapath_clear_rule_hits(struct datapath *dp, uint32_t number)
{
	assert_in_range(number, 1, NATGW_RULES_MAX - 1);
	dp->hits[number] = 0;
	return 0;
}

int datapath_set_gateway(struct datapath *dp, uint32_t index, const struct natgw_gateway *gateway)
{
	assert_in_range(index, 1, NATGW_GATEWAYS_MAX - 1);
	dp->gateways[index] = *gateway;
	look(dp);
	return 0;
}

int datapath_get_gateway(struct datapath *dp, uint32_t index, struct natgw_gateway *ret_gateway)
{
	assert_in_range(index, 1, NATGW_GATEWAYS_MAX - 1);
	*ret_gateway = dp->gateways[index];
	return 0;
}

/* What a rule in force leads to never changes under it. */
int datapath_set_pool(struct datapath *dp, uint32_t gateway, uint32_t position,
		      const struct natgw_pool_row *row)
{
	assert_in_range(position, 0, NATGW_POOL_ROWS_PER_GATEWAY - 1);
	for (uint32_t i = 0; i < dp->settings.rule_count; i++) {
		const struct natgw_rule *rule = &dp->rules[dp->order[i]];

		assert_false(rule->gateway == gateway && position >= rule->pool_first &&
			     position - rule->pool_first < rule->pool_count);
	}
	dp->pool[gateway * NATGW_POOL_ROWS_PER_GATEWAY + position] = *row;
	return 0;
}

int datapath_get_pool(struct datapath *dp, uint32_t gateway, uint32_t position,
		      struct natgw_pool_row *ret_row)
{
	assert_in_range(position, 0, NATGW_POOL_ROWS_PER_GATEWAY - 1);
	*ret_row = dp->pool[gateway * NATGW_POOL_ROWS_PER_GATEWAY + position];
	return 0;
}

int datapath_set_address(struct datapath *dp, __be32 addr, const struct natgw_address *address)
{
	PUT(&dp->addresses, &addr, address);
	look(dp);
	return 0;
}

int datapath_del_address(struct datapath *dp, __be32 addr)
{
	int r;

	DELETE(&dp->addresses, &addr, r);
	look(dp);
	return r;
}

int datapath_get_address(struct datapath *dp, __be32 addr, struct natgw_address *ret_address)
{
	const struct natgw_address *row = row_of(dp, addr);

	if (!row) {
		return -ENOENT;
	}
	*ret_address = *row;
	return 0;
}

int datapath_each_address(struct datapath *dp,
			  int (*fn)(__be32 addr, const struct natgw_address *row, void *arg),
			  void *arg)
{
	int r = 0;

	for (size_t i = 0; r == 0 && i < dp->addresses.count; i++) {
		r = fn(dp->addresses.rows[i].addr, &dp->addresses.rows[i].row, arg);
	}
	return r;
}

int datapath_set_subnet(struct datapath *dp, const struct natgw_subnet_key *key,
			const struct natgw_subnet *subnet)
{
	PUT(&dp->subnets, key, subnet);
	return 0;
}

int datapath_del_subnet(struct datapath *dp, const struct natgw_subnet_key *key)
{
	int r;

	DELETE(&dp->subnets, key, r);
	return r;
}

int datapath_each_subnet(struct datapath *dp,
			 int (*fn)(const struct natgw_subnet_key *key,
				   const struct natgw_subnet *row, void *arg),
			 void *arg)
{
	int r = 0;

	for (size_t i = 0; r == 0 && i < dp->subnets.count; i++) {
		r = fn(&dp->subnets.rows[i].key, &dp->subnets.rows[i].row, arg);
	}
	return r;
}

int datapath_set_route(struct datapath *dp, const struct natgw_route_key *key,
		       const struct natgw_route *route)
{
	PUT(&dp->routes, key, route);
	look(dp);
	return 0;
}

int datapath_del_route(struct datapath *dp, const struct natgw_route_key *key)
{
	int r;

	DELETE(&dp->routes, key, r);
	look(dp);
	return r;
}

int datapath_each_route(struct datapath *dp,
			int (*fn)(const struct natgw_route_key *key, const struct natgw_route *row,
				  void *arg),
			void *arg)
{
	int r = 0;

	for (size_t i = 0; r == 0 && i < dp->routes.count; i++) {
		r = fn(&dp->routes.rows[i].key, &dp->routes.rows[i].row, arg);
	}
	return r;
}

int datapath_set_forward(struct datapath *dp, const struct natgw_forward_key *key,
			 const struct natgw_forward *forward)
{
	PUT(&dp->forwards, key, forward);
	look(dp);
	return 0;
}

int datapath_del_forward(struct datapath *dp, const struct natgw_forward_key *key)
{
	int r;

	DELETE(&dp->forwards, key, r);
	look(dp);
	return r;
}

int datapath_each_forward(struct datapath *dp,
			  int (*fn)(const struct natgw_forward_key *key,
				    const struct natgw_forward *row, void *arg),
			  void *arg)
{
	int r = 0;

	for (size_t i = 0; r == 0 && i < dp->forwards.count; i++) {
		r = fn(&dp->forwards.rows[i].key, &dp->forwards.rows[i].row, arg);
	}
	return r;
}

int datapath_set_acl(struct datapath *dp, const struct natgw_acl_key *key,
		     const struct natgw_acl *row)
{
	PUT(&dp->acl, key, row);
	look(dp);
	return 0;
}

int datapath_del_acl(struct datapath *dp, const struct natgw_acl_key *key)
{
	int r;

	DELETE(&dp->acl, key, r);
	look(dp);
	return r;
}

int datapath_each_acl(struct datapath *dp,
		      int (*fn)(const struct natgw_acl_key *key, const struct natgw_acl *row,
				void *arg),
		      void *arg)
{
	int r = 0;

	for (size_t i = 0; r == 0 && i < dp->acl.count; i++) {
		r = fn(&dp->acl.rows[i].key, &dp->acl.rows[i].row, arg);
	}
	return r;
}

int datapath_reserve_ports(struct datapath *dp, uint32_t eip, enum natgw_proto proto,
			   const struct natgw_port_bits *ports)
{
	struct natgw_port_bits *row = &dp->reserved[natgw_reserved_index(eip, proto)];

	for (size_t i = 0; i < COUNT(row->word); i++)
		row->word[i] |= ports->word[i];
	return 0;
}

int datapath_unreserve_ports(struct datapath *dp, uint32_t eip, enum natgw_proto proto,
			     const struct natgw_port_bits *ports)
{
	struct natgw_port_bits *row = &dp->reserved[natgw_reserved_index(eip, proto)];

	for (size_t i = 0; i < COUNT(row->word); i++)
		row->word[i] &= ~ports->word[i];
	look(dp);
	return 0;
}

int datapath_get_reserved(struct datapath *dp, uint32_t eip, enum natgw_proto proto,
			  struct natgw_port_bits *ret_ports)
{
	*ret_ports = dp->reserved[natgw_reserved_index(eip, proto)];
	return 0;
}

int datapath_now(struct datapath *dp, uint32_t *ret_ticks)
{
	*ret_ticks = dp->now;
	return 0;
}

int datapath_get_layout(struct datapath *dp, struct natgw_layout *ret_layout)
{
	*ret_layout = (struct natgw_layout){ NATGW_LAYOUT_VERSION, dp->sessions_max, 0 };
	return 0;
}

int datapath_ports_in_use(struct datapath *dp, uint32_t eip, enum natgw_proto proto,
			  uint32_t *ret_count)
{
	*ret_count = proto == NATGW_PROTO_UDP ? dp->ports[eip] : 0;
	return 0;
}

int datapath_sweep(struct datapath *dp, struct natgw_sweep *ret_sweep)
{
	(void)dp;
	*ret_sweep = (struct natgw_sweep){ 0 };
	return 0;
}

int datapath_read_active(struct datapath *dp, uint32_t gateway, struct natgw_active *ret_active)
{
	(void)gateway;
	*ret_active = (struct natgw_active){ .held[NATGW_PROTO_TCP] = !dp->empty };
	return 0;
}

int datapath_read_gateway_use(struct datapath *dp, uint32_t gateway,
			      struct natgw_gateway_use *ret_use)
{
	*ret_use = (struct natgw_gateway_use){ .sessions = gateway == 1 ? dp->sessions : 0 };
	return 0;
}

void datapath_settle(void)
{
}

int datapath_set_iface(struct datapath *dp, uint32_t ifindex, const struct natgw_iface *iface)
{
	(void)ifindex;
	dp->iface = *iface;
	return 0;
}

int datapath_del_iface(struct datapath *dp, uint32_t ifindex)
{
	(void)dp;
	(void)ifindex;
	return 0;
}

int datapath_set_device(struct datapath *dp, uint32_t ifindex)
{
	(void)dp;
	(void)ifindex;
	return 0;
}

int datapath_del_device(struct datapath *dp, uint32_t ifindex)
{
	(void)dp;
	(void)ifindex;
	return 0;
}

int datapath_each_iface(struct datapath *dp,
			int (*fn)(uint32_t ifindex, const struct natgw_iface *row, void *arg),
			void *arg)
{
	(void)dp;
	(void)fn;
	(void)arg;
	return 0;
}

/* ---- the host ---- */

const struct netdev_addr *netdev_addrs(const struct netdev *netdev, size_t *ret_count)
{
	static struct netdev_addr addrs[COUNT(host_addrs)];

	(void)netdev;
	*ret_count = 0;
	for (size_t i = 0; i < COUNT(host_addrs); i++) {
		if (host_addrs[i]) {
			addrs[*ret_count].ifindex = 1;
			addrs[(*ret_count)++].addr = host_addrs[i];
		}
	}
	return addrs;
}

bool netdev_holds(const struct netdev *netdev, __be32 addr, uint32_t *ret_ifindex)
{
	(void)netdev;
	if (ret_ifindex) {
		*ret_ifindex = 1;
	}
	for (size_t i = 0; i < COUNT(host_addrs); i++) {
		if (addr && host_addrs[i] == addr) {
			return true;
		}
	}
	return false;
}

int hostports_read(enum hostports_depth depth, struct hostports *ret_ports)
{
	(void)depth;
	*ret_ports = host_ports;
	return 0;
}

void hostports_free(struct hostports *ports)
{
	*ports = (struct hostports){ .sockets = NULL };
}

/* ---- a natgwd with these maps ---- */

static struct natgwd_state *start(void)
{
	struct natgwd_state *state = calloc(1, sizeof(*state));

	assert_non_null(state);
	state->dp = calloc(1, sizeof(*state->dp));
	assert_non_null(state->dp);
	state->dp->sessions_max = 80000;
	memset(host_addrs, 0, sizeof(host_addrs));
	host_ports = (struct hostports){ .range_first = 40000, .range_last = 40010 };
	return state;
}

static void stop(struct natgwd_state *state)
{
	apply_reserved_forget(state->reserved);
	config_free(state->config);
	free(state->dp);
	free(state);
}

static struct config *parse(const char *text)
{
	_cleanup_fclose_ FILE *stream = fmemopen((void *)(uintptr_t)text, strlen(text), "r");
	struct config_error error = { "" };
	struct config *config = NULL;

	assert_non_null(stream);
	if (config_parse(stream, "test.yaml", &config, &error)) {
		fail_msg("%s", error.text);
	}
	return config;
}

/* 0, or what apply_config says; then the config before stays. */
static int try_text(struct natgwd_state *state, const char *text)
{
	struct config *config = parse(text);
	int err = apply_config(state, config, NULL, true);

	if (err) {
		config_free(config);
		return err;
	}
	config_free(state->config);
	state->config = config;
	return 0;
}

#endif
