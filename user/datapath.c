// SPDX-License-Identifier: GPL-2.0-only
/*
 * Opens the pinned maps and writes to them. Not responsible for creating, sizing or pinning them
 * (the loader's work), nor for what the rows should say. Reading all rows of a table is in
 * datapath_rows.c, sessions and counters in datapath_read.c, forwards, access list and reserved
 * ports in datapath_policy.c, the sweep in datapath_sweep.c. Every descriptor is opened once and
 * kept, so pins may be used after privileges went.
 */
#include "datapath.h"

#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <linux/membarrier.h>
#include <stddef.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/syscall.h>
#include <unistd.h>

#include <bpf/bpf.h>
#include <bpf/libbpf.h>

#include "cleanup.h"
#include "datapath_internal.h"

/* How long natgwd counts as there after it has last said so. */
#define FOLLOWED_SECONDS 3

struct map_spec {
	const char *name;
	uint32_t key_size;
	uint32_t value_size;
	bool per_cpu;
};

static const struct map_spec map_specs[DATAPATH_MAP_COUNT] = {
	[DATAPATH_LAYOUT] = { "layout", 4, sizeof(struct natgw_layout), false },
	[DATAPATH_SETTINGS] = { "settings", 4, sizeof(struct natgw_settings), false },
	[DATAPATH_CLOCK] = { "clock", 4, sizeof(struct natgw_clock), false },
	[DATAPATH_GENERATION] = { "generation", 4, sizeof(struct natgw_generation), false },
	[DATAPATH_IFACES] = { "ifaces", 4, sizeof(struct natgw_iface), false },
	[DATAPATH_DEVICES] = { "devices", 4, 4, false },
	[DATAPATH_SUBNETS] = { "subnets", sizeof(struct natgw_subnet_key),
			       sizeof(struct natgw_subnet), false },
	[DATAPATH_ROUTES] = { "routes", sizeof(struct natgw_route_key), sizeof(struct natgw_route),
			      false },
	[DATAPATH_GATEWAYS] = { "gateways", 4, sizeof(struct natgw_gateway), false },
	[DATAPATH_POOL] = { "pool", 4, sizeof(struct natgw_pool_row), false },
	[DATAPATH_ADDRESSES] = { "addresses", 4, sizeof(struct natgw_address), false },
	[DATAPATH_RULES] = { "rules", 4, sizeof(struct natgw_rule), false },
	[DATAPATH_RULE_ORDER] = { "rule_order", 4, sizeof(__u32), false },
	[DATAPATH_RULE_HITS] = { "rule_hits", 4, sizeof(__u64), true },
	[DATAPATH_FORWARDS] = { "forwards", sizeof(struct natgw_forward_key),
				sizeof(struct natgw_forward), false },
	[DATAPATH_ACL] = { "acl", sizeof(struct natgw_acl_key), sizeof(struct natgw_acl), false },
	[DATAPATH_RESERVED_PORTS] = { "reserved_ports", 4, sizeof(struct natgw_port_bits), false },
	[DATAPATH_SEEN] = { "seen", 4, sizeof(struct natgw_count), true },
	[DATAPATH_VERDICTS] = { "verdicts", 4, sizeof(struct natgw_count), true },
	[DATAPATH_TRAFFIC] = { "traffic", 4, sizeof(struct natgw_traffic), true },
	[DATAPATH_GENERATED] = { "generated", 4, sizeof(__u64), true },
	[DATAPATH_ACTIVE] = { "active", 4, sizeof(struct natgw_active), false },
	[DATAPATH_SWEEP_STATS] = { "sweep_stats", 4, sizeof(struct natgw_sweep), false },
	[DATAPATH_PORT_USE] = { "port_use", 4, sizeof(struct natgw_port_bits), false },
	[DATAPATH_DESTINATION_USE] = { "destination_use", 4, sizeof(struct natgw_destination_use),
				       false },
	[DATAPATH_HOLD] = { "hold", 4, sizeof(struct natgw_hold_count), false },
	[DATAPATH_PHASE] = { "phase", 4, sizeof(__u32), false },
	[DATAPATH_CLIENTS] = { "clients", sizeof(struct natgw_client_key),
			       sizeof(struct natgw_client), false },
	[DATAPATH_GATEWAY_USE] = { "gateway_use", 4, sizeof(struct natgw_gateway_use), false },
	[DATAPATH_EVENTS] = { "events", 0, 0, false },
	[DATAPATH_SESSION_LOG] = { "session_log", 0, 0, false },
	[DATAPATH_SAMPLES] = { "samples", 0, 0, false },
	[DATAPATH_CHECK_RESULT] = { "check_result", 4, sizeof(struct natgw_check_result), false },
	[DATAPATH_KILL] = { "kill", 4, sizeof(struct natgw_kill), false },
	[DATAPATH_IMPORT] = { "import", 4, sizeof(struct natgw_import), false },
};

/* Rows that are written and read where they are. */
static const struct {
	enum datapath_map map;
	size_t field; /* of struct datapath: a pointer */
	size_t size;
} mapped[] = {
	{ DATAPATH_GENERATION, offsetof(struct datapath, generation),
	  sizeof(struct natgw_generation) },
	{ DATAPATH_PORT_USE, offsetof(struct datapath, port_use),
	  sizeof(struct natgw_port_bits) * (size_t)NATGW_PORT_USE_ROWS },
	{ DATAPATH_DESTINATION_USE, offsetof(struct datapath, destination_use),
	  sizeof(struct natgw_destination_use) * 2 },
	{ DATAPATH_HOLD, offsetof(struct datapath, hold),
	  sizeof(struct natgw_hold_count) * DATAPATH_EIP_ROWS },
	{ DATAPATH_RESERVED_PORTS, offsetof(struct datapath, reserved),
	  sizeof(struct natgw_port_bits) * (size_t)NATGW_RESERVED_ROWS },
};

#define MAPPED_COUNT (sizeof(mapped) / sizeof(mapped[0]))

/* ---- opening ---- */

static int open_map(const char *pin_path, const struct map_spec *spec, int *ret_fd)
{
	_cleanup_close_ int fd = -1;
	struct bpf_map_info info = {};
	uint32_t info_len = sizeof(info);
	char path[PATH_MAX];
	int r = snprintf(path, sizeof(path), "%s/%s", pin_path, spec->name);

	if (r < 0 || (size_t)r >= sizeof(path)) {
		return -ENAMETOOLONG;
	}
	fd = bpf_obj_get(path);
	if (fd < 0) {
		return fd;
	}
	r = bpf_obj_get_info_by_fd(fd, &info, &info_len);
	if (r < 0) {
		return r;
	}
	if (info.key_size != spec->key_size || info.value_size != spec->value_size ||
	    (info.type == BPF_MAP_TYPE_PERCPU_ARRAY) != spec->per_cpu) {
		return -EPROTO;
	}
	*ret_fd = TAKE_FD(fd);
	return 0;
}

/* Version 0 is a row that nobody has written yet: the maps are fresh. */
static int check_layout(struct datapath *dp)
{
	struct natgw_layout layout;
	int r = datapath_get_layout(dp, &layout);

	if (r < 0) {
		return r;
	}
	return layout.version == 0 || layout.version == NATGW_LAYOUT_VERSION ? 0 : -EPROTO;
}

/* The fields are pointers of different types, which share one form. */
static void *mapped_rows(const struct datapath *dp, size_t i)
{
	void *rows;

	memcpy(&rows, (const char *)dp + mapped[i].field, sizeof(rows));
	return rows;
}

static int map_rows(struct datapath *dp)
{
	for (size_t i = 0; i < MAPPED_COUNT; i++) {
		void *rows = mmap(NULL, mapped[i].size, PROT_READ | PROT_WRITE, MAP_SHARED,
				  dp->fd[mapped[i].map], 0);

		if (rows == MAP_FAILED) {
			return -errno;
		}
		memcpy((char *)dp + mapped[i].field, &rows, sizeof(rows));
	}
	return 0;
}

static void note_eip(struct datapath *dp, const struct natgw_address *address)
{
	if (address->kind == NATGW_ADDRESS_EIP && address->eip < NATGW_EIPS_MAX &&
	    address->eip >= dp->eip_end) {
		dp->eip_end = address->eip + 1;
	}
}

static int note_address(__be32 addr, const struct natgw_address *row, void *arg)
{
	(void)addr;
	note_eip(arg, row);
	return 0;
}

static int open_all(struct datapath *dp, const char *pin_path)
{
	int cpus = libbpf_num_possible_cpus();

	if (cpus < 0) {
		return cpus;
	}
	dp->cpus = (unsigned int)cpus;
	dp->pin_dir = open(pin_path, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	if (dp->pin_dir < 0) {
		return -errno;
	}
	for (int i = 0; i < DATAPATH_MAP_COUNT; i++) {
		int r = open_map(pin_path, &map_specs[i], &dp->fd[i]);

		if (r < 0) {
			return r;
		}
		/* The version comes first: another layout may well lack the other maps. */
		r = i == DATAPATH_LAYOUT ? check_layout(dp) : 0;
		if (r < 0) {
			return r;
		}
	}
	int r = map_rows(dp);

	if (r == 0) {
		r = datapath_operate_open(pin_path, &dp->operate);
	}
	return r < 0 ? r : datapath_each_address(dp, note_address, dp);
}

int datapath_open(const char *pin_path, struct datapath **ret_dp)
{
	struct datapath *dp = calloc(1, sizeof(*dp));

	if (!dp) {
		return -ENOMEM;
	}
	dp->pin_dir = -1;
	for (int i = 0; i < DATAPATH_MAP_COUNT; i++)
		dp->fd[i] = -1;
	int r = open_all(dp, pin_path);

	if (r < 0) {
		datapath_free(dp);
		return r;
	}
	*ret_dp = dp;
	return 0;
}

void datapath_free(struct datapath *dp)
{
	if (!dp) {
		return;
	}
	for (size_t i = 0; i < MAPPED_COUNT; i++) {
		void *rows = mapped_rows(dp, i);

		if (rows) {
			munmap(rows, mapped[i].size);
		}
	}
	datapath_operate_free(dp->operate);
	for (int i = 0; i < DATAPATH_MAP_COUNT; i++)
		cleanup_close(&dp->fd[i]);
	cleanup_close(&dp->pin_dir);
	free(dp);
}

/* ---- rows ---- */

static int set_row(struct datapath *dp, enum datapath_map map, const void *key, const void *value)
{
	dp->changed = true;
	return bpf_map_update_elem(dp->fd[map], key, value, BPF_ANY);
}

static int del_row(struct datapath *dp, enum datapath_map map, const void *key)
{
	dp->changed = true;
	return bpf_map_delete_elem(dp->fd[map], key);
}

int datapath_set_iface(struct datapath *dp, uint32_t ifindex, const struct natgw_iface *iface)
{
	return set_row(dp, DATAPATH_IFACES, &ifindex, iface);
}

int datapath_del_iface(struct datapath *dp, uint32_t ifindex)
{
	return del_row(dp, DATAPATH_IFACES, &ifindex);
}

int datapath_set_device(struct datapath *dp, uint32_t ifindex)
{
	return set_row(dp, DATAPATH_DEVICES, &ifindex, &ifindex);
}

int datapath_del_device(struct datapath *dp, uint32_t ifindex)
{
	return del_row(dp, DATAPATH_DEVICES, &ifindex);
}

int datapath_set_gateway(struct datapath *dp, uint32_t index, const struct natgw_gateway *gateway)
{
	/* Row 0 stands for "no gateway". */
	if (index == 0 || index >= NATGW_GATEWAYS_MAX) {
		return -EINVAL;
	}
	return set_row(dp, DATAPATH_GATEWAYS, &index, gateway);
}

static int pool_index(uint32_t gateway, uint32_t position, uint32_t *ret_index)
{
	if (gateway >= NATGW_GATEWAYS_MAX || position >= NATGW_POOL_ROWS_PER_GATEWAY) {
		return -EINVAL;
	}
	*ret_index = gateway * NATGW_POOL_ROWS_PER_GATEWAY + position;
	return 0;
}

int datapath_set_pool(struct datapath *dp, uint32_t gateway, uint32_t position,
		      const struct natgw_pool_row *row)
{
	uint32_t index;
	int r = pool_index(gateway, position, &index);

	return r < 0 ? r : set_row(dp, DATAPATH_POOL, &index, row);
}

int datapath_set_rule(struct datapath *dp, uint32_t number, const struct natgw_rule *rule)
{
	/* Row 0 stands for "no rule". */
	if (number == 0 || number >= NATGW_RULES_MAX) {
		return -EINVAL;
	}
	return set_row(dp, DATAPATH_RULES, &number, rule);
}

int datapath_set_address(struct datapath *dp, __be32 addr, const struct natgw_address *address)
{
	int r = set_row(dp, DATAPATH_ADDRESSES, &addr, address);

	if (r == 0) {
		note_eip(dp, address);
	}
	return r;
}

int datapath_del_address(struct datapath *dp, __be32 addr)
{
	return del_row(dp, DATAPATH_ADDRESSES, &addr);
}

int datapath_set_subnet(struct datapath *dp, const struct natgw_subnet_key *key,
			const struct natgw_subnet *subnet)
{
	return set_row(dp, DATAPATH_SUBNETS, key, subnet);
}

int datapath_del_subnet(struct datapath *dp, const struct natgw_subnet_key *key)
{
	return del_row(dp, DATAPATH_SUBNETS, key);
}

int datapath_set_route(struct datapath *dp, const struct natgw_route_key *key,
		       const struct natgw_route *route)
{
	return set_row(dp, DATAPATH_ROUTES, key, route);
}

int datapath_del_route(struct datapath *dp, const struct natgw_route_key *key)
{
	return del_row(dp, DATAPATH_ROUTES, key);
}

int datapath_raise_generation(struct datapath *dp)
{
	/* Programs add to it too. */
	dp->changed = false;
	__atomic_fetch_add(&dp->generation->nexthop, 1, __ATOMIC_SEQ_CST);
	return 0;
}

void datapath_commit(struct datapath *dp)
{
	if (dp->changed) {
		datapath_raise_generation(dp);
	}
}

int datapath_follow(struct datapath *dp)
{
	uint32_t now;
	int r = datapath_now(dp, &now);

	if (r == 0) {
		__atomic_store_n(&dp->generation->followed_until,
				 now + FOLLOWED_SECONDS * NATGW_TICKS_PER_SECOND, __ATOMIC_RELAXED);
	}
	return r;
}

void datapath_settle(void)
{
	/* The kernel waits for an RCU grace period here; where it refuses, a program takes less. */
	if (syscall(SYS_membarrier, MEMBARRIER_CMD_GLOBAL, 0, 0) < 0) {
		usleep(10000);
	}
}

int datapath_get_layout(struct datapath *dp, struct natgw_layout *ret_layout)
{
	uint32_t zero = 0;

	return bpf_map_lookup_elem(dp->fd[DATAPATH_LAYOUT], &zero, ret_layout);
}

int datapath_get_rule(struct datapath *dp, uint32_t number, struct natgw_rule *ret_rule)
{
	return bpf_map_lookup_elem(dp->fd[DATAPATH_RULES], &number, ret_rule);
}

int datapath_get_gateway(struct datapath *dp, uint32_t index, struct natgw_gateway *ret_gateway)
{
	return bpf_map_lookup_elem(dp->fd[DATAPATH_GATEWAYS], &index, ret_gateway);
}

int datapath_get_pool(struct datapath *dp, uint32_t gateway, uint32_t position,
		      struct natgw_pool_row *ret_row)
{
	uint32_t index;
	int r = pool_index(gateway, position, &index);

	return r < 0 ? r : bpf_map_lookup_elem(dp->fd[DATAPATH_POOL], &index, ret_row);
}

int datapath_get_address(struct datapath *dp, __be32 addr, struct natgw_address *ret_address)
{
	return bpf_map_lookup_elem(dp->fd[DATAPATH_ADDRESSES], &addr, ret_address);
}
