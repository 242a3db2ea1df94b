// SPDX-License-Identifier: GPL-2.0-only
/* The pinned maps that the audit reads. */
#include "audit.h"

#include <bpf/bpf.h>
#include <errno.h>
#include <limits.h>
#include <stdio.h>
#include <unistd.h>

#include "natgw_maps.h"
#include "natgw_table.h"

struct spec {
	const char *name;
	uint32_t key_size;
	uint32_t value_size;
};

static const struct spec specs[AUDIT_MAP_COUNT] = {
	[AUDIT_MAP_LAYOUT] = { "layout", 4, sizeof(struct natgw_layout) },
	[AUDIT_MAP_CLOCK] = { "clock", 4, sizeof(struct natgw_clock) },
	[AUDIT_MAP_GATEWAYS] = { "gateways", 4, sizeof(struct natgw_gateway) },
	[AUDIT_MAP_RULES] = { "rules", 4, sizeof(struct natgw_rule) },
	[AUDIT_MAP_ADDRESSES] = { "addresses", 4, sizeof(struct natgw_address) },
	[AUDIT_MAP_SUBNETS] = { "subnets", sizeof(struct natgw_subnet_key),
				sizeof(struct natgw_subnet) },
	[AUDIT_MAP_OUTBOUND] = { "outbound", 4, sizeof(struct natgw_slot) },
	[AUDIT_MAP_INBOUND] = { "inbound", 4, sizeof(struct natgw_slot) },
	[AUDIT_MAP_CLIENTS] = { "clients", sizeof(struct natgw_client_key),
				sizeof(struct natgw_client) },
	[AUDIT_MAP_CLIENT_PORTS] = { "client_ports", sizeof(struct natgw_client_port_key), 4 },
	[AUDIT_MAP_GATEWAY_USE] = { "gateway_use", 4, sizeof(struct natgw_gateway_use) },
	[AUDIT_MAP_DESTINATIONS] = { "destinations", sizeof(struct natgw_destination_key),
				     sizeof(struct natgw_destination) },
	[AUDIT_MAP_PORT_USE] = { "port_use", 4, sizeof(struct natgw_port_bits) },
	[AUDIT_MAP_RESERVED_PORTS] = { "reserved_ports", 4, sizeof(struct natgw_port_bits) },
	[AUDIT_MAP_PHASE] = { "phase", 4, 4 },
	[AUDIT_MAP_TRAFFIC] = { "traffic", 4, sizeof(struct natgw_traffic) },
	[AUDIT_MAP_SEEN] = { "seen", 4, sizeof(struct natgw_count) },
	[AUDIT_MAP_VERDICTS] = { "verdicts", 4, sizeof(struct natgw_count) },
};

const char *audit_map_name(enum audit_map map)
{
	return specs[map].name;
}

static int open_map(const char *pins, const struct spec *spec, int *ret_fd)
{
	struct bpf_map_info info = { 0 };
	__u32 length = sizeof(info);
	char path[PATH_MAX];
	int n = snprintf(path, sizeof(path), "%s/%s", pins, spec->name);

	if (n < 0 || (size_t)n >= sizeof(path)) {
		return -ENAMETOOLONG;
	}
	int fd = bpf_obj_get(path);

	if (fd < 0) {
		return fd;
	}
	*ret_fd = fd;
	int err = bpf_obj_get_info_by_fd(fd, &info, &length);

	if (!err && (info.key_size != spec->key_size || info.value_size != spec->value_size)) {
		err = -EPROTO;
	}
	return err;
}

static int check_layout(const struct audit_maps *maps)
{
	struct natgw_layout layout = { 0 };
	uint32_t zero = 0;
	int err = bpf_map_lookup_elem(maps->fd[AUDIT_MAP_LAYOUT], &zero, &layout);

	return err || layout.version == NATGW_LAYOUT_VERSION ? err : -EPROTO;
}

int audit_open(const char *pins, struct audit_maps *ret_maps, const char **ret_name)
{
	int err = 0;

	for (int map = 0; map < AUDIT_MAP_COUNT; map++) {
		ret_maps->fd[map] = -1;
	}
	/* "layout" is the first: a map of another version is not looked at. */
	for (int map = 0; !err && map < AUDIT_MAP_COUNT; map++) {
		*ret_name = specs[map].name;
		err = open_map(pins, &specs[map], &ret_maps->fd[map]);
		if (!err && map == AUDIT_MAP_LAYOUT) {
			err = check_layout(ret_maps);
		}
	}
	return err;
}

void audit_close(struct audit_maps *maps)
{
	for (int map = 0; map < AUDIT_MAP_COUNT; map++) {
		if (maps->fd[map] >= 0) {
			close(maps->fd[map]);
		}
	}
}
