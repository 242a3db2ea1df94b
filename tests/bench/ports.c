// SPDX-License-Identifier: GPL-2.0-only
/* Command line, ports SUBJECT, and what the subjects share: making packets. */
#include "ports.h"

#include <bpf/bpf.h>
#include <errno.h>
#include <linux/if_link.h>
#include <net/if.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "flows.h"
#include "tests/bench/generator.skel.h"

void ports_die(const char *what, int error)
{
	fprintf(stderr, "ports: %s: %s\n", what, strerror(error < 0 ? -error : error));
	exit(1);
}

/* ---- the generator ---- */

void ports_set_destination(struct ports_maker *maker, __be32 destination)
{
	struct spec spec = {
		.src = IP(10, 0, 1, 0),
		.dst = destination,
		.smac = mac_client,
		.dmac = mac_int,
		.proto = PROTO_TCP,
		.flags = SYN,
		.dport = REM_PORT,
	};
	struct frame frame = {};

	frame_build(&spec, &frame);
	memcpy(maker->skel->bss->generator_open_frame, frame.data, GENERATOR_FRAME);
	spec.flags = RST | ACK;
	memset(&frame, 0, sizeof(frame));
	frame_build(&spec, &frame);
	memcpy(maker->skel->bss->generator_close_frame, frame.data, GENERATOR_FRAME);
}

static void set_target(const struct bpf_map *map, int program)
{
	__u32 zero = 0;

	if (bpf_map_update_elem(bpf_map__fd(map), &zero, &program, BPF_ANY)) {
		ports_die("the generator's target", errno);
	}
}

/*
 * The kernel makes a direct call of every XDP program that is attached or run many times, and waits
 * for some 20 ms when the set of them changes; the CPU is cold after that. So the generator is
 * attached, to an interface that gets no packets.
 */
static void keep_in_dispatcher(const struct ports_maker *maker)
{
	int program = bpf_program__fd(maker->skel->progs.generator_xdp);

	if (bpf_xdp_attach((int)if_nametoindex("int0p"), program, XDP_FLAGS_DRV_MODE, NULL)) {
		ports_die("attach to int0p", errno);
	}
}

void ports_maker_open(struct ports_maker *maker)
{
	maker->skel = generator_bpf__open_and_load();
	if (!maker->skel) {
		ports_die("load of the generator", errno);
	}
	keep_in_dispatcher(maker);
	set_target(maker->skel->maps.target_xdp, maker->bench->prog[BENCH_XDP_INT]);
	set_target(maker->skel->maps.target_tc, maker->bench->prog[BENCH_TC_INT]);
	ports_set_destination(maker, REMOTE);
}

void ports_maker_close(struct ports_maker *maker)
{
	generator_bpf__destroy(maker->skel);
}

__u32 ports_make(struct ports_maker *maker, enum generator_target target, __u32 count)
{
	struct xdp_md xdp = { .data_end = GENERATOR_FRAME,
			      .ingress_ifindex = maker->bench->int_ifindex };
	struct __sk_buff skb = { .ifindex = maker->bench->int_ifindex,
				 .ingress_ifindex = maker->bench->int_ifindex };
	LIBBPF_OPTS(bpf_test_run_opts, opts, .data_in = maker->skel->bss->generator_open_frame,
		    .data_size_in = GENERATOR_FRAME, .repeat = (int)count,
		    .flags = maker->live ? BPF_F_TEST_XDP_LIVE_FRAMES : 0);
	int program = bpf_program__fd(maker->tc ? maker->skel->progs.generator_tc
						: maker->skel->progs.generator_xdp);
	int error;

	opts.ctx_in = maker->tc ? (void *)&skb : (void *)&xdp;
	opts.ctx_size_in = maker->tc ? sizeof(skb) : sizeof(xdp);
	maker->skel->bss->generator_target = target;
	error = bpf_prog_test_run_opts(program, &opts);
	if (error) {
		ports_die("BPF_PROG_RUN", error);
	}
	if (maker->skel->bss->generator_next > FLOWS_MAX) {
		ports_die("more sessions than there are client endpoints", EINVAL);
	}
	return opts.duration;
}

__u32 ports_step(__u32 fill)
{
	__u32 left = PORTS_ALL - fill;

	if (fill >= 5 * PORTS_STEP && left > 2 * PORTS_STEP) {
		return PORTS_STEP;
	}
	return PORTS_FINE_STEP;
}

/* ---- command line ---- */

static int usage(void)
{
	fprintf(stderr, "ports: usage: ports natgw-xdp|natgw-xdp-reuse|natgw-tc|nft-masquerade\n");
	return 2;
}

int main(int argc, char **argv)
{
	const char *subject = argc == 2 ? argv[1] : "";

	if (!strcmp(subject, "natgw-xdp")) {
		ports_natgw(false, false);
	} else if (!strcmp(subject, "natgw-xdp-reuse")) {
		ports_natgw(false, true);
	} else if (!strcmp(subject, "natgw-tc")) {
		ports_natgw(true, false);
	} else if (!strcmp(subject, "nft-masquerade")) {
		ports_nft();
	} else {
		return usage();
	}
	if (fflush(stdout) || ferror(stdout)) {
		fprintf(stderr, "ports: the output could not be written\n");
		return 1;
	}
	return 0;
}
