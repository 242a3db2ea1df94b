// SPDX-License-Identifier: GPL-2.0-only
/* Namespaces, and which program is at which interface. */
#include <bpf/bpf.h>
#include <errno.h>
#include <fcntl.h>
#include <linux/if_link.h>
#include <net/if.h>
#include <sched.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "packets.h"
#include "tests/bench/packets.skel.h"

static struct packets_bpf *programs[PACKETS_CPUS_MAX];
static int home = -1; /* the namespace that this process began in */

/* ---- programs ---- */

/* The second generator: its own orders, the first one's interfaces. */
static struct packets_bpf *load_second(void)
{
	struct packets_bpf *skel = packets_bpf__open();
	struct bpf_program *program;
	struct bpf_map *map;

	if (!skel) {
		packets_die("the second generator", errno);
	}
	bpf_object__for_each_program (program, skel->obj) {
		bpf_program__set_autoload(program, program == skel->progs.packets_make);
	}
	map = skel->maps.clients;
	if (bpf_map__reuse_fd(map, bpf_map__fd(programs[0]->maps.clients)) ||
	    packets_bpf__load(skel)) {
		packets_die("the second generator", errno);
	}
	return skel;
}

void packets_open(void)
{
	home = open("/proc/self/ns/net", O_RDONLY | O_CLOEXEC);
	if (home < 0) {
		packets_die("/proc/self/ns/net", errno);
	}
	programs[0] = packets_bpf__open_and_load();
	if (!programs[0]) {
		packets_die("load", errno);
	}
	programs[1] = load_second();
}

void packets_close(void)
{
	for (unsigned int i = 0; i < PACKETS_CPUS_MAX; i++) {
		packets_bpf__destroy(programs[i]);
		programs[i] = NULL;
	}
	close(home);
}

struct packets_bpf *packets_generator(unsigned int index)
{
	return programs[index];
}

/* ---- namespaces ---- */

static void enter(const char *namespace)
{
	char path[128];
	int fd;

	snprintf(path, sizeof(path), "/run/netns/%s", namespace);
	fd = open(path, O_RDONLY | O_CLOEXEC);
	if (fd < 0 || setns(fd, CLONE_NEWNET)) {
		packets_die(path, errno);
	}
	close(fd);
}

static void leave(void)
{
	if (setns(home, CLONE_NEWNET)) {
		packets_die("setns", errno);
	}
}

static __u32 index_of(const char *interface)
{
	__u32 index = if_nametoindex(interface);

	if (!index) {
		packets_die(interface, errno);
	}
	return index;
}

static void attach_xdp(const char *interface, const struct bpf_program *program)
{
	int error = bpf_xdp_attach((int)index_of(interface), bpf_program__fd(program),
				   XDP_FLAGS_DRV_MODE, NULL);

	if (error) {
		packets_die(interface, error);
	}
}

static void attach_tc(const char *interface, const struct bpf_program *program)
{
	LIBBPF_OPTS(bpf_tc_hook, hook, .ifindex = (int)index_of(interface),
		    .attach_point = BPF_TC_INGRESS);
	LIBBPF_OPTS(bpf_tc_opts, opts, .prog_fd = bpf_program__fd(program));
	int error = bpf_tc_hook_create(&hook);

	if (error && error != -EEXIST) {
		packets_die(interface, error);
	}
	error = bpf_tc_attach(&hook, &opts);
	if (error) {
		packets_die(interface, error);
	}
}

static void set_device(const struct bpf_map *map, __u32 key, __u32 ifindex)
{
	if (bpf_map_update_elem(bpf_map__fd(map), &key, &ifindex, BPF_ANY)) {
		packets_die("devices", errno);
	}
}

/* ---- commands ---- */

void packets_path(__u32 path, const char *client, const char *server)
{
	enter(client);
	attach_xdp("eth0", programs[0]->progs.packets_client);
	set_device(programs[0]->maps.clients, path, index_of("eth0"));
	enter(server);
	attach_xdp("eth0", programs[0]->progs.packets_server);
	leave();
}

void packets_take_large(const char *server)
{
	int error;

	enter(server);
	error = bpf_xdp_detach((int)index_of("eth0"), XDP_FLAGS_DRV_MODE, NULL);
	if (error) {
		packets_die("eth0", error);
	}
	attach_tc("eth0", programs[0]->progs.packets_take);
	leave();
}

static void gateway_xdp(void)
{
	static const char *const interfaces[] = { "int0", "ext0" };

	for (unsigned int i = 0; i < 2; i++) {
		__u32 index = index_of(interfaces[i]);

		set_device(programs[0]->maps.others, index, index_of(interfaces[1 - i]));
		attach_xdp(interfaces[i], programs[0]->progs.packets_xdp);
	}
}

static void gateway_tc(void)
{
	static const char *const interfaces[] = { "int0", "ext0" };
	const __u32 count = sizeof(programs[0]->bss->tc_other) / sizeof(__u32);

	for (unsigned int i = 0; i < 2; i++) {
		__u32 index = index_of(interfaces[i]);

		if (index >= count) {
			packets_die(interfaces[i], ERANGE);
		}
		programs[0]->bss->tc_other[index] = index_of(interfaces[1 - i]);
		attach_tc(interfaces[i], programs[0]->progs.packets_tc);
	}
}

void packets_gateway(const char *gateway, const char *how)
{
	enter(gateway);
	if (!strcmp(how, "xdp")) {
		gateway_xdp();
	} else if (!strcmp(how, "tc")) {
		gateway_tc();
	} else if (!strcmp(how, "drop")) {
		attach_xdp("int0", programs[0]->progs.packets_drop);
	} else {
		packets_die(how, EINVAL);
	}
	leave();
}

void packets_idle(const char *namespace, const char *interface, unsigned int generator)
{
	enter(namespace);
	attach_xdp(interface, programs[generator]->progs.packets_make);
	leave();
}
