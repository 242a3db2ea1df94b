// SPDX-License-Identifier: GPL-2.0-only
/*
 * The kernel's masquerade by nftables, in the same network: BPF_PROG_RUN makes live frames and
 * hands them to the kernel as if int0 had received them; it routes, translates and sends them out
 * of ext0, whose other end drops them. All of it runs in the calling thread, but for what ksoftirqd
 * takes over, so the CPU time of both is what the packets cost.
 */
#include <bpf/bpf.h>
#include <dirent.h>
#include <errno.h>
#include <linux/if_link.h>
#include <net/if.h>
#include <sched.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

#include "ports.h"
#include "tests/bench/generator.skel.h"

/* About 70,000 tries fill the ports; the rest is never needed and bounds the time. */
#define TRIES_MAX 100000
#define BASE_STEPS 10
#define REFUSAL_STEPS 10
/* Sessions to another destination, before anything is measured. */
#define OTHERS PORTS_STEP
#define SESSIONS (PORTS_ALL + OTHERS + PORTS_FINE_STEP)

static struct {
	struct ports_maker maker;
	char ksoftirqd[64]; /* its schedstat; empty: not to be seen here */
	__u32 others;	    /* sessions to the other destination */
} nft;

static unsigned long long read_number(const char *path)
{
	FILE *file = fopen(path, "re");
	unsigned long long number;

	if (!file || fscanf(file, "%llu", &number) != 1) { /* NOLINT(cert-err34-c): of the kernel */
		ports_die(path, errno);
	}
	fclose(file);
	return number;
}

/* ---- CPU time ---- */

static unsigned long long thread_ns(void)
{
	struct timespec now;

	clock_gettime(CLOCK_THREAD_CPUTIME_ID, &now);
	return (unsigned long long)now.tv_sec * 1000000000ULL + (unsigned long long)now.tv_nsec;
}

static bool is_named(const char *pid, const char *name)
{
	char path[64], comm[32] = "";
	FILE *file;

	snprintf(path, sizeof(path), "/proc/%.20s/comm", pid);
	file = fopen(path, "re");
	if (!file) {
		return false;
	}
	if (!fgets(comm, sizeof(comm), file)) {
		comm[0] = '\0';
	}
	fclose(file);
	comm[strcspn(comm, "\n")] = '\0';
	return !strcmp(comm, name);
}

/* Stays on this CPU, and finds the CPU's ksoftirqd. */
static void pin(void)
{
	int cpu = sched_getcpu();
	DIR *proc = opendir("/proc");
	struct dirent *entry;
	cpu_set_t set;
	char name[32];

	CPU_ZERO(&set);
	CPU_SET(cpu, &set);
	if (sched_setaffinity(0, sizeof(set), &set) || !proc) {
		ports_die("sched_setaffinity", errno);
	}
	snprintf(name, sizeof(name), "ksoftirqd/%d", cpu);
	while ((entry = readdir(proc))) {
		if (is_named(entry->d_name, name)) {
			snprintf(nft.ksoftirqd, sizeof(nft.ksoftirqd), "/proc/%.20s/schedstat",
				 entry->d_name);
		}
	}
	closedir(proc);
	if (access(nft.ksoftirqd, R_OK)) {
		nft.ksoftirqd[0] = '\0';
	}
}

static unsigned long long cpu_ns(void)
{
	return thread_ns() + (nft.ksoftirqd[0] ? read_number(nft.ksoftirqd) : 0);
}

/* ---- packets ---- */

/* The next "count" packets; what they cost. */
static unsigned long long make(enum generator_target target, __u32 count)
{
	unsigned long long before = cpu_ns();

	ports_make(&nft.maker, target, count);
	return cpu_ns() - before;
}

static void attach_sink(void)
{
	int sink = bpf_program__fd(nft.maker.skel->progs.bench_sink);

	if (bpf_xdp_attach((int)if_nametoindex("ext0p"), sink, XDP_FLAGS_DRV_MODE, NULL)) {
		ports_die("attach to ext0p", errno);
	}
}

/* ---- masquerade ---- */

static void masquerade(void)
{
	FILE *file = popen("nft -f -", "we"); /* NOLINT(cert-env33-c): fixed text */

	if (!file || fputs("table ip bench {\n"
			   "chain post {\n"
			   "type nat hook postrouting priority srcnat;\n"
			   "oifname \"ext0\" masquerade\n"
			   "}\n"
			   "}\n",
			   file) < 0) {
		ports_die("nft", errno);
	}
	if (pclose(file)) {
		ports_die("nft: the rule set was not accepted", EINVAL);
	}
}

/* To the destination. */
static __u32 sessions(void)
{
	return (__u32)read_number("/proc/sys/net/netfilter/nf_conntrack_count") - nft.others;
}

static void require_room(void)
{
	unsigned long long max = read_number("/proc/sys/net/netfilter/nf_conntrack_max");

	if (max < SESSIONS) {
		fprintf(stderr,
			"ports: net.netfilter.nf_conntrack_max is %llu: %u sessions do not fit; "
			"raise it by sysctl\n",
			max, SESSIONS);
		exit(1);
	}
}

static __u32 step(__u32 fill, __u32 count)
{
	unsigned long long ns = make(GENERATOR_KERNEL, count);
	__u32 after = sessions();

	printf("batch %u %u %u %llu\n", fill, after, count, ns);
	return after;
}

/* What the packets cost before any NAT, and some sessions to another destination. */
static void measure_base(void)
{
	ports_set_destination(&nft.maker, REMOTE_B);
	make(GENERATOR_KERNEL, OTHERS);
	for (int i = 0; i < BASE_STEPS; i++) {
		unsigned long long generator = make(GENERATOR_NONE, PORTS_STEP);

		printf("generator %u %llu\n", PORTS_STEP, generator);
		printf("forward %u %llu\n", PORTS_STEP, make(GENERATOR_KERNEL, PORTS_STEP));
	}
	masquerade();
	make(GENERATOR_KERNEL, OTHERS);
	nft.others = sessions();
	ports_set_destination(&nft.maker, REMOTE);
}

void ports_nft(void)
{
	__u32 fill = 0;

	nft.maker.bench = bench_open(1024);
	nft.maker.live = true;
	pin();
	require_room();
	ports_maker_open(&nft.maker);
	attach_sink();
	measure_base();
	for (__u32 tried = 0; fill < PORTS_ALL && tried < TRIES_MAX;) {
		__u32 count = ports_step(fill);

		tried += count;
		fill = step(fill, count);
	}
	for (int i = 0; i < REFUSAL_STEPS && fill == PORTS_ALL; i++) {
		step(fill, PORTS_FINE_STEP);
	}
	ports_maker_close(&nft.maker);
	bench_close(nft.maker.bench);
}
