// SPDX-License-Identifier: GPL-2.0-only
/*
 * tc filters in clsact qdiscs. Responsible for natgw's own handle and preferences; never touches a
 * filter of another handle. Not for the choice of programs (attach).
 */
#include "tcfilter.h"

#include <bpf/libbpf.h>
#include <errno.h>
#include <linux/pkt_sched.h>
#include <linux/rtnetlink.h>
#include <string.h>
#include <sys/socket.h>

#include "natgw_limits.h"
#include "nldump.h"

/* libbpf logs answers of the kernel that are no errors here: "exists already", "not there". */
#define QUIETLY(call)                                                   \
	({                                                              \
		libbpf_print_fn_t quiet_saved = libbpf_set_print(NULL); \
		int quiet_result = (call);                              \
		libbpf_set_print(quiet_saved);                          \
		quiet_result;                                           \
	})

static void fill_hook(struct bpf_tc_hook *hook, uint32_t ifindex, enum tcfilter_place place)
{
	memset(hook, 0, sizeof(*hook));
	hook->sz = sizeof(*hook);
	hook->ifindex = (int)ifindex;
	hook->attach_point = place == TCFILTER_INGRESS ? BPF_TC_INGRESS : BPF_TC_EGRESS;
}

static void fill_options(struct bpf_tc_opts *options, enum tcfilter_place place)
{
	memset(options, 0, sizeof(*options));
	options->sz = sizeof(*options);
	options->handle = NATGW_TC_HANDLE;
	options->priority = place == TCFILTER_GUARD ? NATGW_TC_GUARD_PREF : NATGW_TC_PREF;
}

int tcfilter_program(uint32_t ifindex, enum tcfilter_place place, uint32_t *ret_id)
{
	struct bpf_tc_hook hook;
	struct bpf_tc_opts options;

	fill_hook(&hook, ifindex, place);
	fill_options(&options, place);
	if (QUIETLY(bpf_tc_query(&hook, &options)) != 0) {
		return -ENOENT;
	}
	*ret_id = options.prog_id;
	return 0;
}

bool tcfilter_exists(uint32_t ifindex, enum tcfilter_place place)
{
	uint32_t id;

	return tcfilter_program(ifindex, place, &id) == 0;
}

struct qdisc_search {
	int ifindex;
	bool other; /* the place is taken by another kind, which has no egress */
};

static int find_other(const struct nlmsghdr *header, void *arg)
{
	struct qdisc_search *search = arg;
	const struct tcmsg *message = mnl_nlmsg_get_payload(header);
	const struct nlattr *attr;

	if (header->nlmsg_type != RTM_NEWQDISC || message->tcm_ifindex != search->ifindex ||
	    message->tcm_parent != TC_H_CLSACT) {
		return MNL_CB_OK;
	}
	mnl_attr_for_each(attr, header, sizeof(*message))
	{
		if (mnl_attr_get_type(attr) == TCA_KIND &&
		    strcmp(mnl_attr_get_str(attr), "clsact") != 0) {
			search->other = true;
		}
	}
	return MNL_CB_OK;
}

/* In an "ingress" qdisc the kernel takes filters of both directions for the same. */
static int check_qdisc(uint32_t ifindex)
{
	struct tcmsg message = { .tcm_family = AF_UNSPEC, .tcm_ifindex = (int)ifindex };
	struct qdisc_search search = { (int)ifindex, false };
	int err = nldump_run(RTM_GETQDISC, &message, sizeof(message), find_other, &search);

	if (!err && search.other) {
		return -EBUSY;
	}
	return err;
}

int tcfilter_set(uint32_t ifindex, enum tcfilter_place place, int program_fd)
{
	struct bpf_tc_hook hook;
	struct bpf_tc_opts options;
	int err;

	fill_hook(&hook, ifindex, place);
	err = QUIETLY(bpf_tc_hook_create(&hook));
	if (err == -EEXIST) {
		err = check_qdisc(ifindex);
	}
	if (err) {
		return err;
	}
	fill_options(&options, place);
	options.prog_fd = program_fd;
	options.flags = BPF_TC_F_REPLACE;
	return bpf_tc_attach(&hook, &options);
}

int tcfilter_remove(uint32_t ifindex, enum tcfilter_place place)
{
	struct bpf_tc_hook hook;
	struct bpf_tc_opts options;
	int err;

	if (!tcfilter_exists(ifindex, place)) {
		return 0;
	}
	fill_hook(&hook, ifindex, place);
	fill_options(&options, place);
	err = QUIETLY(bpf_tc_detach(&hook, &options));
	return err == -ENOENT || err == -EINVAL ? 0 : err;
}

static int count_filter(const struct nlmsghdr *header, void *arg)
{
	unsigned int *count = arg;

	if (header->nlmsg_type == RTM_NEWTFILTER) {
		(*count)++;
	}
	return MNL_CB_OK;
}

/* Filters of anybody below the clsact qdisc, both directions. */
static int count_filters(uint32_t ifindex, unsigned int *ret_count)
{
	struct tcmsg message = { .tcm_family = AF_UNSPEC, .tcm_ifindex = (int)ifindex };
	unsigned int count = 0;
	int err;

	message.tcm_parent = TC_H_MAKE(TC_H_CLSACT, TC_H_MIN_INGRESS);
	err = nldump_run(RTM_GETTFILTER, &message, sizeof(message), count_filter, &count);
	if (!err) {
		message.tcm_parent = TC_H_MAKE(TC_H_CLSACT, TC_H_MIN_EGRESS);
		err = nldump_run(RTM_GETTFILTER, &message, sizeof(message), count_filter, &count);
	}
	if (!err) {
		*ret_count = count;
	}
	return err;
}

int tcfilter_remove_all(uint32_t ifindex)
{
	struct bpf_tc_hook hook;
	unsigned int left = 0;
	bool found = false;

	for (int place = 0; place < TCFILTER_PLACE_COUNT; place++) {
		int err;

		found = found || tcfilter_exists(ifindex, (enum tcfilter_place)place);
		err = tcfilter_remove(ifindex, (enum tcfilter_place)place);
		if (err) {
			return err;
		}
	}
	if (!found || count_filters(ifindex, &left) < 0 || left) {
		return 0;
	}
	fill_hook(&hook, ifindex, TCFILTER_INGRESS);
	hook.attach_point = BPF_TC_INGRESS | BPF_TC_EGRESS;
	(void)QUIETLY(bpf_tc_hook_destroy(&hook));
	return 0;
}
