/* SPDX-License-Identifier: GPL-2.0-only */
/* Several packets in a row, through the XDP programs or through those of tc. */
#ifndef NATGW_TESTS_BPF_WALK_H
#define NATGW_TESTS_BPF_WALK_H

#include "tables.h"

/* A cmocka state: which programs a test uses. */
struct walk_hooks {
	const char *name;
	enum bench_prog internal;
	enum bench_prog external;
	__u32 forwarded; /* return value of a packet that was sent on */
};

extern struct walk_hooks walk_xdp, walk_tc;

/* Each test twice, through XDP and through tc. */
#define WALK_TEST(function)                                                      \
	{ #function " (xdp)", function, walk_setup, walk_teardown, &walk_xdp },  \
	{                                                                        \
#function " (tc)", function, walk_setup, walk_teardown, &walk_tc \
	}

struct walk {
	struct bench *bench;
	const struct walk_hooks *hooks;
	struct frame in;
	struct frame out; /* of the last packet */
	bool answered;	  /* the last packet was dropped, and its sender gets "out" */
	struct counters before;
	struct counters diff;
};

extern struct walk walk;

/* cmocka fixtures: a bench as new; what the counters say counts from here. */
int walk_setup(void **state);
int walk_teardown(void **state);

/* Specs by the standard ports. */
struct spec walk_outbound(__u8 proto, __u8 flags);
struct spec walk_inbound(__u8 proto, __u8 flags, __u16 ext_port);

/* true: translated and sent on; then the frame is checked, and walk.out is it. */
bool walk_send(const struct spec *spec);    /* by a client */
bool walk_receive(const struct spec *spec); /* from outside */
/* By a client; the external port that the packet left with, 0: it did not leave. */
__u16 walk_port(const struct spec *spec);

/* How often a verdict was counted since walk_setup, whatever the hook. */
__u64 walk_counted(__u32 verdict);
/* walk.diff of gateway 1. */
const struct natgw_traffic *walk_traffic(void);
/* A bench as new in the middle of a test; what the counters say goes on. */
void walk_again(void);
/* Moves the clock. */
void walk_pass(__s64 ticks);
void walk_seconds(__s64 seconds);
/* The tables agree; so many inbound rows only hold their port. */
void walk_judge(__u32 held);

#endif
