/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * What packets cost on their way through a gateway, by CPU time. A path is three network namespaces
 * with fixed names of interfaces:
 *
 *   client eth0 --- int0 gateway ext0 --- eth0 server
 *
 * The generator sends out of the client's eth0, so the gateway receives in its driver, and
 * everything up to the other end's count runs on the generator's CPU: in its thread, or in that
 * CPU's ksoftirqd. Commands come line by line from standard input (packets --help); each is
 * answered by one line.
 */
#ifndef NATGW_TESTS_BENCH_PACKETS_H
#define NATGW_TESTS_BENCH_PACKETS_H

#include <stdbool.h>
#include <stdint.h>

#include "packets_plan.h"

#define PACKETS_CPUS_MAX 2 /* that send at once */

enum packets_kind {
	PACKETS_UDP,  /* 64 bytes */
	PACKETS_SYN,  /* 64 bytes, with an MSS option */
	PACKETS_BULK, /* segments of 1514 bytes, in sequence */
};

struct packets_job {
	__u32 path;
	enum packets_kind kind;
	enum packets_answer answer;
	__u32 bits; /* 2^bits sessions, of each CPU that sends */
	__u32 first;
	bool random;
	__u64 start; /* number of the first packet */
	__u64 count; /* for each CPU */
	__u64 warm;  /* sent before the measurement, for each CPU */
	__u64 chunk; /* packets of one call; so far one CPU may be behind the other at the end */
	int cpus[PACKETS_CPUS_MAX];
	unsigned int cpu_count;
};

struct packets_result {
	__u64 sent;
	__u64 delivered;
	__u64 stray;
	__u64 cpu_ns; /* of all CPUs that sent, their ksoftirqd included */
	__u64 wall_ns;
	__be32 source; /* whom the server saw last */
};

/* All of these end the process with a message when they cannot go on. */
void packets_die(const char *what, int error) __attribute__((noreturn));

/* ---- packets_paths.c ---- */

struct packets_bpf;

/* Loads the programs; sends from interfaces by their path's number from then on. */
void packets_open(void);
void packets_close(void);
/* Programs and maps of the generator that runs on the index-th CPU of those that send. */
struct packets_bpf *packets_generator(unsigned int index);
/* The namespaces are names under /run/netns. */
void packets_path(__u32 path, const char *client, const char *server);
/* From now on the server counts in tc, where it takes packets larger than the MTU and counts their
 * segments; it answers nothing there. */
void packets_take_large(const char *server);
/* A gateway that does nothing: "xdp", "tc" or "drop". */
void packets_gateway(const char *gateway, const char *how);
/*
 * The kernel makes a direct call of every XDP program that is attached or run many times, and waits
 * for some 20 ms when the set of them changes; the CPU is cold after that. So each generator is
 * attached, to an interface that gets no packets.
 */
void packets_idle(const char *namespace, const char *interface, unsigned int generator);

/* ---- packets_run.c ---- */

void packets_send(const struct packets_job *job, struct packets_result *ret_result);

/* ---- packets_sockets.c ---- */

/* Takes connections at this port of every address, sends back the first byte of each; forever. */
void packets_serve(__u16 port);
/* Makes connections to these addresses in turn for so many seconds: how many in a second. The list
 * ends with NULL. */
double packets_connect(unsigned int seconds, __u16 port, char *const *addresses);

/* ---- packets_frames.c ---- */

/* The template and what follows from it; "frame" has PACKETS_FRAME_BULK bytes. Returns how many of
 * them are sent. */
__u32 packets_frame(enum packets_kind kind, struct packets_plan *plan, __u8 *frame);

#endif
