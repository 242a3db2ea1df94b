// SPDX-License-Identifier: GPL-2.0-only
/*
 * Sending, and what it costs. CPU time and not wall time: that leaves out what else the machine
 * does. It is the time of the sending thread, in which the softirqs that it raises run, and of the
 * CPU's ksoftirqd, which takes over when they take long.
 */
#include <bpf/bpf.h>
#include <dirent.h>
#include <errno.h>
#include <pthread.h>
#include <sched.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

#include "packets.h"
#include "tests/bench/packets.skel.h"

#define SETTLE_US 1000
#define SETTLE_ROUNDS 50

static struct {
	pthread_barrier_t warm, go;
	bool over; /* one CPU has sent all: what another sends from here on has no company */
} run;

struct sender {
	pthread_t thread;
	struct packets_bpf *skel;
	const struct packets_job *job;
	int cpu;
	__u8 frame[PACKETS_FRAME_BULK];
	__u32 length;
	__u64 sent;
	__u64 cpu_ns;
	__u64 wall_ns;
};

static __u64 clock_ns(clockid_t clock)
{
	struct timespec now;

	clock_gettime(clock, &now);
	return (__u64)now.tv_sec * 1000000000ULL + (__u64)now.tv_nsec;
}

/* ---- ksoftirqd ---- */

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

/* Of the CPU's ksoftirqd; no file by that name: not to be seen here, its time is 0. */
static const char *schedstat_of(int cpu)
{
	static char paths[CPU_SETSIZE][48];
	char name[32];
	struct dirent *entry;
	DIR *proc;

	if (paths[cpu][0]) {
		return paths[cpu];
	}
	snprintf(name, sizeof(name), "ksoftirqd/%d", cpu);
	proc = opendir("/proc");
	while (proc && (entry = readdir(proc))) {
		if (is_named(entry->d_name, name)) {
			snprintf(paths[cpu], sizeof(paths[cpu]), "/proc/%.20s/schedstat",
				 entry->d_name);
		}
	}
	if (proc) {
		closedir(proc);
	}
	return paths[cpu];
}

static __u64 softirq_ns(const struct packets_job *job)
{
	__u64 sum = 0;

	for (unsigned int i = 0; i < job->cpu_count; i++) {
		FILE *file = fopen(schedstat_of(job->cpus[i]), "re");
		unsigned long long ns;

		if (!file) {
			continue;
		}
		if (fscanf(file, "%llu", &ns) == 1) { /* NOLINT(cert-err34-c): of the kernel */
			sum += ns;
		}
		fclose(file);
	}
	return sum;
}

/* ---- what has arrived ---- */

static struct packets_seen seen_by_all(void)
{
	static struct packets_seen *rows;
	struct packets_seen sum = {};
	int cpus = libbpf_num_possible_cpus();
	__u32 zero = 0;

	if (!rows) {
		rows = calloc((size_t)cpus, sizeof(*rows));
	}
	if (!rows ||
	    bpf_map_lookup_elem(bpf_map__fd(packets_generator(0)->maps.seen), &zero, rows)) {
		packets_die("counters", errno);
	}
	for (int i = 0; i < cpus; i++) {
		sum.packets += rows[i].packets;
		sum.stray += rows[i].stray;
	}
	return sum;
}

static void clear_seen(void)
{
	int cpus = libbpf_num_possible_cpus(), fd = bpf_map__fd(packets_generator(0)->maps.seen);
	struct packets_seen *rows = calloc((size_t)cpus, sizeof(*rows));
	__u32 zero = 0;

	if (!rows || bpf_map_update_elem(fd, &zero, rows, BPF_ANY)) {
		packets_die("counters", errno);
	}
	free(rows);
}

static __be32 last_source(void)
{
	int cpus = libbpf_num_possible_cpus(), fd = bpf_map__fd(packets_generator(0)->maps.seen);
	struct packets_seen *rows = calloc((size_t)cpus, sizeof(*rows));
	__be32 source = 0;
	__u32 zero = 0;

	if (!rows || bpf_map_lookup_elem(fd, &zero, rows)) {
		packets_die("counters", errno);
	}
	for (int i = 0; i < cpus; i++) {
		source = rows[i].source ? rows[i].source : source;
	}
	free(rows);
	return source;
}

/* What ksoftirqd has left to do is done soon. */
static void settle(__u64 expected)
{
	for (int i = 0; i < SETTLE_ROUNDS && seen_by_all().packets < expected; i++) {
		usleep(SETTLE_US);
	}
}

/* ---- sending ---- */

static void prepare(struct sender *sender, unsigned int index)
{
	const struct packets_job *job = sender->job;
	struct packets_plan *plan = &sender->skel->bss->plan;

	sender->length = packets_frame(job->kind, plan, sender->frame);
	plan->bits = job->bits;
	plan->first = job->first + (index << job->bits);
	plan->random = job->random;
	plan->path = job->path;
	plan->next = job->start;
}

static void pin(int cpu)
{
	cpu_set_t set;
	int error;

	CPU_ZERO(&set);
	CPU_SET(cpu, &set);
	error = pthread_setaffinity_np(pthread_self(), sizeof(set), &set);
	if (error) {
		packets_die("the CPU", error);
	}
}

static void make(const struct sender *sender, __u64 count)
{
	LIBBPF_OPTS(bpf_test_run_opts, opts, .data_in = sender->frame,
		    .data_size_in = sender->length, .repeat = (int)count,
		    .flags = BPF_F_TEST_XDP_LIVE_FRAMES);
	int error = 0;

	if (count) {
		error = bpf_prog_test_run_opts(bpf_program__fd(sender->skel->progs.packets_make),
					       &opts);
	}
	if (error) {
		packets_die("BPF_PROG_RUN", error);
	}
}

static void *sender_main(void *argument)
{
	struct sender *sender = argument;
	const struct packets_job *job = sender->job;
	__u64 chunk = job->chunk ? job->chunk : job->count, cpu_ns, wall_ns;

	pin(sender->cpu);
	make(sender, job->warm);
	pthread_barrier_wait(&run.warm);
	pthread_barrier_wait(&run.go);
	cpu_ns = clock_ns(CLOCK_THREAD_CPUTIME_ID);
	wall_ns = clock_ns(CLOCK_MONOTONIC);
	while (sender->sent < job->count && !__atomic_load_n(&run.over, __ATOMIC_RELAXED)) {
		__u64 left = job->count - sender->sent, part = left < chunk ? left : chunk;

		make(sender, part);
		sender->sent += part;
	}
	__atomic_store_n(&run.over, true, __ATOMIC_RELAXED);
	sender->cpu_ns = clock_ns(CLOCK_THREAD_CPUTIME_ID) - cpu_ns;
	sender->wall_ns = clock_ns(CLOCK_MONOTONIC) - wall_ns;
	return NULL;
}

static void start(struct sender *senders, const struct packets_job *job)
{
	pthread_barrier_init(&run.warm, NULL, job->cpu_count + 1);
	pthread_barrier_init(&run.go, NULL, job->cpu_count + 1);
	run.over = false;
	packets_generator(0)->bss->answer = job->answer;
	for (unsigned int i = 0; i < job->cpu_count; i++) {
		int error;

		senders[i].skel = packets_generator(i);
		senders[i].job = job;
		senders[i].cpu = job->cpus[i];
		prepare(&senders[i], i);
		error = pthread_create(&senders[i].thread, NULL, sender_main, &senders[i]);
		if (error) {
			packets_die("thread", error);
		}
	}
}

void packets_send(const struct packets_job *job, struct packets_result *ret_result)
{
	struct sender senders[PACKETS_CPUS_MAX] = {};
	struct packets_result result = {};
	struct packets_seen seen;
	__u64 softirq;

	clear_seen();
	start(senders, job);
	pthread_barrier_wait(&run.warm);
	settle(job->warm * job->cpu_count);
	clear_seen();
	softirq = softirq_ns(job);
	pthread_barrier_wait(&run.go);
	for (unsigned int i = 0; i < job->cpu_count; i++) {
		pthread_join(senders[i].thread, NULL);
		result.sent += senders[i].sent;
		result.cpu_ns += senders[i].cpu_ns;
		result.wall_ns =
			senders[i].wall_ns > result.wall_ns ? senders[i].wall_ns : result.wall_ns;
	}
	settle(result.sent);
	result.cpu_ns += softirq_ns(job) - softirq;
	seen = seen_by_all();
	result.delivered = seen.packets;
	result.stray = seen.stray;
	result.source = last_source();
	pthread_barrier_destroy(&run.warm);
	pthread_barrier_destroy(&run.go);
	*ret_result = result;
}
