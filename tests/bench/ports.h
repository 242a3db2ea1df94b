/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * What a new session costs while the ports to one destination run out. A subject fills the ports of
 * one address from none to the last and prints what it measures, one value a line, for run.py. One
 * round is one process, with a network namespace of its own that ends with it. NS is for all
 * COUNT packets together, with the making of them.
 *
 *   batch FILL AFTER COUNT NS  first packets of COUNT new sessions; FILL, AFTER: sessions before
 *                              and after. FILL is PORTS_ALL: refused
 *   generator COUNT NS         the packets only made
 *   forward COUNT NS           the packets forwarded by the kernel, without NAT
 *   close COUNT NS             RSTs of clients, each frees its port at once
 *   churn COUNT MADE NS        at the last port, COUNT times: a RST, then a new session; MADE of
 *                              them got the port
 *   recheck NS PORTS           one refused packet that looks at so many ports again: all
 *   word NS PORTS              the same, of one word
 */
#ifndef NATGW_TESTS_BENCH_PORTS_H
#define NATGW_TESTS_BENCH_PORTS_H

#include <stdbool.h>

#include "generator.h"
#include "harness.h"

#define PORTS_ALL (NATGW_PORT_LAST - NATGW_PORT_FIRST + 1)
/* Packets of a batch. */
#define PORTS_STEP (PORTS_ALL / 100)
#define PORTS_FINE_STEP 128

/* All of these end the process with a message when they cannot go on. */
/* reuse: every port is in use already, towards another destination. */
void ports_natgw(bool tc, bool reuse);
void ports_nft(void);

/* Says what failed, and ends the process. */
void ports_die(const char *what, int error) __attribute__((noreturn));

/* ---- the generator (generator.bpf.c) ---- */

struct ports_maker {
	struct bench *bench;
	struct generator_bpf *skel;
	bool tc;
	bool live; /* the kernel takes the frames for received ones */
};

void ports_maker_open(struct ports_maker *maker);
void ports_maker_close(struct ports_maker *maker);
void ports_set_destination(struct ports_maker *maker, __be32 destination);
/* Runs the generator "count" times; ns for each by the kernel's clock around the runs. */
__u32 ports_make(struct ports_maker *maker, enum generator_target target, __u32 count);
/* How many to make next when "fill" sessions are there. */
__u32 ports_step(__u32 fill);

#endif
