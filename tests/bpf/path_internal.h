/* SPDX-License-Identifier: GPL-2.0-only */
/* One run of one row of a path table, and what is required of it. */
#ifndef NATGW_TESTS_BPF_PATH_INTERNAL_H
#define NATGW_TESTS_BPF_PATH_INTERNAL_H

#include "path.h"

#define PATH_XDP_PASS 2

/* A number for what each map holds that packets may change, beside the session tables. */
#define PATH_MAPS 11

struct path_maps {
	__u64 digest[PATH_MAPS];
};

struct path_state {
	struct table outbound;
	struct table inbound;
	struct counters counters;
	struct path_maps maps;
	__u32 generation;
};

/* One run of one row. */
struct path_judged {
	const struct path_case *row;
	const char *hook;
	struct bench *bench;
	bool xdp;
	bool warm;
	bool was_short; /* of a packet that was sent on from here */
	__u32 want;	/* verdict */
	struct path_packet in_packet;
	struct path_learnt learnt;
	struct frame in;
	struct bench_run run;
	struct path_state before;
	struct path_state after;
	struct counters diff;
};

/* Ends the test. */
void path_complain(const struct path_judged *j, const char *format, ...)
	__attribute__((format(printf, 2, 3), noreturn));

#define require(j, condition, ...) ((condition) ? (void)0 : path_complain(j, __VA_ARGS__))

/* all: the large ones, too. */
void path_maps_read(const struct bench *bench, bool all, struct path_maps *ret_maps);
/* NULL, or the name of the first map that is not the same in both; "but" may differ. */
const char *path_maps_changed(const struct path_maps *before, const struct path_maps *after,
			      const char *but);

/* The external port of a frame that was made of "in" on its way out. */
__u16 path_port_of(const struct frame *frame, const struct spec *in);
/* Has it left with another IP identification? */
bool path_has_new_id(const struct path_case *row, const struct spec *in);
/* The standard session that stands before. */
struct pair path_standing_pair(const struct path_case *row);
void path_require_frame(const struct path_judged *j, const struct frame *want, const char *what);
void path_require_counters(const struct path_judged *j);
void path_require_action(const struct path_judged *j);
void path_require_output(struct path_judged *j);
void path_require_tables_unchanged(const struct path_judged *j);
void path_require_tables(const struct path_judged *j);
/* Of a run with warm rows; was_short is only of what was sent on. */
void path_require_way(struct path_judged *j);

#endif
