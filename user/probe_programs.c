// SPDX-License-Identifier: GPL-2.0-only
/*
 * Are the programs at the interfaces natgwd's own? By their ids, which those that natgwd has pinned
 * tell: who may not look programs up by id can still ask for the id of one that is open.
 */
#include <bpf/bpf.h>
#include <errno.h>
#include <stdio.h>
#include <string.h>

#include "cleanup.h"
#include "loader.h"
#include "pindir.h"
#include "probe.h"
#include "tcfilter.h"
#include "xdplink.h"

static int own_id(const struct natgwd_state *state, enum loader_program program, uint32_t *ret_id)
{
	struct bpf_prog_info info = { 0 };
	char path[PINDIR_PATH_MAX];
	__u32 size = sizeof(info);

	pindir_join(path, state->config->pin_path, "", loader_program_name(program));

	_cleanup_close_ int fd = bpf_obj_get(path);

	if (fd < 0 || bpf_obj_get_info_by_fd(fd, &info, &size) < 0) {
		return -errno;
	}
	*ret_id = info.id;
	return 0;
}

static int wrong(const struct iface_state *iface, const char *where, bool missing, char *ret_what,
		 size_t size)
{
	(void)snprintf(ret_what, size, "%s at %s %s", iface->name, where,
		       missing ? "has not natgw's program"
			       : "has a program that is not natgwd's own");
	return -ENOLINK;
}

static int look_at_filter(const struct natgwd_state *state, const struct iface_state *iface,
			  enum tcfilter_place place, char *ret_what, size_t size)
{
	static const char *const places[] = {
		[TCFILTER_INGRESS] = "tc ingress",
		[TCFILTER_EGRESS] = "tc egress",
		[TCFILTER_GUARD] = "tc egress (the guard)",
	};
	static const enum loader_program external[] = {
		[TCFILTER_INGRESS] = LOADER_TC_EXT,
		[TCFILTER_EGRESS] = LOADER_TC_EGR,
		[TCFILTER_GUARD] = LOADER_TC_GUARD,
	};
	const bool is_external = iface->flags & NATGW_IFACE_EXTERNAL;
	uint32_t wanted = 0;
	uint32_t found = 0;
	int err = own_id(state, is_external ? external[place] : LOADER_TC_INT, &wanted);

	if (err) {
		return err;
	}
	err = tcfilter_program(iface->ifindex, place, &found);
	if (err || found != wanted) {
		return wrong(iface, places[place], err != 0, ret_what, size);
	}
	return 0;
}

static int look_at_xdp(const struct natgwd_state *state, const struct iface_state *iface,
		       char *ret_what, size_t size)
{
	struct xdplink_status status = { 0 };
	uint32_t wanted = 0;
	int err;

	if (iface->attach == IFACE_ATTACH_TC) {
		return 0;
	}
	if (iface->attach == IFACE_ATTACH_XDP_SHARED) {
		return xdplink_exists(state->config->pin_path, iface->name, iface->ifindex)
			       ? 0
			       : wrong(iface, "XDP", true, ret_what, size);
	}
	err = own_id(state,
		     iface->flags & NATGW_IFACE_EXTERNAL ? LOADER_XDP_EXTERNAL
							 : LOADER_XDP_INTERNAL,
		     &wanted);
	if (!err) {
		err = xdplink_query(state->config->pin_path, iface->name, iface->ifindex, &status);
	}
	if (err) {
		return err;
	}
	if (!status.ours || status.program_id != wanted) {
		return wrong(iface, "XDP", !status.attached, ret_what, size);
	}
	return 0;
}

static int look_at_iface(const struct natgwd_state *state, const struct iface_state *iface,
			 char *ret_what, size_t size)
{
	int err;

	if (iface->attach == IFACE_ATTACH_NONE) {
		(void)snprintf(ret_what, size, "%s is not attached%s%.100s", iface->name,
			       iface->attach_reason[0] ? ": " : "", iface->attach_reason);
		return -ENOLINK;
	}
	err = look_at_filter(state, iface, TCFILTER_INGRESS, ret_what, size);
	if (!err && iface->flags & NATGW_IFACE_EXTERNAL) {
		err = look_at_filter(state, iface, TCFILTER_EGRESS, ret_what, size);
	}
	if (!err && iface->flags & NATGW_IFACE_EXTERNAL) {
		err = look_at_filter(state, iface, TCFILTER_GUARD, ret_what, size);
	}
	return err ? err : look_at_xdp(state, iface, ret_what, size);
}

int probe_programs(const struct natgwd_state *state, char *ret_what, size_t size)
{
	int err = 0;

	for (unsigned int i = 0; !err && i < state->iface_count; i++) {
		if (state->ifaces[i].ifindex) {
			err = look_at_iface(state, &state->ifaces[i], ret_what, size);
		}
	}
	return err;
}
