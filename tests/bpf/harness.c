// SPDX-License-Identifier: GPL-2.0-only
/* The bench: namespace, programs, runs. */
#include "harness_internal.h"

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
#include <sys/mman.h>
#include <unistd.h>

#include "natgw.skel.h"

const __u8 mac_int[6] = { 2, 0, 0, 0, 1, 1 };
const __u8 mac_ext[6] = { 2, 0, 0, 0, 2, 1 };
const __u8 mac_client[6] = { 2, 0, 0, 0, 1, 0x10 };
const __u8 mac_client_b[6] = { 2, 0, 0, 0, 1, 0x11 };
const __u8 mac_router[6] = { 2, 0, 0, 0, 2, 0xfe };

/* Out of the tests' way: the programs and the bench cannot go on. */
void harness_die(const char *what, int error)
{
	fprintf(stderr, "bench: %s: %s\n", what, strerror(error < 0 ? -error : error));
	exit(2);
}

void harness_set(int map, const void *key, const void *value)
{
	if (bpf_map_update_elem(map, key, value, BPF_ANY)) {
		harness_die("map update", errno);
	}
}

void harness_set_row(int map, __u32 row, const void *value)
{
	harness_set(map, &row, value);
}

/* ---- the namespace ---- */

void bench_sysctl(const char *path, const char *value)
{
	int fd = open(path, O_WRONLY | O_CLOEXEC);

	if (fd < 0 || write(fd, value, strlen(value)) < 0) {
		harness_die(path, errno);
	}
	close(fd);
}

void bench_ip(const char *commands)
{
	FILE *ip = popen("ip -batch -", "we"); /* NOLINT(cert-env33-c): fixed text */
	int status;

	if (!ip || fputs(commands, ip) < 0) {
		harness_die("ip", errno);
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
		harness_die("unshare(CLONE_NEWNET)", errno);
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
		 "route add 10.0.1.128/25 via 10.0.1.11\n"
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
		harness_die("load of bench_pass", fd);
	}
	if (bpf_xdp_attach((int)ifindex, fd, XDP_FLAGS_DRV_MODE, NULL)) {
		harness_die("attach of bench_pass", errno);
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

	bench->layout = bpf_map__fd(skel->maps.layout);
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
	bench->forwards = bpf_map__fd(skel->maps.forwards);
	bench->acl = bpf_map__fd(skel->maps.acl);
	bench->nexthops = bpf_map__fd(skel->maps.nexthops);
	bench->seen = bpf_map__fd(skel->maps.seen);
	bench->verdicts = bpf_map__fd(skel->maps.verdicts);
	bench->traffic = bpf_map__fd(skel->maps.traffic);
	bench->generated = bpf_map__fd(skel->maps.generated);
	bench->budget = bpf_map__fd(skel->maps.budget);
	bench->rules = bpf_map__fd(skel->maps.rules);
	bench->rule_order = bpf_map__fd(skel->maps.rule_order);
	bench->rule_hits = bpf_map__fd(skel->maps.rule_hits);
	bench->fragments = bpf_map__fd(skel->maps.fragments);
	bench->fragment_use = bpf_map__fd(skel->maps.fragment_use);
	bench->phase = bpf_map__fd(skel->maps.phase);
	bench->clients = bpf_map__fd(skel->maps.clients);
	bench->client_ports = bpf_map__fd(skel->maps.client_ports);
	bench->gateway_use = bpf_map__fd(skel->maps.gateway_use);
	bench->destinations = bpf_map__fd(skel->maps.destinations);
	bench->active = bpf_map__fd(skel->maps.active);
	bench->sweep_stats = bpf_map__fd(skel->maps.sweep_stats);
	bench->check_result = bpf_map__fd(skel->maps.check_result);
}

static void *map_shared(const struct bpf_map *map, size_t row)
{
	size_t len = row * bpf_map__max_entries(map);
	void *at = mmap(NULL, len, PROT_READ | PROT_WRITE, MAP_SHARED, bpf_map__fd(map), 0);

	if (at == MAP_FAILED) {
		harness_die("mmap of a map", errno);
	}
	return at;
}

static struct session_table *map_sessions(const struct bpf_map *map,
					  const struct natgw_layout *layout, bool is_outbound)
{
	struct session_table *table = calloc(1, sizeof(*table));

	if (!table) {
		harness_die("session table", ENOMEM);
	}
	table->slots = map_shared(map, sizeof(*table->slots));
	table->count = bpf_map__max_entries(map);
	table->size = natgw_table_size_for(layout->sessions_max, layout->seed);
	table->is_outbound = is_outbound;
	return table;
}

static int attach_iterator(const struct bpf_program *prog, int map, struct bpf_link **ret_link)
{
	union bpf_iter_link_info info = { .map.map_fd = (__u32)map };
	LIBBPF_OPTS(bpf_iter_attach_opts, opts, .link_info = &info, .link_info_len = sizeof(info));

	*ret_link = bpf_program__attach_iter(prog, &opts);
	if (!*ret_link) {
		harness_die("iterator", errno);
	}
	return bpf_link__fd(*ret_link);
}

static void attach_iterators(struct bench *bench)
{
	struct natgw_bpf *skel = bench->skel;

	bench->sweep_link = attach_iterator(skel->progs.natgw_sweep, bpf_map__fd(skel->maps.walk),
					    &skel->links.natgw_sweep);
	bench->sweep_dst_link = attach_iterator(skel->progs.natgw_sweep_dst, bench->destinations,
						&skel->links.natgw_sweep_dst);
	bench->sweep_cli_link = attach_iterator(skel->progs.natgw_sweep_cli, bench->clients,
						&skel->links.natgw_sweep_cli);
	bench->sweep_frg_link = attach_iterator(skel->progs.natgw_sweep_frg, bench->fragments,
						&skel->links.natgw_sweep_frg);
}

/* As natgwd sizes them. */
static void size_maps(const struct natgw_bpf *skel, const struct natgw_layout *layout)
{
	const struct natgw_table_size size =
		natgw_table_size_for(layout->sessions_max, layout->seed);
	const __u32 sessions = layout->sessions_max;
	const __u32 slots = natgw_table_slots(&size);

	bpf_map__set_max_entries(skel->maps.outbound, slots);
	bpf_map__set_max_entries(skel->maps.inbound, slots);
	bpf_map__set_max_entries(skel->maps.walk, slots / NATGW_TABLE_STRIDE);
	memcpy((void *)&skel->rodata->session_size, &size, sizeof(size));
	bpf_map__set_max_entries(skel->maps.clients, sessions);
	bpf_map__set_max_entries(skel->maps.client_ports, sessions);
	bpf_map__set_max_entries(skel->maps.destinations,
				 sessions / NATGW_DESTINATION_SESSIONS + NATGW_DESTINATIONS_EXTRA);
}

static void load(struct bench *bench, __u32 sessions)
{
	const struct natgw_layout layout = { NATGW_LAYOUT_VERSION, sessions, BENCH_TABLE_SEED };

	bench->skel = natgw_bpf__open();
	if (!bench->skel) {
		harness_die("open of the programs", errno);
	}
	size_maps(bench->skel, &layout);
	if (natgw_bpf__load(bench->skel)) {
		harness_die("load of the programs", errno);
	}
	keep_programs(bench);
	keep_maps(bench);
	harness_set_row(bench->layout, 0, &layout);
	bench->port_use = map_shared(bench->skel->maps.port_use, sizeof(struct natgw_port_bits));
	bench->destination_use =
		map_shared(bench->skel->maps.destination_use, sizeof(struct natgw_destination_use));
	bench->hold = map_shared(bench->skel->maps.hold, sizeof(struct natgw_hold_count));
	bench->reserved_ports =
		map_shared(bench->skel->maps.reserved_ports, sizeof(struct natgw_port_bits));
	bench->outbound = map_sessions(bench->skel->maps.outbound, &layout, true);
	bench->inbound = map_sessions(bench->skel->maps.inbound, &layout, false);
	attach_iterators(bench);
}

struct bench *bench_open(__u32 sessions)
{
	struct bench *bench = calloc(1, sizeof(*bench));

	if (!bench) {
		harness_die("bench", ENOMEM);
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
	free(bench->outbound);
	free(bench->inbound);
	free(bench);
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
		harness_die("PROG_TEST_RUN", error);
	}
}
