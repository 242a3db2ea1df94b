// SPDX-License-Identifier: GPL-2.0-only
/*
 * Attaching. Responsible for the choice of mode and for the set of programs of every interface. The
 * tc filters go in first: they do the whole job alone, XDP only makes it faster.
 */
#include "attach.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "log.h"
#include "preflight.h"
#include "tcfilter.h"
#include "xdplink.h"

/* What was there before this run. */
struct attach_before {
	char name[IF_NAMESIZE];
	uint32_t ifindex;
	bool link;
	bool filters[TCFILTER_PLACE_COUNT];
};

struct attach {
	const struct loader *loader;
	char pin_path[CONFIG_PATH_MAX];
	enum config_attach wanted;
	bool veth_warned;
	struct attach_before before[NATGW_IFACES_MAX];
	unsigned int before_count;
};

int attach_new(const struct loader *loader, const struct config *config, struct attach **ret_attach)
{
	struct attach *attach = calloc(1, sizeof(*attach));

	if (!attach) {
		return -ENOMEM;
	}
	attach->loader = loader;
	attach->wanted = config->attach;
	snprintf(attach->pin_path, sizeof(attach->pin_path), "%s", config->pin_path);
	*ret_attach = attach;
	return 0;
}

void attach_free(struct attach *attach)
{
	free(attach);
}

static const char *describe(enum iface_attach attach)
{
	static const char *const texts[] = {
		[IFACE_ATTACH_NONE] = "not attached",
		[IFACE_ATTACH_XDP_NATIVE] = "XDP native",
		[IFACE_ATTACH_XDP_GENERIC] = "XDP generic",
		[IFACE_ATTACH_XDP_SHARED] = "XDP shared",
		[IFACE_ATTACH_TC] = "tc only",
	};

	return texts[attach];
}

static const char *describe_roles(uint8_t flags)
{
	if ((flags & NATGW_IFACE_EXTERNAL) && (flags & NATGW_IFACE_INTERNAL)) {
		return "external and internal";
	}
	return flags & NATGW_IFACE_EXTERNAL ? "external" : "internal";
}

static int set_filter(const struct attach *attach, uint32_t ifindex, enum tcfilter_place place,
		      enum loader_program program)
{
	int fd = loader_program_fd(attach->loader, program);

	return fd < 0 ? fd : tcfilter_set(ifindex, place, fd);
}

static int set_filters(const struct attach *attach, const struct iface_state *iface)
{
	uint32_t ifindex = iface->ifindex;
	int err;

	if (!(iface->flags & NATGW_IFACE_EXTERNAL)) {
		err = set_filter(attach, ifindex, TCFILTER_INGRESS, LOADER_TC_INT);
		/* Left there when the interface was an external one before. */
		if (!err) {
			err = tcfilter_remove(ifindex, TCFILTER_EGRESS);
		}
		return err ? err : tcfilter_remove(ifindex, TCFILTER_GUARD);
	}
	/* The guard first: nothing leaves untranslated while the rest is on its way. */
	err = set_filter(attach, ifindex, TCFILTER_GUARD, LOADER_TC_GUARD);
	if (!err) {
		err = set_filter(attach, ifindex, TCFILTER_EGRESS, LOADER_TC_EGR);
	}
	return err ? err : set_filter(attach, ifindex, TCFILTER_INGRESS, LOADER_TC_EXT);
}

static enum loader_program xdp_program(const struct iface_state *iface)
{
	return iface->flags & NATGW_IFACE_EXTERNAL ? LOADER_XDP_EXTERNAL : LOADER_XDP_INTERNAL;
}

static int set_xdp(const struct attach *attach, struct iface_state *iface, enum xdplink_mode mode)
{
	int fd = loader_program_fd(attach->loader, xdp_program(iface));
	int err =
		fd < 0 ? fd : xdplink_set(attach->pin_path, iface->name, iface->ifindex, mode, fd);

	if (!err) {
		iface->attach =
			mode == XDPLINK_NATIVE ? IFACE_ATTACH_XDP_NATIVE : IFACE_ATTACH_XDP_GENERIC;
	}
	return err;
}

/* Ends with tc alone, which always works; reason says why. */
static int use_tc(const struct attach *attach, struct iface_state *iface, const char *reason)
{
	iface->attach = IFACE_ATTACH_TC;
	snprintf(iface->attach_reason, sizeof(iface->attach_reason), "%s", reason);
	return xdplink_remove(attach->pin_path, iface->name, iface->ifindex);
}

/* What to do when native XDP is refused depends on how much the config insists on it. */
static int native_refused(const struct attach *attach, struct iface_state *iface, int err,
			  const struct preflight *preflight)
{
	char advice[PREFLIGHT_TEXT_MAX];
	char reason[sizeof(iface->attach_reason)];

	preflight_advice(preflight, advice);
	snprintf(reason, sizeof(reason), "native XDP refused: %s%s%.100s", strerror(-err),
		 advice[0] ? "; " : "", advice);
	if (attach->wanted == CONFIG_ATTACH_XDP) {
		log_error("%s: %s (attach: auto would use tc)", iface->name, reason);
		return err;
	}
	if (attach->wanted != CONFIG_ATTACH_XDP_GENERIC) {
		return use_tc(attach, iface, reason);
	}
	err = set_xdp(attach, iface, XDPLINK_GENERIC);
	if (err) {
		log_error("%s: generic XDP refused: %s (attach: auto would use tc)", iface->name,
			  strerror(-err));
		return err;
	}
	snprintf(iface->attach_reason, sizeof(iface->attach_reason), "%s", reason);
	return 0;
}

static int attach_native(const struct attach *attach, struct iface_state *iface,
			 const struct preflight *preflight)
{
	int err = set_xdp(attach, iface, XDPLINK_NATIVE);

	return err ? native_refused(attach, iface, err, preflight) : 0;
}

static int attach_shared(const struct attach *attach, struct iface_state *iface,
			 const struct preflight *preflight)
{
	struct xdplink_status status = { 0 };
	char reason[sizeof(iface->attach_reason)];
	int err = xdplink_share(attach->pin_path, iface->name, iface->ifindex, attach->loader,
				xdp_program(iface));

	if (!err) {
		iface->attach = IFACE_ATTACH_XDP_SHARED;
		return 0;
	}
	snprintf(reason, sizeof(reason), "libxdp has no dispatcher here (%s)", strerror(-err));
	err = xdplink_query(attach->pin_path, iface->name, iface->ifindex, &status);
	if (err || status.attached) {
		return use_tc(attach, iface, reason);
	}
	err = attach_native(attach, iface, preflight);
	if (!err && iface->attach == IFACE_ATTACH_XDP_NATIVE) {
		snprintf(iface->attach_reason, sizeof(iface->attach_reason),
			 "%.120s: attached alone", reason);
	}
	return err;
}

/* Another program is at the interface: auto leaves it alone, xdp insists and fails. */
static int foreign_program(const struct attach *attach, struct iface_state *iface, uint32_t id)
{
	char reason[sizeof(iface->attach_reason)];

	snprintf(reason, sizeof(reason), "XDP program %u of somebody else is attached", id);
	if (attach->wanted == CONFIG_ATTACH_AUTO) {
		return use_tc(attach, iface, reason);
	}
	log_error("%s: %s: remove it, or use attach: xdp-shared, or attach: tc", iface->name,
		  reason);
	return -EBUSY;
}

static void warn_veth(struct attach *attach, const char *name)
{
	if (!attach->veth_warned) {
		attach->veth_warned = true;
		log_warning(
			"%s is a veth: XDP needs an XDP program or GRO at its peer, and senders without tx checksum offload (ethtool -K <peer> tx off); packets are lost otherwise",
			name);
	}
}

static int choose(struct attach *attach, struct iface_state *iface,
		  const struct preflight *preflight)
{
	struct xdplink_status status = { 0 };
	int err;

	if (attach->wanted == CONFIG_ATTACH_TC) {
		return use_tc(attach, iface, "attach: tc");
	}
	if (attach->wanted == CONFIG_ATTACH_AUTO && preflight->veth) {
		return use_tc(attach, iface, "veth: partial checksums; attach: xdp forces XDP");
	}
	if (attach->wanted == CONFIG_ATTACH_AUTO && preflight->lro) {
		return use_tc(attach, iface, "large receive offload is on: ethtool -K lro off");
	}
	if (preflight->veth) {
		warn_veth(attach, iface->name);
	}
	if (preflight->rxvlan && !preflight->veth) {
		log_info(
			"%s takes VLAN tags off in hardware; if tagged packets arrive here: ethtool -K %s rxvlan off",
			iface->name, iface->name);
	}
	if (attach->wanted == CONFIG_ATTACH_XDP_SHARED) {
		return attach_shared(attach, iface, preflight);
	}
	/* Left by an earlier run in attach: xdp-shared. */
	err = xdplink_query(attach->pin_path, iface->name, iface->ifindex, &status);
	if (!err && status.attached && !status.ours) {
		err = xdplink_remove(attach->pin_path, iface->name, iface->ifindex);
		if (!err) {
			err = xdplink_query(attach->pin_path, iface->name, iface->ifindex, &status);
		}
	}
	if (err) {
		log_error("%s: cannot look for XDP programs: %s", iface->name, strerror(-err));
		return err;
	}
	return status.attached && !status.ours ? foreign_program(attach, iface, status.program_id)
					       : attach_native(attach, iface, preflight);
}

static void remember(struct attach *attach, const struct iface_state *iface)
{
	struct attach_before *before = &attach->before[attach->before_count];

	if (attach->before_count == NATGW_IFACES_MAX) {
		return;
	}
	snprintf(before->name, sizeof(before->name), "%s", iface->name);
	before->ifindex = iface->ifindex;
	before->link = xdplink_exists(attach->pin_path, iface->name, iface->ifindex);
	for (int place = 0; place < TCFILTER_PLACE_COUNT; place++) {
		before->filters[place] =
			tcfilter_exists(iface->ifindex, (enum tcfilter_place)place);
	}
	attach->before_count++;
}

int attach_iface(struct attach *attach, struct iface_state *iface)
{
	struct preflight preflight;
	char wrong[PREFLIGHT_TEXT_MAX] = "";
	int err = preflight_check(iface->name, &preflight, wrong);

	iface->attach = IFACE_ATTACH_NONE;
	iface->attach_reason[0] = '\0';
	if (err) {
		log_error("%s", wrong[0] ? wrong : strerror(-err));
		return err;
	}
	remember(attach, iface);
	err = set_filters(attach, iface);
	if (err) {
		log_error(
			"%s: cannot attach the tc filters: %s", iface->name,
			err == -EBUSY
				? "its ingress qdisc leaves no place for clsact: tc qdisc del dev <interface> ingress"
				: strerror(-err));
		return err;
	}
	err = choose(attach, iface, &preflight);
	if (err) {
		return err;
	}
	if (iface->attach_reason[0]) {
		log_info("%s: %s (%s; %s)", iface->name, describe(iface->attach),
			 describe_roles(iface->flags), iface->attach_reason);
	} else {
		log_info("%s: %s (%s)", iface->name, describe(iface->attach),
			 describe_roles(iface->flags));
	}
	return 0;
}

int attach_repair(const struct attach *attach, const struct iface_state *iface, bool *ret_lost)
{
	bool external = iface->flags & NATGW_IFACE_EXTERNAL;

	*ret_lost = !tcfilter_exists(iface->ifindex, TCFILTER_INGRESS) ||
		    (external && (!tcfilter_exists(iface->ifindex, TCFILTER_EGRESS) ||
				  !tcfilter_exists(iface->ifindex, TCFILTER_GUARD)));
	return *ret_lost ? set_filters(attach, iface) : 0;
}

static void undo_iface(const char *pin_path, const struct attach_before *before)
{
	bool any = false;

	if (!before->link) {
		(void)xdplink_remove(pin_path, before->name, before->ifindex);
	}
	for (int place = 0; place < TCFILTER_PLACE_COUNT; place++) {
		any = any || before->filters[place];
	}
	if (!any) {
		(void)tcfilter_remove_all(before->ifindex);
		return;
	}
	for (int place = 0; place < TCFILTER_PLACE_COUNT; place++) {
		if (!before->filters[place]) {
			(void)tcfilter_remove(before->ifindex, (enum tcfilter_place)place);
		}
	}
}

void attach_undo(struct attach *attach)
{
	while (attach->before_count) {
		undo_iface(attach->pin_path, &attach->before[--attach->before_count]);
	}
}

int attach_remove(const char *pin_path, const char *name, uint32_t ifindex)
{
	int err = xdplink_remove(pin_path, name, ifindex);
	int err_tc = ifindex ? tcfilter_remove_all(ifindex) : 0;

	return err ? err : err_tc;
}

bool attach_takes_redirect(const struct natgwd_state *state, const struct iface_state *iface)
{
	bool any_native = false;

	for (unsigned int i = 0; i < state->iface_count; i++) {
		any_native = any_native || state->ifaces[i].attach == IFACE_ATTACH_XDP_NATIVE ||
			     state->ifaces[i].attach == IFACE_ATTACH_XDP_SHARED;
	}
	if (iface->attach == IFACE_ATTACH_XDP_GENERIC) {
		return !any_native;
	}
	return iface->attach == IFACE_ATTACH_XDP_NATIVE || iface->attach == IFACE_ATTACH_XDP_SHARED;
}
