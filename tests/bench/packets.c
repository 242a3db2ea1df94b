// SPDX-License-Identifier: GPL-2.0-only
/* Commands from standard input, one line each; see HELP. */
#include "packets.h"

#include <arpa/inet.h>
#include <errno.h>
#include <sched.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define WORDS_MAX 20

static const char HELP[] =
	"packets: CPU time of packets on their way through a gateway. Reads commands, one a line;\n"
	"each is answered by \"ok ...\". As root.\n"
	"\n"
	"  packets serve PORT\n"
	"  packets connect SECONDS PORT ADDRESS...\n"
	"                                  real TCP connections instead: a byte each way, then a RST;\n"
	"                                  prints how many in a second\n"
	"\n"
	"A path is three network namespaces, client eth0 - int0 gateway ext0 - eth0 server, by their\n"
	"names in /run/netns. tests/bench/packets.py makes them.\n"
	"\n"
	"  path ID CLIENT SERVER           0 to 15\n"
	"  large SERVER                    counts in tc from now on, segments of GSO packets, too\n"
	"  gateway GATEWAY xdp|tc|drop     redirects from int0 to ext0 and back, or drops at int0\n"
	"  idle NAMESPACE INTERFACE N      attaches generator N (0, 1) where no packets come\n"
	"  send ID [KEY=VALUE...]\n"
	"      kind=udp|syn|bulk           udp: 64 bytes; bulk: TCP segments of 1514 in sequence\n"
	"      answer=none|reflect|synack|connect\n"
	"                                  what the server does; connect: SYN to last ACK\n"
	"      sessions=N                  a power of two up to 16777216; for each CPU\n"
	"      first=N                     number of the first session\n"
	"      order=sequential|random\n"
	"      start=N                     number of the first packet, where the order begins\n"
	"      count=N, warm=N             packets for each CPU; and before those, not measured\n"
	"      chunk=N                     packets of one call of the kernel; all\n"
	"      cpus=N[,N]                  who sends; the last CPU\n"
	"\n"
	"send is answered by: ok sent=N delivered=N stray=N cpu_ns=N wall_ns=N source=ADDRESS\n";

void packets_die(const char *what, int error)
{
	fprintf(stderr, "packets: %s: %s\n", what, strerror(error < 0 ? -error : error));
	exit(1);
}

/* ---- values ---- */

static __u64 number(const char *text)
{
	char *end;
	unsigned long long value;

	errno = 0;
	value = strtoull(text, &end, 10);
	if (errno || end == text || *end) {
		packets_die(text, EINVAL);
	}
	return value;
}

/* Place of the word in the list, which ends with NULL. */
static unsigned int choice(const char *word, const char *const *words)
{
	for (unsigned int i = 0; words[i]; i++) {
		if (!strcmp(word, words[i])) {
			return i;
		}
	}
	packets_die(word, EINVAL);
}

static __u32 bits_of(__u64 sessions)
{
	for (__u32 bits = 0; bits <= PACKETS_SESSION_BITS_MAX; bits++) {
		if (sessions == 1ULL << bits) {
			return bits;
		}
	}
	packets_die("sessions: not a power of two up to 2^24", EINVAL);
}

static void read_cpus(struct packets_job *job, char *text)
{
	char *rest = NULL;

	job->cpu_count = 0;
	for (char *word = strtok_r(text, ",", &rest); word; word = strtok_r(NULL, ",", &rest)) {
		__u64 cpu = number(word);

		if (job->cpu_count == PACKETS_CPUS_MAX || cpu >= CPU_SETSIZE) {
			packets_die(word, EINVAL);
		}
		job->cpus[job->cpu_count++] = (int)cpu;
	}
}

/* ---- commands ---- */

static void read_pair(struct packets_job *job, const char *key, char *value)
{
	static const char *const kinds[] = { "udp", "syn", "bulk", NULL };
	static const char *const answers[] = { "none", "reflect", "synack", "connect", NULL };
	static const char *const orders[] = { "sequential", "random", NULL };

	if (!strcmp(key, "kind")) {
		job->kind = choice(value, kinds);
	} else if (!strcmp(key, "answer")) {
		job->answer = choice(value, answers);
	} else if (!strcmp(key, "order")) {
		job->random = choice(value, orders) == 1;
	} else if (!strcmp(key, "sessions")) {
		job->bits = bits_of(number(value));
	} else if (!strcmp(key, "first")) {
		job->first = (__u32)number(value);
	} else if (!strcmp(key, "start")) {
		job->start = number(value);
	} else if (!strcmp(key, "count")) {
		job->count = number(value);
	} else if (!strcmp(key, "warm")) {
		job->warm = number(value);
	} else if (!strcmp(key, "chunk")) {
		job->chunk = number(value);
	} else if (!strcmp(key, "cpus")) {
		read_cpus(job, value);
	} else {
		packets_die(key, EINVAL);
	}
}

static int last_cpu(void)
{
	cpu_set_t set;
	int cpu = CPU_SETSIZE - 1;

	if (sched_getaffinity(0, sizeof(set), &set)) {
		packets_die("CPUs", errno);
	}
	while (cpu && !CPU_ISSET(cpu, &set)) {
		cpu--;
	}
	return cpu;
}

static void command_send(char **words, unsigned int count)
{
	struct packets_job job = { .count = 1 };
	struct packets_result result;
	char source[INET_ADDRSTRLEN];

	job.cpus[0] = last_cpu();
	job.cpu_count = 1;
	job.path = (__u32)number(words[1]);
	for (unsigned int i = 2; i < count; i++) {
		char *value = strchr(words[i], '=');

		if (!value) {
			packets_die(words[i], EINVAL);
		}
		*value++ = '\0';
		read_pair(&job, words[i], value);
	}
	packets_send(&job, &result);
	inet_ntop(AF_INET, &result.source, source, sizeof(source));
	printf("ok sent=%llu delivered=%llu stray=%llu cpu_ns=%llu wall_ns=%llu source=%s\n",
	       result.sent, result.delivered, result.stray, result.cpu_ns, result.wall_ns, source);
}

static void command(char **words, unsigned int count)
{
	const char *name = words[0];

	if (!strcmp(name, "send") && count >= 2) {
		command_send(words, count);
		return;
	}
	if (!strcmp(name, "path") && count == 4 && number(words[1]) < PACKETS_PATHS) {
		packets_path((__u32)number(words[1]), words[2], words[3]);
	} else if (!strcmp(name, "large") && count == 2) {
		packets_take_large(words[1]);
	} else if (!strcmp(name, "gateway") && count == 3) {
		packets_gateway(words[1], words[2]);
	} else if (!strcmp(name, "idle") && count == 4 && number(words[3]) < PACKETS_CPUS_MAX) {
		packets_idle(words[1], words[2], (unsigned int)number(words[3]));
	} else {
		packets_die(name, EINVAL);
	}
	printf("ok\n");
}

static void run_line(char *line)
{
	char *words[WORDS_MAX], *rest = NULL;
	unsigned int count = 0;

	for (char *word = strtok_r(line, " \n", &rest); word && count < WORDS_MAX;
	     word = strtok_r(NULL, " \n", &rest)) {
		words[count++] = word;
	}
	if (count) {
		command(words, count);
		fflush(stdout);
	}
}

int main(int argc, char **argv)
{
	char line[1024];

	if (argc == 3 && !strcmp(argv[1], "serve")) {
		packets_serve((__u16)number(argv[2]));
		return 0;
	}
	if (argc > 4 && !strcmp(argv[1], "connect")) {
		printf("%.0f\n", packets_connect((unsigned int)number(argv[2]),
						 (__u16)number(argv[3]), argv + 4));
		return 0;
	}
	if (argc > 1) {
		bool help = !strcmp(argv[1], "--help");

		fputs(HELP, help ? stdout : stderr);
		return help ? 0 : 2;
	}
	packets_open();
	while (fgets(line, sizeof(line), stdin)) {
		run_line(line);
	}
	packets_close();
	return 0;
}
