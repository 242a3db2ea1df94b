// SPDX-License-Identifier: GPL-2.0-only
/*
 * XDP programs at interfaces. A pinned link is named "xdp_" and the interface; a program that
 * libxdp has put into its dispatcher is pinned as "shared_" and the interface, so that it is known
 * again. Not responsible for choosing the mode (attach).
 */
#include "xdplink.h"

#include <bpf/bpf.h>
#include <bpf/libbpf.h>
#include <errno.h>
#include <linux/if_link.h>
#include <string.h>
#include <unistd.h>
#include <xdp/libxdp.h>

#include "cleanup.h"
#include "pindir.h"

static int open_link(const char *pin_path, const char *name, struct bpf_link_info *ret_info)
{
	char pin[PINDIR_PATH_MAX];
	_cleanup_close_ int fd = -1;
	__u32 length = sizeof(*ret_info);

	pindir_join(pin, pin_path, "xdp_", name);
	fd = bpf_obj_get(pin);
	if (fd < 0) {
		return -errno;
	}
	memset(ret_info, 0, sizeof(*ret_info));
	if (bpf_obj_get_info_by_fd(fd, ret_info, &length) < 0) {
		return -errno;
	}
	return TAKE_FD(fd);
}

int xdplink_query(const char *pin_path, const char *name, uint32_t ifindex,
		  struct xdplink_status *ret_status)
{
	LIBBPF_OPTS(bpf_xdp_query_opts, query);
	struct bpf_link_info info;
	_cleanup_close_ int fd = open_link(pin_path, name, &info);
	int err = bpf_xdp_query((int)ifindex, 0, &query);

	if (err) {
		return err;
	}
	memset(ret_status, 0, sizeof(*ret_status));
	ret_status->attached = query.attach_mode != XDP_ATTACHED_NONE;
	ret_status->generic = query.attach_mode == XDP_ATTACHED_SKB;
	ret_status->program_id = query.prog_id;
	/* The link of an interface that is gone says ifindex 0. */
	ret_status->ours = fd >= 0 && info.xdp.ifindex == ifindex;
	return 0;
}

bool xdplink_exists(const char *pin_path, const char *name, uint32_t ifindex)
{
	char pin[PINDIR_PATH_MAX];
	struct bpf_link_info info;
	_cleanup_close_ int fd = open_link(pin_path, name, &info);

	pindir_join(pin, pin_path, "shared_", name);
	return (fd >= 0 && info.xdp.ifindex == ifindex) || access(pin, F_OK) == 0;
}

static int update_link(const char *pin_path, const char *name, uint32_t ifindex, int program_fd)
{
	struct bpf_link_info info;
	_cleanup_close_ int fd = open_link(pin_path, name, &info);

	if (fd < 0) {
		return fd;
	}
	if (info.xdp.ifindex != ifindex) {
		return -ENOLINK;
	}
	return bpf_link_update(fd, program_fd, NULL) < 0 ? -errno : 0;
}

static int create_link(const char *pin_path, const char *name, uint32_t ifindex, __u32 flags,
		       int program_fd)
{
	LIBBPF_OPTS(bpf_link_create_opts, options, .flags = flags);
	char pin[PINDIR_PATH_MAX];
	_cleanup_close_ int fd = bpf_link_create(program_fd, (int)ifindex, BPF_XDP, &options);

	if (fd < 0) {
		return -errno;
	}
	pindir_join(pin, pin_path, "xdp_", name);
	return bpf_obj_pin(fd, pin) < 0 ? -errno : 0;
}

int xdplink_set(const char *pin_path, const char *name, uint32_t ifindex, enum xdplink_mode mode,
		int program_fd)
{
	struct xdplink_status status = { 0 };
	int err = xdplink_query(pin_path, name, ifindex, &status);

	if (err) {
		return err;
	}
	if (status.ours && status.generic == (mode == XDPLINK_GENERIC) &&
	    update_link(pin_path, name, ifindex, program_fd) == 0) {
		return 0;
	}
	err = xdplink_remove(pin_path, name, ifindex);
	if (err) {
		return err;
	}
	return create_link(pin_path, name, ifindex,
			   mode == XDPLINK_GENERIC ? XDP_FLAGS_SKB_MODE : XDP_FLAGS_DRV_MODE,
			   program_fd);
}

/* Out of the dispatcher. Does nothing when it is not in there any more. */
static void unshare(const char *pin, uint32_t ifindex)
{
	struct xdp_program *program = xdp_program__from_pin(pin);
	enum xdp_attach_mode mode;

	if (libxdp_get_error(program)) {
		return;
	}
	mode = ifindex ? xdp_program__is_attached(program, (int)ifindex) : XDP_MODE_UNSPEC;
	if (mode != XDP_MODE_UNSPEC) {
		(void)xdp_program__detach(program, (int)ifindex, mode, 0);
	}
	xdp_program__close(program);
}

int xdplink_remove(const char *pin_path, const char *name, uint32_t ifindex)
{
	char pin[PINDIR_PATH_MAX];
	struct bpf_link_info info;
	_cleanup_close_ int fd = open_link(pin_path, name, &info);

	if (fd >= 0) {
		/* Other holders of the link would keep it attached. */
		(void)bpf_link_detach(fd);
		pindir_join(pin, pin_path, "xdp_", name);
		if (unlink(pin) < 0 && errno != ENOENT) {
			return -errno;
		}
	}
	pindir_join(pin, pin_path, "shared_", name);
	if (access(pin, F_OK) == 0) {
		unshare(pin, ifindex);
		if (unlink(pin) < 0 && errno != ENOENT) {
			return -errno;
		}
	}
	return 0;
}

static bool attached_alone(uint32_t ifindex)
{
	struct xdp_multiprog *programs = xdp_multiprog__get_from_ifindex((int)ifindex);
	bool alone;

	if (libxdp_get_error(programs)) {
		return true;
	}
	alone = xdp_multiprog__is_legacy(programs);
	xdp_multiprog__close(programs);
	return alone;
}

static int share_program(const char *pin, uint32_t ifindex, struct xdp_program *program)
{
	int err = xdp_program__attach(program, (int)ifindex, XDP_MODE_NATIVE, 0);

	if (err) {
		return err;
	}
	if (attached_alone(ifindex)) {
		err = -EOPNOTSUPP;
	} else if (bpf_obj_pin(xdp_program__fd(program), pin) < 0) {
		err = -errno;
	}
	if (err) {
		(void)xdp_program__detach(program, (int)ifindex, XDP_MODE_NATIVE, 0);
	}
	return err;
}

int xdplink_share(const char *pin_path, const char *name, uint32_t ifindex,
		  const struct loader *loader, enum loader_program which)
{
	DECLARE_LIBXDP_OPTS(xdp_program_opts, options, .prog_name = loader_program_name(which));
	char pin[PINDIR_PATH_MAX];
	struct loader_copy *copy = NULL;
	struct xdp_program *program;
	libbpf_print_fn_t print;
	int err = xdplink_remove(pin_path, name, ifindex);

	if (!err) {
		err = loader_copy_program(loader, which, &copy, &options.obj);
	}
	if (err) {
		return err;
	}
	pindir_join(pin, pin_path, "shared_", name);
	/* libxdp finds out by failing what the kernel can do; the result says it all. */
	print = libbpf_set_print(NULL);
	program = xdp_program__create(&options);
	err = (int)libxdp_get_error(program);
	if (!err) {
		err = share_program(pin, ifindex, program);
		xdp_program__close(program);
	}
	libbpf_set_print(print);
	loader_free_copy(copy);
	return err;
}
