// SPDX-License-Identifier: GPL-2.0-only
/*
 * The kernel reassembles what passes NF_INET_PRE_ROUTING while somebody there asks for it.
 * Conntrack is one who does; a BPF link with BPF_F_NETFILTER_IP_DEFRAG does, too, and tracks
 * nothing. libbpf of Debian 12 does not know that kind of link, the system call is made here.
 */
#include "defrag.h"

#include <bpf/bpf.h>
#include <errno.h>
#include <linux/bpf.h>
#include <linux/netfilter.h>
#include <stdint.h>
#include <string.h>
#include <sys/syscall.h>
#include <unistd.h>

#include "cleanup.h"
#include "log.h"
#include "pindir.h"

/* Of <linux/bpf.h> since 6.4 and 6.6; the headers of the floor have none of them. */
#define DEFRAG_PROG_TYPE 32   /* BPF_PROG_TYPE_NETFILTER */
#define DEFRAG_ATTACH_TYPE 45 /* BPF_NETFILTER */
#define DEFRAG_FLAG 1	      /* BPF_F_NETFILTER_IP_DEFRAG */
/* Behind NF_IP_PRI_CONNTRACK_DEFRAG, as the kernel asks. */
#define DEFRAG_PRIORITY (-399)

/* The head of union bpf_attr for BPF_LINK_CREATE. */
struct defrag_link_attr {
	uint32_t prog_fd;
	uint32_t target_fd;
	uint32_t attach_type;
	uint32_t flags;
	uint32_t pf;
	uint32_t hooknum;
	int32_t priority;
	uint32_t netfilter_flags;
};

/* return NF_ACCEPT */
static int load(void)
{
	const struct bpf_insn program[] = {
		{ .code = BPF_ALU64 | BPF_MOV | BPF_K, .dst_reg = BPF_REG_0, .imm = NF_ACCEPT },
		{ .code = BPF_JMP | BPF_EXIT },
	};
	LIBBPF_OPTS(bpf_prog_load_opts, options);

	options.expected_attach_type = (enum bpf_attach_type)DEFRAG_ATTACH_TYPE;
	return bpf_prog_load((enum bpf_prog_type)DEFRAG_PROG_TYPE, "natgw_defrag", "GPL", program,
			     sizeof(program) / sizeof(program[0]), &options);
}

static int link_create(int program_fd)
{
	struct defrag_link_attr attr = {
		.prog_fd = (uint32_t)program_fd,
		.attach_type = DEFRAG_ATTACH_TYPE,
		.pf = NFPROTO_IPV4,
		.hooknum = NF_INET_PRE_ROUTING,
		.priority = DEFRAG_PRIORITY,
		.netfilter_flags = DEFRAG_FLAG,
	};
	long fd = syscall(__NR_bpf, BPF_LINK_CREATE, &attr, sizeof(attr));

	return fd < 0 ? -errno : (int)fd;
}

bool defrag_is_pin(const char *name)
{
	return strcmp(name, DEFRAG_PIN) == 0;
}

int defrag_attach(const char *pin_path)
{
	_cleanup_close_ int program_fd = -1;
	_cleanup_close_ int link_fd = -1;

	if (pindir_has(pin_path, DEFRAG_PIN)) {
		return 0;
	}
	program_fd = load();
	link_fd = program_fd < 0 ? program_fd : link_create(program_fd);
	if (link_fd < 0) {
		log_info(
			"the kernel does not reassemble for BPF (%s; Linux 6.6 does): outbound fragments that come before their first one are dropped as frag_no_first",
			strerror(-link_fd));
		return 0;
	}
	return pindir_replace(pin_path, DEFRAG_PIN, link_fd);
}
