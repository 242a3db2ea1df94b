// SPDX-License-Identifier: GPL-2.0-only
/*
 * What somebody changes under natgw at its interfaces: addresses (follow.c knows them), MTU,
 * programs of others. It is told, not undone: whoever did it may have meant it, and a reload
 * accepts it.
 */
#include "lifecycle_internal.h"

#include <bpf/bpf.h>
#include <bpf/libbpf.h>
#include <linux/pkt_sched.h>
#include <linux/rtnetlink.h>
#include <string.h>
#include <sys/socket.h>

#include "nldump.h"

/* enum bpf_attach_type of Linux 6.6 */
#define TCX_INGRESS 46
#define TCX_EGRESS 47
#define TCX_PROGRAMS_MAX 64

const char *lifecycle_drift_name(enum lifecycle_drift_kind kind)
{
	static const char *const names[LIFECYCLE_DRIFT_KINDS] = {
		[LIFECYCLE_DRIFT_ADDRESS] = "address",
		[LIFECYCLE_DRIFT_MTU] = "mtu",
		[LIFECYCLE_DRIFT_PROGRAM] = "program",
	};

	return names[kind];
}

/* ---- programs of others ---- */

struct filter_search {
	int ifindex;
	uint32_t preference; /* of a filter that is not natgw's; 0: none */
};

static int find_filter(const struct nlmsghdr *header, void *arg)
{
	const struct tcmsg *message = mnl_nlmsg_get_payload(header);
	uint32_t preference = TC_H_MAJ(message->tcm_info) >> 16;
	struct filter_search *search = arg;
	bool ours = (preference == NATGW_TC_PREF || preference == NATGW_TC_GUARD_PREF) &&
		    (message->tcm_handle == NATGW_TC_HANDLE || !message->tcm_handle);

	if (header->nlmsg_type == RTM_NEWTFILTER && message->tcm_ifindex == search->ifindex &&
	    !ours) {
		search->preference = preference;
		return MNL_CB_STOP;
	}
	return MNL_CB_OK;
}

static bool find_tc(const struct iface_state *iface, uint32_t direction, const char *name,
		    struct lifecycle_drift *drift)
{
	struct tcmsg message = { .tcm_family = AF_UNSPEC, .tcm_ifindex = (int)iface->ifindex };
	struct filter_search search = { (int)iface->ifindex, 0 };

	message.tcm_parent = TC_H_MAKE(TC_H_CLSACT, direction);
	if (nldump_run(RTM_GETTFILTER, &message, sizeof(message), find_filter, &search) ||
	    !search.preference) {
		return false;
	}
	snprintf(drift->program, sizeof(drift->program),
		 "a tc filter of somebody else (pref %u) is at %s of %s", search.preference, name,
		 iface->name);
	return true;
}

static bool find_tcx(const struct iface_state *iface, int type, const char *name,
		     struct lifecycle_drift *drift)
{
	__u32 ids[TCX_PROGRAMS_MAX];
	__u32 count = TCX_PROGRAMS_MAX;

	/* Older kernels do not know the type. */
	if (bpf_prog_query((int)iface->ifindex, (enum bpf_attach_type)type, 0, NULL, ids, &count) ||
	    !count) {
		return false;
	}
	snprintf(drift->program, sizeof(drift->program),
		 "a tcx program of somebody else (id %u) is at %s of %s", ids[0], name,
		 iface->name);
	return true;
}

/* Beside a link of natgw's the kernel lets no other XDP program in. */
static bool find_xdp(const struct iface_state *iface, struct lifecycle_drift *drift)
{
	__u32 id = 0;

	if (iface->attach != IFACE_ATTACH_TC || bpf_xdp_query_id((int)iface->ifindex, 0, &id) ||
	    !id) {
		return false;
	}
	snprintf(drift->program, sizeof(drift->program),
		 "XDP program %u of somebody else is attached to %s", id, iface->name);
	return true;
}

static bool find_program(const struct iface_state *iface, struct lifecycle_drift *drift)
{
	drift->program[0] = '\0';
	return iface->ifindex && iface->attach != IFACE_ATTACH_NONE &&
	       (find_xdp(iface, drift) || find_tc(iface, TC_H_MIN_INGRESS, "ingress", drift) ||
		find_tc(iface, TC_H_MIN_EGRESS, "egress", drift) ||
		find_tcx(iface, TCX_INGRESS, "ingress", drift) ||
		find_tcx(iface, TCX_EGRESS, "egress", drift));
}

/* ---- all of them ---- */

void lifecycle_drift_accept(struct natgwd_state *state)
{
	for (unsigned int i = 0; state->lifecycle && i < state->iface_count; i++) {
		state->lifecycle->drift[i].mtu = state->ifaces[i].mtu;
	}
	if (state->lifecycle) {
		lifecycle_note_private_ips(state);
	}
	lifecycle_drift_look(state);
}

void lifecycle_drift_address(struct natgwd_state *state, const char *iface, bool gone)
{
	for (unsigned int i = 0; state->lifecycle && i < state->iface_count; i++) {
		if (strcmp(state->ifaces[i].name, iface) == 0) {
			state->lifecycle->drift[i].is[LIFECYCLE_DRIFT_ADDRESS] = gone;
		}
	}
}

void lifecycle_drift_look(struct natgwd_state *state)
{
	for (unsigned int i = 0; state->lifecycle && i < state->iface_count; i++) {
		const struct iface_state *iface = &state->ifaces[i];
		struct lifecycle_drift *drift = &state->lifecycle->drift[i];

		if (!drift->mtu) {
			drift->mtu = iface->mtu;
		}
		drift->is[LIFECYCLE_DRIFT_MTU] = iface->mtu && iface->mtu != drift->mtu;
		drift->is[LIFECYCLE_DRIFT_PROGRAM] = find_program(iface, drift);
	}
}

void lifecycle_drift_reason(const struct natgwd_state *state, char *ret_reason, size_t size)
{
	for (unsigned int i = 0; state->lifecycle && i < state->iface_count; i++) {
		const struct iface_state *iface = &state->ifaces[i];
		const struct lifecycle_drift *drift = &state->lifecycle->drift[i];

		if (drift->is[LIFECYCLE_DRIFT_MTU]) {
			snprintf(ret_reason, size, "the MTU of %s has changed from %u to %u",
				 iface->name, drift->mtu, iface->mtu);
			return;
		}
		if (drift->is[LIFECYCLE_DRIFT_PROGRAM]) {
			snprintf(ret_reason, size, "%s", drift->program);
			return;
		}
	}
}
