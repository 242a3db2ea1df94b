// SPDX-License-Identifier: GPL-2.0-only
/* The bench: namespace, programs, configuration, runs. */
#include "harness.h"

#include <arpa/inet.h>
#include <bpf/bpf.h>
#include <bpf/libbpf.h>
#include <errno.h>
#include <fcntl.h>
#include <linux/if_link.h>
#include <net/if.h>
#include <sched.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

#include "natgw.skel.h"

const __u8 mac_int[6] = { 2, 0, 0, 0, 1, 1 };
const __u8 mac_ext[6] = { 2, 0, 0, 0, 2, 1 };
const __u8 mac_client[6] = { 2, 0, 0, 0, 1, 0x10 };
const __u8 mac_client_b[6] = { 2, 0, 0, 0, 1, 0x11 };
const __u8 mac_router[6] = { 2, 0, 0, 0, 2, 0xfe };

/* Out of the tests' way: the programs and the bench cannot go on. */
static void die(const char *what, int error)
{
	fprintf(stderr, "bench: %s: %s\n", what, strerror(error < 0 ? -error : error));
	exit(2);
}

static void set(int map, const void *key, const void *value)
{
	if (bpf_map_update_elem(map, key, value, BPF_ANY)) {
		die("map update", errno);
	}
}

static void set_row(int map, __u32 row, const void *value)
{
	set(map, &row, value);
}

/* ---- the namespace ---- */

void bench_sysctl(const char *path, const char *value)
{
	int fd = open(path, O_WRONLY | O_CLOEXEC);

	if (fd < 0 || write(fd, value, strlen(value)) < 0) {
		die(path, errno);
	}
	close(fd);
}

void bench_ip(const char *commands)
{
	FILE *ip = popen("ip -batch -", "we"); /* NOLINT(cert-env33-c): fixed text */
	int status;

	if (!ip || fputs(commands, ip) < 0) {
		die("ip", errno);
	}
	status = pclose(ip);
	if (status) {
		fprintf(stderr, "bench: ip failed (%d) on:\n%s", status, commands);
		exit(2);
	}
}

static void make_namespace(void)
{
	if (unshare(CLONE_NEWNET)) {
		die("unshare(CLONE_NEWNET)", errno);
	}
	bench_sysctl("/proc/sys/net/ipv6/conf/default/disable_ipv6", "1");
	bench_sysctl("/proc/sys/net/ipv4/ip_forward", "1");
	bench_ip("link set lo up\n"
		 "link add int0 address 02:00:00:00:01:01 type veth peer name int0p\n"
		 "link add ext0 address 02:00:00:00:02:01 type veth peer name ext0p\n"
		 "link set int0 up\nlink set int0p up\nlink set ext0 up\nlink set ext0p up\n"
		 "addr add 10.0.1.1/24 dev int0\n"
		 "addr add 192.0.2.1/24 dev ext0\n"
		 "neigh add 10.0.1.10 lladdr 02:00:00:00:01:10 nud permanent dev int0\n"
		 "neigh add 10.0.1.11 lladdr 02:00:00:00:01:11 nud permanent dev int0\n"
		 "neigh add 192.0.2.254 lladdr 02:00:00:00:02:fe nud permanent dev ext0\n"
		 "route add 10.0.0.0/16 via 10.0.1.11\n"
		 "route add default via 192.0.2.254\n"
		 "route add blackhole 198.51.100.40/32\n"
		 "route add 198.51.100.70/32 via 10.0.1.10\n"
		 "route add 198.51.100.200/32 via 192.0.2.254 mtu lock 1400\n");
}

/* XDP test runs accept only an interface whose receive queues are known to XDP: one with a program.
 */
static void attach_pass(__u32 ifindex)
{
	struct bpf_insn insns[] = {
		{ .code = BPF_ALU64 | BPF_MOV | BPF_K, .dst_reg = BPF_REG_0, .imm = XDP_PASS },
		{ .code = BPF_JMP | BPF_EXIT },
	};
	LIBBPF_OPTS(bpf_prog_load_opts, opts);
	int fd = bpf_prog_load(BPF_PROG_TYPE_XDP, "bench_pass", "GPL", insns, 2, &opts);

	if (fd < 0) {
		die("load of bench_pass", fd);
	}
	if (bpf_xdp_attach((int)ifindex, fd, XDP_FLAGS_DRV_MODE, NULL)) {
		die("attach of bench_pass", errno);
	}
	close(fd);
}

/* ---- the programs ---- */

static void keep_programs(struct bench *bench)
{
	const struct natgw_bpf *skel = bench->skel;

	bench->prog[BENCH_XDP_INT] = bpf_program__fd(skel->progs.natgw_internal);
	bench->prog[BENCH_XDP_EXT] = bpf_program__fd(skel->progs.natgw_external);
	bench->prog[BENCH_CHECK] = bpf_program__fd(skel->progs.natgw_check);
	bench->prog[BENCH_TC_INT] = bpf_program__fd(skel->progs.natgw_tc_int);
	bench->prog[BENCH_TC_EXT] = bpf_program__fd(skel->progs.natgw_tc_ext);
	bench->prog[BENCH_TC_EGR] = bpf_program__fd(skel->progs.natgw_tc_egr);
	bench->prog[BENCH_GUARD] = bpf_program__fd(skel->progs.natgw_guard);
}

static void keep_maps(struct bench *bench)
{
	const struct natgw_bpf *skel = bench->skel;

	bench->settings = bpf_map__fd(skel->maps.settings);
	bench->clock = bpf_map__fd(skel->maps.clock);
	bench->generation = bpf_map__fd(skel->maps.generation);
	bench->ifaces = bpf_map__fd(skel->maps.ifaces);
	bench->devices = bpf_map__fd(skel->maps.devices);
	bench->subnets = bpf_map__fd(skel->maps.subnets);
	bench->routes = bpf_map__fd(skel->maps.routes);
	bench->gateways = bpf_map__fd(skel->maps.gateways);
	bench->pool = bpf_map__fd(skel->maps.pool);
	bench->addresses = bpf_map__fd(skel->maps.addresses);
	bench->outbound = bpf_map__fd(skel->maps.outbound);
	bench->inbound = bpf_map__fd(skel->maps.inbound);
	bench->nexthops = bpf_map__fd(skel->maps.nexthops);
	bench->seen = bpf_map__fd(skel->maps.seen);
	bench->verdicts = bpf_map__fd(skel->maps.verdicts);
	bench->traffic = bpf_map__fd(skel->maps.traffic);
	bench->generated = bpf_map__fd(skel->maps.generated);
	bench->icmp_budget = bpf_map__fd(skel->maps.icmp_budget);
	bench->active = bpf_map__fd(skel->maps.active);
	bench->sweep_stats = bpf_map__fd(skel->maps.sweep_stats);
	bench->port_use = bpf_map__fd(skel->maps.port_use);
	bench->check_result = bpf_map__fd(skel->maps.check_result);
}

static void load(struct bench *bench, __u32 sessions)
{
	union bpf_iter_link_info info = {};
	LIBBPF_OPTS(bpf_iter_attach_opts, opts, .link_info = &info, .link_info_len = sizeof(info));
	struct bpf_link *link;

	bench->skel = natgw_bpf__open();
	if (!bench->skel) {
		die("open of the programs", errno);
	}
	bpf_map__set_max_entries(bench->skel->maps.outbound, sessions);
	bpf_map__set_max_entries(bench->skel->maps.inbound, sessions);
	if (natgw_bpf__load(bench->skel)) {
		die("load of the programs", errno);
	}
	keep_programs(bench);
	keep_maps(bench);
	info.map.map_fd = (__u32)bench->inbound;
	link = bpf_program__attach_iter(bench->skel->progs.natgw_sweep, &opts);
	if (!link) {
		die("iterator", errno);
	}
	bench->skel->links.natgw_sweep = link;
	bench->sweep_link = bpf_link__fd(link);
}

struct bench *bench_open(__u32 sessions)
{
	struct bench *bench = calloc(1, sizeof(*bench));

	if (!bench) {
		die("bench", ENOMEM);
	}
	make_namespace();
	bench->int_ifindex = if_nametoindex("int0");
	bench->ext_ifindex = if_nametoindex("ext0");
	bench->cpus = libbpf_num_possible_cpus();
	attach_pass(bench->int_ifindex);
	attach_pass(bench->ext_ifindex);
	load(bench, sessions);
	bench_reset(bench);
	return bench;
}

void bench_close(struct bench *bench)
{
	natgw_bpf__destroy(bench->skel);
	free(bench);
}

/* ---- the configuration ---- */

static void add_subnet(struct bench *bench, __be32 addr, __u32 len, __u32 table)
{
	struct natgw_subnet_key key = { .prefix_len = len, .addr = addr };
	struct natgw_subnet row = { .table = table };

	set(bench->subnets, &key, &row);
}

unsigned int bench_rounds(unsigned int rounds, unsigned int factor)
{
	return getenv("NATGW_LONG") ? rounds * factor : rounds;
}

static void add_route(struct bench *bench, __u32 table, __be32 addr, __u32 len, __u8 target)
{
	struct natgw_route_key key = { .prefix_len = 32 + len, .table = table, .addr = addr };
	struct natgw_route row = { .target = target, .origin = NATGW_ORIGIN_STATIC };

	if (target == NATGW_TARGET_GATEWAY) {
		row.gateway = (__u8)table;
	} else if (target == NATGW_TARGET_INTERFACE) {
		row.ifindex = bench->ext_ifindex;
	}
	set(bench->routes, &key, &row);
}

static void add_address(struct bench *bench, __be32 addr, __u8 kind, __u8 gateway, __u32 eip)
{
	struct natgw_address row = { .kind = kind, .gateway = gateway, .eip = eip };

	row.on_host = kind == NATGW_ADDRESS_PRIVATE_IP;
	set(bench->addresses, &addr, &row);
}

struct natgw_gateway bench_gateway(void)
{
	struct natgw_gateway gateway = {
		.state = NATGW_GATEWAY_AVAILABLE,
		.eip_count = 1,
		.private_ip = PRIVATE_IP,
		.port_first = NATGW_PORT_FIRST,
		.port_count = NATGW_PORT_LAST - NATGW_PORT_FIRST + 1,
		.timeout = {
			[NATGW_TIMER_TCP_HALF_OPEN] = 30 * NATGW_TICKS_PER_SECOND,
			[NATGW_TIMER_TCP_ESTABLISHED] = 350 * NATGW_TICKS_PER_SECOND,
			[NATGW_TIMER_UDP_UNREPLIED] = 40 * NATGW_TICKS_PER_SECOND,
			[NATGW_TIMER_UDP_REPLIED] = 300 * NATGW_TICKS_PER_SECOND,
			[NATGW_TIMER_ICMP] = 60 * NATGW_TICKS_PER_SECOND,
		},
	};

	return gateway;
}

void bench_set_gateway(struct bench *bench, const struct natgw_gateway *gateway)
{
	set_row(bench->gateways, 1, gateway);
}

void bench_set_iface(struct bench *bench, __u32 ifindex, __u8 flags, __u8 redirect)
{
	struct natgw_iface row = { .flags = flags, .redirect = redirect };

	memcpy(row.mac, ifindex == bench->int_ifindex ? mac_int : mac_ext, sizeof(row.mac));
	set(bench->ifaces, &ifindex, &row);
	set(bench->devices, &ifindex, &ifindex);
}

static void fill_policy(struct bench *bench)
{
	add_subnet(bench, IP(10, 0, 1, 0), 24, 1);
	add_subnet(bench, IP(10, 0, 2, 0), 24, 2);
	add_subnet(bench, IP(10, 0, 3, 0), 24, 3);
	for (__u32 table = 1; table <= 3; table++) {
		add_route(bench, table, IP(10, 0, 1, 0), 24, NATGW_TARGET_LOCAL);
		add_route(bench, table, IP(10, 0, 2, 0), 24, NATGW_TARGET_LOCAL);
		add_route(bench, table, IP(10, 0, 3, 0), 24, NATGW_TARGET_LOCAL);
	}
	add_route(bench, 1, 0, 0, NATGW_TARGET_GATEWAY);
	add_route(bench, 2, 0, 0, NATGW_TARGET_GATEWAY);
	add_route(bench, 1, IP(10, 25, 0, 0), 16, NATGW_TARGET_INTERFACE);
	add_route(bench, 1, IP(198, 18, 0, 0), 15, NATGW_TARGET_BLACKHOLE);
}

static void fill_gateways(struct bench *bench)
{
	struct natgw_gateway gateway = bench_gateway();
	struct natgw_pool_row row = { .addr = EIP, .eip = 0 };

	bench_set_gateway(bench, &gateway);
	gateway.state = NATGW_GATEWAY_PENDING;
	set_row(bench->gateways, 2, &gateway);
	set_row(bench->pool, NATGW_EIPS_PER_GATEWAY_MAX, &row);
	row.addr = EIP_B;
	row.eip = 1;
	set_row(bench->pool, NATGW_EIPS_PER_GATEWAY_MAX + 1, &row);
	row.addr = IP(203, 0, 113, 12);
	row.eip = 2;
	set_row(bench->pool, 2 * NATGW_EIPS_PER_GATEWAY_MAX, &row);
	add_address(bench, EIP, NATGW_ADDRESS_EIP, 1, 0);
	add_address(bench, EIP_B, NATGW_ADDRESS_EIP, 1, 1);
	add_address(bench, IP(203, 0, 113, 12), NATGW_ADDRESS_EIP, 2, 2);
	add_address(bench, PRIVATE_IP, NATGW_ADDRESS_PRIVATE_IP, 1, 0);
	add_address(bench, HOST_IP, NATGW_ADDRESS_HOST, 0, 0);
}

static void clear_hash(int map)
{
	__u8 key[16], next[16];
	int error = bpf_map_get_next_key(map, NULL, next);

	while (!error) {
		memcpy(key, next, sizeof(key));
		error = bpf_map_get_next_key(map, key, next);
		bpf_map_delete_elem(map, key);
	}
}

static void clear_nexthops(struct bench *bench)
{
	static __u32 keys[NATGW_NEXTHOPS_MAX];
	static const struct natgw_nexthop empty[NATGW_NEXTHOPS_MAX];
	__u32 count = NATGW_NEXTHOPS_MAX;

	for (__u32 i = 0; i < NATGW_NEXTHOPS_MAX; i++) {
		keys[i] = i;
	}
	if (bpf_map_update_batch(bench->nexthops, keys, empty, &count, NULL)) {
		die("clearing the next hops", errno);
	}
}

bool bench_has_nexthops(const struct bench *bench)
{
	static __u32 keys[NATGW_NEXTHOPS_MAX];
	static struct natgw_nexthop rows[NATGW_NEXTHOPS_MAX];
	__u32 count = NATGW_NEXTHOPS_MAX, next;

	if (bpf_map_lookup_batch(bench->nexthops, NULL, &next, keys, rows, &count, NULL)) {
		die("reading the next hops", errno);
	}
	for (__u32 i = 0; i < count; i++) {
		if (rows[i].key) {
			return true;
		}
	}
	return false;
}

void bench_clear_sessions(struct bench *bench)
{
	clear_hash(bench->outbound);
	clear_hash(bench->inbound);
}

void bench_reset(struct bench *bench)
{
	const struct natgw_settings settings = { .mark = NATGW_MARK_DEFAULT };
	const __u64 budget = 0;

	set_row(bench->settings, 0, &settings);
	bench_set_iface(bench, bench->int_ifindex, NATGW_IFACE_INTERNAL, 1);
	bench_set_iface(bench, bench->ext_ifindex, NATGW_IFACE_EXTERNAL, 1);
	fill_policy(bench);
	fill_gateways(bench);
	set_row(bench->icmp_budget, 0, &budget);
	bench_skew(bench, 0);
	bench_clear_sessions(bench);
	clear_nexthops(bench);
}

void bench_skew(struct bench *bench, __s64 ticks)
{
	const struct natgw_clock clock = { .skew_ns = ticks * (1LL << NATGW_TICK_SHIFT) };

	set_row(bench->clock, 0, &clock);
}

__u32 bench_now(struct bench *bench)
{
	struct natgw_clock clock = {};
	struct timespec now;
	__u32 zero = 0;

	bpf_map_lookup_elem(bench->clock, &zero, &clock);
	clock_gettime(CLOCK_MONOTONIC_COARSE, &now);
	return (__u32)((__u64)(now.tv_sec * 1000000000LL + now.tv_nsec + clock.skew_ns) >>
		       NATGW_TICK_SHIFT);
}

/* ---- runs ---- */

static __u32 ifindex_of(const struct bench *bench, const struct bench_run *run)
{
	switch (run->prog) {
	case BENCH_XDP_INT:
	case BENCH_TC_INT:
		return bench->int_ifindex;
	case BENCH_CHECK:
		return run->ingress;
	default:
		return bench->ext_ifindex;
	}
}

static int try_xdp(const struct bench *bench, const struct frame *in, struct bench_run *run)
{
	struct xdp_md context = { .data_end = in->len, .ingress_ifindex = ifindex_of(bench, run) };
	LIBBPF_OPTS(bpf_test_run_opts, opts, .data_in = in->data, .data_size_in = in->len,
		    .data_out = run->out.data, .data_size_out = sizeof(run->out.data),
		    .ctx_in = &context, .ctx_size_in = sizeof(context));
	int error = bpf_prog_test_run_opts(bench->prog[run->prog], &opts);

	run->retval = opts.retval;
	run->out.len = opts.data_size_out;
	return error;
}

static int try_tc(const struct bench *bench, const struct frame *in, struct bench_run *run)
{
	struct __sk_buff context = { .ifindex = ifindex_of(bench, run),
				     .ingress_ifindex = run->ingress,
				     .mark = run->mark,
				     .gso_segs = run->gso_segs,
				     .gso_size = run->gso_size };
	struct __sk_buff after = {};
	LIBBPF_OPTS(bpf_test_run_opts, opts, .data_in = in->data, .data_size_in = in->len,
		    .data_out = run->out.data, .data_size_out = sizeof(run->out.data),
		    .ctx_in = &context, .ctx_size_in = sizeof(context), .ctx_out = &after,
		    .ctx_size_out = sizeof(after));
	int error = bpf_prog_test_run_opts(bench->prog[run->prog], &opts);

	run->retval = opts.retval;
	run->mark_out = after.mark;
	run->out.len = opts.data_size_out;
	return error;
}

int bench_try(const struct bench *bench, const struct frame *in, struct bench_run *run)
{
	return run->prog <= BENCH_CHECK ? try_xdp(bench, in, run) : try_tc(bench, in, run);
}

void bench_run(const struct bench *bench, const struct frame *in, struct bench_run *run)
{
	int error = bench_try(bench, in, run);

	if (error) {
		die("PROG_TEST_RUN", error);
	}
}

int bench_try_sweep(const struct bench *bench)
{
	int fd = bpf_iter_create(bench->sweep_link);
	char byte;

	if (fd < 0) {
		return fd;
	}
	while (read(fd, &byte, sizeof(byte)) > 0) {
	}
	close(fd);
	return 0;
}

void bench_clear_sweep(const struct bench *bench)
{
	const struct natgw_sweep empty = {};

	set_row(bench->sweep_stats, 0, &empty);
}

struct natgw_sweep bench_sweep_stats(const struct bench *bench)
{
	struct natgw_sweep stats = {};
	__u32 zero = 0;

	if (bpf_map_lookup_elem(bench->sweep_stats, &zero, &stats)) {
		die("sweep_stats", errno);
	}
	return stats;
}

struct natgw_sweep bench_sweep(const struct bench *bench)
{
	bench_clear_sweep(bench);
	if (bench_try_sweep(bench)) {
		die("sweep", errno);
	}
	return bench_sweep_stats(bench);
}
