/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * The packet catalogue: what becomes of every packet that somebody has thought of, one row for
 * each. The rows are run by test_catalogue.c, and printed as a page for people
 * (docs/packet-fates.md) and as JSON for the test that sends the same packets between namespaces.
 */
#ifndef NATGW_TESTS_BPF_CATALOGUE_H
#define NATGW_TESTS_BPF_CATALOGUE_H

#include <stdio.h>

#include "path.h"

struct catalogue_table {
	const struct path_case *cases;
	size_t count;
};

/* What each file of cases has at its end. */
#define CATALOGUE_TABLE(name, rows) \
	const struct catalogue_table catalogue_##name = { (rows), sizeof(rows) / sizeof((rows)[0]) }

extern const struct catalogue_table catalogue_answers;
extern const struct catalogue_table catalogue_egress;
extern const struct catalogue_table catalogue_forwards;
extern const struct catalogue_table catalogue_fragments;
extern const struct catalogue_table catalogue_fragments_bad;
extern const struct catalogue_table catalogue_icmp;
extern const struct catalogue_table catalogue_icmp_more;
extern const struct catalogue_table catalogue_link;
extern const struct catalogue_table catalogue_lists;
extern const struct catalogue_table catalogue_malformed;
extern const struct catalogue_table catalogue_one_to_one;
extern const struct catalogue_table catalogue_routes;
extern const struct catalogue_table catalogue_rules;
extern const struct catalogue_table catalogue_tcp;
extern const struct catalogue_table catalogue_udp;
extern const struct catalogue_table catalogue_way;

/* ---- words of the tables ---- */

/* A standard session stands, and has had a reply; or not yet. */
#define LIVE .state = NATGW_STATE_ESTABLISHED
#define YOUNG .state = NATGW_STATE_OPENING

/* Offsets in an untagged frame without IP options. */
#define L3(offset) (FRAME_ETH + (offset))
#define L4(offset) (FRAME_ETH + FRAME_IP + (offset))
#define POKE8(at, v) .poke = { { .offset = (at), .width = 1, .value = (v) } }
#define POKE16(at, v) .poke = { { .offset = (at), .width = 2, .value = (v) } }

/* ---- the table as a whole ---- */

/* All rows, by their ids; *ret_count is their number. Never freed. */
const struct path_case *const *catalogue_rows(size_t *ret_count);

/* The page docs/packet-fates.md. */
void catalogue_print_page(FILE *out);
/* One object for each row: its packets as they come in and as they are to leave, in hex. */
void catalogue_print_json(FILE *out);

#endif
